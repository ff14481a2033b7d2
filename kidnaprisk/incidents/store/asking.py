"""What is asked of a store: which day, which sources, places, kinds and days of incidents.

The same question is put to the database as a condition and to a merged table as a mask, since
events of several sources exist only after the rows were read.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Collection, Iterable
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa

from kidnaprisk.errors import ConfigError
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.parse import Mask
from kidnaprisk.incidents.store.coverage import narrowed
from kidnaprisk.incidents.store.schema import VERSIONS
from kidnaprisk.incidents.vocabulary import COUNTRIES, KINDS, words_remedy

DayLike: TypeAlias = dt.date | str
Box: TypeAlias = tuple[float, float, float, float]

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def whole_day(value: object, name: str) -> dt.date:
    """A whole UTC day, from a date, midnight, or text as YYYY-MM-DD.

    Raises
    ------
    ConfigError
        If it is no day.

    Examples
    --------
    >>> whole_day("2025-01-18", "on")
    datetime.date(2025, 1, 18)
    """
    if isinstance(value, dt.datetime):
        # NaT passes for a datetime.
        if not pd.isna(value) and value.tzinfo is None and value.time() == dt.time(0):
            return value.date()
    elif isinstance(value, dt.date):
        return value
    elif isinstance(value, str) and _ISO_DAY.fullmatch(value.strip()):
        try:
            return dt.date.fromisoformat(value.strip())
        except ValueError:
            pass
    raise ConfigError(f"{name} is not a day", value=value, remedy="write a UTC day as YYYY-MM-DD")


@dataclasses.dataclass(frozen=True)
class Question:
    """Which incidents are asked for; None is all of them.

    ``since`` and ``until`` keep incidents whose days, first to last possible, reach into them.
    ``bbox`` is west, south, east, north in WGS84 degrees, edges included; it crosses the
    antimeridian where west is greater than east.

    Raises
    ------
    ConfigError
        If a country or kind is unknown, the days are in the wrong order, or the box is none.
    """

    sources: tuple[str, ...] | None = None
    countries: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    bbox: Box | None = None

    def __post_init__(self) -> None:
        """Check the words: a misspelt one would find nothing, which reads as safety."""
        for name, known in (("countries", COUNTRIES), ("kinds", KINDS)):
            for word in getattr(self, name) or ():
                if word not in known:
                    remedy = words_remedy(str(word), known)
                    raise ConfigError(f"{name} holds an unknown word", value=word, remedy=remedy)
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ConfigError("until is before since", value=self.until.isoformat())
        if self.bbox is not None:
            west, south, east, north = self.bbox
            sound = abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90
            if not sound:
                raise ConfigError(
                    "the box is none",
                    value=self.bbox,
                    remedy="give west, south, east, north in WGS84 degrees, south below north",
                )

    @property
    def of_sources(self) -> Question:
        """The part of the question that can be asked of rows before they are merged."""
        return Question(sources=self.sources)

    def condition(self, dialect: str) -> sa.ColumnElement[bool]:
        """The question as a condition on `VERSIONS`."""
        rows = VERSIONS.c
        parts: list[sa.ColumnElement[bool]] = [
            column.in_(words)
            for column, words in (
                (rows.source, self.sources),
                (rows.country, self.countries),
                (rows.kind, self.kinds),
            )
            if words is not None
        ]
        if self.since is not None:
            parts.append(rows.date_end >= self.since)
        if self.until is not None:
            parts.append(rows.date <= self.until)
        if self.bbox is not None:
            west, south, east, north = self.bbox
            between = sa.and_ if west <= east else sa.or_
            parts.append(rows.latitude.between(south, north))
            parts.append(between(rows.longitude >= west, rows.longitude <= east))
            if dialect == "postgresql" and west <= east:
                # For its index. Boxes of PostGIS are in single precision, rounded outwards.
                box = sa.func.ST_MakeEnvelope(west, south, east, north, 4326)
                parts.append(sa.literal_column("incident_versions.geometry").op("&&")(box))
        return sa.and_(sa.true(), *parts)

    def mask(self, incidents: gpd.GeoDataFrame) -> Mask:
        """Which of n incidents are asked for, sources apart, (n,) bool."""
        kept = np.ones(len(incidents), dtype=np.bool_)
        for column, words in (("country", self.countries), ("kind", self.kinds)):
            if words is not None:
                kept &= incidents[column].isin(words).to_numpy(dtype=np.bool_)
        if self.since is not None:
            kept &= (incidents["date_end"] >= np.datetime64(self.since)).to_numpy()
        if self.until is not None:
            kept &= (incidents["date"] <= np.datetime64(self.until)).to_numpy()
        if self.bbox is not None:
            west, south, east, north = self.bbox
            lon, lat = incidents.geometry.x.to_numpy(), incidents.geometry.y.to_numpy()
            between = np.logical_and if west <= east else np.logical_or
            kept &= (lat >= south) & (lat <= north) & between(lon >= west, lon <= east)
        return kept

    def covered(self, coverage: Iterable[Coverage]) -> tuple[Coverage, ...]:
        """What a coverage says of the incidents asked for."""
        return narrowed(
            (one for one in coverage if self.sources is None or one.source in self.sources),
            countries=self.countries,
            kinds=self.kinds,
            since=self.since,
            until=self.until,
            note=self._box_note,
        )

    @property
    def _box_note(self) -> str | None:
        if self.bbox is None:
            return None
        west, south, east, north = self.bbox
        return f"only what lies in {west:g} to {east:g} E, {south:g} to {north:g} N was asked for"

    @property
    def notes(self) -> list[str]:
        """What was asked for, in words; empty where it was everything."""
        said = [
            f"{name}: {', '.join(words)}"
            for name, words in (
                ("sources", self.sources),
                ("countries", self.countries),
                ("kinds", self.kinds),
            )
            if words is not None
        ]
        said += [f"since {self.since}"] if self.since is not None else []
        said += [f"until {self.until}"] if self.until is not None else []
        said += [self._box_note] if self._box_note is not None else []
        return ["asked for were only: " + "; ".join(said)] if said else []


def question(
    sources: Collection[str] | None,
    countries: Collection[str] | None,
    kinds: Collection[str] | None,
    since: DayLike | None,
    until: DayLike | None,
    bbox: Iterable[float] | None,
) -> Question:
    """A question from what a caller gives.

    Raises
    ------
    ConfigError
        As `Question`, and if an argument is of the wrong kind.
    """
    return Question(
        sources=_words(sources, "sources"),
        countries=_words(countries, "countries"),
        kinds=_words(kinds, "kinds"),
        since=None if since is None else whole_day(since, "since"),
        until=None if until is None else whole_day(until, "until"),
        bbox=None if bbox is None else _box(bbox),
    )


def _words(given: Collection[str] | None, name: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    words = (given,) if isinstance(given, str) else tuple(given)
    if not words:
        raise ConfigError(f"{name} is empty", remedy="leave it out to ask for all")
    return words


def _box(given: Iterable[float]) -> Box:
    try:
        west, south, east, north = (float(number) for number in given)
    except (TypeError, ValueError):
        raise ConfigError(
            "the box is not four numbers", value=given, remedy="give west, south, east, north"
        ) from None
    return west, south, east, north
