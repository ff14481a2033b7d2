"""``kidnaprisk backtest``: every form of answer, and what it says of bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kidnaprisk.cli import main

SMALL = ["--start", "2022-11-01", "--end", "2022-12-30", "--cell", "2", "--trips", "5"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The bundled catalogue, two windows, as JSON."""
    out = tmp_path_factory.mktemp("backtest") / "found.json"
    assert main(["backtest", *SMALL, "--out", str(out)]) == 0
    return json.loads(out.read_text(encoding="utf-8"))


def test_json_is_the_result_of_the_function(found):
    import kidnaprisk as kr

    same = kr.backtest(
        {"mixture": kr.KernelMixture()}, kr.load_catalogue(), start="2022-11-01",
        end="2022-12-30", cell_degrees=2.0, trips=5,
    ).to_dict()  # fmt: skip
    assert found == json.loads(json.dumps(same))
    assert [row["start"] for row in found["windows"]][:2] == ["2022-11-01", "2022-12-01"]
    assert found["parameters"]["notes"] == []
    groups = {row["group"] for row in found["trips"]}
    assert "all" in groups
    assert all(", " in one or one == "all" or one.startswith("band ") for one in groups)
    assert {row["band"] for row in found["trip_bands"]} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("options", "begins"),
    [
        ([], "Backtest of mixture\n"),
        (["--format", "markdown"], "# Backtest of mixture\n"),
        (["--format", "html"], "<!DOCTYPE html>\n"),
        (["--format", "json"], "{\n"),
    ],
)
def test_every_form_is_printed(options, begins, capsys, monkeypatch, found):
    from kidnaprisk.evaluation import backtest as home
    from kidnaprisk.evaluation.result import BacktestResult

    monkeypatch.setattr(
        home, "backtest", lambda *_, **__: BacktestResult.from_json(json.dumps(found))
    )
    assert main(["backtest", *SMALL, *options]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(begins)
    assert err == ""
    assert "[60.0, 180.0" not in out
    if not options:
        assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("ending", ["html", "md", "txt", "json"])
def test_the_ending_of_out_tells_the_form(ending, tmp_path, capsys, monkeypatch, found):
    from kidnaprisk.evaluation import backtest as home
    from kidnaprisk.evaluation.result import BacktestResult

    monkeypatch.setattr(
        home, "backtest", lambda *_, **__: BacktestResult.from_json(json.dumps(found))
    )
    out = tmp_path / f"found.{ending}"
    assert main(["backtest", *SMALL, "--out", str(out)]) == 0
    assert capsys.readouterr() == ("", "")
    begins = {"html": "<!DOCTYPE", "md": "# Backtest", "txt": "Backtest of", "json": "{"}
    assert out.read_text(encoding="utf-8").startswith(begins[ending])


def test_help_tells_units_and_an_example(capsys):
    assert main(["backtest", "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "units:" in out
    assert "example:\n  kidnaprisk backtest" in out
    assert main(["--help"]) == 0
    assert "backtest" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "found.xyz"], "the ending of --out names no form"),
        (["--format", "csv"], "--format"),
        (["--start", "soon"], "--start is not a day"),
        (["--end", "2022-13-01"], "--end is not a day"),
        (["--end", "2022-10-01"], "no window of 30 days"),
        (["--horizon", "0"], "--horizon is not a whole number from 1"),
        (["--horizon", "-3"], "--horizon"),
        (["--horizon", "1e2"], "--horizon is not a whole number"),
        (["--step", "0"], "--step is not a whole number from 1"),
        (["--embargo", "99999999999999999999"], "--embargo is not a whole number from 0"),
        (["--delay", "x"], "--delay is not a whole number"),
        (["--cell", "wide"], "--cell is not a number"),
        (["--cell", "90"], "--cell does not lie between"),
        (["--radius", "nan"], "--radius is not a number"),
        (["--radius", "0"], "--radius does not lie between"),
        (["--jobs", "0"], "--jobs is no number of jobs"),
        (["--trips", "many"], "--trips is not a whole number"),
        (["--model", "astrology"], "--model"),
        (["--start", "2030-01-01", "--end", "2030-12-31"], "cover no region"),
        (["nowhere.csv"], "nowhere.csv"),
    ],
)
def test_bad_input_is_one_line_and_code_2(options, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["backtest", *SMALL, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kidnaprisk: ")
    assert err.count("\n") == 1
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_days_are_required(capsys):
    assert main(["backtest", "--end", "2022-12-30"]) == 2
    assert "--start" in capsys.readouterr().err


def test_an_input_is_not_written_over(tmp_path, capsys):
    file = tmp_path / "incidents.csv"
    file.write_text("a,b\n1,2\n")
    again = ["backtest", str(file), *SMALL, "--format", "json", "--out", str(file)]
    assert main(again) == 2
    assert "--out would overwrite an input" in capsys.readouterr().err


def test_whether_the_answer_can_be_written_is_known_before_the_work(tmp_path, capsys):
    out = tmp_path / "no such folder" / "found.json"
    assert main(["backtest", *SMALL, "--out", str(out)]) == 2
    assert "there is no such folder (file found.json)" in capsys.readouterr().err


def test_what_needs_a_missing_library_is_known_before_the_work(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr("kidnaprisk.cli.inputs.incidents", lambda _: pytest.fail("it began"))
    assert main(["backtest", *SMALL, "--format", "html"]) == 2
    assert "matplotlib" in capsys.readouterr().err


@pytest.mark.slow
def test_progress_is_for_terminals_only():
    """In a pipe, neither stream carries a bar."""
    done = subprocess.run(
        [sys.executable, "-m", "kidnaprisk", "backtest", *SMALL, "--trips", "0"],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("Backtest of mixture")
    assert "\x1b" not in done.stdout
