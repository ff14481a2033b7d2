"""What a route file was found to hold, before it is decided which of it is the route.

Readers of formats fill a :class:`Found`; :mod:`kidnaprisk.routes.read` makes the route from it.
Nothing is left out in silence: what is no line is counted, so that an error can say what was there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kidnaprisk.geodesy import Floats
from kidnaprisk.routes.route import Times


class Part(NamedTuple):
    """An unbroken run of vertices: positions (n, 2) in degrees and, if all are timed, times (n,).

    ``no_times`` says why there are none although the source had some.
    """

    positions: Floats
    times: Times | None = None
    no_times: str | None = None

    def reversed(self) -> Part:
        """The same run the other way."""
        times = None if self.times is None else self.times[::-1]
        return Part(self.positions[::-1], times, self.no_times)


@dataclass(frozen=True)
class Feature:
    """One thing in a file that has lines: a track, a route, a placemark, a table row.

    ``where`` names it for messages ("track 2"); ``groups`` are the folders or layer it lies in.
    Parts of an ``ordered`` feature come in order of travel, as in a recorded track.
    """

    parts: tuple[Part, ...]
    where: str
    name: str | None = None
    groups: tuple[str, ...] = ()
    ordered: bool = False


@dataclass
class Found:
    """Everything a source holds. ``alternatives``: its features are ways to the same end."""

    features: list[Feature] = field(default_factory=list)
    waypoints: list[tuple[float, float]] = field(default_factory=list)
    polygons: int = 0
    links: int = 0
    alternatives: bool = False

    def extend(self, other: Found) -> None:
        """Take in what another source, such as the next file of an archive, holds."""
        self.features.extend(other.features)
        self.waypoints.extend(other.waypoints)
        self.polygons += other.polygons
        self.links += other.links
        self.alternatives |= other.alternatives


@dataclass(frozen=True)
class Asked:
    """What the caller said about a source: its CRS, and the precision of encoded polylines."""

    crs: object | None = None
    precision: int | None = None


def timed_part(positions: Floats, stamps: Sequence[str | None]) -> Part:
    """A part with its times, if every vertex has a readable one with a time zone.

    Examples
    --------
    >>> part = timed_part(np.zeros((2, 2)), ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00"])
    >>> part.times, part.no_times
    (None, 'the time of vertex 2 has no time zone')
    """
    if not any(stamps):
        return Part(positions)
    times = []
    for number, stamp in enumerate(stamps, start=1):
        if not stamp or not stamp.strip():
            return Part(positions, None, f"vertex {number} has no time")
        try:
            time = dt.datetime.fromisoformat(stamp.strip())
        except ValueError:
            return Part(positions, None, f"the time of vertex {number} is not an ISO 8601 instant")
        if time.utcoffset() is None:
            return Part(positions, None, f"the time of vertex {number} has no time zone")
        try:
            times.append(np.datetime64(time.astimezone(dt.UTC).replace(tzinfo=None), "ns"))
        except (OverflowError, ValueError):
            return Part(positions, None, f"the time of vertex {number} is out of range")
    return Part(positions, np.array(times, dtype="datetime64[ns]"))
