"""UCDP's Georeferenced Event Dataset (Uppsala): one row for each fatal event of organised violence.

It counts deaths and has no code for kidnapping, so every row is a context event, and its silence
says nothing of kidnappings. Yearly releases, monthly candidate releases and the API share these
columns. Codes follow the UCDP GED codebook; the reasons for every mapping are in
docs/sources/ucdp.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import days_of, yearly_release
from kidnaprisk.incidents.formats.columns import tidied
from kidnaprisk.incidents.formats.tabled import Format, Tabled
from kidnaprisk.incidents.parse import Fault, cell_text

_COLUMNS = (
    "id",
    "type_of_violence",
    "side_a",
    "side_b",
    "source_article",
    "where_prec",
    "where_coordinates",
    "adm_1",
    "latitude",
    "longitude",
    "country",
    "date_start",
    "date_end",
)
_TELLING = {"id", "type_of_violence", "where_prec", "date_prec", "date_start", "date_end", "best"}
_POSITION = ("latitude", "longitude")
_WHOLE = re.compile(r"(\d+)\.0+", re.ASCII)
_ADDRESS = re.compile(r"https?://[^\s\"<>;]*[^\s\"<>;.,)]", re.ASCII)

_STATE, _NON_STATE, _ONE_SIDED = "1", "2", "3"
_KINDS = {_STATE: "battle", _NON_STATE: "battle", _ONE_SIDED: "attack"}
_ERROR_KM = {"1": 5.0, "2": 25.0, "3": 50.0, "4": 100.0, "5": 100.0}
# 6: the country only; 7: international waters or airspace.
_NOT_PLACED = ("6", "7")

_NOTE = (
    "events in which organised violence killed at least one person; kidnappings are not recorded "
    "at all; countries and days are those of the rows"
)


class UcdpFormat(Format):
    """Releases of UCDP GED, candidate releases, and rows of its API under the same names."""

    name = "ucdp"
    kinds = frozenset(_KINDS.values())
    note = _NOTE

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether the columns that only this data set has are there.

        Examples
        --------
        >>> UcdpFormat().recognises([*_COLUMNS, "date_prec", "best"])
        True
        >>> UcdpFormat().recognises(["id", "date_start", "date_end", "latitude", "longitude"])
        False
        """
        return set(header) >= {*_TELLING, *_POSITION}

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells under the table's columns.

        No ``texts``: headlines stand for several articles and events, and an event counted for its
        deaths is not made a kidnapping by a word in one of them.
        """
        rows = pd.DataFrame(
            {name: tidied(cells, name, partial(_known, name=name)) for name in _COLUMNS}
        )
        kinds = [_KINDS.get(code, code) for code in rows["type_of_violence"].tolist()]
        errors = [_ERROR_KM.get(code, np.nan) for code in rows["where_prec"].tolist()]
        first, last = days_of(rows["date_start"]), days_of(rows["date_end"])
        country = country_codes(rows["country"])
        frame = pd.DataFrame(
            {
                "incident_id": "UCDP-" + rows["id"].astype("string"),
                "source": self.name,
                "kind": pd.Series(kinds, dtype="object"),
                "date": first,
                "date_end": last,
                "known_on": yearly_release(last),
                "location_error_km": pd.Series(errors, dtype="float64"),
                "longitude": rows["longitude"],
                "latitude": rows["latitude"],
                "country": country,
                "admin1": rows["adm_1"],
                "place": rows["where_coordinates"],
                "perpetrator": _perpetrators(rows),
                "source_url": _addresses(rows["source_article"]),
            }
        )
        return Tabled(
            frame,
            faults=_faults(rows, first, last, country),
            notes=("known_on is taken to be 1 July of the year after: releases are yearly",),
            codes_kidnappings=False,
        )


def _known(value: object, name: str) -> str | None:
    text = cell_text(value)
    if text is None or name in _POSITION:
        return text
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def _perpetrators(rows: pd.DataFrame) -> pd.Series:
    """The side that kills civilians, or the group that fights a state; else nobody is one."""
    of_state = rows["side_a"].fillna("").str.startswith("Government of")
    both_states = of_state & rows["side_b"].fillna("").str.startswith("Government of")
    rebels = rows["side_b"].where((rows["type_of_violence"] == _STATE) & of_state & ~both_states)
    return rows["side_a"].where(rows["type_of_violence"] == _ONE_SIDED, rebels)


def _addresses(column: pd.Series) -> pd.Series:
    """The first address in a list of sources; most are titles of articles."""
    found = [
        _ADDRESS.search(text) if text is not None and "http" in text else None
        for text in column.tolist()
    ]
    return pd.Series([one[0] if one else None for one in found], dtype="object")


def _faults(
    rows: pd.DataFrame, first: pd.Series, last: pd.Series, country: pd.Series
) -> tuple[Fault, ...]:
    whole = [one is None or one.isdigit() for one in rows["id"].tolist()]
    day_remedy = "write it as YYYY-MM-DD"
    return (
        Fault(
            ~np.array(whole, dtype=np.bool_),
            "id",
            "an id that is no whole number",
            "get the file again: a spreadsheet may have rounded its ids",
        ),
        *(
            Fault((rows[name].notna() & days.isna()).to_numpy(), name, "no day", day_remedy)
            for name, days in (("date_start", first), ("date_end", last))
        ),
        Fault(
            rows["where_prec"].isin(_NOT_PLACED).to_numpy(),
            "where_prec",
            "placed in the country or at sea only (where_prec 6 or 7)",
            "nothing finer is known: leave the row out",
        ),
        Fault(
            (rows["country"].notna() & country.isna()).to_numpy(),
            "country",
            "not a country of today",
            "name the country the place lies in now",
        ),
    )
