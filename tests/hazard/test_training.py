"""What the mixture learns from: windows by hand, compensator by Monte Carlo, φ by a slow way."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import nbinom

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import GEOD, ecef_km
from kidnaprisk.hazard import plain, training
from kidnaprisk.hazard.area import (
    CoveredArea,
    covered_area,
    covered_days,
    covered_gaps,
    covered_regions,
)
from kidnaprisk.hazard.em import fit_weights
from kidnaprisk.hazard.fading import Spoken, silences_of
from kidnaprisk.hazard.interval import gamma_interval
from kidnaprisk.hazard.kernels import Mixture
from kidnaprisk.hazard.places import fold
from kidnaprisk.hazard.sources import fold_records
from kidnaprisk.hazard.training import Forecasts, Records, Towns, cut_history, learn_dispersion
from kidnaprisk.routes.borders import RegionIndex
from tests.exposure import oracle

SCALES = np.array([10.0, 40.0])
MEMORIES = np.array([45.0, 400.0])


# Sources that began so long ago that every memory is full, and never end.
LONG_AGO, NEVER = -1_000_000, 1_000_000
# Days in between of which sources tell nothing: none, some months, or two years and two days.
GAPS = ((), ((18_000, 18_170),), ((17_650, 18_380), (18_600, 18_601)))


def records_of(lon, lat, error, event, known, group=0, opened=LONG_AGO, closed=NEVER, gaps=0):
    whole = (np.broadcast_to(one, len(lon)) for one in (known, group, opened, closed, gaps))
    return Records(
        np.asarray(lon, float), np.asarray(lat, float), np.asarray(error, float),
        np.asarray(event, float), *(one.astype(np.int64) for one in whole),
    )  # fmt: skip


def at_days(event, known, **given):
    n = len(event)
    return records_of(np.zeros(n), np.full(n, 14.0), np.ones(n), event, known, **given)


def folded(records):
    names = np.array([f"r{i}" for i in range(len(records.lon))])
    spoken = Spoken(*records[6:], silences_of(GAPS))
    places, order = fold(*records[:5], names, records.group, spoken, SCALES[-1], MEMORIES)
    return Records(*(column[order] for column in records)), places, order


def open_between(*days):
    """An area of one region for each (first, last) day, of no place."""
    first, last = (np.array(column, np.int64) for column in zip(*days, strict=True))
    none = np.empty(0)
    return CoveredArea(None, np.ones(len(days)), first, last, none, none, none, none)


def cut(records, origin=100, days=30):
    region = np.zeros(len(records.lon), np.int64)
    return cut_history(records, region, open_between((0, origin)), days)


def test_windows_by_hand():
    """Records end on day 100; windows of 30 days: 71–100, 41–70, 11–40; first news on day 5."""
    records = at_days([3, 10, 11, 40, 41, 70, 71, 100], [5, 12, 12, 41, 43, 70, 75, 100])
    history = cut(records)
    assert history.start_day.tolist() == [70, 40, 10]
    assert history.of_record.tolist() == [-1, -1, 2, 2, 1, 1, 0, 0]
    assert history.targets.tolist() == [6, 7, 4, 5, 2, 3]
    assert history.covered.tolist() == [[True, True, True]]


def test_context_events_are_no_targets_and_begin_no_window():
    """The same days as above, a context event among them on each, and an earlier one."""
    event, known = [3, 10, 11, 40, 41, 70, 71, 100], [5, 12, 12, 41, 43, 70, 75, 100]
    group = [0] * 8 + [1] * 9
    history = cut(at_days([*event, *event, -200], [*known, *known, -200], group=group))
    assert history.start_day.tolist() == [70, 40, 10]
    assert history.of_record.tolist() == [-1, -1, 2, 2, 1, 1, 0, 0] + [-1] * 9
    with pytest.raises(ModelError, match="nothing to learn from"):
        cut(at_days([3, 50, 80], [3, 50, 80], group=[0, 1, 1]))


def test_targets_are_thinned_evenly_over_the_windows():
    """400 a window, 12 windows: a third of them is about a third of each."""
    day = np.repeat(np.arange(3.0, 364.0, 0.9), 12)
    history = cut(at_days(day, day), origin=365)
    everyone = training.chosen_targets(history, 10**6)
    assert everyone.tolist() == history.targets.tolist()
    assert training.chosen_targets(history, len(everyone)).tolist() == everyone.tolist()
    some = training.chosen_targets(history, len(everyone) // 3)
    assert len(np.unique(some)) == len(some) == len(everyone) // 3
    assert np.isin(some, everyone).all()
    in_window = np.bincount(history.of_record[some])
    assert (np.abs(in_window - np.bincount(history.of_record[everyone]) / 3) <= 1.0).all()
    assert (np.diff(history.of_record[some]) >= 0).all()


def test_half_days_belong_to_the_window_they_fall_in():
    """Middles of two days, 70.5 and 100.5: after day 70; and after the last day, so no target."""
    history = cut(at_days([2.0, 70.0, 70.5, 100.5], [2, 71, 71, 101]))
    assert history.of_record.tolist() == [-1, 1, 0, -1]


def test_a_region_counts_only_in_the_windows_it_was_covered_in():
    """Windows 71–100, 41–70, 11–40. The second region is covered from day 40 to 99: only 41–70 is
    whole, and told of by a first day. The third from 41: no window begins after it but 71–100."""
    event = [20, 50, 80, 20, 50, 80, 20, 50, 80, 50]
    region = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, -1])
    area = open_between((0, 100), (40, 99), (41, 100))
    history = cut_history(at_days(event, np.array(event) - 10), region, area, 30)
    assert history.start_day.tolist() == [70, 40, 10]
    assert history.covered.tolist() == [
        [True, True, True], [False, True, False], [True, False, False],
    ]  # fmt: skip
    assert history.of_record.tolist() == [2, 1, 0, -1, 1, -1, -1, -1, 0, -1]
    assert history.region.tolist() == region.tolist()


def test_too_little_history_is_refused():
    for records in (at_days([80, 90], [80, 90]), at_days([3.0], [5])):
        with pytest.raises(ModelError, match="more than 30 days") as caught:
            cut(records)
        assert "window_days" in caught.value.remedy


def test_records_in_no_covered_region_are_nothing_to_learn_from():
    records = at_days([10, 50, 80], [10, 50, 80])
    with pytest.raises(ModelError, match="nothing to learn from"):
        cut_history(records, np.full(3, -1), open_between((0, 100)), 30)
    with pytest.raises(ModelError, match="nothing to learn from"):
        cut_history(records, np.array([0, 1, 1]), open_between((0, 100), (90, 100)), 30)


@given(
    st.lists(st.tuples(st.integers(0, 800), st.integers(0, 400)), min_size=2, max_size=20),
    st.integers(5, 90),
)
def test_no_target_is_known_before_its_window_begins(rows, days):
    """So none predicts itself, nor any other of its own window."""
    event, delay = (np.array(column, float) for column in zip(*rows, strict=True))
    try:
        history = cut(at_days(event, event + delay), int((event + delay).max()), days)
    except ModelError:
        return
    start = history.start_day[history.of_record[history.targets]]
    assert (start < event[history.targets]).all()
    assert (event[history.targets] <= start + days).all()
    assert (start < (event + delay)[history.targets]).all()
    assert (np.diff(start) <= 0).all()


TOWN_SCALES = np.array([5.0, 20.0])


def one_town():
    """A town 900 km away from the records, in nobody's reach."""
    one = ecef_km([5.0], [20.0])
    return Towns(np.array([5.0]), np.array([20.0]), np.ones(1), one, np.ones(1))


