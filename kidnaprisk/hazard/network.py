"""The reference network: what a band compares a stretch of road with.

An open stand-in for the road net: the Gabriel graph over the towns inside the covered area. Two
towns are joined when no third lies within the ball that has them as poles; on the ground that gives
links much like a country's main roads. The network is cut into stretches of about 10 km; a
percentile is the share of its km with a lower hazard.

Source: Gabriel and Sokal (1969), "A new statistical approach to geographic variation analysis",
Systematic Zoology 18. Delaunay edges on the sphere come from the convex hull of the unit vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial import ConvexHull, cKDTree

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, Ints, ecef_km, forward, inverse

STRETCH_KM = 10.0
BAND_CUTS = (50.0, 80.0, 95.0, 99.0)
BAND_NAMES = ("low", "moderate", "high", "severe", "extreme")


class Network(NamedTuple):
    """Middles of m stretches of the reference network and their lengths."""

    lon: Floats
    lat: Floats
    km: Floats


def gabriel_edges(lon: Floats, lat: Floats) -> Ints:
    """Pairs of points joined in the Gabriel graph on the ground, (e, 2), each pair ascending.

    Examples
    --------
    A town half-way keeps the two outer ones apart:

    >>> gabriel_edges(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.1, 0.0])).tolist()
    [[0, 1], [1, 2]]
    """
    xyz = ecef_km(lon, lat)
    pairs = _candidate_pairs(xyz)
    middle = 0.5 * (xyz[pairs[:, 0]] + xyz[pairs[:, 1]])
    half = 0.5 * np.linalg.norm(xyz[pairs[:, 0]] - xyz[pairs[:, 1]], axis=1)
    # The two ends are exactly at distance `half`; a third point inside is strictly nearer.
    nearest, _ = cKDTree(xyz).query(middle, k=1)
    kept = nearest >= half * (1.0 - 1e-9)
    edges: Ints = pairs[kept]
    return edges


def _candidate_pairs(xyz: Floats) -> Ints:
    if len(xyz) < 2:
        raise ModelError("a reference network needs at least two towns")
    if len(xyz) < 12:
        first, second = np.triu_indices(len(xyz), k=1)
        return np.stack([first, second], axis=1)
    unit = xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    faces = ConvexHull(unit).simplices
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [0, 2]]])
    return np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int64)


def reference_network(lon: Floats, lat: Floats, edges: Ints | None = None) -> Network:
    """Cut the Gabriel graph over n towns into stretches of about 10 km.

    ``edges`` (e, 2) are the graph's, where they are known already.
    """
    edges = gabriel_edges(lon, lat) if edges is None else edges
    ends = (lon[edges[:, 0]], lat[edges[:, 0]], lon[edges[:, 1]], lat[edges[:, 1]])
    azimuth, length_km = inverse(*ends)
    parts = np.maximum(1, np.round(length_km / STRETCH_KM)).astype(np.int64)
    edge = np.repeat(np.arange(len(edges)), parts)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(parts) - parts, parts)
    along_km = (step + 0.5) * (length_km / parts)[edge]
    start = edges[edge, 0]
    at_lon, at_lat = forward(lon[start], lat[start], azimuth[edge], along_km)
    return Network(at_lon, at_lat, (length_km / parts)[edge])


class Standing:
    """Where a hazard stands among the stretches of the reference network on one day."""

    def __init__(self, intensity: Floats, km: Floats) -> None:
        order = np.argsort(intensity, kind="stable")
        self._intensity = intensity[order]
        self._below_km = np.concatenate([[0.0], np.cumsum(km[order])])

    def percentile(self, intensity: Floats) -> Floats:
        """Share of the network's km with a lower hazard, 0 to 100, (n,); NaN stays NaN.

        Stretches with exactly the same hazard count half.
        """
        low = np.searchsorted(self._intensity, intensity, side="left")
        high = np.searchsorted(self._intensity, intensity, side="right")
        share = 50.0 * (self._below_km[low] + self._below_km[high]) / self._below_km[-1]
        result: Floats = np.where(np.isnan(intensity), np.nan, share)
        return result


def band_of(percentile: Floats) -> pd.arrays.IntegerArray:
    """Band 1 (low) to 5 (extreme) of each percentile, missing where the percentile is.

    Examples
    --------
    >>> band_of(np.array([10.0, 50.0, 97.0, 99.5, np.nan])).tolist()
    [1, 2, 4, 5, <NA>]
    """
    band = 1 + np.searchsorted(np.array(BAND_CUTS), percentile, side="right")
    return pd.arrays.IntegerArray(band.astype(np.int64), np.isnan(percentile))
