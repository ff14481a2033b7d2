"""Consequence: given a kidnapping, how long captivity lasts and how it ends.

Context beside an exposure, never folded into it. The share still held after so many days is a
Kaplan–Meier curve of the days until captivity ended, however it ended, with Greenwood's variance on
the log-log scale. Those said to be still held, and groups of which only some were freed, are
censored on the last day known. How it ended is a plain share of those whose end is told, with a
Jeffreys interval, and not a competing-risks curve: an Aalen–Johansen curve needs the day of every
end, and deaths are dated more often than releases, so it would overstate them.

A record that says nothing of the end is neither held nor free: it is left out and counted as
silent. Releases and deaths that made news are over-represented; ``at_least`` is the share of all
records. Not for ransoms.

Source: Kaplan and Meier (1958), JASA 53; Kalbfleisch and Prentice (2002), "The Statistical Analysis
of Failure Time Data", §1.4; Brookmeyer and Crowley (1982), Biometrics 38, for the median; Brown,
Cai and DasGupta (2001), Statistical Science 16, for Jeffreys' interval.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv
from sklearn.base import BaseEstimator

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard.victims import Likeness, alike, kidnappings_known, origin_of
from kidnaprisk.routes.countries import code_remedy, country_code
from kidnaprisk.routes.crew import Crew

Mask = npt.NDArray[np.bool_]

HELD_DAYS = (7, 30, 90, 365)
# Word of the incident table: what it is called here.
OUTCOMES = {
    "released": "released",
    "rescued": "rescued_or_escaped",
    "escaped": "rescued_or_escaped",
    "partly_released": "partly_released",
    "killed": "killed_or_died",
    "died": "killed_or_died",
    "held": "held",
}
_ENDED = ("released", "rescued", "escaped", "killed", "died")


class Estimate(NamedTuple):
    """A figure and its interval; None where the records do not reach."""

    value: float | None
    low: float | None
    high: float | None


class OutcomeShare(NamedTuple):
    """Share of told outcomes with its interval, its count, and its share of all records."""

    share: float
    low: float
    high: float
    n: int
    at_least: float


@dataclass(frozen=True)
class ConsequenceAnswer:
    """What became of people kidnapped before.

    Attributes
    ----------
    group : str
        Whose records these are: ``"country NG, foreign victims"`` or ``"pooled"``.
    records : int
        Kidnappings in that group.
    told : int
        Those whose outcome is told; the rest are silent.
    dated : int
        Those the curve is drawn from: the end is dated, or they are held.
    ended : int
        Those of them whose captivity ended on a known day; the rest are censored.
    median_days : Estimate
        Days until half are no longer held.
    held : dict of int to Estimate
        Share still held after 7, 30, 90 and 365 days; None beyond the longest known.
    outcomes : dict of str to OutcomeShare
        ``released``, ``rescued_or_escaped``, ``partly_released``, ``killed_or_died``, ``held``;
        they add up to one.
    level : float
        Probability between low and high.
    notes : tuple of str
        What was left out.
    """

    group: str
    records: int
    told: int
    dated: int
    ended: int
    median_days: Estimate
    held: dict[int, Estimate]
    outcomes: dict[str, OutcomeShare]
    level: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, unknown figures as None."""
        return {
            **asdict(self),
            "median_days": self.median_days._asdict(),
            "held": {str(days): one._asdict() for days, one in self.held.items()},
            "outcomes": {name: one._asdict() for name, one in self.outcomes.items()},
            "notes": list(self.notes),
        }


