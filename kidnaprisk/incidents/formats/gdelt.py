"""GDELT event files, 1.0 and 2.0: events a machine read out of the world's news.

A row is a mention, not an incident: one kidnapping makes many rows, and many rows are of none, or
of one long ago. Nothing is merged here. Most rows are not of violence (they tell of statements,
visits, aid, arrests) and are handed back as such, so that rows in are rows out plus rejects.

Columns follow the GDELT event codebooks, 1.0 (57 columns, 58 from April 2013) and 2.0 (61), event
codes the CAMEO codebook; the reasons for every mapping are in docs/sources/gdelt.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from kidnaprisk.incidents.countries import fips_codes
from kidnaprisk.incidents.days import days_of
from kidnaprisk.incidents.formats.columns import tidied
from kidnaprisk.incidents.formats.tabled import Format, Tabled
from kidnaprisk.incidents.parse import Fault


def _geography(of: str, *, finer: bool) -> tuple[str, ...]:
    """The columns of one of the three places of a row; 2.0 has the second-order division too."""
    parts = ("Type", "FullName", "CountryCode", "ADM1Code", "ADM2Code", "Lat", "Long", "FeatureID")
    return tuple(f"{of}Geo_{part}" for part in parts if finer or part != "ADM2Code")


def _columns(*, finer: bool) -> tuple[str, ...]:
    actor = (
        "Code Name CountryCode KnownGroupCode EthnicCode Religion1Code Religion2Code Type1Code "
        "Type2Code Type3Code"
    )
    return (
        *("GLOBALEVENTID", "SQLDATE", "MonthYear", "Year", "FractionDate"),
        *(f"Actor{rank}{part}" for rank in (1, 2) for part in actor.split()),
        *("IsRootEvent", "EventCode", "EventBaseCode", "EventRootCode", "QuadClass"),
        *("GoldsteinScale", "NumMentions", "NumSources", "NumArticles", "AvgTone"),
        *(name for of in ("Actor1", "Actor2", "Action") for name in _geography(of, finer=finer)),
        *("DATEADDED", "SOURCEURL"),
    )


_EVENTS_1 = _columns(finer=False)
_EVENTS_2 = _columns(finer=True)
# Files of events before April 2013 end without the address.
_LAYOUTS = {len(names): names for names in (_EVENTS_1[:-1], _EVENTS_1, _EVENTS_2)}

# GDELT's own newer name of SQLDATE.
_ALSO = {"day": "sqldate"}
_NEEDED = (
    *("GLOBALEVENTID", "SQLDATE", "EventCode", "ActionGeo_Type", "ActionGeo_CountryCode"),
    *("ActionGeo_Lat", "ActionGeo_Long", "DATEADDED"),
)
_USED = (
    *_NEEDED,
    *("EventRootCode", "ActionGeo_FullName", "Actor1Name", "Actor1Type1Code", "SOURCEURL"),
)

# By CAMEO code: the first three digits, or the root alone.
_KINDS = {
    "145": "unrest",  # riot
    "18": "attack",
    "180": "attack",
    "181": "kidnapping",  # abduct, hijack, take hostage
    "182": "attack",  # physical and sexual assault, torture
    "183": "explosion",  # suicide, car and other non-military bombing
    "184": "attack",  # human shield
    "185": "attack",  # attempted assassination
    "186": "attack",  # assassination
    "19": "battle",
    "190": "battle",
    "191": "other",  # blockade
    "192": "other",  # occupation
    "193": "battle",
    "194": "explosion",  # artillery and tanks
    "195": "explosion",  # from the air
    "196": "battle",  # ceasefire violated
} | dict.fromkeys(("20", "200", "201", "202", "203", "204"), "attack")
_ROOTS = tuple(f"{root:02}" for root in range(1, 21))
# ActionGeo_Type 3 and 4 are towns, 2 and 5 first-order divisions.
_ERROR_KM = {"3": 10.0, "4": 10.0, "2": 100.0, "5": 100.0}
# CAMEO actor types of those who take and fight: criminal, insurgent, radical, rebel, separatist,
# armed force of no known side. Other first actors are as often those who tell of it.
_ARMED = ("CRM", "INS", "RAD", "REB", "SEP", "UAF")

_NOTE = (
    "coded by machine from news: a row is a mention, not an incident; one incident has many rows "
    "and many rows are of none; countries and days are those of the rows"
)


class GdeltFormat(Format):
    """GDELT event files as published, without a header, and exports of its tables with one."""

    name = "gdelt"
    kinds = frozenset(_KINDS.values())
    note = _NOTE

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether the columns that only this database has are there, in any case of letters.

        Examples
        --------
        >>> GdeltFormat().recognises(_EVENTS_2), GdeltFormat().recognises(["Day", "EventCode"])
        (True, False)
        """
        return {_plain(name) for name in header} >= {_plain(name) for name in _NEEDED}

    def headerless(self, record: Sequence[str]) -> tuple[str, ...] | None:
        """The columns of an event file, where codes and dates are where they belong.

        Examples
        --------
        >>> row = dict.fromkeys(_EVENTS_1, "") | {"GLOBALEVENTID": "9", "SQLDATE": "20250118"}
        >>> row |= {"MonthYear": "202501", "Year": "2025", "FractionDate": "2025.0493"}
        >>> row |= {"EventCode": "181", "EventRootCode": "18", "DATEADDED": "20250119"}
        >>> GdeltFormat().headerless(list(row.values())) == _EVENTS_1
        True
        """
        names = _LAYOUTS.get(len(record))
        if names is None:
            return None
        row = dict(zip(names, (cell.strip() for cell in record), strict=True))
        day, code = row["SQLDATE"], row["EventCode"]
        fits = (
            re.fullmatch(r"\d+", row["GLOBALEVENTID"], re.ASCII)
            and re.fullmatch(r"(19|20)\d{6}", day, re.ASCII)
            and (row["MonthYear"], row["Year"]) == (day[:6], day[:4])
            and row["EventRootCode"] in _ROOTS
            and code.startswith(row["EventRootCode"])
            and re.fullmatch(r"(19|20)\d{6}(\d{6})?", row["DATEADDED"], re.ASCII)
        )
        return names if fits else None

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells under the table's columns."""
        named = {_plain(str(name)): name for name in cells.columns}
        rows = pd.DataFrame({name: tidied(cells, named.get(name.casefold())) for name in _USED})
        parts = [(text or "").split(", ") for text in rows["ActionGeo_FullName"].tolist()]
        codes = rows["ActionGeo_CountryCode"].str.upper()
        country = fips_codes(codes)
        first, added = days_of(rows["SQLDATE"]), days_of(rows["DATEADDED"].str.slice(0, 8))
        town = rows["ActionGeo_Type"].isin(("3", "4"))
        errors = [_ERROR_KM.get(kind, np.nan) for kind in rows["ActionGeo_Type"].tolist()]
        names = pd.Series([one[0] or None for one in parts], dtype="object")
        around = pd.Series([one[1] if len(one) > 2 else None for one in parts], dtype="object")
        frame = pd.DataFrame(
            {
                "incident_id": "GDELT-" + rows["GLOBALEVENTID"].astype("string"),
                "source": self.name,
                "kind": _kinds(rows),
                "date": first,
                "date_end": first,
                "known_on": added,
                "location_error_km": pd.Series(errors, dtype="float64"),
                "longitude": rows["ActionGeo_Long"],
                "latitude": rows["ActionGeo_Lat"],
                "country": country,
                "admin1": around.where(town, names),
                "place": names.where(town),
                "perpetrator": rows["Actor1Name"].where(rows["Actor1Type1Code"].isin(_ARMED)),
                "source_url": rows["SOURCEURL"].where(
                    rows["SOURCEURL"].fillna("").str.match("https?://")
                ),
            }
        )
        return Tabled(frame, faults=_faults(rows, first, added, country))


