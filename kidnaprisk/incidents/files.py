"""From a CSV file to text cells, whatever the columns.

It knows files and nothing of incidents: every cell comes out as text, every row with the number a
spreadsheet shows, so that `formats` and `parse` see one shape. A file that is not what its name
says, that is cut off, or that cannot be decoded is refused as a whole; a row of the wrong width is
handed on as a fault of that row. `workbooks` does the same for Excel, Parquet and GeoJSON.

CSV follows RFC 4180, in UTF-8 with or without a byte order mark, cut by commas, semicolons or tabs.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.parse import Fault, Texts, cell_text

DELIMITERS = (",", ";", "\t")
_LONGEST_CELL = 1_000_000
_MAGIC = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or name it .xlsx"),
    (b"\x1f\x8b", "gzipped", "name it .csv.gz"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save it as .xlsx or as CSV UTF-8"),
    (b"%PDF", "a PDF document", "export the table as CSV UTF-8"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV UTF-8"),
    (b"\xff\xfe", "in UTF-16", "save it as CSV UTF-8"),
    (b"\xfe\xff", "in UTF-16", "save it as CSV UTF-8"),
)


@dataclass(frozen=True)
class Cells:
    """A file as text.

    ``header`` m column names; ``rows`` n rows of m cells, None where empty; ``numbers`` (n,) row
    numbers as a spreadsheet shows them; ``faults`` rows of the wrong width; ``spare`` what stood
    beyond the last column, by position; ``notes`` what a reader should know; ``coverage`` what
    the file itself says of it, unchecked; ``oddities`` errors that a strict format raises and a
    lenient one lives with: columns without a name or of the same name (they are given one), a last
    row cut off.
    """

    header: tuple[str, ...]
    rows: list[Texts]
    numbers: list[int]
    faults: tuple[Fault, ...] = ()
    spare: dict[int, Texts] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    coverage: object = None
    oddities: tuple[IncidentError, ...] = ()

    def frame(self) -> pd.DataFrame:
        """The cells as a DataFrame of n rows by m columns."""
        columns = zip(*self.rows, strict=True) if self.rows else [[] for _ in self.header]
        return pd.DataFrame(
            {
                name: pd.Series(list(cells), dtype="object")
                for name, cells in zip(self.header, columns, strict=True)
            }
        )

    def original(self, position: int) -> dict[str, str | list[str | None] | None]:
        """One row as it stood in the file, empty cells left out."""
        row: dict[str, str | list[str | None] | None] = {
            name: cell
            for name, cell in zip(self.header, self.rows[position], strict=True)
            if cell is not None
        }
        if position in self.spare:
            row["beyond the last column"] = self.spare[position]
        return row


def read_csv_cells(path: Path, fits: Callable[[Sequence[str]], bool]) -> Cells:
    """The cells of a CSV file, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
    fits : callable
        Whether a header is one of a known format: decides between comma, semicolon and tab.

    Raises
    ------
    IncidentError
        If the file is empty, is something other than CSV, or cannot be decoded.
    """
    text = _decoded(_raw_bytes(path))
    delimiter = _delimiter(text, fits)
    records = _records(text, delimiter)
    cells = cells_from(records)
    width, last = len(cells.header), len(records[-1])
    if not (cells.rows and 0 < last < width and text[-1] not in "\r\n"):
        return cells
    cut = IncidentError(
        f"the file ends in the middle of a row: {last} of {width} cells",
        row=len(records),
        remedy="it was cut off; get it again, or delete that row",
    )
    return dataclasses.replace(cells, oddities=(*cells.oddities, cut))


def _raw_bytes(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.name.lower().endswith(".gz"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise IncidentError(
                "not a whole gzip file", remedy="get it again, or name it .csv if it is not gzipped"
            ) from error
    return raw


def _decoded(raw: bytes) -> str:
    if not raw.strip():
        raise IncidentError("the file is empty", remedy="get it again")
    for magic, what, remedy in _MAGIC:
        if raw.startswith(magic):
            raise IncidentError(f"the file is {what}, not CSV", remedy=remedy)
    head = raw.removeprefix(b"\xef\xbb\xbf")[:200].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        raise IncidentError(
            "the file is a web page, not CSV", remedy="download the data, not the page about it"
        )
    if head.startswith((b"{", b"[")):
        raise IncidentError("the file is JSON, not CSV", remedy="name it .geojson if it is GeoJSON")
    if b"\x00" in raw:
        raise IncidentError(
            "the file holds NUL bytes, which no text has",
            row=raw[: raw.index(b"\x00")].count(b"\n") + 1,
            remedy="it is damaged or in UTF-16; save it as CSV UTF-8",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IncidentError(
            "the file is not in UTF-8",
            row=raw[: error.start].count(b"\n") + 1,
            value=raw[max(error.start - 12, 0) : error.start + 8],
            remedy="save it as CSV UTF-8; spreadsheets on Windows often write cp1252",
        ) from error


def _delimiter(text: str, fits: Callable[[Sequence[str]], bool]) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in DELIMITERS:
        if fits([name.strip().strip('"') for name in line.split(delimiter)]):
            return delimiter
    return max(DELIMITERS, key=line.count)


def _records(text: str, delimiter: str) -> list[list[str]]:
    limit = csv.field_size_limit(_LONGEST_CELL)
    records: list[list[str]] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for record in reader:
            records.append(record)  # noqa: PERF402 - what came before an error gives its row
    except csv.Error as error:
        raise IncidentError(
            f"the quotes of the file do not match up ({error})",
            row=len(records) + 1,
            remedy='close every quoted cell, double the quotes inside ("")',
        ) from error
    finally:
        csv.field_size_limit(limit)
    return records


def cells_from(records: Sequence[Sequence[str | None]]) -> Cells:
    """Cells from records of which the first that is not blank is the header.

    Parameters
    ----------
    records : sequence of sequences of str or None
        Every row of a sheet or file, blank ones included.

    Raises
    ------
    IncidentError
        If there is no row at all.
    """
    filled = [(number, record) for number, record in enumerate(records, 1) if not _is_blank(record)]
    if not filled:
        raise IncidentError("the file is empty", remedy="get it again")
    start, top = filled.pop(0)
    header, oddities = _header([cell_text(name) for name in top], filled, start)
    width = len(header)
    rows: list[Texts] = []
    spare: dict[int, Texts] = {}
    uneven = np.zeros(len(filled), dtype=np.bool_)
    widths = np.full(len(filled), "", dtype=np.object_)
    for position, (_, record) in enumerate(filled):
        row = [cell or None for cell in record]
        if len(row) < width or not _is_blank(row[width:]):
            uneven[position] = True
            widths[position] = f": {len(row)} where the header has {width}"
            if len(row) > width:
                spare[position] = row[width:]
        rows.append(row[:width] + [None] * (width - len(row)))
    fault = Fault(
        uneven,
        header[0],
        "the row has another number of cells than the header",
        "put cells that hold the delimiter in quotes; give every row every cell",
        widths,
    )
    blank = len(records) - start - len(filled)
    return Cells(
        header=header,
        rows=rows,
        numbers=[number for number, _ in filled],
        faults=(fault,),
        spare=spare,
        notes=(f"blank rows passed over: {blank}",) if blank else (),
        oddities=oddities,
    )


def _is_blank(record: Sequence[str | None]) -> bool:
    return not any(cell and not cell.isspace() for cell in record)


def _header(
    cells: Texts, rows: Sequence[tuple[int, Sequence[str | None]]], number: int
) -> tuple[tuple[str, ...], tuple[IncidentError, ...]]:
    given = list(cells)
    # Spreadsheets write empty columns to the right of the last used one.
    while given[-1] is None and all(_is_blank(row[len(given) - 1 :]) for _, row in rows):
        given.pop()
    names: list[str] = []
    oddities = []
    for position, name in enumerate(given, 1):
        if name is None:
            remedy = "name it or remove it (from pandas: to_csv(index=False))"
            oddities.append(
                IncidentError(f"column {position} has no name", row=number, remedy=remedy)
            )
        elif name in names:
            remedy = "keep one of them"
            oddities.append(
                IncidentError("a column name is used twice", row=number, column=name, remedy=remedy)
            )
        names.append(f"{name or 'column'} {position}" if name in (None, *names) else str(name))
    return tuple(names), tuple(oddities)
