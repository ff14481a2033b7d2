"""What recorded events and towns add to pieces of road: spread over the ground, faded in time.

A record spreads as a biweight (:mod:`kidnaprisk.hazard.biweight`), integrated exactly along roads.
Kernels come in two families: blurred by the record's location error, σ² = scale² + error², and
unblurred, σ² = scale², for what comes back to the very place that was written down. A record known
no better than to a province is blurred in both.

In time it fades from the day it happened, and counts only from the day it was known
(:mod:`kidnaprisk.hazard.fading`). Records are folded to places; each place keeps the faded sum of
its first k known records, so the hazard on another date costs one binary search a place.

Each compiled kernel here has a plain numpy twin in :mod:`kidnaprisk.hazard.plain`, its oracle.

Not here: where weights and memories come from (:mod:`kidnaprisk.hazard.mixture`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.biweight import mean_biweight, squared_distance, widened
from kidnaprisk.hazard.fading import Faded, fade, hand_out, no_day_yet
from kidnaprisk.hazard.tiers import Tiers, box_around, places_within

Masks = npt.NDArray[np.bool_]

# A record known to a town or a district has a place that may be told again. One known only to a
# province has none: without its blur, roads as near the truth as its centre would read as safe.
PLACE_TOLD_KM = 30.0
# Neighbouring pieces on one day that are searched around together.
_BLOCK = 64


class Places(NamedTuple):
    """r records folded to p places, laid out for search by their ``tiers``.

    Place j holds the records ``start[j]:start[j + 1]``, in the order in which they became known.
    """

    xyz: Floats  # (p, 3) ECEF km
    errors2: Floats  # (e,) km², squared location errors, each once, ascending
    error_row: Ints  # (p,) that of the place
    group: Ints  # (p,) kind of event: 0 kidnappings, 1 and above what goes with them
    open_day: Ints  # (p,) day from which the source records the group there
    close_day: Ints  # (p,) day on which it ends: from then on its records stand as they stood
    silence_row: Ints  # (p,) that of ``silences``: while it is silent they stand as they stood too
    silences: Ints  # (c, g, 2) first and last days of c lists of stretches
    start: Ints  # (p + 1,)
    known_day: Ints  # (r,) days since 1970-01-01
    event_day: Floats  # (r,) middle of the record's window of days
    prefix: Floats  # (r, M) Σ exp(−(known_k − event_i) / memory) / memory over the first k records
    tiers: Tiers


class Mixture(NamedTuple):
    """The spread and fading of records: G groups, two families, S scales, M memories."""

    scale2: Floats  # (S,) km², ascending
    memory_days: Floats  # (M,)
    weights: Floats  # (G, 2, S, M) expected incidents after one record; [:, 0] blurred kernels


class Segments(NamedTuple):
    """n straight pieces, sorted into g groups; a == b is a point."""

    a: Floats  # (n, 3) ECEF km
    b: Floats  # (n, 3) ECEF km
    factor: Floats  # (n,) what one unit of mean density is multiplied by
    origin_day: Ints  # (n,) last day whose records may speak
    group_start: Ints  # (g + 1,)


class _Kernels(NamedTuple):
    """The kernels of places of G groups and e location errors: two families, S scales."""

    h2: Floats  # (G, e, 2, S) km², squared reach; 0 where the group gives no weight
    ratio: Floats  # (G, e, 2, S) 1/km², 1 / h2; 0 there
    widest2: Floats  # (G, e) km², largest of h2


@njit(nogil=True, cache=True)
def _kernels(scale2, errors2, weights, radius2):  # type: ignore[no-untyped-def]
    """Kernels that ``weights`` (G, 2, S, M) make use of."""
    n_groups, n_scales = len(weights), len(scale2)
    shape = (n_groups, len(errors2), 2, n_scales)
    kernels = _Kernels(np.zeros(shape), np.zeros(shape), np.zeros(shape[:2]))
    for group, row, family, s in np.ndindex(shape):
        if weights[group, family, s].max() > 0.0:
            told = family == 1 and errors2[row] <= PLACE_TOLD_KM**2
            blur2 = 0.0 if told else errors2[row]
            h2 = widened(8.0 * (scale2[s] + blur2), radius2)
            kernels.h2[group, row, family, s] = h2
            kernels.ratio[group, row, family, s] = 1.0 / h2
            kernels.widest2[group, row] = max(kernels.widest2[group, row], h2)
    return kernels


@njit(nogil=True, cache=True)
def _reach(kernels, places, tier):  # type: ignore[no-untyped-def]
    """How far any record of a tier reaches, km."""
    row = np.searchsorted(places.errors2, places.tiers.error2[tier])
    return math.sqrt(kernels.widest2[places.tiers.group[tier], row])


@njit(nogil=True, cache=True)
def _directions(a, b):  # type: ignore[no-untyped-def]
    """Unit vector and length of each straight piece, (n, 4); zero for a point."""
    along = np.zeros((len(a), 4))
    for n in range(len(a)):
        x, y, z = b[n, 0] - a[n, 0], b[n, 1] - a[n, 1], b[n, 2] - a[n, 2]
        length = math.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            along[n, 0], along[n, 1], along[n, 2] = x / length, y / length, z / length
            along[n, 3] = length
    return along


@njit(nogil=True, cache=True)
def _weigh(weights, ratio, total, peak):  # type: ignore[no-untyped-def]
    """Peak of each kernel (2, S) for a place's faded ``total`` (M,), into ``peak``; 1/(km² day)."""
    for family in range(2):
        for s in range(weights.shape[1]):
            weight = 0.0
            for m in range(weights.shape[2]):
                weight += weights[family, s, m] * total[m]
            peak[family, s] = 3.0 / math.pi * ratio[family, s] * weight


