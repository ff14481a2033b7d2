"""Tests of number and of space: by hand, by listing every outcome, and against pyCSEP."""

from __future__ import annotations

import warnings
from itertools import product
from math import factorial

import numpy as np
import pytest
from scipy.stats import kstest, nbinom, poisson

from kidnaprisk.errors import ConfigError, ModelError
from kidnaprisk.evaluation.consistency import (
    number_test,
    number_test_negative_binomial,
    spatial_test,
)


@pytest.fixture(scope="module")
def csep():
    """pyCSEP's tests of arrays. It plots maps: too large a package to be asked of everyone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("csep", reason="pycsep is not installed")
        from csep.core import binomial_evaluations, poisson_evaluations
    return poisson_evaluations, binomial_evaluations


def test_numbers_by_hand():
    # A Poisson of 2: P(N ≤ 2) = 5 e⁻², P(N ≤ 3) = 19/3 e⁻².
    found = number_test([1.5, 0.5], [3, 0])
    assert found.at_least == pytest.approx(1 - 5 * np.exp(-2))
    assert found.at_most == pytest.approx(19 / 3 * np.exp(-2))
    assert number_test(2.0, 0) == (1.0, pytest.approx(np.exp(-2)))


def test_numbers_of_a_negative_binomial_by_hand():
    # Mean 2 and variance 4 is shape 2: P(N = n) = (n + 1) / 2ⁿ⁺².
    found = number_test_negative_binomial([1.0, 1.0], 4.0, [3, 0])
    assert found.at_most == pytest.approx(1 / 4 + 2 / 8 + 3 / 16 + 4 / 32)
    assert found.at_least == pytest.approx(1 - (1 / 4 + 2 / 8 + 3 / 16))


@pytest.mark.parametrize("observed", [0, 1, 7, 60, 400])
@pytest.mark.parametrize("expected", [0.01, 5.0, 80.0])
def test_numbers_are_tails_of_scipys_distributions(expected, observed):
    at_least, at_most = number_test(expected, observed)
    assert at_least == pytest.approx(poisson.sf(observed - 1, expected))
    assert at_most == pytest.approx(poisson.cdf(observed, expected))
    exact = nbinom(expected, 0.5)  # variance twice the mean
    at_least, at_most = number_test_negative_binomial(expected, 2 * expected, observed)
    assert at_least == pytest.approx(exact.sf(observed - 1))
    assert at_most == pytest.approx(exact.cdf(observed))
    narrow = number_test_negative_binomial(expected, 0.5 * expected, observed)
    assert narrow == number_test(expected, observed)


def likelihood(share, counts):
    return np.prod([p**n / factorial(n) for p, n in zip(share, counts, strict=True)])


@pytest.mark.parametrize("observed", [[2, 0, 1], [0, 0, 3], [1, 1, 1], [3, 0, 0]])
def test_space_is_that_of_listing_every_outcome(observed):
    expected = np.array([5.0, 2.0, 0.9])
    share = expected / expected.sum()
    seen, no_better = likelihood(share, observed), 0.0
    for cells in product(range(3), repeat=3):
        counts = np.bincount(cells, minlength=3)
        if likelihood(share, counts) <= seen * (1 + 1e-9):
            no_better += share[list(cells)].prod()
    found = spatial_test(expected, observed, simulations=4000, seed=1)
    assert found == pytest.approx(no_better, abs=0.03)


def test_space_does_not_depend_on_the_number_expected():
    observed = [4, 1, 0, 2]
    expected = np.array([3.0, 1.0, 1.0, 2.0])
    assert spatial_test(expected, observed) == spatial_test(4096.0 * expected, observed)


def test_space_of_equal_cells_and_one_incident_fits_as_well_as_any():
    assert spatial_test(np.full(7, 0.3), [0, 0, 1, 0, 0, 0, 0]) == 1.0


def test_space_of_a_true_forecast_is_evenly_spread():
    """SYNTHETIC incidents thrown by the forecast itself: γ is uniform, but for its steps."""
    rng = np.random.default_rng(7)
    expected = rng.gamma(0.5, 1.0, 300)
    found = [
        spatial_test(
            expected, rng.multinomial(40, expected / expected.sum()), simulations=200, seed=s
        )
        for s in range(150)
    ]
    assert kstest(found, "uniform").pvalue > 0.01


def test_space_tells_a_forecast_of_the_wrong_places():
    expected = np.concatenate([np.full(10, 5.0), np.full(90, 0.1)])
    rightly = np.concatenate([np.full(10, 5), np.zeros(90, int)])
    assert spatial_test(expected, rightly) > 0.5
    assert spatial_test(expected, rightly[::-1]) == 0.0


def test_the_same_seed_gives_the_same_answer():
    expected, observed = np.arange(1.0, 30.0), np.arange(29) % 3
    assert spatial_test(expected, observed, seed=3) == spatial_test(expected, observed, seed=3)


def test_where_nothing_happened_no_place_is_wrong_or_right():
    assert np.isnan(spatial_test([1.0, 2.0], [0, 0]))


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(ModelError, match="expected is not finite and above 0"):
        spatial_test([1.0, 0.0], [1, 1])
    with pytest.raises(ModelError, match="variance is not finite and above 0"):
        number_test_negative_binomial(1.0, np.nan, 1)
    with pytest.raises(ConfigError, match="simulations is below 1"):
        spatial_test([1.0], [1], simulations=0)


def test_numbers_are_those_of_pycsep(csep):
    one, many = csep
    for expected, observed, variance in [(20.5, 14, 60.0), (3.2, 9, 3.9), (150.0, 0, 900.0)]:
        assert number_test(expected, observed) == pytest.approx(
            one._number_test_ndarray(expected, observed), abs=1e-12
        )
        assert number_test_negative_binomial(expected, variance, observed) == pytest.approx(
            many._nbd_number_test_ndarray(expected, observed, variance), abs=1e-12
        )


def test_space_is_that_of_pycsep(csep):
    rng = np.random.default_rng(11)
    expected = rng.gamma(0.4, 1.0, 400) + 1e-6
    for tempered in (1.0, 0.8, 0.6):
        drawn = expected**tempered / (expected**tempered).sum()
        observed = rng.multinomial(50, drawn)
        theirs, _, _ = csep[0]._poisson_likelihood_test(
            expected, observed, num_simulations=3000, seed=2, normalize_likelihood=True
        )
        ours = spatial_test(expected, observed, simulations=3000)
        assert ours == pytest.approx(theirs, abs=0.04)
