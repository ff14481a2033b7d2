"""Gaps in what a source tells: neither quiet days nor days that fade. SYNTHETIC throughout."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

import kidnaprisk as kr
from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard import training
from kidnaprisk.hazard.area import covered_area, covered_days, covered_regions, day_number
from kidnaprisk.hazard.boosted import BoostedHazard
from kidnaprisk.hazard.ensemble import Ensemble
from kidnaprisk.hazard.kernels import component_densities
from kidnaprisk.hazard.sources import fold_records, record_table
from kidnaprisk.hazard.state import from_state, to_state

FIRST, LAST = dt.date(2012, 1, 1), dt.date(2024, 12, 31)
GAP = dt.date(2022, 1, 1), dt.date(2023, 12, 31)
RATE = 0.35
DAY = dt.timedelta(days=1)
EVER = (kr.Coverage("synthetic", ("BF",), FIRST, LAST, True),)
BROKEN = tuple(
    kr.Coverage("synthetic", ("BF",), *days, True)
    for days in ((FIRST, GAP[0] - DAY), (GAP[1] + DAY, LAST))
)


def steady(seed: int, *, delay_days: int = 0) -> gpd.GeoDataFrame:
    """0.35 kidnappings a day in the middle of Burkina Faso, none recorded of days in the gap."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(RATE * ((LAST - FIRST).days + 1))
    day = np.sort(rng.integers(0, (LAST - FIRST).days + 1, n))
    date = pd.Timestamp(FIRST) + pd.to_timedelta(day, unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i:05d}" for i in range(n)], "source": "synthetic",
            "kind": "kidnapping", "date": date, "date_end": date,
            "known_on": date + pd.to_timedelta(rng.integers(0, delay_days + 1, n), unit="D"),
            "location_error_km": 5.0, "country": "BF",
        },
        geometry=gpd.points_from_xy(rng.normal(-1.0, 0.5, n), rng.normal(12.5, 0.4, n)),
        crs="EPSG:4326",
    )  # fmt: skip
    told = (date < pd.Timestamp(GAP[0])) | (date > pd.Timestamp(GAP[1]))
    return kr.validate_incidents(table[told].reset_index(drop=True))


def expected_a_day(model: kr.KernelMixture, day: str) -> float:
    """λ over the raster of the covered area."""
    regions = covered_regions(EVER)
    area = covered_area(regions, *covered_days(regions, EVER, model.origin_day_, 0))
    at = gpd.GeoSeries(gpd.points_from_xy(area.cell_lon, area.cell_lat), crs="EPSG:4326")
    return float(model.intensity(at, pd.Timestamp(day, tz="UTC")) @ area.cell_km2)


@pytest.fixture(scope="module")
def models():
    return [kr.KernelMixture(coverage=BROKEN).fit(steady(seed)) for seed in range(3)]


def taken_for_quiet(model):
    """The same model whose memories count the days of the gap as days without a kidnapping."""
    other = copy.copy(model)
    _, other.places_, order = fold_records(
        model.records_, EVER, day_number(LAST), model.get_params()
    )
    other.records_ = model.records_.iloc[order].reset_index(drop=True)
    other.forget()
    return other


def test_a_steady_rate_is_told_at_its_level_after_a_gap(models):
    """A year after a gap of two. A memory of two years alone would err by 6 % a model: it rests on
    2 · 730 · 0.35 records in effect, 4 %, of which the gap takes a third and of its level 0.38. Of
    three models that is 3.4 %. Counted as quiet, the gap makes 0.83 of the level 1.04 they tell."""
    day = "2025-01-01"
    level = np.mean([expected_a_day(model, day) for model in models]) / RATE
    assert abs(level - 1.0) < 0.08
    quiet = np.mean([expected_a_day(taken_for_quiet(model), day) for model in models]) / RATE
    assert quiet < 0.88


def test_it_is_told_at_its_level_on_the_days_around_the_gap_too(models):
    """In the gap it stands still; on the days after it, the shortest memories have yet to fill."""
    days = ("2022-01-01", "2022-01-02", "2023-07-01", "2024-01-01", "2024-01-02", "2024-02-01")
    levels = np.array([[expected_a_day(one, day) for day in days] for one in models]) / RATE
    assert (levels[:, :4] == levels[:, :1]).all()
    mean = levels.mean(axis=0)
    assert (np.abs(mean[:4] - 1.0) < 0.1).all()
    assert (mean[4:] > 0.85).all()


def test_a_stored_model_with_gaps_says_the_same():
    model = kr.KernelMixture(coverage=BROKEN).fit(steady(7, delay_days=200))
    arrays, facts = to_state(model)
    again = from_state(arrays, json.loads(json.dumps(facts)))
    rng = np.random.default_rng(1)
    at = gpd.GeoSeries(
        gpd.points_from_xy(rng.normal(-1.0, 1.0, 200), rng.normal(12.5, 1.0, 200)), crs="EPSG:4326"
    )
    for day in ("2020-01-01", "2022-01-10", "2023-06-01", "2024-01-10", "2026-01-01"):
        when = pd.Timestamp(day, tz="UTC")
        assert again.intensity(at, when).tobytes() == model.intensity(at, when).tobytes()
    # Those known in the gap have lists of silences of their own.
    assert len(again.places_.silences) > 5
    assert again.places_.silences.tolist() == model.places_.silences.tolist()


