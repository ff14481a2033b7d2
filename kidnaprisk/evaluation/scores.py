"""Scores of forecast counts: how probable what happened was, and whether it was where expected.

Every function takes arrays of one shape, an entry a cell (or cell and window, region, stretch of
road), and checks them at the door: an expectation of zero where something can happen would let a
model be infinitely wrong, so it is refused. A count is Poisson unless a variance above its mean is
given; then it is negative binomial of that mean and variance.

Not here: whether totals agree (:mod:`kidnaprisk.evaluation.consistency`), calibration and
intervals (:mod:`kidnaprisk.evaluation.calibration`).

Source: Rhoades et al. (2011), Acta Geophysica 59, for the information gain; Gneiting and Raftery
(2007), JASA 102, for CRPS and log score; Chainey et al. (2008), Security Journal 21, for PAI.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln, gammainc, gammaincc, gammaln, xlogy

from kidnaprisk.errors import ConfigError, ModelError
from kidnaprisk.geodesy import Floats

# A variance this little above the mean (relative) is Poisson to nine digits.
_POISSON = 1e-9
# CRPS adds squares of tail probabilities: what lies beyond this one adds about its square.
_TAIL = 1e-7
_NOT_ZERO = 1e-300
_MAY_BE_ZERO = frozenset({"hazard", "observed"})


def checked(*, whole: bool = True, **named: npt.ArrayLike) -> tuple[Floats, ...]:
    """Arrays of float64, of one shape, in the order given.

    Parameters
    ----------
    whole : bool
        Whether ``observed`` must be whole numbers.
    **named : array-like
        ``hazard`` and ``observed`` are at least 0; all else is above 0.

    Raises
    ------
    ModelError
        If shapes differ, there is nothing, or a value is not finite, too low, or not whole.

    Examples
    --------
    >>> checked(expected=[0.5, 2], observed=[0, 3])
    (array([0.5, 2. ]), array([0., 3.]))
    """
    arrays = {}
    for name, given in named.items():
        try:
            arrays[name] = np.atleast_1d(np.asarray(given, dtype=np.float64))
        except (TypeError, ValueError):
            raise ModelError(f"{name} is not numbers", remedy="give an array of numbers") from None
    shapes = [one.shape for one in arrays.values()]
    if len(set(shapes)) > 1 or 0 in shapes[0]:
        each = ", ".join(f"{name} {one.shape}" for name, one in arrays.items())
        raise ModelError(
            f"arrays are empty or differ in shape: {each}",
            remedy="give one value of each for every cell",
        )
    for name, values in arrays.items():
        _check_values(name, values, whole)
    return tuple(arrays.values())


def _check_values(name: str, values: Floats, whole: bool) -> None:
    zero = name in _MAY_BE_ZERO
    good = np.isfinite(values) & ((values >= 0.0) if zero else (values > 0.0))
    asked = "finite and at least 0" if zero else "finite and above 0"
    if name == "observed" and whole:
        good &= values == np.floor(values)
        asked = "a whole number of incidents"
    if not good.all():
        raise ModelError(
            f"{name} is not {asked} everywhere", value=float(values[~good][0]),
            remedy="leave out cells of which nothing is known",
        )  # fmt: skip


def poisson_log_score(expected: npt.ArrayLike, observed: npt.ArrayLike) -> Floats:
    """Log probability of each of n counts, nats; higher is better.

    Parameters
    ----------
    expected, observed : array-like (n,)
        Mean and count of incidents.

    Returns
    -------
    ndarray (n,)

    Examples
    --------
    >>> np.exp(poisson_log_score([2.0, 2.0], [0, 2])).round(4).tolist()
    [0.1353, 0.2707]
    """
    mean, count = checked(expected=expected, observed=observed)
    return _poisson_log(mean, count)


def _poisson_log(mean: Floats, count: Floats) -> Floats:
    log: Floats = xlogy(count, mean) - mean - gammaln(count + 1.0)
    return log


def negative_binomial_log_score(
    expected: npt.ArrayLike, variance: npt.ArrayLike, observed: npt.ArrayLike
) -> Floats:
    """Log probability of each of n counts of known variance, nats; higher is better.

    Parameters
    ----------
    expected, variance, observed : array-like (n,)
        Mean, variance and count; Poisson where the variance is no greater than the mean.

    Returns
    -------
    ndarray (n,)

    Examples
    --------
    Mean 1 and variance 2 is the geometric distribution: ½, ¼, ⅛ ...

    >>> np.exp(negative_binomial_log_score([1.0, 1.0], [2.0, 2.0], [0, 2])).round(6).tolist()
    [0.5, 0.125]
    """
    mean, spread, count = checked(expected=expected, variance=variance, observed=observed)
    shape, wide = gamma_shape(mean, spread)
    log: Floats = (
        xlogy(count, mean / (shape + mean))
        - shape * np.log1p(mean / shape)
        - betaln(shape, count + 1.0)
        - np.log(shape + count)
    )
    return np.where(wide, log, _poisson_log(mean, count))


def gamma_shape(mean: Floats, variance: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Shape of the Gamma whose Poisson mixture has this mean and variance, and where it is one."""
    wide = variance - mean > _POISSON * mean
    shape: Floats = mean * (mean / np.where(wide, variance - mean, mean))
    return shape, wide


