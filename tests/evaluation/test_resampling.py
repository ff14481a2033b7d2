"""Intervals by resampling: what they must hold whatever the data, and how often they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kidnaprisk.errors import ConfigError, ModelError
from kidnaprisk.evaluation.resampling import bootstrap_ratio, percentile_interval, resamples

WINDOWS = st.lists(st.tuples(st.floats(-20.0, 20.0), st.integers(1, 30)), min_size=2, max_size=25)


def test_a_ratio_of_sums_not_a_mean_of_ratios():
    assert bootstrap_ratio([1.0, 9.0], [1.0, 3.0]).value == 2.5


@given(WINDOWS, st.integers(0, 3))
def test_the_interval_lies_within_the_windows_and_follows_units(windows, seed):
    over, under = np.array(windows).T
    value, low, high = bootstrap_ratio(over, under, replicates=60, seed=seed)
    each = over / under
    assert each.min() - 1e-9 <= low <= high <= each.max() + 1e-9
    assert bootstrap_ratio(over, under, replicates=60, seed=seed) == (value, low, high)
    scaled = bootstrap_ratio(-3.0 * over, under, replicates=60, seed=seed)
    assert scaled == pytest.approx((-3.0 * value, -3.0 * high, -3.0 * low))


def test_paired_windows_that_differ_alike_leave_no_doubt():
    assert bootstrap_ratio(0.25 * np.arange(1, 9), np.arange(1, 9)) == pytest.approx(3 * (0.25,))


def test_one_window_tells_nothing_of_the_next():
    value, low, high = bootstrap_ratio([3.0], [2.0])
    assert value == 1.5
    assert np.isnan([low, high]).all()
    assert np.isnan(bootstrap_ratio(np.ones(5), np.ones(5), block=3)[1:]).all()


def test_two_windows_give_all_they_could_be():
    assert bootstrap_ratio([0.0, 1.0], [1.0, 1.0])[1:] == (0.0, 1.0)


def test_without_incidents_the_ratio_is_unknown():
    assert np.isnan(bootstrap_ratio([1.0, 2.0, 0.5], [0, 0, 0])).all()


def test_resamples_without_incidents_could_be_anything():
    # Of ten windows one has incidents: a resample lacks it with probability 0.9¹⁰ = 0.35.
    one = np.zeros(10)
    one[4] = 1.0
    value, low, high = bootstrap_ratio(2.0 * one, one)
    assert value == 2.0
    assert np.isnan([low, high]).all()
    # Of three in ten, 0.7¹⁰ = 0.03 lack all: less than the widened tail of an 80 % interval.
    assert bootstrap_ratio(2.0 * (np.arange(10) < 3), np.arange(10) < 3, 0.8) == (2.0, 2.0, 2.0)


def test_blocks_are_neighbours_in_a_circle_and_none_is_favoured():
    drawn = np.array(list(resamples(7, 4000, seed=0, block=3)))
    assert drawn.shape == (4000, 7)
    assert (np.diff(drawn[:, :3], axis=1) % 7 == 1).all()
    assert (np.diff(drawn[:, 3:6], axis=1) % 7 == 1).all()
    np.testing.assert_allclose(np.bincount(drawn.ravel()) / 4000, 1.0, atol=0.06)


def test_blocks_widen_the_interval_of_windows_that_run_together():
    """SYNTHETIC gains that stay up or down for eight windows."""
    gains = np.repeat(np.random.default_rng(1).normal(size=15), 8)
    _, low, high = bootstrap_ratio(gains, np.ones(120))
    _, low8, high8 = bootstrap_ratio(gains, np.ones(120), block=8)
    assert high8 - low8 > 1.8 * (high - low)


@pytest.mark.parametrize("n", [8, 30])
def test_the_interval_holds_as_often_as_it_says(n):
    """SYNTHETIC skewed windows: a plain 90 % percentile holds 81 % of 8 and 87 % of 30."""
    rng = np.random.default_rng(n)
    held = []
    for s in range(300):
        under = 1.0 + rng.poisson(3.0, n)
        over = under * 0.4 + rng.gamma(2.0, 1.0, n) - 2.0
        _, low, high = bootstrap_ratio(over, under, 0.9, replicates=300, seed=s)
        held.append(low <= 0.4 <= high)
    assert 0.85 <= np.mean(held) <= 0.95


def test_the_expanded_percentile_by_hand():
    # Two parts: Student's t of 1 degree at 0.25 is −1, times √2: Φ(−1.41421) = 0.07865.
    low, high = percentile_interval(np.arange(10_001.0), 0.5, 2)
    assert (low, high) == (786.0, 10_000 - 786.0)


@pytest.mark.parametrize(
    ("over", "under", "said"),
    [
        ([1.0], [1.0, 2.0], "each window"),
        ([], [], "each window"),
        ([np.nan, 1.0], [1.0, 1.0], "finite"),
        ([1.0, 1.0], [-1.0, 3.0], "below 0"),
    ],
)
def test_what_is_no_window_is_refused(over, under, said):
    with pytest.raises(ModelError, match=said):
        bootstrap_ratio(over, under)


@pytest.mark.parametrize(
    "option", [{"level": 0.0}, {"level": 1.0}, {"replicates": 0}, {"block": 0}, {"block": 4}]
)
def test_options_that_make_no_sense_are_refused(option):
    with pytest.raises(ConfigError, match=next(iter(option))):
        bootstrap_ratio(np.ones(3), np.ones(3), **option)
