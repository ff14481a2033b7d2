"""Days and instants of a question, from what a caller gives."""

from __future__ import annotations

import datetime as dt

from kidnaprisk.errors import ConfigError


def day_of(name: str, value: dt.date | str) -> dt.date:
    """A whole day.

    Raises
    ------
    ConfigError
        If it is none.

    Examples
    --------
    >>> day_of("since", "2025-01-18")
    datetime.date(2025, 1, 18)
    """
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ConfigError(f"{name} is not a day", value=value, remedy="write YYYY-MM-DD") from None


def window(
    since: dt.date | str | None, until: dt.date | str | None
) -> tuple[dt.date | None, dt.date | None]:
    """First and last day, each None where left open.

    Raises
    ------
    ConfigError
        If one is no day, or they are in the wrong order.
    """
    first = None if since is None else day_of("since", since)
    last = None if until is None else day_of("until", until)
    if first is not None and last is not None and last < first:
        raise ConfigError("until lies before since", value=last, remedy="swap them")
    return first, last


def instant_of(name: str, value: dt.datetime | dt.date | str) -> dt.datetime:
    """An instant in UTC; a day is its midnight.

    Raises
    ------
    ConfigError
        If it is none, or has no time zone.

    Examples
    --------
    >>> instant_of("updated_since", "2025-01-18").isoformat()
    '2025-01-18T00:00:00+00:00'
    """
    instant: dt.datetime
    if isinstance(value, dt.datetime):
        instant = value
    elif isinstance(value, str) and len(value) > len("YYYY-MM-DD"):
        try:
            instant = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ConfigError(
                f"{name} is not an instant", value=value, remedy="write YYYY-MM-DDThh:mmZ"
            ) from None
    else:
        return dt.datetime.combine(day_of(name, value), dt.time(), dt.UTC)
    if instant.tzinfo is None:
        raise ConfigError(
            f"{name} has no time zone", value=instant.isoformat(),
            remedy="add the offset from UTC, as in 2025-01-18T06:00Z",
        )  # fmt: skip
    return instant.astimezone(dt.UTC)
