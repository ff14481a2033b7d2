"""The bundled catalogue: what its card and its coverage say of it is so."""

from __future__ import annotations

import csv
import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pytest

from kidnaprisk.bundled import data_path
from kidnaprisk.incidents.coverage import coverage_of
from kidnaprisk.incidents.read import load_catalogue

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def catalogue() -> gpd.GeoDataFrame:
    return load_catalogue()


@pytest.fixture(scope="module")
def cells() -> list[dict[str, str]]:
    with data_path("incidents.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_row_is_read_and_nothing_is_assumed(catalogue: gpd.GeoDataFrame) -> None:
    assert len(catalogue) == 719
    assert catalogue.attrs["notes"] == []
    assert catalogue["incident_id"].is_unique


def test_the_haul_to_niamey_is_there(catalogue: gpd.GeoDataFrame) -> None:
    row = catalogue.set_index("incident_id").loc["KR-BF-20250118-1"]
    assert (row["country"], row["setting"], row["sector"]) == ("BF", "road", "transport")
    assert (row["victims"], row["nationalities"]) == (4, "MA")
    # Between Dori (0.03 W, 14.04 N) and Téra (0.75 E, 14.01 N).
    assert -0.1 < row.geometry.x < 0.8
    assert 13.9 < row.geometry.y < 14.4


def test_known_on_is_a_week_after_the_last_possible_day(cells: list[dict[str, str]]) -> None:
    for row in cells:
        delay = dt.date.fromisoformat(row["known_on"]) - dt.date.fromisoformat(row["date_end"])
        assert delay == dt.timedelta(days=7), row["incident_id"]


def test_every_row_has_a_public_page(catalogue: gpd.GeoDataFrame) -> None:
    for urls in catalogue["source_url"]:
        # Some addresses have a semicolon of their own.
        pages = re.split(r";(?=https?://)", urls)
        assert all(re.fullmatch(r"https?://[^/ ]+\.[^/ ]+/[^ ]*", page) for page in pages), urls


def test_the_one_address_that_held_a_name_is_cut_back(cells: list[dict[str, str]]) -> None:
    (row,) = [row for row in cells if row["incident_id"] == "KR-NG-20240107-2"]
    assert row["source_url"] == "https://www.alltimepost.com/"


def test_the_coverage_covers_the_rows_it_speaks_for(catalogue: gpd.GeoDataFrame) -> None:
    coverages = coverage_of(catalogue)
    assert [coverage.systematic for coverage in coverages] == [False, False]
    for row in catalogue.itertuples():
        held = [
            coverage
            for coverage in coverages
            if row.country in {area[:2] for area in coverage.areas}
            and coverage.start <= row.date.date()
            and row.date_end.date() <= coverage.end
        ]
        assert len(held) == 1, row.incident_id
    named = {area for coverage in coverages for area in coverage.areas}
    # Of Sudan only Darfur was searched.
    assert "SD" not in named
    assert set(catalogue.loc[catalogue["country"] == "SD", "admin1"]) == {
        "Central Darfur",
        "East Darfur",
        "North Darfur",
        "South Darfur",
    }


def test_the_card_counts_what_is_there() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "data/rebuild/incidents.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_file_has_unix_line_ends_and_no_mark() -> None:
    content = data_path("incidents.csv").read_bytes()
    assert b"\r" not in content
    assert content.startswith(b"incident_id,")
    assert content.endswith(b"\n")
