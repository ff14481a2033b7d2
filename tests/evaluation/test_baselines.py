"""The baselines: what each says, worked by hand or from its formula, and that none is a straw man.

All incidents are SYNTHETIC: random or placed by hand, they stand for nothing that happened.
"""

from __future__ import annotations

import datetime as dt
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.base import clone

import kidnaprisk as kr
from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.evaluation import past_months
from kidnaprisk.evaluation.baselines import (
    EvenRate,
    KernelDensity,
    LastValue,
    LongRunMean,
    RegionRate,
    baselines,
)
from kidnaprisk.evaluation.past_months import learn_from_months
from kidnaprisk.evaluation.shapes import Kernel
from kidnaprisk.geodesy import ecef_km
from kidnaprisk.routes.regions import areas_km2

FIRST, LAST = dt.date(2020, 1, 1), dt.date(2022, 12, 31)
BENIN = kr.Coverage("synthetic", ("BJ",), FIRST, LAST, True)
NOW = pd.Timestamp("2023-01-15", tz="UTC")
NAMES = list(baselines())


def synthetic(lon, lat, day, delay=0, kind="kidnapping"):
    """SYNTHETIC: a table of kidnappings at places and days after 1 January 2020."""
    lon, lat, day = np.broadcast_arrays(lon, lat, day)
    date = pd.Timestamp(FIRST) + pd.to_timedelta(np.asarray(day, dtype=int), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i:05d}" for i in range(len(date))],
            "source": "synthetic",
            "kind": kind,
            "date": date,
            "date_end": date,
            "known_on": date + pd.Timedelta(days=delay),
            "country": "BJ",
        },
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )
    table.attrs["coverage"] = [BENIN.to_dict()]
    return table


def scattered(n, seed=0, days=1095, delay=5):
    """SYNTHETIC: n kidnappings, half around one town of Benin, half anywhere in its middle."""
    rng = np.random.default_rng(seed)
    around = np.arange(n) % 2 == 0
    lon = np.where(around, rng.normal(2.3, 0.05, n), rng.uniform(1.8, 2.6, n))
    lat = np.where(around, rng.normal(9.3, 0.05, n), rng.uniform(7.0, 11.0, n))
    return synthetic(lon, lat, np.sort(rng.integers(0, days, n)), delay)


def points(lon, lat):
    return gpd.GeoSeries(gpd.points_from_xy(np.atleast_1d(lon), np.atleast_1d(lat)), crs=4326)


def benin_km2():
    regions = kr.load_regions()
    return float(areas_km2(regions[regions["country"] == "BJ"]).sum())


@pytest.fixture(scope="module")
def table():
    return scattered(300)


@pytest.fixture(scope="module")
def fitted(table):
    return {name: one.fit(table) for name, one in baselines().items()}


@pytest.mark.parametrize("name", NAMES)
def test_habits_of_scikit_learn(name, table, fitted):
    model = baselines()[name]
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    with pytest.raises(ModelError, match="not fitted"):
        twin.intensity(points(2.3, 9.3), NOW)
    assert twin.fit(table) is twin
    told = fitted[name].describe()
    assert (told["incidents"], told["systematic"]) == (300, True)
    assert told["name"] == type(model).__name__


@pytest.mark.parametrize("name", NAMES)
def test_no_covered_place_is_impossible_and_none_outside_is_spoken_of(name, fitted):
    model = fitted[name]
    value = model.intensity(points([2.3, 2.0, 8.0, -60.0], [9.3, 11.0, 9.0, 0.0]), NOW)
    assert (value[:2] > 0.0).all()
    assert np.isnan(value[2:]).all()
    assert model.covers(model.covered_regions_).all()
    assert not model.covers(np.array(["no-such"], dtype=object)).any()


