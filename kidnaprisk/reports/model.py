"""What a stored model is made of, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kidnaprisk.reports import words
from kidnaprisk.reports.style import heading, plain_table

_LEAST_SHARE = 0.001


def model_report(facts: Mapping[str, Any], outcome: str) -> Group:
    """The report of a model, for a rich console.

    Parameters
    ----------
    facts : mapping
        ``name``, ``version``, ``path``, ``kind``, ``as_of``, ``origin``, ``incidents``,
        ``sources``, ``systematic``, ``coverage``, ``covered_regions``, ``covered_area_km2``,
        ``parameters``, ``weights`` (rows of ``part``, ``scale_km``, ``memory_days``, ``weight``,
        ``share``), ``dispersion``, ``context_events``, ``files_verified``.
    outcome : str
        What was done: ``"Verified"`` or ``"Written to"``.
    """
    sources = ", ".join(f"{name} {count:,}" for name, count in facts["sources"].items())
    lines: list[RenderableType] = [
        Text(words.clean(f"{facts['name']} {facts['version']}"), style="bold"),
        Text(
            f"{facts['kind']}, as of {facts['as_of']}; hazard stands still after {facts['origin']}"
        ),
        Text(
            words.clean(
                f"{facts['incidents']:,} kidnappings, {facts['context_events']:,} context events: "
                f"{sources}"
            )
        ),
        # Whole, however long: to be copied.
        Text(f"{outcome} {words.clean(facts['path'])}", no_wrap=True, overflow="ignore"),
        Text(f"{len(facts['files_verified'])} files, every one as its manifest says"),
        heading("Coverage"),
        _coverage(facts),
        heading("Weights: incidents expected to follow one record; a day, for towns and floor"),
        _weights(facts),
        Text(f"Dispersion of past forecasts {facts['dispersion']:.2f}."),
        heading("Parameters"),
        _parameters(facts),
    ]
    return Group(*lines)


def _coverage(facts: Mapping[str, Any]) -> Group:
    lines = []
    for one in facts["coverage"]:
        kind = "meant to record everything" if one["systematic"] else "a sample"
        text = f"{one['source']}, {one['start']} to {one['end']}, {kind}: {', '.join(one['areas'])}"
        lines.append(Text(words.clean(text)))
        if one.get("note"):
            lines.append(Text(words.clean(one["note"]), style="dim"))
    lines.append(
        Text(f"{facts['covered_regions']:,} regions, {facts['covered_area_km2']:,.0f} km²")
    )
    return Group(*lines)


def _weights(facts: Mapping[str, Any]) -> Table:
    table = plain_table(
        ("part", "left"), ("scale", "right"), ("memory", "right"), ("weight", "right"),
        ("share of incidents", "right"),
    )  # fmt: skip
    for row in facts["weights"]:
        if row["share"] >= _LEAST_SHARE:
            scale = "" if row["scale_km"] is None else f"{row['scale_km']:g} km"
            memory = "" if row["memory_days"] is None else f"{row['memory_days']:g} days"
            share = f"{row['share']:.1%}"
            table.add_row(row["part"], scale, memory, f"{row['weight']:.4g}", share)
    return table


def _parameters(facts: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in sorted(facts["parameters"].items()):
        if isinstance(value, list):
            shown = ", ".join(one if isinstance(one, str) else f"{one:g}" for one in value)
        else:
            shown = str(value)
        table.add_row(Text(name), Text(shown))
    return table
