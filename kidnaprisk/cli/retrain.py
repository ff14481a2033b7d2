"""``kidnaprisk retrain``: the one command that a scheduler runs, and what it did before."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kidnaprisk.cli import values
from kidnaprisk.cli.output import (
    HTML,
    JSON,
    TABLE,
    add_output_options,
    check_out,
    chosen_format,
    deliver,
)
from kidnaprisk.errors import ConfigError, StoreError
from kidnaprisk.reports.safe import one_line

if TYPE_CHECKING:
    from rich.console import Group

DEFAULT_CONFIG = "retrain.toml"
_LAST_RUNS = "20"
EPILOG = """\
units: days in UTC; gains in nats per incident. Every setting has its unit in the file.
exit codes: 0 published (or would be, in a rehearsal); 3 refused, nothing new, or another run is at
  work: the model in use stays, and the next night is soon enough; 2 the configuration, the store or
  the models cannot be used; 1 a bug.
Passwords and tokens come from the environment or the keyring, never from the configuration.

examples:
  kidnaprisk retrain --init
  kidnaprisk retrain retrain.toml
  kidnaprisk retrain retrain.toml --as-of 2025-01-17 --dry-run
  kidnaprisk retrain retrain.toml --force "ACLED recoded Niger; checked by hand"
  kidnaprisk retrain retrain.toml --history 30
  kidnaprisk retrain retrain.toml --monitor --out forecasts.html
"""


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "retrain", help="bring records and model up to date; publish if not worse",
        description="Read the feeds, fit a model to what is known, put it to the test beside the "
        "one in use, and publish it if it is not worse. One run at a time; safe to kill.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    command.add_argument(
        "config", metavar="CONFIG", nargs="?", default=DEFAULT_CONFIG,
        help=f"configuration, TOML ({DEFAULT_CONFIG})",
    )  # fmt: skip
    command.add_argument(
        "--as-of", metavar="DAY", help="run as on this UTC day, with what was known then (today)"
    )
    command.add_argument(
        "--dry-run", action="store_true",
        help="rehearse: change neither store, models nor records; what is fetched stays",
    )  # fmt: skip
    command.add_argument(
        "--force", metavar="REASON",
        help="publish although checks fail, if feeds can be read; the reason is recorded",
    )  # fmt: skip
    instead = command.add_argument_group("instead of a run").add_mutually_exclusive_group()
    instead.add_argument(
        "--init", action="store_true", help="write a commented configuration, if there is none"
    )
    instead.add_argument(
        "--history", metavar="N", nargs="?", const=_LAST_RUNS,
        help=f"show the last runs ({_LAST_RUNS})",
    )  # fmt: skip
    instead.add_argument(
        "--monitor", action="store_true",
        help="show published forecasts against what has since been recorded",
    )  # fmt: skip
    add_output_options(command, (TABLE, JSON, HTML))
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int | None:
    """Run, or show what runs did."""
    forms = (TABLE, JSON, HTML) if arguments.monitor else (TABLE, JSON)
    form = chosen_format(arguments, forms)
    if form not in forms:
        raise ConfigError(f"only --monitor is written as {form}", remedy="table or json")
    instead = arguments.init or arguments.monitor or arguments.history is not None
    if instead and (arguments.as_of or arguments.dry_run or arguments.force is not None):
        raise ConfigError(
            "--as-of, --dry-run and --force are for a run",
            remedy="leave them out, or --init, --history and --monitor",
        )
    if not instead:
        return _run(arguments, form)
    if arguments.init:
        _write_template(Path(arguments.config))
    elif arguments.monitor:
        _show_series(arguments, form)
    else:
        _show_history(arguments, form)
    return None


def _run(arguments: argparse.Namespace, form: str) -> int:
    check_out(arguments, [arguments.config])
    as_of = None if arguments.as_of is None else values.day(arguments.as_of, "--as-of")

    from kidnaprisk.lifecycle.retrain import retrain
    from kidnaprisk.reports.retrain import run_report

    with _telling() as tell:
        done = retrain(
            arguments.config, as_of=as_of, dry_run=arguments.dry_run, force=arguments.force,
            progress=tell,
        )  # fmt: skip
    _deliver(arguments, form, done.to_dict(), lambda: run_report(done.to_dict()))
    return done.exit_code


def _show_history(arguments: argparse.Namespace, form: str) -> None:
    check_out(arguments, [arguments.config])
    last = values.whole(arguments.history, "--history")

    from kidnaprisk.lifecycle import journal
    from kidnaprisk.lifecycle.config import read_config
    from kidnaprisk.lifecycle.night import RUNS
    from kidnaprisk.reports.retrain import history_report

    runs = journal.read(read_config(arguments.config).run.folder / RUNS)
    shown = runs[max(0, len(runs) - last) :]
    _deliver(arguments, form, shown, lambda: history_report(shown))


def _show_series(arguments: argparse.Namespace, form: str) -> None:
    check_out(arguments, [arguments.config])

    from kidnaprisk.lifecycle import journal
    from kidnaprisk.lifecycle.config import read_config
    from kidnaprisk.lifecycle.monitor import alarm
    from kidnaprisk.lifecycle.night import SERIES
    from kidnaprisk.reports.retrain import monitor_html, monitor_report

    settings = read_config(arguments.config)
    rows = journal.read(settings.run.folder / SERIES)
    series = [row for row in rows if row.get("model") == settings.model.name]
    together = alarm(series, settings.monitor)
    _deliver(
        arguments, form, {"together": together, "windows": series},
        lambda: monitor_report(series, together),
        lambda: monitor_html(series, together, settings.model.name),
    )  # fmt: skip


def _deliver(
    arguments: argparse.Namespace,
    form: str,
    facts: Any,
    report: Callable[[], Group],
    html: Callable[[], str] = str,
) -> None:
    from kidnaprisk.reports.plain import json_text

    texts = {JSON: lambda: json_text(facts), HTML: html}
    deliver(form, arguments.out, lambda _: report(), texts)


def _write_template(path: Path) -> None:
    from kidnaprisk.lifecycle.template import template

    text = template()
    try:
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise StoreError(
            "there is a file of this name, and it is left as it is", file=path,
            remedy="name another: kidnaprisk retrain --init FILE",
        ) from None  # fmt: skip
    except OSError as error:
        # It did not exist before: what there is of it is half a file.
        with suppress(OSError):
            path.unlink()
        raise StoreError(
            f"the configuration cannot be written: {error.strerror}", file=path,
            remedy="name a file in a folder that exists and may be written to",
        ) from None  # fmt: skip
    sys.stdout.write(f"Written to {path}. Name your feeds in it, then: kidnaprisk retrain {path}\n")


@contextmanager
def _telling() -> Iterator[Callable[[str], None] | None]:
    """Say what a run is at, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True, highlight=False).status("Starting") as status:
        yield lambda text: status.update(escape(one_line(text)))
