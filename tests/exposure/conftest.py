"""Small fitted models shared by the tests of this room and by tests/properties.

The synthetic tables are labelled as such (source ``synthetic``, no place, no address): nobody was
taken there.
"""

from __future__ import annotations

import copy
import datetime as dt
import functools
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr

AS_OF = "2025-01-17"
SYNTHETIC_END = dt.date(2024, 12, 31)

# Corners of boxes in which synthetic incidents lie: (country, west, south, east, north).
BOXES = (
    ("BF", -2.5, 11.5, 0.5, 14.0),
    ("NE", 1.0, 13.0, 3.5, 14.5),
    ("ML", -9.0, 12.0, -5.5, 14.0),
    ("SN", -16.0, 13.0, -13.5, 14.0),
    ("LS", 27.5, -30.2, 29.2, -28.9),
    ("ZA", 26.0, -31.0, 30.5, -28.0),
    ("FJ", 178.0, -18.3, 180.0, -16.3),
)
COUNTRIES = ("BF", "NE", "ML", "SN", "GM", "LS", "ZA", "FJ")


def synthetic_incidents(n: int = 160, seed: int = 7) -> gpd.GeoDataFrame:
    """Synthetic kidnappings in a few countries, known some days after they happened."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {"country": [], "lon": [], "lat": []}
    for i in range(n):
        country, west, south, east, north = BOXES[i % len(BOXES)]
        rows["country"].append(country)
        rows["lon"].append(round(rng.uniform(west, east), 1 + i % 3))
        rows["lat"].append(round(rng.uniform(south, north), 1 + i % 3))
    first = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 2190, n), unit="D")
    last = first + pd.to_timedelta(rng.choice([0, 0, 1, 30], n), unit="D")
    known = last + pd.to_timedelta(rng.choice([1, 3, 10], n), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"SYNTHETIC-{i}" for i in range(n)],
            "source": "synthetic",
            "kind": "kidnapping",
            "date": first,
            "date_end": last,
            "known_on": known,
            "location_error_km": rng.choice([0.5, 5.0, 25.0, 75.0], n),
            "country": rows["country"],
        },
        geometry=gpd.points_from_xy(rows["lon"], rows["lat"]),
        crs="EPSG:4326",
    )
    return covered(kr.validate_incidents(table))


def covered(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table, saying of itself which countries it covers."""
    coverage = kr.Coverage("synthetic", COUNTRIES, dt.date(2019, 1, 1), SYNTHETIC_END, True)
    table.attrs["coverage"] = [coverage.to_dict()]
    return table


@functools.cache
def _synthetic_table() -> gpd.GeoDataFrame:
    return synthetic_incidents()


@functools.cache
def _synthetic_model() -> kr.KernelMixture:
    return kr.KernelMixture().fit(_synthetic_table())


@functools.cache
def _catalogue_model() -> kr.KernelMixture:
    return kr.KernelMixture().fit(kr.load_catalogue(), as_of=AS_OF)


def incidents() -> gpd.GeoDataFrame:
    """The synthetic table, a fresh copy."""
    table = _synthetic_table().copy()
    table.attrs = copy.deepcopy(_synthetic_table().attrs)
    return table


def small() -> kr.KernelMixture:
    """A model of the synthetic table."""
    return _synthetic_model()


def catalogue_model() -> kr.KernelMixture:
    """A model of the bundled catalogue as known on 17 January 2025."""
    return _catalogue_model()


@pytest.fixture(scope="session")
def table() -> gpd.GeoDataFrame:
    return incidents()


@pytest.fixture(scope="session")
def small_model() -> kr.KernelMixture:
    return small()


@pytest.fixture(scope="session")
def model_2025() -> kr.KernelMixture:
    return catalogue_model()
