"""KernelMixture as a user meets it: scikit-learn's habits, units, as-of, edges and errors."""

from __future__ import annotations

import copy
import datetime as dt
import pickle  # noqa: TID251 what workers are sent is ours

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import kidnaprisk as kr
from kidnaprisk.errors import CoverageError, IncidentError, KidnapRiskError, ModelError
from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard import plain
from kidnaprisk.hazard.area import covered_area
from kidnaprisk.hazard.pieces import Pieces
from kidnaprisk.hazard.state import to_state
from kidnaprisk.incidents.coverage import coverage_of
from tests.exposure import oracle

SMALL = {"scales_km": (20.0, 80.0), "memories_days": (180.0,)}


def points(lon, lat, crs="EPSG:4326"):
    return gpd.GeoSeries(gpd.points_from_xy(np.atleast_1d(lon), np.atleast_1d(lat)), crs=crs)


def area_of(model):
    return covered_area(model._region_index().regions, model.covered_from_, model.covered_until_)


def bytes_of(model):
    arrays, _ = to_state(model)
    learned = {k: v for k, v in arrays.items() if not k.startswith("network")}
    rest = np.array([model.floor_weight_, model.dispersion_, model.origin_day_])
    return {**{k: (v.dtype, v.tobytes()) for k, v in learned.items()}, "rest": rest.tobytes()}


# scikit-learn's habits


def test_parameters_are_kept_as_given_and_fit_gives_the_model_itself(table):
    scales = [20.0, 80.0]
    model = kr.KernelMixture(scales_km=scales, memories_days=np.array([180.0]))
    before = {k: copy.deepcopy(v) for k, v in model.get_params().items()}
    assert model.scales_km is scales
    assert model.fit(table) is model
    for key, value in model.get_params().items():
        assert np.array_equal(value, before[key]) if key != "coverage" else value is before[key]
    assert all(name.endswith("_") or name.startswith("_") or name in before for name in vars(model))


def test_clone_and_set_params(table):
    fitted = kr.KernelMixture(**SMALL).fit(table)
    twin = clone(fitted)
    assert not hasattr(twin, "weights_")
    assert twin.get_params() == fitted.get_params()
    assert bytes_of(twin.fit(table)) == bytes_of(fitted)
    assert twin.set_params(window_days=60) is twin
    assert twin.window_days == 60
    cover = (kr.Coverage("synthetic", ("NE",), dt.date(2018, 1, 1), dt.date(2023, 1, 1), True),)
    assert clone(kr.KernelMixture(coverage=cover)).coverage == cover
    with pytest.raises(ValueError, match="scale"):
        twin.set_params(scale=3)
    assert "KernelMixture" in repr(twin)


def test_fitting_again_forgets_the_first_fit(table, make_table):
    other = kr.validate_incidents(make_table(150, seed=9))
    model = kr.KernelMixture(**SMALL).fit(other)
    model.standing(pd.Timestamp("2022-01-01", tz="UTC"), 10.0)
    assert bytes_of(model.fit(table)) == bytes_of(kr.KernelMixture(**SMALL).fit(table))
    standing = model.standing(pd.Timestamp("2022-01-01", tz="UTC"), 10.0)
    fresh = (
        kr.KernelMixture(**SMALL).fit(table).standing(pd.Timestamp("2022-01-01", tz="UTC"), 10.0)
    )
    assert standing._intensity.tobytes() == fresh._intensity.tobytes()


def test_a_fit_that_fails_leaves_the_model_as_it_was(table):
    model = kr.KernelMixture(**SMALL).fit(table)
    before, described = bytes_of(model), model.describe()
    with pytest.raises(ModelError):
        model.fit(table, as_of="2018-01-02")
    with pytest.raises(ModelError, match="towns"):
        model.set_params(town_population=10**9).fit(table, as_of="2021-06-30")
    assert bytes_of(model) == before
    assert model.describe() == described


@pytest.mark.parametrize(
    "step",
    ["covered_area", "fold_records", "town_sources", "fit_weights", "rounded", "network_inside",
     "training.past_forecasts", "training.learn_dispersion"],
)  # fmt: skip
def test_a_fit_that_fails_at_any_step_leaves_the_model_as_it_was(
    table, make_table, monkeypatch, step
):
    """Attributes are set when all are worked out, so there is no half of a model."""
    from kidnaprisk.hazard import learn

    model = kr.KernelMixture(**SMALL).fit(table)
    at, when = points([2.0, 8.0], [14.0, 14.2]), "2022-01-01T00:00Z"
    before, answer = bytes_of(model), model.intensity(at, when)
    held = {name: id(value) for name, value in vars(model).items() if name.endswith("_")}

    def fails(*_, **__):
        raise ModelError("no", remedy="none")

    monkeypatch.setattr(f"{learn.__name__}.{step}", fails)
    with pytest.raises(ModelError, match="no"):
        model.fit(kr.validate_incidents(make_table(150, seed=9)))
    monkeypatch.undo()
    assert {name: id(value) for name, value in vars(model).items() if name.endswith("_")} == held
    assert bytes_of(model) == before
    assert model.intensity(at, when).tobytes() == answer.tobytes()


