"""``kidnaprisk models``: every command on a folder of models, its exit codes and its forms."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import shutil

import pytest

import kidnaprisk as kr
from kidnaprisk.cli import main
from kidnaprisk.lifecycle.rebuild import recipe_of, table_for
from tests.lifecycle.small_models import fit, fitted, invented

DAYS = ["2021-01-01", "2021-02-01", "2021-03-01"]
COMMANDS = ["list", "show", "verify", "promote", "rollback", "pin", "unpin", "prune", "diff",
            "history", "rebuild"]  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    root = tmp_path_factory.mktemp("stored")
    return root, [kr.save_model(fitted(day), root).name for day in DAYS]


@pytest.fixture
def models(stored, tmp_path):
    shutil.copytree(stored[0], tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def versions(stored):
    return stored[1]


@pytest.fixture
def run(capsys, models):
    """A command on the folder: exit code, standard output, standard error."""

    def run(action, *words, at=models):
        code = main(["models", action, *map(str, words), "--models", str(at)])
        return code, *capsys.readouterr()

    return run


def answer(told):
    code, out, err = told
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command, capsys):
    assert main(["models", command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"\n  kidnaprisk models {command}" in out
    assert "example" in out


def test_versions_are_listed(run, versions):
    told = answer(run("list", "--format", "json"))
    assert [row["version"] for row in told["default"]] == versions[::-1]
    assert [row["current"] for row in told["default"]] == [True, False, False]
    assert told["default"][0]["as_of"] == DAYS[2]
    code, out, _ = run("list")
    assert code == 0
    assert out.index(versions[2]) < out.index(versions[0])
    assert max(map(len, out.splitlines())) <= 100
    assert "current" in out


def test_verifying_exits_3_if_anything_is_unsound(run, models, versions):
    code, out, _ = run("verify")
    assert code == 0
    assert "3 sound, 0 not" in out
    (models / "default" / versions[0] / "weights.npy").write_bytes(b"x")
    code, out, _ = run("verify")
    assert code == 3
    assert "2 sound, 1 not" in out
    assert "UNSOUND" in out
    code, out, _ = run("verify", "--format", "json")
    assert code == 3
    assert [row["sound"] for row in json.loads(out)] == [False, True, True]


def test_promoting_and_rolling_back(run, models, versions):
    a, _, c = versions
    told = answer(run("promote", a, "--reason", "c overstates", "--format", "json"))
    assert told == {"name": "default", "current": a, "before": c}
    assert kr.load_model(models).as_of_.date().isoformat() == DAYS[0]
    code, out, _ = run("rollback", "--reason", "no, it does not")
    assert (code, out.strip()) == (0, f"{c} is current, before it {a}")
    history = answer(run("history", "--format", "json"))
    assert [line["action"] for line in history] == ["found", "promote", "rollback"]
    assert [line["reason"] for line in history][1:] == ["c overstates", "no, it does not"]
    code, out, _ = run("history")
    assert "c overstates" in out
    code, _, err = run("rollback", "--reason", "again")
    assert code == 2
    assert "no earlier version" in err


def test_a_move_needs_a_reason(run, versions):
    for words in (("promote", versions[0]), ("rollback",)):
        code, _, err = run(*words)
        assert code == 2
        assert "--reason" in err


def test_pinning_and_pruning(run, models, versions):
    a, b, c = versions
    assert answer(run("pin", a, "--format", "json"))["action"] == "pin"
    told = answer(run("prune", "--keep", 1, "--keep-days", 0, "--dry-run", "--format", "json"))
    assert told == {"name": "default", "removed": [b], "dry_run": True}
    assert (models / "default" / b).is_dir()
    code, out, _ = run("prune", "--keep", 1, "--keep-days", 0)
    assert (code, out.strip()) == (0, f"{b} removed")
    assert not (models / "default" / b).exists()
    run("unpin", a)
    assert answer(run("prune", "--keep", 1, "--format", "json", "--keep-days", 0))["removed"] == [a]
    assert run("prune", "--keep", 1)[1].strip() == "nothing removed"
    assert kr.load_model(models / "default" / c).as_of_.date().isoformat() == DAYS[2]


def test_a_diff_in_every_form(run, versions, tmp_path):
    a, _, c = versions
    told = answer(run("diff", a, "--format", "json"))
    assert (told["a"], told["b"], told["day"]) == (a, c, "2021-03-02")
    code, out, _ = run("diff", a, c, "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["region_id"] for row in rows] == [row["region_id"] for row in told["regions"]]
    page = tmp_path / "moved.html"
    code, out, _ = run("diff", a, c, "--out", page)
    assert (code, out) == (0, "")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "<svg" in page.read_text(encoding="utf-8")
    code, out, _ = run("diff", a)
    assert "Where it moved most" in out


def test_rebuilding_from_a_store_gives_the_same_hashes_or_exits_3(run, models, tmp_path):
    with kr.IncidentStore(tmp_path / "incidents.db") as store:
        store.upsert(invented(), on=dt.date(2022, 1, 1))
        recipe = recipe_of(store, dt.date(2022, 1, 1), merged=False)
        model = fit("2022-01-01", table_for(store, recipe))
    registry = kr.Registry(models)
    sound = registry.publish(model, recipe=recipe)
    words = ["--store", tmp_path / "incidents.db", "--format", "json"]
    told = answer(run("rebuild", f"default@{sound}", *words))
    assert (told["same"], told["rebuilt"], told["differing"]) == (True, sound, [])
    model.floor_weight_ *= 2.0
    other = registry.publish(model, recipe=recipe)
    code, out, _ = run("rebuild", f"default@{other}", *words[:2])
    assert code == 3
    assert sound in out
    assert "facts" in out
    code, _, err = run("rebuild", f"default@{other}", "--store", tmp_path / "none.db")
    assert code == 2
    assert "no store" in err


@pytest.mark.parametrize(
    "words",
    [["list"], ["verify"], ["history"], ["rollback", "--reason", "x"], ["prune"], ["diff", "x"],
     ["promote", "x", "--reason", "x"]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_folder_without_models_is_bad_input_and_not_made(run, words, tmp_path):
    code, out, err = run(*words, at=tmp_path / "nowhere")
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "words",
    [["list", "--name", "other"], ["promote", "../../etc", "--reason", "x"], ["pin", "nothing"],
     ["prune", "--keep", "0"], ["prune", "--keep", "x"], ["history", "--name", "../x"],
     ["list", "--out", "x.csv"], ["rebuild", "default", "--store", "x.db"], ["diff", "nothing"]],
    ids=" ".join,
)  # fmt: skip
def test_bad_input_exits_2_with_one_line(run, words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_a_name_that_steers_a_terminal_is_cleaned(run, models, versions):
    registry = kr.Registry(models)
    registry.promote(versions[0], reason="red \x1b[31m\nline")
    _, out, _ = run("history")
    assert "\x1b" not in out
    assert "red [31m line" in out
