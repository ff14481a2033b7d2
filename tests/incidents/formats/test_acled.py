"""Rows made up in the shapes that ACLED's exports have had; no row is of ACLED."""

import datetime as dt

import numpy as np
import openpyxl
import pandas as pd
import pytest

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.formats import FORMATS
from kidnaprisk.incidents.formats.acled import AcledFormat
from kidnaprisk.incidents.read import read_incidents

ROW = {
    "data_id": "1",
    "iso": "854",
    "event_id_cnty": "BFO1",
    "event_id_no_cnty": "1",
    "event_date": "05 June 2013",
    "year": "2013",
    "time_precision": "1",
    "event_type": "Violence against civilians",
    "sub_event_type": "Abduction/forced disappearance",
    "actor1": "Invented Front (Burkina Faso)",
    "assoc_actor_1": "",
    "inter1": "2",
    "actor2": "Civilians (Burkina Faso)",
    "assoc_actor_2": "",
    "inter2": "7",
    "interaction": "27",
    "region": "Western Africa",
    "country": "Burkina Faso",
    "admin1": "Sahel",
    "admin2": "Seno",
    "admin3": "Dori",
    "location": "Dori",
    "latitude": "14.0354",
    "longitude": "-0.0345",
    "geo_precision": "1",
    "source": "An Invented Paper",
    "source_scale": "National",
    "notes": "Invented.",
    "fatalities": "0",
    "timestamp": "1370908800",  # 2013-06-11 00:00 UTC
    "iso3": "BFA",
}
NAMES = list(ROW)


def rows(*changes):
    """Sound rows with ids BFO1, BFO2 ..., each with its changes."""
    return [
        {**ROW, "event_id_cnty": f"BFO{number}", **change}
        for number, change in enumerate(changes, 1)
    ]


def cells(table):
    frame = pd.DataFrame(table).astype("object")
    return frame.where(frame != "", None)


def table_of(*changes):
    return AcledFormat().to_table(cells(rows(*changes)))


def one(**change):
    return table_of(change).frame.iloc[0]


def faulty(tabled):
    return {
        fault.column: np.flatnonzero(fault.rows).tolist()
        for fault in tabled.faults
        if fault.rows.any()
    }


class TestColumns:
    def test_a_kidnapping(self):
        read = one()
        assert read["incident_id"] == "BFO1"
        assert read["source"] == "acled"
        assert read["kind"] == "kidnapping"
        assert read["country"] == "BF"
        assert (read["admin1"], read["place"]) == ("Sahel", "Dori")
        assert (read["longitude"], read["latitude"]) == ("-0.0345", "14.0354")
        assert read["known_on"] == pd.Timestamp("2013-06-11")
        assert read["perpetrator"] == "Invented Front (Burkina Faso)"

    def test_what_acled_does_not_tell_stays_out(self):
        told = set(table_of({}).frame.columns)
        assert not told & {"victims", "foreign_victims", "outcome", "source_url", "setting"}

    def test_notes_are_for_the_rule_and_not_in_the_table(self):
        tabled = table_of({"notes": "Invented words."})
        assert tabled.texts.tolist() == ["Invented words."]
        assert "Invented words." not in tabled.frame.to_csv()

    @pytest.mark.parametrize(
        ("event_type", "sub_event_type", "kind"),
        [
            ("Violence against civilians", "Attack", "attack"),
            ("Violence against civilians", "Sexual violence", "attack"),
            ("Battles", "Armed clash", "battle"),
            ("Explosions/Remote violence", "Suicide bomb", "explosion"),
            ("Riots", "Mob violence", "unrest"),
            ("Protests", "Peaceful protest", "unrest"),
            ("Strategic developments", "Arrests", "other"),
            ("Battle-No change of territory", "", "battle"),
            ("Remote violence", "", "explosion"),
            ("Riots/Protests", "", "unrest"),
            ("Strategic development", "", "other"),
            ("Headquarters or base established", "", "other"),
        ],
    )
    def test_kinds_of_both_taxonomies(self, event_type, sub_event_type, kind):
        assert one(event_type=event_type, sub_event_type=sub_event_type)["kind"] == kind

    def test_an_event_type_nobody_knows_is_other_and_said(self):
        tabled = table_of({"event_type": "Invented", "sub_event_type": ""})
        assert tabled.frame["kind"].tolist() == ["other"]
        assert any("not known were read as other: 1 rows" in note for note in tabled.notes)
        # In a row moved right the word may be a note's.
        assert not any("invented" in note.casefold() for note in tabled.notes)

    @pytest.mark.parametrize(("code", "km"), [("1", 5.0), ("2", 25.0), ("3", 100.0), ("2.0", 25.0)])
    def test_precision_of_the_place(self, code, km):
        assert one(geo_precision=code)["location_error_km"] == km

    @pytest.mark.parametrize("code", ["", "'", "9"])
    def test_precision_that_is_none_is_missing(self, code):
        tabled = table_of({"geo_precision": code})
        assert tabled.frame["location_error_km"].isna().all()
        assert any("location_error_km" in note for note in tabled.notes)

    def test_an_exact_day_a_week_and_a_month(self):
        table = table_of({}, {"time_precision": "2"}, {"time_precision": "3"}).frame
        assert table["date"].dt.date.tolist() == [
            dt.date(2013, 6, 5),
            dt.date(2013, 6, 2),
            dt.date(2013, 6, 1),
        ]
        assert table["date_end"].dt.date.tolist() == [
            dt.date(2013, 6, 5),
            dt.date(2013, 6, 8),
            dt.date(2013, 6, 30),
        ]

    def test_the_month_of_a_last_day_ends_with_it(self):
        read = one(event_date="29 February 2012", year="2012", time_precision="3")
        assert (read["date"].day, read["date_end"].day) == (1, 29)

    def test_no_timestamp_is_not_guessed(self):
        assert pd.isna(one(timestamp="")["known_on"])
        assert pd.isna(one(timestamp="soon")["known_on"])
        assert one(timestamp="2013-06-12")["known_on"] == pd.Timestamp("2013-06-12")


