"""Nights attacked a second time: rehearsals, rollbacks, missed nights, young stores, replays.

Every record is synthetic. What is marked as failing is a defect that was found and not yet mended.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.store import opened
from kidnaprisk.lifecycle import journal, registry
from kidnaprisk.lifecycle.lock import RunLock
from tests.incidents.feeds.server import Acled
from tests.lifecycle import nights, test_drift, test_retrain_feeds
from tests.lifecycle.test_retrain import LAX, files, held, two_sources

DAY = dt.date(2023, 6, 5)
NEXT, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)

# Fixtures of theirs, under their own names.
acled, begun, filled = (
    test_retrain_feeds.acled,
    test_retrain_feeds.begun,
    test_retrain_feeds.filled,
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return nights.made_up()


@pytest.fixture(scope="module")
def first_night(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One night done; not to be changed."""
    folder = tmp_path_factory.mktemp("first")
    nights.put_feed(folder, table)
    assert nights.night(nights.put_config(folder, LAX), DAY).decision == "published"
    return folder


@pytest.fixture
def folder(first_night: Path, tmp_path: Path) -> Path:
    """The same, of one's own."""
    shutil.copytree(first_night, tmp_path / "own")
    return tmp_path / "own"


def told(run: kr.RetrainRun) -> dict[str, Any]:
    """What a rehearsal has in common with the night after it."""
    return {name: run.facts[name] for name in ("feeds", "checks", "figures", "monitor", "champion")}


def deleted(server: Acled, one: str, day: dt.date) -> None:
    instant = test_retrain_feeds.instant(day)
    server.deleted = [{"event_id_cnty": one, "deleted_timestamp": instant}]


# Rehearsals.


def test_a_rehearsal_with_deletions_is_the_night_after_it(acled: Acled, filled: Path) -> None:
    day = DAY + WEEK
    gone = test_retrain_feeds.ids(test_retrain_feeds.known(DAY))[-1]
    known = test_retrain_feeds.known(day)
    acled.records = [one for one in known if one["event_id_cnty"] != gone]
    deleted(acled, gone, DAY + NEXT)
    config = test_retrain_feeds.put_config(filled, acled.url, test_retrain_feeds.CHANGED)
    before = files(filled)
    rehearsed = kr.retrain(config, as_of=day, dry_run=True)
    after = files(filled)
    changed = {name for name in after if after[name] != before.get(name)}
    # Only what was fetched, which the night does not fetch again.
    assert all(name.startswith(f"retrain/fetched/acled/{day}/") for name in changed)
    asked = len(acled.asked(test_retrain_feeds.READ))
    done = nights.night(config, day)
    assert len(acled.asked(test_retrain_feeds.READ)) == asked
    assert (rehearsed.decision, done.decision) == ("rehearsed", "published")
    assert told(rehearsed) == told(done)


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


def test_a_copy_that_failed_is_not_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch, kr.IncidentStore(folder / "incidents.db") as store:
        patch.setattr(opened, "copy_tables", full)
        with pytest.raises(kr.StoreError, match="disk is full"):
            store.copy_to(tmp_path / "copy.db")
    # A backup that looks whole is worse than none; and what is there is not written again.
    assert not (tmp_path / "copy.db").exists()


def test_a_rehearsal_makes_no_tables_in_an_empty_file(table: pd.DataFrame, tmp_path: Path) -> None:
    nights.put_feed(tmp_path, table)
    config = nights.put_config(tmp_path, LAX)
    (tmp_path / "incidents.db").touch()
    assert kr.retrain(config, as_of=DAY, dry_run=True).decision == "rehearsed"
    assert (tmp_path / "incidents.db").stat().st_size == 0


# Rolled back.