def test_what_is_stated_of_days_to_come_is_not_heard(models):
    """As of a day in the gap a source might as well have ended before it."""
    told, last_day = models[0].records_, day_number(dt.date(2022, 7, 1))
    told = told[told["known_on"] < pd.Timestamp(GAP[0])].reset_index(drop=True)
    at = gpd.GeoSeries(gpd.points_from_xy([-1.0, -2.0], [12.5, 13.0]), crs="EPSG:4326")
    when = [pd.Timestamp(day, tz="UTC") for day in ("2021-06-01", "2022-01-10", "2024-07-01")]
    answers = []
    for coverage in (BROKEN, BROKEN[:1]):
        model = copy.copy(models[0])
        _, model.places_, order = fold_records(told, coverage, last_day, model.get_params())
        model.records_ = told.iloc[order].reset_index(drop=True)
        answers.append([model.intensity(at, one).tolist() for one in when])
    assert answers[0] == answers[1]


def test_the_fit_expects_of_a_record_what_the_forecast_adds_for_it():
    """Records 10° apart, some known in gaps: λ at each over all windows is its exposure there."""
    n, memories, scale, rng = 36, (60.0, 730.0, 3650.0), 10.0, np.random.default_rng(9)
    table = steady(9).iloc[:n].reset_index(drop=True)
    table["geometry"] = gpd.points_from_xy(np.arange(n) * 10.0 - 180.0, np.full(n, 12.5))
    date = pd.Timestamp("2020-06-01") + pd.to_timedelta(rng.integers(0, 1600, n), unit="D")
    table["date"] = table["date_end"] = date
    table["known_on"] = date + pd.to_timedelta(rng.integers(0, 60, n), unit="D")
    again = kr.Coverage("synthetic", ("BF",), GAP[1] + DAY, dt.date(2024, 3, 1), True)
    coverage = (*BROKEN[:1], again, dataclasses.replace(again, start=dt.date(2024, 5, 2), end=LAST))
    told, _ = record_table(kr.validate_incidents(table), covered_regions(EVER))
    parameters = {
        **kr.KernelMixture().get_params(), "memories_days": memories, "scales_km": (scale,),
    }  # fmt: skip
    end = day_number(LAST) + 90
    records, places, _ = fold_records(told, coverage, end, parameters)
    assert len(np.unique(records.silence_row)) > 5
    start = end - 30 * np.arange(1, 60)
    history = training.History(
        start, np.full(n, -1), np.ones((1, 59), dtype=bool), np.zeros(n, dtype=np.int64), 30
    )
    got = training._faded_over_windows(
        records, history, places.silences, np.array(memories), np.ones(59)
    )
    xyz = ecef_km(records.lon, records.lat)
    want = np.zeros((n, 3))
    for day in start:
        out, days = np.zeros((n, 1, 2, 1, 3)), np.full(n, day)
        component_densities(xyz, days, places, np.array([scale**2]), np.array(memories), out)
        want += 30 * out[:, 0, 1, 0] * 8.0 * np.pi * scale**2 / 3.0
    assert (want > 0.0).all(axis=1).mean() > 0.9
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-300)


def test_trees_refuse_a_gap_and_know_nothing_of_one_to_come():
    """They would read it as quiet."""
    table = steady(3)
    few = {"rounds": 0, "cell_degrees": 1.0}
    for day in ("2022-01-01", "2022-07-01", "2025-01-01"):
        with pytest.raises(kr.CoverageError, match="no source tells of the days from 2022-01-01"):
            BoostedHazard(coverage=BROKEN, **few).fit(table, as_of=day)
    at = gpd.GeoSeries(gpd.points_from_xy([-1.0, -2.0], [12.5, 13.0]), crs="EPSG:4326")
    one, other = (
        BoostedHazard(coverage=coverage, **few).fit(table, as_of="2021-12-31")
        for coverage in (BROKEN, EVER)
    )
    when = pd.Timestamp("2022-01-05", tz="UTC")
    assert one.intensity(at, when).tolist() == other.intensity(at, when).tolist()


class Even(BaseEstimator):
    """λ the same everywhere, whatever the records."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def fit(self, incidents, as_of=None):
        return self

    def intensity(self, points, when):
        return np.full(len(points), self.rate)


def test_members_are_not_weighed_on_months_of_which_nobody_tells():
    """Of 40 months back from the end of 2024, 12 lie before the gap is reached and 3 beyond it."""
    table = steady(4)
    table.attrs["coverage"] = [one.to_dict() for one in BROKEN]
    members = {"low": Even(1e-6), "high": Even(2e-6)}
    fitted = Ensemble(members, holdout_windows=40, cell_degrees=1.0).fit(table, as_of=LAST)
    day = table["date"].to_numpy()
    end = np.datetime64(LAST)
    spans = [(end - np.timedelta64(360, "D"), end),
             (end - np.timedelta64(1200, "D"), end - np.timedelta64(1110, "D"))]  # fmt: skip
    assert fitted.held_out_ == sum(int(((day > a) & (day <= b)).sum()) for a, b in spans)
    # A score is the mean of log λ·cell less what was expected: at double the rate, of as much more.
    area = covered_area(covered_regions(EVER), np.array([0]), np.array([1])).area_km2
    less = np.log(2.0) - (fitted.log_scores_["high"] - fitted.log_scores_["low"])
    assert less * fitted.held_out_ == pytest.approx(1e-6 * area * 30 * 15, rel=0.02)
