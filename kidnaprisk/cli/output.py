"""Where answers go: to standard output or to the file the user named, and nowhere else.

Formats for programs are UTF-8 and whole numbers as they are; tables for people fit 100 columns and
have colours on a terminal only. Progress and remarks go to standard error.
"""

from __future__ import annotations

import argparse
import io
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kidnaprisk.cli.wording import in_options
from kidnaprisk.errors import ConfigError, StoreError
from kidnaprisk.reports.safe import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress
    from rich.status import Status

TABLE, JSON, CSV, GEOJSON = "table", "json", "csv", "geojson"
HTML, MARKDOWN = "html", "markdown"
_ENDINGS = {
    ".json": JSON, ".csv": CSV, ".geojson": GEOJSON, ".txt": TABLE, ".html": HTML, ".md": MARKDOWN,
}  # fmt: skip
_WIDEST, _NARROWEST = 100, 60
_QUICK_SECONDS = 1.0


def add_output_options(command: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Add ``--format`` and ``--out``."""
    group = command.add_argument_group("output")
    group.add_argument(
        "--format", choices=formats,
        help="form of the answer; told from the ending of --out, else table",
    )  # fmt: skip
    group.add_argument(
        "--out",
        metavar="FILE",
        help="write to this file, whole or not at all, and not to the screen",
    )


def chosen_format(arguments: argparse.Namespace, formats: Sequence[str]) -> str:
    """The form asked for, by ``--format`` or by the ending of ``--out``."""
    if arguments.format is not None:
        return str(arguments.format)
    ending = "" if arguments.out is None else Path(arguments.out).suffix.lower()
    form = _ENDINGS.get(ending, TABLE)
    if form not in formats or (ending and ending not in _ENDINGS):
        raise ConfigError(
            "the ending of --out names no form this command writes", value=ending,
            remedy=f"add --format with one of {', '.join(formats)}",
        )  # fmt: skip
    return form


def check_out(arguments: argparse.Namespace, inputs: Sequence[str | None]) -> None:
    """Refuse to write over a file that is read, or into a folder that is not there.

    Raises
    ------
    StoreError
        If ``--out`` is one of the inputs, or lies in no folder.
    """
    if arguments.out is None:
        return
    out = Path(arguments.out)
    if not out.parent.is_dir():
        raise StoreError(
            "the output cannot be written: there is no such folder",
            file=out.name,
            remedy="name a file in a folder that exists and may be written to",
        )
    for given in inputs:
        if given is not None and out.exists() and Path(given).exists() and out.samefile(given):
            raise StoreError(
                "--out would overwrite an input", file=out.name, remedy="name another file"
            )


def deliver(
    form: str,
    out: str | None,
    report: Callable[[int], RenderableType],
    texts: Mapping[str, Callable[[], str]],
) -> None:
    """Print or write an answer.

    Parameters
    ----------
    form : str
        What to write.
    out : str or None
        File, or None for standard output.
    report : callable
        Gives the table for a number of columns.
    texts : mapping of str to callable
        Give the text of each other form.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    from kidnaprisk.reports.text import to_text
    from kidnaprisk.reports.writing import write_text

    if out is not None:
        content = to_text(report(_WIDEST), _WIDEST) if form == TABLE else texts[form]()
        write_text(out, content)
    elif form != TABLE:
        _print(texts[form](), utf8=True)
    elif sys.stdout.isatty():
        _print_on_terminal(report)
    else:
        _print(to_text(report(_WIDEST), _WIDEST), utf8=False)


def _print(text: str, *, utf8: bool) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8 whatever the machine's own encoding; a table may lose a letter, never fail.
        if utf8:
            sys.stdout.reconfigure(encoding="utf-8", errors="replace")
        else:
            sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoreError(
            f"standard output cannot be written: {error.strerror}", remedy="check free space"
        ) from None


def _print_on_terminal(report: Callable[[int], RenderableType]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    width = max(_NARROWEST, min(_WIDEST, console.width))
    console.width = width
    console.print(report(width), crop=False)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say what is being done, on a terminal, if it takes over a second."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with _if_slow(Console(stderr=True, highlight=False).status(what)):
        yield


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show how many rows are done so far, on a terminal, if it takes over a second."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
    )  # fmt: skip
    bar = Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
    task = bar.add_task(what, total=None)
    with _if_slow(bar):
        yield lambda rows: bar.update(task, completed=rows)


@contextmanager
def counting_windows(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how many windows of how many are done, on a terminal, if it takes over a second."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    bar = Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
    task = bar.add_task(what, total=None)
    with _if_slow(bar):
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _if_slow(shown: Status | Progress) -> Iterator[None]:
    """Show something once it has taken over a second."""
    timer = threading.Timer(_QUICK_SECONDS, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        shown.stop()


def remark(text: str) -> None:
    """A line on standard error, in the words of the command."""
    sys.stderr.write(f"kidnaprisk: {one_line(in_options(text))}\n")
