"""The join against brute-force Karney over every undensified segment."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.exposure.nearest import feet, nearest_in_groups, sort_into_cells
from kidnaprisk.geodesy import densify, ecef_km
from tests.exposure.oracle import GEOD, nearest_by_bisection, tolerance_km

ALONG_KM = 0.5e-3


def around(lon: np.ndarray, lat: np.ndarray, within_km: float, n: int, rng) -> tuple:
    """Points at 0 to 1.2 times the radius from random places of a line, and on its vertices."""
    k = rng.integers(0, len(lon) - 1, n)
    course, _, metres = GEOD.inv(lon[k], lat[k], lon[k + 1], lat[k + 1])
    x, y, _ = GEOD.fwd(lon[k], lat[k], course, np.asarray(metres) * rng.uniform(0, 1, n))
    away = 1200.0 * within_km * np.sqrt(rng.uniform(0, 1, n))
    px, py, _ = GEOD.fwd(x, y, rng.uniform(0, 360, n), away)
    return np.append(px, lon[:3]), np.append(py, lat[:3])


def disagreements(lon, lat, px, py, within_km: float) -> list[str]:
    """Every way in which the library's join differs from the oracle's."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    truth = nearest_by_bisection(lon, lat, px, py)
    foot = feet(densify(lon, lat), sort_into_cells(px, py), within_km)
    found = np.zeros(len(px), dtype=bool)
    found[foot.row] = True
    wrong = []
    if len(np.unique(foot.row)) != len(foot.row):
        wrong.append("a point is met twice")
    edge = np.abs(truth.distance_km - within_km) <= 2e-5
    strict = (truth.distance_km <= within_km) & ~edge
    true_km, true_along = truth.distance_km[foot.row], truth.along_km[foot.row]
    missed, invented = (
        truth.distance_km[strict & ~found],
        truth.distance_km[found & ~strict & ~edge],
    )
    off = np.abs(foot.distance_km - true_km) > tolerance_km(true_km)
    shifted = (np.abs(foot.along_km - true_along) > ALONG_KM) & truth.unique[foot.row]
    wrong += [f"missed {km:.6f} of {within_km}" for km in missed]
    wrong += [f"invented {km:.6f} of {within_km}" for km in invented]
    wrong += [f"{foot.distance_km[i]:.7f} is {true_km[i]:.7f} km" for i in np.flatnonzero(off)]
    wrong += [
        f"along {foot.along_km[i]:.5f} is {true_along[i]:.5f} km, {true_km[i]:.3f} km away"
        for i in np.flatnonzero(shifted)
    ]
    if not np.all(np.diff(foot.along_km) >= 0.0):
        wrong.append("not in order of travel")
    return wrong


def winding(lon0: float, lat0: float, n: int, leg_km: float, rng, course: float = 80.0):
    """A winding line of n legs that keeps a rough course."""
    lon, lat = [lon0], [lat0]
    for _ in range(n):
        x, y, _ = GEOD.fwd(
            lon[-1], lat[-1], course + rng.normal(0, 40), 1000 * leg_km * rng.uniform(0.2, 1.5)
        )
        lon.append(float(x))
        lat.append(float(y))
    return np.array(lon), np.array(lat)


@pytest.mark.parametrize("lat0", [0.0, 14.0, 33.0, 55.0, 71.0, -29.0, -52.0, -72.0])
@pytest.mark.parametrize("within_km", [5.0, 50.0, 150.0])
def test_winding_road_at_any_latitude(lat0: float, within_km: float) -> None:
    rng = np.random.default_rng(int(abs(lat0) * 10 + within_km))
    lon, lat = winding(2.0, lat0, 25, 12.0, rng)
    px, py = around(lon, lat, within_km, 150, rng)
    assert disagreements(lon, lat, px, py, within_km) == []


@pytest.mark.parametrize("within_km", [250.0, 500.0])
@pytest.mark.parametrize("lat0", [0.0, 45.0, -70.0])
@pytest.mark.parametrize("course", [0.0, 80.0])
def test_wide_radius(lat0: float, within_km: float, course: float) -> None:
    rng = np.random.default_rng(int(100 + within_km + lat0 + course))
    lon, lat = winding(-5.0, lat0, 6, 60.0, rng, course)
    px, py = around(lon, lat, within_km, 80, rng)
    assert disagreements(lon, lat, px, py, within_km) == []


