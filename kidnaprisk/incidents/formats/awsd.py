"""The Aid Worker Security Database (Humanitarian Outcomes): one row for each major attack.

Aid workers only: its silence says nothing of anyone else. A kidnapping here is a row whose means of
attack is Kidnapping or Kidnap-killing, or that counts anyone as kidnapped: a convoy shot at from
which two are taken is coded as the shooting. Columns and words are those of the database's own
export (aidworkersecurity.org); the reasons for every mapping are in docs/sources/awsd.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import LONGEST_GAP_DAYS, last_day_told, month_windows
from kidnaprisk.incidents.formats.columns import first_given, tidied
from kidnaprisk.incidents.formats.tabled import Format, Tabled
from kidnaprisk.incidents.parse import Fault, Mask

COLUMNS = (
    "Incident ID",
    "Year",
    "Month",
    "Day",
    "Country Code",
    "Country",
    "Region",
    "District",
    "City",
    "Internationals kidnapped",
    "Total killed",
    "Total wounded",
    "Total kidnapped",
    "Means of attack",
    "Attack context",
    "Location",
    "Latitude",
    "Longitude",
    "Actor type",
    "Actor name",
    "Details",
    "Verified",
)
_TELLING = {"Incident ID", "Country", "Total kidnapped", "Means of attack", "Actor type"}
_COUNTS = ("Internationals kidnapped", "Total killed", "Total wounded", "Total kidnapped")

_KIDNAPPINGS = ("kidnapping", "kidnap-killing")
_KIND_OF_MEANS = {
    "aerial bombardment": "explosion",
    "body-borne ied": "explosion",
    "landmine": "explosion",
    "other explosives": "explosion",
    "roadside ied": "explosion",
    "shelling": "explosion",
    "vehicle-born ied": "explosion",
    "bodily assault": "attack",
    "complex attack": "attack",
    "rape/sexual assault": "attack",
    "shooting": "attack",
    "unknown": "other",
}
# Of what is not an explosion, the context says more than the means.
_KIND_OF_CONTEXT = {"Combat/Crossfire": "battle", "Mob violence": "unrest"}
_SETTINGS = {
    "Road": "road",
    "Home": "residence",
    "Office/compound": "worksite",
    "Project site": "worksite",
    "Public location": "site",
}
_UNNAMED = frozenset(
    """unknown|uknown|unkown|unknwon|not applicable|not aplicable|non applicable""".split("|")
)
_CHECKED = ("Yes",)
_VERIFIED = (*_CHECKED, "Archived", "Pending", "No")

_CITY_KM, _DISTRICT_KM, _REGION_KM = 10.0, 50.0, 100.0
_NEAR_KM = 25.0
_BESIDE = r"\bnear(?:by)?\b|\d ?km\b|\boutskirts\b"
_ALONG = r"\bbetween\b|\broad\b|\balong\b|\bborder"
# Degrees written out to a kilometre or better do not agree by chance.
_TO_A_KM = r"\.\d\d"
# A republic of Russia that the database lists as a country; its size is that of a region.
_REGION_AS_COUNTRY = {"Chechnya": "RU"}
# Attacks on aid workers are recorded every few days: so long a silence before the last rows is
# that of a wrong year, looked for in the last year only.
# At so many rows that name no place a point is where the database puts "somewhere in here".
_FEWEST_UNPLACED = 3

_NOTE = (
    "attacks on aid workers only: a sample of kidnappings, silent about everyone else; countries "
    "and days are those of the rows"
)


class AwsdFormat(Format):
    """Exports of the Aid Worker Security Database."""

    name = "awsd"
    note = _NOTE

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether the columns that only this database has are there.

        Examples
        --------
        >>> AwsdFormat().recognises(COLUMNS), AwsdFormat().recognises(["Country", "Latitude"])
        (True, False)
        """
        return set(header) >= _TELLING

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells under the table's columns."""
        rows = pd.DataFrame({name: tidied(cells, name) for name in COLUMNS})
        counts = {name: pd.to_numeric(rows[name], errors="coerce") for name in _COUNTS}
        kind, notes = _kinds(rows, counts)
        kidnapped = kind.eq("kidnapping")
        taken = counts["Total kidnapped"].where(kidnapped & counts["Total kidnapped"].gt(0))
        foreign = counts["Internationals kidnapped"].where(taken.notna())
        first, last = month_windows(rows["Year"], rows["Month"], rows["Day"])
        region = first_given(rows["Region"], _region_as_country(rows))
        frame = pd.DataFrame(
            {
                "incident_id": "AWSD-" + rows["Incident ID"].astype("string"),
                "source": self.name,
                "kind": kind,
                "date": first,
                "date_end": last,
                "location_error_km": _location_errors(rows, region),
                "longitude": rows["Longitude"],
                "latitude": rows["Latitude"],
                "country": _countries(rows),
                "admin1": region,
                "place": first_given(rows["City"], rows["District"]),
                "setting": _coded(rows["Location"], _SETTINGS),
                "victims": taken,
                "foreign_victims": foreign,
                "sector": "aid",
                "perpetrator": _perpetrators(rows),
                "outcome": _coded(_means(rows), {"kidnap-killing": "killed"}),
            }
        )
        faults = (
            _uncounted(rows, counts),
            _undated(rows, first),
            _doubled(rows),
            *_unplaced(rows, frame["location_error_km"].isna().to_numpy()),
        )
        notes += [*_verification(rows), *_stragglers(first)]
        return Tabled(frame, faults=faults, notes=tuple(notes), texts=rows["Details"])


