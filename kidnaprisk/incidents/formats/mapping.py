"""What the columns of somebody's own incident log mean: a small TOML, read and checked.

It says which of their columns is which of ours, what holds for every row, and what their words
mean in ours. Nothing here looks at a file of incidents: `mapped` reads one by it, `propose` drafts
one. The keys are closed sets, so that a misspelt key is told and not passed over. The format is
that of TOML 1.0 (toml.io); docs/sources/mapped.md shows one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kidnaprisk.errors import ConfigError
from kidnaprisk.incidents.checks import LARGEST_COUNT, LARGEST_ERROR_KM
from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import Order
from kidnaprisk.incidents.formats.own import FILE_COLUMNS
from kidnaprisk.incidents.parse import cell_text
from kidnaprisk.incidents.table import COUNTS, NUMBERS
from kidnaprisk.incidents.vocabulary import (
    DEMANDS,
    KINDS,
    OUTCOMES,
    SECTORS,
    SETTINGS,
    nearest_word,
    words_remedy,
)

Value = str | float

VOCABULARIES: Mapping[str, frozenset[str]] = {
    "kind": KINDS,
    "setting": SETTINGS,
    "sector": SECTORS,
    "demand": DEMANDS,
    "outcome": OUTCOMES,
}
QUANTITIES = (*COUNTS, *NUMBERS)
FREE_TEXTS = ("admin1", "place", "perpetrator", "source_url")
WORDED = (*VOCABULARIES, "country", "nationalities", *QUANTITIES)
CONSTANT = (*WORDED, *FREE_TEXTS)
# Said of the whole file, or by the library itself.
_NOT_MAPPED = ("source", "kind_from_text", "provenance")
MAPPED = (
    *(name for name in FILE_COLUMNS if name not in _NOT_MAPPED),
    *("year", "month", "day", "position", "notes"),
)
# Names of the library's formats and of its own data: rows of a log must not pass for theirs.
RESERVED_SOURCES = frozenset(
    ("acled", "awsd", "catalogue", "gdelt", "gtd", "kika", "mapped", "nst", "own", "ucdp")
)

_SOURCE = re.compile(r"[a-z0-9_-]+", re.ASCII)
_NEVER_BLANK = ("kind", "country")


def folded(name: str) -> str:
    r"""A name or word as it is compared: white space tidied, case left out.

    Examples
    --------
    >>> folded(" Date of\n Event")
    'date of event'
    """
    return (cell_text(name) or "").casefold()


@dataclass(frozen=True)
class ColumnMapping:
    """What the columns of a file mean, checked when made.

    Parameters
    ----------
    source : str
        Goes into the ``source`` column: small letters, digits, ``-`` and ``_``.
    columns : mapping of str to str
        Their column for each of ours, of `MAPPED`.
    values : mapping of str to str or number, optional
        One value for every row, for columns of ours (of `CONSTANT`) that the file does not have.
    words : mapping of str to mapping, optional
        For columns of ours (of `WORDED`) what their words mean, theirs to ours; ``""`` for unknown.
        Kept folded, ``None`` for unknown.
    date_order : {"DMY", "MDY"}, optional
        Of days written in three numbers, year last.

    Raises
    ------
    ConfigError
        If a key is unknown, a value is none of ours, or something needed is not said.

    Examples
    --------
    >>> mapping = ColumnMapping(
    ...     source="acme",
    ...     columns={"date": "Date of event", "position": "GPS", "kind": "Type"},
    ...     values={"country": "Niger"},
    ...     words={"kind": {"Armed robbery": "attack"}},
    ... )
    >>> mapping.values["country"], mapping.words["kind"]
    ('NE', {'armed robbery': 'attack'})
    """

    source: str
    columns: Mapping[str, str]
    values: Mapping[str, Value] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, Value | None]] = field(default_factory=dict)
    date_order: Order | None = None

    def __post_init__(self) -> None:
        """Check every part, and the parts against one another."""
        _check_source(self.source)
        if self.date_order not in (None, "DMY", "MDY"):
            raise _wrong("date_order", self.date_order, "write DMY or MDY, or leave it out")
        for name in ("columns", "values", "words"):
            if not isinstance(getattr(self, name), Mapping):
                raise _wrong(name, getattr(self, name), f"write a table [{name}]")
        object.__setattr__(self, "columns", _columns(self.columns))
        object.__setattr__(self, "values", _values(self.values))
        object.__setattr__(self, "words", _words(self.words))
        _check_once(self)
        _check_enough(self)


def read_mapping(path: str | PathLike[str]) -> ColumnMapping:
    """Read what the columns of a file mean from a TOML file.

    Parameters
    ----------
    path : path
        A file of the keys ``source``, ``date_order`` (optional) and the tables ``[columns]``,
        ``[values]`` and ``[words.*]``: see docs/sources/mapped.md.

    Returns
    -------
    ColumnMapping

    Raises
    ------
    ConfigError
        If it cannot be read, is not TOML, or says something that is not understood.
    """
    name = Path(fspath(path)).name
    try:
        content = tomllib.loads(Path(fspath(path)).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            f"the mapping cannot be read: {error.strerror or error}",
            file=name,
            remedy="check the path",
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"the mapping is not TOML in UTF-8 ({error})",
            file=name,
            remedy='correct it; put names and words in quotes: date = "Date of event"',
        ) from error
    try:
        known = [each.name for each in fields(ColumnMapping)]
        for key in content:
            if key not in known:
                raise _unknown(key, known, "a mapping")
        for key in ("source", "columns"):
            if key not in content:
                raise _missing(key, 'write source = "your_name"' if key == "source" else _EXAMPLE)
        return ColumnMapping(**content)
    except ConfigError as error:
        raise ConfigError(
            error.message, remedy=error.remedy, file=name, column=error.column, value=error.value
        ) from error


_EXAMPLE = 'write a table [columns] with lines such as date = "Date of event"'


def _wrong(key: str, value: object, remedy: str) -> ConfigError:
    return ConfigError("a mapping is not valid", column=key, value=value, remedy=remedy)


def _missing(key: str, remedy: str) -> ConfigError:
    return ConfigError("a mapping does not say something needed", column=key, remedy=remedy)


def _unknown(key: str, known: Iterable[str], where: str) -> ConfigError:
    known = list(known)
    near = nearest_word(key, known)
    hint = f"did you mean {near!r}?" if near else "known: " + ", ".join(known)
    return ConfigError(f"{where} has an unknown key", column=key, remedy=hint)


def _check_source(source: object) -> None:
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        remedy = "name the log in small letters, digits, - and _, such as acme_log"
        raise _wrong("source", source, remedy)
    if source in RESERVED_SOURCES:
        raise _wrong(
            "source",
            source,
            f"that is the name of a source the library knows; take another, such as {source}_own",
        )


def _columns(given: Mapping[str, object]) -> dict[str, str]:
    columns = {}
    for ours, theirs in given.items():
        if ours == "source":
            remedy = "the source is one word for the whole file: write it at the top"
            raise _wrong("columns.source", theirs, remedy)
        if ours not in MAPPED:
            raise _unknown(ours, MAPPED, "[columns]")
        if not isinstance(theirs, str) or not folded(theirs):
            raise _wrong(f"columns.{ours}", theirs, "give the name of one of their columns as text")
        columns[ours] = theirs
    return columns


def _values(given: Mapping[str, object]) -> dict[str, Value]:
    for ours in given:
        if ours not in CONSTANT:
            raise _unknown(ours, CONSTANT, "[values]")
    return {ours: _ours(ours, f"values.{ours}", value) for ours, value in given.items()}


def _words(given: Mapping[str, object]) -> dict[str, dict[str, Value | None]]:
    words: dict[str, dict[str, Value | None]] = {}
    for ours, table in given.items():
        if ours not in WORDED:
            raise _unknown(ours, WORDED, "[words]")
        if not isinstance(table, Mapping):
            remedy = f'write a table [words.{ours}] with lines such as "their word" = "ours"'
            raise _wrong(f"words.{ours}", table, remedy)
        words[ours] = {}
        for theirs, value in table.items():
            key = f"words.{ours}.{theirs}"
            blank = value == "" and ours not in _NEVER_BLANK
            meant = None if blank or value is None else _ours(ours, key, value)
            if words[ours].setdefault(folded(theirs), meant) != meant:
                raise _wrong(key, value, "the same word has another meaning above: keep one")
    return words


def _ours(name: str, key: str, value: Any) -> Value:
    """A value of one of our columns, checked and as the table has it."""
    if isinstance(value, Mapping):
        raise _wrong(key, None, 'put words of several parts in quotes: "St. John" = "attack"')
    if name in QUANTITIES:
        return _quantity(name, key, value)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(key, value, "write text in quotes")
    if name in VOCABULARIES:
        if value.casefold() not in VOCABULARIES[name]:
            raise _wrong(key, value, words_remedy(value, VOCABULARIES[name]))
        return value.casefold()
    if name in FREE_TEXTS:
        return value
    codes = (
        joined_codes(value, {}) if name == "nationalities" else joined_codes(value, {}, one=True)
    )
    if codes is None:
        remedy = "write the two-letter code, such as NE for Niger and NG for Nigeria"
        raise _wrong(key, value, remedy)
    return codes


def _quantity(name: str, key: str, value: object) -> float:
    most = LARGEST_ERROR_KM if name == "location_error_km" else np.inf
    most = LARGEST_COUNT if name in COUNTS else most
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise _wrong(key, value, f"write a number without quotes, from 0 to {most:g}")
    if not np.isfinite(value) or (name in COUNTS and value != int(value)):
        raise _wrong(key, value, "write a whole number" if name in COUNTS else "write a number")
    return value


def joined_codes(text: str, words: Mapping[str, Value | None], *, one: bool = False) -> str | None:
    """Country codes joined by ``;`` from a text that names countries, None if any is not known.

    Parameters
    ----------
    text : str
        Names or codes, several of them parted by ``;``, ``,``, ``/``, ``&`` or ``and``.
    words : mapping of str to str
        What further names mean, folded; None for one that means nothing known.
    one : bool
        Whether it must be a single country.

    Examples
    --------
    >>> joined_codes("Morocco, Niger", {}), joined_codes("Moroccan", {"moroccan": "MA"})
    ('MA;NE', 'MA')
    >>> joined_codes("Morocco and Atlantis", {}) is None
    True
    """
    for parts in ([text],) if one else ([text], _BETWEEN.split(text)):
        found = country_codes(pd.Series(parts, dtype="object")).tolist()
        codes = [
            words.get(folded(part)) if folded(part) in words else code
            for part, code in zip(parts, found, strict=True)
        ]
        if not any(code is None or code is pd.NA for code in codes):
            return ";".join(dict.fromkeys(str(code) for code in codes))
    return None


_BETWEEN = re.compile(r"\s*[;,/&]\s*|\s+and\s+", re.ASCII)


def _check_once(mapping: ColumnMapping) -> None:
    """Check that nothing is said in two ways."""
    columns, values = mapping.columns, mapping.values
    for name in values:
        if name in columns:
            remedy = "keep the column or the one value for every row, not both"
            raise _wrong(f"values.{name}", values[name], remedy)
    for name in mapping.words:
        if name not in columns:
            raise _wrong(f"words.{name}", None, f"add {name} to [columns], or leave the words out")
    for first, others in (
        ("position", ("longitude", "latitude")),
        ("date", ("month", "day")),
        ("date_end", ("month", "day")),
    ):
        both = [other for other in others if other in columns]
        if first in columns and both:
            raise _wrong(f"columns.{both[0]}", columns[both[0]], f"keep it or {first}, not both")


def _check_enough(mapping: ColumnMapping) -> None:
    """Check that a day, a position, a country and a kind are said."""
    columns = mapping.columns
    for name, needs in (("month", "year"), ("day", "month")):
        if name in columns and needs not in columns:
            raise _missing(f"columns.{needs}", f"add it, or leave {name} out")
    if "date" not in columns and "year" not in columns:
        raise _missing("columns.date", "name the column of the day, or of year, month and day")
    if "position" not in columns:
        for name in ("latitude", "longitude"):
            if name not in columns:
                remedy = (
                    f'name the column of the {name}, or of both as position (one cell "lat, lon")'
                )
                raise _missing(f"columns.{name}", remedy)
    for name in ("country", "kind"):
        if name not in columns and name not in mapping.values:
            remedy = "name the column of it, or its one value for every row under [values]"
            raise _missing(f"columns.{name}", remedy)