def test_a_first_fit_that_fails_leaves_the_model_unfitted(make_table):
    model = kr.KernelMixture(**SMALL)
    with pytest.raises(ModelError):
        model.fit(make_table(4))
    with pytest.raises(ModelError, match="not fitted"):
        model.describe()
    assert not [name for name in vars(model) if name.endswith("_")]


def test_weights_have_nine_digits_and_those_of_nothing_are_zero(model, catalogue_model):
    """More digits differ from processor to processor; under a millionth of a record is none."""
    for fitted in (model, catalogue_model):
        weights = [*fitted.weights_.ravel(), *fitted.town_weights_, fitted.floor_weight_]
        numbers = [
            *weights,
            *fitted.unit_expected_,
            fitted.dispersion_,
            fitted.covered_area_km2_,
            fitted.log_likelihood_,
        ]
        assert all(float(f"{number:.9g}") == number for number in numbers)
        brings = np.array(weights) * fitted.unit_expected_
        assert ((brings == 0.0) | (brings >= 1e-6 * (1.0 - 1e-8))).all()
        assert (brings == 0.0).any()


def test_fit_leaves_the_table_alone(table):
    before = table.copy(deep=True)
    kr.KernelMixture(**SMALL).fit(table)
    pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(before))
    assert table.attrs == before.attrs


def test_a_model_can_be_pickled_to_other_processes_and_copied(model):
    at, when = points([3.0], [14.0]), "2022-01-01T00:00Z"
    model.intensity(at, when)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.intensity(at, when).tobytes() == model.intensity(at, when).tobytes()


# as-of


def test_nothing_known_later_changes_a_bit(table):
    as_of = pd.Timestamp("2021-06-30")
    fitted = kr.KernelMixture(**SMALL).fit(table, as_of=as_of)
    later = (table["known_on"] > as_of).to_numpy()
    assert 30 < later.sum() < 370
    rng = np.random.default_rng(0)
    moved = table.copy()
    moved.loc[later, "geometry"] = gpd.points_from_xy(
        rng.uniform(-3, 10, later.sum()), rng.uniform(12, 18, later.sum())
    )
    moved.loc[later, "date"] = pd.Timestamp("2020-01-01")
    moved.loc[later, "location_error_km"] = 77.0
    moved.loc[later, "country"] = "BF"
    shuffled = moved.sample(frac=1.0, random_state=1)
    dropped = table[~later]
    for changed in (moved, shuffled, dropped):
        changed.attrs = dict(table.attrs)
        again = kr.KernelMixture(**SMALL).fit(changed, as_of=as_of)
        assert bytes_of(again) == bytes_of(fitted)
        at = points(np.linspace(1, 9, 50), np.full(50, 14.2))
        for when in ("2021-03-03T00:00Z", "2023-03-03T00:00Z"):
            assert again.intensity(at, when).tobytes() == fitted.intensity(at, when).tobytes()


def test_nothing_known_later_changes_a_coverage_derived_from_rows(table):
    """Without a declared coverage the rows tell it: but only those known by then may."""
    as_of = pd.Timestamp("2021-06-30")
    bare = table.copy()
    bare.attrs = {}
    early = bare[bare["known_on"] <= as_of].copy()
    late = bare.copy()
    late.loc[late["known_on"] > as_of, "country"] = "NG"
    first = kr.KernelMixture(**SMALL).fit(early, as_of=as_of)
    second = kr.KernelMixture(**SMALL).fit(late, as_of=as_of)
    assert second.covered_regions_.tolist() == first.covered_regions_.tolist()
    assert bytes_of(second) == bytes_of(first)


def test_a_coverage_derived_before_is_derived_again_from_what_was_known(table):
    """A table read earlier carries the coverage of all of its rows: later ones must not speak."""
    as_of = pd.Timestamp("2021-06-30")
    bare = table.copy()
    bare.attrs = {}
    late = bare.copy()
    late.loc[late["known_on"] > as_of, "country"] = "NG"
    late.attrs = {"coverage": [one.to_dict() for one in coverage_of(late)]}
    assert "NG" in late.attrs["coverage"][0]["areas"]
    early = bare[bare["known_on"] <= as_of].copy()
    first = kr.KernelMixture(**SMALL).fit(early, as_of=as_of)
    second = kr.KernelMixture(**SMALL).fit(late, as_of=as_of)
    assert second.covered_regions_.tolist() == first.covered_regions_.tolist()
    assert second.covered_until_.tolist() == first.covered_until_.tolist()
    assert bytes_of(second) == bytes_of(first)


def test_a_coverage_derived_beside_a_declared_one_does_not_know_the_future_either(table):
    """Two sources, one declared, one derived from rows of which half are not known yet."""
    as_of = pd.Timestamp("2021-06-30")
    both = table.copy()
    both.loc[both.index[::2], "source"] = "another"
    late = both.copy()
    late.loc[(late["known_on"] > as_of) & (late["source"] == "another"), "country"] = "NG"
    for one in (both, late):
        one.attrs = {}
    derived = [c.to_dict() for c in coverage_of(late) if c.source == "another"]
    late.attrs = {"coverage": [*table.attrs["coverage"], *derived]}
    model = kr.KernelMixture(**SMALL).fit(late, as_of=as_of)
    assert not any(name.startswith("NG") for name in model.covered_regions_)


