"""Days as incident sources write them, as whole days or as windows of days.

A day is read only where there is one way to read it. ``05/06/13`` could be three days: it is read
where the other rows of its column, or the year that stands beside it, leave no doubt, and is no day
otherwise. This is for sources that come as they come; the library's own files hold YYYY-MM-DD.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd

from kidnaprisk.incidents.parse import EARLIEST_YEAR, LATEST_YEAR, cell_text

Order = Literal["DMY", "MDY"]

# In English, French, Spanish and Portuguese, without accents.
_MONTH_NAMES = (
    "january janvier enero janeiro",
    "february fevrier febrero fevereiro",
    "march mars marzo marco",
    "april avril abril",
    "may mai mayo maio",
    "june juin junio junho",
    "july juillet julio julho",
    "august aout agosto",
    "september septembre septiembre setembro",
    "october octobre octubre outubro",
    "november novembre noviembre novembro",
    "december decembre diciembre dezembro",
)
_SHORTEST_MONTH = 3
_YEAR_FIRST = re.compile(
    r"(\d{4})([-/.]?)(\d{2})\2(\d{2})(?:[t ]00:00(?::00(?:\.0+)?)?z?)?", re.ASCII
)
_DAY_MONTH_NAME = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[ \-/.]+([a-z]{3,10})\.?[ \-/.,]+(\d{4}|\d{2})", re.ASCII
)
_MONTH_NAME_DAY = re.compile(r"([a-z]{3,10})\.? +(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})", re.ASCII)
_LITTLE_WORDS = re.compile(r"(?<=\d)er(?= )| de(?= )", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
# POSIX: two-digit years from 69 are of the last century.
_PIVOT = 69
# A record that tells of something nearly every week is not silent so long.
LONGEST_GAP_DAYS = 120
_RECENT_DAYS = 366


def days_of(
    column: pd.Series, *, years: pd.Series | None = None, order: Order | None = None
) -> pd.Series:
    """Days from text in any of the usual ways of writing them.

    Parameters
    ----------
    column : Series (n,)
        ``2020-12-03``, ``20201203``, ``03 December 2020``, ``3-Dec-20``, ``December 3, 2020``,
        ``3 décembre 2020``, ``3 de diciembre de 2020``, ``03/12/2020``, ``03-12-20``.
    years : Series (n,), optional
        The year that stands in a column of its own: a reading that disagrees is none.
    order : {"DMY", "MDY"}, optional
        Of days written in three numbers, year last. If not given it is told from the column: see
        `day_order`.

    Returns
    -------
    Series (n,) of datetime64[ns]
        NaT where empty, no day, or not to be told. Index as given.

    Examples
    --------
    >>> days_of(pd.Series(["03 December 2020", "2020-12-03", "31/12/2020", "1 Foo 2020"])).tolist()
    [Timestamp('2020-12-03 00:00:00'), Timestamp('2020-12-03 00:00:00'),
     Timestamp('2020-12-31 00:00:00'), NaT]
    >>> days_of(pd.Series(["05-06-13", "19-05-13"]), years=pd.Series(["2013", "2013"])).tolist()
    [Timestamp('2013-06-05 00:00:00'), Timestamp('2013-05-19 00:00:00')]
    """
    order = order or day_order(column, years=years)
    given = _years(years, len(column))
    read: dict[tuple[object, int | None], np.datetime64] = {}
    pairs = list(zip(column.tolist(), given, strict=True))
    for pair in dict.fromkeys(pairs):
        readings = _readings(cell_text(pair[0]), order, pair[1])
        read[pair] = readings[0] if len(readings) == 1 else np.datetime64("NaT", "D")
    kinds = {pair: position for position, pair in enumerate(read)}
    values = np.array(list(read.values()), dtype="datetime64[D]").astype("datetime64[ns]")
    days = values[[kinds[pair] for pair in pairs]]
    return pd.Series(days, index=column.index, name=column.name)


def day_order(column: pd.Series, *, years: pd.Series | None = None) -> Order | None:
    """Whether days written in three numbers have the day or the month first.

    Parameters
    ----------
    column, years : Series (n,)
        As for `days_of`.

    Returns
    -------
    {"DMY", "MDY"} or None
        None where no row decides, or where rows contradict one another.

    Examples
    --------
    >>> day_order(pd.Series(["05/06/2013", "19/05/2013"]))
    'DMY'
    >>> day_order(pd.Series(["05/06/2013", "19/05/2013", "05/19/2013"])) is None
    True
    """
    deciding: set[Order] = set()
    given = _years(years, len(column))
    for value, year in set(zip(column.tolist(), given, strict=True)):
        text = cell_text(value)
        found = None if text is None else _NUMBERS.fullmatch(text)
        if found is None or (year is None and _is_year_first(found)):
            continue
        dmy, mdy = (_readings(text, one, year) for one in ("DMY", "MDY"))
        if dmy and not mdy:
            deciding.add("DMY")
        elif mdy and not dmy:
            deciding.add("MDY")
    return deciding.pop() if len(deciding) == 1 else None


def month_windows(year: pd.Series, month: pd.Series, day: pd.Series) -> tuple[pd.Series, pd.Series]:
    """First and last possible day where a month or a day may be unknown.

    Parameters
    ----------
    year, month, day : Series (n,)
        Whole numbers, as numbers or text. A month or day that is blank or 0 is unknown: the window
        is then the year or the month.

    Returns
    -------
    first, last : Series (n,) of datetime64[ns]
        NaT where there is no year or no such day. Index as given.

    Examples
    --------
    >>> first, last = month_windows(pd.Series([2012]), pd.Series(["2"]), pd.Series([0]))
    >>> first.tolist(), last.tolist()
    ([Timestamp('2012-02-01 00:00:00')], [Timestamp('2012-02-29 00:00:00')])
    """
    read: dict[tuple[object, ...], tuple[np.datetime64, np.datetime64]] = {}
    windows = np.full((len(year), 2), np.datetime64("NaT", "ns"))
    cells = zip(year.tolist(), month.tolist(), day.tolist(), strict=True)
    for position, triple in enumerate(cells):
        if triple not in read:
            read[triple] = _window(*(_number(cell) for cell in triple))
        windows[position] = read[triple]
    first, last = (pd.Series(windows[:, side], index=year.index) for side in (0, 1))
    return first, last


def last_day_told(days: pd.Series) -> pd.Timestamp:
    """The last day of a record without a long gap before it: what lies beyond may be a slip.

    Parameters
    ----------
    days : Series (n,) of datetime64
        At least one of them given.

    Examples
    --------
    >>> last_day_told(pd.Series(pd.to_datetime(["2024-12-01", "2025-01-05", "2025-12-01"])))
    Timestamp('2025-01-05 00:00:00')
    """
    told = days.dropna().drop_duplicates().sort_values()
    late = told.diff() > pd.Timedelta(days=LONGEST_GAP_DAYS)
    slips = told[late & (told > told.max() - pd.Timedelta(days=_RECENT_DAYS))]
    return pd.Timestamp(told.max() if slips.empty else told[told < slips.min()].max())


def yearly_release(last: pd.Series) -> pd.Series:
    """The day by which a source that appears once a year has told of incidents: 1 July after.

    Parameters
    ----------
    last : Series (n,) of datetime64
        Last possible day of each.

    Returns
    -------
    Series (n,) of datetime64[ns]

    Examples
    --------
    >>> yearly_release(pd.Series(pd.to_datetime(["2013-05-07", None]))).tolist()
    [Timestamp('2014-07-01 00:00:00'), NaT]
    """
    after = (last.dt.year + 1).astype("Int64").astype("string") + "-07-01"
    days: pd.Series = pd.to_datetime(after, format="%Y-%m-%d").astype("datetime64[ns]")
    return days


def _number(cell: object) -> int | None:
    """A whole number; 0 for a blank cell, None for anything else."""
    text = cell_text(cell)
    if text is None:
        return 0
    whole = text.removesuffix(".0")
    return int(whole) if whole.isascii() and whole.isdigit() and len(whole) <= 4 else None


def _window(
    year: int | None, month: int | None, day: int | None
) -> tuple[np.datetime64, np.datetime64]:
    none = (np.datetime64("NaT"), np.datetime64("NaT"))
    if not year or month is None or day is None or not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return none
    if month == 0:
        # A day without a month cannot be placed in the year.
        first, months = np.datetime64(f"{year}-01"), 12
    elif month > 12:
        return none
    else:
        first, months = np.datetime64(f"{year}-{month:02}"), 1
        if day:
            exact = _day(year, month, day)
            return none if exact is None else (exact, exact)
    last = (first + np.timedelta64(months, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return first.astype("datetime64[D]"), last


def _years(years: pd.Series | None, n: int) -> list[int | None]:
    if years is None:
        return [None] * n
    read = {value: _number(value) or None for value in years.unique().tolist()}
    return [read[value] for value in years.tolist()]


@functools.lru_cache(maxsize=65_536)
def _readings(text: str | None, order: Order | None, year: int | None) -> tuple[np.datetime64, ...]:
    """Every day a text can stand for; the same few thousand come in every batch of a file."""
    if text is None:
        return ()
    days = {
        day
        for numbers in _forms(_plain(text), order, year)
        if (day := _day(*numbers)) is not None and (year is None or numbers[0] == year)
    }
    return tuple(sorted(days))


def _plain(text: str) -> str:
    """In small letters without accents; ``1er janvier 2024`` and ``12 de enero de 2024`` bare."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _LITTLE_WORDS.sub(" ", bare)


