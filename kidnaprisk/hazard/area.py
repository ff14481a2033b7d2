"""The covered area: where a model's records mean to speak, its size, and a raster of it.

A hazard outside this area is not low, it is unknown. Inside, the floor of the hazard is spread
evenly over its km², and kernels that reach over the coast or into an uncovered country lose that
part of their expected incidents, which the fit has to know.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from kidnaprisk.errors import CoverageError
from kidnaprisk.geodesy import Floats, Ints, wrap_lon
from kidnaprisk.incidents.coverage import DERIVED_NOTE, Coverage
from kidnaprisk.routes.borders import RegionIndex
from kidnaprisk.routes.regions import areas_km2, load_regions

CELL_DEGREES = 0.25
_KM_PER_DEGREE = 111.195
_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
_SAMPLES = 32

# First and last day, both included, of stretches that neither overlap nor touch, oldest first.
Spans: TypeAlias = tuple[tuple[int, int], ...]


class Gaps(NamedTuple):
    """g stretches of days of which no source of a region tells, between two that one does.

    ``region`` (g,) row of the region, ``first`` and ``last`` (g,) day of the stretch.
    """

    region: Ints
    first: Ints
    last: Ints

    def meet(self, start: Ints, end: Ints, regions: int) -> npt.NDArray[np.bool_]:
        """Whether a gap lies, in part, in each of w windows, both days included, (regions, w)."""
        silent = np.zeros((regions, len(start)), dtype=np.bool_)
        for region, first, last in zip(*self, strict=True):
            silent[region] |= (first <= end) & (last >= start)
        return silent


NO_GAPS = Gaps(*(np.empty(0, dtype=np.int64),) * 3)


@dataclass(frozen=True)
class CoveredArea:
    """Covered regions, when they are covered, and a raster of them.

    Attributes
    ----------
    regions : GeoDataFrame
        The covered regions, in order of region_id.
    region_km2 : ndarray (n,)
        Their geodesic areas.
    first_day : ndarray (n,)
        First day covered, in days since 1970-01-01.
    origin_day : ndarray (n,)
        Last day whose records speak: the hazard of the region stands still afterwards.
    cell_lon, cell_lat : ndarray (c,)
        Centres of the raster cells inside.
    cell_region : ndarray (c,)
        Row of ``regions`` of each.
    cell_km2 : ndarray (c,)
        Area of each cell, scaled so that a region's cells add up to the region.
    gaps : Gaps
        Days between a region's first and last that are not covered.
    """

    regions: gpd.GeoDataFrame
    region_km2: Floats
    first_day: Ints
    origin_day: Ints
    cell_lon: Floats
    cell_lat: Floats
    cell_region: Ints
    cell_km2: Floats
    gaps: Gaps = NO_GAPS

    @property
    def area_km2(self) -> float:
        """Area of all covered regions."""
        return float(self.region_km2.sum())

    def fraction_inside(self, lon: Floats, lat: Floats, sigma_km: Floats) -> Floats:
        """Part of a biweight kernel at each of n points that lies inside the covered area, (n,)."""
        quantile = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        # The biweight holds 1 − (1 − c²/H²)³ of its mass within distance c.
        radius = np.sqrt(8.0 * (1.0 - np.cbrt(1.0 - quantile)))
        angle = _GOLDEN_ANGLE * np.arange(_SAMPLES)
        east = radius * np.cos(angle)
        north = radius * np.sin(angle)
        grid = self._raster()
        inside = np.zeros(len(lon))
        cosine = np.maximum(np.cos(np.radians(lat)), 1e-6)
        for x, y in zip(east, north, strict=True):
            inside += _lookup(
                grid,
                lon + x * sigma_km / (_KM_PER_DEGREE * cosine),
                lat + y * sigma_km / _KM_PER_DEGREE,
            )
        return inside / _SAMPLES

    def _raster(self) -> npt.NDArray[np.bool_]:
        grid = np.zeros((round(180 / CELL_DEGREES), round(360 / CELL_DEGREES)), dtype=bool)
        row, column = _cell_of(self.cell_lon, self.cell_lat)
        grid[row, column] = True
        return grid


def _cell_of(lon: Floats, lat: Floats) -> tuple[Ints, Ints]:
    rows, columns = round(180 / CELL_DEGREES), round(360 / CELL_DEGREES)
    row = np.clip(np.floor((lat + 90.0) / CELL_DEGREES), 0, rows - 1).astype(np.int64)
    column = np.floor((wrap_lon(lon) + 180.0) / CELL_DEGREES).astype(np.int64) % columns
    return row, column


def _lookup(grid: npt.NDArray[np.bool_], lon: Floats, lat: Floats) -> npt.NDArray[np.bool_]:
    row, column = _cell_of(lon, lat)
    return grid[row, column]


def covered_regions(coverage: Sequence[Coverage]) -> gpd.GeoDataFrame:
    """The regions that a set of coverages names, by country code or region id.

    Raises
    ------
    CoverageError
        If a coverage names an area that no region answers to, or there are none.
    """
    regions = load_regions()
    named = {area for one in coverage for area in one.areas}
    known = set(regions["country"]) | set(regions["region_id"])
    unknown = sorted(named - known)
    if unknown:
        raise CoverageError(
            "a coverage names areas that do not exist",
            column="areas",
            value=", ".join(unknown[:5]),
            remedy="use ISO alpha-2 country codes or region_id values of load_regions()",
        )
    inside = regions["country"].isin(named) | regions["region_id"].isin(named)
    if not inside.any():
        raise CoverageError("the coverage is empty", remedy="name at least one country or region")
    chosen: gpd.GeoDataFrame = regions[inside].sort_values("region_id").reset_index(drop=True)
    return chosen


def regions_named(region_id: npt.NDArray[np.str_]) -> gpd.GeoDataFrame:
    """The bundled regions of those ids, in their order.

    Raises
    ------
    CoverageError
        If one of them is not bundled.
    """
    regions = load_regions().set_index("region_id", drop=False)
    missing = sorted(set(region_id) - set(regions.index))
    if missing:
        raise CoverageError(
            "a model covers regions that this library does not know",
            value=", ".join(missing[:5]),
            remedy="train it again with this version of the regions",
        )
    named: gpd.GeoDataFrame = regions.loc[region_id].reset_index(drop=True)
    return named


def covered_days(
    regions: gpd.GeoDataFrame, coverage: Sequence[Coverage], as_of_day: int, reporting_days: int
) -> tuple[Ints, Ints]:
    """First day covered and last day whose records speak, for each of n regions, (n,) each.

    Records of a coverage's last days are still waited for, ``reporting_days`` long. After that the
    want of news is no news: fading on would read it as safety.
    """
    first = np.full(len(regions), np.iinfo(np.int64).max)
    last = np.full(len(regions), np.iinfo(np.int64).min)
    for one in coverage:
        inside = (regions["country"].isin(one.areas) | regions["region_id"].isin(one.areas)).array
        first[inside] = np.minimum(first[inside], day_number(one.start))
        last[inside] = np.maximum(last[inside], day_number(one.end))
    return first, np.minimum(last + reporting_days, as_of_day)


def covered_gaps(regions: gpd.GeoDataFrame, coverage: Sequence[Coverage]) -> Gaps:
    """Days between the first and last day covered of each of n regions that no coverage reaches.

    To take such days for quiet ones would read the want of news as safety.
    """
    naming: dict[str, list[Coverage]] = {}
    for one in coverage:
        for area in one.areas:
            naming.setdefault(area, []).append(one)
    found: dict[tuple[str, ...], Spans] = {}
    gaps: list[tuple[int, int, int]] = []
    for row, names in enumerate(zip(regions["country"], regions["region_id"], strict=True)):
        named = tuple(name for name in names if name in naming)
        if named not in found:
            found[named] = gaps_between([one for name in named for one in naming[name]])
        gaps += [(row, *gap) for gap in found[named]]
    return Gaps(*np.array(gaps, dtype=np.int64).reshape(-1, 3).T)


def gaps_between(coverage: Sequence[Coverage]) -> Spans:
    """Days between the first and the last of a set of coverages that none of them reaches.

    Coverages derived from rows count as one: that no row is of a day does not say that nobody would
    have told of it.
    """
    spans: list[tuple[int, int]] = []
    derived: list[tuple[int, int]] = []
    for one in coverage:
        days = day_number(one.start), day_number(one.end)
        (derived if one.note == DERIVED_NOTE else spans).append(days)
    if derived:
        starts, ends = zip(*derived, strict=True)
        spans.append((min(starts), max(ends)))
    spans.sort()
    gaps = []
    reached = spans[0][1] if spans else 0
    for start, end in spans:
        if reached + 1 < start:
            gaps.append((reached + 1, start - 1))
        reached = max(reached, end)
    return tuple(gaps)


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - dt.date(1970, 1, 1).toordinal()


def covered_area(
    regions: gpd.GeoDataFrame, first_day: Ints, origin_day: Ints, gaps: Gaps = NO_GAPS
) -> CoveredArea:
    """Measure and rasterise a set of regions."""
    areas = areas_km2(regions)
    west, south, east, north = regions.total_bounds
    lon_edges = np.arange(np.floor(west / CELL_DEGREES), np.ceil(east / CELL_DEGREES))
    lat_edges = np.arange(np.floor(south / CELL_DEGREES), np.ceil(north / CELL_DEGREES))
    lon, lat = np.meshgrid((lon_edges + 0.5) * CELL_DEGREES, (lat_edges + 0.5) * CELL_DEGREES)
    region = RegionIndex(regions).locate(lon.ravel(), lat.ravel())
    inside = region >= 0
    # A city that no cell's centre falls into is a cell of its own.
    missed = np.setdiff1d(np.arange(len(regions)), region)
    point = regions.geometry.iloc[missed].representative_point()
    cell_region = np.concatenate([region[inside], missed])
    cell_lon = np.concatenate([lon.ravel()[inside], point.x.to_numpy()])
    cell_lat = np.concatenate([lat.ravel()[inside], point.y.to_numpy()])
    raw = np.cos(np.radians(cell_lat))
    per_region = np.bincount(cell_region, weights=raw, minlength=len(regions))
    return CoveredArea(
        regions=regions,
        region_km2=areas,
        first_day=first_day,
        origin_day=origin_day,
        cell_lon=cell_lon,
        cell_lat=cell_lat,
        cell_region=cell_region,
        cell_km2=raw / per_region[cell_region] * areas[cell_region],
        gaps=gaps,
    )
