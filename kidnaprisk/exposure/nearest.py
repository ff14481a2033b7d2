"""The nearest place on a route, for many points at once.

Distances are geodesic, never planar: a planar buffer misses incidents and invents others. Routes
are cut into pieces of at most 5 km; the foot of an incident on a piece's chord is lifted to the
ground, the straight distance to it turned into an arc, and distances over 60 km are settled by
Karney's algorithm. Incidents lie sorted by quarter-degree cell, so those near a piece of road are
one slice for each row of cells; rows wrap at the antimeridian and widen to full circles near the
poles.

Agreement with brute-force pyproj: 1e-6 of the distance plus 2 cm (tests/exposure/test_join.py).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from kidnaprisk.geodesy import (
    ECCENTRICITY_SQUARED,
    MEAN_RADIUS_KM,
    Floats,
    Ints,
    Path,
    arc_from_chord_km,
    chord_from_arc_km,
    ecef_km,
    interpolate,
    inverse,
)

CELL_DEGREES = 0.25
_COLUMNS = round(360 / CELL_DEGREES)
_ROWS = round(180 / CELL_DEGREES)
# Pieces searched as one, and, within, runs ruled out as one.
_BLOCK, _RUN = 16, 4
# Up to here chords are right to millimetres; the usual join, within 50 km, never goes beyond.
_SETTLE_KM = 60.0
_NEWTON_STEPS = 3


class Cells(NamedTuple):
    """n points sorted by cell, row by row from the south-west."""

    xyz: Floats  # (n, 3) ECEF km
    start: Ints  # (cells + 1,)
    order: Ints  # (n,) input row of each


class Foot(NamedTuple):
    """Points met: their input row, distance to the route and km along it at the nearest place."""

    row: Ints
    distance_km: Floats
    along_km: Floats


def sort_into_cells(lon: Floats, lat: Floats) -> Cells:
    """Sort n points into quarter-degree cells."""
    row = np.clip(np.floor((lat + 90.0) / CELL_DEGREES), 0, _ROWS - 1).astype(np.int64)
    column = np.floor((lon + 180.0) / CELL_DEGREES).astype(np.int64) % _COLUMNS
    cell = row * _COLUMNS + column
    order = np.argsort(cell, kind="stable")
    start = np.zeros(_ROWS * _COLUMNS + 1, dtype=np.int64)
    np.cumsum(np.bincount(cell, minlength=_ROWS * _COLUMNS), out=start[1:])
    return Cells(np.ascontiguousarray(ecef_km(lon, lat)[order]), start, order)


@njit(nogil=True, cache=True)
def _foot_on_piece(x, y, z, nodes, i, j):  # type: ignore[no-untyped-def]
    """Squared chord from a point to the nearest ground of a piece, and its fraction along.

    The piece runs from node ``i`` to node ``j``. Numbers and not rows are passed: a row of an array
    costs more to make than all the rest here.
    """
    ux, uy, uz = nodes[j, 0] - nodes[i, 0], nodes[j, 1] - nodes[i, 1], nodes[j, 2] - nodes[i, 2]
    wx, wy, wz = x - nodes[i, 0], y - nodes[i, 1], z - nodes[i, 2]
    length2 = ux * ux + uy * uy + uz * uz
    if length2 <= 0.0:
        return wx * wx + wy * wy + wz * wz, 0.0
    t = (wx * ux + wy * uy + wz * uz) / length2
    across2 = max(0.0, wx * wx + wy * wy + wz * wz - t * t * length2)
    # Meridians converge: seen from afar the foot lies a little farther from the middle.
    t = 0.5 + (t - 0.5) * (1.0 + across2 / (2.0 * MEAN_RADIUS_KM * MEAN_RADIUS_KM))
    t = min(1.0, max(0.0, t))
    # The chord runs below the ground by t (1 − t) L² / 2R.
    lift = t * (1.0 - t) * length2 / (2.0 * MEAN_RADIUS_KM)
    mx, my, mz = nodes[i, 0] + nodes[j, 0], nodes[i, 1] + nodes[j, 1], nodes[i, 2] + nodes[j, 2]
    up = lift / math.sqrt(mx * mx + my * my + mz * mz)
    dx, dy, dz = wx - t * ux - up * mx, wy - t * uy - up * my, wz - t * uz - up * mz
    return dx * dx + dy * dy + dz * dz, t


@njit(nogil=True, cache=True)
def _bulges(nodes, size):  # type: ignore[no-untyped-def]
    """How far each run of ``size`` pieces strays from the straight line between its ends, km."""
    pieces = len(nodes) - 1
    bulge = np.zeros((pieces + size - 1) // size)
    for k in range(len(bulge)):
        first, last = k * size, min(pieces, (k + 1) * size)
        for n in range(first + 1, last):
            d2, _ = _foot_on_piece(nodes[n, 0], nodes[n, 1], nodes[n, 2], nodes, first, last)
            bulge[k] = max(bulge[k], math.sqrt(d2))
        # Ground between two nodes lies a little off the straight piece; a metre covers it.
        bulge[k] += 1e-3
    return bulge


@njit(nogil=True, cache=True)
def _nearest_in_block(x, y, z, nodes, first, last, bulge, best2, best_at):  # type: ignore[no-untyped-def]
    """Best squared chord and position (piece + fraction) over the pieces ``first:last``."""
    for begin in range(first, last, _RUN):
        end = min(last, begin + _RUN)
        d2, _ = _foot_on_piece(x, y, z, nodes, begin, end)
        if math.sqrt(d2) - bulge[begin // _RUN] > math.sqrt(best2):
            continue
        for n in range(begin, end):
            d2, t = _foot_on_piece(x, y, z, nodes, n, n + 1)
            if d2 < best2:
                best2, best_at = d2, n + t
    return best2, best_at


@njit(nogil=True, cache=True)
def _block_window(nodes, lon, lat, first, last, reach_degrees):  # type: ignore[no-untyped-def]
    """Centre and radius (km) of a block of nodes, its rows of cells, and its columns.

    The first column may be negative and the last beyond the end: both wrap.
    """
    centre = np.zeros(3)
    south, north = lat[first], lat[first]
    west, east = 0.0, 0.0
    for n in range(first, last + 1):
        centre += nodes[n]
        south, north = min(south, lat[n]), max(north, lat[n])
        away = (lon[n] - lon[first] + 540.0) % 360.0 - 180.0
        west, east = min(west, away), max(east, away)
    centre /= last + 1 - first
    radius2 = 0.0
    for n in range(first, last + 1):
        gap = nodes[n] - centre
        radius2 = max(radius2, gap[0] ** 2 + gap[1] ** 2 + gap[2] ** 2)
    low = max(0, math.floor((south - reach_degrees + 90.0) / CELL_DEGREES))
    high = min(_ROWS - 1, math.floor((north + reach_degrees + 90.0) / CELL_DEGREES))
    steepest = max(abs(south - reach_degrees), abs(north + reach_degrees))
    if steepest >= 89.0:
        return centre, math.sqrt(radius2), low, high, 0, _COLUMNS - 1
    # On a sphere a cap of angular radius r spans asin(sin r / cos φ) of longitude.
    ratio = math.sin(math.radians(reach_degrees)) / math.cos(math.radians(steepest))
    if ratio >= 1.0:
        return centre, math.sqrt(radius2), low, high, 0, _COLUMNS - 1
    wide = math.degrees(math.asin(ratio))
    left = math.floor((lon[first] + west - wide + 180.0) / CELL_DEGREES)
    right = math.floor((lon[first] + east + wide + 180.0) / CELL_DEGREES)
    if right - left >= _COLUMNS:
        left, right = 0, _COLUMNS - 1
    return centre, math.sqrt(radius2), low, high, left, right


@njit(nogil=True, cache=True)
def nearest_along(nodes, lon, lat, cells, chord_km, reach_degrees, best2, best_at, met):  # type: ignore[no-untyped-def]
    """Nearest place on a route of each point within ``chord_km`` of it; return how many were met.

    ``best2`` (n,) must hold infinity for every point; on return it holds the squared chord of each
    point met, ``best_at`` its position (piece + fraction), and ``met`` their numbers.
    """
    count = 0
    pieces = len(nodes) - 1
    bulge, wide = _bulges(nodes, _RUN), _bulges(nodes, _BLOCK)
    for first in range(0, pieces, _BLOCK):
        last = min(pieces, first + _BLOCK)
        centre, radius, low, high, left, right = _block_window(
            nodes, lon, lat, first, last, reach_degrees
        )
        limit2 = (radius + chord_km) ** 2
        for row in range(low, high + 1):
            column = left
            while column <= right:
                # One slice up to the seam, then the rest from the other side of it.
                at = column % _COLUMNS
                width = min(right - column, _COLUMNS - 1 - at)
                begin = cells.start[row * _COLUMNS + at]
                end = cells.start[row * _COLUMNS + at + width + 1]
                column += width + 1
                for i in range(begin, end):
                    x, y, z = cells.xyz[i, 0], cells.xyz[i, 1], cells.xyz[i, 2]
                    gx, gy, gz = x - centre[0], y - centre[1], z - centre[2]
                    away2 = gx * gx + gy * gy + gz * gz
                    before = best2[i]
                    if away2 > limit2:
                        continue
                    reach2 = min(before, chord_km * chord_km)
                    d2, _ = _foot_on_piece(x, y, z, nodes, first, last)
                    if math.sqrt(d2) - wide[first // _BLOCK] > math.sqrt(reach2):
                        continue
                    d2, position = _nearest_in_block(
                        x, y, z, nodes, first, last, bulge, reach2, best_at[i]
                    )
                    if d2 < before and d2 < chord_km * chord_km:
                        if before == np.inf:
                            met[count] = i
                            count += 1
                        best2[i], best_at[i] = d2, position
    return count


@njit(nogil=True, cache=True)
def _nearest_of_all(nodes, points, best2, best_at):  # type: ignore[no-untyped-def]
    """Squared chord and position (piece + fraction) of each point's nearest place on a route."""
    pieces = len(nodes) - 1
    bulge = _bulges(nodes, _RUN)
    blocks = (pieces + _BLOCK - 1) // _BLOCK
    centre, radius = np.zeros((blocks, 3)), np.zeros(blocks)
    for k in range(blocks):
        first, last = k * _BLOCK, min(pieces, (k + 1) * _BLOCK)
        for n in range(first, last + 1):
            centre[k] += nodes[n] / (last + 1 - first)
        for n in range(first, last + 1):
            radius[k] = max(radius[k], np.sqrt(np.sum((nodes[n] - centre[k]) ** 2)))
    least = np.zeros(blocks)
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        start = 0
        for k in range(blocks):
            dx, dy, dz = x - centre[k, 0], y - centre[k, 1], z - centre[k, 2]
            least[k] = math.sqrt(dx * dx + dy * dy + dz * dz) - radius[k]
            if least[k] < least[start]:
                start = k
        best2[i], best_at[i] = np.inf, 0.0
        # The likeliest block first: it rules out nearly all others.
        for turn in range(-1, blocks):
            k = start if turn < 0 else turn
            if (turn >= 0 and k == start) or least[k] > math.sqrt(best2[i]):
                continue
            first, last = k * _BLOCK, min(pieces, (k + 1) * _BLOCK)
            best2[i], best_at[i] = _nearest_in_block(
                x, y, z, nodes, first, last, bulge, best2[i], best_at[i]
            )