def test_the_past_is_asked_as_it_was_known_then(model, table):
    """On day t only records known by the day before speak; worked from the plain formula."""
    began, ended = (
        np.full(400, float(_day(pd.Timestamp(day))))
        for day in ("2018-01-01", table["known_on"].max())
    )
    for day in ("2019-05-05", "2021-10-10"):
        origin = float(_day(pd.Timestamp(day)) - 1)
        at = np.array([[2.0, 14.0], [4.1, 14.6], [8.3, 14.1]])
        records = plain.record_densities(
            ecef_km(*at.T), np.full(3, origin), ecef_km(table.geometry.x, table.geometry.y),
            table["location_error_km"].to_numpy(float),
            table["date"].to_numpy().astype("datetime64[D]").astype(float),
            table["known_on"].to_numpy().astype("datetime64[D]").astype(float),
            np.zeros(400, np.int64), began, ended, [()] * 400,
            model.scales_km, model.memories_days, model.weights_,
        ).sum(axis=1)  # fmt: skip
        chord = np.linalg.norm(ecef_km(*at.T)[:, None] - model.towns_.xyz[None], axis=2)
        towns = sum(
            weight * plain.biweight(chord, scale) @ model.towns_.share
            for weight, scale in zip(model.town_weights_, (8.0, 40.0), strict=True)
        )
        expected = records + towns + model.floor_weight_ / model.covered_area_km2_
        got = model.intensity(points(*at.T), f"{day}T00:00Z")
        np.testing.assert_allclose(got, expected, rtol=1e-9)
        assert model.intensity(points(*at.T), f"{day}T23:59Z").tolist() == got.tolist()


def test_the_hazard_stands_still_after_the_records_end(model):
    at = points([2.0, 4.0], [14.0, 14.5])
    end = pd.Timestamp(model.origin_day_, unit="D", tz="UTC")
    first = model.intensity(at, end + pd.Timedelta(days=1))
    assert model.intensity(at, "2030-07-01T12:00Z").tolist() == first.tolist()
    assert model.intensity(at, "2199-07-01T12:00Z").tolist() == first.tolist()
    assert model.intensity(at, end - pd.Timedelta(days=200)).tolist() != first.tolist()


def test_before_the_records_begin_nothing_is_known(model):
    at = points([2.0], [14.0])
    for when in ("2017-12-31T23:59Z", "2018-01-01T23:59Z", "1950-01-01T00:00Z"):
        with pytest.raises(CoverageError, match="begin on 2018-01-01") as caught:
            model.intensity(at, when)
        assert caught.value.remedy
    assert model.intensity(at, "2018-01-02T00:00Z")[0] > 0


STAGGERED = [
    kr.Coverage("synthetic", ("BF",), dt.date(2018, 1, 1), dt.date(2020, 6, 30), True),
    kr.Coverage("synthetic", ("ML",), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True),
    kr.Coverage("synthetic", ("NE",), dt.date(2021, 1, 1), dt.date(2023, 12, 31), True),
]


@pytest.fixture(scope="module")
def staggered(make_table):
    """Burkina 2018 to mid 2020, Niger from 2021, Mali throughout; reports take up to three days."""
    return kr.KernelMixture(**SMALL, coverage=STAGGERED).fit(make_table(400, delay=3))


def test_a_region_is_not_asked_before_its_own_records_begin(staggered):
    """Of Niger in 2019 nothing is known, so there is no number; of Burkina there is one."""
    at = points([8.0, 1.0, -4.0], [14.2, 13.0, 14.5])  # Niger, Burkina, Mali
    got = staggered.intensity(at, "2019-06-01T00:00Z")
    assert np.isnan(got).tolist() == [True, False, False]
    # The first day itself is not told of: nothing was known the day before.
    days = ["2020-12-31T12:00Z", "2021-01-01T23:59Z", "2021-01-02T00:00Z"]
    niger = staggered.intensity(points([8.0] * 3, [14.2] * 3), days)
    assert np.isnan(niger).tolist() == [True, True, False]


def test_an_error_only_if_every_instant_lies_before_all_records(staggered):
    at = points([-4.0] * 3, [14.5] * 3)
    got = staggered.intensity(at, ["2017-06-01T00:00Z", "2018-01-01T12:00Z", "2018-01-02T00:00Z"])
    assert np.isnan(got).tolist() == [True, True, False]
    with pytest.raises(CoverageError, match="begin on 2018-01-01"):
        staggered.intensity(at, ["2017-06-01T00:00Z", "2018-01-01T12:00Z", "1999-01-01T00:00Z"])


