"""The kernel of the hazard and its closed-form integrals along roads.

A record spreads over the ground as a biweight in straight (chord) distance c,

    k(c) = 3 / (π H²) · (1 − c²/H²)²   for c < H,    H² = 8 σ²,

whose variance along each axis is σ². On a sphere the area within chord distance c is exactly
π c², so k integrates to one on the ground at any H. Along a straight piece c² is quadratic in
the distance travelled, k is a quartic there, and three Gauss-Legendre points integrate it exactly
over the part of the piece within reach: no quadrature error, nothing lost between sample points.

In time a record fades as exp(−age / memory) / memory from the day it happened, and counts only from
the day it was known. Records are folded to places; each place keeps the faded sum of its first k
known records, so the hazard on another date costs one binary search a place.

Each compiled kernel here has a plain numpy twin in :mod:`kidnaprisk.hazard.plain`, its oracle.

Not here: where weights and memories come from (:mod:`kidnaprisk.hazard.mixture`).

Source: Silverman (1986), "Density Estimation for Statistics and Data Analysis", §4.2 (biweight).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from kidnaprisk.geodesy import Floats, Ints

# Abscissae and weights of 3-point Gauss-Legendre on [0, 1]: exact up to degree 5.
_NODE = math.sqrt(0.6)
_OUTER, _INNER = 5.0 / 18.0, 8.0 / 18.0


class Places(NamedTuple):
    """r records folded to p places, laid out for search.

    Places lie sorted by reach tier (how far the widest kernel reaches) and, within a tier, by ECEF
    z, so that those within reach of anything are one slice a tier. Place j holds the records
    ``start[j]:start[j + 1]``, in the order in which they became known.
    """

    xyz: Floats  # (p, 3) ECEF km
    error2: Floats  # (p,) km², location error squared
    start: Ints  # (p + 1,)
    tier_start: Ints  # (t + 1,) place slices
    tier_reach: Floats  # (t,) km, beyond which nothing of the tier is felt
    known_day: Ints  # (r,) days since 1970-01-01
    event_day: Floats  # (r,) middle of the record's window of days
    prefix: Floats  # (M, r) Σ exp(−(known_k − event_i) / memory) / memory over the first k records


class Mixture(NamedTuple):
    """The spread and fading of records: S scales by M memories."""

    scale2: Floats  # (S,) km², ascending
    memory_days: Floats  # (M,)
    weights: Floats  # (S, M) expected incidents that follow one record


class Segments(NamedTuple):
    """n straight pieces, sorted into g groups; a == b is a point."""

    a: Floats  # (n, 3) ECEF km
    b: Floats  # (n, 3) ECEF km
    factor: Floats  # (n,) what one unit of mean density is multiplied by
    origin_day: Ints  # (n,) last day whose records may speak
    group_start: Ints  # (g + 1,)


@njit(nogil=True, cache=True)
def biweight(c2, h2):  # type: ignore[no-untyped-def]
    """Kernel value at squared chord distance ``c2`` (km²) for squared reach ``h2`` (km²); 1/km²."""
    if c2 >= h2:
        return 0.0
    u = 1.0 - c2 / h2
    return 3.0 / (math.pi * h2) * u * u


@njit(nogil=True, cache=True)
def mean_biweight(t0, p2, length, h2):  # type: ignore[no-untyped-def]
    """Mean of the kernel over a straight piece, 1/km².

    ``t0`` km along the piece of the point nearest to the record (may lie outside the piece),
    ``p2`` km² squared distance from the record to the piece's line, ``length`` km.
    """
    if p2 >= h2:
        return 0.0
    if length <= 0.0:
        return biweight(p2 + t0 * t0, h2)
    half = math.sqrt(h2 - p2)
    begin = max(0.0, t0 - half) - t0
    end = min(length, t0 + half) - t0
    if begin >= end:
        return 0.0
    middle = 0.5 * (begin + end)
    step = 0.5 * (end - begin) * _NODE
    u1 = 1.0 - (p2 + (middle - step) ** 2) / h2
    u2 = 1.0 - (p2 + middle * middle) / h2
    u3 = 1.0 - (p2 + (middle + step) ** 2) / h2
    mean_inside = _OUTER * (u1 * u1 + u3 * u3) + _INNER * u2 * u2
    return 3.0 / (math.pi * h2) * mean_inside * (end - begin) / length


@njit(nogil=True, cache=True)
def widened(h2, radius2):  # type: ignore[no-untyped-def]
    """Squared reach of the biweight that stands for another's mean over discs of radius ρ.

    Chosen so that the value at the centre is the disc's mean exactly, whatever the radius: that
    mean is 3 / (π H²) · (1 − r + r²/3) with r = ρ²/H² while the disc lies inside the kernel, and 1
    / (π ρ²) once the kernel lies inside the disc. Mass is kept. Adding the disc's variance ρ²/4 to
    σ² instead would understate the peak by 9 % at ρ = σ.
    """
    ratio = radius2 / h2
    if ratio >= 1.0:
        return 3.0 * radius2
    return h2 / (1.0 - ratio + ratio * ratio / 3.0)


@njit(nogil=True, cache=True)
def _known_by(known_day, start, stop, day):  # type: ignore[no-untyped-def]
    """How many records of ``start:stop`` were known by the end of ``day``."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if known_day[middle] <= day:
            low = middle + 1
        else:
            high = middle
    return low - start


