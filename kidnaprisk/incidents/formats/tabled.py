"""What a source's format is, and what it hands back: rows under the incident table's column names.

A format knows one source's columns and words, and nothing of files: any file has become text cells
before, and the rows are typed and checked after.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import geopandas as gpd
import pandas as pd

from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.days import last_day_told
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
    codes tell a kidnapping from other violence, for all rows or for each (n,).
    """

    frame: pd.DataFrame
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    texts: pd.Series | None = None
    codes_kidnappings: bool | Mask = True


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

        The countries and days of the rows, and of the kinds it records those that are there: an
        export filtered to other violence must not say that there were no kidnappings. A source
        that means to record everything covers each country from its first row there, and all of
        them to the last day it tells of.
        """
        if self.note is None or incidents.empty:
            return None
        kinds = tuple(sorted(self.kinds & set(incidents["kind"])))
        if not kinds:
            return None
        end = last_day_told(incidents["date"]).date()
        first = incidents.groupby(incidents["country"])["date"].min().dt.date
        areas = self.areas or tuple(sorted(first.index))
        return tuple(
            Coverage(
                source=self.name,
                areas=group,
                start=min(start, end),
                end=end,
                systematic=self.systematic,
                note=self.note,
                kinds=kinds,
            )
            for group, start in (
                [((area,), first[area]) for area in areas]
                if self.systematic
                else [(areas, first.min())]
            )
        )
