"""Ids for rows whose source gives none, or whose ids cannot be trusted.

The id comes from the row's own cells, so that the same row of a later export has the same id. A row
that was revised gets another one: nothing else tells that it is the same.
"""

from __future__ import annotations

import hashlib
import re

import pandas as pd

from kidnaprisk.incidents.parse import cell_text

_DIGITS = 12
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]00:00(?::00(?:\.0+)?)?", re.ASCII)


def derived_ids(prefix: str, cells: pd.DataFrame) -> pd.Series:
    """Ids made from the cells that tell one row from another.

    Parameters
    ----------
    prefix : str
        The source, in capitals.
    cells : DataFrame (n rows)
        The telling columns only; white space and the order of columns do not matter.

    Returns
    -------
    Series (n,) of str
        ``PREFIX-`` and 12 hexadecimal digits of a SHA-256, then ``-2``, ``-3`` ... in rows whose
        cells an earlier row has as well. Index as given.

    Examples
    --------
    >>> derived_ids("NST", pd.DataFrame({"date": ["2013-05-01", "2013-05-01"]})).tolist()
    ['NST-16eca86cfa34', 'NST-16eca86cfa34-2']
    """
    names = sorted(str(name) for name in cells.columns)
    columns = [[_alike(cell) for cell in cells[name].tolist()] for name in names]
    ids = [
        f"{prefix}-{hashlib.sha256(chr(31).join((*names, *row)).encode()).hexdigest()[:_DIGITS]}"
        for row in zip(*columns, strict=True)
    ]
    found = pd.Series(ids, index=cells.index, dtype="object")
    twin = found.groupby(found).cumcount()
    return found.where(twin == 0, found + "-" + (twin + 1).astype("str"))


def _alike(cell: object) -> str:
    """A cell as every export writes it: 2 for 2.0 and 2.00, a day without its midnight."""
    text = cell_text(cell) or ""
    if _NUMBER.fullmatch(text):
        return f"{float(text):.15g}"
    day = _MIDNIGHT.fullmatch(text)
    return day[1] if day else text
