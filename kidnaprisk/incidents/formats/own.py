"""The library's own format: the columns of the incident table, position as two of them.

The same columns in CSV, Excel, Parquet and GeoJSON; in GeoJSON and GeoParquet the geometry
takes the place of ``longitude`` and ``latitude``. A column ``note`` may hold a remark for human
readers: it stays in the file.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.formats.tabled import Format, Tabled
from kidnaprisk.incidents.table import COLUMNS, POSITION, REQUIRED
from kidnaprisk.incidents.vocabulary import nearest_word

FILE_COLUMNS = (*COLUMNS[:6], *POSITION, *COLUMNS[6:-1])
FOR_HUMAN_READERS = ("note",)
_NEEDED = (*REQUIRED, *POSITION)
_TELLING = {*_NEEDED, "location_error_km"}


class OwnFormat(Format):
    """The library's own columns."""

    name = "own"
    strict = True

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether more than half of the columns that tell it are there.

        Half, so that a misspelt or forgotten column is told as such; more, because other sources
        have a source, a country, a longitude and a latitude as well.

        Examples
        --------
        >>> OwnFormat().recognises(["incident_id", "source", "date", "country", "kind", "lon"])
        True
        >>> OwnFormat().recognises(["event_id_cnty", "source", "country", "longitude", "latitude"])
        False
        """
        return 2 * len(_TELLING & set(header)) > len(_TELLING)

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """The cells as they are, once the column names are right.

        Raises
        ------
        IncidentError
            If a needed column is missing or another one is a likely misspelling.
        """
        header = [str(name) for name in cells.columns]
        unknown = [name for name in header if name not in (*FILE_COLUMNS, *FOR_HUMAN_READERS)]
        absent = [name for name in FILE_COLUMNS if name not in header]
        for name in unknown:
            near = nearest_word(name, absent)
            if near is not None:
                raise IncidentError(
                    "an unknown column",
                    column=name,
                    remedy=f"did you mean {near!r}? rename it, or remove it",
                )
        missing = [name for name in _NEEDED if name in absent]
        if missing:
            raise IncidentError(
                "a required column is missing",
                column=missing[0],
                remedy=f"add {', '.join(missing)}; the columns are {', '.join(FILE_COLUMNS)}",
            )
        notes = []
        if unknown:
            notes.append(
                "columns that are not part of the table were left out: " + ", ".join(unknown)
            )
        known = [name for name in FILE_COLUMNS if name in header]
        return Tabled(cells[known], notes=tuple(notes))
