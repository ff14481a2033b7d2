"""Regions: the world's first-level administrative units, and their areas.

Not a gazetteer of current borders: units, names and codes are those of Natural Earth 10 m
admin-1 with the corrections told in data/SOURCES.md. `RegionIndex`, which cuts a route at region
borders, lives in :mod:`kidnaprisk.routes.borders`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from kidnaprisk.bundled import data_path
from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import ECCENTRICITY_SQUARED, SEMI_MAJOR_KM, Floats
from kidnaprisk.routes.borders import RegionIndex, Split

__all__ = [
    "ALIASES",
    "COUNTRY",
    "DISPUTED",
    "NAME",
    "REGION_COLUMNS",
    "REGION_ID",
    "RegionIndex",
    "Split",
    "areas_km2",
    "load_regions",
]

REGION_ID = "region_id"
NAME = "name"
ALIASES = "aliases"
COUNTRY = "country"
DISPUTED = "disputed"
REGION_COLUMNS = (REGION_ID, NAME, ALIASES, COUNTRY, DISPUTED)

_QUADRATURE_POINTS = 8


def load_regions(bbox: tuple[float, float, float, float] | None = None) -> gpd.GeoDataFrame:
    """The bundled regions of the world, or of a box.

    Parameters
    ----------
    bbox : (west, south, east, north), optional
        WGS84 degrees; only regions whose bounding box meets it are read. A box with
        ``west > east`` reaches across the antimeridian.

    Returns
    -------
    GeoDataFrame
        Sorted by ``region_id``: ``region_id`` (country and name, like ``BF-sahel``), ``name``,
        ``aliases`` (joined by ``;``), ``country`` (ISO 3166-1 alpha-2, ``XK`` for Kosovo; ``NA``
        is Namibia), ``disputed`` (bool), ``geometry`` in EPSG:4326. Regions meet without gaps
        or overlaps.

    Raises
    ------
    RouteError
        If the box is not four finite numbers with ``south <= north``.

    Examples
    --------
    >>> load_regions((-0.1, 14.0, 0.1, 14.1))["region_id"].tolist()
    ['BF-sahel']
    """
    if bbox is None:
        return _all_regions().copy()
    west, south, east, north = _checked_box(bbox)
    boxes = [(west, south, east, north)]
    if west > east:
        boxes = [(west, south, 180.0, north), (-180.0, south, east, north)]
    return _read(boxes)


@functools.cache
def _all_regions() -> gpd.GeoDataFrame:
    # Every model asks for them when it is fitted or loaded: 60 ms each time, for 40 MB kept.
    return _read([None])


def _read(boxes: Sequence[tuple[float, float, float, float] | None]) -> gpd.GeoDataFrame:
    path = data_path("regions.fgb")
    parts = [gpd.read_file(path, bbox=box, engine="pyogrio") for box in boxes]
    regions = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=parts[0].crs)
    regions = regions.drop_duplicates(REGION_ID).sort_values(REGION_ID, ignore_index=True)
    return regions.astype(
        {REGION_ID: "string", NAME: "string", ALIASES: "string", COUNTRY: "string", DISPUTED: bool}
    )


def _checked_box(bbox: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    box = np.asarray(bbox, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or box[1] > box[3]:
        raise RouteError(
            "a bounding box is not usable",
            value=bbox,
            remedy="give west, south, east, north in degrees",
        )
    west, south, east, north = box.tolist()
    return west, south, east, north


def areas_km2(regions: gpd.GeoDataFrame) -> Floats:
    """Area of each region on the WGS84 ellipsoid.

    Parameters
    ----------
    regions : GeoDataFrame
        n polygons or multipolygons in EPSG:4326; edges are taken as straight in longitude and
        latitude, as the layer draws them.

    Returns
    -------
    ndarray (n,)
        Square kilometres; holes are not counted.

    Examples
    --------
    >>> sahel = load_regions((-0.1, 14.0, 0.1, 14.1))
    >>> [round(float(a), -3) for a in areas_km2(sahel)]
    [36000.0]
    """
    parts, region_of_part = shapely.get_parts(regions.geometry.to_numpy(), return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    points, ring_of_point = shapely.get_coordinates(rings, return_index=True)
    inside = ring_of_point[1:] == ring_of_point[:-1]
    strips = np.diff(points[:, 0]) * _mean_sliver(points[:-1, 1], points[1:, 1])
    ring_area = np.abs(np.bincount(ring_of_point[:-1][inside], strips[inside], len(rings)))
    # The first ring of a polygon is its outer one; the others are holes.
    is_hole = np.concatenate([[False], part_of_ring[1:] == part_of_ring[:-1]])[: len(rings)]
    signed = np.where(is_hole, -ring_area, ring_area)
    areas = np.zeros(len(regions))
    np.add.at(areas, region_of_part[part_of_ring], signed)
    return areas


def _mean_sliver(lat_a: Floats, lat_b: Floats) -> Floats:
    """Mean area, in km² a degree of longitude, between the equator and a straight edge."""
    nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE_POINTS)
    total = np.zeros_like(lat_a)
    for node, weight in zip(nodes, weights, strict=True):
        s = np.sin(np.radians(0.5 * (lat_a + lat_b) + 0.5 * node * (lat_b - lat_a)))
        e = np.sqrt(ECCENTRICITY_SQUARED)
        # Snyder (1987), Map Projections, eq. 3-12: the authalic q.
        q = (1.0 - e**2) * (s / (1.0 - (e * s) ** 2) + np.arctanh(e * s) / e)
        total += 0.5 * weight * q
    sliver: Floats = np.radians(1.0) * 0.5 * SEMI_MAJOR_KM**2 * total
    return sliver
