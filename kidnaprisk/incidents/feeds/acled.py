"""ACLED's API: the records of a question, and the ids deleted since.

What is asked and how is ACLED's own documentation of 2025 (acleddata.com/api-documentation) and
what public clients of 2025 and 2026 show; docs/sources/feeds.md tells which is which. Answers are
asked for as JSON, because only there the server says how many records there are
(``with_total=true``) and what the account is not allowed to see (``data_query_restrictions``), and
written as CSV with the columns as they came.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from os import PathLike
from typing import Self

import pandas as pd

from kidnaprisk.errors import ConfigError
from kidnaprisk.incidents.countries import country_codes
from kidnaprisk.incidents.feeds.answers import (
    Envelope,
    Row,
    ids_of,
    read_envelope,
    read_rows,
    whole_number,
)
from kidnaprisk.incidents.feeds.credentials import Credentials, acled_credentials
from kidnaprisk.incidents.feeds.days import instant_of, window
from kidnaprisk.incidents.feeds.errors import Unsound, checked_address
from kidnaprisk.incidents.feeds.listing import Progress, Sheet, fetch_listing
from kidnaprisk.incidents.feeds.oauth import PasswordLogin
from kidnaprisk.incidents.feeds.pages import Fetched, Pages
from kidnaprisk.incidents.feeds.session import Limits, Session

HOST = "https://acleddata.com"
_PAGE_ROWS = 5000
_KEY = "event_id_cnty"
_DELETION = "deletion"
_WITHHELD = "withheld after"
_SEEN = "seen "


@dataclass(frozen=True)
class AcledAddresses:
    """Where ACLED's login, records and deletions are.

    Examples
    --------
    >>> AcledAddresses.under("https://acleddata.com").records
    'https://acleddata.com/api/acled/read'
    """

    login: str
    records: str
    deleted: str

    @classmethod
    def under(cls, base_url: str) -> Self:
        """The usual paths under a host."""
        base = base_url.rstrip("/")
        return cls(f"{base}/oauth/token", f"{base}/api/acled/read", f"{base}/api/deleted/read")


def fetch_acled(
    folder: str | PathLike[str],
    *,
    countries: Sequence[str] | None = None,
    since: dt.date | str | None = None,
    until: dt.date | str | None = None,
    updated_since: dt.datetime | dt.date | str | None = None,
    credentials: Credentials | None = None,
    base_url: str | AcledAddresses = HOST,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch ACLED's records into a folder, or go on with a fetch that was broken off.

    Parameters
    ----------
    folder : path
        One folder for one question. A finished fetch is handed back as it is.
    countries : sequence of str, optional
        Names as ACLED writes them, all countries by default.
    since, until : date or str, optional
        First and last day of the events.
    updated_since : datetime, date or str, optional
        Only records added or changed since this instant (a day: since its midnight UTC), and the
        ids deleted since. Give the ``started`` of the fetch before.
    credentials : Credentials, optional
        By default from the environment or the keyring.
    base_url : str or AcledAddresses, optional
    limits : Limits, optional
    progress : callable, optional
        Called with rows so far and rows announced.

    Returns
    -------
    Fetched
        ``complete`` is False where the account may not see all that was asked for.

    Raises
    ------
    ConfigError
        If the question, the address or the credentials cannot be used.
    FeedError
        If ACLED refuses, or the fetch cannot be finished within the limits; call again to go on.

    Examples
    --------
    >>> fetch_acled("acled/2026-11-23", countries=["Niger", "Burkina Faso"],
    ...             since="2020-01-01")  # doctest: +SKIP
    """
    limits = limits or Limits()
    addresses = AcledAddresses.under(base_url) if isinstance(base_url, str) else base_url
    for address in (addresses.login, addresses.records, addresses.deleted):
        checked_address(address, carries_secrets=True)
    first, last = window(since, until)
    changed = None if updated_since is None else instant_of("updated_since", updated_since)
    filters = _filters(_names(countries), first, last, changed)
    question = {"records": addresses.records, "deleted": addresses.deleted, **filters}
    rows = limits.page_rows or _PAGE_ROWS
    pages = Pages.open(folder, "acled", {**question, "limit": rows})
    gone = None if changed is None else Pages.open(folder, "deleted", {**question, "limit": rows})
    if not (pages.finished and (gone is None or gone.finished)):
        login = PasswordLogin(addresses.login, credentials or acled_credentials(), client="acled")
        with Session(limits, login) as session:
            records = _Records(session, addresses.records, filters, rows)
            fetch_listing(pages, records.sheet, _KEY, progress)
            if gone is not None and changed is not None:
                deletions = _Deletions(session, addresses.deleted, changed, rows)
                fetch_listing(gone, deletions.sheet, _DELETION, None)
    return _fetched(pages, gone, _names(countries), last)


def _names(countries: Sequence[str] | None) -> list[str]:
    if countries is None:
        return []
    if isinstance(countries, str) or not countries:
        raise ConfigError(
            "countries is not a list of names", value=countries,
            remedy="give ['Niger', 'Burkina Faso'], or leave it out for all",
        )  # fmt: skip
    names = [" ".join(str(name).split()) for name in countries]
    codes = country_codes(pd.Series(names, dtype="object"))
    for name, known in zip(names, codes.notna(), strict=True):
        # ACLED answers a misspelt name with no records and no complaint.
        if not known or len(name) < 4:
            raise ConfigError(
                "not the name of a country", value=name,
                remedy="write it in full, as ACLED does: 'Niger', 'Ivory Coast'",
            )  # fmt: skip
    return sorted(set(names))


