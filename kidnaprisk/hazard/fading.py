"""What the records of a place have faded to on a day, and what is theirs of what the place adds.

A record counts from the day it was known, and fades from the day it happened as exp(−age / memory)
/ memory. Where records of its group began T days ago, a long memory has not filled yet: divided by
1 − exp(−T / memory), a steady rate of records is told at its level from the start. On the day their
source ends, records stand still.

Not here: how records spread over the ground (:mod:`kidnaprisk.hazard.kernels`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from kidnaprisk.geodesy import Floats, Ints

# A source that began yesterday is not taken to have told all of a month.
LEAST_OPEN_DAYS = 30.0
_NO_DAY = np.int64(-(2**62))


class Faded(NamedTuple):
    """What the known records of each place have faded to, on the day it was last asked about."""

    day: Ints  # (p,)
    known: Ints  # (p,) how many records were known
    decay: Floats  # (p, M) what their ``prefix`` is multiplied by
    total: Floats  # (p, M) their faded sum, 1/day


@njit(nogil=True, cache=True)
def no_day_yet(places, n_memories):  # type: ignore[no-untyped-def]
    """Room for the fading of all places, nothing worked out yet."""
    n_places = len(places.xyz)
    return Faded(
        np.full(n_places, _NO_DAY),
        np.empty(n_places, dtype=np.int64),
        np.empty((n_places, n_memories)),
        np.empty((n_places, n_memories)),
    )


@njit(nogil=True, cache=True)
def fade(places, place, memory_days, day, faded):  # type: ignore[no-untyped-def]
    """Fade a place's records to ``day``, unless it is done; return how many are known.

    After its source has ended nothing more is known and nothing fades: silence is not news.
    """
    day = min(day, places.close_day[place])
    if faded.day[place] == day:
        return faded.known[place]
    start = places.start[place]
    known = _known_by(places.known_day, start, places.start[place + 1], day)
    faded.day[place], faded.known[place] = day, known
    if known > 0:
        newest = start + known - 1
        since = day - places.known_day[newest]
        filled = max(float(day - places.open_day[place]), LEAST_OPEN_DAYS)
        for m in range(len(memory_days)):
            memory = memory_days[m]
            decay = math.exp(-since / memory) / -math.expm1(-filled / memory)
            faded.decay[place, m] = decay
            faded.total[place, m] = decay * places.prefix[newest, m]
    return known


@njit(nogil=True, cache=True)
def _known_by(known_day, start, stop, day):  # type: ignore[no-untyped-def]
    """How many records of ``start:stop`` were known by the end of ``day``."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if known_day[middle] <= day:
            low = middle + 1
        else:
            high = middle
    return low - start


@njit(nogil=True, cache=True)
def hand_out(places, place, memory_days, pending, running, out_record):  # type: ignore[no-untyped-def]
    """Hand out what is ``pending`` for a place's first k records, for each k; return Σa and Σa².

    From the last record to the first: each takes its share of all that is handed to it or to a
    later one, so that its share is complete before it is squared.
    """
    running[:] = 0.0
    total, square, newest = 0.0, 0.0, 0
    for i in range(places.start[place + 1] - 1, places.start[place] - 1, -1):
        share = 0.0
        if pending[i].max() > 0.0:
            for m in range(len(memory_days)):
                if running[m] > 0.0:
                    running[m] *= math.exp(-(newest - places.known_day[i]) / memory_days[m])
                running[m] += pending[i, m]
            newest = places.known_day[i]
        for m in range(len(memory_days)):
            if running[m] > 0.0:
                age = newest - places.event_day[i]
                share += running[m] * math.exp(-age / memory_days[m]) / memory_days[m]
        total += share
        square += share * share
        if len(out_record) > 0:
            out_record[i] += share
    return total, square
