"""What a backtest shows, and what it does not: the headline and the checks of its report.

A verdict here is never better than its figures: what is missing is not known, an interval that
touches zero is no gain, and the baseline to beat is the best of them, picked with hindsight. It
reads the figures of a result as plain values and works none of them out anew.

Source of the bounds: DESIGN of the library; Zechar (2010), "Evaluating earthquake predictions and
earthquake forecasts", CORSSA, for the number and spatial tests at 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from kidnaprisk.errors import ConfigError
from kidnaprisk.hazard.network import BAND_NAMES
from kidnaprisk.reports import words
from kidnaprisk.reports.backtest_cells import (
    Row,
    chance,
    count,
    figure,
    interval,
    nats,
    number,
    signed,
)

TABLES = (
    "scores", "comparisons", "windows", "regions", "reliability", "gains", "coverage", "trips",
    "trip_bands",
)  # fmt: skip
ENOUGH_INCIDENTS = 100
ENOUGH_COUNTS = 20
ALL_TRIPS = "all"
_BANDS = range(1, len(BAND_NAMES) + 1)
_LEVEL = 0.9
_COVERAGE_WITHIN = 0.05
_TRIP_SLOPE = (0.8, 1.25)
_SIGNIFICANCE = 0.05


class Check(NamedTuple):
    """Something a forecast should do; ``holds`` is None where the figures do not tell."""

    what: str
    wanted: str
    found: str
    n: str
    holds: bool | None


@dataclass(frozen=True)
class Found:
    """The plain values of a result, checked at the door.

    Attributes
    ----------
    parameters : mapping
    tables : mapping of str to sequence of mappings
        By the names of ``TABLES``; one that is absent is empty.
    """

    parameters: Mapping[str, Any]
    tables: Mapping[str, Sequence[Row]]

    @classmethod
    def of(cls, result: object) -> Found:
        """Read what ``BacktestResult.to_dict`` gave.

        Raises
        ------
        ConfigError
            If it is not of that form, or holds no model's scores.
        """
        given = result if isinstance(result, Mapping) else {}
        tables = {name: given.get(name, []) for name in TABLES}
        whole = isinstance(given.get("parameters"), Mapping) and all(
            isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)
            for rows in tables.values()
        )
        if not whole or not tables["scores"]:
            raise ConfigError(
                "this is not the result of a backtest",
                remedy="give what BacktestResult.to_dict() returns",
            )
        return cls(given["parameters"], tables)

    def rows(self, table: str, **equal: object) -> list[Row]:
        """Rows of a table whose columns are as given."""
        return [
            row
            for row in self.tables[table]
            if all(row.get(name) == value for name, value in equal.items())
        ]

    def row(self, table: str, **equal: object) -> Row:
        """The first such row; an empty one if there is none."""
        return next(iter(self.rows(table, **equal)), {})

    @property
    def names(self) -> list[str]:
        """Models that have scores, in their order."""
        return [str(row.get("model")) for row in self.tables["scores"]]

    @property
    def default(self) -> str:
        """The model the report is about: the first."""
        models = self.parameters.get("models")
        given = [name for name in models if name in self.names] if models else []
        return str(given[0]) if given else self.names[0]

    @property
    def references(self) -> list[str]:
        """What the default has to beat: the baselines, or every other model if none ran."""
        others = [name for name in self.names if name != self.default]
        baselines = [name for name in self.parameters.get("baselines") or () if name in others]
        return baselines or others

    @property
    def best_reference(self) -> str | None:
        """The reference of the highest score: the one over which the default gains least."""
        gains = {name: number(self.against(name), "gain") for name in self.references}
        known = {name: gain for name, gain in gains.items() if not math.isnan(gain)}
        return min(known, key=lambda name: known[name]) if known else None

    def against(self, reference: str | None) -> Row:
        """How the default compares with a reference; empty if it was not compared."""
        return self.row("comparisons", model=self.default, reference=reference)

    @property
    def bands(self) -> list[Row]:
        """The default's rows of virtual trips by band."""
        mine = self.rows("trip_bands", model=self.default)
        return [row for band in _BANDS for row in mine if row.get("band") == band]

    @property
    def kind(self) -> str:
        """What the references are."""
        return "baseline" if self.parameters.get("baselines") else "other model"


