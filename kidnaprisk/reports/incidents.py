"""What came in, what is kept and what was merged, as tables for people.

Counts stand beside what they leave out: rejects before what was read, the span before the sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.reports import words
from kidnaprisk.reports.style import heading, plain_table

_REASONS_SHOWN = 12
_COUNTRIES_SHOWN = 8
_EXAMPLES = 3


def read_report(
    name: str,
    summary: Mapping[str, Any],
    coverage: Sequence[Coverage],
    notes: Sequence[str],
    rejects: pd.DataFrame,
) -> Group:
    """What a file brought.

    Parameters
    ----------
    name : str
        Of the file.
    summary : mapping
        The fields of `ReadSummary`.
    coverage : sequence of Coverage
    notes : sequence of str
    rejects : DataFrame
        As `read_incidents` gives it.
    """
    rejected = sum(summary["rejected"].values())
    lines: list[RenderableType] = [
        Text(words.clean(f"{name}: {summary['format']}"), style="bold"),
        _totals(summary, rejected),
        heading("What came in"),
        _what_came_in(summary),
    ]
    if rejected:
        lines += [heading("Rejected"), _rejected(rejects)]
    if summary["repaired"]:
        lines += [heading("Put right"), _counts(summary["repaired"])]
    lines += [heading("Coverage"), *coverage_lines(coverage)]
    if notes:
        lines += [heading("Notes"), *(Text(words.clean(note)) for note in notes)]
    return Group(*lines)


def _totals(summary: Mapping[str, Any], rejected: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    from_text = summary["kidnappings_from_text"]
    told = f", {from_text:,} of them told by the note alone" if from_text else ""
    table.add_row(f"{summary['rows_in']:,}", "rows in")
    table.add_row(f"{summary['kidnappings']:,}", f"kidnappings{told}")
    table.add_row(f"{summary['context']:,}", "context events")
    lost = summary["kidnappings_rejected"]
    table.add_row(f"{rejected:,}", "rejected" + (f", {lost:,} of them kidnappings" if lost else ""))
    return table


def _what_came_in(summary: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    rows = summary["rows"]
    if not rows:
        table.add_row("", "nothing")
        return table
    countries = summary["countries_by_rows"]
    more = len(countries) - _COUNTRIES_SHOWN
    table.add_row("days", f"{summary['first']} to {summary['last']}")
    table.add_row("exact to the day", f"{summary['exact_days']:,} of {rows:,}")
    table.add_row(
        "countries",
        _listed(dict(list(countries.items())[:_COUNTRIES_SHOWN]))
        + (f" and {more} more" if more > 0 else ""),
    )
    table.add_row("kinds", _listed(summary["kinds"]))
    known = {km: count for km, count in summary["location_error_km"].items() if km != "unknown"}
    precision = [f"within {km} km {known[km]:,}" for km in sorted(known, key=float)]
    unknown = summary["location_error_km"].get("unknown", 0)
    table.add_row("placed", ", ".join(precision + ([f"not said {unknown:,}"] if unknown else [])))
    return table


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{words.clean(name)} {count:,}" for name, count in counts.items())


def _rejected(rejects: pd.DataFrame) -> Table:
    table = plain_table(("rows", "right"), ("reason", "left"), ("remedy", "left"), ("row", "left"))
    reason = rejects["column"] + ": " + rejects["reason"].str.partition(":")[0]
    groups = rejects.groupby([reason, "remedy"], sort=False, dropna=False)
    ranked = sorted(groups, key=lambda group: -len(group[1]))
    for (what, remedy), rows in ranked[:_REASONS_SHOWN]:
        shown = ", ".join(f"{row}" for row in rows["row"].head(_EXAMPLES))
        more = ", ..." if len(rows) > _EXAMPLES else ""
        table.add_row(
            f"{len(rows):,}", Text(words.clean(what)), Text(words.clean(remedy)), shown + more
        )
    for column in table.columns:
        column.vertical = "top"
    for column in table.columns[1:3]:
        column.no_wrap, column.overflow = False, "fold"
    left = sum(len(rows) for _, rows in ranked[_REASONS_SHOWN:])
    if left:
        table.add_row(f"{left:,}", "for other reasons: see them with --rejects", "", "")
    return table


def _counts(counts: Mapping[str, int]) -> Table:
    table = plain_table(("rows", "right"), ("what", "left"))
    for column in table.columns:
        column.vertical = "top"
    for what, count in counts.items():
        table.add_row(f"{count:,}", Text(words.clean(what)))
    return table


def coverage_lines(coverage: Iterable[Coverage]) -> list[Text]:
    """One paragraph for each coverage."""
    lines = []
    for one in coverage:
        kind = "means to record everything" if one.systematic else "a sample, so a floor"
        silent = "" if "kidnapping" in one.kinds else "; records no kidnappings"
        areas = list(one.areas)
        shown = ", ".join(areas[:40]) + (f" and {len(areas) - 40} more" if len(areas) > 40 else "")
        text = f"{one.source}, {one.start} to {one.end}, {kind}{silent}: {shown}"
        lines.append(Text(words.clean(text)))
        if one.note:
            lines.append(Text(words.clean(one.note), style="dim"))
    return lines


def table_of(rows: pd.DataFrame, title: str) -> Group:
    """A small table of plain values under a title, numbers to the right."""
    if rows.empty:
        return Group(Text(title, style="bold"), Text("none"))
    numeric = {str(name) for name in rows if pd.api.types.is_numeric_dtype(rows[name].dtype)}
    named = [(str(name), "right" if str(name) in numeric else "left") for name in rows]
    if not any(side == "left" for _, side in named):
        named[0] = (named[0][0], "left")
    table = plain_table(
        *((name.replace("_", " "), side) for name, side in named),  # type: ignore[arg-type]
        flexible="file" if "file" in rows else None,
    )
    for row in rows.itertuples(index=False):
        table.add_row(*(Text(_shown(cell)) for cell in row))
    return Group(Text(title, style="bold"), table)


def _shown(cell: object) -> str:
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return ""
    if isinstance(cell, float):
        return "" if math.isnan(cell) else f"{cell:,.6g}"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, pd.Timestamp):
        return cell.date().isoformat()
    return words.clean(str(cell))
