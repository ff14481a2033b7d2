"""What the records of a place have faded to on a day, and what is theirs of what the place adds.

A record counts from the day it was known, and fades from the day it happened as exp(−age / memory)
/ memory. Where records of its group began T days ago, a long memory has not filled yet: divided by
1 − exp(−T / memory), a steady rate of records is told at its level from the start. What a memory
would hold of days of which the source told nothing is not filled either, and taken off that share.
On such days, and from the day their source ends, records stand still.

Not here: how records spread over the ground (:mod:`kidnaprisk.hazard.kernels`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from kidnaprisk.geodesy import Floats, Ints

# A source that began yesterday is not taken to have told all of a month.
LEAST_OPEN_DAYS = 30.0
_NO_DAY = np.int64(-(2**62))
_NEVER = 2**40


def silences_of(lists: Sequence[Sequence[tuple[int, int]]]) -> Ints:
    """First and last days of each of g stretches of c lists, (c, g, 2); never, where one has less.

    A list holds the days of which a source told nothing, between days of which it did.
    """
    silences = np.full((len(lists), max(map(len, lists), default=0), 2), _NEVER)
    for row, one in enumerate(lists):
        silences[row, : len(one)] = np.reshape(one, (-1, 2))
    return silences


class Spoken(NamedTuple):
    """When the source of each of r records tells of its kind where it lies."""

    open_day: Ints  # (r,) first day, since 1970-01-01
    close_day: Ints  # (r,) last day: afterwards the record stands as it stood then
    silence_row: Ints  # (r,) list of ``silences`` in between, none on the day the record was known
    silences: Ints  # (c, g, 2)


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
def fade(places, some, memory_days, day, faded):  # type: ignore[no-untyped-def]
    """Fade the records of some places to ``day``, where that is not done.

    While a source is silent, and after it has ended, nothing more is known and nothing fades:
    silence is not news. All places in one call: handing over the arrays takes longer than a place.
    """
    for place in some:
        until = min(day, places.close_day[place])
        if faded.day[place] == until:
            continue
        faded.day[place] = until
        row = places.silence_row[place]
        until = _last_told(places.silences, row, until)
        start = places.start[place]
        known = _known_by(places.known_day, start, places.start[place + 1], until)
        faded.known[place] = known
        if known == 0:
            continue
        newest = start + known - 1
        since = until - places.known_day[newest]
        filled = max(float(until - places.open_day[place]), LEAST_OPEN_DAYS)
        for m in range(len(memory_days)):
            memory = memory_days[m]
            share = -math.expm1(-filled / memory)
            if places.silences.shape[1] > 0:
                share = _less_silences(share, places.silences, row, until, memory)
            decay = math.exp(-since / memory) / share
            faded.decay[place, m] = decay
            faded.total[place, m] = decay * places.prefix[newest, m]


@njit(nogil=True, cache=True)
def _last_told(silences, row, day):  # type: ignore[no-untyped-def]
    """``day``, or the last before it of which a source told that is silent on it."""
    for k in range(silences.shape[1]):
        if silences[row, k, 0] <= day <= silences[row, k, 1]:
            return silences[row, k, 0] - 1
    return day


@njit(nogil=True, cache=True)
def _less_silences(share, silences, row, day, memory):  # type: ignore[no-untyped-def]
    """A memory's filled share without what it would hold of silences past, at least a month's."""
    for k in range(silences.shape[1]):
        since = day - silences[row, k, 1]
        if since > 0:
            days = silences[row, k, 1] - silences[row, k, 0] + 1
            share += math.exp(-since / memory) * math.expm1(-days / memory)
    return max(share, -math.expm1(-LEAST_OPEN_DAYS / memory))


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
