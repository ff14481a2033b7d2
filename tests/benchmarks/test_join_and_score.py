"""Join and score against what one would write with geopandas, on 100,000 invented incidents.

Run with ``make bench`` (or ``pytest tests/benchmarks -s``). Prints medians over runs taken in turn
in one process; asserts only that the answers agree, since times depend on the machine. Every
incident is SYNTHETIC: drawn at random around towns, two thirds of them on a town's own coordinates.
"""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.spatial import cKDTree

import kidnaprisk as kr
from kidnaprisk.exposure.nearest import feet, sort_into_cells
from kidnaprisk.geodesy import arc_from_chord_km, densify, ecef_km, interpolate

N, SEED, RUNS, WITHIN_KM, RADIUS_KM = 100_000, 20_250_118, 5, 50.0, 10.0
COUNTRIES = ("MA", "EH", "DZ", "MR", "SN", "ML", "BF", "NE", "NG", "BJ", "TG", "GH", "CI", "GN")
ROUTE = Path(__file__).resolve().parents[2] / "examples" / "casablanca_niamey.geojson"
# Equidistant from the middle of the route: the planar choice a careful user would make.
PLANAR = "+proj=aeqd +lat_0=20 +lon_0=-6 +datum=WGS84 +units=m"


@pytest.fixture(scope="module")
def incidents() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(SEED)
    towns = kr.load_towns()
    towns = towns[towns["country"].isin(COUNTRIES)]
    share = np.sqrt(towns["population"].to_numpy(float))
    row = rng.choice(len(towns), N, p=share / share.sum())
    lon, lat = towns["lon"].to_numpy(float)[row], towns["lat"].to_numpy(float)[row]
    apart = rng.random(N) > 0.67
    lon = lon + apart * rng.normal(0.0, 0.15, N)
    lat = lat + apart * rng.normal(0.0, 0.15, N)
    day = pd.Timestamp("2012-01-01") + pd.to_timedelta(rng.integers(0, 4700, N), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i:06d}" for i in range(N)], "source": "synthetic",
            "kind": "kidnapping", "date": day, "date_end": day,
            "known_on": day + pd.to_timedelta(rng.integers(0, 30, N), unit="D"),
            "location_error_km": rng.choice([1.0, 5.0, 25.0], N, p=[0.5, 0.35, 0.15]),
            "country": towns["country"].to_numpy()[row],
        },
        geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326",
    )  # fmt: skip
    cover = kr.Coverage("synthetic", COUNTRIES, dt.date(2012, 1, 1), dt.date(2024, 12, 1), True)
    table.attrs["coverage"] = [cover.to_dict()]
    return kr.validate_incidents(table)


@pytest.fixture(scope="module")
def route() -> kr.Route:
    return kr.read_route(ROUTE)


