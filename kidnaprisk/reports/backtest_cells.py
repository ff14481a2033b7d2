"""Figures and tables of a backtest's report: one wording for each kind of figure, missing or not.

Cells are safe text on one line, not yet escaped for markdown or HTML.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from kidnaprisk.reports import words

Row = Mapping[str, Any]
Show = Callable[[float], str]


def number(row: Row, column: str) -> float:
    """A figure of a row; NaN where it is missing.

    Examples
    --------
    >>> number({"n": 3}, "n"), number({"gain": None}, "gain")
    (3.0, nan)
    """
    value = row.get(column)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan


def count(value: float) -> str:
    """A whole number.

    Examples
    --------
    >>> count(1234.0), count(math.nan)
    ('1,234', '–')
    """
    return words.MISSING if math.isnan(value) else f"{value:,.0f}"


def signed(value: float, digits: int = 2) -> str:
    """A figure that may be below zero.

    Examples
    --------
    >>> signed(0.314), signed(-0.05), signed(-0.001), signed(math.nan)
    ('0.31', '−0.05', '0.00', '–')
    """
    if math.isnan(value):
        return words.MISSING
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text.replace("-", "−")


def nats(value: float) -> str:
    """A score, to three places.

    Examples
    --------
    >>> nats(-1.23456)
    '−1.235'
    """
    return signed(value, 3)


def figure(value: float) -> str:
    """A figure to three digits, one of thousands whole.

    Examples
    --------
    >>> [figure(v) for v in (0.0012, 12.3456, 702.4, 1234.5, 0.0, math.nan)]
    ['0.00120', '12.3', '702', '1,234', '0', '–']
    """
    if math.isnan(value):
        return words.MISSING
    if value == 0.0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")


def chance(probability: float) -> str:
    """A tail probability or quantile.

    Examples
    --------
    >>> chance(0.034), chance(0.0002), chance(math.nan)
    ('0.034', '<0.001', '–')
    """
    if math.isnan(probability):
        return words.MISSING
    return "<0.001" if probability < 0.001 else f"{probability:.3f}"


def interval(low: float, high: float, show: Show = signed) -> str:
    """An interval; missing if one end is.

    Examples
    --------
    >>> interval(-0.1, 0.25), interval(math.nan, 1.0)
    ('−0.10 to 0.25', '–')
    """
    return words.MISSING if math.isnan(low + high) else f"{show(low)} to {show(high)}"


def setting(value: object) -> str:
    """A parameter's value.

    Examples
    --------
    >>> setting({"class": "KDE", "km": [3, 12.5]}), setting(None), setting(True)
    ('class KDE; km 3, 12.5', 'none', 'yes')
    """
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {setting(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(setting(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


class Column(NamedTuple):
    """A column of a table: its heading, a row's cell in it, and its side."""

    title: str
    cell: Callable[[Row], object]
    justify: Literal["left", "right"] = "right"


class Grid(NamedTuple):
    """A table of cells; ``strong`` rows are bold.

    The first column is the one to fold where there is no room.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: frozenset[int]


def text(title: str, cell: str | Callable[[Row], object]) -> Column:
    """A column of words: those under a name, or those that ``cell`` makes of a row."""
    return Column(title, cell if callable(cell) else lambda row: row.get(cell), "left")


def figures(title: str, name: str, show: Show = count) -> Column:
    """A column of figures."""
    return Column(title, lambda row: show(number(row, name)))


def spans(title: str, low: str, high: str, show: Show = signed) -> Column:
    """A column of intervals."""
    return Column(title, lambda row: interval(number(row, low), number(row, high), show))


def grid_of(
    rows: Iterable[Row], *columns: Column, strong: Callable[[Row], bool] = lambda _: False
) -> Grid:
    """A table of rows.

    Examples
    --------
    >>> grid_of([{"model": "even", "n": 40}], text("model", "model"), figures("n", "n")).rows
    (('even', '40'),)
    """
    kept = list(rows)
    return Grid(
        columns,
        tuple(
            tuple(words.clean(column.cell(row)) or words.MISSING for column in columns)
            for row in kept
        ),
        frozenset(at for at, row in enumerate(kept) if strong(row)),
    )
