"""A made-up feed, and a folder in which one night was done with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.lifecycle import nights


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """Synthetic kidnappings; not to be changed."""
    return nights.made_up()


@pytest.fixture(scope="session")
def first_night(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One night done; not to be changed."""
    folder = tmp_path_factory.mktemp("first")
    nights.put_feed(folder, table)
    assert nights.night(nights.put_config(folder, nights.LAX), nights.DAY).decision == "published"
    return folder


@pytest.fixture
def folder(first_night: Path, tmp_path: Path) -> Path:
    """The same, of one's own."""
    shutil.copytree(first_night, tmp_path / "own")
    return tmp_path / "own"
