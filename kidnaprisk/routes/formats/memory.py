"""Routes that are in memory already: shapely geometries, geopandas tables, arrays of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyproj
import shapely

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import Floats
from kidnaprisk.routes.formats.geojson import NAME_KEYS
from kidnaprisk.routes.found import Asked, Feature, Found, Part
from kidnaprisk.routes.positions import agreed_crs, as_crs, to_degrees

_LINES = ("LineString", "LinearRing")


def found_in_memory(source: object, asked: Asked) -> Found:
    """Lines of an object that is no file.

    Raises
    ------
    RouteError
        If it is nothing a route can be made of.
    """
    if isinstance(source, geopandas.GeoDataFrame | geopandas.GeoSeries):
        return found_in_table(source, asked)
    if isinstance(source, shapely.Geometry):
        found = Found()
        crs = None if asked.crs is None else as_crs(asked.crs)
        take_geometry(found, source, "the geometry", None, crs)
        return found
    if isinstance(source, np.ndarray | Sequence) and not isinstance(source, str):
        crs = None if asked.crs is None else as_crs(asked.crs)
        positions = to_degrees(_pairs(source), crs, "the array")
        return Found([Feature((Part(positions),), "the array")])
    raise RouteError(
        "a route cannot be made of this type",
        value=type(source).__name__,
        remedy="give a path, bytes, WKT, a shapely line, a GeoDataFrame or longitude, latitude "
        "pairs",
    )


def _pairs(source: np.ndarray[Any, Any] | Sequence[Any]) -> Any:
    if isinstance(source, np.ndarray):
        return source
    for number, item in enumerate(source, start=1):
        if isinstance(item, str | bytes) or not isinstance(item, Sequence | np.ndarray):
            raise RouteError(
                f"vertex {number} of the list is not a longitude, latitude pair",
                remedy="give a list of (longitude, latitude)",
            )
    return source


def found_in_table(
    table: geopandas.GeoDataFrame | geopandas.GeoSeries,
    asked: Asked,
    groups: tuple[str, ...] = (),
) -> Found:
    """Lines of a table with geometries, each named by the usual name columns.

    Raises
    ------
    RouteError
        If the table states no CRS and none is given.
    """
    if isinstance(table, geopandas.GeoDataFrame):
        try:
            geometries = table.geometry
        except AttributeError:
            raise RouteError(
                "the GeoDataFrame has no geometry column", remedy="set it with set_geometry"
            ) from None
        names = _names(table, len(table))
    else:
        geometries, names = table, [None] * len(table)
    crs = agreed_crs(geometries.crs, asked.crs)
    if crs is None:
        raise RouteError(
            "the coordinate reference system is not stated",
            remedy="name it with crs=, for example crs='EPSG:4326' for longitude and latitude",
        )
    found = Found()
    for number, (geometry, name) in enumerate(
        zip(geometries.to_numpy(), names, strict=True), start=1
    ):
        take_geometry(found, geometry, f"feature {number}", name, crs, groups)
    return found


def _names(table: geopandas.GeoDataFrame, n: int) -> list[str | None]:
    by_key = {str(column).casefold(): at for at, column in enumerate(table.columns)}
    for key in NAME_KEYS:
        if key in by_key:
            values = table.iloc[:, by_key[key]].tolist()
            if any(isinstance(value, str) and value.strip() for value in values):
                return [
                    value.strip() if isinstance(value, str) and value.strip() else None
                    for value in values
                ]
    return [None] * n


def take_geometry(
    found: Found,
    geometry: Any,
    where: str,
    name: str | None,
    crs: pyproj.CRS | None,
    groups: tuple[str, ...] = (),
) -> None:
    """Add what a shapely geometry holds: its lines, points and areas.

    Raises
    ------
    RouteError
        If a position in it cannot be.
    """
    if geometry is None or pd.isna(geometry) or geometry.is_empty:
        return
    parts = []
    for piece in _pieces(geometry):
        if piece.is_empty:
            continue
        if piece.geom_type in _LINES:
            parts.append(Part(to_degrees(_plain(piece), crs, where)))
        elif piece.geom_type == "Point":
            lon, lat = to_degrees(_plain(piece), crs, where)[0].tolist()
            found.waypoints.append((lon, lat))
        else:
            found.polygons += 1
    if parts:
        found.features.append(Feature(tuple(parts), where, name, groups))


def _pieces(geometry: Any) -> list[Any]:
    if not hasattr(geometry, "geoms"):
        return [geometry]
    return [piece for member in geometry.geoms for piece in _pieces(member)]


def _plain(geometry: Any) -> Floats:
    return np.asarray(shapely.get_coordinates(geometry), dtype=np.float64)
