"""Towns along a trip, against distances by pyproj."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kidnaprisk as kr
from kidnaprisk.geodesy import GEOD, densify
from kidnaprisk.reports.places import Passed, TownsPassed, towns_along
from kidnaprisk.routes.towns import find_towns

DORI_TERA = [(-0.05, 14.03), (0.75, 14.01)]


def test_km_of_a_town_is_where_the_route_is_nearest() -> None:
    trip = kr.Trip(DORI_TERA, departure="2025-01-18T06:00Z")
    path = densify(trip.route.lon, trip.route.lat, 0.05)
    for passed in towns_along(trip).towns:
        town = find_towns(passed.name, passed.country).iloc[0]
        lon, lat = np.full(len(path.lon), town["lon"]), np.full(len(path.lon), town["lat"])
        _, _, metres = GEOD.inv(lon, lat, path.lon, path.lat)
        assert passed.km == pytest.approx(path.km[np.argmin(metres)], abs=1.0)
        assert passed.away_km == pytest.approx(np.min(metres) / 1000, abs=0.5)


def test_there_and_back_passes_a_town_twice() -> None:
    trip = kr.Trip([*DORI_TERA, (0.3, 14.02)], departure="2025-01-18T06:00Z")
    there = kr.Trip([(0.3, 14.02), DORI_TERA[1], (0.3, 14.02)], departure="2025-01-18T06:00Z")
    assert [town.name for town in towns_along(trip).towns].count("Téra") == 1
    back = kr.Trip([*DORI_TERA, DORI_TERA[0]], departure="2025-01-18T06:00Z")
    assert [town.name for town in towns_along(back).towns] == ["Dori", "Téra", "Dori"]
    assert [town.name for town in towns_along(there).towns] == ["Téra"]


def test_longer_road_moves_the_towns_along() -> None:
    line = kr.Trip(DORI_TERA, departure="2025-01-18T06:00Z")
    road = kr.Trip(DORI_TERA, departure="2025-01-18T06:00Z", road_km=2 * line.km)
    for short, long in zip(towns_along(line).towns, towns_along(road).towns, strict=True):
        assert long.km == pytest.approx(2 * short.km)


def test_at_sea_no_town_is_near() -> None:
    trip = kr.Trip([(-30.0, 0.0), (-29.0, 0.0)], departure="2025-01-18T06:00Z")
    assert towns_along(trip).between(0, 10) == "no town near"


@given(
    st.lists(st.floats(0, 1000), max_size=6),
    st.floats(0, 990),
)
def test_every_stretch_has_a_name_that_measures_from_a_passed_town(
    kms: list[float], km: float
) -> None:
    towns = tuple(Passed(at, f"T{i}", "NE", 1.0) for i, at in enumerate(sorted(kms)))
    name = TownsPassed(towns).between(km, km + 10)
    if not towns:
        assert name == "no town near"
    else:
        assert any(town.name in name for town in towns)
