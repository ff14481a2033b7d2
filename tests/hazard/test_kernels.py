"""What records and towns add to pieces, against the plain formulas and quadrature."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard import plain
from kidnaprisk.hazard.fading import Spoken, silences_of
from kidnaprisk.hazard.kernels import (
    Mixture,
    Segments,
    component_densities,
    integrate_groups,
    integrate_static,
)
from kidnaprisk.hazard.places import fold

SCALES = np.array([10.0, 25.0, 60.0])
MEMORIES = np.array([30.0, 400.0])
GROUPS = 3
SHAPE = (GROUPS, 2, len(SCALES), len(MEMORIES))
STEPS = 4000
# Days of which sources tell nothing: none of them; long or short ones, some a day apart.
GAPS = (
    (),
    ((18_300, 18_420),),
    ((17_300, 17_800),),
    ((17_100, 17_120), (17_122, 17_122), (18_200, 18_600)),
    ((17_990, 18_010), (18_940, 19_000)),
)


def random_records(rng: np.random.Generator, n: int):
    """SYNTHETIC named records, half at shared places, errors 0 to 120 km (several tiers).

    Three groups; some sources began decades before, some after the records they hold; some pause.
    """
    at = np.stack([rng.uniform(-2.0, 2.0, n), rng.uniform(13.0, 16.0, n)], axis=1)
    error = rng.choice([0.0, 25.0, 40.0, 120.0], n)
    shared = rng.integers(0, n // 3 + 1, n)
    half = rng.random(n) < 0.5
    at[half], error[half] = at[shared][half], error[shared][half]
    event = rng.integers(17_000, 19_000, n).astype(float) + rng.choice([0.0, 0.5], n)
    known = np.ceil(event).astype(np.int64) + rng.integers(0, 60, n)
    group, open_day = rng.integers(0, GROUPS, n), rng.choice([0, 16_900, 18_000, 18_990], n)
    close_day = rng.choice([18_500, 18_950, 30_000], n)
    # A gap lies between days of which the source tells, so after the first of them.
    choices = np.where(open_day < 17_000, len(GAPS), np.where(open_day < 18_100, 2, 1))
    gaps = rng.integers(0, choices)
    for column in (group, open_day, close_day, gaps):
        column[half] = column[shared][half]
    names = np.array([f"r{i:04d}" for i in range(n)])
    return at[:, 0], at[:, 1], error, event, known, names, group, open_day, close_day, gaps


def folded(records, lists=GAPS):
    """Places of records whose last column is the row of each in lists of gaps."""
    *told, open_day, close_day, gaps = records
    spoken = Spoken(open_day, close_day, gaps, silences_of(lists))
    return fold(*told, spoken, SCALES[-1], MEMORIES)


def random_weights(rng: np.random.Generator):
    """Half of the components without weight; the last group has only blurred kernels."""
    weights = rng.uniform(0.0, 1.0, SHAPE) * (rng.random(SHAPE) < 0.5)
    weights[0, :, 1] = rng.uniform(0.1, 1.0, (2, len(MEMORIES)))
    weights[2, 1] = 0.0
    return weights


def random_pieces(rng: np.random.Generator, n: int):
    """Pieces near and far from the records: ordinary, parked, 1e-7 km long, and on a record."""
    lon, lat = rng.uniform(-3.0, 3.0, n), rng.uniform(12.0, 17.0, n)
    a = ecef_km(lon, lat)
    b = ecef_km(lon + rng.uniform(-0.04, 0.04, n), lat + rng.uniform(-0.04, 0.04, n))
    b[::5] = a[::5]
    b[1::5] = a[1::5] + 1e-7 * np.array([0.6, 0.8, 0.0])
    a[2], b[2] = ecef_km([40.0], [-20.0])[0], ecef_km([40.02], [-20.0])[0]
    return a, b


def compiled(
    records, a, b, factor, origin, group_start, weights, radius_km=0.0, counted=0, lists=GAPS
):
    places, order = folded(records, lists)
    n, groups = len(a), len(group_start) - 1
    piece, total, square = np.zeros(n), np.zeros(groups), np.zeros(groups)
    of_record = np.zeros(len(records[0]))
    integrate_groups(
        Segments(a, b, factor, origin, group_start), places,
        Mixture(SCALES**2, MEMORIES, weights), radius_km**2, counted,
        piece, total, square, of_record,
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


@functools.cache
def told_by_hand(day, begun, gaps):
    """Share of each memory that a source has filled by a day: its days counted one by one."""
    days = np.arange(begun + 1, day + 1)
    for first, last in gaps:
        days = days[(days < first) | (days > last)]
    least = 1.0 - np.exp(-30.0 / MEMORIES)
    each = np.exp(-(day - days[:, None]) / MEMORIES) * (1.0 - np.exp(-1.0 / MEMORIES))
    return np.maximum(each.sum(axis=0), least)


def densities_by_hand(points, day, records, weights, radius_km):
    """Hazard of each record at each point, (n, r), worked from the docstrings alone."""
    lon, lat, error, event, known, _, group, open_day, close_day, gaps = records
    c2 = ((points[:, None] - ecef_km(lon, lat)[None]) ** 2).sum(axis=2)
    day = np.minimum(day[:, None], close_day[None])
    for i, row in enumerate(gaps):
        for first, last in GAPS[row]:
            day[(first <= day[:, i]) & (day[:, i] <= last), i] = first - 1
    age = day - event[None]
    days, at = np.unique(day, return_inverse=True)
    told = np.array([
        [told_by_hand(int(one), int(begun), GAPS[row])
         for begun, row in zip(open_day, gaps, strict=True)]
        for one in days
    ])[at.reshape(day.shape), np.arange(len(lon))]  # fmt: skip
    faded = [
        np.exp(-np.maximum(age, 0.0) / memory) / memory / told[..., m]
        for m, memory in enumerate(MEMORIES)
    ]
    total = np.zeros(c2.shape)
    for f, s in itertools.product(range(2), range(len(SCALES))):
        blurred = (f == 0) | (error > 30.0)
        h2 = reach2_by_hand(8.0 * (SCALES[s] ** 2 + blurred * error**2), radius_km)
        k = 3.0 / (np.pi * h2) * np.maximum(1.0 - c2 / h2, 0.0) ** 2
        total += k * sum(weights[group, f, s, m] * faded[m] for m in range(len(MEMORIES)))
    return np.where(known[None] <= day, total, 0.0)


@pytest.mark.parametrize("radius_km", [0.0, 5.0, 29.0, 70.0])
def test_the_plain_formula_is_the_one_of_the_docstrings(radius_km):
    """29 km is wider than the narrowest kernel's reach of 28.3 km, 70 than two of them."""
    rng = np.random.default_rng(9)
    records = random_records(rng, 50)
    points = ecef_km(rng.uniform(-2.5, 2.5, 40), rng.uniform(12.5, 16.5, 40))
    day, weights = rng.integers(17_000, 19_200, 40).astype(float), rng.uniform(0.0, 1.0, SHAPE)
    lon, lat, error, event, known, _, group, open_day, close_day, gaps = records
    got = plain.record_densities(
        points, day, ecef_km(lon, lat), error, event, known.astype(float), group,
        open_day.astype(float), close_day.astype(float), [GAPS[row] for row in gaps],
        SCALES, MEMORIES, weights, radius_km,
    )  # fmt: skip
    exact = densities_by_hand(points, day, records, weights, radius_km)
    assert (exact > 0).mean() > 0.1
    np.testing.assert_allclose(got, exact, rtol=1e-9, atol=1e-20)


