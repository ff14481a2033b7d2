"""A grid of cells over the covered area, and what is known of each cell on a day.

A cell is known by the density that recorded events spread over it, at several scales and memories,
and by the towns near it. Densities are means over the covered part of the cell, taken at 4 × 4
points of it. In time a record fades as exp(−age / memory) / memory, made up for the part that a
memory longer than the records could not yet hold.

The mean of a cell-wise constant field over a disc is exact: a sum over cells of the areas in which
circle and rectangle overlap, on the plane that touches the ellipsoid at the disc's centre.

Not here: what the densities are worth (:mod:`kidnaprisk.hazard.boosted`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import geopandas as gpd
import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from kidnaprisk.errors import CoverageError
from kidnaprisk.geodesy import ECCENTRICITY_SQUARED, SEMI_MAJOR_KM, Floats, Ints, ecef_km, wrap_lon
from kidnaprisk.hazard.area import CoveredArea
from kidnaprisk.hazard.known import KIDNAPPING
from kidnaprisk.hazard.pieces import Pieces, days_since_1970
from kidnaprisk.routes.borders import RegionIndex

_SIDE = 4
# Until records have run for a month, nothing can be said of what a memory does not hold yet.
_LEAST_DAYS = 30.0
_STEPS_A_CELL = 40
_PAIRS_AT_ONCE = 2_000_000
# Three Gauss-Legendre points on each stretch of a piece no longer than the disc's radius.
_NODES = np.array([0.5 - np.sqrt(0.15), 0.5, 0.5 + np.sqrt(0.15)])
_NODE_WEIGHT = np.array([5.0, 8.0, 5.0]) / 18.0
_MOST_STRETCHES = 50
_LEAST_RADIUS_KM = 1e-3
_POINTS_AT_ONCE = 100_000
# Nearer to a pole than this a disc is drawn out along the parallels no further.
_LEAST_COSINE = 0.05


@dataclass(frozen=True)
class Cells:
    """c cells of a grid of ``degrees``, those that the covered area reaches into.

    Attributes
    ----------
    degrees : float
        Side of a cell.
    column, row : ndarray (c,)
        Place in the grid, counted from 180° W and the south pole; sorted by row, then column.
    km2 : ndarray (c,)
        Covered area of each, scaled so that all add up to the covered area.
    region : ndarray (c,)
        Row of the covered region that most of the cell lies in.
    xyz : ndarray (c, 16, 3)
        Points of each cell in ECEF km.
    share : ndarray (c, 16)
        Part of the cell's covered area that each point stands for.
    """

    degrees: float
    column: Ints
    row: Ints
    km2: Floats
    region: Ints
    xyz: Floats
    share: Floats

    def __len__(self) -> int:
        return len(self.km2)

    @property
    def _columns(self) -> int:
        return round(360.0 / self.degrees)

    def middle(self) -> tuple[Floats, Floats]:
        """Longitude and latitude of the middle of each cell, (c,) each."""
        lon = (self.column.astype(np.float64) + 0.5) * self.degrees - 180.0
        lat = (self.row.astype(np.float64) + 0.5) * self.degrees - 90.0
        return lon, lat

    def at(self, column: Ints, row: Ints) -> Ints:
        """Number of the cell at each place in the grid, −1 where there is none."""
        key = self.row * self._columns + self.column
        asked = row * self._columns + column % self._columns
        found = np.minimum(np.searchsorted(key, asked), len(key) - 1)
        number: Ints = np.where(key[found] == asked, found, -1)
        return number

    def locate(self, lon: Floats, lat: Floats) -> Ints:
        """Number of the cell each of n covered points lies in, or else of the nearest."""
        column = np.floor((wrap_lon(lon) + 180.0) / self.degrees).astype(np.int64)
        row = np.floor((lat + 90.0) / self.degrees).astype(np.int64)
        number = self.at(column, row)
        # A sliver of coast that no point of a cell fell into.
        lost = np.flatnonzero(number < 0)
        if len(lost):
            tree = cKDTree(ecef_km(*self.middle()))
            number[lost] = tree.query(ecef_km(lon[lost], lat[lost]))[1]
        return number

    def disc_mean(self, field: Floats, lon: Floats, lat: Floats, radius_km: float) -> Floats:
        """Mean of a field (c,) over the discs around n points, as far as it is told there, (n,).

        NaN where no cell is within reach, or the field is NaN on one.
        """
        lon_km, lat_km = _km_per_degree(lat)
        wide, high = self.degrees * lon_km, self.degrees * lat_km
        west = (wrap_lon(lon) + 180.0) / self.degrees - radius_km / wide
        south = (lat + 90.0) / self.degrees - radius_km / high
        column, row = np.floor(west).astype(np.int64), np.floor(south).astype(np.int64)
        n_columns = int(np.ceil((2.0 * radius_km / wide).max(initial=0.0))) + 1
        n_rows = int(np.ceil((2.0 * radius_km / high).max(initial=0.0))) + 1
        x = (column[:, None] + np.arange(n_columns + 1) - west[:, None]) * wide[:, None]
        y = (row[:, None] + np.arange(n_rows + 1) - south[:, None]) * high[:, None]
        below = area_below(x[:, :, None] / radius_km - 1.0, y[:, None, :] / radius_km - 1.0)
        overlap = np.diff(np.diff(below, axis=1), axis=2)
        number = self.at(
            (column[:, None] + np.arange(n_columns))[:, :, None],
            (row[:, None] + np.arange(n_rows))[:, None, :],
        )
        overlap = np.where(number >= 0, overlap, 0.0)
        told = overlap.sum(axis=(1, 2))
        total = np.sum(np.where(overlap > 0.0, field[number], 0.0) * overlap, axis=(1, 2))
        mean: Floats = np.where(told > 0.0, total / np.where(told > 0.0, told, 1.0), np.nan)
        return mean

    def mean_along(self, field: Floats, pieces: Pieces) -> Floats:
        """Mean of a field (c,) over the disc around a vehicle, along each of n pieces, (n,).

        The disc's mean is as smooth as the disc is wide: three Gauss points on each stretch of at
        most a radius take its mean along the way.
        """
        radius = max(float(pieces.radius_km), _LEAST_RADIUS_KM)
        a, b = pieces.ecef()
        longest = float(np.linalg.norm(a - b, axis=1).max(initial=0.0))
        stretches = int(np.clip(np.ceil(longest / radius), 1, _MOST_STRETCHES))
        along = ((np.arange(stretches)[:, None] + _NODES) / stretches).ravel()
        weight = np.tile(_NODE_WEIGHT / stretches, stretches)
        east = (pieces.end[:, 0] - pieces.start[:, 0] + 540.0) % 360.0 - 180.0
        north = pieces.end[:, 1] - pieces.start[:, 1]
        mean = np.empty(len(pieces))
        at_once = max(1, _POINTS_AT_ONCE // len(along))
        for begin in range(0, len(pieces), at_once):
            some = slice(begin, begin + at_once)
            lon = pieces.start[some, :1] + east[some, None] * along
            lat = pieces.start[some, 1:] + north[some, None] * along
            on_disc = self.disc_mean(field, lon.ravel(), lat.ravel(), radius).reshape(lon.shape)
            # A road that leaves the last cell within a piece is averaged over what is told of it.
            told = np.where(np.isnan(on_disc), 0.0, weight).sum(axis=1)
            total = np.sum(np.nan_to_num(on_disc) * weight, axis=1)
            mean[some] = np.where(told > 0.0, total / np.where(told > 0.0, told, 1.0), np.nan)
        return mean


def cut_cells(area: CoveredArea, degrees: float) -> Cells:
    """Cut the covered area into cells of a grid.

    Raises
    ------
    CoverageError
        If the area is too small for even one point of the grid to fall into it.
    """
    parts = [_candidates(np.asarray(bounds), degrees) for bounds in area.regions.bounds.to_numpy()]
    column, row = np.unique(np.concatenate(parts, axis=1), axis=1)[::-1]
    step = (np.arange(_SIDE) + 0.5) / _SIDE
    lon = ((column[:, None, None] + step[None, None, :]) * degrees - 180.0).repeat(_SIDE, axis=1)
    lat = ((row[:, None, None] + step[None, :, None]) * degrees - 90.0).repeat(_SIDE, axis=2)
    lon, lat = lon.reshape(len(column), -1), lat.reshape(len(column), -1)
    region = RegionIndex(area.regions).locate(lon.ravel(), lat.ravel()).reshape(lon.shape)
    kept = np.flatnonzero((region >= 0).any(axis=1))
    if not len(kept):
        raise CoverageError(
            f"no cell of {degrees} degrees reaches into the covered area",
            remedy="give smaller cell_degrees, or cover more",
        )
    raw = np.where(region[kept] >= 0, np.cos(np.radians(lat[kept])), 0.0)
    most = [int(np.bincount(one[one >= 0]).argmax()) for one in region[kept]]
    return Cells(
        degrees=degrees,
        column=column[kept],
        row=row[kept],
        km2=raw.sum(axis=1) / raw.sum() * area.area_km2,
        region=np.array(most, dtype=np.int64),
        xyz=ecef_km(lon[kept], lat[kept]),
        share=raw / raw.sum(axis=1, keepdims=True),
    )


def _candidates(bounds: Floats, degrees: float) -> Ints:
    west, south, east, north = bounds
    column = np.arange(np.floor((west + 180.0) / degrees), np.ceil((east + 180.0) / degrees))
    row = np.arange(np.floor((south + 90.0) / degrees), np.ceil((north + 90.0) / degrees))
    x, y = np.meshgrid(column, row)
    return np.stack([y.ravel(), x.ravel()]).astype(np.int64)


def area_below(x: Floats, y: Floats) -> Floats:
    """Area of the unit disc's part to the left of x and below y.

    Examples
    --------
    >>> (area_below(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 2.0])) / np.pi).tolist()
    [0.25, 0.5, 1.0]
    """
    x, y = np.broadcast_arrays(np.clip(x, -1.0, 1.0), np.clip(y, -1.0, 1.0))
    corner = np.sqrt(1.0 - y**2)
    inner = np.clip(x, -corner, corner)
    # Left and right of the chord at height y the disc is cut off whole, or not at all.
    outer = _half_below(np.minimum(x, -corner)) + _half_below(np.maximum(x, corner))
    whole = np.where(y >= 0.0, 2.0 * (outer - _half_below(corner)), 0.0)
    strip = y * (inner + corner) + _half_below(inner) - _half_below(-corner)
    area: Floats = whole + strip
    return area


def _half_below(x: Floats) -> Floats:
    """Area of the upper half of the unit disc to the left of x."""
    half: Floats = 0.5 * (x * np.sqrt(1.0 - x**2) + np.arcsin(x)) + 0.25 * np.pi
    return half


def _km_per_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Length of a degree of longitude and of latitude at n latitudes, (n,) each."""
    bulge = 1.0 - ECCENTRICITY_SQUARED * np.sin(np.radians(lat)) ** 2
    cosine = np.maximum(np.cos(np.radians(lat)), _LEAST_COSINE)
    degree = np.radians(SEMI_MAJOR_KM)
    return (
        degree * cosine / np.sqrt(bulge),
        degree * (1.0 - ECCENTRICITY_SQUARED) / bulge**1.5,
    )


