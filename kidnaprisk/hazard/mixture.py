"""KernelMixture: the default hazard model.

λ is a non-negative mixture of recorded kidnappings and of context events (attacks, battles,
explosions), each spread over several scales and faded with several memories; of towns weighted by a
power of their population; and of an even floor over the covered area:

    λ(x, t) = Σ_g Σ_i Σ_fsm w_gfsm k_fs(x − x_i) a_m(t* − t_i)
              + Σ_s w_s Σ_j p_j k_s(x − x_j) + w_floor / A

g is the group (kidnappings, context), f the family: kernels blurred by the record's location error
and kernels that are not, since what is known only to a district is recorded again and again at the
district's centre. The weights are found by expectation-maximisation on past months, each predicted
from what was known before it. t* is the day before t, and never later than the model's origin:
after the last day of its records the hazard stands still, since silence after the records end is
not news of safety.

Every record's part in a score is told exactly: "why" needs no surrogate explainer.

Source: docs/method.md; Helmstetter and Werner (2014), "Adaptive smoothing of
seismicity in time, space and magnitude", BSSA 104, for smoothed, faded records as a rate forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.area import regions_named
from kidnaprisk.hazard.explain import parts_of, speaking_at
from kidnaprisk.hazard.kernels import Mixture, Places, Segments, integrate_groups, integrate_static
from kidnaprisk.hazard.known import KIDNAPPING, date_of, known_by, positions, speaking_days
from kidnaprisk.hazard.learn import FEWEST_RECORDS, learn
from kidnaprisk.hazard.network import Network, Standing
from kidnaprisk.hazard.parameters import check_parameters
from kidnaprisk.hazard.pieces import Evidence, Instants, Pieces, days_since_1970, utc_instants
from kidnaprisk.hazard.sources import Towns
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.routes.borders import RegionIndex

Mask = npt.NDArray[np.bool_]


class KernelMixture(BaseEstimator):  # type: ignore[misc]
    """Mixture of smoothed, faded kidnappings and context events, towns and a floor.

    Parameters
    ----------
    scales_km : sequence of float
        Standard deviations (an axis) of the kernels, ascending.
    memories_days : sequence of float
        Mean lifetimes of a record's influence.
    context_kinds : sequence of str
        Kinds of incident, other than kidnapping, that tell of danger; one group in all. Empty for
        none.
    town_scales_km : sequence of float
        Standard deviations of a town's kernels, ascending.
    town_exponent : float
        Power of the population that a town is weighted by.
    town_population : int
        Smallest town used.
    window_days : int
        Length of the past windows the weights are learned on.
    most_targets : int
        Most past kidnappings the weights are learned from, drawn evenly over time where there are
        more. All of them predict.
    unknown_location_error_km : float
        Location error assumed where a record does not state one.
    fewest_effective : float
        n_eff under which a place is called ``insufficient_data``: less than one incident speaks.
    coverage : sequence of Coverage, optional
        What the records cover; by default what the table says of itself.

    Attributes
    ----------
    weights_ : ndarray (G, 2, S, M)
        Incidents expected to follow one record, by group (kidnappings, context), family (blurred by
        the location error, not blurred), scale and memory.
    town_weights_ : ndarray (T,)
        Incidents a day from towns, by scale.
    floor_weight_ : float
        Incidents a day from the floor.
    unit_expected_ : ndarray (K,)
        Incidents that each part, at unit weight, expected in the months learned on; in the order of
        ``explain()``.
    dispersion_ : float
        φ, learned from the model's own past forecasts.
    records_ : DataFrame
        The kidnappings and context events used, one row each, as the table told them.
    coverage_ : tuple of Coverage
        What the records say of themselves, sources of context events included.
    as_of_ : Timestamp
        Last day whose records were read.
    covered_regions_, covered_from_, covered_until_ : ndarray (n,)
        Regions covered, the first day of each, and the day on which its hazard stands still, both
        in days since 1970-01-01.
    origin_day_ : int
        The last of ``covered_until_``.

    Examples
    --------
    >>> model = KernelMixture(scales_km=(20.0,), memories_days=(365.0,))
    >>> model.get_params()["scales_km"]
    (20.0,)
    """

    weights_: Floats
    town_weights_: Floats
    floor_weight_: float
    unit_expected_: Floats
    dispersion_: float
    n_iter_: int
    converged_: bool
    log_likelihood_: float
    n_targets_: int
    covered_area_km2_: float
    covered_regions_: npt.NDArray[np.str_]
    covered_from_: Ints
    covered_until_: Ints
    origin_day_: int
    as_of_: pd.Timestamp
    coverage_: tuple[Coverage, ...]
    records_: pd.DataFrame
    places_: Places
    towns_: Towns
    network_: Network

    def __init__(
        self,
        scales_km: Sequence[float] = (3.0, 12.0, 50.0),
        memories_days: Sequence[float] = (60.0, 180.0, 730.0, 3650.0),
        context_kinds: Sequence[str] = ("attack", "battle", "explosion"),
        town_scales_km: Sequence[float] = (8.0, 40.0),
        town_exponent: float = 0.5,
        town_population: int = 5_000,
        window_days: int = 30,
        most_targets: int = 20_000,
        unknown_location_error_km: float = 25.0,
        fewest_effective: float = 1.0,
        coverage: Sequence[Coverage] | None = None,
    ) -> None:
        self.scales_km = scales_km
        self.memories_days = memories_days
        self.context_kinds = context_kinds
        self.town_scales_km = town_scales_km
        self.town_exponent = town_exponent
        self.town_population = town_population
        self.window_days = window_days
        self.most_targets = most_targets
        self.unknown_location_error_km = unknown_location_error_km
        self.fewest_effective = fewest_effective
        self.coverage = coverage

    def fit(self, incidents: gpd.GeoDataFrame, as_of: object = None) -> Self:
        """Learn from the kidnappings and context events known by a day.

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
            If the coverage names no region.
        """
        parameters = self.get_params(deep=False)
        check_parameters(parameters)
        known = known_by(incidents, as_of, self.coverage, FEWEST_RECORDS)
        fitted = learn(known, parameters)
        for name, value in fitted.items():
            setattr(self, name, value)
        self.forget()
        return self

    def forget(self) -> None:
        """Drop what was worked out on demand and can be again."""
        self._standings: dict[tuple[int, float], Standing] = {}
        self._regions: RegionIndex | None = None

    def _mixture(self) -> Mixture:
        return Mixture(
            np.asarray(self.scales_km, dtype=np.float64) ** 2,
            np.asarray(self.memories_days, dtype=np.float64),
            self.weights_,
        )

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise ModelError("this model is not fitted", remedy="call fit(incidents) first")

    def _origin(self, lon: Floats, lat: Floats, when: Instants) -> tuple[Ints, Mask]:
        region = self._region_index().locate(lon, lat)
        return speaking_days(when, region, self.covered_from_, self.covered_until_)

    def _region_index(self) -> RegionIndex:
        if self._regions is None:
            self._regions = RegionIndex(regions_named(self.covered_regions_))
        return self._regions

    def covers(self, region_id: Sequence[str] | npt.NDArray[np.object_]) -> Mask:
        """Whether the model's records reach each of n regions at any time, (n,)."""
        self._check_fitted()
        return np.isin(np.asarray(region_id, dtype=str), self.covered_regions_)

    def intensity(self, points: gpd.GeoSeries, when: object, radius_km: float = 0.0) -> Floats:
        """λ at points and instants.

        Parameters
        ----------
        points : GeoSeries of n Points
            Longitude and latitude, EPSG:4326.
        when : instant or n of them
            Timezone-aware.
        radius_km : float
            Mean over a disc of this radius instead of the value at the point, as exposure takes it.

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
        _check_radius(radius_km)
        instants = utc_instants(when, len(points))
        at = np.stack([lon, lat], axis=1)
        unit = Pieces(at, at, np.full(len(at), 24.0 / np.pi), instants, 1.0)
        return self._evidence(unit, *_blocks(len(at)), float(radius_km)).expected

    def integrate(self, pieces: Pieces) -> Floats:
        """Expected incidents met on each of n pieces, (n,); NaN on those not covered."""
        return self.evidence(pieces, *_blocks(len(pieces))).expected

    def evidence(self, pieces: Pieces, group: Ints, n_groups: int) -> Evidence:
        """Expected incidents on each piece, and what speaks for each group of pieces.

        Parameters
        ----------
        pieces : Pieces
            n pieces. Those whose middle is not covered are NaN, and in no group.
        group : ndarray (n,)
            Group of each piece, 0 to ``n_groups`` − 1.
        """
        self._check_fitted()
        return self._evidence(pieces, group, n_groups, pieces.radius_km)

    def _evidence(self, pieces: Pieces, group: Ints, n_groups: int, radius_km: float) -> Evidence:
        origin, covered = self._origin(*pieces.middle(), pieces.when)
        rows = np.flatnonzero(covered)
        rows = rows[np.argsort(group[rows], kind="stable")]
        a, b = pieces.take(rows).ecef()
        segments = Segments(
            a, b, pieces.factor[rows], origin[rows],
            np.searchsorted(group[rows], np.arange(n_groups + 1)),
        )  # fmt: skip
        part, static = np.zeros(len(rows)), np.zeros(len(rows))
        weight_sum, weight_square = np.zeros(n_groups), np.zeros(n_groups)
        of_record = np.zeros(len(self.records_))
        integrate_groups(
            segments, self.places_, self._mixture(), radius_km**2, 0,
            part, weight_sum, weight_square, of_record,
        )  # fmt: skip
        for weight, scale in zip(self.town_weights_, self.town_scales_km, strict=True):
            from_towns = np.zeros(len(rows))
            integrate_static(
                segments, np.zeros(len(rows)), radius_km**2,
                self.towns_.xyz, self.towns_.share, float(scale) ** 2, from_towns,
            )  # fmt: skip
            static += weight * from_towns
        floor = self.floor_weight_ / self.covered_area_km2_ * segments.factor
        expected, from_records = np.full((2, len(pieces)), np.nan)
        expected[rows], from_records[rows] = part + static + floor, part
        return Evidence(expected, weight_sum, weight_square, of_record, from_records)

    def explain(self, points: gpd.GeoSeries | None = None, when: object = None) -> pd.DataFrame:
        """The parts of the mixture and their weights; or, at one point, what speaks there.

        Parameters
        ----------
        points : GeoSeries of one Point, optional
        when : instant, optional
            Timezone-aware; needed with a point.

        Returns
        -------
        DataFrame
            Without a point see :func:`kidnaprisk.hazard.explain.parts_of`, with one see
            :func:`kidnaprisk.hazard.explain.speaking_at`.

        Raises
        ------
        ModelError
            If the model is not fitted, or the point is not one covered point.
        """
        self._check_fitted()
        if points is None:
            return parts_of(self)
        if len(positions(points)[0]) != 1:
            raise ModelError(f"{len(points)} points; one is explained at a time", remedy="give one")
        return speaking_at(self, points, when)

    def describe(self) -> dict[str, Any]:
        """What a report says of the model that answered."""
        self._check_fitted()
        spoken = [one for one in self.coverage_ if KIDNAPPING in one.kinds]
        return {
            "name": type(self).__name__,
            "as_of": self.as_of_.date(),
            "origin": date_of(self.origin_day_),
            "incidents": int((self.records_["kind"] == KIDNAPPING).sum()),
            "context_events": int((self.records_["kind"] != KIDNAPPING).sum()),
            "systematic": all(one.systematic for one in spoken),
            "coverage": [one.to_dict() for one in spoken],
            "dispersion": self.dispersion_,
        }

    def standing(self, when: pd.Timestamp, radius_km: float) -> Standing:
        """The hazard along the reference network on a day, to compare a stretch with."""
        self._check_fitted()
        instant = utc_instants(when, 1)
        # After the last record every day is the same; before, each is its own.
        key = (min(int(days_since_1970(instant)[0]), self.origin_day_ + 1), float(radius_km))
        if key not in self._standings:
            at = np.stack([self.network_.lon, self.network_.lat], axis=1)
            hours = np.full(len(at), 24.0 / (np.pi * radius_km**2))
            pieces = Pieces(at, at, hours, np.broadcast_to(instant, len(at)), radius_km)
            hazard = self.integrate(pieces)
            known = ~np.isnan(hazard)
            self._standings[key] = Standing(hazard[known], self.network_.km[known])
        return self._standings[key]


def _blocks(n: int) -> tuple[Ints, int]:
    """Groups of 16 neighbours: small enough to be searched around, few enough to be cheap."""
    return np.arange(n, dtype=np.int64) // 16, (n + 15) // 16


def _check_radius(radius_km: object) -> None:
    good = isinstance(radius_km, Real) and not isinstance(radius_km, bool)
    if not (good and 0.0 <= float(radius_km) < np.inf):  # type: ignore[arg-type]
        raise ModelError("radius_km is not a distance", value=radius_km, remedy="give 0 or more km")