@pytest.mark.parametrize("name", NAMES)
def test_only_what_was_known_counts_and_order_does_not(name, table):
    as_of = pd.Timestamp("2021-12-01")
    later = (table["known_on"] > as_of).to_numpy()
    changed = table.copy()
    changed.loc[later, "geometry"] = gpd.points_from_xy(
        np.full(later.sum(), 1.9), np.full(later.sum(), 10.9)
    )
    changed = changed.sample(frac=1.0, random_state=3).reset_index(drop=True)
    changed.attrs = table.attrs
    at = points(np.linspace(1.8, 2.7, 40), np.linspace(6.6, 11.9, 40))
    ours, theirs = (
        clone(baselines()[name]).fit(one, as_of=as_of).intensity(at, NOW)
        for one in (table, changed)
    )
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_hazard_stands_still_after_the_records_and_is_asked_about_no_day_before(name, table):
    model, at = baselines()[name].fit(table, as_of="2023-06-01"), points([2.3, 2.0], [9.3, 11.0])
    # The last reports come five days late; then silence is no news.
    assert model.origin_day_ == (LAST - dt.date(1970, 1, 1)).days + 5
    later = model.intensity(at, pd.Timestamp("2030-01-01", tz="UTC"))
    assert model.intensity(at, NOW).tobytes() == later.tobytes()
    with pytest.raises(CoverageError, match="records begin on 2020-01-01"):
        model.intensity(at, pd.Timestamp("2020-01-01", tz="UTC"))
    first_days = model.intensity(at, pd.Timestamp("2020-01-02T12:00", tz="UTC"))
    assert np.isfinite(first_days).all()
    mixed = model.intensity(at, pd.DatetimeIndex(["2021-06-01", "2030-01-01"], tz="UTC"))
    before = model.intensity(at, pd.Timestamp("2021-06-01", tz="UTC"))
    assert mixed == pytest.approx([before[0], later[1]], rel=1e-12)


def test_plain_even_rate_is_incidents_over_area_and_days(table):
    # Half an incident more. Reports come five days late: as of 31 December they tell of 1,090 days.
    model = EvenRate(decay=False).fit(table, as_of="2022-12-31")
    known = (table["known_on"] <= "2022-12-31").sum()
    rate = model.intensity(points([2.3, 2.0], [9.3, 11.0]), NOW)
    assert rate == pytest.approx((known + 0.5) / (benin_km2() * 1090), rel=1e-9)


GAP = [
    kr.Coverage("synthetic", ("BJ",), FIRST, dt.date(2020, 12, 31), True),
    kr.Coverage("synthetic", ("BJ",), dt.date(2022, 1, 1), LAST, True),
]


