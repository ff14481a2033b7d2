"""Coordinates of a source turned into WGS84 longitude and latitude, as its CRS says.

Nothing is guessed: a source in another reference system is transformed by PROJ, one that states
a system other than the caller does is refused, and numbers without a system are left to be checked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyproj
from pyproj.exceptions import ProjError

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import Floats
from kidnaprisk.routes.route import as_pairs, check_positions

_WGS84 = pyproj.CRS.from_epsg(4326)
_REMEDY = "give one that pyproj knows, for example crs='EPSG:4326'"


def as_crs(crs: object) -> pyproj.CRS:
    """A CRS from anything pyproj understands.

    Raises
    ------
    RouteError
        If it does not.

    Examples
    --------
    >>> as_crs("EPSG:3857").to_epsg()
    3857
    """
    try:
        return pyproj.CRS.from_user_input(crs)
    except (ProjError, TypeError, ValueError, OverflowError):
        raise RouteError("unknown coordinate reference system", remedy=_REMEDY, value=crs) from None


def agreed_crs(stated: object | None, asked: object | None) -> pyproj.CRS | None:
    """The CRS of a source: what it states, what the caller says, or None if neither does.

    Raises
    ------
    RouteError
        If they differ.
    """
    if stated is None or asked is None:
        one = asked if stated is None else stated
        return None if one is None else as_crs(one)
    theirs, ours = as_crs(stated), as_crs(asked)
    if not theirs.equals(ours, ignore_axis_order=True):
        raise RouteError(
            f"the source is in {theirs.name}, not in {ours.name}",
            remedy="leave crs= out: it is for sources that state none",
        )
    return theirs


def to_degrees(numbers: npt.ArrayLike, crs: pyproj.CRS | None, where: str) -> Floats:
    """Longitude, latitude (n, 2) in WGS84 degrees; ``crs`` None means they are so already.

    Raises
    ------
    RouteError
        If a position cannot be on Earth, or cannot be transformed.

    Examples
    --------
    >>> to_degrees([(111319.49079327357, 0.0)], as_crs("EPSG:3857"), "line").round(9).tolist()
    [[1.0, 0.0]]
    """
    if crs is None or _plain(crs):
        return check_positions(numbers, where)
    given = as_pairs(numbers, where)
    try:
        transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        # As lists: of an array of one, pyproj makes a scalar, which numpy 1.25 to 2.3 warn of.
        lon, lat = transformer.transform(given[:, 0].tolist(), given[:, 1].tolist())
    except ProjError:
        raise RouteError(
            f"positions in {crs.name} cannot be turned into longitude and latitude", remedy=_REMEDY
        ) from None
    degrees = np.column_stack([lon, lat])
    bad = ~np.isfinite(degrees).all(axis=1)
    if bad.any():
        raise RouteError(
            f"vertex {int(np.flatnonzero(bad)[0]) + 1} of {where} is not a position in {crs.name}",
            remedy="correct the vertex, or the coordinate reference system",
        )
    return check_positions(degrees, where)


def _plain(crs: pyproj.CRS) -> bool:
    return crs.equals(_WGS84, ignore_axis_order=True)
