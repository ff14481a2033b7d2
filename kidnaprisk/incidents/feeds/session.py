"""A conversation with one source: paced, patient within limits, and logged in.

What is tried again: timeouts, broken connections, answers that are not what was asked for, and the
statuses that pass (408, 425, 429, 5xx). Waits double from one try to the next, with jitter, unless
the server names its own in ``Retry-After`` (RFC 9110). What is not: a refusal, a page that is not
there, an answer larger than the limit. When time is up it stops with an error; what came before
that is on disk, and the next call goes on from there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from kidnaprisk.errors import ConfigError, FeedError
from kidnaprisk.incidents.feeds.credentials import Secret
from kidnaprisk.incidents.feeds.errors import Refused, Unsound, place

if TYPE_CHECKING:
    from kidnaprisk.incidents.feeds.transport import Answer, Client

__all__ = ["FeedError", "FixedToken", "Limits", "Session"]

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGENT = "kidnaprisk (+https://pypi.org/project/kidnaprisk/)"
_OK, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404
_REMEDIES = {
    _FORBIDDEN: "the account may not read this: accept the source's terms, complete the profile, "
    "or ask the source for access",
    _NOT_FOUND: "check the address, and that the source publishes what was asked for",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """How long, how often and how much.

    Parameters
    ----------
    requests_per_minute : float
        No more than this many, evenly spaced; logins count.
    timeout_seconds : float
        For a connection, and for each wait within an answer.
    tries : int
        For each request, before the fetch stops with an error.
    first_wait_seconds, longest_wait_seconds : float
        Between tries: the first wait, doubling up to the longest; half to all of it is waited, at
        random. A ``Retry-After`` of the server's is obeyed instead, however long.
    most_hours : float
        For the whole fetch, waits included.
    most_megabytes : float
        For one answer, unpacked.
    page_rows : int, optional
        Rows asked for at a time; by default what suits the source.

    Raises
    ------
    ConfigError
        If one of them is not above zero.
    """

    requests_per_minute: float = 30.0
    timeout_seconds: float = 60.0
    tries: int = 6
    first_wait_seconds: float = 2.0
    longest_wait_seconds: float = 120.0
    most_hours: float = 6.0
    most_megabytes: float = 300.0
    page_rows: int | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not (isinstance(value, int | float) and value > 0):
                raise ConfigError(
                    "a limit is not above zero", column=name, value=value,
                    remedy="leave it out for the usual one",
                )  # fmt: skip


class Authority(Protocol):
    """Who vouches for a request."""

    def token(self, session: Session) -> tuple[str, Secret] | None:
        """Name and content of the header that does; None where nobody need."""

    def renewed(self, session: Session, refusals: int) -> bool:
        """After the nth refusal of one request: whether there is a new token to try it with."""


class FixedToken:
    """A token that does not expire, in a header of its own.

    Parameters
    ----------
    header : str
    secret : Secret

    Raises
    ------
    ConfigError
        If it cannot stand in a header.
    """

    def __init__(self, header: str, secret: Secret) -> None:
        if not secret.reveal().isascii():
            raise ConfigError("the token holds a character beyond ASCII", remedy="copy it again")
        self._header = (header, secret)

    def token(self, session: Session) -> tuple[str, Secret]:
        """The header."""
        del session
        return self._header

    def renewed(self, session: Session, refusals: int) -> bool:
        """False: there is no other."""
        del session, refusals
        return False


class Session:
    """Asks, waits, and asks again.

    Parameters
    ----------
    limits : Limits
    authority : Authority, optional

    Raises
    ------
    ConfigError
        If the package ``requests`` is not installed.
    """

    def __init__(self, limits: Limits, authority: Authority | None = None) -> None:
        self._limits = limits
        self._authority = authority
        self._client = _client(limits)
        self._ends = time.monotonic() + limits.most_hours * 3600.0
        self._earliest = time.monotonic()
        self._most_bytes = int(limits.most_megabytes * 1e6)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(
        self,
        url: str,
        read: Callable[[bytes], T],
        params: Mapping[str, str] | None = None,
        passing: frozenset[int] = PASSING,
    ) -> T:
        """What ``read`` makes of a page; it raises `Unsound` for a page not to be believed.

        Raises
        ------
        FeedError
            If the server refuses, or no try within the limits gave a sound answer.
        """

        def send() -> Answer:
            token = None if self._authority is None else self._authority.token(self)
            self._pace(url)
            return self._client.get(
                url, params or {}, token, most_bytes=self._most_bytes, check=self._in_time(url)
            )

        return self._patiently(url, send, read, passing)

    def post(self, url: str, form: Mapping[str, str | Secret], read: Callable[[bytes], T]) -> T:
        """What ``read`` makes of the answer to a login.

        Raises
        ------
        Refused
            If the server turns it down: it is not tried again, since accounts are locked for that.
        FeedError
            If no try within the limits gave a sound answer.
        """

        def send() -> Answer:
            self._pace(url)
            answer = self._client.post(
                url, form, most_bytes=self._most_bytes, check=self._in_time(url)
            )
            if answer.status != _OK and answer.status not in PASSING:
                raise Refused(answer.status)
            return answer

        return self._patiently(url, send, read, PASSING)

    def _patiently(
        self,
        url: str,
        send: Callable[[], Answer],
        read: Callable[[bytes], T],
        passing: frozenset[int],
    ) -> T:
        failures = refusals = 0
        while True:
            asked_to_wait: float | None = None
            try:
                answer = send()
                if answer.status == _OK:
                    return read(answer.body)
                if answer.status == _UNAUTHORISED:
                    refusals += 1
                    self._renew(url, refusals)
                    continue
                if answer.status not in passing:
                    raise _refusal(url, answer.status)
                reason = f"the server answered with status {answer.status}"
                asked_to_wait = answer.retry_after_seconds
            except Unsound as error:
                reason = str(error)
            failures += 1
            if failures >= self._limits.tries:
                raise FeedError(
                    f"{reason}; tried {failures} times", value=place(url),
                    remedy="try again later: what was fetched is kept, and the fetch goes on there",
                )  # fmt: skip
            self._wait(url, reason, failures, asked_to_wait)

    def _renew(self, url: str, refusals: int) -> None:
        if self._authority is None or not self._authority.renewed(self, refusals):
            raise FeedError(
                "the server refuses the token", value=place(url),
                remedy="check the credentials, and that the account may use the API",
            )  # fmt: skip

    def _pace(self, url: str) -> None:
        pause = self._earliest - time.monotonic()
        if pause > 0:
            self._sleep(url, pause, "the limit of requests per minute")
        self._earliest = time.monotonic() + 60.0 / self._limits.requests_per_minute

    def _wait(self, url: str, reason: str, failures: int, asked_to_wait: float | None) -> None:
        longest = min(
            self._limits.longest_wait_seconds,
            self._limits.first_wait_seconds * 2.0 ** (failures - 1),
        )
        # Jitter, so that many clients cut off at once do not come back at once.
        wait = longest * random.uniform(0.5, 1.0)  # noqa: S311
        self._sleep(url, wait if asked_to_wait is None else asked_to_wait, reason)

    def _sleep(self, url: str, seconds: float, reason: str) -> None:
        if time.monotonic() + seconds > self._ends:
            raise self._late(url, f"{reason}; the next try would be in {seconds:,.0f} s")
        time.sleep(seconds)

    def _in_time(self, url: str) -> Callable[[], None]:
        def check() -> None:
            if time.monotonic() > self._ends:
                raise self._late(url, "the answer was still coming")

        return check

    def _late(self, url: str, reason: str) -> FeedError:
        return FeedError(
            f"the time for this fetch, {self._limits.most_hours:g} h, is up: {reason}",
            value=place(url),
            remedy="call again: what was fetched is kept, and the fetch goes on there",
        )


def _client(limits: Limits) -> Client:
    try:
        from kidnaprisk.incidents.feeds.transport import Client
    except ImportError as error:
        # Only the library's own absence is told so; another import error is a bug and shows.
        if (error.name or "").partition(".")[0] not in ("requests", "urllib3"):
            raise
        raise ConfigError(
            "fetching needs the package requests", remedy="pip install 'kidnaprisk[feeds]'"
        ) from None
    return Client(limits.timeout_seconds, _AGENT)


def _refusal(url: str, status: int) -> FeedError:
    remedy = _REMEDIES.get(status, "check what was asked for; the server does not take it")
    return FeedError(f"the server answered with status {status}", value=place(url), remedy=remedy)
