"""``kidnaprisk incidents import``, ``merge``, ``status`` and ``export``: the store of incidents."""

from __future__ import annotations

import argparse
import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kidnaprisk.cli import values
from kidnaprisk.cli.output import (
    JSON,
    TABLE,
    add_output_options,
    check_out,
    chosen_format,
    counting,
    deliver,
    working,
)
from kidnaprisk.cli.reading import add_reading_options, reading_options
from kidnaprisk.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import geopandas as gpd

    from kidnaprisk.incidents.store import IncidentStore

STORE_VARIABLE = "KIDNAPRISK_STORE"
FORMATS = (TABLE, JSON)
_COUNTS = ("rows_in", "added", "revised", "unchanged", "deleted", "rejected")
_STORE = """\
store: a file (incidents.db), sqlite:///incidents.db, or postgresql+psycopg://user@host/name with
  PostGIS; KIDNAPRISK_STORE where --store is not given, so that passwords need not be typed.
"""
IMPORT_EPILOG = f"""\
{_STORE}\
An import is all or nothing, and the same file again changes nothing. Rows are known by source and
id: one that differs is a revision, and what was known before stays known for the days before.

examples:
  kidnaprisk incidents import acled_export.csv --store incidents.db
  kidnaprisk incidents import older.csv --on 2020-11-20 --store incidents.db
  kidnaprisk incidents import --deleted deleted.txt --source acled --store incidents.db
"""
MERGE_EPILOG = f"""\
{_STORE}\
Without files the records in the store are linked, and export --merged gives one row an event.

examples:
  kidnaprisk incidents merge --store incidents.db
  kidnaprisk incidents merge acled.csv awsd.csv --out merged.csv --pairs pairs.csv
"""
STATUS_EPILOG = f"""\
{_STORE}
example:
  kidnaprisk incidents status --store incidents.db
"""
EXPORT_EPILOG = f"""\
{_STORE}\
units: --as-of gives what the store held at the end of that UTC day, neither more nor less.

examples:
  kidnaprisk incidents export --store incidents.db --out known.parquet
  kidnaprisk incidents export --as-of 2025-01-17 --merged --countries BF,NE,ML --out known.csv
"""


def add_to(actions: Any) -> None:
    """Add the subcommands."""
    command = _command(actions, "import", "read files into the store", IMPORT_EPILOG)
    command.add_argument("files", metavar="FILE", nargs="*", help="files of incidents")
    _add_store(command)
    command.add_argument(
        "--on", metavar="DAY", help="the UTC day on which the files were there to be read (today)"
    )
    command.add_argument(
        "--complete", action="store_true",
        help="the file is all the source has for its countries and days: rows of the source that "
        "are not in it are withdrawn",
    )  # fmt: skip
    command.add_argument(
        "--part", action="store_true",
        help="the file is a part of what the source has (what changed since a day, a search): it "
        "says nothing of what is covered",
    )  # fmt: skip
    command.add_argument(
        "--deleted", metavar="IDS", help="file of ids, one a line, that --source has withdrawn"
    )
    add_reading_options(command)
    add_output_options(command, FORMATS)
    command.set_defaults(run=run_import)

    command = _command(actions, "merge", "find the same event in several sources", MERGE_EPILOG)
    command.add_argument("files", metavar="FILE", nargs="*", help="files to merge, not the store")
    _add_store(command)
    command.add_argument("--on", metavar="DAY", help="UTC day of the links in the store (today)")
    command.add_argument(
        "--pairs", metavar="CSV", help="write every pair that was weighed, with its likeness"
    )
    command.add_argument(
        "--out", metavar="FILE", help="write the merged rows of the files to this CSV"
    )
    command.set_defaults(run=run_merge)

    command = _command(actions, "status", "show what the store holds", STATUS_EPILOG)
    _add_store(command)
    add_output_options(command, FORMATS)
    command.set_defaults(run=run_status)

    command = _command(actions, "export", "write what was known on a day", EXPORT_EPILOG)
    _add_store(command)
    command.add_argument(
        "--out", metavar="FILE", required=True,
        help=".parquet (GeoParquet), .gpkg (GeoPackage), .csv or .csv.gz",
    )  # fmt: skip
    command.add_argument("--as-of", metavar="DAY", help="what was known on this UTC day (today)")
    command.add_argument("--merged", action="store_true", help="one row an event, not a record")
    command.add_argument("--sources", metavar="NAMES", help="only these, as acled,awsd")
    command.add_argument("--countries", metavar="CODES", help="only these, as BF,NE")
    command.add_argument("--kinds", metavar="KINDS", help="only these, as kidnapping,attack")
    command.add_argument("--overwrite", action="store_true", help="replace the file if it is there")
    command.set_defaults(run=run_export)