@njit(nogil=True, cache=True)
def _bounds(segments, first, last):  # type: ignore[no-untyped-def]
    """Centre (x, y, z), radius, lowest and highest z of a group's pieces, in km."""
    a, b = segments.a, segments.b
    x = y = z = 0.0
    z_low, z_high = a[first, 2], a[first, 2]
    for n in range(first, last):
        x += 0.5 * (a[n, 0] + b[n, 0])
        y += 0.5 * (a[n, 1] + b[n, 1])
        z += 0.5 * (a[n, 2] + b[n, 2])
        z_low = min(z_low, a[n, 2], b[n, 2])
        z_high = max(z_high, a[n, 2], b[n, 2])
    count = last - first
    x, y, z = x / count, y / count, z / count
    radius2 = 0.0
    for n in range(first, last):
        da = (a[n, 0] - x) ** 2 + (a[n, 1] - y) ** 2 + (a[n, 2] - z) ** 2
        db = (b[n, 0] - x) ** 2 + (b[n, 1] - y) ** 2 + (b[n, 2] - z) ** 2
        radius2 = max(radius2, da, db)
    return x, y, z, math.sqrt(radius2), z_low, z_high


@njit(nogil=True, cache=True)
def _hand_out(places, mixture, place, known, held, share):  # type: ignore[no-untyped-def]
    """Share the sums ``held`` for a place's first ``known`` records among them; clear ``held``."""
    start = places.start[place]
    newest = places.known_day[start + known - 1]
    for m in range(len(held)):
        memory = mixture.memory_days[m]
        if held[m] > 0.0:
            for i in range(known):
                age = newest - places.event_day[start + i]
                share[i] += held[m] * math.exp(-age / memory) / memory
        held[m] = 0.0


