"""A full disk, and a folder that cannot be written: told clearly, the champion untouched."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import kidnaprisk as kr
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

DAY = dt.date(2023, 6, 5)
LATER = DAY + dt.timedelta(days=7)


def mounted(where: Path, *options: str) -> None:
    where.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(where)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few MB with a published model, its configuration and its feed."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    disk = tmp_path / "disk"
    mounted(disk, "-o", "size=12m")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def filled(disk: Path, left: int) -> Path:
    """Fill a disk up to some bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb") as stream:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        stream.write(b"\0" * max(0, free - left))
    return ballast


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_full_disk(small: Path, share: float) -> None:
    config = nights.put_config(small)
    nights.put_feed(small, nights.made_up())
    assert nights.night(config, DAY).decision == "published"
    champion = kr.Registry(small / "models").current()
    before = digests(small / "models")
    # Room for a part of what the next version takes.
    version = kr.Registry(small / "models").path()
    taken = sum(path.stat().st_size for path in version.iterdir())
    ballast = filled(small, int(share * taken))
    with pytest.raises(kr.KidnapRiskError, match=r"(?i)space|full|disk|room") as told:
        nights.night(config, LATER)
    assert not isinstance(told.value, kr.ModelError)
    assert kr.Registry(small / "models").current() == champion
    kr.load_model(small / "models")
    after = digests(small / "models")
    assert {name: after[name] for name in before if "journal" not in name} == {
        name: digest for name, digest in before.items() if "journal" not in name
    }
    ballast.unlink()
    # With room again the next run goes through, and nothing is left behind.
    assert nights.night(config, LATER).decision == "published"
    assert not list((small / "models").rglob(".aside-*"))


@pytest.mark.parametrize("what", ["models", "retrain"])
def test_a_folder_that_cannot_be_written(small: Path, what: str) -> None:
    config = nights.put_config(small)
    nights.put_feed(small, nights.made_up())
    assert nights.night(config, DAY).decision == "published"
    champion = kr.Registry(small / "models").current()
    folder, away = small / what, small / "away"
    shutil.copytree(folder, away)
    mounted(folder, "-o", "size=12m")
    try:
        shutil.copytree(away, folder, dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        before = digests(folder)
        with pytest.raises(kr.KidnapRiskError, match=r"(?i)read-only|permission|written"):
            nights.night(config, LATER)
        assert digests(folder) == before
        assert kr.Registry(small / "models").current() == champion
        kr.load_model(small / "models")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
