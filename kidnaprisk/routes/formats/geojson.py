"""GeoJSON: RFC 7946, the older 2008 form with a ``crs`` member, and one feature a line.

Not for TopoJSON or Esri JSON, which are refused by name.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyproj

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import Floats
from kidnaprisk.routes.formats.text import decoded
from kidnaprisk.routes.found import Asked, Feature, Found, Part
from kidnaprisk.routes.positions import agreed_crs, to_degrees

NAME_KEYS = ("name", "title", "label", "route", "route_name", "track", "description", "id")
TYPES = frozenset(
    {
        "FeatureCollection",
        "Feature",
        "GeometryCollection",
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
    }
)
_DEEPEST = 20
_SAVE_AGAIN = "save the route as GeoJSON again (RFC 7946)"


def parsed(data: bytes) -> Any:
    """The JSON value in some bytes; several lines of one value each become a list.

    Raises
    ------
    RouteError
        If the bytes are not JSON.
    """
    # Sequences by RFC 8142 start each value with a record separator, which JSON itself cannot hold.
    text = decoded(data).replace("\x1e", "")
    try:
        return json.loads(text)
    except RecursionError:
        raise RouteError(
            "the JSON is nested too deeply to be a route", remedy="save the route as GeoJSON"
        ) from None
    except ValueError as error:
        lines = [line.strip() for line in text.split("\n")]
        lines = [line for line in lines if line]
        if len(lines) > 1 and all(line.startswith("{") for line in lines):
            return [_one_line(line, row) for row, line in enumerate(lines, start=1)]
        row = error.lineno if isinstance(error, json.JSONDecodeError) else None
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "a number is too long"
        raise RouteError(
            f"this is not JSON: {reason}", row=row, remedy="check that the file is whole"
        ) from None


def _one_line(line: str, row: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise RouteError(
            "this line is not JSON", row=row, remedy="check that the file is whole"
        ) from None


def read_geojson(data: bytes, asked: Asked) -> Found:
    """Lines of a GeoJSON file."""
    value = parsed(data)
    if isinstance(value, list):
        value = {"type": "FeatureCollection", "features": value}
    return found_in(value, asked)


def found_in(value: Any, asked: Asked) -> Found:
    """Lines of a parsed GeoJSON object.

    Raises
    ------
    RouteError
        If it is not GeoJSON, or a position in it cannot be.

    Examples
    --------
    >>> line = {"type": "LineString", "coordinates": [[0, 0, 12], [1, 0, 13]]}
    >>> found_in(line, Asked()).features[0].parts[0].positions.tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    _refuse_relatives(value)
    crs = agreed_crs(_stated_crs(value.get("crs")), asked.crs)
    found = Found()
    if value["type"] != "FeatureCollection":
        _take_feature(found, value, "the feature", crs)
        return found
    features = value.get("features")
    if not isinstance(features, list):
        raise RouteError("the FeatureCollection has no list of features", remedy=_SAVE_AGAIN)
    for number, feature in enumerate(features, start=1):
        if not isinstance(feature, dict):
            raise RouteError(f"feature {number} is not a GeoJSON object", remedy=_SAVE_AGAIN)
        _take_feature(found, feature, f"feature {number}", crs)
    return found


def _refuse_relatives(value: Any) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "Topology":
        raise RouteError("this is TopoJSON", remedy="save it as GeoJSON")
    if not isinstance(kind, str) or kind not in TYPES:
        raise RouteError(
            "this is not GeoJSON: its top level has no type such as FeatureCollection",
            remedy="save the route as GeoJSON",
        )


def _stated_crs(member: Any) -> object | None:
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        raise RouteError(
            "the crs member of the GeoJSON names no reference system",
            remedy="remove the member, or save the file again in longitude and latitude",
        )
    return name


def _take_feature(found: Found, feature: dict[str, Any], where: str, crs: Any) -> None:
    if feature.get("type") != "Feature":
        _take_geometry(found, feature, where, None, crs)
        return
    properties = feature.get("properties")
    name = name_among(properties) if isinstance(properties, dict) else None
    if name is None and isinstance(feature.get("id"), str):
        name = feature["id"]
    if feature.get("geometry") is not None:
        _take_geometry(found, feature["geometry"], where, name, crs)


def name_among(properties: dict[str, Any]) -> str | None:
    """The name of a feature: the first of the usual keys that holds text.

    Examples
    --------
    >>> name_among({"ID": "7", "Name": "Casablanca-Niamey"})
    'Casablanca-Niamey'
    """
    by_key = {str(key).casefold(): value for key, value in properties.items()}
    for key in NAME_KEYS:
        value = by_key.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _take_geometry(
    found: Found, geometry: Any, where: str, name: str | None, crs: pyproj.CRS | None
) -> None:
    parts: list[Part] = []
    _collect(found, parts, geometry, where, crs, 0)
    if parts:
        found.features.append(Feature(tuple(parts), where, name))


def _collect(
    found: Found,
    parts: list[Part],
    geometry: Any,
    where: str,
    crs: pyproj.CRS | None,
    depth: int,
) -> None:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind == "GeometryCollection" and depth < _DEEPEST:
        for member in _listed(geometry.get("geometries"), where):
            _collect(found, parts, member, where, crs, depth + 1)
    elif kind == "LineString":
        parts.extend(_line(geometry.get("coordinates"), where, crs))
    elif kind == "MultiLineString":
        for line in _listed(geometry.get("coordinates"), where):
            parts.extend(_line(line, where, crs))
    elif kind in ("Point", "MultiPoint"):
        points = _listed(geometry.get("coordinates"), where)
        positions = _positions([points] if kind == "Point" else points, where, crs)
        found.waypoints.extend((lon, lat) for lon, lat in positions.tolist())
    elif kind in ("Polygon", "MultiPolygon"):
        found.polygons += 1
    else:
        raise RouteError(f"{where} has no GeoJSON geometry", remedy=_SAVE_AGAIN)


def _line(coordinates: Any, where: str, crs: pyproj.CRS | None) -> list[Part]:
    positions = _positions(_listed(coordinates, where), where, crs)
    if len(positions) == 1:
        raise RouteError(f"{where} is a line of one point", remedy="give it a second, or remove it")
    return [Part(positions)] if len(positions) else []


def _positions(coordinates: list[Any], where: str, crs: pyproj.CRS | None) -> Floats:
    pairs = []
    for number, position in enumerate(coordinates, start=1):
        plain = isinstance(position, list) and len(position) > 1
        if not plain or not all(_is_number(value) for value in position[:2]):
            raise RouteError(
                f"vertex {number} of {where} is not a longitude, latitude pair",
                remedy="give each vertex as [longitude, latitude]",
            )
        pairs.append(position[:2])
    return to_degrees(pairs, crs, where) if pairs else np.empty((0, 2))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise RouteError(
            f"the coordinates of {where} are missing or not a list", remedy=_SAVE_AGAIN
        )
    return value
