"""Whether a challenger may be published: each question, its figure and its threshold.

Pure: figures in, :class:`Check` out. A figure that too few incidents speak for is ``unknown``: a
quiet year is no fault. But where there can be no backtest at all, though there was one of the
champion, the gate has gone blind, and that is a failure.

Not here: how the figures come about (`contest`), and what is asked of records before they are taken
in (`drift`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import binom

from kidnaprisk.lifecycle.checks import FAILED, PASSED, UNKNOWN, Check
from kidnaprisk.lifecycle.contest import CHALLENGER, CHAMPION
from kidnaprisk.lifecycle.succession import ROLLBACK

if TYPE_CHECKING:
    import geopandas as gpd

    from kidnaprisk.evaluation.result import BacktestResult
    from kidnaprisk.hazard.mixture import KernelMixture
    from kidnaprisk.lifecycle.config import GateSettings

Row: TypeAlias = Mapping[Any, Any]
_LEVEL = 0.9
# Fewer resampled windows make no interval to decide by.
_FEWEST_WINDOWS = 6
_NAMES = (
    "information gain", "gain over even", "number", "calibration", "interval coverage",
    "virtual trips",
)  # fmt: skip


def gate(found: BacktestResult, limits: GateSettings) -> list[Check]:
    """What a backtest of challenger, champion and even rate says of the challenger.

    Parameters
    ----------
    found : BacktestResult
        As :func:`kidnaprisk.lifecycle.contest.contest` gives it.
    limits : GateSettings

    Returns
    -------
    list of Check
    """
    score = _row(found.scores, model=CHALLENGER)
    assert score is not None
    n = int(score["n"])
    if n < limits.least_incidents:
        text = f"{n} incidents in the windows; at least {limits.least_incidents} are needed"
        checks = [_unknown(name, float(n), limits.least_incidents, text) for name in _NAMES]
        if not float(score["expected"]) < limits.least_incidents:
            # Few happened where many were expected: that much can be told.
            checks[_NAMES.index("number")] = _number(score, limits, n)
        return checks
    return [
        _information_gain(found, limits, n),
        _over_even(score, limits, n),
        _number(score, limits, n),
        _calibration(score, limits, n),
        _interval_coverage(found, limits),
        _virtual_trips(found, limits),
    ]


def blind(reason: str, champion: Mapping[str, Any]) -> list[Check]:
    """The checks of a challenger that could not be put to the test.

    Parameters
    ----------
    reason : str
    champion : mapping
        Metrics of the champion: what could be told of it has to be told of the challenger.
    """
    told = {name for name, status in champion.get("checks", {}).items() if status != UNKNOWN}
    checks = [_unknown(name, None, None, reason) for name in _NAMES]
    return [
        replace(one, status=FAILED, text=f"{reason}; it was known of the champion")
        if one.name in told
        else one
        for one in checks
    ]


def reach(challenger: KernelMixture, champion: KernelMixture | None) -> Check:
    """Whether the challenger speaks wherever the champion did, and of days as late."""
    if champion is None:
        return _unknown("coverage", None, 0.0, "there is no champion to compare with")
    gone = sorted(set(champion.covered_regions_) - set(challenger.covered_regions_))
    back = champion.origin_day_ - challenger.origin_day_
    if gone:
        shown = ", ".join(gone[:5]) + (" ..." if len(gone) > 5 else "")
        text = f"{len(gone)} regions that the champion covers are covered no more: {shown}"
        return Check("coverage", CHALLENGER, FAILED, float(len(gone)), 0.0, text)
    if back > 0:
        text = f"its records end {back} days before the champion's"
        return Check("coverage", CHALLENGER, FAILED, float(back), 0.0, text)
    text = f"{len(challenger.covered_regions_)} regions, none fewer than the champion"
    return Check("coverage", CHALLENGER, PASSED, 0.0, 0.0, text)


def no_earlier(as_of: dt.date, champion: KernelMixture | None) -> Check:
    """Whether the challenger is as of a day no earlier than the champion's."""
    behind = 0 if champion is None else (champion.as_of_.date() - as_of).days
    if champion is None or behind <= 0:
        return Check("as-of", CHALLENGER, PASSED, 0.0, 0.0, "no earlier than the champion")
    text = f"the champion is as of {champion.as_of_:%Y-%m-%d}, {behind} days later"
    return Check("as-of", CHALLENGER, FAILED, float(behind), 0.0, text)


