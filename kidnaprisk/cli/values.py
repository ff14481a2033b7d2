"""What a user types for an option, as a value of the library: pure, and quick to import."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING

from kidnaprisk.errors import ConfigError

if TYPE_CHECKING:
    from kidnaprisk.routes.crew import Crew
    from kidnaprisk.routes.stops import Stop

_STOP_AT_KM = re.compile(r"km\s*(?P<km>[0-9].*)", re.IGNORECASE)
_CLOCK = re.compile(r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])")
_COUNTRY_CODE_LENGTH = 2


def number(text: str, option: str, remedy: str) -> float:
    """A finite number.

    Raises
    ------
    ConfigError
        If it is none, with ``remedy``.

    Examples
    --------
    >>> number("12.5", "--radius", "give km")
    12.5
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{option} is not a number", value=text, remedy=remedy)
    return value


def whole(text: str, option: str) -> int:
    """A whole number, 0 or more.

    Examples
    --------
    >>> whole("30", "--horizon")
    30
    """
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(
            f"{option} is not a whole number", value=text, remedy="write digits, for example 30"
        )
    return int(text)


def speed(text: str) -> float | dict[str, float]:
    """One speed, or speeds by country, in km/h.

    Examples
    --------
    >>> speed("55"), speed("MA=70, default=45")
    (55.0, {'MA': 70.0, 'default': 45.0})
    """
    remedy = "give km/h, as in --speed 55 or --speed MA=70,default=45"
    if "=" not in text:
        return number(text, "--speed", remedy)
    speeds: dict[str, float] = {}
    for part in text.split(","):
        country, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not country:
            raise ConfigError("--speed has a part without a country", value=part, remedy=remedy)
        if country in speeds:
            raise ConfigError("--speed names a country twice", value=country, remedy="keep one")
        speeds[country] = number(value, f"--speed for {country}", remedy)
    return speeds


def window(text: str) -> tuple[float, float]:
    """First and last hour of driving.

    Examples
    --------
    >>> window("6-18"), window("05:30-19")
    ((6.0, 18.0), (5.5, 19.0))
    """
    remedy = "give the first and last hour of driving, local solar time, as in --hours 6-18"
    first, dash, last = (word.strip() for word in text.partition("-"))
    if not dash:
        raise ConfigError("--hours is not two hours", value=text, remedy=remedy)
    return _hour(first, remedy), _hour(last, remedy)


def _hour(text: str, remedy: str) -> float:
    clock = _CLOCK.fullmatch(text)
    if clock:
        return int(clock["hour"]) + int(clock["minute"]) / 60.0
    return number(text, "--hours", remedy)


def crew(text: str) -> Crew:
    """Country codes and one sector, in any order.

    Examples
    --------
    >>> crew("MA,transport")
    Crew(nationality=('MA',), sector='transport')
    """
    from kidnaprisk.routes.crew import Crew

    words = [word.strip() for word in text.split(",") if word.strip()]
    codes = [word for word in words if len(word) == _COUNTRY_CODE_LENGTH]
    sectors = [word for word in words if len(word) != _COUNTRY_CODE_LENGTH]
    if not words or len(sectors) > 1:
        raise ConfigError(
            "--crew names more than one sector" if words else "--crew is empty",
            value=text,
            remedy="give country codes and one sector, as in --crew MA,transport",
        )
    return Crew(nationality=codes, sector=sectors[0] if sectors else None)


def stop(text: str) -> Stop:
    """A place and hours there.

    Examples
    --------
    >>> stop("Dori, BF:168"), stop("km1200:12")
    (Stop(hours=168.0, near='Dori, BF'), Stop(hours=12.0, km=1200.0))
    """
    from kidnaprisk.routes.stops import Stop

    remedy = "give a town or km and hours, as in --stop Dori:168 or --stop km1200:12"
    place, colon, hours = (word.strip() for word in text.rpartition(":"))
    if not colon or not place:
        raise ConfigError("--stop does not say where and how long", value=text, remedy=remedy)
    length = number(hours, "the hours of --stop", remedy)
    at_km = _STOP_AT_KM.fullmatch(place)
    if at_km:
        return Stop(hours=length, km=number(at_km["km"], "the km of --stop", remedy))
    return Stop(hours=length, near=place)


def day(text: str, option: str) -> dt.date:
    """A UTC day.

    Examples
    --------
    >>> day("2025-01-17", "--as-of")
    datetime.date(2025, 1, 17)
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} is not a day", value=text, remedy=f"write {option} 2025-01-17"
        ) from None
