"""``kidnaprisk incidents``: files read, kept, merged and taken out again. All rows are invented."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kidnaprisk.cli import main
from kidnaprisk.incidents.read import read_incidents
from tests.incidents.made_acled import write_made_acled
from tests.incidents.samples import csv_text, rows

ACTIONS = ("read", "import", "merge", "status", "export", "fetch")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def once(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["incidents", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return once


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(csv_text(rows({}, {"kind": "attack"}, {"country": "NE"})), encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A firm's own log, of two rows of which one has no day."""
    path = tmp_path / "log.csv"
    path.write_text(
        "Ref,Day,Lat,Long,Country,Type\n"
        "1,18/01/2025,14.1,0.3,Burkina Faso,Kidnapping\n"
        "2,,14.1,0.3,Burkina Faso,Robbery\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("action", ACTIONS)
def test_help_has_an_example(run: Run, action: str) -> None:
    code, out, _ = run(action, "--help")
    assert code == 0
    assert f"kidnaprisk incidents {action}" in out


def test_read_tells_what_came_in_and_writes_what_did_not(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(csv_text(rows({}, {"kind": "attack"}, {"date": "soon"})), encoding="utf-8")
    rejects = tmp_path / "rejects.csv"
    code, out, _ = run("read", path, "--rejects", rejects)
    assert code == 0
    for line in ("3 rows in", "1 kidnappings", "1 context events", "1 rejected"):
        assert line in " ".join(out.split())
    assert "of them kidnappings" in out
    kept = pd.read_csv(rejects)
    assert kept["row"].tolist() == [4]
    assert json.loads(kept["original"][0])["date"] == "soon"


def test_read_as_json_and_as_csv_that_reads_back(run: Run, good: Path, tmp_path: Path) -> None:
    code, out, _ = run("read", good, "--format", "json")
    facts = json.loads(out)
    assert code == 0
    assert (facts["rows_in"], facts["kidnappings"], facts["context"]) == (3, 2, 1)
    assert facts["coverage"][0]["areas"] == ["BF", "NE"]
    again = tmp_path / "again.csv"
    assert run("read", good, "--format", "csv", "--out", again)[0] == 0
    pd.testing.assert_frame_equal(
        pd.DataFrame(read_incidents(again)), pd.DataFrame(read_incidents(good))
    )


def test_a_mapping_is_proposed_and_read(run: Run, log: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "drafted.toml"
    assert run("read", log, "--propose-mapping", "--out", mapping)[0] == 0
    text = mapping.read_text(encoding="utf-8")
    assert 'date = "Day"' in text
    code, out, err = run("read", log, "--mapping", mapping, "--format", "json")
    assert code == 0, (text, err)
    facts = json.loads(out)
    assert (facts["rows_in"], facts["kidnappings"], sum(facts["rejected"].values())) == (2, 1, 1)


def test_an_unknown_table_names_the_way_out(run: Run, log: Path) -> None:
    code, out, err = run("read", log)
    assert (code, out) == (2, "")
    assert "--propose-mapping" in err


def test_import_status_merge_and_export(run: Run, good: Path, tmp_path: Path) -> None:
    store = tmp_path / "incidents.db"
    acled = tmp_path / "acled.csv"
    write_made_acled(acled, 200)
    code, out, _ = run("import", good, "--on", "2025-03-01", "--store", store, "--format", "json")
    assert code == 0
    first = json.loads(out)["imports"][0]
    assert (first["added"], first["revised"], first["rejected"]) == (3, 0, 0)
    code, out, _ = run("import", good, acled, "--store", store, "--format", "json")
    again, made = json.loads(out)["imports"]
    assert (again["added"], again["unchanged"]) == (0, 3)
    assert made["added"] + made["rejected"] == 200

    code, out, _ = run("status", "--store", store)
    assert code == 0
    assert "good.csv" in out
    assert "never" in out
    assert run("merge", "--store", store)[0] == 0
    facts = json.loads(run("status", "--store", store, "--format", "json")[1])
    assert [one["source"] for one in facts["sources"]] == ["acled", "mine"]

    old = tmp_path / "old.csv"
    assert run("export", "--store", store, "--as-of", "2025-03-01", "--out", old)[0] == 0
    assert read_incidents(old)["incident_id"].tolist() == ["a", "b", "c"]
    everything = tmp_path / "all.parquet"
    code, _, err = run("export", "--store", store, "--merged", "--out", everything)
    assert code == 0
    assert f"{len(read_incidents(everything)):,} rows written" in err
    code, _, err = run("export", "--store", store, "--out", everything)
    assert code == 2
    assert "overwrite" in err


def test_ids_that_a_source_withdrew(run: Run, good: Path, tmp_path: Path) -> None:
    store, ids = tmp_path / "incidents.db", tmp_path / "deleted.txt"
    ids.write_text("b\nunheard-of\n", encoding="utf-8")
    assert run("import", good, "--store", store)[0] == 0
    code, out, _ = run(
        "import", "--deleted", ids, "--source", "mine", "--store", store, "--format", "json"
    )
    assert code == 0
    assert json.loads(out)["imports"][0]["deleted"] == 1
    facts = json.loads(run("status", "--store", store, "--format", "json")[1])
    assert (facts["sources"][0]["rows"], facts["sources"][0]["deleted"]) == (2, 1)
    assert run("import", "--deleted", ids, "--store", store)[0] == 2


def test_files_are_merged_without_a_store(run: Run, good: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(csv_text(rows({"source": "theirs"})), encoding="utf-8")
    merged, pairs = tmp_path / "merged.csv", tmp_path / "pairs.csv"
    code, _, _ = run("merge", good, other, "--out", merged, "--pairs", pairs)
    assert code == 0
    table = read_incidents(merged)
    assert len(table) == 3
    assert table["provenance"].notna().sum() == 1
    assert len(pd.read_csv(pairs)) >= 1


def test_the_store_may_be_named_by_the_environment(
    run: Run, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIDNAPRISK_STORE", str(tmp_path / "named.db"))
    assert run("import", good)[0] == 0
    assert (tmp_path / "named.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "--store", "x.db"],
        ["merge", "--store", "x.db", "--out", "y.csv"],
        ["export", "--store", "nowhere/x.db", "--out", "y.csv"],
        ["export", "--store", "misspelt.db", "--out", "y.csv"],
        ["status", "--store", "misspelt.db"],
        ["merge", "--store", "misspelt.db"],
        ["status", "--store", "ann:opensesame@db.example/risk"],
        ["import", "absent.csv", "--store", "{}/x.db"],
        ["import", "absent.csv", "--on", "yesterday", "--store", "{}/x.db"],
        ["read", "absent.csv", "--propose-mapping"],
        ["read", "absent.csv", "--source", "aclde"],
        ["fetch", "gdelt", "--into", "{}/g", "--since", "2026-01-01"],
        ["fetch", "ucdp", "--into", "{}/u"],
        ["fetch", "ucdp", "--into", "{}/u", "--version", "25.1", "--countries", "Niger"],
    ],
)
def test_bad_input_is_one_line_and_code_2(
    run: Run, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*(argument.replace("{}", str(tmp_path)) for argument in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("kidnaprisk: ")
    assert err.count("\n") == 1
    assert "opensesame" not in err
    assert not (tmp_path / "misspelt.db").exists()


def test_credentials_are_asked_for_by_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KIDNAPRISK_ACLED_USERNAME", "KIDNAPRISK_ACLED_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = run("fetch", "acled", "--into", tmp_path / "a", "--countries", "Niger")
    assert code == 2
    assert "KIDNAPRISK_ACLED_USERNAME" in err
