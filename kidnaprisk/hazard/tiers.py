"""Where to look for places: those within reach of a point, without looking at the others.

Places are sorted into tiers, those of one group that reach about as far, so that a few records
known only to a region do not widen the search for all. Each tier is cut into columns along ECEF z,
square in x and y, and the places of a column lie sorted by z: those within reach of a point are a
slice of each of a few columns. A ball in space knows neither date line nor poles.

Not here: what a place holds (:mod:`kidnaprisk.hazard.kernels`, :mod:`kidnaprisk.hazard.places`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from kidnaprisk.geodesy import Floats, Ints

# Columns half as wide as what is searched for waste little of it. More of them than a quarter of
# the places, or than this along one axis, would take longer to look through than they save.
_COLUMNS_A_REACH = 2.0
_MOST_COLUMNS = 256


class Tiers(NamedTuple):
    """t tiers of places and their columns; column c holds ``column_start[c]:column_start[c + 1]``.

    The columns of a tier lie one after another along y, then x.
    """

    group: Ints  # (t,) that of all its places
    error2: Floats  # (t,) km², the largest of its places
    corner: Floats  # (t, 2) km, lowest x and y
    width: Floats  # (t,) km, side of a column
    shape: Ints  # (t, 2) columns along x and y
    first_column: Ints  # (t,)
    column_start: Ints  # (columns + 1,) places


def lay_out(xyz: Floats, error2: Floats, group: Ints, widest_scale_km: float) -> tuple[Ints, Tiers]:
    """Order in which p places must lie, (p,), and the tiers they then form.

    Parameters
    ----------
    xyz : ndarray (p, 3)
        ECEF km.
    error2 : ndarray (p,)
        Location error squared, km².
    group : ndarray (p,)
        Kind of event.
    widest_scale_km : float
        Largest kernel scale.
    """
    reach = np.sqrt(8.0 * (widest_scale_km**2 + error2))
    half_octave = np.ceil(2.0 * np.log2(reach)).astype(np.int64)
    keys, tier = np.unique(np.stack([group, half_octave], axis=1), axis=0, return_inverse=True)
    tier = tier.reshape(-1)
    t = len(keys)
    corner, highest = np.full((t, 2), np.inf), np.full((t, 2), -np.inf)
    np.minimum.at(corner, tier, xyz[:, :2])
    np.maximum.at(highest, tier, xyz[:, :2])
    widest_error2 = np.zeros(t)
    np.maximum.at(widest_error2, tier, error2)
    most = np.clip(0.5 * np.sqrt(np.bincount(tier, minlength=t)), 1.0, _MOST_COLUMNS)
    width = np.maximum(
        np.sqrt(8.0 * (widest_scale_km**2 + widest_error2)) / _COLUMNS_A_REACH,
        (highest - corner).max(axis=1, initial=0.0) / most,
    )
    cell = np.floor((xyz[:, :2] - corner[tier]) / width[tier, None]).astype(np.int64)
    shape = np.floor((highest - corner) / width[:, None]).astype(np.int64) + 1
    first = np.concatenate([[0], np.cumsum(shape.prod(axis=1))]).astype(np.int64)
    column = first[tier] + cell[:, 0] * shape[tier, 1] + cell[:, 1]
    order = np.lexsort((np.arange(len(xyz)), xyz[:, 2], column)).astype(np.int64)
    start = np.searchsorted(column[order], np.arange(first[-1] + 1)).astype(np.int64)
    tiers = Tiers(
        keys[:, 0].astype(np.int64), widest_error2, corner, width, shape, first[:-1], start
    )
    return order, tiers


@njit(nogil=True, cache=True)
def box_around(a, b, box):  # type: ignore[no-untyped-def]
    """Lowest and highest corner of n pieces from ``a`` to ``b`` (n, 3) into ``box`` (2, 3)."""
    for axis in range(3):
        box[0, axis], box[1, axis] = np.inf, -np.inf
        for n in range(len(a)):
            box[0, axis] = min(box[0, axis], a[n, axis], b[n, axis])
            box[1, axis] = max(box[1, axis], a[n, axis], b[n, axis])


@njit(nogil=True, cache=True)
def places_within(tiers, xyz, tier, low, high, reach, found, away2):  # type: ignore[no-untyped-def]
    """Write the places of a tier within ``reach`` km of a box into ``found``; return how many.

    ``xyz`` (p, 3) in the order of :func:`lay_out`; ``low`` and ``high`` (3,) ECEF km, the box's
    lowest and highest corner, one point or two. Their squared distances go into ``away2``, km²;
    it and ``found`` have room for p.
    """
    corner, width, n_y = tiers.corner[tier], tiers.width[tier], tiers.shape[tier, 1]
    x_begin, x_end = _columns(
        low[0] - reach, high[0] + reach, corner[0], width, tiers.shape[tier, 0]
    )
    y_begin, y_end = _columns(low[1] - reach, high[1] + reach, corner[1], width, n_y)
    x_low, y_low, z_low = low[0], low[1], low[2]
    x_high, y_high, z_high = high[0], high[1], high[2]
    reach2, count = reach * reach, 0
    for ix in range(x_begin, x_end):
        for iy in range(y_begin, y_end):
            column = tiers.first_column[tier] + ix * n_y + iy
            end = tiers.column_start[column + 1]
            p = _first_at(xyz, tiers.column_start[column], end, z_low - reach)
            while p < end and xyz[p, 2] <= z_high + reach:
                dx = max(0.0, x_low - xyz[p, 0], xyz[p, 0] - x_high)
                dy = max(0.0, y_low - xyz[p, 1], xyz[p, 1] - y_high)
                dz = max(0.0, z_low - xyz[p, 2], xyz[p, 2] - z_high)
                away2[count] = dx * dx + dy * dy + dz * dz
                if away2[count] <= reach2:
                    found[count] = p
                    count += 1
                p += 1
    return count


@njit(nogil=True, cache=True)
def _columns(low, high, corner, width, count):  # type: ignore[no-untyped-def]
    """Half-open range of the columns that ``low`` to ``high`` km lie over along one axis."""
    first = max(0.0, math.floor((low - corner) / width))
    last = min(count - 1.0, math.floor((high - corner) / width))
    return int(first), int(max(first, last + 1.0))


@njit(nogil=True, cache=True)
def _first_at(xyz, begin, end, z):  # type: ignore[no-untyped-def]
    """First of ``begin:end``, sorted by z, whose z is not below ``z``."""
    while begin < end:
        middle = (begin + end) // 2
        if xyz[middle, 2] < z:
            begin = middle + 1
        else:
            end = middle
    return begin