@njit(nogil=True, cache=True)
def _meet(segments, along, first, last, xyz, widest2, h2, ratio, peak, met, out_piece):  # type: ignore[no-untyped-def]
    """Add the records of a place at ``xyz`` (3,) to the pieces ``first:last``.

    ``met`` (2, S) becomes Σ factor · mean of each kernel, its peak taken as one.
    """
    x, y, z = xyz[0], xyz[1], xyz[2]
    met[:] = 0.0
    for n in range(first, last):
        wx, wy, wz = x - segments.a[n, 0], y - segments.a[n, 1], z - segments.a[n, 2]
        length = along[n, 3]
        t0 = wx * along[n, 0] + wy * along[n, 1] + wz * along[n, 2]
        p2 = max(0.0, wx * wx + wy * wy + wz * wz - t0 * t0)
        nearest2 = p2 + max(0.0, -t0, t0 - length) ** 2
        if nearest2 >= widest2:
            continue
        furthest2 = p2 + max(t0, length - t0) ** 2
        c2_mean, c2_variance = squared_distance(p2, -t0, length - t0)
        total = 0.0
        for family in range(2):
            for s in range(h2.shape[1]):
                if nearest2 >= h2[family, s]:
                    continue
                if furthest2 <= h2[family, s]:
                    u = 1.0 - c2_mean * ratio[family, s]
                    mean = u * u + c2_variance * ratio[family, s] ** 2
                else:
                    mean = mean_biweight(t0, p2, length, h2[family, s])
                    mean *= math.pi / 3.0 * h2[family, s]
                total += peak[family, s] * mean
                met[family, s] += segments.factor[n] * mean
        out_piece[n] += segments.factor[n] * total


@njit(nogil=True, cache=True)
def _keep(weights, ratio, met, decay, pending):  # type: ignore[no-untyped-def]
    """Add to ``pending`` (M,) what a place's kernels met, to be handed out to its known records."""
    for family in range(2):
        for s in range(weights.shape[1]):
            if met[family, s] > 0.0:
                density = 3.0 / math.pi * ratio[family, s] * met[family, s]
                for m in range(weights.shape[2]):
                    pending[m] += density * weights[family, s, m] * decay[m]


class _Room(NamedTuple):
    """Room to work in, and what is worked out once for all groups."""

    along: Floats  # (n, 4) unit vector and length of each piece
    box: Floats  # (2, 3) lowest and highest corner of a block of pieces
    found: Ints  # (p,) places around a block
    away2: Floats  # (p,) and how far they lie
    kernels: _Kernels
    peak: Floats  # (2, S) of a place
    met: Floats  # (2, S) of a place by a block
    faded: Faded
    kept: Masks  # (p,) whether any is pending
    pending: Floats  # (r, M) what is to be handed out to a place's first k records, at the k-th


@njit(nogil=True, cache=True)
def _block_end(origin_day, first, stop):  # type: ignore[no-untyped-def]
    """End of the block of pieces on one day that begins with ``first``."""
    last = first + 1
    while last < min(stop, first + _BLOCK) and origin_day[last] == origin_day[first]:
        last += 1
    return last


@njit(nogil=True, cache=True)
def _meet_tier(  # type: ignore[no-untyped-def]
    segments, block, places, tier, mixture, room, out_piece, keep, n_kept
):
    """Add a tier's records to a block of pieces on one day.

    What is theirs of it becomes pending, and the places of which that is so are listed in ``keep``
    after the ``n_kept`` that stand there; if it has no room at all, nothing is kept. Returns how
    many are listed then.
    """
    first, last = block
    group, kernels, peak, met = places.tiers.group[tier], room.kernels, room.peak, room.met
    reach = _reach(kernels, places, tier)
    if reach == 0.0:
        return n_kept
    weights = mixture.weights[group]
    count = places_within(
        places.tiers, places.xyz, tier, room.box[0], room.box[1], reach, room.found, room.away2
    )
    fade(places, room.found[:count], mixture.memory_days, segments.origin_day[first], room.faded)
    for p in room.found[:count]:
        known = room.faded.known[p]
        if known == 0:
            continue
        row = places.error_row[p]
        h2, ratio = kernels.h2[group, row], kernels.ratio[group, row]
        _weigh(weights, ratio, room.faded.total[p], peak)
        _meet(
            segments, room.along, first, last, places.xyz[p], kernels.widest2[group, row],
            h2, ratio, peak, met, out_piece,
        )  # fmt: skip
        if len(keep) == 0:
            continue
        if not room.kept[p]:
            room.kept[p] = True
            room.pending[places.start[p] : places.start[p + 1]] = 0.0
            keep[n_kept] = p
            n_kept += 1
        _keep(weights, ratio, met, room.faded.decay[p], room.pending[places.start[p] + known - 1])
    return n_kept


