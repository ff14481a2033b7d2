"""The ground: positions and distances on the WGS84 ellipsoid.

Inside the library a position is a point in ECEF (earth-centred, earth-fixed) kilometres,
three float64 numbers. A route is cut along its geodesics into pieces of at most 5 km;
over such a piece a straight chord in ECEF stays within 0.5 m of the ground, so distances to
a route become plain vector arithmetic at any latitude and across the antimeridian.

Sources: Karney (2013), "Algorithms for geodesics", through pyproj; the chord-to-arc series
is the Taylor series of 2R·asin(c / 2R).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GEOD = pyproj.Geod(ellps="WGS84")
SEMI_MAJOR_KM = GEOD.a / 1000.0
ECCENTRICITY_SQUARED = GEOD.es
MEAN_RADIUS_KM = 6371.0088
LONGEST_PIECE_KM = 5.0


def ecef_km(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    """Positions on the ellipsoid as ECEF coordinates.

    Parameters
    ----------
    lon, lat : array-like of n floats
        WGS84 degrees.

    Returns
    -------
    ndarray (n, 3)
        ECEF kilometres.

    Examples
    --------
    >>> ecef_km([0.0], [0.0]).round(3)
    array([[6378.137,    0.   ,    0.   ]])
    """
    lam = np.radians(np.asarray(lon, dtype=np.float64))
    phi = np.radians(np.asarray(lat, dtype=np.float64))
    normal = SEMI_MAJOR_KM / np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(phi) ** 2)
    return np.stack(
        [
            normal * np.cos(phi) * np.cos(lam),
            normal * np.cos(phi) * np.sin(lam),
            normal * (1.0 - ECCENTRICITY_SQUARED) * np.sin(phi),
        ],
        axis=-1,
    )


def wrap_lon(lon: npt.ArrayLike) -> Floats:
    """Longitudes brought into [-180, 180); those already there keep their last bit.

    Examples
    --------
    >>> wrap_lon([190.0, -190.0, 180.0, 0.1]).tolist()
    [-170.0, 170.0, -180.0, 0.1]
    """
    given = np.asarray(lon, dtype=np.float64)
    wrapped = (given + 180.0) % 360.0 - 180.0
    # The remainder of a hair under -180 rounds up to 360.
    wrapped = np.where(wrapped >= 180.0, -180.0, wrapped)
    result: Floats = np.where((given >= -180.0) & (given < 180.0), given, wrapped)
    return result


def inverse(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> tuple[Floats, Floats]:
    """Azimuth in degrees and length in km of n geodesics, n of one included, (n,) each."""
    n = len(lon0)
    a, b, c, d = _at_least_two(lon0, lat0, lon1, lat1)
    azimuth, _, metres = GEOD.inv(a, b, c, d)
    return azimuth[:n], metres[:n] / 1000.0


def forward(lon: Floats, lat: Floats, azimuth: Floats, km: Floats) -> tuple[Floats, Floats]:
    """Longitude in [-180, 180) and latitude at the ends of n geodesics, n of one included."""
    n = len(lon)
    a, b, c, d = _at_least_two(lon, lat, azimuth, km * 1000.0)
    end_lon, end_lat, _ = GEOD.fwd(a, b, c, d)
    return wrap_lon(end_lon[:n]), end_lat[:n]


def _at_least_two(*arrays: Floats) -> list[Floats]:
    # pyproj takes an array of one for a scalar, with a warning from numpy 1.25 to 2.3.
    return [np.repeat(array, 2) if len(array) == 1 else array for array in arrays]


def segment_lengths_km(lon: Floats, lat: Floats) -> Floats:
    """Geodesic length of each of the n - 1 segments between n vertices, in km."""
    _, km = inverse(lon[:-1], lat[:-1], lon[1:], lat[1:])
    return km


class Path(NamedTuple):
    """A route cut along its geodesics: n nodes, n - 1 pieces.

    ``lon``, ``lat`` (n,) degrees in [-180, 180); ``km`` (n,) geodesic km from the start;
    ``segment`` (n - 1,) the segment of the original line each piece lies on.
    """

    lon: Floats
    lat: Floats
    km: Floats
    segment: Ints


def densify(lon: Floats, lat: Floats, longest_km: float = LONGEST_PIECE_KM) -> Path:
    """Cut a line into equal geodesic pieces no longer than ``longest_km``.

    Parameters
    ----------
    lon, lat : ndarray (n,)
        Vertices in WGS84 degrees, n >= 2, no two neighbours alike.
    longest_km : float
        Longest piece allowed.

    Returns
    -------
    Path
        Original vertices are kept among the nodes, exactly.

    Examples
    --------
    >>> path = densify(np.array([0.0, 0.1]), np.array([0.0, 0.0]))
    >>> len(path.km), round(float(path.km[-1]), 4)
    (4, 11.1319)
    """
    azimuth, length_km = inverse(lon[:-1], lat[:-1], lon[1:], lat[1:])
    parts = np.maximum(1, np.ceil(length_km / longest_km - 1e-12)).astype(np.int64)
    segment = np.repeat(np.arange(len(parts), dtype=np.int64), parts)
    first = np.concatenate([[0], np.cumsum(parts)])
    step = np.arange(first[-1], dtype=np.int64) - first[segment]
    along = length_km[segment] * step / parts[segment]
    node_lon, node_lat = forward(lon[segment], lat[segment], azimuth[segment], along)
    node_lon = np.where(step == 0, lon[segment], node_lon)
    node_lat = np.where(step == 0, lat[segment], node_lat)
    start_km = np.concatenate([[0.0], np.cumsum(length_km)])
    return Path(
        lon=wrap_lon(np.append(node_lon, lon[-1])),
        lat=np.append(node_lat, lat[-1]),
        km=np.append(start_km[segment] + along, start_km[-1]),
        segment=segment,
    )


def interpolate(path: Path, km: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Longitude and latitude at given km along a path, on its geodesics.

    Parameters
    ----------
    path : Path
    km : array-like (m,)
        Kilometres from the start, clipped to the path.

    Returns
    -------
    lon, lat : ndarray (m,)
    """
    at = np.clip(np.asarray(km, dtype=np.float64), 0.0, path.km[-1])
    piece = np.clip(np.searchsorted(path.km, at, side="right") - 1, 0, len(path.segment) - 1)
    azimuth, _ = inverse(path.lon[piece], path.lat[piece], path.lon[piece + 1], path.lat[piece + 1])
    return forward(path.lon[piece], path.lat[piece], azimuth, at - path.km[piece])


def arc_from_chord_km(chord_km: Floats) -> Floats:
    """Length on the ground for a straight ECEF distance: d = c (1 + c² / 24 R²).

    Within 1e-6 of the geodesic up to about 150 km; longer distances want ``GEOD.inv``.
    """
    arc: Floats = chord_km * (1.0 + chord_km**2 / (24.0 * MEAN_RADIUS_KM**2))
    return arc


def chord_from_arc_km(arc_km: float) -> float:
    """Straight ECEF distance for a length on the ground: c = 2R sin(d / 2R)."""
    return float(2.0 * MEAN_RADIUS_KM * np.sin(arc_km / (2.0 * MEAN_RADIUS_KM)))
