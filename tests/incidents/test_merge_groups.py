"""Which records become one event; every record is invented."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.merge import candidate_pairs, link_incidents
from tests.incidents.merging import RECORD, records, table, told_by, valid


def groups(*changes: dict[str, Any]) -> list[list[int]]:
    """Rows of each event of a table, by first appearance."""
    event = link_incidents(table(*changes))
    return [np.flatnonzero(event == label).tolist() for label in range(int(event.max()) + 1)]


def test_one_taking_in_three_sources_is_one_event() -> None:
    assert groups(told_by("north"), told_by("south"), told_by("west")) == [[0, 1, 2]]


def test_labels_are_whole_numbers_on_the_index_of_the_table() -> None:
    rows = table(told_by("north"), told_by("south"), told_by("south", incident_id="2", lat=30.0))
    event = link_incidents(rows.set_index(pd.Index(["x", "y", "z"])))
    assert event.dtype == np.int64
    assert event.name == "event"
    assert event.to_dict() == {"x": 0, "y": 0, "z": 1}


def test_two_records_of_one_source_are_two_events() -> None:
    assert groups({"incident_id": "1"}, {"incident_id": "2"}) == [[0], [1]]


def test_two_rows_of_one_id_are_revisions_of_one_record() -> None:
    assert groups({"incident_id": "1"}, {"incident_id": "1", "date_end": "2024-05-01"}) == [[0, 1]]


def test_the_same_id_in_two_sources_says_nothing() -> None:
    far = {"lat": 33.0, "country": "DZ"}
    assert groups(told_by("north"), told_by("south", **far)) == [[0], [1]]


def test_an_event_takes_the_better_of_two_records_and_no_chain_forms() -> None:
    assert groups(
        told_by("north", incident_id="1", victims=4),
        told_by("north", incident_id="2", victims=11),
        told_by("south", victims=11),
    ) == [[0], [1, 2]]


def test_two_takings_told_by_two_sources_stay_two() -> None:
    assert groups(
        told_by("north", incident_id="1", victims=4),
        told_by("north", incident_id="2", victims=11),
        told_by("south", incident_id="1", victims=11),
        told_by("south", incident_id="2", victims=4),
    ) == [[0, 3], [1, 2]]


def test_of_records_that_are_alike_the_first_by_id_goes_first() -> None:
    rows = [
        told_by("north", incident_id="b"),
        told_by("north", incident_id="a"),
        told_by("south", incident_id="c"),
    ]
    assert groups(*rows) == [[0], [1, 2]]
    assert groups(*rows[::-1]) == [[0, 1], [2]]


def test_a_record_far_away_changes_nothing() -> None:
    here = [told_by("north"), told_by("south"), told_by("south", incident_id="2", lat=13.4)]
    there = told_by("north", incident_id="9", lon=100.0, country="TH")
    assert groups(*here, there) == [*groups(*here), [3]]


def test_rows_with_a_record_in_common_are_one_event() -> None:
    rows = valid(told_by("north"), told_by("south", incident_id="2", lat=30.0))
    rows["provenance"] = pd.array(
        ['{"north:1":[],"west:7":[]}', '{"south:2":[],"west:7":[]}'], dtype="string"
    )
    assert link_incidents(rows).tolist() == [0, 0]


def test_merged_tables_that_contradict_each_other_are_refused() -> None:
    rows = valid(told_by("north"), told_by("north", incident_id="2"))
    rows["provenance"] = pd.array(
        ['{"north:1":[],"west:7":[]}', '{"north:2":[],"west:7":[]}'], dtype="string"
    )
    with pytest.raises(IncidentError, match="records of one source"):
        link_incidents(rows)


@pytest.mark.parametrize(
    "provenance",
    ["north:1", "[]", "{}", '{"north":[]}', '{"north:1":"date"}', '{"a:1":[],"a:2":[]}'],
)
def test_a_provenance_not_of_our_making_is_refused(provenance: str) -> None:
    rows = valid(told_by("north"))
    rows["provenance"] = pd.array([provenance], dtype="string")
    with pytest.raises(IncidentError, match="provenance"):
        link_incidents(rows)


def test_an_empty_table_has_no_events() -> None:
    assert link_incidents(valid({}).iloc[:0]).tolist() == []


@given(st.lists(RECORD, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_events_partition_the_records_whatever_their_order(
    drawn: list[dict[str, Any]], random: Any
) -> None:
    rows = valid(*records(drawn))
    event = link_incidents(rows)
    assert event.value_counts().sum() == len(rows)
    assert set(event) == set(range(event.nunique()))
    assert not rows.assign(event=event).duplicated(["event", "source"]).any()
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = link_incidents(rows.iloc[order])
    whole = {frozenset(part.index) for _, part in rows.groupby(event)}
    again = {frozenset(part.index) for _, part in rows.iloc[order].groupby(shuffled)}
    assert whole == again


@given(st.lists(RECORD, min_size=2, max_size=8))
@settings(max_examples=10, deadline=None)
def test_no_pair_left_apart_could_be_joined(drawn: list[dict[str, Any]]) -> None:
    rows = valid(*records(drawn))
    event = link_incidents(rows).to_numpy()
    pairs = candidate_pairs(rows)
    alone = np.bincount(event)[event] == 1
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    assert not (pairs["same"].to_numpy() & alone[a] & alone[b]).any()