class Consequence(BaseEstimator):  # type: ignore[misc]
    """How long kidnappings last and how they end.

    Parameters
    ----------
    fewest_ended : int
        A narrower group than all records answers only with so many dated ends.
    follow_up_days : int
        Kidnappings younger than this are left out: of the last months the short captivities are
        told already and the long ones cannot be.
    level : float
        Probability between the two ends of each interval.

    Attributes
    ----------
    records_ : GeoDataFrame
        The kidnappings known of sources that tell how they end, outcomes as they read that day.
    as_of_ : Timestamp
        Last day whose records were read.
    notes_ : tuple of str
        What was left out.

    Examples
    --------
    >>> Consequence().get_params()["fewest_ended"]
    20
    """

    records_: gpd.GeoDataFrame
    as_of_: pd.Timestamp
    notes_: tuple[str, ...]

    def __init__(
        self, fewest_ended: int = 20, follow_up_days: int = 365, level: float = 0.90
    ) -> None:
        self.fewest_ended, self.follow_up_days = fewest_ended, follow_up_days
        self.level = level

    def fit(self, incidents: gpd.GeoDataFrame, as_of: object = None) -> Self:
        """Take in the kidnappings known by a day, and what was known of their end.

        Parameters
        ----------
        incidents : GeoDataFrame
            A table as :func:`kidnaprisk.read_incidents` returns it.
        as_of : date-like, optional
            Only rows with ``known_on`` up to this UTC day are looked at, and an end dated later
            has not happened. By default all. An end without a day counts as known.

        Raises
        ------
        IncidentError
            If the table is not valid.
        ModelError
            If a parameter is out of range, or no dated end was known by that day.
        """
        if self.fewest_ended < 1 or self.follow_up_days < 0 or not 0.0 < self.level < 1.0:
            wanted = "fewest_ended from 1, follow_up_days from 0, level between 0 and 1"
            raise ModelError("a parameter is out of range", value=self.get_params(), remedy=wanted)
        table, self.as_of_ = kidnappings_known(incidents, as_of)
        table = _as_told(table, self.as_of_)
        sorts = table.groupby("source")["outcome"].transform("nunique")
        # Where only deaths are recorded, every recorded end is a death.
        mute = sorted(set(table.loc[sorts < 2, "source"]))
        old = _middle(table) <= self.as_of_ - pd.Timedelta(days=self.follow_up_days)
        self.records_ = table[(sorts >= 2) & old].reset_index(drop=True)
        self.notes_ = tuple(_notes(mute, int(((sorts >= 2) & ~old).sum()), self.follow_up_days))
        self._days, self._censored, self._dated = _captivity(self.records_)
        if not (self._dated & ~self._censored).any():
            raise ModelError(
                "no kidnapping of these records has a dated end"
                f" and began {self.follow_up_days} days before {self.as_of_.date()}",
                remedy="add a source that tells how kidnappings end, or lower follow_up_days",
            )
        return self

    def given(
        self,
        country: str | None = None,
        perpetrator: str | None = None,
        crew: Crew | None = None,
    ) -> ConsequenceAnswer:
        """What became of those taken in such circumstances.

        The narrowest group that has ``fewest_ended`` dated ends answers: that shares most of what
        is given and, of those that share as many, in the order origin of the crew, perpetrator,
        country, sector of the crew. Without one all records answer (``"pooled"``).

        Parameters
        ----------
        country : str, optional
            ISO 3166-1 alpha-2.
        perpetrator : str, optional
            A name as records give it; letter case and what stands in brackets do not matter.
        crew : Crew, optional
            Its nationality makes it foreign or local in ``country``, and without one is not used.

        Raises
        ------
        ModelError
            If it is not fitted, or the country is unknown.
        """
        if not hasattr(self, "records_"):
            raise ModelError("this consequence is not fitted", remedy="call fit(incidents) first")
        facets = _facets(self.records_, country, perpetrator, crew)
        ended = self._dated & ~self._censored
        for size in range(len(facets), 0, -1):
            for names in combinations(facets, size):
                rows = np.logical_and.reduce([facets[name] for name in names])
                if (rows & ended).sum() >= self.fewest_ended:
                    return self._answer(", ".join(names), rows)
        return self._answer("pooled", np.ones(len(self.records_), dtype=bool))

    def _answer(self, group: str, rows: Mask) -> ConsequenceAnswer:
        drawn = rows & self._dated
        curve = held_curve(self._days[drawn], self._censored[drawn], self.level)
        told = self.records_.loc[rows, "outcome"].dropna().map(OUTCOMES)
        n, records = len(told), int(rows.sum())
        counts = {name: int((told == name).sum()) for name in dict.fromkeys(OUTCOMES.values())}
        shares = {
            name: OutcomeShare(k / n, *_jeffreys(k, n, self.level), k, k / records)
            for name, k in counts.items()
        }
        return ConsequenceAnswer(
            group=group,
            records=records,
            told=n,
            dated=int(drawn.sum()),
            ended=int((drawn & ~self._censored).sum()),
            median_days=curve.median(),
            held={days: curve.at(days) for days in HELD_DAYS},
            outcomes=shares,
            level=self.level,
            notes=self.notes_,
        )


class HeldCurve(NamedTuple):
    """Kaplan–Meier: from each day of ``days`` (k,) on, the share held and its interval."""

    days: Floats
    share: Floats
    low: Floats
    high: Floats
    longest: float

    def at(self, days: float) -> Estimate:
        """Share held after so many days; None beyond the longest captivity known."""
        step = int(np.searchsorted(self.days, days, side="right")) - 1
        if days > self.longest and self.share[-1] > 0.0:
            return Estimate(None, None, None)
        if step < 0:
            return Estimate(1.0, float(self.low[0]), 1.0)
        return Estimate(float(self.share[step]), float(self.low[step]), float(self.high[step]))

    def median(self) -> Estimate:
        """First day on which at most half are held; its interval where the band crosses half."""
        halved = (self.days[curve <= 0.5] for curve in (self.share, self.low, self.high))
        return Estimate(*(float(days[0]) if len(days) else None for days in halved))


