"""A share of incidents that differs from place to place, learned in three steps.

What is near shrinks towards its country, and the country towards all records:

    p₀ = (k + ½) / (n + 1)
    p_c = (k_c + s_c p₀) / (n_c + s_c)
    p_x = (k_x + s_x p_c) / (n_x + s_x)

with k of n incidents alike, all faded by age, those near x by a Gaussian of the distance too. The
two strengths, the scale and the memory are those that best forecast past months, each from what
was known before it. That forecast is held against the pooled share's: unless the paired interval
of the gain is clear of zero, the place adds nothing and the pooled share is the answer.

The gain is honest about the choice: each month is forecast with what was best in earlier months.

Source: Gelman et al. (2013), "Bayesian Data Analysis", §5.3, for the beta-binomial; Dawid (1984),
"Statistical theory: the prequential approach", JRSS A 147, for learning by one-step forecasts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from kidnaprisk.geodesy import Floats

Texts = npt.NDArray[np.object_]

# Infinite: nothing of its own is believed. First, so that it wins where all score alike.
STRENGTHS = np.array([np.inf, 100.0, 30.0, 10.0, 3.0, 1.0])
WINDOW_DAYS = 30
# Before this many incidents tell there is no forecast worth scoring.
_FEWEST_BEFORE = 20
# The latest are enough to learn from: the work grows with their square.
_LATEST = 2_500
_PAIRED_LEVEL = 0.95
_REPLICATES = 2_000


class Records(NamedTuple):
    """k incidents that tell: whether they are alike (1 or 0), where, and when; days since 1970."""

    like: Floats
    xyz: Floats
    country: Texts
    event_day: Floats
    known_day: Floats

    def take(self, rows: npt.NDArray[np.bool_]) -> Records:
        """Those of some rows."""
        return Records(
            self.like[rows],
            self.xyz[rows],
            self.country[rows],
            self.event_day[rows],
            self.known_day[rows],
        )


class Learned(NamedTuple):
    """What past months taught about one share.

    ``n`` incidents tell; ``country_strength`` and ``place_strength`` are how many incidents the
    wider share is worth, infinite where nothing of its own is believed; ``scored`` incidents were
    forecast from before. ``gain`` is the log score over the pooled share, nats per incident, with
    its 95 % interval over months; NaN where nothing could be scored.
    """

    n: int
    scale_km: float
    memory_days: float
    country_strength: float
    place_strength: float
    pooled_memory_days: float
    scored: int
    gain: float
    gain_low: float
    gain_high: float

    @property
    def adds(self) -> bool:
        """Whether the place tells more than the pooled share: the interval is clear of zero."""
        return self.gain_low > 0.0


class _Counts(NamedTuple):
    """Alike and all (last axis), faded: pooled (M, 2), country (t, M, 2), near (t, S, M, 2)."""

    pooled: Floats
    country: Floats
    near: Floats


def learn_share(
    records: Records, as_of_day: float, scales_km: Floats, memories_days: Floats, seed: int
) -> Learned:
    """Choose strengths, scale and memory on past months, and measure what they gain.

    Parameters
    ----------
    records : Records
    as_of_day : float
        Days since 1970-01-01; windows of 30 days end on it.
    scales_km : ndarray (S,)
    memories_days : ndarray (M,)
        Infinite for never fading.
    seed : int
        Of the bootstrap over months.
    """
    recent = records
    if len(records.like) > _LATEST:
        recent = records.take(np.argsort(np.argsort(-records.event_day)) < _LATEST)
    local, pooled, n = _scores(recent, as_of_day, scales_km, memories_days)
    best = np.unravel_index(local.sum(axis=0).argmax(), local.shape[1:])
    gains = _chosen_before(local.reshape(len(n), np.prod(local.shape[1:]))) - _chosen_before(pooled)
    if len(np.unique(recent.like)) < 2:
        # Where all answer the same no place can differ, only be surer of it.
        gains = np.zeros(len(n))
    low, high = _paired_interval(gains, n, seed)
    return Learned(
        n=len(records.like),
        scale_km=float(scales_km[best[0]]),
        memory_days=float(memories_days[best[1]]),
        country_strength=float(STRENGTHS[best[2]]),
        place_strength=float(STRENGTHS[best[3]]),
        pooled_memory_days=float(memories_days[pooled.sum(axis=0).argmax()]),
        scored=int(n.sum()),
        gain=float(gains.sum() / n.sum()) if n.sum() else np.nan,
        gain_low=low,
        gain_high=high,
    )


def _scores(
    records: Records, as_of_day: float, scales_km: Floats, memories_days: Floats
) -> tuple[Floats, Floats, Floats]:
    """Log scores of past windows, oldest first: (w, S, M, C, P), pooled (w, M); counts (w,)."""
    count = int(max(0.0, as_of_day - records.known_day.min(initial=as_of_day)) // WINDOW_DAYS)
    options = (len(scales_km), len(memories_days), len(STRENGTHS), len(STRENGTHS))
    local, pooled, n = np.zeros((count, *options)), np.zeros((count, options[1])), np.zeros(count)
    for w in range(count):
        start = as_of_day - WINDOW_DAYS * (count - w)
        due = (records.event_day > start) & (records.event_day <= start + WINDOW_DAYS)
        known = (records.known_day <= start) & (records.event_day <= start)
        if not due.any() or known.sum() < _FEWEST_BEFORE:
            continue
        target = records.take(due)
        counts = _count(
            records.take(known), target.xyz, target.country, start, scales_km, memories_days
        )
        level = _pooled_share(counts.pooled)
        country = _shrink(counts.country[..., None, :], level[None, :, None], STRENGTHS)
        near = _shrink(counts.near[..., None, None, :], country[:, None, ..., None], STRENGTHS)
        local[w] = _log_score(near, target.like)
        pooled[w] = _log_score(np.broadcast_to(level, (len(target.like), len(level))), target.like)
        n[w] = len(target.like)
    return local, pooled, n


def _count(
    known: Records,
    xyz: Floats,
    country: Texts,
    day: float,
    scales_km: Floats,
    memories_days: Floats,
) -> _Counts:
    age = np.maximum(day - known.event_day, 0.0)
    faded = np.exp(-age[:, None] / memories_days)
    both = np.stack([faded * known.like[:, None], faded], axis=-1)
    apart2 = cdist(xyz, known.xyz, "sqeuclidean")
    near = [np.tensordot(np.exp(-0.5 * apart2 / s**2), both, axes=1) for s in scales_km]
    homes, home = np.unique(country, return_inverse=True)
    same = (homes[:, None] == known.country).astype(np.float64)[home]
    return _Counts(both.sum(axis=0), np.tensordot(same, both, axes=1), np.stack(near, axis=1))


def _pooled_share(counts: Floats) -> Floats:
    share: Floats = (counts[..., 0] + 0.5) / (counts[..., 1] + 1.0)
    return share


def _shrink(counts: Floats, wider: Floats, strength: Floats) -> Floats:
    """(k + s p) / (n + s), which is p where s is infinite."""
    weight = counts[..., 1] / (counts[..., 1] + strength)
    own = counts[..., 0] / np.maximum(counts[..., 1], 1e-300)
    share: Floats = weight * own + (1.0 - weight) * wider
    return share


def _log_score(share: Floats, like: Floats) -> Floats:
    """Summed over the first axis, that of the targets."""
    total: Floats = np.log(share[like == 1.0]).sum(axis=0)
    total += np.log1p(-share[like == 0.0]).sum(axis=0)
    return total


def _chosen_before(scores: Floats) -> Floats:
    """Score of each of w windows under the option (w, o) that was best in the windows before."""
    before = np.cumsum(scores, axis=0) - scores
    chosen: Floats = np.take_along_axis(scores, before.argmax(axis=1)[:, None], axis=1)[:, 0]
    return chosen


def _paired_interval(gains: Floats, n: Floats, seed: int) -> tuple[float, float]:
    """Of Σ gain / Σ n, months drawn again with replacement; NaN of fewer than two months."""
    used = n > 0.0
    if used.sum() < 2:
        return np.nan, np.nan
    draws = np.random.default_rng(seed).integers(0, used.sum(), (_REPLICATES, int(used.sum())))
    ratio = gains[used][draws].sum(axis=1) / n[used][draws].sum(axis=1)
    low, high = np.quantile(ratio, [0.5 * (1.0 - _PAIRED_LEVEL), 0.5 * (1.0 + _PAIRED_LEVEL)])
    return float(low), float(high)


def share_at(
    records: Records, learned: Learned, as_of_day: float, xyz: Floats, country: Texts
) -> tuple[Floats, Floats]:
    """Posterior mean and variance of the share at n places, (n,) each; NaN where no record tells.

    A step's variance is the mean one of its beta, and what it takes over of the wider step's.
    """
    if not len(records.like):
        return np.full(len(xyz), np.nan), np.full(len(xyz), np.nan)
    if not learned.adds:
        memory = np.array([learned.pooled_memory_days])
        pooled = _count(records, xyz[:0], country[:0], as_of_day, np.ones(1), memory).pooled[0]
        share = _pooled_share(pooled)
        return (
            np.full(len(xyz), share),
            np.full(len(xyz), share * (1.0 - share) / (pooled[1] + 2.0)),
        )
    counts = _count(
        records, xyz, country, as_of_day,
        np.array([learned.scale_km]), np.array([learned.memory_days]),
    )  # fmt: skip
    mean = np.broadcast_to(_pooled_share(counts.pooled[0]), len(xyz))
    variance = mean * (1.0 - mean) / (counts.pooled[0, 1] + 2.0)
    steps = (
        (counts.country[:, 0], learned.country_strength),
        (counts.near[:, 0, 0], learned.place_strength),
    )
    for step, strength in steps:
        taken = 1.0 - step[:, 1] / (step[:, 1] + strength)
        mean = _shrink(step, mean, np.array(strength))
        wider = taken**2 * variance
        variance = (mean * (1.0 - mean) - wider) / (step[:, 1] + strength + 1.0) + wider
    return mean, variance