@pytest.mark.parametrize("lat0", [0.0, 30.0, 60.0, -65.0])
def test_segments_of_a_thousand_km(lat0: float) -> None:
    """A geodesic this long leaves its parallel by tens of km: the original one counts."""
    rng = np.random.default_rng(3)
    ends = [(0.0, lat0)]
    for course in (88.0, 20.0, 250.0):
        x, y, _ = GEOD.fwd(*ends[-1], course, 1_000_000.0)
        ends.append((float(x), float(y)))
    lon, lat = np.array(ends).T
    px, py = around(lon, lat, 50.0, 200, rng)
    assert disagreements(lon, lat, px, py, 50.0) == []


@pytest.mark.parametrize("lat0", [-72.0, -17.0, 0.0, 66.0])
def test_across_the_antimeridian(lat0: float) -> None:
    rng = np.random.default_rng(11)
    lon, lat = winding(178.5, lat0, 30, 15.0, rng, course=90.0)
    assert lon.max() - lon.min() > 180.0
    px, py = around(lon, lat, 60.0, 250, rng)
    px, py = np.append(px, [180.0, -180.0]), np.append(py, [lat[0], lat[0]])
    assert disagreements(lon, lat, px, py, 60.0) == []


def test_along_the_antimeridian() -> None:
    """A road on the seam meets points on both sides of it."""
    lon, lat = np.full(5, -180.0), np.linspace(-3.0, 3.0, 5)
    rng = np.random.default_rng(2)
    px, py = around(lon, lat, 40.0, 200, rng)
    assert {True, False} == set((px > 0).tolist())
    assert disagreements(lon, lat, px, py, 40.0) == []


@pytest.mark.parametrize("lat0", [85.0, 89.3, -89.6])
def test_near_the_poles(lat0: float) -> None:
    rng = np.random.default_rng(5)
    lon, lat = winding(10.0, lat0, 20, 12.0, rng)
    px, py = around(lon, lat, 60.0, 150, rng)
    px, py = np.append(px, [0.0, 77.0]), np.append(py, np.sign(lat0) * np.array([90.0, 89.9]))
    assert disagreements(lon, lat, px, py, 60.0) == []


def test_over_the_pole() -> None:
    lon, lat = np.array([10.0, -170.0 + 1e-3]), np.array([89.0, 88.7])
    rng = np.random.default_rng(6)
    px, py = around(lon, lat, 60.0, 150, rng)
    assert disagreements(lon, lat, px, py, 60.0) == []


def test_there_and_back() -> None:
    """Distances are those of one way; the nearest place may be on either."""
    rng = np.random.default_rng(8)
    lon, lat = winding(0.0, 13.0, 15, 20.0, rng)
    px, py = around(lon, lat, 50.0, 200, rng)
    both = np.append(lon, lon[-2::-1]), np.append(lat, lat[-2::-1])
    assert disagreements(*both, px, py, 50.0) == []
    cells = sort_into_cells(px, py)
    one, two = (feet(densify(*line), cells, 50.0) for line in ((lon, lat), both))
    assert sorted(one.row) == sorted(two.row)
    length = densify(lon, lat).km[-1]
    folded = np.minimum(two.along_km, 2 * length - two.along_km)
    back = dict(zip(two.row.tolist(), folded.tolist(), strict=True))
    for row, along in zip(one.row.tolist(), one.along_km.tolist(), strict=True):
        assert back[row] == pytest.approx(along, abs=2e-3)


def test_a_road_that_crosses_itself() -> None:
    angle = np.linspace(0.0, 4.0 * np.pi, 60)
    lon = 1.0 + 0.8 * np.sin(angle) + 0.01 * angle
    lat = 13.0 + 0.5 * np.sin(2 * angle)
    rng = np.random.default_rng(9)
    px, py = around(lon, lat, 30.0, 250, rng)
    assert disagreements(lon, lat, px, py, 30.0) == []


def test_five_thousand_km_of_many_vertices() -> None:
    """Along-route km neither drift nor jump over 5,000 km."""
    rng = np.random.default_rng(10)
    lon, lat = winding(-9.0, 33.0, 1100, 5.6, rng, course=170.0)
    _, _, metres = GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    assert metres.sum() > 5_000_000.0
    px, py = around(lon, lat, 10.0, 400, rng)
    truth = nearest_by_bisection(lon, lat, px, py)
    assert truth.unique.mean() > 0.5
    assert disagreements(lon, lat, px, py, 10.0) == []


def test_short_segments_and_vertices_a_metre_apart() -> None:
    rng = np.random.default_rng(12)
    lon, lat = winding(-1.0, 14.0, 80, 0.004, rng)
    px, py = around(lon, lat, 5.0, 100, rng)
    assert disagreements(lon, lat, px, py, 5.0) == []


