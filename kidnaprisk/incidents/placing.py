"""Whether an incident lies in the country its row names, and whether it does once turned round.

A source's coordinates are its word against its own country column. A little outside is a border
drawn coarsely, a bridge or a boat; outside, one of the two is wrong, and which one cannot be told.
Only where the point lies so far off that no mistaken neighbour explains it, and latitude and
longitude, exchanged, fall into the country, is it certain what happened. It looks at countries
only: a point in the wrong district of the right country is not seen.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from kidnaprisk.bundled import data_path
from kidnaprisk.geodesy import Floats, inverse
from kidnaprisk.incidents.parse import Mask

# Beyond the doubt about the place: coarse borders, off the coast, a town that shares its name.
TOLERANCE_KM = 50.0
# No neighbouring country is mistaken for one this far away.
CERTAIN_KM = 1000.0
# So many rows that fit only the other way round are no slips of single rows.
_FEWEST_TURNED = 3
# Records name the state that was, or the one that claims or holds the land.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "AM": ("AZ",),
    "AZ": ("AM",),
    "CN": ("TW", "HK", "MO"),
    "CY": ("GB",),
    "EH": ("MA",),
    "ET": ("ER",),
    "GB": ("IM", "JE", "GG", "GI"),
    "GE": ("RU",),
    "ID": ("TL",),
    "IL": ("PS",),
    "IN": ("PK",),
    "MA": ("EH",),
    "MD": ("UA",),
    "PK": ("IN",),
    "PS": ("IL",),
    "RS": ("XK", "ME"),
    "RU": ("UA",),
    "SD": ("SS",),
    "SS": ("SD",),
    "SY": ("IL",),
    "UA": ("RU",),
    "US": ("PR", "VI"),
    "XK": ("RS",),
}


class Placing(NamedTuple):
    """How n points lie to the countries they name.

    ``away_km`` (n,) distance to the country, 0 inside, NaN where it is not asked (no country, no
    point); ``turned`` (n,) outside as given, and inside once latitude and longitude are exchanged;
    ``columns_exchanged`` more rows fit only the other way round than fit only as they are.
    """

    away_km: Floats
    turned: Mask
    columns_exchanged: bool


def placing(
    lon: Floats, lat: Floats, country: npt.NDArray[np.object_], location_error_km: Floats
) -> Placing:
    """Distance of points from the countries they name.

    Parameters
    ----------
    lon, lat : ndarray (n,)
        WGS84 degrees, NaN where unknown.
    country : ndarray (n,) of str or None
        Alpha-2.
    location_error_km : ndarray (n,)
        NaN where unknown.

    Returns
    -------
    Placing

    Examples
    --------
    >>> here = placing(
    ...     np.array([0.3, 14.1, 14.1]), np.array([14.1, 0.3, 52.0]),
    ...     np.array(["BF", "BF", "BF"], dtype=object), np.full(3, 5.0),
    ... )
    >>> here.turned.tolist(), here.away_km.round(-2).tolist()
    ([False, True, False], [0.0, 1800.0, 4300.0])
    """
    rows = pd.DataFrame({"lon": lon, "lat": lat, "country": country})
    places = rows.drop_duplicates(ignore_index=True)
    of_row = rows.merge(places.reset_index(), how="left", validate="m:1")["index"].to_numpy()
    away_km = _away_km(places)[of_row]
    allowed_km = TOLERANCE_KM + np.nan_to_num(location_error_km)
    exchanged = places.rename(columns={"lon": "lat", "lat": "lon"})[["lon", "lat", "country"]]
    # A latitude above 90 is outside any country.
    far = (away_km > allowed_km) | (abs(lat) > 90.0)
    suspects = np.unique(of_row[far])
    inside = np.zeros(len(places), dtype=np.bool_)
    inside[suspects] = _away_km(exchanged.iloc[suspects].reset_index(drop=True)) == 0.0
    turned = far & inside[of_row]
    if turned.sum() < _FEWEST_TURNED:
        return Placing(away_km, turned, False)
    fits = away_km <= allowed_km
    fits_too = _away_km(exchanged)[of_row] <= allowed_km
    return Placing(away_km, turned, bool(turned.sum() > (fits & ~fits_too).sum()))


def _away_km(places: pd.DataFrame) -> Floats:
    away = np.full(len(places), np.nan)
    usable = (abs(places["lat"]) <= 90.0) & (abs(places["lon"]) <= 180.0)
    for country, here in places[usable].groupby("country"):
        shapes = _shapes_of(str(country))
        if not len(shapes):
            continue
        points = shapely.points(here["lon"].to_numpy(), here["lat"].to_numpy())
        tree = shapely.STRtree(shapes)
        # The nearest in degrees, which where it matters is near enough to the nearest in km.
        nearest = shapes[tree.nearest(points)]
        outside = np.flatnonzero(~shapely.intersects(nearest, points))
        km = np.zeros(len(here))
        if len(outside):
            line = shapely.shortest_line(nearest[outside], np.asarray(points)[outside])
            foot = shapely.get_coordinates(shapely.get_point(line, 0))
            at = here.iloc[outside]
            _, km[outside] = inverse(
                at["lon"].to_numpy(), at["lat"].to_numpy(), foot[:, 0], foot[:, 1]
            )
        away[here.index] = km
    return away


@functools.cache
def _shapes_of(country: str) -> npt.NDArray[np.object_]:
    regions = _countries()
    chosen = regions["country"].isin((country, *_ALSO.get(country, ())))
    shapes: npt.NDArray[np.object_] = regions.geometry[chosen].to_numpy()
    shapely.prepare(shapes)
    return shapes


@functools.cache
def _countries() -> gpd.GeoDataFrame:
    return gpd.read_file(data_path("regions.fgb"), columns=["country"], engine="pyogrio")
