"""CSV tables: a waypoint on each row, in order of travel, or a line of WKT on each row.

Columns are known by their usual names. A row that cannot be read is an error that names it: a
route with a corner cut off is not the route.
"""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from typing import NamedTuple

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.formats.text import as_number, decoded
from kidnaprisk.routes.formats.well_known import read_wkt
from kidnaprisk.routes.found import Asked, Feature, Found, timed_part
from kidnaprisk.routes.positions import as_crs, to_degrees

_SUFFIXES = ("", "dd", "deg", "degrees", "decimal", "wgs84", "decimaldegrees", "e", "n")
LON_NAMES = ("longitude", "lon", "lng", "long", "decimallongitude", "longitud", "länge", "laenge")
LAT_NAMES = ("latitude", "lat", "decimallatitude", "latitud", "breite")
X_NAMES = ("x", "xcoord", "coordx", "pointx")
Y_NAMES = ("y", "ycoord", "coordy", "pointy")
SURE_ORDER_NAMES = ("order", "sequence", "seq", "ordre", "orden", "reihenfolge")
ORDER_NAMES = (
    *SURE_ORDER_NAMES,
    "nr",
    "no",
    "number",
    "n",
    "index",
    "idx",
    "step",
    "stop",
    "point",
)
TIME_NAMES = ("timestamp", "time", "datetime", "timeutc", "utc", "utctime", "datetimeutc", "when")
ROUTE_NAMES = ("route", "routename", "routeid", "track", "trackname", "trackid", "trip", "tripid")
WKT_NAMES = ("wkt", "geometry", "geom", "thegeom", "wktgeom")
_DELIMITERS = (",", ";", "\t", "|")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


class _Table(NamedTuple):
    header: list[str]
    rows: list[tuple[int, list[str]]]


class _Row(NamedTuple):
    number: int
    lon: float
    lat: float
    order: float | None
    time: str | None
    route: str | None


def _alike(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name + suffix for suffix in _SUFFIXES for name in names)


_LON, _LAT = (*_alike(LON_NAMES), *X_NAMES), (*_alike(LAT_NAMES), *Y_NAMES)


def looks_like_waypoints(data: bytes) -> bool:
    r"""Whether the first row names columns of positions or geometries.

    Examples
    --------
    >>> looks_like_waypoints(b"Stop;Lat;Lon\n")
    True
    """
    try:
        _table(decoded(data[:4000]))
    except RouteError:
        return False
    return True


def read_waypoints(data: bytes, asked: Asked) -> Found:
    r"""The line through the rows of a CSV file, or a line for each route it names.

    Raises
    ------
    RouteError
        Naming the row and column at fault.

    Examples
    --------
    >>> found = read_waypoints(b"seq;lon;lat\n2;1,5;0\n1;0,5;0\n", Asked())
    >>> found.features[0].parts[0].positions.tolist()
    [[0.5, 0.0], [1.5, 0.0]]
    """
    table = _table(decoded(data))
    lon, lat = _column(table.header, _LON), _column(table.header, _LAT)
    if lon is None or lat is None:
        return _lines(table, asked)
    rows = _parsed(table, lon, lat)
    if not rows:
        raise RouteError("the table has no rows", remedy="give two waypoints or more")
    crs = None if asked.crs is None else as_crs(asked.crs)
    found = Found()
    for route, members in _by_route(rows).items():
        where = "the table" if route is None else f"route {route}"
        in_order = _in_order(members)
        positions = to_degrees([(row.lon, row.lat) for row in in_order], crs, where)
        part = timed_part(positions, [row.time for row in in_order])
        found.features.append(Feature((part,), where, route))
    return found


def _table(text: str) -> _Table:
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    skipped = 0
    while skipped < len(lines) and _is_preamble(lines[skipped]):
        skipped += 1
    if skipped == len(lines):
        raise RouteError("the table is empty", remedy="give a header row and waypoints")
    for delimiter in _DELIMITERS:
        header = next(csv.reader([lines[skipped]], delimiter=delimiter), [])
        pair = _column(header, _LON) is not None and _column(header, _LAT) is not None
        if pair or _column(header, WKT_NAMES) is not None:
            return _Table(header, _rows(lines[skipped + 1 :], delimiter, skipped + 2))
    first = re.split(r"[,;\t|]", lines[skipped])
    if all(as_number(cell) is not None for cell in first):
        problem = "the table has no header row"
    else:
        problem = "no columns of longitude and latitude are found"
    raise RouteError(
        problem, row=skipped + 1, remedy="name the columns in the first row, such as lon and lat"
    )


