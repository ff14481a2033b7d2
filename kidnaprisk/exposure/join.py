"""Which incidents lie near a route, how near, and where along it."""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from kidnaprisk.errors import RouteError
from kidnaprisk.exposure.nearest import Cells, Foot, feet, sort_into_cells
from kidnaprisk.geodesy import densify
from kidnaprisk.incidents.table import positions_of
from kidnaprisk.routes.route import Route

_FARTHEST_KM = 2000.0


def join_incidents(
    route_or_routes: Route | Iterable[Route],
    incidents: gpd.GeoDataFrame,
    within_km: float = 50.0,
) -> gpd.GeoDataFrame:
    """Incidents near one route or several.

    Parameters
    ----------
    route_or_routes : Route or iterable of Route
    incidents : GeoDataFrame
        A table as :func:`kidnaprisk.read_incidents` returns it.
    within_km : float
        Greatest geodesic distance to the route, 0 to 2,000 km.

    Returns
    -------
    GeoDataFrame
        One row for each route and incident within reach, in order of travel: ``route`` (position in
        the input), ``distance_km``, ``along_km`` (drawn km from the route's start, at the nearest
        place), then the incident's own columns.

    Raises
    ------
    RouteError
        If there is no route, or ``within_km`` is out of range.
    IncidentError
        If the table is not valid.

    Examples
    --------
    >>> import kidnaprisk as kr
    >>> road = kr.read_route([(0.0, 14.0), (0.8, 14.0)])
    >>> near = join_incidents(road, kr.load_catalogue(), within_km=30)
    >>> bool((near["distance_km"] <= 30).all())
    True
    """
    routes = [route_or_routes] if isinstance(route_or_routes, Route) else list(route_or_routes)
    if not routes:
        raise RouteError("no route to join", remedy="give a Route or a list of them")
    for position, route in enumerate(routes):
        if not isinstance(route, Route):
            raise RouteError(
                f"item {position} is a {type(route).__name__}, not a Route",
                remedy="read it with kidnaprisk.read_route",
            )
    if not (isinstance(within_km, (int, float)) and 0.0 < within_km <= _FARTHEST_KM):
        raise RouteError(
            f"within_km must lie between 0 and {_FARTHEST_KM:.0f} km", value=within_km,
            remedy="give a distance in kilometres",
        )  # fmt: skip
    lon, lat = positions_of(incidents)
    cells = sort_into_cells(lon, lat)
    # The kernels leave Python alone, so threads share the incidents without copying them.
    found = Parallel(n_jobs=1 if len(routes) == 1 else -1, require="sharedmem")(
        delayed(_feet)(route, cells, float(within_km)) for route in routes
    )
    rows = np.concatenate([foot.row for foot in found])
    joined: gpd.GeoDataFrame = incidents.iloc[rows].reset_index(drop=True)
    numbers = np.repeat(np.arange(len(routes)), [len(foot.row) for foot in found])
    joined.insert(0, "route", pd.array(numbers, dtype="int64"))
    joined.insert(1, "distance_km", np.concatenate([foot.distance_km for foot in found]))
    joined.insert(2, "along_km", np.concatenate([foot.along_km for foot in found]))
    return joined


def _feet(route: Route, cells: Cells, within_km: float) -> Foot:
    return feet(densify(route.lon, route.lat), cells, within_km)
