"""Insecurity Insight's data on aid workers killed, injured, kidnapped or arrested (KIKA).

Aid workers only: its silence says nothing of anyone else. A kidnapping here is a row that counts
anyone as kidnapped; an arrest alone is none. Two forms are read: the workbook as published, with a
row of HXL tags, ids and precision codes, and the plain table people make of it, which has neither
ids nor precision. The reasons for every mapping are in docs/sources/kika.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import days_of, month_windows
from kidnaprisk.incidents.formats.columns import tidied
from kidnaprisk.incidents.formats.ids import derived_ids
from kidnaprisk.incidents.formats.tabled import Format, Repair, Tabled
from kidnaprisk.incidents.parse import Fault, Mask

# What a column is called in the workbook and in the plain table.
_NAMES = {
    "id": ("SiND Event ID",),
    "date": ("Date",),
    "time_precision": ("Time Precision",),
    "country": ("Country",),
    "iso": ("Country ISO", "ISO"),
    "admin1": ("Admin 1",),
    "text": ("Event Description",),
    "latitude": ("Latitude",),
    "longitude": ("Longitude",),
    "geo_precision": ("Geo Precision",),
    "location": ("Location of Incident", "Location"),
    "actor": ("Actor",),
    "actor_name": ("Actor Name",),
    "weapon": ("Weapon Carried/Used", "Weapon"),
    "organisation": ("Organisation Affected", "Organisation"),
    "killed": ("Aid Workers Killed", "Killed"),
    "injured": ("Aid Workers Injured", "Injured"),
    "kidnapped": ("Aid Workers Kidnapped", "Kidnapped"),
    "arrested": ("Aid Workers Arrested", "Arrested"),
    "outcome": ("Known Kidnapping or Arrest Outcome",),
    "killed_captive": ("Aid Workers Killed in Captivity", "Killed_in_Captivity"),
    "foreign": ("International Aid Workers Kidnapped", "Int'l_Kidnapped"),
    "national": ("National Aid Workers Kidnapped", "Nat'l_Kidnapped"),
}
_TELLING = (
    {"Date", "Country ISO", "Latitude", "Longitude", "Aid Workers Kidnapped"},
    {"Date", "ISO", "Latitude", "Longitude", "Kidnapped", "Arrested", "Killed_in_Captivity"},
)
_COUNTS = ("killed", "injured", "kidnapped", "arrested", "killed_captive", "foreign", "national")
_IDENTIFYING = [
    "date",
    "iso",
    "latitude",
    "longitude",
    "location",
    "actor",
    "weapon",
    "organisation",
    "killed",
    "injured",
    "kidnapped",
    "arrested",
]

_CODE = re.compile(r"\((\d)\)", re.ASCII)
_ERROR_KM = {"1": 5.0, "2": 25.0, "3": 50.0, "4": 100.0, "5": 100.0}
_COUNTRY_LEVEL = ("6", "7")
_FIRST_WORD = re.compile(r"^(\w+)")
_EXPLOSIONS = ("Aerial bombing, missiles and shelling", "IED")
_SETTINGS = {
    "Road": "road",
    "Checkpoint": "road",
    "Home": "residence",
    "Office building": "worksite",
    "Project site": "worksite",
    "Warehouse": "worksite",
    "Administration": "site",
    "Airstrip": "site",
    "Crowded area": "site",
    "Health building": "site",
    "IDP Refugee camp": "site",
    "Police station": "site",
    "Public building": "site",
    "School": "site",
}
_OUTCOMES = {"Escaped": "escaped", "Freed": "released", "Killed": "killed"}
_NO_ACTOR = frozenset(
    {None, "No information", "NoInformation", "RTANotApplicable", "Unidentified armed actor"}
)
_ACTORS: Mapping[str | None, str] = {"NSA": "Non-state armed actor"}
# "Within 2-6 days of the indicated date", and "within the week of this date", wherever it begins.
_CLOSE_DAYS = 6
_MOST_ROUNDS = 3
# Latin-1, Latin Extended-A, and the punctuation and signs that cp1252 has.
_EUROPEAN = re.compile(r"[\u0000-\u017f\u02c6\u02dc\u2010-\u203a\u20ac\u2122]*")

_KINDS = ("attack", "explosion", "kidnapping", "other")
_NOTE = (
    "events in which aid workers were killed, injured, kidnapped or arrested: a sample of "
    "kidnappings, silent about everyone else; countries and days are those of the rows"
)


class KikaFormat(Format):
    """Insecurity Insight's table of aid workers killed, injured, kidnapped or arrested."""

    name = "kika"
    kinds = frozenset(_KINDS)
    note = _NOTE

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether the columns that only this table has are there, in either form.

        Examples
        --------
        >>> names = ["Date", "Country ISO", "Latitude", "Longitude", "Aid Workers Kidnapped"]
        >>> KikaFormat().recognises(names), KikaFormat().recognises(names[:4])
        (True, False)
        """
        return any(telling <= set(header) for telling in _TELLING)

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells under the table's columns."""
        rows = _read(cells)
        admin1, first_repair = _unscrambled(rows["admin1"])
        actor_name, second_repair = _unscrambled(rows["actor_name"])
        counts = pd.DataFrame({one: pd.to_numeric(rows[one], errors="coerce") for one in _COUNTS})
        kind = _kinds(rows, counts)
        taken = counts["kidnapped"].where(kind.eq("kidnapping"))
        code = _found(_CODE, rows["geo_precision"])
        first, last, notes = _windows(rows)
        frame = pd.DataFrame(
            {
                "incident_id": _ids(rows),
                "source": self.name,
                "kind": kind,
                "date": first,
                "date_end": last,
                "location_error_km": [_ERROR_KM.get(one, np.nan) for one in code],
                "longitude": rows["longitude"],
                "latitude": rows["latitude"],
                "country": country_codes(rows["iso"]).fillna(country_codes(rows["country"])),
                "admin1": admin1,
                "setting": _coded(rows["location"], _SETTINGS),
                "victims": taken,
                # Known only where the two parts make up the whole.
                "foreign_victims": counts["foreign"].where(
                    (counts["foreign"] + counts["national"]).eq(taken)
                ),
                "sector": "aid",
                "perpetrator": _perpetrators(actor_name, rows["actor"]),
                "outcome": _outcomes(rows, counts, kind),
            }
        )
        if rows["geo_precision"].isna().all():
            notes.append(
                "the file gives no precision: location_error_km is unknown, points that stand for "
                "a whole country cannot be told from others, and days are taken as exact; the "
                "workbook as published says more"
            )
        scrambled = first_repair | second_repair
        return Tabled(
            frame,
            faults=_faults(rows, first, code, counts["kidnapped"]),
            notes=tuple(notes),
            repairs=(Repair(scrambled, "letters read in the wrong encoding were put right"),),
            texts=rows["text"],
        )


