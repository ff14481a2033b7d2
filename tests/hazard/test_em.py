"""The EM against optimisation by another method, known truths and its own promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.em import fit_weights


def problem(seed: int, n: int = 300, k: int = 6):
    """SYNTHETIC densities of components that overlap a good deal, as kernels of near scales do."""
    rng = np.random.default_rng(seed)
    density = rng.gamma(0.7, 1.0, (n, k))
    density[:, 1] = 0.6 * density[:, 0] + 0.4 * density[:, 1]
    density[rng.random((n, k)) < 0.3] = 0.0
    density[:, -1] = 0.2
    prior = np.zeros(k)
    prior[-1] = 1.0
    return density, rng.uniform(50.0, 400.0, k), prior


def penalised(weights, density, exposure, prior):
    inside = weights > 0
    return (
        np.log(density @ weights).sum() - weights @ exposure
        + prior[inside] @ np.log(weights[inside])
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_it_finds_the_optimum_that_lbfgs_finds(seed):
    density, exposure, prior = problem(seed)

    def negative(log_weights):
        weights = np.exp(log_weights)
        rate = density @ weights
        slope = (density / rate[:, None]).sum(axis=0) - exposure
        value = np.log(rate).sum() - weights @ exposure + prior @ log_weights
        return -value, -(slope * weights + prior)

    start = np.log(np.full(6, len(density) / exposure.sum()))
    best = minimize(negative, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000,
                    "ftol": 1e-15, "gtol": 1e-10}, bounds=[(-60.0, 20.0)] * 6)  # fmt: skip
    fitted = fit_weights(density, exposure, prior)
    assert fitted.converged
    ours = penalised(fitted.values, density, exposure, prior)
    assert ours <= -best.fun + 1e-6
    assert ours == pytest.approx(-best.fun, abs=1e-4)
    assert fitted.log_likelihood == pytest.approx(
        np.log(density @ fitted.values).sum() - fitted.values @ exposure, abs=1e-4
    )
    # The rate at each target is unique even where weights trade off against one another.
    np.testing.assert_allclose(density @ fitted.values, density @ np.exp(best.x), rtol=0.02)


@pytest.mark.parametrize("make", ["problem", "alike"])
@pytest.mark.parametrize("seed", range(4))
def test_the_penalised_likelihood_never_falls(seed, make):
    density, exposure, prior = {"problem": problem, "alike": alike}[make](seed)
    path = [
        penalised(
            fit_weights(density, exposure, prior, tolerance=-np.inf, max_iterations=i).values,
            density, exposure, prior,
        )
        for i in [*range(1, 40), 100, 400]
    ]  # fmt: skip
    assert (np.diff(path) >= -1e-9).all()


@given(st.integers(0, 10_000))
def test_as_many_are_predicted_as_happened_and_the_prior(seed):
    """At the optimum Σ w_k E_k = n + Σ prior: the property of a Poisson fit."""
    density, exposure, prior = problem(seed, n=50, k=4)
    fitted = fit_weights(density, exposure, prior)
    assert fitted.values @ exposure == pytest.approx(51.0, rel=1e-12)
    assert (fitted.values >= 0).all()


def alike(seed: int, n: int = 400, k: int = 30):
    """SYNTHETIC: components of nearly the same shape, some without a target, at rates 10⁻⁹ to 10³,
    as kernels of near scales and memories are: EM alone crawls on them."""
    rng = np.random.default_rng(seed)
    at, centre = rng.gamma(1.0, 2.0, n), np.geomspace(0.05, 8.0, k - 2)
    density = np.exp(-at[:, None] / centre) / centre
    density = np.column_stack([density, np.zeros(n), np.full(n, 0.05)])
    unit = 10.0 ** rng.uniform(-9.0, 3.0, k)
    prior = np.zeros(k)
    prior[-1] = 1.0
    return density * unit, rng.uniform(0.5, 1.5, k) * unit, prior


def best_by_scipy(density, exposure, prior):
    """Highest objective that two methods of scipy find, over logs and over the weights themselves.

    In shares w_k E_k, so that all are of the same size."""
    scaled, n = density / exposure, len(density)

    def over_shares(shares):
        rate = scaled @ shares
        value = np.log(rate).sum() - shares.sum() + prior @ np.log(np.maximum(shares, 1e-300))
        slope = (scaled / rate[:, None]).sum(axis=0) - 1.0 + prior / np.maximum(shares, 1e-300)
        return -value / n, -slope / n

    def over_logs(logs):
        value, slope = over_shares(np.exp(logs))
        return value, slope * np.exp(logs)

    start = np.full(len(exposure), n / len(exposure))
    options = {"maxiter": 20_000, "maxfun": 200_000, "ftol": 1e-16, "gtol": 1e-12, "maxcor": 50}
    least = np.where(prior > 0.0, 1e-9, 0.0)
    first = minimize(over_logs, np.log(start), jac=True, method="L-BFGS-B", options=options,
                     bounds=[(-60.0, 20.0)] * len(start))  # fmt: skip
    again = minimize(over_shares, np.exp(first.x), jac=True, method="L-BFGS-B", options=options,
                     bounds=[(low, None) for low in least])  # fmt: skip
    best = again if again.fun < first.fun else first
    shares = again.x if best is again else np.exp(first.x)
    units = prior[prior > 0.0] @ np.log(exposure[prior > 0.0])
    return -n * best.fun - units, shares


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("make", [problem, alike])
@pytest.mark.parametrize("seed", range(4))
def test_no_weights_gain_more_than_the_tolerance_a_record(seed, make, tolerance):
    """The promise, kept against another optimiser; and every weight's slope keeps it as well."""
    density, exposure, prior = make(seed)
    n = len(density) + prior.sum()
    fitted = fit_weights(density, exposure, prior, tolerance=tolerance)
    assert fitted.converged
    ours = penalised(fitted.values, density, exposure, prior)
    best, _ = best_by_scipy(density, exposure, prior)
    assert ours >= best - tolerance * n
    # The oracle itself is as good: else it would prove nothing.
    assert best >= ours - 1e-7 * n
    rate = density @ fitted.values
    pull = (density / rate[:, None]).sum(axis=0) / exposure
    held = prior > 0.0
    pull[held] += prior[held] / (fitted.values[held] * exposure[held])
    assert pull.max() <= 1.0 + tolerance + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_components_alike_are_told_apart_in_far_fewer_steps_than_em_takes(seed):
    """Plain EM, by hand, is still ten times as far from the best when ours is done."""
    density, exposure, prior = alike(seed)
    fitted = fit_weights(density, exposure, prior, tolerance=1e-5)
    weights = (len(density) + 1.0) / len(exposure) / exposure
    for _ in range(fitted.iterations):
        part = density * weights
        weights = ((part / part.sum(axis=1)[:, None]).sum(axis=0) + prior) / exposure
    slow = penalised(weights, density, exposure, prior)
    best, _ = best_by_scipy(density, exposure, prior)
    left = best - penalised(fitted.values, density, exposure, prior)
    assert left <= 1e-5 * len(density)
    assert best - slow > 10.0 * left


