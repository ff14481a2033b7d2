"""Independent oracles: what a join and a score must be, worked out slowly from the definitions.

Nothing here imports the code under test. Positions come from pyproj on the *original* segments of
a route, distances from Karney's algorithm, regions from point in polygon with borders found by
bisection, clocks from a plain loop, and the hazard from its formula in numpy over a fitted model's
records, weights, towns and floor.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

GEOD = pyproj.Geod(ellps="WGS84")
_TO_ECEF = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
_BISECTIONS = 50


def _in_pairs(*given: Any) -> tuple[int, list[np.ndarray]]:
    """n and the arrays, of two or more: older pyproj answers an array of one with a number."""
    arrays = [np.atleast_1d(one).astype(float) for one in given]
    n = max(len(one) for one in arrays)
    return n, [np.resize(one, max(n, 2)) if len(one) == 1 else one for one in arrays]


def ecef_km(lon: Any, lat: Any) -> np.ndarray:
    """ECEF kilometres by PROJ, (n, 3)."""
    n, (lon, lat, height) = _in_pairs(lon, lat, 0.0)
    return np.stack(_TO_ECEF.transform(lon, lat, height), axis=1)[:n] / 1000.0


def inv(lon0: Any, lat0: Any, lon1: Any, lat1: Any) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth at the start and metres of n geodesics, by Karney."""
    n, ends = _in_pairs(lon0, lat0, lon1, lat1)
    azimuth, _, metres = GEOD.inv(*ends)
    return np.asarray(azimuth)[:n], np.asarray(metres)[:n]