@pytest.mark.parametrize(("seed", "radius_km"), list(enumerate([0.0, 5.0, 29.0, 70.0] * 2)))
def test_groups_agree_with_the_plain_formula(seed, radius_km):
    rng = np.random.default_rng(seed)
    lon, lat, _, _, _, _, group, *_ = records = random_records(rng, 60)
    a, b = random_pieces(rng, 24)
    a[7] = b[7] = ecef_km([lon[0]], [lat[0]])[0]  # parked exactly on a record
    a[8], b[8] = ecef_km([lon[1]], [lat[1]])[0], ecef_km([lon[1] + 0.03], [lat[1]])[0]
    factor = rng.uniform(0.0, 5.0, 24)
    origin = np.repeat(rng.integers(17_200, 19_200, 8), 3).astype(np.int64)
    origin[5] = 10_000  # before anything was known
    group_start = np.array([0, 4, 4, 11, 24])
    weights, counted = random_weights(rng), seed % 2
    piece, total, square, of_record = compiled(
        records, a, b, factor, origin, group_start, weights, radius_km, counted
    )

    def density(points, day):
        return densities_by_hand(points, day, records, weights, radius_km)

    mean = plain.line_means(a, b, origin.astype(float), density, STEPS)
    share = mean * factor[:, None]
    scale = share.sum(axis=1).max()
    np.testing.assert_allclose(piece, share.sum(axis=1), rtol=2e-6, atol=1e-9 * scale)
    np.testing.assert_allclose(of_record, share.sum(axis=0), rtol=2e-6, atol=1e-9 * scale)
    by_group = np.stack([share[i:j].sum(axis=0) for i, j in itertools.pairwise(group_start)])
    by_group = by_group[:, group == counted]
    np.testing.assert_allclose(total, by_group.sum(axis=1), rtol=2e-6, atol=1e-9 * scale)
    np.testing.assert_allclose(square, (by_group**2).sum(axis=1), rtol=4e-6, atol=1e-12)
    assert piece[2] == 0.0  # thousands of km away
    assert piece[5] == 0.0


