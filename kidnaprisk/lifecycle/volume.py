"""Whether a country has far fewer, or far more, records of late than before.

Its last 90 days are held against as much of the year before them as its records reach over: two
Poisson counts, of which given their sum the first is binomial (Przyborowski and Wilenski 1940,
Biometrika 31, 313-323). Counts of violence scatter more than that, so a count must be a factor
away as well. Not here: records of all countries that end at some day, which freshness tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import binom

if TYPE_CHECKING:
    from kidnaprisk.incidents.coverage import Coverage
    from kidnaprisk.lifecycle.config import GateSettings

RECENT_DAYS, YEAR_DAYS = 90, 365
# What chance alone makes less probable is no chance.
IMPROBABLE = 1e-4
# Below this a country's count tells nothing.
_FEWEST_EXPECTED = 10.0


@dataclass(frozen=True)
class Change:
    """The last days of a country against those before them.

    Parameters
    ----------
    count : int
        Rows of the last days.
    expected : float
        As many as there would be if it went on as in the days before.
    factor : float
        Between the two, never below 1.
    rose : bool
    limit : float
        Of the factor, in its direction.
    beyond : bool
        Whether it is beyond the limit, and not by chance.
    """

    count: int
    expected: float
    factor: float
    rose: bool
    limit: float
    beyond: bool


def changes(
    rows: pd.DataFrame,
    newest: pd.Timestamp,
    stated: Sequence[Coverage] | None,
    limits: GateSettings,
) -> dict[str, Change]:
    """Each country's last days up to the newest; a country that cannot be told is left out.

    Parameters
    ----------
    rows : DataFrame
        ``date``, ``date_end``, ``country``.
    newest : Timestamp
        The last of the days.
    stated : sequence of Coverage, optional
        What is said to be covered. If nothing is, records reach from the earliest of any country.
    limits : GateSettings
    """
    recent = newest - pd.Timedelta(days=RECENT_DAYS)
    year = recent - pd.Timedelta(days=YEAR_DAYS - 1)
    begins = _begins(stated or (), newest)
    known = [one for one in begins.values() if one is not None]
    otherwise = min(known) if known else rows["date"].min()
    told: dict[str, Change] = {}
    for country, day in rows.groupby("country")["date_end"]:
        begin = begins.get(str(country), otherwise)
        if begin is None:
            continue
        first = max(begin, year)
        days = (recent - first).days + 1
        if days < RECENT_DAYS:
            continue
        count = int(((day > recent) & (day <= newest)).sum())
        before = int(((day >= first) & (day <= recent)).sum())
        change = change_of(count, before, days, limits)
        if change is not None:
            told[str(country)] = change
    return told


def change_of(count: int, before: int, days: int, limits: GateSettings) -> Change | None:
    """A count of the last days against that of so many days before; None if it tells nothing."""
    expected = before * RECENT_DAYS / days
    if not before or max(expected, count) < _FEWEST_EXPECTED:
        return None
    fell, rose = expected / max(count, 0.5), count / expected
    both, share = count + before, RECENT_DAYS / (RECENT_DAYS + days)
    if rose > fell:
        beyond = rose > limits.most_rise and binom.sf(count - 1, both, share) < IMPROBABLE
        return Change(count, expected, rose, True, limits.most_rise, bool(beyond))
    beyond = fell > limits.most_fall and binom.cdf(count, both, share) < IMPROBABLE
    return Change(count, expected, fell, False, limits.most_fall, bool(beyond))


def accepted(now: Change, held: Change | None, limits: GateSettings) -> bool:
    """Whether what is held shows the change too, and it went no such way again since."""
    if held is None or not held.beyond or held.rose != now.rose:
        return False
    since = change_of(now.count, held.count, RECENT_DAYS, limits)
    return since is None or not since.beyond or since.rose != now.rose


def _begins(stated: Sequence[Coverage], newest: pd.Timestamp) -> Mapping[str, pd.Timestamp | None]:
    """From which day on each country is covered without a gap, for all kinds that ever are.

    None for one that is not covered to the last: there, silence is no change.
    """
    spans: dict[str, dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]]] = {}
    for one in stated:
        span = (pd.Timestamp(one.start), pd.Timestamp(one.end))
        for country in {area.split("-")[0] for area in one.areas}:
            for kind in one.kinds:
                spans.setdefault(country, {}).setdefault(kind, []).append(span)
    begins: dict[str, pd.Timestamp | None] = {}
    for country, by_kind in spans.items():
        whole = [_last_span(one) for one in by_kind.values()]
        to_the_last = all(end >= newest for _, end in whole)
        begins[country] = max(start for start, _ in whole) if to_the_last else None
    return begins


def _last_span(
    spans: list[tuple[pd.Timestamp, pd.Timestamp]],
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The last stretch of days without a gap."""
    first, last = min(spans)
    for start, end in sorted(spans):
        if start > last + pd.Timedelta(days=1):
            first = start
        last = max(last, end)
    return first, last
