"""From cells to typed columns: text, whole days and numbers, and which cells would not go.

The one place where a cell of any origin (a CSV's text, a spreadsheet's datetime, a column of a
GeoDataFrame) becomes a value of the incident table. It judges form only: whether a value makes
sense is for `checks`. Nothing is guessed: a date is read only as YYYY-MM-DD.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]
Texts = list[str | None]

EARLIEST_YEAR = 1900
LATEST_YEAR = 2100

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_NUMERIC_DATE = re.compile(r"\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SENTINEL_TEXTS = ("-9", "-99", "-999")
_LONGEST_EXACT = 2**53
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class Fault(NamedTuple):
    """Rows that break one rule.

    ``rows`` (n,) bool; ``column`` the column at fault; ``reason`` and ``remedy`` as an error
    words them; ``where`` (n,) optional text for each row, put after the reason.
    """

    rows: Mask
    column: str
    reason: str
    remedy: str
    where: npt.NDArray[np.object_] | None = None


def cell_text(value: object) -> str | None:
    r"""A cell as text, white space tidied; None where the cell is empty.

    Examples
    --------
    >>> cell_text("  Dori -\n Téra "), cell_text(5.0), cell_text(float("nan")), cell_text(" ")
    ('Dori - Téra', '5', None, None)
    >>> cell_text(dt.datetime(2025, 1, 18))
    '2025-01-18'
    """
    if isinstance(value, str):
        return " ".join(value.split()) or None
    if isinstance(value, np.generic):
        value = pd.Timestamp(value) if isinstance(value, np.datetime64) else value.item()
    # NaT passes for a datetime.
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        if np.isnan(value):
            return None
        whole = value.is_integer() and abs(value) < _LONGEST_EXACT
        return str(int(value)) if whole else repr(value)
    if isinstance(value, dt.datetime):
        midnight = value.tzinfo is None and value.time() == dt.time(0)
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return " ".join(str(value).split()) or None


def encodable(text: str) -> str:
    r"""A text with ``?`` for halves of letters, which JSON can escape and nothing can write.

    Examples
    --------
    >>> encodable("T\xe9ra \ud800") == "T\xe9ra ?"
    True
    """
    return text.encode("utf-8", errors="replace").decode("utf-8")


def texts_of(column: pd.Series) -> Texts:
    """Every cell of a column as text or None, n cells."""
    return [cell_text(value) for value in column.tolist()]


def text_column(column: pd.Series) -> tuple[pd.Series, list[Fault]]:
    """A column of any type as ``string`` with pd.NA, and the cells that are no proper text.

    Parameters
    ----------
    column : Series (n,)
        Its name is used in the faults.

    Returns
    -------
    texts : Series (n,) of string
        White space tidied; the column itself where it was canonical already.
    faults : list of Fault
    """
    given = column.tolist()
    # isprintable is true of most text and spares it the costlier look.
    odd = [
        position
        for position, value in enumerate(given)
        if value.__class__ is not str
        or not value.isprintable()
        or "  " in value
        or value[:1] in {"", " "}
        or value[-1] == " "
    ]
    tidy = {position: cell_text(given[position]) for position in odd}
    canonical = isinstance(column.dtype, pd.StringDtype) and column.dtype.na_value is pd.NA
    if not canonical or any(text is not None for text in tidy.values()):
        for position, text in tidy.items():
            given[position] = pd.NA if text is None else text
        column = pd.Series(pd.array(given, dtype="string"), name=column.name)
    wrong = np.zeros(len(given), dtype=np.bool_)
    wrong[[at for at, text in tidy.items() if text and _UNPRINTABLE.search(text)]] = True
    faults = [
        Fault(
            wrong,
            str(column.name),
            "a control character in a text",
            "remove it; the file may have been read in the wrong encoding",
        ),
        Fault(
            column.isin(_SENTINEL_TEXTS).to_numpy(dtype=np.bool_),
            str(column.name),
            "a number that stands for unknown",
            "leave the cell empty",
        ),
    ]
    return column, faults


def day_column(column: pd.Series) -> tuple[pd.Series, list[Fault]]:
    """Whole days, ``datetime64[ns]`` at midnight, and the cells that are no day.

    Parameters
    ----------
    column : Series (n,)
        Datetimes, or text as YYYY-MM-DD. Its name is used in the faults.

    Returns
    -------
    days : Series (n,) of datetime64[ns]
        NaT where empty or at fault.
    faults : list of Fault
    """
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        given = column.notna().to_numpy()
        whole = (column.dt.normalize() == column).to_numpy()
        days, kept = _plausible(column.where(whole))
        return days, _day_faults(str(column.name), given & ~kept, given & ~whole)
    texts = texts_of(column)
    found = [None if text is None else _DAY.fullmatch(text) for text in texts]
    days, kept = _plausible(
        pd.to_datetime(
            pd.Series([None if day is None else day.group(1) for day in found], dtype="object"),
            format="%Y-%m-%d",
            errors="coerce",
        )
    )
    given = np.array([text is not None for text in texts], dtype=np.bool_)
    wrong = given & ~kept
    return days, _day_faults(
        str(column.name),
        wrong,
        _matching(texts, wrong, _INSTANT),
        _matching(texts, wrong, _NUMERIC_DATE)
        & np.array([day is None for day in found], dtype=np.bool_),
    )


def _plausible(days: pd.Series) -> tuple[pd.Series, Mask]:
    years = days.dt.year.to_numpy(dtype=np.float64, na_value=np.nan)
    kept = (years >= EARLIEST_YEAR) & (years <= LATEST_YEAR)
    return days.where(kept).astype("datetime64[ns]"), kept


def _matching(texts: Texts, where: Mask, pattern: re.Pattern[str]) -> Mask:
    matching = np.zeros(len(texts), dtype=np.bool_)
    for position in np.flatnonzero(where).tolist():
        matching[position] = pattern.fullmatch(texts[position] or "") is not None
    return matching


def _day_faults(
    column: str, wrong: Mask, instant: Mask, unclear: Mask | None = None
) -> list[Fault]:
    if unclear is None:
        unclear = np.zeros_like(wrong)
    return [
        Fault(
            instant,
            column,
            "a time of day or a time zone where a whole day is wanted",
            "write the UTC day alone, as YYYY-MM-DD",
        ),
        Fault(
            unclear,
            column,
            "a date whose order of day, month and year cannot be told",
            "write it as YYYY-MM-DD",
        ),
        Fault(
            wrong & ~instant & ~unclear,
            column,
            "not a calendar day",
            f"write an existing day as YYYY-MM-DD, from {EARLIEST_YEAR} to {LATEST_YEAR}",
        ),
    ]


def number_column(column: pd.Series) -> tuple[pd.Series, list[Fault]]:
    """Numbers as ``Float64`` with pd.NA, and the cells that are no finite number.

    Parameters
    ----------
    column : Series (n,)
        Numbers, or text. Its name is used in the faults.

    Returns
    -------
    numbers : Series (n,) of Float64
        NA where empty or at fault.
    faults : list of Fault
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != np.bool_:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.isinf(values)
    else:
        texts = texts_of(column)
        wrong = np.array(
            [text is not None and _NUMBER.fullmatch(text) is None for text in texts], dtype=np.bool_
        )
        values = np.array(
            [
                np.nan if text is None or bad else float(text)
                for text, bad in zip(texts, wrong.tolist(), strict=True)
            ],
            dtype=np.float64,
        )
        # 1e999 has the form of a number and overflows.
        wrong |= np.isinf(values)
    missing = np.isnan(values) | wrong
    numbers = pd.Series(pd.arrays.FloatingArray(np.where(missing, 0.0, values), missing))
    fault = Fault(
        wrong,
        str(column.name),
        "not a number",
        "write digits with a point for decimals and no thousands separator, or leave it empty",
    )
    return numbers, [fault]


