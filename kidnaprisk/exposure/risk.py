"""TripRisk: the answer to "how exposed is this trip?", as tables and totals that add up.

It computes nothing: :func:`kidnaprisk.exposure.score.score` fills it, reports print it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

if TYPE_CHECKING:
    from kidnaprisk.exposure.people import CrewPart
    from kidnaprisk.hazard.consequence import ConsequenceAnswer
    from kidnaprisk.routes.trip import Trip

SCORED = "scored"
INSUFFICIENT = "insufficient_data"
OUTSIDE = "outside_coverage"
REGION_COLUMNS = (
    "region_id", "name", "country", "km", "hours", "enter", "leave", "expected_incidents", "low",
    "high", "probability", "share", "percentile", "band", "status", "incidents_365d",
    "nearest_incident_km", "uncovered_km", "n_effective", "geometry",
)  # fmt: skip
STRETCH_COLUMNS = (
    "km_from", "km_to", "enter", "leave", "intensity", "expected_incidents", "percentile", "band",
    "status", "hours", "uncovered_km", "n_effective", "geometry",
)  # fmt: skip
INCIDENT_COLUMNS = (
    "incident_id", "kind", "date", "date_end", "place", "country", "distance_km", "along_km",
    "expected_incidents", "share", "location_error_km", "source", "source_url", "geometry",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TripRisk:
    """Exposure of one trip.

    Attributes
    ----------
    trip : Trip
    radius_km : float
        Encounter radius ρ.
    km, hours : float
        Length and duration of the trip.
    uncovered_km : float
        Km about which the records say nothing: at sea, in no region, or outside the coverage.
    expected_incidents : float
        E, expected recorded incidents within ρ of the vehicle, over the covered km.
    probability : float
        1 − exp(−E): at least one such incident.
    interval : (float, float)
        90 % interval of E; NaN where the model cannot tell how far it may be off.
    band, percentile : int or None, float or None
        Those of the worst 5 km of road, or halt, so that added safe km never make a trip look
        better. None where the trip is not covered and told of throughout, unless high or worse.
    from_parked : float
        The part of E met while parked.
    from_incidents : float or None
        The part of E that single incidents account for; the rest is towns and floor.
    model : dict
        What answered: its name, as-of date, origin day, records, coverage.
    notes : tuple of str
        What a reader must know beside the number.
    regions : GeoDataFrame
        One row a region crossed, in order of first entry. ``km`` are covered km and
        ``uncovered_km`` the others; where ``status`` is ``outside_coverage`` the exposure is
        missing.
    stretches : GeoDataFrame
        One row for each 10 km or so. ``intensity`` is the mean hazard λ over the part driven,
        incidents per km² per day, averaged over discs of radius ρ; halts count in the rest.
    incidents : GeoDataFrame
        Incidents that contribute, most first.
    crew : CrewPart or None
        The part of past kidnappings there that involved people like the crew. None without a crew,
        or where the model keeps no record of who was taken. No other figure changes by it.
    consequence : ConsequenceAnswer or None
        What became of people taken before, in the country of most exposure and, where given, like
        the crew. None where the model's records do not tell. No other figure changes by it.

    Notes
    -----
    Σ ``regions.km`` + ``uncovered_km`` = ``km``; Σ ``expected_incidents`` over regions, or over
    stretches, is that of the trip; Σ ``share`` over regions is 1. A band is withheld where
    evidence is insufficient, unless it is high or worse: thin evidence may warn, never reassure.
    """

    trip: Trip
    radius_km: float
    km: float
    hours: float
    departure: pd.Timestamp
    arrival: pd.Timestamp
    uncovered_km: float
    expected_incidents: float
    probability: float
    interval: tuple[float, float]
    band: int | None
    percentile: float | None
    from_parked: float
    from_incidents: float | None
    model: Mapping[str, Any]
    notes: tuple[str, ...]
    regions: gpd.GeoDataFrame
    stretches: gpd.GeoDataFrame
    incidents: gpd.GeoDataFrame
    crew: CrewPart | None = None
    consequence: ConsequenceAnswer | None = None

    @property
    def systematic(self) -> bool:
        """Whether every source means to record everything; else figures are "at least"."""
        return bool(self.model["systematic"])

    def __repr__(self) -> str:
        band = "none" if self.band is None else self.band
        return (
            f"TripRisk({self.trip.name!r}, {self.km:,.0f} km, expected_incidents="
            f"{self.expected_incidents:.4g}, band={band}, uncovered_km={self.uncovered_km:,.0f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON: totals, then the three tables as lists of rows.

        Instants are ISO 8601 in UTC, missing values are None, geometries are left out.
        """
        totals = {
            "trip": self.trip.name,
            "radius_km": self.radius_km,
            "km": self.km,
            "uncovered_km": self.uncovered_km,
            "hours": self.hours,
            "departure": self.departure,
            "arrival": self.arrival,
            "expected_incidents": self.expected_incidents,
            "probability": self.probability,
            "interval": list(self.interval),
            "band": self.band,
            "percentile": self.percentile,
            "from_parked": self.from_parked,
            "from_incidents": self.from_incidents,
            "model": dict(self.model),
            "notes": list(self.notes),
            "crew": None if self.crew is None else self.crew.to_dict(),
            "consequence": None if self.consequence is None else self.consequence.to_dict(),
        }
        plain: dict[str, Any] = _plain(totals)
        for name in ("regions", "stretches", "incidents"):
            plain[name] = _rows(getattr(self, name))
        return plain

    def to_geojson(self, path: str | Path) -> None:
        """Write stretches and contributing incidents as one GeoJSON FeatureCollection.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        from kidnaprisk.reports.geojson import write_geojson

        write_geojson(self, path)


def _rows(table: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    records = pd.DataFrame(table.drop(columns="geometry")).to_dict(orient="records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in records]


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        if value.tzinfo is None:
            return value.date().isoformat()
        return value.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
