"""The package as a whole: what importing it does, and what a wheel of it carries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import kidnaprisk

ROOT = Path(__file__).resolve().parents[1]

# For a fresh interpreter: an audit hook cannot be taken off again.
WATCHED_IMPORT = """
import json, os, sys

wrote, reached = [], []
WRITES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate"}

def watch(event, args):
    if event == "open":
        path, mode, flags = args
        if (mode and set("wax+") & set(mode)) or flags & (os.O_WRONLY | os.O_RDWR):
            wrote.append(str(path))
    elif event in WRITES:
        wrote.append(str(args[0]))
    elif event.startswith(("socket.", "urllib.", "http.", "ftplib.")):
        reached.append(event)

sys.addaudithook(watch)
import kidnaprisk
print(json.dumps({"wrote": wrote, "reached": reached, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, list[str]]:
    """What one fresh ``import kidnaprisk`` wrote, reached and loaded."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED_IMPORT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    watched: dict[str, list[str]] = json.loads(done.stdout)
    return watched


@pytest.mark.parametrize("module", ["matplotlib", "numba", "scipy.stats", "sklearn"])
def test_import_leaves_heavy_libraries_for_later(
    imported: dict[str, list[str]], module: str
) -> None:
    assert module not in imported["modules"]


def test_import_touches_no_network(imported: dict[str, list[str]]) -> None:
    assert imported["reached"] == []


def test_import_writes_nothing_but_bytecode(imported: dict[str, list[str]]) -> None:
    assert [path for path in imported["wrote"] if "__pycache__" not in path] == []


def test_every_public_name_resolves() -> None:
    assert kidnaprisk.__all__
    assert len(set(kidnaprisk.__all__)) == len(kidnaprisk.__all__)
    assert [name for name in kidnaprisk.__all__ if not hasattr(kidnaprisk, name)] == []
    assert set(kidnaprisk.__all__) <= set(dir(kidnaprisk))


def build(source: Path, target: str, into: Path) -> Path:
    """Build a wheel or sdist of the tree at ``source``, offline."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build(ROOT, "sdist", folder / "built")) as sdist:
        sdist.extractall(folder, filter="data")
    (top,) = folder.glob("kidnaprisk-*")
    return top


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def bundled(folder: str) -> set[str]:
    """Files below a top folder that a wheel should carry, as the wheel names them."""
    top = ROOT / folder
    return {
        f"kidnaprisk/{path.relative_to(ROOT).as_posix()}"
        for path in top.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and top / "rebuild" not in path.parents
    }


def test_wheel_carries_code_data_and_models(wheel: Path) -> None:
    names = names_in(wheel)
    assert {"kidnaprisk/data/incidents.csv", "kidnaprisk/data/regions.fgb"} <= names
    assert any(name.startswith("kidnaprisk/data/towns") for name in names)
    assert any(name.startswith("kidnaprisk/models/") for name in names)
    assert "kidnaprisk/py.typed" in names
    assert bundled("data") | bundled("models") <= names


def test_wheel_carries_nothing_else(wheel: Path) -> None:
    names = names_in(wheel)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"kidnaprisk"}
    assert [name for name in names if "data/rebuild" in name or "__pycache__" in name] == []


def test_wheel_from_the_sdist_is_the_same(
    wheel: Path, unpacked_sdist: Path, tmp_path: Path
) -> None:
    assert names_in(build(unpacked_sdist, "wheel", tmp_path / "wheel")) == names_in(wheel)


def test_sdist_carries_what_a_packager_needs(unpacked_sdist: Path) -> None:
    for name in ["LICENSE", "Makefile", "data/rebuild", "examples", "tests/test_package.py"]:
        assert (unpacked_sdist / name).exists(), name


def test_installed_wheel_finds_its_own_data_and_models(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "from kidnaprisk.bundled import data_path, models_path;"
        "print(data_path('incidents.csv'));"
        "print(models_path())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    data, models = map(Path, done.stdout.splitlines())
    assert data == tmp_path / "kidnaprisk" / "data" / "incidents.csv"
    assert models == tmp_path / "kidnaprisk" / "models"
    assert models.is_dir()


def test_oldest_lock_pins_every_lower_bound() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["excel"], *extras["parquet"]]
    lock = (ROOT / ".ci" / "oldest.lock").read_text()
    pinned = dict(line.split(" ")[0].split("==") for line in lock.splitlines() if "==" in line)
    for requirement in required:
        name, bound = requirement.split(">=")
        assert (pinned[name] + ".").startswith(bound + "."), f"{requirement}: run make lock"