def one_record(error_km=0.0, group=0, open_day=-1_000_000, close_day=1_000_000, gaps=0):
    """Happened on day 100, known on day 120, at 14° N on the prime meridian."""
    return (
        np.array([0.0]), np.array([14.0]), np.array([error_km]), np.array([100.0]),
        np.array([120]), np.array(["only"]), np.array([group]), np.array([open_day]),
        np.array([close_day]), np.array([gaps]),
    )  # fmt: skip


def parked_at_the_record(record, weights, days, counted=0, lists=GAPS):
    a = np.repeat(ecef_km([0.0], [14.0]), len(days), axis=0)
    origin = np.array(days, dtype=np.int64)
    n = len(days)
    start = np.array([0, n])
    return compiled(record, a, a, np.ones(n), origin, start, weights, 0.0, counted, lists)


def test_records_speak_only_from_the_day_they_were_known():
    weights = np.ones(SHAPE)
    weights[:, 1] = 0.0
    piece, *_ = parked_at_the_record(one_record(), weights, [119, 120, 130])
    # At the place itself k = 3 / (8 π σ²), faded from the day it happened, not from when known.
    peak = (3.0 / (8.0 * np.pi * SCALES**2)).sum()
    by_hand = [peak * (np.exp(-age / MEMORIES) / MEMORIES).sum() for age in (20.0, 30.0)]
    np.testing.assert_allclose(piece, [0.0, *by_hand], rtol=1e-12)


def test_an_unblurred_kernel_does_not_know_the_location_error():
    """Scale 10 km, error 20 km: σ² = 500 km² against 100. At 40 km both are blurred."""
    for error_km, times in ((20.0, 5.0), (30.0, 10.0), (40.0, 1.0)):
        peaks = []
        for family in range(2):
            weights = np.zeros(SHAPE)
            weights[0, family, 0, 1] = 1.0
            peaks.append(parked_at_the_record(one_record(error_km), weights, [130])[0][0])
        assert peaks[1] == pytest.approx(times * peaks[0], rel=1e-12)


