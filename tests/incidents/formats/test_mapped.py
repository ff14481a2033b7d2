"""A log in anybody's columns: what the mapping says is done, what it does not say is told."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.errors import ConfigError, IncidentError
from kidnaprisk.incidents.formats import FORMATS
from kidnaprisk.incidents.formats.mapped import ColumnMapping, MappedFormat, read_mapping
from kidnaprisk.incidents.formats.mapping import MAPPED, RESERVED_SOURCES
from kidnaprisk.incidents.formats.own import FILE_COLUMNS
from kidnaprisk.incidents.formats.written import degrees, two_degrees
from kidnaprisk.incidents.read import read_incidents
from kidnaprisk.incidents.vocabulary import (
    DEMANDS,
    KINDS,
    OUTCOMES,
    SECTORS,
    SETTINGS,
)
from tests.incidents.samples import ROW, csv_text

# Everything below is invented.
MAPPING = """
source = "acme"
date_order = "DMY"
[columns]
incident_id = "Ref"
date = "Date of event"
latitude = "Lat"
longitude = "Long"
country = "Country"
kind = "Type"
place = "Where"
setting = "Spot"
victims = "Taken"
nationalities = "From"
location_error_km = "How exact"
notes = "Narrative"
[words.kind]
"Armed robbery" = "attack"
"Kidnap for ransom" = "kidnapping"
[words.setting]
"On the road" = "road"
"?" = ""
[words.nationalities]
"Moroccan" = "MA"
[words.location_error_km]
"exact" = 1
"about" = 25
"""
LOG = {
    "Ref": "7",
    "Date of event": "3/4/2024",
    "Lat": "14.1",
    "Long": "0.3",
    "Country": "Burkina Faso",
    "Type": "Kidnap for ransom",
    "Where": "Invented Wells",
    "Spot": "On the road",
    "Taken": "2",
    "From": "Moroccan, Niger",
    "How exact": "about",
    "Narrative": "an invented narrative",
}


def log(*changes: dict[str, str]) -> list[dict[str, str]]:
    return [{**LOG, "Ref": str(at), **change} for at, change in enumerate(changes, 1)]


class Folder:
    """A log and its mapping, read together."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(
        self, table: list[dict[str, str]] | str, mapping: str = MAPPING, **options: Any
    ) -> tuple[Any, pd.DataFrame]:
        (self.path / "log.mapping.toml").write_text(mapping, encoding="utf-8")
        content = table if isinstance(table, str) else csv_text(table)
        (self.path / "log.csv").write_text(content, encoding="utf-8")
        return read_incidents(self.path / "log.csv", return_rejects=True, **options)

    def refuses(self, mapping: str) -> ConfigError:
        (self.path / "log.mapping.toml").write_text(mapping, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            read_mapping(self.path / "log.mapping.toml")
        assert caught.value.file == "log.mapping.toml"
        assert caught.value.remedy
        return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_log_is_read_in_our_columns_and_words(folder: Folder) -> None:
    table, rejects = folder.read(
        log({}, {"Type": "armed  ROBBERY", "Country": "BFA", "Spot": "?", "How exact": "exact"})
    )
    assert len(rejects) == 0
    assert table["incident_id"].tolist() == ["1", "2"]
    assert set(table["source"]) == {"acme"}
    assert table["kind"].tolist() == ["kidnapping", "attack"]
    assert set(table["date"]) == {pd.Timestamp("2024-04-03")}
    assert table["country"].tolist() == ["BF", "BF"]
    assert table["location_error_km"].tolist() == [25.0, 1.0]
    assert table["setting"].fillna("").tolist() == ["road", ""]
    assert set(table["nationalities"]) == {"MA;NE"}
    assert set(table["victims"]) == {2}
    assert (table.geometry.x == 0.3).all()
    assert (table.geometry.y == 14.1).all()
    assert table.attrs["summary"]["format"] == "mapped"


def test_narratives_are_nowhere_in_the_table(folder: Folder) -> None:
    table, _ = folder.read(log({"Narrative": "zzz unheard-of zzz"}))
    assert "zzz" not in table.to_csv() + repr(table.attrs)


def test_the_mapping_may_be_named_and_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(csv_text(log({})))
    (tmp_path / "meaning.toml").write_text(MAPPING, encoding="utf-8-sig")
    table = read_incidents(tmp_path / "log.csv", mapping=tmp_path / "meaning.toml")
    assert table["incident_id"].tolist() == ["1"]


def test_header_cells_may_have_line_breaks_and_other_case(folder: Folder) -> None:
    text = csv_text(log({})).replace("Date of event", '" DATE of\nEvent "').replace("Lat,", "LAT ,")
    table, rejects = folder.read(text)
    assert (len(table), len(rejects)) == (1, 0)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(folder: Folder, delimiter: str) -> None:
    table, _ = folder.read(csv_text(log({}, {}), delimiter))
    assert len(table) == 2


def test_excel_dates_and_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame(log({}, {}))
    frame["Date of event"] = [pd.Timestamp("2024-04-03"), pd.Timestamp("2024-04-03 14:30")]
    frame[["Lat", "Long"]] = [[14.1, 0.3], [14.1, 0.3]]
    with pd.ExcelWriter(tmp_path / "log.xlsx") as book:
        pd.DataFrame({"About": ["An invented log"]}).to_excel(book, sheet_name="Cover", index=False)
        frame.to_excel(book, sheet_name="Log", index=False)
    (tmp_path / "log.mapping.toml").write_text(MAPPING)
    table = read_incidents(tmp_path / "log.xlsx")
    assert set(table["date"]) == {pd.Timestamp("2024-04-03")}
    assert "date: a time of day was left out in 1 rows" in table.attrs["notes"]


def test_an_unexplained_kind_rejects_the_row_and_says_how_to_explain_it(folder: Folder) -> None:
    table, rejects = folder.read(log({}, {"Type": "Hold-up"}, {"Type": "Battle"}))
    assert table["kind"].tolist() == ["kidnapping", "battle"]
    [reject] = rejects.to_dict("records")
    assert (reject["row"], reject["column"], reject["value"]) == (3, "kind", "Hold-up")
    assert 'add "Hold-up" = "..." under [words.kind]' in reject["remedy"]


def test_an_unexplained_word_elsewhere_is_left_empty_and_counted(folder: Folder) -> None:
    table, rejects = folder.read(
        log({"Spot": "bush", "Taken": "several", "From": "Atlantean"}, {"Spot": "bush"}, {})
    )
    assert len(rejects) == 0
    assert table["setting"].isna().tolist() == [True, True, False]
    assert table["victims"].isna().tolist() == [True, False, False]
    assert table["nationalities"].isna().tolist() == [True, False, False]
    notes = " ".join(table.attrs["notes"])
    assert "setting: left empty in 2 rows" in notes
    assert "'bush'" in notes


def test_thousands_are_not_guessed(folder: Folder) -> None:
    table, _ = folder.read(log({"Taken": "1,200"}, {"Taken": "1.200"}))
    # One and a fifth of a person is no count either.
    assert table["victims"].isna().all()


def test_a_class_of_precision_that_is_not_explained_is_not_taken_for_km(folder: Folder) -> None:
    mapping = MAPPING.replace('"exact" = 1', '"1" = 5').replace('"about"', '"2"')
    table, _ = folder.read(log({"How exact": "1"}, {"How exact": "2"}, {"How exact": "3"}), mapping)
    assert table["location_error_km"].tolist()[:2] == [5.0, 25.0]
    assert pd.isna(table.loc[2, "location_error_km"])


def test_an_unknown_country_and_a_lost_day_reject_the_row(folder: Folder) -> None:
    table, rejects = folder.read(
        log({}, {"Country": "Niger State"}, {"Date of event": "31/02/2024"}, {"Lat": "http://x"})
    )
    assert len(table) == 1
    assert rejects["column"].tolist() == ["country", "date", "latitude"]
    assert rejects["value"].tolist() == ["Niger State", "31/02/2024", "http://x"]
    assert "[words.country]" in rejects.loc[0, "remedy"]
    assert "date_order" in rejects.loc[1, "remedy"]


def test_days_that_could_be_two_are_rejected_without_an_order(folder: Folder) -> None:
    undecided = MAPPING.replace('date_order = "DMY"\n', "")
    _, rejects = folder.read(log({}, {}), undecided)
    assert len(rejects) == 2
    table, _ = folder.read(log({}, {"Date of event": "13/4/2024"}), undecided)
    assert table["date"].dt.day.tolist() == [3, 13]
    table, _ = folder.read(log({}), MAPPING.replace("DMY", "MDY"))
    assert table["date"].dt.month.tolist() == [3]


def test_year_month_and_day_in_three_columns(folder: Folder) -> None:
    mapping = MAPPING.replace('date = "Date of event"', 'year = "Y"\nmonth = "M"\nday = "D"')
    dated = [
        {"Y": "2024", "M": "2", "D": "29"},
        {"Y": "2024", "M": "2", "D": ""},
        {"Y": "2023", "M": "0", "D": "0"},
        {"Y": "2023", "M": "2", "D": "29"},
    ]
    table, rejects = folder.read(
        [{**row, **day} for row, day in zip(log(*[{}] * 4), dated, strict=True)], mapping
    )
    days = zip(table["date"].dt.strftime("%F"), table["date_end"].dt.strftime("%F"), strict=True)
    assert list(days) == [
        ("2024-02-29", "2024-02-29"),
        ("2024-02-01", "2024-02-29"),
        ("2023-01-01", "2023-12-31"),
    ]
    assert rejects["row"].tolist() == [5]


def test_a_year_beside_the_date_tells_its_order(folder: Folder) -> None:
    mapping = (
        MAPPING.replace('date_order = "DMY"\n', "")
        .replace("[words.kind]", "[words.kind]\n")
        .replace('date = "Date of event"', 'date = "Date of event"\nyear = "Year"')
    )
    rows = [{**row, "Year": "2013"} for row in log({"Date of event": "19-05-13"})]
    table, _ = folder.read(rows, mapping)
    assert table["date"].tolist() == [pd.Timestamp("2013-05-19")]


@pytest.mark.parametrize("cell", ["14.1, 0.3", "14,1; 0,3", "14.1 0.3", "(14.1 N, 0.3 E)"])
def test_a_position_in_one_cell(folder: Folder, cell: str) -> None:
    mapping = MAPPING.replace('latitude = "Lat"\nlongitude = "Long"', 'position = "Lat"')
    table, _ = folder.read(log({"Lat": cell}), mapping)
    assert (table.geometry.x[0], table.geometry.y[0]) == (0.3, 14.1)


@pytest.mark.parametrize("cell", ["14,1,0,3", "Dori", "14.1", "0.3 E, 14.1 N", "14.1.2, 0.3"])
def test_a_position_that_is_not_clear_is_none(folder: Folder, cell: str) -> None:
    mapping = MAPPING.replace('latitude = "Lat"\nlongitude = "Long"', 'position = "Lat"')
    _, rejects = folder.read(log({"Lat": cell}), mapping)
    assert rejects["value"].tolist() == [cell]


def test_decimal_commas_and_hemispheres_are_put_right_and_counted(folder: Folder) -> None:
    table, _ = folder.read(log({"Lat": "14,1", "Long": "0,3 W"}, {}))
    assert table.geometry.x.tolist() == [-0.3, 0.3]
    [(what, count)] = table.attrs["summary"]["repaired"].items()
    assert "comma" in what
    assert count == 1


@given(
    lat=st.floats(-90, 90).map(lambda x: round(x, 4)),
    lon=st.floats(-180, 180).map(lambda x: round(x, 4)),
)
def test_written_degrees_are_read_back(lat: float, lon: float) -> None:
    assert two_degrees(f"{lat:f}, {lon:f}") == (lat, lon)
    assert two_degrees(f"{lat:f};{lon:f}".replace(".", ",")) == (lat, lon)
    letter = "W" if lon < 0 else "E"
    assert degrees(f"{abs(lon):f}° {letter}", "longitude") == lon


def test_one_value_for_every_row(folder: Folder) -> None:
    mapping = """
        source = "acme"
        [columns]
        date = "Date of event"
        latitude = "Lat"
        longitude = "Long"
        [values]
        kind = "Kidnapping"
        country = "Burkina Faso"
        location_error_km = 25
    """
    table, _ = folder.read(log({"Date of event": "2024-04-03"}), mapping)
    row = table.iloc[0]
    assert (row["kind"], row["country"], row["location_error_km"]) == ("kidnapping", "BF", 25.0)


def test_derived_ids_do_not_depend_on_how_a_day_or_a_number_is_written(folder: Folder) -> None:
    mapping = MAPPING.replace('incident_id = "Ref"\n', "")
    first, _ = folder.read(log({}, {}, {"Where": "Elsewhere"}), mapping)
    other, _ = folder.read(log({"Date of event": "2024-04-03", "Lat": "14.10"}), mapping)
    ids = first["incident_id"].tolist()
    assert re.fullmatch("ACME-[0-9a-f]{12}", ids[0])
    assert ids[1] == f"{ids[0]}-2"
    assert ids[2][:17] != ids[0]
    assert other["incident_id"].tolist() == ids[:1]


def test_a_blank_id_is_derived(folder: Folder) -> None:
    table, _ = folder.read(log({}, {"Ref": " "}))
    assert table["incident_id"].str.startswith("ACME-").tolist() == [False, True]


@pytest.mark.parametrize(
    ("words", "cells", "expected"),
    [
        ('"hold-up" = "attack"', ["hold-up"], False),
        ('"hold-up" = "attack"', ["hold-up", "Kidnapping"], True),
        ('"rapt" = "kidnapping"', ["rapt"], True),
        ("", ["attack"], True),
    ],
)
def test_whether_the_log_has_a_word_for_kidnappings(
    words: str, cells: list[str], expected: bool
) -> None:
    table = dict(line.replace('"', "").split(" = ") for line in words.splitlines())
    mapping = ColumnMapping(
        "acme", {"date": "d", "position": "p", "kind": "k"}, {"country": "NE"}, {"kind": table}
    )
    frame = pd.DataFrame({"d": "2024-01-01", "p": "14, 2", "k": cells}, dtype="object")
    assert MappedFormat(mapping).to_table(frame).codes_kidnappings is expected


def test_a_column_the_file_does_not_have_is_told_with_the_nearest(folder: Folder) -> None:
    with pytest.raises(IncidentError, match="did you mean 'Narrative'") as caught:
        folder.read(log({}), MAPPING.replace("Narrative", "Narative"))
    assert caught.value.column == "Narative"
    assert caught.value.file == "log.csv"


def test_a_column_there_twice_is_not_chosen_from(folder: Folder) -> None:
    with pytest.raises(IncidentError, match="more than once"):
        folder.read([{**row, "LAT": "1"} for row in log({})])
    table, _ = folder.read(
        csv_text(log({})).replace("Where", "Lat"), MAPPING.replace('place = "Where"\n', "")
    )
    assert "a column 'Lat' may be there twice; the first of them was read" in table.attrs["notes"]


@pytest.mark.parametrize(
    ("change", "with_", "key", "hint"),
    [
        ('source = "acme"', 'source = "Acme Ltd"', "source", "small letters"),
        ('source = "acme"', 'source = "acled"', "source", "acled_own"),
        ('source = "acme"', "", "source", "write source"),
        ("date_order", "dateorder", "dateorder", "did you mean 'date_order'?"),
        ("DMY", "YMD", "date_order", "DMY or MDY"),
        ("[words.kind]", "[word.kind]", "word", "did you mean 'words'?"),
        ("latitude =", "lattitude =", "lattitude", "did you mean 'latitude'?"),
        ("[words.setting]", "[words.seting]", "seting", "did you mean 'setting'?"),
        ("[words.setting]", "[words.place]", "place", "known: kind"),
        ('= "attack"', '= "atack"', "words.kind.Armed robbery", "did you mean 'attack'?"),
        ('= "attack"', '= ""', "words.kind.Armed robbery", "quotes"),
        ('"about" = 25', '"about" = "25"', "words.location_error_km.about", "without quotes"),
        ('"about" = 25', '"about" = -9', "words.location_error_km.about", "from 0 to 2000"),
        ('"about" = 25', '"about" = nan', "words.location_error_km.about", "from 0 to 2000"),
        ('"about" = 25', '"EXACT" = 25', "words.location_error_km.EXACT", "keep one"),
        ('"Armed robbery"', "Armed.robbery", "words.kind.Armed", "in quotes"),
        ('= "MA"', '= "Maroccoland"', "words.nationalities.Moroccan", "two-letter"),
        ('date = "Date of event"\n', "", "columns.date", "year, month and day"),
        ('date = "Date of event"', 'month = "M"', "columns.year", "add it"),
        ('kind = "Type"', 'kind = "Type"\nmonth = "M"', "columns.month", "not both"),
        ('latitude = "Lat"\n', "", "columns.latitude", "as position"),
        ('longitude = "Long"', 'position = "Long"', "columns.latitude", "not both"),
        ('country = "Country"\n', "", "columns.country", "under [values]"),
        ('kind = "Type"', "kind = 3", "columns.kind", "as text"),
        ('kind = "Type"', 'source = "Type"', "columns.source", "at the top"),
        ('setting = "Spot"\n', "", "words.setting", "add setting to [columns]"),
        ("[words.kind]", '[values]\nkind = "attack"\n[words.kind]', "values.kind", "not both"),
        ("[words.kind]", '[values]\ndate = "2024"\n[words.kind]', "date", "known: kind"),
        ("[words.kind]", '[values]\ndemand = "cash"\n[words.kind]', "values.demand", "one of"),
        ("[words.kind]", "[values]\nforeign_victims = 1.5\n[words.kind]",
         "values.foreign_victims", "whole number"),
        ("[words.kind]", "[words.kind", None, "correct it"),
    ],
)  # fmt: skip
def test_a_faulty_mapping_is_told(
    folder: Folder, change: str, with_: str, key: str | None, hint: str
) -> None:
    assert change in MAPPING
    error = folder.refuses(MAPPING.replace(change, with_, 1))
    assert error.column == key
    assert hint in str(error)


def test_a_mapping_that_is_not_there_or_no_text(folder: Folder) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mapping(folder.path / "none.toml")
    (folder.path / "bad.toml").write_bytes(b'source = "\xff"')
    with pytest.raises(ConfigError, match="not TOML in UTF-8"):
        read_mapping(folder.path / "bad.toml")


def test_names_of_the_formats_are_reserved() -> None:
    assert {form.name for form in FORMATS} <= RESERVED_SOURCES


CODES = st.sampled_from(["BF", "NE", "ML"])
BLANK = st.just("")
OWN_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(sorted(KINDS)),
            "setting": BLANK | st.sampled_from(sorted(SETTINGS)),
            "sector": BLANK | st.sampled_from(sorted(SECTORS)),
            "demand": BLANK | st.sampled_from(sorted(DEMANDS)),
            "outcome": BLANK | st.sampled_from(sorted(OUTCOMES)),
            "nationalities": BLANK | st.lists(CODES, min_size=1, unique=True).map(";".join),
            "place": BLANK | st.text("abc é'-", min_size=1, max_size=9),
            "victims": st.integers(4, 999).map(str),
            "ransom_usd": BLANK | st.floats(0, 1e9).map(repr),
            "location_error_km": BLANK | st.floats(0, 2000).map(repr),
            "longitude": st.floats(-1.0, 0.0).map(repr),
            "latitude": st.floats(12.5, 13.5).map(repr),
            "known_on": BLANK | st.dates(pd.Timestamp("2025-01-18").date()).map(str).filter(
                lambda day: day < "2100"
            ),
        }
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


