"""Calibration: lines by hand and by scikit-learn, bins by hand, intervals against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, nbinom, poisson
from sklearn.linear_model import PoissonRegressor

from kidnaprisk.errors import ConfigError, ModelError
from kidnaprisk.evaluation.calibration import (
    calibration_line,
    interval_coverage,
    predictive_interval,
    reliability,
)

COUNTS = st.lists(
    st.tuples(st.sampled_from([1e-5, 0.01, 0.3, 0.31, 2.0, 40.0]), st.integers(0, 9)),
    min_size=1,
    max_size=40,
)


def test_a_line_through_two_levels_by_hand():
    # At 1 a mean of 1, at 4 a mean of 16: 16 = 4².
    line = calibration_line([1.0, 1.0, 4.0, 4.0], [2, 0, 15, 17], replicates=10)
    assert line.slope == pytest.approx(2.0)
    assert line.intercept == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.6, 0.4), (-0.5, -1.0), (2.5, 1.0)])
def test_the_line_is_scikit_learns(slope, intercept):
    """SYNTHETIC counts about a known line."""
    rng = np.random.default_rng(3)
    expected = np.exp(rng.normal(-1.0, 1.2, 3000))
    observed = rng.poisson(np.exp(intercept) * expected**slope)
    fit = PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000).fit(
        np.log(expected)[:, None], observed
    )
    line = calibration_line(expected, observed)
    assert line.slope == pytest.approx(fit.coef_[0], abs=1e-5)
    assert line.intercept == pytest.approx(fit.intercept_, abs=1e-5)
    assert line.slope_interval[0] < slope < line.slope_interval[1]
    assert line.intercept_interval[0] < intercept < line.intercept_interval[1]


def test_the_line_balances_what_it_must():
    """At the best line, Σ fitted = Σ observed and Σ x fitted = Σ x observed (parts count too)."""
    rng = np.random.default_rng(4)
    expected, observed = np.exp(rng.normal(-3.0, 3.0, 500)), rng.gamma(0.3, 1.0, 500)
    line = calibration_line(expected, observed, replicates=2)
    x = np.log(expected)
    fitted = np.exp(line.intercept + line.slope * x)
    assert fitted.sum() == pytest.approx(observed.sum())
    assert (x * fitted).sum() == pytest.approx((x * observed).sum())


@given(COUNTS, st.floats(0.01, 100.0))
@settings(max_examples=50)
def test_units_move_the_intercept_alone(cells, factor):
    expected, observed = np.array(cells).T
    line = calibration_line(expected, observed, replicates=2)
    scaled = calibration_line(factor * expected, observed, replicates=2)
    assert scaled.slope == pytest.approx(line.slope, abs=1e-6, nan_ok=True)
    shift = -line.slope * np.log(factor)
    assert scaled.intercept == pytest.approx(line.intercept + shift, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("expected", "observed"),
    [
        ([1.0, 2.0, 3.0], [0, 0, 0]),
        ([2.0, 2.0, 2.0], [0, 1, 5]),
        ([1.0, 2.0, 3.0], [0, 0, 4]),
        ([1.0, 2.0, 3.0], [4, 0, 0]),
        ([1e-300, 1e-290, 3.0], [0, 0, 4]),
        ([1.0], [1]),
    ],
)
def test_where_no_line_is_best_it_is_unknown(expected, observed):
    line = calibration_line(expected, observed, replicates=5)
    assert np.isnan([line.slope, *line.slope_interval]).all()
    assert np.isnan([line.intercept, *line.intercept_interval]).all()


def test_few_incidents_leave_the_ends_unknown():
    # Two incidents in forty cells: one resample in seven has neither, so no end is known.
    expected = np.linspace(0.1, 2.0, 40)
    observed = np.isin(np.arange(40), [10, 30])
    line = calibration_line(expected, observed)
    assert np.isfinite(line.slope)
    assert np.isnan(line.slope_interval).all()


def test_what_is_repeated_within_a_window_proves_nothing_more():
    rng = np.random.default_rng(8)
    expected = np.exp(rng.normal(0.0, 1.0, 60))
    observed = rng.poisson(expected)
    once = calibration_line(expected, observed, cluster=np.arange(60))
    many = calibration_line(
        np.tile(expected, 9), np.tile(observed, 9), cluster=np.tile(np.arange(60), 9)
    )
    assert many.slope == pytest.approx(once.slope)
    assert many.slope_interval == pytest.approx(once.slope_interval)
    taken_apart = calibration_line(np.tile(expected, 9), np.tile(observed, 9))
    assert np.ptp(taken_apart.slope_interval) < 0.6 * np.ptp(once.slope_interval)


def test_one_cluster_says_nothing_of_the_next():
    line = calibration_line([1.0, 2.0, 4.0], [1, 2, 5], cluster=["a", "a", "a"])
    assert np.isfinite(line.slope)
    assert np.isnan(line.slope_interval).all()


def test_intervals_of_lines_hold_as_often_as_they_say():
    """SYNTHETIC windows whose months are good or bad as a whole."""
    rng = np.random.default_rng(2)
    held = []
    for s in range(100):
        expected = np.exp(rng.normal(-2.0, 1.5, (24, 50)))
        month = rng.gamma(4.0, 0.25, (24, 1))
        window = np.broadcast_to(np.arange(24)[:, None], (24, 50))
        line = calibration_line(
            expected, rng.poisson(month * expected), window, level=0.9, replicates=150, seed=s
        )
        held.append(line.slope_interval[0] <= 1.0 <= line.slope_interval[1])
    assert 0.84 <= np.mean(held) <= 0.96


def test_the_same_seed_gives_the_same_line():
    expected, observed = np.arange(1.0, 30.0), np.arange(29) % 5
    assert calibration_line(expected, observed, seed=9) == calibration_line(
        expected, observed, seed=9
    )


def test_a_line_wants_a_cluster_for_each_value():
    with pytest.raises(ModelError, match="clusters are not one for each value"):
        calibration_line([1.0, 2.0], [1, 1], cluster=[1])


def test_reliability_by_hand():
    rows = reliability([1.0, 6.0, 1.0, 2.0, 2.0], [0, 5, 1, 0, 4], bins=2)
    assert [(r["bin"], r["cells"], r["expected"], r["observed"]) for r in rows] == [
        (1, 4, 6.0, 5), (2, 1, 6.0, 5),
    ]  # fmt: skip
    # Garwood's interval of a count of 5, as printed in tables: 1.970 to 10.513.
    assert rows[0]["low"] == pytest.approx(1.970, abs=5e-4)
    assert rows[0]["high"] == pytest.approx(10.513, abs=5e-4)
    assert rows[0]["low"] == pytest.approx(chi2.ppf(0.05, 10) / 2)
    assert rows[0]["high"] == pytest.approx(chi2.ppf(0.95, 12) / 2)


def test_a_bin_in_which_nothing_happened_could_be_of_three():
    (row,) = reliability([0.5, 0.5], [0, 0])
    assert (row["low"], row["observed"]) == (0.0, 0)
    assert row["high"] == pytest.approx(-np.log(0.05))


@given(COUNTS, st.integers(1, 12), st.randoms(use_true_random=False))
def test_reliability_loses_nothing_and_ignores_order(cells, bins, random):
    expected, observed = np.array(cells).T
    rows = reliability(expected, observed, bins)
    assert sum(r["cells"] for r in rows) == len(cells)
    assert sum(r["expected"] for r in rows) == pytest.approx(expected.sum())
    assert sum(r["observed"] for r in rows) == observed.sum()
    numbers = [r["bin"] for r in rows]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(1, bins + 1))
    means = [r["expected"] / r["cells"] for r in rows]
    assert means == sorted(means)
    shuffled = np.array(random.sample(cells, len(cells))).T
    for row, other in zip(rows, reliability(*shuffled, bins), strict=True):
        assert row == pytest.approx(other)


def test_bins_hold_equal_mass_where_forecasts_are_many():
    expected = np.random.default_rng(6).gamma(0.3, 1.0, 20_000) + 1e-9
    rows = reliability(expected, np.zeros(20_000), bins=10)
    assert [r["expected"] for r in rows] == pytest.approx([0.1 * expected.sum()] * 10, rel=0.01)


def test_an_even_forecast_is_one_bin():
    assert len(reliability(np.full(99, 0.1), np.zeros(99), bins=10)) == 1


@given(st.floats(1e-6, 400.0), st.floats(0.3, 40.0), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_predictive_intervals_leave_no_more_than_they_say(mean, factor, level):
    variance = mean * factor
    low, high = predictive_interval(mean, variance, level)
    exact = poisson(mean) if factor <= 1 + 1e-9 else nbinom(
        mean**2 / (variance - mean), mean / variance
    )  # fmt: skip
    tail = (1 - level) / 2 + 1e-9
    assert exact.cdf(low - 1) <= tail
    assert exact.sf(high) <= tail
    # And they are the shortest such: an end moved in by one leaves more.
    assert exact.cdf(low) >= tail - 2e-9
    assert high == 0 or exact.sf(high - 1) >= tail - 2e-9


def test_a_variance_close_to_the_mean_gives_poissons_interval():
    mean = np.array([1e-7, 0.2, 5.0, 3_000.0])
    exact = predictive_interval(mean, mean)
    for factor in (1 + 1e-12, 1 + 2e-9, 1 + 1e-7):
        np.testing.assert_array_equal(predictive_interval(mean, mean * factor), exact)


@pytest.mark.parametrize("level", [0.8, 0.9])
@pytest.mark.parametrize("excess", [0.0, 2.0])
def test_intervals_of_a_true_forecast_hold_their_level(level, excess):
    """SYNTHETIC counts drawn from the forecast itself, most of them small."""
    rng = np.random.default_rng(1)
    mean = rng.gamma(0.7, 3.0, 20_000) + 0.01
    variance = mean * (1.0 + excess)
    rate = mean if excess == 0.0 else rng.gamma(mean / excess, excess)
    held = interval_coverage(mean, variance, rng.poisson(rate), level)
    assert held.randomised == pytest.approx(level, abs=0.01)
    assert held.closed > level + 0.02


def test_too_narrow_intervals_hold_less():
    rng = np.random.default_rng(1)
    observed = rng.poisson(rng.gamma(1.0, 20.0, 5000))
    held = interval_coverage(np.full(5000, 20.0), np.full(5000, 20.0), observed)
    assert held.closed < 0.5
    assert held.randomised < held.closed


def test_coverage_counts_both_ends_and_repeats_with_its_seed():
    three = np.full(5, 3.0)
    assert interval_coverage(three, three, [0, 1, 3, 6, 7]).closed == 0.6
    assert interval_coverage(three, three, [0, 1, 3, 6, 7], seed=4) == interval_coverage(
        three, three, [0, 1, 3, 6, 7], seed=4
    )


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
def test_a_level_lies_between_0_and_1(level):
    with pytest.raises(ConfigError, match="level does not lie between 0 and 1"):
        predictive_interval([1.0], [1.0], level)
    with pytest.raises(ConfigError, match="level does not lie between 0 and 1"):
        calibration_line([1.0, 2.0], [1, 1], level=level)


def test_bins_are_at_least_one():
    with pytest.raises(ConfigError, match="bins is below 1"):
        reliability([1.0], [1], bins=0)


def test_blocks_of_clusters_widen_the_interval_of_windows_that_run_together():
    """SYNTHETIC: every window is told three times over, as by windows that overlap."""
    rng = np.random.default_rng(2)
    window = np.repeat(np.arange(40), 30)
    expected = rng.uniform(0.1, 3.0, len(window))
    observed = rng.poisson(expected * rng.gamma(2.0, 0.5, 40)[window])
    expected3, observed3 = (
        np.repeat(one.reshape(40, 30), 3, axis=0).ravel() for one in (expected, observed)
    )
    window3 = np.repeat(np.arange(120), 30)

    def width(line):
        return line.intercept_interval[1] - line.intercept_interval[0]

    once = width(calibration_line(expected, observed, window))
    naive = width(calibration_line(expected3, observed3, window3))
    blocks = width(calibration_line(expected3, observed3, window3, block=3))
    assert naive < 0.75 * once
    assert 0.8 * once < blocks
