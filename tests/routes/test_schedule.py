"""Schedules: tables worked by hand, a clock that ticks, and what holds for any trip."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kidnaprisk.errors import TripError
from kidnaprisk.routes.schedule import Legs, schedule, schedule_by_times

SIX = pd.Timestamp("2025-01-01T06:00", tz="UTC")
DAY_OF_SIX = 20089  # days from 1970-01-01 to 2025-01-01


def table(legs: Legs) -> list[tuple[str, int, float, float, float, float]]:
    """(what, piece, start, end, enter, leave) of each leg, rounded."""
    rows = zip(*(np.asarray(column).tolist() for column in legs), strict=True)
    return [
        (
            ("wait" if stop < 0 else f"stop {stop}") if parked else "drive",
            piece,
            *(round(value, 6) for value in (start, end, enter, leave)),
        )
        for piece, start, end, enter, leave, parked, _, stop in rows
    ]


class TestByHand:
    def test_round_the_clock(self) -> None:
        legs = schedule([100.0, 50.0], [50.0, 25.0], 0.0, [], SIX, None)
        assert table(legs) == [("drive", 0, 0, 1, 0, 2), ("drive", 1, 0, 1, 2, 4)]
        assert legs.day.tolist() == [DAY_OF_SIX, DAY_OF_SIX]

    def test_six_to_noon(self) -> None:
        # 500 km at 50 km/h: 6 h of driving, 18 h of waiting (midnight lies in it), 4 h of driving.
        legs = schedule([500.0], 50.0, 0.0, [], SIX, (6, 12))
        assert table(legs) == [
            ("drive", 0, 0, 0.6, 0, 6),
            ("wait", 0, 0.6, 0.6, 6, 18),
            ("wait", 0, 0.6, 0.6, 18, 24),
            ("drive", 0, 0.6, 1, 24, 28),
        ]
        assert (legs.day - DAY_OF_SIX).tolist() == [0, 0, 1, 1]

    def test_departure_before_the_window_waits_at_the_start(self) -> None:
        legs = schedule([100.0], 50.0, 0.0, [], SIX, (8, 18))
        assert table(legs) == [("wait", 0, 0, 0, 0, 2), ("drive", 0, 0, 1, 2, 4)]

    def test_night_window_runs_over_midnight(self) -> None:
        # Departing at 06:00 UTC with nights of 22 to 4: wait 16 h, drive 2 h, midnight, 1 h more.
        legs = schedule([150.0], 50.0, 0.0, [], SIX, (22, 4))
        assert table(legs) == [
            ("wait", 0, 0, 0, 0, 16),
            ("drive", 0, 0, 0.666667, 16, 18),
            ("drive", 0, 0.666667, 1, 18, 19),
        ]

    def test_the_sun_not_the_time_zone(self) -> None:
        # At 30° W solar noon is 14:00 UTC, so a window of 6 to 12 is 8 to 14 UTC.
        legs = schedule([100.0], 50.0, -30.0, [], SIX, (6, 12))
        assert table(legs) == [("wait", 0, 0, 0, 0, 2), ("drive", 0, 0, 1, 2, 4)]

    def test_driving_east_shortens_the_day(self) -> None:
        # Noon comes an hour sooner on the second piece: 2 + 3 hours, then wait 19 hours for six
        # o'clock there, which is 05:00 UTC.
        legs = schedule([100.0, 200.0], 50.0, [0.0, 15.0], [], SIX, (6, 12))
        assert table(legs) == [
            ("drive", 0, 0, 1, 0, 2),
            ("drive", 1, 0, 0.75, 2, 5),
            ("wait", 1, 0.75, 0.75, 5, 18),
            ("wait", 1, 0.75, 0.75, 18, 23),
            ("drive", 1, 0.75, 1, 23, 24),
        ]

    def test_a_stop_begins_on_arrival_and_ends_when_it_ends(self) -> None:
        # Arrive at 08:00 with 100 km done, stay 12 h until 20:00, wait for six, drive 2 h.
        legs = schedule([100.0, 100.0], 50.0, 0.0, [(100.0, 12.0)], SIX, (6, 18))
        assert table(legs) == [
            ("drive", 0, 0, 1, 0, 2),
            ("stop 0", 1, 0, 0, 2, 14),
            ("wait", 1, 0, 0, 14, 18),
            ("wait", 1, 0, 0, 18, 24),
            ("drive", 1, 0, 1, 24, 26),
        ]

    def test_a_stop_at_the_end_belongs_to_the_last_piece(self) -> None:
        legs = schedule([100.0, 100.0], 50.0, 0.0, [(200.0, 3.0)], SIX, (6, 10))
        assert table(legs)[-1] == ("stop 0", 1, 1, 1, 4, 7)

    def test_stops_at_the_start_and_two_at_one_place(self) -> None:
        legs = schedule([100.0], 50.0, 0.0, [(0.0, 1.0), (50.0, 2.0), (50.0, 3.0)], SIX, None)
        assert table(legs) == [
            ("stop 0", 0, 0, 0, 0, 1),
            ("drive", 0, 0, 0.5, 1, 2),
            ("stop 1", 0, 0.5, 0.5, 2, 4),
            ("stop 2", 0, 0.5, 0.5, 4, 7),
            ("drive", 0, 0.5, 1, 7, 8),
        ]

    def test_no_wait_after_arrival(self) -> None:
        legs = schedule([300.0], 50.0, 0.0, [], SIX, (6, 12))
        assert table(legs) == [("drive", 0, 0, 1, 0, 6)]

    def test_midnight_met_exactly_between_pieces(self) -> None:
        legs = schedule([900.0, 50.0], 50.0, 0.0, [], SIX, None)
        assert table(legs) == [("drive", 0, 0, 1, 0, 18), ("drive", 1, 0, 1, 18, 19)]
        assert (legs.day - DAY_OF_SIX).tolist() == [0, 1]

    def test_departure_at_midnight(self) -> None:
        legs = schedule([50.0], 50.0, 0.0, [(50.0, 47.0)], SIX.normalize(), None)
        assert table(legs) == [
            ("drive", 0, 0, 1, 0, 1),
            ("stop 0", 0, 1, 1, 1, 24),
            ("stop 0", 0, 1, 1, 24, 48),
        ]
        assert (legs.day - DAY_OF_SIX).tolist() == [0, 0, 1]

    def test_pieces_of_no_length_are_kept_and_wait_for_nothing(self) -> None:
        legs = schedule([0.0, 300.0, 0.0], 50.0, 0.0, [(300.0, 1.0)], SIX, (6, 12))
        assert table(legs) == [
            ("drive", 0, 0, 1, 0, 0),
            ("drive", 1, 0, 1, 0, 6),
            ("stop 0", 2, 0, 0, 6, 7),
            ("drive", 2, 0, 1, 7, 7),
        ]
        assert table(schedule([0.0], 50.0, 0.0, [], SIX, (12, 13))) == [("drive", 0, 0, 1, 0, 0)]

    def test_a_window_of_seconds_still_gets_there(self) -> None:
        # One second a day at 60 km/h is 1/60 km a day: 1 km takes 60 openings, 59 days apart.
        second = 1.0 / 3600.0
        legs = schedule([1.0], 60.0, 0.0, [], SIX, (6, 6 + second))
        assert legs.leave_hours[-1] == pytest.approx(59 * 24 + second)
        assert (legs.leave_hours - legs.enter_hours)[~legs.parked].sum() == pytest.approx(1 / 60)

    def test_thirds_of_hours_leave_no_crumbs(self) -> None:
        # 6 h in 36 pieces of 10 minutes, none of whose hours a float can hold.
        legs = schedule(np.full(72, 25.0 / 3.0), 50.0, 0.0, [], SIX, (6, 12))
        durations = legs.leave_hours - legs.enter_hours
        assert np.allclose(durations[~legs.parked], 1 / 6)
        assert len(legs.piece) == 72 + 2

    @pytest.mark.parametrize("off_km", [-1e-11, -1e-13, 0.0, 1e-13, 1e-11])
    def test_a_stop_a_hair_off_the_place_where_the_window_shuts(self, off_km: float) -> None:
        # Arrival at noon, when driving ends: the stop begins then, not when the window opens again.
        for km in ([300.0, 50.0], [350.0], [300.0]):
            legs = schedule(km, 50.0, 0.0, [(300.0 + off_km, 1.0)], SIX, (6, 12))
            assert legs.enter_hours[legs.stop == 0] == pytest.approx([6.0])
            arrival = 7.0 if sum(km) == 300.0 else 25.0
            assert legs.leave_hours[-1] == pytest.approx(arrival)

    def test_before_1970(self) -> None:
        legs = schedule([50.0], 50.0, 0.0, [], pd.Timestamp("1969-12-31T23:30Z"), None)
        assert legs.day.tolist() == [-1, 0]
        assert legs.leave_hours.tolist() == [0.5, 1.0]

    def test_departure_in_another_zone(self) -> None:
        moroccan = schedule([50.0], 50.0, 0.0, [], SIX.tz_convert("Africa/Casablanca"), (6, 18))
        assert table(moroccan) == [("drive", 0, 0, 1, 0, 1)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "wrong"),
        [
            ({"piece_km": []}, "empty"),
            ({"piece_km": [1.0, np.nan]}, "not finite"),
            ({"piece_km": [1.0, -1.0]}, "below 0"),
            ({"speed_kmh": 0.0}, "not above 0"),
            ({"speed_kmh": [50.0, np.inf]}, "not finite"),
            ({"lon": [0.0, np.nan]}, "not finite"),
            ({"stops_km_hours": [(3.0, 1.0)]}, "beyond the end"),
            ({"stops_km_hours": [(1.0, 1.0), (0.5, 1.0)]}, "not in order"),
            ({"stops_km_hours": [(1.0, -1.0)]}, "below 0"),
            ({"stops_km_hours": [(1.0, 1e5)]}, "over 5 years"),
            ({"speed_kmh": 1e-5}, "over 5 years"),
            ({"speed_kmh": 5e-324}, "over 5 years"),
            ({"departure": SIX.tz_localize(None)}, "no time zone"),
        ],
    )
    def test_says_why(self, change: dict[str, object], wrong: str) -> None:
        given = {"piece_km": [1.0, 1.0], "speed_kmh": 50.0, "lon": 0.0, "stops_km_hours": []}
        given |= {"departure": SIX, "driving_hours": None} | change
        with pytest.raises(TripError, match=wrong):
            schedule(**given)

    def test_a_window_too_short_for_the_trip(self) -> None:
        with pytest.raises(TripError, match="over 5 years"):
            schedule([5000.0], 50.0, 0.0, [], SIX, (6, 6 + 1 / 3600))
        with pytest.raises(TripError, match="less than a second a day"):
            schedule([5000.0], 50.0, 0.0, [], SIX, (6, np.nextafter(6, 7)))


class Ticking(NamedTuple):
    """Where a vehicle is during each tick: piece, quarter hours of it done, and what it does."""

    piece: list[int]
    done: list[int]
    doing: list[str]


def tick_by_tick(
    ticks: list[int],
    solar_shift: list[int],
    stops: list[tuple[int, int]],
    start: int,
    window: tuple[int, int],
) -> Ticking:
    """The rules, played on a clock of 96 quarter hours a day; all arguments in quarter hours."""
    clock, road, waiting_stops = start, 0, list(stops)
    out = Ticking([], [], [])
    starts = np.cumsum([0, *ticks[:-1]])

    def note(doing: str) -> None:
        piece = max(i for i in range(len(ticks)) if starts[i] <= road)
        out.piece.append(piece)
        out.done.append(road - int(starts[piece]))
        out.doing.append(doing)

    number = 0
    while waiting_stops or road < sum(ticks):
        if waiting_stops and waiting_stops[0][0] == road:
            for _ in range(waiting_stops.pop(0)[1]):
                note(f"stop {number}")
                clock += 1
            number += 1
            continue
        piece = max(i for i in range(len(ticks)) if starts[i] <= road)
        hour = (clock + solar_shift[piece]) % 96
        first, last = window
        is_open = first <= hour < last if first < last else hour >= first or hour < last
        note("drive" if is_open else "wait")
        road += is_open
        clock += 1
    return out


@st.composite
def quarter_hour_trips(
    draw: st.DrawFn,
) -> tuple[list[int], list[int], list[tuple[int, int]], int, tuple[int, int]]:
    ticks = draw(st.lists(st.integers(1, 60), min_size=1, max_size=8))
    shift = draw(st.lists(st.integers(-48, 47), min_size=len(ticks), max_size=len(ticks)))
    places = draw(st.lists(st.integers(0, sum(ticks)), max_size=4))
    stops = [(place, draw(st.integers(1, 200))) for place in sorted(places)]
    first, last = draw(
        st.tuples(st.integers(0, 95), st.integers(0, 95)).filter(lambda w: w[0] != w[1])
    )
    return ticks, shift, stops, draw(st.integers(0, 95)), (first, last)


@given(trip=quarter_hour_trips(), speed=st.sampled_from([40.0, 33.3, 70.0]))
def test_agrees_with_a_ticking_clock(
    trip: tuple[list[int], list[int], list[tuple[int, int]], int, tuple[int, int]], speed: float
) -> None:
    ticks, shift, stops, start, (first, last) = trip
    expected = tick_by_tick(ticks, shift, stops, start, (first, last))
    km_a_tick = speed / 4.0
    legs = schedule(
        np.array(ticks) * km_a_tick,
        speed,
        np.array(shift) * 3.75,
        [(place * km_a_tick, hours / 4.0) for place, hours in stops],
        SIX.normalize() + pd.Timedelta(minutes=15 * start),
        (first / 4.0, last / 4.0),
    )
    assert legs.leave_hours[-1] * 4 == pytest.approx(len(expected.piece), abs=1e-6)
    middle = (np.arange(len(expected.piece)) + 0.5) / 4.0
    leg = np.searchsorted(legs.leave_hours, middle)
    what = [row[0] for row in table(legs)]
    assert [what[i] for i in leg] == expected.doing
    assert legs.piece[leg].tolist() == expected.piece
    length = (legs.leave_hours - legs.enter_hours)[leg]
    at = legs.start[leg] + (legs.end - legs.start)[leg] * (middle - legs.enter_hours[leg]) / length
    driving = ~legs.parked[leg]
    done = np.array(expected.done) + 0.5 * driving
    assert np.allclose(at * np.array(ticks)[legs.piece[leg]], done, atol=1e-6)
    day = (start + np.arange(len(expected.piece))) // 96
    assert (legs.day[leg] - DAY_OF_SIX).tolist() == day.tolist()


def assert_whole(legs: Legs, n: int) -> None:
    """What holds for the legs of any trip of n pieces."""
    assert legs.enter_hours[0] == 0.0
    assert np.array_equal(legs.leave_hours[:-1], legs.enter_hours[1:])
    assert (legs.leave_hours >= legs.enter_hours).all()
    assert all(np.isfinite(column).all() for column in legs)
    assert set(legs.piece.tolist()) == set(range(n))
    assert (np.diff(legs.piece) >= 0).all()
    same = legs.piece[1:] == legs.piece[:-1]
    assert np.array_equal(legs.start[1:][same], legs.end[:-1][same])
    assert (legs.end[:-1][~same] == 1.0).all()
    assert (legs.start[1:][~same] == 0.0).all()
    assert legs.start[0] == 0.0
    assert legs.end[-1] == 1.0
    assert (legs.start[legs.parked] == legs.end[legs.parked]).all()
    assert (legs.parked[legs.stop >= 0]).all()
    assert (np.diff(legs.day) >= 0).all()


def assert_within_days(legs: Legs, departure: pd.Timestamp) -> None:
    hour = (departure - departure.normalize()) / pd.Timedelta(hours=1)
    first_day = (departure.normalize() - pd.Timestamp(0, tz="UTC")).days
    begins = (legs.day - first_day) * 24.0 - hour
    assert (legs.enter_hours >= begins - 1e-8).all()
    assert (legs.leave_hours <= begins + 24.0 + 1e-8).all()


lengths = st.one_of(st.just(0.0), st.floats(1e-9, 900.0), st.floats(0.001, 5.0))
hours_of_day = st.one_of(st.integers(0, 24).map(float), st.floats(0.0, 24.0))
departures = st.datetimes(
    pd.Timestamp("1950-01-01").to_pydatetime(), pd.Timestamp("2100-01-01").to_pydatetime()
).map(lambda naive: pd.Timestamp(naive, tz="UTC"))


@given(
    km=st.lists(lengths, min_size=1, max_size=30),
    seed=st.integers(0, 2**32 - 1),
    n_stops=st.integers(0, 5),
    departure=departures,
    window=st.none() | st.tuples(hours_of_day, hours_of_day),
)
def test_what_holds_for_any_trip(
    km: list[float],
    seed: int,
    n_stops: int,
    departure: pd.Timestamp,
    window: tuple[float, float] | None,
) -> None:
    if window is not None:
        width = (window[1] - window[0]) % 24.0
        assume(window == (0.0, 24.0) or width > 0.5)
    rng = np.random.default_rng(seed)
    piece_km = np.array(km)
    speed = rng.uniform(5.0, 120.0, len(km))
    lon = rng.uniform(-180.0, 180.0) + np.cumsum(rng.uniform(-0.05, 0.05, len(km)))
    places = np.sort(
        rng.choice(np.append(rng.uniform(0, piece_km.sum(), 5), piece_km.sum()), n_stops)
    )
    stops = [(float(place), float(rng.uniform(0.0, 100.0))) for place in places]
    legs = schedule(piece_km, speed, lon, stops, departure, window)
    assert_whole(legs, len(km))
    assert_within_days(legs, departure)

    hours = legs.leave_hours - legs.enter_hours
    for number, (_, stop_hours) in enumerate(stops):
        assert hours[legs.stop == number].sum() == pytest.approx(stop_hours, abs=1e-7)
    driven_km = (legs.end - legs.start) * piece_km[legs.piece]
    assert np.allclose(
        hours[~legs.parked], (driven_km / speed[legs.piece])[~legs.parked], atol=1e-7
    )
    assert driven_km.sum() == pytest.approx(piece_km.sum(), rel=1e-12)
    if window is None or window == (0.0, 24.0):
        assert (legs.stop[legs.parked] >= 0).all()
        return
    # Driving only while the window is open, waiting only while it is shut.
    middle = (legs.enter_hours + legs.leave_hours) / 2.0
    noon = (departure - departure.normalize()) / pd.Timedelta(hours=1)
    clock = (noon + middle + lon[legs.piece] / 15.0 - window[0]) % 24.0
    long = hours > 1e-6
    waiting = legs.parked & (legs.stop < 0)
    assert (clock[long & ~legs.parked] < width).all()
    assert (clock[long & waiting] > width).all()


@given(
    km=st.lists(st.floats(0.1, 400.0), min_size=1, max_size=10),
    cut=st.floats(0.0, 1.0),
    departure=departures,
)
def test_cutting_a_piece_in_two_changes_nothing(
    km: list[float], cut: float, departure: pd.Timestamp
) -> None:
    whole = schedule(km, 50.0, 5.0, [(km[0] / 2, 30.0)], departure, (6, 18))
    parts = [km[0] * cut, km[0] * (1.0 - cut), *km[1:]]
    split = schedule(parts, 50.0, 5.0, [(km[0] / 2, 30.0)], departure, (6, 18))
    assert split.leave_hours[-1] == pytest.approx(whole.leave_hours[-1], abs=1e-6)


class TestByTimes:
    times = np.array(
        ["2025-01-01T06:00", "2025-01-01T08:00", "2025-01-02T02:00"], dtype="datetime64[m]"
    )

    def test_even_in_km_between_vertices(self) -> None:
        legs = schedule_by_times([30.0, 10.0, 90.0], [0, 0, 1], self.times)
        assert table(legs) == [
            ("drive", 0, 0, 1, 0, 1.5),
            ("drive", 1, 0, 1, 1.5, 2),
            ("drive", 2, 0, 0.888889, 2, 18),
            ("drive", 2, 0.888889, 1, 18, 20),
        ]
        assert (legs.day - DAY_OF_SIX).tolist() == [0, 0, 0, 1]

    def test_halts_are_parked(self) -> None:
        leaves = self.times + np.array([30, 60, 120], dtype="timedelta64[m]")
        legs = schedule_by_times([40.0, 90.0], [0, 1], self.times, leaves)
        assert table(legs) == [
            ("wait", 0, 0, 0, 0, 0.5),
            ("drive", 0, 0, 1, 0.5, 2),
            ("wait", 1, 0, 0, 2, 3),
            ("drive", 1, 0, 0.882353, 3, 18),
            ("drive", 1, 0.882353, 1, 18, 20),
            ("wait", 1, 1, 1, 20, 22),
        ]

    def test_two_vertices_at_one_place_are_a_halt(self) -> None:
        for km, segment in (([40.0, 0.0], [0, 1]), ([40.0], [0])):
            legs = schedule_by_times(km, segment, self.times)
            assert (legs.leave_hours - legs.enter_hours)[legs.parked].sum() == 18.0
            assert legs.leave_hours[-1] == 20.0
            assert_whole(legs, len(km))

    def test_no_time_between_two_vertices(self) -> None:
        legs = schedule_by_times([1.0, 2.0], [0, 1], self.times[[0, 0, 1]])
        assert table(legs) == [("drive", 0, 0, 1, 0, 0), ("drive", 1, 0, 1, 0, 2)]

    @pytest.mark.parametrize(
        ("change", "wrong"),
        [
            ({"times": times[::-1]}, "backwards"),
            ({"times": np.array(["2025-01-01", "NaT", "2025-01-02"], dtype="M8[D]")}, "missing"),
            ({"times": times[:1]}, "missing"),
            ({"leaves": times[:2]}, "missing"),
            ({"segment": [0, 2]}, "segments"),
            ({"segment": [1, 0]}, "segments"),
            ({"segment": [0]}, "segments"),
            ({"piece_km": [1.0, np.nan]}, "not finite"),
            (
                {"times": np.array(["2015-01-01", "2020-01-01", "2025-01-01"], dtype="M8[D]")},
                "5 years",
            ),
        ],
    )
    def test_says_why_not(self, change: dict[str, object], wrong: str) -> None:
        given = {"piece_km": [1.0, 1.0], "segment": [0, 1], "times": self.times} | change
        with pytest.raises(TripError, match=wrong):
            schedule_by_times(**given)

    @given(data=st.data(), departure=departures)
    def test_what_holds_for_any_track(self, data: st.DataObject, departure: pd.Timestamp) -> None:
        vertices = data.draw(st.integers(2, 8))
        gaps = data.draw(
            st.lists(st.integers(0, 10**14), min_size=2 * vertices - 1, max_size=2 * vertices - 1)
        )
        halts = data.draw(st.booleans())
        steps = [gap if halts or i % 2 else 0 for i, gap in enumerate(gaps)]
        ns = departure.as_unit("ns").value + np.cumsum(np.array([0, *steps]))
        times, leaves = ns.reshape(-1, 2).T.astype("datetime64[ns]")
        parts = data.draw(st.lists(st.integers(1, 4), min_size=vertices - 1, max_size=vertices - 1))
        segment = np.repeat(np.arange(vertices - 1), parts)
        km = np.array(data.draw(st.lists(lengths, min_size=len(segment), max_size=len(segment))))
        legs = schedule_by_times(km, segment, times, leaves)
        assert_whole(legs, len(km))
        assert_within_days(legs, departure)
        assert legs.leave_hours[-1] == pytest.approx((ns[-1] - ns[0]) / 3.6e12, abs=1e-8)
        moved = np.bincount(segment, km, minlength=vertices - 1) > 0
        halted = (ns[1::2] - ns[::2]).sum() + (ns[2::2] - ns[1:-1:2])[~moved].sum()
        parked = (legs.leave_hours - legs.enter_hours)[legs.parked].sum()
        assert parked == pytest.approx(halted / 3.6e12, abs=1e-7)