def rolled_back(moves: Sequence[Mapping[str, Any]]) -> Check:
    """Whether somebody went back to the champion: tonight's would be what they went back from.

    Parameters
    ----------
    moves : sequence of dict
        Those of the pointer that were completed, oldest first.
    """
    if not moves or moves[-1]["action"] != ROLLBACK:
        return Check("rolled back", CHALLENGER, PASSED, None, None, "nobody went back")
    last = moves[-1]
    text = f"somebody went back to {last['version']} on {last['on']}: {last['reason']}; "
    text += "to go on: kidnaprisk models promote it, or retrain --force"
    return Check("rolled back", CHALLENGER, FAILED, None, None, text)


def freshness(table: gpd.GeoDataFrame, as_of: dt.date, newest_days: float) -> Check:
    """Whether a store that others fill is filled still.

    Parameters
    ----------
    table : GeoDataFrame
        Its records.
    as_of : date
    newest_days : float
        The newest record may be no older.
    """
    # A day to come is a slip, and would keep the store fresh until then.
    newest = table["date_end"][table["date_end"] <= pd.Timestamp(as_of)].max()
    if pd.isna(newest):
        text = f"no record of the store is of {as_of} or before"
        return Check("freshness", "store", FAILED, None, newest_days, text)
    age = (pd.Timestamp(as_of) - newest).days
    text = f"the newest record of the store is of {newest:%Y-%m-%d}, {age} days old"
    if age > newest_days:
        text += f"; the limit of {newest_days:g} is missed by {age - newest_days:g}"
    status = FAILED if age > newest_days else PASSED
    return Check("freshness", "store", status, float(age), newest_days, text)


def settled(checks: Iterable[Check], unknown: str, unasked: Collection[str] = ()) -> list[Check]:
    """The checks, the unknown ones failed where ``unknown`` is ``refuse``.

    Those named in ``unasked`` stay unknown: a first model has no champion to gain over.
    """
    return [
        replace(one, status=FAILED, text=f"{one.text}; what is unknown is refused")
        if one.status == UNKNOWN and unknown == "refuse" and one.name not in unasked
        else one
        for one in checks
    ]


def _information_gain(found: BacktestResult, limits: GateSettings, n: int) -> Check:
    row = _row(found.comparisons, model=CHALLENGER, reference=CHAMPION)
    if row is None:
        return _unknown(
            "information gain", None, limits.least_gain, "there is no champion to compare with"
        )
    gain, low, high = (float(row[name]) for name in ("gain", "low", "high"))
    windows = int(found.scores["windows"].iloc[0])
    text = f"{gain:+.3f} nats per incident over the champion"
    if math.isnan(low) or windows < _FEWEST_WINDOWS:
        if high < limits.least_gain:
            # Too few to be sure of a gain; a loss may be clear all the same.
            return _held("information gain", high, limits.least_gain, text, False)
        text += f"; {windows} windows are too few for an interval"
        return _unknown("information gain", gain, limits.least_gain, text)
    text += f" (95 % interval {low:+.3f} to {high:+.3f}, n = {n})"
    return _held("information gain", low, limits.least_gain, text, low >= limits.least_gain)


def _over_even(score: Row, limits: GateSettings, n: int) -> Check:
    gain = float(score["gain_over_even"])
    text = f"{gain:+.3f} nats per incident over an even rate (n = {n})"
    least = limits.least_gain_over_even
    return _held("gain over even", gain, least, text, gain >= least)


