"""Numbers and names as people read them: bands, amounts, times, shares, text from files.

Every figure printed for people is worded here, so that one quantity reads the same everywhere. Not
for files that programs read: those hold the numbers themselves.
"""

from __future__ import annotations

import datetime as dt
import math

import pandas as pd

from kidnaprisk.hazard.network import BAND_NAMES
from kidnaprisk.reports.safe import one_line

MISSING = "–"
_LARGEST_UNIT = 1_000_000
_BAR_CELLS = 6
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def clean(value: object) -> str:
    r"""A value from a file as text that is safe to print; empty where it is missing.

    Examples
    --------
    >>> clean("Dori\nroad"), clean(pd.NA)
    ('Dori road', '')
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    return one_line(str(value))


def band_text(band: object) -> str:
    """A band as its word and its number.

    Examples
    --------
    >>> band_text(4), band_text(None)
    ('severe 4', '–')
    """
    if band is None or pd.isna(band):  # type: ignore[call-overload]
        return MISSING
    number = int(band)  # type: ignore[call-overload]
    return f"{BAND_NAMES[number - 1]} {number}"


def trips_unit(expected: float) -> int:
    """How many trips to count over, so that what they meet is a number of three digits.

    Examples
    --------
    >>> trips_unit(2.5), trips_unit(0.25), trips_unit(0.000676)
    (100, 1000, 1000000)
    """
    unit = 1
    while 0.0 <= expected * unit < 100.0 and unit < _LARGEST_UNIT:
        unit *= 10
    return unit


def unit_text(unit: int) -> str:
    """The unit as words.

    Examples
    --------
    >>> unit_text(1), unit_text(10_000), unit_text(1_000_000)
    ('trip', '10,000 trips', 'million trips')
    """
    if unit == _LARGEST_UNIT:
        return "million trips"
    return "trip" if unit == 1 else f"{unit:,} trips"


def odds(probability: float) -> str:
    """A probability as one trip in so many, to two digits; empty where that says nothing.

    Examples
    --------
    >>> odds(0.000676), odds(0.4), odds(0.9), odds(1e-7)
    ('1 trip in 1,500', '1 trip in 2.5', '', '')
    """
    # One in millions would be more than anyone knows of a road, and sound like safety.
    if not 1e-5 <= probability <= 0.5:
        return ""
    trips = float(f"{1.0 / probability:.2g}")
    return f"1 trip in {trips:,.0f}" if trips >= 10.0 else f"1 trip in {trips:g}"


def amount(value: float) -> str:
    """A count to two digits, never rounded to nothing.

    Examples
    --------
    >>> [amount(v) for v in (1234.5, 33.3, 6.76, 0.057, 0.004, 0.0, math.nan)]
    ['1,200', '33', '6.8', '0.06', '<0.01', '0', '–']
    """
    if math.isnan(value):
        return MISSING
    if value == 0.0:
        return "0"
    if value < 0.01:
        return "<0.01"
    if value < 1.0:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 9.95 else f"{float(f'{value:.2g}'):,.0f}"


def percent(share: float) -> str:
    """A share or probability in per cent, never rounded to nothing or to certainty.

    Examples
    --------
    >>> [percent(v) for v in (1.0, 0.9999, 0.976, 0.0341, 0.00068, 0.0000002, 0.0, math.nan)]
    ['100 %', '>99.9 %', '97.6 %', '3.4 %', '0.068 %', '<0.001 %', '0 %', '–']
    """
    if math.isnan(share):
        return MISSING
    value = 100.0 * share
    if value in {0.0, 100.0}:
        return f"{value:.0f} %"
    if value > 99.9:
        return ">99.9 %"
    if value < 0.001:
        return "<0.001 %"
    if value < 1.0:
        return f"{value:.2g} %"
    return f"{value:.1f} %"


def share_text(share: float) -> str:
    """A share of the trip in whole per cent.

    Examples
    --------
    >>> [share_text(v) for v in (0.976, 0.004, 0.0, math.nan)]
    ['98 %', '<1 %', '0 %', '–']
    """
    if math.isnan(share):
        return MISSING
    whole = f"{100.0 * share:.0f}"
    if whole == "0" and share > 0.0:
        return "<1 %"
    # Shares are sums: one that is all of it may miss 1 by a rounding error.
    if whole == "100" and share < 1.0 - 1e-9:
        return ">99 %"
    return f"{whole} %"


def share_span(low: float, high: float) -> str:
    """From one share to another, in whole per cent.

    Examples
    --------
    >>> share_span(0.015, 0.123), share_span(0.0, 0.002)
    ('2 to 12 %', '0 to <1 %')
    """
    return f"{share_text(low).removesuffix(' %')} to {share_text(high)}"


def share_within(share: float, low: float, high: float) -> str:
    """A share with its interval, in whole per cent.

    Examples
    --------
    >>> share_within(0.058, 0.015, 0.123)
    '6 % (2 to 12 %)'
    """
    return f"{share_text(share)} ({share_span(low, high)})"


def bar(share: float) -> str:
    """A small bar for a share from 0 to 1; none under one per cent.

    Examples
    --------
    >>> bar(1.0), bar(0.5), bar(0.001)
    ('██████', '███', '')
    """
    if math.isnan(share):
        return ""
    eighths = round(min(max(share, 0.0), 1.0) * _BAR_CELLS * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def duration(hours: float) -> str:
    """Hours, as days and hours from two days on.

    Examples
    --------
    >>> duration(0.2), duration(4.94), duration(169.8), duration(168.0)
    ('0.2 h', '4.9 h', '7 d 2 h', '7 d')
    """
    if math.isnan(hours):
        return MISSING
    if 0.0 < hours < 0.05:
        return "<0.1 h"
    if hours < 48.0:
        return f"{hours:.1f} h"
    whole = round(hours)
    return f"{whole // 24} d {whole % 24} h" if whole % 24 else f"{whole // 24} d"


def instant(when: pd.Timestamp) -> str:
    """An instant in UTC, to the minute.

    Examples
    --------
    >>> instant(pd.Timestamp("2024-12-28T07:00+01:00"))
    'Sat 28 Dec 2024 06:00'
    """
    # Not strftime's %a and %b: those follow the machine's locale.
    utc = when.tz_convert("UTC")
    return f"{_WEEKDAYS[utc.weekday()]} {day(utc)} {utc:%H:%M}"


def day(when: pd.Timestamp | dt.date) -> str:
    """A day.

    Examples
    --------
    >>> day(dt.date(2025, 1, 8))
    '8 Jan 2025'
    """
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def days(first: pd.Timestamp, last: pd.Timestamp) -> str:
    """A day, or the first and last possible day of something.

    Examples
    --------
    >>> days(pd.Timestamp("2022-04-27"), pd.Timestamp("2022-04-28"))
    '2022-04-27 to 28'
    >>> days(pd.Timestamp("2022-04-27"), pd.Timestamp("2022-05-02"))
    '2022-04-27 to 05-02'
    """
    begin = first.date().isoformat()
    if pd.isna(last) or last == first:
        return begin
    if first.year != last.year:
        return f"{begin} to {last.date().isoformat()}"
    return f"{begin} to {last:%d}" if first.month == last.month else f"{begin} to {last:%m-%d}"


def ordinal(number: int) -> str:
    """A rank.

    Examples
    --------
    >>> [ordinal(n) for n in (1, 2, 3, 11, 52)]
    ['1st', '2nd', '3rd', '11th', '52nd']
    """
    tail = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
