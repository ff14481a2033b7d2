"""What a route is: checked positions, geodesic length, times, and nothing told of where it lies."""

import copy
import dataclasses
import datetime as dt
import math
import pickle  # noqa: TID251 -- a route sent to a worker process travels as a pickle

import numpy as np
import pytest
import shapely
from hypothesis import given, reject
from hypothesis import strategies as st

from kidnaprisk.errors import KidnapRiskError, RouteError
from kidnaprisk.routes.route import Route

# The equator is a circle of the semi-major axis, so a degree along it is known exactly.
EQUATOR_DEGREE_KM = 6378.137 * math.pi / 180
PARALLEL = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)]


def times(*minutes):
    start = np.datetime64("2025-01-18T06:00", "ns")
    return start + np.array(minutes, dtype="timedelta64[m]")


def test_length_is_geodesic():
    assert Route(PARALLEL).km == pytest.approx(2 * EQUATOR_DEGREE_KM, rel=1e-12)


def test_a_quarter_of_a_meridian_is_ten_thousand_kilometres():
    # WGS84 quarter meridian: 10,001,965.729 m.
    assert Route([(5, 0), (5, 90)]).km == pytest.approx(10_001.965729, abs=1e-6)


def test_twenty_thousand_vertices_over_five_thousand_km_are_all_kept():
    lon = np.linspace(0, 5000 / EQUATOR_DEGREE_KM, 20_000)
    route = Route(np.column_stack([lon, np.zeros_like(lon)]))
    assert len(route.coordinates) == 20_000
    assert route.km == pytest.approx(5000, rel=1e-9)


@pytest.mark.parametrize(
    "line", [[(179, 0), (-179, 0)], [(179, 0), (181, 0)], [(-181, 0), (-179, 0)]]
)
def test_antimeridian_is_crossed_the_short_way(line):
    route = Route(line)
    assert route.km == pytest.approx(2 * EQUATOR_DEGREE_KM, rel=1e-12)
    assert route.lon.tolist() == [179, -179]


def test_both_sides_of_the_antimeridian_are_one_place():
    assert Route([(179, 5), (180, 5), (-180, 5), (-179, 5)]).lon.tolist() == [179, -180, -179]


@pytest.mark.parametrize("lon", [180.0, -180.0, 360.0, -180.00000000000003, 179.99999999999997])
def test_longitudes_lie_in_the_half_open_range(lon):
    route = Route([(lon, 0), (lon - 1, 0)])
    assert (route.lon >= -180).all()
    assert (route.lon < 180).all()


def test_coordinates_in_range_come_back_bit_for_bit():
    line = [(2.1174600000000001, 13.5149593), (-7.5833297, 33.5332909)]
    assert Route(line).coordinates.tolist() == [list(vertex) for vertex in line]


def test_neighbours_at_one_place_become_one():
    route = Route([(0, 0), (0, 0), (1, 0), (1, 0), (1, 0), (0, 0)])
    assert route.coordinates.tolist() == [[0, 0], [1, 0], [0, 0]]
    assert Route([(0, 89), (0, 90), (77, 90), (77, 89)]).lat.tolist() == [89, 90, 89]


def test_a_halt_is_kept_between_reaching_and_leaving():
    route = Route([(0, 0), (1, 0), (1, 0), (1, 0), (2, 0)], times=times(0, 60, 90, 300, 360))
    assert route.times.tolist() == times(0, 60, 360).tolist()
    assert route.leaves.tolist() == times(0, 300, 360).tolist()
    assert dataclasses.replace(route, name="x").leaves.tolist() == route.leaves.tolist()


def test_times_may_be_aware_datetimes_of_any_zone():
    zone = dt.timezone(dt.timedelta(hours=1))
    aware = [dt.datetime(2025, 1, 18, 7, k, tzinfo=zone) for k in range(3)]
    assert Route(PARALLEL, times=aware).times[0] == np.datetime64("2025-01-18T06:00")


def test_immutable():
    given_line = np.array(PARALLEL)
    route = Route(given_line, times=times(0, 1, 2))
    given_line[:] = 0
    assert route.lon.tolist() == [0, 1, 2]
    for array in (route.coordinates, route.lon, route.lat, route.times, route.leaves):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        route.name = "other"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda route: pickle.loads(pickle.dumps(route))])
def test_a_copy_is_equal_and_still_immutable(again):
    route = Route(PARALLEL, name="x", times=times(0, 1, 2), times_dropped=None)
    twin = again(route)
    assert twin == route
    assert hash(twin) == hash(route)
    assert not twin.coordinates.flags.writeable