def _is_preamble(line: str) -> bool:
    return not line.strip() or line.startswith("#") or line.casefold().startswith("sep=")


def _rows(lines: list[str], delimiter: str, first: int) -> list[tuple[int, list[str]]]:
    rows = []
    reader = csv.reader(lines, delimiter=delimiter)
    before = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((first + before, cells))
            before = reader.line_num
    except csv.Error:
        raise RouteError(
            "this row is not CSV", row=first + before, remedy="check its quotes"
        ) from None
    return rows


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    plain = [re.sub(r"[\W_]+", "", cell.casefold()) for cell in header]
    return next((plain.index(name) for name in names if name in plain), None)


def _parsed(table: _Table, lon: int, lat: int) -> list[_Row]:
    header = table.header
    order, time = _column(header, ORDER_NAMES), _column(header, TIME_NAMES)
    route = _column(header, ROUTE_NAMES)
    rows = []
    for number, cells in table.rows:
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise RouteError(
                f"the row has {len(cells)} cells, the header {len(header)}",
                row=number,
                remedy="quote cells that hold the delimiter",
            )
        rows.append(
            _Row(
                number,
                _number(cells, lon, header, number),
                _number(cells, lat, header, number),
                as_number(_cell(cells, order)),
                _cell(cells, time),
                _cell(cells, route),
            )
        )
    _check_order(rows, order, header)
    return rows if _numbered(rows) else [row._replace(order=None) for row in rows]


def _cell(cells: list[str], at: int | None) -> str | None:
    return (cells[at].strip() or None) if at is not None and at < len(cells) else None


def _number(cells: list[str], at: int, header: list[str], number: int) -> float:
    text = _cell(cells, at) or ""
    value = as_number(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)
    if value is None:
        raise RouteError(
            "not a number of degrees" if text else "a position is missing",
            row=number,
            column=header[at].strip(),
            value=text or None,
            remedy="write decimal degrees such as -7.59, or remove the row",
        )
    return value


def _numbered(rows: list[_Row]) -> bool:
    return all(row.order is not None for row in rows)


def _check_order(rows: list[_Row], order: int | None, header: list[str]) -> None:
    sure = order is not None and _column([header[order]], SURE_ORDER_NAMES) is not None
    missing = next((row for row in rows if row.order is None), None)
    if sure and missing is not None:
        raise RouteError(
            "the order of a waypoint is not a number",
            row=missing.number,
            column=header[order or 0].strip(),
            remedy="number all rows, or remove the column",
        )


def _by_route(rows: list[_Row]) -> dict[str | None, list[_Row]]:
    groups: dict[str | None, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.route, []).append(row)
    return groups


def _in_order(rows: list[_Row]) -> list[_Row]:
    if not _numbered(rows):
        return rows
    ordered = sorted(rows, key=lambda row: row.order or 0.0)
    for one, other in pairwise(ordered):
        if one.order == other.order:
            raise RouteError(
                "two waypoints have the same number in the order of travel",
                row=max(one.number, other.number),
                remedy="number the rows 1, 2, 3, ... within each route",
            )
    return ordered


def _lines(table: _Table, asked: Asked) -> Found:
    at = _column(table.header, WKT_NAMES)
    named = _column(table.header, ("name", *ROUTE_NAMES))
    found = Found()
    for number, cells in table.rows:
        text = _cell(cells, at)
        if text is None:
            continue
        try:
            inner = read_wkt(text.encode(), asked)
        except RouteError as error:
            raise RouteError(error.message, remedy=error.remedy, row=number) from None
        name = _cell(cells, named)
        inner.features = [
            Feature(feature.parts, f"row {number}", name) for feature in inner.features
        ]
        found.extend(inner)
    return found
