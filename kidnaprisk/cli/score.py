"""``kidnaprisk score``: how exposed a trip is."""

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
from kidnaprisk.errors import TripError

FORMATS = (TABLE, JSON, CSV, GEOJSON)
EPILOG = """\
units: km on the ground, hours, km/h; days and instants in UTC; expected incidents per trip
  (the table says per how many trips); probability and share 0 to 1 in json, csv and geojson.
csv: one row a region in order of first entry, numbers as they are. geojson: stretches of about
  10 km and the incidents that contribute, totals beside them. json: everything.
--crew changes no figure: what part of past kidnappings took such people is told beside them.

example:
  kidnaprisk score examples/casablanca_niamey.geojson --depart 2024-12-28T06:00Z \\
      --speed MA=70,default=45 --hours 6-18 --stop Dori:168 --crew MA,transport
  kidnaprisk score trip.gpx --as-of 2025-01-17 --depart 2025-01-18T06:00Z --out trip.geojson
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "score", help="score a planned trip, region by region", allow_abbrev=False,
        description="Score a planned trip: how exposed it is, region by region, and which "
        "incidents say so.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    inputs.add_route_options(command)
    trip = command.add_argument_group("the trip")
    trip.add_argument(
        "--depart", metavar="INSTANT",
        help="departure with its offset from UTC, 2024-12-28T06:00Z; left out, the trip follows "
        "the times its route carries",
    )  # fmt: skip
    trip.add_argument(
        "--speed", metavar="KMH",
        help="km/h while driving, one for all (50 if not given) or by country: MA=70,default=45",
    )  # fmt: skip
    trip.add_argument(
        "--hours", metavar="FROM-TO",
        help="driving hours, local solar time, as 6-18; round the clock if not given",
    )  # fmt: skip
    trip.add_argument(
        "--stop", action="append", default=[], metavar="PLACE:HOURS",
        help="a halt: Dori:168, 'Dori, BF:168' or km1200:12; give it as often as needed",
    )  # fmt: skip
    trip.add_argument("--crew", metavar="WHO", help="country codes and a sector: MA,transport")
    trip.add_argument(
        "--road-km",
        metavar="KM",
        help="length truly driven, where the line is shorter than the road",
    )
    hazard = command.add_argument_group("the hazard")
    hazard.add_argument(
        "--as-of", metavar="DAY",
        help="fit the default model anew on what was known that UTC day, 2025-01-17",
    )  # fmt: skip
    hazard.add_argument(
        "--incidents", metavar="FILE", help="fit it on these incidents, not the bundled catalogue"
    )
    hazard.add_argument("--model", metavar="PATH", help="a stored model, not the bundled one")
    hazard.add_argument(
        "--radius", metavar="KM", default="10",
        help="an incident is met within this distance of the vehicle, km (10 if not given)",
    )  # fmt: skip
    add_output_options(command, FORMATS)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Score and print."""
    form = chosen_format(arguments, FORMATS)
    check_out(arguments, [arguments.route, arguments.incidents])
    radius_km = values.number(arguments.radius, "--radius", "give km, as in --radius 10")
    as_of = None if arguments.as_of is None else values.day(arguments.as_of, "--as-of")
    plan = _plan(arguments)

    from kidnaprisk.exposure.score import score
    from kidnaprisk.reports.geojson import trip_geojson
    from kidnaprisk.reports.plain import json_text, region_csv
    from kidnaprisk.reports.text import trip_report
    from kidnaprisk.routes.trip import Trip

    route = inputs.route(arguments)
    if plan["departure"] is None and route.times is None:
        why = f" ({route.times_dropped})" if route.times_dropped else ""
        raise TripError(
            f"no departure is given and the route carries no times{why}",
            remedy="add --depart, as in --depart 2024-12-28T06:00Z",
        )
    trip = Trip(route, **plan)
    model = inputs.model(arguments.model, arguments.incidents, as_of)
    with working("Scoring the trip"):
        risk = score(trip, model, radius_km=radius_km)
    deliver(
        form,
        arguments.out,
        lambda width: trip_report(risk, width),
        {
            JSON: lambda: json_text(risk.to_dict()),
            CSV: lambda: region_csv(risk),
            GEOJSON: lambda: trip_geojson(risk),
        },
    )


def _plan(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was said of the trip, but for its route."""
    road_km = arguments.road_km
    return {
        "departure": arguments.depart,
        "speed_kmh": None if arguments.speed is None else values.speed(arguments.speed),
        "driving_hours": None if arguments.hours is None else values.window(arguments.hours),
        "stops": [values.stop(text) for text in arguments.stop],
        "crew": None if arguments.crew is None else values.crew(arguments.crew),
        "road_km": None
        if road_km is None
        else values.number(road_km, "--road-km", "give km, as in --road-km 5383"),
    }
