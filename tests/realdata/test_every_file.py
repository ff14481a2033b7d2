"""Every real incident file beside an oracle that shares no code with the reader.

The oracle knows each source's columns from its own documentation and reads them with csv and
openpyxl. Row by row: what came in has the id, the days, the place and the kind the file gives, and
what was left out was left out for a reason that the file bears out. Counts are those found by hand
when the files were gathered.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest

from kidnaprisk.bundled import data_path
from kidnaprisk.incidents.read import read_incidents

Row = Mapping[str, str]
Day = dt.date | None

# Codes that are easily confused, by what the sources call the countries.
CODES = {
    "Burkina Faso": "BF", "Cameroon": "CM", "Central African Republic": "CF", "Chad": "TD",
    "Democratic Republic of the Congo": "CD", "DR Congo": "CD", "Ghana": "GH", "Guinea": "GN",
    "Kenya": "KE", "Libya": "LY", "Libyan Arab Jamahiriya": "LY", "Mali": "ML", "Mauritania": "MR",
    "Niger": "NE", "Nigeria": "NG", "Namibia": "NA", "Senegal": "SN", "Somalia": "SO",
    "South Sudan": "SS", "Sudan": "SD",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """How the oracle reads one source: functions of a row."""

    id: Callable[[Row], str | None]
    kidnapping: Callable[[Row], bool]
    days: Callable[[Row], tuple[Day, Day]]  # first and last; None where the oracle cannot tell
    country: Callable[[Row], str]
    lon: str
    lat: str


@dataclass(frozen=True)
class File:
    path: str
    source: str
    rows: int
    kidnappings: int
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: int = 0


FILES = [
    File("acled/acled_BFA_1997-2020-12-10_export.csv", "acled", 3010, 147),
    File("acled/acled_BFA_api_variant.csv", "acled", 2980, 144),
    File("acled/acled_CMR_xlsx_2020.xlsx", "acled", 4018, 259),
    File("acled/acled_GHA_1980-2021-11-13_export.csv", "acled", 1276, 4, delimiter=";"),
    File("acled/acled_KEN_ddmmyy.csv", "acled", 5725, 46),
    # No code for kidnappings: the notes tell, see below.
    File("acled/acled_MLI_2017-2019-02-27_export.csv", "acled", 1339, 0),
    File("awsd/awsd_security_incidents_2025-04.csv", "awsd", 4337, 1020),
    # 928 with a second row of tags, at the end.
    File("kika/2020-2023-aid-worker-kika-incident-data.xlsx", "kika", 928, 212),
    File("kika/aid_workers_kika_df.csv", "kika_plain", 888, 206),
    # 6,748 were counted with the template's rows; 6,745 have a title and a day.
    File("nst/cfr_nst_2011-2019.xlsx", "nst", 6745, 834, sheet=1),
    File("gtd/gtd_2013-05_06.csv", "gtd", 1564, 101),
    File("gtd/gtd_cp1252_truncated.csv", "gtd", 1210, 60, encoding="cp1252"),
    File("ucdp/ucdp_ged231_sample1000.csv", "ucdp", 1000, 0),
]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _above_zero(text: str) -> bool:
    return (_number(text) or 0.0) > 0.0


def _acled_days(row: Row) -> tuple[Day, Day]:
    if row["time_precision"] != "1":
        return None, None
    for form in ("%d %B %Y", "%Y-%m-%d", "%d-%m-%y"):
        try:
            day = dt.datetime.strptime(row["event_date"], form).date()  # noqa: DTZ007
        except ValueError:
            continue
        assert day.year == int(row["year"])
        return day, day
    return None, None


def _whole(text: str) -> int:
    return int(float(text or 0))


def _parts(year: str, month: str, day: str) -> tuple[Day, Day]:
    """The window left by parts of a day, blank or 0 where unknown."""
    y, m, d = _whole(year), _whole(month), _whole(day)
    if m and d:
        return dt.date(y, m, d), dt.date(y, m, d)
    if m:
        after = dt.date(y + m // 12, m % 12 + 1, 1)
        return dt.date(y, m, 1), after - dt.timedelta(days=1)
    return dt.date(y, 1, 1), dt.date(y, 12, 31)


def _gtd_days(row: Row) -> tuple[Day, Day]:
    # Where a window is told in words the day is one of it; that is looked at elsewhere.
    if row["approxdate"]:
        return None, None
    return _parts(row["iyear"], row["imonth"], row["iday"])


def _iso(text: str) -> Day:
    return dt.date.fromisoformat(text[:10])


def _kika_days(row: Row) -> tuple[Day, Day]:
    if not row.get("Time Precision", "Exact").startswith("Exact"):
        return None, None
    return _iso(row["Date"]), _iso(row["Date"])


SOURCES = {
    "acled": Source(
        id=lambda row: row["event_id_cnty"],
        kidnapping=lambda row: row.get("sub_event_type") == "Abduction/forced disappearance",
        days=_acled_days,
        country=lambda row: row["country"],
        lon="longitude",
        lat="latitude",
    ),
    "awsd": Source(
        id=lambda row: f"AWSD-{row['Incident ID']}",
        kidnapping=lambda row: (
            row["Means of attack"] in {"Kidnapping", "Kidnap-killing"}
            or _above_zero(row["Total kidnapped"])
        ),
        days=lambda row: _parts(row["Year"], row["Month"], row["Day"]),
        country=lambda row: row["Country"],
        lon="Longitude",
        lat="Latitude",
    ),
    "kika": Source(
        id=lambda row: f"KIKA-{row['SiND Event ID']}",
        kidnapping=lambda row: _above_zero(row["Aid Workers Kidnapped"]),
        days=_kika_days,
        country=lambda row: row["Country"],
        lon="Longitude",
        lat="Latitude",
    ),
    "kika_plain": Source(
        id=lambda _: None,
        kidnapping=lambda row: _above_zero(row["Kidnapped"]),
        days=_kika_days,
        country=lambda row: row["Country"],
        lon="Longitude",
        lat="Latitude",
    ),
    "nst": Source(
        id=lambda _: None,
        kidnapping=lambda row: bool(row["Kidnapper (P)"] or row["Kidnapee (V)"]),
        days=lambda row: (_iso(row["Date"]), _iso(row["Date"])),
        country=lambda row: row["country"],
        lon="Longitude",
        lat="Latitude",
    ),
    "gtd": Source(
        id=lambda row: f"GTD-{row['eventid']}" if re.fullmatch(r"\d{12}", row["eventid"]) else None,
        kidnapping=lambda row: "6" in {row[f"attacktype{rank}"] for rank in (1, 2, 3)},
        days=_gtd_days,
        country=lambda row: row["country_txt"],
        lon="longitude",
        lat="latitude",
    ),
    "ucdp": Source(
        id=lambda row: f"UCDP-{int(float(row['id']))}",
        kidnapping=lambda _: False,
        days=lambda row: (_iso(row["date_start"]), _iso(row["date_end"])),
        country=lambda row: row["country"],
        lon="longitude",
        lat="latitude",
    ),
}


def _text(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return "" if value is None else str(value)


def _records(path: Path, file: File) -> list[list[str]]:
    if path.suffix == ".xlsx":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            rows = book.worksheets[file.sheet].iter_rows(values_only=True)
            return [[_text(cell) for cell in row] for row in rows]
    text = path.read_text(encoding=file.encoding)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=file.delimiter))


@dataclass(frozen=True)
class Read:
    file: File
    raw: dict[int, dict[str, str]]  # by row number as a spreadsheet shows it
    incidents: gpd.GeoDataFrame  # with a column `row`
    rejects: pd.DataFrame

    @property
    def source(self) -> Source:
        return SOURCES[self.file.source]


@pytest.fixture(scope="module", params=FILES, ids=lambda file: Path(file.path).name)
def read(request: pytest.FixtureRequest, shared_dir: Path) -> Read:
    file: File = request.param
    path = shared_dir / "incidents" / file.path
    header, *records = _records(path, file)
    # The first of columns of one name, which some sources have twice.
    first = {name: at for at, name in reversed(list(enumerate(header))) if name}
    raw = {}
    for number, record in enumerate(records, 2):
        tags = sum(cell.startswith("#") and " " not in cell[:4] for cell in record)
        if not any(cell.strip() for cell in record) or (number == 2 and tags > 2):
            continue
        row = {name: record[at].strip() if at < len(record) else "" for name, at in first.items()}
        raw[number] = row
    incidents, rejects = read_incidents(path, return_rejects=True)
    left_out = set(rejects["row"])
    assert left_out <= raw.keys()
    incidents["row"] = [number for number in raw if number not in left_out]
    return Read(file, raw, incidents, rejects)


def came_in(read: Read) -> Iterator[tuple[Any, dict[str, str]]]:
    """Each incident beside its row of the file."""
    for incident in read.incidents.itertuples():
        yield incident, read.raw[incident.row]


def moved(row: Row) -> bool:
    """Whether cells of an ACLED row stand under other names than their own."""
    return "iso3" in row and not re.fullmatch("[A-Z]{3}", row["iso3"])


def test_rows_in_are_rows_out_and_rejects_and_as_many_as_were_counted(read: Read) -> None:
    assert len(read.raw) == len(read.incidents) + len(read.rejects) == read.file.rows
    assert read.incidents["row"].tolist() == sorted(set(read.incidents["row"]))
    assert read.rejects["row"].is_unique


def test_kidnappings_are_those_the_file_codes(read: Read) -> None:
    of = read.source.kidnapping
    assert sum(map(of, read.raw.values())) == read.file.kidnappings
    coded = read.incidents[~read.incidents["kind_from_text"]]
    found = set(coded.loc[coded["kind"] == "kidnapping", "row"])
    left_out = set(read.rejects["row"])
    assert found == {number for number, row in read.raw.items() if of(row)} - left_out
    assert read.incidents.attrs["summary"]["kidnappings_rejected"] == len(
        [number for number in left_out if of(read.raw[number])]
    )


def test_ids_are_the_files_own_and_none_is_used_twice(read: Read) -> None:
    assert read.incidents["incident_id"].is_unique
    for incident, row in came_in(read):
        given = read.source.id(row)
        assert given in {None, incident.incident_id}


def test_days_are_those_of_the_file(read: Read) -> None:
    told = 0
    for incident, row in came_in(read):
        first, last = read.source.days(row)
        if first is None:
            continue
        told += 1
        assert (incident.date.date(), incident.date_end.date()) == (first, last)
    assert told > 0.5 * len(read.incidents)


def test_positions_are_those_of_the_file(read: Read) -> None:
    for incident, row in came_in(read):
        lon, lat = incident.geometry.x, incident.geometry.y
        if moved(row):
            numbers = {_number(cell) for cell in row.values()}
            assert {lon, lat} <= numbers
            continue
        given = [row[name].strip("()") for name in (read.source.lon, read.source.lat)]
        assert [lon, lat] == [float(cell) for cell in given]


def test_countries_are_those_of_the_file(read: Read) -> None:
    pairs = Counter(
        (read.source.country(row), incident.country)
        for incident, row in came_in(read)
        if not moved(row)
    )
    codes: dict[str, set[str]] = {}
    for name, code in pairs:
        codes.setdefault(name, set()).add(code)
    for name, found in codes.items():
        # A blank cell may be made good from another column.
        assert len(found) == 1 or not name, name
        assert CODES.get(name) in {None, *found}
    by_country = Counter(read.incidents["country"])
    assert by_country.total() == len(read.incidents)
    for code, rows in by_country.items():
        # Every row of a country is there, or is told among the rejects, or has its cells moved.
        names = {name for name, found in codes.items() if found == {code}}
        given = [n for n, row in read.raw.items() if read.source.country(row) in names]
        left_out = len(set(given) & set(read.rejects["row"]))
        strayed = sum(moved(read.raw[n]) for n in read.incidents["row"])
        blank = sum(n for (name, found), n in pairs.items() if found == code and not name)
        assert len(given) - left_out - strayed <= rows <= len(given) + blank + strayed - left_out


def _nothing_given(read: Read, row: Row) -> bool:
    return any(
        _number(row[name].strip("()")) is None for name in (read.source.lon, read.source.lat)
    )


def _outside(read: Read, row: Row, code: str) -> bool:
    lon, lat = (float(row[name].strip("()")) for name in (read.source.lon, read.source.lat))
    regions = gpd.read_file(
        data_path("regions.fgb"), bbox=(lon - 0.4, lat - 0.4, lon + 0.4, lat + 0.4)
    )
    return code not in set(regions["country"])


REASONS: dict[str, Callable[[Read, Row], bool]] = {
    "another number of cells": lambda _, row: not row["dbsource"],
    "placed in the country only (specificity 5)": lambda _, row: row["specificity"] == "5",
    "placed in the country or at sea only": lambda _, row: row["where_prec"] in {"6.0", "7.0"},
    "known to the country only": lambda _, row: row["Geo Precision"][:3] in {"(6)", "(7)"},
    "a row of HXL tags": lambda _, row: row["Latitude"].startswith("#"),
    "must be given and is empty": _nothing_given,
    "not a number": _nothing_given,
    "no place is named below the country": lambda _, row: (
        not (row["Region"] or row["District"] or row["City"])
    ),
    "latitude and longitude are the same": lambda _, row: row["Latitude"] == row["Longitude"],
    "do not name the same country": lambda _, row: CODES[row["country"]] != row["iso3"][:2],
    "the record was known before": lambda _, row: (
        dt.datetime.fromtimestamp(int(row["timestamp"]), tz=dt.UTC).date() < _acled_days(row)[0]
    ),
}


def test_what_was_left_out_was_left_out_for_a_reason_the_file_bears_out(read: Read) -> None:
    for reject in read.rejects.itertuples():
        row = read.raw[reject.row]
        named = [borne_out for part, borne_out in REASONS.items() if part in reject.reason]
        if named:
            assert named[0](read, row), (reject.row, reject.reason)
        elif "not in the country the row names" in reject.reason:
            code = reject.reason.rpartition(" ")[2]
            assert _outside(read, row, code), (reject.row, reject.reason)
        else:
            # Judged by other rows or other maps: too few to hide a loss.
            same = (read.rejects["reason"].str[:40] == reject.reason[:40]).sum()
            assert same <= 60, reject.reason


def test_without_a_code_the_notes_tell_and_few_speak_otherwise(shared_dir: Path) -> None:
    file = next(file for file in FILES if "MLI" in file.path)
    header, *records = _records(shared_dir / "incidents" / file.path, file)
    notes = {
        record[header.index("event_id_cnty")]: record[header.index("notes")] for record in records
    }
    said = {one for one, note in notes.items() if re.search("kidnap|abduct|hostage", note, re.I)}
    assert len(said) == 128
    incidents, _ = read_incidents(shared_dir / "incidents" / file.path, return_rejects=True)
    taken = incidents[incidents["kind"] == "kidnapping"]
    assert taken["kind_from_text"].all()
    found = set(taken["incident_id"])
    # A word is not a deed: releases, escapes, threats; and a few are told in other words.
    assert len(said - found) <= 15
    assert len(found - said) <= 8


def test_a_file_without_header_holds_the_same_rows_as_the_one_with(shared_dir: Path) -> None:
    folder = shared_dir / "incidents" / "gtd"
    header, *_ = _records(folder / "gtd_2013-05_06.csv", File("", "gtd", 0, 0))
    text = (folder / "gtd_headerless_mangled_ids.csv").read_text(encoding="cp1252")
    records = list(csv.reader(io.StringIO(text, newline="")))
    whole = [dict(zip(header, record, strict=True)) for record in records if len(record) == 135]
    assert (len(records), len(whole)) == (1566, 1564)
    of = SOURCES["gtd"].kidnapping
    assert sum(map(of, whole)) == 101
    incidents, rejects = read_incidents(
        folder / "gtd_headerless_mangled_ids.csv", return_rejects=True
    )
    assert len(incidents) + len(rejects) == 1566
    placed = [row for row in whole if row["specificity"] != "5"]
    assert len(placed) == len(incidents)
    assert (incidents["kind"] == "kidnapping").sum() == sum(map(of, placed))
    pairs = zip(incidents.geometry.x, incidents.geometry.y, strict=True)
    assert list(pairs) == [(float(row["longitude"]), float(row["latitude"])) for row in placed]


def test_coverage_ends_with_the_last_day_the_file_tells_of(read: Read) -> None:
    """What lies beyond is not covered: no news from there is no safety."""
    days = [read.source.days(row) for row in read.raw.values() if not row_is_tags(row)]
    last = max(first for first, end in days if first is not None)
    for covered in read.incidents.attrs["coverage"]:
        assert dt.date.fromisoformat(covered["end"]) <= last


def row_is_tags(row: Row) -> bool:
    return any(cell.startswith("#geo") for cell in row.values())
