"""Which column of somebody's own log is most likely which of ours: by its name, and by its cells.

A name is held against the usual names (`synonyms`), and the cells must not contradict it. Where no
name fits, cells that can only be one thing (days, positions, countries) speak alone. A guess is for
somebody to look at: see `propose`.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import days_of
from kidnaprisk.incidents.formats.mapping import MAPPED, VOCABULARIES
from kidnaprisk.incidents.formats.written import day_texts, degrees, two_degrees
from kidnaprisk.incidents.parse import number_column
from kidnaprisk.incidents.synonyms import COLUMN_NAMES, plain
from kidnaprisk.incidents.table import COUNTS, DAYS

# A column of words: few of them, and short.
_MOST_WORDS = 60
_WORDS_OF_FEW_ROWS = 20
_LONGEST_WORD = 40
_MOST_PARTS = 5
_CLOSE = 0.85
_MOSTLY = 0.9
_HALF = 0.5
_ONLY_CELLS = "by its cells, not by its name"
_PARTS_OF_DAY = ("year", "month", "day")
# The surest evidence first: what is taken by one of these is not taken by a later one.
_BY_CELLS = ("position", "date", "country")
# Of these a part of the name will do, because the cells must fit as well.
_BY_PART = ("date", "latitude", "longitude", "position", "country", "kind")


class Column(NamedTuple):
    """One of their columns: its name, the cells that are filled, and its place in the file."""

    name: str
    texts: pd.Series
    at: int


class Guess(NamedTuple):
    """A column of theirs for one of ours, and why somebody should look at it, or nothing."""

    column: Column
    doubt: str = ""


def likely_columns(columns: Sequence[Column]) -> dict[str, Guess]:
    """The likely column of theirs for each of ours.

    Parameters
    ----------
    columns : sequence of Column

    Returns
    -------
    dict of str to Guess
        By our name, of `mapping.MAPPED`. No column of theirs is given twice, and none that would
        say what another says already.

    Examples
    --------
    >>> cells = pd.Series(["14.1", "13.5"])
    >>> found = likely_columns([Column("Lat.", cells, 0), Column("Reporter", cells, 1)])
    >>> [(ours, guess.column.name) for ours, guess in found.items()]
    [('latitude', 'Lat.')]
    """
    guesses: dict[str, Guess] = {}
    used: set[int] = set()

    def take(ours: str, column: Column, doubt: str) -> None:
        if ours not in guesses and column.at not in used and not _is_settled(ours, guesses):
            guesses[ours] = Guess(column, doubt)
            used.add(column.at)

    for score, ours, column in _ranked(columns):
        take(ours, column, "" if score >= _CLOSE else "by a part of its name")
    for ours in _BY_CELLS:
        for column in columns:
            if column.at not in used and share(ours, column.texts) == 1.0:
                take(ours, column, _ONLY_CELLS)
    for lat, lon in _neighbouring_degrees([one for one in columns if one.at not in used]):
        if "latitude" not in guesses and "longitude" not in guesses:
            take("latitude", lat, _ONLY_CELLS)
            take("longitude", lon, _ONLY_CELLS)
    return _whole(guesses)


def _ranked(columns: Sequence[Column]) -> list[tuple[float, str, Column]]:
    """Every pair that may be, with how much the names are alike, the likeliest first."""
    pairs = [
        (score, ours, column)
        for ours in COLUMN_NAMES
        for column in columns
        if (score := _likeness(ours, column.name)) and _may_be(ours, column.texts, score)
    ]

    def place(pair: tuple[float, str, Column]) -> tuple[bool, float, int, int]:
        score, ours, column = pair
        # A whole date comes before its year, month and day in columns of their own.
        first = ours == "date" and score >= _CLOSE
        return not first, -score, MAPPED.index(ours), column.at

    return sorted(pairs, key=place)


def _is_settled(ours: str, guesses: dict[str, Guess]) -> bool:
    """Whether what one of our columns would say is said by another already."""
    others = {
        "position": ("latitude", "longitude"),
        "latitude": ("position",),
        "longitude": ("position",),
        "month": ("date",),
        "day": ("date",),
        "date": ("month", "day"),
        "date_end": ("month", "day"),
    }
    return any(other in guesses for other in others.get(ours, ()))


def _whole(guesses: dict[str, Guess]) -> dict[str, Guess]:
    """The guesses without a month that has no year, and a day that has no month."""
    kept = dict(guesses)
    if "year" not in kept or "date" in kept:
        kept.pop("month", None)
    if "month" not in kept:
        kept.pop("day", None)
    return kept


def _likeness(ours: str, theirs: str) -> float:
    """From 0 to 2 how much a name of theirs is like one of the usual names of ours."""
    name = plain(theirs)
    known = (plain(ours), *COLUMN_NAMES[ours])
    if name in known:
        return 2.0 - known.index(name) / 1000
    close = difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE) if len(name) > 3 else []
    if close:
        return difflib.SequenceMatcher(None, name, close[0]).ratio()
    if ours not in _BY_PART:
        return 0.0
    parts = [len(one) for one in known if len(one) > 2 and f" {one} " in f" {name} "]
    return _CLOSE * max(parts, default=0) / max(len(name), 1)


def _may_be(ours: str, texts: pd.Series, score: float) -> bool:
    """Whether the cells of a column do not contradict its name."""
    if texts.empty:
        return score >= _CLOSE
    if ours == "country":
        numbered = bool(texts.str.fullmatch(r"[\d.]+").any())
        return not numbered and (score >= _CLOSE or share(ours, texts) >= _HALF)
    if ours in (*DAYS, *COUNTS, "ransom_usd", "latitude", "longitude", "position", *_PARTS_OF_DAY):
        return share(ours, texts) >= _HALF
    return ours not in VOCABULARIES or is_of_words(texts)


def share(ours: str, texts: pd.Series) -> float:
    """The share of cells that can be read as one of our columns, 0 where there are none."""
    if texts.empty:
        return 0.0
    if ours in DAYS:
        days, _ = day_texts(texts)
        either = [days_of(days, order=order).notna() for order in ("DMY", "MDY")]
        return float((either[0] | either[1]).mean())
    if ours == "country":
        # Any small number is some country's by ISO; sources number them in ways of their own.
        named = ~texts.str.fullmatch(r"[\d.]+")
        return float((country_codes(texts).notna() & named).mean())
    if ours == "position":
        return _readable(texts, two_degrees)
    if ours in ("latitude", "longitude"):
        most = 90.0 if ours == "latitude" else 180.0
        return _readable(texts, lambda text: _within(degrees(text, ours), most))
    numbers, _ = number_column(texts.rename(ours))
    return float(numbers.notna().mean())


def _readable(texts: pd.Series, read: Callable[[str], object]) -> float:
    return sum(read(text) is not None for text in texts.tolist()) / len(texts)


def _within(value: float | None, most: float) -> float | None:
    return value if value is not None and abs(value) <= most else None


def is_of_words(texts: pd.Series) -> bool:
    """Whether a column holds a few short words over and over, and no narrative."""
    words = texts.unique().tolist()
    most = min(_MOST_WORDS, max(_WORDS_OF_FEW_ROWS, len(texts) // 2))
    return len(words) <= most and sum(map(is_word, words)) >= _MOSTLY * len(words)


def is_word(text: str) -> bool:
    """Whether a cell is short enough for a word of a list, and not a sentence."""
    return len(text) <= _LONGEST_WORD and len(text.split()) <= _MOST_PARTS


def _neighbouring_degrees(columns: Sequence[Column]) -> Iterator[tuple[Column, Column]]:
    """Pairs of neighbouring columns of decimals; latitude first where either may be."""
    for first, second in itertools.pairwise(columns):
        if second.at != first.at + 1 or not all(
            _has_decimals(one.texts) for one in (first, second)
        ):
            continue
        for lat, lon in ((first, second), (second, first)):
            if share("latitude", lat.texts) == 1.0 and share("longitude", lon.texts) == 1.0:
                yield lat, lon
                break


def _has_decimals(texts: pd.Series) -> bool:
    return not texts.empty and texts.str.contains(r"\d[.,]\d{2}", regex=True).mean() >= _HALF
