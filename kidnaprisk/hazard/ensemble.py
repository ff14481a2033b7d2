"""Ensemble: several hazards as one, each weighted by how well it told months it had not seen.

λ is a convex combination of the members' λ. The weights maximise the Poisson-process likelihood of
the last months' kidnappings, each month forecast by members fitted to what was known before it;
``pseudo_incidents`` spread evenly over the members keep few incidents from deciding. The members
are then fitted once more to all that is known: ``holdout_windows`` + 1 fits of each.

Not for telling which records speak: it has no ``evidence``, so its scores carry no interval.

Source: Clements and Harvey (2011), "Combining probability forecasts", International Journal of
Forecasting 27, for weights by log score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from sklearn.base import BaseEstimator, clone

from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard.area import (
    covered_area,
    covered_days,
    covered_gaps,
    covered_regions,
    day_number,
)
from kidnaprisk.hazard.cell_features import Cells, cut_cells
from kidnaprisk.hazard.known import KIDNAPPING, known_by
from kidnaprisk.hazard.pieces import (
    Pieces,
    checked_cover,
    checked_integral,
    checked_intensity,
    days_since_1970,
    integrate_by_quadrature,
)
from kidnaprisk.incidents.coverage import coverage_of
from kidnaprisk.routes.borders import RegionIndex

Mask = npt.NDArray[np.bool_]

# Points a side of a cell at which a member is asked.
_SIDE = 3
_TOLERANCE = 1e-9
_MOST_ITERATIONS = 10_000
_METHODS = ("fit", "intensity", "get_params")


class HeldOut(NamedTuple):
    """What K members said of held-out months.

    ``at_target`` (n, K) incidents expected in the cell and month of each incident; ``expected``
    (K,) in all cells and months.
    """

    at_target: Floats
    expected: Floats


class Ensemble(BaseEstimator):  # type: ignore[misc]
    """Convex combination of hazard models, weighted by held-out log score.

    Parameters
    ----------
    models : mapping of str to model
        Unfitted models with ``fit(incidents, as_of=day)`` and ``intensity(points, when)``.
    holdout_windows, window_days : int
        Months held out, the last before the as-of day, and their length.
    cell_degrees : float
        Side of the cells that forecasts are compared in.
    pseudo_incidents : float
        Incidents spread evenly over the members before any is seen.

    Attributes
    ----------
    members_ : dict of str to fitted model
    shares_ : dict of str to float
        Weight of each; they sum to one.
    log_scores_ : dict of str to float
        Held-out log-likelihood of each per incident, the larger the better; empty where no month
        could be held out, and then all weigh the same.
    held_out_ : int
        Incidents the weights were learned from.
    as_of_ : Timestamp

    Examples
    --------
    >>> Ensemble({}, holdout_windows=3).get_params()["holdout_windows"]
    3
    """

    members_: dict[str, Any]
    shares_: dict[str, float]
    log_scores_: dict[str, float]
    held_out_: int
    as_of_: pd.Timestamp

    def __init__(
        self,
        models: Mapping[str, Any],
        holdout_windows: int = 6,
        window_days: int = 30,
        cell_degrees: float = 0.2,
        pseudo_incidents: float = 5.0,
    ) -> None:
        self.models = models
        self.holdout_windows = holdout_windows
        self.window_days = window_days
        self.cell_degrees = cell_degrees
        self.pseudo_incidents = pseudo_incidents

    def fit(self, incidents: gpd.GeoDataFrame, as_of: object = None) -> Self:
        """Weigh the members on the last months known by a day, and fit them to all of it.

        Raises
        ------
        IncidentError
            If the table is not valid.
        ModelError, CoverageError
            If there is no member, a parameter is out of range, or a member cannot be fitted.
        """
        _check_parameters(self)
        by_day = known_by(incidents, as_of)
        known, day = by_day.incidents.reset_index(drop=True), by_day.day
        members = {name: clone(one).fit(known, as_of=day) for name, one in self.models.items()}
        told = list(self._held_out(known, day)) if len(members) > 1 else []
        n = len(members)
        held = HeldOut(
            np.concatenate([np.empty((0, n)), *(one.at_target for one in told)]),
            np.sum([np.zeros(n), *(one.expected for one in told)], axis=0),
        )
        prior = np.full(n, float(self.pseudo_incidents) / n)
        shares = convex_weights(held.at_target, held.expected, prior)
        self.members_ = members
        self.shares_ = dict(zip(members, shares.tolist(), strict=True))
        self.held_out_ = len(held.at_target)
        self.log_scores_ = {}
        if self.held_out_:
            score = (np.log(held.at_target).sum(axis=0) - held.expected) / self.held_out_
            self.log_scores_ = dict(zip(members, score.tolist(), strict=True))
        self.as_of_ = day
        return self

    def _held_out(self, known: gpd.GeoDataFrame, day: pd.Timestamp) -> Iterator[HeldOut]:
        """Each of the last months, forecast from what was known before it; newest first."""
        spoken = [one for one in coverage_of(known) if KIDNAPPING in one.kinds]
        seen = known[(known["kind"] == KIDNAPPING).to_numpy()]
        if not spoken or not len(seen):
            return
        regions = covered_regions(spoken)
        first, last = covered_days(regions, spoken, day_number(day.date()), 0)
        cells = cut_cells(covered_area(regions, first, last), float(self.cell_degrees))
        first, last = first[cells.region], last[cells.region]
        gaps = covered_gaps(regions, spoken)
        inside = RegionIndex(regions).locate(seen.geometry.x, seen.geometry.y) >= 0
        seen = seen[inside]
        cell = cells.locate(seen.geometry.x.to_numpy(), seen.geometry.y.to_numpy())
        event_day = _event_day(seen)
        # The newest kidnappings are not all known yet; half of them are after the median delay.
        delay = (seen["known_on"] - seen["date_end"]).dt.days.median() if len(seen) else 0
        end = min(int(last.max()), day_number(day.date()) - int(np.ceil(delay)))
        days = int(self.window_days)
        for start in end - days * np.arange(1, int(self.holdout_windows) + 1):
            window = np.array([start + 1]), np.array([start + days])
            counted = (first <= start) & (last >= start + days)
            counted &= ~gaps.meet(*window, len(regions))[cells.region, 0]
            asked = (event_day > start) & (event_day <= start + days) & counted[cell]
            hazard = self._forecasts(known, cells, int(start))
            if hazard is not None:
                counted &= np.isfinite(hazard).all(axis=1) & (hazard > 0.0).all(axis=1)
                expected = hazard * cells.km2[:, None] * days
                yield HeldOut(expected[cell[asked & counted[cell]]], expected[counted].sum(axis=0))

    def _forecasts(self, known: gpd.GeoDataFrame, cells: Cells, start: int) -> Floats | None:
        """λ of each member in each cell in the month after a day, (c, K); None if one cannot."""
        as_of = pd.Timestamp(start, unit="D")
        earlier = known[(known["known_on"] <= as_of).to_numpy()].reset_index(drop=True)
        when = (as_of + pd.Timedelta(days=1 + self.window_days / 2)).tz_localize("UTC")
        lon, lat = cells.middle()
        # A sharp peak that misses the middle of its cell must not be missed, nor one that hits it
        # be taken for the whole cell.
        step = cells.degrees * (np.arange(_SIDE) - 0.5 * (_SIDE - 1)) / _SIDE
        spots = np.concatenate([(lon + x, lat + y) for x in step for y in step], axis=1)
        points = gpd.GeoSeries(gpd.points_from_xy(*spots), crs="EPSG:4326")
        columns = []
        for model in self.models.values():
            try:
                fitted = clone(model).fit(earlier, as_of=as_of)
                value = checked_intensity(fitted, points, when).reshape(_SIDE**2, -1)
            except (ModelError, CoverageError):
                return None
            told = ~np.isnan(value)
            with_some = told.any(axis=0)
            total = np.where(told, value, 0.0).sum(axis=0)
            columns.append(np.where(with_some, total / np.maximum(told.sum(axis=0), 1), np.nan))
        return np.stack(columns, axis=1)

    def _check_fitted(self) -> None:
        if not hasattr(self, "members_"):
            raise ModelError("this model is not fitted", remedy="call fit(incidents) first")

    def _weighted(self) -> list[tuple[float, Any]]:
        self._check_fitted()
        return [(self.shares_[name], one) for name, one in self.members_.items()]

    def intensity(self, points: gpd.GeoSeries, when: object) -> Floats:
        """λ at n points and one instant or n; NaN where any member is silent.

        Returns
        -------
        ndarray (n,)
            Incidents per km² per day.
        """
        parts = [share * checked_intensity(one, points, when) for share, one in self._weighted()]
        total: Floats = np.sum(parts, axis=0)
        return total

    def integrate(self, pieces: Pieces) -> Floats:
        """Expected incidents met on each of n pieces, (n,); NaN where any member is silent."""
        parts = [
            share
            * (
                checked_integral(one, pieces)
                if hasattr(one, "integrate")
                else integrate_by_quadrature(one, pieces)
            )
            for share, one in self._weighted()
        ]
        total: Floats = np.sum(parts, axis=0)
        return total

    def covers(self, region_id: Sequence[str] | npt.NDArray[np.object_]) -> Mask:
        """Whether all members that can tell may speak in each of n regions, (n,)."""
        asked = np.asarray(region_id, dtype=object)
        covered = np.ones(len(asked), dtype=np.bool_)
        for _, one in self._weighted():
            if hasattr(one, "covers"):
                covered &= checked_cover(one, asked)
        return covered

    def describe(self) -> dict[str, Any]:
        """What a report says of the model that answered: as its first member, and the weights."""
        told = [one.describe() for _, one in self._weighted() if hasattr(one, "describe")]
        first = told[0] if told else {"as_of": self.as_of_.date()}
        return {
            **{key: value for key, value in first.items() if key != "dispersion"},
            "name": type(self).__name__,
            "members": dict(self.shares_),
        }


def convex_weights(at_target: Floats, expected: Floats, prior: Floats) -> Floats:
    """Weights of a convex combination of K forecasts that best tell n incidents.

    Maximises Σ_i log Σ_k w_k f_ik − Σ_k w_k E_k + Σ_k prior_k log w_k over w ≥ 0, Σ w = 1, by
    expectation-maximisation; each step solves one equation for the multiplier of Σ w = 1.

    Parameters
    ----------
    at_target : ndarray (n, K)
        What each forecast expected in the cell of each incident.
    expected : ndarray (K,)
        What each expected in all.
    prior : ndarray (K,)
        Pseudo-incidents; with n = 0 the weights are in their proportion.

    Returns
    -------
    ndarray (K,)

    Examples
    --------
    >>> convex_weights(np.empty((0, 2)), np.zeros(2), np.ones(2)).tolist()
    [0.5, 0.5]
    """
    weights: Floats = np.full(len(expected), 1.0 / len(expected), dtype=np.float64)
    if not len(at_target) and not prior.any():
        return weights
    for _ in range(_MOST_ITERATIONS):
        parts = at_target * weights
        share = (parts / parts.sum(axis=1, keepdims=True)).sum(axis=0) + prior
        new = _on_simplex(share, expected)
        if np.abs(new - weights).max() <= _TOLERANCE:
            return new
        weights = new
    return weights


def _on_simplex(share: Floats, expected: Floats) -> Floats:
    """The w that maximises Σ share log w − Σ w · expected on the simplex."""
    used = share > 0.0
    cheapest = int(np.argmin(np.where(used, expected, np.inf)))
    low = 0.5 * share[cheapest] - expected[cheapest]
    high = share.sum() - expected[cheapest]

    def excess(multiplier: float) -> float:
        return float(np.sum(share[used] / (expected[used] + multiplier))) - 1.0

    multiplier = high if excess(high) >= 0.0 else brentq(excess, low, high, xtol=1e-12)
    weights = np.where(used, share / np.where(used, expected + multiplier, 1.0), 0.0)
    normed: Floats = weights / weights.sum()
    return normed


def _event_day(table: gpd.GeoDataFrame) -> Floats:
    first, last = (days_since_1970(table[name].to_numpy()) for name in ("date", "date_end"))
    middle: Floats = 0.5 * (first + last).astype(np.float64)
    return middle


def _check_parameters(model: Ensemble) -> None:
    if not isinstance(model.models, Mapping) or not model.models:
        raise ModelError(
            "an ensemble has no members", value=type(model.models).__name__,
            remedy="give unfitted models by name",
        )  # fmt: skip
    for name, member in model.models.items():
        lacks = [one for one in _METHODS if not callable(getattr(member, one, None))]
        if lacks or isinstance(member, type):
            raise ModelError(
                f"the member {name!r} is a class" if isinstance(member, type)
                else f"the member {name!r} has no {' and no '.join(lacks)}",
                remedy="give an unfitted model that derives from scikit-learn's BaseEstimator",
            )  # fmt: skip
    wanted = (("holdout_windows", 0, True), ("window_days", 1, True))
    for name, least, whole in (
        *wanted,
        ("cell_degrees", 0.01, False),
        ("pseudo_incidents", 0, False),
    ):
        value = getattr(model, name)
        good = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not (good and least <= value < np.inf and (not whole or float(value).is_integer())):
            raise ModelError(
                f"{name} is not {'a whole' if whole else 'a'} number of at least {least}",
                value=value, remedy=f"give {least} or more",
            )  # fmt: skip