def count_column(column: pd.Series) -> tuple[pd.Series, list[Fault]]:
    """Whole numbers as ``Int64`` with pd.NA, and the cells that are none.

    Parameters and returns are as for `number_column`.
    """
    numbers, faults = number_column(column)
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    fraction = np.isfinite(values) & ((values != np.floor(values)) | (abs(values) > _LONGEST_EXACT))
    missing = np.isnan(values) | fraction
    counts = pd.Series(
        pd.arrays.IntegerArray(np.where(missing, 0.0, values).astype(np.int64), missing)
    )
    faults.append(
        Fault(fraction, str(column.name), "not a whole number", "write a count, or leave it empty")
    )
    return counts, faults


def flag_column(column: pd.Series) -> tuple[pd.Series, list[Fault]]:
    """True or false as ``boolean`` without missing values, and the cells that are neither.

    An empty cell is false. Parameters and returns are as for `number_column`.
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        flags = column.fillna(value=False).astype("boolean").reset_index(drop=True)
        return flags, []
    words = [(text or "false").casefold() for text in texts_of(column)]
    wrong = np.array([word not in _FLAGS for word in words], dtype=np.bool_)
    flags = pd.Series([_FLAGS.get(word, False) for word in words], dtype="boolean")
    remedy = "write true or false, or leave it empty"
    return flags, [Fault(wrong, str(column.name), "neither true nor false", remedy)]
