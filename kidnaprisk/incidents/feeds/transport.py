"""One HTTP request, by ``requests``: what came back, or why nothing sound did.

The only module that knows the HTTP library and the only one that reveals a secret. It neither waits
nor tries again: that is for `session`. Certificates are always verified, a proxy and a certificate
bundle of the environment are used, a ``.netrc`` is not. A token goes to the host it was meant for;
a redirect elsewhere is followed without it, and a login is never redirected.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase

from kidnaprisk.errors import ConfigError, FeedError
from kidnaprisk.incidents.feeds.credentials import Secret
from kidnaprisk.incidents.feeds.errors import Unsound, place

_CHUNK_BYTES = 1 << 16
_FURTHEST_REDIRECTS = 5
_ADDRESS = "check the address"
_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

Check = Callable[[], None]


class Answer(NamedTuple):
    """Status, body, and the seconds the server asks to wait (None where it does not)."""

    status: int
    body: bytes
    retry_after_seconds: float | None


class _Token(AuthBase):
    """One header, and no look into ``.netrc`` for another."""

    def __init__(self, header: tuple[str, Secret] | None) -> None:
        self.header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.header is not None:
            name, secret = self.header
            request.headers[name] = secret.reveal()
        return request


class Client:
    """Sends single requests.

    Parameters
    ----------
    timeout_seconds : float
        For the connection, and for each wait for a next piece of an answer.
    agent : str
        What the client calls itself.
    """

    def __init__(self, timeout_seconds: float, agent: str) -> None:
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.headers["User-Agent"] = agent

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def get(
        self,
        url: str,
        params: Mapping[str, str],
        token: tuple[str, Secret] | None,
        *,
        most_bytes: int,
        check: Check,
    ) -> Answer:
        """Ask for a page; ``check`` is called at every piece, to raise when time is up."""
        with _sound(url):
            for _ in range(_FURTHEST_REDIRECTS):
                with self._session.get(
                    url, params=dict(params), auth=_Token(token), timeout=self._timeout_seconds,
                    stream=True, allow_redirects=False,
                ) as response:  # fmt: skip
                    target = self._session.get_redirect_target(response)
                    if target is None:
                        return _answer(response, place(url), most_bytes, check)
                    following = _following(response.url, target)
                # requests itself takes away Authorization only, not a header of another name.
                if _server(following) != _server(response.url):
                    token = None
                url, params = following, {}
        raise FeedError("the server redirects without end", value=place(url), remedy=_ADDRESS)

    def post(
        self, url: str, form: Mapping[str, str | Secret], *, most_bytes: int, check: Check
    ) -> Answer:
        """Send a login. A redirect comes back as the answer it is: a password goes nowhere else."""
        plain = {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in form.items()
        }
        with (
            _sound(url),
            self._session.post(
                url, data=plain, auth=_Token(None), timeout=self._timeout_seconds, stream=True,
                allow_redirects=False,
            ) as response,
        ):  # fmt: skip
            return _answer(response, place(url), most_bytes, check)


@contextmanager
def _sound(url: str) -> Iterator[None]:
    # `from None`: the library's error carries the request, and with it token or password.
    where = place(url)
    try:
        yield
    except requests.exceptions.SSLError:
        raise FeedError(
            "the server's certificate cannot be verified", value=where,
            remedy="check the address and the clock; behind a firm's proxy, name its certificates "
            "in REQUESTS_CA_BUNDLE",
        ) from None  # fmt: skip
    except _NO_ADDRESS:
        raise ConfigError("not an address", value=where, remedy="give https://host") from None
    except requests.exceptions.Timeout:
        raise Unsound("the server did not answer in time") from None
    except requests.exceptions.RequestException as error:
        kind = type(error).__name__
        raise Unsound(f"the connection failed or broke off ({kind})") from None


def _server(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _following(url: str, target: str) -> str:
    following = urljoin(url, target)
    if not following.startswith(("https://", "http://")) or (
        url.startswith("https://") and following.startswith("http://")
    ):
        raise FeedError(
            "the server redirects from https to something else", value=place(following),
            remedy=_ADDRESS,
        )  # fmt: skip
    return following


def _answer(response: requests.Response, where: str, most_bytes: int, check: Check) -> Answer:
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_CHUNK_BYTES):
        size += len(piece)
        if size > most_bytes:
            raise FeedError(
                f"the answer is larger than {most_bytes / 1e6:,.1f} MB", value=where,
                remedy="ask for less at a time, or raise most_megabytes of the limits",
            )  # fmt: skip
        pieces.append(piece)
        check()
    wait = _retry_after(response.headers.get("Retry-After"))
    return Answer(response.status_code, b"".join(pieces), wait)


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait by a ``Retry-After`` header, seconds or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(until.timestamp() - time.time(), 0.0)
