"""Kernels that find where short geodesics meet polygon edges.

Only for :class:`kidnaprisk.routes.regions.RegionIndex`, and apart from it because importing numba
is slow. Edges are straight in longitude and latitude, as map layers mean them. A geodesic piece of
a few km is, in the same coordinates, a parabola to within half a millimetre:
``P(t) = (1 - t) P0 + t P1 + t (1 - t) B``, with the bulge B taken from the true middle of the
piece. Meeting a straight edge is then one quadratic equation, exact at corners, along borders and
where a bulge crosses the same edge twice.

Edges lie in a grid of cells as compressed rows: the edges of cell c are
``members[starts[c]:starts[c + 1]]``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from kidnaprisk.geodesy import ECCENTRICITY_SQUARED, Floats, Ints

CELL_DEGREES = 0.25
# About a tenth of a millimetre: nearer than this to an edge is on it.
ON_EDGE_DEGREES = 1e-9
_ROOM_PER_PIECE = 2


class EdgeGrid(NamedTuple):
    """Polygon edges and the cells they pass through.

    ``edges`` (m, 4) as ``ax, ay, bx, by`` degrees; ``west``, ``south`` the grid's corner;
    ``columns``, ``rows`` its size in cells; ``starts`` (cells + 1,), ``members``.
    """

    edges: Floats
    west: float
    south: float
    columns: int
    rows: int
    starts: Ints
    members: npt.NDArray[np.int32]


class Crossings(NamedTuple):
    """Where pieces meet edges: piece, fraction along it (0 to 1), edge, slope and if it runs along.

    ``slope`` is d(offset from the edge's line)/d(fraction), for refinement by Newton's method;
    ``along`` marks a piece lying on the edge, whose fractions are where that begins or ends.
    """

    piece: Ints
    fraction: Floats
    edge: Ints
    slope: Floats
    along: npt.NDArray[np.bool_]


def build_grid(edges: Floats) -> EdgeGrid:
    """Sort edges into cells.

    Parameters
    ----------
    edges : ndarray (m, 4)
        ``ax, ay, bx, by`` in degrees.
    """
    if len(edges) == 0:
        none = np.zeros(0, dtype=np.int32)
        return EdgeGrid(edges, 0.0, 0.0, 1, 1, np.zeros(2, dtype=np.int64), none)
    west = float(min(edges[:, 0].min(), edges[:, 2].min()))
    south = float(min(edges[:, 1].min(), edges[:, 3].min()))
    east = float(max(edges[:, 0].max(), edges[:, 2].max()))
    north = float(max(edges[:, 1].max(), edges[:, 3].max()))
    columns = int((east - west) / CELL_DEGREES) + 1
    rows = int((north - south) / CELL_DEGREES) + 1
    starts = _count_members(edges, west, south, columns, rows)
    members = _fill_members(edges, west, south, columns, starts)
    return EdgeGrid(edges, west, south, columns, rows, starts, members)


@njit(cache=True, nogil=True)
def _count_members(edges, west, south, columns, rows):  # type: ignore[no-untyped-def]
    starts = np.zeros(columns * rows + 1, dtype=np.int64)
    for i in range(edges.shape[0]):
        left = int((min(edges[i, 0], edges[i, 2]) - west) / CELL_DEGREES)
        right = int((max(edges[i, 0], edges[i, 2]) - west) / CELL_DEGREES)
        low = int((min(edges[i, 1], edges[i, 3]) - south) / CELL_DEGREES)
        high = int((max(edges[i, 1], edges[i, 3]) - south) / CELL_DEGREES)
        for row in range(low, high + 1):
            for column in range(left, right + 1):
                starts[row * columns + column + 1] += 1
    for cell in range(columns * rows):
        starts[cell + 1] += starts[cell]
    return starts


@njit(cache=True, nogil=True)
def _fill_members(edges, west, south, columns, starts):  # type: ignore[no-untyped-def]
    members = np.empty(starts[-1], dtype=np.int32)
    filled = starts[:-1].copy()
    for i in range(edges.shape[0]):
        left = int((min(edges[i, 0], edges[i, 2]) - west) / CELL_DEGREES)
        right = int((max(edges[i, 0], edges[i, 2]) - west) / CELL_DEGREES)
        low = int((min(edges[i, 1], edges[i, 3]) - south) / CELL_DEGREES)
        high = int((max(edges[i, 1], edges[i, 3]) - south) / CELL_DEGREES)
        for row in range(low, high + 1):
            for column in range(left, right + 1):
                cell = row * columns + column
                members[filled[cell]] = i
                filled[cell] += 1
    return members


@njit(cache=True, nogil=True)
def _bulge(lon0, lat0, lon1, lat1):  # type: ignore[no-untyped-def]
    """How far the middle of a short geodesic lies from the middle of its chord, times four.

    The middle is that of the straight line through the earth, dropped to the ellipsoid; by
    symmetry it is the geodesic's own to well under a micrometre.
    """
    squeeze = 1.0 - ECCENTRICITY_SQUARED
    phi0, phi1 = math.radians(lat0), math.radians(lat1)
    half = math.radians(0.5 * (lon1 - lon0))
    sin0, cos0, sin1, cos1 = math.sin(phi0), math.cos(phi0), math.sin(phi1), math.cos(phi1)
    normal0 = 1.0 / math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin0 * sin0)
    normal1 = 1.0 / math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin1 * sin1)
    # The x axis points along the middle meridian, so that small differences keep their digits.
    x = 0.5 * (normal0 * cos0 + normal1 * cos1) * math.cos(half)
    y = 0.5 * (normal1 * cos1 - normal0 * cos0) * math.sin(half)
    z = 0.5 * (normal0 * sin0 + normal1 * sin1) * squeeze
    flat = math.hypot(x, y)
    # Bowring (1976), one step, is exact to rounding this near to the surface.
    reduced = math.atan2(z, flat * math.sqrt(squeeze))
    sin_r, cos_r = math.sin(reduced), math.cos(reduced)
    up = z + ECCENTRICITY_SQUARED / math.sqrt(squeeze) * sin_r * sin_r * sin_r
    out = flat - ECCENTRICITY_SQUARED * cos_r * cos_r * cos_r
    lat = math.degrees(math.atan2(up, out))
    lon = math.degrees(math.atan2(y, x))
    return 4.0 * lon, 4.0 * (lat - 0.5 * (lat0 + lat1))


@njit(cache=True, nogil=True)
def _scan(lines, edges, west, south, columns, rows, starts, members, room):  # type: ignore[no-untyped-def]
    """Meet every piece with the edges of its cells; ``lines`` (n, 4) ``lon0, lat0, lon1, lat1``.

    Returns how many meetings there are, and the first ``room`` of them.
    """
    piece = np.empty(room, dtype=np.int64)
    fraction = np.empty(room, dtype=np.float64)
    edge_of = np.empty(room, dtype=np.int64)
    slope = np.empty(room, dtype=np.float64)
    along = np.empty(room, dtype=np.bool_)
    roots = np.empty(2, dtype=np.float64)
    found = 0
    for i in range(lines.shape[0]):
        lon0, lat0, lon1, lat1 = lines[i, 0], lines[i, 1], lines[i, 2], lines[i, 3]
        bulge_lon, bulge_lat = _bulge(lon0, lat0, lon1, lat1)
        pad_lon = 0.25 * abs(bulge_lon) + ON_EDGE_DEGREES
        pad_lat = 0.25 * abs(bulge_lat) + ON_EDGE_DEGREES
        box_west, box_east = min(lon0, lon1) - pad_lon, max(lon0, lon1) + pad_lon
        box_south, box_north = min(lat0, lat1) - pad_lat, max(lat0, lat1) + pad_lat
        left = max(math.floor((box_west - west) / CELL_DEGREES), 0)
        right = min(math.floor((box_east - west) / CELL_DEGREES), columns - 1)
        low = max(math.floor((box_south - south) / CELL_DEGREES), 0)
        high = min(math.floor((box_north - south) / CELL_DEGREES), rows - 1)
        reach = math.hypot(lon1 - lon0, lat1 - lat0)
        for row in range(low, high + 1):
            for column in range(left, right + 1):
                cell = row * columns + column
                for k in range(starts[cell], starts[cell + 1]):
                    e = members[k]
                    ax, ay, bx, by = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
                    if (
                        max(ax, bx) < box_west
                        or min(ax, bx) > box_east
                        or max(ay, by) < box_south
                        or min(ay, by) > box_north
                    ):
                        continue
                    ex, ey = bx - ax, by - ay
                    length = math.hypot(ex, ey)
                    ex, ey = ex / length, ey / length
                    start = ex * (lat0 - ay) - ey * (lon0 - ax)
                    end = ex * (lat1 - ay) - ey * (lon1 - ax)
                    bend = ex * bulge_lat - ey * bulge_lon
                    runs_along = max(abs(start), abs(end), 0.25 * abs(bend)) < ON_EDGE_DEGREES
                    if runs_along:
                        n_roots = _overlap(lon0, lat0, lon1, lat1, ax, ay, bx, by, roots)
                    else:
                        n_roots = _roots(start, end, bend, ON_EDGE_DEGREES / reach, roots)
                    for r in range(n_roots):
                        t = roots[r]
                        if not runs_along:
                            lon = lon0 + t * (lon1 - lon0) + t * (1.0 - t) * bulge_lon
                            lat = lat0 + t * (lat1 - lat0) + t * (1.0 - t) * bulge_lat
                            at = ex * (lon - ax) + ey * (lat - ay)
                            if at < -ON_EDGE_DEGREES or at > length + ON_EDGE_DEGREES:
                                continue
                        if found < room:
                            piece[found] = i
                            fraction[found] = min(max(t, 0.0), 1.0)
                            edge_of[found] = e
                            slope[found] = end - start + bend * (1.0 - 2.0 * t)
                            along[found] = runs_along
                        found += 1
    return found, piece, fraction, edge_of, slope, along


@njit(cache=True, nogil=True)
def _roots(start, end, bend, slack, roots):  # type: ignore[no-untyped-def]
    """Fractions where ``(1 - t) start + t end + t (1 - t) bend`` is zero, with a little slack."""
    b = end - start + bend
    found = 0
    disc = b * b + 4.0 * bend * start
    if disc < 0.0:
        return 0
    # The form that loses no digits when the bend is slight (Press et al., 5.6).
    q = -0.5 * (b + math.copysign(math.sqrt(disc), b))
    if q != 0.0:
        t = start / q
        if -slack <= t <= 1.0 + slack:
            roots[found] = t
            found += 1
    if bend != 0.0:
        t = q / -bend
        if -slack <= t <= 1.0 + slack:
            roots[found] = t
            found += 1
    return found


@njit(cache=True, nogil=True)
def _overlap(lon0, lat0, lon1, lat1, ax, ay, bx, by, roots):  # type: ignore[no-untyped-def]
    """Fractions of a piece lying on an edge where the edge begins and ends."""
    dx, dy = lon1 - lon0, lat1 - lat0
    square = dx * dx + dy * dy
    first = ((ax - lon0) * dx + (ay - lat0) * dy) / square
    second = ((bx - lon0) * dx + (by - lat0) * dy) / square
    roots[0], roots[1] = min(first, second), max(first, second)
    if roots[1] < 0.0 or roots[0] > 1.0:
        return 0
    return 2


def find_crossings(lines: Floats, grid: EdgeGrid) -> Crossings:
    """Every meeting of n short geodesics with the edges of a grid.

    Parameters
    ----------
    lines : ndarray (n, 4)
        ``lon0, lat0, lon1, lat1`` in degrees; no piece spans the antimeridian, is of zero length,
        or is so long or near a pole that a parabola does not fit it.
    grid : EdgeGrid

    Returns
    -------
    Crossings
        In order of piece, then fraction. The same meeting may be there twice: two regions share an
        edge, and an edge may lie in several cells.
    """
    room = _ROOM_PER_PIECE * len(lines) + 64
    while True:
        found, piece, fraction, edge, slope, along = _scan(lines, *grid, room)
        if found <= room:
            break
        room = found
    order = np.lexsort((fraction[:found], piece[:found]))
    return Crossings(piece[order], fraction[order], edge[order], slope[order], along[order])
