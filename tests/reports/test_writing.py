"""A report file is whole or not there, keeps its permissions, and leaves nothing beside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kidnaprisk.errors import StoreError
from kidnaprisk.reports.writing import write_text


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trip.json"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device \(file trip.json\)"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["trip.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target.txt"
    target.write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_permissions_are_kept_and_new_files_follow_the_umask(tmp_path: Path) -> None:
    private = tmp_path / "private.txt"
    private.write_text("old")
    private.chmod(0o600)
    write_text(private, "new")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "fresh.txt", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "fresh.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["nowhere/trip.txt", ".", "file.txt/trip.txt", "nul\0byte"])
def test_what_cannot_be_written_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(StoreError, match="name a file"):
        write_text(tmp_path / name, "text")


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_text(os.devnull, "text")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_text_is_utf8_with_plain_newlines(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Téra\n")
    assert (tmp_path / "a.txt").read_bytes() == "Téra\n".encode()
