"""What virtual trips met, and what a model expected them to meet.

An incident meets a trip when it happens within the encounter radius ρ of where the vehicle then is;
one dated to a window of days is spread evenly over it. Under a hazard λ the mean of that count is

    E = π ρ² ∫ λ(x(t), t) dt,

the exposure of :mod:`kidnaprisk.exposure.score`: virtual trips put that very number to the test.

Source: Campbell's theorem for that mean, Daley and Vere-Jones (2003), "An Introduction to the
Theory of Point Processes".
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from kidnaprisk.evaluation.virtual_trips import LONGEST_PIECE_KM, VirtualTrips, utc_clock
from kidnaprisk.geodesy import Floats, Ints, chord_from_arc_km, ecef_km
from kidnaprisk.hazard.interval import effective_incidents
from kidnaprisk.hazard.network import Standing, band_of
from kidnaprisk.hazard.pieces import (
    HOURS_PER_DAY,
    ExplainedHazard,
    HazardModel,
    Instants,
    Pieces,
    checked_integral,
    days_since_1970,
    integrate_by_quadrature,
)

# λ of a model that only tells it at points is taken at the middle of parts about this long.
_PART_DAYS = 30


def encounters(
    trips: VirtualTrips,
    lon: Floats,
    lat: Floats,
    date: Instants,
    date_end: Instants,
    seed: int | None = None,
) -> Floats:
    """Incidents met on each of p pieces.

    An incident within ρ of the road for part of a piece counts by the part of its window of days
    that the vehicle spends within reach: a day parked beside one of that very day is a count of 1.

    Parameters
    ----------
    trips : VirtualTrips
    lon, lat : ndarray (k,)
        Where the incidents happened.
    date, date_end : ndarray (k,) of datetime64
        First and last day on which each may have happened.
    seed : int, optional
        Draw one instant for each incident, the same for all trips, instead of spreading it over its
        days: counts are then whole, for tests of whole counts.

    Returns
    -------
    ndarray (p,)

    Examples
    --------
    20 km of the road lie within reach, 0.4 hours of the day:

    >>> from kidnaprisk.evaluation.virtual_trips import sample_trips
    >>> roads = np.array([0.0, 3.0]), np.zeros(2), np.array([[0, 1]])
    >>> trips = sample_trips(*roads, 0, 0, 1, seed=1)
    >>> day = np.array(["1970-01-01"], dtype="datetime64[D]")
    >>> float(encounters(trips, np.array([1.0]), np.array([0.0]), day, day).sum().round(6))
    0.016667
    """
    met = np.zeros(len(trips.trip))
    base = int(days_since_1970(trips.pieces.when).min())
    begin = (days_since_1970(date) - base).astype(np.float64)
    end = (days_since_1970(date_end) - base + 1).astype(np.float64)
    if seed is not None:
        begin = end = begin + np.random.default_rng(seed).random(len(begin)) * (end - begin)
    enter = (trips.pieces.when - np.datetime64(base, "D")) / np.timedelta64(1, "D")
    near = np.flatnonzero((end >= enter.min()) & (begin <= (enter + trips.days).max()))
    piece, incident = _within_sight(trips, ecef_km(lon[near], lat[near]))
    incident = near[incident]
    both = (enter[piece] < end[incident]) & (enter[piece] + trips.days[piece] > begin[incident])
    piece, incident = piece[both], incident[both]
    first, last = _in_reach(trips.pieces.take(piece), ecef_km(lon[incident], lat[incident]))
    first = enter[piece] + first * trips.days[piece]
    last = enter[piece] + last * trips.days[piece]
    a, b = begin[incident], end[incident]
    if seed is None:
        share = np.maximum(np.minimum(last, b) - np.maximum(first, a), 0.0) / (b - a)
    else:
        share = ((first <= a) & (a < last)).astype(np.float64)
    np.add.at(met, piece, share)
    return met


def _within_sight(trips: VirtualTrips, at: Floats) -> tuple[Ints, Ints]:
    """Pairs of pieces and incidents whose middle and place lie close enough to look at."""
    tree = cKDTree(ecef_km(trips.lon, trips.lat), balanced_tree=False, compact_nodes=False)
    found = tree.query_ball_point(at, trips.pieces.radius_km + LONGEST_PIECE_KM)
    incident = np.repeat(np.arange(len(at)), [len(one) for one in found])
    piece = np.concatenate([np.empty(0, dtype=np.int64), *found]).astype(np.int64)
    return piece, incident


def _in_reach(pieces: Pieces, at: Floats) -> tuple[Floats, Floats]:
    """Where each of n pieces enters and leaves the disc around a place, as parts of the piece."""
    a, b = pieces.ecef()
    length = np.linalg.norm(b - a, axis=1)
    moving = length > 0.0
    whole = np.where(moving, length, 1.0)
    to = at - a
    along = np.sum(to * (b - a), axis=1) / whole
    beside2 = np.sum(to**2, axis=1) - along**2
    half = np.sqrt(np.maximum(chord_from_arc_km(pieces.radius_km) ** 2 - beside2, 0.0))
    # A parked vehicle is within reach throughout, or not at all.
    first = np.where(moving, np.clip((along - half) / whole, 0.0, 1.0), 0.0)
    last = np.where(moving, np.clip((along + half) / whole, 0.0, 1.0), half > 0.0)
    return first, last


def predict(model: HazardModel, trips: VirtualTrips) -> tuple[Floats, Floats]:
    """Incidents a model expects to be met.

    Parameters
    ----------
    model : HazardModel
        Fitted. Asked for ``evidence`` if it has it, else for ``integrate``, else for λ at points
        around each stretch travelled, at the middle of parts of about 30 days.
    trips : VirtualTrips

    Returns
    -------
    expected : ndarray (p,)
        On each piece; NaN where the model is silent.
    n_effective : ndarray (n_trips,)
        Incidents that speak for each trip; NaN for a model that cannot tell.

    Raises
    ------
    ModelError
        If the model answers with something that is not an expected count.
    """
    untold = np.full(trips.n_trips, np.nan)
    if isinstance(model, ExplainedHazard):
        evidence = model.evidence(trips.pieces, trips.trip, trips.n_trips)
        told = np.nan_to_num(evidence.expected)
        total = np.bincount(trips.trip, told, minlength=trips.n_trips).astype(np.float64)
        of_trip = effective_incidents(evidence.weight_sum, evidence.weight_square, total)
        return evidence.expected, of_trip
    if hasattr(model, "integrate"):
        return checked_integral(model, trips.pieces), untold
    return _by_stretch(model, trips), untold


def _by_stretch(model: HazardModel, trips: VirtualTrips) -> Floats:
    """Exposure by quadrature, once for each stretch however many trips run over it."""
    pieces = trips.pieces
    day = days_since_1970(pieces.when)
    n_days = int(day.max() - day.min()) + 1
    n_parts = max(1, round(n_days / _PART_DAYS))
    part = (day - day.min()) * n_parts // n_days
    _, row, where = np.unique(
        trips.stretch * n_parts + part, return_index=True, return_inverse=True
    )
    middle = HOURS_PER_DAY * n_days * (part[row] + 0.5) / n_parts
    when = utc_clock(np.full(len(row), day.min()), middle)
    once = Pieces(pieces.start[row], pieces.end[row], np.ones(len(row)), when, pieces.radius_km)
    expected: Floats = integrate_by_quadrature(model, once)[where.ravel()] * pieces.hours
    return expected


def piece_bands(
    model: HazardModel, trips: VirtualTrips, expected: Floats, road: Standing
) -> pd.arrays.IntegerArray:
    """Band, 1 to 5, in which a model sees each of p pieces; missing where it is silent.

    Parameters
    ----------
    model : HazardModel
        Its own standing is asked on the first day travelled, if it has one.
    trips : VirtualTrips
    expected : ndarray (p,)
        What :func:`predict` says.
    road : Standing
        The model's hazard along the reference network, for a model that has no standing.
    """
    if isinstance(model, ExplainedHazard):
        first = pd.Timestamp(trips.pieces.when.min()).normalize().tz_localize("UTC")
        road = model.standing(first, trips.pieces.radius_km)
    return band_of(road.percentile(expected / trips.pieces.factor))
