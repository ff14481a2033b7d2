"""The biweight and its closed forms against quadrature, the sphere and values worked by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from kidnaprisk.hazard import plain
from kidnaprisk.hazard.biweight import biweight, mean_biweight, squared_distance, widened

R = 6371.0


@given(
    t0=st.floats(-60.0, 60.0),
    p=st.floats(0.0, 40.0),
    length=st.floats(1e-7, 50.0),
    sigma=st.floats(0.5, 20.0),
)
def test_line_mean_is_the_integral_of_the_kernel(t0, p, length, sigma):
    h2 = 8.0 * sigma**2
    half = math.sqrt(max(h2 - p * p, 0.0))
    # The kernel is a polynomial only inside its reach: tell quad where it ends.
    inside = sorted({min(max(x, 0.0), length) for x in (0.0, t0 - half, t0 + half, length)})
    exact = sum(
        quad(lambda t: biweight(p * p + (t - t0) ** 2, h2), x, y, epsabs=0.0, epsrel=1e-12)[0]
        for x, y in itertools.pairwise(inside)
    )
    # Where a piece only grazes the kernel the remaining mass is cancellation in 1 − c²/H²; the
    # length of the part within reach is a difference of numbers up to 110 km.
    peak = 3.0 / (math.pi * h2)
    assert mean_biweight(t0, p * p, length, h2) == pytest.approx(
        exact / length, rel=1e-9 + 1e-13 / length, abs=1e-10 * peak
    )


def test_line_mean_of_a_parked_vehicle_is_the_value_there():
    assert mean_biweight(0.0, 9.0, 0.0, 800.0) == biweight(9.0, 800.0)
    assert mean_biweight(0.0, 9.0, 1e-9, 800.0) == pytest.approx(biweight(9.0, 800.0), rel=1e-9)
    assert mean_biweight(0.0, 800.0, 0.0, 800.0) == 0.0
    assert mean_biweight(0.0, 1e6, 5.0, 800.0) == 0.0
    assert mean_biweight(-30.0, 0.0, 5.0, 800.0) == 0.0  # reach ends just behind the start


@pytest.mark.parametrize("sigma", [1.0, 10.0, 80.0, 200.0, 1000.0])
def test_kernel_holds_one_record_on_the_sphere(sigma):
    """Mass over the sphere by the angle θ from the record: chord 2R sin(θ/2), ring 2πR² sin θ."""
    h2 = 8.0 * sigma**2
    last = 2.0 * math.asin(min(1.0, math.sqrt(h2) / (2.0 * R)))

    def ring(theta):
        return (
            biweight((2.0 * R * math.sin(theta / 2.0)) ** 2, h2)
            * 2.0
            * math.pi
            * R**2
            * math.sin(theta)
        )

    assert quad(ring, 0.0, last)[0] == pytest.approx(1.0, abs=1e-9)


def test_kernel_has_variance_sigma_squared_along_each_axis():
    sigma = 7.0
    h2 = 8.0 * sigma**2
    # E[x²] = ½ E[r²] = ½ ∫ r² k(r) 2πr dr.
    moment = quad(
        lambda r: 0.5 * r**2 * biweight(r * r, h2) * 2.0 * math.pi * r, 0.0, math.sqrt(h2)
    )
    assert moment[0] == pytest.approx(sigma**2, rel=1e-10)


def test_plain_kernel_is_the_compiled_one():
    c = np.linspace(0.0, 100.0, 301)
    ours = [biweight(x * x, 8.0 * 20.0**2) for x in c]
    np.testing.assert_allclose(plain.biweight(c, 20.0), ours, rtol=1e-13)
    assert biweight(3200.0, 3200.0) == 0.0


@given(p2=st.floats(0.0, 1e4), begin=st.floats(-100.0, 100.0), length=st.floats(1e-6, 50.0))
def test_moments_of_the_squared_distance_are_its_integrals(p2, begin, length):
    """By five Gauss-Legendre points, exact for the quartic."""
    mean, variance = squared_distance(p2, begin, begin + length)
    node, weight = np.polynomial.legendre.leggauss(5)
    c2 = p2 + (begin + 0.5 * length * (node + 1.0)) ** 2
    exact = np.sum(0.5 * weight * c2)
    assert mean == pytest.approx(exact, rel=1e-12)
    # The spread of c² is a difference of numbers as large as its mean.
    assert variance == pytest.approx(
        np.sum(0.5 * weight * (c2 - exact) ** 2), rel=1e-7, abs=1e-12 * exact**2
    )


def reach2_by_hand(h2, radius_km):
    """Squared reach of the biweight whose peak is the share 1 − (1 − ρ²/H²)³ over π ρ²."""
    held = -math.expm1(3.0 * math.log1p(-min(radius_km**2 / h2, 1.0 - 1e-16)))
    return 3.0 * radius_km**2 / held


@given(h=st.floats(1.0, 500.0), ratio=st.floats(1e-6, 40.0))
def test_the_disc_mean_at_the_centre_is_exact_at_any_radius(h, ratio):
    """By quadrature over the disc, told where the kernel ends."""
    rho = ratio * h
    inner = min(rho, h)
    true = quad(
        lambda r: biweight(r * r, h * h) * 2.0 * r / rho**2, 0.0, inner, epsabs=0.0, epsrel=1e-12
    )[0]
    assert biweight(0.0, widened(h * h, rho * rho)) == pytest.approx(true, rel=1e-10)
    assert widened(h * h, rho * rho) == pytest.approx(reach2_by_hand(h * h, rho), rel=1e-9)


def test_a_disc_of_ten_km_at_the_peak_of_a_ten_km_kernel_by_hand():
    """r = 100/800 = 1/8: the mean of (1 − x)² over x < 1/8 is (1 − (7/8)³) / (3/8) = 0.880."""
    h2 = 8.0 * 10.0**2
    assert widened(h2, 100.0) == pytest.approx(800.0 / (1.0 - 1 / 8 + 1 / 192), rel=1e-15)
    peak = biweight(0.0, widened(h2, 100.0)) / biweight(0.0, h2)
    assert peak == pytest.approx((1.0 - 0.875**3) / 0.375, rel=1e-12)
    assert widened(h2, 0.0) == h2
    assert widened(h2, 800.0) == pytest.approx(2400.0, rel=1e-15)  # once the kernel fits, 3 ρ²
    assert widened(h2, 801.0) == 2403.0


@given(h2=st.floats(1.0, 1e5), less=st.floats(0.0, 1.0), radius2=st.floats(0.0, 1e5))
def test_a_disc_never_narrows_and_a_wider_kernel_stays_wider(h2, less, radius2):
    """Places are searched by the reach of a tier's widest kernel: the order must hold."""
    assert widened(h2, radius2) >= h2
    assert widened(h2 * max(less, 1e-9), radius2) <= widened(h2, radius2) * (1 + 1e-12)
    assert widened(h2, radius2 * less) <= widened(h2, radius2) * (1 + 1e-12)


