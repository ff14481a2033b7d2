"""The textfile for Prometheus, read back by Prometheus' own parser."""

from __future__ import annotations

import copy
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import kidnaprisk as kr
from kidnaprisk.lifecycle.prometheus import metrics_text, write_metrics

# Synthetic, in the form of docs/retraining.md.
RUN = {
    "run": "20260105T021700Z-41",
    "started": "2026-01-05T02:17:00Z",
    "finished": "2026-01-05T02:19:30Z",
    "as_of": "2026-01-05",
    "dry_run": False,
    "decision": "published",
    "reasons": ["every check was passed"],
    "champion": "2026-01-04-0123abcd",
    "challenger": "2026-01-05-89abcdef",
    "stages": [{"stage": "feeds", "seconds": 1.25, "rows": 7}, {"stage": "fit", "seconds": 30.5}],
    "feeds": [{"name": "acled", "rows": 7, "rejected": 1, "added": 2, "revised": 0,
               "unchanged": 4, "deleted": 0}],
    "checks": [
        {"name": "rejects", "subject": "acled", "status": "passed"},
        {"name": "schema", "subject": "acled", "status": "unknown"},
    ],
    "monitor": {"windows": 2, "expected": 12.5, "observed": 9, "low": 6.0, "high": 20.0,
                "probability": 0.4, "alarm": False},
    "library": "0.1.0",
}  # fmt: skip


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Name and labels to value, by an independent parser; every one a gauge, told of, and once."""
    read = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for one in family.samples:
            key = (one.name, tuple(sorted(one.labels.items())))
            assert key not in read
            read[key] = one.value
    return read


def of(path: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return samples(path.read_text(encoding="utf-8"))


def changed(**told: object) -> dict[str, object]:
    return copy.deepcopy(RUN) | told


def test_every_figure_is_there(tmp_path):
    write_metrics(tmp_path / "kidnaprisk.prom", RUN)
    read = of(tmp_path / "kidnaprisk.prom")
    end = dt.datetime(2026, 1, 5, 2, 19, 30, tzinfo=dt.UTC).timestamp()
    assert read[("kidnaprisk_retrain_last_run_timestamp_seconds", ())] == end
    assert read[("kidnaprisk_retrain_last_success_timestamp_seconds", ())] == end
    decisions = {k[1][0][1]: v for k, v in read.items() if k[0] == "kidnaprisk_retrain_decision"}
    assert decisions == {"published": 1, "forced": 0, "unchanged": 0, "refused": 0, "error": 0}
    assert read[("kidnaprisk_retrain_stage_seconds", (("stage", "fit"),))] == 30.5
    rows = (("feed", "acled"), ("what", "rejected"))
    assert read[("kidnaprisk_retrain_feed_rows", rows)] == 1
    for status, count in (("passed", 1), ("unknown", 1), ("failed", 0)):
        assert read[("kidnaprisk_retrain_checks", (("status", status),))] == count
    day = dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()
    assert read[("kidnaprisk_model_as_of_timestamp_seconds", ())] == day
    version = (("library", "0.1.0"), ("version", "2026-01-05-89abcdef"))
    assert read[("kidnaprisk_model_info", version)] == 1
    assert read[("kidnaprisk_monitor_expected", ())] == 12.5
    assert read[("kidnaprisk_monitor_observed", ())] == 9
    assert read[("kidnaprisk_monitor_alarm", ())] == 0


def test_a_refusal_keeps_the_last_success_and_names_what_failed(tmp_path):
    path = tmp_path / "kidnaprisk.prom"
    write_metrics(path, RUN)
    failed = [{"name": "gone", "subject": "acled", "status": "failed"}]
    refused = changed(
        decision="refused", challenger=None, checks=failed, finished="2026-01-06T02:19:30Z"
    )
    for _ in range(2):
        write_metrics(path, refused)
    read = of(path)
    assert read[("kidnaprisk_retrain_decision", (("decision", "refused"),))] == 1
    last_run = read[("kidnaprisk_retrain_last_run_timestamp_seconds", ())]
    assert last_run - read[("kidnaprisk_retrain_last_success_timestamp_seconds", ())] == 86_400
    gone = (("check", "gone"), ("subject", "acled"))
    assert read[("kidnaprisk_retrain_check_failed", gone)] == 1
    # The champion is what is in use.
    day = dt.datetime(2026, 1, 4, tzinfo=dt.UTC).timestamp()
    assert read[("kidnaprisk_model_as_of_timestamp_seconds", ())] == day
    # What passes again is heard of no more.
    write_metrics(path, RUN)
    assert ("kidnaprisk_retrain_check_failed", gone) not in of(path)


def test_what_is_not_known_is_not_written():
    monitor = dict.fromkeys(("expected", "observed", "low", "high", "probability", "alarm"))
    feeds = [{"name": "acled", "rows": 7, "rejected": 7}]
    run = changed(
        decision="refused", champion=None, challenger=None, monitor=monitor | {"windows": 0},
        feeds=feeds,
    )  # fmt: skip
    names = {name for name, _ in samples(metrics_text(run) + "\n")}
    assert not any(name.startswith(("kidnaprisk_monitor", "kidnaprisk_model")) for name in names)
    assert "kidnaprisk_retrain_last_success_timestamp_seconds" not in names
    assert "added" not in metrics_text(run)
    assert "NaN" not in metrics_text(run)
    assert samples(metrics_text(changed(monitor=None)) + "\n")


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a{b}", "Té 1", "a\\nb", 'a\\"'])
def test_a_name_comes_back_as_it_was(name):
    feeds = [{"name": name, "rows": 3}]
    read = samples(metrics_text(changed(feeds=feeds)) + "\n")
    assert read[("kidnaprisk_retrain_feed_rows", (("feed", name), ("what", "rows")))] == 3


def test_several_models_of_one_machine_are_told_apart(tmp_path):
    path = tmp_path / "sahel.prom"
    write_metrics(path, changed(model="sahel"))
    write_metrics(path, changed(model="sahel", decision="refused"))
    read = of(path)
    assert all(("model", "sahel") in labels for _, labels in read)
    assert ("kidnaprisk_retrain_last_success_timestamp_seconds", (("model", "sahel"),)) in read


@pytest.mark.parametrize(
    "before", [b"", b"\xff\xfe", b"kidnaprisk_retrain_last_success_time", b"x"]
)
def test_a_damaged_file_is_written_over(tmp_path, before):
    path = tmp_path / "kidnaprisk.prom"
    path.write_bytes(before)
    write_metrics(path, changed(decision="error"))
    assert ("kidnaprisk_retrain_last_success_timestamp_seconds", ()) not in of(path)


def test_nothing_else_is_left_and_others_may_read_it(tmp_path):
    path = tmp_path / "kidnaprisk.prom"
    write_metrics(path, RUN)
    assert [one.name for one in tmp_path.iterdir()] == ["kidnaprisk.prom"]
    assert path.stat().st_mode & 0o444 == 0o444
    assert path.read_bytes().endswith(b"\n")


# Killed between writing aside and renaming.
KILLED = """
import json, os, sys
from pathlib import Path
from kidnaprisk.lifecycle.prometheus import write_metrics
Path.replace = lambda *_: os.kill(os.getpid(), 9)
write_metrics(sys.argv[1], json.loads(sys.argv[2]))
"""


def test_a_writer_that_died_leaves_nothing_that_adds_up(tmp_path):
    path = tmp_path / "kidnaprisk.prom"
    command = [sys.executable, "-c", KILLED, str(path), json.dumps(RUN)]
    assert subprocess.run(command, check=False).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    assert not path.exists()
    write_metrics(path, RUN)
    assert [one.name for one in tmp_path.iterdir()] == ["kidnaprisk.prom"]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(kr.KidnapRiskError, match="the metrics could not be written"):
        write_metrics(tmp_path / "gone" / "kidnaprisk.prom", RUN)