def count_at_most(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """P(N ≤ count) of counts of known mean and variance, (n,).

    Examples
    --------
    >>> one = np.ones(1)
    >>> count_at_most(one, one, 2.0 * one).tolist()  # ½ + ¼
    [0.75]
    """
    shape, wide = gamma_shape(mean, variance)
    k = np.maximum(count, 0.0)
    many = betainc(shape, k + 1.0, shape / (shape + mean))
    return np.where(count < 0.0, 0.0, np.where(wide, many, gammaincc(k + 1.0, mean)))


def count_above(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """P(N > count), exact far out in the tail too, (n,).

    Examples
    --------
    >>> one = np.ones(1)
    >>> count_above(one, one, 2.0 * one).tolist()
    [0.25]
    """
    shape, wide = gamma_shape(mean, variance)
    k = np.maximum(count, 0.0)
    many = betainc(k + 1.0, shape, mean / (shape + mean))
    return np.where(count < 0.0, 1.0, np.where(wide, many, gammainc(k + 1.0, mean)))


def information_gain(
    expected: npt.ArrayLike, reference: npt.ArrayLike, observed: npt.ArrayLike
) -> float:
    """Nats per incident by which a forecast is better than a reference; negative if it is worse.

    Parameters
    ----------
    expected, reference, observed : array-like (n,)

    Returns
    -------
    float
        Difference of Poisson log scores over the number of incidents; NaN if nothing happened.

    Examples
    --------
    Both incidents fell where twice the reference was expected, and totals agree:

    >>> round(information_gain([2.0, 1.0], [1.0, 2.0], [2, 0]), 4)
    0.6931
    """
    mean, other, count = checked(expected=expected, reference=reference, observed=observed)
    n = count.sum()
    if n == 0.0:
        return float("nan")
    return float((count * np.log(mean / other) - (mean - other)).sum() / n)


def crps_poisson(expected: npt.ArrayLike, observed: npt.ArrayLike) -> Floats:
    """Continuous ranked probability score of each of n Poisson counts, incidents; lower is better.

    Parameters
    ----------
    expected, observed : array-like (n,)

    Returns
    -------
    ndarray (n,)

    Examples
    --------
    >>> crps_poisson([1.0], [1]).round(4).tolist()
    [0.212]
    """
    mean, count = checked(expected=expected, observed=observed)
    return _crps(mean, mean, count)


def crps_negative_binomial(
    expected: npt.ArrayLike, variance: npt.ArrayLike, observed: npt.ArrayLike
) -> Floats:
    """Continuous ranked probability score of each of n counts of known variance; lower is better.

    Parameters
    ----------
    expected, variance, observed : array-like (n,)
        Mean, variance and count; Poisson where the variance is no greater than the mean.

    Returns
    -------
    ndarray (n,)
        Incidents.

    Examples
    --------
    Mean 1, variance 2, nothing happened: ¼ + 1/16 + 1/64 ... is a third.

    >>> crps_negative_binomial([1.0], [2.0], [0]).round(6).tolist()
    [0.333333]
    """
    mean, spread, count = checked(expected=expected, variance=variance, observed=observed)
    return _crps(mean, spread, count)


def _crps(mean: Floats, variance: Floats, count: Floats) -> Floats:
    """Σ P(N ≤ k)² below the count + Σ P(N > k)² from it on.

    The closed forms lose their digits, or are lost, in scipy's hypergeometric function when the
    variance is a little above the mean.
    """
    score = np.zeros(mean.size)
    mean, variance, count, shape = mean.ravel(), variance.ravel(), count.ravel(), mean.shape
    left, k = np.arange(mean.size), 0.0
    while left.size:
        at = np.full(left.size, k)
        below = k < count[left]
        above = count_above(at, mean[left], variance[left])
        term = np.where(below, count_at_most(at, mean[left], variance[left]), above)
        score[left] += term**2
        left = left[below | (above > _TAIL)]
        k += 1.0
    return score.reshape(shape)


def hit_rate(
    hazard: npt.ArrayLike, size: npt.ArrayLike, observed: npt.ArrayLike, shares: npt.ArrayLike
) -> Floats:
    """Share of incidents in the most dangerous shares of an area, or of the km of a network.

    Parameters
    ----------
    hazard : array-like (n,)
        Expected incidents per unit of size, in any unit.
    size : array-like (n,)
        km² or km of each cell.
    observed : array-like (n,)
        Incidents.
    shares : array-like (s,)
        0 to 1. Where cells tie, or a share ends within a cell, its incidents are split by size:
        an even hazard hits just the share.

    Returns
    -------
    ndarray (s,)
        0 to 1; NaN if nothing happened.

    Raises
    ------
    ConfigError
        If a share does not lie between 0 and 1.

    Examples
    --------
    >>> hit_rate([5.0, 1.0, 1.0], [1.0, 1.0, 2.0], [3, 1, 0], [0.125, 0.25, 0.5]).round(3).tolist()
    [0.375, 0.75, 0.833]
    """
    at = np.atleast_1d(np.asarray(shares, dtype=np.float64))
    if not ((at >= 0.0) & (at <= 1.0)).all():
        raise ConfigError("a share does not lie between 0 and 1", value=at.tolist())
    rate, km, count = checked(hazard=hazard, size=size, observed=observed)
    if not count.any():
        return np.full(len(at), np.nan)
    # Rates that are equal but for rounding, as sums over cells are, tie.
    _, tied = np.unique(-np.round(np.log(np.maximum(rate, _NOT_ZERO)), 9), return_inverse=True)
    reached = np.cumsum(np.bincount(tied.ravel(), km.ravel()))
    hit = np.cumsum(np.bincount(tied.ravel(), count.ravel()))
    share: Floats = np.interp(
        at, np.append(0.0, reached / reached[-1]), np.append(0.0, hit / hit[-1])
    )
    return share


def prediction_accuracy_index(
    hazard: npt.ArrayLike, size: npt.ArrayLike, observed: npt.ArrayLike, shares: npt.ArrayLike
) -> Floats:
    """How many times denser incidents were in the most dangerous shares than over all (PAI).

    Parameters
    ----------
    hazard, size, observed, shares : array-like
        As of :func:`hit_rate`; shares above 0.

    Returns
    -------
    ndarray (s,)
        1 for an even hazard; NaN if nothing happened.

    Examples
    --------
    >>> prediction_accuracy_index([5.0, 1.0], [1.0, 3.0], [3, 1], [0.25]).tolist()
    [3.0]
    """
    hit = hit_rate(hazard, size, observed, shares)
    at = np.atleast_1d(np.asarray(shares, dtype=np.float64))
    if not at.all():
        raise ConfigError("the accuracy index of a share of 0 is not defined", value=at.tolist())
    index: Floats = hit / at
    return index


def gain_curve(
    hazard: npt.ArrayLike, size: npt.ArrayLike, observed: npt.ArrayLike, points: int = 101
) -> tuple[Floats, Floats]:
    """Share of incidents against share of area or km, most dangerous first.

    Parameters
    ----------
    hazard, size, observed : array-like (n,)
        As of :func:`hit_rate`.
    points : int
        Points of the curve, evenly spaced from 0 to 1.

    Returns
    -------
    share, hit : ndarray (points,)

    Examples
    --------
    >>> gain_curve([5.0, 1.0], [1.0, 1.0], [3, 1], points=3)
    (array([0. , 0.5, 1. ]), array([0.  , 0.75, 1.  ]))
    """
    share = np.linspace(0.0, 1.0, points)
    return share, hit_rate(hazard, size, observed, share)