def densities_of(records, origin=100, days=30):
    records, places, _ = folded(records)
    history = cut(records, origin, days)
    density = training.target_densities(
        records, history, history.targets, places, SCALES, MEMORIES, one_town(), TOWN_SCALES, 1e6
    )
    return records, history, density


def row_of(records, history, event):
    """The one row of the densities that tells of the record of that day."""
    return int(np.flatnonzero(records.event_day[history.targets] == event)[0])


def test_a_target_is_told_only_what_was_known_before_its_window_began():
    """Day 75 is predicted from day 70: the record known on day 70 speaks, that of 72 does not."""
    records, history, density = densities_of(at_days([60, 69, 75], [70, 72, 76]))
    row = row_of(records, history, 75)
    by_hand = [
        np.outer(plain.biweight(np.zeros(2), sigma), np.exp(-10.0 / MEMORIES) / MEMORIES).ravel()
        for sigma in (np.sqrt(SCALES**2 + 1.0), SCALES)
    ]
    np.testing.assert_allclose(density[row], [*np.ravel(by_hand), 0.0, 0.0, 1e-6], rtol=1e-12)


def test_context_has_components_of_its_own():
    """Told on day 70 as well, from a source that began on day 20: of 45 days a memory holds 50."""
    records = at_days([60, 62, 75], [70, 70, 76], group=[0, 1, 0], opened=[LONG_AGO, 20, LONG_AGO])
    records, history, density = densities_of(records)
    row = row_of(records, history, 75)
    filled = 1.0 - np.exp(-50.0 / MEMORIES)
    faded = [np.exp(-10.0 / MEMORIES) / MEMORIES, np.exp(-8.0 / MEMORIES) / MEMORIES / filled]
    by_hand = [
        np.outer(plain.biweight(np.zeros(2), sigma), one).ravel()
        for one in faded
        for sigma in (np.sqrt(SCALES**2 + 1.0), SCALES)
    ]
    np.testing.assert_allclose(density[row], [*np.ravel(by_hand), 0.0, 0.0, 1e-6], rtol=1e-12)