def _plain(name: str) -> str:
    folded = name.strip().casefold()
    return _ALSO.get(folded, folded)


def _roots(rows: pd.DataFrame) -> pd.Series:
    """The root of each event code; its own column keeps the zero a spreadsheet drops."""
    roots = rows["EventRootCode"].str.zfill(2)
    return roots.where(rows["EventRootCode"].notna(), rows["EventCode"].str.slice(0, 2))


def _kinds(rows: pd.DataFrame) -> pd.Series:
    kinds = [
        _KINDS.get(code[:3]) if code is not None and code.startswith(root or "?") else None
        for code, root in zip(rows["EventCode"].tolist(), _roots(rows).tolist(), strict=True)
    ]
    return pd.Series(kinds, dtype="object")


def _faults(
    rows: pd.DataFrame, first: pd.Series, added: pd.Series, country: pd.Series
) -> tuple[Fault, ...]:
    roots, calm = _roots(rows), _kinds(rows).isna()
    no_code = calm & ~roots.isin(_ROOTS)
    return (
        Fault(no_code.to_numpy(), "EventCode", "no CAMEO event code", "get the file again"),
        *(
            Fault(
                (calm & (roots == root)).to_numpy(),
                "EventCode",
                f"not an event of violence (CAMEO root {root})",
                "nothing to do: most rows of this source are of other matters",
            )
            for root in _ROOTS
            if (calm & (roots == root)).any()
        ),
        *(
            Fault(
                (rows[name].notna() & days.isna()).to_numpy(), name, "no day", "get the file again"
            )
            for name, days in (("SQLDATE", first), ("DATEADDED", added))
        ),
        Fault(
            ~rows["ActionGeo_Type"].isin(_ERROR_KM).to_numpy(),
            "ActionGeo_Type",
            "placed in the country only, or not at all",
            "nothing finer is known: leave the row out",
        ),
        Fault(
            (rows["ActionGeo_CountryCode"].notna() & country.isna()).to_numpy(),
            "ActionGeo_CountryCode",
            "not a FIPS 10-4 country code",
            "nothing to do: the place lies in no country the table knows",
        ),
    )