def unscrambled(text: str) -> str:
    """A text that was read as cp1252 though it was UTF-8, once or more often, put right.

    Only where it is certain: every letter must go back to a byte, all the bytes together must be
    UTF-8, and what they spell must be European letters and punctuation, which no text that was
    read rightly satisfies by chance. All else is left as it is.

    Examples
    --------
    >>> scrambled = "Ménaka".encode().decode("cp1252")
    >>> unscrambled(scrambled), unscrambled(scrambled.encode().decode("cp1252"))
    ('Ménaka', 'Ménaka')
    >>> unscrambled("Ménaka")
    'Ménaka'
    """
    for _ in range(_MOST_ROUNDS):
        if text.isascii():
            break
        try:
            right = b"".join(_byte(letter) for letter in text).decode("utf-8")
        except UnicodeError:
            break
        if not _EUROPEAN.fullmatch(right):
            break
        text = right
    return text


def _byte(letter: str) -> bytes:
    """One letter as cp1252; the five bytes it leaves undefined stand for themselves."""
    return letter.encode("latin-1" if "\x80" <= letter <= "\x9f" else "cp1252")


def _unscrambled(column: pd.Series) -> tuple[pd.Series, Mask]:
    right = [None if text is None else unscrambled(text) for text in column]
    changed = [one != text for one, text in zip(right, column, strict=True)]
    return pd.Series(right, dtype="object"), np.array(changed, dtype=np.bool_)


def _found(pattern: re.Pattern[str], column: pd.Series) -> pd.Series:
    """The group of a pattern in each text, None where it does not match."""
    found = [pattern.search(text) if text else None for text in column]
    return pd.Series([one[1] if one else None for one in found], dtype="object")


def _coded(column: pd.Series, codes: Mapping[str, str]) -> pd.Series:
    return pd.Series([codes.get(word) for word in column], dtype="object")


