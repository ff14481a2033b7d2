"""Which version was current when, by a model's journal and its pointer.

A move is noted before the pointer moves, and the pointer decides. A last line that the pointer does
not bear out is a move that was not completed, if the pointer is older than the line; else another
hand moved the pointer. Readers take either into account, and the next writer notes it.

Not here: moving it (``registry``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kidnaprisk.errors import ArtifactError
from kidnaprisk.lifecycle import journal
from kidnaprisk.lifecycle.artifact import POINTER, check_name, read_pointer

JOURNAL = "journal.jsonl"
PROMOTE, ROLLBACK, FOUND = "promote", "rollback", "found"
PRUNE, PIN, UNPIN = "prune", "pin", "unpin"
_MOVES = (PROMOTE, ROLLBACK, FOUND)
_PINS = (PIN, UNPIN)
_ACTIONS = (*_MOVES, PRUNE, *_PINS)
_NOT_COMPLETED = "the move before was not completed"
_BY_ANOTHER_HAND = "current was moved without the registry"

Line = dict[str, Any]


def history(home: Path) -> list[Line]:
    """The lines of a model's journal, oldest first.

    Raises
    ------
    ArtifactError
        If one of them is none of the registry's.
    """
    lines = journal.read(home / JOURNAL)
    for row, line in enumerate(lines, start=1):
        if not _is_line(line):
            raise ArtifactError(
                "a line of the journal is none of the registry's", file=home / JOURNAL, row=row,
                remedy="restore the file from a backup, or remove the line",
            )  # fmt: skip
    return lines


def note(home: Path, action: str, version: str, **told: Any) -> None:
    """Add a line to a model's journal."""
    now = dt.datetime.now(dt.UTC)
    line: Line = {
        "action": action,
        "version": version,
        "previous": read_pointer(home),
        "on": now.date().isoformat(),
        "instant": now.isoformat(timespec="microseconds"),
        "reason": "",
        "forced": False,
        "metrics": {},
    }
    journal.append(home / JOURNAL, line | told)


def note_found(home: Path, on: str) -> None:
    """Note what the pointer says, where the journal says otherwise; ``on`` if no day is known."""
    found = _found(home, [line for line in history(home) if line["action"] in _MOVES], on)
    if found is not None:
        note(home, FOUND, found["version"], on=found["on"], reason=found["reason"])


def moves(home: Path) -> list[Line]:
    """The moves of the pointer that were completed, oldest first."""
    noted = [line for line in history(home) if line["action"] in _MOVES]
    found = _found(home, noted, dt.datetime.now(dt.UTC).date().isoformat())
    completed: list[Line] = []
    for line in noted if found is None else [*noted, found]:
        if line["action"] == FOUND and line["reason"] == _NOT_COMPLETED:
            completed = completed[:-1]
        else:
            completed.append(line)
    return completed


def descent(home: Path) -> list[str]:
    """The versions that led to the current one, oldest first; those rolled back are left out."""
    line_of: list[str] = []
    for move in moves(home):
        version = move["version"]
        if version in line_of and move["action"] != PROMOTE:
            while line_of[-1] != version:
                line_of.pop()
        elif version not in line_of[-1:]:
            line_of.append(version)
    return line_of


def pinned(home: Path) -> set[str]:
    """The versions that were pinned last, and not unpinned."""
    last = {line["version"]: line["action"] for line in history(home) if line["action"] in _PINS}
    return {version for version, action in last.items() if action == PIN}


def _found(home: Path, noted: list[Line], on: str) -> Line | None:
    """What is to be noted of a pointer that the last move does not bear out."""
    pointed = read_pointer(home)
    if pointed is None or (noted and noted[-1]["version"] == pointed):
        return None
    found = {"action": FOUND, "version": pointed, "on": on, "reason": _BY_ANOTHER_HAND}
    if noted and noted[-1]["previous"] == pointed and noted[-1]["action"] != FOUND:
        moved = dt.datetime.fromtimestamp((home / POINTER).stat().st_mtime, dt.UTC)
        if moved < dt.datetime.fromisoformat(noted[-1]["instant"]):
            found |= {"on": noted[-1]["on"], "reason": _NOT_COMPLETED}
    return found | {"instant": dt.datetime.now(dt.UTC).isoformat(), "previous": None}


def _is_line(line: Mapping[str, Any]) -> bool:
    try:
        check_name(line["version"], "version")
        dt.date.fromisoformat(line["on"])
        instant = dt.datetime.fromisoformat(line["instant"])
    except (ArtifactError, KeyError, TypeError, ValueError):
        return False
    return (
        instant.tzinfo is not None
        and line["action"] in _ACTIONS
        and {"previous", "reason", "forced", "metrics"} <= line.keys()
    )
