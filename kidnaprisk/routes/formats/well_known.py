"""Well-known text and binary, plain and with an SRID (EWKT, EWKB), one or several to a file.

Read by GEOS through shapely.
"""

from __future__ import annotations

import binascii
import re
import struct
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.formats.memory import take_geometry
from kidnaprisk.routes.formats.text import decoded
from kidnaprisk.routes.found import Asked, Found
from kidnaprisk.routes.positions import agreed_crs

_DEEPEST = 10
_LINE, _MULTI_LINE = 2, 5
_HAS_Z, _HAS_M, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000
_BRACKETS = re.compile("[()]")
_SRID = re.compile(r"\s*SRID\s*=\s*(\d{1,6})\s*;", re.IGNORECASE)


def read_wkt(data: bytes, asked: Asked) -> Found:
    """Lines of a WKT text: one geometry, or one on each row.

    Examples
    --------
    >>> read_wkt(b"SRID=4326;LINESTRING (0 0, 1 0)", Asked()).features[0].where
    'the line'
    """
    text = decoded(data).strip("\ufeff \t\r\n;")
    found = Found()
    rows = [row for row in text.splitlines() if row.strip()]
    # One geometry may run over many rows; several can only be told apart at row ends.
    whole = _parsed(text)
    if whole is not None:
        _take(found, whole, _srid(text), "the line", asked)
        return found
    for number, row in enumerate(rows, start=1):
        geometry = _parsed(row) if len(rows) > 1 else None
        if geometry is None:
            raise RouteError(
                "this is not well-known text of a line",
                row=number,
                remedy="write LINESTRING (lon lat, lon lat, ...) with two vertices or more",
            )
        _take(found, geometry, _srid(row), f"row {number}", asked)
    if not rows:
        raise RouteError("the text is empty", remedy="give a LINESTRING")
    return found


def _parsed(text: str) -> Any:
    # GEOS takes collections in collections on the stack, and dies where that ends.
    if _depth(text) > _DEEPEST:
        return None
    try:
        with np.errstate(invalid="ignore"):
            return shapely.from_wkt(_SRID.sub("", text, count=1))
    except (ShapelyError, UnicodeError, ValueError):
        return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _srid(text: str) -> int:
    match = _SRID.match(text)
    return int(match[1]) if match else 0


def read_wkb(data: bytes, asked: Asked) -> Found:
    """The line of a WKB geometry, binary or in hexadecimal digits.

    Examples
    --------
    >>> read_wkb(shapely.LineString([(0, 0), (1, 0)]).wkb, Asked()).features[0].where
    'the line'
    """
    if data[:1] not in (b"\x00", b"\x01"):
        try:
            data = binascii.unhexlify(b"".join(data.split()))
        except binascii.Error:
            data = b""
    _check_wkb(data)
    try:
        with np.errstate(invalid="ignore"):
            geometry = shapely.from_wkb(data)
    except (ShapelyError, ValueError):
        raise _no_wkb() from None
    found = Found()
    _take(found, geometry, int(shapely.get_srid(geometry)), "the line", asked)
    return found


def _check_wkb(data: bytes) -> None:
    """Refuse all but a line and a flat bundle of lines, before GEOS recurses into the rest."""
    try:
        kind, n, _, at = _header(data, 0)
        for _ in range(n if kind == _MULTI_LINE else 0):
            kind, vertices, width, at = _header(data, at)
            if kind != _LINE:
                break
            at += vertices * width
    except (struct.error, IndexError, KeyError):
        raise _no_wkb() from None
    if kind not in (_LINE, _MULTI_LINE):
        raise RouteError("this well-known binary is not a line", remedy="give a LineString")


def _header(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Kind of the geometry at an offset, its members, bytes of a vertex, where members start."""
    order = {0: ">", 1: "<"}[data[at]]
    (code,) = struct.unpack_from(f"{order}I", data, at + 1)
    at += 9 if code & _HAS_SRID else 5
    (n,) = struct.unpack_from(f"{order}I", data, at)
    dimension, kind = divmod(code & 0xFFFF, 1000)
    heights = bool(code & _HAS_Z) or dimension in (1, 3)
    measures = bool(code & _HAS_M) or dimension in (2, 3)
    return kind, n, 8 * (2 + heights + measures), at + 4


def _no_wkb() -> RouteError:
    return RouteError("this is not well-known binary of a line", remedy="check that it is whole")


def _take(found: Found, geometry: Any, srid: int, where: str, asked: Asked) -> None:
    crs = agreed_crs(f"EPSG:{srid}" if srid > 0 else None, asked.crs)
    take_geometry(found, geometry, where, None, crs)