def _filters(
    names: Sequence[str], first: dt.date | None, last: dt.date | None, changed: dt.datetime | None
) -> dict[str, str]:
    filters: dict[str, str] = {}
    if names:
        filters |= {"country": "|".join(names), "country_where": "="}
    if first and last:
        filters |= {"event_date": f"{first}|{last}", "event_date_where": "BETWEEN"}
    elif first or last:
        filters |= {"event_date": f"{first or last}", "event_date_where": ">=" if first else "<="}
    if changed:
        filters |= {"timestamp": str(int(changed.timestamp())), "timestamp_where": ">="}
    return filters


class _Listing:
    """Asks for the pages of one listing."""

    def __init__(self, session: Session, url: str, filters: dict[str, str], rows: int) -> None:
        self._session = session
        self._url = url
        self._params = {"_format": "json", **filters, "limit": str(rows), "with_total": "true"}

    def sheet(self, number: int) -> Sheet:
        """Page 0, 1, 2, ...; ACLED counts from 1."""
        params = {**self._params, "page": str(number + 1)}
        return self._session.get(self._url, self._read, params)

    def _read(self, body: bytes) -> Sheet:
        envelope = read_envelope(body)
        # An answer of status 200 may carry another status inside.
        if envelope.get("success") is False or envelope.get("status") not in (None, "200", "0"):
            raise Unsound("the server says that it did not succeed")
        rows = self._rows(envelope)
        count = whole_number(envelope, "count")
        if count is not None and count != len(rows):
            raise Unsound(f"the server announced {count:,} rows in a page and sent {len(rows):,}")
        facts = self._facts(envelope, rows)
        return Sheet(rows, whole_number(envelope, "total_count"), None, facts)

    def _rows(self, envelope: Envelope) -> list[Row]:
        return read_rows(envelope, "data", _KEY)

    def _facts(self, envelope: Envelope, rows: Sequence[Row]) -> dict[str, str]:
        del envelope, rows
        return {}


class _Records(_Listing):
    """The records of a question."""

    def __init__(self, session: Session, url: str, filters: dict[str, str], rows: int) -> None:
        super().__init__(session, url, filters, rows)
        self._names = {name.casefold() for name in filters.get("country", "").split("|") if name}

    def _facts(self, envelope: Envelope, rows: Sequence[Row]) -> dict[str, str]:
        seen = {row.get("country", "").casefold() for row in rows} if self._names else set()
        if not seen <= self._names:
            raise Unsound("the server sent a country that was not asked for")
        facts = {_SEEN + name: "yes" for name in seen}
        restrictions = envelope.get("data_query_restrictions")
        if isinstance(restrictions, dict) and any(restrictions.values()):
            recency = restrictions.get("date_recency")
            day = recency.get("date") if isinstance(recency, dict) else None
            facts[_WITHHELD] = day if isinstance(day, str) else ""
        return facts


class _Deletions(_Listing):
    """The ids deleted since an instant. One may be deleted, come back, and be deleted again."""

    def __init__(self, session: Session, url: str, changed: dt.datetime, rows: int) -> None:
        seconds = str(int(changed.timestamp()))
        since = {"deleted_timestamp": seconds, "deleted_timestamp_where": ">="}
        super().__init__(session, url, since, rows)

    def _rows(self, envelope: Envelope) -> list[Row]:
        listed = envelope.get("data")
        for record in listed if isinstance(listed, list) else ():
            if isinstance(record, dict) and record.get(_KEY):
                record[_DELETION] = f"{record[_KEY]} {record.get('deleted_timestamp')}"
        return read_rows(envelope, "data", _DELETION)


def _known_by(instant: str, day: dt.date | None) -> bool:
    """Whether an instant, in seconds since 1970, lies on a UTC day or before, as far as known."""
    if day is None or not instant.isdecimal():
        return True
    return dt.datetime.fromtimestamp(int(instant), dt.UTC).date() <= day


def _fetched(
    pages: Pages, gone: Pages | None, names: Sequence[str], last: dt.date | None
) -> Fetched:
    # What was deleted after the last day asked about, nobody knew by then.
    told = [ids_of(path, _DELETION) for path in (gone.files if gone else ())]
    pairs = [each.rsplit(" ", 1) for each in chain.from_iterable(told)]
    deleted = dict.fromkeys(one for one, instant in pairs if _known_by(instant, last))
    notes = []
    withheld = pages.facts.get(_WITHHELD)
    whole = withheld is None or (last is not None and last.isoformat() <= withheld)
    if not whole:
        notes.append(
            f"the account does not see records after {withheld or 'a day ACLED does not tell'}: "
            "nothing follows from their absence"
        )
    missing = [name for name in names if _SEEN + name.casefold() not in pages.facts]
    if missing:
        notes.append(
            f"no records for {', '.join(missing)}: check that ACLED writes the name so, and that "
            "it covered the country then"
        )
    return Fetched(pages.files, pages.rows, whole, tuple(deleted), pages.started, tuple(notes))
