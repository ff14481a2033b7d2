"""The journal: whole lines or none, and damage is never passed over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ArtifactError
from kidnaprisk.lifecycle import journal

ROOT = Path(kr.__file__).resolve().parents[1]


def test_records_come_back_in_order_and_as_they_were(tmp_path):
    path = tmp_path / "new" / "runs.jsonl"
    records = [
        {"run": 1, "place": "Téra\u2028\n\x85x", "share": 0.1, "none": None, "list": [1, {"a": 2}]},
        {},
        {"run": 3, "true": True},
    ]
    for record in records:
        journal.append(path, record)
    assert journal.read(path) == records
    assert path.read_bytes().count(b"\n") == 3


def test_no_file_is_no_record(tmp_path):
    assert journal.read(tmp_path / "runs.jsonl") == []


def test_a_torn_end_is_not_read_and_is_cut_off_wherever_it_was_torn(tmp_path):
    path = tmp_path / "runs.jsonl"
    journal.append(path, {"run": 1, "text": "x" * 70_000})
    whole = path.read_bytes()
    second = json.dumps({"run": 2, "place": "Téra", "deep": {"a": [1, 2]}}).encode()
    for cut in range(1, len(second)):
        path.write_bytes(whole + second[:cut])
        assert [one["run"] for one in journal.read(path)] == [1]
        journal.append(path, {"run": 3})
        assert path.read_bytes() == whole + b'{"run": 3}\n'


def test_a_first_line_that_was_torn_is_cut_off_too(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"run": "' + b"x" * 200_000)
    assert journal.read(path) == []
    journal.append(path, {"run": 1})
    assert path.read_bytes() == b'{"run": 1}\n'


def test_a_whole_last_line_without_its_end_is_kept(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"run": 1}\n{"run": 2}')
    assert len(journal.read(path)) == 2
    journal.append(path, {"run": 3})
    assert journal.read(path) == [{"run": 1}, {"run": 2}, {"run": 3}]


@pytest.mark.parametrize(
    "line", ["", "{", "[1]", "7", "null", "{'run': 2}", "\x00\x00", "[" * 100_000]
)
def test_other_damage_is_told_with_its_row(tmp_path, line):
    path = tmp_path / "runs.jsonl"
    path.write_text(f'{{"run": 1}}\n{line}\n{{"run": 3}}\n')
    with pytest.raises(ArtifactError, match="row 2") as caught:
        journal.read(path)
    assert caught.value.remedy
    assert caught.value.file == str(path)


def test_bytes_that_are_no_text_are_told(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"run": "\xff\xfe"}\n')
    with pytest.raises(ArtifactError, match="row 1"):
        journal.read(path)


@pytest.mark.parametrize("bad", [{"a": float("nan")}, {"a": float("inf")}, {"a": object()}])
def test_what_json_cannot_hold_is_an_error_and_writes_nothing(tmp_path, bad):
    path = tmp_path / "runs.jsonl"
    journal.append(path, {"run": 1})
    with pytest.raises((TypeError, ValueError)):
        journal.append(path, bad)
    assert journal.read(path) == [{"run": 1}]


def test_a_folder_in_its_place_is_told(tmp_path):
    with pytest.raises(ArtifactError, match="written"):
        journal.append(tmp_path, {"run": 1})
    with pytest.raises(ArtifactError, match="read"):
        journal.read(tmp_path)


def test_a_sync_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl"
    journal.append(path, {"run": 1})

    def fails(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(ArtifactError, match="No space left"):
        journal.append(path, {"run": 2})
    assert path.read_bytes() == b'{"run": 1}\n'


def test_a_full_disk_leaves_whole_lines(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here (not root, or no right to mount)")
    try:
        path = disk / "runs.jsonl"

        def fill():
            for run in range(1_000):
                journal.append(path, {"run": run, "text": "x" * 5_000})

        with pytest.raises(ArtifactError, match="No space left"):
            fill()
        read = [one["run"] for one in journal.read(path)]
        assert read == list(range(len(read)))
        assert read
        assert path.read_bytes().endswith(b"}\n")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_writer_killed_before_its_line_is_synced_harms_nothing(tmp_path):
    path = tmp_path / "runs.jsonl"
    code = f"""
        import os, signal, sys; sys.path.insert(0, {str(ROOT)!r})
        from kidnaprisk.lifecycle import journal
        journal.append({str(path)!r}, {{"run": 1}})
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        journal.append({str(path)!r}, {{"run": 2}})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [one["run"] for one in journal.read(path)][:1] == [1]
    journal.append(path, {"run": 3})
    assert [one["run"] for one in journal.read(path)][-1] == 3