def test_a_town_stands_beside_its_target():
    """A target 3 km from the town, and the other 900 km away from it."""
    records, places, _ = folded(at_days([3, 50, 80], [3, 50, 80]))
    history = cut(records)
    at = ecef_km([0.0], [14.027])
    near = Towns(np.zeros(1), np.full(1, 14.027), np.ones(1), at, np.ones(1))
    density = training.target_densities(
        records, history, history.targets, places, SCALES, MEMORIES, near, TOWN_SCALES, 1e6
    )
    chord = np.linalg.norm(at - ecef_km([0.0], [14.0]), axis=1)
    assert 2.9 < chord[0] < 3.1
    by_hand = [plain.biweight(chord, scale)[0] for scale in TOWN_SCALES]
    for row in density:
        np.testing.assert_allclose(row[-3:], [*by_hand, 1e-6], rtol=1e-12)


def test_a_record_never_predicts_itself_even_if_known_before_the_middle_of_its_window():
    """A month in doubt, days 60 to 90, told on day 66: it counts as of day 66, in 41–70, and is
    predicted from day 40 by those of days 10 and 20 alone. The middle, 75, would be predicted from
    day 70 by itself."""
    day = np.array([[10, 10, 10], [20, 20, 20], [60, 90, 66], [95, 95, 95]])
    table = pd.DataFrame(day.astype("datetime64[D]").astype("datetime64[ns]"),
                         columns=["date", "date_end", "known_on"])  # fmt: skip
    table = table.assign(lon=0.0, lat=14.0, location_error_km=1.0, incident_id=list("abcd"),
                         kind="kidnapping", source="s", country="NE", region_id="NE-x")  # fmt: skip
    parameters = {**kr.KernelMixture().get_params(), "scales_km": (10.0, 40.0),
                  "memories_days": (45.0, 400.0)}  # fmt: skip
    ever = kr.Coverage("s", ("NE",), dt.date(1800, 1, 1), dt.date(2100, 1, 1), True)
    records, places, _ = fold_records(table, [ever], NEVER, parameters)
    history = cut(records)
    density = training.target_densities(
        records, history, history.targets, places, SCALES, MEMORIES, one_town(), TOWN_SCALES, 1e6
    )
    row = row_of(records, history, 66)
    assert history.start_day[history.of_record[history.targets[row]]] == 40
    faded = np.array([plain.fade(np.array([30.0, 20.0]), m).sum() for m in MEMORIES])
    for family, sigma in enumerate((np.sqrt(SCALES**2 + 1.0), SCALES)):
        by_hand = np.outer(plain.biweight(np.zeros(2), sigma), faded).ravel()
        np.testing.assert_allclose(density[row, 4 * family :][:4], by_hand, rtol=1e-10)


def test_a_record_whose_middle_lies_after_the_origin_is_no_target_of_the_oldest_window():
    """A day after all windows, 110 of 100, is in none of them."""
    history = cut(at_days([3.0, 50.0, 80.0, 110.0], [5, 50, 80, 110]))
    assert history.of_record[3] == -1
    assert 3 not in history.targets


def table_coverage(table):
    return [kr.Coverage.from_dict(one) for one in table.attrs["coverage"]]


