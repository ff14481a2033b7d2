"""SYNTHETIC towns and virtual trips between them, shared by the tests of virtual trips."""

from __future__ import annotations

import numpy as np

from kidnaprisk.evaluation.virtual_trips import VirtualTrips, sample_trips
from kidnaprisk.hazard.network import gabriel_edges
from kidnaprisk.hazard.pieces import Pieces

FROM, TO = 18_000, 18_029
RADIUS_KM = 10.0


def made_towns(n=120, seed=3, box=(0.0, 6.0, 9.0, 14.0)):
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(box[0], box[1], n), rng.uniform(box[2], box[3], n)
    return lon, lat, gabriel_edges(lon, lat)


TOWNS = made_towns()
TRIPS = sample_trips(*TOWNS, FROM, TO, 300, seed=1)
FEW = sample_trips(*TOWNS, FROM, TO, 25, seed=1)


def trip_rows(trips):
    return [np.flatnonzero(trips.trip == k) for k in range(trips.n_trips)]


def days_of(trips):
    return trips.pieces.when.astype("datetime64[D]").astype(np.int64)


def parked_at(lon, lat, instants, hours, radius_km=RADIUS_KM):
    """One trip that only stands at a place, (n,) pieces."""
    n = len(instants)
    at = np.tile([[lon, lat]], (n, 1)).astype(float)
    when = np.array(instants, dtype="datetime64[ns]")
    pieces = Pieces(at, at, np.array(hours, dtype=float), when, radius_km)
    zero = np.zeros(n, dtype=np.int64)
    return VirtualTrips(pieces, zero, np.zeros(n), at[:, 0], at[:, 1], zero, 1)


def on(*days):
    return np.array(days, dtype="datetime64[D]")
