"""Invented records of invented events, for the tests of merging."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
from hypothesis import strategies as st

from kidnaprisk.incidents.table import validate_incidents

# Four drivers taken on a road, told to the day and to 10 km.
TAKING: dict[str, Any] = {
    "incident_id": "1",
    "source": "north",
    "kind": "kidnapping",
    "date": "2024-03-10",
    "date_end": "2024-03-10",
    "known_on": "2024-03-15",
    "lon": 1.0,
    "lat": 13.0,
    "location_error_km": 10.0,
    "country": "NE",
    "admin1": None,
    "place": None,
    "setting": None,
    "victims": None,
    "foreign_victims": None,
    "nationalities": None,
    "sector": None,
    "perpetrator": None,
    "demand": None,
    "outcome": None,
    "outcome_date": None,
    "ransom_usd": None,
    "source_url": None,
    "kind_from_text": None,
}


def table(*changes: dict[str, Any]) -> gpd.GeoDataFrame:
    """Records of the taking, each with its changes; not validated, ids as given."""
    frame = pd.DataFrame([{**TAKING, **change} for change in changes], columns=list(TAKING))
    points = gpd.points_from_xy(frame.pop("lon").astype(float), frame.pop("lat").astype(float))
    return gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326")


def valid(*changes: dict[str, Any]) -> gpd.GeoDataFrame:
    return validate_incidents(table(*changes))


def told_by(source: str, **changes: Any) -> dict[str, Any]:
    return {"source": source, **changes}


# Records near enough to each other that many of them may be one event.
RECORD = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["north", "south", "west"]),
        "kind": st.sampled_from(["kidnapping", "attack", "explosion"]),
        "day": st.integers(0, 40),
        "days": st.sampled_from([0, 0, 0, 6, 30, 364]),
        "lon": st.floats(0.0, 4.0),
        "lat": st.floats(12.0, 15.0),
        "location_error_km": st.sampled_from([5.0, 25.0, 100.0, None]),
        "admin1": st.sampled_from(["Tillabéri", "Zinder", None]),
        "victims": st.sampled_from([1, 4, 17, None]),
        "sector": st.sampled_from(["aid", "transport", None]),
        "perpetrator": st.sampled_from(["Boko Haram", "JNIM", "Unknown", None]),
    }
)


def records(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drawn records with ids of their own and their days as dates."""
    start = pd.Timestamp("2024-01-01")
    made = []
    for at, record in enumerate(drawn):
        values = dict(record)
        first = start + pd.Timedelta(days=values.pop("day"))
        last = first + pd.Timedelta(days=values.pop("days"))
        known_on = last + pd.Timedelta(days=5)
        made.append(
            {
                **values,
                "incident_id": str(at),
                "date": first,
                "date_end": last,
                "known_on": known_on,
            }
        )
    return made
