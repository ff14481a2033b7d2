"""Intervals by resampling windows of time, since incidents of one month are not independent.

What is resampled is the whole window, with all its cells and models: a difference between two
models is paired by giving it as the numerator. Where windows speak for the next ones too, blocks
of them are drawn (circular, so that none is drawn less often than another).

A percentile interval of few windows is too narrow. Its tails are therefore widened by Student's
factor (Hesterberg 2015, The American Statistician 69, "expanded percentile"); of fewer than two
blocks nothing can be said.

Source: Politis and Romano (1992), "A circular block-resampling procedure for stationary data".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from kidnaprisk.errors import ConfigError, ModelError
from kidnaprisk.geodesy import Floats, Ints

# Of resamples held at a time.
_CELLS_AT_ONCE = 1_000_000


class Estimate(NamedTuple):
    """A value and its interval; NaN where unknown."""

    value: float
    low: float
    high: float


def bootstrap_ratio(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    level: float = 0.95,
    *,
    replicates: int = 2000,
    seed: int = 0,
    block: int = 1,
) -> Estimate:
    """Σ numerator / Σ denominator over w windows, with its interval.

    Parameters
    ----------
    numerator : array-like (w,)
        For example nats by which one model is better than another.
    denominator : array-like (w,)
        For example incidents; at least 0.
    level : float
        Probability between the two ends.
    replicates : int
        Resamples drawn.
    seed : int
        The same seed gives the same interval.
    block : int
        Windows drawn together, for windows that are not independent.

    Returns
    -------
    Estimate
        Value NaN where the denominators are all 0; ends NaN where there are fewer than two blocks,
        or so many resamples lack a denominator that an end lies among them.

    Raises
    ------
    ModelError
        If the arrays are no such windows.
    ConfigError
        If an option makes no sense.

    Examples
    --------
    >>> bootstrap_ratio([1.0, 1.0, 2.0, 4.0], [1.0, 1.0, 2.0, 4.0])
    Estimate(value=1.0, low=1.0, high=1.0)
    """
    over, under = _windows(numerator, denominator)
    total = under.sum()
    ratios = np.full(replicates, np.nan)
    begin = 0
    for times in times_drawn(len(over), replicates, seed, block):
        drawn, here = times @ under, slice(begin, begin + len(times))
        np.divide(times @ over, drawn, out=ratios[here], where=drawn > 0.0)
        begin += len(times)
    value = float(over.sum() / total) if total > 0.0 else float("nan")
    return Estimate(value, *percentile_interval(ratios, level, len(over) // block))


def _windows(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> tuple[Floats, Floats]:
    over = np.atleast_1d(np.asarray(numerator, dtype=np.float64))
    under = np.atleast_1d(np.asarray(denominator, dtype=np.float64))
    finite = np.isfinite(over).all() and np.isfinite(under).all()
    if over.ndim != 1 or over.shape != under.shape or not over.size or not finite:
        raise ModelError(
            "numerators and denominators are not two finite values for each window",
            remedy="leave out windows of which nothing is known",
        )
    if (under < 0.0).any():
        raise ModelError("a denominator is below 0", value=float(under.min()))
    return over, under


def resamples(n: int, replicates: int, seed: int, block: int = 1) -> Iterator[Ints]:
    """Row numbers of ``replicates`` resamples of n rows, (n,) each, in blocks of neighbours.

    Examples
    --------
    >>> [len(rows) for rows in resamples(5, 2, seed=0, block=3)]
    [5, 5]
    """
    _check(n, replicates, block)
    for rows in _drawn(n, replicates, seed, block):
        yield from rows


def _drawn(n: int, replicates: int, seed: int, block: int) -> Iterator[Ints]:
    """Row numbers of resamples, (k, n) for k of them at a time."""
    rng = np.random.default_rng(seed)
    along, at_once = np.arange(block), max(1, _CELLS_AT_ONCE // n)
    for begin in range(0, replicates, at_once):
        k = min(at_once, replicates - begin)
        first = rng.integers(0, n, (k, -(-n // block)))
        yield ((first[:, :, None] + along) % n).reshape(k, -1)[:, :n]


def times_drawn(n: int, replicates: int, seed: int, block: int = 1) -> Iterator[Floats]:
    """How often each of n rows is in a resample, (k, n) for k of the ``replicates`` at a time.

    Examples
    --------
    >>> [times.sum(axis=1).tolist() for times in times_drawn(3, 2, seed=0)]
    [[3.0, 3.0]]
    """
    _check(n, replicates, block)
    for rows in _drawn(n, replicates, seed, block):
        flat = rows + n * np.arange(len(rows))[:, None]
        times = np.bincount(flat.ravel(), minlength=flat.size).reshape(rows.shape)
        yield times.astype(np.float64)


def _check(n: int, replicates: int, block: int) -> None:
    if not 1 <= block <= n:
        raise ConfigError(f"block does not lie between 1 and {n}, the windows", value=block)
    if replicates < 1:
        raise ConfigError("replicates is below 1", value=replicates)


def percentile_interval(values: Floats, level: float, n: int) -> tuple[float, float]:
    """Expanded percentile interval of resampled values of n independent parts.

    A NaN is a resample that could have had any value: each end counts it as lying beyond.

    Examples
    --------
    >>> low, high = percentile_interval(np.arange(101.0), 0.9, 10_000)
    >>> round(low), round(high)
    (4, 96)
    """
    if not 0.0 < level < 1.0:
        raise ConfigError("level does not lie between 0 and 1", value=level)
    if n < 2:
        return float("nan"), float("nan")
    tail = float(ndtr(np.sqrt(n / (n - 1.0)) * stdtrit(n - 1.0, 0.5 * (1.0 - level))))
    undefined = np.isnan(values)
    cut = int(tail * (len(values) - 1))
    low = np.sort(np.where(undefined, -np.inf, values))[cut]
    high = np.sort(np.where(undefined, np.inf, values))[-1 - cut]
    return _known(float(low)), _known(float(high))


def _known(end: float) -> float:
    return end if np.isfinite(end) else float("nan")