def setting_of(table, coverage, opened=LONG_AGO, closed=NEVER, gaps=0):
    """The invented records as arrays, with their area, windows, and 40 towns at random."""
    regions = covered_regions(coverage)
    day = table["date"].to_numpy().astype("datetime64[D]").astype(float)
    known = table["known_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
    days = covered_days(regions, coverage, int(known.max()), 0)
    area = covered_area(regions, *days, covered_gaps(regions, coverage))
    records, places, _ = folded(
        records_of(
            table.geometry.x, table.geometry.y, table["location_error_km"].astype(float),
            day, known, (table["kind"] != "kidnapping").to_numpy(), opened, closed, gaps,
        )
    )  # fmt: skip
    index = RegionIndex(regions)
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(-8.0, 12.0, 90), rng.uniform(12.0, 17.0, 90)
    inside = np.flatnonzero(index.locate(lon, lat) >= 0)[:40]
    lon, lat = lon[inside], lat[inside]
    xyz = ecef_km(lon, lat)
    by_z = np.argsort(xyz[:, 2])
    towns = Towns(lon[by_z], lat[by_z], np.full(40, 1000.0), np.ascontiguousarray(xyz[by_z]),
                  np.full(40, 1 / 40))  # fmt: skip
    history = cut_history(records, index.locate(records.lon, records.lat), area, 30)
    return records, places, towns, index.locate(towns.lon, towns.lat), area, history


def exposure_of(setting, scales=SCALES):
    records, places, towns, town_region, area, history = setting
    return training.component_exposure(
        records, history, places.silences, scales, MEMORIES, towns, TOWN_SCALES, town_region, area
    )


@pytest.fixture(scope="module")
def setting(table):
    return setting_of(table, table_coverage(table))


def test_compensator_by_monte_carlo(setting):
    """Throw points from each record's kernel, count those inside the covered regions."""
    records, _, towns, _, area, history = setting
    assert history.covered.all()
    got = exposure_of(setting)
    rng = np.random.default_rng(11)
    draws = 40
    index = RegionIndex(area.regions)

    def inside(lon, lat, sigma):
        n = len(lon)
        chord = np.sqrt(8.0 * (1.0 - np.cbrt(1.0 - rng.random((draws, n))))) * sigma
        azimuth = rng.uniform(0.0, 360.0, (draws, n))
        full = (draws, n)
        x, y, _ = GEOD.fwd(
            np.broadcast_to(lon, full), np.broadcast_to(lat, full), azimuth, 1000 * chord
        )
        return (index.locate(x.ravel(), y.ravel()) >= 0).reshape(full).mean(axis=0)

    expected = np.zeros((2, 2, 2))
    for s, scale in enumerate(SCALES):
        blurred = np.sqrt(scale**2 + records.error_km**2)
        for f, sigma in enumerate((blurred, np.full(len(blurred), scale))):
            part = inside(records.lon, records.lat, sigma)
            for start in history.start_day:
                for m, memory in enumerate(MEMORIES):
                    age = np.maximum(start - records.event_day, 0.0)
                    known = records.known_day <= start
                    spoken = np.where(known, np.exp(-age / memory) / memory, 0.0)
                    expected[f, s, m] += history.days * (part * spoken).sum()
    np.testing.assert_allclose(got[:8].reshape(2, 2, 2), expected, rtol=0.01)
    days = history.days * len(history.start_day)
    assert got[-1] == pytest.approx(days, rel=1e-12)
    for expects, scale in zip(got[-3:-1], TOWN_SCALES, strict=True):
        town = inside(towns.lon, towns.lat, np.full(40, scale)).mean()
        assert expects == pytest.approx(days * town, rel=0.03)


def test_components_far_inside_expect_what_they_fade_to(setting):
    """Sum over windows worked by a double loop; the three centres lie 60 km and more inside."""
    records, *_, history = setting
    narrow = exposure_of(setting, np.array([1.0]))
    small = records.error_km < 10.0
    total = np.zeros(2)
    for start in history.start_day:
        for day, known in zip(records.event_day, records.known_day, strict=True):
            if known <= start:
                total += history.days * np.exp(-(start - day) / MEMORIES) / MEMORIES
    assert small.any()
    np.testing.assert_allclose(narrow[:2], total, rtol=0.02)
    np.testing.assert_allclose(narrow[2:4], total, rtol=0.02)


def test_exposure_counts_only_the_windows_in_which_a_region_was_covered(table):
    """Niger from 2021 to 2022, Mali and Burkina throughout: records, towns and floor of Niger have
    that long to be followed in, whatever was known before."""
    cover = [
        kr.Coverage("synthetic", ("BF", "ML"), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True),
        kr.Coverage("synthetic", ("NE",), dt.date(2021, 1, 1), dt.date(2022, 6, 30), True),
    ]
    setting = setting_of(table, cover)
    records, _, towns, _, area, history = setting
    niger = (area.regions["country"] == "NE").to_numpy()
    first, last = 18628, 19173  # 2021-01-01, 2022-06-30
    got = exposure_of(setting, np.array([1.0]))
    index = RegionIndex(area.regions)
    home = index.locate(records.lon, records.lat)
    total, floor, town_days = np.zeros(2), 0.0, np.zeros(len(towns.lon))
    town_home = index.locate(towns.lon, towns.lat)
    share_niger = area.region_km2[niger].sum() / area.region_km2.sum()
    for start in history.start_day:
        is_open = first <= start and start + 30 <= last
        floor += 30 * (1.0 if is_open else 1.0 - share_niger)
        town_days += 30 * np.where(niger[town_home], is_open, True)
        for i in np.flatnonzero(records.known_day <= start):
            # In no region: as much as is covered at all.
            closed = (1.0 - share_niger) if home[i] < 0 else float(not niger[home[i]])
            part = 1.0 if is_open else closed
            total += part * 30 * np.exp(-(start - records.event_day[i]) / MEMORIES) / MEMORIES
    assert got[-1] == pytest.approx(floor, rel=1e-12)
    inside = area.fraction_inside(towns.lon, towns.lat, np.full(40, 20.0))
    assert got[-2] == pytest.approx((inside * town_days).sum() / 40, rel=1e-12)
    np.testing.assert_allclose(got[:2], total, rtol=0.02)
    np.testing.assert_allclose(got[2:4], total, rtol=0.02)
    # And only records of those windows are targets.
    there = niger[home[history.targets]]
    assert there.any()
    event = records.event_day[history.targets][there]
    assert event.min() > first
    assert event.max() <= last


def test_exposure_by_a_slow_loop_over_windows_and_records(mixed_table):
    """From the definition, exactly: two groups, two families, sources that begin, pause and end
    within the history, regions covered for parts of it, records in none of them."""
    cover = [
        kr.Coverage("synthetic", ("BF", "ML"), dt.date(2018, 1, 1), dt.date(2020, 6, 30), True),
        kr.Coverage("synthetic", ("BF", "ML"), dt.date(2020, 9, 1), dt.date(2023, 12, 31), True),
        kr.Coverage("synthetic", ("NE",), dt.date(2020, 1, 1), dt.date(2022, 6, 30), True),
    ]
    rng = np.random.default_rng(6)
    table = mixed_table.copy()
    strays = rng.random(700) < 0.05
    table.loc[strays, "geometry"] = gpd.points_from_xy(
        np.full(strays.sum(), 2.3), [8.0] * strays.sum()
    )
    first = table["date"].to_numpy().astype("datetime64[D]").astype(int)
    known = table["known_on"].to_numpy().astype("datetime64[D]").astype(int)
    opened = np.minimum(rng.choice([17_000, 17_532, 18_000, 18_500], 700), first)
    closed = np.maximum(rng.choice([18_300, 18_900, 19_700], 700), known)
    gaps = rng.integers(0, 3, 700)
    # Its gaps follow the first day of a source, and hold no day on which its record was known.
    for row, first_gap in ((1, 18_000), (2, 17_650)):
        spoils = [(a <= known) & (known <= b) for a, b in GAPS[row]]
        gaps[(gaps == row) & ((opened >= first_gap) | np.any(spoils, axis=0))] = 0
    setting = setting_of(table, cover, opened, closed, gaps)
    records, _, _, _, area, history = setting
    home = RegionIndex(area.regions).locate(records.lon, records.lat)
    assert (home < 0).any()
    assert not history.covered.all()
    assert min(np.bincount(records.silence_row)) > 50
    summer = [start + 30 >= 18_444 and start + 1 <= 18_505 for start in history.start_day]
    burkina = (area.regions["country"] == "BF").to_numpy()
    assert (history.covered[burkina] == ~np.array(summer)).all()
    sigmas = [[np.hypot(scale, records.error_km) for scale in SCALES],
              [np.full(len(home), scale) for scale in SCALES]]  # fmt: skip
    inside = np.array(
        [[area.fraction_inside(records.lon, records.lat, one) for one in row] for row in sigmas]
    )[..., None]
    got = exposure_of(setting)
    want = np.zeros((2, 2, 2, 2))
    floor = 0.0
    open_share = [area.region_km2[row].sum() / area.area_km2 for row in history.covered.T]
    for w, start in enumerate(history.start_day.tolist()):
        floor += 30 * open_share[w]
        for i in range(len(home)):
            if records.known_day[i] > start:
                continue
            day = min(start, records.close_day[i])
            told_nothing = GAPS[records.silence_row[i]]
            day = next((a - 1 for a, b in told_nothing if a <= day <= b), day)
            share = open_share[w] if home[i] < 0 else float(history.covered[home[i], w])
            faded = np.exp(-(day - records.event_day[i]) / MEMORIES) / MEMORIES
            filled = 1.0 - np.exp(-max(day - records.open_day[i], 30) / MEMORIES)
            for a, b in told_nothing:
                if b < day:
                    filled -= np.exp(-(day - b) / MEMORIES) - np.exp(-(day - a + 1) / MEMORIES)
            faded /= np.maximum(filled, 1.0 - np.exp(-30.0 / MEMORIES))
            want[records.group[i]] += 30 * share * faded * inside[:, :, i]
    np.testing.assert_allclose(got[:16].reshape(want.shape), want, rtol=1e-9)
    assert got[-1] == pytest.approx(floor, rel=1e-12)


def slow_forecasts(model):
    """Counts, means and n_eff by region and window, from the plain formula over the raster."""
    regions = model._region_index().regions
    area = covered_area(regions, model.covered_from_, model.covered_until_)
    records, towns, hazard = model.records_, model.towns_, oracle.Hazard(model)
    kidnapping = (records["kind"] == "kidnapping").to_numpy()
    day, known = hazard.event, hazard.known
    region = RegionIndex(regions).locate(records["lon"].to_numpy(), records["lat"].to_numpy())
    n_regions, shape = len(regions), (2, len(model.scales_km))
    held = np.zeros((n_regions, *shape, len(records)))
    still = np.zeros(n_regions)
    for r in range(n_regions):
        here = area.cell_region == r
        cells, km2 = ecef_km(area.cell_lon[here], area.cell_lat[here]), area.cell_km2[here]
        chord = np.linalg.norm(cells[:, None] - hazard.xyz[None], axis=2)
        for kind in np.ndindex(shape):
            held[(r, *kind)] = km2 @ plain.biweight(chord, np.sqrt(hazard.sigma2[kind])[None])
        close = np.abs(towns.xyz - cells.mean(axis=0)).max(axis=1) < 900.0
        to_town = np.linalg.norm(cells[:, None] - towns.xyz[None, close], axis=2)
        still[r] = model.floor_weight_ * km2.sum() / area.area_km2
        for weight, scale in zip(model.town_weights_, model.town_scales_km, strict=True):
            still[r] += weight * (km2 @ plain.biweight(to_town, scale) @ towns.share[close])
    parts = []
    for w in range(60):
        start = model.origin_day_ - model.window_days * (w + 1)
        if start < known[kidnapping].min():
            break
        kept = (model.covered_from_ <= start) & (model.covered_until_ >= start + model.window_days)
        a = model.window_days * np.einsum("afsi,fsi->ai", held, hazard.strength(start))
        mean = a.sum(axis=1) + model.window_days * still
        happened = (day > start) & (day <= start + model.window_days) & (region >= 0) & kidnapping
        count = np.bincount(region[happened], minlength=n_regions)
        a = a[:, kidnapping]
        square = (a**2).sum(axis=1)
        n_eff = np.where(square > 0, a.sum(axis=1) ** 3 / np.where(square > 0, square, 1), 0.0)
        n_eff /= np.where(mean > 0, mean, 1.0)
        parts.append((count[kept], mean[kept], n_eff[kept]))
    return Forecasts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def unlikelihood(phi, forecasts):
    """Minus the log-likelihood of the counts by scipy's own negative binomial."""
    used = forecasts.mean > 0.01
    mean = forecasts.mean[used]
    shape = 1.0 / (1.0 / (forecasts.n_effective[used] + 0.5) + phi)
    return -nbinom.logpmf(forecasts.seen[used], shape, shape / (shape + mean)).sum()


def likeliest_dispersion(forecasts):
    """φ of the negative binomial, over a grid and then downhill in log φ."""

    def loss(phi):
        return unlikelihood(phi, forecasts)

    grid = np.concatenate([[0.0], np.geomspace(1e-4, 45.0, 60)])
    value = [loss(phi) for phi in grid]
    best = grid[int(np.argmin(value))]
    if best == 0.0:
        return 0.0
    found = minimize(lambda x: loss(np.exp(x[0])), [np.log(best)], method="Nelder-Mead",
                     options={"xatol": 1e-8, "fatol": 1e-10})  # fmt: skip
    return float(np.exp(found.x[0])) if found.fun < value[0] else 0.0


@pytest.mark.parametrize("name", ["model", "mixed_model", "catalogue_model"])
def test_dispersion_of_a_model_by_a_slow_way(name, request):
    """Forecasts from the plain formula, φ by another optimiser."""
    fitted = request.getfixturevalue(name)
    phi = likeliest_dispersion(slow_forecasts(fitted))
    assert fitted.dispersion_ == pytest.approx(phi, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", ["model", "mixed_model"])
def test_past_forecasts_by_a_slow_way(name, request):
    model = request.getfixturevalue(name)
    forecasts = slow_forecasts(model)
    last_day = (model.as_of_ - pd.Timestamp("1970-01-01")).days
    records, places, _ = fold_records(model.records_, model.coverage_, last_day, model.get_params())
    regions = model._region_index().regions
    area = covered_area(regions, model.covered_from_, model.covered_until_)
    history = cut_history(records, RegionIndex(regions).locate(records.lon, records.lat), area, 30)
    memories = np.array(model.memories_days)
    got = training.past_forecasts(
        history, places, Mixture(np.array(model.scales_km) ** 2, memories, model.weights_),
        model.towns_, np.array(model.town_scales_km), model.town_weights_, model.floor_weight_,
        area,
    )  # fmt: skip
    assert len(got.mean) == len(forecasts.mean)
    assert len(got.mean) > 500
    assert got.seen.tolist() == forecasts.seen.tolist()
    np.testing.assert_allclose(got.mean, forecasts.mean, rtol=1e-8)
    np.testing.assert_allclose(got.n_effective, forecasts.n_effective, rtol=1e-8, atol=1e-12)


def drawn(phi, seed, n=4000, effective=(1.0, 30.0)):
    """SYNTHETIC counts about forecasts of 0.02 to 8: a Gamma of that dispersion, then Poisson."""
    rng = np.random.default_rng(seed)
    mean, n_eff = np.exp(rng.uniform(np.log(0.02), np.log(8.0), n)), rng.uniform(*effective, n)
    shape = 1.0 / (1.0 / (n_eff + 0.5) + phi)
    return Forecasts(rng.poisson(rng.gamma(shape, mean / shape)), mean, n_eff)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("phi", [0.0, 0.1, 0.3, 1.0, 4.0])
def test_dispersion_is_the_likeliest_and_near_the_true_one(phi, seed):
    forecasts = drawn(phi, seed, n=20_000)
    learned = learn_dispersion(forecasts)
    assert learned == pytest.approx(likeliest_dispersion(forecasts), rel=1e-4, abs=2e-5)
    assert learned == pytest.approx(phi, rel=0.15, abs=0.03)
    # The likelihood ratio of the truth: χ² of one degree, beyond 10.8 once in a thousand.
    ratio = 2.0 * (unlikelihood(phi, forecasts) - unlikelihood(learned, forecasts))
    assert -1e-3 < ratio < 10.8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_counts_about_sure_forecasts_have_no_dispersion(seed):
    rng = np.random.default_rng(seed)
    mean = rng.uniform(0.02, 8.0, 4000)
    assert learn_dispersion(Forecasts(rng.poisson(mean), mean, np.full(4000, 1e9))) < 0.01


def test_cells_with_next_to_no_forecast_do_not_speak():
    forecasts = drawn(0.3, 1, n=500)
    more = Forecasts(
        np.append(forecasts.seen, [60, 80]), np.append(forecasts.mean, [0.0099, 0.0]),
        np.append(forecasts.n_effective, [0.0, 0.0]),
    )  # fmt: skip
    assert learn_dispersion(more) == learn_dispersion(forecasts)
    assert learn_dispersion(Forecasts(*(column[-2:] for column in more))) == 0.0


def test_dispersion_has_an_end():
    """One cell, a thousand where a thousandth was expected: some number, not infinity, and not so
    large that more of it would narrow an interval."""
    wild = Forecasts(np.array([1000, 0, 0]), np.array([0.02, 0.02, 5.0]), np.full(3, 9.0))
    largest = learn_dispersion(wild)
    assert 8.9 < largest <= 9.0
    for effective in (0.0, 0.5, 3.0, 50.0, 1e9):
        ends = [
            gamma_interval(np.ones(1), np.full(1, effective), phi)[1][0]
            for phi in np.linspace(0.0, largest, 200)
        ]
        assert (np.diff(ends) > 0.0).all()


def simulated(seed: int, weight=0.6, memory=400.0, scale=20.0, days=6000):
    """SYNTHETIC: a branching process in the middle of Niger and Mali, each record followed by
    ``weight`` others, ``scale`` km and about ``memory`` days away, on an even background."""
    rng = np.random.default_rng(seed)
    coverage = kr.Coverage(
        "synthetic", ("NE", "ML", "BF"), dt.date(2005, 1, 1), dt.date(2021, 6, 1), True
    )
    day = np.zeros(len(covered_regions([coverage])), dtype=np.int64)
    area = covered_area(covered_regions([coverage]), day, day)
    n = rng.poisson(300)
    cell = rng.choice(len(area.cell_lon), n, p=area.cell_km2 / area.cell_km2.sum())
    lon = area.cell_lon[cell] + rng.uniform(-0.125, 0.125, n)
    lat = area.cell_lat[cell] + rng.uniform(-0.125, 0.125, n)
    points = list(zip(lon, lat, rng.uniform(0, days, n), strict=True))
    at = 0
    while at < len(points):
        x, y, t = points[at]
        at += 1
        for _ in range(rng.poisson(weight)):
            chord = np.sqrt(8.0 * (1.0 - np.cbrt(1.0 - rng.random()))) * scale
            u, v, _ = GEOD.fwd(x, y, rng.uniform(0, 360), 1000 * chord)
            later = t + rng.exponential(memory)
            if later < days:
                points.append((u, v, later))
    lon, lat, day = np.array(points).T
    when = pd.Timestamp("2005-01-02") + pd.to_timedelta(np.floor(day), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i}" for i in range(len(lon))], "source": "synthetic",
            "kind": "kidnapping", "date": when, "date_end": when, "known_on": when,
            "location_error_km": 0.0, "country": "NE",
        },
        geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326",
    )  # fmt: skip
    table.attrs["coverage"] = [coverage.to_dict()]
    return table


