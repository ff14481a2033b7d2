"""The versions of models, what was done to them, and whether they are sound, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kidnaprisk.reports import words
from kidnaprisk.reports.style import heading, plain_table

Row = Mapping[str, Any]


def versions_report(models: Mapping[str, Sequence[Row]]) -> Group:
    """Versions by model, newest first.

    Parameters
    ----------
    models : mapping of str to sequence of mapping
        Rows of ``Registry.versions()`` by name.
    """
    lines: list[RenderableType] = []
    for name, rows in models.items():
        table = plain_table(
            ("version", "left"), ("", "left"), ("as of", "left"), ("published", "left"),
            ("kidnappings", "right"), ("context", "right"), ("MB", "right"), ("by", "left"),
            flexible="version",
        )  # fmt: skip
        for row in rows:
            marks = [mark for mark in ("current", "pinned") if row[mark]]
            table.add_row(
                Text(words.clean(row["version"]), style="bold" if row["current"] else ""),
                ", ".join(marks), _text(row["as_of"]), _text(row["published"])[:10],
                _count(row["records"]), _count(row["context_events"]),
                f"{row['bytes'] / 1e6:.1f}", _text(row["kidnaprisk"]),
            )  # fmt: skip
        lines += [heading(words.clean(name)), table]
    return Group(*lines)


def verified_report(rows: Sequence[Row]) -> Group:
    """What was verified, and every fault.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of ``Registry.verify()``.
    """
    unsound = [row for row in rows if not row["sound"]]
    table = plain_table(("version", "left"), ("", "left"), ("fault", "left"), flexible="fault")
    for row in rows:
        version = words.clean(f"{row['name']} {row['version'] or ''}".strip())
        state = "sound" if row["sound"] else "UNSOUND"
        table.add_row(
            Text(version),
            Text(state, style="" if row["sound"] else "bold red"),
            _text(row["fault"]),
        )
    told = f"{len(rows) - len(unsound):,} sound, {len(unsound):,} not"
    return Group(Text(told, style="bold"), table)


def history_report(name: str, lines: Sequence[Row]) -> Group:
    """What was done to a model, oldest first.

    Parameters
    ----------
    name : str
    lines : sequence of mapping
        As ``Registry.history()`` gives them.
    """
    table = plain_table(
        ("day", "left"), ("", "left"), ("version", "left"), ("before", "left"), ("reason", "left"),
        flexible="reason",
    )  # fmt: skip
    for line in lines:
        action = f"{line['action']}, forced" if line["forced"] else line["action"]
        table.add_row(
            *(_text(cell) for cell in (line["on"], action, line["version"], line["previous"])),
            _text(line["reason"]),
        )
    return Group(heading(words.clean(name)), table if lines else Text("nothing was noted"))


def told(*lines: str) -> Table:
    """Plain lines, whole however long."""
    table = Table.grid()
    for line in lines:
        table.add_row(Text(words.clean(line), overflow="fold"))
    return table


def _text(value: object) -> str:
    return words.clean(value) or words.MISSING


def _count(value: int | None) -> str:
    return words.MISSING if value is None else f"{value:,}"
