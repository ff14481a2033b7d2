"""When a trip is where: pieces of road turned into legs in order of time.

Arrays in, arrays out: no geometry, no towns. A vehicle drives only while the driving window is
open, by the sun at the place where it is; when the window shuts it parks on the spot until it opens
again. A stop begins on arrival and lasts its hours whatever the window; driving after it
waits for the window. Every leg lies within one UTC day, since the hazard holds for a whole one.

Local mean solar time is UTC + longitude / 15; the equation of time, up to a quarter of an hour, is
left out. Hours are counted from departure; instants within 4 microseconds are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.errors import TripError
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.routes.driving import (
    COLUMNS,
    DRIVING,
    END,
    ENTER,
    KIND,
    LEAVE,
    PIECE,
    START,
    WAITING,
    cut_at_midnights,
    drive,
)

LONGEST_YEARS = 5
LONGEST_HOURS = LONGEST_YEARS * 365.25 * 24.0
_SAME_PLACE_KM = 1e-9
_SHORTEST_WINDOW_HOURS = 0.999 / 3600.0
_NS_PER_HOUR = 3_600_000_000_000
_NS_PER_DAY = 24 * _NS_PER_HOUR


class Legs(NamedTuple):
    """A trip as k legs in order of time, without gaps.

    ``piece`` (k,) position of the piece the leg lies on; ``start``, ``end`` (k,) fractions [0, 1]
    of that piece, equal for parked legs; ``enter_hours``, ``leave_hours`` (k,) hours since
    departure; ``parked`` (k,) True for stops and waits; ``day`` (k,) the UTC day that holds the
    leg, in days since 1970-01-01 (one that leaves at midnight is of the day that ends); ``stop``
    (k,) position of the stop that the leg is part of, -1 for driving and waiting.
    """

    piece: Ints
    start: Floats
    end: Floats
    enter_hours: Floats
    leave_hours: Floats
    parked: npt.NDArray[np.bool_]
    day: Ints
    stop: Ints


def schedule(
    piece_km: npt.ArrayLike,
    speed_kmh: npt.ArrayLike,
    lon: npt.ArrayLike,
    stops_km_hours: Sequence[tuple[float, float]],
    departure: pd.Timestamp,
    driving_hours: tuple[float, float] | None = None,
    lon_end: npt.ArrayLike | None = None,
) -> Legs:
    """Drive a line at a pace, within a driving window and with stops.

    Parameters
    ----------
    piece_km : array-like (n,)
        Length of each piece as driven; 0 is allowed.
    speed_kmh : array-like (n,) or float
        Speed on each piece.
    lon : array-like (n,) or float
        Longitude of each piece's start in degrees, for solar time.
    stops_km_hours : sequence of (km, hours) or PlacedStop
        Km from the start, in order. A stop between two pieces is on the one that begins there.
    departure : Timestamp
        Timezone-aware.
    driving_hours : (float, float), optional
        First and last hour of driving in solar time; over midnight if the first is later.
    lon_end : array-like (n,) or float, optional
        Longitude of each piece's end, so that the sun moves on along it; else it is that of its
        start throughout.

    Returns
    -------
    Legs

    Raises
    ------
    TripError
        If a length, speed, longitude or stop cannot be, or the trip takes over five years.

    Examples
    --------
    From six to noon by the sun, 500 km at 50 km/h: six hours, eighteen hours of waiting, four hours
    (the wait is two legs, for midnight lies in it).

    >>> day = pd.Timestamp("2025-01-01T06:00Z")
    >>> legs = schedule([500.0], 50.0, 0.0, [], day, (6, 12))
    >>> legs.leave_hours.tolist(), legs.parked.tolist()
    ([6.0, 18.0, 24.0, 28.0], [False, True, True, False])
    """
    km = _checked(piece_km, "lengths of pieces")
    speed = np.broadcast_to(_checked(speed_kmh, "speeds"), km.shape)
    at_lon = np.broadcast_to(_checked(lon, "longitudes", least=-np.inf), km.shape)
    to_lon = at_lon
    if lon_end is not None:
        to_lon = np.broadcast_to(_checked(lon_end, "longitudes", least=-np.inf), km.shape)
    east = (to_lon - at_lon + 540.0) % 360.0 - 180.0
    if (speed <= 0.0).any():
        raise TripError("a speed is not above 0", remedy="give speeds above 0 km/h")
    with np.errstate(over="ignore"):
        piece_hours = km / speed
    stop_piece, stop_fraction, stop_hours = _place_stops(km, stops_km_hours)
    if not piece_hours.sum() + stop_hours.sum() <= LONGEST_HOURS:
        raise _too_long()
    since_epoch_ns = _instant_ns(departure)
    departure_hour = since_epoch_ns % _NS_PER_DAY / _NS_PER_HOUR
    opens, window_hours = _window(driving_hours)
    rows = drive(
        piece_hours,
        departure_hour + at_lon / 15.0 - opens,
        east / 15.0,
        stop_piece,
        stop_fraction,
        stop_hours,
        window_hours,
        LONGEST_HOURS,
    )
    if rows[-1, LEAVE] > LONGEST_HOURS:
        raise _too_long()
    return _legs(rows, since_epoch_ns)


def schedule_by_times(
    piece_km: npt.ArrayLike,
    segment: npt.ArrayLike,
    times: npt.NDArray[np.datetime64],
    leaves: npt.NDArray[np.datetime64] | None = None,
) -> Legs:
    """Follow the times at the vertices of a line, even in km between them.

    Parameters
    ----------
    piece_km : array-like (n,)
        Length of each piece; any unit of length will do.
    segment : array-like (n,) of int
        Position of the segment each piece lies on (segment i is from vertex i to i + 1), never
        decreasing.
    times : ndarray (v,) of datetime64
        When each vertex is reached, UTC; the trip begins with the first.
    leaves : ndarray (v,) of datetime64, optional
        When each vertex is left, where that is not the same. Halts are parked legs.

    Returns
    -------
    Legs

    Raises
    ------
    TripError
        If times are missing or go backwards, segments are not among the vertices, or the trip takes
        no time or over five years.

    Examples
    --------
    >>> times = np.array(["2025-01-01T06:00", "2025-01-01T08:00"], dtype="datetime64[m]")
    >>> schedule_by_times([30.0, 10.0], [0, 0], times).leave_hours.tolist()
    [1.5, 2.0]
    """
    km = _checked(piece_km, "lengths of pieces")
    since_epoch_ns, reached, left = _vertex_hours(times, times if leaves is None else leaves)
    on = np.asarray(segment, dtype=np.int64)
    if on.shape != km.shape or on[0] < 0 or on[-1] > len(reached) - 2 or (np.diff(on) < 0).any():
        raise TripError(
            f"the pieces do not lie on the segments between {len(reached)} timed vertices in order",
            remedy="give each piece the position of its segment",
        )
    enter, leave = _piece_hours_by_times(km, on, reached, left)
    rows = _with_halts(enter, leave, float(left[-1]))
    return _legs(rows, since_epoch_ns)


def _piece_hours_by_times(
    km: Floats, on: Ints, reached: Floats, left: Floats
) -> tuple[Floats, Floats]:
    done = np.cumsum(km)
    last = np.append(on[1:] != on[:-1], True)
    first = np.append(True, last[:-1])
    before = (done - km)[first][np.cumsum(first) - 1]
    whole = np.bincount(on, km, minlength=len(reached) - 1)[on]
    share = np.divide(done - before, whole, out=np.zeros_like(km), where=whole > 0.0)
    # Exactly the vertex's own time at a vertex: a rounding error must not look like a halt.
    leave = np.minimum(left[on] + (reached[on + 1] - left[on]) * share, reached[on + 1])
    leave = np.where(last & (whole > 0.0), reached[on + 1], leave)
    enter = np.where(first, left[on], np.append(0.0, leave[:-1]))
    return enter, np.maximum(leave, enter)


def _with_halts(enter: Floats, leave: Floats, end: float) -> Floats:
    """Rows of driving with a row of parking wherever time passes between two pieces."""
    n = len(enter)
    since = np.append(0.0, leave)
    until = np.append(enter, end)
    halt = np.flatnonzero(until > since)
    halts = np.zeros((len(halt), COLUMNS))
    halts[:, PIECE] = np.minimum(halt, n - 1)
    halts[:, START] = halts[:, END] = halt == n
    halts[:, ENTER], halts[:, LEAVE] = since[halt], until[halt]
    halts[:, KIND] = WAITING
    drives = np.zeros((n, COLUMNS))
    drives[:, PIECE] = np.arange(n)
    drives[:, END] = 1.0
    drives[:, ENTER], drives[:, LEAVE] = enter, leave
    drives[:, KIND] = DRIVING
    return np.insert(drives, halt, halts, axis=0)


def _legs(rows: Floats, since_epoch_ns: int) -> Legs:
    departure_hour = since_epoch_ns % _NS_PER_DAY / _NS_PER_HOUR
    cut, day = cut_at_midnights(rows, departure_hour)
    kind = cut[:, KIND]
    return Legs(
        piece=cut[:, PIECE].astype(np.int64),
        start=np.ascontiguousarray(cut[:, START]),
        end=np.ascontiguousarray(cut[:, END]),
        enter_hours=np.ascontiguousarray(cut[:, ENTER]),
        leave_hours=np.ascontiguousarray(cut[:, LEAVE]),
        parked=kind > DRIVING,
        day=day + since_epoch_ns // _NS_PER_DAY,
        stop=np.maximum(kind, -1.0).astype(np.int64),
    )


def _place_stops(km: Floats, stops: Sequence[tuple[float, float]]) -> tuple[Ints, Floats, Floats]:
    """Piece and fraction of each stop, and its hours."""
    pairs = _checked(
        [pair[:2] for pair in stops] or np.empty((0, 2)), "stops", shape=(len(stops), 2)
    )
    at, hours = pairs[:, 0], np.ascontiguousarray(pairs[:, 1])
    node = np.append(0.0, np.cumsum(km))
    slack_km = max(_SAME_PLACE_KM, 1e-12 * float(node[-1]))
    if (np.diff(at) < 0.0).any() or (at > node[-1] + slack_km).any():
        raise TripError(
            f"stops are not in order, or beyond the end of the trip of {node[-1]:,.3f} km",
            remedy="give them in order of km, each within the trip",
        )
    piece = np.clip(np.searchsorted(node, at + slack_km, side="right") - 1, 0, len(km) - 1)
    length = km[piece]
    since_km, until_km = at - node[piece], node[piece + 1] - at
    fraction = np.divide(since_km, length, out=np.zeros_like(at), where=since_km > slack_km)
    fraction = np.where((until_km <= slack_km) & (length > 0.0), 1.0, fraction)
    return piece.astype(np.int64), fraction, hours


def _checked(
    values: Any, what: str, least: float = 0.0, shape: tuple[int, ...] | None = None
) -> Floats:
    array = np.ascontiguousarray(values, dtype=np.float64)
    if shape is None and array.size == 0:
        raise TripError(f"the {what} are empty", remedy="give a trip of one piece or more")
    if (shape is not None and array.shape != shape) or not np.isfinite(array).all():
        raise TripError(f"the {what} are not finite numbers", remedy="give one for each")
    if (array < least).any():
        raise TripError(f"one of the {what} is below 0", remedy="give numbers from 0")
    return array


def _window(driving_hours: tuple[float, float] | None) -> tuple[float, float]:
    """Hour at which driving begins, and for how many hours it may go on."""
    opens, shuts = (0.0, 24.0) if driving_hours is None else driving_hours
    hours = shuts - opens if shuts > opens else shuts - opens + 24.0
    if not _SHORTEST_WINDOW_HOURS <= hours <= 24.0:
        raise TripError(
            "driving_hours leave less than a second a day to drive, or more than a day",
            value=driving_hours,
            remedy="give (first, last) hour of driving, such as (6, 18)",
        )
    return opens, hours


def _instant_ns(instant: pd.Timestamp) -> int:
    if instant.tzinfo is None:
        raise TripError(
            "the departure has no time zone",
            value=instant.isoformat(),
            remedy="localize it to UTC",
        )
    return int(instant.as_unit("ns").value)


def _vertex_hours(
    times: npt.NDArray[np.datetime64], leaves: npt.NDArray[np.datetime64]
) -> tuple[int, Floats, Floats]:
    if (
        len(times) < 2
        or times.shape != leaves.shape
        or np.isnat(times).any()
        or np.isnat(leaves).any()
    ):
        raise TripError(
            "times are missing at vertices of the route", remedy="give one for each of two or more"
        )
    ns = np.stack([times, leaves], axis=1).astype("datetime64[ns]").astype(np.int64)
    if (np.diff(ns.ravel()) < 0).any():
        raise TripError(
            "the times of the route go backwards", remedy="put its vertices in order of travel"
        )
    hours = (ns - ns[0, 0]) / _NS_PER_HOUR
    if hours[-1, 1] > LONGEST_HOURS:
        raise _too_long()
    return int(ns[0, 0]), np.ascontiguousarray(hours[:, 0]), np.ascontiguousarray(hours[:, 1])


def _too_long() -> TripError:
    return TripError(
        f"the trip takes over {LONGEST_YEARS} years",
        remedy="check its speed, its stops, and that driving_hours leave time to drive",
    )
