"""What an operation on a store did, in numbers."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class ImportSummary:
    """What one import brought.

    ``rows_in`` = ``added`` + ``revised`` + ``unchanged`` + ``rejected``. ``deleted`` counts rows
    withdrawn because a complete file lacks them. ``reasons`` counts the rejected rows by reason;
    ``file`` is the file's base name and ``sha256`` its digest, where there was a file.
    """

    import_id: int
    day: dt.date
    sources: tuple[str, ...]
    file: str | None
    sha256: str | None
    format: str | None
    rows_in: int
    added: int
    revised: int
    unchanged: int
    deleted: int
    rejected: int
    reasons: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON-able values."""
        return {**asdict(self), "day": self.day.isoformat(), "sources": list(self.sources)}


@dataclass(frozen=True)
class MergeSummary:
    """What one merge found.

    ``rows`` incidents of all sources make up ``events``; ``linked`` of the rows share their event
    with another one. ``added``, ``revised`` and ``deleted`` count the links (one a row) that this
    merge changed; ``unchanged`` those that stood.
    """

    import_id: int
    day: dt.date
    rows: int
    events: int
    linked: int
    added: int
    revised: int
    unchanged: int
    deleted: int

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON-able values."""
        return {**asdict(self), "day": self.day.isoformat()}


@dataclass(frozen=True)
class StoreStatus:
    """What a store holds now, and how it came to.

    ``sources`` has one row a source: ``source, rows, kidnappings, first, last`` (days of the
    incidents held now), ``deleted`` (incidents it once held), ``last_import`` (day). ``imports``
    has one row for everything ever committed, oldest first: ``id, action`` (import, delete, merge
    or declare), ``day, instant, sources`` (joined by ``;``), ``file, sha256, format, rows_in,
    added, revised, unchanged, deleted, rejected, reasons`` (a dict). ``last_merge`` is the day of
    the last merge, or None.
    """

    sources: pd.DataFrame
    imports: pd.DataFrame
    last_merge: dt.date | None

    def to_dict(self) -> dict[str, Any]:
        """The status as JSON-able values, the tables as lists of rows."""
        return {
            "sources": _rows(self.sources),
            "imports": _rows(self.imports),
            "last_merge": None if self.last_merge is None else self.last_merge.isoformat(),
        }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if value.tzinfo is None else value.isoformat()
    return None if pd.isna(value) else value
