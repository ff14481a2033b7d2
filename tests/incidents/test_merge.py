"""Tables of several sources as one; every record is invented."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kidnaprisk as kr
from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.merge import merge_incidents
from kidnaprisk.incidents.table import COLUMNS
from tests.incidents.merging import RECORD, records, table, told_by, valid

COVERED = {
    "source": "north",
    "areas": ["NE"],
    "start": "2020-01-01",
    "end": "2024-12-31",
    "systematic": True,
}


def same(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> None:
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other), check_index_type=True)


def members(merged: gpd.GeoDataFrame) -> list[str]:
    """Every record the rows stand for."""
    found = []
    columns = (merged[name] for name in ("source", "incident_id", "provenance"))
    for source, incident_id, provenance in zip(*columns, strict=True):
        own = [f"{source}:{incident_id}"]
        found.extend(own if pd.isna(provenance) else json.loads(provenance))
    return sorted(found)


def test_it_is_part_of_the_public_interface() -> None:
    assert kr.merge_incidents is merge_incidents


def test_two_tables_become_one_row_an_event() -> None:
    north = table(told_by("north"), told_by("north", incident_id="2", lat=30.0, country="DZ"))
    south = table(told_by("south", incident_id="s1", location_error_km=5.0))
    merged = merge_incidents(north, south)
    assert tuple(merged.columns) == COLUMNS
    assert merged["incident_id"].tolist() == ["2", "s1"]
    assert merged["source"].tolist() == ["north", "south"]
    assert members(merged) == ["north:1", "north:2", "south:s1"]
    assert merged.attrs["notes"] == ["2 rows were merged to 1: 1 of north and south"]
    same(merged, merge_incidents(south, north))
    same(merged, merge_incidents(pd.concat([north, south])))


def test_an_id_used_by_two_sources_is_kept_apart_only_where_it_clashes() -> None:
    here, there = told_by("north"), told_by("south", lat=30.0, country="DZ")
    other = told_by("south", incident_id="2", lat=35.0, country="TN")
    merged = merge_incidents(table(here), table(there, other))
    assert merged["incident_id"].tolist() == ["north:1", "south:1", "2"]
    assert members(merged) == ["north:1", "south:1", "south:2"]
    again = merge_incidents(merged, table(here))
    assert len(again) == 3
    same(again, merged)


def test_coverage_and_notes_of_all_tables_are_carried() -> None:
    north, south = valid(told_by("north")), valid(told_by("south"))
    north.attrs = {"coverage": [COVERED], "notes": ["read from a"]}
    south.attrs["notes"] = ["read from b"]
    merged = merge_incidents(north, south)
    assert [each["source"] for each in merged.attrs["coverage"]] == ["north", "south"]
    assert merged.attrs["coverage"][0]["systematic"] is True
    assert merged.attrs["notes"][:2] == ["read from a", "read from b"]
    # The source whose only row went into another's still says where it looked.
    assert [each.source for each in kr.incidents.coverage.coverage_of(merged)] == ["north", "south"]
    assert merge_incidents(merged).attrs == merged.attrs


def test_revisions_of_a_record_become_its_newest() -> None:
    merged = merge_incidents(
        table(told_by("north", victims=2)),
        table(told_by("north", victims=3, known_on="2024-09-01")),
    )
    assert merged["victims"].tolist() == [3]
    assert merged.attrs["notes"] == [
        "1 rows were earlier revisions of a record and gave way to the newest"
    ]


def test_a_third_source_joins_what_was_merged_before() -> None:
    north, south, west = (valid(told_by(name)) for name in ("north", "south", "west"))
    merged = merge_incidents(merge_incidents(north, south), west)
    assert members(merged) == ["north:1", "south:1", "west:1"]
    assert len(merged) == 1
    fields = json.loads(merged["provenance"].iat[0])
    assert "date" in [name for names in fields.values() for name in names]


def test_the_pairs_say_what_was_merged() -> None:
    one, two = told_by("north", victims=11), told_by("north", incident_id="2", victims=4)
    merged, pairs = merge_incidents(
        table(one, two), table(told_by("south", victims=11)), return_pairs=True
    )
    assert len(merged) == 2
    assert pairs[["id_a", "id_b", "same", "merged"]].to_numpy().tolist() == [
        ["1", "1", True, True],
        ["2", "1", True, False],
    ]


def test_inputs_are_left_as_they_were() -> None:
    north, south = valid(told_by("north")), valid(told_by("south"))
    before = north.copy(), south.copy()
    merge_incidents(north, south)
    same(north, before[0])
    same(south, before[1])


def test_nothing_to_merge() -> None:
    with pytest.raises(IncidentError, match="nothing to merge"):
        merge_incidents()
    assert merge_incidents(valid({}).iloc[:0]).empty
    with pytest.raises(IncidentError, match="must be a GeoDataFrame"):
        merge_incidents(pd.DataFrame({"incident_id": ["1"]}))


@given(st.lists(RECORD, min_size=1, max_size=10), st.integers(0, 10))
@settings(max_examples=12, deadline=None)
def test_merging_keeps_every_record_and_merging_again_changes_nothing(
    drawn: list[dict[str, Any]], cut: int
) -> None:
    rows = valid(*records(drawn))
    merged = merge_incidents(rows)
    assert members(merged) == sorted(rows["source"] + ":" + rows["incident_id"])
    for keys in merged["provenance"].dropna().map(json.loads):
        sources = [key.partition(":")[0] for key in keys]
        assert len(set(sources)) == len(sources) >= 2
    again = merge_incidents(merged)
    same(again, merged)
    assert again.attrs == merged.attrs
    same(merge_incidents(rows.iloc[cut:], rows.iloc[:cut]), merged)
    same(merge_incidents(merged, rows), merged)
