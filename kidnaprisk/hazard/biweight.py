"""The biweight, its mean along a straight piece and its mean over a disc, in closed form.

In straight (chord) distance c,

    k(c) = 3 / (π H²) · (1 − c²/H²)²   for c < H,    H² = 8 σ²,

whose variance along each axis is σ². On a sphere the area within chord distance c is exactly
π c², so k integrates to one on the ground at any H. Its mean over the part of a straight piece
within reach follows from the mean and variance of c² there, both polynomials in the distance
travelled: no quadrature error, nothing lost between sample points.

Source: Silverman (1986), "Density Estimation for Statistics and Data Analysis", §4.2 (biweight).
"""

from __future__ import annotations

import math

from numba import njit


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
    c2_mean, c2_variance = squared_distance(p2, begin, end)
    u = 1.0 - c2_mean / h2
    return 3.0 / (math.pi * h2) * (u * u + c2_variance / (h2 * h2)) * (end - begin) / length


@njit(nogil=True, cache=True)
def squared_distance(p2, begin, end):  # type: ignore[no-untyped-def]
    """Mean and variance of the squared distance along a line, km² and km⁴.

    The line passes at squared distance ``p2``; ``begin`` and ``end`` are km from where it does.
    """
    middle2 = (0.5 * (begin + end)) ** 2
    half2 = (0.5 * (end - begin)) ** 2
    return p2 + middle2 + half2 / 3.0, half2 * (4.0 / 3.0 * middle2 + 4.0 / 45.0 * half2)


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