def cut_short(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def rolled_back(folder: Path) -> tuple[Path, str, str]:
    """A folder, the version somebody went back to, and the one they went back from."""
    last = nights.night(folder / "retrain.toml", DAY + WEEK).facts["challenger"]
    back = kr.Registry(folder / "models").rollback(reason="too low", on=DAY + WEEK)
    return folder, back, last


def test_promoted_where_it_was_gone_back_to_it_can_be_gone_back_from(
    rolled_back: tuple[Path, str, str],
) -> None:
    folder, back, last = rolled_back
    models = kr.Registry(folder / "models")
    models.promote(back, reason="looked into", on=DAY + WEEK)
    # It is the first of its line again: nothing is before it.
    with pytest.raises(kr.ArtifactError, match="no earlier version"):
        models.rollback(reason="too high", on=DAY + WEEK)
    assert models.published_on(DAY + WEEK) == back
    after = nights.night(folder / "retrain.toml", DAY + 2 * WEEK).facts["challenger"]
    assert after not in (None, last)
    assert models.rollback(reason="too high", on=DAY + 2 * WEEK) == back
    assert nights.night(folder / "retrain.toml", DAY + 3 * WEEK).decision == "refused"


def test_a_promotion_that_was_killed_does_not_end_a_rollback(
    rolled_back: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, back, last = rolled_back
    models = kr.Registry(folder / "models")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "replace_line", cut_short)
        with pytest.raises(KeyboardInterrupt):
            models.promote(last, reason="looked into", on=DAY + WEEK)
    assert models.current() == back
    assert nights.night(folder / "retrain.toml", DAY + 2 * WEEK).decision == "refused"


def test_a_rollback_that_was_killed_holds_nothing_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = nights.night(folder / "retrain.toml", DAY + WEEK).facts["challenger"]
    models = kr.Registry(folder / "models")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "replace_line", cut_short)
        with pytest.raises(KeyboardInterrupt):
            models.rollback(reason="too low", on=DAY + WEEK)
    assert models.current() == last
    # Else every night is refused, and says that somebody went back to what is not in use.
    assert nights.night(folder / "retrain.toml", DAY + 2 * WEEK).decision == "published"


# The champion, where records are few.


def test_in_a_young_store_a_champion_of_last_week_is_not_left_out(tmp_path: Path) -> None:
    """Five months of records fill no twelve windows; the champion loses none of them."""
    first = dt.date(2023, 1, 5)
    made = nights.made_up(600)
    nights.put_feed(tmp_path, made[made["date"] >= pd.Timestamp(first)])
    covered = tmp_path / "feed.coverage.toml"
    covered.write_text(nights.COVERAGE.format(first=first, last=nights.LAST))
    config = nights.put_config(tmp_path)
    config.write_text(config.read_text().replace("windows = 2", "windows = 12"))
    champion = nights.night(config, DAY).facts["challenger"]
    assert champion is not None
    # One that knows hardly where anything is, and so is a clear loss.
    text = config.read_text().replace("town_scales_km = [30.0]", "town_scales_km = [150.0]")
    config.write_text(text.replace("scales_km = [20.0]", "scales_km = [150.0]", 1))
    run = nights.night(config, DAY + WEEK)
    assert not any("left out" in note for note in run.facts["notes"])
    assert "gain" in run.facts["figures"]
    assert (run.decision, kr.Registry(tmp_path / "models").current()) == ("refused", champion)


# Feeds of changes.


@pytest.mark.parametrize(("since_days", "missed"), [(1, NEXT), (30, 6 * WEEK)])
def test_a_night_of_changes_can_be_done_again_the_same_day(
    acled: Acled, filled: Path, since_days: int, missed: dt.timedelta
) -> None:
    config = test_retrain_feeds.put_config(filled, acled.url, f"since_days = {since_days}")
    day = DAY + missed
    acled.records = test_retrain_feeds.known(day)
    assert nights.night(config, day).decision == "published"
    assert nights.night(config, day).decision == "unchanged"


def test_a_replay_knows_nothing_of_later_deletions(acled: Acled, filled: Path) -> None:
    gone = test_retrain_feeds.ids(test_retrain_feeds.known(DAY))[-1]
    known = test_retrain_feeds.known(DAY + 3 * WEEK)
    acled.records = [one for one in known if one["event_id_cnty"] != gone]
    deleted(acled, gone, DAY + 2 * WEEK)
    config = test_retrain_feeds.put_config(filled, acled.url, test_retrain_feeds.CHANGED)
    assert nights.night(config, DAY + WEEK).decision == "published"
    # Rows of later days are left out; so must be what became of them.
    assert gone in test_retrain_feeds.held(filled, DAY + WEEK)