class TestDays:
    def test_two_digit_days_come_first_where_the_column_says_so(self):
        table = table_of({"event_date": "05-06-13"}, {"event_date": "19-05-13"}).frame
        assert table["date"].dt.date.tolist() == [dt.date(2013, 6, 5), dt.date(2013, 5, 19)]

    def test_hyphens_are_acled_s_own_way_day_first(self):
        assert one(event_date="05-06-13")["date"] == pd.Timestamp("2013-06-05")

    def test_a_day_that_could_be_two_is_a_fault(self):
        assert faulty(table_of({"event_date": "05/06/2013"})) == {"date": [0]}
        # The second row says month first, the third day first.
        days = ("05-06-13", "05-19-13", "19-05-13")
        assert faulty(table_of(*({"event_date": day} for day in days))) == {"date": [0]}

    def test_slashes_are_read_where_the_column_leaves_no_doubt(self):
        table = table_of({"event_date": "05/06/2013"}, {"event_date": "05/19/2013"}).frame
        assert table["date"].dt.date.tolist() == [dt.date(2013, 5, 6), dt.date(2013, 5, 19)]

    def test_a_day_of_another_year_is_a_fault(self):
        assert faulty(table_of({}, {"year": "2012"})) == {"date": [1]}

    def test_iso_days_of_the_exports_of_today(self):
        assert one(event_date="2013-06-05")["date"] == pd.Timestamp("2013-06-05")


class TestPeople:
    @pytest.mark.parametrize(
        ("others", "sector"),
        [
            ("Aid Workers (Burkina Faso)", "aid"),
            ("Teachers (Burkina Faso); Labour Group (Burkina Faso)", "education"),
            ("Teachers  (Cameroon); Students (Cameroon)", "education"),
            ("Health Workers (International)", "health"),
            ("Journalists (Ghana)", "media"),
            ("Government of Burkina Faso (2015-)", "government"),
            ("Police Forces of Burkina Faso (2015-) Gendarmerie", "security"),
            ("Taxi Drivers (Cameroon)", "transport"),
            ("", None),
            ("Labour Group (Burkina Faso)", None),
            ("Christian Group (Burkina Faso)", None),
            ("Former Government of Cameroon (1982-)", None),
            ("Teachers (Burkina Faso); Aid Workers (Burkina Faso)", None),
        ],
    )
    def test_sector_only_where_one_is_plain(self, others, sector):
        assert one(assoc_actor_2=others)["sector"] == sector

    @pytest.mark.parametrize(
        ("actor2", "others", "codes"),
        [
            ("Civilians (Burkina Faso)", "", "BF"),
            ("Civilians (Guinea)", "Labour Group (Guinea)", "GN"),
            ("Civilians (Niger)", "Civilians (Nigeria)", "NE;NG"),
            ("Civilians (International)", "Civilians (Italy); Civilians (Canada)", "IT;CA"),
            ("Civilians (International)", "", None),
            ("Civilians (Burkina Faso)", "Government of Burkina Faso (2015-)", "BF"),
        ],
    )
    def test_nationalities_from_the_names_of_groups(self, actor2, others, codes):
        assert one(actor2=actor2, assoc_actor_2=others)["nationalities"] == codes

    def test_soldiers_who_fight_are_nobody_s_victims(self):
        read = one(inter2="1", actor2="Military Forces of Mali (2013-)", event_type="Battles")
        assert pd.isna(read["sector"])
        assert pd.isna(read["nationalities"])

    def test_protesters_and_civilians_are_no_perpetrators(self):
        table = table_of({"inter1": "6"}, {"inter1": "Civilians"}, {"inter1": "Rebel group"}).frame
        assert table["perpetrator"].isna().tolist() == [True, True, False]