@njit(nogil=True, cache=True)
def integrate_groups(  # type: ignore[no-untyped-def]
    segments, places, mixture, radius2, counted_group, out_piece, out_sum, out_square, out_record
):
    """Add what every record contributes to every piece, and how evenly, group by group.

    A record known by a piece's origin day d adds ``factor · Σ_f Σ_s Σ_m w_fsm · mean k_fs ·
    exp(−age / memory_m) / memory_m / (1 − exp(−max(d − open day, 30) / memory_m))``, with w the
    weights of its group and σ² = scale² + location error² for the first family f, scale² for the
    second, averaged over discs of squared radius ``radius2`` (km²). Silences of its source are
    taken off what it is divided by, as :mod:`kidnaprisk.hazard.fading` says.

    Adds to ``out_piece`` (n,) totals and, where it has length r, ``out_record`` each record's
    total over all pieces; to ``out_sum`` and ``out_square`` (g,) Σa and Σa² over the records of
    the group ``counted_group`` (0: kidnappings) alone.
    """
    n_places, memory_days = len(places.xyz), mixture.memory_days
    room = _Room(
        _directions(segments.a, segments.b),
        np.empty((2, 3)),
        np.empty(n_places, dtype=np.int64),
        np.empty(n_places),
        _kernels(mixture.scale2, places.errors2, mixture.weights, radius2),
        np.empty((2, len(mixture.scale2))),
        np.empty((2, len(mixture.scale2))),
        no_day_yet(places, len(memory_days)),
        np.zeros(n_places, dtype=np.bool_),
        np.empty((len(places.known_day), len(memory_days))),
    )
    counted = np.empty(n_places, dtype=np.int64)
    context = np.empty(n_places if len(out_record) > 0 else 0, dtype=np.int64)
    running = np.empty(len(memory_days))
    n_context = 0
    for g in range(len(segments.group_start) - 1):
        n_counted, first = 0, segments.group_start[g]
        while first < segments.group_start[g + 1]:
            last = _block_end(segments.origin_day, first, segments.group_start[g + 1])
            box_around(segments.a[first:last], segments.b[first:last], room.box)
            block = (first, last)
            for tier in range(len(places.tiers.group)):
                if places.tiers.group[tier] == counted_group:
                    n_counted = _meet_tier(
                        segments, block, places, tier, mixture, room, out_piece,
                        counted, n_counted,
                    )  # fmt: skip
                else:
                    n_context = _meet_tier(
                        segments, block, places, tier, mixture, room, out_piece,
                        context, n_context,
                    )  # fmt: skip
            first = last
        for p in counted[:n_counted]:
            total, square = hand_out(places, p, memory_days, room.pending, running, out_record)
            out_sum[g] += total
            out_square[g] += square
            room.kept[p] = False
    for p in context[:n_context]:
        hand_out(places, p, memory_days, room.pending, running, out_record)


@njit(nogil=True, cache=True)
def component_densities(xyz, origin_day, places, scale2, memory_days, out):  # type: ignore[no-untyped-def]
    """Density of every component at each of n points, 1/(km² day), added to ``out``.

    ``out`` (n, G, 2, S, M): group, family (blurred, unblurred), scale (``scale2`` (S,) km²,
    ascending) and memory (``memory_days`` (M,)), each at unit weight. Points with the same
    ``origin_day`` (n,) should be neighbours: a place is faded anew whenever it changes.
    """
    n_places, n_memories = len(places.xyz), len(memory_days)
    found, away2 = np.empty(n_places, dtype=np.int64), np.empty(n_places)
    faded = no_day_yet(places, n_memories)
    unit = np.ones((out.shape[1], 2, len(scale2), n_memories))
    kernels = _kernels(scale2, places.errors2, unit, 0.0)
    total = np.empty(unit.shape[1:])
    for n in range(len(xyz)):
        at, day = xyz[n], origin_day[n]
        for tier in range(len(places.tiers.group)):
            group, reach = places.tiers.group[tier], _reach(kernels, places, tier)
            count = places_within(places.tiers, places.xyz, tier, at, at, reach, found, away2)
            fade(places, found[:count], memory_days, day, faded)
            total[:] = 0.0
            for k in range(count):
                p = found[k]
                if faded.known[p] == 0:
                    continue
                row = places.error_row[p]
                for family in range(2):
                    for s in range(len(scale2)):
                        if away2[k] < kernels.h2[group, row, family, s]:
                            ratio = kernels.ratio[group, row, family, s]
                            u = 1.0 - away2[k] * ratio
                            for m in range(n_memories):
                                total[family, s, m] += ratio * u * u * faded.total[p, m]
            out[n, group] += 3.0 / math.pi * total


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
