"""The rules a row of the incident table must keep, each as one vectorised check.

A check looks at typed columns (`parse` has been there first) and gives `Fault`s: which rows, which
column, why, and what to do. It never changes a value. `table` runs them all, once, for tables
made in memory and for files alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd

from kidnaprisk.incidents.parse import Fault, Mask
from kidnaprisk.incidents.vocabulary import (
    COUNTRIES,
    DEMANDS,
    KINDS,
    OUTCOMES,
    SECTORS,
    SETTINGS,
    words_remedy,
)

LARGEST_ERROR_KM = 2000.0
LARGEST_COUNT = 1_000_000
# Each further one is only said to be unknown: a file shifted by a column has thousands.
_WORDS_EXPLAINED = 20

_VOCABULARIES = {
    "kind": KINDS,
    "setting": SETTINGS,
    "sector": SECTORS,
    "demand": DEMANDS,
    "outcome": OUTCOMES,
}
_MUST_BE_GIVEN = {
    "incident_id": "give every incident an id of its own",
    "source": "name where the record comes from",
    "kind": "one of " + ", ".join(sorted(KINDS)),
    "date": "give the first possible day, as YYYY-MM-DD",
    "longitude": "give the position in WGS84 degrees, and the doubt in location_error_km",
    "latitude": "give the position in WGS84 degrees, and the doubt in location_error_km",
    "country": "give the ISO 3166-1 alpha-2 code",
}
_SENTINELS = (-9.0, -99.0, -999.0)
_COMMONLY_MEANT = {"UK": "GB", "EL": "GR"}
_SWAPPED = "latitude lies in [-90, 90]: are latitude and longitude swapped?"
# Country names are left to the format modules: a guess here would take Niger State for Niger.
_CODE_REMEDY = "write ISO 3166-1 alpha-2 codes, such as NE for Niger and NG for Nigeria"


def row_faults(table: pd.DataFrame) -> Iterator[Fault]:
    """Every rule broken by any row, in the order of the table's columns.

    Parameters
    ----------
    table : DataFrame
        Typed columns of the incident table, with ``longitude`` and ``latitude`` for geometry.

    Yields
    ------
    Fault
        With at least one row at fault or none; ids used twice come last, apart: see
        `repeated_ids`.
    """
    for column, remedy in _MUST_BE_GIVEN.items():
        yield Fault(_missing(table[column]), column, "must be given and is empty", remedy)
    yield from _words(table)
    yield from _days(table)
    yield from _positions(table)
    yield from _numbers(table)


def _missing(column: pd.Series) -> Mask:
    return column.isna().to_numpy(dtype=np.bool_)


def _true(comparison: pd.Series) -> Mask:
    """A comparison as a mask, False where either side is missing."""
    return comparison.fillna(False).to_numpy(dtype=np.bool_)


def _words(table: pd.DataFrame) -> Iterator[Fault]:
    for column, known in _VOCABULARIES.items():
        yield from _unknown(
            table[column],
            known.__contains__,
            "a word the table does not know",
            partial(words_remedy, known=known),
        )
    yield from _unknown(
        table["country"], COUNTRIES.__contains__, "not a country code", _code_remedy
    )
    yield from _unknown(
        table["nationalities"],
        lambda codes: COUNTRIES.issuperset(codes.split(";")),
        "not country codes joined by ';'",
        _code_remedy,
    )


def _unknown(
    column: pd.Series,
    is_known: Callable[[str], bool],
    reason: str,
    remedy: Callable[[str], str],
) -> Iterator[Fault]:
    """One fault for each unknown word, so that each has the remedy that fits it."""
    name = str(column.name)
    unknown = [word for word in column.dropna().unique().tolist() if not is_known(word)]
    for word in unknown[:_WORDS_EXPLAINED]:
        yield Fault(_true(column == word), name, reason, remedy(word))
    if unknown[_WORDS_EXPLAINED:]:
        rest = column.isin(unknown[_WORDS_EXPLAINED:]).to_numpy(dtype=np.bool_)
        yield Fault(rest, name, reason, remedy(""))


def _code_remedy(codes: str) -> str:
    wrong = next((code for code in codes.split(";") if code not in COUNTRIES), "").strip().upper()
    meant = _COMMONLY_MEANT.get(wrong, wrong)
    return f"did you mean {meant!r}? {_CODE_REMEDY}" if meant in COUNTRIES else _CODE_REMEDY


def _days(table: pd.DataFrame) -> Iterator[Fault]:
    yield Fault(
        _true(table["date_end"] < table["date"]),
        "date_end",
        "the last possible day is before the first",
        "swap date and date_end, or correct the one that is wrong",
    )
    # Not before date_end: sources that give a month as the window may report it within that month.
    yield Fault(
        _true(table["known_on"] < table["date"]),
        "known_on",
        "the record was known before the incident could have happened",
        "give the day the record could first have been read, or leave it empty",
    )
    yield Fault(
        _true(table["outcome_date"] < table["date"]),
        "outcome_date",
        "the outcome is before the incident",
        "correct it, or leave it empty",
    )


def _positions(table: pd.DataFrame) -> Iterator[Fault]:
    lon = table["longitude"].to_numpy(dtype=np.float64, na_value=np.nan)
    lat = table["latitude"].to_numpy(dtype=np.float64, na_value=np.nan)
    yield Fault(abs(lat) > 90.0, "latitude", "not a latitude in degrees", _SWAPPED)
    yield Fault(
        abs(lon) > 180.0,
        "longitude",
        "not a longitude in degrees",
        "longitude lies in [-180, 180]: are these projected coordinates?",
    )
    yield Fault(
        (lon == 0.0) & (lat == 0.0),
        "longitude",
        "longitude and latitude are both 0, which stands for unknown",
        "give the position, or leave the row out",
    )


def _numbers(table: pd.DataFrame) -> Iterator[Fault]:
    for column in ("location_error_km", "victims", "foreign_victims", "ransom_usd"):
        values = table[column].to_numpy(dtype=np.float64, na_value=np.nan)
        sentinel = np.isin(values, _SENTINELS)
        yield Fault(sentinel, column, "a number that stands for unknown", "leave the cell empty")
        yield Fault(
            (values < 0.0) & ~sentinel, column, "below zero", "correct it, or leave it empty"
        )
    error_km = table["location_error_km"].to_numpy(dtype=np.float64, na_value=np.nan)
    yield Fault(
        error_km > LARGEST_ERROR_KM,
        "location_error_km",
        f"above {LARGEST_ERROR_KM:g} km, which is no position",
        "give km, not metres; a row placed no better than that must be left out",
    )
    for column in ("victims", "foreign_victims"):
        yield Fault(
            _true(table[column] > LARGEST_COUNT),
            column,
            f"above {LARGEST_COUNT:,} people",
            "correct it, or leave it empty",
        )
    yield Fault(
        _true(table["foreign_victims"] > table["victims"]),
        "foreign_victims",
        "more foreign victims than victims",
        "victims counts all of them, foreign or not",
    )


def repeated_ids(
    table: pd.DataFrame, sound: Mask, row_numbers: list[int], earlier: Mapping[str, int]
) -> Fault:
    """Rows whose id an earlier sound row has already used.

    Parameters
    ----------
    table : DataFrame
        n rows with ``incident_id``.
    sound : ndarray (n,) of bool
        Rows that break no other rule: a faulty row does not take an id from a sound one.
    row_numbers : list of n int
        As a spreadsheet shows them.
    earlier : mapping of str to int
        Ids used before these rows, with their row numbers.
    """
    rows = np.zeros(len(table), dtype=np.bool_)
    rows[sound] = table.loc[sound, "incident_id"].duplicated().to_numpy()
    if earlier:
        rows |= sound & np.array([name in earlier for name in table["incident_id"].tolist()])
    where = np.full(len(table), "", dtype=np.object_)
    if rows.any():
        ids = table["incident_id"].tolist()
        first: dict[str, int] = dict(earlier)
        for position in np.flatnonzero(sound).tolist():
            first.setdefault(ids[position], row_numbers[position])
        for position in np.flatnonzero(rows).tolist():
            where[position] = f" by row {first[ids[position]]}"
    return Fault(
        rows,
        "incident_id",
        "the incident_id is already used",
        "give each incident an id of its own, or keep one of the two rows",
        where,
    )
