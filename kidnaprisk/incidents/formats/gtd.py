"""The Global Terrorism Database (START, University of Maryland): one row for each attack.

Terrorism only: a kidnapping by criminals for gain is outside its definition, so its silence says
nothing of those. A kidnapping here is an attack of which any of the three types is Hostage Taking
(Kidnapping), code 6. Barricades (5) and hijackings (4), in which people are held where they were
found, are attacks. Codes follow the GTD codebook; the reasons for every mapping are in
docs/sources/gtd.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import day_order, days_of, month_windows, yearly_release
from kidnaprisk.incidents.formats.columns import tidied
from kidnaprisk.incidents.formats.ids import derived_ids
from kidnaprisk.incidents.formats.tabled import Format, Tabled
from kidnaprisk.incidents.parse import Fault, cell_text

COLUMNS = tuple(
    re.findall(
        r"\w+",
        """
    eventid iyear imonth iday approxdate extended resolution country country_txt region region_txt
    provstate city latitude longitude specificity vicinity location summary crit1 crit2 crit3
    doubtterr alternative alternative_txt multiple success suicide attacktype1 attacktype1_txt
    attacktype2 attacktype2_txt attacktype3 attacktype3_txt targtype1 targtype1_txt targsubtype1
    targsubtype1_txt corp1 target1 natlty1 natlty1_txt targtype2 targtype2_txt targsubtype2
    targsubtype2_txt corp2 target2 natlty2 natlty2_txt targtype3 targtype3_txt targsubtype3
    targsubtype3_txt corp3 target3 natlty3 natlty3_txt gname gsubname gname2 gsubname2 gname3
    gsubname3 motive guncertain1 guncertain2 guncertain3 individual nperps nperpcap claimed
    claimmode claimmode_txt claim2 claimmode2 claimmode2_txt claim3 claimmode3 claimmode3_txt
    compclaim weaptype1 weaptype1_txt weapsubtype1 weapsubtype1_txt weaptype2 weaptype2_txt
    weapsubtype2 weapsubtype2_txt weaptype3 weaptype3_txt weapsubtype3 weapsubtype3_txt weaptype4
    weaptype4_txt weapsubtype4 weapsubtype4_txt weapdetail nkill nkillus nkillter nwound nwoundus
    nwoundte property propextent propextent_txt propvalue propcomment ishostkid nhostkid nhostkidus
    nhours ndays divert kidhijcountry ransom ransomamt ransomamtus ransompaid ransompaidus
    ransomnote hostkidoutcome hostkidoutcome_txt nreleased addnotes scite1 scite2 scite3 dbsource
    INT_LOG INT_IDEO INT_MISC INT_ANY related
    """,
    )
)
_TELLING = {"eventid", "iyear", "imonth", "iday", "country_txt", "attacktype1", "targtype1"}
_POSITION = ("latitude", "longitude")
_UNKNOWN = frozenset({"-9", "-99", "-999", "Unknown", "unknown", "UNKNOWN"})
_WHOLE = re.compile(r"(-?\d+)\.0", re.ASCII)
_ID = re.compile(r"\d{8}(?!0000)\d{4}", re.ASCII)
_IDENTIFYING = re.findall(
    r"\w+",
    """
    iyear imonth iday country provstate city latitude longitude location attacktype1 targtype1
    targsubtype1 target1 gname weaptype1 weapsubtype1 nkill nwound nhostkid
    """,
)

_KIDNAPPING = "6"
# 1 assassination, 2 armed assault, 3 bombing, 4 hijacking, 5 barricade, 7 on a facility, 8 unarmed
# assault, 9 not known.
_KINDS = dict.fromkeys("1245789", "attack") | {"3": "explosion", _KIDNAPPING: "kidnapping"}
_ERROR_KM = {"1": 5.0, "2": 25.0, "3": 50.0, "4": 100.0}
# The town is named, the place is only near it: what ACLED codes as precision 2.
_NEAR_TOWN_KM = 25.0
_OUTCOMES = {"2": "released", "3": "escaped", "4": "killed", "5": "rescued"}
_COMBINATION = "6"
_SECTORS = {
    "2": "government",
    "3": "security",
    "4": "security",
    "6": "transport",  # airports and aircraft
    "7": "government",
    "8": "education",
    "10": "media",
    "11": "transport",  # maritime
    "12": "aid",
    "14": "civilian",
    "15": "religious",
    "17": "security",  # a non-state militia
    "18": "tourism",
    "19": "transport",
} | dict.fromkeys(("1", "5", "9", "13", "16", "21", "22"), "other")
# Subtypes that say more than their type does.
_SUBSECTORS = {
    "1": "oil",  # gas, oil, electric
    "6": "health",
    "10": "mining",
    "12": "construction",
    "13": "security",
    "47": "other",  # international organisation: peacekeepers and aid agencies alike
    "73": "transport",
    "106": "oil",  # gas
    "108": "oil",
}
# Vehicles, tour buses, buses, bridges and tunnels, roads, taxis.
_SETTINGS = dict.fromkeys(("73", "96", "99", "103", "104", "105"), "road") | {
    "75": "village",
    "76": "residence",
    "100": "rail",
}
_NO_STATE = ("International", "Multinational")  # nationalities that have no code to lose

_RANGE = re.compile(
    r"([A-Z][a-z]+) (\d{1,2})(?:, (\d{4}))? ?[-–] ?(?:([A-Z][a-z]+) )?(\d{1,2}), (\d{4})", re.ASCII
)
_AT_MIDNIGHT = re.compile(r" 00:00(?::00)?$", re.ASCII)
_ADDRESS = re.compile(r"https?://[^\s\"<>]*[^\s\"<>.,;)]", re.ASCII)
_LONGEST_WINDOW = pd.Timedelta(days=366)
_LONGEST_HELD_DAYS = 36_525

_RELEASES = "known_on is taken to be 1 July of the year after: releases are yearly"
_NOTE = (
    "terrorism as the GTD defines it: kidnappings by criminals without a political, religious or "
    "social aim are outside it, so it is a sample of kidnappings; countries and days are those of "
    "the rows"
)


class GtdFormat(Format):
    """Exports of the Global Terrorism Database, 135 columns, with or without their header."""

    name = "gtd"
    kinds = frozenset(_KINDS.values())
    note = _NOTE

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether the columns that only this database has are there.

        Examples
        --------
        >>> GtdFormat().recognises(COLUMNS), GtdFormat().recognises(["eventid", "latitude"])
        (True, False)
        """
        return set(header) >= {*_TELLING, *_POSITION}

    def headerless(self, record: Sequence[str]) -> tuple[str, ...] | None:
        """The 135 columns, where a record has as many cells and codes where they belong.

        The fragment of a row with which a cut file may begin has fewer, and is none.

        Examples
        --------
        >>> GtdFormat().headerless(["the end of a text", "1", "1"]) is None
        True
        """
        if len(record) != len(COLUMNS):
            return None
        row = dict(zip(COLUMNS, (cell_text(cell) or "" for cell in record), strict=True))
        codes = (
            ("eventid", r"\d{12}|\d(\.\d+)?E\+11"),
            ("iyear", r"(19|20)\d\d"),
            ("imonth", r"\d|1[0-2]"),
            ("iday", r"\d|[12]\d|3[01]"),
            ("country", r"\d{1,4}"),
            ("region", r"\d|1[0-2]"),
            ("attacktype1", r"[1-9]"),
        )
        fits = all(re.fullmatch(code, row[name], re.ASCII) for name, code in codes)
        return COLUMNS if fits else None

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells under the table's columns."""
        rows = pd.DataFrame(
            {name: tidied(cells, name, partial(_known, name=name)) for name in COLUMNS}
        )
        ids, id_notes = _ids(rows)
        first, last, day_notes = _windows(rows)
        country = country_codes(rows["country_txt"])
        nationalities, nationality_notes = _nationalities(rows)
        frame = pd.DataFrame(
            {
                "incident_id": ids,
                "source": self.name,
                "kind": _kinds(rows),
                "date": first,
                "date_end": last,
                "known_on": yearly_release(last),
                "location_error_km": _location_errors(rows),
                "longitude": rows["longitude"],
                "latitude": rows["latitude"],
                "country": country,
                "admin1": rows["provstate"],
                "place": rows["city"],
                "setting": _coded(rows["targsubtype1"], _SETTINGS),
                "nationalities": nationalities,
                "sector": _coded(rows["targsubtype1"], _SUBSECTORS).fillna(
                    _coded(rows["targtype1"], _SECTORS)
                ),
                "perpetrator": rows["gname"],
                "source_url": _addresses(rows),
            }
        ).assign(**_hostages(rows, first, last, country, nationalities))
        return Tabled(
            frame,
            faults=_faults(rows, first, country),
            notes=(*id_notes, *day_notes, *nationality_notes, _RELEASES),
            texts=rows["summary"],
        )


