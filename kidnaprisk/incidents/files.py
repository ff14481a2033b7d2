"""From a CSV file to text cells, whatever the columns, and however long the file.

It knows files and nothing of incidents. A file that is not what its name says, that cannot be
decoded or whose quotes do not match up is refused as a whole. `workbooks` does the same for Excel,
Parquet and GeoJSON.

CSV follows RFC 4180, cut by commas, semicolons or tabs, in UTF-8 with or without a byte order mark.
Sources that publish files in Windows' cp1252, with stray quotes or a last row cut off are read all
the same: their formats are not strict.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import IO, NamedTuple, cast

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.cells import (
    Cells,
    Record,
    Sheet,
    cells_of,
    header_of,
    is_blank,
    recognised,
)
from kidnaprisk.incidents.formats.tabled import Format

DELIMITERS = (",", ";", "\t")
_LONGEST_CELL = 1_000_000
_LONGEST_LINE = 4_000_000
# How Python is told to take bytes that are not UTF-8.
_OR_CP1252 = "kidnaprisk.or_cp1252"
_BLOCK = 1 << 20
# Rows looked at to find the delimiter, unused columns and, where there is no header, the format.
_ROWS_LOOKED_AT = 50
_FIRST_ROWS = 5
_FEWEST_NAMES = 3
# A cell of a note may have some lines; a quote that was never closed swallows the rest of the file.
_MOST_LINES = 60
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


class _Layout(NamedTuple):
    """How a file is written: ``names`` are those of its columns where it has no header."""

    form: Format
    delimiter: str
    names: tuple[str, ...] | None


def open_csv(path: Path, formats: Sequence[Format], *, named: bool, rows: int) -> Sheet:
    """Open a CSV file, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
    formats : sequence of Format
        Those it may be in.
    named : bool
        Whether the user named the format.
    rows : int
        Rows at a time.

    Raises
    ------
    IncidentError
        If the file is empty, is something other than CSV, cannot be decoded, or is of no known
        format; while its rows are taken, if its quotes do not match up.
    """
    text, fault = _checked(path)
    layout = _layout(text, formats, named=named)
    if fault is not None and layout.form.strict:
        raise fault
    errors = "strict" if fault is None else _OR_CP1252
    return Sheet(layout.form, _batches(path, layout, errors, rows))


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are not UTF-8 as cp1252: files put together from both are common."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252"), error.end


codecs.register_error(_OR_CP1252, _as_cp1252)


def _open(path: Path) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _checked(path: Path) -> tuple[str, IncidentError | None]:
    """The beginning of a file as text, and the error to raise if it is not in UTF-8."""
    start = b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    fault = None
    lines = 0
    try:
        with _open(path) as stream:
            while block := stream.read(_BLOCK):
                if not start:
                    start = block
                    _check_start(block)
                _check_no_nul(block, lines)
                if fault is None:
                    fault = _decoding_fault(decoder, block, lines, final=len(block) < _BLOCK)
                lines += block.count(b"\n")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise IncidentError(
            "not a whole gzip file", remedy="get it again, or name it .csv if it is not gzipped"
        ) from error
    if not start.strip():
        raise IncidentError("the file is empty", remedy="get it again")
    if fault is None:
        fault = _decoding_fault(decoder, b"", lines, final=True)
    text = start.decode("utf-8-sig", errors="replace") if fault is None else _cp1252(start, fault)
    return text, fault


def _cp1252(start: bytes, fault: IncidentError) -> str:
    try:
        return start.decode("utf-8-sig", errors=_OR_CP1252)
    except UnicodeDecodeError:
        raise fault from None


def _check_start(block: bytes) -> None:
    for magic, what, remedy in _MAGIC:
        if block.startswith(magic):
            raise IncidentError(f"the file is {what}, not CSV", remedy=remedy)
    head = block.removeprefix(b"\xef\xbb\xbf")[:200].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        raise IncidentError(
            "the file is a web page, not CSV", remedy="download the data, not the page about it"
        )
    if head.startswith((b"{", b"[")):
        raise IncidentError("the file is JSON, not CSV", remedy="name it .geojson if it is GeoJSON")


def _check_no_nul(block: bytes, lines: int) -> None:
    if b"\x00" in block:
        raise IncidentError(
            "the file holds NUL bytes, which no text has",
            row=lines + block[: block.index(b"\x00")].count(b"\n") + 1,
            remedy="it is damaged or in UTF-16; save it as CSV UTF-8",
        )


def _decoding_fault(
    decoder: codecs.IncrementalDecoder, block: bytes, lines: int, *, final: bool
) -> IncidentError | None:
    pending = decoder.getstate()[0]
    try:
        decoder.decode(block, final and not block)
    except UnicodeDecodeError as error:
        raw = pending + block
        return IncidentError(
            "the file is not in UTF-8",
            row=lines + raw[: error.start].count(b"\n") + 1,
            value=raw[max(error.start - 12, 0) : error.start + 8],
            remedy="save it as CSV UTF-8; spreadsheets on Windows often write cp1252",
        )
    return None


def _layout(text: str, formats: Sequence[Format], *, named: bool) -> _Layout:
    tried = [(delimiter, _first_records(text, delimiter)) for delimiter in DELIMITERS]
    for delimiter, records in tried:
        header = [name.strip() for name in records[0]]
        if any(form.recognises(header) for form in formats):
            return _Layout(recognised(header, formats, named=named), delimiter, None)
    for delimiter, records in tried:
        for record in records[:_FIRST_ROWS]:
            for form in formats:
                names = form.headerless(record)
                if names is not None and not _is_header_of(records[0], names):
                    return _Layout(form, delimiter, names)
    # As many columns as can be had: what is wrong with them is for the format to say.
    delimiter, records = max(tried, key=lambda one: len(one[1][0]))
    return _Layout(recognised(records[0], formats, named=named), delimiter, None)


def _is_header_of(record: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a record is the header after all, some names of which are not as they should be."""
    return len({name.strip() for name in record} & set(names)) >= _FEWEST_NAMES


