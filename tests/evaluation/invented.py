"""SYNTHETIC: incidents in Togo and Benin that never happened, and models of known λ."""

from __future__ import annotations

import datetime as dt
import math

import geopandas as gpd
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

import kidnaprisk as kr
from kidnaprisk.hazard.network import Standing
from kidnaprisk.hazard.pieces import Evidence
from tests.evaluation.plain_backtest import EPOCH, Event, Told

DEGREES = 0.5
START, END = dt.date(2020, 1, 1), dt.date(2021, 6, 30)
# Togo is not covered in October 2020; Benin from April 2020 on, and only until May 2021.
TOLD = (
    Told(("TG",), dt.date(2019, 1, 1), dt.date(2020, 9, 30)),
    Told(("TG",), dt.date(2020, 11, 1), dt.date(2021, 12, 31)),
    Told(("BJ",), dt.date(2020, 4, 1), dt.date(2021, 5, 20)),
)
COVERAGE = [kr.Coverage("made", one.countries, one.start, one.end, True) for one in TOLD]
# In a corner of Zou, Benin, where its cell of half a degree holds none of its nine points.
SLIVER = (2.306, 6.938)


def made_events(n=140, seed=4):
    """SYNTHETIC: some last for weeks, some lie in Ghana or at sea, some become known late."""
    rng = np.random.default_rng(seed)
    events = []
    for k in range(n):
        lon, lat = rng.uniform(-0.6, 3.2), rng.uniform(6.1, 12.2)
        first = dt.date(2019, 6, 1) + dt.timedelta(days=int(rng.integers(0, 800)))
        last = first + dt.timedelta(days=int(rng.choice([0, 0, 0, 9, 30])))
        known = last + dt.timedelta(days=int(rng.choice([0, 3, 20, 200])))
        if k == 40:
            lon, lat, first = *SLIVER, dt.date(2020, 7, 15)
            last = first
        if k < 40:
            lon, lat = 1.2 + rng.normal(0.0, 0.2), 9.5 + rng.normal(0.0, 0.5)
        events.append(Event(round(lon, 4), round(lat, 4), first, last, known))
    return events


def table_of(events, kind="kidnapping", name="made"):
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"{name}-{k}" for k in range(len(events))],
            "source": "made",
            "kind": kind,
            "date": pd.to_datetime([e.first for e in events]),
            "date_end": pd.to_datetime([e.last for e in events]),
            "known_on": pd.to_datetime([e.known for e in events]),
            "location_error_km": 5.0,
            "country": "TG",
        },
        geometry=gpd.points_from_xy([e.lon for e in events], [e.lat for e in events]),
        crs="EPSG:4326",
    )
    table.attrs["coverage"] = [one.to_dict() for one in COVERAGE]
    return table


def made_table(events):
    """Kidnappings, and as many attacks nearby, which are no kidnappings."""
    attacks = table_of(made_events(60, seed=9), "attack", "other")
    both = pd.concat([table_of(events), attacks], ignore_index=True)
    both.attrs["coverage"] = [one.to_dict() for one in COVERAGE]
    return both


def growing(lon, lat, day, as_of, known):
    """λ that changes in time, differs by place and by what was known."""
    ahead = day - (as_of - EPOCH).days
    place = 1.2 + math.sin(3.0 * lon) * math.cos(2.0 * lat)
    return 2.0e-7 * (1.0 + known / 10.0) * place * math.exp(0.004 * ahead)


def flat(lon, lat, day, as_of, known):
    return 1.0e-6 * (1.0 + known / 200.0)


def quiet(lon, lat, day, as_of, known):
    """Says nothing of the far north until it knows of ninety incidents."""
    return None if lat > 11.5 and known < 90 else 3.0 * flat(lon, lat, day, as_of, known)


class Known(BaseEstimator):
    """SYNTHETIC: a model of known λ, by the days, the rows and the as-of day it was given."""

    def __init__(self, rate=growing, least=0):
        self.rate = rate
        self.least = least

    def fit(self, incidents, as_of=None):
        assert (incidents["known_on"] <= as_of).all()
        assert incidents.index.tolist() == list(range(len(incidents)))
        self.n_ = int((incidents["kind"] == "kidnapping").sum())
        if self.n_ < self.least:
            raise kr.ModelError("too few")
        self.day_ = as_of.date()
        return self

    def intensity(self, points, when):
        day = (when - pd.Timestamp(0, unit="D", tz="UTC")) / pd.Timedelta(days=1)
        days = np.broadcast_to(np.asarray(day, dtype=float), (len(points),))
        rate = [
            self.rate(x, y, each, self.day_, self.n_)
            for x, y, each in zip(points.x, points.y, days, strict=True)
        ]
        return np.array([np.nan if one is None else one for one in rate])


class Sure(Known):
    """SYNTHETIC: as if two incidents spoke for every exposure, with a dispersion of 0.3."""

    records_ = pd.DataFrame()
    dispersion_ = 0.3
    fewest_effective = 1.0
    spread = 1.0 / 2.5 + 0.3

    def covers(self, region_id):
        return np.ones(len(region_id), dtype=bool)

    def evidence(self, pieces, group, n_groups):
        lon, lat = pieces.middle()
        points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326")
        expected = pieces.factor * self.intensity(points, pd.DatetimeIndex(pieces.when, tz="UTC"))
        half = 0.5 * np.bincount(group, expected, minlength=n_groups)
        # Four equal incidents speak for half of it: n_eff = 4 · ½.
        return Evidence(expected, half, half**2 / 4.0, np.empty(0))

    def standing(self, when, radius_km):
        return Standing(np.linspace(0.0, 1.0e-5, 1000), np.ones(1000))

    def describe(self):
        return {}
