"""What simple forecasts learn from: the past, month by month, each told only what was known before.

A simple forecast has a shape of its own (a kernel, counts of cells or regions), with a few options
such as a bandwidth. It is mixed with an even share, the mean rate of the past, so that no incident
is impossible. Both weights are those under which past months were likeliest, and so is the option:
a baseline that was not tuned on the past would be a straw man.

Not here: the shapes (:mod:`kidnaprisk.evaluation.shapes`).

Source: Dawid (1984), "Statistical theory: the prequential approach", JRSS A 147, for learning by
forecasts of what came next; Dempster, Laird and Rubin (1977), JRSS B 39, for the weights.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.area import Gaps
from kidnaprisk.hazard.pieces import days_since_1970
from kidnaprisk.routes.borders import RegionIndex
from kidnaprisk.routes.regions import areas_km2

Mask = npt.NDArray[np.bool_]

MONTH_DAYS = 30
MOST_TARGETS = 1_000
# An endless memory as a number: it fades by a thousandth in 270 years.
NEVER_DAYS = 1e8
# One incident that such a forecast foretold, nine parts by its shape and one part evenly.
_PRIOR = (0.9, 0.1)
_STEPS = 500
_TOLERANCE = 1e-6


class Past(NamedTuple):
    """k kidnappings known by a day, and the n regions whose records speak of kidnappings.

    ``first_day`` and ``until_day`` (n,) bound the days that a region's records tell of, but for
    ``gaps``; ``region`` (k,) is −1 for a record in none of them. Half of the records were known
    ``delay_days`` after the event. Days are counted from 1970-01-01.
    """

    regions: gpd.GeoDataFrame
    borders: RegionIndex
    km2: Floats
    first_day: Ints
    until_day: Ints
    gaps: Gaps
    delay_days: int
    lon: Floats
    lat: Floats
    region: Ints
    event_day: Floats
    known_day: Ints

    def told_days(self, day: int) -> Floats:
        """Days each region's records have told of by ``day``, (n,); 0 where they begin later.

        The last days are still waited for. Nothing is judged by less than a month.
        """
        spanned = np.minimum(day, self.until_day) - self.first_day - self.delay_days
        told = spanned - self._silent_days(day, past=True) - self._silent_days(day, past=False)
        return np.where(self.first_day <= day, np.maximum(told, MONTH_DAYS), 0.0)

    def _silent_days(self, day: int, *, past: bool) -> Floats:
        """Days of gaps that are past by ``day``, or of one that is not over yet, (n,)."""
        newest = day - self.delay_days
        over = self.gaps.last < newest
        days = np.where(over, self.gaps.last, newest) - self.gaps.first + 1
        used = np.where(over == past, np.maximum(days, 0), 0)
        return np.bincount(self.gaps.region, used, minlength=len(self.km2)).astype(np.float64)

    def faded(self, day: int, memory_days: float) -> tuple[Floats, Floats]:
        """Incidents known by ``day`` and told km² days, (n,) each, both faded alike.

        What happened ``memory_days`` before the last day told of counts for 1/e of it.
        """
        memory = min(memory_days, NEVER_DAYS)
        known = (self.known_day <= day) & (self.region >= 0)
        # In a gap the last day told of is the one before it.
        newest = day - self.delay_days - self._silent_days(day, past=False)
        age = np.maximum(newest[self.region[known]] - self.event_day[known], 0.0)
        seen = np.bincount(self.region[known], np.exp(-age / memory), minlength=len(self.km2))
        spanned = self.told_days(day) + self._silent_days(day, past=True)
        told = memory * -np.expm1(-spanned / memory)
        over = np.flatnonzero(self.gaps.last < day - self.delay_days)
        region, first, last = (column[over] for column in self.gaps)
        silent = np.exp(-(newest[region] - last) / memory)
        silent -= np.exp(-(newest[region] - first + 1) / memory)
        told -= np.bincount(region, memory * silent, minlength=len(told))
        return seen.astype(np.float64), self.km2 * told

    def even(self, day: int, memory_days: float = np.inf) -> float:
        """Mean rate of what was known by ``day``, incidents per km² per day.

        Half an incident more keeps it above zero (Jeffreys).
        """
        seen, time = self.faded(day, memory_days)
        return float((seen.sum() + 0.5) / time.sum())


def past_of(
    kidnappings: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    first_day: Ints,
    until_day: Ints,
    gaps: Gaps,
    delay_days: int,
) -> Past:
    """A table of kidnappings as the past, in an order that is the same however they came."""
    table = kidnappings.iloc[np.argsort(kidnappings["incident_id"].to_numpy(str), kind="stable")]
    first = days_since_1970(table["date"].to_numpy())
    last = days_since_1970(table["date_end"].to_numpy())
    known = days_since_1970(table["known_on"].to_numpy())
    lon, lat = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    borders = RegionIndex(regions)
    return Past(
        regions=regions,
        borders=borders,
        km2=areas_km2(regions),
        first_day=first_day,
        until_day=until_day,
        gaps=gaps,
        delay_days=delay_days,
        lon=lon,
        lat=lat,
        region=borders.locate(lon, lat),
        event_day=np.minimum(0.5 * (first + last), known),
        known_day=known,
    )


class Shape(Protocol):
    """A forecast under o options, from what was known by the end of a day."""

    def at(self, day: int, lon: Floats, lat: Floats, region: Ints) -> Floats:
        """λ at m points in covered regions, (m, o) incidents per km² per day."""
        ...

    def total(self, day: int, covered: Mask) -> Floats:
        """Incidents a day in the regions that are ``covered`` (n,), (o,)."""
        ...


class Learned(NamedTuple):
    """The best option, and what its shape and the past's mean rate are multiplied by.

    ``months`` were forecast, in which ``incidents`` happened. ``gain`` is the best option's log
    score over that of the past's mean rate, nats per incident; NaN if none happened.
    """

    option: int
    shape_weight: float
    even_weight: float
    months: int
    incidents: int
    gain: float


class _Months(NamedTuple):
    """w past months, newest first, and what happened in them.

    ``start_day`` (w,) is the day before each begins; ``covered`` (n, w) the regions covered
    throughout; ``targets`` the records to be foretold, month by month, each one standing for
    ``each`` of them.
    """

    start_day: Ints
    covered: Mask
    targets: list[Ints]
    each: float


def _cut(past: Past) -> _Months:
    # The last days are still waited for: they would look quieter than they were.
    told_until = past.until_day - past.delay_days
    newest = int(told_until.max())
    oldest = max(int(past.known_day.min()), int(past.first_day.min()))
    count = max(0, (newest - oldest) // MONTH_DAYS)
    start = newest - MONTH_DAYS * np.arange(1, count + 1, dtype=np.int64)
    covered = (past.first_day[:, None] <= start) & (start + MONTH_DAYS <= told_until[:, None])
    covered &= ~past.gaps.meet(start + 1, start + MONTH_DAYS, len(past.km2))
    month = np.floor((newest - past.event_day) / MONTH_DAYS).astype(np.int64)
    row = np.flatnonzero((past.region >= 0) & (month >= 0) & (month < count))
    row = row[covered[past.region[row], month[row]]]
    row = row[np.argsort(month[row], kind="stable")]
    drawn = row
    if len(row) > MOST_TARGETS:
        drawn = row[np.linspace(0, len(row) - 1, MOST_TARGETS).astype(np.int64)]
    bounds = np.searchsorted(month[drawn], np.arange(1, count))
    return _Months(
        start, covered, np.split(drawn, bounds) if count else [], len(row) / max(1, len(drawn))
    )


def learn_from_months(past: Past, shape: Shape, n_options: int) -> Learned:
    """Forecast each past month from what was known before it; choose option and weights.

    Where past months tell nothing, the last option is taken, and the shape nine times as much as
    the even rate. Options are therefore ordered from the boldest to the most cautious.
    """
    months = _cut(past)
    of_shape, of_even = [np.empty((0, n_options))], [np.empty(0)]
    shape_total, even_total = np.zeros(n_options), 0.0
    for w, start in enumerate(months.start_day.tolist()):
        covered, target = months.covered[:, w], months.targets[w]
        even = past.even(start)
        shape_total += MONTH_DAYS * shape.total(start, covered)
        even_total += MONTH_DAYS * even * float(past.km2[covered].sum())
        if len(target):
            of_shape.append(
                shape.at(start, past.lon[target], past.lat[target], past.region[target])
            )
            of_even.append(np.full(len(target), even))
    by_shape, by_even = np.concatenate(of_shape), np.concatenate(of_even)[:, None]
    if not len(by_even):
        return Learned(n_options - 1, *_PRIOR, len(months.start_day), 0, np.nan)
    incidents = months.each * len(by_even)
    weight = _weights(by_shape, by_even, shape_total, even_total, months.each)
    expected = weight[0] * shape_total + weight[1] * even_total
    score = months.each * np.log(weight[0] * by_shape + weight[1] * by_even).sum(axis=0) - expected
    alone = months.each * np.log(by_even).sum() - even_total
    best = n_options - 1 - int(np.argmax(score[::-1]))
    return Learned(
        option=best,
        shape_weight=float(weight[0, best]),
        even_weight=float(weight[1, best]),
        months=len(months.start_day),
        incidents=round(incidents),
        gain=float(score[best] - alone) / incidents,
    )


def _weights(
    by_shape: Floats, by_even: Floats, shape_total: Floats, even_total: float, each: float
) -> Floats:
    """Weights of shape and even rate under each of o options, by expectation-maximisation, (2, o).

    ``by_shape`` (t, o) and ``by_even`` (t, 1) are what they foretold where t incidents happened.
    """
    incidents = each * len(by_even)
    weight = np.repeat(np.array(_PRIOR)[:, None], by_shape.shape[1], axis=1)
    for _ in range(_STEPS):
        from_shape = each * np.sum(
            weight[0] * by_shape / (weight[0] * by_shape + weight[1] * by_even), axis=0
        )
        before, weight = (
            weight,
            np.stack(
                [
                    (from_shape + _PRIOR[0]) / (shape_total + 1.0),
                    (incidents - from_shape + _PRIOR[1]) / (even_total + 1.0),
                ]
            ),
        )
        if np.all(np.abs(weight / before - 1.0) < _TOLERANCE):
            break
    return weight
