"""From an Excel, Parquet or GeoJSON file to the same text cells that `files` gives for CSV.

Typed values are written out as text (a datetime at midnight as YYYY-MM-DD, a whole number without a
point), so that one set of rules reads them all. It knows nothing of incidents but that the geometry
of GeoJSON and GeoParquet is given as ``longitude`` and ``latitude``.

GeoJSON follows RFC 7946.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyproj
import shapely

from kidnaprisk.errors import ConfigError, IncidentError
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
from kidnaprisk.incidents.parse import Fault, cell_text, encodable
from kidnaprisk.incidents.table import POSITION, Shapes, flat_points, unplaced_fault

_EXTRAS = {"openpyxl": ("excel", "Excel"), "pyarrow": ("parquet", "Parquet")}
_SUSPICIOUS_BYTES = 100_000_000
_MOST_PRESSED = 150
# What openpyxl lets out on a damaged workbook: it checks little before it reads.
_DAMAGED_WORKBOOK = (
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,  # ElementTree.ParseError
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def _optional(module: str) -> Any:
    """An optional package, or the error that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra, what = _EXTRAS[module.partition(".")[0]]
        raise ConfigError(
            f"reading {what} files needs the package {module.partition('.')[0]}",
            remedy=f'pip install "kidnaprisk[{extra}]"',
        ) from error


def open_excel(path: Path, formats: Sequence[Format], *, named: bool, rows: int) -> Sheet:
    """Open an .xlsx workbook at its first worksheet of a known format.

    Parameters are those of `files.open_csv`.

    Raises
    ------
    ConfigError
        If openpyxl is not installed.
    IncidentError
        If the file is no workbook, is damaged or empty, or no worksheet is of a known format.
    """
    openpyxl = _optional("openpyxl")
    if not path.read_bytes():
        raise IncidentError("the file is empty", remedy="get it again")
    try:
        with warnings.catch_warnings(), path.open("rb") as stream:
            # It warns of styles and extensions it leaves out, which no cell's value needs.
            warnings.simplefilter("ignore")
            _check_size(stream)
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            titles = [sheet.title for sheet in book.worksheets]
            tops = [_top(sheet) for sheet in book.worksheets]
            chosen = next((at for at, top in enumerate(tops) if _fits(top, formats)), 0)
            records = _records(book.worksheets[chosen])
            book.close()
    except _DAMAGED_WORKBOOK as error:
        if isinstance(error, IncidentError):
            raise
        raise IncidentError(
            f"not a readable Excel workbook ({type(error).__name__})",
            remedy="open it in a spreadsheet and save it again as .xlsx, or as CSV UTF-8",
        ) from error
    first = next((at for at, (_, record) in enumerate(records) if not is_blank(record)), None)
    if first is None:
        raise IncidentError("the file is empty", remedy="get it again")
    number, top = records[first]
    header, oddities = header_of(top, number, records[first + 1 :])
    form = recognised(header, formats, named=named)
    others = [title for at, title in enumerate(titles) if at != chosen]
    which = "first worksheet" if chosen == 0 else f"worksheet {titles[chosen]}"
    note = f"only the {which} was read, not {', '.join(others)}"
    batches = cells_of(records[first + 1 :], form, header, oddities, rows)
    return Sheet(
        form,
        (dataclasses.replace(c, notes=(*c.notes, note)) for c in batches) if others else batches,
    )


def _check_size(stream: IO[bytes]) -> None:
    """Refuse a small file that no memory could hold: no real workbook is pressed so far."""
    with zipfile.ZipFile(stream) as archive:
        parts = archive.infolist()
    whole = sum(part.file_size for part in parts)
    pressed = sum(part.compress_size for part in parts)
    if whole > _SUSPICIOUS_BYTES and whole > _MOST_PRESSED * pressed:
        raise IncidentError(
            f"a workbook of {pressed:,} bytes that unpacks to {whole:,}",
            remedy="save it again in a spreadsheet, or as CSV UTF-8",
        )


def _fits(top: list[str], formats: Sequence[Format]) -> bool:
    return any(form.recognises(top) for form in formats)


