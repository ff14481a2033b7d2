"""The compiled kernels against the plain formulas, quadrature and facts of the biweight."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard import plain
from kidnaprisk.hazard.kernels import (
    Mixture,
    Segments,
    biweight,
    component_densities,
    integrate_groups,
    integrate_static,
    mean_biweight,
    widened,
)
from kidnaprisk.hazard.places import fold

R = 6371.0
SCALES = np.array([10.0, 25.0, 60.0])
MEMORIES = np.array([30.0, 400.0])
STEPS = 4000


def random_records(rng: np.random.Generator, n: int):
    """SYNTHETIC named records, half at shared places, errors 0 to 120 km (several tiers)."""
    at = np.stack([rng.uniform(-2.0, 2.0, n), rng.uniform(13.0, 16.0, n)], axis=1)
    error = rng.choice([0.0, 5.0, 40.0, 120.0], n)
    shared = rng.integers(0, n // 3 + 1, n)
    half = rng.random(n) < 0.5
    at[half], error[half] = at[shared][half], error[shared][half]
    event = rng.integers(17_000, 19_000, n).astype(float) + rng.choice([0.0, 0.5], n)
    known = np.ceil(event).astype(np.int64) + rng.integers(0, 60, n)
    return at[:, 0], at[:, 1], error, event, known, np.array([f"r{i:04d}" for i in range(n)])


def random_pieces(rng: np.random.Generator, n: int):
    """Pieces near and far from the records: ordinary, parked, 1e-7 km long, and on a record."""
    lon, lat = rng.uniform(-3.0, 3.0, n), rng.uniform(12.0, 17.0, n)
    a = ecef_km(lon, lat)
    b = ecef_km(lon + rng.uniform(-0.04, 0.04, n), lat + rng.uniform(-0.04, 0.04, n))
    b[::5] = a[::5]
    b[1::5] = a[1::5] + 1e-7 * np.array([0.6, 0.8, 0.0])
    a[2], b[2] = ecef_km([40.0], [-20.0])[0], ecef_km([40.02], [-20.0])[0]
    return a, b


def compiled(records, a, b, factor, origin, group_start, weights, radius_km=0.0):
    places, order = fold(*records, SCALES[-1], MEMORIES)
    n, groups = len(a), len(group_start) - 1
    piece, total, square = np.zeros(n), np.zeros(groups), np.zeros(groups)
    of_record = np.zeros(len(records[0]))
    integrate_groups(
        Segments(a, b, factor, origin, group_start), places,
        Mixture(SCALES**2, MEMORIES, weights), radius_km**2, piece, total, square, of_record,
    )  # fmt: skip
    back = np.empty_like(of_record)
    back[order] = of_record
    return piece, total, square, back


def reach2_by_hand(h2, radius_km):
    """Squared reach of the biweight whose peak is another's mean over a disc around its centre.

    The disc holds 1 − (1 − ρ²/H²)³ of the mass, on π ρ² km²; a biweight of reach H' peaks at
    3 / (π H'²).
    """
    if radius_km == 0.0:
        return h2
    held = -np.expm1(3.0 * np.log1p(-np.minimum(radius_km**2 / h2, 1.0 - 1e-16)))
    return 3.0 * radius_km**2 / held


def densities_by_hand(points, day, records, weights, radius_km):
    """Hazard of each record at each point, (n, r), worked from the docstrings alone."""
    lon, lat, error, event, known, _ = records
    c2 = ((points[:, None] - ecef_km(lon, lat)[None]) ** 2).sum(axis=2)
    age = day[:, None] - event[None]
    total = np.zeros(c2.shape)
    for s, m in itertools.product(range(len(SCALES)), range(len(MEMORIES))):
        h2 = reach2_by_hand(8.0 * (SCALES[s] ** 2 + error**2), radius_km)
        k = 3.0 / (np.pi * h2) * np.maximum(1.0 - c2 / h2, 0.0) ** 2
        total += weights[s, m] * k * np.exp(-np.maximum(age, 0.0) / MEMORIES[m]) / MEMORIES[m]
    return np.where(known[None] <= day[:, None], total, 0.0)


@pytest.mark.parametrize("radius_km", [0.0, 5.0, 29.0, 70.0])
def test_the_plain_formula_is_the_one_of_the_docstrings(radius_km):
    """29 km is wider than the narrowest kernel's reach of 28.3 km, 70 than two of them."""
    rng = np.random.default_rng(9)
    records = random_records(rng, 50)
    points = ecef_km(rng.uniform(-2.5, 2.5, 40), rng.uniform(12.5, 16.5, 40))
    day, weights = rng.integers(17_000, 19_200, 40).astype(float), rng.uniform(0.0, 1.0, (3, 2))
    lon, lat, error, event, known, _ = records
    got = plain.record_densities(
        points, day, ecef_km(lon, lat), error, event, known.astype(float), SCALES, MEMORIES,
        weights, radius_km,
    )  # fmt: skip
    exact = densities_by_hand(points, day, records, weights, radius_km)
    assert (exact > 0).mean() > 0.1
    np.testing.assert_allclose(got, exact, rtol=1e-9, atol=1e-20)


@pytest.mark.parametrize(("seed", "radius_km"), list(enumerate([0.0, 5.0, 29.0, 70.0] * 2)))
def test_groups_agree_with_the_plain_formula(seed, radius_km):
    rng = np.random.default_rng(seed)
    lon, lat, _, _, _, _ = records = random_records(rng, 60)
    a, b = random_pieces(rng, 24)
    a[7] = b[7] = ecef_km([lon[0]], [lat[0]])[0]  # parked exactly on a record
    a[8], b[8] = ecef_km([lon[1]], [lat[1]])[0], ecef_km([lon[1] + 0.03], [lat[1]])[0]
    factor = rng.uniform(0.0, 5.0, 24)
    origin = np.repeat(rng.integers(17_200, 19_200, 8), 3).astype(np.int64)
    origin[5] = 10_000  # before anything was known
    group_start = np.array([0, 4, 4, 11, 24])
    weights = rng.uniform(0.0, 1.0, (3, 2))
    piece, total, square, of_record = compiled(
        records, a, b, factor, origin, group_start, weights, radius_km
    )

    def density(points, day):
        return densities_by_hand(points, day, records, weights, radius_km)

    mean = plain.line_means(a, b, origin.astype(float), density, STEPS)
    share = mean * factor[:, None]
    scale = share.sum(axis=1).max()
    np.testing.assert_allclose(piece, share.sum(axis=1), rtol=2e-6, atol=1e-9 * scale)
    by_group = np.stack([share[i:j].sum(axis=0) for i, j in itertools.pairwise(group_start)])
    np.testing.assert_allclose(total, by_group.sum(axis=1), rtol=2e-6, atol=1e-9 * scale)
    np.testing.assert_allclose(square, (by_group**2).sum(axis=1), rtol=4e-6, atol=1e-12)
    np.testing.assert_allclose(of_record, share.sum(axis=0), rtol=2e-6, atol=1e-9 * scale)
    assert piece[2] == 0.0  # thousands of km away
    assert piece[5] == 0.0


def test_records_speak_only_from_the_day_they_were_known():
    records = (
        np.array([0.0]),
        np.array([14.0]),
        np.array([0.0]),
        np.array([100.0]),
        np.array([120]),
        np.array(["only"]),
    )
    a = np.repeat(ecef_km([0.0], [14.0]), 3, axis=0)
    weights = np.ones((3, 2))
    origin = np.array([119, 120, 130], dtype=np.int64)
    piece, *_ = compiled(records, a, a, np.ones(3), origin, np.array([0, 3]), weights)
    # At the place itself k = 3 / (8 π σ²), faded from the day it happened, not from when known.
    peak = (3.0 / (8.0 * np.pi * SCALES**2)).sum()
    by_hand = [peak * (np.exp(-age / MEMORIES) / MEMORIES).sum() for age in (20.0, 30.0)]
    np.testing.assert_allclose(piece, [0.0, *by_hand], rtol=1e-12)


def test_a_day_may_jump_back_and_forth_within_a_group():
    rng = np.random.default_rng(3)
    records = random_records(rng, 80)
    a, b = random_pieces(rng, 40)
    origin = rng.integers(17_000, 19_100, 40).astype(np.int64)
    weights = rng.uniform(0.0, 1.0, (3, 2))
    together = compiled(records, a, b, np.ones(40), origin, np.array([0, 40]), weights)
    alone = [
        compiled(records, a[i : i + 1], b[i : i + 1], np.ones(1), origin[i : i + 1],
                 np.array([0, 1]), weights)
        for i in range(40)
    ]  # fmt: skip
    assert together[0].tolist() == [one[0][0] for one in alone]
    np.testing.assert_allclose(together[3], sum(one[3] for one in alone), rtol=1e-12, atol=1e-300)
    share = np.stack([one[3] for one in alone]).sum(axis=0)
    np.testing.assert_allclose(together[2], [(share**2).sum()], rtol=1e-12)


def test_groups_without_pieces_and_no_groups_at_all():
    records = random_records(np.random.default_rng(0), 10)
    empty = np.empty((0, 3))
    none = np.empty(0)
    days = np.empty(0, dtype=np.int64)
    piece, total, square, _ = compiled(
        records, empty, empty, none, days, np.array([0, 0, 0]), np.ones((3, 2))
    )
    assert len(piece) == 0
    assert total.tolist() == square.tolist() == [0.0, 0.0]


def test_densities_of_components_agree_with_the_plain_formula():
    rng = np.random.default_rng(5)
    lon, lat, error, event, known, _ = records = random_records(rng, 70)
    places, _ = fold(*records, SCALES[-1], MEMORIES)
    at = ecef_km(rng.uniform(-2.5, 2.5, 30), rng.uniform(12.5, 16.5, 30))
    own_error = rng.choice([0.0, 10.0, 200.0], 30)
    origin = rng.integers(17_000, 19_200, 30)
    out = np.zeros((30, 3, 2))
    component_densities(at, own_error**2, origin, places, SCALES**2, MEMORIES, out)
    for s in range(3):
        for m in range(2):
            only = np.zeros((3, 2))
            only[s, m] = 1.0
            for i in range(30):
                expected = plain.record_densities(
                    at[i : i + 1], origin[i : i + 1].astype(float), ecef_km(lon, lat),
                    np.hypot(error, own_error[i]), event, known.astype(float), SCALES, MEMORIES,
                    only,
                ).sum()  # fmt: skip
                assert out[i, s, m] == pytest.approx(expected, rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("order", ["sorted", "reversed", "mixed"])
def test_densities_of_components_do_not_depend_on_the_days_asked_before(order):
    """Places are faded anew with each day: days forwards, backwards, to and fro, or alone."""
    rng = np.random.default_rng(15)
    places, _ = fold(*random_records(rng, 70), SCALES[-1], MEMORIES)
    at = ecef_km(rng.uniform(-2.5, 2.5, 60), rng.uniform(12.5, 16.5, 60))
    own2, origin = rng.choice([0.0, 100.0], 60), rng.integers(16_900, 19_200, 60) // 50 * 50
    alone = np.zeros((60, 3, 2))
    for i in range(60):
        component_densities(at[i : i + 1], own2[i : i + 1], origin[i : i + 1], places, SCALES**2,
                            MEMORIES, alone[i : i + 1])  # fmt: skip
    row = {
        "sorted": np.argsort(origin, kind="stable"),
        "reversed": np.argsort(-origin, kind="stable"),
        "mixed": rng.permutation(60),
    }[order]
    out = np.zeros((60, 3, 2))
    component_densities(at[row], own2[row], origin[row], places, SCALES**2, MEMORIES, out)
    assert (alone > 0).mean() > 0.2
    assert out.tobytes() == alone[row].tobytes()


@pytest.mark.parametrize("radius_km", [0.0, 5.0, 29.0, 70.0])
def test_towns_agree_with_quadrature_of_the_plain_kernel(radius_km):
    rng = np.random.default_rng(6)
    towns = ecef_km(rng.uniform(-2.0, 2.0, 50), rng.uniform(13.0, 16.0, 50))
    towns = np.ascontiguousarray(towns[np.argsort(towns[:, 2])])
    share = rng.uniform(0.0, 1.0, 50)
    a, b = random_pieces(rng, 20)
    blur2 = rng.choice([0.0, 25.0, 2500.0], 20)
    factor = rng.uniform(0.1, 3.0, 20)
    got = np.zeros(20)
    days = np.zeros(20, dtype=np.int64)
    pieces = Segments(a, b, factor, days, np.array([0, 20]))
    integrate_static(pieces, blur2, radius_km**2, towns, share, 20.0**2, got)
    step = ((np.arange(STEPS) + 0.5) / STEPS)[:, None]
    for i in range(20):
        way = a[i] + step * (b[i] - a[i])
        c2 = ((way[:, None] - towns[None]) ** 2).sum(axis=2)
        h2 = reach2_by_hand(8.0 * (400.0 + blur2[i]), radius_km)
        kernel = 3.0 / (np.pi * h2) * np.maximum(1.0 - c2 / h2, 0.0) ** 2
        value = (kernel * share).sum(axis=1).mean()
        assert got[i] == pytest.approx(value * factor[i], rel=2e-6, abs=1e-15)


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


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_records_changes_no_bit(seed):
    rng = np.random.default_rng(seed)
    records = random_records(rng, 90)
    a, b = random_pieces(rng, 20)
    origin = rng.integers(17_500, 19_100, 20).astype(np.int64)
    weights = rng.uniform(0.0, 1.0, (3, 2))
    start = np.array([0, 5, 20])
    first = compiled(records, a, b, np.ones(20), origin, start, weights)
    mixed = rng.permutation(90)
    again = compiled(tuple(c[mixed] for c in records), a, b, np.ones(20), origin, start, weights)
    for one, other in zip(first[:3], again[:3], strict=True):
        assert one.tobytes() == other.tobytes()
    assert first[3][mixed].tobytes() == again[3].tobytes()


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
    """Places are searched tier by tier, by the widest kernel's reach: the order must hold."""
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