def test_each_region_stands_still_after_its_own_last_day(make_table):
    """Half of the reports took a day or two, so June's are waited for that long in Burkina."""
    table = make_table(400, delay=3)
    table["geometry"] = gpd.points_from_xy(table.geometry.x - 2.0, table.geometry.y)
    model = kr.KernelMixture(**SMALL, coverage=STAGGERED).fit(table)
    waited = int(np.ceil((table["known_on"] - table["date_end"]).dt.days.median()))
    last = pd.Timestamp("2020-06-30", tz="UTC") + pd.Timedelta(days=waited)
    burkina = points([0.0], [14.0])  # at the first of the three centres
    frozen = model.intensity(burkina, last + pd.Timedelta(days=1))[0]
    assert model.intensity(burkina, last)[0] != frozen
    for when in ("2021-01-05T00:00Z", "2022-06-01T00:00Z", "2030-01-01T00:00Z"):
        assert model.intensity(burkina, when)[0] == frozen
    niger = points([2.0] * 2, [14.5] * 2)
    one, other = model.intensity(niger, ["2021-06-01T00:00Z", "2022-06-01T00:00Z"])
    assert one != other
    by_country = {
        code: model.covered_until_[np.char.startswith(model.covered_regions_, code)]
        for code in ("BF", "NE")
    }
    assert set(by_country["BF"].tolist()) == {_day(last.tz_localize(None))}
    assert by_country["NE"].max() == model.origin_day_


ENDED = kr.Coverage("ended", ("NE",), dt.date(2018, 1, 1), dt.date(2020, 6, 30), True)
LASTING = kr.Coverage("lasting", ("NE",), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True)


def two_sources(table):
    """The records at the first centre until mid 2020 are of a source that ended then; those at the
    third, 600 km away, of one that lasts; the others are dropped."""
    west, east = (table.geometry.x < 3.0).to_numpy(), (table.geometry.x > 6.0).to_numpy()
    kept = east | (west & (table["known_on"] <= "2020-06-30").to_numpy())
    found = table[kept].copy()
    found["source"] = np.where(west[kept], "ended", "lasting")
    found.attrs = {"coverage": [ENDED.to_dict(), LASTING.to_dict()]}
    assert found["source"].nunique() == 2
    return found


def from_records_at(model, lon, lat, when):
    """λ that records make at one place, a disc of 1 km wide, and each record's part."""
    at = np.array([[lon, lat]])
    day = np.array([when], "datetime64[ns]")
    parked = Pieces(at, at, np.full(1, 24.0 / np.pi), day, 1.0)
    evidence = model.evidence(parked, np.zeros(1, np.int64), 1)
    by_id = dict(zip(model.records_["incident_id"], evidence.of_record, strict=True))
    return evidence.from_records[0], {name: part for name, part in by_id.items() if part > 0.0}


def test_a_source_that_ended_leaves_its_hazard_standing(table):
    """Beside one that lasts: near the first's records nothing fades, near the second's it does."""
    model = kr.KernelMixture().fit(two_sources(table))
    days = ["2020-07-01", "2020-07-02", "2021-06-30", "2023-10-01", "2050-01-01"]
    west = [from_records_at(model, 2.0, 14.0, day) for day in days]
    assert len(west[0][1]) > 30
    assert all(one == west[0] for one in west)
    before, _ = from_records_at(model, 2.0, 14.0, "2020-06-15")
    assert before != west[0][0]
    east = [from_records_at(model, 8.0, 14.2, day)[0] for day in days]
    assert len(set(east[:4])) == 4
    # What stands is what the formula says of the last day told of, 2020-06-30.
    hazard = oracle.Hazard(model)
    ended = (model.records_["source"] == "ended").to_numpy()
    last = _day(pd.Timestamp("2020-06-30"))
    want = hazard.by_record(np.array([2.0]), np.array([14.0]), last, radius_km=1.0)[0]
    assert west[0][0] == pytest.approx(want[ended].sum(), rel=1e-9)


def test_later_fits_leave_standing_what_a_source_told_before_it_ended(table):
    """As of 2021 and as of 2023, with the same weights: the same hazard to the bit; and the same
    whether there is a second source or not."""
    both = two_sources(table)
    alone = both[both["source"] == "ended"].copy()
    alone.attrs = {"coverage": [ENDED.to_dict()]}
    fits = [kr.KernelMixture().fit(both, as_of=day) for day in ("2021-03-01", "2023-07-01")]
    fits.append(kr.KernelMixture().fit(alone, as_of="2023-07-01"))
    for model in fits[1:]:
        model.weights_ = fits[0].weights_
    told = [from_records_at(model, 2.0, 14.0, "2023-09-01") for model in fits]
    assert told[0][0] > 0.0
    assert told[1] == told[0]
    assert told[2] == told[0]


def test_targets_outside_the_covered_area_or_time_are_dropped(staggered, make_table):
    """All of the invented records are in Niger and its borderland: those before 2021 are not laid
    at anyone's door, though they are told and speak."""
    table = make_table(400, delay=3)
    assert len(staggered.records_) == 400
    later = table["date"] >= "2021-01-01"
    assert 0 < staggered.n_targets_ <= later.sum() + 20
    niger = kr.KernelMixture(
        **SMALL, coverage=[kr.Coverage("synthetic", ("TD",), dt.date(2018, 1, 1),
                                       dt.date(2023, 12, 31), True)],
    )  # fmt: skip
    with pytest.raises(ModelError, match="nothing to learn from"):
        niger.fit(table)


