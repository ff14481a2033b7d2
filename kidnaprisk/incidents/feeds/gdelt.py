"""GDELT's event files: a day's (1.0) or a quarter of an hour's (2.0), checked against its lists.

GDELT publishes, beside the files, lists of their sizes and MD5 sums; a file is kept only if it is
the one listed. MD5 guards against a broken transfer, not against an attacker: https does. A file
that should be there by the clock and is not in the list is a gap and is told. The files hold all
events of the world, unfiltered, without a header; they are unpacked as they are.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from os import PathLike
from typing import NamedTuple, TypeVar

from kidnaprisk.errors import ConfigError, FeedError
from kidnaprisk.incidents.feeds.days import day_of, window
from kidnaprisk.incidents.feeds.errors import Unsound, checked_address
from kidnaprisk.incidents.feeds.listing import Progress
from kidnaprisk.incidents.feeds.pages import Fetched, Pages
from kidnaprisk.incidents.feeds.session import Limits, Session

HOST = "https://data.gdeltproject.org"
_FIRST_DAYS = {1: dt.date(2013, 4, 1), 2: dt.date(2015, 2, 19)}
_COLUMNS = {1: 58, 2: 61}
_ENDING = ".export.CSV.zip"
_QUARTER = dt.timedelta(minutes=15)
_SUMS = re.compile(rb"^([0-9a-f]{32})\s+\*?(\d{8})\.export\.CSV\.zip\s*$", re.MULTILINE)
_SIZES = re.compile(rb"^(\d+)\s+(\d{8})\.export\.CSV\.zip\s*$", re.MULTILINE)
_MASTER = re.compile(
    rb"^(\d+) ([0-9a-f]{32}) \S*/(\d{14})\.export\.CSV\.zip\s*$", re.MULTILINE | re.IGNORECASE
)

_GAPS_NAMED = 5

Found = TypeVar("Found")


class _Listed(NamedTuple):
    """A file of the list: its stamp, MD5 sum, and size in bytes."""

    stamp: str
    md5: str
    size: int


def fetch_gdelt(
    folder: str | PathLike[str],
    *,
    since: dt.date | str,
    until: dt.date | str,
    version: int = 1,
    base_url: str = HOST,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch GDELT's event files of some days, or go on with a fetch that was broken off.

    Parameters
    ----------
    folder : path
        One folder for one question; files already there and still as listed are kept.
    since, until : date or str
        First and last day of publication, not of the events.
    version : int
        1: a file a day, since 2013-04-01. 2: a file a quarter of an hour, since 2015-02-19.
    base_url : str, optional
    limits : Limits, optional
    progress : callable, optional
        Called with files so far and files listed.

    Returns
    -------
    Fetched
        ``complete`` is False where a day or quarter of an hour is not in GDELT's list: not
        published yet, or never.

    Raises
    ------
    ConfigError
        If the question or the address cannot be used.
    FeedError
        If a file is not the one listed, or the fetch cannot be finished within the limits; call
        again to go on.

    Examples
    --------
    >>> fetch_gdelt("gdelt/2025-01", since="2025-01-01", until="2025-01-31")  # doctest: +SKIP
    """
    limits = limits or Limits()
    first, last = day_of("since", since), day_of("until", until)
    window(first, last)
    if version not in _COLUMNS:
        raise ConfigError("not a version of GDELT", value=version, remedy="give 1 or 2")
    if first < _FIRST_DAYS[version]:
        raise ConfigError(
            f"the files of GDELT {version} begin on {_FIRST_DAYS[version]}", value=first,
            remedy="ask from that day on",
        )  # fmt: skip
    base = checked_address(base_url, carries_secrets=False)
    base = f"{base}/events" if version == 1 else f"{base}/gdeltv2"
    query = {"files": base, "since": first.isoformat(), "until": last.isoformat()}
    pages = Pages.open(folder, "gdelt", query)
    stamps = list(_stamps(first, last, version))
    with Session(limits) as session:
        listed = _list(session, base, version)
        _keep(pages, listed)
        wanted = [listed[stamp] for stamp in stamps if stamp in listed]
        there = {_stamp_of(page.file) for page in pages.entries}
        for entry in wanted:
            if entry.stamp not in there:
                most_bytes = int(limits.most_megabytes * 1e6)
                content = _fetch_file(session, base, entry, _COLUMNS[version], most_bytes)
                pages.add(f"gdelt-{entry.stamp}.csv", content, content.count(b"\n"), entry.md5)
            if progress is not None:
                progress(len(pages.entries), len(wanted))
    pages.entries.sort()
    pages.finish()
    gaps = [stamp for stamp in stamps if stamp not in listed]
    return Fetched(pages.files, pages.rows, not gaps, (), pages.started, _gap_notes(gaps))


