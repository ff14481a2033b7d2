"""The three tables of a scored trip: by region, by stretch, by incident.

Every figure is a sum or an extreme over the trip's pieces. Where the records say nothing a figure
is missing, never zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from kidnaprisk.exposure.itinerary import Itinerary
from kidnaprisk.exposure.nearest import nearest_in_groups, nearest_places
from kidnaprisk.exposure.risk import (
    INCIDENT_COLUMNS,
    INSUFFICIENT,
    OUTSIDE,
    REGION_COLUMNS,
    SCORED,
    STRETCH_COLUMNS,
)
from kidnaprisk.geodesy import Floats, Ints, ecef_km
from kidnaprisk.hazard.network import BAND_CUTS, band_of
from kidnaprisk.hazard.pieces import ExplainedHazard

if TYPE_CHECKING:
    from kidnaprisk.exposure.score import Exposure

CRS = "EPSG:4326"
# A band that thin evidence may still give: it may warn, never reassure.
_WARNING_BAND = 3


def region_table(way: Itinerary, exposure: Exposure) -> gpd.GeoDataFrame:
    """One row a region crossed, in order of first entry."""
    inside = np.flatnonzero(way.region >= 0)
    region, first = np.unique(way.region[inside], return_index=True)
    region = region[np.argsort(first)]
    number = np.full(len(way.regions) + 1, -1, dtype=np.int64)
    number[region] = np.arange(len(region))
    group = number[way.region]
    # Pieces in no region are at sea and never covered: any group does for them.
    told = exposure.n_effective(np.maximum(group, 0), len(region)) if len(region) else np.empty(0)
    facts = _Facts(way, exposure, group, told)
    of_region = way.regions.iloc[region].reset_index(drop=True)
    total = float(np.nansum(exposure.expected))
    low, high = exposure.interval(facts.expected, facts.n_effective)
    recent, nearest = _records_by_region(way, exposure, of_region, group)
    by_road = road_percentiles(way, exposure)
    warning = _worst(np.where(exposure.by_records, by_road, np.nan), group, len(region))
    percentile = _worst(by_road, group, len(region))
    percentile, band = _withheld(percentile, warning, facts.sufficient)
    table = {
        **{column: of_region[column] for column in ("region_id", "name", "country")},
        "km": facts.km,
        "hours": facts.hours,
        "enter": facts.enter,
        "leave": facts.leave,
        "expected_incidents": facts.expected,
        "low": low,
        "high": high,
        "probability": -np.expm1(-facts.expected),
        "share": facts.expected / total if total > 0.0 else np.full(len(region), np.nan),
        "percentile": percentile,
        "band": band,
        "status": facts.status,
        "incidents_365d": recent,
        "nearest_incident_km": nearest,
        "uncovered_km": facts.uncovered_km,
        "n_effective": facts.n_effective,
        "geometry": _lines(way, group, len(region)),
    }
    return gpd.GeoDataFrame(table, crs=CRS)[list(REGION_COLUMNS)]


def whole_trip(regions: gpd.GeoDataFrame, told: bool) -> tuple[float | None, int | None]:
    """Percentile and band of a trip: those of its worst region, and so of its worst piece of road.

    Where not all of it is ``told`` of by enough incidents they are withheld, unless they warn.
    """
    worst = np.array([regions["percentile"].max()], dtype=np.float64)
    percentile, band = _withheld(worst, worst, np.array([told]))
    if np.isnan(percentile[0]):
        return None, None
    return float(percentile[0]), int(band[0])


def stretch_table(way: Itinerary, exposure: Exposure) -> gpd.GeoDataFrame:
    """One row for each stretch of about 10 km, in order of travel."""
    n = len(way.stretch_km) - 1
    facts = _Facts(way, exposure, way.stretch, exposure.of_stretch)
    worst = road_percentiles(way, exposure).max(initial=0.0, where=exposure.covered)
    percentile = np.minimum(exposure.percentile(facts.intensity), worst)
    told = np.bincount(way.stretch[exposure.by_records], minlength=n) > 0
    warning = np.where(told, percentile, np.nan)
    percentile, band = _withheld(percentile, warning, facts.sufficient)
    table = {
        "km_from": way.stretch_km[:-1],
        "km_to": way.stretch_km[1:],
        "enter": facts.enter,
        "leave": facts.leave,
        "intensity": facts.intensity,
        "expected_incidents": facts.expected,
        "percentile": percentile,
        "band": band,
        "status": facts.status,
        "hours": facts.hours,
        "uncovered_km": facts.uncovered_km,
        "n_effective": facts.n_effective,
        "geometry": _lines(way, way.stretch, n),
    }
    return gpd.GeoDataFrame(table, crs=CRS)[list(STRETCH_COLUMNS)]


def incident_table(way: Itinerary, exposure: Exposure) -> gpd.GeoDataFrame:
    """Incidents that contribute to the exposure, most first; empty if the model cannot tell."""
    if exposure.of_record is None or not isinstance(exposure.model, ExplainedHazard):
        empty = {column: pd.Series(dtype="object") for column in INCIDENT_COLUMNS[:-1]}
        return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=CRS))
    part = exposure.of_record
    rows = np.flatnonzero(part > 0.0)
    records = exposure.model.records_.iloc[rows].reset_index(drop=True)
    lon, lat = records["lon"].to_numpy(float), records["lat"].to_numpy(float)
    distance, along = nearest_places(way.path, lon, lat)
    table = records.assign(
        distance_km=distance,
        along_km=along * (way.stretch_km[-1] / way.path.km[-1]),
        expected_incidents=part[rows],
        share=part[rows] / float(np.nansum(exposure.expected)),
    ).set_axis(range(len(rows)))
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(lon, lat), crs=CRS)
    points = points.sort_values(
        ["expected_incidents", "incident_id"], ascending=[False, True], ignore_index=True
    )
    return points[list(INCIDENT_COLUMNS)]


class _Facts:
    """Sums and extremes of the pieces of each group."""

    def __init__(
        self, way: Itinerary, exposure: Exposure, group: Ints, n_effective: Floats
    ) -> None:
        n = len(n_effective)
        member = group >= 0
        covered = exposure.covered & member
        self.km = _sums(way.km, group, covered, n)
        self.uncovered_km = _sums(way.km, group, member & ~covered, n)
        self.hours = _sums(way.hours, group, member, n)
        self.enter = _extreme(way.enter, group, member, n, np.minimum)
        self.leave = _extreme(way.leave, group, member, n, np.maximum)
        any_covered = np.bincount(group[covered], minlength=n) > 0
        expected = _sums(exposure.expected, group, covered, n)
        self.expected = np.where(any_covered, expected, np.nan)
        # The hazard of the road itself: a halt adds exposure, it must not dilute where it stands.
        driven = covered & ~way.parked
        weight = _sums(exposure.pieces.factor, group, driven, n)
        met = _sums(exposure.expected, group, driven, n)
        self.intensity = np.divide(met, weight, out=np.full(n, np.nan), where=weight > 0.0)
        self.n_effective = np.where(any_covered, n_effective, np.nan)
        self.sufficient = any_covered & exposure.sufficient(self.n_effective)
        self.status = pd.array(
            np.where(~any_covered, OUTSIDE, np.where(self.sufficient, SCORED, INSUFFICIENT)),
            dtype="string",
        )


def _sums(values: Floats, group: Ints, chosen: npt.NDArray[np.bool_], n: int) -> Floats:
    return np.bincount(group[chosen], values[chosen], minlength=n).astype(np.float64)


def _extreme(
    instants: npt.NDArray[np.datetime64],
    group: Ints,
    chosen: npt.NDArray[np.bool_],
    n: int,
    which: np.ufunc,
) -> pd.DatetimeIndex:
    number = instants.astype(np.int64)
    start = np.iinfo(np.int64).max if which is np.minimum else np.iinfo(np.int64).min
    best = np.full(n, start)
    which.at(best, group[chosen], number[chosen])
    return pd.DatetimeIndex(best.astype("datetime64[ns]")).tz_localize("UTC")


def road_percentiles(way: Itinerary, exposure: Exposure) -> Floats:
    """Percentile of the piece of road each of n pieces lies on, or of each halt; NaN if uncovered.

    Pieces of road are at most 5 km. Neither more km, nor a halt, nor a safe road beside it changes
    where one stands.
    """
    rows = np.flatnonzero(exposure.covered & (exposure.pieces.factor > 0.0))
    halt = way.road.max() + 1 + np.arange(len(way))
    _, unit = np.unique(np.where(way.parked, halt, way.road)[rows], return_inverse=True)
    expected = np.bincount(unit, exposure.expected[rows])
    percentile = np.full(len(way), np.nan)
    factor = np.bincount(unit, exposure.pieces.factor[rows])
    percentile[rows] = exposure.percentile(expected / factor)[unit]
    return percentile


def _worst(percentile: Floats, group: Ints, n: int) -> Floats:
    worst = np.full(n, np.nan)
    rows = np.flatnonzero(group >= 0)
    np.fmax.at(worst, group[rows], percentile[rows])
    return worst


def _withheld(
    percentile: Floats, warning: Floats, sufficient: npt.NDArray[np.bool_]
) -> tuple[Floats, pd.arrays.IntegerArray]:
    """What may be shown: all where evidence suffices, elsewhere a ``warning`` that records give.

    A high hazard that towns alone make would be the same in a country of no incidents at all.
    """
    warns = warning >= BAND_CUTS[_WARNING_BAND - 2]
    shown = np.where(sufficient, percentile, np.where(warns, warning, np.nan))
    return shown, band_of(shown)


def _lines(way: Itinerary, group: Ints, n: int) -> gpd.GeoSeries:
    """The driven line of each group; a group visited twice has two parts."""
    moving = np.flatnonzero(way.km > 0.0)
    moving = moving[np.argsort(group[moving], kind="stable")]
    number = group[moving]
    keep = number >= 0
    moving, number = moving[keep], number[keep]
    pairs = np.stack([way.start[moving], way.end[moving]], axis=1)
    # A piece over the antimeridian is drawn the short way round.
    jump = pairs[:, 1, 0] - pairs[:, 0, 0]
    pairs[:, 1, 0] -= np.where(jump > 180.0, 360.0, np.where(jump < -180.0, -360.0, 0.0))
    segments = np.asarray(shapely.linestrings(pairs), dtype=object)
    lines = []
    for g in range(n):
        parts = segments[np.searchsorted(number, g) : np.searchsorted(number, g, side="right")]
        lines.append(shapely.line_merge(shapely.multilinestrings(parts)))
    return gpd.GeoSeries(lines, crs=CRS)


def _records_by_region(
    way: Itinerary, exposure: Exposure, of_region: gpd.GeoDataFrame, group: Ints
) -> tuple[pd.arrays.IntegerArray, Floats]:
    """Incidents of the last 365 days in each region, and the nearest known one to its road."""
    n = len(of_region)
    if not isinstance(exposure.model, ExplainedHazard):
        unknown = pd.arrays.IntegerArray(np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool))
        return unknown, np.full(n, np.nan)
    records = exposure.model.records_
    records = records[(records["kind"] == "kidnapping").to_numpy()]
    departure = pd.Timestamp(way.enter[0]).normalize()
    known = records[(records["known_on"] < departure).to_numpy()]
    recent = known[(known["date_end"] >= departure - pd.Timedelta(days=365)).to_numpy()]
    count = recent["region_id"].value_counts()
    counted = of_region["region_id"].map(count).fillna(0).astype(np.int64).to_numpy()
    speaks = exposure.model.covers(of_region["region_id"].to_numpy(dtype=object))
    nearest = nearest_in_groups(
        ecef_km(*way.start.T), ecef_km(*way.end.T), group, n,
        ecef_km(known["lon"].to_numpy(float), known["lat"].to_numpy(float)),
    )  # fmt: skip
    return pd.arrays.IntegerArray(counted, ~speaks), np.where(speaks, nearest, np.nan)