@njit(nogil=True, cache=True)
def _meet(segments, first, last, places, place, mixture, radius2, work, out_piece):  # type: ignore[no-untyped-def]
    """Add one place's records to the pieces ``first:last``; return how many records were used.

    ``work`` holds three rows of M and the share of each record: a share must be complete before it
    is squared, and all pieces on days with the same known records can be summed beforehand.
    """
    strength, held, decay, share = work
    x, y, z = places.xyz[place, 0], places.xyz[place, 1], places.xyz[place, 2]
    start, stop = places.start[place], places.start[place + 1]
    error2 = places.error2[place]
    n_scales, n_memories = mixture.weights.shape
    widest = widened(8.0 * (mixture.scale2[n_scales - 1] + error2), radius2)
    known, known_held, used, day = 0, 0, 0, np.int64(-(2**62))
    for n in range(first, last):
        ux = segments.b[n, 0] - segments.a[n, 0]
        uy = segments.b[n, 1] - segments.a[n, 1]
        uz = segments.b[n, 2] - segments.a[n, 2]
        wx, wy, wz = x - segments.a[n, 0], y - segments.a[n, 1], z - segments.a[n, 2]
        length = math.sqrt(ux * ux + uy * uy + uz * uz)
        p2 = wx * wx + wy * wy + wz * wz
        t0 = 0.0
        if length > 0.0:
            t0 = (wx * ux + wy * uy + wz * uz) / length
            p2 = max(0.0, p2 - t0 * t0)
        beyond = max(0.0, -t0, t0 - length)
        nearest2 = p2 + beyond * beyond
        if nearest2 >= widest:
            continue
        if segments.origin_day[n] != day:
            day = segments.origin_day[n]
            known = _known_by(places.known_day, start, stop, day)
            if known > 0:
                since = day - places.known_day[start + known - 1]
                for m in range(n_memories):
                    decay[m] = math.exp(-since / mixture.memory_days[m])
        if known == 0:
            continue
        strength[:] = 0.0
        # From the widest down: where one scale does not reach, no narrower one does.
        for s in range(n_scales - 1, -1, -1):
            h2 = widened(8.0 * (mixture.scale2[s] + error2), radius2)
            if nearest2 >= h2:
                break
            mean = mean_biweight(t0, p2, length, h2)
            for m in range(n_memories):
                strength[m] += mean * mixture.weights[s, m]
        if known != known_held:
            if known_held > 0:
                _hand_out(places, mixture, place, known_held, held, share)
            known_held = known
            used = max(used, known)
        for m in range(n_memories):
            part = strength[m] * decay[m] * segments.factor[n]
            held[m] += part
            out_piece[n] += part * places.prefix[m, start + known - 1]
    if known_held > 0:
        _hand_out(places, mixture, place, known_held, held, share)
    return used


@njit(nogil=True, cache=True)
def integrate_groups(  # type: ignore[no-untyped-def]
    segments, places, mixture, radius2, out_piece, out_sum, out_square, out_record
):
    """Add what every record contributes to every piece, and how evenly, group by group.

    A record known by a piece's origin day adds ``factor · Σ_s Σ_m w_sm · mean k_s · exp(−age /
    memory_m) / memory_m``, with σ² = scale² + location error² + ``blur2`` (km²).

    Adds to ``out_piece`` (n,) totals, ``out_sum`` and ``out_square`` (g,) Σa and Σa² over records
    and, where it has length r, ``out_record`` each record's total over all groups.
    """
    n_memories = len(mixture.memory_days)
    longest = 1
    for p in range(len(places.xyz)):
        longest = max(longest, places.start[p + 1] - places.start[p])
    share = np.zeros(longest)
    work = (np.zeros(n_memories), np.zeros(n_memories), np.zeros(n_memories), share)
    for g in range(len(segments.group_start) - 1):
        first, last = segments.group_start[g], segments.group_start[g + 1]
        if first == last:
            continue
        x, y, z, radius, z_low, z_high = _bounds(segments, first, last)
        for tier in range(len(places.tier_reach)):
            reach = math.sqrt(widened(places.tier_reach[tier] ** 2, radius2))
            tier_z = places.xyz[places.tier_start[tier] : places.tier_start[tier + 1], 2]
            begin = places.tier_start[tier] + np.searchsorted(tier_z, z_low - reach)
            end = places.tier_start[tier] + np.searchsorted(tier_z, z_high + reach)
            limit2 = (reach + radius) ** 2
            for p in range(begin, end):
                dx, dy, dz = places.xyz[p, 0] - x, places.xyz[p, 1] - y, places.xyz[p, 2] - z
                if dx * dx + dy * dy + dz * dz > limit2:
                    continue
                used = _meet(segments, first, last, places, p, mixture, radius2, work, out_piece)
                for i in range(used):
                    out_sum[g] += share[i]
                    out_square[g] += share[i] * share[i]
                    if len(out_record) > 0:
                        out_record[places.start[p] + i] += share[i]
                    share[i] = 0.0


