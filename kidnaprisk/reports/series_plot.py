"""Published forecasts against what was recorded since, as SVG to set into a page.

One column a window: the 90 % interval of the forecast as a bar, its mean as a line across, what was
recorded as a dot. A dot outside its bar is hollow; a window without a forecast has a grey band
and no dot, since a count that nobody forecast judges nothing. Colours as the colour-blind tell them
apart (Okabe and Ito 2008), each doubled by a shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from kidnaprisk.reports import words

_FORECAST, _RECORDED, _INK, _GRID = "#0072b2", "#d55e00", "#222222", "#e4e4e4"
_WIDTH, _HEIGHT = 900.0, 300.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 46.0, 34.0, 10.0, 40.0
_WIDEST_BAR, _MOST_DATES, _TICKS = 26.0, 8, 5

Row = Mapping[str, Any]


def series_plot(series: Sequence[Row]) -> str:
    """The plot as an SVG element; empty where there is nothing to plot.

    Parameters
    ----------
    series : sequence of mapping
        Windows, oldest first: ``window_start``, ``window_end``, ``expected``, ``low``, ``high``
        and ``observed``, in incidents; None where there was no forecast.
    """
    if not series:
        return ""
    told = [row for row in series if row["expected"] is not None]
    ticks = whole_ticks(max((max(row["high"], row["observed"]) for row in told), default=1.0))
    wide = (_WIDTH - _LEFT - _RIGHT) / len(series)
    columns = [
        _column(row, _LEFT + (at + 0.5) * wide, wide, ticks[-1]) for at, row in enumerate(series)
    ]
    label = (
        f"Incidents that published forecasts expected and that were recorded, in {len(series)} "
        f"windows from {series[0]['window_start']} to {series[-1]['window_end']}"
    )
    box = f'viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" font-size="12" fill="{_INK}"'
    return "\n".join(
        [
            f'<svg role="img" aria-label="{escape(words.clean(label))}" {box}>',
            *(_grid_line(tick, ticks[-1]) for tick in ticks),
            *columns,
            *_dates(series, wide),
            _legend(),
            "</svg>",
        ]
    )


def whole_ticks(most: float) -> list[int]:
    """Whole numbers from 0 to at least ``most``, a few, evenly spaced.

    Examples
    --------
    >>> whole_ticks(0.4), whole_ticks(9.0), whole_ticks(130.0)
    ([0, 1], [0, 2, 4, 6, 8, 10], [0, 50, 100, 150])
    """
    rough = max(most, 1.0) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(1, round(next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))))
    return list(range(0, step * math.ceil(max(most, 1.0) / step) + 1, step))


def _y(value: float, most: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1.0 - value / most)


def _grid_line(tick: int, most: float) -> str:
    y = _y(tick, most)
    return (
        f'<path d="M{_LEFT:g},{y:.1f}H{_WIDTH - _RIGHT:g}" stroke="{_GRID}"/>'
        f'<text x="{_LEFT - 8:g}" y="{y + 4:.1f}" text-anchor="end">{tick:,}</text>'
    )


def _column(row: Row, x: float, wide: float, most: float) -> str:
    days = f"{row['window_start']} to {row['window_end']}"
    if row["expected"] is None:
        top, height = _y(most, most), _y(0.0, most) - _y(most, most)
        shown = (
            f'<rect x="{x - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{height:.1f}" '
            'fill="#eeeeee"/>'
        )
        return _titled(f"{days}: no forecast to judge", shown)
    half = min(_WIDEST_BAR, 0.7 * wide) / 2.0
    low, high, mean, seen = (
        _y(row[name], most) for name in ("low", "high", "expected", "observed")
    )
    outside = not row["low"] <= row["observed"] <= row["high"]
    radius = min(4.5, max(1.5, half))
    shown = (
        f'<rect x="{x - half:.1f}" y="{high:.1f}" width="{2 * half:.1f}" '
        f'height="{low - high:.1f}" fill="{_FORECAST}" fill-opacity="0.25"/>'
        f'<path d="M{x - half:.1f},{mean:.1f}h{2 * half:.1f}" stroke="{_FORECAST}" '
        'stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{seen:.1f}" r="{radius:.1f}" stroke="{_RECORDED}" '
        f'stroke-width="2" fill="{"#ffffff" if outside else _RECORDED}"/>'
    )
    told = (
        f"{days}: {row['observed']:,} recorded, {words.amount(row['expected'])} expected "
        f"(90 %: {row['low']:g} to {row['high']:g})"
    )
    return _titled(told, shown)


def _titled(title: str, shown: str) -> str:
    return f"<g><title>{escape(words.clean(title))}</title>{shown}</g>"


def _dates(series: Sequence[Row], wide: float) -> list[str]:
    """First days of windows, as many as can be read."""
    every = math.ceil(len(series) / _MOST_DATES)
    return [
        f'<text x="{_LEFT + (at + 0.5) * wide:.1f}" y="{_HEIGHT - _BOTTOM + 18:g}" '
        f'text-anchor="middle">{escape(words.clean(series[at]["window_start"]))}</text>'
        for at in range(0, len(series), every)
    ]


def _legend() -> str:
    def bar(x: float) -> str:
        return (
            f'<rect x="{x:g}" y="6" width="22" height="14" fill="{_FORECAST}" fill-opacity="0.25"/>'
            f'<path d="M{x:g},13h22" stroke="{_FORECAST}" stroke-width="2"/>'
        )

    def dot(x: float, fill: str) -> str:
        return (
            f'<circle cx="{x + 11:g}" cy="13" r="4.5" stroke="{_RECORDED}" stroke-width="2" '
            f'fill="{fill}"/>'
        )

    entries = (
        (bar(_LEFT), _LEFT, "forecast: mean and 90 % interval"),
        (dot(300.0, _RECORDED), 300.0, "recorded"),
        (dot(400.0, "#ffffff"), 400.0, "recorded, outside the interval"),
        (
            '<rect x="620" y="6" width="22" height="14" fill="#eeeeee"/>',
            620.0,
            "no forecast to judge",
        ),
    )
    return "".join(
        f'{shown}<text x="{x + 28:g}" y="17">{text}</text>' for shown, x, text in entries
    )
