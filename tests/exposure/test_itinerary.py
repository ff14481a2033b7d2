"""Trips cut into pieces: nothing lost, nothing doubled, every border where shapely has it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import kidnaprisk as kr
from kidnaprisk.exposure.itinerary import Itinerary, itinerary
from kidnaprisk.geodesy import GEOD
from tests.exposure import oracle

ROADS = {
    "haul": [(-7.99, 12.65), (-5.47, 12.39), (-1.52, 12.37), (0.75, 14.01), (2.11, 13.51)],
    "one long segment": [(-7.99, 12.65), (2.11, 13.51)],
    "lesotho enclave": [(26.2, -29.1), (28.4, -29.55), (30.4, -29.6)],
    "gambia twice": [(-15.5, 14.5), (-15.5, 12.8), (-15.2, 12.8), (-15.2, 14.5)],
    "capital districts": [(2.0, 13.0), (2.11, 13.51), (2.2, 14.2)],
    "bamako there and back": [(-8.3, 12.4), (-7.7, 12.8), (-8.3, 12.4)],
    "antimeridian": [(178.0, -18.0), (179.6, -16.6), (-179.8, -16.9)],
    "chukotka": [(177.0, 66.0), (-176.0, 66.5)],
    "europe": [(6.0, 50.9), (9.0, 47.5), (7.4, 43.75), (12.45, 41.9)],
}


@pytest.fixture(scope="module")
def regions() -> oracle.Regions:
    return oracle.Regions(kr.load_regions())


def km_of(way: Itinerary) -> dict[str, float]:
    ids = np.append(way.regions["region_id"].to_numpy(object), "")
    km = np.bincount(np.where(way.region < 0, len(ids) - 1, way.region), way.km, len(ids))
    return {ids[i]: float(km[i]) for i in np.flatnonzero(km > 0.0)}


@pytest.mark.parametrize("name", ROADS)
def test_km_by_region_to_1e_9(name: str, regions: oracle.Regions) -> None:
    """Lengths by region, against point in polygon on the true geodesic, borders bisected."""
    trip = kr.Trip(ROADS[name], departure="2025-06-01T06:00Z")
    got = km_of(itinerary(trip))
    line = oracle.cut_line(trip.route.lon, trip.route.lat, regions, 0.05, finest=100)
    want = oracle.km_by_region(line, regions)
    assert {key for key in got if got[key] > 1e-3} == {key for key in want if want[key] > 1e-3}
    for region_id, km in want.items():
        assert got[region_id] == pytest.approx(km, rel=1e-9, abs=1e-9 * trip.km), region_id
    assert sum(got.values()) == pytest.approx(trip.km, rel=1e-12)


@pytest.mark.parametrize("name", ROADS)
def test_pieces_are_the_trip(name: str) -> None:
    trip = kr.Trip(
        ROADS[name], departure="2025-06-01T06:00Z", speed_kmh=33.0, driving_hours=(6, 18),
        stops=[kr.Stop(km=50.0, hours=70.0), kr.Stop(km=50.0, hours=1.0)],
    )  # fmt: skip
    way = itinerary(trip)
    km = GEOD.line_length(trip.route.lon, trip.route.lat) / 1000.0
    assert way.km.sum() == pytest.approx(km, rel=1e-12)
    assert way.km.max() <= 5.0 * (1.0 + 1e-9)
    _, _, metres = GEOD.inv(*way.start.T, *way.end.T)
    np.testing.assert_allclose(np.asarray(metres) / 1000.0, way.km, atol=1e-8)
    np.testing.assert_allclose(way.end[:-1], way.start[1:], atol=1e-9)
    assert (way.leave[:-1] == way.enter[1:]).all()
    np.testing.assert_allclose(way.km_at, np.append(0.0, np.cumsum(way.km)[:-1]), atol=1e-8)
    spent = (way.leave - way.enter).astype("timedelta64[ns]").astype(float) / 3.6e12
    np.testing.assert_allclose(spent, way.hours, atol=2e-6)
    drove = way.hours[way.km > 0.0].sum()
    assert drove == pytest.approx(km / 33.0, rel=1e-9)
    late = way.day + 1
    assert (way.leave.astype("datetime64[ns]") <= late.astype("datetime64[D]")).all()
    assert (way.enter.astype("datetime64[ns]") >= way.day.astype("datetime64[D]")).all()
    parked_at_50 = (way.km == 0.0) & (np.abs(way.km_at - 50.0) < 1e-6)
    assert way.hours[parked_at_50].sum() >= 71.0 - 1e-9


def test_stretches_are_about_ten_km_and_hold_their_pieces() -> None:
    trip = kr.Trip(ROADS["haul"], departure="2025-06-01T06:00Z", road_km=1600.0)
    way = itinerary(trip)
    length = np.diff(way.stretch_km)
    assert length.max() <= 10.0 + 1e-9
    assert length.min() > 9.0
    inside = (way.km_at >= way.stretch_km[way.stretch] - 1e-6) & (
        way.km_at + way.km <= way.stretch_km[way.stretch + 1] + 1e-6
    )
    assert inside.all()
    assert way.km.sum() == pytest.approx(1600.0, rel=1e-12)


def test_a_road_along_a_border_belongs_to_one_side_the_same_each_time(
    regions: oracle.Regions,
) -> None:
    """Vertices taken from the border of two regions of Burkina Faso and Niger itself."""
    ids = regions.table["region_id"].tolist()
    sahel, tillaberi = (regions.shapes[ids.index(i)] for i in ("BF-sahel", "NE-tillaberi"))
    shared = shapely.line_merge(shapely.intersection(sahel.boundary, tillaberi.boundary))
    part = max(shapely.get_parts(shared), key=lambda line: line.length)
    road = shapely.get_coordinates(part)
    assert len(road) > 10
    trip = kr.Trip(road, departure="2025-06-01T06:00Z")
    there = km_of(itinerary(trip))
    assert sum(there.values()) == pytest.approx(trip.km, rel=1e-12)
    assert there == km_of(itinerary(trip))
    back = km_of(itinerary(kr.Trip(road[::-1], departure="2025-06-01T06:00Z")))
    assert set(there) == set(back) <= {"BF-sahel", "NE-tillaberi"}
    for key, km in there.items():
        assert back[key] == pytest.approx(km, rel=1e-9, abs=1e-6)
    both = km_of(itinerary(kr.Trip(np.vstack([road, road[-2::-1]]), departure="2025-06-01T06:00Z")))
    for key, km in there.items():
        assert both[key] == pytest.approx(2.0 * km, rel=1e-9, abs=1e-6)


def test_twenty_thousand_vertices_are_all_driven() -> None:
    drawn = oracle.Drawn(*np.array(ROADS["haul"]).T)
    km = np.linspace(0.0, drawn.km[-1], 20_000)
    lon, lat = drawn.at(km)
    lat = lat + 1e-4 * np.sin(np.arange(20_000))
    trip = kr.Trip(np.stack([lon, lat], axis=1), departure="2025-06-01T06:00Z")
    assert len(trip.route.coordinates) == 20_000
    way = itinerary(trip)
    assert way.km.sum() == pytest.approx(GEOD.line_length(lon, lat) / 1000.0, rel=1e-12)
    np.testing.assert_allclose(way.end[-1], [lon[-1], lat[-1]], atol=1e-12)
