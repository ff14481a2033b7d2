"""Where the real files lie: outside the project, since their terms bar them from it."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared_dir():
    """The folder of real files, or a skip that says how to name it."""
    named = os.environ.get("KIDNAPRISK_SHARED")
    folder = Path(named) if named else PROJECT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no real files at {folder}: set KIDNAPRISK_SHARED to their folder")
    return folder
