"""Whether forecast counts mean what they say: line, reliability, and intervals.

The line asks whether twice the forecast was twice the incidents (slope 1) and whether the level is
right (intercept 0); the reliability table shows it, without a line, in groups of equal forecast
mass; the last two functions say how often an interval of a count held what then happened.

Source: Cox (1958), Biometrika 45, for the line, here in log counts by Poisson maximum likelihood;
Cameron, Gelbach and Miller (2008), Rev. Econ. Stat. 90, for resampling clusters; Garwood (1936),
Biometrika 28, for the interval of a count; Czado, Gneiting and Held (2009), Biometrics 65, for the
randomised probability integral transform.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.special import gammaincinv
from scipy.stats import nbinom, poisson

from kidnaprisk.errors import ConfigError, ModelError
from kidnaprisk.evaluation.resampling import percentile_interval, times_drawn
from kidnaprisk.evaluation.scores import checked, count_at_most, gamma_shape
from kidnaprisk.geodesy import Floats, Ints

# Resampled lines are fitted to sums over bins this wide in log expected: off by about 1e-4.
_BIN = 0.05
# Over the range of the forecasts; a line steeper than e²⁰⁰ has all incidents at one end of it.
_STEEPEST = 200.0
_TOLERANCE = 1e-10
_MOST_STEPS = 100
_NOT_ZERO = 1e-300
_RELIABILITY_LEVEL = 0.90


class CalibrationLine(NamedTuple):
    """log E[N] = intercept + slope · log expected, each with (low, high); NaN where unknown."""

    slope: float
    slope_interval: tuple[float, float]
    intercept: float
    intercept_interval: tuple[float, float]


class IntervalCoverage(NamedTuple):
    """Share of counts that intervals held: ends included, and by the randomised PIT.

    A closed interval of a count must hold more than its level; the randomised share must be equal.
    """

    closed: float
    randomised: float


def calibration_line(
    expected: npt.ArrayLike,
    observed: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
    block: int = 1,
) -> CalibrationLine:
    """Slope and intercept of log observed on log expected, with bootstrap intervals.

    Parameters
    ----------
    expected : array-like (n,)
        Incidents.
    observed : array-like (n,)
        Incidents, at least 0; parts of one too, as virtual trips meet them.
    cluster : array-like (n,), optional
        Label of the window or whatever else is drawn as a whole; by default each value is.
    level : float
        Probability between the two ends.
    replicates, seed : int
        Resamples, and where they begin; the same seed gives the same intervals.
    block : int
        Clusters drawn together, in order of their labels, for windows that overlap.

    Returns
    -------
    CalibrationLine
        NaN where no line is best: nothing happened, all forecasts are equal, or all incidents
        happened at the lowest or at the highest of them. An end is NaN where so many resamples are
        of that kind that it lies among them, or where there is but one cluster.

    Examples
    --------
    Twice as many as expected, at every level of it:

    >>> line = calibration_line([1.0, 2.0, 4.0], [2, 4, 8])
    >>> round(line.slope, 6), round(float(np.exp(line.intercept)), 6)
    (1.0, 2.0)
    """
    mean, count = checked(whole=False, expected=expected, observed=observed)
    labels = np.arange(mean.size) if cluster is None else np.asarray(cluster)
    if labels.size != mean.size:
        raise ModelError("clusters are not one for each value", value=labels.shape)
    names, group = np.unique(labels.ravel(), return_inverse=True)
    mean, count = mean.ravel(), count.ravel()
    x = np.log(mean)
    (slope,), (intercept,) = _lines(x, np.ones((1, x.size)), count[None, :])
    block = min(block, len(names))
    times = times_drawn(len(names), replicates, seed, block)
    drawn = _resampled(mean, count, group.ravel(), times)
    slopes, intercepts = _lines(*drawn)
    return CalibrationLine(
        float(slope),
        percentile_interval(slopes, level, len(names) // block),
        float(intercept),
        percentile_interval(intercepts, level, len(names) // block),
    )


def _resampled(
    mean: Floats, count: Floats, group: Ints, times: Iterable[Floats]
) -> tuple[Floats, Floats, Floats]:
    """Log expected of b bins, and how many values and incidents each has, (draws, b)."""
    _, fine = np.unique(np.floor(np.log(mean) / _BIN), return_inverse=True)
    fine = fine.ravel()
    x = np.log(np.bincount(fine, mean) / np.bincount(fine))
    n_groups = int(group.max()) + 1
    shape = (n_groups, len(x))
    values = csr_array((np.ones(len(mean)), (group, fine)), shape=shape).T
    incidents = csr_array((count, (group, fine)), shape=shape).T
    sets = [((values @ each.T).T, (incidents @ each.T).T) for each in times]
    return x, np.concatenate([one for one, _ in sets]), np.concatenate([one for _, one in sets])


def _lines(x: Floats, points: Floats, observed: Floats) -> tuple[Floats, Floats]:
    """Slope and intercept of r sets at g values of log expected, each (r,); NaN where none is best.

    ``points`` and ``observed`` (r, g) are how many values and incidents a set has at each x. At the
    best slope, the mean x of incidents is that of points weighted by exp(slope · x), which grows
    with the slope: Newton's steps, or halves where one leaves the bracket.
    """
    slope, intercept = np.full(len(points), np.nan), np.full(len(points), np.nan)
    total, middle, spread = observed.sum(axis=1), 0.5 * (x.min() + x.max()), np.ptp(x)
    some = np.flatnonzero(total > 0.0)
    if spread < _TOLERANCE or not some.size:
        return slope, intercept
    z = (x - middle) / spread
    aim = observed[some] @ z / total[some]
    low, high = np.full(len(some), -_STEEPEST), np.full(len(some), _STEEPEST)
    below, above = _tilted(z, points[some], low)[1], _tilted(z, points[some], high)[1]
    bracketed = (below < aim - _TOLERANCE) & (aim + _TOLERANCE < above)
    some, aim, low, high = some[bracketed], aim[bracketed], low[bracketed], high[bracketed]
    at = np.full(len(some), np.clip(spread, 0.0, _STEEPEST))
    for _ in range(_MOST_STEPS):
        _, mean, variance = _tilted(z, points[some], at)
        low, high = np.where(mean > aim, low, at), np.where(mean > aim, at, high)
        newton = at - (mean - aim) / np.maximum(variance, _NOT_ZERO)
        moved = np.where((low <= newton) & (newton <= high), newton, 0.5 * (low + high))
        settled = np.abs(moved - at).max(initial=0.0) < _TOLERANCE
        at = moved
        if settled:
            break
    weight = _tilted(z, points[some], at)[0]
    slope[some] = at / spread
    intercept[some] = np.log(total[some] / weight) - 0.5 * np.abs(at) - slope[some] * middle
    return slope, intercept


def _tilted(z: Floats, points: Floats, slope: Floats) -> tuple[Floats, Floats, Floats]:
    """Σ, mean and variance of z in −½ to ½ under points · exp(slope · z − |slope| / 2), (r,)."""
    weights = points * np.exp(slope[:, None] * z - 0.5 * np.abs(slope)[:, None])
    total = weights.sum(axis=1)
    mean = weights @ z / total
    return total, mean, weights @ (z * z) / total - mean**2


def reliability(
    expected: npt.ArrayLike, observed: npt.ArrayLike, bins: int = 10
) -> list[dict[str, Any]]:
    """Expected beside observed incidents, in bins of equal expected mass, lowest forecasts first.

    Parameters
    ----------
    expected, observed : array-like (n,)
        Incidents. Equal forecasts share a bin, so that there may be fewer bins than asked for.
    bins : int

    Returns
    -------
    list of dict
        ``bin`` (1 to bins), ``cells``, ``expected``, ``observed``, and ``low`` and ``high``, the
        90 % interval of what the observed number is of (Garwood).

    Examples
    --------
    >>> [(row["cells"], row["expected"], row["observed"]) for row in
    ...  reliability([1.0, 1.0, 2.0], [0, 1, 3], bins=2)]
    [(2, 2.0, 1), (1, 2.0, 3)]
    """
    if bins < 1:
        raise ConfigError("bins is below 1", value=bins)
    mean, count = (one.ravel() for one in checked(expected=expected, observed=observed))
    values, tied = np.unique(mean, return_inverse=True)
    tied = tied.ravel()
    mass = values * np.bincount(tied)
    # By the middle of its mass: a value lies in one bin, whatever its rounding.
    middle = (np.cumsum(mass) - 0.5 * mass) / mass.sum()
    of_bin = np.minimum((middle * bins).astype(np.int64), bins - 1)[tied]
    rows = []
    for b in np.unique(of_bin):
        inside = of_bin == b
        happened = float(count[inside].sum())
        low, high = _count_interval(happened)
        rows.append(
            {
                "bin": int(b) + 1,
                "cells": int(inside.sum()),
                "expected": float(mean[inside].sum()),
                "observed": int(happened),
                "low": low,
                "high": high,
            }
        )
    return rows


def _count_interval(count: float) -> tuple[float, float]:
    tail = 0.5 * (1.0 - _RELIABILITY_LEVEL)
    low = float(gammaincinv(count, tail)) if count > 0.0 else 0.0
    return low, float(gammaincinv(count + 1.0, 1.0 - tail))


def predictive_interval(
    mean: npt.ArrayLike, variance: npt.ArrayLike, level: float = 0.90
) -> tuple[Floats, Floats]:
    """Interval that each of n counts will lie in, ends included, with at least this probability.

    Parameters
    ----------
    mean, variance : array-like (n,)
        Of the count itself: a rate known to a variance v gives a count of mean + v. Negative
        binomial; Poisson where the variance is no greater than the mean.
    level : float
        Probability; no more than (1 - level) / 2 is left beyond either end.

    Returns
    -------
    low, high : ndarray (n,)
        Whole numbers.

    Examples
    --------
    >>> predictive_interval([3.0, 3.0], [3.0, 9.0])
    (array([1., 0.]), array([6., 9.]))
    """
    centre, spread = checked(mean=mean, variance=variance)
    tail = _tail(level)
    return _quantile(tail, centre, spread), _quantile(1.0 - tail, centre, spread)


def _tail(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ConfigError("level does not lie between 0 and 1", value=level)
    return 0.5 * (1.0 - level)


def _quantile(probability: float, mean: Floats, variance: Floats) -> Floats:
    shape, wide = gamma_shape(mean, variance)
    many: Floats = nbinom.ppf(probability, shape, shape / (shape + mean))
    return np.where(wide, many, poisson.ppf(probability, mean))


def interval_coverage(
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    observed: npt.ArrayLike,
    level: float = 0.90,
    seed: int = 0,
) -> IntervalCoverage:
    """Share of n counts that their predictive intervals held.

    Parameters
    ----------
    mean, variance : array-like (n,)
        As of :func:`predictive_interval`.
    observed : array-like (n,)
        Counts that then happened.
    level : float
        Probability of the interval.
    seed : int
        Of the draws that split the probability of a count between inside and outside.

    Returns
    -------
    IntervalCoverage

    Examples
    --------
    >>> interval_coverage([3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0], [1, 6, 3, 9]).closed
    0.75
    """
    centre, spread, count = checked(mean=mean, variance=variance, observed=observed)
    low, high = predictive_interval(centre, spread, level)
    tail = _tail(level)
    below, up_to = count_at_most(count - 1.0, centre, spread), count_at_most(count, centre, spread)
    pit = below + np.random.default_rng(seed).random(count.shape) * (up_to - below)
    return IntervalCoverage(
        float(np.mean((low <= count) & (count <= high))),
        float(np.mean((tail <= pit) & (pit <= 1.0 - tail))),
    )