class Events(NamedTuple):
    """r recorded events: ``group`` is 0 for kidnappings, 1 for context events."""

    lon: Floats
    lat: Floats
    event_day: Floats
    known_day: Ints
    group: Ints


def events_of(table: gpd.GeoDataFrame) -> Events:
    """The rows of an incident table as events, in an order that is the same however they came."""
    first = days_since_1970(table["date"].to_numpy())
    last = days_since_1970(table["date_end"].to_numpy())
    known = days_since_1970(table["known_on"].to_numpy())
    order = np.argsort(table["incident_id"].to_numpy(dtype=str), kind="stable")
    return Events(
        lon=table.geometry.x.to_numpy()[order],
        lat=table.geometry.y.to_numpy()[order],
        event_day=np.minimum(0.5 * (first + last), known)[order],
        known_day=known[order],
        group=(table["kind"] != KIDNAPPING).to_numpy(dtype=np.int64)[order],
    )


class Spread:
    """Events spread over cells at S scales, ready to be faded with M memories on any day.

    Parameters
    ----------
    cells : Cells
    events : Events
    scales_km, memories_days : sequence of float
    open_day : ndarray (c,)
        Day from which each cell's records run.
    """

    def __init__(
        self,
        cells: Cells,
        events: Events,
        scales_km: Sequence[float],
        memories_days: Sequence[float],
        open_day: Ints,
    ) -> None:
        # Places nearer together than a fortieth of a cell are one: cells could not tell them apart.
        step = cells.degrees / _STEPS_A_CELL
        at = np.round(np.stack([events.lon, events.lat], axis=1) / step) * step
        places, self._place = np.unique(at, axis=0, return_inverse=True)
        self._place = self._place.ravel()
        xyz = ecef_km(*places.T)
        self._kernels = [spread(cells, xyz, float(scale)) for scale in scales_km]
        self._events = events
        self._memories = np.asarray(memories_days, dtype=np.float64)
        self._open_day = open_day
        self._n_places = len(places)

    def densities(self, day: int) -> Floats:
        """Density of every group, scale and memory in each cell, events per km² per day, (c, 2SM).

        Only events known by ``day`` count.
        """
        known = self._events.known_day <= day
        age = day - self._events.event_day[known]
        target = self._events.group[known] * self._n_places + self._place[known]
        run = np.maximum(day - self._open_day, _LEAST_DAYS)
        columns = []
        for memory in self._memories:
            strength = np.exp(-age / memory) / memory
            faded = np.bincount(target, strength, minlength=2 * self._n_places)
            held = -np.expm1(-run / memory)
            both = faded.reshape(2, -1).T
            columns.append([np.asarray(kernel @ both) / held[:, None] for kernel in self._kernels])
        # Memory, scale, cell, group to cell, then group, scale, memory.
        stacked = np.transpose(np.array(columns), (2, 3, 1, 0))
        flat: Floats = stacked.reshape(len(run), -1)
        return flat


def spread(cells: Cells, xyz: Floats, scale_km: float) -> csr_matrix:
    """Mean over each cell of a biweight kernel around each of p places, 1/km², (c, p)."""
    reach2 = 8.0 * scale_km**2
    centre = cells.xyz.mean(axis=1)
    half_km = float(np.linalg.norm(cells.xyz - centre[:, None, :], axis=2).max())
    pairs = cKDTree(centre).sparse_distance_matrix(
        cKDTree(xyz), np.sqrt(reach2) + half_km, output_type="ndarray"
    )
    cell, place = pairs["i"].astype(np.int64), pairs["j"].astype(np.int64)
    value = np.zeros(len(cell))
    for first in range(0, len(cell), _PAIRS_AT_ONCE):
        some = slice(first, first + _PAIRS_AT_ONCE)
        for point in range(cells.xyz.shape[1]):
            c2 = np.sum((cells.xyz[cell[some], point] - xyz[place[some]]) ** 2, axis=1)
            inside = np.maximum(1.0 - c2 / reach2, 0.0) ** 2
            value[some] += cells.share[cell[some], point] * inside
    value *= 3.0 / (np.pi * reach2)
    return csr_matrix((value, (cell, place)), shape=(len(cells), len(xyz)))
