"""BoostedHazard: a mixture over cells, corrected by gradient-boosted trees.

λ is constant on a cell of 0.2° and stands still within a day:

    λ(cell, t) = Σ_k w_k f_k(cell, t) · exp(F(f(cell, t)))

The f are densities of past kidnappings, of context events and of towns, and an even floor; the
weights w come by expectation-maximisation, as in the kernel mixture. F is a sum of small trees,
each rising in every density of events, grown on past cell-months under a Poisson loss with the
mixture's forecast as offset. Where incidents are few the trees say little: ``pseudo_incidents``
draw every leaf towards no correction, and the mixture itself keeps to its floor.

Not for telling which records speak: it has no ``evidence``, so its scores carry no interval.

Source: Friedman (2001), "Greedy function approximation", Annals of Statistics 29; docs/method.md
tells what was tried here and did not help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard import cell_months
from kidnaprisk.hazard.area import (
    Gaps,
    covered_area,
    covered_days,
    covered_gaps,
    covered_regions,
    day_number,
)
from kidnaprisk.hazard.cell_features import Cells, Events, Spread, cut_cells, events_of, spread
from kidnaprisk.hazard.known import (
    KIDNAPPING,
    date_of,
    known_by,
    positions,
    reporting_days,
    speaking_days,
)
from kidnaprisk.hazard.pieces import Instants, Pieces, utc_instants
from kidnaprisk.hazard.sources import town_sources
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.routes.borders import RegionIndex

Mask = npt.NDArray[np.bool_]

FEWEST_RECORDS = 5
_MOST_FIELDS = 64

# Name: least value allowed, whether it must be whole.
_NUMBERS = {
    "cell_degrees": (0.01, False),
    "window_days": (1.0, True),
    "rounds": (0.0, True),
    "pseudo_incidents": (0.0, False),
    "random_state": (0.0, True),
}
_TOWNS = {"town_population": 5_000, "town_exponent": 0.5}


class BoostedHazard(BaseEstimator):  # type: ignore[misc]
    """Cell-wise mixture of smoothed records and towns, corrected by boosted trees.

    Parameters
    ----------
    cell_degrees : float
        Side of a cell, degrees of longitude and latitude.
    scales_km, memories_days : sequence of float
        Standard deviations of the kernels, and mean lifetimes of a record's influence.
    context_kinds : sequence of str
        Kinds of incident, other than kidnapping, that tell of danger; one group in all.
    town_scales_km : sequence of float
    window_days : int
        Length of the past windows learned from.
    rounds : int
        Trees; with none the cell-wise mixture is left as it is.
    pseudo_incidents : float
        Incidents, as many as forecast, that are added to each leaf.
    random_state : int
    coverage : sequence of Coverage, optional
        What the records cover; by default what the table says of itself.

    Attributes
    ----------
    weights_ : ndarray (K,)
        Of kidnappings and context events by scale and memory, of towns by scale, of the floor.
    trees_ : Trees or None
        None where ``rounds`` is 0.
    cells_ : Cells
    n_kidnappings_, n_context_ : int
    coverage_, as_of_, covered_regions_, covered_from_, covered_until_, origin_day_
        As in :class:`kidnaprisk.hazard.mixture.KernelMixture`.

    Examples
    --------
    >>> BoostedHazard(rounds=5).get_params()["rounds"]
    5
    """

    weights_: Floats
    trees_: cell_months.Trees | None
    cells_: Cells
    n_kidnappings_: int
    n_context_: int
    coverage_: tuple[Coverage, ...]
    as_of_: pd.Timestamp
    covered_regions_: npt.NDArray[np.str_]
    covered_from_: Ints
    covered_until_: Ints
    origin_day_: int

    def __init__(
        self,
        cell_degrees: float = 0.2,
        scales_km: Sequence[float] = (3.0, 12.0, 50.0),
        memories_days: Sequence[float] = (60.0, 730.0),
        context_kinds: Sequence[str] = ("attack", "battle", "explosion"),
        town_scales_km: Sequence[float] = (8.0, 40.0),
        window_days: int = 30,
        rounds: int = 15,
        pseudo_incidents: float = 50.0,
        random_state: int = 0,
        coverage: Sequence[Coverage] | None = None,
    ) -> None:
        self.cell_degrees = cell_degrees
        self.scales_km = scales_km
        self.memories_days = memories_days
        self.context_kinds = context_kinds
        self.town_scales_km = town_scales_km
        self.window_days = window_days
        self.rounds = rounds
        self.pseudo_incidents = pseudo_incidents
        self.random_state = random_state
        self.coverage = coverage

    def fit(self, incidents: gpd.GeoDataFrame, as_of: object = None) -> Self:
        """Learn from the records known by a day.

        Parameters
        ----------
        incidents : GeoDataFrame
            A table as :func:`kidnaprisk.read_incidents` returns it.
        as_of : date-like, optional
            Only rows with ``known_on`` up to this UTC day are looked at. By default all.

        Raises
        ------
        IncidentError
            If the table is not valid.
        ModelError
            If a parameter is out of range or there are too few records.
        CoverageError
            If no coverage tells of kidnappings, names no region, or leaves days out in between.
        """
        _check_parameters(self.get_params(deep=False))
        known = known_by(incidents, as_of, self.coverage, FEWEST_RECORDS)
        regions, day = covered_regions(known.spoken), day_number(known.day.date())
        first, last = covered_days(regions, known.spoken, day, reporting_days(known.kidnappings))
        _refuse_gaps(regions, covered_gaps(regions, known.spoken), last)
        used = known.incidents["kind"].isin([KIDNAPPING, *self.context_kinds]).to_numpy()
        area = covered_area(regions, first, last)
        self.cells_ = cut_cells(area, float(self.cell_degrees))
        events = events_of(known.incidents[used])
        self.covered_regions_ = regions["region_id"].to_numpy(dtype=str)
        self.covered_from_, self.covered_until_ = first, last
        self.origin_day_ = int(last.max())
        self.coverage_, self.as_of_ = known.coverage, known.day
        self.n_kidnappings_ = len(known.kidnappings)
        self.n_context_ = int(np.sum(events.group == 1))
        self._regions = RegionIndex(regions)
        self._spread = Spread(
            self.cells_, events, self.scales_km, self.memories_days, first[self.cells_.region]
        )
        towns, _ = town_sources(regions, _TOWNS)
        near = [
            spread(self.cells_, towns.xyz, float(scale)) @ towns.share
            for scale in self.town_scales_km
        ]
        self._static = np.stack([*near, np.full(len(self.cells_), 1.0 / area.area_km2)], axis=1)
        self._learn(events)
        return self

    def _components(self, day: int) -> Floats:
        return np.concatenate([self._spread.densities(day), self._static], axis=1)

    def _learn(self, events: Events) -> None:
        """Weights of the mixture, then trees on what it leaves unexplained."""
        days, region = int(self.window_days), self.cells_.region
        kidnapping = events.group == 0
        oldest = max(int(events.known_day[kidnapping].min()), int(self.covered_from_.min()))
        count = int(np.clip((self.origin_day_ - oldest) // days, 0, cell_months.MOST_WINDOWS))
        rows = np.flatnonzero(kidnapping)
        rows = rows[self._regions.locate(events.lon[rows], events.lat[rows]) >= 0]
        cell = self.cells_.locate(events.lon[rows], events.lat[rows])
        months = cell_months.draw_cell_months(
            self.cells_,
            (self.covered_from_[region], self.covered_until_[region]),
            cell_months.Targets(cell, events.event_day[rows]),
            self._components,
            self.origin_day_ - days * np.arange(1, count + 1),
            days,
            int(self.random_state),
        )
        self._fields: dict[int, Floats] = {}
        self.weights_ = cell_months.learn_weights(months)
        self.trees_ = None
        if self.rounds:
            n_static = self._static.shape[1]
            rising = [1] * (len(self.weights_) - n_static) + [0] * (n_static - 1)
            self.trees_ = cell_months.grow_trees(
                months, self.weights_, rising, int(self.rounds),
                float(self.pseudo_incidents), int(self.random_state),
            )  # fmt: skip

    def field(self, day: int) -> Floats:
        """λ of each cell after a day whose records may speak, (c,) incidents per km² per day.

        Parameters
        ----------
        day : int
            Days since 1970-01-01.
        """
        self._check_fitted()
        if day not in self._fields:
            density = self._components(day)
            value = cell_months.mixed(density, self.weights_)
            if self.trees_ is not None:
                value = value * self.trees_.ratio(density)
            if len(self._fields) >= _MOST_FIELDS:
                self._fields.clear()
            self._fields[day] = value
        return self._fields[day]

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise ModelError("this model is not fitted", remedy="call fit(incidents) first")

    def _origin(self, lon: Floats, lat: Floats, when: Instants) -> tuple[Ints, Mask]:
        region = self._regions.locate(lon, lat)
        return speaking_days(when, region, self.covered_from_, self.covered_until_)

    def covers(self, region_id: Sequence[str] | npt.NDArray[np.object_]) -> Mask:
        """Whether the model's records reach each of n regions at any time, (n,)."""
        self._check_fitted()
        return np.isin(np.asarray(region_id, dtype=str), self.covered_regions_)

    def intensity(self, points: gpd.GeoSeries, when: object) -> Floats:
        """λ at n points and one instant or n of them, time zone given.

        Returns
        -------
        ndarray (n,)
            Incidents per km² per day; NaN outside the covered area.

        Raises
        ------
        ModelError, CoverageError
            If the model is not fitted, an instant has no time zone, or lies before the records.
        """
        self._check_fitted()
        lon, lat = positions(points)
        origin, covered = self._origin(lon, lat, utc_instants(when, len(points)))
        cell = np.zeros(len(lon), dtype=np.int64)
        cell[covered] = self.cells_.locate(lon[covered], lat[covered])
        value = np.full(len(lon), np.nan)
        for day in np.unique(origin[covered]):
            asked = covered & (origin == day)
            value[asked] = self.field(int(day))[cell[asked]]
        return value

    def integrate(self, pieces: Pieces) -> Floats:
        """Expected incidents met on each of n pieces, (n,); NaN on those not covered.

        The disc's mean is exact: areas in which circle and cells overlap.
        """
        self._check_fitted()
        origin, covered = self._origin(*pieces.middle(), pieces.when)
        mean = np.full(len(pieces), np.nan)
        for day in np.unique(origin[covered]):
            rows = np.flatnonzero(covered & (origin == day))
            mean[rows] = self.cells_.mean_along(self.field(int(day)), pieces.take(rows))
        expected: Floats = pieces.factor * mean
        return expected

    def describe(self) -> dict[str, Any]:
        """What a report says of the model that answered."""
        self._check_fitted()
        spoken = [one for one in self.coverage_ if KIDNAPPING in one.kinds]
        return {
            "name": type(self).__name__,
            "as_of": self.as_of_.date(),
            "origin": date_of(self.origin_day_),
            "incidents": self.n_kidnappings_,
            "context_events": self.n_context_,
            "systematic": all(one.systematic for one in spoken),
            "coverage": [one.to_dict() for one in spoken],
        }


