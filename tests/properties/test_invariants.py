"""Invariants that a score must keep on any geometry and any model."""

from __future__ import annotations

import copy
import functools
import pathlib
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import kidnaprisk as kr
from kidnaprisk.exposure.nearest import feet, sort_into_cells
from kidnaprisk.geodesy import densify
from kidnaprisk.hazard.sources import fold_records
from kidnaprisk.incidents.coverage import coverage_of
from tests.exposure.conftest import (
    catalogue_model,
    covered,
    incidents,
    small,
    synthetic_incidents,
)
from tests.exposure.oracle import Drawn, inv

pytestmark = pytest.mark.slow

# A score costs tens of milliseconds: looking for the smallest failing road would cost minutes.
FEW = settings(max_examples=16, phases=(Phase.explicit, Phase.generate))
# After the last day of the records: the hazard stands still.
STILL = "2025-06-01T05:30Z"
MOVING = "2023-11-20T17:45Z"

# (west, south, east, north): borders, coasts, enclaves, capital districts, the antimeridian.
AREAS = (
    (-3.0, 12.0, 3.0, 14.2),
    (26.5, -30.5, 30.0, -28.5),
    (-16.4, 13.1, -13.8, 13.9),
    (-8.6, 12.2, -7.2, 13.1),
    (179.6, -17.1, 180.4, -16.4),
)