def _number(score: Row, limits: GateSettings, n: int) -> Check:
    expected = float(score["expected"])
    factor = max(expected / max(n, 0.5), n / expected)
    tails = [float(score[name]) for name in ("nb_low", "nb_high")]
    probability = min(1.0, 2.0 * min(tails)) if not any(map(math.isnan, tails)) else math.nan
    text = f"{expected:.1f} incidents expected, {n} met: a factor of {factor:.2f}"
    if not math.isnan(probability):
        text += f" (negative binomial, p = {probability:.2g})"
    # A large factor on few incidents may be chance; without a variance it is taken at its word.
    chance = math.isfinite(factor) and probability >= limits.least_probability
    good = factor <= limits.most_miscount or chance
    return _held("number", factor, limits.most_miscount, text, good)


def _calibration(score: Row, limits: GateSettings, n: int) -> Check:
    slope, low, high = (float(score[name]) for name in ("slope", "slope_low", "slope_high"))
    if math.isnan(slope):
        return _unknown("calibration", None, None, "the slope is not defined")
    between = "" if math.isnan(low + high) else f"95 % interval {low:.2f} to {high:.2f}, "
    text = f"slope {slope:.2f} ({between}n = {n})"
    return _between("calibration", slope, limits.slope_low, limits.slope_high, text)


def _interval_coverage(found: BacktestResult, limits: GateSettings) -> Check:
    row = _row(
        found.coverage, model=CHALLENGER, what="region month", level=_LEVEL, least_expected=0.0
    )
    if row is None:
        return _unknown("interval coverage", None, None, "no interval could be judged")
    held, n = float(row["held_randomised"]), int(row["n"])
    text = f"90 % intervals held {held:.1%} of counts by region and window (n = {n})"
    low, high = limits.interval_low, limits.interval_high
    if (
        held >= 0.0
        and not low <= held <= high
        and (chance := _chance_held(held, n)) >= limits.least_probability
    ):
        text += f": by chance alone as far off with p = {chance:.2g}"
        return _held("interval coverage", held, low if held < low else high, text, True)
    return _between("interval coverage", held, low, high, text)


def _chance_held(held: float, n: int) -> float:
    """How probable it is that sound 90 % intervals hold a share of n counts as far off, or further.

    Of ten counts all may well lie inside. A count at the end of an interval is held in part, so
    that the number held is no whole one: it is rounded towards what was to be expected.
    """
    if held < _LEVEL:
        return float(binom.cdf(math.ceil(held * n), n, _LEVEL))
    return float(binom.sf(math.floor(held * n) - 1, n, _LEVEL))


def _virtual_trips(found: BacktestResult, limits: GateSettings) -> Check:
    row = _row(found.trips, model=CHALLENGER, group="all")
    if row is None:
        return _unknown("virtual trips", None, None, "no trip was driven")
    met, slope = float(row["met"]), float(row["slope"])
    text = (
        f"slope {slope:.2f} ({row['expected']:.1f} incidents expected, {met:.1f} met by "
        f"{int(row['n'])} trips)"
    )
    if met < limits.least_trip_incidents or math.isnan(slope):
        few = f"{met:.1f} incidents met; a slope needs at least {limits.least_trip_incidents:g}"
        return _unknown("virtual trips", met, limits.least_trip_incidents, few)
    return _between("virtual trips", slope, limits.trip_slope_low, limits.trip_slope_high, text)


def _row(table: pd.DataFrame, **wanted: object) -> Row | None:
    """The one row of a table with these values; None if there is none."""
    if not len(table):
        return None
    here = np.logical_and.reduce([(table[name] == value) for name, value in wanted.items()])
    rows = table[here].to_dict("records")
    return rows[0] if rows else None


def _between(name: str, value: float, low: float, high: float, text: str) -> Check:
    limit = low if value < low else high
    return _held(name, value, limit, text, bool(low <= value <= high))


def _held(name: str, value: float, limit: float, text: str, good: bool) -> Check:
    if not good:
        text += f"; the limit of {limit:g} is missed by {abs(value - limit):.3g}"
    return Check(name, CHALLENGER, PASSED if good else FAILED, _figure(value), limit, text)


def _unknown(name: str, value: float | None, limit: float | None, text: str) -> Check:
    return Check(name, CHALLENGER, UNKNOWN, None if value is None else _figure(value), limit, text)


def _figure(value: float) -> float | None:
    """A figure for JSON: what is not finite is missing."""
    return float(value) if np.isfinite(value) else None
