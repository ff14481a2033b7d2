"""Damaged files of every format: our errors come out or a sound table, and nothing else.

A sample of fixed seed runs with the other tests. KIDNAPRISK_FUZZ=20000 says how many files instead;
`pytest -rP` then shows what came of them.
"""

from __future__ import annotations

import os
import resource
import signal
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

from kidnaprisk.errors import KidnapRiskError
from kidnaprisk.incidents.read import read_batches, read_incidents
from kidnaprisk.incidents.table import validate_incidents
from tests.incidents.fuzzing import damaged, written
from tests.incidents.invented import MAPPING, SEEDS

FILES = int(os.environ.get("KIDNAPRISK_FUZZ", "195"))
MOST_SECONDS = 20.0
# What the rows around a row tell of it (which comes first, the day or the month; which points stand
# for many names; which of two like rows is the first) is told from those of the same part.
BY_NEIGHBOURS = {
    "acled_before_2019",
    "awsd",
    "gtd",
    "gtd_headerless",
    "kika_plain",
    "mapped",
    "nst",
}
MOST_MB = 600

Read = tuple[gpd.GeoDataFrame, pd.DataFrame]


class TooLong(BaseException):
    """A file took longer than any such file may: no error of the library's could say so."""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read(path: Path, mapping: Path | None) -> Read | str:
    try:
        return read_incidents(path, mapping=mapping, return_rejects=True)
    except KidnapRiskError as error:
        # What was wrong, and what to do about it.
        return str(error) if error.remedy else pytest.fail(f"no remedy: {error}")


def in_batches(path: Path, mapping: Path | None, rows: int) -> Read | str:
    try:
        batches = list(read_batches(path, mapping=mapping, rows=rows))
    except KidnapRiskError as error:
        return str(error)
    tables = [[one.incidents for one in batches], [one.rejects for one in batches]]
    tables = [[part for part in parts if len(part)] or parts[:1] for parts in tables]
    incidents, rejects = (pd.concat(parts, ignore_index=True) for parts in tables)
    return incidents, rejects


def assert_sound(incidents: gpd.GeoDataFrame, rejects: pd.DataFrame) -> None:
    summary = incidents.attrs["summary"]
    assert summary["rows_in"] == len(incidents) + len(rejects) > 0
    assert sum(summary["rejected"].values()) == len(rejects)
    assert summary["kidnappings"] == int((incidents["kind"] == "kidnapping").sum())
    assert rejects["row"].is_unique
    assert not rejects[["reason", "column", "remedy", "original"]].isna().any(axis=None)
    needed = ["incident_id", "source", "kind", "date", "date_end", "known_on", "country"]
    assert not incidents[needed].isna().any(axis=None)
    assert incidents["incident_id"].is_unique
    lon, lat = incidents.geometry.x, incidents.geometry.y
    assert lon.between(-180, 180).all()
    assert lat.between(-90, 90).all()
    assert incidents["location_error_km"].dropna().between(0, 2000).all()
    for column in ("victims", "foreign_victims", "ransom_usd"):
        assert incidents[column].dropna().ge(0).all()
    bare = incidents.copy()
    bare.attrs = {}
    assert_geodataframe_equal(validate_incidents(bare), bare)


def check(path: Path, mapping: Path | None, number: int) -> str:
    """Read one file, say what came of it; every fourth is read again, every fourth in parts."""
    with limit(MOST_SECONDS), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read(path, mapping)
        if number % 4 == 1:
            assert_same(found, read(path, mapping), "read again")
        if number % 4 == 3 and not path.name.endswith((".parquet", ".geojson")):
            exact = path.name.rpartition("_")[0] not in BY_NEIGHBOURS
            assert_same(found, in_batches(path, mapping, 3), "read in parts", exact=exact)
    if isinstance(found, str):
        return "refused"
    assert_sound(*found)
    if not len(found[1]):
        return "whole"
    return "in part" if len(found[0]) else "all rejected"


def assert_same(found: Read | str, again: Read | str, how: str, *, exact: bool = True) -> None:
    if isinstance(found, str) or isinstance(again, str):
        assert found == again, f"{how}: {found!r} is {again!r}"
        return
    if not exact:
        assert sum(map(len, found)) == sum(map(len, again)), how
        return
    for one, other in zip(found, again, strict=True):
        left, right = one.copy(), other.copy()
        left.attrs = right.attrs = {}
        try:
            assert_frame_equal(left, right)
        except AssertionError as error:
            error.add_note(how)
            raise


@pytest.mark.parametrize(
    ("name", "kidnappings", "rejected"),
    [
        ("own", 5, 0),
        ("acled", 3, 0),
        ("acled_before_2019", 5, 0),  # told from the notes
        ("gtd", 3, 1),  # one of specificity 5
        ("gtd_headerless", 3, 1),
        ("ucdp", 0, 0),
        ("awsd", 2, 0),
        ("kika", 5, 0),
        ("kika_plain", 5, 0),
        ("nst", 5, 0),
        ("gdelt", 2, 0),
        ("gdelt_headerless", 2, 0),
        ("mapped", 2, 0),
    ],
)
def test_what_is_damaged_is_sound_before(
    name: str, kidnappings: int, rejected: int, tmp_path: Path, mapping: Path
) -> None:
    # Only text files may have no header.
    textual = name.endswith("headerless")
    for container in ("tsv", "csv.gz") if textual else ("csv", *_two_more(name)):
        path = tmp_path / f"sound.{container}"
        path.write_bytes(written(SEEDS[name], container))
        incidents, rejects = read(path, mapping if name == "mapped" else None)
        assert (incidents["kind"] == "kidnapping").sum() == kidnappings
        assert len(rejects) == rejected
        assert len(incidents) + len(rejects) == 5


def _two_more(name: str) -> tuple[str, str]:
    """Two containers, so that over all formats each has its turn."""
    others = ("tsv", "xlsx", "parquet", "csv.gz", "geojson")
    at = list(SEEDS).index(name)
    return others[at % 5], others[(at + 2) % 5]


@pytest.mark.parametrize("name", SEEDS)
def test_damaged(name: str, tmp_path: Path, mapping: Path) -> None:
    outcomes: Counter[str] = Counter()
    started = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(-(-FILES // len(SEEDS))):
        path = damaged(name, number, tmp_path)
        try:
            outcomes[check(path, mapping if name == "mapped" else None, number)] += 1
        except BaseException as error:
            error.add_note(f"the file is damaged({name!r}, {number}, folder)")
            raise
        path.unlink()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    print(f"{name}: {dict(outcomes)}, {time.perf_counter() - started:.0f} s, {grown:.0f} MB more")
    assert grown < MOST_MB