def _first_records(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    filled = (record for record in reader if not is_blank(record))
    try:
        return list(islice(filled, _ROWS_LOOKED_AT)) or [[""]]
    except csv.Error:
        # Not this delimiter, or quotes that do not match up, which the reading itself tells better.
        return [next(iter(text.splitlines()), "").split(delimiter)]


def _batches(path: Path, layout: _Layout, errors: str, rows: int) -> Iterator[Cells]:
    with closing(_records(path, layout, errors)) as records:
        filled = ((number, record) for number, record in records if not is_blank(record))
        if layout.names is None:
            number, top = next(filled, (0, []))
            if not top:
                raise IncidentError("the file is empty", remedy="get it again")
            looked_at = list(islice(records, _ROWS_LOOKED_AT))
            header, oddities = header_of(top, number, looked_at)
        else:
            looked_at, header, oddities = [], layout.names, ()
        notes: tuple[str, ...] = ()
        if errors == _OR_CP1252:
            notes += ("not all of the file is in UTF-8; what is not was read as cp1252",)
        if layout.names is not None:
            notes += (f"the file has no header; its columns were taken for {layout.form.name}'s",)
        for cells in cells_of(chain(looked_at, records), layout.form, header, oddities, rows):
            yield replace(cells, notes=(*notes, *cells.notes))


def _records(path: Path, layout: _Layout, errors: str) -> Generator[Record, None, None]:
    """Every record of a file with its row number, blank ones included."""
    limit = csv.field_size_limit(_LONGEST_CELL)
    number = 0
    try:
        with (
            _open(path) as binary,
            io.TextIOWrapper(binary, encoding="utf-8-sig", errors=errors, newline="") as stream,
        ):
            lines = _Lines(stream)
            # Event files cut by tabs, without a header, know no quotes either.
            bare = layout.names is not None and layout.delimiter == "\t"
            reader = csv.reader(
                lines,
                delimiter=layout.delimiter,
                strict=layout.form.strict,
                quoting=csv.QUOTE_NONE if bare else csv.QUOTE_MINIMAL,
            )
            before = 0
            width = len(layout.names) if layout.names else 0
            for number, record in enumerate(reader, 1):
                width = width or len(record)
                swallowed = reader.line_num - before > _MOST_LINES and len(record) != width
                if swallowed or (layout.form.strict and _is_cut(record, width, lines.last)):
                    raise _unreadable(record, width, number, swallowed=swallowed)
                before = reader.line_num
                yield number, record
    except csv.Error as error:
        raise IncidentError(
            f"the quotes of the file do not match up ({error})",
            row=number + 1,
            remedy='close every quoted cell, double the quotes inside ("")',
        ) from error
    except UnicodeDecodeError as error:
        raise IncidentError(
            "the file is neither in UTF-8 nor in cp1252", row=number + 1, remedy="save it as UTF-8"
        ) from error
    finally:
        csv.field_size_limit(limit)


class _Lines:
    """The lines of a stream, and the last one given: how it ends tells a row that was cut off."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        # A small compressed file can hold one line that no memory does.
        self.last = self._stream.readline(_LONGEST_LINE)
        if len(self.last) >= _LONGEST_LINE:
            raise IncidentError(
                f"a line of over {_LONGEST_LINE:,} letters, which is no row of a table",
                remedy="it is damaged, or no CSV; get it again",
            )
        if not self.last:
            raise StopIteration
        return self.last


def _is_cut(record: Sequence[str], width: int, line: str) -> bool:
    return 0 < len(record) < width and not line.endswith(("\r", "\n"))


def _unreadable(
    record: Sequence[str], width: int, number: int, *, swallowed: bool
) -> IncidentError:
    if swallowed:
        return IncidentError(
            "the quotes of the file do not match up: a cell runs over many rows",
            row=number,
            remedy='close every quoted cell, double the quotes inside ("")',
        )
    return IncidentError(
        f"the file ends in the middle of a row: {len(record)} of {width} cells",
        row=number,
        remedy="it was cut off; get it again, or delete that row",
    )