def _top(sheet: Any) -> list[str]:
    """The first filled row of a worksheet, as column names."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows(values_only=True):
        names = [cell_text(cell) or "" for cell in row]
        if any(names):
            return names
    return []


def _records(sheet: Any) -> list[Record]:
    rows = [[cell_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    widest = max((len(row) for row in rows), default=0)
    return [(number, row + [None] * (widest - len(row))) for number, row in enumerate(rows, 1)]


def read_parquet_cells(path: Path) -> Cells:
    """The cells of a Parquet file, of a GeoParquet file with its points as two columns.

    Raises
    ------
    ConfigError
        If pyarrow is not installed.
    IncidentError
        If the file is not Parquet, is damaged, or its geometry is not in WGS84 degrees.
    """
    parquet = _optional("pyarrow.parquet")
    damaged = (_optional("pyarrow").ArrowException, LookupError, OSError, TypeError, ValueError)
    try:
        with path.open("rb") as stream:
            table = parquet.read_table(stream)
        names = [name for name in table.column_names if name != "__index_level_0__"]
        doubled = [name for name in names if names.count(name) > 1]
        columns = {} if doubled else {name: table.column(name).to_pylist() for name in names}
        metadata = table.schema.metadata or {}
        geo = json.loads(metadata[b"geo"]) if b"geo" in metadata else None
        attrs = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
        shapes = None if geo is None or doubled else _parquet_shapes(columns, geo)
    except damaged as error:
        if isinstance(error, IncidentError):
            raise
        raise IncidentError(
            f"not a readable Parquet file ({type(error).__name__})", remedy="write it again"
        ) from error
    if doubled:
        raise IncidentError("a column name is used twice", column=doubled[0], remedy="keep one")
    return _cells_of(columns, shapes, attrs.get("coverage") if isinstance(attrs, dict) else None)


def _parquet_shapes(columns: dict[str, list[Any]], geo: Any) -> Shapes:
    name = geo["primary_column"]
    about = geo["columns"][name]
    # The standard: without the key it is CRS84; with null it is unknown.
    crs = about.get("crs", "OGC:CRS84")
    if crs is None or about.get("encoding") != "WKB":
        raise IncidentError(
            "the geometry has no coordinate reference system, or is not in WKB",
            column=str(name),
            remedy="write it with geopandas, after set_crs('EPSG:4326')",
        )
    try:
        described = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise _not_degrees(crs) from error
    if not described.equals(pyproj.CRS("EPSG:4326"), ignore_axis_order=True):
        raise _not_degrees(described.name)
    shapes: Shapes = shapely.from_wkb(
        np.array(columns.pop(name), dtype=np.object_), on_invalid="ignore"
    )
    return shapes


def _not_degrees(crs: object) -> IncidentError:
    return IncidentError(
        "the geometry is not in longitude and latitude (EPSG:4326)",
        column="geometry",
        value=crs,
        remedy="convert it: to_crs('EPSG:4326')",
    )


def read_geojson_cells(path: Path) -> Cells:
    """The cells of a GeoJSON feature collection, points as two columns.

    The first feature has row number 2, as if the property names stood in a row above it.

    Raises
    ------
    IncidentError
        If the file is no feature collection or its coordinates are not WGS84 degrees.
    """
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise IncidentError(
            f"not a readable GeoJSON file ({error})", remedy="it may be cut off; write it again"
        ) from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        raise IncidentError(
            "the file is JSON but no GeoJSON feature collection",
            remedy='it needs {"type": "FeatureCollection", "features": [...]}',
        )
    crs = json.dumps(content.get("crs"))
    if content.get("crs") is not None and not any(name in crs for name in ("CRS84", "4326")):
        raise _not_degrees(crs)
    properties = [item.get("properties") or {} for item in features]
    if not all(isinstance(each, dict) for each in properties):
        raise IncidentError("a feature's properties are no table", remedy="write it again")
    names = dict.fromkeys(name for each in properties for name in each)
    columns = {name: [each.get(name) for each in properties] for name in names}
    return _cells_of(columns, _geojson_shapes(features), content.get("coverage"))


def _geojson_shapes(features: list[dict[str, Any]]) -> Shapes:
    shapes: Shapes = np.full(len(features), None, dtype=np.object_)
    for position, feature in enumerate(features):
        geometry = feature.get("geometry")
        if geometry is None:
            continue
        # Anything but a plain point becomes an empty one, which no row may have.
        shapes[position] = shapely.Point()
        if isinstance(geometry, dict) and geometry.get("type") == "Point":
            place: Any = geometry.get("coordinates")
            if _is_position(place):
                shapes[position] = shapely.Point(place[:2])
    return shapes


def _is_position(place: Any) -> bool:
    return (
        isinstance(place, list)
        and len(place) in (2, 3)
        and all(
            isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
            for value in place
        )
    )


def _cells_of(columns: dict[str, list[Any]], shapes: Shapes | None, coverage: object) -> Cells:
    """Cells from named columns, with geometries of the same length in place of a position."""
    faults: tuple[Fault, ...] = ()
    if shapes is not None:
        flat, placed = flat_points(shapes)
        columns = {name: cells for name, cells in columns.items() if name not in POSITION}
        columns |= {
            name: [value if usable else None for value, usable in zip(values, placed, strict=True)]
            for name, values in zip(POSITION, flat.T.tolist(), strict=True)
        }
        faults = (unplaced_fault(placed),)
    rows = [[_written(value) for value in row] for row in zip(*columns.values(), strict=True)]
    if not rows:
        raise IncidentError("the file has no rows", remedy="get it again")
    return Cells(
        header=tuple(encodable(name) for name in columns),
        rows=rows,
        numbers=list(range(2, len(rows) + 2)),
        faults=faults,
        coverage=coverage,
    )


def _written(value: Any) -> str | None:
    text = cell_text(value)
    return text if text is None or text.isascii() else encodable(text)
