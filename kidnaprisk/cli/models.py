"""``kidnaprisk models``: what is stored, and whether it is whole."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kidnaprisk.cli.output import JSON, TABLE, add_output_options, chosen_format, deliver

FORMATS = (TABLE, JSON)
EPILOG = """\
units: scales in km, memories in days; weights in incidents expected to follow one record.

example:
  kidnaprisk models show
  kidnaprisk models show models/default --format json
"""


def add_to(commands: Any) -> None:
    """Add the subcommands."""
    command = commands.add_parser(
        "models", help="look at stored models", allow_abbrev=False,
        description="Look at stored models.",
    )  # fmt: skip
    actions = command.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = actions.add_parser(
        "show", help="show what a model is made of, and verify it", allow_abbrev=False,
        description="Verify a stored model, file by file, and show what it is made of.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    show.add_argument(
        "path", metavar="PATH", nargs="?",
        help="a version, a model or a folder of models (the bundled one)",
    )  # fmt: skip
    show.add_argument(
        "--name", default="default", help="which model of a folder of models (default)"
    )
    add_output_options(show, FORMATS)
    show.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Verify and tell."""
    form = chosen_format(arguments, FORMATS)

    from kidnaprisk.bundled import models_path
    from kidnaprisk.lifecycle.artifact import find_version
    from kidnaprisk.reports.model import model_report
    from kidnaprisk.reports.plain import json_text

    root = models_path() if arguments.path is None else Path(arguments.path)
    facts = about(find_version(root, arguments.name))
    deliver(
        form,
        arguments.out,
        lambda _: model_report(facts, "Verified"),
        {JSON: lambda: json_text(facts)},
    )


def about(folder: Path) -> dict[str, Any]:
    """What a stored model is made of, as plain values; every file of it is verified first."""
    import pandas as pd

    from kidnaprisk.lifecycle.artifact import load_model, read_manifest

    model = load_model(folder)
    manifest = read_manifest(folder)
    facts = manifest["facts"]
    described = model.describe()
    return {
        "name": folder.resolve().parent.name,
        "version": folder.resolve().name,
        "path": str(folder),
        "kind": manifest["kind"],
        "as_of": facts["as_of"],
        "origin": described["origin"].isoformat(),
        "written_by": manifest["library"].get("kidnaprisk"),
        "incidents": described["incidents"],
        "context_events": described["context_events"],
        "sources": manifest["sources"],
        "systematic": described["systematic"],
        "coverage": facts["coverage"],
        "covered_regions": len(model.covered_regions_),
        "covered_area_km2": model.covered_area_km2_,
        "parameters": facts["parameters"],
        "weights": [
            {key: None if pd.isna(value) else value for key, value in row.items()}
            for row in model.explain().to_dict("records")
        ],
        "dispersion": model.dispersion_,
        "files_verified": sorted(manifest["files"]),
        "data_sha256": manifest["data_sha256"],
    }
