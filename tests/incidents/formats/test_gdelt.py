"""The GDELT format, on invented rows; columns and codes as its codebooks have them."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.incidents.formats.gdelt import GdeltFormat
from kidnaprisk.incidents.formats.tabled import Tabled
from kidnaprisk.incidents.read import read_incidents
from kidnaprisk.incidents.table import draft_incidents, finish_incidents

EVENT = ("GLOBALEVENTID", "SQLDATE", "MonthYear", "Year", "FractionDate")
ACTOR = ("Code", "Name", "CountryCode", "KnownGroupCode", "EthnicCode", "Religion1Code")
ACTOR += ("Religion2Code", "Type1Code", "Type2Code", "Type3Code")
ACTION = ("IsRootEvent", "EventCode", "EventBaseCode", "EventRootCode", "QuadClass")
ACTION += ("GoldsteinScale", "NumMentions", "NumSources", "NumArticles", "AvgTone")
GEO_1 = ("Type", "FullName", "CountryCode", "ADM1Code", "Lat", "Long", "FeatureID")
GEO_2 = ("Type", "FullName", "CountryCode", "ADM1Code", "ADM2Code", "Lat", "Long", "FeatureID")


def columns(geography: tuple[str, ...]) -> list[str]:
    return [
        *EVENT,
        *(f"Actor1{part}" for part in ACTOR),
        *(f"Actor2{part}" for part in ACTOR),
        *ACTION,
        *(f"{of}Geo_{part}" for of in ("Actor1", "Actor2", "Action") for part in geography),
        *("DATEADDED", "SOURCEURL"),
    ]


EVENTS_1, EVENTS_2 = columns(GEO_1), columns(GEO_2)
ROW = {
    "GLOBALEVENTID": "900000001",
    "SQLDATE": "20250118",
    "MonthYear": "202501",
    "Year": "2025",
    "FractionDate": "2025.0493",
    "Actor1Name": "GUNMAN",
    "Actor1Type1Code": "UAF",
    "Actor2Name": "DRIVER",
    "IsRootEvent": "1",
    "EventCode": "181",
    "EventBaseCode": "181",
    "EventRootCode": "18",
    "ActionGeo_Type": "4",
    "ActionGeo_FullName": "Invented, Tillabéri, Niger",
    "ActionGeo_CountryCode": "NG",
    "ActionGeo_Lat": "14.5",
    "ActionGeo_Long": "1.5",
    "DATEADDED": "20250119143000",
    "SOURCEURL": "https://example.org/a",
}


def record(names: list[str], **changes: str) -> list[str]:
    return [{**ROW, **changes}.get(name, "") for name in names]


def table(*changes: dict[str, str | None]) -> Tabled:
    rows = [[{**ROW, **change}.get(name) or None for name in EVENTS_2] for change in changes]
    return GdeltFormat().to_table(pd.DataFrame(rows, columns=EVENTS_2, dtype="object"))


def one(**changes: str | None) -> pd.Series:
    return table(changes).frame.iloc[0]


def code(event: str) -> dict[str, str | None]:
    return {"EventCode": event, "EventBaseCode": event[:3], "EventRootCode": event[:2]}


def rejected(**changes: str | None) -> list[tuple[str, str]]:
    faults = table(changes).faults
    return [(fault.column, fault.reason) for fault in faults if fault.rows.any()]


@pytest.mark.parametrize(
    ("names", "added", "count"),
    [
        (EVENTS_1[:-1], "20130101", 57),
        (EVENTS_1, "20250119", 58),
        (EVENTS_2, "20250119143000", 61),
    ],
)
def test_files_without_a_header_are_known_by_their_width_and_codes(names, added, count):
    assert len(names) == count
    assert GdeltFormat().headerless(record(names, DATEADDED=added)) == tuple(names)


@pytest.mark.parametrize("names", [EVENTS_1, EVENTS_2])
def test_a_file_as_published_is_read_and_every_row_of_it_accounted_for(tmp_path, names):
    path = tmp_path / "20250119.export.CSV"
    kept = record(names)
    calm = record(names, GLOBALEVENTID="900000002", EventCode="043", EventRootCode="04")
    path.write_text("".join("\t".join(row) + "\n" for row in (calm, kept)), encoding="utf-8")
    incidents, rejects = read_incidents(path, return_rejects=True)
    assert incidents["incident_id"].tolist() == ["GDELT-900000001"]
    assert rejects["row"].tolist() == [1]
    assert rejects["reason"].tolist() == ["not an event of violence (CAMEO root 04)"]


@pytest.mark.parametrize(
    "row",
    [
        record(EVENTS_2)[:-2],
        record(EVENTS_2, MonthYear="202502"),
        record(EVENTS_2, EventRootCode="21", EventCode="211"),
        record(EVENTS_2, EventRootCode="04"),
        record(EVENTS_2, DATEADDED="yesterday"),
        record(EVENTS_2, GLOBALEVENTID="9e8"),
        [""] * 58,
        EVENTS_2,
    ],
)
def test_another_file_is_not_taken_for_one(row):
    assert GdeltFormat().headerless(row) is None


def test_exports_with_a_header_are_known_in_any_case_and_by_the_newer_name_of_the_day():
    newer = ["Day" if name == "SQLDATE" else name.replace("Full", "full") for name in EVENTS_2]
    for header in (EVENTS_1, EVENTS_2, newer, [name.lower() for name in EVENTS_2]):
        assert GdeltFormat().recognises(header)
    assert not GdeltFormat().recognises(["event_id_cnty", "event_date", "latitude", "longitude"])
    rows = pd.DataFrame([record(EVENTS_2)], columns=newer, dtype="object")
    assert GdeltFormat().to_table(rows).frame.loc[0, "date"] == pd.Timestamp("2025-01-18")
    assert GdeltFormat().to_table(rows).frame.loc[0, "place"] == "Invented"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("181", "kidnapping"),
        ("18", "attack"),
        ("1823", "attack"),
        ("1831", "explosion"),
        ("186", "attack"),
        ("1451", "unrest"),
        ("190", "battle"),
        ("191", "other"),
        ("194", "explosion"),
        ("1952", "explosion"),
        ("2041", "attack"),
    ],
)
def test_kind_by_cameo_code(event, kind):
    assert one(**code(event))["kind"] == kind
    assert rejected(**code(event)) == []


@pytest.mark.parametrize(("event", "root"), [("043", "04"), ("173", "17"), ("141", "14")])
def test_what_is_no_violence_is_counted_by_its_root(event, root):
    reason = f"not an event of violence (CAMEO root {root})"
    assert rejected(**code(event)) == [("EventCode", reason)]


def test_a_zero_that_a_spreadsheet_dropped_does_not_make_violence():
    reason = "not an event of violence (CAMEO root 04)"
    assert rejected(EventCode="43", EventRootCode="4") == [("EventCode", reason)]
    reason = "not an event of violence (CAMEO root 01)"
    assert rejected(EventCode="181", EventRootCode="01") == [("EventCode", reason)]


@pytest.mark.parametrize("event", [None, "X", "99"])
def test_a_code_that_is_none_is_told(event):
    assert rejected(EventCode=event, EventRootCode=None) == [("EventCode", "no CAMEO event code")]


def test_countries_are_fips_codes():
    assert one()["country"] == "NE"
    assert one(ActionGeo_CountryCode="NI")["country"] == "NG"
    assert one(ActionGeo_CountryCode="GZ")["country"] == "PS"
    assert rejected(ActionGeo_CountryCode="OS")[0][0] == "ActionGeo_CountryCode"


@pytest.mark.parametrize(
    ("kind", "name", "error_km", "place", "admin1"),
    [
        ("4", "Invented, Tillabéri, Niger", 10.0, "Invented", "Tillabéri"),
        ("3", "Invented, Texas, United States", 10.0, "Invented", "Texas"),
        ("4", "Invented, Niger", 10.0, "Invented", None),
        ("5", "Tillabéri, Niger", 100.0, None, "Tillabéri"),
        ("2", "Texas, United States", 100.0, None, "Texas"),
    ],
)
def test_places(kind, name, error_km, place, admin1):
    row = one(ActionGeo_Type=kind, ActionGeo_FullName=name)
    assert row["location_error_km"] == error_km
    assert [None if pd.isna(row[at]) else row[at] for at in ("place", "admin1")] == [place, admin1]


@pytest.mark.parametrize("kind", ["1", "0", None])
def test_a_row_placed_in_its_country_only_is_told(kind):
    assert [column for column, _ in rejected(ActionGeo_Type=kind)] == ["ActionGeo_Type"]


@pytest.mark.parametrize("added", ["20250119143000", "20250119"])
def test_days(added):
    row = one(DATEADDED=added)
    assert row["date"] == row["date_end"] == pd.Timestamp("2025-01-18")
    assert row["known_on"] == pd.Timestamp("2025-01-19")


def test_a_day_that_is_none_is_told():
    assert [column for column, _ in rejected(SQLDATE="20250230")] == ["SQLDATE"]


def test_the_first_actor_is_the_taker_only_where_it_is_armed():
    assert one()["perpetrator"] == "GUNMAN"
    assert pd.isna(one(Actor1Name="MINISTRY", Actor1Type1Code="GOV")["perpetrator"])


def test_nothing_is_said_of_victims():
    assert "DRIVER" not in table({}).frame.to_string()


def test_a_source_is_an_address_only_where_it_is_one():
    assert one()["source_url"] == "https://example.org/a"
    assert pd.isna(one(SOURCEURL="A monitoring service")["source_url"])


def test_rows_of_one_incident_are_not_merged():
    ids = table({}, {"GLOBALEVENTID": "900000002"}).frame["incident_id"].tolist()
    assert ids == ["GDELT-900000001", "GDELT-900000002"]


def covered_by(*changes: dict[str, str | None]):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(changes) + 2)), tabled.faults)
    return GdeltFormat().coverage(finish_incidents(draft))


def test_coverage_is_a_sample_and_says_that_rows_are_mentions():
    (covered,) = covered_by({}, {"GLOBALEVENTID": "900000002", "SQLDATE": "20250116"})
    assert (covered.areas, covered.systematic) == (("NE",), False)
    assert (covered.start, covered.end) == (dt.date(2025, 1, 16), dt.date(2025, 1, 18))
    assert "kidnapping" in covered.kinds
    assert "a row is a mention" in covered.note


def test_a_download_without_kidnappings_does_not_claim_that_there_were_none():
    (covered,) = covered_by(code("190"))
    assert "kidnapping" not in covered.kinds
    assert covered_by(code("043")) is None


WORDS = st.one_of(
    st.none(), st.text(max_size=8), st.sampled_from(["1", "181", "NaN", "20250230", "NG", "-"])
)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from(EVENTS_2), WORDS), min_size=1, max_size=4))
def test_whatever_stands_in_the_cells_every_row_comes_out_or_is_told(changes):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(changes) + 2)), tabled.faults)
    faulty = sum(int(fault.rows.sum()) for fault in draft.faults)
    assert len(finish_incidents(draft)) + faulty == len(changes)
