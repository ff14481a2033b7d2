"""``kidnaprisk models``: what is stored, whether it is whole, and which version is current."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kidnaprisk.cli import values
from kidnaprisk.cli.output import (
    CSV,
    HTML,
    JSON,
    TABLE,
    add_output_options,
    chosen_format,
    deliver,
    working,
)
from kidnaprisk.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kidnaprisk.lifecycle.registry import Registry

UNSOUND = 3
FORMATS = (TABLE, JSON)
DIFF_FORMATS = (TABLE, JSON, CSV, HTML)
EPILOG = """\
units: scales in km, memories in days; weights in incidents expected to follow one record.

example:
  kidnaprisk models show
  kidnaprisk models show models/default --format json
"""
LIST_EPILOG = """\
example:
  kidnaprisk models list --models models/
"""
VERIFY_EPILOG = """\
Every file of every version is held against its manifest. Exit code 3 if any is unsound.

example:
  kidnaprisk models verify --models models/
"""
PROMOTE_EPILOG = """\
The version is verified first; programs get it the next time they load the model.

example:
  kidnaprisk models promote 2025-01-17-1a2b3c4d --reason "newer one overstates Kaduna"
"""
ROLLBACK_EPILOG = """\
Goes back to what was current before; once more goes further back.

example:
  kidnaprisk models rollback --reason "newer one overstates Kaduna"
"""
PIN_EPILOG = """\
example:
  kidnaprisk models pin 2025-01-17-1a2b3c4d --reason "used in the report of January"
"""
PRUNE_EPILOG = """\
units: --keep in versions, --keep-days in days before the last time that current moved. The
current version, pinned ones and those current in these days are kept in any case.

example:
  kidnaprisk models prune --keep 10 --keep-days 90 --dry-run
"""
DIFF_EPILOG = """\
units: incidents expected by region in the 30 days after the later as-of day; λ as it stands then.

examples:
  kidnaprisk models diff 2025-01-17-1a2b3c4d
  kidnaprisk models diff 2025-01-17-1a2b3c4d 2025-02-17-5e6f7a8b --out moved.html
"""
HISTORY_EPILOG = """\
example:
  kidnaprisk models history --format json
"""
REBUILD_EPILOG = """\
Takes from the store what was known when the version was made, fits it again and compares every
file. Exit code 3 if any differs.

example:
  kidnaprisk models rebuild default@2025-01-17-1a2b3c4d --store incidents.db
