"""``kidnaprisk incidents``: read what sources give, keep it, merge it, take it out again."""

from __future__ import annotations

import argparse
from typing import Any

from kidnaprisk.cli import fetching, reading, storing

EPILOG = """\
examples:
  kidnaprisk incidents read acled_export.csv --rejects rejects.csv
  kidnaprisk incidents import acled_export.csv awsd.csv --store incidents.db
  kidnaprisk incidents merge --store incidents.db
  kidnaprisk incidents export --store incidents.db --merged --out known.parquet
"""


def add_to(commands: Any) -> None:
    """Add the subcommands."""
    command = commands.add_parser(
        "incidents", help="read, merge, keep and fetch records of incidents", allow_abbrev=False,
        description="Read, merge, keep and fetch records of incidents.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = command.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for room in (reading, storing, fetching):
        room.add_to(actions)
