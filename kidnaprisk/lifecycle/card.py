"""The card of a model: what it was made from and what it cannot say, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kidnaprisk.hazard.mixture import KernelMixture

_LEAST_SHARE = 0.001

_TEXT = """\
# {kind}, as of {as_of:%Y-%m-%d}

Made from {records:,} recorded kidnappings dated {first:%Y-%m-%d} to {last:%Y-%m-%d} and {context:,}
context events, each read only if it was known by the as-of day.

| source | records |
|---|---|
{sources}

## Coverage

{coverage}

{regions:,} regions, {area_km2:,.0f} km².

## Weights

Learned on {targets:,} incidents in months predicted from what was known before them
({iterations:,} EM steps). Weights are incidents expected to follow one record, or incidents a day
of towns and floor; parts that explain under a thousandth of the incidents are left out.

{weights}

Dispersion of the model's own past forecasts: {dispersion:.2f}.

## Limits

It answers for exposure to incidents as recorded. What its sources leave out, it cannot know. What
skill such a model has shown, and on which data, stands in docs/method.md; it was measured on other
fits than this one, which has seen all its records.
"""


def card_for(model: KernelMixture, manifest: Mapping[str, Any]) -> str:
    """Markdown text of a model's card; the same model gives the same text."""
    kidnapping = (model.records_["kind"] == "kidnapping").to_numpy()
    records = model.records_[kidnapping]
    sources = [f"| {source} | {count:,} |" for source, count in manifest["sources"].items()]
    return _TEXT.format(
        kind=manifest["kind"],
        as_of=model.as_of_,
        records=len(records),
        context=int((~kidnapping).sum()),
        first=records["date"].min(),
        last=records["date_end"].max(),
        sources="\n".join(sources),
        coverage="\n".join(_coverage_lines(model)),
        regions=len(model.covered_regions_),
        area_km2=model.covered_area_km2_,
        targets=model.n_targets_,
        iterations=model.n_iter_,
        weights="\n".join(_weight_lines(model)),
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
    parts = model.explain()
    lines = ["| part | scale | memory | weight | share of incidents |", "|---|---|---|---|---|"]
    for row in parts[parts["share"] >= _LEAST_SHARE].to_dict("records"):
        scale, memory = (
            "" if np.isnan(row[name]) else f"{row[name]:g} {unit}"
            for name, unit in (("scale_km", "km"), ("memory_days", "days"))
        )
        lines.append(
            f"| {row['part']} | {scale} | {memory} | {row['weight']:.4g} | {row['share']:.1%} |"
        )
    return lines
