"""The record of a run: what it says while the run goes on, and at each way that it can end."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from kidnaprisk import ConfigError, __version__
from kidnaprisk.lifecycle import record as record_module
from kidnaprisk.lifecycle.checks import Check
from kidnaprisk.lifecycle.config import RetrainConfig, config_from
from kidnaprisk.lifecycle.record import Record

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