def nearest_places(path: Path, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Distance of each of n points to a path and km along it at the nearest place, (n,) each."""
    xyz = ecef_km(lon, lat)
    best2, best_at = np.empty(len(xyz)), np.empty(len(xyz))
    _nearest_of_all(ecef_km(path.lon, path.lat), xyz, best2, best_at)
    return _measured(path, xyz, best2, best_at)


def _measured(path: Path, xyz: Floats, best2: Floats, best_at: Floats) -> tuple[Floats, Floats]:
    piece = np.minimum(best_at.astype(np.int64), len(path.km) - 2)
    along = path.km[piece] + (best_at - piece) * np.diff(path.km)[piece]
    distance = arc_from_chord_km(np.sqrt(best2))
    far = distance > _SETTLE_KM
    if far.any():
        distance[far], along[far] = _settled(path, piece[far], along[far], xyz[far])
    return distance, along


def feet(path: Path, cells: Cells, within_km: float) -> Foot:
    """Points within ``within_km`` of a path, nearest place each, in order along the path."""
    n = len(cells.xyz)
    best2, best_at = np.full(n, np.inf), np.zeros(n)
    met = np.empty(n, dtype=np.int64)
    # The chord is a hair under the arc on any curvature of the ellipsoid; the arc decides below.
    chord = chord_from_arc_km(within_km) * (1.0 + 1e-4) + 1e-4
    count = nearest_along(
        ecef_km(path.lon, path.lat), path.lon, path.lat, cells, chord,
        within_km / 110.0 + 1e-6, best2, best_at, met,
    )  # fmt: skip
    met = met[:count]
    distance, along = _measured(path, cells.xyz[met], best2[met], best_at[met])
    kept = distance <= within_km
    order = np.lexsort((cells.order[met[kept]], along[kept]))
    return Foot(cells.order[met[kept]][order], distance[kept][order], along[kept][order])


def _settled(path: Path, piece: Ints, along_km: Floats, xyz: Floats) -> tuple[Floats, Floats]:
    """Distance and km along, by Karney's algorithm, for feet found on chords.

    Newton's step along the road is cos(angle between road and line of sight) · R · tan(d / R); the
    foot stays on its own segment of the route, whose ends are kinks.
    """
    lon = np.degrees(np.arctan2(xyz[:, 1], xyz[:, 0]))
    squash = 1.0 - ECCENTRICITY_SQUARED
    lat = np.degrees(np.arctan2(xyz[:, 2], np.hypot(xyz[:, 0], xyz[:, 1]) * squash))
    segment = path.segment[piece]
    first = path.km[np.searchsorted(path.segment, segment, side="left")]
    last = path.km[np.searchsorted(path.segment, segment, side="right")]
    at = along_km.copy()
    for _ in range(_NEWTON_STEPS):
        here = interpolate(path, at)
        sight, away_km = inverse(*here, lon, lat)
        # Towards the segment's farther end, from which the road's heading here is surest.
        forth = last - at >= at - first
        heading, _ = inverse(*here, *interpolate(path, np.where(forth, last, first)))
        slope = np.cos(np.radians(sight - heading)) * np.where(forth, 1.0, -1.0)
        step = slope * MEAN_RADIUS_KM * np.tan(np.minimum(away_km / MEAN_RADIUS_KM, 1.0))
        at = np.clip(at + step, first, last)
    _, away_km = inverse(*interpolate(path, at), lon, lat)
    return away_km, at


def nearest_in_groups(a: Floats, b: Floats, group: Ints, n_groups: int, points: Floats) -> Floats:
    """Distance from each group of short pieces to the nearest of m points, km, (g,).

    Pieces run from ``a`` to ``b`` (n, 3) ECEF km; those with a negative ``group`` are passed over.
    NaN for a group without pieces, and everywhere if there is no point.
    """
    best = np.full(n_groups, np.inf)
    if not len(points):
        return np.full(n_groups, np.nan)
    tree = cKDTree(points)
    rows = np.flatnonzero(group >= 0)
    middle = 0.5 * (a[rows] + b[rows])
    half = 0.5 * np.linalg.norm(b[rows] - a[rows], axis=1) + 1e-3
    from_middle, _ = tree.query(middle)
    np.minimum.at(best, group[rows], from_middle + half)
    # No point is nearer to a piece than to its middle less half its length: most pieces drop out.
    for i in np.flatnonzero(from_middle - half <= best[group[rows]]):
        n = rows[i]
        piece = np.stack([a[n], b[n]])
        for p in tree.query_ball_point(middle[i], from_middle[i] + 2.0 * half[i]):
            x, y, z = points[p]
            d2, _ = _foot_on_piece(x, y, z, piece, 0, 1)
            best[group[n]] = min(best[group[n]], math.sqrt(d2))
    arc = 2.0 * MEAN_RADIUS_KM * np.arcsin(np.minimum(best / (2.0 * MEAN_RADIUS_KM), 1.0))
    return np.where(np.isfinite(best), arc, np.nan)