"""


def add_to(commands: Any) -> None:
    """Add the subcommands."""
    command = commands.add_parser(
        "models", help="look at stored models, and choose which is current", allow_abbrev=False,
        description="Look at stored models, and choose which version of one is current.",
    )  # fmt: skip
    actions = command.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _command(actions, "list", "list versions", LIST_EPILOG, run_list, every=True)

    show = _command(actions, "show", "show what a model is made of, and verify it", EPILOG, run)
    show.add_argument(
        "path", metavar="PATH", nargs="?",
        help="a version, a model or a folder of models (the bundled one)",
    )  # fmt: skip
    _command(actions, "verify", "verify every version", VERIFY_EPILOG, run_verify, every=True)

    command = _command(actions, "promote", "make a version current", PROMOTE_EPILOG, run_promote)
    command.add_argument("version", metavar="VERSION", help="its folder's name")
    command.add_argument("--reason", metavar="WHY", required=True, help="kept in the history")
    command = _command(actions, "rollback", "go back a version", ROLLBACK_EPILOG, run_rollback)
    command.add_argument("--reason", metavar="WHY", required=True, help="kept in the history")
    for action, what in (("pin", "never prune a version"), ("unpin", "let it be pruned again")):
        command = _command(actions, action, what, PIN_EPILOG.replace("pin", action), run_pin)
        command.add_argument("version", metavar="VERSION", help="its folder's name")
        command.add_argument("--reason", metavar="WHY", default="", help="kept in the history")
        command.set_defaults(action=action)

    command = _command(actions, "prune", "remove old versions", PRUNE_EPILOG, run_prune)
    command.add_argument("--keep", metavar="N", default="10", help="newest versions kept (10)")
    command.add_argument(
        "--keep-days", metavar="DAYS", default="90", help="keep what was current in these days (90)"
    )
    command.add_argument("--dry-run", action="store_true", help="only say which")

    command = _command(
        actions, "diff", "compare two versions", DIFF_EPILOG, run_diff, forms=DIFF_FORMATS
    )
    command.add_argument("a", metavar="VERSION", help="the one to compare from")
    command.add_argument("b", metavar="VERSION", nargs="?", help="to compare with (the current)")
    _command(actions, "history", "show what was current when", HISTORY_EPILOG, run_history)

    command = _command(actions, "rebuild", "make a version again", REBUILD_EPILOG, run_rebuild)
    command.add_argument("version", metavar="NAME@VERSION", help="model and version")
    command.add_argument("--store", metavar="URL", required=True, help="store of its incidents")


def _command(
    actions: Any,
    name: str,
    what: str,
    epilog: str,
    run: Any,
    *,
    every: bool = False,
    forms: tuple[str, ...] = FORMATS,
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = actions.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=epilog,
        allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if name != "show":
        command.add_argument(
            "--models", metavar="FOLDER", default="models", help="folder of models (models/)"
        )
    if name != "rebuild":
        command.add_argument(
            "--name", default=None if every else "default",
            help=f"which model of the folder ({'all' if every else 'default'})",
        )  # fmt: skip
    add_output_options(command, forms)
    command.set_defaults(run=run)
    return command


def run(arguments: argparse.Namespace) -> None:
    """Verify one version and tell."""
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


def run_list(arguments: argparse.Namespace) -> None:
    """List the versions."""
    from kidnaprisk.reports.plain import plain_rows
    from kidnaprisk.reports.registry import versions_report

    registry = _registry(arguments)
    rows = {name: plain_rows(registry.versions(name)) for name in _names(registry, arguments)}
    _tell(arguments, versions_report(rows), rows)


def run_verify(arguments: argparse.Namespace) -> int | None:
    """Verify every version."""
    from kidnaprisk.reports.plain import plain_rows
    from kidnaprisk.reports.registry import verified_report

    registry = _registry(arguments)
    with working("Verifying"):
        rows = [
            row
            for name in _names(registry, arguments)
            for row in plain_rows(registry.verify(name))
        ]  # fmt: skip
    _tell(arguments, verified_report(rows), rows)
    return None if all(row["sound"] for row in rows) else UNSOUND


def run_promote(arguments: argparse.Namespace) -> None:
    """Make a version current."""
    registry, name = _registry(arguments), arguments.name
    before = registry.current(name)
    registry.promote(arguments.version, name, reason=arguments.reason)
    _tell_moved(arguments, registry, before)


def run_rollback(arguments: argparse.Namespace) -> None:
    """Go back a version."""
    registry, name = _registry(arguments), arguments.name
    before = registry.current(name)
    registry.rollback(name, reason=arguments.reason)
    _tell_moved(arguments, registry, before)


def run_pin(arguments: argparse.Namespace) -> None:
    """Pin or unpin a version."""
    from kidnaprisk.reports.registry import told

    registry = _registry(arguments)
    act = registry.pin if arguments.action == "pin" else registry.unpin
    act(arguments.version, arguments.name, reason=arguments.reason)
    facts = {"name": arguments.name, "version": arguments.version, "action": arguments.action}
    _tell(arguments, told(f"{arguments.version} is {arguments.action}ned"), facts)


def run_prune(arguments: argparse.Namespace) -> None:
    """Remove old versions."""
    from kidnaprisk.reports.registry import told

    keep = values.whole(arguments.keep, "--keep")
    keep_days = values.whole(arguments.keep_days, "--keep-days")
    gone = _registry(arguments).prune(
        arguments.name, keep=keep, keep_days=keep_days, dry_run=arguments.dry_run
    )
    verb = "would be removed" if arguments.dry_run else "removed"
    lines = [f"{version} {verb}" for version in gone] or [f"nothing {verb}"]
    facts = {"name": arguments.name, "removed": gone, "dry_run": arguments.dry_run}
    _tell(arguments, told(*lines), facts)


def run_diff(arguments: argparse.Namespace) -> None:
    """Compare two versions."""
    form = chosen_format(arguments, DIFF_FORMATS)

    from kidnaprisk.reports.model_diff import model_diff_html, model_diff_report
    from kidnaprisk.reports.plain import json_text

    with working("Asking both versions"):
        found = _registry(arguments).diff(arguments.a, arguments.b, arguments.name)
    facts = found.to_dict()
    deliver(
        form,
        arguments.out,
        lambda _: model_diff_report(facts),
        {
            JSON: lambda: json_text(facts),
            CSV: lambda: str(found.regions.to_csv(index=False, lineterminator="\n")),
            HTML: lambda: model_diff_html(facts),
        },
    )


def run_history(arguments: argparse.Namespace) -> None:
    """Show what was done."""
    from kidnaprisk.reports.registry import history_report

    registry = _registry(arguments)
    (name,) = _names(registry, arguments)
    lines = registry.history(name)
    _tell(arguments, history_report(name, lines), lines)


def run_rebuild(arguments: argparse.Namespace) -> int | None:
    """Make a version again and compare."""
    name, at, version = arguments.version.partition("@")
    if not (name and at and version):
        raise ConfigError(
            "the version to rebuild is not told", value=arguments.version,
            remedy="write NAME@VERSION, as in default@2025-01-17-1a2b3c4d",
        )  # fmt: skip

    from kidnaprisk.cli.storing import store_of
    from kidnaprisk.lifecycle.rebuild import rebuild
    from kidnaprisk.reports.registry import told

    # Opened here too: a store that is not there is an error, not begun.
    with store_of(arguments), working("Fitting again"):
        made = rebuild(arguments.models, name, version, arguments.store)
    lines = [f"{name} {version}: made again, every file the same"]
    if not made.same:
        lines = [f"{name} {version}: made again, it is {made.rebuilt}; not the same are:"]
    _tell(arguments, told(*lines, *made.differing, *made.libraries), made.to_dict())
    return None if made.same else UNSOUND


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
        "metrics": manifest["metrics"],
        "recipe": manifest["recipe"],
        "files_verified": sorted(manifest["files"]),
        "data_sha256": manifest["data_sha256"],
    }


def _registry(arguments: argparse.Namespace) -> Registry:
    from kidnaprisk.lifecycle.registry import Registry

    return Registry(arguments.models)


def _names(registry: Registry, arguments: argparse.Namespace) -> list[str]:
    """The models asked for. That there is none is no sign that all is well."""
    names = registry.names()
    if arguments.name is not None:
        names = [name for name in names if name == arguments.name]
    if not names:
        raise ArtifactError(
            "there is no model here", file=arguments.models, value=arguments.name,
            remedy="name a folder of models with --models, or train one with: kidnaprisk train",
        )  # fmt: skip
    return names


def _tell_moved(arguments: argparse.Namespace, registry: Registry, before: str | None) -> None:
    from kidnaprisk.reports.registry import told

    current = registry.current(arguments.name)
    facts = {"name": arguments.name, "current": current, "before": before}
    line = f"{current} is current, before it {before or 'none'}"
    _tell(arguments, told(line if current != before else f"{current} was current already"), facts)


def _tell(arguments: argparse.Namespace, report: RenderableType, facts: Any) -> None:
    form = chosen_format(arguments, FORMATS)

    from kidnaprisk.reports.plain import json_text

    deliver(form, arguments.out, lambda _: report, {JSON: lambda: json_text(facts)})