def fwd(lon: Any, lat: Any, azimuth: Any, metres: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position at the end of n geodesics, and the azimuth back, by Karney."""
    n, given = _in_pairs(lon, lat, azimuth, metres)
    end_lon, end_lat, back = GEOD.fwd(*given)
    return np.asarray(end_lon)[:n], np.asarray(end_lat)[:n], np.asarray(back)[:n]


# ------- join -------


class Nearest(NamedTuple):
    """Distance and km along of each point's nearest place, and whether no other place rivals it."""

    distance_km: np.ndarray
    along_km: np.ndarray
    unique: np.ndarray


def tolerance_km(distance_km: np.ndarray) -> np.ndarray:
    """What is allowed: 1e-6 of the distance plus 2 cm."""
    return 1e-6 * distance_km + 2e-5


def nearest_by_bisection(
    route_lon: np.ndarray, route_lat: np.ndarray, lon: np.ndarray, lat: np.ndarray
) -> Nearest:
    """Nearest place on a line to each of n points, over all its undensified geodesic segments.

    On a segment the derivative of the distance is −cos(course − bearing to the point); it is
    bisected to its zero. Segments that cannot hold the nearest place, by the triangle inequality,
    are passed over.
    """
    course, metres = inv(route_lon[:-1], route_lat[:-1], route_lon[1:], route_lat[1:])
    start_km = np.concatenate([[0.0], np.cumsum(metres)]) / 1000.0
    n, m = len(lon), len(metres)
    grid = np.meshgrid(np.arange(n), np.arange(m), indexing="ij")
    point, segment = (index.ravel() for index in grid)
    _, to_node = inv(
        np.repeat(lon, m + 1), np.repeat(lat, m + 1), np.tile(route_lon, n), np.tile(route_lat, n)
    )
    to_node = to_node.reshape(n, m + 1)
    least = (to_node[:, :-1] + to_node[:, 1:] - metres[None, :]) / 2.0
    # Rivals matter too, so segments a kilometre farther than the nearest vertex are kept.
    near = (least <= to_node.min(axis=1)[:, None] + 1000.0).ravel()
    point, segment = point[near], segment[near]
    low, high = np.zeros(len(point)), metres[segment].copy()
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        falling = _falling(route_lon, route_lat, course, segment, middle, lon[point], lat[point])
        low, high = np.where(falling, middle, low), np.where(falling, high, middle)
    at = 0.5 * (low + high)
    x, y, _ = fwd(route_lon[segment], route_lat[segment], course[segment], at)
    _, foot = inv(x, y, lon[point], lat[point])
    distance = foot / 1000.0
    along = start_km[segment] + at / 1000.0
    best = np.full(n, np.inf)
    np.minimum.at(best, point, distance)
    order = np.lexsort((along, distance, point))
    first = order[np.searchsorted(point[order], np.arange(n))]
    rival = (distance <= best[point] + 4.0 * tolerance_km(best[point])) & (
        np.abs(along - along[first][point]) > 1e-3
    )
    unique = np.ones(n, dtype=bool)
    unique[point[rival]] = False
    return Nearest(best, along[first], unique)


def _falling(
    route_lon: np.ndarray,
    route_lat: np.ndarray,
    course: np.ndarray,
    segment: np.ndarray,
    at: np.ndarray,
    lon: np.ndarray,
    lat: np.ndarray,
) -> np.ndarray:
    """Whether the distance to the point still falls at ``at`` metres along the segment."""
    x, y, back = fwd(route_lon[segment], route_lat[segment], course[segment], at)
    bearing, _ = inv(x, y, lon, lat)
    ahead = np.radians(back + 180.0)
    return np.cos(ahead - np.radians(bearing)) > 0.0


# ------- where the line is, in which region -------


@dataclass
class Line:
    """The original line cut finely along its geodesics: n + 1 nodes, n steps."""

    km: np.ndarray
    lon: np.ndarray
    lat: np.ndarray
    region: np.ndarray  # (n,) row of the regions table, −1 in none
    middle_lon: np.ndarray
    middle_lat: np.ndarray


class Drawn:
    """A route as pyproj draws it: any km along its original segments to a position."""

    def __init__(self, lon: np.ndarray, lat: np.ndarray) -> None:
        self.lon, self.lat = np.asarray(lon, float), np.asarray(lat, float)
        self.course, self.metres = inv(self.lon[:-1], self.lat[:-1], self.lon[1:], self.lat[1:])
        self.km = np.concatenate([[0.0], np.cumsum(self.metres)]) / 1000.0

    def at(self, km: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        segment = np.clip(np.searchsorted(self.km, km, side="right") - 1, 0, len(self.metres) - 1)
        ahead = (km - self.km[segment]) * 1000.0
        lon, lat, _ = fwd(self.lon[segment], self.lat[segment], self.course[segment], ahead)
        return lon, lat

    def steps(self, step_km: float) -> np.ndarray:
        """Km of nodes at most ``step_km`` apart, every vertex among them."""
        parts = np.maximum(1, np.ceil(self.metres / 1000.0 / step_km)).astype(int)
        ends = [
            a + (b - a) * np.arange(n) / n
            for a, b, n in zip(self.km[:-1], self.km[1:], parts, strict=True)
        ]
        return np.append(np.concatenate(ends), self.km[-1])


class Regions:
    """Point in polygon by shapely, the lowest row winning on borders."""

    def __init__(self, regions: gpd.GeoDataFrame) -> None:
        self.table = regions
        self.shapes = regions.geometry.to_numpy()
        shapely.prepare(self.shapes)
        self.tree = shapely.STRtree(self.shapes)
        rings = shapely.get_rings(shapely.get_parts(self.shapes))
        points, ring = shapely.get_coordinates(rings, return_index=True)
        edges = np.stack([points[:-1], points[1:]], axis=1)
        self.edges = edges[ring[1:] == ring[:-1]]

    def of(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        point, row = self.tree.query(shapely.points(lon, lat))
        inside = shapely.intersects_xy(self.shapes[row], lon[point], lat[point])
        point, row = point[inside], row[inside]
        found = np.full(len(lon), len(self.shapes))
        np.minimum.at(found, point, row)
        return np.where(found == len(self.shapes), -1, found)

    def near_border(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Steps between consecutive positions that may touch a border."""
        ends = np.stack([lon, lat], axis=1)
        low, high = ends.min(axis=0) - 0.01, ends.max(axis=0) + 0.01
        beside = (self.edges.max(axis=1) >= low) & (self.edges.min(axis=1) <= high)
        tree = shapely.STRtree(shapely.linestrings(self.edges[beside.all(axis=1)]))
        # First runs of steps, by the box around them; then the steps of those that meet an edge.
        first = np.arange(0, len(lon) - 1, 50)
        corners = [
            which(ends[:, k], np.append(first, len(lon) - 1))
            for which in (_lowest, _highest)
            for k in (0, 1)
        ]
        run, _ = tree.query(shapely.box(*corners))
        step = (first[np.unique(run), None] + np.arange(50)).ravel()
        step = step[step < len(lon) - 1]
        pieces = shapely.linestrings(np.stack([ends[step], ends[step + 1]], axis=1))
        hit, _ = tree.query(pieces, predicate="dwithin", distance=1e-7)
        return step[np.unique(hit)]


def _lowest(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    runs = np.minimum.reduceat(values, at[:-1])
    return np.minimum(runs, values[at[1:]]) - 1e-4


def _highest(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    runs = np.maximum.reduceat(values, at[:-1])
    return np.maximum(runs, values[at[1:]]) + 1e-4


def cut_line(
    lon: np.ndarray, lat: np.ndarray, regions: Regions, step_km: float, finest: int = 64
) -> Line:
    """Cut a line into steps, and exactly where the region under it changes.

    Steps that may touch a border are cut ``finest`` times finer; changes between the finer nodes
    are bisected on the geodesic to less than a micrometre.
    """
    drawn = Drawn(lon, lat)
    km = drawn.steps(step_km)
    x, y = drawn.at(km)
    # A step over the antimeridian always counts as near a border: it is one.
    near = np.union1d(regions.near_border(x, y), np.flatnonzero(np.abs(np.diff(x)) > 180.0))
    if len(near):
        inner = np.arange(1, finest) / finest
        finer = km[near, None] + (km[near + 1] - km[near])[:, None] * inner
        nodes = np.sort(np.concatenate([km, finer.ravel()]))
    else:
        nodes = km
    label = regions.of(*drawn.at(nodes))
    change = np.flatnonzero(label[1:] != label[:-1])
    low, high = nodes[change].copy(), nodes[change + 1].copy()
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        same = regions.of(*drawn.at(middle)) == label[change]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    cut = np.sort(np.concatenate([nodes, 0.5 * (low + high)]))
    cut = cut[np.append(True, np.diff(cut) > 1e-12)]
    mid_lon, mid_lat = drawn.at(0.5 * (cut[1:] + cut[:-1]))
    node_lon, node_lat = drawn.at(cut)
    return Line(cut, node_lon, node_lat, regions.of(mid_lon, mid_lat), mid_lon, mid_lat)


def km_by_region(line: Line, regions: Regions) -> dict[str, float]:
    """Km in each region by id; ``''`` for none."""
    ids = np.append(regions.table["region_id"].to_numpy(object), "")
    km = np.bincount(
        np.where(line.region < 0, len(ids) - 1, line.region), np.diff(line.km), minlength=len(ids)
    )
    return {ids[i]: float(km[i]) for i in np.flatnonzero(km > 0.0)}


# ------- the clock -------


class Timeline(NamedTuple):
    """Steps of driving and parking in order of time; hours since departure, drawn km."""

    step: np.ndarray
    km_from: np.ndarray
    km_to: np.ndarray
    enter: np.ndarray
    leave: np.ndarray


def drive(
    line: Line,
    speed_kmh: np.ndarray,
    road_factor: float,
    stops: list[tuple[float, float]],
    departure: pd.Timestamp,
    window: tuple[float, float] | None,
) -> Timeline:
    """Drive step by step; ``stops`` are (drawn km, hours). The sun is that of each step."""
    clock = departure.hour + departure.minute / 60.0 + departure.second / 3600.0
    rows: list[tuple[int, float, float, float, float]] = []
    now = 0.0
    waiting = sorted(stops)
    for i in range(len(line.km) - 1):
        at, end = float(line.km[i]), float(line.km[i + 1])
        last = i == len(line.km) - 2
        while True:
            if waiting and (waiting[0][0] <= at or (last and at >= end)):
                hours = waiting.pop(0)[1]
                rows.append((i, at, at, now, now + hours))
                now += hours
                continue
            if at >= end:
                break
            to = min(end, waiting[0][0]) if waiting else end
            need = (to - at) * road_factor / speed_kmh[i]
            if window is not None:
                solar = (clock + now + line.lon[i] / 15.0 - window[0]) % 24.0
                if solar > 24.0 - 1e-9:
                    solar = 0.0
                span = (window[1] - window[0]) % 24.0 or 24.0
                if solar >= span - 1e-9:
                    rows.append((i, at, at, now, now + 24.0 - solar))
                    now += 24.0 - solar
                    continue
                if need > span - solar:
                    to = at + (to - at) * (span - solar) / need
                    need = span - solar
            rows.append((i, at, to, now, now + need))
            now += need
            at = to
    step, *columns = (np.array(column) for column in zip(*rows, strict=True))
    return Timeline(step, *columns)


# ------- the hazard -------


def biweight(chord2: Any, sigma2: Any, radius_km: float = 0.0) -> np.ndarray:
    """3 / (π H²) (1 − c²/H²)², H² = 8σ²; or what stands for its mean over discs of a radius.

    That is the biweight whose peak is the mean over a disc about the record: the mass of the kernel
    within the radius, 1 − (1 − ρ²/H²)³ or all of it, over π ρ². A biweight's peak is 3 / (π H²).
    """
    h2 = 8.0 * np.asarray(sigma2, float)
    if radius_km > 0.0:
        mass = 1.0 - (1.0 - np.minimum(radius_km**2 / h2, 1.0)) ** 3
        h2 = 3.0 * radius_km**2 / mass
    return np.where(chord2 < h2, 3.0 / (np.pi * h2) * (1.0 - chord2 / h2) ** 2, 0.0)


class Spoken:
    """When a fitted model may speak in each region, from its coverages and records alone.

    From the first day any coverage of the region's kidnappings names, and up to the last such day
    and the median of the days that kidnappings took to be known, whole days rounded up, but not
    after as_of.
    """

    def __init__(self, model: Any, regions: Regions) -> None:
        taken = model.records_[model.records_["kind"] == "kidnapping"]
        delay = _days(taken["known_on"]) - _days(taken["date_end"])
        late = max(0, int(np.ceil(np.median(delay))))
        as_of = int(np.datetime64(model.as_of_, "D").astype(int))
        n = len(regions.table)
        # In no region, and in those no coverage names: never.
        self.first, self.last = np.full(n + 1, 10**6), np.full(n + 1, -(10**6))
        for row, (region_id, country) in enumerate(
            zip(regions.table["region_id"], regions.table["country"], strict=True)
        ):
            named = [
                one
                for one in model.coverage_
                if {region_id, country} & set(one.areas) and "kidnapping" in one.kinds
            ]
            if named:
                self.first[row] = min(_day(one.start) for one in named)
                self.last[row] = min(max(_day(one.end) for one in named) + late, as_of)
        self.regions = regions

    def until(self, region: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The last day whose records may speak in a region to someone there on ``day``, and
        whether any may: the day before must be one that is covered."""
        return np.minimum(day - 1, self.last[region]), day - 1 >= self.first[region]

    def at(self, lon: Any, lat: Any, day: Any) -> tuple[np.ndarray, np.ndarray]:
        """The same for positions."""
        region = self.regions.of(np.atleast_1d(lon), np.atleast_1d(lat))
        return self.until(region, np.broadcast_to(day, region.shape))


class Hazard:
    """λ of a fitted KernelMixture, from its records, weights, towns and floor alone."""

    def __init__(self, model: Any) -> None:
        records = model.records_
        first = _days(records["date"])
        last = _days(records["date_end"])
        error = records["location_error_km"].astype("Float64")
        self.error2 = error.fillna(model.unknown_location_error_km).to_numpy(float) ** 2
        self.known = _days(records["known_on"])
        # No record is known before the middle of the days it may have happened on.
        self.event = np.minimum(0.5 * (first + last), self.known)
        self.xyz = ecef_km(records["lon"].to_numpy(float), records["lat"].to_numpy(float))
        self.open, self.close = source_days(model)
        self.open = np.minimum(self.open, first)
        self.close = np.minimum(
            np.maximum(self.close, self.known), int(np.datetime64(model.as_of_, "D").astype(int))
        )
        scale2 = np.asarray(model.scales_km, float)[:, None] ** 2
        # By family: blurred by the location error, and not where that is 30 km or less.
        coarse = np.where(self.error2 > 900.0, self.error2, 0.0)
        self.sigma2 = np.stack([scale2 + self.error2, scale2 + coarse])
        self.memory = np.asarray(model.memories_days, float)[:, None]
        group = np.where(records["kind"] == "kidnapping", 0, 1)
        self.weights = model.weights_[group]
        self.town_xyz = ecef_km(model.towns_.lon, model.towns_.lat)
        self.town_share = model.towns_.share
        self.towns = [
            (float(weight), float(scale) ** 2)
            for weight, scale in zip(model.town_weights_, model.town_scales_km, strict=True)
        ]
        self.floor = model.floor_weight_ / model.covered_area_km2_

    def strength(self, until: int) -> np.ndarray:
        """What each record weighs by family and scale when ``until`` is the last day known,
        (2, S, r): a record stands still once its source has ended, and a memory that its source
        has not filled yet counts for more."""
        day = np.minimum(until, self.close)
        # Those not known yet may be years ahead: e to their age would overflow.
        faded = np.exp(-np.maximum(day - self.event, 0.0) / self.memory) / self.memory
        faded /= 1.0 - np.exp(-np.maximum(day - self.open, 30.0) / self.memory)
        return np.einsum("rfsm,mr->fsr", self.weights, faded) * (self.known <= day)

    def of(
        self, lon: np.ndarray, lat: np.ndarray, until: np.ndarray, radius_km: float = 0.0
    ) -> np.ndarray:
        """Mean of λ over the disc at each of n points, 1/(km² day), as known by ``until``."""
        return self.parts(lon, lat, until, radius_km)[0]

    def parts(
        self, lon: np.ndarray, lat: np.ndarray, until: np.ndarray, radius_km: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """λ of everything, and of records alone."""
        at = ecef_km(lon, lat)
        static, moving = np.empty(len(at)), np.zeros(len(at))
        for begin in range(0, len(at), 400):
            rows = slice(begin, begin + 400)
            here = at[rows]
            centre = here.mean(axis=0)
            radius = np.linalg.norm(here - centre, axis=1).max()
            static[rows] = self.floor
            for weight, sigma2 in self.towns:
                c2, chosen = _within(here, centre, radius, self.town_xyz, _reach(sigma2, radius_km))
                kernel = biweight(c2, sigma2, radius_km)
                static[rows] += weight * (kernel @ self.town_share[chosen])
            widest = _reach(self.sigma2[0, -1], radius_km)
            c2, chosen = _within(here, centre, radius, self.xyz, widest)
            for one in np.unique(until[rows]):
                mine = np.flatnonzero(until[rows] == one)
                strength = self.strength(int(one))[:, :, chosen]
                for kind in np.ndindex(strength.shape[:2]):
                    kernel = biweight(c2[mine], self.sigma2[kind][chosen][None, :], radius_km)
                    moving[begin + mine] += kernel @ strength[kind]
        return static + moving, moving

    def by_record(
        self, lon: np.ndarray, lat: np.ndarray, until: int, radius_km: float = 0.0
    ) -> np.ndarray:
        """What each of r records adds to λ at each of n points, (n, r)."""
        gap = ecef_km(lon, lat)[:, None, :] - self.xyz[None, :, :]
        c2 = np.einsum("nrk,nrk->nr", gap, gap)
        strength = self.strength(until)
        added = np.zeros(c2.shape)
        for kind in np.ndindex(strength.shape[:2]):
            added += biweight(c2, self.sigma2[kind][None, :], radius_km) * strength[kind]
        return added


def source_days(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of the coverages of each record's source that name its kind and where it
    lies, or of all coverages where none does, (r,) each. Sources of which nothing is declared are
    one."""
    records, days = model.records_, []
    declared = {one.source for one in model.coverage_ if not one.note.startswith("derived from")}
    for source, kind, country, region_id in zip(
        *(records[name] for name in ("source", "kind", "country")),
        records["region_id"].fillna(""), strict=True,
    ):  # fmt: skip
        named = [
            one
            for one in model.coverage_
            if {country, region_id} & set(one.areas) and kind in one.kinds
            and (one.source == source or not {source, one.source} & declared)
        ] or model.coverage_  # fmt: skip
        days.append((min(_day(one.start) for one in named), max(_day(one.end) for one in named)))
    first, last = np.array(days).T
    return first, last


def _reach(sigma2: Any, radius_km: float) -> Any:
    """No kernel, nor what stands for its mean over discs, reaches farther than this."""
    return np.sqrt(8.0 * sigma2) + 2.0 * radius_km


def _within(
    here: np.ndarray, centre: np.ndarray, radius: float, sources: np.ndarray, reach: Any
) -> tuple[np.ndarray, np.ndarray]:
    chosen = np.flatnonzero(np.linalg.norm(sources - centre, axis=1) < reach + radius)
    gap = here[:, None, :] - sources[chosen][None, :, :]
    return np.einsum("nrk,nrk->nr", gap, gap), chosen


def _day(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _days(column: pd.Series) -> np.ndarray:
    return column.to_numpy().astype("datetime64[D]").astype(np.int64)


# ------- exposure -------


class Sum(NamedTuple):
    """Expected incidents, by region id, of records alone, while parked; hours and uncovered km."""

    total: float
    by_region: dict[str, float]
    of_records: float
    parked: float
    hours: float
    uncovered_km: float


def exposure(
    trip: Any,
    line: Line,
    spoken: Spoken,
    rate: Any,
    stops: list[tuple[float, float]],
    radius_km: float = 10.0,
) -> Sum:
    """E(trip) by the midpoint rule on the steps of ``line``.

    ``rate(lon, lat, until)`` gives (λ, λ of records alone) as known by that day; ``stops`` are
    (drawn km, hours).
    """
    table = spoken.regions.table
    country = np.append(table["country"].to_numpy(object), None)
    speed = np.array([trip.speed_in(c) for c in country])[line.region]
    when = drive(line, speed, trip.road_factor, stops, trip.start, trip.driving_hours)
    drawn = Drawn(trip.route.lon, trip.route.lat)
    clock = trip.start.hour + trip.start.minute / 60.0 + trip.start.second / 3600.0
    first_day = _day(trip.start.date())
    row, day, hours = [], [], []
    for i in range(len(when.step)):
        since, until = clock + when.enter[i], clock + when.leave[i]
        while since < until:
            midnight = 24.0 * (np.floor(since / 24.0 + 1e-12) + 1.0)
            to = min(until, midnight)
            row.append(i)
            day.append(first_day + int(np.floor(0.5 * (since + to) / 24.0)))
            hours.append(to - since)
            since = to
    rows, length = np.array(row), np.array(hours)
    lon, lat = (v[rows] for v in drawn.at(0.5 * (when.km_from + when.km_to)))
    region = line.region[when.step[rows]]
    known, speaks = spoken.until(region, np.array(day))
    total, records = np.zeros(len(rows)), np.zeros(len(rows))
    total[speaks], records[speaks] = rate(lon[speaks], lat[speaks], known[speaks])
    factor = np.pi * radius_km**2 * length / 24.0
    ids = np.append(table["region_id"].to_numpy(object), "")
    by_region: dict[str, float] = {}
    for one in np.unique(region[speaks]):
        by_region[ids[one]] = float((total * factor)[region == one].sum())
    km = (when.km_to - when.km_from)[rows] * length / (when.leave - when.enter)[rows]
    return Sum(
        float((total * factor).sum()),
        by_region,
        float((records * factor).sum()),
        float((total * factor)[km == 0.0].sum()),
        float(length.sum()),
        float(km[~speaks].sum() * trip.road_factor),
    )
