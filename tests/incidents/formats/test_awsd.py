"""The AWSD format, on rows invented for the purpose."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.incidents.formats.awsd import COLUMNS, AwsdFormat
from kidnaprisk.incidents.formats.tabled import Tabled
from kidnaprisk.incidents.table import draft_incidents, finish_incidents

# Invented throughout.
ROW = {
    "Incident ID": "90001",
    "Year": "2019",
    "Month": "6",
    "Day": "5",
    "Country Code": "NE",
    "Country": "Niger",
    "Region": "Invented region",
    "District": "Invented district",
    "City": "Invented town",
    "Internationals kidnapped": "1",
    "Total killed": "0",
    "Total wounded": "0",
    "Total kidnapped": "3",
    "Means of attack": "Kidnapping",
    "Attack context": "Ambush",
    "Location": "Road",
    "Latitude": "14.25",
    "Longitude": "1.75",
    "Actor type": "Criminal",
    "Actor name": "An invented band",
    "Details": "Three staff\nwere taken.",
    "Verified": "Yes",
}


def table(*changes: dict[str, str | None]) -> Tabled:
    rows = [{**ROW, "Incident ID": str(90001 + at), **one} for at, one in enumerate(changes)]
    return AwsdFormat().to_table(pd.DataFrame(rows, columns=list(ROW), dtype="object"))


def one(**changes: str | None) -> pd.Series:
    return table({name.replace("_", " "): value for name, value in changes.items()}).frame.iloc[0]


def finished(*changes: dict[str, str | None]):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(changes) + 2)), tabled.faults)
    return finish_incidents(draft), draft


def reasons(tabled: Tabled) -> list[str]:
    return [fault.reason for fault in tabled.faults if fault.rows.any()]


def test_it_knows_its_own_header_and_no_other():
    assert AwsdFormat().recognises(list(ROW))
    assert AwsdFormat().recognises([*ROW, "Motive", "Source"])
    others = [
        ["event_id_cnty", "event_date", "country", "latitude", "longitude"],
        ["Date", "Country", "ISO", "Latitude", "Longitude", "Location", "Actor", "Kidnapped"],
        ["Incident ID", "Country", "Means of attack"],
    ]
    assert not any(AwsdFormat().recognises(header) for header in others)


def test_a_row_comes_out_as_it_was_meant():
    incidents, draft = finished({})
    assert not draft.faults
    row = incidents.iloc[0]
    assert row["incident_id"] == "AWSD-90001"
    assert (row["source"], row["kind"], row["sector"]) == ("awsd", "kidnapping", "aid")
    assert row["date"] == row["date_end"] == pd.Timestamp("2019-06-05")
    assert (row.geometry.x, row.geometry.y) == (1.75, 14.25)
    assert (row["victims"], row["foreign_victims"]) == (3, 1)
    assert (row["admin1"], row["place"]) == ("Invented region", "Invented town")
    assert (row["setting"], row["perpetrator"]) == ("road", "An invented band")
    assert pd.isna(row["outcome"])


def test_what_happened_is_never_kept_but_may_be_looked_at():
    tabled = table({})
    assert tabled.texts is not None
    assert tabled.texts[0] == "Three staff were taken."
    assert not tabled.frame.astype("string").isin([tabled.texts[0]]).any(axis=None)


@pytest.mark.parametrize(
    ("means", "context", "taken", "hurt", "kind"),
    [
        ("Kidnapping", "Ambush", "0", "1", "kidnapping"),
        ("Kidnap-killing", "Unknown", "0", "1", "kidnapping"),
        # Some were shot, two were taken along.
        ("Shooting", "Ambush", "2", "3", "kidnapping"),
        ("Shooting", "Ambush", "0", "1", "attack"),
        ("Shooting", "Combat/Crossfire", "0", "1", "battle"),
        ("Bodily assault", "Mob violence", "0", "1", "unrest"),
        ("Shelling", "Combat/Crossfire", "0", "1", "explosion"),
        ("Landmine ", "Unknown", "0", "1", "explosion"),
        ("Unknown", "Unknown", "0", "1", "attack"),
        ("Unknown", "Unknown", "0", "0", "other"),
        ("Poisoning", "Unknown", "0", "0", "other"),
    ],
)
def test_kinds(means, context, taken, hurt, kind):
    row = one(
        Means_of_attack=means, Attack_context=context, Total_kidnapped=taken, Total_wounded=hurt
    )
    assert row["kind"] == kind


def test_what_was_decided_is_told():
    tabled = table({"Means of attack": "Shooting"}, {"Means of attack": "Poisoning"})
    assert any("another means of attack" in note for note in tabled.notes)
    assert any("kind other: 1 rows" in note for note in tabled.notes)
    assert not any("Poisoning" in note for note in tabled.notes)
    assert table({}).notes == ()
    assert "Pending 2" in table({"Verified": "Pending"}, {"Verified": "Pending"}).notes[0]


def test_nobody_counted_in_a_kidnapping_is_unknown_and_not_none():
    incidents, _ = finished({"Total kidnapped": "0", "Internationals kidnapped": "0"})
    assert incidents.loc[0, "kind"] == "kidnapping"
    assert incidents[["victims", "foreign_victims"]].isna().all(axis=None)


def test_kidnapping_and_killing_is_told_as_the_outcome():
    assert one(Means_of_attack="Kidnap-killing")["outcome"] == "killed"


@pytest.mark.parametrize(
    ("month", "day", "first", "last"),
    [
        ("2", "", "2019-02-01", "2019-02-28"),
        ("0", "0", "2019-01-01", "2019-12-31"),
        (None, None, "2019-01-01", "2019-12-31"),
        ("", "17", "2019-01-01", "2019-12-31"),
    ],
)
def test_a_blank_month_or_day_widens_the_window(month, day, first, last):
    row = one(Month=month, Day=day)
    assert (row["date"], row["date_end"]) == (pd.Timestamp(first), pd.Timestamp(last))


def test_a_day_that_is_none_is_told():
    tabled = table({"Month": "2", "Day": "30"}, {})
    (fault,) = [fault for fault in tabled.faults if fault.rows.any()]
    assert fault.rows.tolist() == [True, False]
    assert fault.where is not None
    assert fault.where[0] == ": 2019, month 2, day 30"


def test_namibia_is_a_country_and_chechnya_a_region():
    namibia = one(Country_Code="NA", Country="Namibia")
    chechnya = one(Country_Code="", Country="Chechnya", Region="", District="", City="")
    assert namibia["country"] == "NA"
    assert (chechnya["country"], chechnya["admin1"]) == ("RU", "Chechnya")
    assert chechnya["location_error_km"] == 100.0
    assert pd.isna(one(Country_Code=" ", Country="Kashmir")["country"])


@pytest.mark.parametrize(
    ("region", "district", "city", "km"),
    [
        ("R", "D", "Town", 10.0),
        ("R", "D", "Town (near)", 25.0),
        ("R", "D", "12 km north of Town", 25.0),
        ("R", "D", "Between Town and Burgh", 50.0),
        ("R", "D", "Town-Burgh Road", 50.0),
        ("R", "D", "Broadmarket", 10.0),
        ("R", "D", "", 50.0),
        ("R", " ", None, 100.0),
    ],
)
def test_doubt_is_that_of_the_finest_place_named(region, district, city, km):
    assert one(Region=region, District=district, City=city)["location_error_km"] == km


def test_no_place_below_the_country_cannot_be_placed():
    tabled = table({"Region": "", "District": "", "City": ""}, {})
    assert tabled.faults[-2].rows.tolist() == [True, False]
    assert "cannot be placed" in tabled.faults[-2].reason


def test_a_country_s_point_under_a_town_s_name_cannot_be_placed():
    nowhere = {"Region": "", "District": "", "City": "", "Latitude": "17.5", "Longitude": "9.25"}
    posing = {"Latitude": "17.5", "Longitude": "9.25"}
    tabled = table(nowhere, nowhere, nowhere, posing, {})
    assert tabled.faults[-1].rows.tolist() == [False, False, False, True, False]
    # Two rows of no named place may stand at a town by chance.
    assert not table(nowhere, nowhere, posing).faults[-1].rows.any()


def test_a_coordinate_written_twice_is_told_but_a_rounded_one_may_be_right():
    tabled = table({"Latitude": "14.25", "Longitude": "14.25"}, {"Latitude": "9", "Longitude": "9"})
    assert reasons(tabled) == ["latitude and longitude are the same number: one was written twice"]
    assert [fault.rows.tolist() for fault in tabled.faults if fault.rows.any()] == [[True, False]]


def test_a_count_that_is_no_number_is_not_taken_for_nobody():
    tabled = table({"Total kidnapped": "several", "Means of attack": "Shooting"})
    assert [fault.column for fault in tabled.faults if fault.rows.any()] == ["victims"]


@pytest.mark.parametrize(
    ("name", "sort", "told"),
    [
        ("Unknown", "Criminal", "Criminal"),
        ("Not applicable", "Non-state armed group: Global ", "Non-state armed group: Global"),
        ("Unkown", "Unknown", None),
        ("", "", None),
    ],
)
def test_an_unnamed_actor_is_told_by_its_sort_or_not_at_all(name, sort, told):
    found = one(Actor_name=name, Actor_type=sort)["perpetrator"]
    assert pd.isna(found) if told is None else found == told


def test_it_covers_a_sample_of_the_countries_of_its_rows():
    incidents, _ = finished({}, {"Country Code": "ML", "Country": "Mali", "Month": "8"})
    (covered,) = AwsdFormat().coverage(incidents) or ()
    assert covered.areas == ("ML", "NE")
    assert (covered.start, covered.end) == (dt.date(2019, 6, 5), dt.date(2019, 8, 5))
    assert not covered.systematic
    assert "aid workers only" in covered.note


def test_an_export_without_kidnappings_claims_nothing_of_them():
    incidents, _ = finished({"Means of attack": "Shelling", "Total kidnapped": "0"})
    (covered,) = AwsdFormat().coverage(incidents) or ()
    assert "kidnapping" not in covered.kinds
    assert AwsdFormat().coverage(incidents.iloc[:0]) is None


def test_a_row_of_a_wrong_year_does_not_stretch_the_coverage():
    months = [{"Month": str(month)} for month in range(1, 10)]
    slip = {"Year": "2020", "Month": "5"}
    tabled = table(*months, slip)
    assert any("1 rows are dated over 120 days" in note for note in tabled.notes)
    incidents, _ = finished(*months, slip)
    (covered,) = AwsdFormat().coverage(incidents) or ()
    assert covered.end == dt.date(2019, 9, 5)
    assert len(incidents) == 10


def test_a_file_without_the_columns_that_do_not_tell_is_read():
    few = ["Incident ID", "Country", "Total kidnapped", "Means of attack", "Actor type"]
    tabled = AwsdFormat().to_table(pd.DataFrame([ROW], columns=few, dtype="object"))
    assert len(tabled.frame) == 1


CELL = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["-1", "1e999", "0", "nan", "7"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELL)), min_size=1, max_size=4))
def test_any_cells_give_as_many_rows_as_they_were_and_no_unsound_one(rows):
    tabled = AwsdFormat().to_table(pd.DataFrame(rows, columns=list(COLUMNS), dtype="object"))
    draft = draft_incidents(tabled.frame, list(range(2, len(rows) + 2)), tabled.faults)
    assert len(tabled.frame) == len(rows)
    assert int(np.sum(draft.sound)) == len(finish_incidents(draft))
