"""Two vintages of one country's records, imported in turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from geopandas.testing import assert_geodataframe_equal

from kidnaprisk.incidents.read import read_incidents
from kidnaprisk.incidents.store import IncidentStore


@pytest.fixture
def vintages(shared_dir: Path) -> tuple[Path, Path]:
    folder = shared_dir / "incidents" / "acled"
    return (
        folder / "acled_BFA_api_variant.csv",
        folder / "acled_BFA_1997-2020-12-10_export.csv",
    )


def test_a_later_vintage_revises_three_rows_adds_thirty_and_doubles_none(
    vintages: tuple[Path, Path], tmp_path: Path
) -> None:
    store = IncidentStore(tmp_path / "incidents.db")
    first = store.import_file(vintages[0], on="2020-11-20")
    second = store.import_file(vintages[1], on="2020-12-10")
    assert (first.rows_in, first.added, first.rejected) == (2980, 2980, 0)
    assert (second.rows_in, second.added, second.revised) == (3010, 30, 3)
    for vintage, day in zip(vintages, ("2020-12-09", "2020-12-10"), strict=True):
        read = read_incidents(vintage).sort_values(["source", "incident_id"], ignore_index=True)
        held = store.as_of(day)
        assert_geodataframe_equal(held, read)
        assert held.attrs["coverage"] == read.attrs["coverage"]
