"""Folding records to places: nothing lost, nothing doubled, no overflow over centuries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard.fading import Spoken, silences_of
from kidnaprisk.hazard.places import faded_sums, fold

MEMORY = np.array([45.0, 730.0])
SILENCES = silences_of([(), ((10, 15),), ((10, 15), (17, 18))])


def folded(
    lon, lat, error, event, known, name=None, group=None, open_day=None, close_day=None,
    silence_row=None, widest=80.0,
):  # fmt: skip
    if name is None:
        name = [f"r{i:03d}" for i in range(len(lon))]
    nought = np.zeros(len(lon), np.int64)
    spoken = [
        nought if one is None else np.asarray(one, np.int64)
        for one in (open_day, close_day, silence_row)
    ]
    return fold(
        np.asarray(lon, float), np.asarray(lat, float), np.asarray(error, float),
        np.asarray(event, float), np.asarray(known, np.int64), np.asarray(name, str),
        nought if group is None else np.asarray(group, np.int64),
        Spoken(*spoken, SILENCES), widest, MEMORY,
    )  # fmt: skip


def test_one_place_for_each_position_and_error():
    # Two at Dori alike, one at Dori known less well, one elsewhere: three places.
    places, order = folded(
        [0, 0, 0, 1], [14, 14, 14, 15], [5, 5, 50, 5], [10, 5, 7, 8], [12, 6, 7, 9]
    )
    assert len(places.xyz) == 3
    assert sorted(np.diff(places.start).tolist()) == [1, 1, 2]
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    both = int(np.flatnonzero(np.diff(places.start) == 2)[0])
    # Known first comes first: row 1 (known on day 6), then row 0 (day 12).
    assert order[places.start[both] : places.start[both + 1]].tolist() == [1, 0]


def test_another_group_or_day_of_opening_pausing_or_closing_is_another_place():
    # Alike but for: nothing, group, opening, closing, gaps. The first of five holds two records.
    places, order = folded(
        [0.0] * 6, [14.0] * 6, [5.0] * 6, [7.0] * 6, [9] * 6,
        group=[0, 0, 1, 0, 0, 0], open_day=[3, 3, 3, 4, 3, 3], close_day=[20, 20, 20, 20, 21, 20],
        silence_row=[1, 1, 1, 1, 1, 2],
    )  # fmt: skip
    days = zip(places.group, places.open_day, places.close_day, places.silence_row, strict=True)
    found = {key: set(order[places.start[p] : places.start[p + 1]]) for p, key in enumerate(days)}
    assert found == {
        (0, 3, 20, 1): {0, 1}, (1, 3, 20, 1): {2}, (0, 4, 20, 1): {3}, (0, 3, 21, 1): {4},
        (0, 3, 20, 2): {5},
    }  # fmt: skip


rows = st.lists(
    st.tuples(
        st.sampled_from([-179.9, 0.0, 0.5, 179.9]),
        st.sampled_from([-89.0, 13.0, 13.5, 14.0]),
        st.sampled_from([0.0, 5.0, 200.0]),
        st.integers(0, 2000),
        st.integers(0, 90),
        st.integers(0, 2),
        st.sampled_from([0, 1500]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=30,
)


@given(rows)
def test_layout_is_what_places_promises(records):
    lon, lat, error, event, delay, group, begun, row = (
        np.array(c, float) for c in zip(*records, strict=True)
    )
    known = (event + delay).astype(np.int64)
    places, order = folded(lon, lat, error, event, known, None, group, begun, None, row)
    assert sorted(order.tolist()) == list(range(len(records)))
    assert places.start[0] == 0
    assert places.start[-1] == len(records)
    xyz = ecef_km(lon, lat)
    for p in range(len(places.xyz)):
        held = order[places.start[p] : places.start[p + 1]]
        assert len(held) > 0
        assert (xyz[held] == places.xyz[p]).all()
        assert (error[held] ** 2 == places.errors2[places.error_row[p]]).all()
        assert (group[held] == places.group[p]).all()
        assert (begun[held] == places.open_day[p]).all()
        assert (row[held] == places.silence_row[p]).all()
        assert (np.diff(known[held]) >= 0).all()


@given(rows, st.randoms(use_true_random=False))
def test_layout_does_not_know_the_order_given(records, random):
    named = [(*record, f"r{i:03d}") for i, record in enumerate(records)]
    layouts = []
    for table in (named, random.sample(named, len(named))):
        *numbers, name = (np.array(column) for column in zip(*table, strict=True))
        lon, lat, error, event, delay, group, begun, row = (c.astype(float) for c in numbers)
        places, order = folded(lon, lat, error, event, event + delay, name, group, begun, None, row)
        parts = (*places[:-1], *places.tiers, name[order])
        layouts.append(b"".join(np.asarray(part).tobytes() for part in parts))
    assert layouts[0] == layouts[1]


def test_records_alike_in_all_but_name_stand_in_order_of_their_names():
    name = ["b", "a", "ü", "a10", "a9"]
    for row in ([0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3, 4, 1, 2, 0]):
        given = [name[i] for i in row]
        places, order = folded([1.0] * 5, [14.0] * 5, [5.0] * 5, [7.0] * 5, [9] * 5, given)
        assert [given[i] for i in order] == ["a", "a10", "a9", "b", "ü"]
        assert places.start.tolist() == [0, 5]


@given(
    st.lists(st.tuples(st.integers(-100_000, 30_000), st.integers(0, 900)), min_size=1, max_size=25)
)
def test_faded_sums_are_sums_of_faded_records(records):
    """Days from the year 1696 to 2052: the direct sum, worked with exact summation."""
    event, delay = (np.array(c, float) for c in zip(*records, strict=True))
    known = (event + delay).astype(np.int64)
    order = np.argsort(known, kind="stable")
    event, known = event[order], known[order]
    sums = faded_sums(event, known, np.array([0, len(known)]), MEMORY)
    assert np.isfinite(sums).all()
    for m, memory in enumerate(MEMORY):
        for k in range(len(known)):
            direct = math.fsum(np.exp(-(known[k] - event[: k + 1]) / memory) / memory)
            assert sums[k, m] == pytest.approx(direct, rel=1e-12, abs=1e-300)


def test_centuries_neither_overflow_nor_lose_the_recent_end():
    event = np.concatenate([np.arange(-150_000.0, 20_000.0, 50.0), [20_003.0]])
    known = event.astype(np.int64)
    sums = faded_sums(event, known, np.array([0, len(event)]), np.array([0.5, 45.0]))
    assert np.isfinite(sums).all()
    # Fifty days between records: a geometric series; the last record came 53 days after its elder.
    series = 1.0 / 45.0 / (1.0 - math.exp(-50.0 / 45.0))
    assert sums[-2, 1] == pytest.approx(series, rel=1e-12)
    assert sums[-1, 1] == pytest.approx(1.0 / 45.0 + series * math.exp(-53.0 / 45.0), rel=1e-12)
    assert sums[-1, 0] == pytest.approx(2.0, rel=1e-12)


def test_each_place_starts_its_sums_anew():
    sums = faded_sums(np.array([0.0, 10.0, 3.0]), np.array([0, 10, 3]), np.array([0, 2, 3]), MEMORY)
    assert sums[2].tolist() == (1.0 / MEMORY).tolist()