def _stamps(first: dt.date, last: dt.date, version: int) -> Iterator[str]:
    moment = dt.datetime.combine(first, dt.time())
    end = dt.datetime.combine(last + dt.timedelta(days=1), dt.time())
    while moment < end:
        yield f"{moment:%Y%m%d}" if version == 1 else f"{moment:%Y%m%d%H%M%S}"
        moment += dt.timedelta(days=1) if version == 1 else _QUARTER


def _list(session: Session, base: str, version: int) -> dict[str, _Listed]:
    if version == 2:
        return session.get(f"{base}/masterfilelist.txt", _read_master)
    sums = session.get(f"{base}/md5sums", lambda body: _read_pairs(_SUMS, body))
    sizes = session.get(f"{base}/filesizes", lambda body: _read_pairs(_SIZES, body))
    return {
        stamp: _Listed(stamp, md5, int(sizes[stamp]))
        for stamp, md5 in sums.items()
        if stamp in sizes
    }


def _read_pairs(pattern: re.Pattern[bytes], body: bytes) -> dict[str, str]:
    found = {stamp.decode(): value.decode() for value, stamp in pattern.findall(body)}
    return _whole(body, found)


def _read_master(body: bytes) -> dict[str, _Listed]:
    # Some lines lack size and sum: what cannot be checked is not there.
    found = {
        match[3].decode(): _Listed(match[3].decode(), match[2].decode().lower(), int(match[1]))
        for match in _MASTER.finditer(body)
    }
    return _whole(body, found)


def _whole(body: bytes, found: dict[str, Found]) -> dict[str, Found]:
    if not found or not body.endswith(b"\n"):
        raise Unsound("the list of files is cut off, or is none")
    return found


def _keep(pages: Pages, listed: dict[str, _Listed]) -> None:
    """Forget files that GDELT has published anew."""
    kept = [
        page
        for page in pages.entries
        if (entry := listed.get(_stamp_of(page.file))) is not None and entry.md5 == page.mark
    ]
    pages.entries, pages.finished = kept, False


def _stamp_of(file: str) -> str:
    return file.removeprefix("gdelt-").partition(".")[0]


def _fetch_file(
    session: Session, base: str, entry: _Listed, columns: int, most_bytes: int
) -> bytes:
    def read(body: bytes) -> bytes:
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        if len(body) != entry.size or md5 != entry.md5:
            raise Unsound(f"the file of {entry.stamp} is not the one in GDELT's list")
        return body

    body = session.get(f"{base}/{entry.stamp}{_ENDING}", read)
    content = _unpacked(body, entry.stamp, most_bytes)
    for line in content.split(b"\n")[:-1]:
        if line.count(b"\t") != columns - 1:
            raise FeedError(
                f"a row of the file of {entry.stamp} has not {columns} columns",
                remedy="GDELT may have changed its format; see its codebook",
            )
    return content


def _unpacked(body: bytes, stamp: str, most_bytes: int) -> bytes:
    # It is the file that was listed: asking for it again would give the same.
    remedy = "GDELT itself holds a broken file: leave this day out until it is mended"
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive, archive.open(_only(archive)) as stream:
            content = stream.read(most_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise FeedError(f"the file of {stamp} is no sound zip archive", remedy=remedy) from None
    if len(content) > most_bytes:
        raise FeedError(
            f"the file of {stamp} is larger than {most_bytes / 1e6:,.1f} MB unpacked",
            remedy="raise most_megabytes of the limits",
        )
    if content and not content.endswith(b"\n"):
        raise FeedError(f"the file of {stamp} ends in the middle of a row", remedy=remedy)
    return content


def _only(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = archive.infolist()
    if len(files) != 1:
        raise zipfile.BadZipFile(f"{len(files)} files")
    return files[0]


def _gap_notes(gaps: list[str]) -> tuple[str, ...]:
    if not gaps:
        return ()
    named = ", ".join(gaps[:_GAPS_NAMED]) + (" ..." if len(gaps) > _GAPS_NAMED else "")
    note = f"{len(gaps):,} files are not in GDELT's list ({named}): not published yet, or never"
    return (f"{note}; nothing follows from the absence of their events",)
