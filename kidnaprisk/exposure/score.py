"""Score a trip: the exposure of its pieces, gathered by region, by stretch and by incident.

    E(trip) = Σ over pieces  π ρ² ∫ λ(x(t), t) dt        P = 1 − exp(−E)

λ is the model's, averaged over the disc of radius ρ. Pieces where the records say nothing are left
out of every sum and told of beside it. Not here: what λ is (:mod:`kidnaprisk.hazard`).
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.errors import CoverageError, ModelError, TripError
from kidnaprisk.exposure import tables
from kidnaprisk.exposure.itinerary import Itinerary, itinerary
from kidnaprisk.exposure.notes import notes_for
from kidnaprisk.exposure.people import people_of
from kidnaprisk.exposure.risk import SCORED, TripRisk
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.interval import effective_incidents, gamma_interval
from kidnaprisk.hazard.network import Standing, reference_network
from kidnaprisk.hazard.pieces import (
    Evidence,
    ExplainedHazard,
    HazardModel,
    Pieces,
    checked_cover,
    checked_integral,
    integrate_by_quadrature,
)
from kidnaprisk.routes.towns import load_towns
from kidnaprisk.routes.trip import Trip

DEFAULT_RADIUS_KM = 10.0
_WIDEST_RADIUS_KM = 50.0
_NETWORK_POPULATION = 5_000
# A coarse line clips a bay or two; less than this part of it outside the coverage is no gap.
_SLIVER = 0.001


@dataclass(frozen=True)
class Exposure:
    """What a model says of a trip: n pieces, and how far it may be believed.

    ``expected`` (n,) is NaN on pieces the records say nothing about; ``covered`` (n,) marks the
    others. ``standing`` places a hazard on the reference network, if there is one. ``of_record``
    (r,) is each of the model's records' part in the whole, None for a model that cannot tell, and
    ``of_stretch`` (s,) the effective number of incidents behind each stretch, NaN for such a
    model. ``by_records`` (n,) marks pieces at least half of whose exposure comes from records, and
    not from towns and floor; all of them for a model that cannot tell.
    """

    model: HazardModel
    pieces: Pieces
    expected: Floats
    covered: npt.NDArray[np.bool_]
    standing: Standing | None
    of_record: Floats | None
    of_stretch: Floats
    by_records: npt.NDArray[np.bool_]

    def n_effective_of_all(self) -> float:
        """Effective number of incidents behind the whole trip; NaN if untold."""
        if self.of_record is None:
            return float("nan")
        assert isinstance(self.model, ExplainedHazard)
        kidnapping = (self.model.records_["kind"] == "kidnapping").to_numpy()
        weights, total = self.of_record[kidnapping], float(np.nansum(self.expected))
        sums = np.array([[weights.sum()], [np.square(weights).sum()], [total]])
        return float(effective_incidents(*sums)[0])

    def n_effective(self, group: Ints, n_groups: int) -> Floats:
        """Effective number of incidents behind each group of pieces, (g,); NaN if untold."""
        if not isinstance(self.model, ExplainedHazard):
            return np.full(n_groups, np.nan)
        rows = np.flatnonzero(self.covered)
        evidence = self.model.evidence(self.pieces.take(rows), group[rows], n_groups)
        return _effective(evidence, group[rows])

    def percentile(self, intensity: Floats) -> Floats:
        """Where each mean hazard stands on the reference network, 0 to 100; NaN if untold."""
        if self.standing is None:
            return np.full(len(intensity), np.nan)
        return self.standing.percentile(intensity)

    def interval(self, mean: Floats, n_effective: Floats) -> tuple[Floats, Floats]:
        """90 % interval of each exposure, (g,) twice; NaN if the model cannot tell."""
        dispersion = getattr(self.model, "dispersion_", np.nan)
        return gamma_interval(mean, n_effective, dispersion)

    def sufficient(self, n_effective: Floats) -> npt.NDArray[np.bool_]:
        """Where enough incidents speak. A model that cannot tell is taken at its word."""
        floor = getattr(self.model, "fewest_effective", 0.0)
        return np.isnan(n_effective) | (n_effective >= floor)


def score(trip: Trip, model: HazardModel, radius_km: float = DEFAULT_RADIUS_KM) -> TripRisk:
    """How exposed a trip is to recorded kidnappings, region by region, and why.

    Parameters
    ----------
    trip : Trip
    model : HazardModel
        A fitted model, :func:`kidnaprisk.load_model` for the bundled one, or anything with
        ``intensity(points, when)``.
    radius_km : float
        Encounter radius ρ: an incident meets the trip when it happens within this distance of
        where the vehicle then is. 0 to 50 km.

    Returns
    -------
    TripRisk

    Raises
    ------
    TripError
        If the trip or the radius cannot be used.
    CoverageError
        If no km of the trip is covered, or it departs before the records begin.
    ModelError
        If the model is not fitted or answers with something that is not a rate.

    Examples
    --------
    >>> import kidnaprisk as kr
    >>> road = kr.read_route([(0.0, 14.0), (0.8, 14.0)])
    >>> risk = score(kr.Trip(road, departure="2025-01-18T06:00Z"), kr.load_model())
    >>> risk.regions["name"].tolist()
    ['Sahel', 'Tillabéri']
    """
    _check(trip, model, radius_km)
    way = itinerary(trip)
    exposure = expose(way, model, float(radius_km))
    if not exposure.covered.any():
        raise CoverageError(
            "no part of this trip lies where the model's records speak: "
            "its risk is unknown, not low",
            remedy="use a model whose incidents cover these countries",
        )
    regions = tables.region_table(way, exposure)
    stretches = tables.stretch_table(way, exposure)
    incidents = tables.incident_table(way, exposure)
    total = float(np.nansum(exposure.expected))
    low, high = exposure.interval(np.array([total]), np.array([exposure.n_effective_of_all()]))
    uncovered = float(way.km[~exposure.covered].sum())
    told = bool((regions["status"] == SCORED).all()) and uncovered <= _SLIVER * trip.km
    percentile, band = tables.whole_trip(regions, told)
    described = _describe(model)
    people = people_of(trip.crew, way, exposure)
    return TripRisk(
        trip=trip,
        radius_km=float(radius_km),
        km=trip.km,
        hours=float(way.hours.sum()),
        departure=trip.start,
        arrival=pd.Timestamp(way.leave[-1]).tz_localize("UTC"),
        uncovered_km=uncovered,
        expected_incidents=total,
        probability=float(-np.expm1(-total)),
        interval=(float(low[0]), float(high[0])),
        band=band,
        percentile=percentile,
        from_parked=float(np.nansum(exposure.expected[way.parked])),
        from_incidents=None if exposure.of_record is None else float(exposure.of_record.sum()),
        model=described,
        notes=notes_for(trip, way, exposure, regions, described, people.crew),
        regions=regions,
        stretches=stretches,
        incidents=incidents,
        crew=people.crew,
        consequence=people.consequence,
    )


def _check(trip: object, model: object, radius_km: float) -> None:
    if not isinstance(trip, Trip):
        raise TripError(
            f"score takes a Trip, not a {type(trip).__name__}",
            remedy="build it with kidnaprisk.Trip",
        )
    good = isinstance(radius_km, Real) and not isinstance(radius_km, bool)
    if not (good and 0.0 < radius_km <= _WIDEST_RADIUS_KM):
        raise TripError(
            f"the encounter radius must lie between 0 and {_WIDEST_RADIUS_KM:.0f} km",
            value=radius_km,
            remedy="leave it at 10 km unless you have a reason",
        )
    if isinstance(model, type) or not callable(getattr(model, "intensity", None)):
        shown = model.__name__ if isinstance(model, type) else type(model).__name__
        raise ModelError(
            f"score takes a hazard model, not {'the class ' if isinstance(model, type) else 'a '}"
            f"{shown}",
            remedy="give load_model(), a fitted KernelMixture, or an object with intensity()",
        )


def expose(way: Itinerary, model: HazardModel, radius_km: float) -> Exposure:
    """Ask a model about every piece that it may speak of."""
    pieces = way.pieces(radius_km)
    region_id = way.regions["region_id"].to_numpy(dtype=object)
    covered = way.region >= 0
    if hasattr(model, "covers"):
        covered &= np.append(checked_cover(model, region_id), False)[way.region]
    expected = np.full(len(pieces), np.nan)
    n_stretches = len(way.stretch_km) - 1
    of_stretch = np.full(n_stretches, np.nan)
    of_record = None
    by_records = np.ones(len(pieces), dtype=bool)
    asked = np.flatnonzero(covered)
    if len(asked):
        some = pieces.take(asked)
        if isinstance(model, ExplainedHazard):
            stretch = way.stretch[asked]
            evidence = model.evidence(some, stretch, n_stretches)
            expected[asked], of_record = evidence.expected, evidence.of_record
            of_stretch = _effective(evidence, stretch)
            if evidence.from_records is not None:
                by_records[asked] = evidence.from_records >= 0.5 * evidence.expected
        elif hasattr(model, "integrate"):
            expected[asked] = checked_integral(model, some)
        else:
            expected[asked] = integrate_by_quadrature(model, some)
    covered &= ~np.isnan(expected)
    countries = set(way.regions["country"].iloc[np.unique(way.region[way.region >= 0])])
    standing = _standing(model, pd.Timestamp(way.enter[0]).tz_localize("UTC"), radius_km, countries)
    return Exposure(model, pieces, expected, covered, standing, of_record, of_stretch, by_records)


def _effective(evidence: Evidence, group: Ints) -> Floats:
    n_groups = len(evidence.weight_sum)
    expected = np.nan_to_num(evidence.expected)
    total = np.bincount(group, expected, minlength=n_groups).astype(np.float64)
    return effective_incidents(evidence.weight_sum, evidence.weight_square, total)


def _standing(
    model: HazardModel, when: pd.Timestamp, radius_km: float, countries: set[str]
) -> Standing | None:
    """The model's own reference network, or one over the towns of the countries crossed.

    None where there are too few towns to make one: then no percentile can be told.
    """
    if isinstance(model, ExplainedHazard):
        return model.standing(when, radius_km)
    towns = load_towns()
    chosen = towns["country"].isin(countries) & (towns["population"] >= _NETWORK_POPULATION)
    lon, lat = towns.loc[chosen, "lon"].to_numpy(float), towns.loc[chosen, "lat"].to_numpy(float)
    if len(lon) < 2:
        return None
    network = reference_network(lon, lat)
    at = np.stack([network.lon, network.lat], axis=1)
    day = np.full(len(at), 24.0 / (np.pi * radius_km**2))
    instants = np.full(len(at), when.tz_convert("UTC").tz_localize(None).to_datetime64())
    hazard = integrate_by_quadrature(model, Pieces(at, at, day, instants, radius_km))
    known = ~np.isnan(hazard)
    return Standing(hazard[known], network.km[known])


def _describe(model: HazardModel) -> dict[str, Any]:
    if isinstance(model, ExplainedHazard):
        return dict(model.describe())
    # Of a model that does not say, the records are taken for a sample: the cautious reading.
    return {"name": type(model).__name__, "systematic": False}
