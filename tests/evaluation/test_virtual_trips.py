"""Virtual trips: how they drive. All towns and trips are SYNTHETIC."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd
import pytest

from kidnaprisk.errors import ConfigError, CoverageError
from kidnaprisk.evaluation.virtual_trips import sample_trips
from kidnaprisk.geodesy import inverse
from tests.evaluation.driving import FROM, TO, TOWNS, TRIPS, days_of, trip_rows


def test_a_trip_is_one_unbroken_way_through_space_and_time():
    for rows in trip_rows(TRIPS):
        part = TRIPS.pieces.take(rows)
        np.testing.assert_array_equal(part.end[:-1], part.start[1:])
        took = (part.hours * 3.6e12).round().astype("timedelta64[ns]")
        late = np.abs(part.when[:-1] + took[:-1] - part.when[1:])
        assert late.max(initial=np.timedelta64(0, "ns")) < np.timedelta64(1, "ms")


def test_pieces_are_short_lie_within_a_day_and_keep_the_pace():
    pieces = TRIPS.pieces
    _, km = inverse(*pieces.start.T, *pieces.end.T)
    np.testing.assert_allclose(km, TRIPS.km, atol=1e-6)
    assert TRIPS.km.max() <= 10.0 + 1e-9
    hour = (pieces.when - pieces.when.astype("datetime64[D]")) / np.timedelta64(1, "h")
    assert (hour + pieces.hours).max() <= 24.0 + 1e-9
    driven = TRIPS.km > 0.0
    np.testing.assert_allclose(pieces.hours[driven], TRIPS.km[driven] / 50.0)
    assert hour[driven].min() >= 6.0
    assert (hour + pieces.hours)[driven].max() <= 16.0 + 1e-9


def shortest_km(lon, lat, edges, origin):
    """Dijkstra's algorithm in a dozen lines."""
    _, km = inverse(lon[edges[:, 0]], lat[edges[:, 0]], lon[edges[:, 1]], lat[edges[:, 1]])
    next_to = {}
    for (a, b), length in zip(edges.tolist(), km.tolist(), strict=True):
        next_to.setdefault(a, []).append((b, length))
        next_to.setdefault(b, []).append((a, length))
    best, queue = {}, [(0.0, origin)]
    while queue:
        away, town = heapq.heappop(queue)
        if town not in best:
            best[town] = away
            for other, length in next_to[town]:
                heapq.heappush(queue, (away + length, other))
    return best


def test_trips_run_the_shortest_way_between_towns_200_to_1500_km_apart():
    lon, lat, edges = TOWNS
    name = {(x, y): k for k, (x, y) in enumerate(zip(lon, lat, strict=True))}
    for rows in trip_rows(TRIPS)[:60]:
        origin = name[tuple(TRIPS.pieces.start[rows[0]])]
        goal = name[tuple(TRIPS.pieces.end[rows[-1]])]
        km = TRIPS.km[rows].sum()
        assert 200.0 <= km <= 1500.0
        assert km == pytest.approx(shortest_km(lon, lat, edges, origin)[goal])


def test_every_town_is_as_likely_a_place_to_depart_from():
    # 240 trips from 120 towns: two from each, since each has towns far enough away.
    trips = sample_trips(*TOWNS, FROM, TO, 240, seed=8)
    origin = [tuple(trips.pieces.start[rows[0]]) for rows in trip_rows(trips)]
    assert set(pd.Series(origin).value_counts()) == {2}


def test_long_trips_spend_the_night_in_a_town_where_there_is_one():
    lon, lat, _ = TOWNS
    parked = TRIPS.km == 0.0
    places = set(map(tuple, TRIPS.pieces.start[parked]))
    in_town = places & set(zip(lon, lat, strict=True))
    assert len(in_town) >= 0.9 * len(places)
    for rows in trip_rows(TRIPS):
        days = np.bincount(days_of(TRIPS)[rows] - FROM, TRIPS.km[rows])
        assert days.max() <= 500.0 + 1e-9
        # Half a day's way at the least before it stops, on every day but the last.
        driving = np.flatnonzero(days)
        assert (days[driving[:-1]] >= 250.0).all()


