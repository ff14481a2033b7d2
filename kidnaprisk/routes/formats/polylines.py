"""Encoded polylines, the compact text that routing engines use, with 5 or 6 decimals.

The text does not say which. Read with the wrong one a line is ten times too large or too
small, so the decimals are taken from what else is known, and asked for where nothing decides.

Source: https://developers.google.com/maps/documentation/utilities/polylinealgorithm .
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polyline

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import Floats, segment_lengths_km
from kidnaprisk.routes.formats.text import decoded
from kidnaprisk.routes.found import Asked, Feature, Found, Part
from kidnaprisk.routes.positions import agreed_crs, to_degrees

PRECISIONS = (5, 6)
_ALPHABET = frozenset(chr(code) for code in range(63, 127))
# A step right round the Earth takes six characters that say there is more to come.
_ENDLESS = re.compile(r"[_-~]{9}")
# A wrong precision is off by a factor of ten, a simplified line by much less than three.
_SAME_LENGTH = 3.0


class Hint(NamedTuple):
    """What decides between precisions: the one asked for, the road's length, a default."""

    asked: int | None = None
    km: float | None = None
    usual: int | None = None


def read_polylines(data: bytes, asked: Asked) -> Found:
    """Lines of a text of encoded polylines, one a row.

    Examples
    --------
    >>> read_polylines(b"_p~iF~ps|U_ulLnnqC", Asked(precision=5)).features[0].parts[0].positions
    array([[-120.2 ,   38.5 ],
           [-120.95,   40.7 ]])
    """
    agreed_crs("EPSG:4326", asked.crs)
    rows = [row.strip().strip("\"'") for row in decoded(data).splitlines()]
    found = Found()
    for number, row in enumerate(rows, start=1):
        if row:
            where = f"row {number}"
            (part,) = decode_polylines([row], Hint(asked.precision), where)
            found.features.append(Feature((part,), where))
    return found


def decode_polylines(texts: Sequence[str], hint: Hint, where: str) -> list[Part]:
    """The parts of one road, each an encoded polyline of the same precision.

    Raises
    ------
    RouteError
        If they are not encoded polylines, or nothing tells their precision.

    Examples
    --------
    >>> len(decode_polylines(["_p~iF~ps|U_ulLnnqC"], Hint(km=253.0), "route 1"))
    1
    """
    if hint.asked is not None and hint.asked not in PRECISIONS:
        raise RouteError(
            "unknown precision of an encoded polyline", value=hint.asked, remedy="give 5 or 6"
        )
    if hint.asked is not None:
        return [Part(to_degrees(_decoded(text, hint.asked, where), None, where)) for text in texts]
    fitting = {}
    for precision in PRECISIONS:
        lines = [_decoded(text, precision, where) for text in texts]
        if all(_on_earth(line) for line in lines) and _as_long_as(lines, hint.km):
            fitting[precision] = [Part(line) for line in lines]
    if len(fitting) > 1 and hint.usual in fitting:
        return fitting[hint.usual]
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        raise RouteError(
            f"the encoded polyline of {where} makes sense with 5 decimals and with 6",
            remedy="say which with precision=5 (Google, OSRM) or precision=6 (Valhalla, polyline6)",
        )
    raise RouteError(
        f"the encoded polyline of {where} gives no positions on Earth"
        + ("" if hint.km is None else f" that make up a road of {hint.km:,.0f} km"),
        remedy="check that it is whole and without heights, or pass precision= if it is known",
    )


def _decoded(text: str, precision: int, where: str) -> Floats:
    if text and _ALPHABET.issuperset(text) and not _ENDLESS.search(text):
        try:
            return np.array(polyline.decode(text, precision, geojson=True), dtype=np.float64)
        except (IndexError, OverflowError):
            pass
    raise RouteError(
        f"{where} is not an encoded polyline", remedy="check that it is whole and unescaped"
    )


def _on_earth(line: Floats) -> bool:
    lon, lat = np.abs(line).T
    return bool((lon <= 180.0).all() and (lat <= 90.0).all())


def _as_long_as(lines: Sequence[Floats], km: float | None) -> bool:
    if km is None or not km > 0:
        return True
    length = sum(float(segment_lengths_km(line[:, 0], line[:, 1]).sum()) for line in lines)
    return km / _SAME_LENGTH <= length <= km * _SAME_LENGTH
