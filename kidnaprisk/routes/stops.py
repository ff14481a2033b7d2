"""Stops: where a trip halts and for how long, and which km of the route that is.

Not for when a stop is reached: that is :mod:`kidnaprisk.routes.schedule`. Positions of stops are as
sensitive as the route and never appear in text forms or messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kidnaprisk.errors import RouteError, TripError
from kidnaprisk.geodesy import Floats, Path, densify, ecef_km, interpolate, inverse
from kidnaprisk.routes.route import Route
from kidnaprisk.routes.values import finite_number, plain_text

FARTHEST_KM = 50.0
# Passes this much farther from a place than the closest one still count as passing it.
SAME_PASS_KM = 1.0
# Rounding of a km given as the end of the trip.
_END_SLACK = 1e-9


@dataclass(frozen=True, repr=False)
class Stop:
    """A halt: where, and for how long. Its clock starts on arrival.

    Parameters
    ----------
    hours : float
        Length of the halt, above 0. It lasts that long whatever the driving window.
    near : str, optional
        A town, ``'Dori'`` or ``'Dori, BF'``: the town of that name nearest to the route.
    km : float, optional
        Km from the start of the trip, as driven.
    at : (float, float), optional
        Longitude, latitude in degrees. Not shown in the text form.
    name : str, optional
        What to call the stop in reports.

    Raises
    ------
    TripError
        Unless exactly one of ``near``, ``km`` and ``at`` is given, and can be.

    Examples
    --------
    >>> Stop(near="Dori", hours=168)
    Stop(hours=168.0, near='Dori')
    """

    hours: float
    near: str | None = None
    km: float | None = None
    at: tuple[float, float] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        hours = finite_number(self.hours, "the hours of a stop")
        if hours <= 0.0:
            raise TripError(
                "the hours of a stop are not above 0", value=self.hours, remedy="give its length"
            )
        object.__setattr__(self, "hours", hours)
        given = [key for key in ("near", "km", "at") if getattr(self, key) is not None]
        if len(given) != 1:
            wrong = f"has {' and '.join(given)}" if given else "does not say where it is"
            raise TripError(f"a stop {wrong}", remedy="give exactly one of near=, km= and at=")
        if self.near is not None:
            object.__setattr__(self, "near", plain_text(self.near, "the town of a stop"))
        if self.km is not None:
            object.__setattr__(self, "km", _km_from_start(self.km))
        if self.at is not None:
            object.__setattr__(self, "at", _position(self.at))
        if self.name is not None:
            object.__setattr__(self, "name", plain_text(self.name, "the name of a stop"))

    def __repr__(self) -> str:
        shown = [
            f"{key}={getattr(self, key)!r}"
            for key in ("hours", "near", "km", "name")
            if getattr(self, key) is not None
        ]
        if self.at is not None:
            shown.append("at=(…)")
        return f"Stop({', '.join(shown)})"


class PlacedStop(NamedTuple):
    """A stop at its place: ``km`` on the trip, as driven; ``hours``; ``label`` for reports."""

    km: float
    hours: float
    label: str


def place_stops(stops: Sequence[Stop], route: Route, road_factor: float = 1.0) -> list[PlacedStop]:
    """Find the km of each stop.

    A place is at the point of the route nearest to it by geodesic. Where the route passes it more
    than once (within 1 km of the closest pass), the first pass; ``km=`` says another.

    Parameters
    ----------
    stops : sequence of Stop
    route : Route
    road_factor : float
        Km of the trip for each km of the line.

    Returns
    -------
    list of PlacedStop
        In order of km; stops at one km in the order given.

    Raises
    ------
    TripError
        If a town is unknown, a place lies over 50 km from the route, or a km beyond its end.

    Examples
    --------
    >>> route = Route([(-0.6, 14.1), (0.8, 14.0)])
    >>> [(round(stop.km), stop.label) for stop in place_stops([Stop(near="Dori", hours=3)], route)]
    [(62, 'Dori, BF')]
    """
    trip_km = route.km * road_factor
    path: Path | None = None
    placed = []
    for number, stop in enumerate(stops, start=1):
        if stop.km is not None:
            km = km_within(stop.km, trip_km, number)
            placed.append(PlacedStop(km, stop.hours, stop.name or f"km {km:,.0f}"))
            continue
        path = densify(route.lon, route.lat) if path is None else path
        km, label = _place(stop, number, path)
        placed.append(PlacedStop(min(km * road_factor, trip_km), stop.hours, label))
    return sorted(placed, key=lambda stop: stop.km)


def km_within(km: float, trip_km: float, number: int) -> float:
    """A km given for stop ``number``, if the trip goes that far.

    Raises
    ------
    TripError
        If it lies beyond the end.

    Examples
    --------
    >>> km_within(10.0, 12.0, 1)
    10.0
    """
    if km > trip_km * (1.0 + _END_SLACK):
        raise TripError(
            f"stop {number} lies beyond the end of the trip, which is {trip_km:,.1f} km long",
            value=km,
            remedy="give km from the start, or road_km= if the road is longer than the line",
        )
    return min(km, trip_km)


def _place(stop: Stop, number: int, path: Path) -> tuple[float, str]:
    if stop.at is not None:
        (lon, lat), label = stop.at, stop.name or f"stop {number}"
        km, away_km = _nearest_on(path, lon, lat)
        what = f"stop {number}"
    else:
        km, away_km, town = _nearest_town(str(stop.near), number, path)
        label = stop.name or town
        what = f"the nearest town of this name, {town},"
    if away_km > FARTHEST_KM:
        raise TripError(
            f"{what} lies {away_km:,.0f} km from the route",
            value=stop.near,
            remedy=f"stops must lie within {FARTHEST_KM:.0f} km of it; correct the place or the "
            "route, or give the stop by km=",
        )
    return km, label


def _nearest_town(near: str, number: int, path: Path) -> tuple[float, float, str]:
    # The table of towns and its search tree are slow to import, and stops by km need neither.
    from kidnaprisk.routes.towns import find_towns, fold_name

    try:
        towns = find_towns(near)
    except RouteError as error:
        raise TripError(
            f"the place of stop {number} cannot be found: {error.message}",
            value=near,
            remedy=error.remedy,
        ) from None
    found = []
    wanted = fold_name(near.split(",", maxsplit=1)[0])
    columns = (towns[key].tolist() for key in ("name", "country", "lon", "lat"))
    for name, country, lon, lat in zip(*columns, strict=True):
        km, away_km = _nearest_on(path, lon, lat)
        # A town of this very name comes before one that merely is also known by it.
        beside = away_km > FARTHEST_KM or fold_name(name) != wanted
        found.append((beside, away_km, km, f"{name}, {country}"))
    _, away_km, km, label = min(found)
    return km, away_km, label


def _nearest_on(path: Path, lon: float, lat: float) -> tuple[float, float]:
    """Km of the nearest point of a path, and its distance in km."""
    node = ecef_km(path.lon, path.lat)
    step = np.diff(node, axis=0)
    offset = ecef_km([lon], [lat]) - node[:-1]
    length_squared = np.einsum("ij,ij->i", step, step)
    along = np.einsum("ij,ij->i", offset, step) / np.where(length_squared > 0, length_squared, 1.0)
    along = np.clip(along, 0.0, 1.0)
    chord_km = np.linalg.norm(offset - along[:, None] * step, axis=1)
    piece = _first_pass(chord_km)
    km = float(path.km[piece] + along[piece] * (path.km[piece + 1] - path.km[piece]))
    on_lon, on_lat = interpolate(path, [km])
    _, away_km = inverse(np.array([lon]), np.array([lat]), on_lon, on_lat)
    return km, float(away_km[0])


def _first_pass(chord_km: Floats) -> int:
    """Piece nearest to a place within the first run of pieces that passes it."""
    passing = chord_km <= chord_km.min() + SAME_PASS_KM
    first = int(np.argmax(passing))
    ended = np.flatnonzero(~passing[first:])
    last = first + int(ended[0]) if len(ended) else len(passing)
    return first + int(np.argmin(chord_km[first:last]))


def _km_from_start(value: object) -> float:
    km = finite_number(value, "the km of a stop")
    if km < 0.0:
        raise TripError(
            "the km of a stop is below 0", value=value, remedy="give km from the start of the trip"
        )
    return km


def _position(value: object) -> tuple[float, float]:
    pair = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else ()
    if len(pair) != 2:
        raise TripError(
            "the position of a stop is not a pair of numbers",
            remedy="give at=(longitude, latitude)",
        )
    lon = finite_number(pair[0], "the longitude of a stop")
    lat = finite_number(pair[1], "the latitude of a stop")
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        raise TripError(
            "the position of a stop is not on Earth",
            remedy="give at=(longitude, latitude) in degrees, longitude first",
        )
    return lon, lat
