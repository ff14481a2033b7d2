"""SYNTHETIC models, small and quick: random kidnappings in the west of Niger, 2018 to 2021."""

from __future__ import annotations

import datetime as dt
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd

import kidnaprisk as kr

COVER = kr.Coverage("synthetic", ("BF", "NE"), dt.date(2018, 1, 1), dt.date(2022, 12, 31), True)


def invented(n=120, seed=4, cover=COVER):
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 1400, n)), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i:04d}" for i in range(n)], "source": "synthetic",
            "kind": "kidnapping", "date": day, "date_end": day, "known_on": day,
            "location_error_km": 5.0, "country": "NE",
        },
        geometry=gpd.points_from_xy(rng.normal(2.5, 0.5, n), rng.normal(14.0, 0.3, n)),
        crs="EPSG:4326",
    )  # fmt: skip
    table.attrs["coverage"] = [cover.to_dict()]
    return table


def fit(as_of=None, table=None):
    model = kr.KernelMixture(scales_km=(20.0, 80.0), memories_days=(180.0,))
    return model.fit(invented() if table is None else table, as_of=as_of)


@cache
def fitted(as_of):
    """One model a day, fitted once; not to be changed."""
    return fit(as_of)