@pytest.mark.parametrize(("open_day", "days"), [(30, 100.0), (129, 30.0), (500, 30.0)])
def test_a_memory_that_has_not_filled_is_scaled_up(open_day, days):
    """On day 130, for a source that began 100 days before, yesterday, or is yet to begin."""
    weights = np.zeros(SHAPE)
    weights[0, 0, 0, 1] = 1.0
    old = parked_at_the_record(one_record(), weights, [130])[0][0]
    young = parked_at_the_record(one_record(open_day=open_day), weights, [130])[0][0]
    assert young == pytest.approx(old / (1.0 - math.exp(-days / 400.0)), rel=1e-12)


def test_a_record_stands_still_when_its_source_has_ended():
    """Known on day 120 of a source that ends on day 125, or on 119, before it was known."""
    weights = np.zeros(SHAPE)
    weights[0, 0, 0, 1] = 1.0
    days = [122, 125, 126, 4000]
    going = parked_at_the_record(one_record(), weights, days)[0]
    ended = parked_at_the_record(one_record(close_day=125), weights, days)[0]
    assert ended.tolist() == [going[0], going[1], going[1], going[1]]
    assert parked_at_the_record(one_record(close_day=119), weights, days)[0].tolist() == [0.0] * 4


def test_what_a_memory_would_hold_of_a_gap_is_taken_off_its_share():
    """A source that began on day 30 told nothing from day 201 to 300. On day 330 a memory of 400
    days could hold 300 days, but for those 30 to 130 days ago; on day 200 it holds 170 of them."""
    weights = np.zeros(SHAPE)
    weights[0, 0, 0, 1] = 1.0
    lists = ((), ((201, 300),))
    days = [200, 201, 300, 330]
    told = parked_at_the_record(one_record(open_day=30), weights, days, lists=lists)[0]
    record = one_record(open_day=30, gaps=1)
    got = parked_at_the_record(record, weights, days, lists=lists)[0]
    full = 1.0 - math.exp(-300.0 / 400.0)
    held = full - (math.exp(-30.0 / 400.0) - math.exp(-130.0 / 400.0))
    assert got[3] / told[3] == pytest.approx(full / held, rel=1e-12)
    assert 1.60 < full / held < 1.65
    # While it is silent its record stands as on the day before.
    assert got[:3].tolist() == [told[0]] * 3
    # Against a record in no gap of a source that always told: 1 / S, by hand.
    ever = parked_at_the_record(one_record(), weights, [330])[0][0]
    assert got[3] / ever == pytest.approx(1.0 / held, rel=1e-12)


def test_a_source_that_told_for_a_day_since_its_gap_is_taken_to_have_told_a_month():
    """Silent from day 121 to 9,999: of a memory of 400 days its one day fills next to nothing."""
    weights = np.zeros(SHAPE)
    weights[0, 0, 0, 1] = 1.0
    lists = ((), ((121, 9_999),))
    ever = parked_at_the_record(one_record(), weights, [10_000])[0][0]
    record = one_record(gaps=1)
    got = parked_at_the_record(record, weights, [10_000], lists=lists)[0][0]
    assert got / ever == pytest.approx(1.0 / (1.0 - math.exp(-30.0 / 400.0)), rel=1e-12)


