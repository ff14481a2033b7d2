"""A draft of a mapping: it parses whatever the file, reads where it can, and shows no narrative."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kidnaprisk.bundled import data_path
from kidnaprisk.errors import ConfigError, IncidentError
from kidnaprisk.incidents.formats.mapped import ColumnMapping, read_mapping
from kidnaprisk.incidents.formats.mapping import MAPPED, VOCABULARIES
from kidnaprisk.incidents.propose import propose_mapping
from kidnaprisk.incidents.read import read_incidents
from kidnaprisk.incidents.synonyms import COLUMN_NAMES, WORD_STEMS, likely_word, plain

# Everything below is invented.
ENGLISH = """\
Ref No,Incident Date,Date Reported,GPS Lat,GPS Long,Country,Type of Incident,Nearest town,Narrative
A1,03/04/2024,05/04/2024,14.10,0.30,Burkina Faso,Kidnapping,Invented Wells,two drivers taken
A2,19/04/2024,20/04/2024,14.22,1.46,Niger,Armed robbery,Invented Ford,secret words
A3,21/04/2024,,13.90,1.80,Niger,Attempted kidnapping,Invented Mill,
A4,22/04/2024,,13.90,1.80,Niger,Theft,Invented Mill,
"""
FRENCH = """\
N°;Date de l'événement;Coordonnées GPS;Pays;Nature;Lieu;Nombre de victimes;Récit
1;3/4/2024;14,10 0,30;Burkina Faso;Enlèvement;Puits inventé;2;deux chauffeurs
2;19/4/2024;14,22 1,46;Niger;Braquage;Gué inventé;;mots secrets
"""
SPANISH = """\
Folio;Año;Mes;Día;Latitud;Longitud;País;Tipo;Lugar;Relato
1;2024;4;3;14.10;0.30;Niger;Secuestro;Pozo inventado;dos choferes
2;2024;5;0;16.27;-0.04;Mali;Emboscada;Vado inventado;palabras secretas
"""
NAMELESS = """\
a,b,c,d,e
2024-04-03,Niger,14.22,1.46,x
2024-04-04,Mali,16.27,-0.04,y
"""


def drafted(folder: Path, content: str, name: str = "desk.csv") -> str:
    (folder / name).write_text(content, encoding="utf-8")
    return propose_mapping(folder / name)


def accepted(folder: Path, content: str) -> tuple[ColumnMapping, Any, pd.DataFrame]:
    """The draft, taken as it is, and what it reads."""
    (folder / "desk.mapping.toml").write_text(drafted(folder, content), encoding="utf-8")
    mapping = read_mapping(folder / "desk.mapping.toml")
    return mapping, *read_incidents(folder / "desk.csv", return_rejects=True)


def test_an_english_log(tmp_path: Path) -> None:
    mapping, table, rejects = accepted(tmp_path, ENGLISH)
    assert mapping.source == "desk"
    assert mapping.date_order == "DMY"
    assert mapping.columns == {
        "incident_id": "Ref No",
        "date": "Incident Date",
        "known_on": "Date Reported",
        "latitude": "GPS Lat",
        "longitude": "GPS Long",
        "country": "Country",
        "kind": "Type of Incident",
        "place": "Nearest town",
        "notes": "Narrative",
    }
    assert table["kind"].tolist() == ["kidnapping", "attack"]
    # A kidnapping that failed, and a theft, are for somebody to judge.
    assert rejects["value"].tolist() == ["Attempted kidnapping", "Theft"]


def test_a_french_log(tmp_path: Path) -> None:
    mapping, table, rejects = accepted(tmp_path, FRENCH)
    assert len(rejects) == 0
    assert table["kind"].tolist() == ["kidnapping", "attack"]
    assert table["country"].tolist() == ["BF", "NE"]
    assert table.geometry.y.tolist() == [14.10, 14.22]
    assert table["victims"].tolist() == [2, pd.NA]
    assert mapping.columns["notes"] == "Récit"


def test_a_spanish_log(tmp_path: Path) -> None:
    _, table, rejects = accepted(tmp_path, SPANISH)
    assert len(rejects) == 0
    assert table["kind"].tolist() == ["kidnapping", "attack"]
    assert table["date"].tolist() == [pd.Timestamp("2024-04-03"), pd.Timestamp("2024-05-01")]
    assert table["date_end"].tolist() == [pd.Timestamp("2024-04-03"), pd.Timestamp("2024-05-31")]


def test_columns_told_by_their_cells_alone(tmp_path: Path) -> None:
    text = drafted(tmp_path, NAMELESS)
    columns = tomllib.loads(text)["columns"]
    assert columns == {"date": "a", "country": "b", "latitude": "c", "longitude": "d"}
    assert text.count("is it?") == 4
    assert "# kind: needed" in text
    assert '# not used: "e"' in text
    (tmp_path / "half.toml").write_text(text)
    with pytest.raises(ConfigError, match="kind"):
        read_mapping(tmp_path / "half.toml")
    (tmp_path / "whole.toml").write_text(text.replace("# kind = ", "kind = "))
    assert len(read_incidents(tmp_path / "desk.csv", mapping=tmp_path / "whole.toml")) == 2


def test_longitude_may_come_first(tmp_path: Path) -> None:
    text = drafted(tmp_path, "u,v\n100.25,14.22\n101.50,16.27\n")
    assert tomllib.loads(text)["columns"] == {"longitude": "u", "latitude": "v"}


def test_numbers_are_no_countries(tmp_path: Path) -> None:
    text = drafted(tmp_path, "Date,Country,Killed\n2024-04-03,4,8\n2024-04-04,4,12\n")
    assert tomllib.loads(text)["columns"] == {"date": "Date"}


def test_what_is_needed_and_not_there_is_said(tmp_path: Path) -> None:
    text = drafted(tmp_path, "Reporter,Remarks\nsomebody,something said\n")
    for name in ("date", "latitude", "longitude", "country", "kind"):
        assert f"# {name}: needed" in text
    assert tomllib.loads(text)["columns"] == {"notes": "Remarks"}


def test_an_order_that_the_cells_leave_open_is_asked_for(tmp_path: Path) -> None:
    text = drafted(tmp_path, "Date,Country\n03/04/2024,Niger\n05/06/2024,Mali\n")
    assert "# date_order" in text
    text = drafted(tmp_path, "Date,Country\n04/13/2024,Niger\n05/06/2024,Mali\n")
    assert tomllib.loads(text)["date_order"] == "MDY"
    assert "date_order" not in drafted(tmp_path, "Date,Country\n2024-04-03,Niger\n")


def test_no_cell_is_shown_but_words_of_kinds_and_the_like(tmp_path: Path) -> None:
    for content in (ENGLISH, FRENCH, SPANISH):
        text = drafted(tmp_path, content)
        rows = list(csv.reader(io.StringIO(content), delimiter=";" if ";" in content else ","))
        for *cells, narrative in rows[1:]:
            assert not narrative or narrative not in text
            # All but the kind; cells of a letter or two are in any text.
            for cell in cells:
                shown = f'"{cell}" = ' in text
                assert shown or len(cell) < 5 or cell not in text


def test_a_narrative_under_the_name_of_a_kind_is_no_kind(tmp_path: Path) -> None:
    told = "a long story of what was said to have happened on that invented day"
    text = drafted(tmp_path, f"Date,Type\n2024-04-03,{told}\n2024-04-04,{told} again\n")
    assert told not in text
    assert "kind" not in tomllib.loads(text)["columns"]
    assert '# not used: "Type"' in text


def test_at_most_twenty_words_are_shown(tmp_path: Path) -> None:
    rows = "".join(f"2024-04-03,word {at // 2}\n" for at in range(60))
    text = drafted(tmp_path, f"Date,Type\n{rows}")
    assert text.count('# "word') == 20
    assert "# and 10 more, not shown" in text


def test_classes_of_precision_are_no_km(tmp_path: Path) -> None:
    coded = "Date,Precision\n2024-04-03,1\n2024-04-03,3\n"
    assert "[words.location_error_km]" in drafted(tmp_path, coded)
    assert "[words.location_error_km]" not in drafted(tmp_path, coded.replace(",3", ",25"))


def test_a_workbook_with_a_cover_sheet(tmp_path: Path) -> None:
    frame = pd.read_csv(io.StringIO(ENGLISH))
    with pd.ExcelWriter(tmp_path / "desk.xlsx") as book:
        pd.DataFrame({"An invented log": ["see next"]}).to_excel(book, sheet_name="Cover")
        frame.to_excel(book, sheet_name="Log", index=False)
    drawn = propose_mapping(tmp_path / "desk.xlsx")
    assert drawn.partition("\n")[2] == drafted(tmp_path, ENGLISH).partition("\n")[2]


def test_the_catalogue_maps_to_itself(tmp_path: Path) -> None:
    columns = tomllib.loads(propose_mapping(data_path("incidents.csv")))["columns"]
    mapped = {ours: theirs for ours, theirs in columns.items() if ours != "notes"}
    assert mapped == {name: name for name in mapped}
    assert {"date", "date_end", "known_on", "kind", "setting", "outcome_date"} <= set(mapped)


def test_the_name_of_a_source_the_library_knows_is_not_taken(tmp_path: Path) -> None:
    assert tomllib.loads(drafted(tmp_path, ENGLISH, "acled.csv"))["source"] == "acled_log"
    assert tomllib.loads(drafted(tmp_path, ENGLISH, "Été 2024.csv"))["source"] == "ete_2024"
    assert tomllib.loads(drafted(tmp_path, ENGLISH, "日誌.csv"))["source"] == "log"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.csv", None, "cannot be read"),
        ("empty.csv", "", "empty"),
        ("bare.csv", "Date,Type\n", "no rows"),
        ("log.doc", "Date,Type\n", "not read"),
        ("page.csv", "<html></html>", "web page"),
        ("no.xlsx", "Date,Type\n", "workbook"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, name: str, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(IncidentError, match=reason) as caught:
        propose_mapping(tmp_path / name)
    assert caught.value.file == name


HEADERS = st.lists(
    st.text(max_size=12)
    | st.sampled_from([one for names in COLUMN_NAMES.values() for one in names]),
    min_size=1,
    max_size=8,
)
CELLS = st.text(max_size=8) | st.sampled_from(
    ["2024-04-03", "3/4/2024", "14.10", "0.30", "14.1, 0.3", "Niger", "Kidnap", "12", ""]
)


@given(header=HEADERS, data=st.data())
@settings(max_examples=60)
def test_whatever_the_header_the_draft_is_toml_and_reads_if_nothing_is_missing(
    header: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assume(any(name.strip() for name in header))
    row = st.lists(CELLS, min_size=len(header), max_size=len(header))
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *data.draw(st.lists(row, min_size=1, max_size=4))])
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_text(out.getvalue(), encoding="utf-8", errors="replace", newline="")
    try:
        text = propose_mapping(path)
    except IncidentError:
        return
    columns = tomllib.loads(text)["columns"]
    assert set(columns) <= set(MAPPED)
    assert len(set(columns.values())) == len(columns)
    path.with_name("any.toml").write_text(text, encoding="utf-8")
    if ": needed," not in text:
        assert read_mapping(path.with_name("any.toml")).columns == columns


@given(name=st.text())
@settings(max_examples=40)
def test_names_of_a_json_file_may_be_anything(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.geojson"
    feature = {"type": "Feature", "geometry": None, "properties": {name: "\ud800", "kind": name}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    text = propose_mapping(path)
    assert tomllib.loads(text.encode().decode())["source"] == "any"


def test_every_word_we_know_is_ours_and_every_name_is_plain() -> None:
    assert set(COLUMN_NAMES) <= set(MAPPED)
    assert set(WORD_STEMS) == set(VOCABULARIES)
    for name, stems in WORD_STEMS.items():
        assert set(stems) <= VOCABULARIES[name]
    names = [one for names in COLUMN_NAMES.values() for one in names]
    names += [one for table in WORD_STEMS.values() for stems in table.values() for one in stems]
    assert [one for one in names if plain(one) != one] == []


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        ("kind", "KIDNAP", "kidnapping"),
        ("kind", "Abduction/forced disappearance", "kidnapping"),
        ("kind", "Prise d'otages", "kidnapping"),
        ("kind", "Kidnap threat", None),
        ("kind", "Hostage released", None),
        ("kind", "Robbery and kidnap", None),
        ("kind", "IED", "explosion"),
        ("kind", "Miner dispute", None),
        ("setting", "Carretera", "road"),
        ("outcome", "Not released", None),
        ("outcome", "Libéré", "released"),
        ("demand", "none reported", "none_reported"),
    ],
)
def test_likely_words(name: str, theirs: str, ours: str | None) -> None:
    assert likely_word(name, theirs, VOCABULARIES[name]) == ours
