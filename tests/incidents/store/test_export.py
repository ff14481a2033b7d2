from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
from geopandas.testing import assert_geodataframe_equal

from kidnaprisk.errors import CoverageError, StoreError
from kidnaprisk.incidents.coverage import coverage_of
from kidnaprisk.incidents.read import read_incidents
from kidnaprisk.incidents.store import IncidentStore
from tests.incidents.store.tables import FIRST, SECOND, WHOLE, table


@pytest.fixture
def filled(store: IncidentStore) -> IncidentStore:
    rows = table({}, {"country": "NA", "victims": "", "foreign_victims": ""}, {"kind": "battle"})
    store.upsert(rows, on=FIRST, coverage=WHOLE)
    store.delete("mine", ["a"], on=SECOND)
    return store


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_what_is_exported_is_read_back(filled: IncidentStore, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert filled.export(path, day=FIRST) == 3
    back = read_incidents(path)
    assert_geodataframe_equal(back, filled.as_of(FIRST))
    assert coverage_of(back) == (WHOLE,)
    assert sorted(each.name for each in tmp_path.glob("[!s]*")) == ["out.coverage.toml", name]


def test_a_geopackage_opens_in_a_geographic_system(filled: IncidentStore, tmp_path: Path) -> None:
    path = tmp_path / "out.gpkg"
    filled.export(path, day=FIRST, kinds=["kidnapping"])
    layer = gpd.read_file(path, layer="incidents")
    held = filled.as_of(FIRST, kinds=["kidnapping"])
    assert layer["incident_id"].tolist() == held["incident_id"].tolist()
    assert layer["date"].tolist() == ["2025-01-18"] * 2
    assert layer["country"].tolist() == ["BF", "NA"]
    assert layer.crs.to_epsg() == 4326
    assert layer.geometry.geom_equals(held.geometry).all()


def test_without_a_day_what_is_held_now_is_exported(filled: IncidentStore, tmp_path: Path) -> None:
    assert filled.export(tmp_path / "now.csv") == 2


def test_a_file_that_is_there_is_kept_unless_said_otherwise(
    filled: IncidentStore, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("precious")
    with pytest.raises(StoreError, match=r"is there already.*overwrite=True"):
        filled.export(path)
    assert path.read_text() == "precious"
    assert filled.export(path, overwrite=True) == 2
    assert len(read_incidents(path)) == 2


def test_other_endings_and_folders_are_refused(filled: IncidentStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"name it \.parquet, \.gpkg"):
        filled.export(tmp_path / "out.xlsx")
    with pytest.raises(StoreError, match="is a folder"):
        filled.export(tmp_path)
    with pytest.raises(StoreError, match="cannot be written"):
        filled.export(tmp_path / "nowhere" / "out.csv")


def test_an_export_that_fails_leaves_what_was_there(filled: IncidentStore, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    filled.export(path, day=FIRST)
    before = path.read_bytes()
    with pytest.raises(CoverageError):
        filled.export(path, countries=["ML"], overwrite=True)
    assert path.read_bytes() == before
