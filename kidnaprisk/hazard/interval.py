"""How far an exposure could be off, given how few incidents speak for it.

Incidents speak with weights a_i; they are worth n_eff = (Σa)² / Σa² equal ones (Kish). What the
towns and the floor add speaks of other places, so n_eff is scaled by the incidents' share of the
total: where the floor is all there is, n_eff is near zero. The exposure is then read as Gamma with
mean μ and variance μ² (1 / (n_eff + ½) + φ), φ the dispersion the model learned from its own past
forecasts.

Source: Kish (1965), "Survey Sampling", §11.7, for n_eff; the ½ is Jeffreys' for a Poisson rate.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv

from kidnaprisk.geodesy import Floats

LEVEL = 0.90


def effective_incidents(weight_sum: Floats, weight_square: Floats, total: Floats) -> Floats:
    """n_eff of each of n exposures.

    Parameters
    ----------
    weight_sum, weight_square : ndarray (n,)
        Σa and Σa² over incidents.
    total : ndarray (n,)
        The exposure, floor and towns included.

    Examples
    --------
    Four equal incidents and nothing else are worth four; half the total from elsewhere, two:

    >>> effective_incidents(np.array([4.0, 4.0]), np.array([4.0, 4.0]), np.array([4.0, 8.0]))
    array([4., 2.])
    """
    square = np.where(weight_square > 0.0, weight_square, 1.0)
    whole = np.where(total > 0.0, total, 1.0)
    effective: Floats = np.where(
        weight_square > 0.0, weight_sum**2 / square * np.minimum(weight_sum / whole, 1.0), 0.0
    )
    return effective


def gamma_interval(
    mean: Floats, n_eff: Floats, dispersion: float, level: float = LEVEL
) -> tuple[Floats, Floats]:
    """Central interval of each of n exposures.

    Parameters
    ----------
    mean, n_eff : ndarray (n,)
    dispersion : float
        φ ≥ 0.
    level : float
        Probability between the two ends.

    Returns
    -------
    low, high : ndarray (n,)
        NaN where the mean is NaN.

    Examples
    --------
    >>> low, high = gamma_interval(np.array([1.0]), np.array([0.5]), 0.0)
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0513], [2.9957])
    """
    shape = 1.0 / (1.0 / (n_eff + 0.5) + dispersion)
    tail = 0.5 * (1.0 - level)
    low: Floats = mean * gammaincinv(shape, tail) / shape
    high: Floats = mean * gammaincinv(shape, 1.0 - tail) / shape
    return low, high
