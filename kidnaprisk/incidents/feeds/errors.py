"""What goes wrong inside a fetch and is tried again or told: never with a secret in it."""

from __future__ import annotations

from urllib.parse import urlsplit

from kidnaprisk.errors import ConfigError


class Unsound(Exception):  # noqa: N818 - it never leaves the package
    """An answer that did not come, or is not what was asked for: worth another try."""


class Refused(Exception):  # noqa: N818 - it never leaves the package
    """A login that was turned down with a status: trying again changes nothing."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"status {status}")


def place(url: str) -> str:
    """An address as errors and state files show it: no user, no password, no query.

    Examples
    --------
    >>> place("https://desk:opensesame@example.org/api/read?key=opensesame")
    'https://example.org/api/read'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def checked_address(url: str, *, carries_secrets: bool) -> str:
    """An address to send requests to, without a slash at its end.

    Raises
    ------
    ConfigError
        If it is none, carries a user or a query, or would send secrets in the clear.

    Examples
    --------
    >>> checked_address("https://example.org/api/", carries_secrets=True)
    'https://example.org/api'
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise ConfigError("not an address", remedy="give https://host") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError("not an address", value=place(url), remedy="give https://host")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "an address carries a user, a password or a query", value=place(url),
            remedy="give scheme, host and path only; pass credentials apart",
        )  # fmt: skip
    if carries_secrets and parts.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        raise ConfigError(
            "credentials would go to this address unencrypted", value=place(url),
            remedy="use https",
        )  # fmt: skip
    return url.rstrip("/")