def true_disc_mean(distance, h, rho):
    """Mean of the kernel over a disc ``distance`` from its centre, by rings around the kernel."""

    def arc(r):
        if r == 0.0 or distance == 0.0:
            return 2.0 * math.pi * (r < rho or distance + r <= rho)
        cosine = (distance**2 + r * r - rho**2) / (2.0 * distance * r)
        return 2.0 * math.acos(min(1.0, max(-1.0, cosine)))

    edges = sorted({0.0, min(h, abs(rho - distance)), min(h, rho + distance), h})
    mass = sum(
        quad(lambda r: biweight(r * r, h * h) * arc(r) * r, x, y, epsrel=1e-9, limit=200)[0]
        for x, y in itertools.pairwise(edges)
    )
    return mass / (math.pi * rho**2)


@pytest.mark.parametrize(("rho", "off"), [(2.0, 0.004), (5.0, 0.016), (10.0, 0.04), (20.0, 0.07)])
def test_the_disc_mean_is_near_the_true_mean_off_the_centre_too(rho, off):
    """A 10 km kernel: never further off than 7 % of the peak, and always nearer than without the
    disc or with its variance ρ²/4 added instead. To first order in r = ρ²/H² what is left is
    r (2u² − 3u⁴) of the peak at distance u H: r/3 at most but for the edge, where both are small.
    """
    sigma = 10.0
    h = math.sqrt(8.0) * sigma
    distance = np.linspace(0.0, h + rho, 41)
    true = np.array([true_disc_mean(d, h, rho) for d in distance])

    def furthest(h2):
        return np.abs([biweight(d * d, h2) for d in distance] - true).max() / true[0]

    assert furthest(widened(h * h, rho * rho)) < off
    assert furthest(widened(h * h, rho * rho)) < furthest(8.0 * (sigma**2 + rho**2 / 4.0))
    assert furthest(widened(h * h, rho * rho)) < furthest(h * h)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 3.0])
def test_a_kernel_averaged_over_discs_still_holds_one_record(ratio):
    h = 28.0
    reach = math.sqrt(widened(h * h, (ratio * h) ** 2))
    mass = quad(lambda r: biweight(r * r, reach * reach) * 2.0 * math.pi * r, 0.0, reach)[0]
    assert mass == pytest.approx(1.0, rel=1e-10)
