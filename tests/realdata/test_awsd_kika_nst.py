"""The real AWSD, KIKA and NST files: every row comes out or is told, kidnappings are as counted.

The oracles are Python's csv module and openpyxl, beside the reader.
"""

import csv
import io
import json
import warnings

import openpyxl
import pytest

from kidnaprisk.incidents.read import read_incidents

NO_PLACE = "no place is named below the country, so it cannot be placed"
COUNTRY_S_POINT = (
    "a place is named, but the point is the one given to rows of no named place, so it cannot be "
    "placed"
)
MIDDLE = "the position is the middle of the country, so it cannot be placed"
EMPTY = "must be given and is empty"


@pytest.fixture(scope="module")
def awsd(shared_dir):
    path = shared_dir / "incidents" / "awsd" / "awsd_security_incidents_2025-04.csv"
    text = path.read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    return rows, *read_incidents(path, return_rejects=True)


@pytest.fixture(scope="module")
def nst(shared_dir):
    path = shared_dir / "incidents" / "nst" / "cfr_nst_2011-2019.xlsx"
    rows = sheet(path, "NST Main Dataset")
    return rows, *read_incidents(path, return_rejects=True)


@pytest.fixture(scope="module")
def kika(shared_dir):
    return shared_dir / "incidents" / "kika"


