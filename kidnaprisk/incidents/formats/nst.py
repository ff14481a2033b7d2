"""The Nigeria Security Tracker (Council on Foreign Relations): one row for each event.

A weekly survey of the press for violence with political roots, by hand; Nigeria, and what Boko
Haram does beyond its border. A kidnapping here is a row that marks a kidnapper among the
perpetrators or a kidnapped person among the victims. How well a row is placed is for `nst_places`;
the reasons for every mapping are in docs/sources/nst.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import days_of
from kidnaprisk.incidents.formats.columns import first_given, tidied
from kidnaprisk.incidents.formats.ids import derived_ids
from kidnaprisk.incidents.formats.nst_places import (
    asked,
    degrees,
    location_errors,
    position_faults,
)
from kidnaprisk.incidents.formats.tabled import Format, Repair, Tabled
from kidnaprisk.incidents.parse import Fault, Mask

_COMMUNITY, _PLACE_NAME = "Community (city,town, ward)", "full place name"
_TAKER, _TAKEN, _TAKER_HURT = "Kidnapper (P)", "Kidnapee (V)", "Kidnapper (V)"
# Perpetrators as the table names them; Other (P) names nobody.
_PERPETRATORS = {
    "Boko Haram (P)": "Boko Haram",
    "State Actor (P)": "State Actor",
    "Cameroon State Actor (P)": "Cameroon State Actor",
    "Sectarian Actor (excluding BH) (P)": "Sectarian Actor",
    "Other Armed Actor (P)": "Other Armed Actor",
    _TAKER: "Kidnapper",
    "Robber (P)": "Robber",
    "Election-related Actor (P)": "Election-related Actor",
}
# Who can fight back: a clash with them is a battle.
_ARMED_VICTIMS = (
    "Boko Haram (V)",
    "State Actor (V)",
    "Cameroon State Actor",
    "Other Armed Actor (V)",
    _TAKER_HURT,
    "Robber (V)",
)
# In a kidnapping the civilians are mostly bystanders killed: they tell nothing of who was taken.
_SECTORS = {
    "Political Actor (V)": "government",
    "Election-related Actor (V)": "government",
    "Journalist (V)": "media",
}
_VICTIMS = (*_ARMED_VICTIMS, "Sectarian Actor (V)", "Civilian (V)", *_SECTORS)
_EXPLOSIVES = ("Bomb", "Suicide Bombing")
# Spelt as the source spells them.
_SITES = ("Drinking Establishment", "Goverment Building", "Church", "Mosque", "Bank", "School")
_SOURCES = ("Sources 1", "Sources 2", "Sources 3")
COLUMNS = (
    "Title",
    "Date",
    _COMMUNITY,
    "LGA",
    "State",
    "Total Deaths",
    *_PERPETRATORS,
    "Other (P)",
    *_VICTIMS,
    _TAKEN,
    *_EXPLOSIVES,
    *_SITES,
    "Notes",
    *_SOURCES,
    "Latitude",
    "Longitude",
    _PLACE_NAME,
    "country",
)
_TELLING = {"Title", "Date", "LGA", "State", _TAKER, _TAKEN, "Latitude", "Longitude"}
_IDENTIFYING = ["Title", "Date", _COMMUNITY, "LGA", "State", "Sources 1"]

_FORMULA_ERROR = re.compile(r"#(?:NAME\?|N/A|VALUE!|REF!|DIV/0!|NUM!|NULL!)", re.ASCII)
_NUMBER_IN_BRACKETS = re.compile(r"\(?([+-]?\d+(?:\.\d+)?)\)?", re.ASCII)
_ADDRESS = re.compile(r"(?:https?://)?[\w-]+(?:\.[\w-]+)+/[^\s]*")

_KINDS = ("attack", "battle", "explosion", "kidnapping", "other", "unrest")
_NOTE = (
    "violence with political roots as the press reports it, surveyed weekly by hand: kidnappings "
    "for gain are in as far as the press tells of them, so a sample; rows beyond the border are "
    "those of Boko Haram and claim no coverage there"
)


class NstFormat(Format):
    """The main data set of the Nigeria Security Tracker."""

    name = "nst"
    kinds = frozenset(_KINDS)
    note = _NOTE
    # Rows across Nigeria's borders come in, and cover nothing.
    areas = ("NG",)

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether the columns that only this data set has are there.

        Examples
        --------
        >>> NstFormat().recognises(COLUMNS), NstFormat().recognises(["LGA", "State", "Date"])
        (True, False)
        """
        return set(header) >= _TELLING

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells under the table's columns."""
        rows = pd.DataFrame({name: tidied(cells, name) for name in COLUMNS})
        rows["Latitude"], lat_repaired = _coordinate(rows["Latitude"])
        rows["Longitude"], lon_repaired = _coordinate(rows["Longitude"])
        day = days_of(rows["Date"])
        kind = _kinds(rows)
        kidnapping = kind.eq("kidnapping")
        taken = pd.to_numeric(rows[_TAKEN], errors="coerce")
        country = country_codes(rows["country"])
        question = asked(rows[_PLACE_NAME])
        lon, lat = degrees(rows["Longitude"], 180.0), degrees(rows["Latitude"], 90.0)
        frame = pd.DataFrame(
            {
                "incident_id": derived_ids(
                    "NST", rows[_IDENTIFYING].assign(Date=day.dt.strftime("%Y-%m-%d"))
                ),
                "source": self.name,
                "kind": kind,
                "date": day,
                "location_error_km": location_errors(question, lon, lat),
                "longitude": rows["Longitude"],
                "latitude": rows["Latitude"],
                "country": country,
                "admin1": rows["State"],
                "place": first_given(rows[_COMMUNITY], rows["LGA"], question.place),
                "setting": [("site" if one else None) for one in _any(rows, _SITES)],
                "victims": taken.where(kidnapping & taken.gt(0)),
                "sector": _sectors(rows),
                "perpetrator": _perpetrators(rows),
                "source_url": _addresses(rows),
            }
        )
        repair = Repair(lat_repaired | lon_repaired, "a stray bracket was taken off a coordinate")
        return Tabled(
            frame,
            faults=(
                _undated(rows, day),
                _uncounted(rows, taken),
                *position_faults(question, lon, lat, country),
            ),
            notes=_notes(rows, kidnapping),
            repairs=(repair,),
            texts=_texts(rows),
        )


