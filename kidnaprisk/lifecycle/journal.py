"""Append-only records, one line of JSON each: what was published when, what runs did, how it went.

A line is written in one piece and brought down to the disk. What a killed writer left unfinished at
the end is not read, and is cut off before the next line. Any other damage is an error: a record
that can lose lines in silence is none.

Not for many writers at once: they take turns by a lock of their own.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from kidnaprisk.errors import ArtifactError
from kidnaprisk.lifecycle.aside import sync_folder, told_as_artifact

_BLOCK = 65_536


def append(path: str | Path, record: Mapping[str, Any]) -> None:
    """Add a record.

    Parameters
    ----------
    path : path
        Made, with its folder, if it is not there.
    record : mapping
        Text, finite numbers, True, False, None, and lists and dicts of them.

    Raises
    ------
    ArtifactError
        If it cannot be written. What was there stays as it was.
    TypeError, ValueError
        If JSON cannot hold the record.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     append(Path(folder) / "runs.jsonl", {"run": 1})
    ...     append(Path(folder) / "runs.jsonl", {"run": 2})
    ...     read(Path(folder) / "runs.jsonl")
    [{'run': 1}, {'run': 2}]
    """
    target = Path(path)
    line = json.dumps(dict(record), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with told_as_artifact("the record", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        new = not target.exists()
        with target.open("ab+", buffering=0) as stream:
            whole = _cut_torn_end(stream)
            try:
                if stream.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(whole)
                raise
        if new:
            sync_folder(target.parent)


def read(path: str | Path) -> list[dict[str, Any]]:
    """All records, oldest first; none if there is no file.

    Raises
    ------
    ArtifactError
        If the file cannot be read, or a line but an unfinished last one is no record.
    """
    target = Path(path)
    try:
        content = target.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ArtifactError(
            f"the record cannot be read: {error.strerror}", file=target,
            remedy="check the file's permissions",
        ) from None  # fmt: skip
    *lines, end = content.split(b"\n")
    records = []
    for row, line in enumerate(lines, start=1):
        found = _record(line)
        if found is None:
            raise ArtifactError(
                "a line is no record", file=target, row=row,
                remedy="restore the file from a backup, or remove the line and note that you did",
            )  # fmt: skip
        records.append(found)
    last = _record(end)
    return records if last is None else [*records, last]


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _cut_torn_end(stream: FileIO) -> int:
    """Leave the file at the end of a line; return its length."""
    length = stream.seek(0, os.SEEK_END)
    begin, end = length, b""
    while begin > 0 and b"\n" not in end:
        begin = max(0, begin - _BLOCK)
        stream.seek(begin)
        end = stream.read(length - begin)
    torn = end.rpartition(b"\n")[2]
    if torn and _record(torn) is not None:
        # Whole, but for its end of line: as an editor may leave it.
        stream.write(b"\n")
        return length + 1
    if torn:
        stream.truncate(length - len(torn))
    return length - len(torn)
