"""Text cells: the one shape in which rows of any file reach the formats.

Every cell is text, every row has the number a spreadsheet shows. A row of the wrong width is handed
on as a fault of that row, blank rows are passed over and counted, and so is the row of HXL tags
that some publishers put under the header (hxlstandard.org).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.formats.tabled import Format
from kidnaprisk.incidents.parse import Fault, Texts, cell_text

Record = tuple[int, Sequence[str | None]]

WRONG_WIDTH = "the row has another number of cells than the header"
_FEWEST_TAGS = 3
_SMALLEST_SHARE = 0.2


@dataclass(frozen=True)
class Cells:
    """Rows of a file as text.

    ``header`` m column names; ``rows`` n rows of m cells, None where empty; ``numbers`` (n,) row
    numbers as a spreadsheet shows them; ``faults`` rows of the wrong width; ``spare`` what stood
    beyond the last column, by position; ``notes`` what a reader should know; ``blank`` rows passed
    over; ``coverage`` what the file itself says of it, unchecked.
    """

    header: tuple[str, ...]
    rows: list[Texts]
    numbers: list[int]
    faults: tuple[Fault, ...] = ()
    spare: dict[int, Texts] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    blank: int = 0
    coverage: object = None

    def frame(self) -> pd.DataFrame:
        """The cells as a DataFrame of n rows by m columns."""
        columns = zip(*self.rows, strict=True) if self.rows else [[] for _ in self.header]
        return pd.DataFrame(
            {
                name: pd.Series(list(cells), dtype="object")
                for name, cells in zip(self.header, columns, strict=True)
            }
        )

    def original(self, position: int) -> dict[str, str | list[str | None] | None]:
        """One row as it stood in the file, empty cells left out."""
        row: dict[str, str | list[str | None] | None] = {
            name: cell
            for name, cell in zip(self.header, self.rows[position], strict=True)
            if cell is not None
        }
        if position in self.spare:
            row["beyond the last column"] = self.spare[position]
        return row


class Sheet(NamedTuple):
    """A file opened: the format it is in, and its rows, a number at a time."""

    form: Format
    batches: Iterator[Cells]


def recognised(header: Sequence[str], formats: Sequence[Format], *, named: bool) -> Format:
    """The format of a file with these column names.

    Parameters
    ----------
    header : sequence of str
    formats : sequence of Format
        Those to choose from.
    named : bool
        Whether the user named the format: then it is the first of them whatever the header.

    Raises
    ------
    IncidentError
        If it is none of them, or more than one.
    """
    fitting = [form for form in formats if form.recognises(header)]
    if len(fitting) == 1 or (named and not fitting):
        return fitting[0] if fitting else formats[0]
    if fitting:
        raise IncidentError(
            f"the columns fit several formats ({', '.join(form.name for form in fitting)})",
            remedy="name the one it is with source=",
        )
    raise IncidentError(
        f"the columns are of no known format ({', '.join(form.name for form in formats)})",
        value=", ".join(header),
        remedy="rename them to the library's own columns, position as longitude and latitude; or "
        "say what they mean in a mapping: see kidnaprisk incidents read --propose-mapping",
    )


def cells_of(
    records: Iterable[Record],
    form: Format,
    header: tuple[str, ...],
    oddities: Sequence[IncidentError],
    rows: int,
) -> Iterator[Cells]:
    """Rows under a header as cells, ``rows`` at a time, a small rest with the last of them.

    Raises
    ------
    IncidentError
        The first of the header's ``oddities``, if the format is strict.
    """
    if form.strict and oddities:
        raise oddities[0]
    rest = iter(records)
    some = list(islice(rest, rows))
    twice = ", ".join(dict.fromkeys(odd.column for odd in oddities if odd.column))
    notes: tuple[str, ...] = ()
    if twice:
        notes = (f"several columns have one name, and the first of each was taken: {twice}",)
    if some and _is_tags(some[0][1]):
        some, notes = some[1:], (*notes, "a row of HXL tags under the header was passed over")
    while some:
        following = list(islice(rest, rows))
        # What a column's cells tell together, as the order of day and month, a few rows may not.
        if len(following) < _SMALLEST_SHARE * rows:
            some, following = some + following, []
        yield _cells(header, some, notes)
        some, notes = following, ()


def _cells(header: tuple[str, ...], records: list[Record], notes: tuple[str, ...]) -> Cells:
    filled = [(number, record) for number, record in records if not is_blank(record)]
    width = len(header)
    rows: list[Texts] = []
    spare: dict[int, Texts] = {}
    uneven = np.zeros(len(filled), dtype=np.bool_)
    widths = np.full(len(filled), "", dtype=np.object_)
    for position, (_, record) in enumerate(filled):
        row = [cell or None for cell in record]
        if len(row) != width:
            if len(row) < width or not is_blank(row[width:]):
                uneven[position] = True
                widths[position] = f": {len(row)} where the header has {width}"
                if len(row) > width:
                    spare[position] = row[width:]
            row = row[:width] + [None] * (width - len(row))
        rows.append(row)
    fault = Fault(
        uneven,
        header[0],
        WRONG_WIDTH,
        "put cells that hold the delimiter in quotes; give every row every cell",
        widths,
    )
    return Cells(
        header=header,
        rows=rows,
        numbers=[number for number, _ in filled],
        faults=(fault,),
        spare=spare,
        notes=notes,
        blank=len(records) - len(filled),
    )


def is_blank(record: Sequence[str | None]) -> bool:
    """Whether no cell of a record holds anything."""
    return not any(cell and not cell.isspace() for cell in record)


def _is_tags(record: Sequence[str | None]) -> bool:
    given = [cell for cell in record if cell]
    tags = sum(cell.lstrip().startswith("#") for cell in given)
    return tags >= _FEWEST_TAGS and 2 * tags > len(given)


def header_of(
    record: Sequence[str | None], number: int, below: Sequence[Record]
) -> tuple[tuple[str, ...], tuple[IncidentError, ...]]:
    """Column names, and what is odd about them: none given, or the same twice.

    Parameters
    ----------
    record : sequence of str or None
        The cells of the header.
    number : int
        Its row.
    below : sequence of Record
        Some rows below it, which tell whether its last columns are used at all.
    """
    given = [cell_text(name) for name in record]
    # Spreadsheets write empty columns to the right of the last used one.
    while given[-1] is None and all(is_blank(row[len(given) - 1 :]) for _, row in below):
        given.pop()
    names: list[str] = []
    oddities = []
    for position, name in enumerate(given, 1):
        if name is None:
            remedy = "name it or remove it (from pandas: to_csv(index=False))"
            oddities.append(
                IncidentError(f"column {position} has no name", row=number, remedy=remedy)
            )
        elif name in names:
            remedy = "keep one of them"
            oddities.append(
                IncidentError("a column name is used twice", row=number, column=name, remedy=remedy)
            )
        names.append(f"{name or 'column'} {position}" if name in (None, *names) else str(name))
    return tuple(names), tuple(oddities)
