"""The UCDP format, on rows invented for the purpose; codes as the UCDP GED codebook has them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.incidents.formats.tabled import Tabled
from kidnaprisk.incidents.formats.ucdp import UcdpFormat
from kidnaprisk.incidents.table import draft_incidents, finish_incidents

ROW = {
    "id": "900001",
    "type_of_violence": "1",
    "side_a": "Government of Nowhere",
    "side_b": "An invented front",
    "source_article": '"A title, 2014-02-05"',
    "source_headline": "Gunmen kidnap a bus full of people",
    "where_prec": "1",
    "where_coordinates": "Invented town",
    "adm_1": "Tillabéri region",
    "latitude": "14.5",
    "longitude": "1.5",
    "country": "Niger",
    "date_prec": "1",
    "date_start": "2014-02-03",
    "date_end": "2014-02-04",
    "best": "2",
}


def table(*changes: dict[str, str | None]) -> Tabled:
    rows = [{**ROW, **change} for change in changes]
    return UcdpFormat().to_table(pd.DataFrame(rows, columns=list(ROW), dtype="object"))


def one(**changes: str | None) -> pd.Series:
    return table(changes).frame.iloc[0]


def rejected(**changes: str | None) -> list[str]:
    return [fault.column for fault in table(changes).faults if fault.rows.any()]


def test_it_knows_its_own_header_and_no_other():
    assert UcdpFormat().recognises(list(ROW))
    others = [
        ["event_id_cnty", "event_date", "event_type", "country", "latitude", "longitude"],
        ["eventid", "iyear", "imonth", "iday", "country_txt", "latitude", "longitude"],
        ["id", "date_start", "date_end", "country", "latitude", "longitude", "where_prec"],
    ]
    assert not any(UcdpFormat().recognises(header) for header in others)


@pytest.mark.parametrize(
    ("violence", "kind"), [("1", "battle"), ("2.0", "battle"), ("3", "attack")]
)
def test_every_event_is_context(violence, kind):
    assert one(type_of_violence=violence)["kind"] == kind


def test_a_type_nobody_knows_is_left_for_the_table_to_refuse():
    assert one(type_of_violence="4")["kind"] == "4"


def test_a_headline_makes_no_kidnapping():
    tabled = table({})
    assert tabled.texts is None
    assert not tabled.codes_kidnappings


@pytest.mark.parametrize("given_id", ["900001", "900001.0", " 900001 "])
def test_ids_are_whole_numbers_however_they_are_written(given_id):
    assert one(id=given_id)["incident_id"] == "UCDP-900001"


def test_an_id_that_a_spreadsheet_rounded_is_told():
    assert rejected(id="9.0E+05") == ["id"]


@pytest.mark.parametrize(
    ("precision", "error_km"),
    [("1", 5.0), ("2.0", 25.0), ("3", 50.0), ("4", 100.0), ("5", 100.0)],
)
def test_precision(precision, error_km):
    assert one(where_prec=precision)["location_error_km"] == error_km


@pytest.mark.parametrize("precision", ["6", "7.0"])
def test_a_row_placed_in_its_country_only_is_told(precision):
    assert rejected(where_prec=precision) == ["where_prec"]


def test_a_precision_that_is_not_known_stays_open():
    assert np.isnan(one(where_prec=None)["location_error_km"])


@pytest.mark.parametrize(
    "written", ["2014-02-03", "2014-02-03 00:00:00.000", "2014-02-03T00:00:00"]
)
def test_days_of_releases_candidates_and_the_api(written):
    row = one(date_start=written)
    assert (row["date"], row["date_end"]) == (
        pd.Timestamp("2014-02-03"),
        pd.Timestamp("2014-02-04"),
    )


def test_a_day_that_is_none_is_told():
    assert rejected(date_start="2014-02-30") == ["date_start"]
    assert rejected(date_end="soon") == ["date_end"]


@pytest.mark.parametrize(
    ("changes", "perpetrator"),
    [
        ({}, "An invented front"),
        ({"side_b": "Government of Elsewhere"}, None),
        ({"type_of_violence": "2", "side_a": "A clan", "side_b": "Another"}, None),
        ({"type_of_violence": "3", "side_b": "Civilians"}, "Government of Nowhere"),
        ({"type_of_violence": "3", "side_a": "A gang", "side_b": "Civilians"}, "A gang"),
        ({"side_a": None}, None),
    ],
)
def test_who_did_it(changes, perpetrator):
    found = one(**changes)["perpetrator"]
    assert found == perpetrator if perpetrator else pd.isna(found)


@pytest.mark.parametrize(
    ("name", "code"),
    [("DR Congo (Zaire)", "CD"), ("Kingdom of eSwatini (Swaziland)", "SZ"), ("Niger", "NE")],
)
def test_countries_by_their_names(name, code):
    assert one(country=name)["country"] == code


def test_a_country_nobody_knows_is_told():
    assert rejected(country="Atlantis") == ["country"]


def test_a_source_is_an_address_only_where_it_is_one():
    found = one(source_article="A register, https://example.org/a; another")["source_url"]
    assert found == "https://example.org/a"
    assert pd.isna(one()["source_url"])


def test_nobody_killed_is_called_a_victim_of_a_kidnapping():
    assert "victims" not in table({}).frame.columns


def covered_by(*changes: dict[str, str | None]):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(changes) + 2)), tabled.faults)
    return UcdpFormat().coverage(finish_incidents(draft))


def test_coverage_leaves_kidnappings_out():
    later = {"id": "2", "country": "Mali", "date_start": "2014-02-20", "date_end": "2014-03-01"}
    (covered,) = covered_by({}, later)
    assert covered.kinds == ("battle",)
    assert (covered.areas, covered.systematic) == (("ML", "NE"), False)
    # Not to the end of a window, which may be beyond what the source has seen.
    assert (covered.start, covered.end) == (dt.date(2014, 2, 3), dt.date(2014, 2, 20))
    assert covered_by({"where_prec": "6"}) is None


WORDS = st.one_of(
    st.none(), st.text(max_size=8), st.sampled_from(["1", "3.0", "NaN", "2014-02-31", "Niger"])
)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from(list(ROW)), WORDS), min_size=1, max_size=4))
def test_whatever_stands_in_the_cells_every_row_comes_out_or_is_told(changes):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(changes) + 2)), tabled.faults)
    faulty = sum(int(fault.rows.sum()) for fault in draft.faults)
    assert len(finish_incidents(draft)) + faulty == len(changes)
