"""What the tests of the hazard share: the bundled catalogue, models fitted once, invented tables.

Every invented incident here is random and stands for nothing that happened.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr

WEST_AFRICA = kr.Coverage(
    "synthetic", ("BF", "ML", "NE"), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True
)


def invented(n: int, seed: int = 1, days: int = 2000, delay: int = 7) -> gpd.GeoDataFrame:
    """SYNTHETIC: n random kidnappings around three centres in Niger, 2018 to mid 2023."""
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, 3, n)
    lon = np.array([2.0, 4.0, 8.0])[centre] + rng.normal(0.0, 0.2, n)
    lat = np.array([14.0, 14.5, 14.2])[centre] + rng.normal(0.0, 0.2, n)
    day = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.sort(rng.integers(0, days, n)), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i:05d}" for i in range(n)],
            "source": "synthetic",
            "kind": "kidnapping",
            "date": day,
            "date_end": day,
            "known_on": day + pd.to_timedelta(rng.integers(0, delay + 1, n), unit="D"),
            "location_error_km": rng.choice([1.0, 5.0, 25.0], n),
            "country": "NE",
        },
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )
    table.attrs["coverage"] = [WEST_AFRICA.to_dict()]
    return table


def with_context(table: gpd.GeoDataFrame, n: int = 300, seed: int = 2) -> gpd.GeoDataFrame:
    """SYNTHETIC: the table and n random attacks, battles and explosions, ahead of kidnappings.

    Half lie near a kidnapping some weeks later, half about Gao in Mali, where nobody is taken.
    """
    rng = np.random.default_rng(seed)
    like = table.iloc[rng.integers(0, len(table), n)].reset_index(drop=True)
    alone = rng.random(n) < 0.5
    lon = np.where(alone, -0.05, like.geometry.x) + rng.normal(0.0, 0.1, n)
    lat = np.where(alone, 16.27, like.geometry.y) + rng.normal(0.0, 0.1, n)
    day = like["date"] - pd.to_timedelta(rng.integers(5, 60, n), unit="D")
    day = day.clip(lower=pd.Timestamp("2018-01-01"))
    context = gpd.GeoDataFrame(
        {
            "incident_id": [f"context-{i:05d}" for i in range(n)],
            "source": "synthetic",
            "kind": rng.choice(["attack", "battle", "explosion"], n),
            "date": day,
            "date_end": day,
            "known_on": day + pd.to_timedelta(rng.integers(0, 8, n), unit="D"),
            "location_error_km": rng.choice([1.0, 25.0], n),
            "country": np.where(alone, "ML", "NE"),
        },
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )
    both = gpd.GeoDataFrame(pd.concat([table, context], ignore_index=True), crs="EPSG:4326")
    both.attrs = dict(table.attrs)
    return both


@pytest.fixture(scope="session")
def make_table() -> Callable[..., gpd.GeoDataFrame]:
    return invented


@pytest.fixture(scope="session")
def catalogue() -> gpd.GeoDataFrame:
    return kr.load_catalogue()


@pytest.fixture(scope="session")
def table() -> gpd.GeoDataFrame:
    return kr.validate_incidents(invented(400))


@pytest.fixture(scope="session")
def mixed_table() -> gpd.GeoDataFrame:
    """400 invented kidnappings and 300 invented context events."""
    return kr.validate_incidents(with_context(invented(400)))


@pytest.fixture(scope="session")
def mixed_model(mixed_table: gpd.GeoDataFrame) -> kr.KernelMixture:
    """Fitted on kidnappings and context events; do not change it."""
    return kr.KernelMixture().fit(mixed_table)


@pytest.fixture(scope="session")
def model(table: gpd.GeoDataFrame) -> kr.KernelMixture:
    """Fitted on 400 invented records; do not change it."""
    return kr.KernelMixture().fit(table)


@pytest.fixture(scope="session")
def catalogue_model(catalogue: gpd.GeoDataFrame) -> kr.KernelMixture:
    """Fitted on the bundled catalogue; do not change it."""
    return kr.KernelMixture().fit(catalogue)
