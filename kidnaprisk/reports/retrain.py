"""Runs of re-training, and how published forecasts did, for people.

It says first what was decided and why. What failed stands before what passed; what could not be
told is shown as that, and not as passed. It takes plain values, as they are kept in the records of
runs, and works out no figure of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from kidnaprisk.reports import words
from kidnaprisk.reports.page import page, table
from kidnaprisk.reports.series_plot import series_plot
from kidnaprisk.reports.style import Column as TextColumn
from kidnaprisk.reports.style import heading, plain_table

Row = Mapping[str, Any]

_OUTCOMES = {
    "published": "Published {challenger}",
    "forced": "Published {challenger}, though checks had failed",
    "rehearsed": "Rehearsed: a new version would be published",
    "refused": "Refused: {champion}",
    "unchanged": "Nothing new: {champion}",
    "busy": "Busy: {champion}",
    "error": "Broken off: {champion}",
}
_STATUS_ORDER = ("failed", "unknown", "passed")
_STATUS_STYLES = {"failed": "bold red", "unknown": "yellow", "passed": ""}
_COUNTS = ("rows", "rejected", "added", "revised", "unchanged", "deleted")
_MODELS = ("challenger", "champion", "even")
# What stands on the right is never broken: so do days and versions, which have hyphens.
_SERIES: tuple[TextColumn, ...] = (
    ("window", "right"), ("version", "right"), ("expected", "right"), ("90 % interval", "right"),
    ("recorded", "right"), ("p", "right"), ("gain", "right"), ("note", "left"),
)  # fmt: skip
_ABOUT = (
    "Each window was forecast by the version that was current on its eve, and judged once late "
    "reports had been waited for. p: how probable a count at least as far off is, if the forecast "
    "is right. Gain in nats per incident over an even rate. The alarm says that something is off, "
    "in the records or in the model; not what."
)


def run_report(run: Row) -> Group:
    """What a run did, for a rich console of 100 columns.

    Parameters
    ----------
    run : mapping
        The record of a run, as docs/retraining.md lists it.
    """
    seconds = sum(one["seconds"] for one in run["stages"])
    facts = [f"as of {run['as_of']}", f"{_took(seconds)}", f"run {run['run']}"]
    facts += ["store and models as they were"] if run["dry_run"] else []
    lines: list[RenderableType] = [
        Text(outcome(run), style="bold"),
        Text(words.clean("; ".join(facts))),
        _bullets([*run["reasons"], *run.get("notes", ())]),
    ]
    if run["checks"]:
        lines += [heading("Checks"), _checks(run["checks"])]
    if run["feeds"]:
        lines += [heading("Feeds"), _feeds(run["feeds"])]
    if any(one in run["figures"] for one in _MODELS):
        lines += [heading(_windows(run["figures"])), _figures(run["figures"])]
    if run["monitor"] is not None:
        lines += [heading("Published forecasts"), Text(monitor_line(run["monitor"]))]
    if run["pruned"]:
        lines += [heading("Pruned"), Text(words.clean(", ".join(run["pruned"])))]
    return Group(*lines)


def outcome(run: Row) -> str:
    """What a run decided, in a few words.

    Examples
    --------
    >>> outcome({"decision": "refused", "champion": None, "challenger": None})
    'Refused: there is no model yet'
    """
    champion = f"{run['champion']} stays" if run["champion"] else "there is no model yet"
    if run["decision"] == "busy":
        champion = "another run is at work"
    text = _OUTCOMES[run["decision"]]
    return words.clean(text.format(champion=champion, challenger=run["challenger"]))


def history_report(runs: Sequence[Row]) -> Group:
    """Runs, newest first, one line each.

    Parameters
    ----------
    runs : sequence of mapping
        Records of runs, oldest first.
    """
    rows = plain_table(
        ("started, UTC", "left"), ("as of", "left"), ("decision", "left"), ("took", "right"),
        ("alarm", "left"), ("version or first reason", "left"),
        flexible="version or first reason",
    )  # fmt: skip
    for run in reversed(runs):
        seconds = sum(one["seconds"] for one in run["stages"])
        why = run["challenger"] or (run["reasons"][0] if run["reasons"] else "")
        style = "bold" if run["decision"] in ("published", "forced") else ""
        rows.add_row(
            words.clean(run["started"])[:16].replace("T", " "), words.clean(run["as_of"]),
            Text(words.clean(run["decision"]), style=style), _took(seconds),
            _alarm((run["monitor"] or {}).get("alarm")),
            # A line a run; all of its reasons are in its record.
            Text(words.clean(why), no_wrap=True, overflow="ellipsis"),
        )  # fmt: skip
    return Group(rows if runs else Text("No run is on record."))


def monitor_report(series: Sequence[Row], together: Row) -> Group:
    """The series of published forecasts against records, for a rich console.

    Parameters
    ----------
    series : sequence of mapping
        Windows judged, oldest first.
    together : mapping
        What the last ones say together: ``windows``, ``expected``, ``observed``, ``low``,
        ``high``, ``probability``, ``alarm``.
    """
    rows = plain_table(*_SERIES)
    for row in series:
        style = "bold red" if row["alarm"] else ""
        rows.add_row(*(Text(cell) for cell in _series_cells(row)), style=style)
    lines: list[RenderableType] = [Text(monitor_line(together), style="bold")]
    if series:
        lines += [Text(), rows, Text(f"\n{_ABOUT}", style="dim")]
    return Group(*lines)


def monitor_html(series: Sequence[Row], together: Row, name: str) -> str:
    """The series as one page of HTML with its plot.

    Parameters
    ----------
    series, together
        As :func:`monitor_report` takes them.
    name : str
        Of the model.
    """
    caption = f"Incidents by window, by its first day. {_ABOUT}"
    parts = [
        f'<div class="headline"><p><strong>{escape(monitor_line(together))}</strong></p></div>',
        f"<figure>{series_plot(series)}<figcaption>{escape(caption)}</figcaption></figure>",
        table(_SERIES, [_series_cells(row) for row in series]),
    ]
    return page(f"Published forecasts of {words.clean(name)}", parts if series else parts[:1])


def monitor_line(together: Row) -> str:
    """What the last windows say together, in one sentence.

    Examples
    --------
    >>> monitor_line({"windows": 0, "expected": None, "alarm": None})
    'No published forecast could be judged yet.'
    """
    if together["expected"] is None:
        return "No published forecast could be judged yet."
    n = together["windows"]
    head = "ALARM" if together["alarm"] else "No alarm"
    return (
        f"{head}: the last {n} window{'s' if n > 1 else ''} expected "
        f"{words.amount(together['expected'])} incidents (90 % interval "
        f"{together['low']:,.0f} to {together['high']:,.0f}); {together['observed']:,.0f} were "
        f"recorded (p = {together['probability']:.2g})."
    )


def _bullets(texts: Sequence[str]) -> Table:
    bullets = Table.grid("", Column(overflow="fold"), padding=(0, 1, 0, 0))
    for text in texts:
        bullets.add_row("•", Text(words.clean(text)))
    return bullets


def _checks(checks: Sequence[Row]) -> Table:
    rows = plain_table(
        ("", "left"), ("check", "left"), ("of", "left"), ("found", "left"), flexible="found"
    )
    for check in sorted(checks, key=lambda one: _STATUS_ORDER.index(one["status"])):
        rows.add_row(
            Text(check["status"], style=_STATUS_STYLES[check["status"]]),
            *(Text(words.clean(check[name])) for name in ("name", "subject", "text")),
        )
    return _from_the_top(rows)


def _from_the_top(rows: Table) -> Table:
    for column in rows.columns:
        column.vertical = "top"
    return rows


def _feeds(feeds: Sequence[Row]) -> Table:
    rows = plain_table(
        ("feed", "left"), ("files", "left"), *((name, "right") for name in _COUNTS),
        flexible="files",
    )  # fmt: skip
    for feed in feeds:
        counts = (_or_missing(feed.get(name), "{:,}") for name in _COUNTS)
        rows.add_row(
            Text(words.clean(feed["name"])), Text(words.clean(", ".join(feed["files"]))), *counts
        )
    return _from_the_top(rows)


def _windows(figures: Row) -> str:
    return words.clean(f"Backtest, {figures.get('start')} to {figures.get('end')}")


def _figures(figures: Row) -> Table:
    rows = plain_table(
        ("model", "left"), ("incidents", "right"), ("expected", "right"),
        ("nats per incident over even", "right"), ("slope", "right"),
        ("met in 5 % of area", "right"), flexible="model",
    )  # fmt: skip
    for model in _MODELS:
        if model in figures:
            of = figures[model]
            rows.add_row(
                model, _or_missing(of["n"], "{:,}"), _or_missing(of["expected"], "{:,.1f}"),
                _or_missing(of["gain_over_even"], "{:+.3f}"), _or_missing(of["slope"], "{:.2f}"),
                words.MISSING if of["hit_5"] is None else words.percent(of["hit_5"]),
            )  # fmt: skip
    return rows


def _series_cells(row: Row) -> list[str]:
    days = f"{row['window_start']} to {row['window_end']}"
    if row["expected"] is None:
        why = words.clean(row.get("note")) or "no forecast to judge"
        return [days, words.clean(row["version"]), *[words.MISSING] * 5, why]
    return [
        days,
        words.clean(row["version"]),
        words.amount(row["expected"]),
        f"{row['low']:,.0f} to {row['high']:,.0f}",
        f"{row['observed']:,}",
        f"{row['probability']:.2g}",
        _or_missing(row["gain_over_even"], "{:+.2f}"),
        "ALARM" if row["alarm"] else "",
    ]


def _took(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120.0 else f"{seconds / 60.0:,.0f} min"


def _or_missing(value: float | None, form: str) -> str:
    return words.MISSING if value is None else form.format(value)


def _alarm(alarm: bool | None) -> str:
    return words.MISSING if alarm is None else ("ALARM" if alarm else "no")
