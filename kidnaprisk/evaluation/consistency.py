"""Whether what happened agrees with the forecast: in number, and in where it lay.

The number tests ask how probable so many incidents, or so few, were; the spatial test, given their
number, how probable their places. A probability near 0 speaks against the forecast. A test not
failed proves nothing: a vague forecast fails few.

Not here: which of two forecasts is better (:mod:`kidnaprisk.evaluation.scores`).

Source: Zechar, Gerstenberger and Rhoades (2010), BSSA 100, for the tests; Kagan (2010), GJI 180,
for the negative binomial; pyCSEP (Savran et al. 2022, SRL 93) for what each returns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from kidnaprisk.errors import ConfigError
from kidnaprisk.evaluation.scores import checked, count_above, count_at_most
from kidnaprisk.geodesy import Floats, Ints

# Sums of the same logarithms in another order differ by about this much (relative).
_ROUNDING = 1e-9


class NumberTest(NamedTuple):
    """P(N ≥ observed), near 0 where too few were expected; P(N ≤ observed), where too many."""

    at_least: float
    at_most: float


def number_test(expected: npt.ArrayLike, observed: npt.ArrayLike) -> NumberTest:
    """Test of a total against the Poisson distribution.

    Parameters
    ----------
    expected, observed : array-like (n,) or float
        Incidents; only their sums count.

    Returns
    -------
    NumberTest

    Examples
    --------
    >>> found = number_test([0.5, 1.5], [0, 0])
    >>> found.at_least, round(found.at_most, 4)  # P(N ≤ 0) = e⁻²
    (1.0, 0.1353)
    """
    mean, count = checked(expected=expected, observed=observed)
    return _number_test(mean.sum(), mean.sum(), count.sum())


def number_test_negative_binomial(
    expected: npt.ArrayLike, variance: float, observed: npt.ArrayLike
) -> NumberTest:
    """Test of a total against the negative binomial distribution.

    Parameters
    ----------
    expected, observed : array-like (n,) or float
        Incidents; only their sums count.
    variance : float
        Of the total. That of parts adds up to it only if they are independent. Poisson where it is
        no greater than the mean.

    Returns
    -------
    NumberTest

    Examples
    --------
    Mean 1 and variance 2: ½, ¼, ⅛ ...

    >>> number_test_negative_binomial(1.0, 2.0, 2)
    NumberTest(at_least=0.25, at_most=0.875)
    """
    mean, count = checked(expected=expected, observed=observed)
    (spread,) = checked(variance=variance)
    return _number_test(mean.sum(), spread[0], count.sum())


def _number_test(mean: float, variance: float, count: float) -> NumberTest:
    m, v, n = (np.array([one]) for one in (mean, variance, count))
    return NumberTest(
        float(count_above(n - 1.0, m, v)[0]),
        float(count_at_most(n, m, v)[0]),
    )


def spatial_test(
    expected: npt.ArrayLike, observed: npt.ArrayLike, *, simulations: int = 1000, seed: int = 0
) -> float:
    """Share of simulated sets of incidents that fit the forecast no better than the observed ones.

    Each simulation throws as many incidents as were observed into cells by their share of the
    expected total, so that only where they lie is tested.

    Parameters
    ----------
    expected, observed : array-like (n,)
        Incidents in each cell.
    simulations : int
        How many are drawn.
    seed : int
        The same seed gives the same answer.

    Returns
    -------
    float
        γ, 0 to 1: near 0 where the incidents lay where few were expected. NaN if nothing happened.

    Examples
    --------
    The one incident fell into the less probable cell of two, as one in four would:

    >>> 0.2 < spatial_test([3.0, 1.0], [0, 1]) < 0.3
    True
    """
    if simulations < 1:
        raise ConfigError("simulations is below 1", value=simulations)
    mean, count = (one.ravel() for one in checked(expected=expected, observed=observed))
    n = int(count.sum())
    if n == 0:
        return float("nan")
    log_share = np.log(mean / mean.sum())
    reached = np.cumsum(mean)
    hit = np.flatnonzero(count)
    seen = _log_likelihood(log_share, hit, count[hit])
    rng = np.random.default_rng(seed)
    no_better = 0
    for _ in range(simulations):
        # Below the last sum: a draw at it would fall beyond the last cell.
        drawn = np.minimum(rng.random(n) * reached[-1], np.nextafter(reached[-1], 0.0))
        cells, thrown = np.unique(np.searchsorted(reached, drawn, "right"), return_counts=True)
        simulated = _log_likelihood(log_share, cells, thrown.astype(np.float64))
        no_better += simulated <= seen + _ROUNDING * abs(seen)
    return no_better / simulations


def _log_likelihood(log_share: Floats, cells: Ints, counts: Floats) -> float:
    """Σ n log share − log n!, what differs between sets of as many incidents."""
    return float((counts * log_share[cells] - gammaln(counts + 1.0)).sum())
