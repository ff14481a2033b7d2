"""JSON answers of an API to CSV pages that the readers read.

Numbers are kept as the very text the server sent, empty stays empty. A page that is not JSON, or
not of the form asked for, is `Unsound`: never an empty page.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kidnaprisk.errors import FeedError
from kidnaprisk.incidents.feeds.errors import Unsound

Row = Mapping[str, str]
Envelope = Mapping[str, Any]

_LONGEST_CELL = 10_000_000


def read_envelope(body: bytes) -> Envelope:
    """A JSON object; numbers in it stay text.

    Examples
    --------
    >>> read_envelope(b'{"count": 2, "latitude": 14.10}')
    {'count': '2', 'latitude': '14.10'}
    """
    try:
        answer = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        if body.lstrip()[:200].lower().startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
            raise Unsound("the server answered with a web page instead of data") from None
        raise Unsound("the answer is cut off, or is not JSON") from None
    if not isinstance(answer, dict):
        raise Unsound("the answer is not a JSON object")
    return answer


def read_rows(envelope: Envelope, field: str, key: str) -> list[Row]:
    """The records under a field, each with its id under ``key``, every id once."""
    records = envelope.get(field)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Unsound(f"the answer has no list of records under {field!r}")
    rows: list[Row] = [{name: _cell(value) for name, value in record.items()} for record in records]
    ids = [row.get(key, "") for row in rows]
    if not all(ids):
        raise Unsound(f"a record of the answer has no {key}")
    if len(set(ids)) < len(ids):
        raise Unsound("the answer holds a record twice")
    return rows


def whole_number(envelope: Envelope, field: str) -> int | None:
    """A count of the envelope, None where it is not given."""
    value = envelope.get(field)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise Unsound(f"{field!r} of the answer is not a count")


def csv_page(rows: Sequence[Row]) -> bytes:
    r"""Rows as CSV in UTF-8, columns in the order in which they first appear.

    Examples
    --------
    >>> csv_page([{"id": "1", "notes": "a, b"}, {"id": "2", "tags": "x"}])
    b'"id","notes","tags"\n"1","a, b",""\n"2","","x"\n'
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    # All in quotes: the csv module leaves a cell with a lone carriage return without them, and a
    # reader then takes it for two rows.
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    # A lone surrogate is valid in JSON and nowhere else.
    return out.getvalue().encode("utf-8", "replace")


def ids_of(path: Path, key: str) -> Iterator[str]:
    """The ids of a page on disk."""
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                yield row[key]
    except (OSError, ValueError, csv.Error, KeyError) as error:
        raise FeedError(
            "a page of the fetch cannot be read back", file=path, remedy="empty the folder"
        ) from error
    finally:
        csv.field_size_limit(limit)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # No reader takes a NUL in a text file.
    return text.replace("\0", "")
