"""Plain twins of the compiled search for border crossings: slow, short, and independent of it.

They exist to be compared with :mod:`kidnaprisk.routes.kernels` and
:mod:`kidnaprisk.routes.borders` in tests, and to be read by anyone who wants to know what "km in a
region" means. Nothing in the library calls them.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from kidnaprisk.geodesy import GEOD, Floats, Path, densify, segment_lengths_km


def meetings(lines: Floats, edges: Floats) -> list[tuple[int, float, int]]:
    """Where each short geodesic meets each straight edge, by trying all pairs.

    Parameters
    ----------
    lines : ndarray (n, 4)
        ``lon0, lat0, lon1, lat1`` in degrees.
    edges : ndarray (m, 4)
        ``ax, ay, bx, by`` in degrees.

    Returns
    -------
    list of (line, fraction, edge)
        By line, then fraction.

    Examples
    --------
    >>> meetings(np.array([[0.99, 0.0, 1.01, 0.0]]), np.array([[1.0, -1.0, 1.0, 1.0]]))
    [(0, 0.5, 0)]
    """
    found = []
    for i, (lon0, lat0, lon1, lat1) in enumerate(lines):
        azimuth, _, metres = GEOD.inv(lon0, lat0, lon1, lat1)
        lon, lat, _ = GEOD.fwd(lon0, lat0, azimuth, metres / 2)
        bulge = 4.0 * np.array([lon - (lon0 + lon1) / 2, lat - (lat0 + lat1) / 2])
        for k, (ax, ay, bx, by) in enumerate(edges):
            side = np.array([-(by - ay), bx - ax])
            start = side @ [lon0 - ax, lat0 - ay]
            end = side @ [lon1 - ax, lat1 - ay]
            bend = side @ bulge
            for root in np.roots([-bend, end - start + bend, start]):
                t = float(root.real)
                if abs(root.imag) > 0.0 or not 0.0 <= t <= 1.0:
                    continue
                at = [lon0 + t * (lon1 - lon0), lat0 + t * (lat1 - lat0)] + t * (1 - t) * bulge
                along = np.dot(at - [ax, ay], [bx - ax, by - ay])
                if 0.0 <= along <= (bx - ax) ** 2 + (by - ay) ** 2:
                    found.append((i, t, k))
    return sorted(found)


def region_km(path: Path, regions: gpd.GeoDataFrame, finest_km: float = 0.001) -> Floats:
    """Km of a path in each region, by shapely intersection of very short straight segments.

    Segments of 50 m, and of ``finest_km`` where one meets a border: a chord of 1 m strays from its
    geodesic by under a tenth of a micrometre below 80° of latitude. Regions must not overlap and
    the path must not touch the antimeridian.

    Returns
    -------
    ndarray (n,)
    """
    total = np.zeros(len(regions))
    coarse = densify(path.lon, path.lat, 0.05)
    for row, polygon in enumerate(regions.geometry):
        shapely.prepare(polygon)
        segments = _segments(coarse)
        inside = shapely.contains_properly(polygon, segments)
        total[row] = np.diff(coarse.km)[inside].sum()
        for k in np.flatnonzero(~inside & shapely.intersects(polygon, segments)):
            fine = densify(coarse.lon[k : k + 2], coarse.lat[k : k + 2], finest_km)
            for part in shapely.get_parts(shapely.intersection(polygon, _segments(fine))):
                ends = shapely.get_coordinates(part)
                total[row] += segment_lengths_km(ends[:, 0], ends[:, 1]).sum()
    return total


def _segments(path: Path) -> np.ndarray:
    points = np.stack([path.lon, path.lat], axis=1)
    return np.asarray(shapely.linestrings(np.stack([points[:-1], points[1:]], axis=1)))
