"""Records folded to places: the layout that makes a new date, or a new road, cheap to ask.

Many records share a town's coordinates (two thirds do in one large source), so distances are worked
out once a place and not once a record. Records of one position but different location errors are
different places, since they spread differently.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from kidnaprisk.geodesy import Floats, Ints, ecef_km
from kidnaprisk.hazard.kernels import Places


def fold(
    lon: Floats,
    lat: Floats,
    error_km: Floats,
    event_day: Floats,
    known_day: Ints,
    name: npt.NDArray[np.str_],
    widest_scale_km: float,
    memory_days: Floats,
) -> tuple[Places, Ints]:
    """Fold r records to places.

    Parameters
    ----------
    lon, lat : ndarray (r,)
        Degrees.
    error_km : ndarray (r,)
        Location error.
    event_day, known_day : ndarray (r,)
        Days since 1970-01-01; no record is known before it happened.
    name : ndarray (r,)
        A name for each record, which orders those that are otherwise alike.
    widest_scale_km : float
        Largest kernel scale, which sets how far a place reaches.
    memory_days : ndarray (M,)

    Returns
    -------
    places : Places
    order : ndarray (r,)
        Row of the input that each record of ``places`` was. The layout depends on the records
        alone, never on the order in which they are given.
    """
    order = np.lexsort((name, event_day, known_day, error_km, lat, lon))
    key = np.stack([lon, lat, error_km], axis=1)[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any(key[1:] != key[:-1], axis=1)
    first = np.flatnonzero(new)
    size = np.diff(np.append(first, len(order)))
    place_error2 = key[first, 2] ** 2
    xyz = ecef_km(key[first, 0], key[first, 1])
    reach = np.sqrt(8.0 * (widest_scale_km**2 + place_error2))
    # Half-octave tiers: a few records known only to a region must not widen the search for all.
    tier = np.ceil(2.0 * np.log2(reach)).astype(np.int64)
    rank = np.lexsort((np.arange(len(first)), xyz[:, 2], tier))
    records = np.concatenate(
        [np.arange(first[p], first[p] + size[p]) for p in rank] or [np.empty(0, dtype=np.int64)]
    ).astype(np.int64)
    order = order[records]
    start = np.concatenate([[0], np.cumsum(size[rank])]).astype(np.int64)
    tiers, tier_first = np.unique(tier[rank], return_index=True)
    return (
        Places(
            xyz=np.ascontiguousarray(xyz[rank]),
            error2=place_error2[rank],
            start=start,
            tier_start=np.append(tier_first, len(rank)).astype(np.int64),
            tier_reach=np.array([reach[tier == t].max() for t in tiers], dtype=np.float64),
            known_day=known_day[order],
            event_day=event_day[order],
            prefix=faded_sums(event_day[order], known_day[order], start, memory_days),
        ),
        order,
    )


def faded_sums(event_day: Floats, known_day: Ints, start: Ints, memory_days: Floats) -> Floats:
    """Faded sum of each place's first k records, on the day the k-th became known, (M, r).

    Each step fades the sum so far to the next record's day: every exponent is negative, so a
    history of centuries neither overflows nor loses its recent end.
    """
    sums = np.empty((len(memory_days), len(event_day)))
    _sum_places(event_day, known_day, start, memory_days, sums)
    return sums


@njit(nogil=True, cache=True)
def _sum_places(event_day, known_day, start, memory_days, sums):  # type: ignore[no-untyped-def]
    for m in range(len(memory_days)):
        memory = memory_days[m]
        for p in range(len(start) - 1):
            running = 0.0
            for i in range(start[p], start[p + 1]):
                if i > start[p]:
                    running *= math.exp(-(known_day[i] - known_day[i - 1]) / memory)
                running += math.exp(-(known_day[i] - event_day[i]) / memory) / memory
                sums[m, i] = running
