"""KernelMixture: the default hazard model.

λ is a non-negative mixture of recorded kidnappings, spread over several scales and faded with
several memories, of towns weighted by a power of their population, and of an even floor over the
covered area:

    λ(x, t) = Σ_i Σ_sm w_sm k_s(x − x_i) exp(−(t* − t_i) / m) / m
              + w_town Σ_j p_j k(x − x_j) + w_floor / A

The weights are found by expectation-maximisation on past months, each predicted from what was
known before it. t* is the day before t, and never later than the model's origin: after the last day
of its records the hazard stands still, since silence after the records end is not news of safety.

Every record's part in a score is told exactly: "why" needs no surrogate explainer.

Source: docs/method.md; Helmstetter and Werner (2014), "Adaptive smoothing of
seismicity in time, space and magnitude", BSSA 104, for smoothed, faded records as a rate forecast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from numbers import Real
from typing import Any, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.area import regions_named
from kidnaprisk.hazard.kernels import Mixture, Places, Segments, integrate_groups, integrate_static
from kidnaprisk.hazard.learn import learn
from kidnaprisk.hazard.network import Network, Standing
from kidnaprisk.hazard.parameters import check_parameters
from kidnaprisk.hazard.pieces import Evidence, Instants, Pieces, days_since_1970, utc_instants
from kidnaprisk.hazard.training import Towns
from kidnaprisk.incidents.coverage import Coverage, coverage_of
from kidnaprisk.incidents.table import validate_incidents
from kidnaprisk.routes.borders import RegionIndex

Mask = npt.NDArray[np.bool_]


class KernelMixture(BaseEstimator):  # type: ignore[misc]
    """Mixture of smoothed, faded records, towns and a floor.

    Parameters
    ----------
    scales_km : sequence of float
        Standard deviations (an axis) of the kernels, ascending.
    memories_days : sequence of float
        Mean lifetimes of a record's influence.
    town_scale_km : float
        Standard deviation of a town's kernel.
    town_exponent : float
        Power of the population that a town is weighted by.
    town_population : int
        Smallest town used.
    window_days : int
        Length of the past windows the weights are learned on.
    unknown_location_error_km : float
        Location error assumed where a record does not state one.
    fewest_effective : float
        n_eff under which a place is called ``insufficient_data``: less than one incident speaks.
    coverage : sequence of Coverage, optional
        What the records cover; by default what the table says of itself.

    Attributes
    ----------
    weights_ : ndarray (S, M)
        Incidents expected to follow one record, by scale and memory.
    town_weight_, floor_weight_ : float
        Incidents a day from towns and from the floor.
    dispersion_ : float
        φ, learned from the model's own past forecasts.
    records_ : DataFrame
        The kidnappings used, one row each, as the table told them.
    coverage_ : tuple of Coverage
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
    town_weight_: float
    floor_weight_: float
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
        scales_km: Sequence[float] = (10.0, 20.0, 40.0, 80.0),
        memories_days: Sequence[float] = (45.0, 180.0, 730.0),
        town_scale_km: float = 20.0,
        town_exponent: float = 0.5,
        town_population: int = 5_000,
        window_days: int = 30,
        unknown_location_error_km: float = 25.0,
        fewest_effective: float = 1.0,
        coverage: Sequence[Coverage] | None = None,
    ) -> None:
        self.scales_km = scales_km
        self.memories_days = memories_days
        self.town_scale_km = town_scale_km
        self.town_exponent = town_exponent
        self.town_population = town_population
        self.window_days = window_days
        self.unknown_location_error_km = unknown_location_error_km
        self.fewest_effective = fewest_effective
        self.coverage = coverage

    def fit(self, incidents: gpd.GeoDataFrame, as_of: object = None) -> Self:
        """Learn from the kidnappings known by a day.

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
        table = validate_incidents(incidents)
        day = table["known_on"].max() if as_of is None else _as_day(as_of)
        known = table[table["known_on"] <= day]
        stated = coverage_of(known) if self.coverage is None else tuple(self.coverage)
        # A source that records no kidnappings says nothing of where there are none.
        coverage = tuple(one for one in stated if "kidnapping" in one.kinds)
        if stated and not coverage:
            raise CoverageError(
                "no source of these records tells of kidnappings",
                value=", ".join(one.source for one in stated),
                remedy="add a source that records them, or read notes with kind_from_text=True",
            )
        fitted = learn(known[known["kind"] == "kidnapping"], coverage, day, parameters)
        for name, value in fitted.items():
            setattr(self, name, value)
        self.forget()
        return self

    def forget(self) -> None:
        """Drop what was worked out on demand and can be again."""
        self._standings: dict[tuple[int, float], Standing] = {}
        self._regions: RegionIndex | None = None

    def _mixture(self) -> Mixture:
        # Scales whose weights are all zero add nothing; leaving them out only saves their time.
        used = np.any(self.weights_ > 0.0, axis=1)
        used[-1] |= not used.any()
        return Mixture(
            np.asarray(self.scales_km, dtype=np.float64)[used] ** 2,
            np.asarray(self.memories_days, dtype=np.float64),
            np.ascontiguousarray(self.weights_[used]),
        )

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise ModelError("this model is not fitted", remedy="call fit(incidents) first")

    def _origin(self, lon: Floats, lat: Floats, when: Instants) -> tuple[Ints, Mask]:
        """Last day whose records may speak at each of n places and instants; where they may at all.

        Raises
        ------
        CoverageError
            If every instant lies before the records of every region begin.
        """
        day = days_since_1970(when)
        begin = int(self.covered_from_.min())
        if len(day) and day.max() <= begin:
            raise CoverageError(
                f"the records begin on {_date(begin)}: nothing is known of earlier days",
                remedy="ask about a later day",
            )
        region = self._region_index().locate(lon, lat)
        first, last = self.covered_from_[region], self.covered_until_[region]
        covered = (region >= 0) & (day > first) & (last >= first)
        return np.minimum(day - 1, self.covered_until_[region]), covered

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
        _check_points(points)
        _check_radius(radius_km)
        instants = utc_instants(when, len(points))
        lon, lat = points.x.to_numpy(), points.y.to_numpy()
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
            segments, self.places_, self._mixture(), radius_km**2,
            part, weight_sum, weight_square, of_record,
        )  # fmt: skip
        towns = self.towns_
        integrate_static(
            segments, np.zeros(len(rows)), radius_km**2,
            towns.xyz, towns.share, towns.scale_km**2, static,
        )  # fmt: skip
        floor = self.floor_weight_ / self.covered_area_km2_ * segments.factor
        expected = np.full(len(pieces), np.nan)
        expected[rows] = part + self.town_weight_ * static + floor
        return Evidence(expected, weight_sum, weight_square, of_record)

    def describe(self) -> dict[str, Any]:
        """What a report says of the model that answered."""
        self._check_fitted()
        return {
            "name": type(self).__name__,
            "as_of": self.as_of_.date(),
            "origin": _date(self.origin_day_),
            "incidents": len(self.records_),
            "systematic": all(one.systematic for one in self.coverage_),
            "coverage": [one.to_dict() for one in self.coverage_],
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


def _as_day(value: Any) -> pd.Timestamp:
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError):
        raise ModelError("as_of is not a day", value=value, remedy="write YYYY-MM-DD") from None
    if pd.isna(stamp):
        raise ModelError("as_of is missing", value=value, remedy="write a day, YYYY-MM-DD")
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return stamp.normalize()


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def _blocks(n: int) -> tuple[Ints, int]:
    """Groups of 16 neighbours: small enough to be searched around, few enough to be cheap."""
    return np.arange(n, dtype=np.int64) // 16, (n + 15) // 16


def _check_points(points: gpd.GeoSeries) -> None:
    if not isinstance(points, gpd.GeoSeries) or points.crs is None or points.crs.to_epsg() != 4326:
        raise ModelError("points must be a GeoSeries in EPSG:4326", remedy="set or convert its crs")
    if not len(points) or not (points.geom_type == "Point").all() or points.is_empty.any():
        raise ModelError("points must be one or more non-empty Points", remedy="drop the others")


def _check_radius(radius_km: object) -> None:
    good = isinstance(radius_km, Real) and not isinstance(radius_km, bool)
    if not (good and 0.0 <= float(radius_km) < np.inf):  # type: ignore[arg-type]
        raise ModelError("radius_km is not a distance", value=radius_km, remedy="give 0 or more km")
