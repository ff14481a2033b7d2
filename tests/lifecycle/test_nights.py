"""Whole nights on synthetic rows: what they decide, what they change, and what they write down."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle import journal
from tests.lifecycle import nights
from tests.lifecycle.nights import DAY, WEEK, files, runs

pytestmark = pytest.mark.slow

KEYS = {
    "run", "started", "finished", "model", "as_of", "dry_run", "decision", "reasons", "notes",
    "champion", "challenger", "stages", "feeds", "checks", "figures", "monitor", "pruned",
    "library", "config_sha256",
}  # fmt: skip


def config(folder: Path, more: str = "") -> Path:
    """With virtual trips, which the nights of other modules do without."""
    path = nights.put_config(folder, more)
    path.write_text(path.read_text().replace("trips = 0", "trips = 10"))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config(tmp_path)
    nights.put_feed(tmp_path, nights.made_up())
    return tmp_path


def test_published_then_unchanged_then_published_again(folder: Path) -> None:
    first = nights.night(config(folder), DAY)
    assert (first.decision, first.exit_code) == ("published", 0)
    assert kr.Registry(folder / "models").current() == first.facts["challenger"]
    again = nights.night(config(folder), DAY)
    assert (again.decision, again.exit_code) == ("unchanged", 3)
    week = nights.night(config(folder), DAY + WEEK)
    assert week.decision == "published"
    assert week.facts["champion"] == first.facts["challenger"]
    written = runs(folder)
    assert [one["decision"] for one in written] == ["published", "unchanged", "published"]
    assert all(one.keys() == KEYS for one in written)
    assert written[-1] == week.to_dict()
    # What the gate saw is in the model itself.
    metrics = json.loads((kr.Registry(folder / "models").path() / "manifest.json").read_text())
    assert metrics["metrics"]["figures"] == week.facts["figures"]


def test_a_rehearsal_changes_nothing_and_decides_alike(folder: Path) -> None:
    before = files(folder)
    rehearsed = kr.retrain(config(folder), as_of=DAY, dry_run=True)
    assert (rehearsed.decision, rehearsed.exit_code) == ("rehearsed", 0)
    assert files(folder) == before
    done = nights.night(config(folder), DAY)
    before = files(folder)
    rehearsed = kr.retrain(config(folder), as_of=DAY + WEEK, dry_run=True)
    assert files(folder) == before
    done = nights.night(config(folder), DAY + WEEK)
    assert (rehearsed.decision, done.decision) == ("rehearsed", "published")
    ours, theirs = (
        {(one["name"], one["subject"]): one["status"] for one in run.facts["checks"]}
        for run in (rehearsed, done)
    )
    assert ours == theirs
    for figure in ("n", "expected", "gain_over_even"):
        assert rehearsed.facts["figures"]["challenger"][figure] == pytest.approx(
            done.facts["figures"]["challenger"][figure]
        )


def test_a_gate_that_is_not_passed_keeps_the_champion_and_a_reason_forces(folder: Path) -> None:
    first = nights.night(config(folder), DAY)
    models = files(folder / "models")
    strict = config(folder, "[gate]\nleast_incidents = 1\nleast_gain_over_even = 9.0")
    refused = nights.night(strict, DAY + WEEK)
    assert (refused.decision, refused.exit_code) == ("refused", 3)
    assert any(r.startswith("gain over even") and "missed by" in r for r in refused.reasons)
    now = files(folder / "models")
    assert {name: now[name] for name in models} == models
    assert kr.Registry(folder / "models").current() == first.facts["challenger"]
    forced = kr.retrain(strict, as_of=DAY + WEEK, force="looked at by hand")
    assert (forced.decision, forced.exit_code) == ("forced", 0)
    assert forced.reasons[0] == "looked at by hand"
    last = kr.Registry(folder / "models").history()[-1]
    assert (last["forced"], last["reason"]) == (True, "looked at by hand")
    with pytest.raises(kr.ConfigError, match="needs a reason"):
        kr.retrain(strict, as_of=DAY + WEEK, force=" ")


def test_unknown_is_refused_where_that_is_asked(folder: Path) -> None:
    few = '[gate]\nunknown = "refuse"\nleast_incidents = 100000'
    run = nights.night(config(folder, few), DAY)
    assert run.decision == "refused"
    assert any("what is unknown is refused" in reason for reason in run.reasons)
    assert kr.Registry(folder / "models").current() is None


def test_a_first_model_is_not_refused_for_want_of_a_champion(folder: Path) -> None:
    path = nights.put_config(folder, '[gate]\nunknown = "refuse"\nleast_incidents = 1')
    run = nights.night(path, DAY)
    assert run.decision == "published"
    unknown = {one["name"] for one in run.facts["checks"] if one["status"] == "unknown"}
    # Nor for want of trips that nobody asked for.
    assert {"information gain", "virtual trips"} <= unknown


def test_a_reason_that_was_not_needed_is_written_down(folder: Path) -> None:
    run = kr.retrain(config(folder), as_of=DAY, force="in a hurry")
    assert run.decision == "published"
    assert any("in a hurry" in note for note in run.facts["notes"])


def test_a_file_of_later_days_gives_what_a_file_of_then_would(folder: Path, tmp_path: Path) -> None:
    table = nights.made_up()
    whole = nights.night(config(folder), DAY)
    other = tmp_path / "other"
    other.mkdir()
    nights.put_feed(other, table[table["known_on"] <= pd.Timestamp(DAY)], DAY)
    cut = nights.night(config(other), DAY)
    assert whole.facts["challenger"] == cut.facts["challenger"]
    assert whole.facts["figures"] == cut.facts["figures"]
    later = int((table["known_on"] > pd.Timestamp(DAY)).sum())
    assert whole.facts["feeds"][0]["not_yet_known"] == later


def test_a_day_the_store_is_past_is_replayed_without_its_feeds(folder: Path) -> None:
    first = nights.night(config(folder), DAY)
    nights.night(config(folder), DAY + WEEK)
    (folder / "feed.csv").unlink()
    back = kr.retrain(config(folder), as_of=DAY, dry_run=True)
    assert any("later days" in note for note in back.facts["notes"])
    failed = {one["name"] for one in back.facts["checks"] if one["status"] == "failed"}
    assert failed == {"coverage", "as-of"}
    assert back.facts["figures"]["challenger"] == first.facts["figures"]["challenger"]


def test_a_champion_that_was_changed_stops_the_night_and_is_written_down(folder: Path) -> None:
    nights.night(config(folder), DAY)
    version = kr.Registry(folder / "models").path()
    weights = version / "weights.npy"
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    imports = len(kr.IncidentStore(folder / "incidents.db").status().imports)
    with pytest.raises(kr.ArtifactError, match=r"weights\.npy"):
        nights.night(config(folder), DAY + WEEK)
    assert runs(folder)[-1]["decision"] == "error"
    assert weights.read_bytes() == bytes(damaged)
    assert len(kr.IncidentStore(folder / "incidents.db").status().imports) == imports


def test_no_day_to_come_and_no_configuration(folder: Path) -> None:
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    with pytest.raises(kr.ConfigError, match="future"):
        nights.night(config(folder), tomorrow)
    with pytest.raises(kr.ConfigError, match="cannot be read"):
        kr.retrain(folder / "none.toml")
    assert not (folder / "incidents.db").exists()


def test_published_forecasts_are_judged_once_by_the_version_of_the_eve(folder: Path) -> None:
    short = config(folder, "[monitor]\nhorizon_days = 14\nsettle_days = 7")
    versions = {}
    for week in range(7):
        day = DAY + week * WEEK
        run = nights.night(short, day)
        versions[day] = kr.Registry(folder / "models").current()
        assert run.decision == "published"
    series = journal.read(folder / "retrain" / "monitor.jsonl")
    starts = [dt.date.fromisoformat(row["window_start"]) for row in series]
    assert starts == [DAY + dt.timedelta(days=1 + 14 * n) for n in range(len(starts))]
    # Over, and a week waited for late reports: of 42 days, two windows.
    assert len(starts) == 2
    table = nights.made_up()
    for row, start in zip(series, starts, strict=True):
        assert row["version"] == versions[start - dt.timedelta(days=1)]
        begin, end = pd.Timestamp(start), pd.Timestamp(row["window_end"])
        known = table["known_on"] <= pd.Timestamp(row["scored_on"])
        inside = table["date"].between(begin, end) & known
        assert row["observed"] == int(inside.sum())
        assert row["low"] <= row["expected"] <= row["high"]
        assert row["alarm"] is False


def test_the_alarm_rings_where_what_happens_is_not_what_was_said(folder: Path) -> None:
    table = nights.made_up(400)
    after = table["date"] > pd.Timestamp(DAY)
    # Five times as many from the day on that the first model was published.
    wild = pd.concat(
        [
            table,
            *(table[after].assign(incident_id=table["incident_id"] + f"x{n}") for n in range(4)),
        ]
    )
    wild["latitude"] += np.random.default_rng(0).normal(0, 0.02, len(wild)).round(4)
    lax = "[gate]\nmost_rise = 100.0\nmost_duplicates = 1.0\n[monitor]\nhorizon_days = 14"
    nights.put_feed(folder, wild)
    nights.night(config(folder, lax), DAY)
    run = nights.night(config(folder, lax), DAY + dt.timedelta(days=29))
    assert run.facts["monitor"]["alarm"] is True
    assert run.facts["monitor"]["observed"] > 2 * run.facts["monitor"]["expected"]