def test_a_region_never_yet_covered_on_the_as_of_day_is_never_spoken_of(make_table):
    """As of mid 2020 a coverage of Niger from 2021 has told nothing: asked about 2022, the model
    has no news of Niger, and no news is not low."""
    early = kr.KernelMixture(**SMALL, coverage=STAGGERED).fit(
        _in_mali(make_table(400, delay=3)), as_of="2020-06-30"
    )
    got = early.intensity(points([8.0, -4.0], [14.2, 14.5]), "2022-01-01T00:00Z")
    assert np.isnan(got).tolist() == [True, False]


def _in_mali(table):
    moved = table.copy()
    moved["geometry"] = gpd.points_from_xy(table.geometry.x - 6.0, table.geometry.y + 0.5)
    return moved


# units and places


@pytest.mark.parametrize("name", ["model", "mixed_model", "catalogue_model"])
def test_hazard_adds_up_to_the_expected_daily_count(name, request):
    """Σ λ · km² over the covered raster is what the components expect a day inside."""
    fitted = request.getfixturevalue(name)
    area, rows = area_of(fitted), fitted.records_
    strength = oracle.Hazard(fitted).strength(fitted.origin_day_)
    error = rows["location_error_km"].astype("Float64").fillna(25.0).to_numpy(float)
    lon, lat = rows["lon"].to_numpy(), rows["lat"].to_numpy()
    expected = fitted.floor_weight_
    for weight, scale in zip(fitted.town_weights_, fitted.town_scales_km, strict=True):
        sigma = np.full(len(fitted.towns_.lon), scale)
        inside = area.fraction_inside(fitted.towns_.lon, fitted.towns_.lat, sigma)
        expected += weight * (fitted.towns_.share @ inside)
    for s, scale in enumerate(fitted.scales_km):
        for family, sigma in enumerate((np.hypot(scale, error), np.full(len(lon), scale))):
            expected += area.fraction_inside(lon, lat, sigma) @ strength[family, s]
    rng = np.random.default_rng(0)
    total = 0.0
    for _ in range(30):  # a raster of 28 km against kernels of 3 km: jitter it
        shift = rng.uniform(-0.125, 0.125, 2)
        value = fitted.intensity(
            points(area.cell_lon + shift[0], area.cell_lat + shift[1]), "2030-01-01T00:00Z"
        )
        total += np.nansum(value * area.cell_km2) / 30.0
    assert total == pytest.approx(expected, rel=0.05)


def test_weights_predict_as_many_as_there_were(model, catalogue_model):
    """n targets and one pseudo-record: the property of the Poisson fit, through the whole model."""
    for fitted in (model, catalogue_model):
        assert fitted.converged_
        assert (fitted.weights_ >= 0).all()
        days = (fitted.origin_day_ - _day(fitted.records_["known_on"].min())) // 30 * 30
        from_floor = fitted.floor_weight_ * days
        assert from_floor >= 1.0 - 1e-9
        assert from_floor < fitted.n_targets_ + 1


def _day(stamp):
    return (stamp - pd.Timestamp("1970-01-01")).days


def test_only_incidents_inside_the_covered_area_are_laid_at_its_door(catalogue):
    """Told to speak for Niger alone, the model must expect Niger's incidents there, not all of West
    Africa's: about as many a year as were recorded in Niger over the last years."""
    cover = [kr.Coverage("catalogue", ("NE",), dt.date(2003, 2, 19), dt.date(2026, 3, 10), False)]
    model = kr.KernelMixture(coverage=cover).fit(catalogue)
    area = area_of(model)
    inside = (catalogue["country"] == "NE") & (catalogue["kind"] == "kidnapping")
    days = (pd.Timestamp("2026-03-10") - pd.Timestamp("2003-02-19")).days
    # Averaged over the years asked, so that bursts of one year do not decide.
    years = [f"{year}-07-01T00:00Z" for year in range(2004, 2026)]
    daily = [
        np.nansum(model.intensity(points(area.cell_lon, area.cell_lat), when) * area.cell_km2)
        for when in years
    ]
    assert np.mean(daily) == pytest.approx(inside.sum() / days, rel=0.35)


def test_outside_coverage_and_at_sea_there_is_no_number(model):
    got = model.intensity(
        points([3.0, -20.0, 2.35, 0.0], [14.0, 14.0, 48.85, -50.0]), "2022-01-01T00:00Z"
    )
    assert np.isfinite(got).tolist() == [True, False, False, False]
    assert (got[:1] > 0).all()


def test_the_floor_is_above_zero_everywhere_inside(model):
    area = area_of(model)
    value = model.intensity(points(area.cell_lon, area.cell_lat), "2022-01-01T00:00Z")
    assert (value > 0).all()
    assert value.min() >= model.floor_weight_ / model.covered_area_km2_ * (1 - 1e-12)


