"""Scores of forecast counts: by hand, against scipy's distributions and scoringrules."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from kidnaprisk.errors import ConfigError, ModelError
from kidnaprisk.evaluation.scores import (
    checked,
    count_above,
    count_at_most,
    crps_negative_binomial,
    crps_poisson,
    gain_curve,
    hit_rate,
    information_gain,
    negative_binomial_log_score,
    poisson_log_score,
    prediction_accuracy_index,
)

MEANS = st.floats(1e-6, 300.0)
EXCESS = st.floats(1e-3, 30.0)  # variance over mean, less 1
CELLS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 2.0, 3.7]), st.floats(0.1, 90.0), st.integers(0, 5)),
    min_size=1,
    max_size=30,
).filter(lambda cells: any(n for *_, n in cells))


def scipys(mean, variance):
    return nbinom(mean**2 / (variance - mean), mean / variance)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"expected": [1.0, 2.0], "observed": [1]},
            "differ in shape: expected .2,., observed .1,.",
        ),
        ({"expected": [], "observed": []}, "empty"),
        ({"expected": [0.0], "observed": [1]}, "expected is not finite and above 0"),
        ({"expected": [np.nan], "observed": [1]}, "expected is not finite and above 0"),
        ({"expected": [np.inf], "observed": [1]}, "expected is not finite and above 0"),
        ({"expected": [1.0], "observed": [-1]}, "observed is not a whole number.*value -1"),
        ({"expected": [1.0], "observed": [0.5]}, "observed is not a whole number"),
        ({"expected": [1.0], "observed": [np.nan]}, "observed is not a whole number"),
        ({"expected": ["many"], "observed": [1]}, "expected is not numbers"),
        ({"hazard": [-0.1], "observed": [1]}, "hazard is not finite and at least 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(wrong, said):
    with pytest.raises(ModelError, match=said):
        checked(**wrong)


def test_parts_of_an_incident_pass_where_asked_for():
    (observed,) = checked(whole=False, observed=[0.5])
    assert observed == [0.5]


def test_log_scores_by_hand():
    # e⁻² 2³ / 3! and, mean 1 and variance 3, shape ½: P(N = 1) = ½ (1/3)^½ (2/3)
    assert poisson_log_score(2.0, 3)[0] == pytest.approx(np.log(8 / 6) - 2)
    assert negative_binomial_log_score(1.0, 3.0, 1)[0] == pytest.approx(np.log(3**-1.5))


@given(MEANS, EXCESS, st.integers(0, 400))
def test_log_scores_and_tails_are_the_distributions_they_say(mean, excess, count):
    variance = mean * (1.0 + excess)
    exact = scipys(mean, variance)
    assert exact.mean() == pytest.approx(mean)
    assert exact.var() == pytest.approx(variance)
    one = (np.array([float(count)]), np.array([mean]))
    assert negative_binomial_log_score(mean, variance, count) == pytest.approx(
        exact.logpmf(count), rel=1e-7, abs=1e-7
    )
    assert poisson_log_score(mean, count) == pytest.approx(
        poisson(mean).logpmf(count), rel=1e-9, abs=1e-9
    )
    assert count_at_most(*one, variance) == pytest.approx(exact.cdf(count), rel=1e-7, abs=1e-12)
    assert count_above(*one, variance) == pytest.approx(exact.sf(count), rel=1e-6, abs=1e-12)
    assert count_at_most(*one, mean) == pytest.approx(poisson(mean).cdf(count))
    assert count_above(*one, mean) == pytest.approx(poisson(mean).sf(count), abs=1e-300)


def test_nothing_is_below_no_incident():
    one = np.ones(1)
    for variance in (one, 2.0 * one):
        assert count_at_most(-one, one, variance) == 0.0
        assert count_above(-one, one, variance) == 1.0


@pytest.mark.parametrize("mean", [1e-8, 0.3, 20.0, 1_000.0])
def test_a_variance_near_or_below_the_mean_is_poisson(mean):
    count = round(mean)
    exact, score = poisson_log_score(mean, count), crps_poisson(mean, count)
    for factor in (0.5, 1.0, 1.0 + 1e-15, 1.0 + 1e-10, 1.0 + 1e-8):
        variance = mean * factor
        assert negative_binomial_log_score(mean, variance, count) == pytest.approx(exact, abs=1e-7)
        assert crps_negative_binomial(mean, variance, count) == pytest.approx(score, rel=1e-5)


def test_information_gain_by_hand():
    # log 4 + log ½ over two incidents, and one incident too many expected.
    assert information_gain([4.0, 0.5], [1.0, 1.0], [1, 1]) == pytest.approx(
        (np.log(2.0) - 2.5) / 2
    )
    assert np.isnan(information_gain([4.0, 0.5], [1.0, 1.0], [0, 0]))


@given(st.lists(st.tuples(MEANS, MEANS, st.integers(0, 9)), min_size=1, max_size=20))
def test_information_gain_is_the_difference_of_log_scores(cells):
    one, other, observed = (np.array(values) for values in zip(*cells, strict=True))
    if not observed.any():
        return
    by_scores = poisson_log_score(one, observed).sum() - poisson_log_score(other, observed).sum()
    gain = information_gain(one, other, observed)
    assert gain == pytest.approx(by_scores / observed.sum(), rel=1e-6, abs=1e-6)
    assert gain == pytest.approx(-information_gain(other, one, observed), abs=1e-9)
    assert information_gain(one, one, observed) == 0.0


def test_crps_by_hand():
    # Surely none, and five happened; e⁻¹ below, then what lies above 1, 2, 3 ... of a Poisson of 1.
    assert crps_poisson(1e-12, 5)[0] == pytest.approx(5.0)
    above = 1.0 - np.exp(-1.0) * np.cumsum([1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120])[1:]
    assert crps_poisson(1.0, 1)[0] == pytest.approx(np.exp(-2.0) + (above**2).sum(), abs=1e-7)


@pytest.fixture
def scoringrules(monkeypatch):
    """scoringrules on numpy: with numba it compiles for seven seconds what is not used here."""
    monkeypatch.setitem(sys.modules, "numba", None)
    return pytest.importorskip("scoringrules", reason="scoringrules is not installed")


def test_scores_are_those_of_scoringrules(scoringrules):
    rng = np.random.default_rng(5)
    mean = rng.gamma(0.5, 10.0, 500) + 1e-4
    variance = mean * (1.0 + rng.gamma(1.0, 2.0, 500) + 0.05)
    observed = rng.poisson(mean * rng.gamma(1.0, 1.0, 500))
    np.testing.assert_allclose(
        crps_poisson(mean, observed), scoringrules.crps_poisson(observed, mean), atol=1e-7
    )
    shape, p = mean**2 / (variance - mean), mean / variance
    np.testing.assert_allclose(
        crps_negative_binomial(mean, variance, observed),
        scoringrules.crps_negbinom(observed, shape, p),
        rtol=1e-6,
        atol=1e-7,
    )
    np.testing.assert_allclose(
        -poisson_log_score(mean, observed), scoringrules.logs_poisson(observed, mean), rtol=1e-9
    )
    # Its probability of no incident is 0 where the shape is below 1.
    right = (shape > 1.0) & (observed < 100)
    np.testing.assert_allclose(
        -negative_binomial_log_score(mean, variance, observed)[right],
        scoringrules.logs_negbinom(observed[right], shape[right], p[right]),
        rtol=1e-9,
    )


@given(st.floats(1e-3, 40.0), st.floats(0.01, 10.0), st.integers(0, 100))
def test_crps_is_the_distance_less_half_the_spread(mean, excess, count):
    """E|X - y| less half the E|X - Y| of two draws, of probabilities summed one by one."""
    variance = mean * (1.0 + excess)
    k = np.arange(2_500)
    p = scipys(mean, variance).pmf(k)
    at_most = np.cumsum(p)
    half_spread = (at_most * np.maximum(1.0 - at_most, 0.0)).sum()
    away = (np.abs(k - count) * p).sum()
    assert crps_negative_binomial(mean, variance, count)[0] == pytest.approx(
        away - half_spread, rel=1e-5, abs=1e-6
    )


def test_arrays_keep_their_shape():
    mean = np.arange(1.0, 7.0).reshape(2, 3)
    for score in (poisson_log_score(mean, mean), crps_negative_binomial(mean, 2 * mean, mean)):
        assert score.shape == (2, 3)


def test_hit_rate_by_hand():
    hazard, size, observed = [1.0, 9.0, 3.0, 3.0], [40.0, 10.0, 20.0, 30.0], [0, 6, 0, 4]
    shares = [0.0, 0.05, 0.1, 0.35, 0.6, 1.0]
    # Half of the first cell; all of it; then half of the two that tie; both; and the last is empty.
    hit = [0.0, 0.3, 0.6, 0.8, 1.0, 1.0]
    assert hit_rate(hazard, size, observed, shares).tolist() == pytest.approx(hit)
    index = prediction_accuracy_index(hazard, size, observed, shares[1:])
    assert index.tolist() == pytest.approx([6.0, 6.0, 0.8 / 0.35, 1 / 0.6, 1.0])


@given(CELLS, st.floats(0.0, 1.0))
def test_an_even_hazard_hits_its_share_of_the_area(cells, share):
    _, size, observed = (np.array(values) for values in zip(*cells, strict=True))
    hit = hit_rate(np.full(len(size), 0.7), size, observed, share)
    assert hit == pytest.approx(share)


@given(CELLS, st.randoms(use_true_random=False))
def test_hit_rate_ignores_order_and_cuts_of_cells_and_rises_to_one(cells, random):
    shares = np.linspace(0.0, 1.0, 12)
    plain = hit_rate(*zip(*cells, strict=True), shares)
    assert (np.diff(plain) >= -1e-12).all()
    assert plain[0] == 0.0
    assert plain[-1] == pytest.approx(1.0)
    shuffled = random.sample(cells, len(cells))
    assert hit_rate(*zip(*shuffled, strict=True), shares) == pytest.approx(plain)
    hazard, size, n = cells[0]
    cut = [(hazard, 0.25 * size, n), (hazard, 0.75 * size, 0), *cells[1:]]
    assert hit_rate(*zip(*cut, strict=True), shares) == pytest.approx(plain)


def test_hit_rate_where_nothing_happened_is_unknown():
    assert np.isnan(hit_rate([1.0, 2.0], [1.0, 1.0], [0, 0], [0.01, 0.1])).all()
    assert np.isnan(prediction_accuracy_index([1.0], [1.0], [0], 0.1)).all()


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_a_share_is_one(share):
    with pytest.raises(ConfigError, match="share does not lie between 0 and 1"):
        hit_rate([1.0], [1.0], [1], share)


def test_the_index_of_no_area_is_refused():
    with pytest.raises(ConfigError, match="a share of 0"):
        prediction_accuracy_index([1.0], [1.0], [1], [0.0, 0.1])


def test_gain_curve_is_the_hit_rate_of_every_share():
    cells = ([9.0, 3.0, 1.0], [1.0, 2.0, 7.0], [3, 1, 1])
    share, hit = gain_curve(*cells, points=11)
    assert share == pytest.approx(np.arange(11) / 10)
    assert hit == pytest.approx(hit_rate(*cells, share))


def test_rates_that_are_equal_but_for_rounding_tie():
    """An even hazard as sums over cells give it: 0.1 + 0.2 is not 0.3."""
    rng = np.random.default_rng(0)
    noisy = 1e-6 * (1.0 + rng.integers(-2, 3, 500) * 2.0**-52)
    size, observed = rng.uniform(1.0, 5.0, 500), rng.integers(0, 3, 500)
    shares = np.array([0.01, 0.05, 0.5])
    np.testing.assert_allclose(hit_rate(noisy, size, observed, shares), shares)
