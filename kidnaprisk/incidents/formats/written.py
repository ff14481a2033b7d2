"""Days and positions as people write them into a log: what stands around them, taken away.

A cell that can be read in two ways is read in none. Which day a text is, is for `days`.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from kidnaprisk.incidents.parse import Mask, cell_text

_HEMISPHERES = {"latitude": "NS", "longitude": "EW"}
_FLAGS = re.ASCII | re.IGNORECASE
_TIME = re.compile(
    r"(.*[^\s,])(?:\s*[T,]\s*|\s+)"
    r"(\d{1,2})[:h](\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:[AP]M)?\s*(?:Z|UTC|GMT)?",
    _FLAGS,
)
_DEGREES = re.compile(r"([+-]?)(\d{1,3}(?:[.,]\d+)?)\s*°?\s*([NSEW]?)", _FLAGS)


def _pair(decimal: str, between: str) -> re.Pattern[str]:
    number = rf"[+-]?\d{{1,3}}(?:{decimal}\d+)?\s*°?\s*"
    return re.compile(rf"\(?({number}[NS]?)\s*{between}\s*({number}[EW]?)\)?", _FLAGS)


# With a comma for the decimals no comma can stand between the two numbers.
_PAIRS = (_pair(r"\.", r"[\s,;/]"), _pair("[.,]", r"[\s;/]"))


def day_texts(column: pd.Series) -> tuple[pd.Series, Mask]:
    """Days without the time of day that may stand behind them.

    The day is taken as it is written, as it is where a log gives days alone. A time zone other than
    UTC is left where it is: then the day is not sure.

    Parameters
    ----------
    column : Series (n,)
        Text.

    Returns
    -------
    texts : Series (n,)
        None where empty. Index as given.
    timed : ndarray (n,) of bool
        Where a time other than midnight was taken away.

    Examples
    --------
    >>> column = pd.Series(["3/12/2020 14:30", "2020-12-03T00:00:00Z", None], dtype="object")
    >>> texts, timed = day_texts(column)
    >>> texts.tolist(), timed.tolist()
    (['3/12/2020', '2020-12-03', None], [True, False, False])
    """
    read: dict[object, str | None] = {}
    timed = set()
    for cell in column.unique().tolist():
        text = cell_text(cell)
        found = None if text is None else _TIME.fullmatch(text)
        read[cell] = found[1] if found else text
        if found and any(int(part or 0) for part in found.group(2, 3, 4)):
            timed.add(cell)
    cells = column.tolist()
    rows = np.array([cell in timed for cell in cells], dtype=np.bool_)
    return pd.Series([read[cell] for cell in cells], index=column.index, dtype="object"), rows


def degrees(text: str, axis: str) -> float | None:
    """Decimal degrees from a cell, None if it holds anything else.

    Parameters
    ----------
    text : str
        With a point or a comma for the decimals (no latitude or longitude has thousands), a sign or
        the letter of the hemisphere.
    axis : {"latitude", "longitude"}

    Returns
    -------
    float or None

    Examples
    --------
    >>> degrees("14,1", "latitude"), degrees("6.25° W", "longitude"), degrees("6 E", "latitude")
    (14.1, -6.25, None)
    """
    found = _DEGREES.fullmatch(text)
    if found is None:
        return None
    sign, number, letter = found[1], found[2], found[3].upper()
    if letter and (sign or letter not in _HEMISPHERES[axis]):
        return None
    return float(number.replace(",", ".")) * (-1 if sign == "-" or letter in {"S", "W"} else 1)


def two_degrees(text: str) -> tuple[float, float] | None:
    """Latitude and longitude from one cell, latitude first, or None.

    Examples
    --------
    >>> two_degrees("14.1, 0.3"), two_degrees("14,1 ; 0,3"), two_degrees("(14.1 N / 6.2 W)")
    ((14.1, 0.3), (14.1, 0.3), (14.1, -6.2))
    >>> two_degrees("14,1,3") is None
    True
    """
    for pattern in _PAIRS:
        if found := pattern.fullmatch(text):
            lat = degrees(found[1].strip(), "latitude")
            lon = degrees(found[2].strip(), "longitude")
            if lat is not None and lon is not None:
                return lat, lon
    return None