@given(
    st.lists(st.integers(60, 400), max_size=8, unique=True),
    st.lists(st.integers(50, 450), min_size=1, max_size=6),
    st.integers(-500, 59),
    st.integers(100, 450),
)
def test_fading_with_gaps_is_the_plain_one(edges, days, open_day, close_day):
    """Random gaps, a day apart at least, and days before, in and after them."""
    pairs = zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    gaps = tuple((first, last - 1) for first, last in pairs)
    lists = ((), gaps)
    weights = np.random.default_rng(len(edges)).uniform(0.0, 1.0, SHAPE)
    record = one_record(20.0, 0, open_day, close_day, gaps=1)
    lon, lat, error, event, known, *_ = record
    at = np.repeat(ecef_km(lon, lat), len(days), axis=0)
    exact = plain.record_densities(
        at, np.array(days, float), at[:1], error, event, known.astype(float), np.zeros(1, int),
        np.array([float(open_day)]), np.array([float(close_day)]), [gaps],
        SCALES, MEMORIES, weights,
    )[:, 0]  # fmt: skip
    piece, *_ = parked_at_the_record(record, weights, days, lists=lists)
    np.testing.assert_allclose(piece, exact, rtol=1e-10)
    out = np.zeros((len(days), *SHAPE))
    component_densities(
        at, np.array(days), folded(record, lists)[0], SCALES**2, MEMORIES, out
    )  # fmt: skip
    np.testing.assert_allclose((out * weights).sum(axis=(1, 2, 3, 4)), exact, rtol=1e-10)
    for day in days:
        if any(first <= day <= last for first, last in gaps):
            continue
        by_hand = 1.0 / MEMORIES / told_by_hand(day, open_day, gaps)
        for memory, one in zip(MEMORIES, by_hand, strict=True):
            silent = plain.silent_part(np.array([day]), gaps, memory)
            got = plain.fade(np.zeros(1), memory, np.array([day - open_day]), silent)
            assert got[0] == pytest.approx(one, rel=1e-9)


def test_a_steady_rate_is_told_at_its_level_however_short_the_record():
    """A record a day since the source began: mass 1 a day, for 40, 400 or 4,000 days of them.

    Each record, known at the end of its day, is half a day old then at least: to second order in
    1 / memory the sum over middles of days is the integral.
    """
    weights = np.zeros(SHAPE)
    weights[0, 0, 0, 1] = 1.0
    for days in (40, 400, 4000):
        event = 10_000 - np.arange(days) - 0.5
        record = tuple(np.repeat(column, days) for column in one_record(open_day=10_000 - days))
        names = np.array([f"r{i}" for i in range(days)])
        record = (*record[:3], event, np.ceil(event).astype(np.int64), names, *record[6:])
        level = parked_at_the_record(record, weights, [10_000])[0][0] * 8.0 * np.pi * 100.0 / 3.0
        assert level == pytest.approx(1.0, rel=1.0 / 400.0**2)


def test_context_speaks_but_is_not_counted():
    record, weights = one_record(group=1), np.ones(SHAPE)
    piece, total, square, of_record = parked_at_the_record(record, weights, [130])
    assert of_record[0] == pytest.approx(piece[0], rel=1e-12)
    assert piece[0] > 0.0
    assert total[0] == square[0] == 0.0
    _, total, square, _ = parked_at_the_record(record, weights, [130], counted=1)
    assert total[0] == pytest.approx(piece[0], rel=1e-12)
    assert square[0] == pytest.approx(piece[0] ** 2, rel=1e-12)


def test_a_group_without_weight_is_silent():
    weights = np.ones(SHAPE)
    weights[1] = 0.0
    results = parked_at_the_record(one_record(group=1), weights, [130], counted=1)
    assert [column.tolist() for column in results] == [[0.0]] * 4


