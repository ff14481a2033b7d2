"""Ensemble: weights against an optimiser and by hand, and answers as the sum of its members'."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, clone

from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.boosted import BoostedHazard
from kidnaprisk.hazard.ensemble import Ensemble, convex_weights
from kidnaprisk.hazard.pieces import Pieces

from geopandas import GeoSeries, points_from_xy  # isort: skip

WHEN = pd.Timestamp("2023-08-01", tz="UTC")
MEMBERS = {
    "near": BoostedHazard(rounds=0, scales_km=(12.0,), cell_degrees=0.5),
    "wide": BoostedHazard(rounds=0, scales_km=(150.0,), town_scales_km=(40.0,), cell_degrees=0.5),
}


class Even(BaseEstimator):
    """λ the same everywhere, whatever the records."""

    def __init__(self, rate: float = 1e-6) -> None:
        self.rate = rate

    def fit(self, incidents, as_of=None):
        return self

    def intensity(self, points, when):
        return np.full(len(points), self.rate)


def at(lon, lat):
    return GeoSeries(points_from_xy(np.atleast_1d(lon), np.atleast_1d(lat)), crs="EPSG:4326")


@pytest.fixture(scope="module")
def ensemble(table):
    return Ensemble(MEMBERS, holdout_windows=3, cell_degrees=0.5).fit(table)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_weights_are_where_an_optimiser_finds_them(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 60)), int(rng.integers(2, 5))
    f, expected = rng.exponential(size=(n, k)), rng.uniform(0.2, 2.0, k) * n
    prior = np.full(k, 0.5)
    found = convex_weights(f, expected, prior)

    def loss(z):
        w = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        return -(np.log(f @ w).sum() - w @ expected + prior @ np.log(np.maximum(w, 1e-300)))

    best = min(minimize(loss, z, tol=1e-12).fun for z in (np.zeros(k), np.log(found + 1e-12)))
    assert found.sum() == pytest.approx(1.0)
    assert np.all(found >= 0.0)
    assert loss(np.log(np.maximum(found, 1e-300))) <= best + 1e-5 * (1.0 + abs(best))


def test_by_hand():
    # Equal totals: the weight of the first is its share of the incidents, 3 of 4.
    only_one_could = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    assert convex_weights(only_one_could, np.ones(2), np.zeros(2)) == pytest.approx([0.75, 0.25])
    # No incident, no prior: nothing speaks for either.
    assert convex_weights(np.empty((0, 2)), np.ones(2), np.zeros(2)).tolist() == [0.5, 0.5]


def test_the_member_that_told_more_weighs_more(ensemble):
    assert ensemble.log_scores_["near"] > ensemble.log_scores_["wide"]
    assert ensemble.shares_["near"] > 0.7
    assert sum(ensemble.shares_.values()) == pytest.approx(1.0)
    assert 5 < ensemble.held_out_ < 40


def test_answers_are_the_weighted_sum_of_the_members(ensemble):
    where = at([2.0, 8.0, -60.0], [14.0, 14.2, 0.0])
    parts = [ensemble.shares_[k] * m.intensity(where, WHEN) for k, m in ensemble.members_.items()]
    assert np.array_equal(ensemble.intensity(where, WHEN), np.sum(parts, axis=0), equal_nan=True)
    start = np.array([[1.98, 14.0], [-60.0, 0.0]])
    pieces = Pieces(start, start + 0.01, np.ones(2), np.full(2, WHEN.to_datetime64()), 10.0)
    sums = [ensemble.shares_[k] * m.integrate(pieces) for k, m in ensemble.members_.items()]
    assert np.array_equal(ensemble.integrate(pieces), np.sum(sums, axis=0), equal_nan=True)
    assert np.isnan(ensemble.integrate(pieces)[1])
    assert ensemble.describe()["members"] == ensemble.shares_
    assert ensemble.covers(np.array(["no-such"], dtype=object)).tolist() == [False]


def test_a_member_may_offer_nothing_but_intensity(table):
    mixed = Ensemble(
        {"even": Even(1e-7), "near": MEMBERS["near"]}, holdout_windows=2, cell_degrees=0.5
    ).fit(table)
    assert mixed.shares_["near"] > 0.5
    start = np.array([[2.0, 14.0]])
    pieces = Pieces(start, start + 0.01, np.ones(1), np.full(1, WHEN.to_datetime64()), 10.0)
    near = mixed.shares_["near"] * mixed.members_["near"].integrate(pieces)[0]
    even = mixed.shares_["even"] * 1e-7 * np.pi * 100.0 / 24.0
    assert mixed.integrate(pieces)[0] == pytest.approx(near + even, rel=1e-9)


def test_what_is_learned_later_changes_nothing_and_without_a_past_all_weigh_the_same(table):
    as_of = pd.Timestamp("2021-06-01")
    model = Ensemble(MEMBERS, holdout_windows=1, cell_degrees=0.5)
    known = table[table["known_on"] <= as_of]
    known.attrs = table.attrs
    first, second = clone(model).fit(table, as_of=as_of), clone(model).fit(known, as_of=as_of)
    assert first.shares_ == second.shares_
    early = clone(model).set_params(window_days=3000).fit(table)
    assert early.held_out_ == 0
    assert early.log_scores_ == {}
    assert set(early.shares_.values()) == {0.5}


def test_refusals(table):
    with pytest.raises(ModelError, match="no members"):
        Ensemble({}).fit(table)
    with pytest.raises(ModelError, match="holdout_windows is not a whole number"):
        Ensemble(MEMBERS, holdout_windows=-1).fit(table)
    with pytest.raises(ModelError, match="not fitted"):
        Ensemble(MEMBERS).intensity(at(2.0, 14.0), WHEN)
    bare = type("Bare", (), {"fit": print, "intensity": print})()
    with pytest.raises(ModelError, match=r"'bare' has no get_params.*BaseEstimator"):
        Ensemble({"bare": bare}).fit(table)
    with pytest.raises(ModelError, match="'near' is a class"):
        Ensemble({"near": type(MEMBERS["near"])}).fit(table)
