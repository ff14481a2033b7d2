"""The pictures of a backtest's report, as SVG to set into a page.

Blue is the model the report is about, vermilion the best reference, grey the rest: colours that
the colour-blind tell apart (Okabe and Ito 2008), each doubled by a shape or a dash. Names from
files are drawn as they are, never read as mathematics.
"""

from __future__ import annotations

import re
import warnings
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kidnaprisk.errors import ConfigError
from kidnaprisk.hazard.network import BAND_NAMES
from kidnaprisk.reports import words
from kidnaprisk.reports.backtest_cells import Row, number
from kidnaprisk.reports.backtest_checks import Found

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_MODEL, _REFERENCE, _OTHER, _INK = "#0072B2", "#D55E00", "#8C8C8C", "#222222"
_WIDTH_IN = 7.4
_LONGEST_NAME = 32
_SETTINGS: dict[str, Any] = {
    # As text, so that it can be searched, copied and read aloud.
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
    # Else ids within the SVG, and so the file, differ from run to run.
    "svg.hashsalt": "kidnaprisk",
}


class Picture(NamedTuple):
    """An SVG element, and how to read it."""

    svg: str
    caption: str


def check_plots() -> None:
    """Refuse at once what would fail only after hours of work.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "the plots of a backtest need the package matplotlib",
            remedy='pip install "kidnaprisk[plots]", or ask for markdown or text instead',
        ) from error


def picture(found: Found, name: str) -> Picture:
    """Draw the picture of that name, as ``Section.plot`` has it.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    check_plots()
    from matplotlib import style
    from matplotlib.figure import Figure

    draw = {
        "comparisons": _comparisons,
        "gains": _gains,
        "reliability": _reliability,
        "windows": _windows,
        "bands": _bands,
    }[name]
    # Reset first: the user's own matplotlibrc is for the user's own plots.
    with style.context(_SETTINGS, after_reset=True), warnings.catch_warnings():
        # The reader's browser has the letters that the measuring font may lack.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure = Figure(figsize=(_WIDTH_IN, 2.6), layout="constrained")
        caption = draw(figure, found)
        return Picture(_svg(figure, name, caption), caption)


def _svg(figure: Figure, name: str, caption: str) -> str:
    page = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(page, format="svg", metadata=nothing)
    svg = page.getvalue()
    svg = svg[svg.index("<svg") :]
    # Groups are numbered in every picture anew; ids that are referred to must differ on one page.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(caption)}" ', 1)


