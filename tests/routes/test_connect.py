"""Which lines make up one road, worked out by hand on a west-east line of junctions A to E."""

import itertools

import numpy as np
import pytest

from kidnaprisk.routes.connect import Leg, chain, gaps_km

A, B, C, D, E = ((float(k), 10.0) for k in range(5))
NORTH = (1.0, 11.0)


def lines(*pairs):
    return [np.array(pair) for pair in pairs]


def order(*pairs, **options):
    legs = chain(lines(*pairs), **options)
    return None if legs is None else [(leg.line, leg.turned) for leg in legs]


def test_file_order_is_kept():
    assert order((A, B), (B, C), (C, D)) == [(0, False), (1, False), (2, False)]


@pytest.mark.parametrize("shuffled", list(itertools.permutations([(A, B), (B, C), (C, D), (D, E)])))
def test_any_order_gives_the_road(shuffled):
    legs = chain(lines(*shuffled))
    assert [shuffled[leg.line] for leg in legs] == [(A, B), (B, C), (C, D), (D, E)]
    assert not any(leg.turned for leg in legs)


def test_a_leg_within_may_be_turned():
    assert order((A, B), (C, B), (C, D)) == [(0, False), (1, True), (2, False)]


def test_the_first_keeps_its_direction():
    assert order((D, C), (B, A), (C, B)) == [(0, False), (2, False), (1, False)]
    assert order((C, B), (A, B), one_feature=True) == [(0, False), (1, True)]


def test_two_roads_to_one_goal_are_not_one_road():
    assert order((A, B), (C, B)) is None
    assert order((A, B), (A, C)) is None
    assert order((A, B), (C, B), one_feature=True) == [(0, False), (1, True)]


def test_there_and_back():
    assert order((A, B), (B, A)) == [(0, False), (1, False)]


def test_two_ways_between_the_same_places_are_alternatives():
    assert order((A, B), (A, NORTH, B)) is None
    assert order((A, B), (A, NORTH, B), one_feature=True) is None


def test_a_ring_starts_with_the_first_line_if_all_agree():
    assert order((B, C), (NORTH, B), (C, NORTH)) == [(0, False), (2, False), (1, False)]
    assert order((B, C), (NORTH, B), (NORTH, C), one_feature=True) is None


def test_round_trips_are_not_strung_together():
    ring, other = (A, B, NORTH, A), (A, C, NORTH, A)
    assert order(ring, other) is None
    assert order(ring, other, one_feature=True) == [(0, False), (1, False)]


def test_copies_of_one_line_count_once():
    assert order((A, B), (A, B)) == [(0, False)]
    assert order((A, B, NORTH, A), (A, B, NORTH, A)) == [(0, False)]


def test_a_fork_is_not_a_road():
    assert order((A, B), (B, C), (B, NORTH)) is None


def test_separate_pieces_are_not_a_road():
    assert order((A, B), (D, E), (B, C)) is None


def test_a_copied_leg_is_not_a_road():
    assert order((A, B), (C, D), (A, B), (B, C)) is None


def test_tolerance_is_a_hundred_metres():
    # 0.0009 degrees of latitude are 99.5 m, 0.00091 are 100.6 m.
    near, far = (1.0, 10.0009), (1.0, 10.00091)
    assert gaps_km(lines((A, B), (near, C)))[0] == pytest.approx(0.0995, abs=1e-4)
    assert order((A, B), (near, C)) == [(0, False), (1, False)]
    assert order((near, C), (A, B)) == [(1, False), (0, False)]
    assert order((A, B), (far, C)) is None
    assert order((A, B), (far, C), within_km=0.2) == [(0, False), (1, False)]


def test_ends_meet_across_the_antimeridian():
    west, east = ((179.0, 0.0), (180.0, 0.0)), ((-180.0, 0.0), (-179.0, 0.0))
    assert order(west, east) == [(0, False), (1, False)]
    assert order(east, west) == [(1, False), (0, False)]


def test_a_short_leg_between_long_ones():
    bridge = ((1.0, 10.0), (1.0, 10.0005))
    onward = ((1.0, 10.0005), (2.0, 10.0))
    assert order(onward, bridge, (A, B)) == [(2, False), (1, False), (0, False)]


def test_many_lines_at_one_place_end_quickly():
    star = [np.array([B, (1.0 + k / 100, 12.0)]) for k in range(5_000)]
    assert chain(star) is None


def test_one_line():
    assert chain(lines((A, B))) == [Leg(0, False)]
