"""The record of a run: what it says while the run goes on, and at each way that it can end."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

import kidnaprisk as kr
from kidnaprisk import ConfigError, __version__
from kidnaprisk.lifecycle import journal
from kidnaprisk.lifecycle import record as record_module
from kidnaprisk.lifecycle import retrain as retrain_module
from kidnaprisk.lifecycle.checks import Check
from kidnaprisk.lifecycle.config import RetrainConfig, config_from
from kidnaprisk.lifecycle.night import Night
from kidnaprisk.lifecycle.record import Record
from tests.lifecycle import nights

DAY = dt.date(2023, 6, 5)


def begun(config: RetrainConfig | None = None, *, dry_run: bool = False) -> Record:
    config = config_from({}, Path()) if config is None else config
    return Record(config, DAY, dry_run=dry_run, progress=None)


def checked(name: str, status: str) -> Check:
    return Check(name, "challenger", status, None, None, "synthetic")


def broken(record: Record) -> None:
    with record.stage("fit") as counts:
        counts["rows"] = 3
        raise ConfigError("synthetic")


def test_a_run_that_was_not_decided_is_an_error() -> None:
    run = begun().finished()
    assert (run.decision, run.exit_code) == ("error", 2)
    assert run.reasons == ["the run did not come to an end"]


@pytest.mark.parametrize(
    ("decision", "code"),
    [
        ("published", 0), ("forced", 0), ("rehearsed", 0), ("refused", 3), ("unchanged", 3),
        ("busy", 3), ("error", 2),
    ],
)  # fmt: skip
def test_each_decision_has_its_exit_code(decision: str, code: int) -> None:
    record = begun()
    record.decide(decision, "for a reason", "and another")
    run = record.finished()
    assert (run.decision, run.exit_code) == (decision, code)
    assert run.reasons == ["for a reason", "and another"]


def test_a_stage_that_fails_is_written_down_with_what_it_had_counted() -> None:
    record = begun()
    with record.stage("feeds") as counts:
        counts["rows"] = 7
    with pytest.raises(ConfigError, match="synthetic"):
        broken(record)
    told = record.finished().to_dict()["stages"]
    assert [(one["stage"], one["rows"]) for one in told] == [("feeds", 7), ("fit", 3)]
    assert all(one["seconds"] >= 0.0 for one in told)


def test_what_is_unknown_is_not_counted_as_passed() -> None:
    record = begun()
    record.check(checked("a", "passed"), checked("b", "unknown"), checked("c", "passed"))
    assert record.passed() == "all 2 checks were passed; 1 are unknown"
    assert record.failed == []
    record.check(checked("d", "failed"))
    assert [one.name for one in record.failed] == ["d"]


def test_it_is_json_and_names_day_library_and_model() -> None:
    record = begun(config_from({"model": {"name": "sahel"}}, Path()), dry_run=True)
    record.check(checked("a", "passed"))
    record.note("synthetic")
    told = json.loads(json.dumps(record.finished().to_dict(), allow_nan=False))
    assert (told["as_of"], told["model"], told["dry_run"]) == ("2023-06-05", "sahel", True)
    assert (told["library"], told["notes"]) == (__version__, ["synthetic"])
    assert told["checks"][0]["status"] == "passed"
    begin, end = (dt.datetime.fromisoformat(told[name]) for name in ("started", "finished"))
    assert begin <= end
    assert begin.utcoffset() == dt.timedelta(0)


def test_the_digest_tells_one_configuration_from_another() -> None:
    def digest(given: dict[str, object]) -> str:
        return str(begun(config_from(given, Path())).finished().facts["config_sha256"])

    assert digest({}) == digest({}) == digest({"gate": {"least_gain": -0.05}})
    assert digest({}) != digest({"gate": {"least_gain": -0.04}})
    assert digest({}) != digest({"model": {"parameters": {"window_days": 31}}})


def test_progress_is_told_to_whoever_asked() -> None:
    heard: list[str] = []
    config = config_from({}, Path())
    Record(config, DAY, dry_run=False, progress=heard.append).say("Fitting")
    begun().say("to nobody")
    assert heard == ["Fitting"]


def test_no_two_runs_have_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime(2023, 6, 5, 1, 2, 3, 400_000, tzinfo=dt.UTC)
    monkeypatch.setattr(record_module, "_now", lambda: now)
    first = begun().finished().facts["run"]
    monkeypatch.setattr(record_module, "_now", lambda: now + dt.timedelta(milliseconds=300))
    assert begun().finished().facts["run"] != first


def test_a_run_ends_once(monkeypatch: pytest.MonkeyPatch) -> None:
    record = begun()
    ended = record.finished()
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)
    monkeypatch.setattr(record_module, "_now", lambda: later)
    record.note("told after the end")
    again = record.finished()
    assert again.facts["finished"] == ended.facts["finished"]
    assert again.facts["notes"] == ["told after the end"]


def broken_night(folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Path:
    """A configuration whose nights break off in the middle of a stage."""

    def work(night: Night) -> None:
        with night.record.stage("fit"):
            raise error

    monkeypatch.setattr(Night, "work", work)
    return nights.put_config(folder, '[run]\nprometheus = "retrain.prom"')


@pytest.mark.parametrize(
    "error",
    [KeyError("/home/ann/hunter2"), KeyboardInterrupt("hunter2"), MemoryError(), OSError(5, "x")],
    ids=lambda error: type(error).__name__,
)
def test_what_a_bug_or_somebody_cuts_short_is_written_down_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    config = broken_night(tmp_path, monkeypatch, error)
    with pytest.raises(type(error)) as told:
        nights.night(config, DAY)
    assert told.value is error
    (line,) = journal.read(tmp_path / "retrain" / "runs.jsonl")
    assert line["decision"] == "error"
    assert line["reasons"] == [f"the run was cut short: {type(error).__name__}"]
    assert [one["stage"] for one in line["stages"]] == ["fit"]
    assert "hunter2" not in json.dumps(line)
    assert "Traceback" not in json.dumps(line)
    metrics = (tmp_path / "retrain.prom").read_text()
    assert 'kidnaprisk_retrain_decision{model="default",decision="error"} 1.0' in metrics
    # The lock is let go of, and the next night is a night like any other.
    monkeypatch.setattr(Night, "work", lambda night: night.record.decide("unchanged", "as it was"))
    assert nights.night(config, DAY).decision == "unchanged"


def test_what_went_wrong_first_is_told_where_it_cannot_be_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = broken_night(tmp_path, monkeypatch, KeyError("the bug"))
    (tmp_path / "retrain" / "runs.jsonl").mkdir(parents=True)
    with pytest.raises(KeyError, match="the bug"):
        nights.night(config, DAY)


def test_a_rehearsal_that_breaks_off_leaves_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    config = nights.put_config(tmp_path)
    monkeypatch.setattr(Night, "work", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kr.retrain(config, as_of=DAY, dry_run=True)
    assert not (tmp_path / "retrain").exists()


def test_a_bug_in_the_metrics_costs_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = broken_night(tmp_path, monkeypatch, KeyError("never"))
    monkeypatch.setattr(Night, "work", lambda night: night.record.decide("unchanged", "as it was"))

    def broken_metrics(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(retrain_module, "write_metrics", broken_metrics)
    with pytest.raises(ZeroDivisionError):
        nights.night(config, DAY)
    (line,) = journal.read(tmp_path / "retrain" / "runs.jsonl")
    assert line["decision"] == "unchanged"


def test_line_metrics_and_answer_tell_of_one_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = broken_night(tmp_path, monkeypatch, KeyError("never"))
    monkeypatch.setattr(Night, "work", lambda night: night.record.decide("unchanged", "as it was"))
    instants = iter(
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=n) for n in range(9)
    )
    monkeypatch.setattr(record_module, "_now", lambda: next(instants))
    run = nights.night(config, DAY)
    (line,) = journal.read(tmp_path / "retrain" / "runs.jsonl")
    assert line["finished"] == run.facts["finished"] == "2024-01-01T01:00:00Z"
    seconds = dt.datetime(2024, 1, 1, 1, tzinfo=dt.UTC).timestamp()
    assert f" {seconds}\n" in (tmp_path / "retrain.prom").read_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"force": 5}, "no text"), ({"force": True}, "no text"), ({"force": ""}, "needs a reason"),
        ({"force": " \t"}, "needs a reason"), ({"as_of": 5}, "as_of is not a day"),
        ({"as_of": True}, "as_of is not a day"), ({"as_of": ""}, "as_of is not a day"),
        ({"as_of": ["2023-06-05"]}, "as_of is not a day"), ({"as_of": "someday"}, "as_of is not"),
        ({"dry_run": "no"}, "dry_run is neither"), ({"dry_run": 1}, "dry_run is neither"),
        ({"dry_run": None}, "dry_run is neither"), ({"progress": "yes"}, "cannot be called"),
        ({"progress": True}, "cannot be called"),
    ],
)  # fmt: skip
def test_an_argument_that_cannot_be_meant_is_told_before_anything_is_touched(
    tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    config = nights.put_config(tmp_path)
    with pytest.raises(ConfigError, match=says) as told:
        kr.retrain(config, **given)
    assert told.value.remedy
    assert sorted(one.name for one in tmp_path.iterdir()) == ["retrain.toml"]


@pytest.mark.parametrize("config", [5, None, {"store": {}}, b"retrain.toml", True])
def test_a_configuration_that_is_no_file(config: Any) -> None:
    with pytest.raises(ConfigError, match="read from a file, not from a") as told:
        kr.retrain(config)
    assert told.value.remedy == "give its path"
