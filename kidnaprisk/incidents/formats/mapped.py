"""A log of incidents in anybody's own columns, read by a mapping that says what they mean.

Their words become ours by the mapping alone: a kind of incident or a country it does not explain
rejects the row, an unexplained word in a column that may be empty is left empty and counted. Days,
countries and positions are read in the usual ways of writing them, where there is one way to read
them. See `mapping` for the mapping itself and docs/sources/mapped.md for the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.days import days_of, month_windows
from kidnaprisk.incidents.formats.ids import derived_ids
from kidnaprisk.incidents.formats.mapping import (
    FREE_TEXTS,
    QUANTITIES,
    VOCABULARIES,
    ColumnMapping,
    Value,
    folded,
    joined_codes,
    read_mapping,
)
from kidnaprisk.incidents.formats.tabled import Format, Repair, Tabled
from kidnaprisk.incidents.formats.written import day_texts, degrees, two_degrees
from kidnaprisk.incidents.parse import Fault, Mask, cell_text, count_column, number_column
from kidnaprisk.incidents.table import COUNTS, DAYS, POSITION
from kidnaprisk.incidents.vocabulary import nearest_word

__all__ = ["ColumnMapping", "MappedFormat", "read_mapping"]

Given = Mapping[str, pd.Series]

_WORDS_EXPLAINED = 20
_WORDS_SHOWN = 5
_LONGEST_WORD = 40
_COLUMNS_SHOWN = 30


class _Part(NamedTuple):
    """Some columns of the table (n rows), and what is to be said about them."""

    columns: dict[str, pd.Series]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()


class MappedFormat(Format):
    """A file in somebody's own columns.

    Parameters
    ----------
    mapping : ColumnMapping
        What its columns mean.
    """

    name = "mapped"

    def __init__(self, mapping: ColumnMapping) -> None:
        self.mapping = mapping
        words = mapping.words.get("kind", {})
        meant = {mapping.values.get("kind"), *words.values()}
        # Without words of its own a column of kinds is in ours, which have one for kidnappings.
        in_ours = "kind" in mapping.columns and not words
        self._codes_kidnappings = "kidnapping" in meant or in_ours

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether at least half of the columns the mapping names are there.

        Examples
        --------
        >>> mapping = ColumnMapping(
        ...     "acme", {"date": "Day", "position": "GPS"}, {"kind": "kidnapping", "country": "NE"}
        ... )
        >>> MappedFormat(mapping).recognises(["Reporter", " day", "Place"])
        True
        >>> MappedFormat(mapping).recognises(["Reporter;Day;GPS"])
        False
        """
        wanted = {folded(theirs) for theirs in self.mapping.columns.values()}
        return 2 * len(wanted & {folded(name) for name in header}) >= len(wanted)

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The columns that the mapping names, under our names and in our words.

        Raises
        ------
        IncidentError
            If the file does not have a column that the mapping names.
        """
        given, twice = _given(cells, self.mapping.columns)
        parts = [
            _days(given, self.mapping),
            _positions(given),
            _countries(given, self.mapping),
            _kinds(given, self.mapping),
            *(_optional(name, given, self.mapping) for name in given if name in _OPTIONAL),
            _Part({name: given[name] for name in FREE_TEXTS if name in given}, notes=twice),
        ]
        index = cells.index
        frame = pd.DataFrame(
            {
                **{
                    name: pd.Series(value, index=index, dtype="object")
                    for name, value in self.mapping.values.items()
                },
                **{name: column for part in parts for name, column in part.columns.items()},
            },
            index=index,
        )
        frame["source"] = self.mapping.source
        frame["incident_id"] = _ids(given, frame)
        self._codes_kidnappings |= bool((frame["kind"] == "kidnapping").any())
        return Tabled(
            frame,
            faults=tuple(fault for part in parts for fault in part.faults),
            notes=tuple(note for part in parts for note in part.notes),
            repairs=tuple(repair for part in parts for repair in part.repairs),
            texts=given.get("notes"),
            codes_kidnappings=self._codes_kidnappings,
        )


_OPTIONAL = (*(name for name in VOCABULARIES if name != "kind"), "nationalities", *QUANTITIES)


def _given(
    cells: pd.DataFrame, columns: Mapping[str, str]
) -> tuple[dict[str, pd.Series], tuple[str, ...]]:
    """The mapped columns as tidy text, None where empty, and notes of those there twice."""
    header = [str(name) for name in cells.columns]
    given = {}
    twice = []
    for ours, theirs in columns.items():
        found = [name for name in header if folded(name) == folded(theirs)]
        if not found:
            raise _no_column(ours, theirs, header)
        if len(found) > 1:
            raise IncidentError(
                "a column the mapping names is there more than once",
                column=theirs,
                remedy=f"rename one of {', '.join(repr(name) for name in found)}",
            )
        # How a repeated name is kept apart when a header is read: see `cells.header_of`.
        if any(name == f"{found[0]} {at}" for at, name in enumerate(header, 1)):
            twice.append(f"a column {theirs!r} may be there twice; the first of them was read")
        given[ours] = _tidy(cells[found[0]])
    return given, tuple(twice)


def _no_column(ours: str, theirs: str, header: Sequence[str]) -> IncidentError:
    near = nearest_word(theirs, header)
    if near is None:
        more = ", ..." if len(header) > _COLUMNS_SHOWN else ""
        hint = f"its columns are {', '.join(header[:_COLUMNS_SHOWN])}{more}"
    else:
        hint = f"did you mean {near!r}?"
    return IncidentError(
        "the file does not have a column that the mapping names",
        column=theirs,
        remedy=f"{hint} correct {ours} under [columns] of the mapping",
    )


def _tidy(column: pd.Series) -> pd.Series:
    return _by_value(column, {value: cell_text(value) for value in column.unique().tolist()})


def _by_value(column: pd.Series, read: Mapping[object, object]) -> pd.Series:
    return pd.Series([read[value] for value in column.tolist()], index=column.index, dtype="object")


def _is_given(column: pd.Series) -> Mask:
    return column.notna().to_numpy(dtype=np.bool_)


def _days(given: Given, mapping: ColumnMapping) -> _Part:
    columns: dict[str, pd.Series] = {}
    faults = []
    notes = []
    for name in DAYS:
        if name not in given:
            continue
        texts, timed = day_texts(given[name])
        years = given.get("year") if name == "date" else None
        days = days_of(texts, years=years, order=mapping.date_order)
        columns[name], fault = _readable(name, given[name], days)
        faults.append(fault)
        if timed.any():
            notes.append(f"{name}: a time of day was left out in {int(timed.sum())} rows")
    if "date" not in given:
        blank = pd.Series([None] * len(given["year"]), index=given["year"].index, dtype="object")
        month, day = given.get("month", blank), given.get("day", blank)
        first, last = month_windows(given["year"], month, day)
        columns["date"], fault = _readable("date", given["year"], first)
        columns.setdefault("date_end", last)
        faults.append(fault)
    return _Part(columns, tuple(faults), tuple(notes))


def _readable(name: str, texts: pd.Series, days: pd.Series) -> tuple[pd.Series, Fault]:
    """Days, with what was written where it is no day, and the fault of those rows."""
    wrong = _is_given(texts) & days.isna().to_numpy()
    fault = Fault(
        wrong,
        name,
        "no day, or one whose order of day and month cannot be told",
        "write it as YYYY-MM-DD, or say which comes first in the mapping: "
        'date_order = "DMY" or "MDY"',
    )
    if not wrong.any():
        return days, fault
    return days.dt.strftime("%Y-%m-%d").astype("object").where(~wrong, texts), fault


def _positions(given: Given) -> _Part:
    if "position" in given:
        texts = given["position"]
        read = {
            text: None if text is None else two_degrees(text) for text in texts.unique().tolist()
        }
        wrong = np.array(
            [t is not None and read[t] is None for t in texts.tolist()], dtype=np.bool_
        )
        # What was written stays in sight, in the column the fault is told of.
        lat = _by_value(texts, {text: both[0] if both else text for text, both in read.items()})
        lon = _by_value(texts, {text: both[1] if both else None for text, both in read.items()})
        fault = Fault(
            wrong,
            "latitude",
            "not a latitude and a longitude",
            "write decimal degrees, latitude first: 14.1, 0.3",
        )
        return _Part({"latitude": lat, "longitude": lon}, (fault,))
    columns = {}
    put_right = np.zeros(len(given["latitude"]), dtype=np.bool_)
    for axis in POSITION:
        texts = given[axis]
        read_one: dict[object, object] = {}
        for text in texts.unique().tolist():
            value = None if text is None else degrees(text, axis)
            plain = value is None or text.replace(".", "").lstrip("+-").isdigit()
            read_one[text] = text if plain else value
        columns[axis] = _by_value(texts, read_one)
        put_right |= np.array([read_one[t] is not t for t in texts.tolist()], dtype=np.bool_)
    what = "degrees written with a comma or the letter of the hemisphere"
    return _Part(columns, repairs=(Repair(put_right, what),))


def _countries(given: Given, mapping: ColumnMapping) -> _Part:
    if "country" not in given:
        return _Part({})
    words = mapping.words.get("country", {})
    texts = given["country"]
    names = pd.Series(texts.dropna().unique().tolist(), dtype="object")
    known = dict(zip(names.tolist(), country_codes(names).tolist(), strict=True))
    codes, unknown = _translated(
        texts, words, lambda text: None if known[text] is pd.NA else known[text]
    )
    faults = _unknown_words(
        "country",
        texts,
        unknown,
        "not a country by any name or code the library knows",
        lambda shown: f"add {shown} = its two-letter code, in quotes, under [words.country]",
    )
    return _Part({"country": codes}, faults)


def _kinds(given: Given, mapping: ColumnMapping) -> _Part:
    if "kind" not in given:
        return _Part({})
    texts = given["kind"]
    kinds, unknown = _translated(texts, mapping.words.get("kind", {}), _reader("kind", texts, {}))
    choices = ", ".join(sorted(VOCABULARIES["kind"]))

    def remedy(shown: str) -> str:
        return f'add {shown} = "..." under [words.kind] of the mapping, with one of {choices}'

    reason = "a kind of incident that the mapping does not explain"
    return _Part({"kind": kinds}, _unknown_words("kind", texts, unknown, reason, remedy))


def _optional(name: str, given: Given, mapping: ColumnMapping) -> _Part:
    """A column that may be empty: what is not understood is left empty, and counted."""
    texts = given[name]
    words = mapping.words.get(name, {})
    values, unknown = _translated(texts, words, _reader(name, texts, words), kept=False)
    if not unknown.any():
        return _Part({name: values})
    some = [text for text in texts[unknown].unique().tolist() if len(text) <= _LONGEST_WORD]
    shown = ": " + ", ".join(repr(text) for text in some[:_WORDS_SHOWN]) if some else ""
    more = ", ..." if len(some) > _WORDS_SHOWN else ""
    note = (
        f"{name}: left empty in {int(unknown.sum())} rows, where the mapping does not explain it "
        f"([words.{name}]){shown}{more}"
    )
    return _Part({name: values}, notes=(note,))


def _reader(
    name: str, texts: pd.Series, words: Mapping[str, Value | None]
) -> Callable[[str], Value | None]:
    """What reads a cell of a column that the mapping's words do not explain."""
    if name in VOCABULARIES:
        known = VOCABULARIES[name]
        tidy = {text: folded(text).replace(" ", "_") for text in texts.dropna().unique().tolist()}
        return lambda text: tidy[text] if tidy[text] in known else None
    if name == "nationalities":
        return lambda text: joined_codes(text, words)
    cells = pd.Series(texts.dropna().unique().tolist(), dtype="object", name=name)
    numbers, _ = (count_column if name in COUNTS else number_column)(cells)
    read = dict(zip(cells.tolist(), numbers.tolist(), strict=True))
    # Where numbers stand for classes, one that is not explained is a class and not km.
    if name == "location_error_km" and any(
        key.isdigit() and meant is not None for key, meant in words.items()
    ):
        return lambda _: None
    return lambda text: None if read[text] is pd.NA else read[text]