class TestExports:
    def test_known_by_the_columns_of_every_age(self):
        today = [name for name in NAMES if name not in {"data_id", "iso3", "event_id_no_cnty"}]
        today += ["disorder_type", "civilian_targeting", "tags", "population_best"]
        old = [name for name in NAMES if name != "sub_event_type"]
        for header in (NAMES, today, old, [*NAMES, "countycode"], [n.upper() for n in NAMES]):
            assert [form.name for form in FORMATS if form.recognises(header)] == ["acled"]

    def test_no_other_table_is_taken_for_it(self):
        assert not AcledFormat().recognises(["incident_id", "date", "country", "latitude"])
        # ACLED's own weekly counts hold no events.
        counts = ["WEEK", "COUNTRY", "EVENT_TYPE", "SUB_EVENT_TYPE", "EVENTS", "FATALITIES"]
        assert not AcledFormat().recognises(counts)

    def test_old_taxonomy_has_no_code_for_kidnappings(self):
        old = cells(rows({"event_type": "Remote violence"})).drop(columns="sub_event_type")
        assert not AcledFormat().to_table(old).codes_kidnappings
        assert table_of({}).codes_kidnappings

    def test_today_s_columns_with_words_for_codes(self):
        changed = {
            "inter1": "Rebel group",
            "inter2": "Civilians",
            "interaction": "Rebel group-Civilians",
            "event_date": "2013-06-05",
        }
        frame = cells(rows(changed)).drop(columns=["data_id", "iso3", "event_id_no_cnty"])
        frame["population_best"] = None
        read = AcledFormat().to_table(frame).frame.iloc[0]
        assert (read["country"], read["nationalities"]) == ("BF", "BF")

    def test_named_and_yet_without_its_columns(self):
        with pytest.raises(IncidentError, match="required column") as caught:
            AcledFormat().to_table(cells(rows({})).drop(columns="event_date"))
        assert caught.value.column == "event_date"

    def test_iso_iso3_and_country_must_agree(self):
        tabled = table_of({}, {"iso3": "MLI"}, {"country": "Mali"}, {"iso": "466"})
        assert faulty(tabled) == {"country": [1, 2, 3]}
        assert tabled.frame["country"].iloc[0] == "BF"

    def test_semicolons_between_cells(self, tmp_path):
        path = tmp_path / "invented.csv"
        listed = {"assoc_actor_2": "Women (Burkina Faso); Teachers (Burkina Faso)"}
        pd.DataFrame(rows({}, listed)).to_csv(path, sep=";", index=False)
        incidents = read_incidents(path)
        assert incidents["incident_id"].tolist() == ["BFO1", "BFO2"]
        assert incidents["sector"].iloc[1] == "education"


class TestCoverage:
    def read(self, tmp_path, *changes):
        path = tmp_path / "invented.csv"
        pd.DataFrame(rows(*changes)).to_csv(path, index=False)
        (coverage,) = read_incidents(path).attrs["coverage"]
        return coverage

    def test_countries_and_days_of_the_rows(self, tmp_path):
        coverage = self.read(tmp_path, {}, {"event_date": "09 June 2013"})
        assert coverage["areas"] == ["BF"]
        assert (coverage["start"], coverage["end"]) == ("2013-06-05", "2013-06-09")
        assert coverage["systematic"] is True
        assert "kidnapping" in coverage["kinds"]

    def test_an_export_without_a_kidnapping_claims_none(self, tmp_path):
        coverage = self.read(tmp_path, {"sub_event_type": "Attack"})
        assert "kidnapping" not in coverage["kinds"]


LISTED = "Women (Burkina Faso); Teachers (Burkina Faso)"


def broken_up(row, name, *, closed_after=None, width=41):
    """A row's cells as a spreadsheet takes them that splits one list at its delimiter.

    All that follows moves right; or, with ``closed_after``, only up to that column.
    """
    values = list(row.values())
    at = NAMES.index(name)
    parts = row[name].split(";")
    if closed_after is None:
        values[at : at + 1] = parts
    else:
        end = NAMES.index(closed_after) + 1
        values[at:end] = [*parts, *values[at + 1 : end]][: end - at]
    return values + [""] * (width - len(values))