def test_answers_do_not_depend_on_company_or_index(model):
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(1, 9, 100), rng.uniform(13.2, 15, 100)
    at, when = points(lon, lat), pd.date_range("2019-01-01", periods=100, freq="10D", tz="UTC")
    together = model.intensity(at, when)
    mixed = rng.permutation(100)
    assert model.intensity(at.iloc[mixed], when[mixed]).tobytes() == together[mixed].tobytes()
    alone = [model.intensity(at.iloc[[i]], when[i])[0] for i in range(100)]
    np.testing.assert_array_equal(alone, together)
    assert np.isfinite(together).sum() > 50


def test_adding_an_incident_never_lowers_the_hazard_at_fixed_weights(table, model):
    # Of the same day, lest the hazard of fewer records stand still sooner.
    fewer = kr.KernelMixture().fit(table.iloc[:-60], as_of=model.as_of_)
    for name in ("weights_", "town_weights_", "floor_weight_", "origin_day_", "covered_until_"):
        setattr(fewer, name, getattr(model, name))
    at = points(np.linspace(1, 9, 80), np.full(80, 14.2))
    when = "2030-01-01T00:00Z"
    assert (model.intensity(at, when) >= fewer.intensity(at, when) * (1 - 1e-12)).all()


def test_pieces_are_additive(model):
    lon = np.linspace(2.0, 2.04, 9)
    nodes = np.stack([lon, np.full(9, 14.02)], axis=1)
    when = np.full(8, np.datetime64("2022-01-01", "ns"))
    whole = Pieces(nodes[:1], nodes[-1:], np.array([2.0]), when[:1], 10.0)
    parts = Pieces(nodes[:-1], nodes[1:], np.full(8, 0.25), when, 10.0)
    assert model.integrate(parts).sum() == pytest.approx(model.integrate(whole)[0], rel=1e-6)


@pytest.mark.parametrize("name", ["model", "mixed_model"])
def test_evidence_of_records_adds_up(name, request):
    """Records of any kind add to the expected; only kidnappings are evidence."""
    model = request.getfixturevalue(name)
    rng = np.random.default_rng(1)
    at = np.stack([rng.uniform(1, 9, 50), rng.uniform(13.2, 15, 50)], axis=1)
    when = np.full(50, np.datetime64("2022-01-01", "ns"))
    group = rng.integers(0, 7, 50)
    pieces = Pieces(at, at + np.array([0.02, 0.0]), np.ones(50), when, 10.0)
    evidence = model.evidence(pieces, group, 7)
    kidnapping = (model.records_["kind"] == "kidnapping").to_numpy()
    assert (evidence.of_record[~kidnapping].sum() > 0.0) == (name == "mixed_model")
    told = evidence.of_record[kidnapping].sum()
    assert told == pytest.approx(evidence.weight_sum.sum(), rel=1e-12)
    assert evidence.of_record.sum() == pytest.approx(np.nansum(evidence.from_records), rel=1e-12)
    covered = np.isfinite(evidence.expected)
    assert 10 < covered.sum() < 50
    assert (np.isnan(evidence.from_records) == ~covered).all()
    assert (evidence.from_records[covered] < evidence.expected[covered]).all()
    told = np.bincount(group, np.nan_to_num(evidence.expected), 7)
    np.testing.assert_array_less(evidence.weight_sum, told + 1e-30)
    assert (evidence.weight_square <= evidence.weight_sum**2 * (1 + 1e-12)).all()
    np.testing.assert_allclose(evidence.expected, model.integrate(pieces), rtol=1e-12)
    # Pieces that are not covered are in no group.
    without = model.evidence(pieces.take(covered), group[covered], 7)
    assert without.expected.tobytes() == evidence.expected[covered].tobytes()
    assert without.from_records.tobytes() == evidence.from_records[covered].tobytes()
    for one, other in zip(evidence[1:4], without[1:4], strict=True):
        assert one.tobytes() == other.tobytes()


# small, odd and large histories


def test_thirty_records_are_enough(make_table):
    model = kr.KernelMixture().fit(make_table(30))
    assert model.intensity(points([2.0], [14.0]), "2024-01-01T00:00Z")[0] > 0


def test_all_records_at_one_place(make_table):
    table = make_table(60)
    table["geometry"] = gpd.points_from_xy(np.full(60, 2.0), np.full(60, 14.0))
    model = kr.KernelMixture().fit(table)
    near, far = model.intensity(points([2.0, 9.0], [14.0, 15.0]), "2024-01-01T00:00Z")
    assert near > 10 * far > 0


def test_records_known_only_to_200_km(make_table):
    table = make_table(80)
    table["location_error_km"] = 200.0
    model = kr.KernelMixture().fit(table)
    got = model.intensity(points([2.0, 5.0], [14.0, 14.3]), "2024-01-01T00:00Z")
    assert np.isfinite(got).all()
    # Nothing is known nearer than 200 km: neighbouring towns differ little.
    assert got.max() / got.min() < 5


