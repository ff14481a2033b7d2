"""A store that is open: what it is asked, and what is written out of it.

What is written into it is added by `incident_store`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Self

import geopandas as gpd

from kidnaprisk.errors import ConfigError, StoreError
from kidnaprisk.incidents.store import linking, reading
from kidnaprisk.incidents.store.address import (
    address_of,
    begin_writing,
    engine_for,
    failures_told,
    shown,
)
from kidnaprisk.incidents.store.address import reading as reading_from
from kidnaprisk.incidents.store.asking import DayLike, question, whole_day
from kidnaprisk.incidents.store.copying import copy_tables
from kidnaprisk.incidents.store.exporting import check_target, export_incidents
from kidnaprisk.incidents.store.schema import open_schema
from kidnaprisk.incidents.store.status import read_status
from kidnaprisk.incidents.store.summaries import StoreStatus

WAIT_SECONDS = 600.0


class OpenStore:
    """The part of `IncidentStore` that changes nothing; see there."""

    def __init__(self, url: str | PathLike[str], *, wait_seconds: float = WAIT_SECONDS) -> None:
        if not 0 <= wait_seconds <= 86_400:
            raise ConfigError(
                "wait_seconds is not within a day", value=wait_seconds, remedy="give seconds"
            )
        self._url = address_of(url)
        self._wait_seconds = wait_seconds
        self._engine = engine_for(self._url, wait_seconds)
        with failures_told(self._url):
            open_schema(self._engine, wait_seconds)

    @property
    def url(self) -> str:
        """The address, without a password."""
        return shown(self._url)

    def __repr__(self) -> str:
        return f"IncidentStore({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database. No connection is kept between calls, so it does little."""
        self._engine.dispose()

    def as_of(
        self,
        day: DayLike,
        *,
        sources: Collection[str] | None = None,
        countries: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        since: DayLike | None = None,
        until: DayLike | None = None,
        bbox: Sequence[float] | None = None,
        merged: bool = False,
        through: int | None = None,
    ) -> gpd.GeoDataFrame:
        """The incidents as the store held them at the end of a UTC day.

        Parameters
        ----------
        day : day
        sources, countries, kinds : collection of str, optional
            Only these; countries as alpha-2 codes.
        since, until : day, optional
            Only incidents that may have happened from this day on, up to that day.
        bbox : four floats, optional
            Only those from west, south to east, north, WGS84 degrees.
        merged : bool
            One row an event, by the last merge up to that day. What is asked for, sources apart,
            is then asked of the events.
        through : int, optional
            Only what was held after the import of this number, though others came that same day:
            what was read then can so be read again. See `last_import`.

        Returns
        -------
        GeoDataFrame
            As `validate_incidents` gives it, by source and id. An id that two sources use is
            ``source:id`` in both rows. ``attrs["coverage"]`` is what was known to be covered that
            day, cut to what is asked for; ``attrs["notes"]`` says what was asked for.

        Raises
        ------
        ConfigError
            If an argument is not valid.
        CoverageError
            If the store knows nothing of that day, or of a source on it, or its records do not
            cover what is asked for: an empty table would read as if nothing had happened. And if
            there was no import of that number by then.
        StoreError
            If the sources were not merged by then, or the database fails.
        """
        asked = question(sources, countries, kinds, since, until, bbox)
        when = whole_day(day, "day")
        moment = reading.Moment(when, through)
        with failures_told(self._url), reading_from(self._engine) as connection:
            reading.check_known(connection, when, asked)
            reading.check_through(connection, moment)
            notes = [f"what the store held at the end of {when} (UTC)"]
            if through is not None:
                notes = [f"what the store held on {when} (UTC), after import {through}"]
            declared = reading.read_coverage_on(connection, moment, asked)
            if merged:
                notes.append(linking.check_merged(connection, moment))
                rows, keys = reading.read_incidents_on(connection, moment, asked.of_sources)
                coverage = reading.with_derived(rows, declared)
                rows = linking.combined(connection, moment, rows, keys)
                rows = rows[asked.mask(rows)].reset_index(drop=True)
            else:
                rows, _ = reading.read_incidents_on(connection, moment, asked)
                coverage = reading.with_derived(rows, declared)
        return reading.with_attrs(rows, asked.covered(coverage), [*notes, *asked.notes])

    def last_import(self) -> int:
        """Number of the last import, merge, deletion or declaration; 0 if there was none."""
        with failures_told(self._url), reading_from(self._engine) as connection:
            return reading.last_import(connection)

    def last_change(self) -> int:
        """Number of the last of these that changed anything; an import of what was held did not."""
        with failures_told(self._url), reading_from(self._engine) as connection:
            return reading.last_change(connection)

    def current(
        self,
        *,
        sources: Collection[str] | None = None,
        countries: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        since: DayLike | None = None,
        until: DayLike | None = None,
        bbox: Sequence[float] | None = None,
        merged: bool = False,
    ) -> gpd.GeoDataFrame:
        """The incidents as the store holds them now: `as_of` today."""
        return self.as_of(
            dt.datetime.now(dt.UTC).date(),
            sources=sources,
            countries=countries,
            kinds=kinds,
            since=since,
            until=until,
            bbox=bbox,
            merged=merged,
        )

    def status(self) -> StoreStatus:
        """What the store holds now, by source, and everything ever committed to it."""
        with failures_told(self._url), reading_from(self._engine) as connection:
            return read_status(connection)

    def export(
        self,
        path: str | PathLike[str],
        *,
        day: DayLike | None = None,
        sources: Collection[str] | None = None,
        countries: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        since: DayLike | None = None,
        until: DayLike | None = None,
        bbox: Sequence[float] | None = None,
        merged: bool = False,
        overwrite: bool = False,
    ) -> int:
        """Write what the store held to a file, whole or not at all.

        Parameters
        ----------
        path : path
            Ends in ``.parquet`` (GeoParquet), ``.gpkg`` (GeoPackage), ``.csv`` or ``.csv.gz`` (the
            library's own columns). The coverage goes beside it, to ``<stem>.coverage.toml``.
        day : day, optional
            As for `as_of`; today if not given.
        sources, countries, kinds, since, until, bbox, merged
            As for `as_of`.
        overwrite : bool
            Whether a file that is there may be replaced.

        Returns
        -------
        int
            How many incidents were written.

        Raises
        ------
        StoreError
            If the file is there, has another ending or cannot be written, and as for `as_of`.
        CoverageError, ConfigError
            As for `as_of`; and if GeoParquet is wanted and pyarrow is not installed.
        """
        # Before anything is read: a refusal should not take a minute.
        check_target(Path(fspath(path)), overwrite=overwrite)
        incidents = self.as_of(
            dt.datetime.now(dt.UTC).date() if day is None else day,
            sources=sources,
            countries=countries,
            kinds=kinds,
            since=since,
            until=until,
            bbox=bbox,
            merged=merged,
        )
        export_incidents(incidents, path, overwrite=overwrite)
        return len(incidents)

    def copy_to(self, path: str | PathLike[str]) -> None:
        """Copy all of it, history and all, to a store in a new SQLite file.

        For a backup, a rehearsal, or to take a store from a server along.

        Parameters
        ----------
        path : path
            Must not be there yet.

        Raises
        ------
        StoreError
            If there is such a file, it cannot be written, or the database fails.
        """
        if Path(fspath(path)).exists():
            raise StoreError(
                "there is such a file already", file=fspath(path), remedy="give another name"
            )
        done = False
        try:
            with (
                OpenStore(path, wait_seconds=self._wait_seconds) as copy,
                failures_told(copy._url),
                copy._engine.connect() as target,
                failures_told(self._url),
                reading_from(self._engine) as source,
            ):
                begin_writing(target, self._wait_seconds)
                copy_tables(source, target)
                target.commit()
            done = True
        finally:
            if not done:
                # An empty store that opens would pass for a backup.
                for end in ("", "-wal", "-shm"):
                    Path(f"{fspath(path)}{end}").unlink(missing_ok=True)
