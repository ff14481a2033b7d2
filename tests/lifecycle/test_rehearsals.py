"""Nights rehearsed: they change nothing, and say what the night itself does.

Every record is synthetic. Rehearsals of what a server sends are in test_retrain_feeds.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.incidents.store import opened
from kidnaprisk.lifecycle.lock import RunLock
from tests.lifecycle import nights
from tests.lifecycle.nights import DAY, LAX, WEEK, files, held, told, two_sources

pytestmark = pytest.mark.slow

NEXT = dt.timedelta(days=1)


def rows_of(run: kr.RetrainRun) -> int:
    return int(next(one["rows"] for one in run.facts["stages"] if one["stage"] == "records"))


def test_a_rehearsal_of_a_night_with_nothing_new_says_so(folder: Path) -> None:
    config = folder / "retrain.toml"
    rehearsed = kr.retrain(config, as_of=DAY, dry_run=True)
    assert nights.night(config, DAY).decision == "unchanged"
    assert rehearsed.decision == "unchanged"


def test_a_rehearsal_withdraws_what_the_night_would(folder: Path, table: pd.DataFrame) -> None:
    nights.put_feed(folder, table[np.arange(len(table)) % 40 != 0])
    config = folder / "retrain.toml"
    rehearsed = kr.retrain(config, as_of=DAY + WEEK, dry_run=True)
    assert rows_of(rehearsed) == rows_of(nights.night(config, DAY + WEEK))


def test_a_rehearsal_with_sources_that_number_alike_counts_each_row_once(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    second = table.assign(source="another", latitude=table["latitude"] + 0.3)
    config = two_sources(tmp_path, table, second, LAX)
    config.write_text(config.read_text().replace("[store]", "[store]\nmerge = false"))
    nights.night(config, DAY)
    rehearsed = kr.retrain(config, as_of=DAY + WEEK, dry_run=True)
    assert rows_of(rehearsed) == rows_of(nights.night(config, DAY + WEEK))


def test_a_rehearsal_leaves_another_hands_store_alone_and_tells_what_would_be_taken_in(
    folder: Path, table: pd.DataFrame
) -> None:
    config = folder / "retrain.toml"
    before = held(folder)
    rehearsed = kr.retrain(config, as_of=DAY + WEEK, dry_run=True)
    assert held(folder) == before
    done = nights.night(config, DAY + WEEK)
    counts = ("added", "revised", "unchanged", "deleted")
    (here,), (there,) = rehearsed.facts["feeds"], done.facts["feeds"]
    assert {one: here[one] for one in counts} == {one: there[one] for one in counts}
    assert here["added"] > 0


def test_a_rehearsal_of_a_past_day_of_linked_sources_is_its_replay(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    second = table.assign(source="another", incident_id="x" + table["incident_id"])
    config = two_sources(tmp_path, table, second, LAX)
    with kr.IncidentStore(tmp_path / "incidents.db") as store:
        for one in (table, second):
            store.upsert(nights.as_incidents(one.iloc[:100]), on=DAY - WEEK)
        store.merge(on=DAY - WEEK)
    assert nights.night(config, DAY).decision == "published"
    before = files(tmp_path)
    rehearsed = kr.retrain(config, as_of=DAY - NEXT, dry_run=True)
    assert files(tmp_path) == before
    replayed = nights.night(config, DAY - NEXT)
    assert rehearsed.decision == replayed.decision == "refused"
    assert told(rehearsed) == told(replayed)


def test_a_rehearsal_waits_for_nobody_and_sees_nothing_half_written(folder: Path) -> None:
    config = folder / "retrain.toml"
    undisturbed = kr.retrain(config, as_of=DAY + WEEK, dry_run=True)
    database = sqlite3.connect(folder / "incidents.db", isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        database.execute("DELETE FROM incident_versions")
        with RunLock(folder / "retrain" / "lock"):
            rehearsed = kr.retrain(config, as_of=DAY + WEEK, dry_run=True)
        database.execute("ROLLBACK")
    finally:
        database.close()
    assert rehearsed.decision == "rehearsed"
    assert told(rehearsed) == told(undisturbed)


def test_a_rehearsal_without_room_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    (tmp_path / "aside").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "aside"))
    monkeypatch.setattr(opened, "copy_tables", full)
    before = files(folder)
    with pytest.raises(kr.StoreError, match="disk is full"):
        kr.retrain(folder / "retrain.toml", as_of=DAY + WEEK, dry_run=True)
    assert files(folder) == before
    assert not list((tmp_path / "aside").iterdir())


def test_a_rehearsal_makes_no_tables_in_an_empty_file(table: pd.DataFrame, tmp_path: Path) -> None:
    nights.put_feed(tmp_path, table)
    config = nights.put_config(tmp_path, LAX)
    (tmp_path / "incidents.db").touch()
    assert kr.retrain(config, as_of=DAY, dry_run=True).decision == "rehearsed"
    assert (tmp_path / "incidents.db").stat().st_size == 0