def _forms(text: str, order: Order | None, year: int | None) -> Iterator[tuple[int, int, int]]:
    if found := _YEAR_FIRST.fullmatch(text):
        yield int(found[1]), int(found[3]), int(found[4])
    elif found := _DAY_MONTH_NAME.fullmatch(text):
        yield from _named(found[2], found[1], found[3])
    elif found := _MONTH_NAME_DAY.fullmatch(text):
        yield from _named(found[1], found[2], found[3])
    elif found := _NUMBERS.fullmatch(text):
        first, second, last = int(found[1]), int(found[3]), _century(found[4])
        if order != "MDY":
            yield last, second, first
        if order != "DMY":
            yield last, first, second
        # 19-05-13 is the 13th of May too, unless a year beside it says otherwise.
        if len(found[4]) == 2 and len(found[1]) == 2 and order is None and year is None:
            yield _century(found[1]), second, int(found[4])


def _is_year_first(found: re.Match[str]) -> bool:
    """Whether 19-05-13 can be the 13th of May, so that nothing can be told from it."""
    if not len(found[1]) == len(found[4]) == 2:
        return False
    return _day(_century(found[1]), int(found[3]), int(found[4])) is not None


def _named(month: str, day: str, year: str) -> Iterator[tuple[int, int, int]]:
    number = _months().get(month)
    if number is not None:
        yield _century(year), number, int(day)


@functools.cache
def _months() -> dict[str, int]:
    """The number of a month by its name or any beginning of it that no other month has."""
    begins: dict[str, set[int]] = {}
    for number, names in enumerate(_MONTH_NAMES, 1):
        for name in names.split():
            for length in range(_SHORTEST_MONTH, len(name) + 1):
                begins.setdefault(name[:length], set()).add(number)
    return {begin: numbers.pop() for begin, numbers in begins.items() if len(numbers) == 1}


def _century(year: str) -> int:
    number = int(year)
    if len(year) > 2:
        return number
    return number + (1900 if number >= _PIVOT else 2000)


def _day(year: int, month: int, day: int) -> np.datetime64 | None:
    if not (EARLIEST_YEAR <= year <= LATEST_YEAR and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    found = np.datetime64(f"{year}-{month:02}", "M").astype("datetime64[D]")
    found = found + np.timedelta64(day - 1, "D")
    return found if found.astype("datetime64[M]") == np.datetime64(f"{year}-{month:02}") else None