@pytest.mark.parametrize(("error_km", "told"), [(25.0, True), (200.0, False)])
def test_what_comes_back_to_one_place_is_told_there_unless_only_a_province_is_known(
    make_table, error_km, told
):
    """Written down at the same point every time: a district's centre, or but a province's."""
    table = make_table(80)
    table["location_error_km"] = error_km
    table["geometry"] = gpd.points_from_xy(np.full(80, 2.0), np.full(80, 14.0))
    model = kr.KernelMixture().fit(table)
    near, far = model.intensity(points([2.0, 2.5], [14.0, 14.0]), "2024-01-01T00:00Z")
    assert (near > 10 * far > 0) == told
    assert told or near < 1.2 * far


def other_kinds(table, kind):
    """Every second row once more, of another kind."""
    extra = table.iloc[::2].copy()
    extra["kind"], extra["incident_id"] = kind, f"{kind}-" + extra["incident_id"]
    both = gpd.GeoDataFrame(pd.concat([table, extra], ignore_index=True), crs=table.crs)
    both.attrs = dict(table.attrs)
    return both


@pytest.mark.parametrize(
    ("kind", "context"), [("attack", ()), ("unrest", ("attack", "battle")), ("attack", ("battle",))]
)
def test_only_kidnappings_and_the_context_asked_for_are_used(table, kind, context):
    given = {**SMALL, "context_kinds": context}
    assert bytes_of(kr.KernelMixture(**given).fit(other_kinds(table, kind))) == bytes_of(
        kr.KernelMixture(**given).fit(table)
    )


