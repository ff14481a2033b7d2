"""A route: the line a vehicle is planned to follow, on the WGS84 ellipsoid.

A route is geometry only (who drives it, when and how fast is a trip). It is checked once, here,
so that nothing further up meets a NaN, a swapped latitude, metres posing as degrees, or two
neighbouring vertices at the same place. Neighbouring vertices are joined by geodesics, which
go the short way round: 179 to -179 crosses the antimeridian. Routes are sensitive: their text form
never shows a position, and nothing here writes anything anywhere.

Source: Karney (2013), "Algorithms for geodesics", through pyproj.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import Floats, segment_lengths_km, wrap_lon

Times = npt.NDArray[np.datetime64]

SAME_PLACE_KM = 1e-9
ANTIPODE_WITHIN_DEGREES = 1.0
_EITHER_WAY_DEGREES = 360.0
_PROJECTED_BEYOND = 400.0
_PLAIN_DIMENSIONS = 2


@dataclass(frozen=True, eq=False, repr=False)
class Route:
    """A line of two or more vertices, in order of travel.

    Parameters
    ----------
    coordinates : array-like (n, 2) of float
        Longitude, latitude in WGS84 degrees. Longitudes may run to ±360 (a line across the
        antimeridian given as 179, 181) and are brought into [-180, 180). Of neighbouring
        vertices at one place (within a micrometre) the first is kept.
    name : str, optional
        What to call the route.
    times : array-like (n,) of datetime64 in UTC or of timezone-aware datetimes, optional
        When each vertex is reached; never going backwards. Where several vertices at one
        place become one, this is the time of the first.
    leaves : same as ``times``, optional
        When each vertex is left. Made from ``times`` unless given: the same instant, except
        where several vertices at one place became one, where it is the time of the last. So
        a halt in a track is kept: ``leaves - times``.
    times_dropped : str, optional
        Why a source that had times gave a route without, for messages.

    Raises
    ------
    RouteError
        If this is no line, or holds a position that cannot be.

    Examples
    --------
    >>> route = Route([(0.0, 0.0), (0.0, 0.0), (0.1, 0.0)], name="along the equator")
    >>> route
    Route('along the equator', 11.1 km, 2 vertices)
    >>> round(route.km, 4)
    11.1319
    """

    coordinates: Floats
    name: str | None = None
    times: Times | None = None
    leaves: Times | None = None
    times_dropped: str | None = None

    def __post_init__(self) -> None:
        given = check_positions(self.coordinates)
        times = None if self.times is None else check_times(self.times, len(given), "times")
        leaves = times if self.leaves is None else check_times(self.leaves, len(given), "leaves")
        if leaves is not None and times is None:
            raise RouteError("a route has leaving times but no times", remedy="give both")
        if times is not None and leaves is not None:
            _check_halts(times, leaves)
        given[:, 0] = wrap_lon(given[:, 0])
        first = _first_of_each_place(given)
        last = np.append(first[1:], len(given)) - 1
        _check_antipodes(given)
        object.__setattr__(self, "coordinates", _frozen(given[first]))
        object.__setattr__(self, "name", _checked_name(self.name))
        object.__setattr__(self, "times", None if times is None else _frozen(times[first]))
        object.__setattr__(self, "leaves", None if leaves is None else _frozen(leaves[last]))

    @property
    def lon(self) -> Floats:
        """Longitudes of the vertices, degrees in [-180, 180), (n,)."""
        return self.coordinates[:, 0]

    @property
    def lat(self) -> Floats:
        """Latitudes of the vertices, degrees, (n,)."""
        return self.coordinates[:, 1]

    @cached_property
    def km(self) -> float:
        """Geodesic length, km."""
        return float(segment_lengths_km(self.lon, self.lat).sum())

    @cached_property
    def geometry(self) -> shapely.LineString:
        """The vertices as a LineString in EPSG:4326.

        Where the route crosses the antimeridian the longitude jumps from one side to the other:
        measure with :attr:`km`, never with the planar ``length``.
        """
        return shapely.LineString(self.coordinates)

    def __eq__(self, other: object) -> bool:
        """Whether name, vertices and times are the same."""
        if not isinstance(other, Route):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        timed = "" if self.times is None else ", timed"
        return f"Route({name}{self.km:,.1f} km, {len(self.coordinates):,} vertices{timed})"

    def __reduce__(self) -> tuple[Callable[..., Route], tuple[Any, ...]]:
        # Through the constructor: numpy forgets that an array is read-only when it is pickled.
        return Route, (self.coordinates, self.name, self.times, self.leaves, self.times_dropped)

    def _identity(self) -> tuple[object, ...]:
        return (
            self.name,
            self.coordinates.tobytes(),
            None if self.times is None else self.times.tobytes(),
            None if self.leaves is None else self.leaves.tobytes(),
        )


def check_positions(coordinates: npt.ArrayLike, what: str = "route") -> Floats:
    """Longitude, latitude pairs as an array, if they can be positions on Earth.

    Parameters
    ----------
    coordinates : array-like (n, 2)
    what : str
        What the vertices belong to, for messages.

    Returns
    -------
    ndarray (n, 2)
        A fresh array; longitudes as given.

    Raises
    ------
    RouteError
        Naming the vertex (the first is 1).

    Examples
    --------
    >>> check_positions([(2.1, 13.5)]).shape
    (1, 2)
    """
    positions = as_pairs(coordinates, what)
    _check_degrees(positions, what)
    return positions


def as_pairs(coordinates: npt.ArrayLike, what: str) -> Floats:
    """Pairs of numbers as a fresh array (n, 2), in whatever unit they are.

    Raises
    ------
    RouteError
        If they are not that, or there are none.
    """
    try:
        positions = np.array(coordinates, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise RouteError(
            f"the vertices of {what} are not pairs of numbers",
            remedy="give each as longitude, latitude in degrees",
        ) from None
    if positions.size == 0:
        raise RouteError(f"{what} has no vertices", remedy="give a line of two or more")
    if positions.ndim != _PLAIN_DIMENSIONS or positions.shape[1] != _PLAIN_DIMENSIONS:
        raise RouteError(
            f"the vertices of {what} have shape {positions.shape}, not (n, 2)",
            remedy="give longitude, latitude for each, without heights",
        )
    return positions


def _check_degrees(positions: Floats, what: str) -> None:
    bad = ~(np.isfinite(positions[:, 0]) & np.isfinite(positions[:, 1]))
    if bad.any():
        raise RouteError(
            f"{_vertex(bad, what)} is not a finite number", remedy="remove or correct the vertex"
        )
    lon, lat = np.abs(positions[:, 0]), np.abs(positions[:, 1])
    if max(lon.max(), lat.max()) > _PROJECTED_BEYOND:
        bad = (lon > _PROJECTED_BEYOND) | (lat > _PROJECTED_BEYOND)
        raise RouteError(
            f"{_vertex(bad, what)} is not in degrees; "
            "the numbers look like metres of a map projection such as EPSG:3857",
            remedy="name their coordinate reference system with crs=, for example crs='EPSG:3857'",
        )
    polar: npt.NDArray[np.bool_] = lat > 90.0
    if polar.any():
        swapped = bool((lon <= 90.0).all())
        raise RouteError(
            f"{_vertex(polar, what)} has a latitude beyond 90 degrees"
            + ("; longitude and latitude look swapped" if swapped else ""),
            remedy="give longitude first, then latitude",
        )
    astray: npt.NDArray[np.bool_] = lon > _EITHER_WAY_DEGREES
    if astray.any():
        raise RouteError(
            f"{_vertex(astray, what)} has a longitude beyond 360 degrees",
            remedy="give longitudes between -180 and 180",
        )


def check_times(times: npt.ArrayLike, n: int, what: str) -> Times:
    """Times of n vertices as datetime64[ns] in UTC, if complete and never going backwards.

    Raises
    ------
    RouteError
        Naming the vertex (the first is 1).

    Examples
    --------
    >>> check_times(np.array(["2025-01-18T06:00"], dtype="datetime64[m]"), 1, "times").dtype
    dtype('<M8[ns]')
    """
    if not (isinstance(times, np.ndarray) and times.dtype.kind == "M"):
        times = [_utc(value, what) for value in np.asarray(times, dtype=object).ravel().tolist()]
    checked = np.array(times, dtype="datetime64[ns]")
    if checked.shape != (n,):
        raise RouteError(
            f"a route of {n} vertices has {checked.size} {what}", remedy="give one for each vertex"
        )
    if np.isnat(checked).any():
        raise RouteError(
            f"{_vertex(np.isnat(checked), 'route')} has no entry in {what}",
            remedy="give one for each vertex, or none at all",
        )
    back = np.append(False, np.diff(checked) < np.timedelta64(0, "ns"))
    if back.any():
        raise RouteError(
            f"{what} go backwards at {_vertex(back, 'route')}",
            remedy="put the vertices in order of travel, or leave the times out",
        )
    return checked


def _utc(value: object, what: str) -> np.datetime64:
    if not isinstance(value, dt.datetime) or value.utcoffset() is None:
        raise RouteError(
            f"{what} must be timezone-aware datetimes or an array of datetime64 in UTC",
            remedy="add the time zone",
            value=type(value).__name__,
        )
    return np.datetime64(value.astimezone(dt.UTC).replace(tzinfo=None), "ns")


def _check_halts(times: Times, leaves: Times) -> None:
    early = leaves < times
    late = np.append(leaves[:-1] > times[1:], False)
    if (early | late).any():
        raise RouteError(
            f"{_vertex(early | late, 'route')} is left before it is reached, "
            "or after the next one is",
            remedy="correct the times",
        )


def _check_antipodes(positions: Floats) -> None:
    lam, phi = np.radians(positions[:, 0]), np.radians(positions[:, 1])
    apart = np.sin(phi[1:]) * np.sin(phi[:-1])
    apart += np.cos(phi[1:]) * np.cos(phi[:-1]) * np.cos(lam[1:] - lam[:-1])
    ambiguous: npt.NDArray[np.bool_] = apart < -np.cos(np.radians(ANTIPODE_WITHIN_DEGREES))
    if ambiguous.any():
        at = int(np.flatnonzero(ambiguous)[0]) + 1
        raise RouteError(
            f"vertices {at} and {at + 1} lie on opposite sides of the Earth, "
            "so that any course joins them",
            remedy="add the vertices between them",
        )


def _first_of_each_place(positions: Floats) -> npt.NDArray[np.intp]:
    lon, lat = positions.T
    apart = segment_lengths_km(lon, lat) > SAME_PLACE_KM
    first = np.flatnonzero(np.append(True, apart))
    if len(first) == 1:
        raise RouteError(
            "a route has one point only"
            if len(lon) == 1
            else f"a route has no length: all its {len(lon)} vertices lie at one place",
            remedy="give a line of two or more different vertices",
        )
    return first


def _vertex(bad: npt.NDArray[np.bool_], what: str) -> str:
    return f"vertex {int(np.flatnonzero(bad)[0]) + 1} of {what}"


def _checked_name(name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise RouteError(
            "the name of a route is not text", value=type(name).__name__, remedy="give a str"
        )
    return name.strip() or None


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    fresh = np.ascontiguousarray(array)
    fresh.setflags(write=False)
    return fresh