def _kinds(rows: pd.DataFrame, counts: dict[str, pd.Series]) -> tuple[pd.Series, list[str]]:
    means, context = _means(rows), rows["Attack context"]
    kind = np.array([_KIND_OF_MEANS.get(word, "other") for word in means], dtype=np.object_)
    notes = []
    strange = means.notna() & ~means.isin([*_KIND_OF_MEANS, *_KIDNAPPINGS])
    if strange.any():
        notes.append(
            "a means of attack that was not known when this was written, taken for kind other: "
            f"{int(strange.sum())} rows"
        )
    hurt = counts["Total killed"].gt(0) | counts["Total wounded"].gt(0)
    kind[(kind == "other") & hurt.to_numpy()] = "attack"
    for word, of_context in _KIND_OF_CONTEXT.items():
        kind[(kind != "explosion") & context.eq(word).to_numpy()] = of_context
    coded = means.isin(_KIDNAPPINGS)
    counted = counts["Total kidnapped"].gt(0)
    if (counted & ~coded).any():
        notes.append(
            f"{int((counted & ~coded).sum())} rows count people kidnapped under another means of "
            "attack: taken for kidnappings"
        )
    kind[(coded | counted).to_numpy()] = "kidnapping"
    return pd.Series(kind), notes


def _means(rows: pd.DataFrame) -> pd.Series:
    means = rows["Means of attack"]
    return means.str.casefold().astype("object").where(means.notna(), None)


def _coded(column: pd.Series, codes: Mapping[str, str]) -> pd.Series:
    return pd.Series([codes.get(word) for word in column], dtype="object")


def _region_as_country(rows: pd.DataFrame) -> pd.Series:
    return _coded(rows["Country"], {name: name for name in _REGION_AS_COUNTRY})


def _countries(rows: pd.DataFrame) -> pd.Series:
    outer = _coded(rows["Country"], _REGION_AS_COUNTRY).astype("string")
    named = country_codes(rows["Country"]).fillna(outer)
    return country_codes(rows["Country Code"]).fillna(named)


def _location_errors(rows: pd.DataFrame, region: pd.Series) -> pd.Series:
    """Kilometres by the finest place named, NaN where there is none below the country."""
    city = rows["City"]
    error_km = pd.Series(np.nan, index=rows.index, dtype="float64")
    error_km[region.notna()] = _REGION_KM
    error_km[rows["District"].notna()] = _DISTRICT_KM
    error_km[city.notna()] = _CITY_KM
    error_km[city.str.contains(_BESIDE, case=False, na=False).to_numpy(dtype=np.bool_)] = _NEAR_KM
    along = city.str.contains(_ALONG, case=False, na=False).to_numpy(dtype=np.bool_)
    error_km[along] = _DISTRICT_KM
    return error_km