def _known(value: object, name: str) -> str | None:
    text = cell_text(value)
    # -9 and -99 are degrees as good as any.
    if text is None or name in _POSITION:
        return text
    whole = _WHOLE.fullmatch(text)
    text = whole[1] if whole else text
    return None if text in _UNKNOWN else text


def _coded(column: pd.Series, codes: Mapping[str, str]) -> pd.Series:
    return pd.Series([codes.get(code) for code in column.tolist()], dtype="object")


def _numbers(column: pd.Series) -> pd.Series:
    """Numbers above zero, NaN for all else."""
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    return numbers.where((numbers > 0.0) & np.isfinite(numbers))


def _ids(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Ids of twelve digits as they are; others, mangled by a spreadsheet, derived from the row."""
    trusted = pd.Series(
        [isinstance(one, str) and bool(_ID.fullmatch(one)) for one in rows["eventid"].tolist()]
    )
    ids = "GTD-" + rows["eventid"].astype("string")
    if trusted.all():
        return ids, []
    ids[~trusted] = derived_ids("GTD", rows.loc[~trusted, _IDENTIFYING]).astype("string")
    note = (
        f"eventid is mangled or missing in {int((~trusted).sum())} of {len(rows)} rows (a "
        "spreadsheet keeps 6 of its 12 digits): ids were made from the rows' own cells, and will "
        "not match those of a sound export"
    )
    return ids, [note]


def _kinds(rows: pd.DataFrame) -> pd.Series:
    taken = (rows[["attacktype1", "attacktype2", "attacktype3"]] == _KIDNAPPING).any(axis=1)
    # A code the table below does not know stays, and is told as such.
    kinds = _coded(rows["attacktype1"], _KINDS).fillna(rows["attacktype1"])
    return kinds.mask(taken, "kidnapping")


def _location_errors(rows: pd.DataFrame) -> pd.Series:
    given = [_ERROR_KM.get(code, np.nan) for code in rows["specificity"].tolist()]
    errors = pd.Series(given, dtype="float64")
    near = (rows["vicinity"] == "1") & (errors < _NEAR_TOWN_KM)
    return errors.mask(near, _NEAR_TOWN_KM)


def _windows(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series, list[str]]:
    """First and last possible day, widened where ``approxdate`` gives a range around them."""
    first, last = month_windows(rows["iyear"], rows["imonth"], rows["iday"])
    texts = _dayish(rows["approxdate"])
    found = [_RANGE.fullmatch(text) if text else None for text in texts]
    since = _days([f"{one[1]} {one[2]}, {one[3] or one[6]}" if one else None for one in found])
    until = _days([f"{one[4] or one[1]} {one[5]}, {one[6]}" if one else None for one in found])
    fits = (since <= until) & (until - since <= _LONGEST_WINDOW)
    fits &= (since <= last) & (until >= first)
    first, last = first.mask(fits, since), last.mask(fits, until)
    given = np.array([text is not None for text in texts], dtype=np.bool_)
    unread = int((given & ~fits & _days(texts).isna()).sum())
    note = f"approxdate could not be read in {unread} rows: iyear, imonth and iday stand"
    return first, last, [note] if unread else []


def _dayish(column: pd.Series) -> list[str | None]:
    """Texts without the midnight a spreadsheet adds to a day."""
    return [_AT_MIDNIGHT.sub("", text) if text else None for text in column.tolist()]


def _days(texts: Sequence[str | None]) -> pd.Series:
    return days_of(pd.Series(texts, dtype="object"))


def _nationalities(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Codes of the nationalities of up to three targets, joined by ``;``."""
    columns = [rows[f"natlty{rank}_txt"] for rank in (1, 2, 3)]
    codes = [country_codes(column) for column in columns]
    joined = [
        ";".join(dict.fromkeys(code for code in row if code is not pd.NA)) or None
        for row in zip(*(column.tolist() for column in codes), strict=True)
    ]
    lost = np.zeros(len(rows), dtype=np.bool_)
    for column, code in zip(columns, codes, strict=True):
        lost |= (column.notna() & code.isna() & ~column.isin(_NO_STATE)).to_numpy()
    note = f"a nationality without a country code of today was left out in {int(lost.sum())} rows"
    return pd.Series(joined, dtype="object"), [note] if lost.any() else []


def _hostages(
    rows: pd.DataFrame,
    first: pd.Series,
    last: pd.Series,
    country: pd.Series,
    nationalities: pd.Series,
) -> dict[str, pd.Series]:
    """What is told of those taken or held, in the rows in which anybody was."""
    held = (rows["ishostkid"] == "1") | (_kinds(rows) == "kidnapping")
    victims = _numbers(rows["nhostkid"])
    released = _numbers(rows["nreleased"])
    outcome = _coded(rows["hostkidoutcome"], _OUTCOMES).mask(
        (rows["hostkidoutcome"] == _COMBINATION) & (released < victims), "partly_released"
    )
    values = {
        "victims": victims,
        "foreign_victims": _foreign(rows, victims, country, nationalities),
        "demand": _coded(rows["ransom"], {"1": "ransom"}),
        "outcome": outcome,
        "outcome_date": _outcome_dates(rows, first, last),
        "ransom_usd": _numbers(rows["ransomamt"]),
    }
    return {name: column.where(held) for name, column in values.items()}


def _foreign(
    rows: pd.DataFrame, victims: pd.Series, country: pd.Series, nationalities: pd.Series
) -> pd.Series:
    """How many were foreign, where INT_MISC (is any target foreign to the place?) decides it."""
    united_states = _numbers(rows["nhostkidus"]).notna() & (country.fillna("") != "US")
    none = (rows["INT_MISC"] == "0") & ~united_states
    local = [
        one in (named or "").split(";")
        for one, named in zip(country.fillna("").tolist(), nationalities.tolist(), strict=True)
    ]
    only_one = (rows["INT_MISC"] == "1") & (victims == 1.0) & ~np.array(local, dtype=np.bool_)
    unknown = pd.Series(np.nan, index=rows.index)
    return unknown.mask(none, 0.0).mask(only_one, 1.0)


def _outcome_dates(rows: pd.DataFrame, first: pd.Series, last: pd.Series) -> pd.Series:
    """The day of ``resolution``, else that of the taking and the days held, where it is exact."""
    given = pd.Series(_dayish(rows["resolution"]), dtype="object")
    # The database writes days month first; a spreadsheet may have turned them.
    ended = days_of(given, order=day_order(given) or "MDY")
    held_days = _numbers(rows["ndays"])
    exact = (first == last) & (held_days <= _LONGEST_HELD_DAYS)
    counted = first + pd.to_timedelta(held_days.where(exact), unit="D")
    ended = ended.where(ended >= first).fillna(counted)
    return ended.astype("datetime64[ns]")


def _addresses(rows: pd.DataFrame) -> pd.Series:
    """The first citation that is a page's address; most are titles of articles."""
    found: list[str | None] = [None] * len(rows)
    for name in ("scite1", "scite2", "scite3"):
        for position, text in enumerate(rows[name].tolist()):
            if found[position] is None and text is not None and "http" in text:
                address = _ADDRESS.search(text)
                found[position] = address[0] if address else None
    return pd.Series(found, dtype="object")


def _faults(rows: pd.DataFrame, first: pd.Series, country: pd.Series) -> tuple[Fault, ...]:
    return (
        Fault(
            first.isna().to_numpy(),
            "iday",
            "iyear, imonth and iday are no day of the calendar",
            "correct them; a day or month of 0 is unknown",
        ),
        Fault(
            (rows["specificity"] == "5").to_numpy(),
            "specificity",
            "placed in the country only (specificity 5)",
            "nothing finer is known: leave the row out",
        ),
        Fault(
            (rows["country_txt"].notna() & country.isna()).to_numpy(),
            "country_txt",
            "not a country of today",
            "name the country the place lies in now",
        ),
    )