def test_a_point_on_the_road_is_at_no_distance() -> None:
    lon, lat = np.array([0.0, 0.0, 8.0]), np.array([10.0, 14.0, 15.0])
    x, y, _ = GEOD.fwd(0.0, 14.0, GEOD.inv(0.0, 14.0, 8.0, 15.0)[0], 300_000.0)
    foot = feet(densify(lon, lat), sort_into_cells(np.array([x]), np.array([y])), 5.0)
    assert foot.distance_km[0] < 2e-5
    before = GEOD.inv(0.0, 10.0, 0.0, 14.0)[2] / 1000.0
    assert foot.along_km[0] == pytest.approx(before + 300.0, abs=ALONG_KM)


def test_nearest_in_groups_is_the_nearest() -> None:
    rng = np.random.default_rng(13)
    lon, lat = winding(0.0, 14.0, 60, 8.0, rng)
    path = densify(lon, lat)
    px, py = around(lon, lat, 80.0, 60, rng)
    group = np.arange(len(path.segment)) // 40
    node = ecef_km(path.lon, path.lat)
    n_groups = int(group.max()) + 2
    got = nearest_in_groups(node[:-1], node[1:], group, n_groups, ecef_km(px, py))
    for g in range(n_groups - 1):
        first, last = np.flatnonzero(group == g)[[0, -1]]
        part = slice(first, last + 2)
        want = nearest_by_bisection(path.lon[part], path.lat[part], px, py).distance_km.min()
        assert got[g] == pytest.approx(want, abs=1e-6 * want + 2e-5)
    assert np.isnan(got[-1])


def test_join_incidents_gives_rows_by_route(table: gpd.GeoDataFrame) -> None:
    """The public join: every route's own rows, geodesic, with the incident's columns kept."""
    routes = [
        kr.Route([(-8.0, 12.6), (2.1, 13.5)]),
        kr.Route([(26.0, -29.0), (30.0, -29.5)]),
        kr.Route([(60.0, 60.0), (61.0, 60.0)]),
    ]
    joined = kr.join_incidents(routes, table, within_km=80)
    px, py = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    for number, route in enumerate(routes):
        truth = nearest_by_bisection(route.lon, route.lat, px, py).distance_km
        mine = joined[joined["route"] == number]
        want = set(table["incident_id"][truth <= 80.0])
        assert set(mine["incident_id"]) == want
        by_id = pd.Series(truth, index=table["incident_id"].astype(str))
        difference = mine["distance_km"].to_numpy() - by_id[mine["incident_id"]].to_numpy()
        assert np.all(np.abs(difference) <= 1e-6 * 80 + 2e-5)
    assert set(joined["route"]) == {0, 1}
    shuffled = kr.join_incidents(routes, table.sample(frac=1.0, random_state=1), within_km=80)
    pd.testing.assert_frame_equal(
        pd.DataFrame(shuffled.drop(columns="geometry")).sort_values(["route", "incident_id"],
                                                                    ignore_index=True),
        pd.DataFrame(joined.drop(columns="geometry")).sort_values(["route", "incident_id"],
                                                                  ignore_index=True),
    )  # fmt: skip


@pytest.mark.parametrize("within_km", [5.0, 20.0, 50.0, 100.0, 180.0, 220.0, 350.0, 500.0])
@pytest.mark.parametrize("lat0", [0.0, 20.0, 45.0, 72.0, -60.0])
def test_the_set_is_exact_at_the_radius(lat0: float, within_km: float) -> None:
    """Points 3 cm inside the radius are met, points 3 cm outside are not."""
    ends = [(-179.0, lat0)]
    course, _, _ = GEOD.inv(*ends[0], -177.0, lat0 + 1.0)
    x, y, _ = GEOD.fwd(*ends[0], course, 900_000.0)
    lon, lat = np.array([ends[0][0], x]), np.array([lat0, y])
    at = np.linspace(300_000.0, 600_000.0, 25)
    foot_lon, foot_lat, back = GEOD.fwd(
        np.full(25, ends[0][0]), np.full(25, lat0), np.full(25, course), at
    )
    side = np.where(np.arange(25) % 2, 90.0, -90.0)
    for slip_m in (-0.03, 0.03):
        away = np.full(25, 1000.0 * within_km + slip_m)
        px, py, _ = GEOD.fwd(foot_lon, foot_lat, np.asarray(back) + 180.0 + side, away)
        foot = feet(densify(lon, lat), sort_into_cells(px, py), within_km)
        assert len(foot.row) == (25 if slip_m < 0 else 0)
