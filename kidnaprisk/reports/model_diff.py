"""Two versions of a model side by side: their figures, and where the hazard moved.

A region where only one of them speaks is shown as that, hatched on the map, and never as a rise or
a fall. Ratios stand beside the numbers they are of: ten times next to nothing is next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kidnaprisk.reports import words
from kidnaprisk.reports.hazard_map import hazard_map
from kidnaprisk.reports.page import page, table
from kidnaprisk.reports.style import Column, heading, plain_table

Row = Mapping[str, Any]

_SHOWN, _SHOWN_AS_TEXT = 25, 12
_CAPTION = (
    "How much more or less is expected in each region. A ratio says nothing of how much that is: a "
    "large one may be of next to nothing. The table has the numbers."
)


def model_diff_report(facts: Mapping[str, Any]) -> Group:
    """The comparison for a rich console.

    Parameters
    ----------
    facts : mapping
        What ``ModelDiff.to_dict()`` gives.
    """
    moved, silent = _split(facts)
    differing = [row for row in facts["figures"] if row["a"] != row["b"]]
    lines: list[RenderableType] = [
        Text(_title(facts), style="bold"),
        *(Text(line) for line in _headline(facts, moved, silent)),
        heading("Where it moved most"),
        _text_table(_region_columns(facts), [_region(row) for row in moved[:_SHOWN_AS_TEXT]]),
        heading("Figures that differ"),
        _text_table(_figure_columns(facts), [_figure(row) for row in differing]),
    ]
    if silent:
        lines.append(heading("Where only one speaks"))
        for who in dict.fromkeys(_speaker(facts, row) for row in silent):
            names = [words.clean(row["name"]) for row in silent if _speaker(facts, row) == who]
            lines.append(Text(f"{who}: {'; '.join(names)}"))
    return Group(*lines)


def model_diff_html(facts: Mapping[str, Any]) -> str:
    """The comparison as one page of HTML with its map inside.

    Parameters
    ----------
    facts : mapping
        What ``ModelDiff.to_dict()`` gives.
    """
    moved, silent = _split(facts)
    figures = facts["figures"]
    differing = [_figure(row) for row in figures if row["a"] != row["b"]]
    alike = [_figure(row) for row in figures if row["a"] == row["b"]]
    first, *others = _headline(facts, moved, silent)
    columns, figure_columns = _region_columns(facts), _figure_columns(facts)
    parts = [
        f'<div class="headline"><p><strong>{escape(first)}</strong></p>',
        *(f"<p>{escape(line)}</p>" for line in others),
        "</div>",
        f"<figure>{hazard_map(facts)}<figcaption>{_CAPTION}</figcaption></figure>",
        "<section><h2>Where it moved most</h2>",
        table(columns, [_region(row) for row in moved[:_SHOWN]]),
        _folded("The other regions", columns, [_region(row) for row in moved[_SHOWN:]]),
        "</section>",
    ]
    if silent:
        rows = [[words.clean(row["name"]), row["country"], _speaker(facts, row)] for row in silent]
        told: list[Column] = [("region", "left"), ("country", "left"), ("who speaks", "left")]
        parts += [
            "<section><h2>Where only one speaks</h2>",
            "<p>There the other is silent: that is unknown, not low.</p>",
            table(told, rows),
            "</section>",
        ]
    parts += [
        "<section><h2>Figures that differ</h2>",
        table(figure_columns, differing),
        _folded("Figures that are alike", figure_columns, alike),
        "</section>",
    ]
    return page(_title(facts), parts)


def _title(facts: Mapping[str, Any]) -> str:
    return words.clean(f"{facts['name']}: from {facts['a']} to {facts['b']}")


def _headline(facts: Mapping[str, Any], moved: list[Row], silent: list[Row]) -> list[str]:
    asked = (
        f"Both are asked for the {facts['days']} days from {facts['day']}, as if nothing more "
        "became known."
    )
    lines = []
    if moved:
        a, b = (math.fsum(row[side] for row in moved) for side in ("a", "b"))
        lines.append(
            f"Where both speak, {words.clean(facts['b'])} expects {words.amount(b)} incidents in "
            f"{facts['days']} days, {words.clean(facts['a'])} {words.amount(a)}: {_times(b / a)}."
        )
    else:
        lines.append("Nowhere do both speak: there is nothing to compare.")
    if silent:
        lines.append(f"In {len(silent):,} regions only one of them speaks.")
    return [*lines, asked]


def _split(facts: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Regions where both speak, and those where one does."""
    both = [row for row in facts["regions"] if row["a"] is not None and row["b"] is not None]
    one = [row for row in facts["regions"] if row["a"] is None or row["b"] is None]
    return both, one


def _speaker(facts: Mapping[str, Any], row: Row) -> str:
    return words.clean(f"only {facts['b'] if row['a'] is None else facts['a']}")


def _region_columns(facts: Mapping[str, Any]) -> Sequence[Column]:
    return (
        ("region", "left"), ("country", "left"), (words.clean(facts["a"]), "right"),
        (words.clean(facts["b"]), "right"), ("change", "right"), ("ratio", "right"),
    )  # fmt: skip


def _region(row: Row) -> list[str]:
    return [
        words.clean(row["name"]), words.clean(row["country"]), words.amount(row["a"]),
        words.amount(row["b"]), _change(row["b"] - row["a"]), _times(row["ratio"]),
    ]  # fmt: skip


def _change(difference: float) -> str:
    """A difference with its sign, as people read it.

    Examples
    --------
    >>> _change(0.47), _change(-0.0701), _change(0.0)
    ('+0.47', '−0.07', '0')
    """
    sign = "" if difference == 0.0 else "+" if difference > 0.0 else "−"
    return f"{sign}{words.amount(abs(difference))}"


def _times(ratio: float | None) -> str:
    """A ratio as people read it.

    Examples
    --------
    >>> _times(2.924), _times(0.5375), _times(1.0), _times(90.3), _times(None)
    ('×2.9', '×0.54', '×1', '×90', '–')
    """
    return words.MISSING if ratio is None else f"×{float(f'{ratio:.2g}'):g}"


def _figure_columns(facts: Mapping[str, Any]) -> Sequence[Column]:
    return (
        ("figure", "left"), (words.clean(facts["a"]), "right"), (words.clean(facts["b"]), "right"),
    )  # fmt: skip


def _figure(row: Row) -> list[str]:
    return [words.clean(row["what"]), _value(row["a"]), _value(row["b"])]


def _value(value: Any) -> str:
    if value is None:
        return words.MISSING
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000.0 else f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return words.clean(value)


def _folded(summary: str, columns: Sequence[Column], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    shown = f"{summary} ({len(rows):,})"
    return f"<details><summary>{shown}</summary>{table(columns, rows)}</details>"


def _text_table(columns: Sequence[Column], rows: list[list[str]]) -> Table:
    shown = plain_table(*columns)
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown
