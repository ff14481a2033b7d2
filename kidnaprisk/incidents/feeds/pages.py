"""The folder a fetch fills: pages of raw records, and a record of how far it has come.

A page is written aside and renamed, and only then entered in the record of the fetch,
``<source>.fetch.jsonl``: a first line that names the question asked, then a line for each page with
its SHA-256. Killed at any instant, the folder holds whole pages; the next call goes on after the
last one that is on record and still as it was written, so that even a page lost to a power cut is
only asked for again. Another question wants another folder. No credential is in it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple, Self

from kidnaprisk.errors import FeedError

_FORM = 1
_ANOTHER = "give each fetch a folder of its own, or empty this one"

Query = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Fetched:
    """What a fetch brought.

    Parameters
    ----------
    files : tuple of Path
        Files of records, in order, to be imported in this order; nothing else is to be imported.
    rows : int
        Records in them.
    complete : bool
        True only if the source said that this is all it has for the question, and withheld nothing.
        Where it is False, the absence of a record means nothing.
    deleted_ids : tuple of str
        Ids the source has deleted since ``updated_since``; ACLED only.
    started : datetime
        When the first page was asked for (UTC): the next fetch's ``updated_since``.
    notes : tuple of str
        What a reader should know, such as what was withheld.
    """

    files: tuple[Path, ...]
    rows: int
    complete: bool
    deleted_ids: tuple[str, ...]
    started: dt.datetime
    notes: tuple[str, ...] = ()


class Page(NamedTuple):
    """One file: its name, rows, SHA-256, and a mark of the source's (GDELT: its MD5)."""

    file: str
    rows: int
    sha256: str
    mark: str = ""


@dataclass
class Pages:
    """The pages of one fetch, on disk.

    Parameters
    ----------
    folder : Path
    source : str
        Names the record and the pages.
    query : mapping
        What was asked, credentials aside.
    started : datetime
    entries : list of Page
    total : int, optional
        Rows the source announced, where it does.
    finished : bool
        Whether the source said that there are no more.
    facts : dict
        What else the source said that bears on completeness.
    """

    folder: Path
    source: str
    query: Query
    started: dt.datetime
    entries: list[Page] = field(default_factory=list)
    total: int | None = None
    finished: bool = False
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: str | PathLike[str], source: str, query: Query) -> Self:
        """The pages of this question in a folder, made if need be.

        Pages that are no longer as they were written, and those after them, are asked for again.

        Raises
        ------
        FeedError
            If the folder holds another fetch, or cannot be used.
        """
        path = Path(fspath(folder))
        try:
            path.mkdir(parents=True, exist_ok=True)
            state = path / _record_of(source)
            if state.exists():
                pages = cls(path, source, query, **_restored(state, query))
                pages.entries = pages._intact()
                if not pages.finished:
                    # Without a line that was cut off, before the next is put after it.
                    pages.save()
                return pages
            stray = next(iter(sorted(path.glob(f"{source}-*"))), None)
        except FeedError:
            raise
        except OSError as error:
            raise _unusable(path, error) from error
        if stray is not None:
            raise FeedError(
                "the folder holds a file that no fetch has on record", file=stray, remedy=_ANOTHER
            )
        pages = cls(path, source, query, dt.datetime.now(dt.UTC).replace(microsecond=0))
        pages.save()
        return pages

    @property
    def rows(self) -> int:
        """Rows in all pages."""
        return sum(page.rows for page in self.entries)

    @property
    def files(self) -> tuple[Path, ...]:
        """Pages that hold rows, in order."""
        return tuple(self.folder / page.file for page in self.entries if page.rows)

    def add(self, file: str, content: bytes, rows: int, mark: str = "") -> None:
        """Put a page on disk and on record."""
        self._write(file, content)
        page = Page(file, rows, hashlib.sha256(content).hexdigest(), mark)
        self.entries.append(page)
        line = {"page": page, "total": self.total, "facts": self.facts}
        try:
            with (self.folder / _record_of(self.source)).open("ab") as stream:
                stream.write(_line(line))
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def restart(self) -> None:
        """Forget every page: the listing they are from is no more."""
        self.entries, self.total, self.finished = [], None, False
        self.facts.clear()
        self.started = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self.save()

    def finish(self) -> None:
        """Put on record that there are no more, and clear away what is on none."""
        known = {page.file for page in self.entries}
        try:
            for pattern in (f"{self.source}-[0-9]*", f".{self.source}[-.]*.part"):
                for path in self.folder.glob(pattern):
                    if path.name not in known:
                        path.unlink()
        except OSError as error:
            raise _unusable(self.folder, error) from error
        self.finished = True
        self.save()

    def save(self) -> None:
        """Write the record anew."""
        head = {
            "form": _FORM,
            "query": self.query,
            "started": self.started.isoformat(),
            "total": self.total,
            "finished": self.finished,
            "facts": self.facts,
            "pages": len(self.entries),
        }
        lines = [_line(head), *(_line({"page": page}) for page in self.entries)]
        self._write(_record_of(self.source), b"".join(lines), flushed=True)

    def _write(self, file: str, content: bytes, *, flushed: bool = False) -> None:
        aside = self.folder / f".{file}.{os.getpid()}.part"
        try:
            with aside.open("wb") as stream:
                stream.write(content)
                if flushed:
                    stream.flush()
                    os.fsync(stream.fileno())
            aside.replace(self.folder / file)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        finally:
            aside.unlink(missing_ok=True)

    def _intact(self) -> list[Page]:
        for position, page in enumerate(self.entries):
            path = self.folder / page.file
            if not path.is_file() or _sha256(path) != page.sha256:
                self.finished = False
                return self.entries[:position]
        return self.entries


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _record_of(source: str) -> str:
    return f"{source}.fetch.jsonl"


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _restored(state: Path, query: Query) -> dict[str, Any]:
    first, *others = state.read_bytes().split(b"\n")
    try:
        head: dict[str, Any] = json.loads(first)
        if head.pop("form") != _FORM:
            raise ValueError
        asked, pages = head.pop("query"), head.pop("pages")
        head["started"] = dt.datetime.fromisoformat(head["started"])
        head["entries"] = []
        head["facts"] = dict(head["facts"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FeedError("the record of the fetch is damaged", file=state, remedy=_ANOTHER) from None
    if asked != dict(query):
        changed = next(name for name in (*query, *asked) if query.get(name) != asked.get(name))
        raise FeedError(
            "the folder holds a fetch of something else", file=state, column=changed,
            value=asked.get(changed), remedy=_ANOTHER,
        )  # fmt: skip
    # A line cut off by a kill, and what follows one that a power cut spoilt, is asked for again.
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        for line in others[:-1]:
            entry = json.loads(line)
            head["entries"].append(Page(*entry["page"]))
            head["total"] = entry.get("total", head["total"])
            head["facts"].update(entry.get("facts", {}))
    head["finished"] = head["finished"] is True and len(head["entries"]) == pages
    return head


def _unusable(folder: Path, error: OSError) -> FeedError:
    return FeedError(
        f"the folder cannot be used: {error.strerror or error}", file=folder,
        remedy="check the path, its rights and the space on the disk",
    )  # fmt: skip
