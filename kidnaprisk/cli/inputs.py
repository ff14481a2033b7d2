"""What several subcommands read: routes, incidents, models."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from kidnaprisk.cli import values
from kidnaprisk.cli.output import remark, working
from kidnaprisk.errors import ConfigError, IncidentError

if TYPE_CHECKING:
    import geopandas as gpd

    from kidnaprisk.hazard.mixture import KernelMixture
    from kidnaprisk.routes.route import Route

_ROWS_SHOWN = 5


def add_route_options(command: argparse.ArgumentParser) -> None:
    """Add the route and how to read it."""
    command.add_argument(
        "route", metavar="ROUTE",
        help="file: GeoJSON, GPX, KML, KMZ, GeoPackage, FlatGeobuf, shapefile, WKT, CSV of "
        "waypoints, encoded polyline, or the JSON answer of a routing engine",
    )  # fmt: skip
    group = command.add_argument_group("reading the route")
    group.add_argument(
        "--route-name", metavar="NAME", help="which line, where the file has several"
    )
    group.add_argument(
        "--route-format", metavar="FORM", help="geojson, gpx, kml ..., where it is not recognised"
    )
    group.add_argument("--crs", help="coordinate system of a file that names none, as EPSG:3857")
    group.add_argument(
        "--waypoints", action="store_true", help="take the points of the file as the route"
    )
    group.add_argument(
        "--precision", type=int, choices=(5, 6), help="decimals of an encoded polyline"
    )
    group.add_argument("--max-gap", metavar="KM", help="widest gap to bridge between lines, km")


def route(arguments: argparse.Namespace) -> Route:
    """The route that was asked for."""
    from kidnaprisk.routes.read import read_route

    gap = arguments.max_gap
    with working("Reading the route"):
        return read_route(
            Path(arguments.route),
            name=arguments.route_name,
            crs=arguments.crs,
            format=arguments.route_format,
            precision=arguments.precision,
            waypoints=arguments.waypoints,
            max_gap_km=None if gap is None else values.number(gap, "--max-gap", "give km"),
        )


def incidents(file: str | None) -> gpd.GeoDataFrame:
    """The incidents of a file, or the bundled ones; rows that cannot be used are told of."""
    from kidnaprisk.incidents.read import load_catalogue, read_incidents

    with working("Reading the incidents"):
        if file is None:
            return load_catalogue()
        table, rejects = read_incidents(file, return_rejects=True)
    name = Path(file).name
    lines = [
        f"row {row.row}, {row.column}: {row.reason}"
        for row in rejects.head(_ROWS_SHOWN).itertuples()
    ]
    if table.empty:
        reason = f", first {lines[0]}" if lines else ""
        raise IncidentError(
            f"no row can be used{reason}", file=name, remedy="correct the file and try again"
        )
    if lines:
        more = "" if len(rejects) <= _ROWS_SHOWN else f"; and {len(rejects) - _ROWS_SHOWN:,} more"
        remark(
            f"warning: {name}: {len(rejects):,} of {len(rejects) + len(table):,} rows were left "
            f"out: {'; '.join(lines)}{more}"
        )
    for note in table.attrs.get("notes", ()):
        remark(f"note: {name}: {note}")
    return table


def model(path: str | None, file: str | None, as_of: dt.date | None) -> KernelMixture:
    """The hazard to ask: one that is stored, or the default fitted anew.

    Raises
    ------
    ConfigError
        If both are asked for.
    """
    from kidnaprisk.lifecycle.artifact import load_model

    if path is not None and (file is not None or as_of is not None):
        raise ConfigError(
            f"--model and {'--incidents' if file is not None else '--as-of'} exclude each other: "
            "a stored model is fitted already",
            remedy="leave one of them out",
        )
    if file is None and as_of is None:
        return load_model() if path is None else load_model(Path(path))
    known = incidents(file)
    # The same model as the bundled one, but for what it has seen.
    fresh = load_model()
    fresh = type(fresh)(**{**fresh.get_params(), "coverage": None})
    with working("Fitting the hazard"):
        return fresh.fit(known, as_of=as_of)
