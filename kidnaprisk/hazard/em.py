"""Mixture weights by expectation-maximisation, always predicting days from the days before them.

Targets are past records, each described by the density that every component gave its place on the
day before its month began. A component with unit weight would have expected ``exposure`` records in
all those months. The weights maximise the Poisson-process likelihood

    Σ_i log Σ_k w_k f_ik − Σ_k w_k E_k + Σ_k prior_k log w_k,

whose EM step is w_k ← (Σ_i r_ik + prior_k) / E_k with r the responsibilities. The likelihood
is concave in w, so where EM stops is the one optimum.

Source: Veen and Schoenberg (2008), "Estimation of space-time branching process models in
seismology using an EM-type algorithm", JASA 103.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats


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
    tolerance: float = 1e-9,
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
        Stop when the log-likelihood a target gains less than this in an iteration.
    max_iterations : int

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
    weights = np.where(usable, (len(densities) / usable.sum()) / np.where(usable, exposure, 1.0), 0)
    preferred = usable & (prior > 0.0)
    before = log_likelihood = -np.inf
    for iteration in range(1, max_iterations + 1):
        parts = densities * weights
        total = parts.sum(axis=1)
        log_likelihood = float(np.log(total).sum() - np.sum(weights * exposure))
        penalised = log_likelihood + float(np.sum(prior[preferred] * np.log(weights[preferred])))
        if penalised - before <= tolerance * len(densities):
            return Weights(weights, log_likelihood, iteration, True)
        before = penalised
        share = (parts / total[:, None]).sum(axis=0)
        weights = np.where(usable, (share + prior) / np.where(usable, exposure, 1.0), 0.0)
    return Weights(weights, log_likelihood, max_iterations, False)