@functools.cache
def _border_vertices(area: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    """Vertices of real region borders inside an area."""
    west, south, east, north = area
    box = (west, south, min(east, 180.0), north)
    regions = kr.load_regions(box).clip(box)
    points = shapely.get_coordinates(regions.boundary.to_numpy())
    inside = points[(points[:, 0] > west) & (points[:, 0] < box[2])]
    return [(float(x), float(y)) for x, y in inside[:: max(1, len(inside) // 60)]]


@st.composite
def roads(draw: st.DrawFn, least: int = 2, most: int = 5) -> list[tuple[float, float]]:
    area = draw(st.sampled_from(AREAS))
    west, south, east, north = area
    anywhere = st.tuples(st.floats(west, east), st.floats(south, north))
    coarse = anywhere.map(lambda p: (round(p[0], 1), round(p[1], 1)))
    on_border = st.sampled_from(_border_vertices(area))
    points = draw(st.lists(st.one_of(anywhere, coarse, on_border), min_size=least, max_size=most))
    _, metres = inv(*np.array(points[:-1]).T, *np.array(points[1:]).T)
    assume(np.all(metres > 100.0))
    return points


def trip_of(points: Any, departure: Any = STILL, **options: Any) -> kr.Trip:
    return kr.Trip(points, departure=departure, **options)


def scored(points: Any, departure: Any = STILL, model: Any = None, **options: Any) -> kr.TripRisk:
    """The score, or another example where no km of the road is covered."""
    try:
        return kr.score(trip_of(points, departure, **options), model or small())
    except kr.CoverageError:
        assume(False)
        raise


def total(points: Any, departure: Any = STILL, **options: Any) -> float:
    """E, zero where no km is covered: for sums of parts."""
    try:
        return kr.score(trip_of(points, departure, **options), small()).expected_incidents
    except kr.CoverageError:
        return 0.0


# ------- adding up -------


@FEW
@given(roads(), st.floats(0.1, 200.0), st.sampled_from([None, (6.0, 18.0)]))
def test_totals_are_sums(points: Any, hours: float, window: Any) -> None:
    risk = scored(
        points, MOVING, stops=[kr.Stop(km=0.05, hours=hours)], driving_hours=window, speed_kmh=25.0
    )
    regions, stretches = risk.regions, risk.stretches
    assert regions["km"].sum() + risk.uncovered_km == pytest.approx(risk.km, rel=1e-9)
    assert regions["expected_incidents"].sum() == pytest.approx(risk.expected_incidents, rel=1e-9)
    assert stretches["expected_incidents"].sum() == pytest.approx(risk.expected_incidents, rel=1e-9)
    assert regions["share"].sum() == pytest.approx(1.0, rel=1e-9)
    assert stretches["hours"].sum() == pytest.approx(risk.hours, rel=1e-9)
    part = risk.incidents["expected_incidents"]
    assert part.sum() == pytest.approx(risk.from_incidents, rel=1e-9)
    assert risk.from_incidents <= risk.expected_incidents
    assert part.is_monotonic_decreasing
    assert regions["region_id"].is_unique
    assert (regions["enter"] <= regions["leave"]).all()
    assert regions["enter"].is_monotonic_increasing


@FEW
@given(roads(3, 6), st.data())
def test_splitting_at_a_vertex_changes_nothing(points: Any, data: Any) -> None:
    at = data.draw(st.integers(1, len(points) - 2))
    whole = scored(points, MOVING, speed_kmh=30.0)
    first = trip_of(points[: at + 1], MOVING, speed_kmh=30.0)
    arrival = first.start + pd.Timedelta(first.km / 30.0, unit="h")
    parts = total(points[: at + 1], MOVING, speed_kmh=30.0)
    parts += total(points[at:], arrival.isoformat(), speed_kmh=30.0)
    assert parts == pytest.approx(whole.expected_incidents, rel=1e-6)


@FEW
@given(roads(), st.floats(0.02, 0.98))
def test_splitting_anywhere_changes_nothing(points: Any, share: float) -> None:
    whole = scored(points, MOVING, speed_kmh=30.0)
    lon, lat = np.array(points).T
    drawn = Drawn(lon, lat)
    km = share * drawn.km[-1]
    middle = tuple(float(v[0]) for v in drawn.at(np.array([km])))
    before = int(np.searchsorted(drawn.km, km))
    assume(np.abs(drawn.km - km).min() > 1e-3)
    arrival = whole.departure + pd.Timedelta(km / 30.0, unit="h")
    parts = total([*points[:before], middle], MOVING, speed_kmh=30.0)
    parts += total([middle, *points[before:]], arrival.isoformat(), speed_kmh=30.0)
    assert parts == pytest.approx(whole.expected_incidents, rel=1e-6)


@FEW
@given(roads(), st.integers(3, 400))
def test_densifying_changes_nothing(points: Any, n: int) -> None:
    whole = scored(points, MOVING)
    drawn = Drawn(*np.array(points).T)
    km = np.union1d(drawn.km, np.linspace(0.0, drawn.km[-1], n))
    km = km[np.append(True, np.diff(km) > 1e-4)]
    dense = scored(np.stack(drawn.at(km), axis=1), MOVING)
    assert dense.km == pytest.approx(whole.km, rel=1e-9, abs=1e-3)
    assert dense.expected_incidents == pytest.approx(whole.expected_incidents, rel=1e-5)
    km_of = whole.regions.set_index("region_id")["km"]
    for region_id, length in dense.regions.set_index("region_id")["km"].items():
        assert length == pytest.approx(km_of.get(region_id, 0.0), abs=1e-3)


@FEW
@given(roads())
def test_reversing_changes_nothing_while_the_hazard_stands(points: Any) -> None:
    there, back = scored(points), scored(points[::-1])
    assert back.km == pytest.approx(there.km, rel=1e-12)
    assert back.expected_incidents == pytest.approx(there.expected_incidents, rel=1e-6)
    assert set(there.regions["region_id"]) == set(back.regions["region_id"])
    want = there.regions.set_index("region_id")["expected_incidents"]
    for region_id, expected in back.regions.set_index("region_id")["expected_incidents"].items():
        if np.isfinite(expected) and expected > 1e-3 * there.expected_incidents:
            assert expected == pytest.approx(want[region_id], rel=1e-5)


@FEW
@given(roads(2, 4))
def test_a_road_driven_twice_counts_twice(points: Any) -> None:
    once = scored(points)
    twice = scored([*points, *points[-2::-1]])
    assert twice.km == pytest.approx(2.0 * once.km, rel=1e-12)
    assert twice.uncovered_km == pytest.approx(2.0 * once.uncovered_km, rel=1e-9, abs=1e-9)
    assert twice.expected_incidents == pytest.approx(2.0 * once.expected_incidents, rel=1e-6)
    km = once.regions.set_index("region_id")["km"]
    for region_id, length in twice.regions.set_index("region_id")["km"].items():
        assert length == pytest.approx(2.0 * km[region_id], rel=1e-8, abs=1e-8)


# ------- more is never less -------


@FEW
@given(roads(2, 4), roads(2, 3))
def test_more_km_never_lowers_exposure(points: Any, more: Any) -> None:
    _, gap = inv(*points[-1], *more[0])
    assume(1e3 < gap[0] < 3e6)
    short = scored(points, MOVING)
    longer = scored([*points, *more], MOVING)
    assert longer.expected_incidents >= short.expected_incidents * (1.0 - 1e-6)


def worst_shown(risk: kr.TripRisk) -> tuple[float, int]:
    """Percentile and band; below all others where they are withheld, which only low and moderate
    ones ever are, and only where not all of the trip is told of."""
    if risk.percentile is None:
        assert risk.band is None
        told = (risk.regions["status"] == "scored").all()
        assert not told or risk.uncovered_km > 0.001 * risk.km
        assert not (risk.regions["percentile"] >= 80.0).any()
        return -1.0, 0
    return risk.percentile, risk.band


@FEW
@given(roads(2, 3), roads(2, 3))
def test_more_km_never_make_a_trip_look_better(points: Any, more: Any) -> None:
    """Band and percentile are those of the worst place, so km added beyond it change neither: safe,
    dangerous, told of by nobody, or not covered. A low one may be withheld then, never lowered."""
    _, gap = inv(*points[-1], *more[0])
    assume(1e3 < gap[0] < 3e6)
    short, longer = scored(points), scored([*points, *more])
    before, after = worst_shown(short), worst_shown(longer)
    if before[1] >= 3 or after[1] > 0:
        assert after[0] >= before[0] - 1e-9
        assert after[1] >= before[1]


@FEW
@given(roads(2, 4), st.sampled_from([MOVING, STILL]), st.floats(0.0, 1.0))
def test_what_is_withheld_and_what_is_shown(points: Any, departure: str, at: float) -> None:
    km = at * kr.Route(points).km
    risk = scored(points, departure, stops=[kr.Stop(km=km, hours=30.0)])
    shown = worst_shown(risk)
    if shown[1]:
        assert risk.regions["percentile"].max() == shown[0]
        assert risk.regions["band"].max() == shown[1]
    for table in (risk.regions, risk.stretches):
        thin = table["status"] == "insufficient_data"
        assert (table["n_effective"][thin] < small().fewest_effective).all()
        assert (table["percentile"].isna() == table["band"].isna()).all()
        assert (table["percentile"][thin].dropna() >= 80.0).all()
        assert (table["band"][thin].dropna() >= 3).all()
        outside = table["status"] == "outside_coverage"
        assert (
            table.loc[outside, ["percentile", "band", "expected_incidents"]].isna().all(axis=None)
        )
        assert table["percentile"][table["status"] == "scored"].notna().all()
    assert (risk.stretches["percentile"].dropna() <= max(shown[0], 80.0)).all()
    if shown[1]:
        assert (risk.stretches["percentile"].dropna() <= shown[0]).all()


@FEW
@given(roads(2, 3), st.floats(0.0, 1.0), st.floats(1.0, 400.0))
def test_parked_hours_count_like_driven_ones(points: Any, share: float, hours: float) -> None:
    moving = scored(points)
    km = share * moving.km
    lon, lat = Drawn(*np.array(points).T).at(np.array([km]))
    here = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326")
    rate = float(small().intensity(here, STILL, radius_km=10.0)[0])
    assume(np.isfinite(rate))
    halted = scored(points, stops=[kr.Stop(km=km, hours=hours)])
    assert halted.hours == pytest.approx(moving.hours + hours, rel=1e-9)
    added = halted.expected_incidents - moving.expected_incidents
    assert added == pytest.approx(np.pi * 100.0 * rate * hours / 24.0, rel=1e-6, abs=1e-14)


@FEW
@given(roads(2, 3), st.floats(0.0, 1.0), st.floats(1.0, 400.0))
def test_a_halt_never_makes_a_trip_look_better(points: Any, share: float, hours: float) -> None:
    moving = scored(points)
    halted = scored(points, stops=[kr.Stop(km=share * moving.km, hours=hours)])
    before, after = worst_shown(moving), worst_shown(halted)
    # Evidence of the halt's place may be thinner than the road's, and a low one be withheld.
    if before[1] >= 3 or after[1] > 0:
        assert after[0] >= before[0] - 1e-9
        assert after[1] >= before[1]
    assert moving.from_parked == 0.0
    added = halted.expected_incidents - moving.expected_incidents
    assert halted.from_parked == pytest.approx(
        added, rel=1e-6, abs=1e-6 * moving.expected_incidents
    )


@FEW
@given(roads(2, 4), st.floats(1.0, 3.0))
def test_road_km_scales_km_hours_and_exposure(points: Any, factor: float) -> None:
    drawn = scored(points)
    road = scored(points, road_km=factor * drawn.km)
    assert road.km == pytest.approx(factor * drawn.km, rel=1e-12)
    assert road.hours == pytest.approx(factor * drawn.hours, rel=1e-9)
    assert road.expected_incidents == pytest.approx(factor * drawn.expected_incidents, rel=1e-6)
    assert road.uncovered_km == pytest.approx(factor * drawn.uncovered_km, rel=1e-9, abs=1e-9)
    assert road.stretches["km_to"].iloc[-1] == pytest.approx(road.km, rel=1e-12)


def folded(records: pd.DataFrame, model: kr.KernelMixture) -> Any:
    """The records as a model of its coverage and day folds them."""
    last_day = (model.as_of_ - pd.Timestamp("1970-01-01")).days
    return fold_records(records, model.coverage_, last_day, model.get_params())


def _with(record: tuple[float, float, int, float]) -> kr.KernelMixture:
    """The small model with one more record and the same weights."""
    lon, lat, age_days, error_km = record
    table = incidents()
    day = pd.Timestamp("2024-12-30") - pd.Timedelta(days=age_days)
    extra = table.iloc[[0]].copy()
    extra["incident_id"] = pd.array(["SYNTHETIC-EXTRA"], dtype="string")
    extra[["date", "date_end", "known_on"]] = day
    extra["location_error_km"] = pd.array([error_km], dtype="Float64")
    model = copy.copy(small())
    # The region of a record is no part of its hazard.
    row = pd.DataFrame(extra.drop(columns="geometry")).assign(lon=lon, lat=lat, region_id=pd.NA)
    row = row[model.records_.columns].astype(model.records_.dtypes.to_dict())
    records = pd.concat([model.records_, row], ignore_index=True)
    _, model.places_, order = folded(records, model)
    model.records_ = records.iloc[order].reset_index(drop=True)
    model.forget()
    return model


@FEW
@given(roads(2, 4), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(0, 900),
       st.sampled_from([0.0, 5.0, 75.0]))  # fmt: skip
def test_adding_an_incident_never_lowers_exposure(
    points: Any, east: float, north: float, age: int, error_km: float
) -> None:
    lon = (points[0][0] + east + 180.0) % 360.0 - 180.0
    larger = _with((lon, points[0][1] + north, age, error_km))
    before = scored(points, MOVING if age > 500 else STILL)
    after = scored(points, MOVING if age > 500 else STILL, model=larger)
    slack = 1.0 - 1e-12
    assert after.expected_incidents >= before.expected_incidents * slack
    for table in ("regions", "stretches"):
        was, now = (getattr(r, table)["expected_incidents"].to_numpy() for r in (before, after))
        known = ~np.isnan(was)
        assert (now[known] >= was[known] * slack).all()
    if "SYNTHETIC-EXTRA" in set(after.incidents["incident_id"]):
        assert after.expected_incidents > before.expected_incidents


# ------- what must not matter -------

PROBES = (
    [(-2.0, 12.5), (1.5, 13.8)],
    [(27.0, -29.5), (29.5, -29.4)],
    [(-15.5, 13.9), (-14.0, 13.2)],
)


def answers(model: Any) -> list[dict[str, Any]]:
    """Everything that scores of a few trips say, to the bit."""
    said = [
        kr.score(trip_of(points, when, stops=[kr.Stop(km=30.0, hours=50.0)]), model).to_dict()
        for points in PROBES
        for when in (MOVING, STILL)
    ]
    for one in said:
        for table in ("regions", "stretches", "incidents"):
            assert one[table]
    return said


def test_order_of_incidents_is_irrelevant() -> None:
    """To the bit, ties included: two records of one place, day and error."""
    table = incidents()
    twin = table.iloc[[3, 3, 10]].copy()
    twin["incident_id"] = pd.array(["SYNTHETIC-A", "SYNTHETIC-B", "SYNTHETIC-C"], dtype="string")
    table = covered(kr.validate_incidents(pd.concat([table, twin], ignore_index=True)))
    want = answers(kr.KernelMixture().fit(table))
    for seed in (1, 2):
        shuffled = covered(kr.validate_incidents(table.sample(frac=1.0, random_state=seed)))
        assert answers(kr.KernelMixture().fit(shuffled)) == want


AS_OF = "2023-06-30"


def test_incidents_after_the_as_of_day_change_nothing() -> None:
    table = incidents()
    known = table[table["known_on"] <= AS_OF]
    assert 0 < len(known) < len(table)
    want = answers(kr.KernelMixture().fit(table, as_of=AS_OF))
    assert answers(kr.KernelMixture().fit(covered(known.copy()), as_of=AS_OF)) == want
    # Reported late: it had happened, but nobody could read of it.
    late = synthetic_incidents(200, seed=99)
    late["incident_id"] = "LATE-" + late["incident_id"]
    late["known_on"] = late["known_on"].where(late["known_on"] > AS_OF, pd.Timestamp("2024-12-30"))
    more = covered(kr.validate_incidents(pd.concat([table, late], ignore_index=True)))
    assert answers(kr.KernelMixture().fit(more, as_of=AS_OF)) == want


def test_incidents_after_the_as_of_day_change_nothing_where_coverage_is_derived() -> None:
    """A table that does not tell its coverage must not leak it from rows not yet known."""
    table = incidents()
    table.attrs = {}
    later = table["known_on"] > AS_OF
    # A country first heard of after the as-of day.
    known = table[~(later | (table["country"] == "FJ"))].copy()
    seen = table[later | (table["country"] != "FJ")].copy()
    said = []
    for one in (known, seen):
        one.attrs = {}
        model = kr.KernelMixture().fit(kr.validate_incidents(one), as_of=AS_OF)
        said.append((model.covered_area_km2_, model.origin_day_, model.weights_.tolist()))
        said[-1] += (kr.score(trip_of(PROBES[0], MOVING), model).expected_incidents,)
    assert said[0] == said[1]


def test_a_coverage_derived_from_all_rows_is_derived_anew() -> None:
    """The same where the table carries a coverage that was derived when all its rows were read."""
    table = incidents()
    table.attrs = {}
    table.attrs["coverage"] = [one.to_dict() for one in coverage_of(table)]
    later = (table["known_on"] > AS_OF).to_numpy()
    known = table[~later].copy()
    known.attrs = {}
    assert known["country"].nunique() > 1
    assert table["date_end"].max() > known["date_end"].max()
    said = [kr.KernelMixture().fit(one, as_of=AS_OF) for one in (table, known)]
    assert said[0].coverage_ == said[1].coverage_
    np.testing.assert_array_equal(said[0].covered_until_, said[1].covered_until_)
    assert answers(said[0]) == answers(said[1])


def test_a_model_folded_anew_from_its_own_records_is_the_same() -> None:
    """``records_`` are in the order of the places, whatever order they are folded from."""
    model = copy.copy(small())
    _, _, order = folded(model.records_, model)
    assert order.tolist() == list(range(len(model.records_)))
    shuffled = model.records_.sample(frac=1.0, random_state=3).reset_index(drop=True)
    _, model.places_, order = folded(shuffled, model)
    again = shuffled.iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, model.records_)
    model.forget()
    assert answers(model) == answers(small())


def test_a_weight_has_nine_digits_and_is_that_of_a_part_of_a_record_or_none() -> None:
    for model in (small(), catalogue_model()):
        weights = np.array(
            [*model.weights_.ravel(), *model.town_weights_, model.floor_weight_, model.dispersion_]
        )
        assert weights.tolist() == [float(f"{weight:.9g}") for weight in weights]
        assert min(weights) >= 0.0
        assert model.floor_weight_ > 0.0
        # A component that would bring under a millionth of a record in all of history brings none.
        brings = weights[:-1] * model.unit_expected_
        assert ((brings == 0.0) | (brings >= 1e-6 * (1.0 - 1e-8))).all()


def test_a_saved_model_scores_the_same(tmp_path: pathlib.Path) -> None:
    kr.save_model(small(), tmp_path)
    assert answers(kr.load_model(tmp_path)) == answers(small())


@FEW
@given(roads(2, 4), st.integers(0, 2**31))
def test_order_of_points_is_irrelevant_to_the_join(points: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    px = (points[0][0] + rng.normal(0, 0.3, 50) + 180.0) % 360.0 - 180.0
    py = points[0][1] + rng.normal(0, 0.3, 50)
    order = rng.permutation(50)
    path = densify(*np.array(kr.Route(points).coordinates).T)
    one = feet(path, sort_into_cells(px, py), 40.0)
    two = feet(path, sort_into_cells(px[order], py[order]), 40.0)
    first = {row: said for row, *said in zip(*(part.tolist() for part in one), strict=True)}
    again = {order[row]: said for row, *said in zip(*(part.tolist() for part in two), strict=True)}
    assert first == again


# ------- what is no trip -------


@pytest.mark.parametrize("points", [
    [(0.0, 14.0)], [(0.0, 14.0), (0.0, 14.0)], [(0.0, 14.0)] * 5, [], [(180.0, 1.0), (-180.0, 1.0)],
])  # fmt: skip
def test_no_length_is_an_error(points: Any) -> None:
    with pytest.raises(kr.RouteError):
        kr.score(kr.Trip(points, STILL), small())


def test_twenty_thousand_vertices_are_not_truncated() -> None:
    points = [(-2.4, 12.1), (0.4, 13.2), (-1.0, 13.9), (2.0, 13.4)]
    drawn = Drawn(*np.array(points).T)
    km = np.union1d(drawn.km, np.linspace(0.0, drawn.km[-1], 20_000))
    dense = kr.Trip(np.stack(drawn.at(km), axis=1), MOVING)
    assert len(dense.route.coordinates) >= 20_000
    want = kr.score(kr.Trip(points, MOVING), small())
    got = kr.score(dense, small())
    assert got.km == pytest.approx(want.km, rel=1e-9)
    assert got.expected_incidents == pytest.approx(want.expected_incidents, rel=1e-6)
    assert len(got.stretches) == len(want.stretches)


# ------- anyone's model -------


class Even:
    """A user's own model: one rate everywhere west of a meridian, silence beyond it."""

    def __init__(self, rate: float, silent_east_of: float = np.inf) -> None:
        self.rate, self.silent_east_of = rate, silent_east_of

    def intensity(self, points: gpd.GeoSeries, when: object) -> np.ndarray:
        return np.where(points.x.to_numpy() > self.silent_east_of, np.nan, self.rate)


INLAND = st.lists(
    st.tuples(st.floats(-5.0, 3.0), st.floats(12.5, 14.5)), min_size=2, max_size=4, unique=True
)


@FEW
@given(INLAND, st.floats(1e-9, 1e-3), st.floats(1.0, 50.0), st.floats(0.5, 300.0))
def test_a_users_even_model_gives_the_closed_form(
    points: Any, rate: float, radius_km: float, hours: float
) -> None:
    _, metres = inv(*np.array(points[:-1]).T, *np.array(points[1:]).T)
    assume(np.all(metres > 100.0))
    trip = trip_of(points, stops=[kr.Stop(km=0.0, hours=hours)], speed_kmh=42.0)
    risk = kr.score(trip, Even(rate), radius_km=radius_km)
    want = np.pi * radius_km**2 * rate * (trip.km / 42.0 + hours) / 24.0
    assert risk.expected_incidents == pytest.approx(want, rel=1e-9)
    assert risk.uncovered_km == pytest.approx(0.0, abs=1e-9)
    assert risk.from_incidents is None
    assert np.isnan(risk.interval).all()
    assert risk.regions["expected_incidents"].sum() == pytest.approx(want, rel=1e-9)


@FEW
@given(st.floats(-1.0, 1.5), st.floats(12.8, 14.2))
def test_a_users_silence_becomes_uncovered_km(silent_east_of: float, lat: float) -> None:
    points = [(-2.5, lat), (2.5, lat)]
    trip = trip_of(points, speed_kmh=42.0)
    risk = kr.score(trip, Even(2e-6, silent_east_of), radius_km=10.0)
    drawn = Drawn(*np.array(points).T)
    km = np.linspace(0.0, drawn.km[-1], 20_000)
    silent = float((drawn.at(km)[0] > silent_east_of).mean() * drawn.km[-1])
    # A piece of at most 5 km counts if the model answers on the road itself, asked at its three
    # Gauss points, of which the outer ones lie 11.3 % of it from its ends. That the disc
    # reaches beyond the meridian does not matter.
    edge = (0.5 - np.sqrt(0.15)) * 5.0
    assert silent - edge - 0.1 <= risk.uncovered_km <= silent + 5.0 - edge + 0.1
    assert risk.regions["km"].sum() + risk.uncovered_km == pytest.approx(risk.km, rel=1e-9)
    spoken = (risk.km - risk.uncovered_km) / 42.0
    want = np.pi * 100.0 * 2e-6 * spoken / 24.0
    assert risk.expected_incidents == pytest.approx(want, rel=1e-9)
    assert any("unknown, not low" in note for note in risk.notes)


def test_a_users_model_that_expects_nothing_is_scored_without_a_fuss() -> None:
    """Zero is an answer. Shares of nothing are missing. Warnings are errors here."""
    for stops in ([], [kr.Stop(km=30.0, hours=50.0)]):
        risk = kr.score(trip_of([(-2.0, 13.0), (1.0, 13.0)], stops=stops), Even(0.0))
        assert risk.expected_incidents == risk.probability == risk.from_parked == 0.0
        assert (risk.regions["expected_incidents"] == 0.0).all()
        assert risk.regions["share"].isna().all()
        assert not any("met while parked" in note for note in risk.notes)
        assert risk.to_dict()["regions"][0]["share"] is None


def test_a_users_silence_beyond_a_border_is_left_out_of_the_disc() -> None:
    """A rate that rises eastward, silent from 1.2 km beyond a road along a meridian: the mean is
    over what is told, so lies between the disc's western rim and the meridian of silence."""

    class Rising:
        def intensity(self, points: gpd.GeoSeries, when: object) -> np.ndarray:
            east_km = points.x.to_numpy() * 111.32 * np.cos(np.radians(13.5))
            rate = 1e-6 * np.clip(20.0 + east_km, 0.0, None)
            return np.where(east_km > 1.2, np.nan, rate)

    trip = trip_of([(0.0, 13.2), (0.0, 13.8)], speed_kmh=40.0)
    risk = kr.score(trip, Rising(), radius_km=10.0)
    assert risk.uncovered_km == 0.0
    rate = risk.expected_incidents / (np.pi * 100.0 * trip.km / 40.0 / 24.0)
    assert 10e-6 < rate < 20e-6


@pytest.mark.parametrize("rate", [-1e-9, np.inf])
def test_a_users_model_that_answers_nonsense_is_refused(rate: float) -> None:
    with pytest.raises(kr.ModelError):
        kr.score(trip_of([(-2.0, 13.0), (1.0, 13.0)]), Even(rate))


def test_a_users_model_in_metric_space() -> None:
    """A rate that rises linearly along a meridian: quadrature is exact for it."""

    class Slope:
        def intensity(self, points: gpd.GeoSeries, when: object) -> np.ndarray:
            assert isinstance(when, pd.DatetimeIndex)
            assert when.tz is not None
            return 1e-6 * (40.0 + points.y.to_numpy())

    trip = trip_of([(-1.0, 12.0), (-1.0, 14.0)], speed_kmh=40.0)
    km = np.linspace(0.0, trip.km, 200_001)
    lat = Drawn(trip.route.lon, trip.route.lat).at(0.5 * (km[1:] + km[:-1]))[1]
    want = np.pi * 100.0 * float((1e-6 * (40.0 + lat)).mean()) * trip.km / 40.0 / 24.0
    assert kr.score(trip, Slope()).expected_incidents == pytest.approx(want, rel=1e-5)
