"""UCDP's API: the events of a release of the Georeferenced Event Dataset.

By UCDP's documentation (ucdp.uu.se/apidocs) and its API's own help pages; docs/sources/feeds.md
tells what was confirmed. Pages are counted from 0: a client that starts at 1 never sees the first
thousand events. Every page says how many events there are and whether another one follows, and is
held to that.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from os import PathLike

from kidnaprisk.errors import ConfigError, FeedError
from kidnaprisk.incidents.feeds.answers import Row, read_envelope, read_rows, whole_number
from kidnaprisk.incidents.feeds.credentials import Credentials, ucdp_credentials
from kidnaprisk.incidents.feeds.days import window
from kidnaprisk.incidents.feeds.errors import Unsound, checked_address
from kidnaprisk.incidents.feeds.listing import Progress, Sheet, fetch_listing
from kidnaprisk.incidents.feeds.pages import Fetched, Pages
from kidnaprisk.incidents.feeds.session import PASSING, FixedToken, Limits, Session

HOST = "https://ucdpapi.pcr.uu.se/api"
_HEADER = "x-ucdp-access-token"
_PAGE_ROWS = 1000
_RELEASE = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,3}", re.ASCII)
_MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})T00:00:00", re.ASCII)
_DAYS = ("date_start", "date_end")
_SEEN = "seen "
# A client of 2026 saw 400 after some forty requests in a minute, and 200 again after a wait.
_PASSING = PASSING | {400}


def fetch_ucdp(
    folder: str | PathLike[str],
    *,
    version: str,
    countries: Sequence[int] | None = None,
    since: dt.date | str | None = None,
    until: dt.date | str | None = None,
    credentials: Credentials | None = None,
    base_url: str = HOST,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch a release of UCDP GED into a folder, or go on with a fetch that was broken off.

    Parameters
    ----------
    folder : path
        One folder for one question. A finished fetch is handed back as it is.
    version : str
        The release: ``25.1`` is a year's, ``25.0.9`` a month's candidate events.
    countries : sequence of int, optional
        Gleditsch and Ward numbers (436 Niger, 439 Burkina Faso), all countries by default.
    since, until : date or str, optional
        First and last day of the events.
    credentials : Credentials, optional
        The access token, by default from the environment or the keyring.
    base_url : str, optional
    limits : Limits, optional
    progress : callable, optional
        Called with rows so far and rows announced.

    Returns
    -------
    Fetched

    Raises
    ------
    ConfigError
        If the question, the address or the credentials cannot be used.
    FeedError
        If UCDP refuses, or the fetch cannot be finished within the limits; call again to go on.

    Examples
    --------
    >>> fetch_ucdp("ucdp/25.1", version="25.1", countries=[436, 439])  # doctest: +SKIP
    """
    limits = limits or Limits()
    if not _RELEASE.fullmatch(str(version)):
        raise ConfigError("not a release of UCDP GED", value=version, remedy="write it as in 25.1")
    url = f"{checked_address(base_url, carries_secrets=True)}/gedevents/{version}"
    filters = _filters(countries, *window(since, until))
    size = limits.page_rows or _PAGE_ROWS
    pages = Pages.open(folder, "ucdp", {"events": url, **filters, "pagesize": size})
    if not pages.finished:
        token = FixedToken(_HEADER, (credentials or ucdp_credentials()).secret)
        with Session(limits, token) as session:

            def ask(number: int) -> Sheet:
                params = {**filters, "pagesize": str(size), "page": str(number)}
                sheet = session.get(url, lambda body: _read(body, number, size), params, _PASSING)
                return _as_asked(sheet, filters)

            fetch_listing(pages, ask, "id", progress)
    asked = filters.get("Country", "").split(",") if countries is not None else []
    missing = [number for number in asked if _SEEN + number not in pages.facts]
    notes = (f"no events in {', '.join(missing)}: check the numbers",) if missing else ()
    return Fetched(pages.files, pages.rows, True, (), pages.started, notes)


def _filters(
    countries: Sequence[int] | None, first: dt.date | None, last: dt.date | None
) -> dict[str, str]:
    filters = {}
    if countries is not None:
        numbers = [] if isinstance(countries, str) else list(countries)
        if not numbers or not all(type(number) is int and number > 0 for number in numbers):
            raise ConfigError(
                "countries are not Gleditsch and Ward numbers", value=countries,
                remedy="give numbers, as in [436, 439] for Niger and Burkina Faso",
            )  # fmt: skip
        filters["Country"] = ",".join(str(number) for number in sorted(set(numbers)))
    if first is not None:
        filters["StartDate"] = first.isoformat()
    if last is not None:
        filters["EndDate"] = last.isoformat()
    return filters


def _read(body: bytes, number: int, size: int) -> Sheet:
    envelope = read_envelope(body)
    rows = [_as_in_the_download(row) for row in read_rows(envelope, "Result", "id")]
    total, count = whole_number(envelope, "TotalCount"), whole_number(envelope, "TotalPages")
    if total is None or count is None:
        raise Unsound("the answer does not say how many events there are")
    last = number + 1 >= count
    if bool(envelope.get("NextPageUrl")) is last:
        raise Unsound("the answer's number of pages and its next page do not agree")
    if not number and envelope.get("PreviousPageUrl"):
        raise Unsound("the first page is not the first: the API counts its pages in another way")
    if count != -(-total // size) or len(rows) != min(size, max(total - number * size, 0)):
        raise Unsound(
            f"page {number} holds {len(rows):,} of {total:,} events in {count:,} pages of {size:,}"
        )
    return Sheet(rows, total, last, {})


def _as_asked(sheet: Sheet, filters: Mapping[str, str]) -> Sheet:
    if "Country" not in filters:
        return sheet
    seen = {row.get("country_id", "") for row in sheet.rows}
    if not seen <= set(filters["Country"].split(",")):
        raise FeedError(
            "the server sent a country that was not asked for",
            remedy="leave countries out and fetch the whole release",
        )
    return sheet._replace(facts={_SEEN + number: "yes" for number in seen})


def _as_in_the_download(row: Row) -> Row:
    """Days as UCDP's own CSV files have them, which writes them otherwise than its API."""
    days = {name: _MIDNIGHT.sub(r"\1 00:00:00.000", row[name]) for name in _DAYS if name in row}
    return {**row, **days}