def held_curve(days: Floats, censored: Mask, level: float) -> HeldCurve:
    """Share still held, by days since the taking.

    Parameters
    ----------
    days : ndarray (n,)
        Days held, or known to be held.
    censored : ndarray (n,) of bool
        Where captivity had not ended by then.
    level : float
        Probability between the two ends of the interval.

    Returns
    -------
    HeldCurve
        Where all, or none, are held Greenwood's variance is zero: there the interval is Jeffreys'
        of those still at risk.

    Examples
    --------
    >>> curve = held_curve(np.array([1.0, 2.0, 4.0]), np.array([False, True, False]), 0.9)
    >>> curve.share.round(4).tolist(), curve.median().value
    ([0.6667, 0.6667, 0.0], 4.0)
    """
    from scipy.stats import CensoredData, ecdf

    held = ecdf(CensoredData.right_censored(days, censored)).sf
    with warnings.catch_warnings():
        # Said of steps where all or none are held, which are dealt with below.
        warnings.simplefilter("ignore", RuntimeWarning)
        band = held.confidence_interval(level, method="log-log")
    low, high = band.low.probabilities.copy(), band.high.probabilities.copy()
    at_risk = np.array([np.sum(days >= one) for one in held.quantiles])
    for step in np.flatnonzero((held.probabilities <= 0.0) | (held.probabilities >= 1.0)):
        share, n = held.probabilities[step], int(at_risk[step])
        low[step], high[step] = _jeffreys(round(share * n), n, level)
        # No more can be held on a later day than on an earlier one.
        high[step] = min(high[step], high[step - 1]) if step else high[step]
    return HeldCurve(held.quantiles, held.probabilities, low, high, float(days.max()))


def _jeffreys(k: int, n: int, level: float) -> tuple[float, float]:
    """Interval of k in n; it reaches 0 where there are none, and 1 where there are all."""
    tail = 0.5 * (1.0 - level)
    low, high = betaincinv(k + 0.5, n - k + 0.5, [tail, 1.0 - tail])
    return (0.0 if k == 0 else float(low)), (1.0 if k == n else float(high))


def _as_told(table: gpd.GeoDataFrame, as_of: pd.Timestamp) -> gpd.GeoDataFrame:
    """Outcomes as they read on a day: whoever was let go later was said to be held then."""
    later = table["outcome_date"] > as_of
    told = table.copy()
    told.loc[later, "outcome"] = "held"
    told.loc[later, "outcome_date"] = as_of
    return told


def _middle(table: pd.DataFrame) -> pd.Series:
    return (table["date"] + (table["date_end"] - table["date"]) / 2).dt.floor("D")


def _captivity(table: pd.DataFrame) -> tuple[Floats, Mask, Mask]:
    """Days held, whether censored, and whether known at all, of n kidnappings.

    The last word of those held is the day given, else the day their record could be read. A group
    freed in part is censored on that day: how long the others were held is not told.
    """
    outcome = table["outcome"].fillna("")
    ended = outcome.isin(_ENDED).to_numpy(dtype=bool)
    last = table["outcome_date"].fillna(table["known_on"].where(outcome.eq("held")))
    held = (last - _middle(table)).dt.days.clip(lower=0)
    days: Floats = np.asarray(held, dtype=np.float64)
    return days, ~ended, ~np.isnan(days) & outcome.ne("").to_numpy(dtype=bool)


def _facets(
    table: pd.DataFrame, country: str | None, perpetrator: str | None, crew: Crew | None
) -> dict[str, Mask]:
    """Rows that share each thing given, by its name, in order of precedence."""
    home = None if country is None else country_code(country)
    if country is not None and home is None:
        raise ModelError("an unknown country", value=country, remedy=code_remedy(country))
    facets: dict[str, Mask] = {}
    if crew is not None and crew.nationality and home is not None:
        origin = Likeness(origin=origin_of(crew.nationality, home))
        facets[str(origin)] = alike(table, origin) == 1.0
    if perpetrator is not None:
        name = _plain_name(perpetrator)
        facets[f"perpetrator {perpetrator}"] = np.array(
            [name in map(_plain_name, one.split(";")) for one in table["perpetrator"].fillna("")],
            dtype=bool,
        )
    if home is not None:
        facets[f"country {home}"] = table["country"].eq(home).to_numpy(dtype=bool)
    if crew is not None and crew.sector is not None:
        sector = table["sector"].eq(crew.sector).fillna(False)
        facets[f"sector {crew.sector}"] = sector.to_numpy(dtype=bool)
    return facets


def _plain_name(name: str) -> str:
    return re.sub(r"\(.*?\)", "", name).strip().casefold()


def _notes(mute: list[str], young: int, follow_up_days: int) -> list[str]:
    notes = []
    if mute:
        notes.append(f"left out, since they tell of no end or of one sort only: {', '.join(mute)}")
    if young:
        notes.append(f"left out: {young} kidnappings of the last {follow_up_days} days")
    return notes
