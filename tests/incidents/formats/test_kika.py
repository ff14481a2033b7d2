"""The KIKA format in its two forms, on rows invented for the purpose."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.incidents.formats.kika import KikaFormat, unscrambled
from kidnaprisk.incidents.formats.tabled import Tabled
from kidnaprisk.incidents.table import draft_incidents, finish_incidents

# Invented throughout.
WORKBOOK = {
    "Date": "2021-03-10",
    "Time Precision": "Exact Date",
    "Country": "DRC",
    "Country ISO": "COD",
    "Admin 1": "Invented province",
    "Event Description": "March 2021: Two invented people were taken.",
    "Latitude": "-1.5",
    "Longitude": "28.5",
    "Geo Precision": "(2) 25 km precision ",
    "Location of Incident": "Road",
    "Actor": "NSA",
    "Actor Name": "An invented militia",
    "Weapon Carried/Used": "Firearms",
    "Organisation Affected": "INGO",
    "Aid Workers Killed": "0",
    "Aid Workers Injured": "0",
    "Aid Workers Kidnapped": "2",
    "Aid Workers Arrested": "0",
    "Known Kidnapping or Arrest Outcome": "Freed",
    "Aid Workers Killed in Captivity": "0",
    "International Aid Workers Kidnapped": "1",
    "National Aid Workers Kidnapped": "1",
    "SiND Event ID": "990001",
}
PLAIN = {
    "Date": "2021-03-10",
    "Country": "DRC",
    "ISO": "COD",
    "Latitude": "-1.5",
    "Longitude": "28.5",
    "Location": "Road",
    "Actor": "NSA",
    "Weapon": "Firearms",
    "Organisation": "INGO",
    "Killed": "0",
    "Injured": "0",
    "Kidnapped": "2",
    "Arrested": "0",
    "Killed_in_Captivity": "0.0",
    "Int'l_Kidnapped": "0.0",
    "Nat'l_Kidnapped": "0.0",
}


def table(*changes: dict[str, str | None], base: dict[str, str] = WORKBOOK) -> Tabled:
    rows = [{**base, **change} for change in changes]
    return KikaFormat().to_table(pd.DataFrame(rows, columns=list(base), dtype="object"))


def one(changes: dict[str, str | None]) -> pd.Series:
    return table(changes).frame.iloc[0]


def finished(tabled: Tabled):
    draft = draft_incidents(tabled.frame, list(range(2, len(tabled.frame) + 2)), tabled.faults)
    return finish_incidents(draft), draft


def test_it_knows_both_of_its_headers_and_no_other():
    assert KikaFormat().recognises(list(WORKBOOK))
    assert KikaFormat().recognises(list(PLAIN))
    others = [
        ["Incident ID", "Country", "Total kidnapped", "Means of attack", "Actor type"],
        ["Date", "Country", "ISO", "Latitude", "Longitude", "Kidnapped"],
        ["Title", "Date", "LGA", "State", "Latitude", "Longitude"],
    ]
    assert not any(KikaFormat().recognises(header) for header in others)


def test_a_row_comes_out_as_it_was_meant():
    incidents, draft = finished(table({}))
    assert not draft.faults
    row = incidents.iloc[0]
    assert row["incident_id"] == "KIKA-990001"
    assert (row["source"], row["kind"], row["sector"]) == ("kika", "kidnapping", "aid")
    assert row["date"] == row["date_end"] == pd.Timestamp("2021-03-10")
    assert (row.geometry.x, row.geometry.y) == (28.5, -1.5)
    assert (row["country"], row["admin1"], row["setting"]) == ("CD", "Invented province", "road")
    assert (row["victims"], row["foreign_victims"], row["outcome"]) == (2, 1, "released")
    assert (row["location_error_km"], row["perpetrator"]) == (25.0, "An invented militia")


def test_the_plain_table_has_ids_of_its_own_and_no_precision():
    tabled = table({}, {}, {"Kidnapped": "1"}, base=PLAIN)
    incidents, draft = finished(tabled)
    assert not draft.faults
    ids = incidents["incident_id"].tolist()
    assert ids[1] == ids[0] + "-2"
    assert len(set(ids)) == 3
    assert incidents["location_error_km"].isna().all()
    assert "no precision" in tabled.notes[0]
    # The same rows in another order have the same ids.
    turned, _ = finished(table({"Kidnapped": "1"}, {}, {}, base=PLAIN))
    assert set(turned["incident_id"]) == set(ids)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"Aid Workers Arrested": "2"}, "kidnapping"),
        ({"Aid Workers Kidnapped": "0", "Aid Workers Arrested": "2"}, "other"),
        (
            {
                "Aid Workers Kidnapped": "0",
                "Aid Workers Arrested": "1",
                "Aid Workers Killed": "1",
                "Aid Workers Killed in Captivity": "1",
            },
            "other",
        ),
        (
            {
                "Aid Workers Kidnapped": "0",
                "Aid Workers Arrested": "1",
                "Aid Workers Injured": "1",
            },
            "attack",
        ),
        ({"Aid Workers Kidnapped": "0", "Aid Workers Killed": "1"}, "attack"),
        (
            {
                "Aid Workers Kidnapped": "0",
                "Aid Workers Injured": "1",
                "Weapon Carried/Used": "IED",
            },
            "explosion",
        ),
    ],
)
def test_kinds(changes, kind):
    assert one(changes)["kind"] == kind


@pytest.mark.parametrize(
    ("words", "km"),
    [
        ("(1) Exact location", 5.0),
        ("(2) 25 km precision", 25.0),
        (" (3) District, communicipality, commune ", 50.0),
        ("(4) Province, state, governorate ", 100.0),
        ("(5) Linear feature e.g. along a road or river ", 100.0),
        ("(9) Something new", None),
        (None, None),
    ],
)
def test_codes_in_words_with_stray_spaces(words, km):
    found = one({"Geo Precision": words})["location_error_km"]
    assert pd.isna(found) if km is None else found == km


def test_a_country_is_no_place():
    tabled = table({"Geo Precision": "(6) Country"}, {})
    assert [fault.rows.tolist() for fault in tabled.faults if fault.rows.any()] == [[True, False]]
    assert tabled.faults[-1].column == "location_error_km"


def test_a_second_row_of_hxl_tags_is_told():
    tags = {**dict.fromkeys(WORKBOOK, ""), "Latitude": "#geo +lac", "Country ISO": "#country_ISO"}
    tabled = table({}, tags)
    _, draft = finished(tabled)
    assert [fault.reason for fault in draft.faults] == ["a row of HXL tags, not an incident"]
    assert draft.sound.tolist() == [True, False]


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("Exact Date", "2021-03-10", "2021-03-10"),
        (
            "Close -The exact date is within 2-6 days of the indicated date",
            "2021-03-04",
            "2021-03-16",
        ),
        (
            "Week-The event occurred within the week of this date ",
            "2021-03-04",
            "2021-03-16",
        ),
        ("Month- The event occurred within this month", "2021-03-01", "2021-03-31"),
        ("Year -The event occurred in this year", "2021-01-01", "2021-12-31"),
        ("Decade", "2021-03-01", "2021-03-31"),
        (None, "2021-03-10", "2021-03-10"),
    ],
)
def test_windows(words, first, last):
    row = one({"Time Precision": words})
    assert (row["date"], row["date_end"]) == (pd.Timestamp(first), pd.Timestamp(last))


def test_a_date_that_is_none_is_told():
    tabled = table({"Date": "soon"}, {"Date": None})
    assert [fault.rows.tolist() for fault in tabled.faults if fault.rows.any()] == [[True, False]]


def test_a_count_that_is_no_number_is_not_taken_for_nobody():
    tabled = table({"Aid Workers Kidnapped": "some"})
    assert [fault.column for fault in tabled.faults if fault.rows.any()] == ["victims"]


@pytest.mark.parametrize(
    ("foreign", "national", "known"),
    [("1", "1", 1), ("0", "2", 0), ("0", "0", None), ("1", "0", None)],
)
def test_foreigners_are_known_only_where_the_parts_make_the_whole(foreign, national, known):
    row = one(
        {
            "International Aid Workers Kidnapped": foreign,
            "National Aid Workers Kidnapped": national,
        }
    )
    assert pd.isna(row["foreign_victims"]) if known is None else row["foreign_victims"] == known


@pytest.mark.parametrize(
    ("words", "captive", "arrested", "outcome"),
    [
        ("Freed", "0", "0", "released"),
        ("Freed", "1", "0", "partly_released"),
        ("Escaped", "0", "0", "escaped"),
        ("Killed", "2", "0", "killed"),
        ("No information", "0", "0", None),
        ("", "2", "0", "killed"),
        ("", "1", "0", None),
        # Who was freed, those kidnapped or those arrested?
        ("Freed", "0", "1", None),
    ],
)
def test_outcomes_only_where_certain(words, captive, arrested, outcome):
    found = one(
        {
            "Known Kidnapping or Arrest Outcome": words,
            "Aid Workers Killed in Captivity": captive,
            "Aid Workers Arrested": arrested,
        }
    )["outcome"]
    assert pd.isna(found) if outcome is None else found == outcome


@pytest.mark.parametrize(
    ("name", "sort", "told"),
    [
        ("Unidentified armed actor", "NSA", "Non-state armed actor"),
        ("No information", "Police", "Police"),
        ("", "No information", None),
    ],
)
def test_an_unnamed_actor_is_told_by_its_sort_or_not_at_all(name, sort, told):
    found = one({"Actor Name": name, "Actor": sort})["perpetrator"]
    assert pd.isna(found) if told is None else found == told


def scramble(text: str) -> str:
    return text.encode("utf-8").decode("cp1252")


def test_letters_are_put_right_once_and_twice_over_and_told():
    name = "Région d'Essé"
    tabled = table(
        {"Admin 1": scramble(name)}, {"Admin 1": scramble(scramble(name))}, {"Admin 1": name}
    )
    assert tabled.frame["admin1"].tolist() == [name] * 3
    (repair,) = tabled.repairs
    assert repair.rows.tolist() == [True, True, False]


def test_bytes_that_cp1252_leaves_undefined_are_put_right_too():
    # Á is C3 81 in UTF-8; 81 is no letter of cp1252.
    assert unscrambled("Ã\x81vila") == "Ávila"


@pytest.mark.parametrize("text", ["", "Tera", "Téra", "São José", "Ségou – Mopti", "Ä", "東", "Ãb"])
def test_what_may_be_right_is_left_alone(text):
    assert unscrambled(text) == text


@given(st.text(alphabet="abc éèçñãÁ’–ô", max_size=12))
def test_whatever_was_scrambled_comes_back(text):
    encoded = text.encode("utf-8")
    once = "".join(
        chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([byte]).decode("cp1252")
        for byte in encoded
    )
    assert unscrambled(once) == text


def test_it_covers_a_sample_of_the_countries_of_its_rows():
    incidents, _ = finished(
        table({}, {"SiND Event ID": "2", "Country ISO": "MLI", "Date": "2021-05-01"})
    )
    (covered,) = KikaFormat().coverage(incidents) or ()
    assert covered.areas == ("CD", "ML")
    assert (covered.start, covered.end) == (dt.date(2021, 3, 10), dt.date(2021, 5, 1))
    assert (covered.systematic, "kidnapping" in covered.kinds) == (False, True)
    arrests, _ = finished(table({"Aid Workers Kidnapped": "0", "Aid Workers Arrested": "1"}))
    (covered,) = KikaFormat().coverage(arrests) or ()
    assert "kidnapping" not in covered.kinds
    assert KikaFormat().coverage(incidents.iloc[:0]) is None


CELL = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["-1", "1e999", "0", "(6)", "7"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(WORKBOOK, CELL)), min_size=1, max_size=4))
def test_any_cells_give_as_many_rows_as_they_were_and_no_unsound_one(rows):
    tabled = KikaFormat().to_table(pd.DataFrame(rows, columns=list(WORKBOOK), dtype="object"))
    incidents, draft = finished(tabled)
    assert len(tabled.frame) == len(rows)
    assert int(np.sum(draft.sound)) == len(incidents)