def test_equality():
    route = Route(PARALLEL, name="x")
    assert route == Route(np.array(PARALLEL), name="x")
    assert route != Route(PARALLEL)
    assert route != Route(PARALLEL[::-1], name="x")
    assert route != Route(PARALLEL, name="x", times=times(0, 1, 2))
    assert route != "x"


def test_text_form_tells_no_position():
    text = repr(Route([(30, 0), (43, 0)], name="haul", times=times(0, 1)))
    assert text == "Route('haul', 1,447.2 km, 2 vertices, timed)"


def test_geometry():
    assert Route(PARALLEL).geometry.equals(shapely.LineString(PARALLEL))
    assert Route(PARALLEL, name="  ").name is None


BAD = {
    "nothing": ([], {}, "no vertices"),
    "one point": ([(1, 1)], {}, "one point only"),
    "no length": ([(1, 1), (1, 1)], {}, "no length: all its 2 vertices"),
    "flat list": ([1, 2, 3, 4], {}, r"shape \(4,\)"),
    "heights": ([(1, 2, 3), (2, 3, 4)], {}, "without heights"),
    "ragged": ([(1, 2), (2, 3, 4)], {}, "not pairs of numbers"),
    "text": ([("a", "b"), ("c", "d")], {}, "not pairs of numbers"),
    "too large": ([(10**400, 2), (2, 3)], {}, "not pairs of numbers"),
    "nan": ([(1, 2), (math.nan, 3), (4, 5)], {}, "vertex 2 of route is not a finite number"),
    "infinite": ([(1, 2), (1, math.inf)], {}, "vertex 2 of route is not a finite"),
    "swapped": ([(33, 80), (13, 102)], {}, "vertex 2 .* look swapped"),
    "off the pole": ([(133, 80), (113, 92)], {}, "vertex 2 .* latitude beyond 90 degrees"),
    "beyond": ([(361, 0), (1, 0)], {}, "vertex 1 .* longitude beyond 360"),
    "metres": ([(0, 0), (-844_000, 3_960_000)], {}, "vertex 2 .* EPSG:3857"),
    "antipodes": ([(10, 20), (-170, -20)], {}, "vertices 1 and 2 lie on opposite sides"),
    "pole to pole": ([(10, 90), (55, -90)], {}, "vertices 1 and 2 lie on opposite sides"),
    "name": (PARALLEL, {"name": 7}, "name of a route is not text"),
    "few times": (PARALLEL, {"times": times(0, 1)}, "3 vertices has 2 times"),
    "time missing": (
        PARALLEL,
        {"times": np.array(["2025-01-01", "NaT", "2025-01-02"], "M8[s]")},
        "vertex 2 of route has no entry in times",
    ),
    "backwards": (PARALLEL, {"times": times(0, 5, 3)}, "times go backwards at vertex 3"),
    "naive": (PARALLEL, {"times": [dt.datetime(2025, 1, 1)] * 3}, "timezone-aware"),  # noqa: DTZ001
    "times as text": (PARALLEL, {"times": ["2025-01-01"] * 3}, "timezone-aware"),
    "left early": (
        PARALLEL,
        {"times": times(0, 5, 9), "leaves": times(0, 4, 9)},
        "vertex 2 of route is left before",
    ),
    "left late": (
        PARALLEL,
        {"times": times(0, 5, 9), "leaves": times(0, 10, 11)},
        "vertex 2 of route is left before it is reached, or after",
    ),
    "only leaves": (PARALLEL, {"leaves": times(0, 5, 9)}, "leaving times but no times"),
}


@pytest.mark.parametrize(("line", "options", "message"), BAD.values(), ids=BAD)
def test_refused(line, options, message):
    with pytest.raises(RouteError, match=message):
        Route(line, **options)


def test_error_is_a_value_error_with_a_remedy():
    with pytest.raises(ValueError, match="longitude first") as caught:
        Route([(33, 80), (13, 102)])
    assert isinstance(caught.value, KidnapRiskError)


def route_or_reject(line):
    try:
        return Route(line)
    except RouteError:
        reject()


positions = st.tuples(st.floats(-180, 179.99), st.floats(-89, 89))


@given(st.lists(positions, min_size=2, max_size=12))
def test_reversed_line_has_the_same_length(line):
    route = route_or_reject(line)
    assert Route(route.coordinates[::-1]).km == pytest.approx(route.km, rel=1e-12, abs=1e-12)


@given(st.lists(positions, min_size=2, max_size=12))
def test_a_route_of_a_route_is_the_same(line):
    route = route_or_reject(line)
    assert Route(route.coordinates) == route
