"""The card of a model: what it was made from and what it cannot say, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kidnaprisk.hazard.mixture import KernelMixture

_TEXT = """\
# {kind}, as of {as_of:%Y-%m-%d}

Made from {records:,} recorded kidnappings dated {first:%Y-%m-%d} to {last:%Y-%m-%d}, each read only
if it was known by the as-of day.

| source | kidnappings |
|---|---|
{sources}

## Coverage

{coverage}

{regions:,} regions, {area_km2:,.0f} km².

## Weights

Incidents expected to follow one record, by scale (rows) and memory (columns); {total:.3f} in all.
Learned on {targets:,} incidents in months predicted from what was known before them
({iterations:,} EM iterations).

{weights}

Towns add {towns:.2f} incidents a year, an even floor {floor:.2f}. Dispersion of the model's own
past forecasts: {dispersion:.2f}.

## Limits

It answers for exposure to incidents as recorded. What its sources leave out, it cannot know. No
figure of skill stands here, because none has been measured by backtest yet.
"""


def card_for(model: KernelMixture, manifest: Mapping[str, Any]) -> str:
    """Markdown text of a model's card; the same model gives the same text."""
    records = model.records_
    sources = [f"| {source} | {count:,} |" for source, count in manifest["sources"].items()]
    return _TEXT.format(
        kind=manifest["kind"],
        as_of=model.as_of_,
        records=len(records),
        first=records["date"].min(),
        last=records["date_end"].max(),
        sources="\n".join(sources),
        coverage="\n".join(_coverage_lines(model)),
        regions=len(model.covered_regions_),
        area_km2=model.covered_area_km2_,
        total=model.weights_.sum(),
        targets=model.n_targets_,
        iterations=model.n_iter_,
        weights="\n".join(_weight_lines(model)),
        towns=365.25 * model.town_weight_,
        floor=365.25 * model.floor_weight_,
        dispersion=model.dispersion_,
    )


def _coverage_lines(model: KernelMixture) -> list[str]:
    lines = []
    for one in model.coverage_:
        kind = "means to record everything" if one.systematic else "a sample: read as at least"
        lines.append(f"- **{one.source}**, {one.start} to {one.end}, {kind}.")
        lines.append(f"  Areas: {', '.join(one.areas)}.")
        if one.note:
            lines.append(f"  {one.note}")
    return lines


def _weight_lines(model: KernelMixture) -> list[str]:
    lines = [
        "| | " + " | ".join(f"{memory:g} days" for memory in model.memories_days) + " |",
        "|---" * (len(model.memories_days) + 1) + "|",
    ]
    for scale, row in zip(model.scales_km, model.weights_, strict=True):
        lines.append(f"| {scale:g} km | " + " | ".join(f"{weight:.4f}" for weight in row) + " |")
    return lines