@njit(nogil=True, cache=True)
def _fade_places(places, memory_days, day, faded):  # type: ignore[no-untyped-def]
    """Faded sum of each place's records known by ``day`` for each memory, into ``faded`` (p, M)."""
    for p in range(len(places.xyz)):
        start = places.start[p]
        known = _known_by(places.known_day, start, places.start[p + 1], day)
        for m in range(len(memory_days)):
            faded[p, m] = 0.0
            if known > 0:
                since = day - places.known_day[start + known - 1]
                sum_then = places.prefix[m, start + known - 1]
                faded[p, m] = sum_then * math.exp(-since / memory_days[m])


@njit(nogil=True, cache=True)
def component_densities(xyz, error2, origin_day, places, scale2, memory_days, out):  # type: ignore[no-untyped-def]
    """Density of every (scale, memory) component at each point: ``out`` (n, S, M), 1/(km² day).

    ``error2`` (n,) km² is the variance of the point's own position: a record that may lie
    anywhere within 50 km is compared with a hazard blurred by 50 km. Points with the same origin
    day should be neighbours: places are faded anew whenever it changes.
    """
    widest_scale2 = scale2[len(scale2) - 1]
    faded = np.zeros((len(places.xyz), len(memory_days)))
    for n in range(len(xyz)):
        if n == 0 or origin_day[n] != origin_day[n - 1]:
            _fade_places(places, memory_days, origin_day[n], faded)
        x, y, z = xyz[n, 0], xyz[n, 1], xyz[n, 2]
        for tier in range(len(places.tier_reach)):
            reach = math.sqrt(places.tier_reach[tier] ** 2 + 8.0 * error2[n])
            tier_z = places.xyz[places.tier_start[tier] : places.tier_start[tier + 1], 2]
            begin = places.tier_start[tier] + np.searchsorted(tier_z, z - reach)
            end = places.tier_start[tier] + np.searchsorted(tier_z, z + reach)
            for p in range(begin, end):
                dx, dy, dz = places.xyz[p, 0] - x, places.xyz[p, 1] - y, places.xyz[p, 2] - z
                c2 = dx * dx + dy * dy + dz * dz
                spread2 = places.error2[p] + error2[n]
                if c2 >= 8.0 * (widest_scale2 + spread2):
                    continue
                for s in range(len(scale2) - 1, -1, -1):
                    h2 = 8.0 * (scale2[s] + spread2)
                    if c2 >= h2:
                        break
                    value = biweight(c2, h2)
                    for m in range(len(memory_days)):
                        out[n, s, m] += value * faded[p, m]


@njit(nogil=True, cache=True)
def integrate_static(  # type: ignore[no-untyped-def]
    segments, blur2, radius2, xyz, share, sigma2, out_piece
):
    """Add sources that do not change in time (towns) to every piece.

    ``xyz`` (k, 3) ECEF km sorted by z, ``share`` (k,) what each adds, ``sigma2`` km² their kernel,
    ``blur2`` (n,) km² added to it for each piece, averaged over discs of squared radius
    ``radius2``; origin days and groups are not looked at.
    """
    for n in range(len(segments.factor)):
        h2 = widened(8.0 * (sigma2 + blur2[n]), radius2)
        reach = math.sqrt(h2)
        ax, ay, az = segments.a[n, 0], segments.a[n, 1], segments.a[n, 2]
        ux, uy, uz = segments.b[n, 0] - ax, segments.b[n, 1] - ay, segments.b[n, 2] - az
        length = math.sqrt(ux * ux + uy * uy + uz * uz)
        begin = np.searchsorted(xyz[:, 2], min(az, az + uz) - reach)
        end = np.searchsorted(xyz[:, 2], max(az, az + uz) + reach)
        total = 0.0
        for k in range(begin, end):
            wx, wy, wz = xyz[k, 0] - ax, xyz[k, 1] - ay, xyz[k, 2] - az
            p2 = wx * wx + wy * wy + wz * wz
            t0 = 0.0
            if length > 0.0:
                t0 = (wx * ux + wy * uy + wz * uz) / length
                p2 = max(0.0, p2 - t0 * t0)
            if p2 < h2:
                total += share[k] * mean_biweight(t0, p2, length, h2)
        out_piece[n] += total * segments.factor[n]