def _translated(
    texts: pd.Series,
    words: Mapping[str, Value | None],
    own: Callable[[str], Value | None],
    *,
    kept: bool = True,
) -> tuple[pd.Series, Mask]:
    """Texts in our words, and which (n,) are not understood: kept as they are, or left empty."""
    read: dict[object, object] = {None: None}
    unknown = set()
    for text in texts.dropna().unique().tolist():
        key = folded(text)
        read[text] = words[key] if key in words else own(text)
        if read[text] is None and key not in words:
            read[text] = text if kept else None
            unknown.add(text)
    rows = np.array([text in unknown for text in texts.tolist()], dtype=np.bool_)
    return _by_value(texts, read), rows


def _unknown_words(
    column: str, texts: pd.Series, unknown: Mask, reason: str, remedy: Callable[[str], str]
) -> tuple[Fault, ...]:
    """One fault for each unknown word, so that each says how to explain it."""
    words = texts[unknown].unique().tolist()
    faults = [
        Fault(
            (texts == word).to_numpy(dtype=np.bool_),
            column,
            reason,
            remedy(f'"{word}"' if len(word) <= _LONGEST_WORD and '"' not in word else "it"),
        )
        for word in words[:_WORDS_EXPLAINED]
    ]
    if words[_WORDS_EXPLAINED:]:
        rest = texts.isin(words[_WORDS_EXPLAINED:]).to_numpy(dtype=np.bool_)
        faults.append(Fault(rest, column, reason, remedy("it")))
    return tuple(faults)


def _ids(given: Given, frame: pd.DataFrame) -> pd.Series:
    """Their ids, and derived ones where there is none."""
    if "incident_id" in given and given["incident_id"].notna().all():
        return given["incident_id"]
    telling = {
        name: _tidy(frame[name])
        for name in ("date", "date_end", "country", "admin1", "place")
        if name in frame.columns
    }
    for axis in POSITION:
        telling[axis] = pd.to_numeric(frame[axis], errors="coerce")
    if "kind" in given:
        # In their word: the id stays when the mapping comes to explain it otherwise.
        telling["kind"] = given["kind"]
    source = str(frame["source"].iloc[0]).upper() if len(frame) else ""
    derived = derived_ids(source, pd.DataFrame(telling))
    if "incident_id" not in given:
        return derived
    return given["incident_id"].where(given["incident_id"].notna(), derived)
