"""Reading files: every format gives the same table, every bad row and file is told."""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

from kidnaprisk.bundled import data_path
from kidnaprisk.errors import ConfigError, IncidentError, KidnapRiskError
from kidnaprisk.incidents.coverage import Coverage, coverage_of
from kidnaprisk.incidents.read import (
    REJECT_COLUMNS,
    IncidentWarning,
    load_catalogue,
    read_incidents,
)
from kidnaprisk.incidents.table import validate_incidents
from kidnaprisk.incidents.write import own_cells
from tests.incidents.samples import ROW, csv_text, in_memory, rows

THREE = rows({}, {"country": "NA", "nationalities": "NA", "victims": ""}, {"place": "a,\nb"})


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes, str], Path]:
    def writer(content: str | bytes, name: str = "incidents.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


@pytest.fixture(scope="module")
def catalogue() -> gpd.GeoDataFrame:
    return load_catalogue()


def test_namibia_is_a_country_and_a_blank_is_missing(write: Callable[..., Path]) -> None:
    table = read_incidents(write(csv_text(THREE)))
    assert table["country"].tolist() == ["BF", "NA", "BF"]
    assert table["nationalities"].tolist() == ["MA", "NA", "MA"]
    assert table["victims"].isna().tolist() == [False, True, False]
    assert table.loc[2, "place"] == "a, b"


def test_every_format_gives_the_same_table(
    tmp_path: Path, write: Callable[..., Path], catalogue: gpd.GeoDataFrame
) -> None:
    cells = own_cells(catalogue)
    plain = cells.to_csv(index=False)
    cells.to_csv(tmp_path / "semicolon.csv", sep=";", index=False)
    typed = catalogue.drop(columns="geometry").assign(
        longitude=catalogue.geometry.x, latitude=catalogue.geometry.y
    )
    typed.to_excel(tmp_path / "typed.xlsx", index=False)
    typed.to_parquet(tmp_path / "typed.parquet", index=False)
    catalogue.to_parquet(tmp_path / "geo.parquet")
    catalogue.to_file(tmp_path / "points.geojson", driver="GeoJSON")
    write(gzip.compress(plain.encode()), "packed.csv.gz")
    write("\ufeff" + plain.replace("\n", "\r\n"), "windows.csv")
    names = [path.name for path in tmp_path.iterdir()]
    assert len(names) == 7
    for name in names:
        table, rejects = read_incidents(tmp_path / name, return_rejects=True)
        assert len(rejects) == 0, name
        assert_geodataframe_equal(table, catalogue)


def test_excel_datetimes_and_an_empty_column_beside_the_table_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(rows({}, {}))
    for column in ("date", "date_end", "known_on", "outcome_date"):
        frame[column] = pd.to_datetime(frame[column])
    frame["victims"] = frame["victims"].astype(float)
    frame[" "] = ""
    frame.to_excel(tmp_path / "incidents.xlsx", index=False)
    table = read_incidents(tmp_path / "incidents.xlsx")
    assert_geodataframe_equal(table, validate_incidents(in_memory({}, {})))


def test_attrs_are_json_and_survive_parquet(tmp_path: Path, catalogue: gpd.GeoDataFrame) -> None:
    assert json.loads(json.dumps(catalogue.attrs)) == catalogue.attrs
    cells = own_cells(catalogue)
    cells.attrs = catalogue.attrs
    cells.to_parquet(tmp_path / "incidents.parquet")
    back = read_incidents(tmp_path / "incidents.parquet")
    assert coverage_of(back) == coverage_of(catalogue)
    summary = back.attrs["summary"]
    assert summary["rows_in"] == summary["rows"] == summary["kidnappings"] == 719
    assert (summary["first"], summary["last"]) == ("2003-02-19", "2026-03-10")


def test_known_on_is_assumed_and_the_assumption_told(write: Callable[..., Path]) -> None:
    table = read_incidents(
        write(csv_text(rows({"known_on": ""}, {}, {"known_on": "", "date_end": ""})))
    )
    # 19 January and a week; as given; 18 January and a week.
    assert table["known_on"].dt.strftime("%m-%d").tolist() == ["01-26", "01-21", "01-25"]
    assert table.attrs["notes"] == [
        "known_on was not given in 2 of 3 rows and assumed to be date_end + 7 days"
    ]


def test_every_row_comes_in_or_is_rejected_with_its_reason(write: Callable[..., Path]) -> None:
    table = rows(
        {},
        {"date": "18/01/2025"},
        {"latitude": ""},
        {"victims": "-99"},
        {"incident_id": "a", "place": "again"},
        {"incident_id": "b"},
        {"country": "XX"},
    )
    text = csv_text(table).replace("\n", "\n\n", 1) + "short,row\n" + ",".join("abc" * 9) + "\n"
    incidents, rejects = read_incidents(write(text), return_rejects=True)
    # Row 2 is blank. The id of row 4 is free again, as that row is rejected.
    assert incidents["incident_id"].tolist() == ["a", "b"]
    assert tuple(rejects.columns) == REJECT_COLUMNS
    assert rejects["row"].tolist() == [4, 5, 6, 7, 9, 10, 11]
    assert rejects["column"].tolist()[:5] == [
        "date", "latitude", "victims", "incident_id", "country"
    ]  # fmt: skip
    assert rejects["reason"].tolist()[3] == "the incident_id is already used by row 3"
    assert rejects["reason"].tolist()[5].endswith(": 2 where the header has 23")
    assert rejects["reason"].tolist()[6].endswith(": 27 where the header has 23")
    assert rejects.loc[0, "value"] == "18/01/2025"
    assert json.loads(rejects.loc[3, "original"])["place"] == "again"
    assert json.loads(rejects.loc[6, "original"])["beyond the last column"] == ["c", "a", "b", "c"]
    summary = incidents.attrs["summary"]
    assert summary["rows_in"] == 9 == summary["rows"] + sum(summary["rejected"].values())
    assert "blank rows passed over: 1" in incidents.attrs["notes"]


def test_rejects_nobody_asked_for_are_warned_of(write: Callable[..., Path]) -> None:
    path = write(csv_text(rows({}, {"country": "XX"}, {"country": "XX"}, {"victims": "-9"})))
    with pytest.warns(IncidentWarning) as caught:
        incidents = read_incidents(path)
    said = str(caught[0].message)
    assert "3 of 4 rows were rejected (rows 3, 4, 5)" in said
    assert "country: not a country code (2 rows)" in said
    assert "return_rejects=True" in said
    assert said.endswith(incidents.attrs["notes"][-1])
    assert Path(caught[0].filename).name == Path(__file__).name


def test_a_file_of_rejects_alone_is_an_error_unless_they_are_wanted(
    write: Callable[..., Path],
) -> None:
    path = write(csv_text(rows({"country": "XX"}, {"country": "YY"})))
    with pytest.raises(
        IncidentError, match=r"every one of 2 rows is rejected.*country code.*row 2"
    ):
        read_incidents(path)
    incidents, rejects = read_incidents(path, return_rejects=True)
    assert (len(incidents), len(rejects)) == (0, 2)
    assert coverage_of(incidents) == ()


def test_columns_of_no_use_are_named_and_note_is_not(write: Callable[..., Path]) -> None:
    text = csv_text([{**row, "weather": "dry", "note": "x"} for row in THREE])
    assert read_incidents(write(text)).attrs["notes"] == [
        "columns that are not part of the table were left out: weather"
    ]


def test_coverage_is_the_one_given_else_the_one_beside_else_derived(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write(csv_text(THREE), "feed.csv")
    (derived,) = coverage_of(read_incidents(path))
    assert derived.areas == ("BF", "NA")
    assert (str(derived.start), str(derived.end)) == ("2025-01-18", "2025-01-19")
    assert not derived.systematic
    write(
        '[[coverage]]\nsource = "mine"\nareas = ["BF"]\nstart = 2020-01-01\nend = "2025-12-31"\n'
        "systematic = true\n",
        "feed.coverage.toml",
    )
    (beside,) = coverage_of(read_incidents(path))
    assert beside.systematic
    given = Coverage("mine", ("NE",), beside.start, beside.end, False)
    assert coverage_of(read_incidents(path, coverage=given)) == (given,)
    assert coverage_of(read_incidents(path, coverage=[given])) == (given,)
    other = Coverage("other", ("NE",), beside.start, beside.end, False)
    with pytest.raises(IncidentError, match=r"does not name a source of the rows.*'mine'"):
        read_incidents(path, coverage=other)


GOOD = csv_text(THREE)
HEADER = GOOD.partition("\n")[0]


def _zip(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def _features(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


# content, file name, what is wrong, what to do
BAD_FILES: list[tuple[str | bytes, str, str, str]] = [
    ("", "incidents.csv", "file is empty", "get it again"),
    ("\n \n", "incidents.csv", "file is empty", "get it again"),
    (HEADER + "\n", "incidents.csv", "header and no rows", "get it again"),
    ("<!DOCTYPE html><html>", "incidents.csv", "web page", "download the data"),
    ('{"features": []}', "incidents.csv", "is JSON", ".geojson"),
    (_zip("a.csv", b"x"), "incidents.csv", "zip archive or an Excel", ".xlsx"),
    (gzip.compress(GOOD.encode()), "incidents.csv", "gzipped", ".csv.gz"),
    (b"PAR1\x00\x01", "incidents.csv", "a Parquet file", ".parquet"),
    (GOOD.encode("utf-16"), "incidents.csv", "UTF-16", "CSV UTF-8"),
    (GOOD.encode("cp1252"), "incidents.csv", r"not in UTF-8 .*row 2.*T\\xe9ra", "cp1252"),
    (GOOD.replace("Dori", "Do\x00ri", 1), "incidents.csv", r"NUL bytes.*\(.*row 2", "damaged"),
    (GOOD.replace("road,4", '"road,4'), "incidents.csv", "quotes .* do not match.*row", "close"),
    (GOOD.replace("road,4", '"ro"ad,4', 1), "incidents.csv", "quotes .*row 2", "double"),
    (GOOD[: GOOD.rindex("25,BF")], "incidents.csv", "in the middle of a row: 9 of 23", "cut off"),
    (GOOD.replace("victims", "victim", 1), "incidents.csv", "column 'victim'", "'victims'"),
    (GOOD.replace("kind", "what", 1), "incidents.csv", "required column .*'kind'", "add kind"),
    (
        GOOD.replace("longitude,latitude", "lon,lat", 1),
        "incidents.csv",
        "required column .*'longitude'",
        "add longitude, latitude",
    ),
    (GOOD.replace("sector", "place", 1), "incidents.csv", "name is used twice.*'place'", "keep"),
    (GOOD.replace("sector", "", 1), "incidents.csv", "column 17 has no name.*row 1", "index=False"),
    (GOOD.partition("\n")[2], "incidents.csv", "of no known format", "own columns"),
    ("event_id_cnty,event_date\nBFO1,03 December 2020\n", "x.csv", "no known format", "own col"),
    (gzip.compress(GOOD.encode())[:-40], "incidents.csv.gz", "not a whole gzip", "get it again"),
    (GOOD, "incidents.csv.gz", "not a whole gzip", "if it is not gzipped"),
    (GOOD, "incidents.txt", "of this kind is not read.*'.txt'", "save it as .csv"),
    (GOOD, "incidents.xlsx", "not a readable Excel", "save it again"),
    (b"", "incidents.xlsx", "file is empty", "get it again"),
    (_zip("a.csv", b"x"), "incidents.xlsx", "not a readable Excel", "CSV UTF-8"),
    (b"", "incidents.parquet", "not a readable Parquet", "write it again"),
    (GOOD, "incidents.parquet", "not a readable Parquet", "write it again"),
    (GOOD, "incidents.geojson", "not a readable GeoJSON", "cut off"),
    ("[" * 100_000, "incidents.geojson", "not a readable GeoJSON", "cut off"),
    ('{"type": "Point"}', "incidents.geojson", "no GeoJSON feature coll", "FeatureCollection"),
    (_features(), "incidents.geojson", "no rows", "get it again"),
    (_features({"properties": [1]}), "incidents.geojson", "no table", "write it again"),
    (
        _features({"properties": ROW, "geometry": {"type": "LineString", "coordinates": []}}),
        "incidents.geojson",
        "every one of 1 rows .*not a point.*row 2",
        "one point",
    ),
    (
        _features({"properties": ROW, "geometry": None}),
        "incidents.geojson",
        "every one of 1 rows .*not a point.*row 2",
        "one point",
    ),
    (
        '{"crs": {"properties": {"name": "EPSG:3857"}}, "features": []}',
        "incidents.geojson",
        "not in longitude and latitude.*3857",
        "EPSG:4326",
    ),
]


@pytest.mark.parametrize(
    ("content", "name", "reason", "remedy"), BAD_FILES, ids=[bad[2] for bad in BAD_FILES]
)
def test_a_bad_file_is_refused_by_name(
    write: Callable[..., Path], content: str | bytes, name: str, reason: str, remedy: str
) -> None:
    path = write(content, name)
    with pytest.raises(IncidentError, match=reason) as caught:
        read_incidents(path)
    assert type(caught.value) is IncidentError
    assert caught.value.file == name
    assert remedy in str(caught.value.remedy)


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path / "none.xlsx", tmp_path / "none"):
        with pytest.raises(IncidentError, match=r"No such file.*check the path"):
            read_incidents(path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IncidentError, match="directory"):
        read_incidents(tmp_path / "folder.csv")
    with pytest.raises(IncidentError, match="an address, not a file"):
        read_incidents("https://example.org/incidents.csv")


def test_geoparquet_without_or_in_another_crs_is_refused(
    tmp_path: Path, catalogue: gpd.GeoDataFrame
) -> None:
    path = tmp_path / "incidents.parquet"
    catalogue.to_crs(3857).to_parquet(path)
    with pytest.raises(IncidentError, match=r"Pseudo-Mercator.*to_crs"):
        read_incidents(path)
    catalogue.set_crs(None, allow_override=True).to_parquet(path)
    with pytest.raises(IncidentError, match="no coordinate reference system"):
        read_incidents(path)


def test_an_unknown_format_name_is_a_setting_that_is_wrong() -> None:
    with pytest.raises(ConfigError, match=r"unknown format.*'owm'.*one of own"):
        read_incidents(data_path("incidents.csv"), source="owm")
    assert len(read_incidents(data_path("incidents.csv"), source="own")) == 719


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("a.xlsx", "openpyxl", "excel"), ("a.parquet", "pyarrow.parquet", "parquet")],
)
def test_a_missing_package_is_named_with_the_extra_to_install(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf'needs the package.*"kidnaprisk\[{extra}\]"'):
        read_incidents(write(GOOD, name))


def _mutated(content: bytes, dice: random.Random) -> bytes:
    """Content with a few bytes changed, cut out, doubled, or its end cut off."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data))
        match dice.randrange(4):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + dice.randint(1, 40)]
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 40)]
            case 3:
                del data[max(at, len(data) // 2) :]
        if not data:
            break
    return bytes(data)


@pytest.mark.parametrize(
    "name", ["i.csv", "i.csv.gz", "i.xlsx", "i.parquet", "g.parquet", "i.geojson"]
)
def test_damaged_files_give_only_our_errors_and_lose_no_row(
    write: Callable[..., Path], tmp_path: Path, catalogue: gpd.GeoDataFrame, name: str
) -> None:
    few = catalogue.iloc[:12]
    cells = own_cells(few.reset_index(drop=True))
    path = tmp_path / name
    match name:
        case "i.csv" | "i.csv.gz":
            cells.to_csv(path, index=False)
        case "i.xlsx":
            cells.to_excel(path, index=False)
        case "i.parquet":
            cells.to_parquet(path)
        case "g.parquet":
            few.to_parquet(path)
        case _:
            few.to_file(path, driver="GeoJSON")
    content = path.read_bytes()
    dice = random.Random(20250118)
    for _ in range(60):
        path.write_bytes(_mutated(content, dice))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                incidents, rejects = read_incidents(path, return_rejects=True)
            except KidnapRiskError:
                continue
        assert incidents.attrs["summary"]["rows_in"] == len(incidents) + len(rejects)
        validate_incidents(incidents)
