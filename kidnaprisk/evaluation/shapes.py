"""The shapes of simple forecasts: counts of cells, a kernel around each record, rates of regions.

A shape says where incidents are to be expected from what was known by a day, under several options
at once. What it is worth, and which option is best, past months say
(:mod:`kidnaprisk.evaluation.past_months`).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from kidnaprisk.evaluation.past_months import NEVER_DAYS, Past
from kidnaprisk.geodesy import Floats, Ints, ecef_km, wrap_lon
from kidnaprisk.hazard.area import covered_area

Mask = npt.NDArray[np.bool_]

CELL_DEGREES = 0.2
_LEAST_DAYS = 30.0
_KM_PER_DEGREE = 111.195
_SIDE = 4
_POINTS_AT_ONCE = 256


class Cells:
    """Cells of 0.2° in which records lie: their rate, over all told days or the last of them."""

    def __init__(self, past: Past, last_days: float) -> None:
        self._past, self._last_days = past, last_days
        row = np.flatnonzero(past.region >= 0)
        self._key, first, cell = np.unique(
            _cell_key(past.lon[row], past.lat[row]), return_index=True, return_inverse=True
        )
        self._cell = np.full(len(past.lon), -1)
        self._cell[row] = cell
        self._region = past.region[row[first]]
        self._km2 = _covered_km2(past, past.lon[row[first]], past.lat[row[first]])

    def _rate(self, day: int) -> Floats:
        """Incidents a day in each cell."""
        past = self._past
        told = past.told_days(day)[self._region]
        # A cell is asked about only once its region is covered: told is 0 before.
        days = np.maximum(np.minimum(told, self._last_days), 1.0)
        last = day - past.delay_days - self._last_days
        used = (past.known_day <= day) & (past.event_day > last) & (self._cell >= 0)
        rate: Floats = np.bincount(self._cell[used], minlength=len(self._key)) / days
        return rate

    def at(self, day: int, lon: Floats, lat: Floats, region: Ints) -> Floats:  # noqa: ARG002
        """λ at m points, (m, o)."""
        value = np.zeros(len(lon))
        if len(self._key):
            asked = _cell_key(lon, lat)
            found = np.minimum(np.searchsorted(self._key, asked), len(self._key) - 1)
            inside = self._key[found] == asked
            value[inside] = (self._rate(day) / self._km2)[found[inside]]
        return value[:, None]

    def total(self, day: int, covered: Mask) -> Floats:
        """Incidents a day in the covered regions, (o,)."""
        return np.array([self._rate(day)[covered[self._region]].sum()])


def _cell_key(lon: Floats, lat: Floats) -> Ints:
    column = np.floor((wrap_lon(lon) + 180.0) / CELL_DEGREES).astype(np.int64)
    row = np.floor((lat + 90.0) / CELL_DEGREES).astype(np.int64)
    key: Ints = row * round(360.0 / CELL_DEGREES) + column
    return key


def _covered_km2(past: Past, lon: Floats, lat: Floats) -> Floats:
    """Covered area of the cells that hold n covered points, (n,)."""
    west = np.floor((lon + 180.0) / CELL_DEGREES) * CELL_DEGREES - 180.0
    south = np.floor((lat + 90.0) / CELL_DEGREES) * CELL_DEGREES - 90.0
    step = (np.arange(_SIDE) + 0.5) * CELL_DEGREES / _SIDE
    x = np.repeat(west[:, None] + step, _SIDE, axis=1)
    y = np.tile(south[:, None] + step, _SIDE)
    inside = past.borders.locate(x.ravel(), y.ravel()).reshape(x.shape) >= 0
    # A point lies inside each cell, though perhaps none of the sixteen.
    share = np.maximum(inside.mean(axis=1), 1.0 / _SIDE**2)
    km2: Floats = share * (CELL_DEGREES * _KM_PER_DEGREE) ** 2 * np.cos(np.radians(y.mean(axis=1)))
    return km2


class Kernel:
    """One biweight around each recorded position, faded, under b bandwidths × m memories.

    Its standard deviation is the bandwidth, its reach √8 of it; options run through the memories of
    each bandwidth. As in the mixture, what a memory longer than the records could not yet hold is
    made up for.
    """

    def __init__(self, past: Past, bandwidth_km: Floats, memory_days: Floats) -> None:
        self._past, self._bandwidth_km = past, bandwidth_km
        self._h2 = 8.0 * bandwidth_km**2
        self._memory = np.minimum(memory_days, NEVER_DAYS)
        at = np.stack([past.lon, past.lat], axis=1)
        places, place = np.unique(at, axis=0, return_inverse=True)
        self._xyz, self._place = ecef_km(*places.T), place.ravel()
        begin = np.where(past.region >= 0, past.first_day[past.region], past.first_day.min())
        self._open_day = np.minimum(begin, past.event_day)

    @cached_property
    def _inside(self) -> Floats:
        """Part of each kernel that lies in the covered area, (b, k)."""
        past = self._past
        area = covered_area(past.regions, past.first_day, past.until_day)
        each = np.ones(len(past.lon))
        return np.stack(
            [area.fraction_inside(past.lon, past.lat, each * one) for one in self._bandwidth_km]
        )

    def _faded(self, day: int) -> tuple[Mask, Floats]:
        """Records known by ``day``, and what each has faded to, (k, m) a day."""
        known = self._past.known_day <= day
        age = (day - self._past.event_day[known])[:, None]
        run = np.maximum(day - self._open_day[known], _LEAST_DAYS)[:, None]
        return known, np.exp(-age / self._memory) / self._memory / -np.expm1(-run / self._memory)

    def at(self, day: int, lon: Floats, lat: Floats, region: Ints) -> Floats:  # noqa: ARG002
        """λ at m points, (m, o)."""
        known, faded = self._faded(day)
        size = len(self._xyz)
        weight = np.stack(
            [np.bincount(self._place[known], one, minlength=size) for one in faded.T], axis=1
        )
        used = np.flatnonzero(weight.any(axis=1))
        xyz, weight, points = self._xyz[used], weight[used], ecef_km(lon, lat)
        value = np.zeros((len(points), len(self._h2), len(self._memory)))
        # Neighbours are searched around together.
        order = np.lexsort((np.floor(2.0 * lon), np.floor(2.0 * lat)))
        for first in range(0, len(points), _POINTS_AT_ONCE):
            some = order[first : first + _POINTS_AT_ONCE]
            near, away2 = _around(points[some], xyz, float(self._h2.max()))
            for b, h2 in enumerate(self._h2):
                u = np.maximum(1.0 - away2 / h2, 0.0)
                value[some, b] = 3.0 / (np.pi * h2) * (u * u) @ weight[near]
        return value.reshape(len(points), -1)

    def total(self, day: int, covered: Mask) -> Floats:
        """Incidents a day in the covered regions, (o,)."""
        known, faded = self._faded(day)
        region = self._past.region[known]
        counts = np.where(region >= 0, covered[region], True)
        total: Floats = (self._inside[:, known] * counts) @ faded
        return total.ravel()


def _around(points: Floats, xyz: Floats, reach2: float) -> tuple[Ints, Floats]:
    """The places that any of a few points is within reach of, and squared distances to them."""
    middle = points.mean(axis=0)
    furthest = np.linalg.norm(points - middle, axis=1).max() + np.sqrt(reach2)
    near = np.flatnonzero(np.linalg.norm(xyz - middle, axis=1) < furthest)
    away2: Floats = cdist(points, xyz[near], "sqeuclidean")
    return near, away2


class Regions:
    """A Gamma–Poisson rate per region, under m memories × s strengths of the prior.

    The posterior mean of n faded incidents in as faded a time: (n + s) / (km² days + s / μ), with μ
    the rate of all regions, which counts for s incidents.
    """

    def __init__(self, past: Past, memory_days: Floats, strength: Floats) -> None:
        self._past, self._memory, self._strength = past, memory_days, strength

    def _rate(self, day: int) -> Floats:
        """Incidents per km² per day of each region, (n, m · s)."""
        columns = []
        for memory in self._memory:
            seen, time = self._past.faded(day, memory)
            prior_time = self._strength / self._past.even(day, memory)
            columns.append((seen[:, None] + self._strength) / (time[:, None] + prior_time))
        return np.concatenate(columns, axis=1)

    def at(self, day: int, lon: Floats, lat: Floats, region: Ints) -> Floats:  # noqa: ARG002
        """λ at m points, (m, o)."""
        return self._rate(day)[region]

    def total(self, day: int, covered: Mask) -> Floats:
        """Incidents a day in the covered regions, (o,)."""
        total: Floats = (self._past.km2 * covered) @ self._rate(day)
        return total


class Even:
    """One rate for all the covered area, under m memories."""

    def __init__(self, past: Past, memory_days: Floats) -> None:
        self._past, self._memory = past, memory_days

    def _rate(self, day: int) -> Floats:
        return np.array([self._past.even(day, memory) for memory in self._memory])

    def at(self, day: int, lon: Floats, lat: Floats, region: Ints) -> Floats:  # noqa: ARG002
        """λ at m points, (m, o)."""
        return np.repeat(self._rate(day)[None, :], len(lon), axis=0)

    def total(self, day: int, covered: Mask) -> Floats:
        """Incidents a day in the covered regions, (o,)."""
        total: Floats = self._rate(day) * self._past.km2[covered].sum()
        return total
