"""The compiled loops behind :mod:`kidnaprisk.routes.schedule`: a table of legs, row by row.

Not to be called with unchecked numbers: :mod:`~kidnaprisk.routes.schedule` checks and explains.
Tests hold these loops against one in exact fractions.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kidnaprisk.geodesy import Floats, Ints

# Instants closer than this (4 microseconds) are one: a window or a day that ends just when a piece
# does must not leave a crumb of driving behind for the next day.
SAME_INSTANT_HOURS = 1e-9

# Columns of a table of legs; KIND holds DRIVING, WAITING or the position of a stop.
PIECE, START, END, ENTER, LEAVE, KIND, COLUMNS = range(7)
DRIVING, WAITING = -2.0, -1.0


@njit(nogil=True, cache=True)
def drive(
    piece_hours: Floats,
    solar: Floats,
    solar_gain: Floats,
    stop_piece: Ints,
    stop_fraction: Floats,
    stop_hours: Floats,
    window_hours: float,
    longest_hours: float,
) -> Floats:
    """Drive n pieces within a window that opens once a day, with stops.

    Parameters
    ----------
    piece_hours : ndarray (n,)
        Hours of driving on each piece.
    solar : ndarray (n,)
        Solar hour at departure at each piece's start, counted from the opening of the window.
    solar_gain : ndarray (n,)
        Solar hours gained by the clock from the piece's start to its end, by the way east alone.
    stop_piece, stop_fraction, stop_hours : ndarray (m,)
        Where each stop is, in order of travel, and how long.
    window_hours : float
        How long the window is open; 24 is always.
    longest_hours : float
        Give up once the trip has taken longer: the last row then leaves later than this.

    Returns
    -------
    ndarray (k, COLUMNS)
        Legs in order of time, not yet cut at midnights.
    """
    rows = np.empty((2 * len(piece_hours) + 4 * len(stop_hours) + 16, COLUMNS))
    k, now, s = 0, 0.0, 0
    for i in range(len(piece_hours)):
        at = 0.0
        while True:
            stopping = s < len(stop_piece) and stop_piece[s] == i
            to = stop_fraction[s] if stopping else 1.0
            left = (to - at) * piece_hours[i]
            while at < to:
                rows = _with_room(rows, k + 3)
                wait, driven = 0.0, left
                # What takes no time waits for nothing.
                if window_hours < 24.0 and left > SAME_INSTANT_HOURS:
                    wait, daylight = _window_at(solar[i] + at * solar_gain[i] + now, window_hours)
                    # Driving east the sun is met and the window shortens; west, it lengthens.
                    pace = 1.0 + solar_gain[i] / piece_hours[i]
                    driven = daylight / pace if pace > SAME_INSTANT_HOURS else left
                if wait > 0.0:
                    k, now = _add(rows, k, (float(i), at, at, now, now + wait, WAITING))
                if left <= driven + SAME_INSTANT_HOURS:
                    driven, there = left, to
                else:
                    there = at + (to - at) * (driven / left)
                k, now = _add(rows, k, (float(i), at, there, now, now + driven, DRIVING))
                left, at = left - driven, there
                if now > longest_hours:
                    return rows[:k]
            if not stopping:
                break
            rows = _with_room(rows, k + 3)
            k, now = _add(rows, k, (float(i), at, at, now, now + stop_hours[s], float(s)))
            s += 1
    return rows[:k]


@njit(nogil=True, cache=True)
def _window_at(since_opening: float, window_hours: float) -> tuple[float, float]:
    """Hours to wait until driving, and hours of driving then, by the clock of the sun."""
    clock = since_opening % 24.0
    if clock >= 24.0 - SAME_INSTANT_HOURS:
        clock = 0.0
    if clock < window_hours - SAME_INSTANT_HOURS:
        return 0.0, window_hours - clock
    return (24.0 - clock if clock > 0.0 else 0.0), window_hours


@njit(nogil=True, cache=True)
def _add(
    rows: Floats, k: int, row: tuple[float, float, float, float, float, float]
) -> tuple[int, float]:
    rows[k, PIECE], rows[k, START], rows[k, END] = row[PIECE], row[START], row[END]
    rows[k, ENTER], rows[k, LEAVE], rows[k, KIND] = row[ENTER], row[LEAVE], row[KIND]
    return k + 1, row[LEAVE]


@njit(nogil=True, cache=True)
def _with_room(rows: Floats, wanted: int) -> Floats:
    if wanted <= len(rows):
        return rows
    larger = np.empty((2 * wanted, COLUMNS))
    larger[: len(rows)] = rows
    return larger


@njit(nogil=True, cache=True)
def cut_at_midnights(rows: Floats, departure_hour: float) -> tuple[Floats, Ints]:
    """Cut legs so that each lies within one UTC day.

    Parameters
    ----------
    rows : ndarray (k, COLUMNS)
    departure_hour : float
        Hour of the UTC day at departure, [0, 24).

    Returns
    -------
    ndarray (m, COLUMNS), ndarray (m,) of int
        The legs, and the day of each counted from the day of departure. A leg that leaves at
        midnight is of the day that ends.
    """
    days = int((rows[-1, LEAVE] + departure_hour) / 24.0) + 1
    cut = np.empty((len(rows) + days, COLUMNS))
    day = np.empty(len(cut), dtype=np.int64)
    k, today = 0, 0
    # Always this one formula, so that both sides of a midnight carry the same float.
    midnight = 24.0 - departure_hour
    for r in range(len(rows)):
        enter = _at_midnight(rows[r, ENTER], departure_hour)
        leave = _at_midnight(rows[r, LEAVE], departure_hour)
        start, end = rows[r, START], rows[r, END]
        since, at = enter, start
        while True:
            if since >= midnight:
                today += 1
                midnight = 24.0 * (today + 1) - departure_hour
                continue
            until, to = leave, end
            if leave > midnight:
                until = midnight
                to = start + (end - start) * ((midnight - enter) / (leave - enter))
            row = (rows[r, PIECE], at, to, since, until, rows[r, KIND])
            day[k] = today
            k, since = _add(cut, k, row)
            at = to
            if since >= leave:
                break
    return cut[:k], day[:k]


@njit(nogil=True, cache=True)
def _at_midnight(hours: float, departure_hour: float) -> float:
    """The same hours, or those of a midnight too close to tell apart."""
    midnight = 24.0 * np.round((hours + departure_hour) / 24.0) - departure_hour
    return midnight if abs(hours - midnight) <= SAME_INSTANT_HOURS and hours > 0.0 else hours
