"""Whole runs on synthetic files, attacked: what a refusal leaves, replays, young and silent stores.

What ordinary nights do is held in test_nights, poisoned feeds in test_poisoned.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle import journal
from kidnaprisk.lifecycle.night import Night
from tests.lifecycle import nights
from tests.lifecycle.nights import DAY, LAX, WEEK, files, held, runs, two_sources

pytestmark = pytest.mark.slow

TODAY = dt.datetime.now(dt.UTC).date()


@pytest.mark.parametrize("complete", [True, False])
def test_a_whole_file_replayed_is_what_files_of_those_days_were(
    table: pd.DataFrame, tmp_path: Path, complete: bool
) -> None:
    told: dict[str, list[tuple[object, ...]]] = {}
    for name in ("whole", "cut"):
        folder = tmp_path / name
        folder.mkdir()
        config = nights.put_config(folder, LAX)
        if not complete:
            config.write_text(config.read_text().replace("complete = true", "complete = false"))
        nights.put_feed(folder, table)
        told[name] = []
        for week in range(3):
            day = DAY + 3 * week * WEEK
            if name == "cut":
                nights.put_feed(folder, table[table["known_on"] <= pd.Timestamp(day)], day)
            run = nights.night(config, day)
            facts = run.facts
            told[name].append(
                (run.decision, facts["challenger"], str(facts["figures"]), facts["monitor"])
            )
    assert told["whole"] == told["cut"]
    assert len({version for _, version, *_ in told["whole"]}) == 3


def test_without_a_day_it_is_run_for_today_with_all_that_the_file_holds(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    shift = pd.Timestamp(TODAY) - table["date"].max()
    days = {name: table[name] + shift for name in ("date", "date_end", "known_on")}
    now = table.assign(**days)
    path = nights.put_feed(tmp_path, now, TODAY)
    told = path.with_name("feed.coverage.toml")
    told.write_text(told.read_text().replace(str(nights.FIRST), str(now["date"].min().date())))
    config = nights.put_config(tmp_path, LAX)
    run = kr.retrain(config)
    assert (run.decision, run.facts["as_of"]) == ("published", str(TODAY))
    assert run.facts["feeds"][0]["not_yet_known"] == 0
    assert run.facts["figures"]["end"] == str(TODAY - dt.timedelta(days=14))
    model = kr.load_model(tmp_path / "models")
    # What claims to be known only in days to come is held, and not learned from.
    assert len(model.records_) == int((now["known_on"] <= pd.Timestamp(TODAY)).sum()) < len(now)
    for day in (None, TODAY, str(TODAY)):
        assert kr.retrain(config, as_of=day).decision == "unchanged"


@pytest.mark.parametrize("day", ["2023-13-01", "yesterday", "", 5, "2999-01-01"])
def test_a_day_that_is_none_is_told_before_anything_is_touched(
    table: pd.DataFrame, tmp_path: Path, day: object
) -> None:
    nights.put_feed(tmp_path, table)
    config = nights.put_config(tmp_path)
    before = files(tmp_path)
    with pytest.raises(kr.ConfigError, match="as_of"):
        kr.retrain(config, as_of=day)
    assert files(tmp_path) == before


def test_a_refusal_of_what_came_leaves_store_and_models_as_they_were(
    folder: Path, table: pd.DataFrame
) -> None:
    store, models = held(folder), files(folder / "models")
    nights.put_feed(folder, table.drop(columns="place"))
    run = nights.night(folder / "retrain.toml", DAY + WEEK)
    assert run.decision == "refused"
    assert run.reasons == ["schema (made-up): 10 columns; lost: place"]
    assert (held(folder), files(folder / "models")) == (store, models)
    assert runs(folder)[-1] == run.to_dict()
    assert not {"store", "fit", "publish"} & {one["stage"] for one in run.facts["stages"]}


def test_one_bad_feed_of_two_keeps_the_other_out(table: pd.DataFrame, tmp_path: Path) -> None:
    second = table.assign(source="another", incident_id="x" + table["incident_id"])
    config = two_sources(tmp_path, table, second, LAX)
    assert nights.night(config, DAY).decision == "published"
    store = held(tmp_path)
    (tmp_path / "another.csv").unlink()
    run = nights.night(config, DAY + WEEK)
    assert run.decision == "refused"
    assert len(run.reasons) == 1
    assert run.reasons[0].startswith("feed (another): another has no file")
    assert held(tmp_path) == store
    # No reason is good enough for what cannot be read.
    forced = kr.retrain(config, as_of=DAY + WEEK, force="never mind")
    assert forced.decision == "refused"
    assert held(tmp_path) == store


def test_a_loss_to_the_champion_is_refused_and_the_champion_stays(tmp_path: Path) -> None:
    nights.put_feed(tmp_path, nights.made_up(400))
    config = nights.put_config(tmp_path)
    config.write_text(config.read_text().replace("windows = 2", "windows = 6"))
    champion = nights.night(config, DAY).facts["challenger"]
    assert champion is not None
    text = config.read_text().replace("town_scales_km = [30.0]", "town_scales_km = [150.0]")
    config.write_text(text.replace("scales_km = [20.0]", "scales_km = [150.0]", 1))
    run = nights.night(config, DAY + WEEK)
    assert (run.decision, run.exit_code) == ("refused", 3)
    assert any(one.startswith("information gain (challenger): -") for one in run.reasons)
    assert run.facts["figures"]["gain"]["high"] < 0.0
    assert kr.Registry(tmp_path / "models").current() == champion
    # The rows are taken in all the same.
    assert run.facts["feeds"][0]["added"] > 0


def test_a_run_cut_off_after_publishing_is_made_up_for_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = folder / "retrain.toml"

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Night, "monitor", cut_off)
        with pytest.raises(KeyboardInterrupt):
            nights.night(config, DAY + 8 * WEEK)
    assert [one["decision"] for one in runs(folder)] == ["published", "error"]
    assert runs(folder)[-1]["reasons"] == ["the run was cut short: KeyboardInterrupt"]
    published = kr.Registry(folder / "models").current()
    run = nights.night(config, DAY + 8 * WEEK)
    assert (run.decision, run.facts["champion"]) == ("unchanged", published)
    # What had not been judged is.
    series = journal.read(folder / "retrain" / "monitor.jsonl")
    assert [one["window_start"] for one in series] == [str(DAY + dt.timedelta(days=1))]


def test_a_textfile_that_cannot_be_written_undoes_nothing(folder: Path) -> None:
    config = folder / "retrain.toml"
    (folder / "taken").mkdir()
    config.write_text(config.read_text() + '[run]\nprometheus = "taken"\n')
    run = nights.night(config, DAY + WEEK)
    assert run.decision == "published"
    assert any("taken" in note for note in run.facts["notes"])
    assert runs(folder)[-1]["decision"] == "published"


def test_the_day_and_the_reason_of_a_forced_run_are_in_record_and_journal(
    folder: Path, table: pd.DataFrame
) -> None:
    nights.put_feed(folder, table.iloc[::2])
    config = folder / "retrain.toml"
    assert nights.night(config, DAY + WEEK).decision == "refused"
    run = kr.retrain(config, as_of=DAY + WEEK, force="the source was cleaned up")
    assert (run.decision, run.exit_code) == ("forced", 0)
    assert run.reasons[0] == "the source was cleaned up"
    assert any("gone (made-up)" in one for one in run.reasons[1:])
    line = kr.Registry(folder / "models").history()[-1]
    told = (line["on"], line["reason"], line["forced"])
    assert told == (str(DAY + WEEK), "the source was cleaned up", True)
    # Where nothing spoke against it there was nothing to force.
    again = kr.retrain(config, as_of=DAY + 2 * WEEK, force="just so")
    assert again.decision == "published"
    assert kr.Registry(folder / "models").history()[-1]["forced"] is False


def test_a_refused_night_judges_published_forecasts_by_the_same_counts(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    """A window is judged once: a wrong count stays in the series, and in the alarm."""
    second = table.assign(source="another", incident_id="x" + table["incident_id"])
    more = f"[monitor]\nhorizon_days = 14\nsettle_days = 7\n{LAX}"
    config = two_sources(tmp_path, table, second, more)
    nights.night(config, DAY)
    eve = DAY + dt.timedelta(days=20)
    assert nights.night(config, eve).facts["monitor"]["windows"] == 0
    nights.put_feed(tmp_path, table.drop(columns="place"))
    run = nights.night(config, eve + dt.timedelta(days=1))
    assert (run.decision, run.facts["monitor"]["windows"]) == ("refused", 1)
    inside = table["date"].between(pd.Timestamp(DAY) + pd.Timedelta(days=1), pd.Timestamp(DAY)
                                   + pd.Timedelta(days=14))  # fmt: skip
    assert run.facts["monitor"]["observed"] == int(inside.sum())


def test_a_store_that_nobody_fills_any_more_is_not_published_night_after_night(
    folder: Path,
) -> None:
    config = folder / "retrain.toml"
    text = config.read_text()
    config.write_text(text[: text.index("[[feeds]]")] + text[text.index("[backtest]") :])
    # The newest record is of June; it is March of the next year.
    run = nights.night(config, DAY + 40 * WEEK)
    assert run.decision == "refused"


def test_a_champion_older_than_the_records_reach_is_not_kept_for_ever(
    folder: Path, table: pd.DataFrame
) -> None:
    """The store was begun anew, and its records start a year before today."""
    config = nights.put_config(folder, "[gate]\nleast_incidents = 1\n")
    (folder / "incidents.db").unlink()
    shutil.rmtree(folder / "retrain")
    day = nights.LAST - dt.timedelta(days=20)
    nights.put_feed(folder, table[table["date"] > pd.Timestamp(day) - pd.Timedelta(days=200)])
    covered = folder / "feed.coverage.toml"
    first = day - dt.timedelta(days=200)
    covered.write_text(nights.COVERAGE.format(first=first, last=nights.LAST))
    run = nights.night(config, day)
    assert run.decision == "published", run.reasons
    assert any("the champion is left out of the backtest" in note for note in run.facts["notes"])
    told = {one["name"]: one["status"] for one in run.facts["checks"]}
    assert (told["information gain"], told["gain over even"]) == ("unknown", "passed")


def test_versions_still_to_be_judged_are_not_pruned(folder: Path) -> None:
    config = folder / "retrain.toml"
    text = config.read_text()
    config.write_text(f"{text}\n[keep]\nversions = 1\ndays = 0\n")
    registry = kr.Registry(folder / "models")
    first = registry.current()
    for week in range(1, 6):
        assert nights.night(config, DAY + week * WEEK).decision == "published"
        assert first in set(registry.versions()["version"])
    # Its window is over: the 30 days after it was published, and 14 more.
    run = nights.night(config, DAY + 7 * WEEK)
    series = journal.read(folder / "retrain" / "monitor.jsonl")
    assert [(one["version"], one["observed"] is not None) for one in series] == [(first, True)]
    assert first in run.facts["pruned"]
    kept = set(registry.versions()["version"])
    # Current on the eve of the window to come, which is not over yet.
    eve = registry.published_on(dt.date.fromisoformat(series[-1]["window_end"]))
    assert eve in kept
    assert len(kept) < 6


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
