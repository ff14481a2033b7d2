"""A store copied, from SQLite and from PostgreSQL: the same answers to every question."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.store import IncidentStore, opened
from tests.incidents.store.tables import table

DAYS = [dt.date(2024, 3, day) for day in (1, 5, 9, 12)]


@pytest.fixture
def filled(store: IncidentStore) -> IncidentStore:
    """Synthetic: added, revised, withdrawn, told by two sources, and linked."""
    one = {"incident_id": "a1", "source": "mine", "victims": 5}
    two = {"incident_id": "a2", "source": "mine", "place": 'Téra; "quoted"'}
    store.upsert(table(one, two), on=DAYS[0])
    store.upsert(table(one | {"victims": 6}), on=DAYS[1])
    store.delete("mine", ["a2"], on=DAYS[2])
    store.upsert(table({"incident_id": "b1", "source": "theirs", "victims": 6}), on=DAYS[3])
    store.merge(on=DAYS[3])
    return store


def test_a_copy_answers_alike_and_goes_its_own_way(filled: IncidentStore, tmp_path: Path) -> None:
    filled.copy_to(tmp_path / "copy.db")
    with IncidentStore(tmp_path / "copy.db") as copy:
        for day in DAYS:
            here, there = filled.as_of(day), copy.as_of(day)
            pd.testing.assert_frame_equal(pd.DataFrame(here), pd.DataFrame(there))
            assert here.attrs["coverage"] == there.attrs["coverage"]
        merged = [one.as_of(DAYS[-1], merged=True) for one in (filled, copy)]
        pd.testing.assert_frame_equal(*(pd.DataFrame(one) for one in merged))
        for number in range(1, filled.last_import() + 1):
            assert len(filled.as_of(DAYS[-1], through=number)) == len(
                copy.as_of(DAYS[-1], through=number)
            )
        pd.testing.assert_frame_equal(filled.status().imports, copy.status().imports)
        pd.testing.assert_frame_equal(filled.status().sources, copy.status().sources)
        # What is done to the copy is not done to the store.
        copy.delete("mine", ["a1"], on=DAYS[-1])
        assert "a1" in set(filled.as_of(DAYS[-1])["incident_id"])
        assert "a1" not in set(copy.as_of(DAYS[-1])["incident_id"])


def test_an_empty_store_is_copied_too(store: IncidentStore, tmp_path: Path) -> None:
    store.copy_to(tmp_path / "copy.db")
    with IncidentStore(tmp_path / "copy.db") as copy:
        assert copy.last_import() == 0


def test_a_file_that_is_there_is_left_alone(filled: IncidentStore, tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    there.write_text("mine")
    with pytest.raises(StoreError, match="there is such a file already"):
        filled.copy_to(there)
    assert there.read_text() == "mine"


def test_a_copy_that_failed_is_not_there(
    filled: IncidentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(opened, "copy_tables", full)
    with pytest.raises(StoreError, match="disk is full"):
        filled.copy_to(tmp_path / "copy.db")
    # A backup that looks whole is worse than none; and what is there is not written again.
    assert not (tmp_path / "copy.db").exists()
