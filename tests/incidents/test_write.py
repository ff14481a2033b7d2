"""What is written is read back as it was, whatever the table."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.errors import IncidentError, StoreError
from kidnaprisk.incidents.coverage import Coverage, coverage_of, read_coverage
from kidnaprisk.incidents.read import load_catalogue, read_incidents
from kidnaprisk.incidents.table import validate_incidents
from kidnaprisk.incidents.vocabulary import COUNTRIES, DEMANDS, KINDS, OUTCOMES, SECTORS, SETTINGS
from kidnaprisk.incidents.write import write_incidents
from tests.incidents.samples import in_memory


def _words(known: frozenset[str]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(sorted(known))


DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2090, 12, 31))
# Any text at all, but for what no text may hold: those characters are refused, and tested so.
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).filter(
    lambda text: text not in {"-9", "-99", "-999"}
)
AMOUNTS = st.none() | st.floats(0, 1e12, allow_nan=False)


@st.composite
def tables(draw: st.DrawFn) -> gpd.GeoDataFrame:
    """A valid table of one to three rows, every column filled or not."""
    ids = draw(st.lists(st.integers(0, 10**9), min_size=1, max_size=3, unique=True))
    changes: list[dict[str, object]] = []
    for number in ids:
        day = draw(DAYS)
        victims = draw(st.none() | st.integers(0, 10**6))
        changes.append(
            {
                "incident_id": f"id {number}",
                "source": "mine",
                "kind": draw(st.sampled_from(sorted(KINDS))),
                "date": day,
                "date_end": day + dt.timedelta(draw(st.integers(0, 400))),
                "known_on": draw(st.none() | st.just(day + dt.timedelta(3))),
                "longitude": draw(st.floats(-180, 180)),
                "latitude": draw(st.floats(0.001, 90)),
                "location_error_km": draw(st.floats(0, 2000)),
                "country": draw(st.sampled_from(sorted(COUNTRIES))),
                "admin1": draw(TEXTS),
                "place": draw(TEXTS),
                "setting": draw(_words(SETTINGS)),
                "victims": victims,
                "foreign_victims": draw(st.none() | st.integers(0, victims or 0)),
                "nationalities": draw(st.sampled_from([None, "NA", "MA;BF", "XK;NA;NE"])),
                "sector": draw(_words(SECTORS)),
                "perpetrator": draw(TEXTS),
                "demand": draw(_words(DEMANDS)),
                "outcome": draw(_words(OUTCOMES)),
                "outcome_date": draw(st.none() | st.just(day)),
                "ransom_usd": draw(AMOUNTS),
                "source_url": draw(TEXTS),
            }
        )
    return validate_incidents(in_memory(*changes))


@settings(max_examples=15)
@given(table=tables())
def test_a_table_written_and_read_is_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, table: gpd.GeoDataFrame
) -> None:
    path = tmp_path_factory.mktemp("round") / "incidents.csv.gz"
    write_incidents(table, path)
    back, rejects = read_incidents(path, return_rejects=True)
    assert len(rejects) == 0
    assert_geodataframe_equal(back, table, check_less_precise=False)
    np.testing.assert_array_equal(back.geometry.x, table.geometry.x)
    np.testing.assert_array_equal(back["location_error_km"], table["location_error_km"])


@settings(max_examples=15)
@given(table=tables(), dice=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_their_index_are_irrelevant(
    table: gpd.GeoDataFrame, dice: object
) -> None:
    order = list(range(len(table)))
    dice.shuffle(order)  # type: ignore[attr-defined]
    shuffled = validate_incidents(table.iloc[order])
    assert_geodataframe_equal(
        shuffled.set_index("incident_id").loc[table["incident_id"]].reset_index()[table.columns],
        table,
    )


def test_the_coverage_goes_beside_the_file_and_comes_back(tmp_path: Path) -> None:
    catalogue = load_catalogue()
    write_incidents(catalogue, tmp_path / "copy.csv.gz")
    back = read_incidents(tmp_path / "copy.csv.gz")
    assert coverage_of(back) == coverage_of(catalogue)
    assert_geodataframe_equal(back, catalogue)
    odd = Coverage('a "b"\\\n\x7f', ("MA",), dt.date(2020, 1, 1), dt.date(2020, 1, 1), True, "é\t")
    table = validate_incidents(in_memory({}))
    table.attrs["coverage"] = [odd.to_dict()]
    write_incidents(table, tmp_path / "odd.csv")
    assert read_coverage(tmp_path / "odd.coverage.toml") == (odd,)


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    table = validate_incidents(in_memory({}, {}))
    write_incidents(table, tmp_path / "a.csv.gz")
    write_incidents(table, tmp_path / "b.csv.gz")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    table = validate_incidents(in_memory({}))
    with pytest.raises(StoreError, match=r"written as CSV.*a\.xlsx.*\.csv"):
        write_incidents(table, tmp_path / "a.xlsx")
    with pytest.raises(StoreError, match="cannot be written"):
        write_incidents(table, tmp_path / "none" / "a.csv")
    with pytest.raises(IncidentError, match="no coordinate reference"):
        write_incidents(table.set_crs(None, allow_override=True), tmp_path / "a.csv")