def test_some_nights_are_waits_of_up_to_a_week():
    trips = sample_trips(*TOWNS, FROM, TO, 2000, seed=2)
    parked = pd.Series(np.where(trips.km == 0.0, trips.pieces.hours, 0.0))
    # A new stop begins where a parked piece follows a driven one.
    begins = (trips.km == 0.0) & np.append(True, trips.km[:-1] > 0.0)
    stops = parked[trips.km == 0.0].groupby(np.cumsum(begins)[trips.km == 0.0]).sum()
    nights = np.ceil(stops / 24.0).round().astype(int)
    share = (nights > 1).mean()
    assert nights.max() == 8
    # n stops, each a wait with probability 0.1: within four standard errors.
    assert share == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / len(nights)))


def test_trips_keep_to_the_days_asked():
    assert days_of(TRIPS).min() >= FROM
    assert days_of(TRIPS).max() <= TO
    # A trip that does not fit is cut at the end, never dropped.
    cut = sample_trips(*TOWNS, FROM, FROM, 300, seed=1)
    assert set(days_of(cut)) == {FROM}
    assert set(cut.trip) == set(range(300))
    assert cut.km.sum() < TRIPS.km.sum()


def test_the_same_seed_gives_the_same_trips():
    again = sample_trips(*TOWNS, FROM, TO, 300, seed=1)
    other = sample_trips(*TOWNS, FROM, TO, 300, seed=2)
    np.testing.assert_array_equal(again.pieces.when, TRIPS.pieces.when)
    np.testing.assert_array_equal(again.pieces.start, TRIPS.pieces.start)
    assert len(other.trip) != len(TRIPS.trip) or (other.pieces.when != TRIPS.pieces.when).any()


def test_pieces_of_one_stretch_lie_at_one_place():
    table = pd.DataFrame(
        {"stretch": TRIPS.stretch, "lon": TRIPS.lon.round(9), "lat": TRIPS.lat.round(9)}
    )
    assert (table.groupby("stretch")[["lon", "lat"]].nunique() == 1).all(axis=None)
    assert len(np.unique(TRIPS.stretch)) < 0.5 * len(TRIPS.stretch)


def test_a_desert_road_longer_than_a_day_is_slept_on():
    lon, lat = np.array([0.0, 9.0]), np.array([20.0, 20.0])
    trips = sample_trips(lon, lat, np.array([[0, 1]]), FROM, TO, 1, seed=0)
    _, km = inverse(lon[:1], lat[:1], lon[1:], lat[1:])
    night = trips.pieces.start[trips.km == 0.0]
    assert len(np.unique(night, axis=0)) == 1
    _, away = inverse(*trips.pieces.start[:1].T, *night[:1].T)
    # 94 links of 9.98 km: fifty of them are 499 km.
    assert away[0] == pytest.approx(50 * km[0] / 95, abs=0.1)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"n": 0}, "n"),
        ({"departures_to": FROM - 1}, "departures_to"),
        ({"radius_km": 0.0}, "radius_km"),
        ({"speed_kmh": np.nan}, "speed_kmh"),
        ({"speed_kmh": 1.0}, "speed_kmh"),
        ({"hours_a_day": 25.0}, "hours_a_day"),
    ],
)
def test_options_that_make_no_trip_are_refused(change, name):
    lon, lat, edges = TOWNS
    options = {"departures_from": FROM, "departures_to": TO, "n": 3, "seed": 0} | change
    with pytest.raises(ConfigError, match=name):
        sample_trips(lon, lat, edges, **options)


def test_a_country_too_small_for_trips_says_so():
    with pytest.raises(CoverageError, match="no two towns lie 200 to 1500 km apart"):
        sample_trips(np.array([0.0, 1.0]), np.zeros(2), np.array([[0, 1]]), FROM, TO, 3, seed=0)