def test_deletions_alone_are_counted_in_the_record(acled: Acled, filled: Path) -> None:
    gone = test_retrain_feeds.ids(test_retrain_feeds.known(DAY))[-1]
    deleted(acled, gone, DAY)
    acled.records = []
    config = test_retrain_feeds.put_config(filled, acled.url, test_retrain_feeds.CHANGED)
    run = nights.night(config, DAY + NEXT)
    assert gone not in test_retrain_feeds.held(filled, DAY + NEXT)
    assert run.facts["feeds"][0]["deleted"] == 1


# Records of runs.


def test_a_note_among_the_runs_is_no_bug(folder: Path) -> None:
    """An unreadable line is to be removed, it is told, and a note made of that."""
    journal.append(folder / "retrain" / "runs.jsonl", {"note": "a torn line was removed"})
    assert nights.night(folder / "retrain.toml", DAY + WEEK).decision == "published"


def test_two_models_side_by_side_are_each_judged(folder: Path) -> None:
    """Two configurations in one folder have one ``run.folder``, if nothing else is said."""
    one = nights.put_config(folder, f"[monitor]\nhorizon_days = 14\nsettle_days = 7\n{LAX}")
    other = folder / "second.toml"
    text = one.read_text().replace('folder = "models"', 'folder = "models"\nname = "second"')
    other.write_text(text.replace("trips = 10", "trips = 0").replace("[180.0, 1000.0]", "[200.0]"))
    assert nights.night(other, DAY).decision == "published"
    for config in (one, other):
        assert nights.night(config, DAY + 3 * WEEK).decision == "published"
    series = journal.read(folder / "retrain" / "monitor.jsonl")
    assert len({row["version"] for row in series}) == 2


def test_nights_refused_for_months_do_not_pile_up_what_they_fetched(
    folder: Path, table: pd.DataFrame
) -> None:
    old = folder / "retrain" / "fetched" / "made-up" / "2022-01-01"
    old.mkdir(parents=True)
    store = held(folder)
    nights.put_feed(folder, table.drop(columns="place"))
    assert nights.night(folder / "retrain.toml", DAY + WEEK).decision == "refused"
    assert held(folder) == store
    assert not old.exists()


# A store that others fill.


def test_a_store_is_not_fresh_by_a_day_to_come(table: pd.DataFrame, tmp_path: Path) -> None:
    slip = table.index == 5
    wrong = table.assign(date_end=table["date_end"].where(~slip, pd.Timestamp("2099-01-01")))
    with kr.IncidentStore(tmp_path / "incidents.db") as store:
        store.upsert(nights.as_incidents(wrong), on=DAY)
    config = nights.put_config(tmp_path, LAX)
    begin, _, rest = config.read_text().partition("[[feeds]]")
    config.write_text(begin + rest[rest.index("[backtest]") :])
    # More than a year after its last record.
    run = nights.night(config, nights.LAST + 60 * WEEK)
    told = {one["name"]: one["status"] for one in run.facts["checks"]}
    assert told["freshness"] == "failed"


# What of a year is covered.


def covered(country: str, first: int, last: int, **more: Any) -> Coverage:
    """From one number of days before `test_drift.DAY` to another."""
    begins, ends = (test_drift.DAY - dt.timedelta(days=days) for days in (first, last))
    return Coverage("made-up", (country,), begins, ends, True, **more)


@pytest.mark.parametrize("what", ["covered twice", "covered no more", "other kinds before"])
def test_days_that_are_not_covered_are_no_change(what: str) -> None:
    year = [*test_drift.NOW, *test_drift.YEAR]
    rows = [test_drift.rows(year, "NE")]
    spans = [covered("NE", 900, 0)]
    if what == "covered twice":
        rows.append(test_drift.rows([*range(100), *range(500, 700)], "BF"))
        spans += [covered("BF", 699, 500), covered("BF", 99, 0)]
    elif what == "covered no more":
        rows.append(test_drift.rows(range(95, 455), "BF"))
        spans.append(covered("BF", 900, 95))
    else:
        rows.append(test_drift.rows([day for day in range(100) for _ in range(8)], "BF"))
        rows.append(test_drift.rows(year, "BF", prefix="b", kind="battle"))
        spans += [covered("BF", 900, 0, kinds=("battle",)), covered("BF", 99, 0)]
    came = test_drift.came(test_drift.incidents(*rows), coverage=tuple(spans), stated=True)
    assert test_drift.checks(came, None)["volume"].status != "failed"
