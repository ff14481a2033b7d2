"""Login with a password for a bearer token that expires (OAuth 2, RFC 6749 sections 4.3 and 6).

A token lives in memory only: a new process logs in anew. A token that is refused in the middle of a
fetch is exchanged with the refresh token, and where that does not help, by logging in again; a
password that is turned down is never tried twice, since accounts are locked for that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

from kidnaprisk.errors import ConfigError, FeedError
from kidnaprisk.incidents.feeds.answers import read_envelope
from kidnaprisk.incidents.feeds.credentials import Credentials, Secret
from kidnaprisk.incidents.feeds.errors import Refused, Unsound, place
from kidnaprisk.incidents.feeds.session import Session

_MOST_REFUSALS = 2


class _Tokens(NamedTuple):
    access: Secret
    refresh: Secret | None


class PasswordLogin:
    """A bearer token for a user's name and password.

    Parameters
    ----------
    url : str
        Where tokens are given.
    credentials : Credentials
    client : str
        The ``client_id``.

    Raises
    ------
    ConfigError
        If the credentials have no user name.
    """

    def __init__(self, url: str, credentials: Credentials, client: str) -> None:
        if credentials.username is None:
            raise ConfigError(
                "the credentials have no user name",
                remedy="give Credentials(password, username='...'), the account's e-mail address",
            )
        self._url = url
        self._client = client
        self._password: Mapping[str, str | Secret] = {
            "grant_type": "password",
            "client_id": client,
            "username": credentials.username,
            "password": credentials.secret,
        }
        self._tokens: _Tokens | None = None

    def token(self, session: Session) -> tuple[str, Secret]:
        """The header, after a login where there was none yet.

        Raises
        ------
        FeedError
            If the login is turned down.
        """
        tokens = self._tokens or self._login(session)
        return "Authorization", Secret(f"Bearer {tokens.access.reveal()}")

    def renewed(self, session: Session, refusals: int) -> bool:
        """A refresh after the first refusal, a new login after the second, then no more."""
        tokens, self._tokens = self._tokens, None
        if refusals == 1 and tokens is not None and tokens.refresh is not None:
            form: dict[str, str | Secret] = {
                "grant_type": "refresh_token",
                "client_id": self._client,
                "refresh_token": tokens.refresh,
            }
            with contextlib.suppress(Refused):
                self._tokens = session.post(self._url, form, _read)
        # Without tokens the next request logs in.
        return refusals <= _MOST_REFUSALS

    def _login(self, session: Session) -> _Tokens:
        try:
            self._tokens = session.post(self._url, self._password, _read)
        except Refused as refused:
            raise FeedError(
                f"the login was turned down (status {refused.status})", value=place(self._url),
                remedy="check user name and password, and sign in once in a browser: the terms may "
                "have to be accepted; too many tries lock an account",
            ) from None  # fmt: skip
        return self._tokens


def _read(body: bytes) -> _Tokens:
    answer = read_envelope(body)
    access, refresh = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access, str) or not (access.isascii() and access.isprintable() and access):
        raise Unsound("the login's answer holds no token")
    return _Tokens(Secret(access), Secret(refresh) if isinstance(refresh, str) else None)