def _named(name: object) -> str:
    shown = words.clean(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def _legend(axes: Axes, handles: list[Any], names: list[str], **where: Any) -> None:
    # Set afterwards: matplotlib drops names that begin with an underscore.
    legend = axes.legend(handles, [" "] * len(names), **where)
    for label, name in zip(legend.get_texts(), names, strict=True):
        label.set_text(name)


def _plain_numbers(axis: Axis) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _columns(rows: list[Row], *names: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    return [np.array([number(row, name) for row in rows]) for name in names]


def _comparisons(figure: Figure, found: Found) -> str:
    """Dot and whisker: the default against every other model."""
    rows = sorted(
        found.rows("comparisons", model=found.default), key=lambda row: number(row, "gain")
    )
    gain, low, high = _columns(rows, "gain", "low", "high")
    figure.set_size_inches(_WIDTH_IN, 0.7 + 0.26 * len(rows))
    axes = figure.add_subplot()
    at = np.arange(len(rows))
    for y, row in zip(at, rows, strict=True):
        best = row.get("reference") == found.best_reference
        colour = _REFERENCE if best else _MODEL
        clear = low[y] > 0.0 or high[y] < 0.0
        axes.plot([low[y], high[y]], [y, y], color=colour, zorder=3)
        axes.plot(
            gain[y], y, "D" if best else "o", color=colour, zorder=4,
            markerfacecolor=colour if clear else "white",
        )  # fmt: skip
    axes.axvline(0.0, color=_INK, linewidth=1.0)
    axes.set_yticks(at, labels=[_named(row.get("reference")) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("gain, nats per incident (right of 0: the model is better)")
    return (
        f"Gain of {words.clean(found.default)} over each other model, with 95 % intervals. "
        f"Diamond: the best {found.kind}. Open mark: not clear of zero."
    )


def _reliability(figure: Figure, found: Found) -> str:
    """Observed over expected by bin: 1 is right, at every level of hazard."""
    figure.set_size_inches(_WIDTH_IN, 3.0)
    axes = figure.add_subplot()
    handles, names = [], []
    looks = ((found.default, _MODEL, "o", "-"), (found.best_reference, _REFERENCE, "D", "--"))
    for model, colour, mark, line in looks:
        rows = found.rows("reliability", model=model)
        expected, cells, observed, low, high = _columns(
            rows, "expected", "cells", "observed", "low", "high"
        )
        told = (expected > 0.0) & (cells > 0.0)
        if not told.any():
            continue
        x = (expected / np.where(told, cells, 1.0))[told]
        total = expected[told]
        axes.vlines(x, low[told] / total, high[told] / total, color=colour, linewidth=1.1)
        (handle,) = axes.plot(
            x, observed[told] / total, mark, color=colour, linestyle=line, linewidth=0.8
        )
        handles.append(handle)
        names.append(_named(model))
    axes.axhline(1.0, color=_INK, linewidth=1.0)
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("expected incidents per cell and window")
    axes.set_ylabel("observed ÷ expected")
    if handles:
        _legend(axes, handles, names, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return (
        "Observed over expected in bins of equal expected number, least hazardous to the left: 1 "
        "is right. Whiskers: 90 % Poisson interval of the observed number."
    )


def _gains(figure: Figure, found: Found) -> str:
    """Share of incidents inside the most hazardous share of area, and of roads."""
    figure.set_size_inches(_WIDTH_IN, 3.3)
    panels = figure.subplots(1, 2, sharey=True)
    handles: dict[str, Any] = {}
    for axes, where, what in zip(panels, ("area", "road"), ("area", "km of road"), strict=True):
        chance = np.linspace(0.0, 1.0, 101)
        (handles["chance"],) = axes.plot(
            100 * chance, 100 * chance, ":", color=_INK, linewidth=1.0, zorder=1
        )
        for model in _last_in_front(found):
            share, hit = _columns(found.rows("gains", model=model, where=where), "share", "hit")
            if len(share):
                order = np.argsort(share)
                (handle,) = axes.plot(100 * share[order], 100 * hit[order], **_line(found, model))
                handles[_called(found, model)] = handle
        axes.set_xscale("function", functions=(np.sqrt, np.square))
        axes.set_xticks([0, 1, 5, 10, 25, 50, 100])
        axes.set_xlim(0.0, 100.0)
        axes.set_ylim(0.0, 100.0)
        axes.set_xlabel(f"most hazardous {what}, %")
    panels[0].set_ylabel("incidents inside, %")
    names = list(reversed(handles))
    _legend(panels[1], [handles[name] for name in names], names, loc="lower right")
    return (
        "Share of incidents inside the share of area, and of km of road, that was called most "
        "hazardous. The horizontal axes are stretched to the left."
    )


def _last_in_front(found: Found) -> list[str]:
    front = [found.best_reference, found.default]
    return [name for name in found.names if name not in front] + [name for name in front if name]


def _called(found: Found, model: str) -> str:
    return _named(model) if model in {found.default, found.best_reference} else "other models"


def _line(found: Found, model: str) -> dict[str, Any]:
    if model == found.default:
        return {"color": _MODEL, "linestyle": "-", "linewidth": 2.0}
    if model == found.best_reference:
        return {"color": _REFERENCE, "linestyle": "--"}
    return {"color": _OTHER, "linestyle": "-", "linewidth": 0.7}


def _windows(figure: Figure, found: Found) -> str:
    """Observed and expected number of each window."""
    rows = found.rows("windows", model=found.default)
    start = np.array([str(row.get("start")) for row in rows], dtype="datetime64[D]")
    expected, observed = _columns(rows, "expected", "observed")
    axes = figure.add_subplot()
    days = float(found.parameters.get("horizon_days") or 30.0)
    bars = axes.bar(start, observed, width=0.9 * days, align="edge", color="#C9C9C9")
    # A mark over each bar: a line would bridge windows that were left out.
    line = axes.hlines(expected, start, start + np.timedelta64(round(0.9 * days), "D"), _MODEL)
    line.set_linewidth(2.2)
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("incidents per window")
    axes.grid(visible=False, axis="x")
    _legend(
        axes, [line, bars], [f"expected by {_named(found.default)}", "observed"], ncols=2,
        loc="lower left", bbox_to_anchor=(0.0, 1.0),
    )  # fmt: skip
    return "Incidents observed in each window (bars), and those expected beforehand (lines)."


def _bands(figure: Figure, found: Found) -> str:
    """Rate of incidents met by band of the road, with what was expected."""
    rows = found.bands
    rate, low, high, expected, vehicle_days = _columns(
        rows, "rate", "low", "high", "expected", "vehicle_days"
    )
    axes = figure.add_subplot()
    at = np.arange(len(rows))
    axes.vlines(at, low, high, color=_MODEL)
    (met,) = axes.plot(at, rate, "o", color=_MODEL, zorder=3, clip_on=False)
    foreseen = 1000.0 * expected / np.where(vehicle_days > 0.0, vehicle_days, np.nan)
    (dash,) = axes.plot(
        at, foreseen, "D", color=_REFERENCE, markerfacecolor="white", markersize=7, zorder=2
    )
    # Rates differ by powers of ten, and may be 0.
    positive = np.concatenate([rate, foreseen])
    positive = positive[positive > 0.0]
    axes.set_yscale("symlog", linthresh=float(positive.min()) if len(positive) else 1.0)
    _plain_numbers(axes.yaxis)
    axes.set_ylim(bottom=0.0)
    axes.set_xticks(at, labels=[BAND_NAMES[int(row["band"]) - 1] for row in rows])
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_ylabel("per 1,000 vehicle-days")
    axes.grid(visible=False, axis="x")
    _legend(
        axes, [met, dash], ["met, with 95 % interval", "expected"], ncols=2,
        loc="lower left", bbox_to_anchor=(0.0, 1.0),
    )  # fmt: skip
    return (
        "Incidents met by virtual trips per 1,000 vehicle-days on roads of each band. The axis is "
        "logarithmic, but straight down to 0 below its lowest mark."
    )
