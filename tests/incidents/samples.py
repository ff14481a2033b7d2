"""Incident tables and files made up for the tests."""

from __future__ import annotations

import csv
import io

import geopandas as gpd
import pandas as pd

ROW = {
    "incident_id": "a",
    "source": "mine",
    "kind": "kidnapping",
    "date": "2025-01-18",
    "date_end": "2025-01-19",
    "known_on": "2025-01-21",
    "longitude": "0.3",
    "latitude": "14.1",
    "location_error_km": "25",
    "country": "BF",
    "admin1": "Sahel",
    "place": "Dori-Téra road",
    "setting": "road",
    "victims": "4",
    "foreign_victims": "4",
    "nationalities": "MA",
    "sector": "transport",
    "perpetrator": "Islamic State Sahel Province",
    "demand": "",
    "outcome": "released",
    "outcome_date": "2025-08-03",
    "ransom_usd": "",
    "source_url": "https://example.org/a",
}


def rows(*changes: dict[str, str]) -> list[dict[str, str]]:
    """Sound rows with ids a, b, c ..., each with its changes."""
    return [
        {**ROW, "incident_id": chr(ord("a") + position), **change}
        for position, change in enumerate(changes)
    ]


def csv_text(table: list[dict[str, str]], delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(table[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def in_memory(*changes: dict[str, object]) -> gpd.GeoDataFrame:
    """A table as a user would build one, text and all."""
    frame = pd.DataFrame(
        [
            {**ROW, "incident_id": chr(ord("a") + position), **change}
            for position, change in enumerate(changes)
        ]
    )
    points = gpd.points_from_xy(
        frame.pop("longitude").astype(float), frame.pop("latitude").astype(float)
    )
    return gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326")