def in_turn(ways, runs=RUNS):
    """Median seconds of each way over runs taken in turn, after one to warm up."""
    seconds = {name: [] for name in ways}
    for run in range(runs + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if run:
                seconds[name].append(time.perf_counter() - begin)
    return {name: float(np.median(values)) for name, values in seconds.items()}


@pytest.fixture(scope="module")
def routes() -> list[kr.Route]:
    """SYNTHETIC: 50 straight hauls between large towns drawn at random, 300 to 3,000 km each."""
    towns = kr.load_towns()
    towns = towns[towns["country"].isin(COUNTRIES) & (towns["population"] > 100_000)]
    at = towns[["lon", "lat"]].to_numpy(float)
    rng = np.random.default_rng(SEED)
    chosen: list[kr.Route] = []
    while len(chosen) < 50:
        haul = kr.Route(at[rng.choice(len(at), 2, replace=False)])
        if 300.0 < haul.km < 3000.0:
            chosen.append(haul)
    return chosen


def show(title, medians, first):
    print(f"\n{title}")
    for name, seconds in medians.items():
        print(f"  {name:<58} {1000 * seconds:10.1f} ms  {seconds / medians[first]:8.1f} x")


def geopandas_join(points, lines):
    """Buffers on a plane, sjoin, and the distance of each pair."""
    planar = lines.to_crs(PLANAR)
    reach = gpd.GeoDataFrame(geometry=planar.buffer(1000.0 * WITHIN_KM), crs=PLANAR)
    met = gpd.sjoin(points.to_crs(PLANAR), reach, predicate="within")
    line = planar.iloc[met["index_right"]].to_numpy()
    return met.assign(distance_km=shapely.distance(met.geometry.to_numpy(), line) / 1000.0)


OURS = "join_incidents (checks 100,000 positions every time)"
KERNEL = "its kernel alone, incidents already in cells"
PLAIN = "geopandas to_crs + buffer + sjoin + distance"
BEFOREHAND = "geopandas, incidents projected beforehand"


@pytest.mark.parametrize("n_routes", [1, 50])
def test_join(incidents, route, routes, n_routes):
    asked = [route] if n_routes == 1 else routes
    # Straight in degrees is not the geodesic: both ways get the same line, nodes 5 km apart.
    dense = [densify(one.lon, one.lat) for one in asked]
    lines = gpd.GeoSeries(
        [shapely.linestrings(path.lon, path.lat) for path in dense], crs="EPSG:4326"
    )
    projected = incidents.to_crs(PLANAR)
    lon, lat = incidents.geometry.x.to_numpy(), incidents.geometry.y.to_numpy()
    cells = sort_into_cells(lon, lat)
    medians = in_turn(
        {
            OURS: lambda: kr.join_incidents(asked, incidents, within_km=WITHIN_KM),
            KERNEL: lambda: [feet(densify(one.lon, one.lat), cells, WITHIN_KM) for one in asked],
            PLAIN: lambda: geopandas_join(incidents, lines),
            BEFOREHAND: lambda: geopandas_join(projected, lines),
        },
        runs=RUNS if n_routes == 1 else 3,
    )
    km = sum(one.km for one in asked)
    title = f"{len(incidents):,} incidents, {km:,.0f} km, {WITHIN_KM:g} km, {n_routes} route(s)"
    show(f"Join: {title}", medians, OURS)
    show("  the same beside the kernel alone", medians, KERNEL)

    joined = kr.join_incidents(asked, incidents, within_km=WITHIN_KM)
    planar = geopandas_join(incidents, lines)
    row = pd.Index(incidents["incident_id"]).get_indexer(joined["incident_id"])
    mine = np.zeros((n_routes, N), dtype=bool)
    mine[joined["route"], row] = True
    theirs = np.zeros((n_routes, N), dtype=bool)
    theirs[planar["index_right"], planar.index] = True
    distance = np.full((n_routes, N), np.nan)
    distance[joined["route"], row] = joined["distance_km"]
    print(
        f"  found {mine.sum():,}; the planar way misses {(mine & ~theirs).sum()} "
        f"and adds {(theirs & ~mine).sum()}"
    )
    assert mine.sum() == len(joined)
    xyz = ecef_km(lon, lat)
    for at, one in enumerate(asked):
        # The judge: nodes every 100 m on the geodesics, nearest by straight line, as an arc.
        fine = densify(one.lon, one.lat, 0.1)
        tree = cKDTree(ecef_km(fine.lon, fine.lat))
        true = arc_from_chord_km(tree.query(xyz, distance_upper_bound=WITHIN_KM + 1.0)[0])
        assert mine[at][true < WITHIN_KM - 0.001].all()
        assert not mine[at][true > WITHIN_KM + 0.001].any()
        assert np.nanmax(np.abs(distance[at] - true)) < 0.051
    assert (mine ^ theirs).sum() < 0.02 * mine.sum()


def over_disc(h2):
    """Squared reach of the biweight that peaks at the mean over a disc of 10 km at the centre."""
    held = 1.0 - (1.0 - np.minimum(RADIUS_KM**2 / h2, 1.0)) ** 3
    return 3.0 * RADIUS_KM**2 / held


def points_every_km(route, trip):
    """Where the lorry is in the middle of each km, how long it takes, and on which day."""
    path = densify(route.lon, route.lat)
    edges = np.linspace(0.0, path.km[-1], int(np.ceil(path.km[-1])) + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    lon, lat = interpolate(path, middle)
    hours = np.diff(edges) / 55.0
    when = trip.start + pd.to_timedelta(middle / 55.0, unit="h")
    return lon, lat, hours, when


def test_score(incidents, route):
    begin = time.perf_counter()
    model = kr.KernelMixture().fit(incidents)
    print(f"\nFit on {len(incidents):,} synthetic incidents: {time.perf_counter() - begin:.1f} s")
    trip = kr.Trip(route, departure="2024-06-01T06:00Z", speed_kmh=55)
    lon, lat, hours, when = points_every_km(route, trip)
    day = (when.tz_localize(None) - pd.Timestamp("1970-01-01")).days.to_numpy() - 1
    covered = kr.load_regions()
    covered = covered[covered["country"].isin(COUNTRIES)]
    event = incidents["date"].to_numpy().astype("datetime64[D]").astype(float)
    known = incidents["known_on"].to_numpy().astype("datetime64[D]").astype(float)
    error2 = incidents["location_error_km"].to_numpy(float) ** 2
    there = ecef_km(incidents.geometry.x, incidents.geometry.y)
    towns = model.towns_
    begun = 15_340  # 2012-01-01: a memory holds what its source has told since

    def numpy_score():
        """The same hazard by numpy: every point of the route against every incident."""
        at = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326")
        inside = np.unique(gpd.sjoin(at, covered, predicate="within").index)
        total = 0.0
        for i in inside:
            here = ecef_km(lon[i : i + 1], lat[i : i + 1])
            c2 = ((there - here) ** 2).sum(axis=1)
            widest = over_disc(8.0 * (model.scales_km[-1] ** 2 + error2))
            near = np.flatnonzero((c2 < widest) & (known <= day[i]))
            value = model.floor_weight_ / model.covered_area_km2_
            age = day[i] - event[near]
            faded = [
                np.exp(-age / m) / m / (1.0 - np.exp(-(day[i] - begun) / m))
                for m in model.memories_days
            ]
            for family, blur2 in enumerate((error2[near], 0.0)):
                for s, scale in enumerate(model.scales_km):
                    h2 = over_disc(8.0 * (scale**2 + blur2))
                    k = 3.0 / (np.pi * h2) * np.clip(1.0 - c2[near] / h2, 0.0, None) ** 2
                    weights = model.weights_[0, family, s]
                    value += sum(w * (k @ f) for w, f in zip(weights, faded, strict=True))
            c2 = ((towns.xyz - here) ** 2).sum(axis=1)
            for weight, scale in zip(model.town_weights_, model.town_scales_km, strict=True):
                h2 = over_disc(8.0 * scale**2)
                k = 3.0 / (np.pi * h2) * np.clip(1.0 - c2 / h2, 0.0, None) ** 2
                value += weight * (k @ towns.share)
            total += np.pi * RADIUS_KM**2 * hours[i] / 24.0 * value
        return total

    projected = incidents.to_crs(PLANAR)

    def geopandas_score():
        """What is written most often: buffers of 10 km around points, sjoin, a faded sum."""
        at = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326").to_crs(PLANAR)
        discs = gpd.GeoDataFrame({"day": day}, geometry=at.buffer(1000.0 * RADIUS_KM), crs=PLANAR)
        met = gpd.sjoin(projected, discs, predicate="within")
        age = met["day"].to_numpy() - event[met.index]
        faded = np.where(known[met.index] <= met["day"], np.exp(-age / 365.0) / 365.0, 0.0)
        return float((faded * hours[met["index_right"]]).sum() / 24.0)

    ours = "score (regions, stretches, incidents, interval, band)"
    medians = in_turn({ours: lambda: kr.score(trip, model, RADIUS_KM),
                       "geopandas: 10 km discs every km, sjoin, sum (cruder)":
                       geopandas_score})  # fmt: skip
    medians |= in_turn(
        {"numpy: the same hazard at a point every km (total only)": numpy_score}, runs=1
    )
    show(f"Score: {route.km:,.0f} km, {len(incidents):,} incidents", medians, ours)
    risk, plain = kr.score(trip, model, RADIUS_KM), numpy_score()
    print(f"  expected incidents {risk.expected_incidents:.6g}, by numpy {plain:.6g}")
    assert risk.expected_incidents == pytest.approx(plain, rel=0.01)