def _check_parameters(parameters: Mapping[str, Any]) -> None:
    for name, (least, whole) in _NUMBERS.items():
        value = parameters[name]
        good = isinstance(value, Real) and not isinstance(value, bool)
        good = good and least <= float(value) < np.inf and (not whole or float(value).is_integer())
        if not good:
            wanted = f"a {'whole ' if whole else ''}number of at least {least:g}"
            raise ModelError(f"{name} is not {wanted}", value=value, remedy=f"give {wanted}")
    for name in ("scales_km", "memories_days", "town_scales_km"):
        given = np.asarray(parameters[name])
        if given.ndim != 1 or not len(given) or given.dtype.kind not in "fiu" or given.min() <= 0.0:
            raise ModelError(
                f"{name} is not a list of positive numbers", value=parameters[name],
                remedy="give one or more positive numbers",
            )  # fmt: skip


def _refuse_gaps(regions: gpd.GeoDataFrame, gaps: Gaps, until_day: Ints) -> None:
    """What was seen fades from day to day here: over days nobody tells of, that reads as safety."""
    met = np.flatnonzero(gaps.first <= until_day[gaps.region])
    if not len(met):
        return
    region, first, last = (int(column[met[0]]) for column in gaps)
    last = min(last, int(until_day[region]))
    raise CoverageError(
        f"no source tells of the days from {date_of(first)} to {date_of(last)}, and this model "
        "would take them for quiet",
        column="coverage", value=str(regions["region_id"].iloc[region]),
        remedy="use KernelMixture, or leave out what is covered before those days",
    )  # fmt: skip
