"""Whether the cells of an ACLED row stand under their own column names, and putting them there.

Three of ACLED's columns hold lists joined by ``;``. Where such a cell was taken apart at its
delimiter on the way through a spreadsheet, everything after it stands too far to the right: either
to the end of the row, into columns without a name, or, where somebody has closed the gap by hand at
the coordinates, as far as the name of the place, which is then overwritten. A row is put right only
where exactly one such move makes every code of it valid and its country columns agree; else it is
a fault. Nothing else about a row is judged here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.formats.tabled import Repair
from kidnaprisk.incidents.parse import Fault, Mask, cell_text

Row = Sequence[str | None]

_LISTS = ("assoc_actor_1", "assoc_actor_2", "source")
_GAP_CLOSED_AFTER = "location"
# admin1, admin2, admin3 and location; the country before them must still be there to tell.
_MOST_OVERWRITTEN = 4
_UNNAMED = re.compile(r"(?:column|unnamed:) \d+", re.ASCII)
_WHOLE = re.compile(r"(\d+)\.0+", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,3}(?:\.\d+)?", re.ASCII)
_COUNTRY_COLUMNS = ("iso3", "iso", "country")
_ACTOR_CODES = frozenset(
    {
        "0", "1", "2", "3", "4", "5", "6", "7", "8",
        "state forces", "rebel group", "rebel forces", "political militia", "identity militia",
        "rioters", "protesters", "civilians", "external/other forces", "other forces",
    }
)  # fmt: skip
_CODES = {
    "inter1": _ACTOR_CODES,
    "inter2": _ACTOR_CODES,
    "geo_precision": frozenset({"1", "2", "3"}),
}
_DIGITS = {"fatalities": re.compile(r"\d{1,5}"), "timestamp": re.compile(r"\d{9,10}")}
_BOUNDS = {"latitude": 90.0, "longitude": 180.0}
# A blank cell of these says nothing against a row.
_MAY_BE_BLANK = frozenset({"inter2", "geo_precision"})

_MOVED_ALL = "cells moved right by a list that was taken apart were moved back"
_MOVED_SOME = (
    "cells moved right by a list that was taken apart were moved back; the name of the place, "
    "overwritten, and the precision of the position are left missing"
)


class Realigned(NamedTuple):
    """Rows with every cell under its own column name, as far as that is certain.

    ``frame`` n rows of the named columns; ``country`` (n,) the two-letter code of the country they
    name, NA where none; ``faults``, ``repairs`` and ``notes`` as in `Tabled`.
    """

    frame: pd.DataFrame
    country: pd.Series
    faults: tuple[Fault, ...]
    repairs: tuple[Repair, ...]
    notes: tuple[str, ...]


def code_texts(column: pd.Series) -> pd.Series:
    """A column of code numbers or words: bare digits or lower case, None where empty.

    Examples
    --------
    >>> code_texts(pd.Series([" 2.0", "Rebel Group ", None], dtype="object")).tolist()
    ['2', 'rebel group', None]
    """
    tidy = {cell: _code(cell) for cell in column.dropna().unique().tolist()}
    codes = column.map(tidy).astype("object")
    return codes.where(codes.notna(), None)


def _code(cell: object) -> str | None:
    text = cell_text(cell)
    whole = None if text is None else _WHOLE.fullmatch(text)
    return whole.group(1) if whole else text and text.casefold()


def realigned(cells: pd.DataFrame) -> Realigned:
    """Find the rows whose cells stand under the wrong names, and move back what is certain.

    Parameters
    ----------
    cells : DataFrame
        n rows of text cells, index 0 to n - 1, column names in lower case; columns the file gave
        no name are called ``column 32`` and the like.

    Returns
    -------
    Realigned
    """
    names = [name for name in cells.columns if not _UNNAMED.fullmatch(name)]
    frame, spare = cells[names], cells.drop(columns=names)
    beyond = _beyond(spare)
    country, unlike, unnamed = _countries(frame)
    moved_all, moved_some, broken = (np.zeros(len(cells), dtype=np.bool_) for _ in range(3))
    put_right: dict[int, Row] = {}
    suspects = np.flatnonzero(beyond | unlike | unnamed)
    named_cells, spare_cells = frame.iloc[suspects].to_numpy(), spare.iloc[suspects].to_numpy()
    for at, *cells_of in zip(suspects.tolist(), named_cells, spare_cells, strict=True):
        row, more = (part.tolist() for part in cells_of)
        readings = list(dict.fromkeys(_readings(row, more, names)))
        if len(readings) == 1:
            put_right[at] = readings[0]
            (moved_all if beyond[at] else moved_some)[at] = True
        else:
            broken[at] = not unlike[at] and not _is_sound(dict(zip(names, row, strict=True)))
    moved = moved_all | moved_some
    if put_right:
        frame, borrowed = _with(frame, put_right, moved_some)
        country = _countries(frame)[0]
    else:
        borrowed = False
    notes = []
    if (beyond & ~moved & ~broken & ~unlike).any():
        notes.append("cells beyond the last column, in rows that are whole without, were left out")
    if borrowed:
        notes.append(
            "in rows put right that bear the note of an event of another day, the note and the "
            "timestamp were not used"
        )
    return Realigned(
        frame,
        country,
        faults=_faults(frame, broken, unlike & ~moved),
        repairs=(Repair(moved_all, _MOVED_ALL), Repair(moved_some, _MOVED_SOME)),
        notes=tuple(notes),
    )


def _beyond(spare: pd.DataFrame) -> Mask:
    """Rows (n,) with anything in the columns that have no name."""
    filled = np.zeros(len(spare), dtype=np.bool_)
    for name in spare.columns:
        filled |= spare[name].fillna("").str.strip().ne("").to_numpy(dtype=np.bool_)
    return filled


def _countries(frame: pd.DataFrame) -> tuple[pd.Series, Mask, Mask]:
    """The country each row names first, and rows (n,) that name another, or none that is known."""
    first = pd.Series(pd.NA, index=frame.index, dtype="string")
    unlike, unnamed = (np.zeros(len(frame), dtype=np.bool_) for _ in range(2))
    for name in (one for one in _COUNTRY_COLUMNS if one in frame.columns):
        cells = frame[name]
        if name == "country":
            cells = cells.mask(cells.map(_starts_with_digit).astype("bool"), None)
        codes = country_codes(cells)
        unlike |= (codes != first).fillna(value=False).to_numpy(dtype=np.bool_)
        first = first.fillna(codes)
        if name == "country":
            unnamed = (frame[name].notna() & codes.isna()).to_numpy(dtype=np.bool_)
    return first, unlike, unnamed


def _readings(row: Row, spare: Row, names: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    """Every way of moving cells back that leaves none over and makes the row sound."""
    filled = [at for at, cell in enumerate(spare, 1) if cell_text(cell) is not None]
    n = len(names)
    for name in _LISTS:
        if name not in names:
            continue
        start = names.index(name)
        if filled:
            moves = [(filled[-1], n + filled[-1])]
        elif _GAP_CLOSED_AFTER in names[start:]:
            end = names.index(_GAP_CLOSED_AFTER) + 1
            moves = [(by, end) for by in range(1, _MOST_OVERWRITTEN + 1)]
        else:
            continue
        for by, end in moves:
            parts = [cell_text(part) for part in [*row, *spare][start : start + by + 1]]
            if None in parts:
                continue
            cells = [*row, *spare]
            cells[start:end] = [
                ";".join(part for part in parts if part),
                *cells[start + by + 1 : end],
                *([] if filled else [None] * by),
            ]
            read = dict(zip(names, cells, strict=False))
            if _is_sound(read) and _is_of_one_country(read):
                if not filled:
                    read["geo_precision"] = None
                yield tuple(read.values())


def _is_sound(row: Mapping[str, str | None]) -> bool:
    """Whether codes, counts and coordinates are such where the header says that they are."""
    for name, known in _CODES.items():
        code = _code(row.get(name))
        if not (code in known or (code is None and name in _MAY_BE_BLANK)):
            return False
    for name, form in _DIGITS.items():
        code = _code(row.get(name))
        if code is not None and not form.fullmatch(code):
            return False
    for name, bound in _BOUNDS.items():
        text = cell_text(row.get(name)) or ""
        if not _NUMBER.fullmatch(text) or abs(float(text)) > bound:
            return False
    return True


def _is_of_one_country(row: Mapping[str, str | None]) -> bool:
    codes = {_country(row[name], name) for name in _COUNTRY_COLUMNS if name in row}
    return len(codes) == 1 and None not in codes


def _starts_with_digit(cell: object) -> bool:
    """Whether a cell under country is some other column's code: a number there is not ISO's."""
    return isinstance(cell, str) and cell.strip()[:1].isdigit()


@functools.lru_cache(maxsize=4096)
def _country(cell: str | None, column: str) -> str | None:
    if cell is None or (column == "country" and _starts_with_digit(cell)):
        return None
    code = country_codes(pd.Series([cell], dtype="object")).iloc[0]
    return None if pd.isna(code) else str(code)


def _with(
    frame: pd.DataFrame, put_right: Mapping[int, Row], moved_some: Mask
) -> tuple[pd.DataFrame, bool]:
    """The rows put right among the others, without what a closed gap may have let in.

    Who closed gaps by hand has also filled them: some such rows end in the source, note and
    timestamp of another event.
    """
    frame = frame.copy()
    at = list(put_right)
    for position, name in enumerate(frame.columns):
        column = frame[name].to_numpy(dtype=np.object_).copy()
        column[at] = [row[position] for row in put_right.values()]
        frame[name] = pd.Series(column, index=frame.index, dtype="object")
    if not {"notes", "timestamp"} <= set(frame.columns):
        return frame, False
    several_days = frame.groupby("notes")["event_date"].transform("nunique").gt(1)
    borrowed = several_days.to_numpy(dtype=np.bool_) & moved_some
    frame.loc[borrowed, ["notes", "timestamp"]] = None
    return frame, bool(borrowed.any())


def _faults(frame: pd.DataFrame, broken: Mask, unlike: Mask) -> tuple[Fault, ...]:
    where = np.full(len(frame), "", dtype=np.object_)
    for at in np.flatnonzero(unlike).tolist():
        cells = [frame[name].iloc[at] for name in _COUNTRY_COLUMNS if name in frame.columns]
        where[at] = ": " + ", ".join(str(cell) for cell in cells if cell is not None)
    return (
        Fault(
            broken,
            "country",
            "the cells do not stand under their column names, and no one move puts them right",
            "look the event up by its event_id_cnty and correct the row; get the file as CSV",
        ),
        Fault(
            unlike,
            "country",
            "iso3, iso and country do not name the same country",
            "look the event up by its event_id_cnty and correct the row",
            where,
        ),
    )
