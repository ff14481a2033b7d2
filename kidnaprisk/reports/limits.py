"""What a trip's figures leave out, and what they are made from: the small print, in plain words."""

from __future__ import annotations

import datetime as dt

import pandas as pd
from rich.table import Table
from rich.text import Text

from kidnaprisk.exposure.risk import TripRisk
from kidnaprisk.reports import words

ATTRIBUTION = "Regions: Made with Natural Earth. Towns: GeoNames, CC BY 4.0."


def limits(risk: TripRisk) -> Table:
    """Notes, the hazard's as-of day, each source with its span, and who is to be named."""
    lines = list(risk.notes)
    if risk.uncovered_km <= 0.0:
        lines.insert(0, "Every km of the trip lies where the records speak")
    lines += [_hazard(risk), *_sources(risk), ATTRIBUTION]
    bullets = Table.grid(padding=(0, 1, 0, 0))
    for line in lines:
        bullets.add_row("•", Text(_sentence(words.clean(line))))
    return bullets


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _hazard(risk: TripRisk) -> str:
    model = risk.model
    as_of = _as_day(model.get("as_of"))
    text = f"Hazard: {model['name']}"
    if as_of is None:
        return text
    text += f", {model['incidents']:,} incidents known by {words.day(as_of)}"
    departure = risk.departure.date()
    if departure > as_of:
        return text
    before = departure - dt.timedelta(days=1)
    return (
        f"{text}. For each day of the trip only those known the day before count, but its weights "
        f"were learned with hindsight; --as-of {before.isoformat()} re-fits on what was known then"
    )


def _sources(risk: TripRisk) -> list[str]:
    """What each source covers, of those that cover a part of the trip."""
    coverage = list(risk.model.get("coverage", ()))
    crossed = {*risk.regions["country"], *risk.regions["region_id"]}
    speaking = [one for one in coverage if crossed.intersection(one["areas"])]
    return [
        f"Data: {one['source']}, {one['start']} to {one['end']}, "
        f"{'meant to record everything' if one['systematic'] else 'a sample'}"
        + (f". {one['note']}" if one.get("note") else "")
        for one in speaking or coverage
    ]


def _as_day(value: object) -> dt.date | None:
    if value is None:
        return None
    return pd.Timestamp(value).date()  # type: ignore[arg-type]
