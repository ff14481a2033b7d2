"""How sure an exposure is: n_eff by hand, the Gamma against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gamma

from kidnaprisk.hazard.interval import effective_incidents, gamma_interval


def n_eff(weights, other=0.0):
    a = np.asarray(weights, float)
    total = np.array([a.sum() + other])
    return float(effective_incidents(np.array([a.sum()]), np.array([(a**2).sum()]), total)[0])


def test_by_hand():
    assert n_eff([1, 1, 1, 1]) == 4.0
    assert n_eff([3, 1]) == pytest.approx(16 / 10)  # 4² / (9 + 1)
    assert n_eff([3, 1], other=4) == pytest.approx(0.8)  # incidents are half of the total
    assert n_eff([1e-12], other=1.0) == pytest.approx(1e-12)
    assert n_eff([0.0], other=1.0) == 0.0
    assert n_eff([0.0], other=0.0) == 0.0


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=20), st.floats(0.0, 1e3))
def test_never_more_than_there_are(weights, other):
    assert 0.0 < n_eff(weights, other) <= len(weights) * (1 + 1e-12)
    assert n_eff(weights, other) <= n_eff(weights) * (1 + 1e-12)


@given(st.floats(1e-9, 1e3), st.floats(0.0, 500.0), st.floats(0.0, 5.0), st.floats(0.5, 0.99))
def test_interval_is_the_gamma_it_says(mean, effective, dispersion, level):
    low, high = gamma_interval(np.array([mean]), np.array([effective]), dispersion, level)
    variance = mean**2 * (1.0 / (effective + 0.5) + dispersion)
    exact = gamma(a=mean**2 / variance, scale=variance / mean)
    assert low[0] == pytest.approx(exact.ppf((1 - level) / 2), rel=1e-8, abs=1e-300)
    assert high[0] == pytest.approx(exact.ppf((1 + level) / 2), rel=1e-8)
    assert exact.mean() == pytest.approx(mean)
    assert exact.var() == pytest.approx(variance)


def test_more_incidents_or_less_dispersion_narrow_it():
    effective = np.array([0.0, 0.5, 1.0, 3.0, 10.0, 100.0])
    low, high = gamma_interval(np.ones(6), effective, 0.3)
    assert (np.diff(low) > 0).all()
    assert (np.diff(high) < 0).all()
    wide = [gamma_interval(np.ones(1), np.array([5.0]), phi) for phi in (0.0, 0.3, 1.0, 3.0, 9.0)]
    widths = [float(high[0] - low[0]) for low, high in wide]
    assert widths == sorted(widths)


def test_it_is_wide_where_few_incidents_speak():
    """One incident: a factor of at least ten between the ends; hundred incidents: under 1.5."""
    low, high = gamma_interval(np.ones(2), np.array([1.0, 100.0]), 0.0)
    assert high[0] / low[0] > 10.0
    assert high[1] / low[1] < 1.5


def test_it_scales_with_the_mean_and_missing_stays_missing():
    low, high = gamma_interval(np.array([1.0, 1e-6, np.nan]), np.full(3, 2.0), 0.3)
    assert low[1] == pytest.approx(1e-6 * low[0])
    assert high[1] == pytest.approx(1e-6 * high[0])
    assert np.isnan([low[2], high[2]]).all()


@pytest.mark.parametrize("dispersion", [2.5, 10.0])
def test_high_dispersion_keeps_the_mean_inside(dispersion):
    low, high = gamma_interval(np.ones(1), np.array([50.0]), dispersion)
    assert 0.0 <= low[0] < 1.0 < high[0]
