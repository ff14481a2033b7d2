"""ACLED, the Armed Conflict Location & Event Data project: one row for each event of a day.

Political violence and protest of all sorts, coded by hand from the press and local partners. An
abduction is an event of its own only where nothing worse happened with it: one inside an attack or
a battle is coded as that, and only the note tells of it. There is no count of people taken, and
what became of them is not followed up.

Read are the exports of before 2019 (no ``sub_event_type``), those with 31 columns, and those of
today (``disorder_type``, ``civilian_targeting``, ``tags``, ``population_best``). Codes follow the
ACLED codebook (acleddata.com); the reasons for every mapping are in docs/sources/acled.md.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.days import day_order, days_of
from kidnaprisk.incidents.formats.acled_rows import code_texts, realigned
from kidnaprisk.incidents.formats.tabled import Format, Tabled
from kidnaprisk.incidents.parse import Fault, Mask

_TELLING = frozenset({"event_id_cnty", "event_date", "event_type", "actor1", "geo_precision"})
_POSITION = frozenset({"latitude", "longitude"})

# The taxonomy of today, then that of before 2019; kinds of battle are told by their first word.
_KINDS = {
    "battles": "battle",
    "explosions/remote violence": "explosion",
    "violence against civilians": "attack",
    "riots": "unrest",
    "protests": "unrest",
    "strategic developments": "other",
    "remote violence": "explosion",
    "riots/protests": "unrest",
    "strategic development": "other",
    "headquarters or base established": "other",
    "non-violent transfer of territory": "other",
}
_ABDUCTIONS = ("abduct", "kidnap")
_ERROR_KM = {"1": 5.0, "2": 25.0, "3": 100.0}
_EXACT, _WEEK, _MONTH = "1", "2", "3"
_HALF_A_WEEK = pd.Timedelta(days=3)
# Protesters, and civilians, who do no violence to others.
_UNARMED = frozenset({"6", "7", "protesters", "civilians"})
_CIVILIANS = frozenset({"7", "civilians"})
# What the people an event was aimed at do, by the names that ACLED gives such groups.
_SECTORS = {
    "Aid Workers": "aid",
    "Health Workers": "health",
    "Teachers": "education",
    "Students": "education",
    "Journalist": "media",
    "Journalists": "media",
    "Judges": "government",
    "Miners": "mining",
    "Taxi Drivers": "transport",
}
_SECTOR_BEGINNINGS = {
    "Government of ": "government",
    "Police Forces of ": "security",
    "Military Forces of ": "security",
}
_GROUP = re.compile(r"(?P<name>.*?)\s*\((?P<where>[^()]+)\)", re.ASCII)
_SECONDS = re.compile(r"\d{9,10}", re.ASCII)

_NOTE = (
    "all events of political violence that ACLED's sources report; abductions by criminals are "
    "recorded unevenly, and those inside an attack are coded as the attack; countries and days "
    "are those of the rows"
)
_FROM_TEXT_NOTE = "; the file has no code for kidnappings: they were told from the notes"


class AcledFormat(Format):
    """Exports of ACLED, of all years and from all its doors."""

    name = "acled"
    systematic = True
    note = _NOTE

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether the columns that only this source has are there.

        Examples
        --------
        >>> AcledFormat().recognises(
        ...     ["event_id_cnty", "event_date", "event_type", "actor1", "latitude", "longitude",
        ...      "geo_precision", "notes"]
        ... )
        True
        >>> AcledFormat().recognises(["country", "event_type", "latitude", "longitude"])
        False
        """
        return {name.strip().casefold() for name in header} >= _TELLING | _POSITION

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """Rows of an export, n, under the column names of the incident table.

        Raises
        ------
        IncidentError
            If a column is missing without which no row can be read.
        """
        sound = realigned(_with_names_in_lower_case(cells))
        rows = sound.frame
        days = _days(rows)
        kinds, kind_notes = _kinds(rows)
        error_km = _codes(rows, "geo_precision").map(_ERROR_KM)
        known_on = _known_on(rows)
        notes = [*kind_notes, *days.notes, *sound.notes]
        for values, what in ((error_km, "location_error_km"), (known_on, "known_on")):
            if values.isna().any():
                notes.append(f"rows without a code that tells {what} were left without it")
        victims = _victims(rows)
        frame = pd.DataFrame(
            {
                "incident_id": _column(rows, "event_id_cnty"),
                "source": self.name,
                "kind": kinds,
                "date": days.first,
                "date_end": days.last,
                "known_on": known_on,
                "longitude": _column(rows, "longitude"),
                "latitude": _column(rows, "latitude"),
                "location_error_km": error_km,
                "country": sound.country,
                "admin1": _column(rows, "admin1"),
                "place": _column(rows, "location"),
                "nationalities": _nationalities(victims),
                "sector": _by_value(victims, _sector),
                "perpetrator": _perpetrators(rows),
            }
        )
        return Tabled(
            frame,
            faults=(*sound.faults, _day_fault(rows, days)),
            notes=tuple(notes),
            repairs=sound.repairs,
            texts=_column(rows, "notes"),
            codes_kidnappings=_column(rows, "sub_event_type").notna().to_numpy(dtype=np.bool_),
        )

    def coverage(self, incidents: gpd.GeoDataFrame) -> tuple[Coverage, ...] | None:
        """The countries and days of the rows: systematic, unless kidnappings are all from notes."""
        told = super().coverage(incidents)
        taken = incidents["kind"].eq("kidnapping")
        if told is None or not taken.any() or not incidents.loc[taken, "kind_from_text"].all():
            return told
        return tuple(
            dataclasses.replace(one, systematic=False, note=one.note + _FROM_TEXT_NOTE)
            for one in told
        )


