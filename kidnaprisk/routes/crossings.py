"""Where a path's geodesics meet polygon edges and the antimeridian.

The arithmetic under :class:`kidnaprisk.routes.borders.RegionIndex`, and no use without it. Nothing
here knows of regions: edges in, cuts out. The compiled search for meetings is in
:mod:`kidnaprisk.routes.kernels`; here its answers, good to half a millimetre, are refined on the
true geodesic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from kidnaprisk.geodesy import MEAN_RADIUS_KM, Floats, Ints, Path, forward, inverse

if TYPE_CHECKING:
    from kidnaprisk.routes.kernels import Crossings, EdgeGrid

Flags = npt.NDArray[np.bool_]

# Meetings nearer together than a micrometre are one.
_SAME_PLACE_KM = 1e-9
_SAME_FRACTION = 1e-11
# How far a parabola may stray from the geodesic it stands for.
_STRAY_KM = 0.5e-6
_MOST_PARTS = 4096
_REFINEMENTS = 3
_FARTHEST_REFINEMENT_KM = 1e-3


class Pieces(NamedTuple):
    """Pieces of one or more paths: ends, km at the ends, and whether one begins a path.

    ``azimuth`` and ``length_km`` are nan until `position` first needs them: most pieces meet no
    border, and solving the geodesic is the dearest step.
    """

    lon0: Floats
    lat0: Floats
    lon1: Floats
    lat1: Floats
    km0: Floats
    km1: Floats
    begins: Flags
    azimuth: Floats
    length_km: Floats


class _Lines(NamedTuple):
    """Stretches of pieces that a parabola fits and the antimeridian does not cut.

    ``ends`` (n, 4) ``lon0, lat0, lon1, lat1``; ``piece``; ``begin``, ``end`` fractions of it.
    """

    ends: Floats
    piece: Ints
    begin: Floats
    end: Floats


class Cuts(NamedTuple):
    """Points to cut pieces at: piece, fraction, and whether it is on the antimeridian."""

    piece: Ints
    fraction: Floats
    seam: Flags


def join_paths(paths: Sequence[Path]) -> Pieces:
    """The pieces of paths, one path after another."""
    begins = np.zeros(sum(len(path.segment) for path in paths), dtype=np.bool_)
    begins[np.cumsum([0] + [len(path.segment) for path in paths[:-1]])] = True
    lon1 = np.concatenate([path.lon[1:] for path in paths])
    lon0 = np.concatenate([path.lon[:-1] for path in paths])
    return Pieces(
        lon0=lon0,
        lat0=np.concatenate([path.lat[:-1] for path in paths]),
        lon1=_near(lon1, lon0),
        lat1=np.concatenate([path.lat[1:] for path in paths]),
        km0=np.concatenate([path.km[:-1] for path in paths]),
        km1=np.concatenate([path.km[1:] for path in paths]),
        begins=begins,
        azimuth=np.full(len(lon0), np.nan),
        length_km=np.full(len(lon0), np.nan),
    )


def _near(lon: Floats, other: Floats) -> Floats:
    """Longitudes moved by whole turns to within 180° of others, exactly as they were if there."""
    turn = lon - other
    near: Floats = np.where(turn > 180.0, lon - 360.0, np.where(turn < -180.0, lon + 360.0, lon))
    return near


def find_cuts(pieces: Pieces, grid: EdgeGrid) -> tuple[Cuts, Ints]:
    """Every point where pieces meet edges or the antimeridian.

    Returns
    -------
    cuts : Cuts
        In no order; one place may be there more than once.
    along : ndarray
        The pieces that run along an edge for part of their way.
    """
    # numba is slow to import and only wanted here.
    from kidnaprisk.routes.kernels import find_crossings

    lines, seams = _lines(pieces)
    met = find_crossings(lines.ends, grid)
    along = np.unique(lines.piece[met.piece[met.along]])
    crossings = _crossings(pieces, lines, _without_repeats(met), grid.edges)
    cuts = Cuts(
        np.concatenate([crossings.piece, seams.piece]),
        np.concatenate([crossings.fraction, seams.fraction]),
        np.concatenate([crossings.seam, seams.seam]),
    )
    return cuts, along


def _without_repeats(met: Crossings) -> Crossings:
    """Leave out meetings with the same edge of a neighbouring region, or in a further cell."""
    repeat = (np.diff(met.piece) == 0) & (np.diff(met.fraction) < _SAME_FRACTION)
    kept = np.concatenate([[True], ~repeat])[: len(met.piece)]
    return met._replace(
        piece=met.piece[kept],
        fraction=met.fraction[kept],
        edge=met.edge[kept],
        slope=met.slope[kept],
        along=met.along[kept],
    )


def _crossings(pieces: Pieces, lines: _Lines, met: Crossings, edges: Floats) -> Cuts:
    """From parabolas of lines to geodesics of pieces."""
    piece = lines.piece[met.piece]
    width = lines.end[met.piece] - lines.begin[met.piece]
    fraction = lines.begin[met.piece] + met.fraction * width
    # Where a piece runs along an edge, the cut is where the edge ends: nothing to refine.
    fixed = met.along | (met.slope == 0.0)
    step = np.where(fixed, 0.0, width / np.where(fixed, 1.0, met.slope))
    refined = _refine(pieces, piece, fraction, edges[met.edge], step, lines.ends[met.piece, 0])
    return Cuts(piece, refined, np.zeros(len(piece), dtype=np.bool_))


def position(pieces: Pieces, piece: Ints, fraction: Floats) -> tuple[Floats, Floats]:
    """Points on the geodesics of pieces."""
    new = np.unique(piece[np.isnan(pieces.length_km[piece])])
    pieces.azimuth[new], pieces.length_km[new] = inverse(
        pieces.lon0[new], pieces.lat0[new], pieces.lon1[new], pieces.lat1[new]
    )
    return forward(
        pieces.lon0[piece],
        pieces.lat0[piece],
        pieces.azimuth[piece],
        pieces.length_km[piece] * fraction,
    )


def _refine(
    pieces: Pieces,
    piece: Ints,
    fraction: Floats,
    edge: Floats,
    step: Floats,
    near_lon: Floats,
    farthest_km: float = _FARTHEST_REFINEMENT_KM,
) -> Floats:
    """Newton's method on the true geodesic, from about where it meets an edge.

    ``step`` is d(fraction)/d(offset from the edge's line), 0 to leave a fraction as it is;
    ``near_lon`` tells which side of the antimeridian the edge is on.
    """
    length_km = pieces.km1[piece] - pieces.km0[piece]
    along_lon, along_lat = edge[:, 2] - edge[:, 0], edge[:, 3] - edge[:, 1]
    size = np.hypot(along_lon, along_lat)
    for _ in range(_REFINEMENTS):
        lon, lat = position(pieces, piece, fraction)
        lon = _near(lon, near_lon)
        offset = (along_lon * (lat - edge[:, 1]) - along_lat * (lon - edge[:, 0])) / size
        change = -offset * step
        # Nearly along the edge the step is a guess; the parabola's own answer is better.
        change[np.abs(change) * length_km > farthest_km] = 0.0
        fraction = np.clip(fraction + change, 0.0, 1.0)
    return fraction


def _lines(pieces: Pieces) -> tuple[_Lines, Cuts]:
    """Part pieces where a parabola would not fit and at the antimeridian."""
    length = pieces.km1 - pieces.km0
    lat = np.minimum(np.maximum(np.abs(pieces.lat0), np.abs(pieces.lat1)), 89.9)
    # What a parabola through ends and middle leaves of the series' third term: its coefficient
    # is under half of tan²φ + 1/3, and t (1 - t)(1 - 2t) under 0.097.
    stray = 0.05 * length**3 / MEAN_RADIUS_KM**2 * (np.tan(np.radians(lat)) ** 2 + 1.0 / 3.0)
    parts = np.clip(np.ceil(np.cbrt(stray / _STRAY_KM)), 1, _MOST_PARTS).astype(np.int64)
    piece = np.repeat(np.arange(len(parts), dtype=np.int64), parts)
    step = np.arange(len(piece)) - np.repeat(np.cumsum(parts) - parts, parts)
    begin, end = step / parts[piece], (step + 1) / parts[piece]
    lon0, lat0 = pieces.lon0[piece], pieces.lat0[piece]
    lon1, lat1 = pieces.lon1[piece], pieces.lat1[piece]
    inner = np.flatnonzero(end < 1.0)
    if len(inner):
        lon, lat_at = position(pieces, piece[inner], end[inner])
        lon1[inner], lat1[inner] = lon, lat_at
        lon0[inner + 1], lat0[inner + 1] = lon, lat_at
        lon1 = _near(lon1, lon0)
    ends = np.stack([lon0, lat0, lon1, lat1], axis=1)
    lines, seams = _cut_at_seam(pieces, _Lines(ends, piece, begin, end))
    moves = np.any(lines.ends[:, :2] != lines.ends[:, 2:], axis=1)
    return _Lines(
        lines.ends[moves], lines.piece[moves], lines.begin[moves], lines.end[moves]
    ), seams


def _cut_at_seam(pieces: Pieces, lines: _Lines) -> tuple[_Lines, Cuts]:
    """Part lines that cross the antimeridian, and bring all into [-180, 180]."""
    ends = lines.ends
    low, high = np.minimum(ends[:, 0], ends[:, 2]), np.maximum(ends[:, 0], ends[:, 2])
    beyond = np.where(low < -180.0, -180.0, np.where(high > 180.0, 180.0, np.nan))
    across = np.flatnonzero((low < beyond) & (beyond < high))
    outside = np.flatnonzero((high <= -180.0) | (low >= 180.0))
    ends[outside[:, None], [0, 2]] -= np.where(low[outside] >= 180.0, 360.0, -360.0)[:, None]
    if len(across) == 0:
        return lines, Cuts(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_))
    seam, piece = beyond[across], lines.piece[across]
    width = lines.end[across] - lines.begin[across]
    turn = ends[across, 2] - ends[across, 0]
    guess = lines.begin[across] + width * (seam - ends[across, 0]) / turn
    meridian = np.stack([seam, np.full(len(seam), -90.0), seam, np.full(len(seam), 90.0)], axis=1)
    cut = _refine(pieces, piece, guess, meridian, -width / turn, ends[across, 0], np.inf)
    _, cut_lat = position(pieces, piece, cut)
    first, second = ends[across].copy(), ends[across].copy()
    first[:, 2], first[:, 3] = seam, cut_lat
    second[:, 0], second[:, 1] = -seam, cut_lat
    second[:, 2] -= 2.0 * seam
    whole = np.setdiff1d(np.arange(len(ends)), across)
    parted = _Lines(
        np.concatenate([ends[whole], first, second]),
        np.concatenate([lines.piece[whole], piece, piece]),
        np.concatenate([lines.begin[whole], lines.begin[across], cut]),
        np.concatenate([lines.end[whole], cut, lines.end[across]]),
    )
    return parted, Cuts(piece, cut, np.ones(len(cut), np.bool_))


def cut_pieces(pieces: Pieces, cuts: Cuts) -> Cuts:
    """Starts of pieces and cuts inside them, in order, those at one place made one."""
    count = len(pieces.begins)
    piece = np.concatenate([np.arange(count, dtype=np.int64), cuts.piece])
    fraction = np.concatenate([np.zeros(count), cuts.fraction])
    seam = np.concatenate([np.zeros(count, dtype=np.bool_), cuts.seam])
    # At one place a piece's own start goes first, then a cut at the antimeridian.
    order = np.lexsort((~seam, fraction, np.arange(len(piece)) >= count, piece))
    piece, fraction, seam = piece[order], fraction[order], seam[order]
    at_km = fraction * (pieces.km1 - pieces.km0)[piece]
    to_end = (pieces.km1 - pieces.km0)[piece] - at_km
    is_start = np.concatenate([[True], piece[1:] != piece[:-1]])
    at_end = to_end < _SAME_PLACE_KM
    near = np.concatenate([[False], np.diff(at_km) < _SAME_PLACE_KM])
    kept = np.flatnonzero(is_start | ~(near | at_end))
    seam = np.logical_or.reduceat(seam & ~at_end, kept) & ~is_start[kept]
    return Cuts(piece[kept], np.where(is_start, 0.0, fraction)[kept], seam)
