"""`IncidentStore`: the one door to a store of incidents.

Each method is one transaction: done, or nothing. What a process was killed at is as if it had never
begun.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import sqlalchemy as sa

from kidnaprisk.errors import ConfigError, IncidentError
from kidnaprisk.incidents.coverage import (
    Coverage,
    GivenCoverage,
    coverage_beside,
    coverage_given,
)
from kidnaprisk.incidents.parse import cell_text
from kidnaprisk.incidents.store import importing, linking
from kidnaprisk.incidents.store.address import begin_writing, failures_told
from kidnaprisk.incidents.store.asking import DayLike, whole_day
from kidnaprisk.incidents.store.importing import Origin, Turn, take_turn
from kidnaprisk.incidents.store.opened import OpenStore
from kidnaprisk.incidents.store.staging import STAGED_KEYS, Progress, fill, stage_incidents
from kidnaprisk.incidents.store.summaries import ImportSummary, MergeSummary

if TYPE_CHECKING:
    from kidnaprisk.incidents.batches import Batch


class IncidentStore(OpenStore):
    """Incidents of any number of sources, with all their history.

    Parameters
    ----------
    url : str or path
        ``sqlite:///incidents.db`` or simply ``incidents.db``, one file on a disk of this machine;
        or ``postgresql+psycopg://user@host/database`` with PostGIS. Its tables are made where
        there are none.
    wait_seconds : float
        How long a writer waits for another one before it gives up.

    Raises
    ------
    ConfigError
        If the address is none, or the driver of PostgreSQL is not installed.
    StoreError
        If it cannot be opened, is not a store, or is one of a later version.

    Notes
    -----
    Days are whole UTC days. A row is known by its source and its id together. Nothing is ever
    overwritten, so that `as_of` gives what was held on any day since the first import. A store
    holds the columns of the incident table and no other cell of a source's file.

    Examples
    --------
    >>> import tempfile
    >>> from kidnaprisk.bundled import data_path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with IncidentStore(f"sqlite:///{folder}/incidents.db") as store:
    ...         brought = store.import_file(data_path("incidents.csv"), on="2026-03-12")
    ...         again = store.import_file(data_path("incidents.csv"), on="2026-03-13")
    ...         incidents = store.as_of("2026-03-12", countries=["BF"], since="2025-01-01")
    >>> brought.added, again.added, again.unchanged
    (719, 0, 719)
    >>> sorted(incidents["country"].unique())
    ['BF']
    """

    def upsert(
        self,
        batches: gpd.GeoDataFrame | Iterable[Batch | gpd.GeoDataFrame],
        *,
        on: DayLike | None = None,
        coverage: GivenCoverage = None,
        complete: bool = False,
        file: str | PathLike[str] | None = None,
        sha256: str | None = None,
        format: str | None = None,
        progress: Progress | None = None,
    ) -> ImportSummary:
        """Bring incidents in: new ones are added, changed ones revised, the same ones left alone.

        Parameters
        ----------
        batches : GeoDataFrame or iterable of Batch or GeoDataFrame
            One table, or any number of parts of one: memory is that of one part. Tables are
            validated.
        on : day, optional
            The UTC day the import counts for; today if not given.
        coverage : Coverage, sequence of Coverage or path, optional
            What the rows cover; ``()`` for a part that says nothing of that, such as what was
            changed since a day. If not given: what the tables carry in ``attrs["coverage"]``, or
            what a batch's format tells of them.
        complete : bool
            The rows are all there are within their coverage: rows of the store in it, by source,
            country, kind and days, that are not among them are withdrawn. A row that was rejected
            is not taken to be missing.
        file, sha256, format : optional
            Where the rows came from, for `status`; of a path only the base name is kept.
        progress : callable, optional
            Called with the number of rows taken in so far.

        Returns
        -------
        ImportSummary

        Raises
        ------
        IncidentError
            If a table is not valid, or every row is rejected.
        StoreError
            If ``on`` is before the day of the last import or in the future, a complete file does
            not say of what, or the database fails. Then nothing has changed.

        Notes
        -----
        A key that comes twice in one import is taken the first time and rejected after that.
        """
        day = None if on is None else whole_day(on, "on")
        declared = coverage_given(coverage)
        origin = Origin(None if file is None else Path(fspath(file)).name, sha256, format)
        with failures_told(self._url), self._engine.connect() as connection:
            # Said now and not after the rows were read; looked at again as the one writer.
            take_turn(connection, day)
            connection.commit()
            intake = stage_incidents(connection, batches, declared, progress)
            begin_writing(connection, self._wait_seconds)
            turn = take_turn(connection, day)
            summary = importing.write_import(connection, turn, intake, origin, complete=complete)
            connection.commit()
        return summary

    def import_file(
        self,
        path: str | PathLike[str],
        *,
        source: str | None = None,
        mapping: str | PathLike[str] | None = None,
        coverage: GivenCoverage = None,
        kind_from_text: bool | None = None,
        on: DayLike | None = None,
        complete: bool = False,
        progress: Progress | None = None,
    ) -> ImportSummary:
        """Bring a file of incidents in.

        Parameters
        ----------
        path, source, mapping, coverage, kind_from_text
            As for `read_incidents`.
        on, complete, progress
            As for `upsert`.

        Returns
        -------
        ImportSummary

        Raises
        ------
        IncidentError, ConfigError
            As `read_incidents`.
        StoreError
            As `upsert`.
        """
        from kidnaprisk.incidents.batches import read_batches

        path = Path(fspath(path))
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise IncidentError(
                f"the file cannot be read: {error.strerror or error}",
                file=path.name,
                remedy="check the path",
            ) from error
        return self.upsert(
            read_batches(path, source=source, mapping=mapping, kind_from_text=kind_from_text),
            on=on,
            coverage=coverage_beside(path) if coverage is None else coverage,
            complete=complete,
            file=path,
            sha256=digest,
            progress=progress,
        )

    def delete(self, source: str, ids: Iterable[str], *, on: DayLike | None = None) -> int:
        """Withdraw incidents that their source has deleted; their history stays.

        Parameters
        ----------
        source : str
        ids : iterable of str
            Ids that the store does not hold are counted in `status` and are no error.
        on : day, optional
            As for `upsert`.

        Returns
        -------
        int
            How many were held and are withdrawn.

        Raises
        ------
        StoreError
            If the store never heard of the source, or as for `upsert`.
        """
        day = None if on is None else whole_day(on, "on")
        if isinstance(ids, str):
            raise ConfigError("ids is one text", value=ids, remedy="give a list of ids")
        names = dict.fromkeys(text for text in map(cell_text, ids) if text is not None)
        with failures_told(self._url), self._engine.connect() as connection:
            STAGED_KEYS.create(connection)
            fill(connection, STAGED_KEYS, [(source, name) for name in names])
            turn = self._turn(connection, day)
            deleted = importing.delete(connection, turn, source, len(names))
            connection.commit()
        return deleted

    def declare(
        self, coverage: Coverage | Sequence[Coverage], *, on: DayLike | None = None
    ) -> None:
        """Set what sources cover, in place of what was said before.

        Imports only ever add to a coverage; this is how one that said too much is put right.

        Parameters
        ----------
        coverage : Coverage or sequence of Coverage
            Everything the sources named in it cover.
        on : day, optional
            As for `upsert`.

        Raises
        ------
        StoreError
            As for `upsert`.
        """
        day = None if on is None else whole_day(on, "on")
        told = coverage_given(coverage) or ()
        with failures_told(self._url), self._engine.connect() as connection:
            turn = self._turn(connection, day)
            importing.declare(connection, turn, told)
            connection.commit()

    def merge(self, *, on: DayLike | None = None, progress: Progress | None = None) -> MergeSummary:
        """Find which incidents of different sources are one event, and keep that.

        Other writers wait meanwhile, readers do not.

        Parameters
        ----------
        on : day, optional
            As for `upsert`.
        progress : callable, optional
            Called with the number of rows that are compared.

        Returns
        -------
        MergeSummary

        Raises
        ------
        StoreError
            As for `upsert`.
        """
        day = None if on is None else whole_day(on, "on")
        with failures_told(self._url), self._engine.connect() as connection:
            turn = self._turn(connection, day)
            summary = linking.write_merge(connection, turn, progress)
            connection.commit()
        return summary

    def _turn(self, connection: sa.Connection, day: dt.date | None) -> Turn:
        begin_writing(connection, self._wait_seconds)
        return take_turn(connection, day)
