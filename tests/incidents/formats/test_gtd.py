"""The GTD format, on rows invented for the purpose; codes as the GTD codebook has them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.incidents.formats.gtd import COLUMNS, GtdFormat
from kidnaprisk.incidents.formats.tabled import Tabled
from kidnaprisk.incidents.read import read_incidents
from kidnaprisk.incidents.table import draft_incidents, finish_incidents

ROW = {
    "eventid": "201402030007",
    "iyear": "2014",
    "imonth": "2",
    "iday": "3",
    "country": "143",
    "country_txt": "Niger",
    "region": "11",
    "provstate": "Tillaberi",
    "city": "Invented",
    "latitude": "14.5",
    "longitude": "1.5",
    "specificity": "1",
    "vicinity": "0",
    "attacktype1": "6",
    "targtype1": "14",
    "targsubtype1": "67",
    "natlty1_txt": "Niger",
    "gname": "Unknown",
    "ishostkid": "1",
    "nhostkid": "3",
    "nhostkidus": "0",
    "INT_MISC": "0",
}


def cells(*changes: dict[str, str | None]) -> pd.DataFrame:
    rows = [[{**ROW, **change}.get(name) for name in COLUMNS] for change in changes]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")


def table(*changes: dict[str, str | None]) -> Tabled:
    return GtdFormat().to_table(cells(*changes))


def one(**changes: str | None) -> pd.Series:
    return table(changes).frame.iloc[0]


def rejected(**changes: str | None) -> list[str]:
    return [fault.column for fault in table(changes).faults if fault.rows.any()]


def test_it_knows_its_own_header_and_no_other():
    others = [
        ["event_id_cnty", "event_date", "year", "event_type", "country", "latitude", "longitude"],
        ["id", "type_of_violence", "where_prec", "date_start", "latitude", "longitude", "country"],
        ["Incident ID", "Year", "Month", "Day", "Country Code", "Latitude", "Longitude"],
        ["incident_id", "source", "kind", "date", "longitude", "latitude", "country"],
        ["eventid", "iyear", "country_txt", "latitude", "longitude"],
    ]
    assert len(COLUMNS) == 135
    assert GtdFormat().recognises(COLUMNS)
    assert not any(GtdFormat().recognises(header) for header in others)


@pytest.mark.parametrize("eventid", ["201402030007", "2.01402E+11", "2E+11"])
def test_a_row_without_a_header_is_known_by_its_codes(eventid):
    row = [{**ROW, "eventid": eventid}.get(name, "") for name in COLUMNS]
    assert GtdFormat().headerless(row) == COLUMNS


@pytest.mark.parametrize(
    "record",
    [
        ["the end of a text", *[""] * 116],
        [""] * 135,
        ["1"] * 135,
        list(COLUMNS),
    ],
)
def test_a_fragment_or_another_row_is_not_taken_for_one(record):
    assert GtdFormat().headerless(record) is None


@pytest.mark.parametrize(
    ("types", "held", "kind"),
    [
        (("6", None, None), "1", "kidnapping"),
        (("6", "2", None), "-9", "kidnapping"),
        (("1", "6", None), "0", "kidnapping"),
        (("5", "3", "2"), "1", "attack"),
        (("4", None, None), "1", "attack"),
        (("1", None, None), "1", "attack"),
        (("3", "2", None), "0", "explosion"),
        (("9", None, None), "0", "attack"),
    ],
)
def test_a_kidnapping_is_any_of_three_attack_types_6_whoever_was_held(types, held, kind):
    first, second, third = types
    row = one(attacktype1=first, attacktype2=second, attacktype3=third, ishostkid=held)
    assert row["kind"] == kind


def test_an_attack_type_nobody_knows_is_left_for_the_table_to_refuse():
    assert one(attacktype1="12")["kind"] == "12"


def test_what_stands_for_unknown_is_missing():
    row = one(nhostkid="-99", city="Unknown", provstate="-9", gname="Unknown", specificity="-9")
    assert row[["victims", "place", "admin1", "perpetrator", "location_error_km"]].isna().all()


def test_minus_nine_degrees_is_a_position():
    row = one(latitude="-9", longitude="-99")
    assert (row["latitude"], row["longitude"]) == ("-9", "-99")


def test_whole_numbers_are_read_as_a_spreadsheet_writes_them():
    row = one(eventid="201402030007.0", attacktype1="6.0", specificity="3.0", nhostkid="4.0")
    assert (row["incident_id"], row["kind"]) == ("GTD-201402030007", "kidnapping")
    assert (row["location_error_km"], row["victims"]) == (50.0, 4.0)


def test_columns_that_are_not_there_are_unknown():
    tabled = GtdFormat().to_table(cells({}).drop(columns=["INT_MISC", "natlty1_txt", "scite1"]))
    assert tabled.frame[["foreign_victims", "nationalities", "source_url"]].isna().all(axis=None)


def test_the_workbook_it_is_published_as_is_read_like_the_text(tmp_path):
    path = tmp_path / "gtd.xlsx"
    sheet = cells({}).assign(eventid=201402030007, iyear=2014, nhostkid=3)
    sheet["resolution"] = pd.Timestamp("2014-03-15")
    sheet.to_excel(path, index=False)
    incidents = read_incidents(path)
    assert incidents["incident_id"].tolist() == ["GTD-201402030007"]
    assert incidents["victims"].tolist() == [3]
    assert incidents["outcome_date"].tolist() == [pd.Timestamp("2014-03-15")]


class TestIds:
    @pytest.mark.parametrize("eventid", ["2.01402E+11", "201402000000", None, "20140203"])
    def test_one_that_a_spreadsheet_mangled_is_not_trusted(self, eventid):
        tabled = table({"eventid": eventid})
        assert tabled.frame["incident_id"].str.fullmatch(r"GTD-[0-9a-f]{12}").all()
        assert "mangled or missing in 1 of 1 rows" in tabled.notes[0]

    def test_sound_ones_are_kept_beside_mangled_ones(self):
        ids = table({}, {"eventid": "2.01402E+11"}).frame["incident_id"].tolist()
        assert ids[0] == "GTD-201402030007"
        assert ids[1] != "GTD-2.01402E+11"

    def test_rows_that_share_a_mangled_id_stay_apart(self):
        mangled = {"eventid": "2.01402E+11"}
        ids = table(mangled, {**mangled, "city": "Elsewhere"}, mangled).frame["incident_id"]
        assert ids.is_unique
        assert ids[2] == ids[0] + "-2"

    def test_a_derived_one_does_not_hang_on_the_order_of_rows_or_on_the_summary(self):
        mangled = {"eventid": "2.01402E+11"}
        other = {**mangled, "city": "Elsewhere"}
        first = table(mangled, other).frame["incident_id"].tolist()
        again = table(other, {**mangled, "summary": "told anew"}).frame["incident_id"].tolist()
        assert first == again[::-1]


class TestDays:
    @pytest.mark.parametrize(
        ("day", "approximate", "first", "last"),
        [
            ("3", None, "2014-02-03", "2014-02-03"),
            ("0", None, "2014-02-01", "2014-02-28"),
            ("-9", None, "2014-02-01", "2014-02-28"),
            ("3", "February 2-4, 2014", "2014-02-02", "2014-02-04"),
            ("0", "January 30 - February 4, 2014", "2014-01-30", "2014-02-04"),
            ("3", "December 30, 2013 - February 5, 2014", "2013-12-30", "2014-02-05"),
            # A range that does not hold the day that is coded is a slip.
            ("3", "February 12-14, 2014", "2014-02-03", "2014-02-03"),
            ("3", "02-03-2014 00:00", "2014-02-03", "2014-02-03"),
            ("3", "early in the month", "2014-02-03", "2014-02-03"),
            ("3", "February 4-2, 2014", "2014-02-03", "2014-02-03"),
            ("3", "Foo 2-4, 2014", "2014-02-03", "2014-02-03"),
        ],
    )
    def test_a_window_holds_every_day_it_may_have_been(self, day, approximate, first, last):
        row = one(iday=day, approxdate=approximate)
        assert (row["date"], row["date_end"]) == (pd.Timestamp(first), pd.Timestamp(last))

    def test_a_month_of_zero_is_the_year(self):
        row = one(imonth="0", iday="0")
        assert (row["date"], row["date_end"]) == (
            pd.Timestamp("2014-01-01"),
            pd.Timestamp("2014-12-31"),
        )

    def test_a_day_that_is_none_is_told(self):
        assert rejected(imonth="2", iday="30") == ["iday"]
        assert rejected(iyear=None) == ["iday"]

    def test_an_approximate_day_that_cannot_be_read_is_told(self):
        assert "approxdate could not be read in 1 rows" in table({"approxdate": "soon"}).notes[0]
        (released,) = table({"approxdate": "February 2-4, 2014"}).notes
        assert "releases are yearly" in released


class TestPlaces:
    @pytest.mark.parametrize(
        ("specificity", "vicinity", "error_km"),
        [
            ("1", "0", 5.0),
            ("1", "1", 25.0),
            ("2", "0", 25.0),
            ("2", "1", 25.0),
            ("3", "1", 50.0),
            ("4", "0", 100.0),
        ],
    )
    def test_precision(self, specificity, vicinity, error_km):
        assert one(specificity=specificity, vicinity=vicinity)["location_error_km"] == error_km

    def test_a_precision_that_is_not_given_or_not_known_stays_open(self):
        assert np.isnan(one(specificity=None)["location_error_km"])
        assert np.isnan(one(specificity="7", vicinity="1")["location_error_km"])

    def test_a_row_placed_in_its_country_only_is_told(self):
        assert rejected(specificity="5") == ["specificity"]

    def test_a_state_that_is_no_more_is_told_and_not_guessed(self):
        assert rejected(country_txt="Yugoslavia") == ["country_txt"]
        assert one(country_txt="West Germany (FRG)")["country"] == "DE"
        assert one(country_txt="Zaire")["country"] == "CD"


class TestHostages:
    @pytest.mark.parametrize(
        ("code", "released", "outcome"),
        [
            ("2", "3", "released"),
            ("3", None, "escaped"),
            ("4", None, "killed"),
            ("5", None, "rescued"),
            ("6", "1", "partly_released"),
            ("6", "3", None),
            ("6", "-99", None),
            ("1", None, None),
            ("7", None, None),
            (None, None, None),
        ],
    )
    def test_outcome(self, code, released, outcome):
        found = one(hostkidoutcome=code, nreleased=released)["outcome"]
        assert found == outcome if outcome else pd.isna(found)

    def test_a_ransom_is_the_sum_demanded_of_anyone_not_of_americans(self):
        row = one(ransom="1", ransomamt="250000", ransomamtus="0", ransompaid="-99")
        assert (row["demand"], row["ransom_usd"]) == ("ransom", 250_000.0)

    @pytest.mark.parametrize(("ransom", "amount"), [("0", "0"), ("-9", "-99"), (None, None)])
    def test_no_ransom_is_not_no_demand(self, ransom, amount):
        assert one(ransom=ransom, ransomamt=amount)[["demand", "ransom_usd"]].isna().all()

    def test_nothing_is_told_of_hostages_where_nobody_was_held(self):
        row = one(attacktype1="3", ishostkid="0", nhostkid="3", ransom="1", hostkidoutcome="2")
        assert row[["victims", "foreign_victims", "demand", "outcome"]].isna().all()

    def test_those_held_in_a_barricade_are_told(self):
        assert one(attacktype1="5", ishostkid="1", nhostkid="7")["victims"] == 7.0

    @pytest.mark.parametrize(
        ("changes", "foreign"),
        [
            ({"INT_MISC": "0"}, 0.0),
            ({"INT_MISC": "0", "nhostkidus": "1"}, None),
            ({"INT_MISC": "0", "nhostkidus": "1", "country_txt": "United States"}, 0.0),
            ({"INT_MISC": "1", "nhostkid": "1", "natlty1_txt": "Italy"}, 1.0),
            ({"INT_MISC": "1", "nhostkid": "1", "natlty1_txt": "International"}, 1.0),
            ({"INT_MISC": "1", "nhostkid": "1", "natlty2_txt": "Italy"}, None),
            ({"INT_MISC": "1", "nhostkid": "3", "natlty1_txt": "Italy"}, None),
            ({"INT_MISC": "-9"}, None),
            ({"INT_MISC": None}, None),
        ],
    )
    def test_how_many_were_foreign_is_told_only_where_it_is_certain(self, changes, foreign):
        found = one(**changes)["foreign_victims"]
        assert np.isnan(found) if foreign is None else found == foreign

    @pytest.mark.parametrize(
        ("resolution", "days", "day", "ended"),
        [
            ("3/15/2014", "99", "3", "2014-03-15"),
            ("5/6/2014", None, "3", "2014-05-06"),
            ("2014-03-15", None, "3", "2014-03-15"),
            ("15-03-2014 00:00", None, "3", "2014-03-15"),
            (None, "10", "3", "2014-02-13"),
            (None, "10", "0", None),
            (None, "-99", "3", None),
            (None, "0", "3", None),
            ("1/1/2014", None, "3", None),
            (None, "9e9", "3", None),
        ],
    )
    def test_the_day_it_ended(self, resolution, days, day, ended):
        found = one(resolution=resolution, ndays=days, iday=day)["outcome_date"]
        assert found is pd.NaT if ended is None else found == pd.Timestamp(ended)


class TestVictims:
    @pytest.mark.parametrize(
        ("kind", "subtype", "sector", "setting"),
        [
            ("14", "67", "civilian", None),
            ("14", "73", "transport", "road"),
            ("14", "75", "civilian", "village"),
            ("14", "76", "civilian", "residence"),
            ("19", "99", "transport", "road"),
            ("19", "100", "transport", "rail"),
            ("1", "10", "mining", None),
            ("1", None, "other", None),
            ("12", "62", "aid", None),
            ("8", "49", "education", None),
            ("20", None, None, None),
        ],
    )
    def test_sector_and_setting(self, kind, subtype, sector, setting):
        row = one(targtype1=kind, targsubtype1=subtype)
        assert [None if pd.isna(row[name]) else row[name] for name in ("sector", "setting")] == [
            sector,
            setting,
        ]

    def test_nationalities_are_codes_each_once(self):
        row = one(natlty1_txt="Niger", natlty2_txt="Great Britain", natlty3_txt="Niger")
        assert row["nationalities"] == "NE;GB"

    def test_one_without_a_code_is_left_out_and_told(self):
        tabled = table({"natlty1_txt": "Soviet Union", "natlty2_txt": "Chad"})
        assert tabled.frame["nationalities"].tolist() == ["TD"]
        assert "left out in 1 rows" in tabled.notes[0]
        (released,) = table({"natlty1_txt": "Multinational"}).notes
        assert "releases are yearly" in released


def test_a_citation_is_an_address_only_where_it_is_one():
    row = one(scite1='"A title," Daily', scite2="See (https://example.org/a?b=1), May 2014")
    assert row["source_url"] == "https://example.org/a?b=1"
    assert pd.isna(one(scite1='"A title," Daily')["source_url"])


def coverage_of(*changes: dict[str, str | None]):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(tabled.frame) + 2)), tabled.faults)
    return GtdFormat().coverage(finish_incidents(draft))


def test_coverage_is_a_sample_of_the_rows():
    (covered,) = coverage_of(
        {}, {"eventid": "201405060001", "imonth": "5", "country_txt": "Mali", "attacktype1": "3"}
    )
    assert (covered.source, covered.areas, covered.systematic) == ("gtd", ("ML", "NE"), False)
    assert (covered.start, covered.end) == (dt.date(2014, 2, 3), dt.date(2014, 5, 3))
    assert covered.kinds == ("explosion", "kidnapping")
    assert "criminals" in covered.note


def test_an_export_without_kidnappings_does_not_claim_that_there_were_none():
    (covered,) = coverage_of({"attacktype1": "3"})
    assert covered.kinds == ("explosion",)


def test_no_rows_cover_nothing():
    assert coverage_of({"specificity": "5"}) is None


def test_no_word_of_a_note_comes_into_the_table():
    tabled = table({"summary": "quartz", "motive": "quartz", "addnotes": "quartz"})
    assert "quartz" not in tabled.frame.to_string()


WORDS = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(["-99", "0", "6", "1e999", "2014", "31", "\n", "NA", "Niger", "9" * 30]),
)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), WORDS), min_size=1, max_size=4))
def test_whatever_stands_in_the_cells_every_row_comes_out_or_is_told(changes):
    tabled = table(*changes)
    draft = draft_incidents(tabled.frame, list(range(2, len(changes) + 2)), tabled.faults)
    faulty = sum(int(fault.rows.sum()) for fault in draft.faults)
    assert len(finish_incidents(draft)) + faulty == len(changes)
