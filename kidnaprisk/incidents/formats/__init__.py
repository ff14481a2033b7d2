"""The file formats of incident sources: how each is recognised and brought to the table's columns.

A format is one small module with a name, `recognises` and `to_table`. It knows a source's columns
and words and nothing of files: `files` has turned any file into text cells before, and `read` types
and checks the rows after. To add a source, write its module and list it in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from kidnaprisk.incidents.formats.own import OwnFormat
from kidnaprisk.incidents.formats.tabled import Tabled


class Format(Protocol):
    """What `read_incidents` asks of a format."""

    name: str
    # Whether a file with unnamed or repeated columns, or with its last row cut off, is refused.
    strict: bool

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether a file with these column names is of this format."""

    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """A file's text cells, n rows, as columns of the incident table, n rows."""


FORMATS: tuple[Format, ...] = (OwnFormat(),)

__all__ = ["FORMATS", "Format", "Tabled"]
