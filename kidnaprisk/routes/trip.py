"""A trip: a route with a departure, a pace, stops and a crew.

Everything a user says about a trip is checked here, once; a trip that exists can be scheduled. How
it turns into hours along the road is :mod:`kidnaprisk.routes.schedule`; how dangerous that is, the
rooms above know. Trips are sensitive: their text form shows no position, and nothing here
writes anything anywhere.

Lengths: a coarse line is shorter than the road it stands for. ``road_km`` is the length truly
driven; it stretches every part of the line, and the hours with it, by one factor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kidnaprisk.errors import TripError
from kidnaprisk.routes.countries import code_remedy, country_code
from kidnaprisk.routes.crew import SECTORS, Crew
from kidnaprisk.routes.route import Route
from kidnaprisk.routes.stops import PlacedStop, Stop, km_within, place_stops
from kidnaprisk.routes.values import finite_number, plain_text

__all__ = ["DEFAULT_SPEED_KMH", "SECTORS", "Crew", "PlacedStop", "Stop", "Trip", "resolve_stops"]

DEFAULT_SPEED_KMH = 50.0
FASTEST_KMH = 200.0
DEFAULT = "default"
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200
# No road is shorter than its line, but a line drawn with jitter is a little too long.
LEAST_ROAD_FACTOR, GREATEST_ROAD_FACTOR = 0.98, 5.0


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Trip:
    """A route with a departure, a pace, stops and a crew.

    With a ``departure`` the trip is planned: it leaves then and keeps to ``speed_kmh``, and times
    that the route may carry are not used. Without one the route must carry times, and the trip
    follows them: speed, driving hours and stops must then be left out, the times say it all.

    Parameters
    ----------
    route : Route, or anything :func:`kidnaprisk.read_route` reads
        Where the trip goes.
    departure : str, datetime or Timestamp, optional
        With its offset from UTC: ``'2024-12-28T06:00+00:00'``, ``'2024-12-28T06:00Z'``.
        Kept as a Timestamp in UTC.
    speed_kmh : float or mapping of str to float, optional
        Speed while driving, above 0 and up to 200 km/h; 50 unless told otherwise. A mapping has
        country codes as keys and ``'default'`` for all others: ``{'MA': 70, 'default': 45}``.
    driving_hours : (float, float), optional
        First and last hour of driving, 0 to 24, in local mean solar time (UTC + longitude / 15),
        since daylight keeps to the sun and not to a time zone. ``(6, 18)`` is by day,
        ``(18, 6)`` by night, None round the clock.
    stops : sequence of Stop, optional
    crew : Crew, optional
    road_km : float, optional
        Length truly driven, where that is more than the length of the line.
    name : str, optional
        What to call the trip; the name of the route unless told otherwise.

    Raises
    ------
    TripError
        Saying which part cannot be, and what to do about it.
    RouteError
        If the route cannot be read.

    Examples
    --------
    >>> route = Route([(-7.6, 33.6), (-8.0, 31.6)], name="Casablanca to Marrakesh")
    >>> trip = Trip(route, departure="2024-12-28T06:00+00:00", speed_kmh=55, road_km=240)
    >>> trip
    Trip('Casablanca to Marrakesh', 240.0 km, departs 2024-12-28T06:00Z)
    >>> round(trip.road_factor, 3)
    1.067
    """

    route: Route
    departure: pd.Timestamp | None
    speed_kmh: float | dict[str, float] | None
    driving_hours: tuple[float, float] | None
    stops: tuple[Stop, ...]
    crew: Crew | None
    road_km: float | None
    name: str | None

    def __init__(
        self,
        route: object,
        departure: str | dt.datetime | None = None,
        speed_kmh: float | Mapping[str, float] | None = None,
        driving_hours: Iterable[float] | None = None,
        stops: Stop | Iterable[Stop] = (),
        crew: Crew | None = None,
        road_km: float | None = None,
        name: str | None = None,
    ) -> None:
        line = _route(route)
        pace = {"speed_kmh": speed_kmh, "driving_hours": driving_hours, "stops": _stops(stops)}
        if departure is None:
            _check_follows_times(line, pace)
        elif speed_kmh is None:
            pace["speed_kmh"] = DEFAULT_SPEED_KMH
        if crew is not None and not isinstance(crew, Crew):
            raise TripError(
                "crew is not a Crew", value=crew, remedy="give kidnaprisk.Crew(nationality='MA')"
            )
        checked: dict[str, Any] = {
            "route": line,
            "departure": None if departure is None else _departure(departure),
            "speed_kmh": None if pace["speed_kmh"] is None else _speed(pace["speed_kmh"]),
            "driving_hours": None if driving_hours is None else _window(driving_hours),
            "stops": pace["stops"],
            "crew": crew,
            "road_km": None if road_km is None else _road_km(road_km, line.km),
            "name": line.name if name is None else plain_text(name, "the name of a trip"),
        }
        for key, value in checked.items():
            object.__setattr__(self, key, value)
        for number, stop in enumerate(self.stops, start=1):
            if stop.km is not None:
                km_within(stop.km, self.km, number)

    @property
    def km(self) -> float:
        """Length of the trip in km: ``road_km`` where given, else that of the line."""
        return self.route.km if self.road_km is None else self.road_km

    @property
    def road_factor(self) -> float:
        """Km of the trip for each km of the line."""
        return self.km / self.route.km

    @property
    def follows_times(self) -> bool:
        """Whether the trip keeps to the times of its route."""
        return self.departure is None

    @property
    def start(self) -> pd.Timestamp:
        """When the trip begins, in UTC: its departure, or the first of the times it follows."""
        if self.departure is not None:
            return self.departure
        assert self.route.times is not None
        return pd.Timestamp(self.route.times[0]).tz_localize("UTC")

    def speed_in(self, country: str | None) -> float:
        """Speed while driving in a country, km/h.

        Parameters
        ----------
        country : str or None
            ISO 3166-1 alpha-2 code; None for a place in no region.

        Raises
        ------
        TripError
            If the trip follows the times of its route, so has no speed of its own.

        Examples
        --------
        >>> trip = Trip([(0, 14), (1, 14)], "2025-01-18T06:00Z", {"NE": 40, "default": 60})
        >>> trip.speed_in("NE"), trip.speed_in("BF"), trip.speed_in(None)
        (40.0, 60.0, 60.0)
        """
        if self.speed_kmh is None:
            raise TripError(
                "a trip that follows the times of its route has no speed",
                remedy="give it a departure, then it keeps to speed_kmh",
            )
        if not isinstance(self.speed_kmh, dict):
            return self.speed_kmh
        others = self.speed_kmh.get(DEFAULT, DEFAULT_SPEED_KMH)
        return others if country is None else self.speed_kmh.get(country, others)

    def __repr__(self) -> str:
        shown = [] if self.name is None else [repr(self.name)]
        shown += [f"{self.km:,.1f} km", f"departs {self.start:%Y-%m-%dT%H:%MZ}"]
        if self.stops:
            shown.append("1 stop" if len(self.stops) == 1 else f"{len(self.stops)} stops")
        return f"Trip({', '.join(shown)})"


def resolve_stops(trip: Trip) -> list[PlacedStop]:
    """Find where along a trip its stops are.

    Parameters
    ----------
    trip : Trip

    Returns
    -------
    list of (km, hours, label)
        Km on the trip as driven, in order; see :func:`kidnaprisk.routes.stops.place_stops`.

    Raises
    ------
    TripError
        If a town is unknown, or a place lies over 50 km from the route.

    Examples
    --------
    >>> trip = Trip([(0, 14), (1, 14)], "2025-01-18T06:00Z", stops=[Stop(km=50, hours=2)])
    >>> resolve_stops(trip)
    [PlacedStop(km=50.0, hours=2.0, label='km 50')]
    """
    return place_stops(trip.stops, trip.route, trip.road_factor)


def _route(source: object) -> Route:
    if isinstance(source, Route):
        return source
    # Readers of many formats are slow to import and not needed for a Route in hand.
    from kidnaprisk.routes.read import read_route

    return read_route(source)


def _check_follows_times(route: Route, pace: Mapping[str, object]) -> None:
    if route.times is None:
        raise TripError(
            "a trip needs a departure, since its route carries no times"
            + (f" ({route.times_dropped})" if route.times_dropped else ""),
            remedy="give departure='2024-12-28T06:00Z'",
        )
    given = [f"{key}=" for key, value in pace.items() if value is not None and value != ()]
    if given:
        raise TripError(
            f"{' and '.join(given)} given without a departure; such a trip follows the times "
            "of its route, which already hold its pace and its halts",
            remedy="give a departure to plan it anew, or leave them out",
        )


def _departure(given: object) -> pd.Timestamp:
    remedy = "write date, time and offset from UTC, as in '2024-12-28T06:00Z' or '...T07:00+01:00'"
    if isinstance(given, str):
        try:
            given = dt.datetime.fromisoformat(given.strip())
        except ValueError:
            raise TripError("the departure is not an instant", value=given, remedy=remedy) from None
    if given is pd.NaT or not isinstance(given, dt.datetime):
        raise TripError("the departure is not an instant", value=given, remedy=remedy)
    if given.utcoffset() is None:
        raise TripError("the departure has no time zone", value=given.isoformat(), remedy=remedy)
    if not EARLIEST_YEAR <= given.year <= LATEST_YEAR:
        raise TripError(
            f"the departure is outside the years {EARLIEST_YEAR} to {LATEST_YEAR}",
            value=given.isoformat(),
            remedy="correct the year",
        )
    return pd.Timestamp(given).tz_convert("UTC").as_unit("ns")


def _speed(given: object) -> float | dict[str, float]:
    if not isinstance(given, Mapping):
        return _one_speed(given, "the speed")
    speeds = {}
    for key, value in given.items():
        code = DEFAULT if key == DEFAULT else country_code(key)
        if code is None:
            raise TripError(
                "a speed is given for an unknown country", value=key, remedy=code_remedy(key)
            )
        if code in speeds:
            raise TripError("two speeds are given for one country", value=key, remedy="keep one")
        speeds[code] = _one_speed(value, f"the speed for {code}")
    if not speeds:
        raise TripError("the speeds by country are empty", remedy="give speed_kmh={'default': 50}")
    return speeds


def _one_speed(given: object, what: str) -> float:
    speed = finite_number(given, what)
    if not 0.0 < speed <= FASTEST_KMH:
        raise TripError(
            f"{what} is not above 0 and up to {FASTEST_KMH:.0f} km/h",
            value=given,
            remedy="give the speed while driving, in km/h",
        )
    return speed


def _window(given: object) -> tuple[float, float]:
    remedy = "give (first, last) hour of driving in solar time, such as (6, 18)"
    pair = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else ()
    if len(pair) != 2:
        raise TripError("driving_hours is not a pair of hours", value=given, remedy=remedy)
    first = finite_number(pair[0], "the first of driving_hours")
    last = finite_number(pair[1], "the last of driving_hours")
    if not (0.0 <= first <= 24.0 and 0.0 <= last <= 24.0):
        raise TripError("driving_hours are not within 0 to 24", value=given, remedy=remedy)
    if first == last or (first, last) == (24.0, 0.0):
        raise TripError(
            "driving_hours begin and end at the same hour",
            value=given,
            remedy=f"{remedy}; None, or (0, 24), is round the clock",
        )
    return first, last


def _stops(given: object) -> tuple[Stop, ...]:
    stops = (given,) if isinstance(given, Stop) else given
    if not isinstance(stops, Iterable) or isinstance(stops, str | Mapping):
        raise TripError(
            "stops is not a list of Stop",
            value=given,
            remedy="give stops=[kidnaprisk.Stop(near='Dori', hours=12)]",
        )
    checked = tuple(stops)
    for number, stop in enumerate(checked, start=1):
        if not isinstance(stop, Stop):
            raise TripError(
                f"stop {number} is not a Stop",
                value=stop,
                remedy="give kidnaprisk.Stop(near='Dori', hours=12)",
            )
    return checked


def _road_km(given: object, line_km: float) -> float:
    road_km = finite_number(given, "road_km")
    factor = road_km / line_km
    if factor < LEAST_ROAD_FACTOR:
        raise TripError(
            f"road_km is shorter than the drawn line, which is {line_km:,.1f} km long",
            value=given,
            remedy="give the length of the road in km, or correct the line",
        )
    if factor > GREATEST_ROAD_FACTOR:
        raise TripError(
            f"road_km is over {GREATEST_ROAD_FACTOR:.0f} times the length of the drawn line, "
            f"which is {line_km:,.1f} km long",
            value=given,
            remedy="give it in km, not in metres, or draw the line with more points",
        )
    return road_km