def _with_names_in_lower_case(cells: pd.DataFrame) -> pd.DataFrame:
    names = pd.Index([str(name).strip().casefold() for name in cells.columns])
    absent = sorted((_TELLING | _POSITION) - set(names))
    if absent:
        raise IncidentError(
            "a required column is missing",
            column=absent[0],
            remedy="export the events from ACLED with all columns; this needs "
            + ", ".join(sorted(_TELLING | _POSITION)),
        )
    once = ~names.duplicated()
    return cells.loc[:, once].set_axis(names[once], axis="columns")


class _Days(NamedTuple):
    """First and last possible day (n,) of each row, and what was assumed about them."""

    first: pd.Series
    last: pd.Series
    notes: tuple[str, ...]


def _column(rows: pd.DataFrame, name: str) -> pd.Series:
    """A column, or as many empty cells where the export has none of that name."""
    if name in rows.columns:
        return rows[name].rename(None)
    return pd.Series([None] * len(rows), index=rows.index, dtype="object")


def _codes(rows: pd.DataFrame, name: str) -> pd.Series:
    return code_texts(_column(rows, name))


def _kinds(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """The kind of each row, and which words were not known."""
    types = _codes(rows, "event_type")
    known = {word: _kind(word) for word in types.dropna().unique().tolist()}
    kinds = types.map({word: kind or "other" for word, kind in known.items()}).astype("object")
    subtypes = _codes(rows, "sub_event_type")
    taken = [
        word
        for word in subtypes.dropna().unique().tolist()
        if any(one in str(word) for one in _ABDUCTIONS)
    ]
    # Their words are not shown: in a row moved right they may be a note's.
    unknown = types.isin([word for word, kind in known.items() if kind is None])
    notes = []
    if unknown.any():
        notes.append(f"event types that are not known were read as other: {unknown.sum()} rows")
    return kinds.mask(subtypes.isin(taken), "kidnapping"), notes


def _kind(word: str) -> str | None:
    return "battle" if word.startswith("battle") else _KINDS.get(word)


def _days(rows: pd.DataFrame) -> _Days:
    """The window that the day and its precision code leave."""
    years = _column(rows, "year") if "year" in rows.columns else None
    given = _column(rows, "event_date")
    day = days_of(given, years=years, order=_order(given, years))
    precision = _codes(rows, "time_precision")
    week = precision.eq(_WEEK).to_numpy(dtype=np.bool_)
    month = precision.eq(_MONTH).to_numpy(dtype=np.bool_)
    start = day - pd.to_timedelta(day.dt.day - 1, unit="D")
    first = day.mask(week, day - _HALF_A_WEEK).mask(month, start)
    last = day.mask(week, day + _HALF_A_WEEK).mask(month, start + pd.offsets.MonthEnd(0))
    notes: tuple[str, ...] = ()
    if not precision.isin((_EXACT, _WEEK, _MONTH)).all():
        notes = ("rows without a time_precision of 1 to 3 were taken to be exact to the day",)
    return _Days(first.astype("datetime64[ns]"), last.astype("datetime64[ns]"), notes)


def _order(days: pd.Series, years: pd.Series | None) -> Literal["DMY", "MDY"] | None:
    """Whether days in three numbers have the day or the month first, as the column tells.

    Where nothing in it tells, days with hyphens are taken as ACLED writes them, the day first; a
    spreadsheet that turns them to the American order writes slashes.
    """
    order = day_order(days, years=years)
    if order is not None or days.str.contains("/", na=False).any():
        return order
    read, other = (days_of(days, years=years, order=one) for one in ("DMY", "MDY"))
    return None if (read.isna() & other.notna()).any() else "DMY"


def _day_fault(rows: pd.DataFrame, days: _Days) -> Fault:
    given = _column(rows, "event_date")
    wrong = (given.notna() & days.first.isna()).to_numpy(dtype=np.bool_)
    where = np.full(len(rows), "", dtype=np.object_)
    years = _column(rows, "year")
    for at in np.flatnonzero(wrong).tolist():
        where[at] = f": {given.iloc[at]!r}, year {years.iloc[at]!r}"
    return Fault(
        wrong,
        "date",
        "no day, one whose day and month cannot be told apart, or not of the year beside it",
        "write event_date as YYYY-MM-DD, in the year of the column year",
        where,
    )


def _known_on(rows: pd.DataFrame) -> pd.Series:
    """The UTC day on which the row, as it stands, was put into the source's data base."""
    positions, stamps = pd.factorize(_codes(rows, "timestamp"))
    days = days_of(pd.Series(stamps, dtype="object")).to_numpy(dtype="datetime64[ns]", copy=True)
    for at, stamp in enumerate(stamps):
        if _SECONDS.fullmatch(str(stamp)):
            days[at] = np.datetime64(int(stamp), "s").astype("datetime64[D]")
    # The last one is for a position of -1, which a missing timestamp has.
    return pd.Series(np.append(days, np.datetime64("NaT", "ns"))[positions], index=rows.index)


def _perpetrators(rows: pd.DataFrame) -> pd.Series:
    """The first actor, who by ACLED's rule is the one who acts; none where that is no armed one."""
    unarmed = _codes(rows, "inter1").isin(_UNARMED)
    return _column(rows, "actor1").mask(unarmed, None)


def _victims(rows: pd.DataFrame) -> pd.Series:
    """The groups aimed at, ``;`` between them, in rows where those are civilians; else None."""
    civilians: Mask = _codes(rows, "inter2").isin(_CIVILIANS).to_numpy(dtype=np.bool_)
    first = _column(rows, "actor2").fillna("").astype("object")
    others = _column(rows, "assoc_actor_2").fillna("").astype("object")
    return (first + ";" + others).where(civilians, None)


def _groups(victims: str) -> list[tuple[str, str | None]]:
    """Names of groups, each with what stands in brackets after it: a country, or years."""
    found = []
    for part in victims.split(";"):
        group = " ".join(part.split())
        bracketed = _GROUP.fullmatch(group)
        found.append((bracketed["name"], bracketed["where"]) if bracketed else (group, None))
    return found


def _sector(victims: str) -> str | None:
    """What the people aimed at do, where all that is said of it is one thing."""
    told = {_SECTORS.get(name) for name, _ in _groups(victims)}
    told |= {
        sector
        for name, _ in _groups(victims)
        for beginning, sector in _SECTOR_BEGINNINGS.items()
        if name.startswith(beginning)
    }
    told.discard(None)
    return told.pop() if len(told) == 1 else None


def _nationalities(victims: pd.Series) -> pd.Series:
    """The countries that stand behind the names of the people aimed at, joined by ``;``."""
    named = {
        where
        for value in victims.dropna().unique().tolist()
        for _, where in _groups(value)
        if where is not None and not where[0].isdigit()
    }
    places = pd.Series(sorted(named), dtype="object")
    found = country_codes(places)
    codes = dict(zip(places[found.notna()], found.dropna(), strict=True))

    def of(value: str) -> str | None:
        told = [str(codes[where]) for _, where in _groups(value) if where in codes]
        return ";".join(dict.fromkeys(told)) or None

    return _by_value(victims, of)


def _by_value(column: pd.Series, of: Callable[[str], str | None]) -> pd.Series:
    """A function of each value of a column of texts, asked once for each; None stays None."""
    values = {value: of(value) for value in column.dropna().unique().tolist()}
    return column.map(values).astype("object")
