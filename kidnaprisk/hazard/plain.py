"""Plain numpy twins of the compiled kernels: slow, short, and written from the formula alone.

They exist to be compared with :mod:`kidnaprisk.hazard.kernels` in tests and to be read by anyone
who wants to know what a score is. Nothing in the library calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.area import Spans


def biweight(chord_km: Floats, sigma_km: Floats | float, radius_km: float = 0.0) -> Floats:
    """Biweight kernel with standard deviation ``sigma_km`` an axis, 1/km².

    With a radius, the biweight that stands for its mean over discs of that radius.

    Examples
    --------
    >>> float(biweight(np.array([0.0]), 1.0)[0]) == 3 / (8 * np.pi)
    True
    """
    h2 = np.asarray(8.0 * np.square(sigma_km), dtype=np.float64)
    ratio = np.minimum(radius_km**2 / h2, 1.0)
    h2 = np.where(radius_km**2 < h2, h2 / (1.0 - ratio + ratio**2 / 3.0), 3.0 * radius_km**2)
    inside: Floats = np.clip(1.0 - np.square(chord_km) / h2, 0.0, None)
    value: Floats = 3.0 / (np.pi * h2) * inside**2
    return value


def fade(
    age_days: Floats,
    memory_days: float,
    open_days: Floats | float = np.inf,
    silent: Floats | float = 0.0,
) -> Floats:
    """Fading of a record with age, 1/day; zero before it happened.

    With the days since records began it is divided by the part of the memory that they can have
    filled, of which the part ``silent`` was silence; at least by what 30 days fill.

    Examples
    --------
    >>> float(fade(np.array([0.0]), 50.0)[0])
    0.02
    """
    least = -np.expm1(-30.0 / memory_days)
    filled = np.maximum(-np.expm1(-np.maximum(open_days, 30.0) / memory_days) - silent, least)
    faded: Floats = np.where(
        age_days >= 0.0, np.exp(-age_days / memory_days) / memory_days / filled, 0.0
    )
    return faded


def silent_part(day: Floats, gaps: Spans, memory_days: float) -> Floats:
    """Part of a memory that stretches of days before each day would fill, first and last included.

    Examples
    --------
    >>> silent_part(np.array([30.0]), ((11, 20),), 10.0).round(6).tolist()
    [0.232544]
    """
    part: Floats = np.zeros(np.shape(day))
    for first, last in gaps:
        held = np.exp(-(day - last) / memory_days) - np.exp(-(day - first + 1) / memory_days)
        part += np.where(last < day, held, 0.0)
    return part


def record_densities(
    points: Floats,
    origin_day: Floats,
    record_xyz: Floats,
    record_error_km: Floats,
    record_event_day: Floats,
    record_known_day: Floats,
    record_group: Ints,
    record_open_day: Floats,
    record_close_day: Floats,
    record_gaps: Sequence[Spans],
    scales_km: Floats,
    memories_days: Floats,
    weights: Floats,
    radius_km: float = 0.0,
) -> Floats:
    """Hazard that each of r records adds at each of n points, (n, r), incidents per km² per day.

    Between its open and close day each record's source told nothing of the days of its gaps, on
    which the record stands as on the day before.

    ``weights`` (G, 2, S, M) are those of :class:`kidnaprisk.hazard.kernels.Mixture`.
    """
    chord = np.linalg.norm(points[:, None, :] - record_xyz[None, :, :], axis=2)
    day = np.minimum(origin_day[:, None], record_close_day[None, :])
    for i, gaps in enumerate(record_gaps):
        for first, last in gaps:
            day[(first <= day[:, i]) & (day[:, i] <= last), i] = first - 1
    known = record_known_day[None, :] <= day
    age = day - record_event_day[None, :]
    open_days = day - record_open_day[None, :]
    total: Floats = np.zeros(chord.shape)
    for s, scale in enumerate(scales_km):
        blurred = biweight(chord, np.sqrt(scale**2 + record_error_km**2)[None, :], radius_km)
        told = np.where(record_error_km <= 30.0, 0.0, record_error_km)
        unblurred = biweight(chord, np.sqrt(scale**2 + told**2)[None, :], radius_km)
        for m, memory in enumerate(memories_days):
            weight = weights[record_group, :, s, m]
            spread = weight[:, 0] * blurred + weight[:, 1] * unblurred
            silent = np.zeros(day.shape)
            for i, gaps in enumerate(record_gaps):
                silent[:, i] = silent_part(day[:, i], gaps, float(memory))
            total += spread * fade(age, float(memory), open_days, silent)
    kept: Floats = np.where(known, total, 0.0)
    return kept


def line_means(
    a: Floats,
    b: Floats,
    origin_day: Floats,
    density: Callable[[Floats, Floats], Floats],
    n_steps: int,
) -> Floats:
    """Mean over straight pieces of ``density(points, origin_day)`` (n, r), by the midpoint rule."""
    steps = (np.arange(n_steps) + 0.5) / n_steps
    means = []
    for start, stop, day in zip(a, b, origin_day, strict=True):
        points = start + steps[:, None] * (stop - start)
        means.append(density(points, np.full(n_steps, day)).mean(axis=0))
    return np.array(means)
