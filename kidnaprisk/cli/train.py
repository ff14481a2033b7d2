"""``kidnaprisk train``: fit a hazard model and store it."""

from __future__ import annotations

import argparse
from typing import Any

from kidnaprisk.cli import inputs, values
from kidnaprisk.cli.models import about
from kidnaprisk.cli.output import JSON, TABLE, deliver, working

EPILOG = """\
units: days in UTC; --as-of looks only at records known by that day.
The same incidents and day give the same version, byte for byte.

example:
  kidnaprisk train incidents.csv --as-of 2025-01-17 --out models/ --name sahel
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "train", help="fit a hazard model and store it", allow_abbrev=False,
        description="Fit a hazard model on recorded kidnappings and store it.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.add_argument(
        "incidents", metavar="INCIDENTS", nargs="?",
        help="file of incidents: .csv, .csv.gz, .xlsx, .parquet or .geojson (the bundled ones)",
    )  # fmt: skip
    command.add_argument(
        "--as-of", metavar="DAY", help="look only at records known by this UTC day"
    )
    command.add_argument(
        "--out", metavar="FOLDER", default="models", help="folder of models (models/)"
    )
    command.add_argument("--name", default="default", help="name of the model (default)")
    command.add_argument(
        "--format", choices=(TABLE, JSON), default=TABLE, help="form of the answer"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Fit, store and tell."""
    as_of = None if arguments.as_of is None else values.day(arguments.as_of, "--as-of")

    from kidnaprisk.hazard.mixture import KernelMixture
    from kidnaprisk.lifecycle.artifact import save_model
    from kidnaprisk.reports.model import model_report
    from kidnaprisk.reports.plain import json_text

    known = inputs.incidents(arguments.incidents)
    with working("Fitting the hazard"):
        model = KernelMixture().fit(known, as_of=as_of)
        folder = save_model(model, arguments.out, arguments.name)
    facts = about(folder)
    deliver(
        arguments.format,
        None,
        lambda _: model_report(facts, "Written to"),
        {JSON: lambda: json_text(facts)},
    )