@pytest.mark.parametrize("seed", [1, 2])
def test_it_recovers_the_process_that_records_were_made_by(seed):
    """SYNTHETIC. Offspring 0.6 at 20 km and 400 days; windows blur the memory a little."""
    table = simulated(seed)
    model = kr.KernelMixture(
        scales_km=(10.0, 20.0, 80.0), memories_days=(45.0, 400.0), window_days=10
    ).fit(table)
    assert model.converged_
    assert model.weights_.sum() == pytest.approx(0.6, abs=0.12)
    assert model.weights_[0, :, 1].sum() > 0.6 * model.weights_.sum()  # most at the true scale
    assert model.weights_[..., 1].sum() > 0.6 * model.weights_.sum()  # and the true memory
    of_towns = model.town_weights_.sum()
    assert (model.floor_weight_ + of_towns) * 6000 == pytest.approx(300, rel=0.3)
    assert model.floor_weight_ > 3 * of_towns  # nothing was drawn to towns


@pytest.mark.parametrize("seed", [1, 2])
def test_a_poisson_world_has_next_to_no_dispersion(seed):
    table = simulated(seed, weight=0.0)
    model = kr.KernelMixture(scales_km=(20.0, 80.0), memories_days=(400.0,)).fit(table)
    assert model.dispersion_ < 0.5


def test_predicted_and_counted_agree(setting):
    records, places, towns, _, area, history = setting
    density = training.target_densities(
        records, history, history.targets, places, SCALES, MEMORIES, towns, TOWN_SCALES,
        area.area_km2,
    )  # fmt: skip
    exposure = exposure_of(setting)
    prior = np.array([0.0] * 10 + [1.0])
    fitted = fit_weights(density, exposure, prior)
    targets = (history.of_record >= 0).sum()
    assert targets == len(density) == len(history.targets)
    assert fitted.values @ exposure == pytest.approx(targets + 1, rel=1e-9)