@pytest.mark.parametrize(("lon", "lat"), [(180.0, 1.0), (-180.0, -70.0), (20.0, 89.9)])
def test_neither_date_line_nor_pole_is_an_edge(lon, lat):
    """Records and points on all sides of the place, in degrees that jump there."""
    rng = np.random.default_rng(11)
    _, _, *rest = random_records(rng, 60)
    centre = ecef_km([lon], [lat])[0]
    around = centre + rng.normal(0.0, 60.0, (100, 3))
    east = np.degrees(np.arctan2(around[:, 1], around[:, 0]))
    north = np.degrees(np.arctan2(around[:, 2], np.hypot(around[:, 0], around[:, 1])))
    assert np.ptp(east) > 300.0
    records = (east[:60], north[:60], *rest)
    at, weights = ecef_km(east[60:], north[60:]), random_weights(rng)
    day = np.full(40, 19_100, dtype=np.int64)
    exact = densities_by_hand(at, day.astype(float), records, weights, 10.0)
    piece, *_ = compiled(records, at, at, np.ones(40), day, np.array([0, 40]), weights, 10.0)
    np.testing.assert_allclose(piece, exact.sum(axis=1), rtol=1e-9)
    places, _ = folded(records)
    out = np.zeros((40, *SHAPE))
    component_densities(at, day, places, SCALES**2, MEMORIES, out)
    exact = densities_by_hand(at, day.astype(float), records, weights, 0.0)
    np.testing.assert_allclose((out * weights).sum(axis=(1, 2, 3, 4)), exact.sum(axis=1), rtol=1e-9)


def test_many_pieces_on_one_day_are_those_pieces_alone():
    """More than are searched around together, far apart from one another."""
    rng = np.random.default_rng(12)
    records = random_records(rng, 80)
    a, b = random_pieces(rng, 150)
    origin, weights = np.full(150, 18_700, dtype=np.int64), random_weights(rng)
    together = compiled(records, a, b, np.ones(150), origin, np.array([0, 150]), weights)
    alone = [
        compiled(records, a[i : i + 1], b[i : i + 1], np.ones(1), origin[:1], np.array([0, 1]),
                 weights)
        for i in range(150)
    ]  # fmt: skip
    assert together[0].tolist() == [one[0][0] for one in alone]
    share = np.stack([one[3] for one in alone]).sum(axis=0)
    np.testing.assert_allclose(together[3], share, rtol=1e-12, atol=1e-300)
    assert together[1][0] == pytest.approx(share[records[6] == 0].sum(), rel=1e-12)
    assert together[2][0] == pytest.approx((share[records[6] == 0] ** 2).sum(), rel=1e-12)


def test_records_are_not_asked_for_where_there_is_no_room_for_them():
    rng = np.random.default_rng(13)
    records, weights = random_records(rng, 40), random_weights(rng)
    a, b = random_pieces(rng, 20)
    origin, start = np.full(20, 18_700, dtype=np.int64), np.array([0, 9, 20])
    piece, total, square, _ = compiled(records, a, b, np.ones(20), origin, start, weights)
    places, _ = folded(records)
    again = np.zeros(20), np.zeros(2), np.zeros(2)
    integrate_groups(
        Segments(a, b, np.ones(20), origin, start), places,
        Mixture(SCALES**2, MEMORIES, weights), 0.0, 0, *again, np.empty(0),
    )  # fmt: skip
    assert [column.tolist() for column in again] == [c.tolist() for c in (piece, total, square)]


def test_no_records_add_nothing():
    none = tuple(column[:0] for column in one_record())
    weights = np.ones(SHAPE)
    results = parked_at_the_record(none, weights, [130])
    assert [column.tolist() for column in results] == [[0.0], [0.0], [0.0], []]
    out = np.zeros((1, *SHAPE))
    places, _ = folded(none)
    component_densities(ecef_km([0.0], [14.0]), np.array([130]), places, SCALES**2, MEMORIES, out)
    assert not out.any()