@given(changes=OWN_ROWS)
@settings(max_examples=40)
def test_our_own_columns_mapped_to_themselves_are_the_own_format(
    changes: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("own")
    table = [{**ROW, **change, "incident_id": f"i{at}"} for at, change in enumerate(changes)]
    (path / "own.csv").write_text(csv_text(table), encoding="utf-8")
    names = [name for name in FILE_COLUMNS if name in MAPPED and name in ROW]
    lines = "\n".join(f'{name} = "{name}"' for name in names)
    (path / "self.toml").write_text(f'source = "mine"\n[columns]\n{lines}\n')
    own = read_incidents(path / "own.csv", source="own")
    mapped = read_incidents(path / "own.csv", mapping=path / "self.toml")
    assert_geodataframe_equal(mapped, own)


def test_the_example_of_the_docs_is_read_as_they_say(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "sources" / "mapped.md"
    blocks = dict(re.findall(r"```(csv|toml)\n(.*?)```", page.read_text(encoding="utf-8"), re.S))
    (tmp_path / "acme.csv").write_text(blocks["csv"], encoding="utf-8")
    (tmp_path / "acme.mapping.toml").write_text(blocks["toml"], encoding="utf-8")
    incidents, rejects = read_incidents(tmp_path / "acme.csv", return_rejects=True)
    told = re.search(r"<!-- read -->\n(.*?)\n\n", page.read_text(encoding="utf-8"), re.S)
    assert told is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in told[1].splitlines()]
    header, _, *body = rows
    frame = incidents.assign(longitude=incidents.geometry.x, latitude=incidents.geometry.y).astype(
        "string"
    )
    assert frame[header].fillna("").to_numpy().tolist() == body
    assert rejects["row"].tolist() == [5]
    assert len(list(csv.reader(io.StringIO(blocks["csv"])))) == 1 + len(body) + len(rejects)
