"""``kidnaprisk incidents fetch``: a source's records from its own servers, into a folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kidnaprisk.cli.output import JSON, TABLE, add_output_options, chosen_format, counting, deliver
from kidnaprisk.cli.storing import STORE_VARIABLE, day_of, store_of, words_of
from kidnaprisk.errors import ConfigError

if TYPE_CHECKING:
    from kidnaprisk.incidents.feeds import Fetched

FORMATS = (TABLE, JSON)
SOURCES = ("acled", "ucdp", "gdelt")
EPILOG = """\
An account and a licence are yours to get. Credentials come from the environment
(KIDNAPRISK_ACLED_USERNAME, KIDNAPRISK_ACLED_PASSWORD, KIDNAPRISK_UCDP_TOKEN) or the keyring.
A fetch that breaks off goes on where it stopped when the same command is given again. It is
complete only where the source said so.

examples:
  kidnaprisk incidents fetch acled --into acled/2026-11-23 --countries "Niger,Burkina Faso"
  kidnaprisk incidents fetch acled --into acled/2026-11-24 --updated-since 2026-11-23 --store incidents.db
  kidnaprisk incidents fetch gdelt --into gdelt --since 2026-11-01 --until 2026-11-07
"""  # noqa: E501 - a command to copy stays on one line


def add_to(actions: Any) -> None:
    """Add the subcommand."""
    command = actions.add_parser(
        "fetch", help="fetch a source's records from its servers", allow_abbrev=False,
        description="Fetch a source's records into a folder, and from there into the store.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.add_argument("source", metavar="SOURCE", choices=SOURCES, help=", ".join(SOURCES))
    command.add_argument(
        "--into",
        metavar="FOLDER",
        required=True,
        help="folder for the files: one for each question",
    )
    command.add_argument(
        "--countries", metavar="NAMES", help="ACLED: names, joined by commas; UCDP: its numbers"
    )
    command.add_argument("--since", metavar="DAY", help="first day of the events, UTC")
    command.add_argument("--until", metavar="DAY", help="last day of the events, UTC")
    command.add_argument(
        "--updated-since", metavar="DAY", help="ACLED: only what was changed or deleted since"
    )
    command.add_argument("--version", metavar="RELEASE", help="UCDP: 25.1, 26.0.9; GDELT: 1 or 2")
    command.add_argument("--base-url", metavar="URL", help="another address of the same service")
    command.add_argument(
        "--store", metavar="URL", nargs="?", const="",
        help=f"import what came into this store (alone: ${STORE_VARIABLE}, else incidents.db)",
    )  # fmt: skip
    add_output_options(command, FORMATS)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Fetch, import if asked to, and tell."""
    form = chosen_format(arguments, FORMATS)

    import pandas as pd

    from kidnaprisk.reports.incidents import table_of
    from kidnaprisk.reports.plain import json_text

    with counting(f"Fetching {arguments.source}") as progress:
        fetched = _fetched(arguments, lambda rows, _: progress(rows))
    facts: dict[str, Any] = {
        "source": arguments.source,
        "files": len(fetched.files),
        "rows": fetched.rows,
        "complete": fetched.complete,
        "deleted_ids": len(fetched.deleted_ids),
        "started": fetched.started.isoformat(),
    }
    if arguments.store is not None:
        facts |= _imported(arguments, fetched)
    rows = pd.DataFrame({"what": list(facts), "": [str(value) for value in facts.values()]})
    notes = pd.DataFrame({"note": fetched.notes})
    deliver(
        form,
        arguments.out,
        lambda _: table_of(pd.concat([rows, notes.rename(columns={"note": ""})]), "Fetched"),
        {JSON: lambda: json_text({**facts, "notes": list(fetched.notes)})},
    )


def _fetched(arguments: argparse.Namespace, progress: Any) -> Fetched:
    from kidnaprisk.incidents.feeds import fetch_acled, fetch_gdelt, fetch_ucdp

    since, until = day_of(arguments.since, "--since"), day_of(arguments.until, "--until")
    where = {} if arguments.base_url is None else {"base_url": arguments.base_url}
    countries = words_of(arguments.countries)
    if arguments.source == "acled":
        return fetch_acled(
            arguments.into, countries=countries, since=since, until=until,
            updated_since=arguments.updated_since, progress=progress, **where,
        )  # fmt: skip
    if arguments.updated_since is not None:
        raise ConfigError("--updated-since is ACLED's only", remedy="leave it out")
    if arguments.source == "ucdp":
        if arguments.version is None:
            raise ConfigError("UCDP needs --version", remedy="name the release, as --version 25.1")
        return fetch_ucdp(
            arguments.into, version=arguments.version, countries=_numbers(countries), since=since,
            until=until, progress=progress, **where,
        )  # fmt: skip
    if since is None or until is None:
        raise ConfigError("GDELT needs --since and --until", remedy="name the days to fetch")
    if countries is not None:
        raise ConfigError("GDELT's files hold all countries", remedy="leave --countries out")
    version = arguments.version or "1"
    if version not in ("1", "2"):
        raise ConfigError("no version of GDELT", value=version, remedy="1 or 2")
    return fetch_gdelt(
        arguments.into, since=since, until=until, version=int(version), progress=progress, **where
    )


def _numbers(countries: list[str] | None) -> list[int] | None:
    if countries is None:
        return None
    for one in countries:
        if not (one.isascii() and one.isdigit()):
            raise ConfigError(
                "UCDP knows countries by number", value=one, remedy="Niger is 436, Mali 432"
            )
    return [int(one) for one in countries]


def _imported(arguments: argparse.Namespace, fetched: Fetched) -> dict[str, Any]:
    counts = dict.fromkeys(("added", "revised", "unchanged", "rejected", "deleted"), 0)
    # What changed since a day is no evidence of what did not happen.
    part = () if arguments.updated_since is not None else None
    with store_of(arguments, new=True) as store:
        for file in fetched.files:
            summary = store.import_file(file, source=arguments.source, coverage=part)
            for name in counts:
                counts[name] += getattr(summary, name)
        if fetched.deleted_ids:
            counts["deleted"] += store.delete(arguments.source, fetched.deleted_ids)
    return counts
