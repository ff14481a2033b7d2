"""``kidnaprisk retrain``: its answers, its exit codes, and what it says of bad input."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from kidnaprisk.cli import main
from kidnaprisk.lifecycle import journal
from kidnaprisk.lifecycle.config import config_from, read_config
from kidnaprisk.lifecycle.lock import RunLock
from tests.lifecycle import nights

DAY = "2023-06-05"
# The form of a run's record that docs/retraining.md promises.
RECORD = {
    "run", "started", "finished", "as_of", "dry_run", "decision", "reasons", "champion",
    "challenger", "stages", "feeds", "checks", "figures", "monitor", "pruned", "library",
    "config_sha256",
}  # fmt: skip
# Synthetic windows: one well forecast, one that rang the alarm, one that could not be judged.
WINDOW = {
    "window_start": "2023-06-06", "window_end": "2023-07-05", "version": "2023-06-05-0123abcd",
    "published_on": "2023-06-05", "scored_on": "2023-07-20", "n": 4, "expected": 5.0,
    "variance": 5.5, "observed": 4, "low": 2.0, "high": 9.0, "probability": 0.8,
    "gain_over_even": 1.5, "alarm": False, "note": "",
}  # fmt: skip
LOUD = WINDOW | {
    "window_start": "2023-07-06", "window_end": "2023-08-04", "n": 30, "observed": 30,
    "probability": 1e-6, "alarm": True,
}  # fmt: skip
UNTOLD = WINDOW | {
    **dict.fromkeys(("n", "expected", "observed", "variance", "low", "high", "probability")),
    "window_start": "2023-08-05", "window_end": "2023-09-03", "gain_over_even": None,
    "alarm": True, "note": "the version <b>was</b> pruned",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder where one night was worked, and its record as it was printed."""
    folder = tmp_path_factory.mktemp("retrain")
    config = nights.put_config(folder)
    nights.put_feed(folder, nights.made_up())
    out = folder / "run.json"
    assert main(["retrain", str(config), "--as-of", DAY, "--out", str(out)]) == 0
    return folder, json.loads(out.read_text(encoding="utf-8"))


def test_the_record_of_a_run_is_printed_as_it_is_kept(home):
    folder, printed = home
    (kept,) = journal.read(folder / "retrain" / "runs.jsonl")
    assert printed.keys() >= RECORD
    assert {name: printed[name] for name in kept} == kept
    assert (printed["decision"], printed["as_of"], printed["dry_run"]) == ("published", DAY, False)
    current = (folder / "models" / "default" / "current").read_text().strip()
    assert printed["challenger"] == current
    assert printed["feeds"][0]["files"] == ["feed.csv"]


def test_the_same_again_is_nothing_new(home, capsys):
    folder, printed = home
    assert main(["retrain", str(folder / "retrain.toml"), "--as-of", DAY]) == 3
    out, err = capsys.readouterr()
    assert out.startswith(f"Nothing new: {printed['challenger']} stays\nas of {DAY}; ")
    assert err == ""


def test_a_feed_without_a_file_is_refused(home, capsys):
    folder, printed = home
    (folder / "feed.csv").rename(folder / "away.csv")
    try:
        assert main(["retrain", str(folder / "retrain.toml"), "--as-of", "2023-06-06"]) == 3
    finally:
        (folder / "away.csv").rename(folder / "feed.csv")
    out, err = capsys.readouterr()
    assert out.startswith(f"Refused: {printed['challenger']} stays\n")
    assert "made-up has no file" in out
    assert "failed feed" in out
    assert err == ""


def test_another_run_at_work(home, capsys):
    folder, _ = home
    before = journal.read(folder / "retrain" / "runs.jsonl")
    with RunLock(folder / "retrain" / "lock"):
        assert main(["retrain", str(folder / "retrain.toml")]) == 3
    assert capsys.readouterr().out.startswith("Busy: another run is at work\n")
    assert journal.read(folder / "retrain" / "runs.jsonl") == before


