from __future__ import annotations

import datetime as dt
import json
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.store import IncidentStore
from tests.incidents.store.tables import FIRST, SECOND, THIRD, ids_of, table

FAR = {
    "longitude": "-5.2",
    "latitude": "11.3",
    "date": "2024-03-01",
    "date_end": "2024-03-01",
    "known_on": "2024-03-08",
    "victims": "1",
    "foreign_victims": "",
    "outcome_date": "",
}


def other(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    return table(*({"source": "other", **row} for row in rows))


@pytest.fixture
def two_sources(store: IncidentStore) -> IncidentStore:
    """a of both sources is one event; b stands alone in mine, c in other."""
    store.upsert(table({}, FAR), on=FIRST)
    store.upsert(
        other({"location_error_km": "5"}, {"incident_id": "c", **FAR, "longitude": "9"}), on=FIRST
    )
    return store


def test_merging_gives_one_row_an_event(two_sources: IncidentStore) -> None:
    summary = two_sources.merge(on=FIRST)
    assert (summary.rows, summary.events, summary.linked, summary.added) == (4, 3, 2, 2)
    events = two_sources.as_of(FIRST, merged=True)
    assert ids_of(events) == ["b", "a", "c"]
    told = json.loads(events["provenance"].tolist()[1])
    assert set(told) == {"mine:a", "other:a"}
    assert len(two_sources.as_of(FIRST)) == 4
    assert two_sources.status().last_merge == FIRST


def test_merging_again_changes_nothing(two_sources: IncidentStore) -> None:
    two_sources.merge(on=FIRST)
    again = two_sources.merge(on=SECOND)
    assert (again.added, again.revised, again.unchanged, again.deleted) == (0, 0, 2, 0)
    first, second = (two_sources.as_of(day, merged=True) for day in (FIRST, SECOND))
    assert first.equals(second)


def test_links_are_those_of_the_day(two_sources: IncidentStore) -> None:
    two_sources.merge(on=SECOND)
    two_sources.upsert(other(FAR | {"incident_id": "a", "longitude": "40"}), on=SECOND)
    with pytest.raises(StoreError, match="not been merged by that day"):
        two_sources.as_of(FIRST, merged=True)
    # A row that was revised since may be another event: neither may hide in the old one.
    assert len(two_sources.as_of(SECOND, merged=True)) == 4
    ended = two_sources.merge(on=THIRD)
    assert (ended.deleted, ended.linked) == (2, 0)
    assert len(two_sources.as_of(THIRD, merged=True)) == 4
    assert len(two_sources.as_of(SECOND, merged=True)) == 4


def test_rows_come_and_go_between_merges(two_sources: IncidentStore) -> None:
    two_sources.merge(on=FIRST)
    two_sources.upsert(table({"source": "third"}), on=SECOND)
    events = two_sources.as_of(SECOND, merged=True)
    assert sorted(events["source"]) == ["mine", "other", "other", "third"]
    assert any("1 rows that came" in note for note in events.attrs["notes"])
    two_sources.delete("other", ["a"], on=THIRD)
    alone = two_sources.as_of(THIRD, merged=True)
    mine = alone[alone["source"] == "mine"]
    assert sorted(ids_of(mine)) == ["b", "mine:a"]
    # Named with its source in the table, it says which record it is: its own, and no other.
    told = mine.loc[mine["incident_id"] == "mine:a", "provenance"].item()
    assert pd.isna(told) or set(json.loads(told)) == {"mine:a"}


def test_events_are_asked_for_as_events(two_sources: IncidentStore) -> None:
    two_sources.upsert(other({"kind": "attack", "location_error_km": "5"}), on=FIRST)
    two_sources.merge(on=FIRST)
    everything = two_sources.as_of(FIRST, merged=True)
    for kind in ("kidnapping", "attack"):
        asked = two_sources.as_of(FIRST, merged=True, kinds=[kind])
        assert ids_of(asked) == ids_of(everything[everything["kind"] == kind])
    one = two_sources.as_of(FIRST, merged=True, sources=["mine"])
    assert ids_of(one) == ["a", "b"]


def test_a_merge_takes_its_place_in_the_history(two_sources: IncidentStore) -> None:
    seen: list[int] = []
    two_sources.merge(on=SECOND, progress=seen.append)
    assert seen == [4]
    with pytest.raises(StoreError, match="history up to 2026-01-12"):
        two_sources.merge(on=SECOND - dt.timedelta(days=1))
    assert two_sources.status().imports["action"].tolist() == ["import", "import", "merge"]