def headline(found: Found) -> list[str]:
    """What the default is worth against the best baseline; that sentence comes first."""
    default, best = words.clean(found.default), found.best_reference
    if best is None:
        return [f"Nothing is shown: no other model is here to compare {default} with."]
    row = found.against(best)
    gain, low, high, n = (number(row, name) for name in ("gain", "low", "high", "n"))
    against = f"the best {found.kind}, {words.clean(best)}"
    if math.isnan(low + high):
        return [f"Nothing is shown: the gain of {default} over {against}, has no interval."]
    figures = (
        f"its gain is {nats(gain)} nats per incident (95 % interval {interval(low, high, nats)}; "
        f"n = {count(n)} incidents)"
    )
    if low > 0.0:
        lines = [f"{default} beats {against}: {figures}."]
    elif high < 0.0:
        lines = [f"{default} is WORSE than {against}: {figures}."]
    else:
        lines = [f"{default} does NOT beat {against}: {figures}, which is not clear of zero."]
    if not n >= ENOUGH_INCIDENTS:
        lines.append(f"Fewer than {ENOUGH_INCIDENTS} incidents: too few to rest a choice on.")
    return lines + _against_all(found)


def _against_all(found: Found) -> list[str]:
    lows = {name: number(found.against(name), "low") for name in found.references}
    unclear = [words.clean(name) for name, low in lows.items() if not low > 0.0]
    if not unclear:
        return [f"Against each {found.kind} ({len(lows)}) the interval lies above zero."]
    among = f"Against {len(unclear)} of {len(lows)} {found.kind}s"
    return [f"{among} the interval does not lie above zero: {', '.join(unclear)}."]


def checks(found: Found) -> list[Check]:
    """What the default should do, what it did, and how much there was to go by."""
    score = found.row("scores", model=found.default)
    n = _counted(score, "incidents")
    intervals = found.rows("coverage", model=found.default, level=_LEVEL) or [{}]
    trips = found.row("trips", model=found.default, group=ALL_TRIPS)
    return [
        _gain(found),
        _number(score, n),
        _place(score, n),
        _slope(score, n),
        *(_coverage(row) for row in intervals),
        *_trips(trips, found.bands),
    ]


def _counted(row: Row, what: str) -> str:
    n = number(row, "n")
    return words.MISSING if math.isnan(n) else f"{count(n)} {what}"


def _gain(found: Found) -> Check:
    row = found.against(found.best_reference)
    low, n = number(row, "low"), number(row, "n")
    all_told = not any(math.isnan(number(found.against(one), "gain")) for one in found.references)
    above = None if math.isnan(low) else low > 0.0
    return Check(
        f"Gain over the best {found.kind}",
        f"95 % interval above 0, n ≥ {ENOUGH_INCIDENTS}",
        interval(low, number(row, "high"), nats),
        _counted(row, "incidents"),
        None if above and not (all_told and n >= ENOUGH_INCIDENTS) else above,
    )


def _number(score: Row, n: str) -> Check:
    kind, tails = "negative binomial", [number(score, name) for name in ("nb_low", "nb_high")]
    if math.isnan(sum(tails)):
        kind, tails = "Poisson", [number(score, name) for name in ("number_low", "number_high")]
    least = math.nan if math.isnan(sum(tails)) else min(tails)
    return Check(
        f"How many ({kind})",
        f"each tail ≥ {_SIGNIFICANCE / 2:g}",
        f"expected {figure(number(score, 'expected'))}, "
        f"observed {count(number(score, 'observed'))}, smaller tail {chance(least)}",
        n,
        _within(least, _SIGNIFICANCE / 2, math.inf),
    )


