"""Mixture weights by expectation-maximisation, always predicting days from the days before them.

Targets are past records, each described by the density that every component gave its place on the
day before its month began. A component with unit weight would have expected ``exposure`` records in
all those months. The weights maximise the Poisson-process likelihood

    Σ_i log Σ_k w_k f_ik − Σ_k w_k E_k + Σ_k prior_k log w_k,

whose EM step is w_k ← (Σ_i r_ik + prior_k) / E_k with r the responsibilities. The likelihood is
concave in w, so there is one optimum, and the largest ratio of a step, less one, bounds how far it
is: no weights whatever gain more than that a record. Steps are extrapolated (SQUAREM), and taken
back where the likelihood would fall.

Source: Veen and Schoenberg (2008), "Estimation of space-time branching process models in
seismology using an EM-type algorithm", JASA 103; Varadhan and Roland (2008), "Simple and globally
convergent methods for accelerating the convergence of any EM algorithm", Scandinavian Journal of
Statistics 35 (scheme S3); Lindsay (1983), "The geometry of mixture likelihoods", Annals of
Statistics 11, for the bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats

_SLOWEST = 0.01
_SHORTEST = 1.5


class Weights(NamedTuple):
    """Fitted weights (K,), log-likelihood at them, iterations used, whether it converged."""

    values: Floats
    log_likelihood: float
    iterations: int
    converged: bool


def fit_weights(
    densities: Floats,
    exposure: Floats,
    prior: Floats,
    *,
    tolerance: float = 1e-6,
    max_iterations: int = 20_000,
) -> Weights:
    """Fit non-negative weights to targets.

    Parameters
    ----------
    densities : ndarray (n, K)
        Density of component k at target i; every row has at least one positive value.
    exposure : ndarray (K,)
        Records expected of component k at unit weight; zero where it had nothing to go by.
    prior : ndarray (K,)
        Pseudo-records added to each component's share.
    tolerance : float
        Stop when no weights can gain more log-likelihood than this a record, in nats.
    max_iterations : int
        Most EM steps, extrapolated ones included.

    Returns
    -------
    Weights

    Raises
    ------
    ModelError
        If a target is impossible under every component.

    Notes
    -----
    No sum goes through BLAS, whose last digits differ from processor to processor.

    Examples
    --------
    With one component the weight is records over expectation:

    >>> fit_weights(np.ones((6, 1)), np.array([3.0]), np.zeros(1)).values.tolist()
    [2.0]
    """
    usable = exposure > 0.0
    if not usable.any() or np.any(densities[:, usable].max(axis=1) <= 0.0):
        raise ModelError("a record is impossible under every component of the mixture")
    problem = _Problem(densities[:, usable], exposure[usable], prior[usable])
    at = problem.scaled(1.0 / problem.exposure)
    steps, gap = 0, np.inf
    while steps < max_iterations and gap > tolerance:
        once, _ = problem.step(at)
        gap = float(np.max(once[at > 0.0] / at[at > 0.0])) - 1.0
        steps += 1
        if gap > tolerance:
            at, used = _extrapolated(problem, at, once)
            steps += used
    weights = np.zeros(len(exposure))
    weights[usable] = at
    return Weights(weights, problem.log_likelihood(at), steps, gap <= tolerance)


class _Problem(NamedTuple):
    """Densities (n, K), exposure (K,) and prior (K,) of components that can be used."""

    densities: Floats
    exposure: Floats
    prior: Floats

    def scaled(self, weights: Floats) -> Floats:
        """The weights times what makes them expect as many records as there are."""
        records = len(self.densities) + self.prior.sum()
        best: Floats = weights * (records / np.sum(weights * self.exposure))
        return best

    def step(self, weights: Floats) -> tuple[Floats, float]:
        """Weights one EM step on, and the objective at the ones given, which are scaled."""
        parts = self.densities * weights
        total = parts.sum(axis=1)
        objective = float(np.log(total).sum())
        preferred = self.prior > 0.0
        objective += float(np.sum(self.prior[preferred] * np.log(weights[preferred])))
        share = (parts / total[:, None]).sum(axis=0)
        return (share + self.prior) / self.exposure, objective

    def log_likelihood(self, weights: Floats) -> float:
        """The Poisson-process log-likelihood, without the prior."""
        total = np.sum(self.densities * weights, axis=1)
        return float(np.log(total).sum() - np.sum(weights * self.exposure))


def _extrapolated(problem: _Problem, at: Floats, once: Floats) -> tuple[Floats, int]:
    """Weights two EM steps on from ``at``, or further if that is no worse; and steps taken."""
    twice, objective = problem.step(once)
    first = (once - at) * problem.exposure
    bend = (twice - once) * problem.exposure - first
    curved = float(np.sqrt(np.sum(bend * bend)))
    stride = float(np.sqrt(np.sum(first * first))) / curved if curved > 0.0 else 1.0
    used = 1
    while stride > 1.0:
        far = at + (2.0 * stride * first + stride * stride * bend) / problem.exposure
        # Never to zero at a stride: no EM step would bring a weight back from there.
        far, found = problem.step(problem.scaled(np.maximum(far, _SLOWEST * twice)))
        used += 1
        if found >= objective:
            return far, used
        stride = 0.5 * (stride + 1.0) if stride > _SHORTEST else 1.0
    return twice, used
