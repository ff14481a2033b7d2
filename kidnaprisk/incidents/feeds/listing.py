"""A listing read page by page, while it may change under the reader.

Pages are numbered, so a record added or removed ahead of the next page shifts all that follow: one
is then seen twice, or never. The listing is held to what it announces: its total must stay as it
was, no record may come twice, and at the end there must be as many as announced. Where it moved,
all is asked for again, a few times at most. Without a total only an empty page is the end: a page
with fewer rows than asked for may be a server's own limit.

One move goes unseen: a record removed from the pages read and another added to those to come,
between two requests, with the total the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kidnaprisk.errors import FeedError
from kidnaprisk.incidents.feeds.answers import Row, csv_page, ids_of
from kidnaprisk.incidents.feeds.pages import Pages

_RESTARTS = 3

Progress = Callable[[int, int | None], None]


class Sheet(NamedTuple):
    """One page of a listing.

    ``rows``; ``total`` rows of the whole listing, None where not told; ``last`` True or False where
    the server says whether it is the last page, else None; ``facts`` to be kept.
    """

    rows: list[Row]
    total: int | None
    last: bool | None
    facts: dict[str, str]


class _Moved(Exception):  # noqa: N818 - it never leaves this module
    """The pages read do not make up the listing that was announced."""


def fetch_listing(
    pages: Pages, ask: Callable[[int], Sheet], key: str, progress: Progress | None
) -> None:
    """Fill a folder with a listing, from where it stopped.

    Parameters
    ----------
    pages : Pages
    ask : callable
        Gives page 0, 1, 2, ... of the listing.
    key : str
        Column of the record's id.
    progress : callable, optional
        Called with rows so far and rows announced (None where they are not).

    Raises
    ------
    FeedError
        If the listing keeps moving, or ends short of what it announced.
    """
    reason = ""
    for _ in range(_RESTARTS + 1):
        try:
            _read_on(pages, ask, key, progress)
        except _Moved as moved:
            reason = str(moved)
            pages.restart()
        else:
            return
    raise FeedError(
        f"{reason}; read {_RESTARTS + 1} times",
        remedy="try again later, or ask for fewer days or countries at a time; until then nothing "
        "follows from a record's absence",
    )


def _read_on(
    pages: Pages, ask: Callable[[int], Sheet], key: str, progress: Progress | None
) -> None:
    if pages.finished:
        return
    seen = {each for page in pages.entries for each in ids_of(pages.folder / page.file, key)}
    while not pages.finished:
        number = len(pages.entries)
        sheet = ask(number)
        if seen.intersection(row[key] for row in sheet.rows):
            # Once more: a cache between here and there may have answered with another page.
            sheet = ask(number)
        if number and sheet.total != pages.total:
            raise _Moved("the number of records changed while they were read")
        if seen.intersection(row[key] for row in sheet.rows):
            raise _Moved("the source gave a record on two pages")
        pages.total = sheet.total
        pages.facts.update(sheet.facts)
        if sheet.rows:
            seen.update(row[key] for row in sheet.rows)
            file = f"{pages.source}-{number + 1:05}.csv"
            pages.add(file, csv_page(sheet.rows), len(sheet.rows))
        if _ended(pages, sheet):
            pages.finish()
        if progress is not None:
            progress(pages.rows, pages.total)


def _ended(pages: Pages, sheet: Sheet) -> bool:
    if pages.total is None:
        return not sheet.rows
    if pages.rows == pages.total:
        return True
    if pages.rows > pages.total or sheet.last or not sheet.rows:
        raise _Moved(f"the source announced {pages.total:,} records and gave {pages.rows:,}")
    return False
