"""What a feed brings: files found or fetched, and read, before anything is taken in.

Nothing is judged here (`drift`) and nothing is stored. In a replay of an earlier day a row that was
known only later is left out and counted: nobody could have read it that day.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import shutil
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from kidnaprisk.errors import FeedError
from kidnaprisk.incidents.batches import Batch, formats_for, open_sheet, read_batches
from kidnaprisk.incidents.coverage import (
    Coverage,
    coverage_beside,
    coverage_of,
    read_coverage,
)
from kidnaprisk.incidents.read import IncidentWarning, load_catalogue, read_incidents
from kidnaprisk.incidents.store.staging import coverage_taken
from kidnaprisk.lifecycle.settings import ACLED, FILE, UCDP

if TYPE_CHECKING:
    from kidnaprisk.incidents.feeds import Fetched
    from kidnaprisk.lifecycle.config import FeedSettings


@dataclasses.dataclass(frozen=True)
class Incoming:
    """What a feed brought.

    Parameters
    ----------
    feed : str
    batches : tuple of Batch
        As the store takes them in.
    table : GeoDataFrame
        All rows of them that can be taken in.
    rejects : DataFrame
    columns : tuple of str
        Of the files, in order of first appearance.
    files : tuple of str
        Their base names.
    sha256 : str
        Digest of their contents, in order.
    format : str
    complete, part : bool
        Whether the files hold all there is, or say nothing of what they lack.
    coverage : tuple of Coverage, optional
        What is covered; None for what the files and their format say.
    covered : tuple of Coverage
        What that comes to, as the store will keep it.
    stated : bool
        Whether somebody said what is covered. Told by the files' own rows, it says nothing of
        what they lack.
    later_ids : tuple of str
        Of rows left out, since they became known after the day. The files have them all the same.
    deleted_ids : tuple of str
        Ids that the source has deleted.
    notes : tuple of str
    """

    feed: str
    batches: tuple[Batch, ...]
    table: gpd.GeoDataFrame
    rejects: pd.DataFrame
    columns: tuple[str, ...]
    files: tuple[str, ...]
    sha256: str
    format: str
    complete: bool
    part: bool
    coverage: tuple[Coverage, ...] | None
    covered: tuple[Coverage, ...] = ()
    stated: bool = True
    later_ids: tuple[str, ...] = ()
    deleted_ids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows_in(self) -> int:
        """Rows of the files, but those known only later."""
        return len(self.table) + len(self.rejects)

    @property
    def not_yet_known(self) -> int:
        """How many rows were left out, since they became known after the day."""
        return len(self.later_ids)

    @property
    def sources(self) -> list[str]:
        """Sources that the rows name, in order of their names."""
        return sorted(self.table["source"].astype(str).unique())


def read_feed(
    feed: FeedSettings,
    *,
    as_of: dt.date,
    folder: Path,
    replay: bool,
    last: dt.date | None = None,
) -> Incoming:
    """Read what a feed has.

    Parameters
    ----------
    feed : FeedSettings
    as_of : date
        The day it is read on.
    folder : Path
        Where files are fetched to, a folder a feed and day.
    replay : bool
        Whether the day is past: rows known later are then left out, and coverage is cut to it.
    last : date, optional
        The day it was last taken in. Changes are asked for since then, however long ago that is.

    Raises
    ------
    FeedError
        If there is no file, it is written while it is read, or the source's servers do not give
        what was asked for.
    IncidentError, ConfigError
        If a file cannot be read, or its coverage is not valid or not that of its sources.
    """
    fetched = None if feed.kind == FILE else _fetched(feed, as_of, folder, last)
    paths = _found(feed) if fetched is None else list(fetched.files)
    source = (feed.source or None) if fetched is None else feed.kind
    # What was changed since a day is no evidence of what did not happen.
    changes = feed.kind == ACLED and feed.since_days is not None
    if fetched is not None and not paths and not fetched.deleted_ids and not changes:
        raise FeedError(
            f"{feed.name} brought no records", remedy="see what is asked for: countries, since_days"
        )
    sha256 = _digest(feed, paths)
    batches: list[Batch] = []
    columns: dict[str, None] = {}
    # The store keeps the first row of an id: of several files the last by name is to be heard.
    for path in reversed(paths) if fetched is None else paths:
        columns |= dict.fromkeys(_columns(path, source, feed.mapping))
        batches += read_batches(
            path, source=source, mapping=feed.mapping, kind_from_text=feed.kind_from_text
        )
    part = feed.part or changes
    coverage = _coverage(feed, paths, source, as_of if replay else None, part=part)
    if _digest(feed, paths) != sha256:
        raise FeedError(
            f"{feed.name} was written while it was read", value=feed.path,
            remedy="put files there whole: write aside, then rename",
        )  # fmt: skip
    covered = coverage_taken(batches, coverage)
    if replay:
        batches = [_known_by(one, as_of) for one in batches]
    return Incoming(
        feed=feed.name,
        batches=tuple(batches),
        table=_together([one.incidents for one in batches]),
        rejects=pd.concat([one.rejects for one in batches], ignore_index=True)
        if batches
        else pd.DataFrame({"reason": []}),
        columns=tuple(columns),
        files=tuple(path.name for path in paths),
        sha256=sha256,
        format=", ".join(sorted({one.form.name for one in batches})),
        complete=feed.complete and (fetched is None or fetched.complete),
        part=part,
        coverage=coverage,
        covered=covered,
        stated=feed.coverage is not None or any(coverage_beside(path) for path in paths),
        later_ids=tuple(name for one in batches for name in one.later),
        deleted_ids=() if fetched is None else fetched.deleted_ids,
        notes=() if fetched is None else fetched.notes,
    )  # fmt: skip


def last_taken_in(runs: Iterable[Mapping[str, Any]], feed: str, before: dt.date) -> dict[str, Any]:
    """What was written of a feed when it was last taken in with rows; nothing if it never was.

    Parameters
    ----------
    runs : iterable of dict
        Records of runs, oldest first.
    feed : str
        Its name.
    before : date
        Today: done again, a run asks what it asked.

    Returns
    -------
    dict
        ``as_of`` is the last day before that it was taken in, with rows or without.
    """
    told: dict[str, Any] = {}
    for run in reversed(list(runs)):
        for one in run["feeds"]:
            if one["name"] != feed or one.get("added") is None:
                continue
            day = dt.date.fromisoformat(run["as_of"])
            if day < before:
                told.setdefault("as_of", day)
            if one["rows"] and "columns" not in told:
                told = {**one, **told}
            if {"as_of", "columns"} <= told.keys():
                return told
    return told


def _found(feed: FeedSettings) -> list[Path]:
    pattern = Path(feed.path)
    root = Path(pattern.anchor)
    paths = sorted(one for one in root.glob(str(pattern.relative_to(root))) if one.is_file())
    if not paths:
        raise FeedError(
            f"{feed.name} has no file", value=feed.path,
            remedy="check the path, and whoever puts it there",
        )  # fmt: skip
    if feed.pick == "all":
        return paths
    try:
        return [max(paths, key=lambda path: (path.stat().st_mtime_ns, path.name))]
    except OSError as error:
        raise _unreadable(feed, error) from error


def sweep_fetched(folder: Path, day: dt.date, keep_days: float) -> None:
    """Remove what was fetched more than ``keep_days`` days before a day."""
    for fetched in folder.glob("*/*-*-*"):
        try:
            of = dt.date.fromisoformat(fetched.name)
        except ValueError:
            continue
        if fetched.is_dir() and (day - of).days > keep_days:
            shutil.rmtree(fetched)


def _fetched(feed: FeedSettings, as_of: dt.date, folder: Path, last: dt.date | None) -> Fetched:
    from kidnaprisk.incidents.feeds import fetch_acled, fetch_gdelt, fetch_ucdp

    into = folder / feed.name / as_of.isoformat()
    days = None if feed.since_days is None else as_of - dt.timedelta(days=feed.since_days)
    if days is not None and last is not None:
        # Nights that were missed leave no gap; a day more, since that day may not have been over.
        days = min(days, last - dt.timedelta(days=1))
    where: dict[str, Any] = {"base_url": feed.base_url} if feed.base_url else {}
    if feed.kind == ACLED:
        return fetch_acled(
            into, countries=feed.countries or None, until=as_of, updated_since=days, **where
        )
    if feed.kind == UCDP:
        numbers = [int(one) for one in feed.countries] or None
        return fetch_ucdp(
            into, version=feed.version, countries=numbers, since=days, until=as_of, **where
        )
    assert days is not None
    return fetch_gdelt(into, since=days, until=as_of, version=int(feed.version or 1), **where)


def _columns(path: Path, source: str | None, mapping: Path | None) -> tuple[str, ...]:
    formats = formats_for(path, source, mapping)
    sheet = open_sheet(path, formats, named=len(formats) == 1, rows=1)
    first = next(iter(sheet.batches), None)
    return () if first is None else first.header


def _known_by(batch: Batch, as_of: dt.date) -> Batch:
    known = (batch.incidents["known_on"] <= pd.Timestamp(as_of)).to_numpy()
    later = batch.incidents.loc[~known, "incident_id"].astype(str)
    rows = batch.incidents[known].reset_index(drop=True)
    return dataclasses.replace(batch, incidents=rows, later=tuple(later))


def _together(tables: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    if not tables:
        return load_catalogue().iloc[:0]
    filled = [one for one in tables if len(one)] or tables[:1]
    together: gpd.GeoDataFrame = pd.concat(filled, ignore_index=True)
    return together


def _coverage(
    feed: FeedSettings, paths: list[Path], source: str | None, until: dt.date | None, *, part: bool
) -> tuple[Coverage, ...] | None:
    """What is covered, cut to a day if one is given; None where the store is to find out."""
    if part and feed.coverage is None:
        return ()
    if feed.coverage is not None:
        stated = read_coverage(feed.coverage)
    else:
        beside = [told for path in paths if (told := coverage_beside(path)) is not None]
        stated = tuple(one for told in beside for one in read_coverage(told))
        if not stated and until is not None:
            stated = _told_by(paths, source, feed)
    if not stated:
        return None
    if until is None:
        return stated
    begun = [one for one in stated if one.start <= until]
    return tuple(dataclasses.replace(one, end=min(one.end, until)) for one in begun)


def _told_by(paths: list[Path], source: str | None, feed: FeedSettings) -> tuple[Coverage, ...]:
    """What whole files tell of their coverage."""
    told: tuple[Coverage, ...] = ()
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IncidentWarning)
            told += coverage_of(
                read_incidents(
                    path, source=source, mapping=feed.mapping, kind_from_text=feed.kind_from_text
                )
            )
    return told


def _digest(feed: FeedSettings, paths: list[Path]) -> str:
    whole = hashlib.sha256()
    try:
        for path in paths:
            with path.open("rb") as stream:
                whole.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        raise _unreadable(feed, error) from error
    return whole.hexdigest()


def _unreadable(feed: FeedSettings, error: OSError) -> FeedError:
    return FeedError(
        f"{feed.name} cannot be read: {error.strerror}", value=feed.path,
        remedy="check that the file stays there, and may be read",
    )  # fmt: skip