def _texts(rows: pd.DataFrame) -> pd.Series:
    pairs = zip(rows["Title"], rows["Notes"], strict=True)
    return pd.Series([". ".join(text for text in pair if text) for pair in pairs], dtype="object")


def _any(rows: pd.DataFrame, columns: Sequence[str]) -> Mask:
    return rows[list(columns)].notna().any(axis=1).to_numpy(dtype=np.bool_)


def _coordinate(column: pd.Series) -> tuple[pd.Series, Mask]:
    """Coordinates as text, a formula's error as none, and where a bracket was taken off."""
    texts: list[str | None] = []
    repaired = np.zeros(len(column), dtype=np.bool_)
    for position, text in enumerate(column.tolist()):
        found = _NUMBER_IN_BRACKETS.fullmatch(text) if text else None
        repaired[position] = found is not None and found[1] != text
        failed = text is not None and _FORMULA_ERROR.fullmatch(text) is not None
        texts.append(found[1] if found else None if failed else text)
    return pd.Series(texts, dtype="object"), repaired


def _kinds(rows: pd.DataFrame) -> pd.Series:
    """What was done by whom to whom, the more dangerous to a traveller first."""
    by_state = rows["State Actor (P)"].notna().to_numpy()
    by_any = _any(rows, [*_PERPETRATORS, "Other (P)"])
    fought = by_any & _any(rows, _ARMED_VICTIMS)
    fought |= by_state & rows["Sectarian Actor (V)"].notna().to_numpy()
    others = [name for name in _PERPETRATORS if name != "Election-related Actor (P)"]
    election = rows["Election-related Actor (P)"].notna().to_numpy() & ~_any(rows, others)
    kind = np.full(len(rows), "other", dtype=np.object_)
    kind[by_any | _any(rows, _VICTIMS)] = "attack"
    kind[election] = "unrest"
    kind[fought & ~election] = "battle"
    kind[_any(rows, _EXPLOSIVES)] = "explosion"
    kind[_any(rows, (_TAKER, _TAKEN))] = "kidnapping"
    return pd.Series(kind, index=rows.index)


def _perpetrators(rows: pd.DataFrame) -> pd.Series:
    joined = np.full(len(rows), "", dtype=np.object_)
    for column, name in _PERPETRATORS.items():
        joined[rows[column].notna().to_numpy()] += f"; {name}"
    return pd.Series([text.removeprefix("; ") or None for text in joined], dtype="object")


def _sectors(rows: pd.DataFrame) -> pd.Series:
    """The sector of the victims where one kind of them is marked and it tells."""
    alone = rows[list(_VICTIMS)].notna().sum(axis=1).eq(1)
    sector = pd.Series([None] * len(rows), dtype="object")
    for column, name in _SECTORS.items():
        sector[(rows[column].notna() & alone).to_numpy()] = name
    return sector


def _addresses(rows: pd.DataFrame) -> pd.Series:
    """Addresses of the sources joined by ``;``, without the words that stand among them."""
    found = [
        ";".join(
            dict.fromkeys(
                address.replace(";", "%3B")
                for cell in cells
                if cell
                for address in cell.split()
                if _ADDRESS.fullmatch(address)
            )
        )
        for cells in rows[list(_SOURCES)].itertuples(index=False)
    ]
    return pd.Series([addresses or None for addresses in found], dtype="object")


def _undated(rows: pd.DataFrame, day: pd.Series) -> Fault:
    return Fault(
        (rows["Date"].notna() & day.isna()).to_numpy(),
        "date",
        "not a day, or one whose order of day, month and year cannot be told",
        "write it as YYYY-MM-DD",
        np.array([f": {text}" for text in rows["Date"]], dtype=np.object_),
    )


def _uncounted(rows: pd.DataFrame, taken: pd.Series) -> Fault:
    return Fault(
        (rows[_TAKEN].notna() & taken.isna()).to_numpy(),
        "victims",
        f"{_TAKEN} is not a number",
        "write a count, or leave it empty",
        np.array([f": {text}" for text in rows[_TAKEN]], dtype=np.object_),
    )


def _notes(rows: pd.DataFrame, kidnapping: pd.Series) -> tuple[str, ...]:
    guessed = int(rows["Notes"].str.contains(r"\bdate est", case=False, na=False).sum())
    foiled = kidnapping & rows[_TAKEN].isna() & rows[_TAKER_HURT].notna()
    told = (
        (guessed, "rows whose day the source calls an estimate: taken as given"),
        (
            int(foiled.sum()),
            "kidnappings give no one taken and count kidnappers among the dead: many are raids",
        ),
    )
    return tuple(f"{count} {what}" for count, what in told if count)
