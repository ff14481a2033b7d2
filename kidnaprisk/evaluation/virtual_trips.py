"""Virtual trips: drives over past days, on which forecasts of exposure are put to the test.

Trips run by the shortest way between towns of the reference network, drawn evenly, never by danger.
What they met and what models expect is :mod:`kidnaprisk.evaluation.encounters`.

Not here: real trips (:mod:`kidnaprisk.routes.trip`), nor driving as a driver would: the network is
an open stand-in for roads.

Source: Dijkstra (1959), "A note on two problems in connexion with graphs", Numerische Mathematik 1,
for the shortest ways.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from kidnaprisk.errors import ConfigError, CoverageError
from kidnaprisk.geodesy import Floats, Ints, forward, inverse
from kidnaprisk.hazard.pieces import HOURS_PER_DAY, Instants, Pieces

SHORTEST_KM, LONGEST_KM = 200.0, 1500.0
LONGEST_PIECE_KM = 10.0
# Of nights, this share is a wait of some further days: for papers, for an escort, for a load.
WAIT_SHARE = 0.1
LONGEST_WAIT_DAYS = 7
_MORNING_HOUR = 6.0
_MOST_ORIGINS = 256
_ORIGINS_AT_ONCE = 64


class VirtualTrips(NamedTuple):
    """``n_trips`` trips cut into p pieces of at most 10 km, each within one UTC day.

    Pieces lie in order of trip and time; ``trip`` (p,) numbers them from 0, ``km`` (p,) is 0 where
    parked, ``lon`` and ``lat`` (p,) are middles. Pieces of one ``stretch`` (p,) lie at one place.
    """

    pieces: Pieces
    trip: Ints
    km: Floats
    lon: Floats
    lat: Floats
    stretch: Ints
    n_trips: int

    @property
    def days(self) -> Floats:
        """Time spent on each piece, (p,)."""
        spent: Floats = self.pieces.hours / HOURS_PER_DAY
        return spent


class _Roads(NamedTuple):
    """Edges cut into short links; posts are their ends, the towns first."""

    lon: Floats  # (posts,)
    lat: Floats
    n_towns: int
    first_link: Ints  # (edges + 1,) links lie in order of edge, then along it
    start: Ints  # (links,) posts
    end: Ints
    km: Floats


class _Drives(NamedTuple):
    """Links driven, in order of trip, and in which direction."""

    trip: Ints
    link: Ints
    start: Ints  # posts
    end: Ints
    km: Floats


def sample_trips(
    lon: Floats,
    lat: Floats,
    edges: Ints,
    departures_from: int,
    departures_to: int,
    n: int,
    seed: int,
    *,
    radius_km: float = 10.0,
    speed_kmh: float = 50.0,
    hours_a_day: float = 10.0,
) -> VirtualTrips:
    """Draw trips of 200 to 1,500 km between towns, over a range of past days.

    A trip that takes longer than a day stops for the night in the last town of the second half of
    its day's way, or on the road where there is none, and leaves at 06:00 UTC; one night in ten
    lasts up to a week longer. Parked hours are pieces too.

    Parameters
    ----------
    lon, lat : ndarray (k,)
        Towns.
    edges : ndarray (e, 2)
        Pairs of them that a road joins, as :func:`kidnaprisk.hazard.network.gabriel_edges` tells.
    departures_from, departures_to : int
        First and last day travelled on, in days since 1970-01-01. A trip departs early enough to
        arrive by the last day; of one that takes longer than all of them the rest is left out.
    n : int
        Trips.
    seed : int
        The same seed gives the same trips.
    radius_km : float
        Encounter radius ρ.
    speed_kmh, hours_a_day : float
        Pace while driving, and driving hours from the morning on.

    Returns
    -------
    VirtualTrips

    Raises
    ------
    ConfigError
        If an option makes no sense.
    CoverageError
        If no two towns lie that far apart by road.

    Examples
    --------
    >>> lon, lat, edges = np.array([0.0, 3.0]), np.zeros(2), np.array([[0, 1]])
    >>> trips = sample_trips(lon, lat, edges, 0, 29, 2, seed=1)
    >>> trips.n_trips, float(trips.km.sum().round(1)), float(trips.pieces.hours.sum().round(2))
    (2, 667.9, 13.36)
    """
    _check_options(departures_from, departures_to, n, radius_km, speed_kmh, hours_a_day)
    rng = np.random.default_rng(seed)
    _, edge_km = inverse(lon[edges[:, 0]], lat[edges[:, 0]], lon[edges[:, 1]], lat[edges[:, 1]])
    roads = _cut_roads(lon, lat, edges, edge_km)
    drives = _follow(roads, edges, _shortest_ways(len(lon), edges, edge_km, n, rng))
    nights = _nights(drives, roads.n_towns, speed_kmh * hours_a_day, rng)
    duration = np.bincount(drives.trip, nights, minlength=n).astype(np.int64) + 1
    slack = np.maximum(departures_to - departures_from + 1 - duration, 0)
    first_day = departures_from + np.floor(rng.random(n) * (slack + 1)).astype(np.int64)
    morning = min(_MORNING_HOUR, HOURS_PER_DAY - hours_a_day)
    return _timed(roads, drives, nights, first_day, departures_to, speed_kmh, morning, radius_km)


def _check_options(
    first: int, last: int, n: int, radius_km: float, speed_kmh: float, hours_a_day: float
) -> None:
    for name, value, good, remedy in (
        ("departures_to", last, first <= last, "give a day not before departures_from"),
        ("n", n, n >= 1, "ask for at least one trip"),
        ("radius_km", radius_km, 0.0 < radius_km < np.inf, "10 is usual"),
        ("speed_kmh", speed_kmh, 0.0 < speed_kmh < np.inf, "50 is usual"),
        ("hours_a_day", hours_a_day, 0.0 < hours_a_day <= HOURS_PER_DAY, "10 is usual"),
        (
            "speed_kmh", speed_kmh, speed_kmh * hours_a_day >= 2.0 * LONGEST_PIECE_KM,
            "drive at least 20 km a day",
        ),
    ):  # fmt: skip
        if not good:
            raise ConfigError(f"{name} makes no virtual trip", value=value, remedy=remedy)


def _cut_roads(lon: Floats, lat: Floats, edges: Ints, edge_km: Floats) -> _Roads:
    azimuth, _ = inverse(lon[edges[:, 0]], lat[edges[:, 0]], lon[edges[:, 1]], lat[edges[:, 1]])
    parts = np.maximum(1, np.ceil(edge_km / LONGEST_PIECE_KM - 1e-9)).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(parts)])
    edge = np.repeat(np.arange(len(edges)), parts)
    step = np.arange(first[-1]) - first[edge]
    km = (edge_km / parts)[edge]
    # Each link but an edge's first starts at a post of its own.
    inner = np.flatnonzero(step > 0)
    from_town = edges[edge[inner], 0]
    at = forward(lon[from_town], lat[from_town], azimuth[edge[inner]], km[inner] * step[inner])
    start, end = edges[edge, 0].copy(), edges[edge, 1].copy()
    start[inner] = len(lon) + np.arange(len(inner))
    end[inner - 1] = start[inner]
    post_lon, post_lat = np.append(lon, at[0]), np.append(lat, at[1])
    return _Roads(post_lon, post_lat, len(lon), first, start, end, km)


def _shortest_ways(
    n_towns: int, edges: Ints, edge_km: Floats, n: int, rng: np.random.Generator
) -> list[Ints]:
    """The towns along each of n trips, between towns drawn evenly."""
    # A road of no length would read as no road.
    weight = np.maximum(edge_km, 1e-6)
    # scipy 1.12 follows ways by 32-bit numbers only.
    a, b = edges.astype(np.int32).T
    graph = csr_array((weight, (a, b)), shape=(n_towns, n_towns))
    order = rng.permutation(n_towns)
    wanted = min(n, _MOST_ORIGINS)
    before: list[Ints] = []
    ends: list[tuple[int, Ints]] = []
    for begin in range(0, n_towns, _ORIGINS_AT_ONCE):
        origins = order[begin : begin + _ORIGINS_AT_ONCE]
        away, previous = dijkstra(
            graph, directed=False, indices=origins, return_predecessors=True, limit=LONGEST_KM
        )
        for row, origin in enumerate(origins):
            far = np.flatnonzero((away[row] >= SHORTEST_KM) & (away[row] <= LONGEST_KM))
            if len(far):
                before.append(previous[row])
                ends.append((int(origin), far))
        if len(ends) >= wanted:
            break
    if not ends:
        raise CoverageError(
            f"no two towns lie {SHORTEST_KM:.0f} to {LONGEST_KM:.0f} km apart by road: "
            "there are no virtual trips to make",
            remedy="cover more, or ask for no trips",
        )
    ways = []
    for trip in range(n):
        which = trip % min(len(ends), wanted)
        origin, far = ends[which]
        way = [int(rng.choice(far))]
        while way[-1] != origin:
            way.append(int(before[which][way[-1]]))
        ways.append(np.array(way[::-1], dtype=np.int64))
    return ways


def _follow(roads: _Roads, edges: Ints, ways: list[Ints]) -> _Drives:
    """The links along the towns of each trip."""
    towns = np.concatenate(ways)
    of = np.repeat(np.arange(len(ways)), [len(way) for way in ways])
    leg = np.flatnonzero(of[1:] == of[:-1])
    a, b = towns[leg], towns[leg + 1]
    key = edges[:, 0] * roads.n_towns + edges[:, 1]
    order = np.argsort(key)
    wanted = np.minimum(a, b) * roads.n_towns + np.maximum(a, b)
    edge = order[np.searchsorted(key, wanted, sorter=order)]
    parts = roads.first_link[edge + 1] - roads.first_link[edge]
    row = np.repeat(np.arange(len(leg)), parts)
    step = np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
    ahead = (a < b)[row]
    link = roads.first_link[edge][row] + np.where(ahead, step, parts[row] - 1 - step)
    start = np.where(ahead, roads.start[link], roads.end[link])
    end = np.where(ahead, roads.end[link], roads.start[link])
    return _Drives(of[leg][row], link, start, end, roads.km[link])


def _nights(drives: _Drives, n_towns: int, day_km: float, rng: np.random.Generator) -> Ints:
    """Nights parked at the end of each link driven, 0 where it drives on."""
    town = drives.end < n_towns
    until_km = np.cumsum(drives.km)
    nights = np.zeros(len(drives.km), dtype=np.int64)
    first = np.searchsorted(drives.trip, np.arange(drives.trip[-1] + 2))
    for begin, end in pairwise(first.tolist()):
        at, from_km = begin, until_km[begin] - drives.km[begin]
        while until_km[end - 1] - from_km > day_km:
            half, whole = np.searchsorted(until_km, [from_km + 0.5 * day_km, from_km + day_km])
            towns = np.flatnonzero(town[max(half, at) : whole])
            at = int(max(half, at) + towns[-1] if len(towns) else whole - 1)
            nights[at] = 1
            from_km = until_km[at]
            at += 1
    parked = np.flatnonzero(nights)
    waits = rng.random(len(parked)) < WAIT_SHARE
    nights[parked] += waits * rng.integers(1, LONGEST_WAIT_DAYS + 1, len(parked))
    return nights


def _timed(
    roads: _Roads,
    drives: _Drives,
    nights: Ints,
    first_day: Ints,
    last_day: int,
    speed_kmh: float,
    morning: float,
    radius_km: float,
) -> VirtualTrips:
    """Put the drives and the nights between them on the clock."""
    before_km = np.cumsum(drives.km) - drives.km
    starts = np.append(True, drives.trip[1:] != drives.trip[:-1])
    sets_off = starts | np.append(False, nights[:-1] > 0)
    today_km = before_km - np.maximum.accumulate(np.where(sets_off, before_km, 0.0))
    slept = np.cumsum(nights) - nights
    day = first_day[drives.trip] + slept - np.maximum.accumulate(np.where(starts, slept, 0))
    hour = morning + today_km / speed_kmh
    hours = drives.km / speed_kmh

    # A night is the evening, whole days if it is a wait, and the early hours of the last day.
    stop = np.flatnonzero(nights)
    row = np.repeat(stop, nights[stop] + 1)
    nth = np.arange(len(row)) - np.repeat(
        np.cumsum(nights[stop] + 1) - nights[stop] - 1, nights[stop] + 1
    )
    evening = np.where(nth == 0, (hour + hours)[row], 0.0)
    until = np.where(nth == nights[row], morning, HOURS_PER_DAY)

    trip = np.append(drives.trip, drives.trip[row])
    start, end = np.append(drives.start, drives.end[row]), np.append(drives.end, drives.end[row])
    days, clock = np.append(day, day[row] + nth), np.append(hour, evening)
    spent, km = np.append(hours, until - evening), np.append(drives.km, np.zeros(len(row)))
    stretch = np.append(drives.link, len(roads.km) + drives.end[row])
    kept = np.flatnonzero((spent > 0.0) & (days <= last_day))
    kept = kept[np.lexsort((clock[kept], days[kept], trip[kept]))]
    at = np.stack([roads.lon, roads.lat], axis=1)
    pieces = Pieces(
        at[start[kept]], at[end[kept]], spent[kept], utc_clock(days[kept], clock[kept]), radius_km
    )
    lon, lat = pieces.middle()
    return VirtualTrips(pieces, trip[kept], km[kept], lon, lat, stretch[kept], len(first_day))


def utc_clock(day: Ints, hour: Floats) -> Instants:
    """Hours after midnight, beyond 24 too, of days since 1970-01-01.

    Examples
    --------
    >>> utc_clock(np.array([1]), np.array([25.5])).astype("datetime64[m]").astype(str).tolist()
    ['1970-01-03T01:30']
    """
    within = np.round(hour * 3.6e12).astype("timedelta64[ns]")
    instants: Instants = day.astype("datetime64[D]").astype("datetime64[ns]") + within
    return instants
