"""Where the vehicle is, when: a trip cut into pieces on which nothing changes but position.

The route is cut at every region border, every stretch of about 10 km, every UTC midnight and every
halt. Everything a score says is a sum over these pieces, so its parts always add up to its totals.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.geodesy import Floats, Ints, Path, densify, interpolate
from kidnaprisk.hazard.pieces import Instants, Pieces
from kidnaprisk.routes.borders import RegionIndex
from kidnaprisk.routes.regions import load_regions
from kidnaprisk.routes.schedule import Legs, schedule, schedule_by_times
from kidnaprisk.routes.trip import PlacedStop, Trip, resolve_stops

STRETCH_KM = 10.0
_MARGIN_DEGREES = 0.1
# Nanosecond rounding of float hours would put a midnight into the day before.
_CLOCK = "ms"


@dataclass(frozen=True)
class Itinerary:
    """A trip as n pieces in order of time.

    Attributes
    ----------
    start, end : ndarray (n, 2)
        Longitude and latitude; equal while parked.
    km : ndarray (n,)
        Km driven on the piece, as the trip counts them; 0 while parked.
    km_at : ndarray (n,)
        Km of the trip at which the piece begins.
    hours : ndarray (n,)
    enter, leave : ndarray (n,) of datetime64[ns]
        UTC.
    day : ndarray (n,)
        The UTC day that holds the piece, in days since 1970-01-01.
    region : ndarray (n,)
        Row of ``regions``; −1 in none.
    stretch : ndarray (n,)
        Number of the stretch, from 0.
    road : ndarray (n,)
        Number of the piece of road, cut at nothing but every 5 km and at borders: what a trip does
        on the road, or drives after it, does not change it.
    parked : ndarray (n,)
        Whether the vehicle stands still.
    regions : GeoDataFrame
        Regions near the route.
    stretch_km : ndarray (s + 1,)
        Km of the trip at which stretches begin and end.
    path : Path
        The route as drawn, cut to at most 5 km.
    stops : list of PlacedStop
    """

    start: Floats
    end: Floats
    km: Floats
    km_at: Floats
    hours: Floats
    enter: Instants
    leave: Instants
    day: Ints
    region: Ints
    stretch: Ints
    road: Ints
    parked: npt.NDArray[np.bool_]
    regions: gpd.GeoDataFrame
    stretch_km: Floats
    path: Path
    stops: list[PlacedStop]

    def __len__(self) -> int:
        return len(self.km)

    def pieces(self, radius_km: float) -> Pieces:
        """The pieces as a hazard model is asked for them."""
        # The clock is rounded; the day the schedule cut at midnight is not.
        begin = self.day.astype("datetime64[D]").astype("datetime64[ns]")
        last = begin + np.timedelta64(1, "D") - np.timedelta64(1, "ms")
        when = np.minimum(np.maximum(self.enter, begin), last)
        return Pieces(self.start, self.end, self.hours, when, radius_km)


def itinerary(trip: Trip) -> Itinerary:
    """Cut a trip into pieces.

    Raises
    ------
    TripError
        If a stop lies far from the route, or the trip takes years.
    """
    path = densify(trip.route.lon, trip.route.lat)
    regions = regions_near(path)
    cut = _cut(path, RegionIndex(regions), STRETCH_KM / trip.road_factor)
    stops = resolve_stops(trip)
    piece_km = np.diff(cut.km) * trip.road_factor
    legs = _legs(trip, cut, piece_km, regions, stops)
    start, end = _ends(path, cut, legs)
    piece = legs.piece
    return Itinerary(
        start=start,
        end=end,
        km=piece_km[piece] * (legs.end - legs.start),
        km_at=cut.km[piece] * trip.road_factor + piece_km[piece] * legs.start,
        hours=legs.leave_hours - legs.enter_hours,
        enter=_clock(trip.start, legs.enter_hours),
        leave=_clock(trip.start, legs.leave_hours),
        day=legs.day,
        region=cut.region[piece],
        stretch=cut.stretch[piece],
        road=cut.road[piece],
        parked=legs.parked,
        regions=regions,
        stretch_km=cut.stretch_km * trip.road_factor,
        path=path,
        stops=stops,
    )


def regions_near(path: Path) -> gpd.GeoDataFrame:
    """Bundled regions that a path may touch; a path over the antimeridian asks on both sides."""
    south = max(-90.0, float(path.lat.min()) - _MARGIN_DEGREES)
    north = min(90.0, float(path.lat.max()) + _MARGIN_DEGREES)
    if np.any(np.abs(np.diff(path.lon)) > 180.0):
        west, east = path.lon[path.lon >= 0.0].min(), path.lon[path.lon < 0.0].max()
    else:
        west, east = path.lon.min(), path.lon.max()
    west, east = max(-180.0, west - _MARGIN_DEGREES), min(180.0, east + _MARGIN_DEGREES)
    return load_regions((float(west), south, float(east), north))


@dataclass(frozen=True)
class _Cut:
    """The drawn line cut at borders and stretch ends: m pieces between m + 1 nodes."""

    km: Floats
    lon: Floats
    lat: Floats
    segment: Ints
    road: Ints
    region: Ints
    stretch: Ints
    stretch_km: Floats


def _cut(path: Path, index: RegionIndex, stretch_km: float) -> _Cut:
    split = index.split(path)
    total = path.km[-1]
    edges = np.linspace(0.0, total, max(1, int(np.ceil(total / stretch_km - 1e-9))) + 1)
    inner = edges[1:-1]
    at = np.searchsorted(split.km, inner, side="right")
    lon, lat = interpolate(path, inner)
    km = np.insert(split.km, at, inner)
    # A cut within a micrometre of another would only add a piece of rounding error.
    kept = np.append(True, np.diff(km) > 1e-9)
    if not kept[-1]:
        kept[np.flatnonzero(kept)[-1]], kept[-1] = False, True
    nodes = np.flatnonzero(kept)
    middle = 0.5 * (km[nodes][:-1] + km[nodes][1:])
    inside = np.clip(np.searchsorted(split.km, middle, side="right") - 1, 0, len(split.region) - 1)
    return _Cut(
        km=km[nodes],
        lon=np.insert(split.lon, at, lon)[nodes],
        lat=np.insert(split.lat, at, lat)[nodes],
        segment=path.segment[split.piece[inside]],
        road=inside,
        region=split.region[inside],
        stretch=np.clip(np.searchsorted(edges, middle) - 1, 0, len(edges) - 2),
        stretch_km=edges,
    )


def _legs(
    trip: Trip, cut: _Cut, piece_km: Floats, regions: gpd.GeoDataFrame, stops: list[PlacedStop]
) -> Legs:
    if trip.follows_times:
        assert trip.route.times is not None
        return schedule_by_times(piece_km, cut.segment, trip.route.times, trip.route.leaves)
    countries = [*regions["country"], None]
    speeds = [trip.speed_in(country) for country in countries]
    speed = np.array(speeds)[cut.region]
    halts = [(stop.km, stop.hours) for stop in stops]
    return schedule(
        piece_km, speed, cut.lon[:-1], halts, trip.start, trip.driving_hours, cut.lon[1:]
    )


def _ends(path: Path, cut: _Cut, legs: Legs) -> tuple[Floats, Floats]:
    """Positions at which each leg starts and ends; only legs cut inside a piece are worked out."""
    nodes = np.stack([cut.lon, cut.lat], axis=1)
    ends = []
    for fraction in (legs.start, legs.end):
        position = np.where((fraction >= 1.0)[:, None], nodes[legs.piece + 1], nodes[legs.piece])
        inside = np.flatnonzero((fraction > 0.0) & (fraction < 1.0))
        piece = legs.piece[inside]
        km = cut.km[piece] + fraction[inside] * (cut.km[piece + 1] - cut.km[piece])
        position[inside] = np.stack(interpolate(path, km), axis=1)
        ends.append(position)
    return ends[0], ends[1]


def _clock(start: pd.Timestamp, hours: Floats) -> Instants:
    milliseconds = np.round(hours * 3_600_000.0).astype(np.int64)
    begin = np.datetime64(start.tz_convert("UTC").tz_localize(None).round(_CLOCK))
    instants: npt.NDArray[np.datetime64] = begin.astype("datetime64[ms]") + milliseconds
    return instants.astype("datetime64[ns]")