def sheet(path, title=None):
    """The rows of a worksheet, the first if none is named, under its header.

    Blank ones too; of columns of one name the first.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        chosen = book[title] if title else book.worksheets[0]
        header, *rows = chosen.iter_rows(values_only=True)
        book.close()
    first = {name: at for at, name in reversed(list(enumerate(header))) if name}
    return [{name.strip(): row[at] for name, at in first.items()} for row in rows]


def kidnappings(incidents):
    return incidents[incidents["kind"] == "kidnapping"]


def short(rejects):
    """Reasons without what was put after a colon."""
    return rejects["reason"].str.split(":").str[0]


def awsd_means(row):
    return row["Means of attack"].strip() in ("Kidnapping", "Kidnap-killing")


def test_awsd_rows_come_out_or_are_told(awsd):
    rows, incidents, rejects = awsd
    assert len(incidents) + len(rejects) == len(rows) == 4337
    assert short(rejects).value_counts().to_dict() == {
        NO_PLACE: 342,
        COUNTRY_S_POINT: 43,
        "latitude and longitude are the same number": 6,
        "the position is not in the country the row names": 6,
        EMPTY: 2,
    }


def test_awsd_kidnappings_are_1020_of_which_19_under_another_means(awsd):
    rows, incidents, rejects = awsd
    by_means = {row["Incident ID"] for row in rows if awsd_means(row)}
    by_count = {row["Incident ID"] for row in rows if int(row["Total kidnapped"]) > 0}
    assert (len(by_means), len(by_count - by_means), len(by_means | by_count)) == (1001, 19, 1020)
    expected = {f"AWSD-{one}" for one in by_means | by_count}
    came = set(kidnappings(incidents)["incident_id"])
    fell = rejects[rejects["incident_id"].isin(expected)]
    assert came | set(fell["incident_id"]) == expected
    assert not came & set(fell["incident_id"])
    assert (len(came), len(fell)) == (944, 76)
    # Chechnya, listed as a country, is as large as a region.
    nameless = [
        row
        for row in rows
        if not any(row[name].strip() for name in ("Region", "District", "City"))
        and row["Country"] != "Chechnya"
        and f"AWSD-{row['Incident ID']}" in expected
    ]
    assert len(nameless) == 66
    assert short(fell).value_counts().to_dict() == {
        NO_PLACE: len(nameless),
        COUNTRY_S_POINT: 8,
        "latitude and longitude are the same number": 1,
        "the position is not in the country the row names": 1,
    }


def test_awsd_203_kidnappings_by_means_in_west_and_north_africa(awsd):
    rows, *_ = awsd
    # ECOWAS and its neighbours, the Maghreb, Cameroon and Chad; not Sudan, nor the Central
    # African Republic.
    codes = "BF CI CM EH GN LR LY ML MR NE NG SL TD".split()
    assert sum(awsd_means(row) and row["Country Code"] in codes for row in rows) == 203


def test_awsd_nobody_counted_is_missing_and_blank_days_are_windows(awsd):
    rows, incidents, _ = awsd
    given = {f"AWSD-{row['Incident ID']}": row for row in rows}
    came = kidnappings(incidents)
    nobody = [given[one]["Total kidnapped"] == "0" for one in came["incident_id"]]
    assert came["victims"].isna().tolist() == nobody
    assert came["foreign_victims"].isna().tolist() == nobody
    # All but 11 of the 99 were placed.
    assert sum(nobody) == 88
    assert sum(awsd_means(row) and row["Total kidnapped"] == "0" for row in rows) == 99
    days = (incidents["date_end"] - incidents["date"]).dt.days
    blank = [not given[one]["Day"].strip() for one in incidents["incident_id"]]
    assert (days > 0).tolist() == blank
    assert (incidents["country"] == "NA").sum() == 1
    assert incidents["country"].eq("RU").sum() == 26


def test_awsd_coverage_ends_where_the_file_does_not_where_a_slip_does(awsd):
    _, incidents, _ = awsd
    (covered,) = incidents.attrs["coverage"]
    assert (covered["start"], covered["end"]) == ("1997-01-01", "2025-03-06")
    assert incidents["date"].max().year == 2025
    assert incidents["date"].max().month == 12
    assert not covered["systematic"]


def test_no_word_of_what_happened_is_kept(awsd):
    rows, incidents, _ = awsd
    told = {" ".join(row["Details"].split()) for row in rows}
    kept = incidents.drop(columns="geometry").astype("string")
    assert not kept.isin(told).any(axis=None)


def test_kika_workbook_holds_927_events_and_its_tags_twice(kika):
    path = kika / "2020-2023-aid-worker-kika-incident-data.xlsx"
    incidents, rejects = read_incidents(path, return_rejects=True)
    rows = sheet(path)
    tags = [row for row in rows if str(row["Latitude"]).startswith("#")]
    events = [row for row in rows if row not in tags]
    # The row of tags under the header is passed over, the one at the end is told.
    assert (len(rows), len(tags), len(events)) == (929, 2, 927)
    assert len(incidents) + len(rejects) == 928
    country = "known to the country only, so it cannot be placed"
    assert rejects["reason"].value_counts().to_dict() == {
        country: 108,
        "a row of HXL tags, not an incident": 1,
    }
    taken = [row for row in events if row["Aid Workers Kidnapped"] > 0]
    nowhere = [row for row in taken if row["Geo Precision"].strip() == "(6) Country"]
    assert (len(taken), len(nowhere)) == (212, 20)
    assert len(kidnappings(incidents)) == 212 - 20
    assert set(kidnappings(incidents)["incident_id"]) == {
        f"KIKA-{row['SiND Event ID']}" for row in taken if row not in nowhere
    }
    assert incidents["location_error_km"].notna().all()


def test_kika_letters_are_put_right(kika):
    path = kika / "2020-2023-aid-worker-kika-incident-data.xlsx"
    incidents, _ = read_incidents(path, return_rejects=True)
    for column in ("admin1", "perpetrator"):
        assert not incidents[column].str.contains("Ã|Â|â€", na=False).any()
    assert sum(incidents.attrs["summary"]["repaired"].values()) == 31


def test_kika_plain_table_lacks_the_six_kidnappings_whose_weapon_was_left_blank(kika):
    path = kika / "aid_workers_kika_df.csv"
    incidents, rejects = read_incidents(path, return_rejects=True)
    assert (len(incidents), len(rejects)) == (888, 0)
    assert len(kidnappings(incidents)) == 206
    assert incidents["location_error_km"].isna().all()
    rows = sheet(kika / "2020-2023-aid-worker-kika-incident-data.xlsx")
    unarmed = [
        row
        for row in rows
        if not row["Weapon Carried/Used"] and isinstance(row["Aid Workers Kidnapped"], int)
    ]
    assert sum(row["Aid Workers Kidnapped"] > 0 for row in unarmed) == 212 - 206
    # Those, and one event of the last day.
    assert 927 - len(unarmed) - 888 == 1


def test_nst_rows_come_out_or_are_told(nst):
    rows, incidents, rejects = nst
    filled = [row for row in rows if any(value is not None for value in row.values())]
    assert len(incidents) + len(rejects) == len(filled) == 6745
    assert short(rejects).value_counts().to_dict() == {
        EMPTY: 1954,
        "the position is not in the state the row names": 49,
        MIDDLE: 47,
        "the position is not in the country the row names": 8,
        "not a number": 1,
    }


def test_nst_kidnappings_are_834_of_which_755_have_a_position(nst):
    rows, incidents, rejects = nst
    taken = [
        row for row in rows if row["Kidnapper (P)"] is not None or row["Kidnapee (V)"] is not None
    ]
    placed = [row for row in taken if isinstance(row["Latitude"], float | int)]
    assert (len(taken), len(placed)) == (834, 755)
    # 14 of the 755 have a position that is none.
    assert len(kidnappings(incidents)) == 741
    fell = rejects[[is_nst_kidnapping(one) for one in rejects["original"]]]
    assert short(fell).value_counts().to_dict() == {
        EMPTY: 79,
        "the position is not in the state the row names": 10,
        MIDDLE: 4,
    }


def is_nst_kidnapping(original):
    row = json.loads(original)
    return "Kidnapper (P)" in row or "Kidnapee (V)" in row


def test_nst_first_years_have_no_position_and_are_not_covered(nst):
    rows, incidents, _ = nst
    early = [row for row in rows if row["Date"] is not None and row["Date"].year < 2014]
    assert len(early) == 1765
    assert not any(isinstance(row["Latitude"], float | int) for row in early)
    (covered,) = incidents.attrs["coverage"]
    assert covered["areas"] == ["NG"]
    assert covered["start"] == "2014-01-13"
    assert not covered["systematic"]


def test_nst_ids_are_unique_and_a_bracket_is_taken_off(nst):
    _, incidents, _ = nst
    assert incidents["incident_id"].is_unique
    assert sum(incidents.attrs["summary"]["repaired"].values()) == 1
    assert set(incidents["location_error_km"]) == {10.0, 25.0, 100.0}
