"""The search for places: all within reach, each once, none beyond, anywhere on the ellipsoid."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard.tiers import lay_out, places_within


def laid_out(lon, lat, error, group, widest_km):
    xyz, error2 = ecef_km(lon, lat), np.asarray(error, float) ** 2
    order, tiers = lay_out(xyz, error2, np.asarray(group, np.int64), widest_km)
    return np.ascontiguousarray(xyz[order]), error2[order], np.asarray(group)[order], tiers


def found_within(xyz, tiers, box, limit):
    room, found = np.empty(len(xyz), dtype=np.int64), []
    for tier in range(len(tiers.group)):
        count = places_within(tiers, xyz, tier, *box, limit, room, np.empty(len(xyz)))
        found.append(room[:count].tolist())
    return found


@pytest.mark.parametrize("widest_km", [1.0, 20.0, 400.0])
@pytest.mark.parametrize(
    ("lon", "lat"), [(0.0, 13.0), (180.0, 0.0), (-180.0, 60.0), (33.0, 90.0), (90.0, -89.9)]
)
def test_the_search_finds_what_a_look_at_every_place_finds(lon, lat, widest_km):
    """SYNTHETIC places around the equator, both sides of the date line and both poles."""
    rng = np.random.default_rng(4)
    at = ecef_km([lon], [lat])[0]
    away = at + rng.normal(0.0, 5.0 * widest_km, (400, 3))
    away[:40] = at  # many in one spot
    east = np.degrees(np.arctan2(away[:, 1], away[:, 0]))
    north = np.degrees(np.arctan2(away[:, 2], np.hypot(away[:, 0], away[:, 1])))
    xyz, _, group, tiers = laid_out(
        east, north, rng.choice([0.0, 30.0, 200.0], 400), rng.integers(0, 3, 400), widest_km
    )
    for point in (at, xyz[7], at * 1.01, ecef_km([lon + 170.0], [-lat])[0]):
        for limit in (0.0, 2.0 * widest_km, 9.0 * widest_km, 13_000.0):
            for box in ((point, point), (point, point + widest_km * np.array([0.5, 0.0, 3.0]))):
                found = found_within(xyz, tiers, box, limit)
                away2 = ((xyz - np.clip(xyz, *box)) ** 2).sum(axis=1)
                near = np.flatnonzero(away2 <= limit * limit)
                assert sorted(chain.from_iterable(found)) == near.tolist()
                for tier, rows in enumerate(found):
                    assert (group[rows] == tiers.group[tier]).all()


@given(
    st.lists(
        st.tuples(
            st.sampled_from([-180.0, -179.9, 0.0, 0.001, 179.9]),
            st.sampled_from([-90.0, 0.0, 13.5, 90.0]),
            st.sampled_from([0.0, 5.0, 11.0, 200.0]),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=40,
    ),
    st.floats(0.5, 300.0),
)
def test_tiers_hold_one_group_of_about_one_reach(places, widest_km):
    xyz, error2, group, tiers = laid_out(*zip(*places, strict=True), widest_km)
    found = found_within(xyz, tiers, (np.zeros(3), np.zeros(3)), 7_000.0)
    assert list(chain.from_iterable(found)) == list(
        range(len(places))
    )  # every place once, tier after tier
    assert tiers.column_start[0] == 0
    assert tiers.column_start[-1] == len(places)
    for tier, rows in enumerate(found):
        reach2 = widest_km**2 + error2[rows]
        assert set(group[rows]) == {tiers.group[tier]}
        assert tiers.error2[tier] == error2[rows].max()
        assert reach2.max() <= 2.0 * reach2.min() * (1.0 + 1e-9)


def test_no_places_make_no_tiers():
    empty = np.empty((0, 3))
    order, tiers = lay_out(empty, np.empty(0), np.empty(0, dtype=np.int64), 10.0)
    assert len(order) == 0
    assert found_within(empty, tiers, (np.zeros(3), np.zeros(3)), 1e5) == []


def test_a_world_of_places_with_a_narrow_kernel_needs_few_columns():
    """A reach of 8.5 km would cut 12,700 km into thousands of columns a side; 257 are enough."""
    rng = np.random.default_rng(1)
    _, _, _, tiers = laid_out(
        rng.uniform(-180, 180, 500), rng.uniform(-90, 90, 500), np.zeros(500), np.zeros(500), 3.0
    )
    assert tiers.shape.max() <= 257
