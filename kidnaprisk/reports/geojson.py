"""Trips and incidents as GeoJSON, for any map.

Longitude and latitude on WGS84; lines that cross the antimeridian are cut there; what is missing is
null. Totals of a trip stand beside its features as the foreign member ``totals``.

Source: RFC 7946, "The GeoJSON Format" (§3.1.9 on the antimeridian, §6.1 on foreign members).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
import shapely.affinity
from shapely.geometry.base import BaseGeometry

from kidnaprisk.exposure.risk import TripRisk
from kidnaprisk.reports.plain import json_text, plain_rows
from kidnaprisk.reports.writing import write_text

# A centimetre on the ground: more decimals are noise that doubles the file.
_DECIMALS = 7
_TABLES = ("regions", "stretches", "incidents")


def trip_geojson(risk: TripRisk) -> str:
    """Stretches and contributing incidents of a trip as one FeatureCollection.

    The property ``kind`` is ``stretch`` or ``incident``; the others are the columns of
    ``TripRisk.stretches`` and ``TripRisk.incidents``, whose own ``kind`` is ``incident_kind`` here.
    Stretches come first, in order of travel.
    """
    plain = risk.to_dict()
    features = [
        _feature({"kind": kind, **_renamed(row)}, geometry)
        for kind, name in (("stretch", "stretches"), ("incident", "incidents"))
        for row, geometry in zip(plain[name], getattr(risk, name).geometry, strict=True)
    ]
    totals = {key: value for key, value in plain.items() if key not in _TABLES}
    return _collection(features, totals)


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {("incident_kind" if key == "kind" else key): value for key, value in row.items()}


def incident_geojson(joined: gpd.GeoDataFrame, totals: dict[str, Any]) -> str:
    """Incidents near a route as a FeatureCollection of points, in order of travel."""
    rows = plain_rows(joined.drop(columns="route"))
    features = [
        _feature(row, geometry) for row, geometry in zip(rows, joined.geometry, strict=True)
    ]
    return _collection(features, totals)


def write_geojson(risk: TripRisk, path: str | Path) -> None:
    """Write :func:`trip_geojson` to a file.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    write_text(path, trip_geojson(risk))


def on_the_map(geometry: BaseGeometry) -> BaseGeometry:
    """A geometry with its longitudes in [−180, 180], cut at the antimeridian.

    Examples
    --------
    >>> on_the_map(shapely.LineString([(179, 0), (181, 0)])).wkt
    'MULTILINESTRING ((179 0, 180 0), (-180 0, -179 0))'
    """
    west, _, east, _ = geometry.bounds
    if geometry.is_empty or (west >= -180.0 and east <= 180.0):
        return geometry
    parts = []
    for turn in (0.0, -360.0, 360.0):
        turned = shapely.affinity.translate(geometry, xoff=turn)
        inside = shapely.intersection(turned, shapely.box(-180.0, -90.0, 180.0, 90.0))
        # A line that only touches the edge leaves a point there.
        parts += [part for part in shapely.get_parts(inside) if part.length > 0.0]
    return shapely.MultiLineString(parts)


def _feature(properties: dict[str, Any], geometry: BaseGeometry | None) -> dict[str, Any]:
    shape = None
    if geometry is not None and not geometry.is_empty:
        rounded = shapely.transform(on_the_map(geometry), lambda xy: xy.round(_DECIMALS))
        shape = shapely.geometry.mapping(rounded)
    return {"type": "Feature", "geometry": shape, "properties": properties}


def _collection(features: list[dict[str, Any]], totals: dict[str, Any]) -> str:
    return json_text({"type": "FeatureCollection", "totals": totals, "features": features})