def spreadsheet(*records, width=41):
    names = [*NAMES, *(f"column {number}" for number in range(len(NAMES) + 1, width + 1))]
    frame = pd.DataFrame(records, columns=names).astype("object")
    return frame.where(frame != "", None)


def repaired(tabled):
    return {repair.what for repair in tabled.repairs if repair.rows.any()}


class TestRowsShiftedRight:
    @pytest.mark.parametrize("name", ["assoc_actor_1", "assoc_actor_2", "source"])
    def test_a_whole_row_is_moved_back(self, name):
        (row,) = rows({name: LISTED})
        tabled = AcledFormat().to_table(spreadsheet(broken_up(row, name)))
        whole = AcledFormat().to_table(cells([row]))
        pd.testing.assert_frame_equal(tabled.frame, whole.frame)
        assert not faulty(tabled)
        assert len(repaired(tabled)) == 1

    @pytest.mark.parametrize("parts", [2, 3, 4])
    def test_a_gap_closed_by_hand_loses_the_place_and_its_precision(self, parts):
        listed = ";".join(f"Group {number} (Burkina Faso)" for number in range(parts))
        (row,) = rows({"assoc_actor_2": listed})
        record = broken_up(row, "assoc_actor_2", closed_after="location")
        tabled = AcledFormat().to_table(spreadsheet(record))
        read = tabled.frame.iloc[0]
        assert not faulty(tabled)
        assert len(repaired(tabled)) == 1
        assert (read["country"], read["admin1"]) == ("BF", "Sahel")
        assert (read["longitude"], read["latitude"]) == ("-0.0345", "14.0354")
        assert pd.isna(read["place"])
        assert pd.isna(read["location_error_km"])
        assert read["known_on"] == pd.Timestamp("2013-06-11")

    def test_a_note_of_another_day_is_not_taken_over(self):
        listed = {"assoc_actor_2": LISTED, "event_date": "07 June 2013"}
        sound, row = rows({}, listed)
        record = broken_up(row, "assoc_actor_2", closed_after="location")
        tabled = AcledFormat().to_table(spreadsheet(broken_up(sound, "source"), record))
        assert tabled.texts.isna().tolist() == [False, True]
        assert tabled.frame["known_on"].isna().tolist() == [False, True]

    def test_rows_with_no_one_way_back_are_faults(self):
        (row,) = rows({"assoc_actor_2": LISTED})
        record = broken_up(row, "assoc_actor_2", closed_after="location")
        no_actor = list(record)
        no_actor[NAMES.index("inter1")] = "Invented Group"
        no_country = list(record)
        no_country[NAMES.index("admin1")] = "Invented"
        nowhere = list(record)
        nowhere[NAMES.index("latitude")] = "Seno"
        tabled = AcledFormat().to_table(spreadsheet(record, no_actor, no_country, nowhere))
        assert faulty(tabled) == {"country": [1, 2, 3]}

    def test_another_country_is_no_shift(self):
        (row,) = rows({"assoc_actor_2": LISTED, "iso3": "MLI"})
        record = broken_up(row, "assoc_actor_2", closed_after="location")
        assert faulty(AcledFormat().to_table(spreadsheet(record))) == {"country": [0]}

    def test_stray_cells_beyond_a_whole_row_are_left_out_and_said(self):
        (row,) = rows({})
        record = [*row.values(), " A Paper", " Another", *[""] * 8]
        tabled = AcledFormat().to_table(spreadsheet(record))
        assert not faulty(tabled)
        assert not repaired(tabled)
        assert any("beyond" in note for note in tabled.notes)

    def test_a_workbook_with_tags_and_shifted_rows(self, tmp_path):
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(NAMES)
        sheet.append(["#meta+id", None, "#event+code", None, "#date+occurred", *[None] * 26])
        sound, whole, some = rows({}, {"assoc_actor_1": LISTED}, {"assoc_actor_2": LISTED})
        sheet.append(list(sound.values()))
        sheet.append(broken_up(whole, "assoc_actor_1", width=32))
        sheet.append(broken_up(some, "assoc_actor_2", closed_after="location", width=31))
        path = tmp_path / "invented.xlsx"
        book.save(path)
        incidents, rejects = read_incidents(path, return_rejects=True)
        assert rejects.empty
        assert incidents["incident_id"].tolist() == ["BFO1", "BFO2", "BFO3"]
        assert sum(incidents.attrs["summary"]["repaired"].values()) == 2
        assert incidents["location_error_km"].isna().tolist() == [False, False, True]
