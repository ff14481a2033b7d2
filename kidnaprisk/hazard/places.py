"""Records folded to places: the layout that makes a new date, or a new road, cheap to ask.

Many records share a town's coordinates (two thirds do in one large source), so distances are worked
out once a place and not once a record. Records of one position that spread or fade differently
(another location error, group, or days on which their source began, paused and ended) are different
places.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from kidnaprisk.geodesy import Floats, Ints, ecef_km
from kidnaprisk.hazard.fading import Spoken
from kidnaprisk.hazard.kernels import Places
from kidnaprisk.hazard.tiers import lay_out


def fold(
    lon: Floats,
    lat: Floats,
    error_km: Floats,
    event_day: Floats,
    known_day: Ints,
    name: npt.NDArray[np.str_],
    group: Ints,
    spoken: Spoken,
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
    group : ndarray (r,)
        Kind of event: 0 kidnappings, 1 and above what goes with them.
    spoken : Spoken
        When each record's source tells of its group there.
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
    open_day, close_day, silence_row, silences = spoken
    days = (silence_row, close_day, open_day)
    order = np.lexsort((name, event_day, known_day, *days, group, error_km, lat, lon))
    new = np.zeros(len(order), dtype=bool)
    new[:1] = True
    for key in (lon, lat, error_km, group, *days):
        new[1:] |= key[order[1:]] != key[order[:-1]]
    first = np.flatnonzero(new)
    size = np.diff(np.append(first, len(order)))
    row = order[first]
    xyz, error2 = ecef_km(lon[row], lat[row]), error_km[row] ** 2
    errors2, error_row = np.unique(error2, return_inverse=True)
    rank, tiers = lay_out(xyz, error2, group[row], widest_scale_km)
    start = np.concatenate([[0], np.cumsum(size[rank])]).astype(np.int64)
    moved = np.repeat(first[rank] - start[:-1], size[rank])
    order = order[moved + np.arange(len(order))]
    return (
        Places(
            xyz=np.ascontiguousarray(xyz[rank]),
            errors2=errors2,
            error_row=error_row[rank].astype(np.int64),
            group=group[row][rank].astype(np.int64),
            open_day=open_day[row][rank].astype(np.int64),
            close_day=close_day[row][rank].astype(np.int64),
            silence_row=silence_row[row][rank].astype(np.int64),
            silences=silences,
            start=start,
            known_day=known_day[order],
            event_day=event_day[order],
            prefix=faded_sums(event_day[order], known_day[order], start, memory_days),
            tiers=tiers,
        ),
        order,
    )


def faded_sums(event_day: Floats, known_day: Ints, start: Ints, memory_days: Floats) -> Floats:
    """Faded sum of each place's first k records, on the day the k-th became known, (r, M).

    Each step fades the sum so far to the next record's day: every exponent is negative, so a
    history of centuries neither overflows nor loses its recent end.
    """
    sums = np.empty((len(event_day), len(memory_days)))
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
                sums[i, m] = running