def test_context_events_are_used_but_are_no_targets(table):
    alone = kr.KernelMixture(**SMALL).fit(table)
    both = kr.KernelMixture(**SMALL).fit(other_kinds(table, "battle"))
    assert (alone.weights_.shape, both.weights_.shape) == ((1, 2, 2, 1), (2, 2, 2, 1))
    assert both.n_targets_ == alone.n_targets_
    assert both.describe()["incidents"] == 400
    assert both.describe()["context_events"] == 200
    assert alone.describe()["context_events"] == 0
    assert bytes_of(both) != bytes_of(alone)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_rows_changes_no_bit(table, seed):
    """Even where several records share place, days and error, as a bus with many taken may."""
    tied = table.copy()
    for column in ("date", "date_end", "known_on", "location_error_km"):
        tied[column] = tied[column].iloc[(np.arange(len(tied)) // 3) * 3].to_numpy()
    tied["geometry"] = tied.geometry.iloc[(np.arange(len(tied)) // 3) * 3].to_numpy()
    tied.attrs = dict(table.attrs)
    mixed = tied.sample(frac=1.0, random_state=seed)
    mixed.attrs = dict(table.attrs)
    assert bytes_of(kr.KernelMixture(**SMALL).fit(mixed)) == bytes_of(
        kr.KernelMixture(**SMALL).fit(tied)
    )


@pytest.mark.parametrize("days", [7, 90, 365])
def test_windows_of_other_lengths(table, days):
    model = kr.KernelMixture(**SMALL, window_days=days).fit(table)
    assert np.isfinite(model.intensity(points([2.0], [14.0]), "2024-01-01T00:00Z")).all()


def test_describe(model):
    told = model.describe()
    assert told["name"] == "KernelMixture"
    assert told["incidents"] == 400
    assert told["systematic"] is True
    assert told["as_of"] == model.as_of_.date()


def test_covers(model):
    regions = kr.load_regions()
    covered = model.covers(regions["region_id"].to_numpy(dtype=object))
    assert set(regions.loc[covered, "country"]) == {"BF", "ML", "NE"}
    assert covered.sum() == regions["country"].isin(["BF", "ML", "NE"]).sum()


# refusals


@pytest.mark.parametrize(
    "parameters",
    [
        {"scales_km": ()}, {"scales_km": (20.0, 10.0)}, {"scales_km": (10.0, 10.0)},
        {"scales_km": (0.0,)}, {"scales_km": (np.nan,)}, {"scales_km": 10.0},
        {"scales_km": None}, {"scales_km": "wide"}, {"scales_km": [[10.0]]},
        {"memories_days": ()}, {"memories_days": (-1.0,)}, {"memories_days": (np.inf,)},
        {"memories_days": ("long",)},
        {"town_scales_km": 0.0}, {"town_scales_km": (0.0,)}, {"town_scales_km": (np.nan,)},
        {"town_scales_km": "20"}, {"town_scales_km": ("20",)}, {"town_scales_km": ()},
        {"context_kinds": "attack"}, {"context_kinds": None}, {"context_kinds": ("kidnapping",)},
        {"context_kinds": ("attack", "ambush")}, {"context_kinds": (3,)}, {"context_kinds": 7},
        {"most_targets": 0}, {"most_targets": 99}, {"most_targets": 150.5},
        {"most_targets": "all"}, {"most_targets": None}, {"most_targets": True},
        {"town_exponent": np.nan}, {"town_exponent": "half"},
        {"town_population": 10**9}, {"town_population": "many"},
        {"window_days": 0}, {"window_days": 10**6}, {"window_days": np.nan},
        {"window_days": "30"}, {"window_days": 30.5}, {"window_days": None},
        {"unknown_location_error_km": -1.0}, {"unknown_location_error_km": np.nan},
        {"unknown_location_error_km": np.inf}, {"fewest_effective": "one"},
        {"fewest_effective": np.nan}, {"coverage": "NE"}, {"coverage": ()}, {"coverage": ("NE",)},
        {"coverage": [{"source": "synthetic"}]},
    ],
    ids=str,
)  # fmt: skip
def test_parameters_out_of_range_are_refused(table, parameters):
    with pytest.raises(KidnapRiskError) as caught:
        kr.KernelMixture(**{**SMALL, **parameters}).fit(table)
    assert caught.value.remedy


def test_too_few_records_are_refused(make_table):
    with pytest.raises(ModelError, match="at least 5") as caught:
        kr.KernelMixture().fit(make_table(4))
    assert caught.value.remedy
    with pytest.raises(ModelError, match="0 kidnappings known by 2017"):
        kr.KernelMixture().fit(make_table(50), as_of="2017-01-01")


def test_an_empty_table_is_refused(make_table):
    with pytest.raises(KidnapRiskError):
        kr.KernelMixture().fit(make_table(5).iloc[:0])


@pytest.mark.parametrize(
    "as_of",
    ["someday", "2025-13-45", pd.NaT, object(), []],
    ids=["word", "no such day", "NaT", "object", "list"],
)
def test_an_as_of_that_is_no_day_is_refused(table, as_of):
    with pytest.raises(ModelError, match="as_of") as caught:
        kr.KernelMixture(**SMALL).fit(table, as_of=as_of)
    assert caught.value.remedy


def test_as_of_may_be_any_kind_of_day(table):
    fits = [
        kr.KernelMixture(**SMALL).fit(table, as_of=day)
        for day in ("2021-06-30", dt.date(2021, 6, 30), pd.Timestamp("2021-06-30T18:00Z"),
                    np.datetime64("2021-06-30"))
    ]  # fmt: skip
    assert len({model.weights_.tobytes() for model in fits}) == 1
    assert {model.as_of_ for model in fits} == {pd.Timestamp("2021-06-30")}


@pytest.mark.parametrize(
    "incidents", [None, [1, 2], pd.DataFrame({"a": [1]}), "incidents.csv", gpd.GeoDataFrame()],
    ids=["none", "list", "frame", "path", "empty"],
)  # fmt: skip
def test_what_is_no_incident_table_is_refused(incidents):
    with pytest.raises(IncidentError) as caught:
        kr.KernelMixture().fit(incidents)
    assert caught.value.remedy


def test_coverage_that_names_no_region_is_refused(table):
    cover = [kr.Coverage("synthetic", ("QQ",), dt.date(2018, 1, 1), dt.date(2023, 1, 1), True)]
    with pytest.raises(CoverageError, match="QQ"):
        kr.KernelMixture(coverage=cover).fit(table)


@pytest.mark.parametrize(
    "at",
    [
        points([2.0], [14.0], crs=None), points([2e5], [1.5e6], crs="EPSG:3857"),
        points([2.0], [14.0]).iloc[:0],
        gpd.GeoSeries([None], crs="EPSG:4326"),
        gpd.GeoSeries.from_wkt(["POINT EMPTY"], crs="EPSG:4326"),
        gpd.GeoSeries.from_wkt(["LINESTRING (0 0, 1 1)"], crs="EPSG:4326"),
        [(2.0, 14.0)], np.array([[2.0, 14.0]]), None,
    ],
    ids=["no crs", "mercator", "none", "missing", "empty", "line", "list", "array", "None"],
)  # fmt: skip
def test_points_that_are_none_are_refused(model, at):
    with pytest.raises(ModelError) as caught:
        model.intensity(at, "2022-01-01T00:00Z")
    assert caught.value.remedy


def test_naive_times_are_refused(model):
    for when in (
        "2022-01-01",
        pd.Timestamp("2022-01-01"),
        np.datetime64("2022-01-01"),
        ["2022-01-01"] * 2,
    ):
        with pytest.raises(ModelError, match="time zone"):
            model.intensity(points([2.0, 3.0], [14.0, 14.0]), when)


def test_an_unfitted_model_says_so():
    model = kr.KernelMixture()
    at = points([2.0], [14.0])
    one = np.array([[2.0, 14.0]])
    pieces = Pieces(one, one, np.ones(1), np.array(["2022-01-01"], "datetime64[ns]"), 10.0)
    for call in (
        lambda: model.intensity(at, "2022-01-01T00:00Z"),
        lambda: model.integrate(pieces),
        lambda: model.covers(["NE-niamey"]),
        lambda: model.standing(pd.Timestamp("2022-01-01", tz="UTC"), 10.0),
        model.describe,
    ):
        with pytest.raises(ModelError, match="not fitted") as caught:
            call()
        assert "fit" in caught.value.remedy
