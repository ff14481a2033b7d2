"""``kidnaprisk incidents read``: what a file of incidents holds, and what of it cannot be used."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kidnaprisk.cli.output import (
    CSV,
    JSON,
    TABLE,
    add_output_options,
    check_out,
    chosen_format,
    deliver,
    working,
)
from kidnaprisk.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (TABLE, JSON, CSV)
EPILOG = """\
formats: ACLED, GTD, UCDP GED, AWSD, KIKA, Nigeria Security Tracker, GDELT, the library's own, and
  any table with a mapping; .csv, .csv.gz, .tsv, .xlsx, .parquet, .geojson. See docs/sources.
csv: the rows that came in, in the library's own columns.
units: places are within so many km of the truth (location_error_km); days are UTC.

examples:
  kidnaprisk incidents read acled_export.csv --rejects rejects.csv
  kidnaprisk incidents read log.xlsx --propose-mapping --out log.mapping.toml
  kidnaprisk incidents read log.xlsx --mapping log.mapping.toml --format csv --out log.csv
"""
_YES_NO = {"yes": True, "no": False, None: None}


def add_to(actions: Any) -> None:
    """Add the subcommand."""
    command = actions.add_parser(
        "read", help="show what a file holds and what of it cannot be used", allow_abbrev=False,
        description="Read a file of incidents and tell what came in, what was put right and what "
        "was left out, and why.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.add_argument("file", metavar="FILE", help="file of incidents")
    add_reading_options(command)
    command.add_argument(
        "--rejects", metavar="FILE",
        help="write the rows left out, with their reasons and as they stood, as CSV",
    )  # fmt: skip
    command.add_argument(
        "--propose-mapping", action="store_true",
        help="print a mapping to start from, for a table of no known format",
    )  # fmt: skip
    add_output_options(command, FORMATS)
    command.set_defaults(run=run)


def add_reading_options(command: argparse.ArgumentParser) -> None:
    """Add how a file of incidents is to be read."""
    group = command.add_argument_group("reading")
    group.add_argument(
        "--source", metavar="NAME",
        help="format, where it is not told from the columns: acled, gtd, ucdp ...",
    )  # fmt: skip
    group.add_argument(
        "--mapping", metavar="TOML",
        help="what the columns mean, for a table of any other origin (<stem>.mapping.toml)",
    )  # fmt: skip
    group.add_argument(
        "--coverage", metavar="TOML",
        help="what the file covers: areas, days, all or a sample (<stem>.coverage.toml)",
    )  # fmt: skip
    group.add_argument(
        "--kind-from-text", choices=("yes", "no"),
        help="take rows coded as other violence for kidnappings where their notes say so (only "
        "where the file has no code for kidnappings)",
    )  # fmt: skip


def reading_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_reading_options`, as `read_incidents` takes them."""
    return {
        "source": arguments.source,
        "mapping": arguments.mapping,
        "coverage": arguments.coverage,
        "kind_from_text": _YES_NO[arguments.kind_from_text],
    }


def run(arguments: argparse.Namespace) -> None:
    """Read and tell."""
    if arguments.propose_mapping:
        _propose(arguments)
        return
    form = chosen_format(arguments, FORMATS)
    check_out(arguments, [arguments.file, arguments.mapping, arguments.coverage])

    from kidnaprisk.incidents.coverage import coverage_of
    from kidnaprisk.incidents.read import SUMMARY_ATTR, read_incidents
    from kidnaprisk.incidents.table import NOTES_ATTR
    from kidnaprisk.incidents.write import own_cells
    from kidnaprisk.reports.incidents import read_report
    from kidnaprisk.reports.plain import json_text

    name = Path(arguments.file).name
    with working("Reading the incidents"):
        incidents, rejects = read_incidents(
            arguments.file, return_rejects=True, **reading_options(arguments)
        )
    write_rejects(arguments.rejects, rejects)
    coverage = coverage_of(incidents)
    facts = {
        "file": name,
        **incidents.attrs[SUMMARY_ATTR],
        "coverage": [one.to_dict() for one in coverage],
        "notes": incidents.attrs[NOTES_ATTR],
    }
    deliver(
        form,
        arguments.out,
        lambda _: read_report(name, facts, coverage, facts["notes"], rejects),
        {
            JSON: lambda: json_text(facts),
            CSV: lambda: own_cells(incidents).to_csv(index=False, lineterminator="\n"),
        },
    )


def write_rejects(path: str | None, rejects: pd.DataFrame) -> None:
    """Write the rows left out, if a file was named for them."""
    if path is None:
        return
    from kidnaprisk.reports.writing import write_text

    write_text(path, rejects.to_csv(index=False, lineterminator="\n"))


def _propose(arguments: argparse.Namespace) -> None:
    if arguments.format not in (None, TABLE):
        raise ConfigError(
            "--propose-mapping writes TOML and nothing else",
            value=arguments.format,
            remedy="leave --format out",
        )
    check_out(arguments, [arguments.file])

    from rich.text import Text

    from kidnaprisk.incidents.propose import propose_mapping
    from kidnaprisk.reports.writing import write_text

    with working("Looking at the columns"):
        text = propose_mapping(Path(arguments.file))
    if arguments.out is not None:
        write_text(arguments.out, text)
    else:
        deliver(JSON, None, lambda _: Text(text), {JSON: lambda: text})
