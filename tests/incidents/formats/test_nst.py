"""The NST format, on rows invented for the purpose."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.bundled import data_path
from kidnaprisk.incidents.formats.nst import COLUMNS, NstFormat
from kidnaprisk.incidents.formats.tabled import Tabled
from kidnaprisk.incidents.table import draft_incidents, finish_incidents

# Invented throughout; the point lies in Katsina State.
ROW = {
    **dict.fromkeys(COLUMNS),
    "Title": "Gunmen take two in an invented village",
    "Date": "2016-05-04",
    "Community (city,town, ward)": "Invented village",
    "LGA": "Invented LGA",
    "State": "Katsina",
    "Total Deaths": "0",
    "Kidnapper (P)": "Kidnapper",
    "Kidnapee (V)": "2",
    "Sources 1": "https://news.example/one",
    "Latitude": "12.5",
    "Longitude": "7.5",
    "full place name": "Invented LGA, Katsina, Nigeria",
    "country": "Nigeria",
}
NOBODY_TAKEN = {"Kidnapper (P)": None, "Kidnapee (V)": None}


def table(*changes: dict[str, str | None]) -> Tabled:
    rows = [{**ROW, **change} for change in changes]
    return NstFormat().to_table(pd.DataFrame(rows, columns=list(ROW), dtype="object"))


def one(changes: dict[str, str | None]) -> pd.Series:
    return table(changes).frame.iloc[0]


def finished(*changes: dict[str, str | None]):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(changes) + 2)), tabled.faults)
    return finish_incidents(draft), draft


def reasons(*changes: dict[str, str | None]) -> list[str]:
    return [fault.reason for fault in table(*changes).faults if fault.rows.any()]


def test_it_knows_its_own_header_and_no_other():
    assert NstFormat().recognises(list(ROW))
    # The worksheet with the empty template has neither positions nor a column for those taken.
    assert not NstFormat().recognises([name for name in ROW if name != "Kidnapee (V)"])
    assert not NstFormat().recognises(["Date", "Country ISO", "Latitude", "Longitude"])


def test_a_row_comes_out_as_it_was_meant():
    incidents, draft = finished({})
    assert not draft.faults
    row = incidents.iloc[0]
    assert row["incident_id"].startswith("NST-")
    assert (row["source"], row["kind"], row["country"]) == ("nst", "kidnapping", "NG")
    assert row["date"] == row["date_end"] == pd.Timestamp("2016-05-04")
    assert (row.geometry.x, row.geometry.y) == (7.5, 12.5)
    assert (row["victims"], row["perpetrator"]) == (2, "Kidnapper")
    assert (row["admin1"], row["place"]) == ("Katsina", "Invented village")
    assert row["source_url"] == "https://news.example/one"
    assert row["location_error_km"] == 25.0


def test_titles_and_notes_are_never_kept_but_may_be_looked_at():
    tabled = table({"Notes": "invented remark"})
    assert tabled.texts is not None
    assert tabled.texts[0] == "Gunmen take two in an invented village. invented remark"
    kept = tabled.frame.astype("string")
    assert not kept.isin([ROW["Title"], "invented remark"]).any(axis=None)


@pytest.mark.parametrize(
    ("marks", "kind"),
    [
        ({"Kidnapper (P)": "k", "Kidnapee (V)": None}, "kidnapping"),
        (
            {"Kidnapper (P)": None, "Kidnapee (V)": "0", "Boko Haram (P)": "Boko Haram"},
            "kidnapping",
        ),
        # Kidnappers shot by the police, nobody marked as taken or taking.
        ({**NOBODY_TAKEN, "State Actor (P)": "State Actor", "Kidnapper (V)": "3"}, "battle"),
        ({**NOBODY_TAKEN, "Boko Haram (P)": "Boko Haram", "Civilian (V)": "4"}, "attack"),
        ({**NOBODY_TAKEN, "State Actor (P)": "State Actor", "Sectarian Actor (V)": "4"}, "battle"),
        ({**NOBODY_TAKEN, "Other (P)": "Other", "Civilian (V)": "1", "Bomb": "Bomb"}, "explosion"),
        (
            {
                **NOBODY_TAKEN,
                "Election-related Actor (P)": "Election-related Actor",
                "Civilian (V)": "0",
            },
            "unrest",
        ),
        (NOBODY_TAKEN, "other"),
    ],
)
def test_kinds(marks, kind):
    assert one(marks)["kind"] == kind


@pytest.mark.parametrize(("given", "victims"), [("40", 40), ("0", None), (None, None)])
def test_those_taken_are_counted_where_there_is_a_count(given, victims):
    found = one({"Kidnapee (V)": given})["victims"]
    assert pd.isna(found) if victims is None else found == victims


def test_a_count_that_is_no_number_is_told():
    assert reasons({"Kidnapee (V)": "many"}) == ["Kidnapee (V) is not a number"]


def test_perpetrators_and_sectors_are_those_of_the_columns():
    row = one({"State Actor (P)": "State actor", "Other (P)": "Other", "Journalist (V)": "0"})
    assert (row["perpetrator"], row["sector"]) == ("State Actor; Kidnapper", "media")
    two = one({"Journalist (V)": "0", "Political Actor (V)": "1"})
    assert pd.isna(two["sector"])
    assert one({"School": "School"})["setting"] == "site"
    assert pd.isna(one({"Kidnapper (P)": None})["perpetrator"])


def test_addresses_are_joined_and_words_left_out():
    row = one(
        {
            "Sources 1": "  https://news.example/a;b ",
            "Sources 2": "no other sources",
            "Sources 3": "www.press.example/c",
        }
    )
    assert row["source_url"] == "https://news.example/a%3Bb;www.press.example/c"
    assert pd.isna(one({"Sources 1": "A Title, by Nobody"})["source_url"])


def test_ids_come_from_what_does_not_change():
    frame = table({}, {}, {"Total Deaths": "9"}, {"Date": "2016-05-05"}).frame
    ids = frame["incident_id"].tolist()
    assert ids[1:3] == [f"{ids[0]}-2", f"{ids[0]}-3"]
    assert ids[3][:16] != ids[0]
    assert one({"Date": "4 May 2016"})["incident_id"] == ids[0]


def test_a_formula_that_was_never_computed_is_no_position():
    incidents, draft = finished({"Latitude": "#NAME?", "Longitude": "#NAME?"}, {})
    assert len(incidents) == 1
    assert [fault.reason for fault in draft.faults] == ["must be given and is empty"]


def test_an_address_in_a_latitude_is_told_as_no_number():
    _, draft = finished({"Latitude": "https://news.example/one"}, {})
    assert [(fault.column, fault.reason) for fault in draft.faults] == [
        ("latitude", "not a number")
    ]


def test_a_stray_bracket_is_taken_off():
    tabled = table({"Longitude": "7.5)"}, {})
    assert tabled.frame["longitude"].tolist() == ["7.5", "7.5"]
    assert tabled.repairs[0].rows.tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "km"),
    [
        ("Invented LGA, Katsina, Nigeria", 25.0),
        (", Katsina, Nigeria", 100.0),
        ("Katsina State, Katsina, Nigeria", 100.0),
        # Both a local government area and a state are called so.
        ("Katsina, Katsina, Nigeria", 100.0),
        (None, 100.0),
    ],
)
def test_doubt_is_that_of_what_the_geocoder_was_asked_for(name, km):
    assert one({"full place name": name})["location_error_km"] == km


def test_a_town_beyond_the_border_is_a_town():
    border = {
        "State": None,
        "LGA": None,
        "Community (city,town, ward)": None,
        "full place name": "Invented town, Niger",
        "country": "Niger",
        "Latitude": "13.5",
        "Longitude": "12.5",
    }
    row = one(border)
    assert (row["country"], row["place"], row["location_error_km"]) == ("NE", "Invented town", 10.0)


def test_a_point_given_to_many_names_is_that_of_none_but_the_most_frequent():
    names = ["Alpha", "Alpha", "Alpha", "Beta"]
    rows = [{"full place name": f"{name}, Katsina, Nigeria"} for name in names]
    assert table(*rows).frame["location_error_km"].tolist() == [25.0, 25.0, 25.0, 100.0]
    # The answers for one place differ a little from one time to the next.
    rows[3] = {**rows[3], "Latitude": "12.5004"}
    assert table(*rows).frame["location_error_km"].tolist() == [25.0, 25.0, 25.0, 100.0]
    assert set(table(*rows[2:]).frame["location_error_km"]) == {100.0}


def test_the_middle_of_a_country_is_no_place():
    regions = gpd.read_file(data_path("regions.fgb"), where="country = 'CM'")
    middle = regions.union_all().centroid
    border = {
        "State": None,
        "LGA": None,
        "full place name": "Invented town, Cameroon",
        "country": "Cameroon",
        "Latitude": str(middle.y + 0.01),
        "Longitude": str(middle.x),
    }
    assert reasons(border) == ["the position is the middle of the country, so it cannot be placed"]
    # A tenth of a degree is 11 km.
    assert reasons({**border, "Latitude": str(middle.y + 0.1)}) == []


def test_a_position_in_another_state_is_told():
    lagos = {"Latitude": "6.5", "Longitude": "3.4"}
    tabled = table(
        lagos, {}, {**lagos, "State": "Lagos", "full place name": "Ikeja, Lagos, Nigeria"}
    )
    (fault,) = [fault for fault in tabled.faults if fault.rows.any()]
    assert fault.rows.tolist() == [True, False, False]
    assert fault.where is not None
    assert fault.where[0].endswith("km from Katsina")


def test_a_latitude_in_europe_is_told():
    assert reasons({"Latitude": "43.5"}) == ["the position is not in the state the row names"]


def test_both_spellings_of_a_state_are_known():
    here = {"Latitude": "8.5", "Longitude": "8.25"}
    for spelling in ("Nasarawa", "Nassarawa"):
        place = {"State": spelling, "full place name": f"Invented LGA, {spelling}, Nigeria"}
        assert reasons({**here, **place}) == []
        assert reasons(place) == ["the position is not in the state the row names"]


def test_a_date_that_is_none_is_told():
    assert reasons({"Date": "sometime"}) == [
        "not a day, or one whose order of day, month and year cannot be told"
    ]


def test_what_may_mislead_is_told():
    raid = {"Kidnapee (V)": None, "Kidnapper (V)": "2"}
    notes = table(raid, {"Notes": "Date est."}, {}).notes
    assert [note.split()[0] for note in notes] == ["1", "1"]
    assert table({}).notes == ()


def test_it_covers_a_sample_of_nigeria_and_nothing_beyond():
    border = {"full place name": "Invented town, Niger", "country": "Niger", "State": None}
    incidents, _ = finished({}, {**border, "Date": "2016-07-01", "Latitude": "13.5"})
    (covered,) = NstFormat().coverage(incidents) or ()
    assert covered.areas == ("NG",)
    assert (covered.start, covered.end) == (dt.date(2016, 5, 4), dt.date(2016, 7, 1))
    assert (covered.systematic, "kidnapping" in covered.kinds) == (False, True)
    bombs, _ = finished({**NOBODY_TAKEN, "Bomb": "Bomb"})
    (covered,) = NstFormat().coverage(bombs) or ()
    assert "kidnapping" not in covered.kinds
    assert NstFormat().coverage(incidents.iloc[:0]) is None


CELL = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(["1e308", "-1e999", "0", "7.5", "nan", ",,", "a, Kano, b", "Kano", "Nigeria"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELL)), min_size=1, max_size=4))
def test_any_cells_give_as_many_rows_as_they_were_and_no_unsound_one(rows):
    tabled = NstFormat().to_table(pd.DataFrame(rows, columns=list(COLUMNS), dtype="object"))
    draft = draft_incidents(tabled.frame, list(range(2, len(rows) + 2)), tabled.faults)
    assert len(tabled.frame) == len(rows)
    assert int(np.sum(draft.sound)) == len(finish_incidents(draft))
