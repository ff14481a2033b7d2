"""Seeded ways of damaging the small invented files of every format.

`damaged` makes one file from a name and a number, always the same one: first the table is changed
(cells, columns, rows, header), then it is written as CSV, TSV, gzip, Excel, Parquet or GeoJSON,
then its bytes are changed. Every row is invented: see `invented`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from tests.incidents.invented import SEEDS, Cell, Grid

CONTAINERS = ("csv", "csv", "csv", "csv.gz", "tsv", "xlsx", "parquet", "geojson")

_TAGS = ("#event+id", "#date+start", "#adm1+name", "#geo+lat", "#geo+lon")

_NASTY: tuple[Cell, ...] = (
    "", " ", "\u00a0", "0", "-0", "1", "2.0", "-9", "-99", "-999", "1e999", "-1e999", "1e308",
    "nan", "NaN", "inf", "-inf", "Infinity", "NA", "N/A", "#N/A", "#NAME?", "null", "None", "NaT",
    "true", "9" * 30, "9" * 400, "9" * 5000, "18446744073709551616", "0.1" + "0" * 400 + "1",
    "1_000", "1,5", "1.234.567", "0x10", "+", "-", ".", "e", "1e5", "²", "٣",
    "\uff11\uff14.\uff11", "Ⅷ", "½", "=1+1", '=HYPERLINK("http://example.org")', "@SUM(A1)", '"',
    '""', "';--", "a;b", "a,b\nc", "\u202edlrow", "\u0000", "\u001f", "\u2028", "\ufeff", "\ud800",
    "\U0010ffff", "é", "Ã©", "NE", "NG", "Niger", "Nigeria", "NER", "562", "GB", "UK", "Atlantis",
    "NA;NE", ";", "MA;;NE", "kidnapping", "Kidnapping", "6", "181", "18", "Battles", "(7)", "(9)",
    "#geo+lat", "90", "91", "-90.0001", "180", "-180", "181.5", "14.1", "0.3",
    "0.30000000000000004", "2020-12-03", "2020-02-30", "0000-00-00", "2020-13-01", "1899-12-31",
    "2101-01-01", "9999-12-31", "10000-01-01", "20201203", "03/12/2020", "12/03/2020",
    "31/12/2020", "12/31/2020", "31-12-20", "05-06-13", "3 Dec 2020", "December 3, 2020",
    "32 Mai 2020", "2020-12-03T10:00:00+01:00", "2020-12-03 00:00:00", "44168", "1611000000",
    "99999999999", "١٢/٠٣/٢٠٢٠", "May 4-7, 2020", "https://example.org/x;y", "data:text/html,x",
    "x" * 3000, -9, 0, 1e999, float("nan"), True, 2**63, 2**70, -1.5, 0.1, None,
    pd.Timestamp("2020-12-03"), pd.Timestamp("2020-12-03 10:11"), pd.Timestamp("1677-09-22"),
)  # fmt: skip
_TOKENS = (
    b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\xe9", b"\x81", b"\x9d", b"\xc3\xa9", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"'",
    b"<", b"&", b"{", b"]", b"\\", b"-", b"e", b"9" * 40, b"PK\x03\x04", b"\x1a", b" ", b"#",
)  # fmt: skip


def damaged(name: str, number: int, folder: Path) -> Path:
    """The file of one number: written into the folder, always with the same bytes."""
    rng = random.Random(f"{name}/{number}")
    container = rng.choice(CONTAINERS)
    grid = [list(row) for row in SEEDS[name]]
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
        rng.choice(_CHANGES)(grid, rng)
    grid = grid or [[""]]
    if container in {"xlsx", "parquet"} and rng.random() < 0.5:
        grid = [grid[0], *([_typed(cell) for cell in row] for row in grid[1:])]
    content = written(grid, container, rng)
    if rng.random() < 0.35:
        content = _in_xlsx(content, rng) if container == "xlsx" else _bytes(content, rng)
    if container == "csv.gz":
        content = gzip.compress(content, mtime=0)
        if rng.random() < 0.2:
            content = _bytes(content, rng)
    path = folder / f"{name}_{number}.{container}"
    path.write_bytes(content)
    return path


def _at(things: list, rng: random.Random) -> int:
    return rng.randrange(len(things)) if things else 0


def _some_row(grid: Grid, rng: random.Random) -> list[Cell]:
    return grid[_at(grid, rng)] if grid else []


def _put(grid: Grid, rng: random.Random) -> None:
    row = _some_row(grid[1:] if rng.random() < 0.9 else grid, rng)
    if row:
        row[_at(row, rng)] = "y" * 1_000_001 if rng.random() < 0.002 else rng.choice(_NASTY)


def _put_column(grid: Grid, rng: random.Random) -> None:
    at = _at(grid[0], rng) if grid else 0
    value = rng.choice(_NASTY)
    for row in grid[1:]:
        if at < len(row):
            row[at] = value if rng.random() < 0.8 else rng.choice(_NASTY)


def _exchange_cells(grid: Grid, rng: random.Random) -> None:
    row = _some_row(grid, rng)
    if row:
        one, other = _at(row, rng), _at(row, rng)
        row[one], row[other] = row[other], row[one]


def _exchange_columns(grid: Grid, rng: random.Random) -> None:
    one, other = (_at(grid[0] if grid else [], rng) for _ in range(2))
    with_header = rng.random() < 0.5
    for row in grid[0 if with_header else 1 :]:
        if max(one, other) < len(row):
            row[one], row[other] = row[other], row[one]


def _drop_column(grid: Grid, rng: random.Random) -> None:
    at = _at(grid[0] if grid else [], rng)
    for row in grid:
        del row[at : at + 1]


def _double_column(grid: Grid, rng: random.Random) -> None:
    at = _at(grid[0] if grid else [], rng)
    to = _at(grid[0] if grid else [], rng)
    for position, row in enumerate(grid):
        cell = row[at] if at < len(row) else ""
        other = str(cell).swapcase() if position == 0 and rng.random() < 0.5 else cell
        row.insert(to, other)


def _shift(grid: Grid, rng: random.Random) -> None:
    row = _some_row(grid, rng)
    at = _at(row, rng)
    if rng.random() < 0.5:
        row.insert(at, rng.choice(_NASTY))
        if rng.random() < 0.5:
            row.pop()
    elif row:
        row.pop(at)
        if rng.random() < 0.5:
            row.append("")


def _drop_row(grid: Grid, rng: random.Random) -> None:
    del grid[_at(grid, rng) : _at(grid, rng) + rng.choice((1, 1, 9))]


def _double_row(grid: Grid, rng: random.Random) -> None:
    row = list(_some_row(grid, rng))
    for _ in range(rng.choice((1, 1, 4))):
        grid.insert(_at(grid, rng), list(row))


def _blank_row(grid: Grid, rng: random.Random) -> None:
    grid.insert(_at(grid, rng), [rng.choice(("", " "))] * rng.choice((0, 1, 5, 200)))


def _tag_row(grid: Grid, rng: random.Random) -> None:
    grid.insert(rng.choice((1, 1, 1, 0, 2)), [rng.choice(_TAGS) for _ in _some_row(grid, rng)])


_CHANGES = (
    _put, _put, _put, _put, _put, _put_column, _put_column, _exchange_cells, _exchange_columns,
    _drop_column, _double_column, _shift, _shift, _drop_row, _double_row, _blank_row, _tag_row,
)  # fmt: skip


def _typed(cell: Cell) -> Cell:
    """Text as the number or the day it shows, as spreadsheets have it."""
    if isinstance(cell, str) and len(cell) == 10 and cell[4:5] == "-":
        day = pd.to_datetime(cell, errors="coerce")
        return cell if day is pd.NaT else day
    return _number(cell) if isinstance(cell, str) else cell


def _number(text: str) -> Cell:
    try:
        return float(text) if "." in text else int(text[:20])
    except ValueError:
        return text


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell)


def written(grid: Grid, container: str, rng: random.Random | None = None) -> bytes:
    """A table as a file of one kind; without a source of chance in the plainest way."""
    if container == "xlsx":
        return _excel(grid, rng)
    if container == "parquet":
        return _parquet(grid)
    if container == "geojson":
        return _geojson(grid, rng)
    out = io.StringIO(newline="")
    delimiter = "\t" if container == "tsv" else rng.choice(",,,,;\t") if rng else ","
    end = rng.choice(("\n", "\r\n")) if rng else "\n"
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(
        [_text(cell) for cell in row] for row in grid
    )
    encodings = ("utf-8", "utf-8-sig", "cp1252", "utf-16")
    encoding = rng.choices(encodings, (80, 8, 10, 2))[0] if rng else "utf-8"
    errors = "surrogatepass" if encoding.startswith("utf") else "replace"
    content = out.getvalue().encode(encoding, errors=errors)
    return gzip.compress(content, mtime=0) if container == "csv.gz" and rng is None else content


def _excel(grid: Grid, rng: random.Random | None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    if rng and rng.random() < 0.1:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    if rng and rng.random() < 0.2:
        sheet.append(["Read me"])
        sheet = book.create_sheet("Data")
    for row in grid:
        sheet.append([_for_excel(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _for_excel(cell: Cell) -> Cell:
    if isinstance(cell, str):
        plain = ILLEGAL_CHARACTERS_RE.sub("", cell)
        return plain.encode("utf-8", errors="ignore").decode()[:32_000]
    if isinstance(cell, pd.Timestamp):
        return cell.to_pydatetime() if cell.year > 1904 else None
    return cell


def _parquet(grid: Grid) -> bytes:
    width = max(len(row) for row in grid)
    names = [_plain(cell) for cell in grid[0]] + [""] * (width - len(grid[0]))
    columns = [[row[at] if at < len(row) else None for row in grid[1:]] for at in range(width)]
    arrays = []
    for column in columns:
        try:
            arrays.append(pa.array(column, from_pandas=False))
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            arrays.append(pa.array([None if cell is None else _plain(cell) for cell in column]))
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_arrays(arrays, names=names), out)
    return out.getvalue()


def _plain(cell: Cell) -> str:
    return _text(cell).encode("utf-8", errors="ignore").decode()


def _geojson(grid: Grid, rng: random.Random | None) -> bytes:
    features = []
    for row in grid[1:]:
        properties = {
            _plain(name): cell if isinstance(cell, int | float | None) else _text(cell)
            for name, cell in zip(grid[0], row, strict=False)
        }
        # The last such column: of GDELT's three places that of the event.
        named = {
            name.casefold().removeprefix("actiongeo_")[:3]: cell
            for name, cell in properties.items()
        }
        place = [named.get(axis) for axis in ("lon", "lat")]
        if rng is None or rng.random() < 0.9:
            place = [_number(_text(cell).strip("() °N")) for cell in place]
        geometry: object = {"type": "Point", "coordinates": place}
        if rng and rng.random() < 0.03:
            geometry = rng.choice(
                (None, [], {"type": "Point"}, {"type": "LineString", "coordinates": [[0, 1]]})
            )
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    content = {"type": "FeatureCollection", "features": features}
    return json.dumps(content, ensure_ascii=rng is None or rng.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )


def _bytes(content: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, put in, taken out, cut off or doubled."""
    raw = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(raw) + 1)
        way = rng.randrange(6)
        if way == 0 and at < len(raw):
            raw[at] ^= 1 << rng.randrange(8)
        elif way == 1 and at < len(raw):
            raw[at] = rng.randrange(256)
        elif way == 2:
            raw[at:at] = rng.choice(_TOKENS)
        elif way == 3:
            del raw[at : at + rng.choice((1, 2, 10, 300))]
        elif way == 4:
            del raw[at:]
        else:
            raw[at:at] = raw[at : at + rng.choice((1, 20, 400))]
    return bytes(raw)


def _in_xlsx(content: bytes, rng: random.Random) -> bytes:
    """One part of a workbook changed inside a sound archive, or the archive itself."""
    if rng.random() < 0.4:
        return _bytes(content, rng)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w") as made:
        names = given.namelist()
        hit = rng.choice([*names, *(name for name in names if "sheet" in name)])
        for name in names:
            part = given.read(name)
            if name == hit and rng.random() < 0.2:
                continue
            made.writestr(zipfile.ZipInfo(name), _bytes(part, rng) if name == hit else part)
    return out.getvalue()
