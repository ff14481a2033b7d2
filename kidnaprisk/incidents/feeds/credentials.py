"""Credentials of a source: from the environment or the system's keyring, and never shown.

A `Secret` prints as dots wherever it may turn up: in a traceback, a log line, a repr. It is
revealed at one place, where a request is built (`transport`), and is never written to a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NoReturn

from kidnaprisk.errors import ConfigError

SERVICE = "kidnaprisk"


class Secret:
    """A text that does not show.

    Examples
    --------
    >>> secret = Secret("opensesame")
    >>> print(secret, [secret], f"{secret}")
    ••• [Secret(•••)] •••
    >>> secret.reveal()
    'opensesame'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the request it goes into."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(•••)"

    def __str__(self) -> str:
        return "•••"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True)
class Credentials:
    """What a source wants to know of its user.

    Parameters
    ----------
    secret : Secret or str
        ACLED: the password of the account. UCDP: the access token.
    username : str, optional
        ACLED: the e-mail address of the account. UCDP has none. It does not show either.

    Examples
    --------
    >>> Credentials("opensesame", username="desk@example.org")
    Credentials(secret=Secret(•••), username=Secret(•••))
    """

    secret: Secret
    username: Secret | None

    def __init__(self, secret: Secret | str, username: Secret | str | None = None) -> None:
        object.__setattr__(self, "secret", _hidden("secret", secret))
        hidden = None if username is None else _hidden("username", username)
        object.__setattr__(self, "username", hidden)


def _hidden(name: str, text: Secret | str) -> Secret:
    hidden = text if isinstance(text, Secret) else Secret(text)
    if not hidden.reveal().strip():
        raise ConfigError(f"the {name} is empty", remedy="give it, or pass no credentials at all")
    if not hidden.reveal().isprintable():
        raise ConfigError(
            f"the {name} has a line break or another unprintable character in it",
            remedy="copy it again; a file read for it often ends in a line break",
        )
    return hidden


def acled_credentials() -> Credentials:
    """The ACLED account from the environment, else from the keyring.

    ``KIDNAPRISK_ACLED_USERNAME`` and ``KIDNAPRISK_ACLED_PASSWORD``; in the keyring, service
    ``kidnaprisk``, entries ``acled-username`` and ``acled-password``.

    Raises
    ------
    ConfigError
        If either is found in neither place, or the keyring cannot be opened.
    """
    username = _found("KIDNAPRISK_ACLED_USERNAME", "acled-username")
    return Credentials(_found("KIDNAPRISK_ACLED_PASSWORD", "acled-password"), username)


def ucdp_credentials() -> Credentials:
    """The UCDP access token from the environment, else from the keyring.

    ``KIDNAPRISK_UCDP_TOKEN``; in the keyring, service ``kidnaprisk``, entry ``ucdp-token``.

    Raises
    ------
    ConfigError
        If it is found in neither place, or the keyring cannot be opened.
    """
    return Credentials(_found("KIDNAPRISK_UCDP_TOKEN", "ucdp-token"))


def _found(variable: str, entry: str) -> Secret:
    text = os.environ.get(variable) or _in_keyring(entry)
    if not text:
        raise ConfigError(
            f"the credential {entry} is not set",
            remedy=f"set the environment variable {variable}, or, with the package keyring "
            f"installed, run: keyring set {SERVICE} {entry}",
        )
    return _hidden(entry, text)


def _in_keyring(entry: str) -> str | None:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    try:
        return keyring.get_password(SERVICE, entry)
    except keyring.errors.NoKeyringError:
        return None
    except keyring.errors.KeyringError:
        # The backend's own words may name the entry's content: they are left out.
        raise ConfigError(
            "the system's keyring cannot be opened", value=entry,
            remedy="unlock it, or set the credentials in the environment",
        ) from None  # fmt: skip