def test_days_that_no_source_tells_of_are_no_quiet_days(table):
    """2021 is missing: 366 + 365 days are told of, the last five still waited for."""
    told = table[table["date"].dt.year != 2021]
    model = EvenRate(decay=False, coverage=GAP).fit(told, as_of="2022-12-31")
    known = (told["known_on"] <= "2022-12-31").sum()
    rate = model.intensity(points([2.3], [9.3]), NOW)
    assert rate == pytest.approx((known + 0.5) / (benin_km2() * (366 + 365 - 6)), rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_rate_that_is_the_same_all_along_is_read_so_after_a_gap(name):
    # One a day at one of ten places, but nothing is told of 2021.
    day = np.arange(0, 1096)
    table = synthetic(2.0 + 0.1 * (day % 10), 9.3 + 0.1 * (day % 7), day)
    told = table[table["date"].dt.year != 2021]
    whole, parts = (
        clone(baselines()[name]).set_params(coverage=coverage).fit(rows, as_of="2022-12-31")
        for rows, coverage in ((table, [BENIN]), (told, GAP))
    )
    at = points(2.0 + 0.1 * (day[:70] % 10), 9.3 + 0.1 * (day[:70] % 7))
    ratio = parts.intensity(at, NOW).sum() / whole.intensity(at, NOW).sum()
    # Kernels choose their width anew, and what they are multiplied by.
    assert ratio == pytest.approx(1.0, abs=0.2 if name.startswith("kde") else 0.05)


@pytest.mark.parametrize("memory", [10.0, 100.0, 1e8])
def test_faded_days_are_those_told_of_one_by_one(memory):
    table = synthetic(2.3, 9.3, np.arange(0, 1096))
    model = EvenRate(coverage=GAP).fit(table[table["date"].dt.year != 2021], as_of="2022-12-31")
    past = model._past
    first, silent = past.first_day[0], range(past.first_day[0] + 366, past.first_day[0] + 731)
    for day in (first + 300, first + 366, first + 500, first + 730, first + 735, first + 1000):
        told = [one for one in range(first, day) if one not in silent]
        # Each day's middle is half a day older than its end.
        newest = told[-1] + 1
        by_hand = sum(math.exp(-(newest - one - 0.5) / memory) for one in told)
        _, time = past.faded(day, memory)
        assert time[0] / past.km2[0] == pytest.approx(by_hand, rel=2e-3, abs=1.01), day


def test_even_rate_follows_a_country_that_worsens():
    # One a month for two years, then one a day.
    day = np.concatenate([np.arange(0, 730, 30), np.arange(730, 1095)])
    at = points(2.3, 9.3)
    table = synthetic(2.3, 9.3, day)
    a_day = [float(one.fit(table).intensity(at, NOW)[0]) * benin_km2()
             for one in (EvenRate(), EvenRate(decay=False))]  # fmt: skip
    assert a_day[1] == pytest.approx(len(day) / 1095, rel=0.01)
    assert a_day[0] == pytest.approx(1.0, rel=0.15)


def cell_km2(lat):
    return (0.2 * 111.195) ** 2 * math.cos(math.radians(lat))


def test_last_value_counts_the_last_thirty_days_of_a_cell():
    # In the cell 2.2-2.4 E, 9.2-9.4 N: two of the last month, one of last year.
    day = np.concatenate([np.arange(0, 1000, 50), [600, 1080, 1090]])
    lon = np.concatenate([np.full(20, 2.0), [2.3, 2.3, 2.35]])
    model = LastValue().fit(synthetic(lon, 9.3, day), as_of="2022-12-31")
    inside, other = model.intensity(points([2.21, 2.55], [9.39, 9.3]), NOW)
    expected = model.learned_.shape_weight * 2.0 / (30.0 * cell_km2(9.3))
    assert inside - other == pytest.approx(expected, rel=1e-6)
    assert inside > other > 0.0


def test_last_value_waits_for_reports_that_are_late():
    # Each known 20 days on: of the last 30 days told of, none of the days after 11 December.
    day = np.append(np.arange(0, 1000, 50), [1050, 1070])
    lon = np.append(np.full(20, 2.0), [2.3, 2.3])
    model = LastValue().fit(synthetic(lon, 9.3, day, delay=20), as_of="2022-12-31")
    inside, other = model.intensity(points([2.3, 2.55], [9.3, 9.3]), NOW)
    expected = model.learned_.shape_weight * 2.0 / (30.0 * cell_km2(9.3))
    assert inside - other == pytest.approx(expected, rel=1e-6)


def test_long_run_mean_divides_by_all_days():
    day = np.arange(0, 1000, 20)
    lon = np.where(np.arange(50) < 10, 2.3, 2.0)
    model = LongRunMean().fit(synthetic(lon, 9.3, day), as_of="2022-12-31")
    inside, other = model.intensity(points([2.3, 2.55], [9.3, 9.3]), NOW)
    expected = model.learned_.shape_weight * 10.0 / (1095.0 * cell_km2(9.3))
    assert inside - other == pytest.approx(expected, rel=1e-6)


def test_a_cell_on_the_border_has_only_its_covered_area():
    # Of the cell 2.6-2.8 E, 9.0-9.2 N, east of which Nigeria begins at about 2.73.
    day = np.arange(0, 1000, 20)
    model = LongRunMean().fit(synthetic(2.65, 9.1, day), as_of="2022-12-31")
    km2 = model._chosen_shape._km2
    assert 0.2 * cell_km2(9.1) < km2[0] < 1.001 * cell_km2(9.1)
    grid = np.linspace(2.6 + 0.0005, 2.8 - 0.0005, 200)
    rows = np.linspace(9.0 + 0.0005, 9.2 - 0.0005, 200)
    x, y = np.meshgrid(grid, rows)
    share = (model._past.borders.locate(x.ravel(), y.ravel()) >= 0).mean()
    assert km2[0] == pytest.approx(share * cell_km2(9.1), rel=0.1)


def plain_density(table, lon, lat, day, bandwidth_km, memory_days):
    """Faded biweights from their formula, one by one, incidents per km² per day."""
    total, h2 = 0.0, 8.0 * bandwidth_km**2
    here = ecef_km(np.array([lon]), np.array([lat]))[0]
    for _, row in table.iterrows():
        there = ecef_km(np.array([row.geometry.x]), np.array([row.geometry.y]))[0]
        c2 = float(np.sum((here - there) ** 2))
        age = day - (row["date"] - pd.Timestamp("1970-01-01")).days
        run = day - (FIRST - dt.date(1970, 1, 1)).days
        fading = (
            1.0 / run
            if math.isinf(memory_days)
            else math.exp(-age / memory_days) / memory_days / (1 - math.exp(-run / memory_days))
        )
        total += 3.0 / (math.pi * h2) * max(0.0, 1.0 - c2 / h2) ** 2 * fading
    return total


@pytest.mark.parametrize("decay", [False, True])
def test_kernel_density_is_the_sum_of_its_kernels(decay):
    table = scattered(80, seed=4)
    model = KernelDensity(decay=decay).fit(table, as_of="2022-12-31")
    lon, lat = np.array([2.3, 2.31, 2.0, 2.25]), np.array([9.3, 9.35, 8.0, 9.0])
    learned = model.learned_
    far = model.learned_.even_weight * EvenRate(decay=False).fit(
        table, as_of="2022-12-31"
    ).intensity(points(lon, lat), NOW)
    ours = model.intensity(points(lon, lat), NOW)
    known = table[(table["known_on"] <= "2022-12-31").to_numpy()]
    twin = [
        plain_density(known, x, y, model.origin_day_, **model.chosen_)
        for x, y in zip(lon, lat, strict=True)
    ]
    assert ours == pytest.approx(far + learned.shape_weight * np.array(twin), rel=1e-6)
    assert decay or model.describe()["chosen"]["memory_days"] is None


def test_a_density_adds_up_to_what_its_shape_expects_of_the_area(fitted):
    # 0.02° points over Benin, each for its km².
    lon, lat = (one.ravel() for one in np.meshgrid(np.arange(0.71, 3.9, 0.02),
                                                   np.arange(6.11, 12.5, 0.02)))  # fmt: skip
    km2 = (0.02 * 111.195) ** 2 * np.cos(np.radians(lat))
    for name in ("long-run mean", "kde decayed", "region rate"):
        model = fitted[name]
        everywhere = np.ones(len(model.covered_regions_), dtype=bool)
        learned, day = model.learned_, model.origin_day_
        total = model._chosen_shape.total(day, everywhere)[0]
        expected = learned.shape_weight * total + learned.even_weight * benin_km2() * (
            model._past.even(day)
        )
        seen = np.nansum(model.intensity(points(lon, lat), NOW) * km2)
        assert seen == pytest.approx(expected, rel=0.02), name


def test_bandwidth_follows_the_spread_of_the_records():
    day = np.arange(0, 1080, 4)
    rng = np.random.default_rng(8)
    same_places = synthetic(rng.choice([1.9, 2.1, 2.3, 2.5], 270), 9.3, day)
    anywhere = synthetic(rng.uniform(1.7, 2.6, 270), rng.uniform(6.8, 11.2, 270), day)
    assert KernelDensity().fit(same_places).chosen_["bandwidth_km"] == 3.0
    assert KernelDensity().fit(anywhere).chosen_["bandwidth_km"] >= 25.0


def test_memory_follows_how_long_a_place_stays_dangerous():
    day = np.arange(0, 1080, 4)
    rng = np.random.default_rng(9)
    # The place changes every 60 days.
    moving = rng.uniform(7.0, 11.0, 19)[day // 60]
    staying = rng.choice([7.5, 9.0, 10.5], len(day))
    assert KernelDensity().fit(synthetic(2.2, moving, day)).chosen_["memory_days"] <= 60.0
    assert KernelDensity().fit(synthetic(2.2, staying, day)).chosen_["memory_days"] >= 730.0


def test_region_rate_is_the_gamma_poisson_mean(table):
    model = RegionRate(decay=False).fit(table, as_of="2022-12-31")
    strength = model.chosen_["prior_incidents"]
    regions = kr.load_regions()
    regions = regions[regions["country"] == "BJ"].sort_values("region_id").reset_index(drop=True)
    known = table[(table["known_on"] <= "2022-12-31").to_numpy()]
    days = 1095.0 - 5.0
    mean = (len(known) + 0.5) / (benin_km2() * days)
    inside = regions.geometry.contains(points(2.3, 9.3).iloc[0])
    row = int(np.flatnonzero(inside)[0])
    n = int(known.within(regions.geometry.iloc[row]).sum())
    area = float(areas_km2(regions)[row])
    posterior = (n + strength) / (area * days + strength / mean)
    expected = model.learned_.shape_weight * posterior + model.learned_.even_weight * mean
    assert model.intensity(points(2.3, 9.3), NOW)[0] == pytest.approx(expected, rel=1e-6)


def test_weights_are_the_likeliest_ones(table):
    """Against a general optimiser, on the same past and a shape given by hand."""
    past = LongRunMean().fit(table)._past
    shape = Kernel(past, np.array([12.0]), np.array([180.0]))
    learned = learn_from_months(past, shape, 1)
    months = past_months._cut(past)
    density, total = [], np.zeros(2)
    for w, start in enumerate(months.start_day.tolist()):
        row, covered = months.targets[w], months.covered[:, w]
        total += 30 * np.array(
            [shape.total(start, covered)[0], past.even(start) * past.km2[covered].sum()]
        )
        own = shape.at(start, past.lon[row], past.lat[row], past.region[row])[:, 0]
        density.append(np.stack([own, np.full(len(row), past.even(start))], axis=1))
    foretold = np.concatenate(density)

    def loss(log_weight):
        weight = np.exp(log_weight)
        told = np.log(foretold @ weight).sum() - weight @ total
        return -(told + np.array([0.9, 0.1]) @ log_weight - weight.sum())

    best = np.exp(minimize(loss, np.zeros(2), tol=1e-12).x)
    assert [learned.shape_weight, learned.even_weight] == pytest.approx(best, rel=1e-3)
    assert learned.incidents == len(foretold) > 250
    assert learned.months == 36


def test_a_month_is_forecast_from_what_was_known_before_it(table):
    past = LongRunMean().fit(table)._past
    months = past_months._cut(past)
    for start, row in zip(months.start_day, months.targets, strict=True):
        assert (past.event_day[row] > start).all()
        assert (past.event_day[row] <= start + 30).all()
        assert (past.known_day[row] > start).all()


def test_more_targets_than_are_looked_at_stand_for_all(monkeypatch, table):
    every = RegionRate().fit(table)
    monkeypatch.setattr(past_months, "MOST_TARGETS", 150)
    some = RegionRate().fit(table)
    assert some.learned_.incidents == every.learned_.incidents > 250
    near, far = points([2.3, 2.1], [9.3, 8.0]), NOW
    assert some.intensity(near, far) == pytest.approx(every.intensity(near, far), rel=0.2)


@pytest.mark.parametrize("name", NAMES)
def test_one_record_is_answered_cautiously(name):
    model = baselines()[name].fit(synthetic([2.3], [9.3], [1000]))
    value = model.intensity(points([2.3, 2.0], [9.3, 11.0]), NOW)
    assert (value > 0.0).all()
    learned = model.learned_
    if name != "even":
        assert (learned.shape_weight, learned.even_weight) == (0.9, 0.1)
        assert math.isnan(learned.gain)
    for option, cautious in (
        ("bandwidth_km", 100.0), ("memory_days", np.inf), ("prior_incidents", 30.0),
    ):  # fmt: skip
        assert model.chosen_.get(option, cautious) == cautious


@pytest.mark.parametrize("name", NAMES)
def test_records_outside_the_coverage_leave_it_quiet_and_not_impossible(name):
    table = synthetic(8.0, 9.0, np.arange(0, 600, 30))
    value = baselines()[name].fit(table).intensity(points(2.3, 9.3), NOW)
    assert 0.0 < value[0] * benin_km2() < 0.1


def test_where_nothing_is_known_nothing_is_answered():
    table = scattered(20)
    with pytest.raises(ModelError, match="0 kidnappings known by 2019-01-01"):
        EvenRate().fit(table, as_of="2019-01-01")
    with pytest.raises(ModelError, match="as_of is not a day"):
        EvenRate().fit(table, as_of="soon")
    with pytest.raises(ModelError, match="0 kidnappings known by"):
        LastValue(coverage=[BENIN]).fit(synthetic(2.3, 9.3, np.arange(9), kind="attack"))
    silent = kr.Coverage("synthetic", ("BJ",), FIRST, LAST, True, kinds=("attack",))
    with pytest.raises(CoverageError, match="no source of these records tells of kidnappings"):
        RegionRate(coverage=[silent]).fit(table)
    nowhere = kr.Coverage("synthetic", ("Atlantis",), FIRST, LAST, True)
    with pytest.raises(CoverageError, match="do not exist"):
        LongRunMean(coverage=[nowhere]).fit(table)
    with pytest.raises(ModelError, match="decay is neither True nor False"):
        KernelDensity(decay="yes").fit(table)
    with pytest.raises(ModelError, match="no time zone"):
        EvenRate().fit(table).intensity(points(2.3, 9.3), "2023-01-01")


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.floats(1.0, 3.5), st.floats(6.5, 12.0), st.integers(0, 1094)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(NAMES),
)
def test_any_records_give_a_rate(rows, name):
    lon, lat, day = (np.array(column) for column in zip(*rows, strict=True))
    model = baselines()[name].fit(synthetic(lon, lat, day, delay=3))
    value = model.intensity(points([2.3, 1.8, 2.5], [9.3, 7.0, 11.0]), NOW)
    assert np.isfinite(value).all()
    assert (value > 0.0).all()
    assert model.learned_.shape_weight >= 0.0
