"""Joining lines that are one road: which follows which, and which way round.

A join is made only where it is certain. First the order of the source is tried. Failing that, line
ends that lie together are taken as one junction; if every junction joins two lines and the whole
is a single chain, the chain is the road, driven so that the first line keeps its direction.
Anything else (forks, alternatives, gaps, lines that only share a goal) is not joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from kidnaprisk.geodesy import Floats, Ints, ecef_km, segment_lengths_km

TOUCHING_KM = 0.1
COINCIDING_KM = 0.001
_RING_FROM_KM = 1.0


class Leg(NamedTuple):
    """One line of a chain: its position among the lines given, and whether to turn it round."""

    line: int
    turned: bool


def gaps_km(lines: Sequence[Floats]) -> Floats:
    """Geodesic distance from the end of each line to the start of the next, (n - 1,) km.

    Examples
    --------
    >>> gaps_km([np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])])
    array([0.])
    """
    ends = np.array([line[-1] for line in lines[:-1]]).reshape(-1, 2)
    starts = np.array([line[0] for line in lines[1:]]).reshape(-1, 2)
    return _apart_km(ends, starts)


def chain(
    lines: Sequence[Floats], within_km: float = TOUCHING_KM, *, one_feature: bool = False
) -> list[Leg] | None:
    """The order and direction in which lines make up one road, or None if that is not certain.

    Parameters
    ----------
    lines : sequence of ndarray (n, 2)
        Longitude, latitude in degrees.
    within_km : float
        Line ends this close are taken as joined.
    one_feature : bool
        Whether the lines are known to be parts of one road. If not, the first and last of the
        chain are not turned round (two roads may only share a goal), and round trips are
        not joined (they may be two drawings of one). Copies of one line count once.

    Returns
    -------
    list of Leg or None

    Examples
    --------
    >>> a, b, c = ([[k, 0.0], [k + 1.0, 0.0]] for k in range(3))
    >>> chain([np.array(a), np.array(c), np.array(b)])
    [Leg(line=0, turned=False), Leg(line=2, turned=False), Leg(line=1, turned=False)]
    """
    if all(np.array_equal(line, lines[0]) for line in lines[1:]):
        return [Leg(0, False)]
    if not one_feature and _has_ring(lines, within_km):
        return None
    if bool((gaps_km(lines) <= within_km).all()):
        return [Leg(line, False) for line in range(len(lines))]
    for tolerance in (min(COINCIDING_KM, within_km), within_km):
        junctions = _junctions(lines, tolerance)
        if junctions is None:
            return None
        legs = _only_chain(junctions)
        if legs is not None and (one_feature or not (legs[0].turned or legs[-1].turned)):
            return legs
    return None


def _apart_km(here: Floats, there: Floats) -> Floats:
    pairs = np.stack([here, there], axis=1).reshape(-1, 2)
    return segment_lengths_km(pairs[:, 0], pairs[:, 1])[::2]


def _has_ring(lines: Sequence[Floats], within_km: float) -> bool:
    starts, ends = (np.array([line[at] for line in lines]) for at in (0, -1))
    gaps = _apart_km(starts, ends)
    closed = [line for line, gap in zip(lines, gaps, strict=True) if gap <= within_km]
    lengths = (segment_lengths_km(line[:, 0], line[:, 1]).sum() for line in closed)
    return any(float(length) > _RING_FROM_KM for length in lengths)


def _junctions(lines: Sequence[Floats], within_km: float) -> Ints | None:
    """Number of the junction at the start and end of each line, (n, 2); None if there is a fork."""
    ends = np.concatenate([line[[0, -1]] for line in lines])
    points = ecef_km(ends[:, 0], ends[:, 1])
    reach = float(np.nextafter(within_km, np.inf))
    away, near = cKDTree(points).query(points, k=3, distance_upper_bound=reach)
    if np.isfinite(away[:, 2]).any():
        return None
    # Of an end and the one beside it, the lower number stands for both.
    junction = np.where(np.isfinite(away[:, 1]), np.minimum(near[:, 0], near[:, 1]), near[:, 0])
    return np.asarray(junction, dtype=np.int64).reshape(-1, 2)


def _only_chain(junctions: Ints) -> list[Leg] | None:
    meeting: dict[int, list[int]] = {}
    for line, (start, end) in enumerate(junctions.tolist()):
        if start == end:
            return None
        meeting.setdefault(start, []).append(line)
        meeting.setdefault(end, []).append(line)
    loose = [junction for junction, lines in meeting.items() if len(lines) == 1]
    if len(loose) not in (0, 2):
        return None
    first = int(junctions[0, 0])
    legs = _walk(junctions, meeting, loose[0] if loose else first)
    if len(legs) != len(junctions):
        return None
    if Leg(0, True) in legs:
        legs = [Leg(line, not turned) for line, turned in reversed(legs)]
    if not loose:
        # A ring could be driven either way round, unless all its lines agree.
        at = legs.index(Leg(0, False))
        legs = legs[at:] + legs[:at]
        return None if any(leg.turned for leg in legs) else legs
    return legs


def _walk(junctions: Ints, meeting: dict[int, list[int]], at: int) -> list[Leg]:
    legs: list[Leg] = []
    used: set[int] = set()
    while True:
        onward = [line for line in meeting[at] if line not in used]
        if not onward:
            return legs
        line = onward[0]
        used.add(line)
        turned = int(junctions[line, 1]) == at
        legs.append(Leg(line, turned))
        at = int(junctions[line, 0 if turned else 1])
