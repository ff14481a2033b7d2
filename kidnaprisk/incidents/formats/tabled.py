"""What a source's format is, and what it hands back: rows under the incident table's column names.

A format knows one source's columns and words, and nothing of files: any file has become text cells
before, and the rows are typed and checked after.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import geopandas as gpd
import pandas as pd

from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.parse import Fault, Mask
from kidnaprisk.incidents.vocabulary import KINDS


class Repair(NamedTuple):
    """Rows (n,) in which a fault was put right because it was certain, and what was done."""

    rows: Mask
    what: str


class Tabled(NamedTuple):
    """The rows of a file as columns of the incident table.

    ``frame`` n rows, as many as the file has, cells as text or typed, with ``longitude`` and
    ``latitude``; ``faults`` rows the format cannot make sense of; ``notes`` what a reader should
    know was done; ``repairs`` rows put right; ``texts`` (n,) what the source tells of each in its
    own words, looked at for the kind and never kept; ``codes_kidnappings`` whether the source's own
    codes tell a kidnapping from other violence.
    """

    frame: pd.DataFrame
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    texts: pd.Series | None = None
    codes_kidnappings: bool = True


class Format(ABC):
    """One source's way of writing incidents down."""

    name: ClassVar[str]
    # Whether a file with unnamed or repeated columns, in another encoding than UTF-8, or with its
    # last row cut off is refused. Sources that publish such files are read all the same.
    strict: ClassVar[bool] = False
    # What is known of the source's coverage beside its rows: whether it means to record everything,
    # which kinds it records at all, and what a reader should know of it.
    systematic: ClassVar[bool] = False
    kinds: ClassVar[frozenset[str]] = KINDS
    note: ClassVar[str | None] = None
    # The countries it covers; those of its rows if not given.
    areas: ClassVar[tuple[str, ...] | None] = None

    @abstractmethod
    def recognises(self, header: Sequence[str]) -> bool:
        """Whether a file with these column names is of this format."""

    def headerless(self, record: Sequence[str]) -> tuple[str, ...] | None:
        """The column names of a file whose first record is this row of data, or None."""
        del record
        return None

    @abstractmethod
    def to_table(self, cells: pd.DataFrame) -> Tabled:
        """A file's text cells, n rows, as columns of the incident table, n rows."""

    def coverage(self, incidents: gpd.GeoDataFrame) -> tuple[Coverage, ...] | None:
        """What the source covers, told from its rows; None where nothing is known of it.

        The countries and days of the rows. Where the source codes kidnappings and no row is one,
        they are left out of what it covers: an export filtered to other violence must not say that
        there were none.
        """
        if self.note is None or incidents.empty:
            return None
        any_kidnapping = bool(incidents["kind"].eq("kidnapping").any())
        covered = Coverage(
            source=self.name,
            areas=self.areas or tuple(sorted(incidents["country"].unique().tolist())),
            start=incidents["date"].min().date(),
            end=self.last_day_of(incidents),
            systematic=self.systematic,
            note=self.note,
            kinds=tuple(self.kinds if any_kidnapping else self.kinds - {"kidnapping"}),
        )
        return (covered,)

    def last_day_of(self, incidents: gpd.GeoDataFrame) -> dt.date:
        """The last day the rows speak for; a month's window may reach beyond it."""
        last: dt.date = incidents["date"].max().date()
        return last
