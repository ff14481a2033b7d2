"""Where and when forecasts are compared with what happened: cells, roads and windows of days.

The covered area is cut into cells of longitude and latitude, and the reference network into
stretches of road. Past time is cut into windows; each is forecast as of a day before it begins. An
incident counts once, on the middle of the days it may have happened on, in the cell of its
recorded position, and on the road stretch nearest to it if a vehicle there could have met it.

Not here: forecasts (:mod:`kidnaprisk.evaluation.backtest`) or what they are worth.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from kidnaprisk.errors import ConfigError, CoverageError
from kidnaprisk.geodesy import Floats, Ints, ecef_km
from kidnaprisk.hazard.area import covered_regions, day_number
from kidnaprisk.hazard.network import gabriel_edges, reference_network
from kidnaprisk.hazard.pieces import days_since_1970
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.routes.borders import RegionIndex
from kidnaprisk.routes.regions import areas_km2
from kidnaprisk.routes.towns import load_towns

Mask = npt.NDArray[np.bool_]

TOWN_POPULATION = 5_000
# Sub-points a side of a cell: λ is averaged over them, so that a sharp peak is not missed.
_SIDE = 3
_MOST_POINTS = 20_000_000
# Farther than any two places: positions of two regions are never neighbours.
_APART_KM = 1e5


class Windows(NamedTuple):
    """w windows of days, in order: first and last day, and the day they are forecast as of.

    All in days since 1970-01-01, (w,) each.
    """

    start: Ints
    end: Ints
    as_of: Ints

    @property
    def days(self) -> int:
        """Length of each."""
        return int(self.end[0] - self.start[0] + 1)

    @property
    def overlapping(self) -> int:
        """How many windows a day may lie in: 1 where they do not overlap."""
        return int((self.start <= self.end[0]).sum())


@dataclass(frozen=True)
class Frame:
    """The covered area as p points in c cells of r regions, and m stretches of road.

    Cells are cut at the borders of regions: each lies in one.

    Attributes
    ----------
    regions : GeoDataFrame
        The covered regions, in order of region_id.
    point_lon, point_lat, point_km2 : ndarray (p,)
        Points sorted by region, at least one in each, and the area each stands for: a region's
        add up to its own.
    point_cell, point_region : ndarray (p,)
        Cell and row of ``regions`` of each.
    cell_km2, cell_region : ndarray (c,)
        Covered area of each cell, and the region it lies in.
    cell_degrees : float
        Side of a cell.
    town_lon, town_lat, edges : ndarray
        Nodes (k,) each and links (e, 2) of the reference network.
    road_lon, road_lat, road_km, road_region : ndarray (m,)
        Middles of its stretches, their length, and row of ``regions``.
    """

    regions: gpd.GeoDataFrame
    point_lon: Floats
    point_lat: Floats
    point_km2: Floats
    point_cell: Ints
    point_region: Ints
    cell_km2: Floats
    cell_region: Ints
    cell_degrees: float
    town_lon: Floats
    town_lat: Floats
    edges: Ints
    road_lon: Floats
    road_lat: Floats
    road_km: Floats
    road_region: Ints

    def places(self) -> gpd.GeoSeries:
        """The points, then the middles of the stretches of road, (p + m,)."""
        lon = np.append(self.point_lon, self.road_lon)
        lat = np.append(self.point_lat, self.road_lat)
        return gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326")


class Happened(NamedTuple):
    """What happened: k incidents in windows, cells, regions and on roads.

    ``row`` of the incident table, ``window``, ``cell``, ``region`` (k,) each; ``road`` is −1 where
    no stretch lies near enough to meet the incident.
    """

    row: Ints
    window: Ints
    cell: Ints
    region: Ints
    road: Ints


def cut_windows(
    start: dt.date, end: dt.date, horizon_days: int, step_days: int, embargo_days: int
) -> Windows:
    """Windows of ``horizon_days`` from ``start``, ``step_days`` apart, that end by ``end``.

    Raises
    ------
    ConfigError
        If not one fits.

    Examples
    --------
    >>> w = cut_windows(dt.date(2020, 1, 1), dt.date(2020, 3, 15), 30, 30, 0)
    >>> (w.end - w.start + 1).tolist(), (w.start - w.as_of).tolist()
    ([30, 30], [1, 1])
    """
    first, last = day_number(start), day_number(end)
    begin = np.arange(first, last - horizon_days + 2, step_days, dtype=np.int64)
    if not len(begin):
        raise ConfigError(
            f"no window of {horizon_days} days lies between {start} and {end}",
            remedy="choose an earlier start, a later end or a shorter horizon_days",
        )
    return Windows(begin, begin + horizon_days - 1, begin - 1 - embargo_days)


def cut_frame(coverage: tuple[Coverage, ...], cell_degrees: float) -> Frame:
    """Cut a covered area into cells and its reference network into stretches.

    Raises
    ------
    CoverageError
        If the coverage names no region, or no road lies in it.
    ConfigError
        If there are too many cells to count.
    """
    regions = covered_regions(coverage)
    lon, lat, region, cell, km2 = _points(regions, cell_degrees)
    order = np.argsort(region, kind="stable")
    towns = _towns(regions)
    town_lon, town_lat = towns["lon"].to_numpy(np.float64), towns["lat"].to_numpy(np.float64)
    edges = gabriel_edges(town_lon, town_lat)
    road = reference_network(town_lon, town_lat, edges)
    road_region = RegionIndex(regions).locate(road.lon, road.lat)
    inside = road_region >= 0
    if not inside.any():
        raise _no_roads()
    return Frame(
        regions=regions,
        point_lon=lon[order],
        point_lat=lat[order],
        point_km2=km2[order],
        point_cell=cell[order],
        point_region=region[order],
        cell_km2=np.bincount(cell, km2).astype(np.float64),
        cell_region=region[np.unique(cell, return_index=True)[1]],
        cell_degrees=cell_degrees,
        town_lon=town_lon,
        town_lat=town_lat,
        edges=edges,
        road_lon=road.lon[inside],
        road_lat=road.lat[inside],
        road_km=road.km[inside],
        road_region=road_region[inside],
    )


def _points(regions: gpd.GeoDataFrame, degrees: float) -> tuple[Floats, Floats, Ints, Ints, Floats]:
    """Longitude, latitude, region, cell and km² of the points inside a set of regions."""
    step = degrees / _SIDE
    west, south, east, north = regions.total_bounds
    # Whole cells, so that the sub-points of a cell are those of its own nine.
    columns = np.arange(np.floor(west / degrees) * _SIDE, np.ceil(east / degrees) * _SIDE)
    rows = np.arange(np.floor(south / degrees) * _SIDE, np.ceil(north / degrees) * _SIDE)
    if len(columns) * len(rows) > _MOST_POINTS:
        raise ConfigError(
            f"cells of {degrees:g}° are too many for so wide an area", value=degrees,
            remedy="choose a greater cell_degrees",
        )  # fmt: skip
    column, row = (grid.ravel() for grid in np.meshgrid(columns, rows))
    lon, lat = (column + 0.5) * step, (row + 0.5) * step
    region = RegionIndex(regions).locate(lon, lat)
    inside = np.flatnonzero(region >= 0)
    # A city that no point falls into is a cell of its own.
    missed = np.setdiff1d(np.arange(len(regions)), region)
    own = regions.geometry.iloc[missed].representative_point()
    lon, lat = np.append(lon[inside], own.x.to_numpy()), np.append(lat[inside], own.y.to_numpy())
    region = np.append(region[inside], missed)
    _, cell = np.unique(_cell_name(lon, lat, region, degrees), return_inverse=True)
    raw = np.cos(np.radians(lat))
    km2 = raw * (areas_km2(regions) / np.bincount(region, raw))[region]
    return lon, lat, region, cell.astype(np.int64), km2


def _cell_name(lon: Floats, lat: Floats, region: Ints, degrees: float) -> Ints:
    column = np.floor(lon / degrees).astype(np.int64)
    row = np.floor(lat / degrees).astype(np.int64)
    return (region * 1_000_003 + row) * 1_000_003 + column


def _towns(regions: gpd.GeoDataFrame) -> pd.DataFrame:
    towns = load_towns()
    towns = towns[(towns["population"] >= TOWN_POPULATION).to_numpy()]
    towns = towns[towns["country"].isin(set(regions["country"])).to_numpy()]
    inside = RegionIndex(regions).locate(
        towns["lon"].to_numpy(np.float64), towns["lat"].to_numpy(np.float64)
    )
    if (inside >= 0).sum() < 2:
        raise _no_roads()
    return towns[inside >= 0]


def _no_roads() -> CoverageError:
    return CoverageError(
        f"no road between two towns of {TOWN_POPULATION:,} in the covered area: there is no "
        "network to compare on",
        remedy="cover more",
    )


def what_happened(
    incidents: gpd.GeoDataFrame, frame: Frame, windows: Windows, radius_km: float
) -> Happened:
    """The incidents of a table that fall into the cells and windows.

    Windows may overlap: an incident counts once in each that holds it.
    """
    first = days_since_1970(incidents["date"].to_numpy())
    last = days_since_1970(incidents["date_end"].to_numpy())
    day = (first + last) // 2
    lon, lat = incidents.geometry.x.to_numpy(), incidents.geometry.y.to_numpy()
    located = RegionIndex(frame.regions).locate(lon, lat)
    cell = _cell_at(frame, lon, lat, located)
    tree = cKDTree(ecef_km(frame.road_lon, frame.road_lat))
    away, road = tree.query(ecef_km(lon, lat))
    road = np.where(away <= np.hypot(radius_km, 0.5 * frame.road_km[road]), road, -1)
    window, row = np.nonzero(
        (windows.start[:, None] <= day) & (day <= windows.end[:, None]) & (located >= 0)
    )
    return Happened(row, window, cell[row], frame.cell_region[cell[row]], road[row])


def _cell_at(frame: Frame, lon: Floats, lat: Floats, region: Ints) -> Ints:
    """Cell of each of n positions; in a sliver that no point fell into, the region's nearest."""
    name = _cell_name(frame.point_lon, frame.point_lat, frame.point_region, frame.cell_degrees)
    known, first = np.unique(name, return_index=True)
    name = _cell_name(lon, lat, region, frame.cell_degrees)
    at = np.minimum(np.searchsorted(known, name), len(known) - 1)
    cell = frame.point_cell[first[at]]
    stray = np.flatnonzero((known[at] != name) & (region >= 0))
    if len(stray):
        tree = cKDTree(_in_region(frame.point_lon, frame.point_lat, frame.point_region))
        _, nearest = tree.query(_in_region(lon[stray], lat[stray], region[stray]))
        cell[stray] = frame.point_cell[nearest]
    return cell


def _in_region(lon: Floats, lat: Floats, region: Ints) -> Floats:
    """Positions in four dimensions, those of two regions far apart."""
    return np.column_stack([ecef_km(lon, lat), _APART_KM * region])