def test_a_day_may_jump_back_and_forth_within_a_group():
    rng = np.random.default_rng(3)
    records = random_records(rng, 80)
    a, b = random_pieces(rng, 40)
    origin = rng.integers(17_000, 19_100, 40).astype(np.int64)
    weights = rng.uniform(0.0, 1.0, SHAPE)
    together = compiled(records, a, b, np.ones(40), origin, np.array([0, 40]), weights)
    alone = [
        compiled(records, a[i : i + 1], b[i : i + 1], np.ones(1), origin[i : i + 1],
                 np.array([0, 1]), weights)
        for i in range(40)
    ]  # fmt: skip
    assert together[0].tolist() == [one[0][0] for one in alone]
    np.testing.assert_allclose(together[3], sum(one[3] for one in alone), rtol=1e-12, atol=1e-300)
    share = np.stack([one[3] for one in alone]).sum(axis=0)[records[6] == 0]
    np.testing.assert_allclose(together[2], [(share**2).sum()], rtol=1e-12)


def test_groups_without_pieces_and_no_groups_at_all():
    records = random_records(np.random.default_rng(0), 10)
    empty = np.empty((0, 3))
    none = np.empty(0)
    days = np.empty(0, dtype=np.int64)
    piece, total, square, _ = compiled(
        records, empty, empty, none, days, np.array([0, 0, 0]), np.ones(SHAPE)
    )
    assert len(piece) == 0
    assert total.tolist() == square.tolist() == [0.0, 0.0]


def test_densities_of_components_agree_with_the_plain_formula():
    rng = np.random.default_rng(5)
    records = random_records(rng, 70)
    lon, lat, error, event, known, _, group, open_day, close_day, gaps = records
    places, _ = folded(records)
    at = ecef_km(rng.uniform(-2.5, 2.5, 30), rng.uniform(12.5, 16.5, 30))
    origin = rng.integers(17_000, 19_200, 30)
    out = np.zeros((30, *SHAPE))
    component_densities(at, origin, places, SCALES**2, MEMORIES, out)
    for one in np.ndindex(SHAPE):
        weights = np.zeros(SHAPE)
        weights[one] = 1.0
        expected = plain.record_densities(
            at, origin.astype(float), ecef_km(lon, lat), error, event, known.astype(float), group,
            open_day.astype(float), close_day.astype(float), [GAPS[row] for row in gaps],
            SCALES, MEMORIES, weights,
        ).sum(axis=1)  # fmt: skip
        np.testing.assert_allclose(out[:, *one], expected, rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("order", ["sorted", "reversed", "mixed"])
def test_densities_of_components_do_not_depend_on_the_days_asked_before(order):
    """Places are faded anew with each day: days forwards, backwards, to and fro, or alone."""
    rng = np.random.default_rng(15)
    places, _ = folded(random_records(rng, 70))
    at = ecef_km(rng.uniform(-2.5, 2.5, 60), rng.uniform(12.5, 16.5, 60))
    origin = rng.integers(16_900, 19_200, 60) // 50 * 50
    alone = np.zeros((60, *SHAPE))
    for i in range(60):
        component_densities(at[i : i + 1], origin[i : i + 1], places, SCALES**2, MEMORIES,
                            alone[i : i + 1])  # fmt: skip
    row = {
        "sorted": np.argsort(origin, kind="stable"),
        "reversed": np.argsort(-origin, kind="stable"),
        "mixed": rng.permutation(60),
    }[order]
    out = np.zeros((60, *SHAPE))
    component_densities(at[row], origin[row], places, SCALES**2, MEMORIES, out)
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


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_records_changes_no_bit(seed):
    rng = np.random.default_rng(seed)
    records = random_records(rng, 90)
    a, b = random_pieces(rng, 20)
    origin = rng.integers(17_500, 19_100, 20).astype(np.int64)
    weights = rng.uniform(0.0, 1.0, SHAPE)
    start = np.array([0, 5, 20])
    first = compiled(records, a, b, np.ones(20), origin, start, weights)
    mixed = rng.permutation(90)
    again = compiled(tuple(c[mixed] for c in records), a, b, np.ones(20), origin, start, weights)
    for one, other in zip(first[:3], again[:3], strict=True):
        assert one.tobytes() == other.tobytes()
    assert first[3][mixed].tobytes() == again[3].tobytes()
