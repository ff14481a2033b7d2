"""What must be said beside a trip's number: gaps, thin evidence, samples, stale records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np

from kidnaprisk.exposure.itinerary import Itinerary
from kidnaprisk.exposure.people import CrewPart
from kidnaprisk.exposure.risk import INSUFFICIENT
from kidnaprisk.routes.trip import Trip

if TYPE_CHECKING:
    from kidnaprisk.exposure.score import Exposure

_STALE_DAYS = 45
_NAMED = 6
_MUCH_PARKED = 0.2


def notes_for(
    trip: Trip,
    way: Itinerary,
    exposure: Exposure,
    regions: gpd.GeoDataFrame,
    model: Mapping[str, Any],
    crew: CrewPart | None,
) -> tuple[str, ...]:
    """Notes on one scored trip, most weighty first."""
    notes = []
    total = float(np.nansum(exposure.expected))
    parked = float(np.nansum(exposure.expected[way.parked]))
    if parked > _MUCH_PARKED * total:
        hours = float(way.hours[way.parked].sum())
        notes.append(
            f"{parked / total:.0%} of the exposure is met while parked ({hours:,.0f} of "
            f"{way.hours.sum():,.0f} hours): bands rank the road, not the time spent on it"
        )
    uncovered = float(way.km[~exposure.covered].sum())
    if uncovered > 0.0:
        nowhere = float(way.km[way.region < 0].sum())
        outside = regions.loc[regions["uncovered_km"] > 0.0, "name"].tolist()
        parts = []
        if outside:
            parts.append(f"outside the records' coverage: {_listed(outside)}")
        if nowhere > 0.0:
            parts.append(f"{nowhere:,.1f} km at sea or in no region, as the line is drawn")
        notes.append(
            f"{uncovered:,.1f} km are not scored ({'; '.join(parts)}): "
            "their risk is unknown, not low"
        )
    thin = regions[regions["status"] == INSUFFICIENT]
    if len(thin):
        named = thin.sort_values("expected_incidents", ascending=False)["name"].tolist()
        notes.append(
            f"Too few incidents speak for {_listed(named)}: insufficient data there is not safety"
        )
    if not model["systematic"]:
        notes.append(
            "The records are a sample of what the press reported: read probability and expected "
            'incidents as "at least"; bands and shares compare like with like'
        )
    if "origin" in model:
        late = (way.enter[-1].astype("datetime64[D]").item() - model["origin"]).days
        if late > _STALE_DAYS:
            notes.append(
                f"The records end {late} days before the trip does ({_day(model['origin'])}): "
                "the hazard is held as it stood then; re-train on newer incidents"
            )
    if trip.crew is not None and (crew is None or crew.share is None):
        notes.append(
            "How many incidents involve people like this crew is not told: "
            + ("the model's records do not say" if crew is None else "too few records say")
            + " who was taken. The figures count incidents against anyone"
        )
    return tuple(notes)


def _day(day: dt.date) -> str:
    return f"{day:%d %b %Y}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