def _command(actions: Any, name: str, what: str, epilog: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = actions.add_parser(
        name, help=what, allow_abbrev=False, description=f"{what.capitalize()}.",
        epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    return command


def _add_store(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--store", metavar="URL", help=f"the store (${STORE_VARIABLE}, else incidents.db)"
    )


def store_of(arguments: argparse.Namespace, *, new: bool = False) -> IncidentStore:
    """The store that was asked for; a file that is not there is made only where one may begin.

    Raises
    ------
    StoreError
        If it is not there: a slip in the name must not look like a store without incidents.
    """
    from kidnaprisk.incidents.store import IncidentStore
    from kidnaprisk.incidents.store.address import SQLITE, address_of

    asked = arguments.store or os.environ.get(STORE_VARIABLE) or "incidents.db"
    address = address_of(asked)
    if not new and address.drivername == SQLITE and not Path(address.database or "").exists():
        raise StoreError(
            "there is no store of this name",
            file=Path(address.database or "").name,
            remedy="correct --store, or begin one with kidnaprisk incidents import",
        )
    return IncidentStore(asked)


def day_of(text: str | None, option: str) -> dt.date | None:
    """A day that was given, or None."""
    return None if text is None else values.day(text, option)


def words_of(text: str | None) -> list[str] | None:
    """Words joined by commas, or None."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def run_import(arguments: argparse.Namespace) -> None:
    """Import files, or withdraw ids."""
    form = chosen_format(arguments, FORMATS)
    check_out(arguments, arguments.files)
    if arguments.part and (arguments.complete or arguments.coverage is not None):
        raise ConfigError(
            "--part says that nothing is covered", remedy="leave out --complete and --coverage"
        )
    if not arguments.files and arguments.deleted is None:
        raise ConfigError("nothing to import", remedy="name a file, or --deleted with --source")

    import pandas as pd

    from kidnaprisk.reports.incidents import table_of
    from kidnaprisk.reports.plain import json_text

    on = day_of(arguments.on, "--on")
    facts: list[dict[str, Any]] = []
    with store_of(arguments, new=bool(arguments.files)) as store:
        for file in arguments.files:
            with counting(f"Importing {Path(file).name}") as progress:
                summary = store.import_file(
                    file,
                    on=on,
                    complete=arguments.complete,
                    progress=progress,
                    **_reading(arguments),
                )
            facts.append(summary.to_dict())
        if arguments.deleted is not None:
            facts.append(_withdraw(store, arguments, on))
    deliver(
        form,
        arguments.out,
        lambda _: table_of(pd.DataFrame(facts)[_shown(facts)], "Imported"),
        {JSON: lambda: json_text({"imports": facts})},
    )


def _reading(arguments: argparse.Namespace) -> dict[str, Any]:
    options = reading_options(arguments)
    return {**options, "coverage": ()} if arguments.part else options


def _shown(facts: list[dict[str, Any]]) -> list[str]:
    given = {name for each in facts for name in each}
    return [name for name in ("file", "format", "day", *_COUNTS) if name in given]


def _withdraw(
    store: IncidentStore, arguments: argparse.Namespace, on: dt.date | None
) -> dict[str, Any]:
    if arguments.source is None:
        raise ConfigError("--deleted needs --source", remedy="name the source that withdrew them")
    from kidnaprisk.incidents.read import read_ids

    ids = read_ids(arguments.deleted)
    gone = store.delete(arguments.source, ids, on=on)
    return {"file": Path(arguments.deleted).name, "rows_in": len(ids), "deleted": gone}


def run_merge(arguments: argparse.Namespace) -> None:
    """Merge files, or link what is in the store."""
    if arguments.files:
        _merge_files(arguments)
        return
    if arguments.out is not None or arguments.pairs is not None:
        raise ConfigError(
            "--out and --pairs go with files", remedy="take merged rows out of the store with "
            "kidnaprisk incidents export --merged",
        )  # fmt: skip

    import pandas as pd

    from kidnaprisk.reports.incidents import table_of

    with store_of(arguments) as store, counting("Linking") as progress:
        summary = store.merge(on=day_of(arguments.on, "--on"), progress=progress)
    deliver(TABLE, None, lambda _: table_of(pd.DataFrame([summary.to_dict()]), "Linked"), {})


def _merge_files(arguments: argparse.Namespace) -> None:
    check_out(arguments, arguments.files)

    import pandas as pd

    from kidnaprisk.cli.inputs import incidents
    from kidnaprisk.incidents.merge import merge_incidents
    from kidnaprisk.incidents.write import write_incidents
    from kidnaprisk.reports.incidents import table_of
    from kidnaprisk.reports.writing import write_text

    tables: list[gpd.GeoDataFrame] = [incidents(file) for file in arguments.files]
    with working("Merging"):
        merged, pairs = merge_incidents(*tables, return_pairs=True)
    if arguments.pairs is not None:
        write_text(arguments.pairs, pairs.to_csv(index=False, lineterminator="\n"))
    if arguments.out is not None:
        write_incidents(merged, arguments.out)
    rows = sum(len(table) for table in tables)
    facts = {
        "rows": rows,
        "events": len(merged),
        "in several sources": int(merged["provenance"].notna().sum()),
        "kidnappings": int((merged["kind"] == "kidnapping").sum()),
    }
    deliver(TABLE, None, lambda _: table_of(pd.DataFrame([facts]), "Merged"), {})


def run_status(arguments: argparse.Namespace) -> None:
    """Tell what the store holds."""
    form = chosen_format(arguments, FORMATS)

    from rich.console import Group
    from rich.text import Text

    from kidnaprisk.reports.incidents import table_of
    from kidnaprisk.reports.plain import json_text
    from kidnaprisk.reports.words import clean

    with store_of(arguments) as store:
        url, status = store.url, store.status()
    imports = status.imports[["day", "action", "sources", "file", *_COUNTS]]
    merged = "never" if status.last_merge is None else f"on {status.last_merge}"
    deliver(
        form,
        arguments.out,
        lambda _: Group(
            Text(clean(url), style="bold"),
            Text(f"merged {merged}\n"),
            table_of(status.sources, "Held now"),
            Text(""),
            table_of(imports, "Imports"),
        ),
        {JSON: lambda: json_text({"store": url, **status.to_dict()})},
    )


def run_export(arguments: argparse.Namespace) -> None:
    """Write what was known on a day."""
    from kidnaprisk.cli.output import remark

    with store_of(arguments) as store, working("Exporting"):
        rows = store.export(
            arguments.out,
            day=day_of(arguments.as_of, "--as-of"),
            merged=arguments.merged,
            sources=words_of(arguments.sources),
            countries=words_of(arguments.countries),
            kinds=words_of(arguments.kinds),
            overwrite=arguments.overwrite,
        )
    remark(f"{rows:,} rows written to {Path(arguments.out).name}")