def _place(score: Row, n: str) -> Check:
    quantile = number(score, "spatial")
    return Check(
        "Where (spatial test)", f"quantile ≥ {_SIGNIFICANCE:g}", chance(quantile), n,
        _within(quantile, _SIGNIFICANCE, math.inf),
    )  # fmt: skip


def _slope(score: Row, n: str) -> Check:
    low, high = number(score, "slope_low"), number(score, "slope_high")
    return Check(
        "Calibration slope, cells",
        "95 % interval holds 1",
        f"{signed(number(score, 'slope'))} ({interval(low, high)})",
        n,
        _within(1.0, low, high),
    )


def _coverage(row: Row) -> Check:
    held, least = number(row, "held_randomised"), number(row, "least_expected")
    by = f", by {words.clean(row['what'])}" if row.get("what") else ""
    at_least = f", {least:g} or more expected" if least > 0.0 else ""
    low, high = _LEVEL - _COVERAGE_WITHIN, _LEVEL + _COVERAGE_WITHIN
    return Check(
        f"{words.share_text(_LEVEL)} intervals{by}{at_least}",
        f"{100 * low:.0f} to {100 * high:.0f} % hold, n ≥ {ENOUGH_COUNTS}",
        words.percent(held),
        _counted(row, "counts"),
        _within(held, low, high) if number(row, "n") >= ENOUGH_COUNTS else None,
    )


def _trips(row: Row, bands: Sequence[Row]) -> list[Check]:
    slope, (low, high) = number(row, "slope"), _TRIP_SLOPE
    span = interval(number(row, "slope_low"), number(row, "slope_high"))
    ratio_low, ratio_high = number(row, "ratio_low"), number(row, "ratio_high")
    n = f"{_counted(row, 'trips')}, {figure(number(row, 'met'))} met"
    return [
        Check(
            "Calibration slope, virtual trips",
            f"{low:g} to {high:g}",
            f"{signed(slope)} ({span})",
            n,
            None if span == words.MISSING else _within(slope, low, high),
        ),
        Check(
            "Met ÷ expected, virtual trips",
            "95 % interval holds 1",
            f"{signed(number(row, 'ratio'))} ({interval(ratio_low, ratio_high)})",
            n,
            _within(1.0, ratio_low, ratio_high),
        ),
        Check(
            "Bands of virtual trips", "rate met rises with the band", _order(bands), n,
            bands_in_order(bands),
        ),
    ]  # fmt: skip


def _within(value: float, low: float, high: float) -> bool | None:
    """Whether a figure lies in a closed interval, but for rounding; None where one is missing."""
    if math.isnan(value) or math.isnan(low) or math.isnan(high):
        return None
    return low - 1e-9 <= value <= high + 1e-9


def bands_in_order(bands: Sequence[Row]) -> bool | None:
    """Whether the rate met rises with every band; None if it does as far as known.

    Two bands that met nothing are in no order: too little was driven to tell.

    Examples
    --------
    >>> rates = [{"band": band, "rate": band / 10} for band in (1, 2, 3, 4, 5)]
    >>> bands_in_order(rates), bands_in_order(rates[1:])
    (True, None)
    >>> bands_in_order([{"band": band, "rate": 0.0} for band in (1, 2, 3, 4, 5)]) is None
    True
    """
    rates = [rate for row in bands if not math.isnan(rate := number(row, "rate"))]
    if not all(lower < higher or lower == higher == 0.0 for lower, higher in pairwise(rates)):
        return False
    told = len(rates) == len(BAND_NAMES) and rates.count(0.0) < 2
    return True if told else None


def _order(bands: Sequence[Row]) -> str:
    known = [row for row in bands if not math.isnan(number(row, "rate"))]
    ordered = sorted(known, key=lambda row: -number(row, "rate"))
    return " > ".join(BAND_NAMES[int(row["band"]) - 1] for row in ordered) or words.MISSING
