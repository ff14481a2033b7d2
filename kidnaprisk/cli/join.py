"""``kidnaprisk join``: the incidents near a route."""

from __future__ import annotations

import argparse
from typing import Any

from kidnaprisk.cli import inputs, values
from kidnaprisk.cli.output import (
    CSV,
    GEOJSON,
    JSON,
    TABLE,
    add_output_options,
    check_out,
    chosen_format,
    deliver,
    working,
)

FORMATS = (TABLE, JSON, CSV, GEOJSON)
EPILOG = """\
units: distance_km is geodesic, from the nearest place of the route; along_km is from its start,
  along the line as drawn.
csv: one row an incident in order of travel, the columns of the incident table with longitude and
  latitude.

example:
  kidnaprisk join examples/casablanca_niamey.geojson --within 25 --format csv --out near.csv
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "join", help="list the incidents near a route", allow_abbrev=False,
        description="List the incidents near a route, in order of travel.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    inputs.add_route_options(command)
    command.add_argument(
        "--incidents", metavar="FILE", help="a file of incidents, not the bundled catalogue"
    )
    command.add_argument(
        "--within", metavar="KM", default="50", help="greatest distance to the route, km (50)"
    )
    add_output_options(command, FORMATS)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Join and print."""
    form = chosen_format(arguments, FORMATS)
    check_out(arguments, [arguments.route, arguments.incidents])
    within_km = values.number(arguments.within, "--within", "give km, as in --within 50")

    from kidnaprisk.exposure.join import join_incidents
    from kidnaprisk.reports.geojson import incident_geojson
    from kidnaprisk.reports.join import Joined, join_dict, join_report
    from kidnaprisk.reports.plain import incident_csv, json_text

    route = inputs.route(arguments)
    known = inputs.incidents(arguments.incidents)
    with working("Joining"):
        near = join_incidents(route, known, within_km=within_km)
    joined = Joined(route, near, within_km, known)
    deliver(
        form,
        arguments.out,
        lambda _: join_report(joined),
        {
            JSON: lambda: json_text(join_dict(joined)),
            CSV: lambda: incident_csv(near),
            GEOJSON: lambda: incident_geojson(near, joined.totals()),
        },
    )