def _perpetrators(rows: pd.DataFrame) -> pd.Series:
    """The group's name, or else what kind of actor it was."""
    columns = (rows["Actor name"], rows["Actor type"])
    known = (
        [None if text is None or text.casefold() in _UNNAMED else text for text in column]
        for column in columns
    )
    return first_given(*(pd.Series(column, dtype="object") for column in known))


def _uncounted(rows: pd.DataFrame, counts: dict[str, pd.Series]) -> Fault:
    name = "Total kidnapped"
    return Fault(
        (rows[name].notna() & ~counts[name].ge(0).fillna(value=False)).to_numpy(dtype=np.bool_),
        "victims",
        "Total kidnapped is no count, so it cannot be told whether anyone was kidnapped",
        "write a count, or leave it empty",
        _told(rows[name]),
    )


def _undated(rows: pd.DataFrame, first: pd.Series) -> Fault:
    where = np.array(
        [
            f": {year or 'no year'}, month {month or 'blank'}, day {day or 'blank'}"
            for year, month, day in zip(rows["Year"], rows["Month"], rows["Day"], strict=True)
        ],
        dtype=np.object_,
    )
    return Fault(
        first.isna().to_numpy(),
        "date",
        "Year, Month and Day make no day, month or year",
        "correct them; leave Month or Day empty where they are not known",
        where,
    )


def _doubled(rows: pd.DataFrame) -> Fault:
    same = rows["Latitude"].eq(rows["Longitude"]) & rows["Latitude"].str.contains(
        _TO_A_KM, na=False
    )
    return Fault(
        same.to_numpy(dtype=np.bool_),
        "longitude",
        "latitude and longitude are the same number: one was written twice",
        "look the place up and correct the position",
    )


def _unplaced(rows: pd.DataFrame, nameless: Mask) -> tuple[Fault, Fault]:
    """Rows placed no better than their country, by name or by point."""
    point = rows["Country"] + " " + rows["Latitude"] + " " + rows["Longitude"]
    count = point[nameless].value_counts()
    somewhere = point.isin(count.index[count >= _FEWEST_UNPLACED]).to_numpy() & ~nameless
    remedy = "add the place and its position, or leave the row out"
    return (
        Fault(
            nameless,
            "place",
            "no place is named below the country, so it cannot be placed",
            remedy,
        ),
        Fault(
            somewhere,
            "longitude",
            "a place is named, but the point is the one given to rows of no named place, so it "
            "cannot be placed",
            remedy,
        ),
    )


def _told(column: pd.Series) -> npt.NDArray[np.object_]:
    """What stood in a column, to be put after a reason."""
    return np.array([f": {text}" for text in column], dtype=np.object_)


def _stragglers(day: pd.Series) -> list[str]:
    """How many rows are dated long after all the others."""
    late = day[day > last_day_told(day)] if day.notna().any() else day[:0]
    if late.empty:
        return []
    note = (
        f"{len(late)} rows are dated over {LONGEST_GAP_DAYS} days after any other (to "
        f"{late.max().date()}): their year may be a slip, and the coverage ends before them"
    )
    return [note]


def _verification(rows: pd.DataFrame) -> list[str]:
    """How many rows the database has not marked as verified."""
    # In a row moved right the word may be a note's: only known ones are shown.
    words = (
        rows["Verified"]
        .fillna("blank")
        .where(rows["Verified"].isin(_VERIFIED) | rows["Verified"].isna(), "another word")
    )
    counts = words[~words.isin(_CHECKED)].value_counts()
    if counts.empty:
        return []
    told = ", ".join(f"{word} {count}" for word, count in counts.items())
    return [f"rows not marked as verified were kept: {told}"]