def test_history_has_the_last_runs(home, capsys):
    folder, _ = home
    config = str(folder / "retrain.toml")
    runs = journal.read(folder / "retrain" / "runs.jsonl")
    assert main(["retrain", config, "--history", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == runs
    assert main(["retrain", config, "--history", "1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == runs[-1:]
    assert main(["retrain", config, "--history"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("started, UTC")
    # Newest first.
    assert [line.split()[3] for line in lines] == [run["decision"] for run in reversed(runs)]


def test_before_the_first_run(tmp_path, capsys):
    config = str(nights.put_config(tmp_path))
    assert main(["retrain", config, "--history"]) == 0
    assert capsys.readouterr().out == "No run is on record.\n"
    assert main(["retrain", config, "--monitor"]) == 0
    assert capsys.readouterr().out == "No published forecast could be judged yet.\n"
    assert not (tmp_path / "retrain").exists()


def test_forecasts_against_records(tmp_path, capsys):
    config = str(nights.put_config(tmp_path))
    for window in (WINDOW, LOUD, UNTOLD):
        journal.append(tmp_path / "retrain" / "monitor.jsonl", {"model": "default", **window})
    # Another model's, which shares the folder.
    journal.append(tmp_path / "retrain" / "monitor.jsonl", {"model": "other", **LOUD})
    assert main(["retrain", config, "--monitor"]) == 0
    out = capsys.readouterr().out
    # Two windows told of: 5 + 5 expected, 4 + 30 recorded.
    assert out.startswith("ALARM: the last 2 windows expected 10 incidents (90 % interval ")
    assert "; 34 were" in out
    assert max(map(len, out.splitlines())) <= 100
    assert main(["retrain", config, "--monitor", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["windows"] == [{"model": "default", **one} for one in (WINDOW, LOUD, UNTOLD)]
    assert (told["together"]["windows"], told["together"]["observed"]) == (2, 34)
    page = tmp_path / "forecasts.html"
    assert main(["retrain", config, "--monitor", "--out", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("<circle") == 2 + 2  # windows told of, and the legend
    assert "<b>was</b>" not in text


def test_init_writes_what_can_be_read_and_writes_over_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["retrain", "--init"]) == 0
    assert "kidnaprisk retrain retrain.toml" in capsys.readouterr().out
    config = read_config("retrain.toml")
    assert config.gate == config_from({}, Path()).gate
    Path("retrain.toml").write_text("[keep]\nversions = 3\n", encoding="utf-8")
    assert main(["retrain", "--init"]) == 2
    assert "it is left as it is" in capsys.readouterr().err
    assert tomllib.loads(Path("retrain.toml").read_text()) == {"keep": {"versions": 3}}
    assert main(["retrain", "--init", "sahel.toml"]) == 0
    assert main(["retrain", "--init", "gone/retrain.toml"]) == 2
    assert "cannot be written: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--as-of", "yesterday"], "--as-of is not a day"),
        (["--as-of", "2999-01-01"], "lies in the future"),
        (["--force", " "], "a forced promotion needs a reason"),
        (["--history", "x"], "--history is not a whole number"),
        (["--history", "--monitor"], "not allowed with"),
        (["--init", "--dry-run"], "are for a run"),
        (["--monitor", "--force", "why"], "are for a run"),
        (["--format", "html"], "only --monitor is written as html"),
        (["--history", "--out", "a.html"], "names no form this command writes"),
        (["--out", "gone/a.json"], "there is no such folder"),
    ],
)
def test_options_that_cannot_be_meant(tmp_path, capsys, options, says):
    config = nights.put_config(tmp_path)
    assert main(["retrain", str(config), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err
    assert [path.name for path in tmp_path.iterdir()] == ["retrain.toml"]


def test_a_configuration_that_is_wrong(tmp_path, capsys):
    config = tmp_path / "retrain.toml"
    assert main(["retrain", str(config)]) == 2
    assert "kidnaprisk retrain --init" in capsys.readouterr().err
    config.write_text("[gate]\nleast_gian = 1\n", encoding="utf-8")
    for instead in ([], ["--history"], ["--monitor"]):
        assert main(["retrain", str(config), *instead]) == 2
        assert "did you mean 'least_gain'?" in capsys.readouterr().err


def test_the_output_is_not_written_over_the_configuration(tmp_path, capsys):
    config = nights.put_config(tmp_path)
    before = config.read_text()
    form = ["--format", "json"]
    assert main(["retrain", str(config), "--history", *form, "--out", str(config)]) == 2
    assert config.read_text() == before


def test_help_has_units_exit_codes_and_an_example(capsys):
    assert main(["retrain", "--help"]) == 0
    told = capsys.readouterr().out
    for word in ("units:", "exit codes:", "example", "--dry-run", "--force", "--init"):
        assert word in told