@given(st.integers(0, 10_000), st.sampled_from([1e-6, 1.0, 1e9]))
def test_units_do_not_matter(seed, unit):
    """Densities a thousand million times as large: the same rates."""
    density, exposure, prior = problem(seed, n=40, k=4)
    one = fit_weights(density, exposure, prior)
    other = fit_weights(unit * density, unit * exposure, prior)
    np.testing.assert_allclose(unit * other.values, one.values, rtol=1e-6, atol=1e-12)


def test_it_recovers_the_weights_that_data_was_made_with():
    """SYNTHETIC: 20,000 points on [0, 1) from 0.7 · 2x + 0.2 · 2(1 − x) + 0.1, expected 20,000."""
    rng = np.random.default_rng(8)
    which = rng.choice(3, 20_000, p=[0.7, 0.2, 0.1])
    u = rng.random(20_000)
    x = np.choose(which, [np.sqrt(u), 1.0 - np.sqrt(1.0 - u), u])
    # An even floor is half of both slopes: make it identifiable by letting it alone reach past 1.
    x = np.where((which == 2) & (rng.random(20_000) < 0.5), 1.5, x)
    density = np.stack([2.0 * x * (x < 1), 2.0 * (1.0 - x) * (x < 1), np.full(20_000, 0.5)], axis=1)
    fitted = fit_weights(density, np.ones(3), np.zeros(3))
    np.testing.assert_allclose(fitted.values / 20_000, [0.7, 0.2, 0.1], atol=0.015)


def test_a_component_that_had_nothing_to_go_by_gets_no_weight():
    density = np.array([[1.0, 0.0, 1.0], [2.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    fitted = fit_weights(density, np.array([2.0, 0.0, 3.0]), np.array([0.0, 0.0, 1.0]))
    assert fitted.values[1] == 0.0
    assert fitted.values @ [2.0, 0.0, 3.0] == pytest.approx(4.0)


def test_a_component_without_exposure_gets_no_weight_even_where_it_is_dense():
    """All its mass lies outside the covered area: nothing inside may be laid at its door."""
    density = np.array([[1.0, 9.0, 1.0], [2.0, 9.0, 1.0]])
    fitted = fit_weights(density, np.array([2.0, 0.0, 3.0]), np.array([0.0, 0.0, 1.0]))
    assert fitted.values[1] == 0.0
    assert np.isfinite(fitted.log_likelihood)


def test_an_impossible_record_is_refused():
    with pytest.raises(ModelError, match="impossible"):
        fit_weights(np.array([[1.0, 1.0], [0.0, 0.0]]), np.ones(2), np.zeros(2))


def test_a_record_possible_only_without_exposure_is_refused():
    with pytest.raises(ModelError, match="impossible"):
        fit_weights(np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([1.0, 0.0]), np.zeros(2))


def test_it_says_when_it_ran_out_of_iterations():
    density, exposure, prior = problem(0)
    fitted = fit_weights(density, exposure, prior, tolerance=0.0, max_iterations=3)
    assert (fitted.converged, fitted.iterations) == (False, 3)