def _read(cells: pd.DataFrame) -> pd.DataFrame:
    """The columns that are used as tidy text, None where empty or not there."""
    rows = {}
    for column, names in _NAMES.items():
        found = next((name for name in names if name in cells.columns), None)
        rows[column] = tidied(cells, found)
    return pd.DataFrame(rows)


def _ids(rows: pd.DataFrame) -> pd.Series:
    """The source's ids; where there are none, ids from the row's own cells."""
    ids = "KIKA-" + rows["id"].astype("string")
    absent = ids.isna()
    ids[absent] = derived_ids("KIKA", rows.loc[absent, _IDENTIFYING]).astype("string")
    return ids


def _kinds(rows: pd.DataFrame, counts: pd.DataFrame) -> pd.Series:
    """Kidnapping before all else; an arrest by which nobody was hurt outside custody is other."""
    hurt = counts["injured"].gt(0) | counts["killed"].gt(counts["killed_captive"].fillna(0))
    kind = pd.Series("other", index=rows.index, dtype="object")
    kind[hurt] = "attack"
    kind[hurt & rows["weapon"].isin(_EXPLOSIONS)] = "explosion"
    kind[counts["kidnapped"].gt(0)] = "kidnapping"
    return kind


def _windows(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series, list[str]]:
    """First and last possible day by the words of the time precision."""
    day = days_of(rows["date"])
    word = _found(_FIRST_WORD, rows["time_precision"])
    year, month = day.dt.year, day.dt.month
    no_day = pd.Series(0, index=rows.index)
    months = month_windows(year.fillna(0).astype("int64"), month.fillna(0).astype("int64"), no_day)
    years = month_windows(year.fillna(0).astype("int64"), no_day, no_day)
    around = pd.Timedelta(days=_CLOSE_DAYS)
    close = word.isin(("Close", "Week"))
    first, last = day.mask(close, day - around), day.mask(close, day + around)
    strange = word.notna() & ~close & ~word.isin(("Exact", "Month", "Year"))
    in_month = word.eq("Month") | strange
    first, last = first.mask(in_month, months[0]), last.mask(in_month, months[1])
    first, last = first.mask(word.eq("Year"), years[0]), last.mask(word.eq("Year"), years[1])
    note = f"a time precision that is not known, taken for the month: {int(strange.sum())} rows"
    return first, last, [note] if strange.any() else []


def _perpetrators(name: pd.Series, sort: pd.Series) -> pd.Series:
    """The actor's name, or else what kind of actor it was."""
    told = [
        first if first not in _NO_ACTOR else None if second in _NO_ACTOR else second
        for first, second in zip(name, sort, strict=True)
    ]
    return pd.Series([_ACTORS.get(one, one) for one in told], dtype="object")


def _outcomes(rows: pd.DataFrame, counts: pd.DataFrame, kind: pd.Series) -> pd.Series:
    """What became of those kidnapped, where no arrested person can be meant instead."""
    outcome = _coded(rows["outcome"], _OUTCOMES)
    captive = counts["killed_captive"]
    outcome[outcome.eq("released") & captive.gt(0)] = "partly_released"
    outcome[outcome.isna() & captive.gt(0) & captive.eq(counts["kidnapped"])] = "killed"
    outcome[kind.ne("kidnapping") | counts["arrested"].gt(0)] = None
    return outcome


def _faults(
    rows: pd.DataFrame, first: pd.Series, code: pd.Series, kidnapped: pd.Series
) -> tuple[Fault, ...]:
    tags = rows["latitude"].str.startswith("#", na=False).to_numpy(dtype=np.bool_)
    return (
        Fault(
            tags,
            "latitude",
            "a row of HXL tags, not an incident",
            "nothing: it is not data",
        ),
        Fault(
            (rows["date"].notna() & first.isna()).to_numpy(),
            "date",
            "not a day, or one whose order of day, month and year cannot be told",
            "write it as YYYY-MM-DD",
            np.array([f": {text}" for text in rows["date"]], dtype=np.object_),
        ),
        Fault(
            (rows["kidnapped"].notna() & ~kidnapped.ge(0).fillna(value=False)).to_numpy(
                dtype=np.bool_
            ),
            "victims",
            "the number of those kidnapped is no count, so the kind cannot be told",
            "write a count, or leave it empty",
            np.array([f": {text}" for text in rows["kidnapped"]], dtype=np.object_),
        ),
        Fault(
            code.isin(_COUNTRY_LEVEL).to_numpy(),
            "location_error_km",
            "known to the country only, so it cannot be placed",
            "add the place and its position, or leave the row out",
        ),
    )
