"""The report of a backtest, for a sceptical reader: as text, as markdown, as one page of HTML.

It says first what the model is worth against the best baseline, and plainly if that is nothing.
Then every figure beside its n, its interval and the bound it was held to. It takes the plain
values of a result (``BacktestResult.to_dict()``) and works out no figure of its own but totals.
The HTML page refers to nothing outside itself and runs no script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from kidnaprisk.reports import words
from kidnaprisk.reports.backtest_cells import Grid
from kidnaprisk.reports.backtest_checks import Found, headline
from kidnaprisk.reports.backtest_plots import picture
from kidnaprisk.reports.backtest_tables import Section, facts, limits, sections
from kidnaprisk.reports.page import page
from kidnaprisk.reports.style import heading, plain_table
from kidnaprisk.reports.text import to_text

_LIMITS = "What these figures rest on, and leave out"
_POINTS = "The points of this plot"


def backtest_text(result: Mapping[str, Any]) -> str:
    """The report as plain text of at most 100 columns, for a terminal.

    Parameters
    ----------
    result : dict
        What ``BacktestResult.to_dict()`` gives.

    Raises
    ------
    ConfigError
        If it is not of that form.

    Examples
    --------
    >>> made_up = {"parameters": {}, "scores": [{"model": "kde", "n": 40}]}
    >>> print(backtest_text(made_up).splitlines()[2])
    Nothing is shown: no other model is here to compare kde with.
    """
    return to_text(backtest_report(result))


def backtest_report(result: Mapping[str, Any]) -> Group:
    """The report for a rich console of 100 columns."""
    found = Found.of(result)
    first, *others = headline(found)
    lines: list[RenderableType] = [
        Text(f"Backtest of {words.clean(found.default)}", style="bold"),
        Text(facts(found)),
        Text(first, style="bold"),
        *(Text(line) for line in others),
    ]
    for section in sections(found):
        lines += [heading(section.title), Text(section.lead, style="dim")]
        lines += [part for grid in section.grids for part in (Text(), _rich_table(grid))]
        lines += [Text(section.note, style="dim")] if section.note else []
    bullets = Table.grid("", Column(overflow="fold"), padding=(0, 1, 0, 0))
    for line in limits(found):
        bullets.add_row("•", Text(line))
    return Group(*lines, heading(_LIMITS), bullets)


def _rich_table(grid: Grid) -> Table:
    table = plain_table(*((column.title, column.justify) for column in grid.columns))
    one_line = not any("\n" in column.title for column in grid.columns)
    for column in table.columns:
        column.vertical = "top" if one_line else "bottom"
        if column.justify == "left":
            column.no_wrap, column.overflow = False, "fold"
    for at, row in enumerate(grid.rows):
        table.add_row(*(Text(cell) for cell in row), style="bold" if at in grid.strong else "")
    return table


def backtest_markdown(result: Mapping[str, Any]) -> str:
    r"""The report as markdown (with tables as GitHub has them), without pictures.

    Parameters
    ----------
    result : dict
        What ``BacktestResult.to_dict()`` gives.

    Raises
    ------
    ConfigError
        If it is not of that form.

    Examples
    --------
    >>> made_up = {"parameters": {}, "scores": [{"model": "a|b*", "n": 40}]}
    >>> print(backtest_markdown(made_up).splitlines()[0])
    # Backtest of a\|b\*
    """
    found = Found.of(result)
    first, *others = headline(found)
    blocks = [
        f"# Backtest of {_markdown(words.clean(found.default))}",
        _markdown(facts(found)),
        f"**{_markdown(first)}**",
        *map(_markdown, others),
    ]
    for section in sections(found):
        blocks += [f"## {_markdown(section.title)}", _markdown(section.lead)]
        blocks += [_markdown_table(grid) for grid in section.grids]
        blocks += [_markdown_table(section.aside)] if section.aside else []
        blocks += [f"_{_markdown(section.note)}_"] if section.note else []
    blocks += [f"## {_LIMITS}", "\n".join(f"- {_markdown(line)}" for line in limits(found))]
    return "\n\n".join(blocks) + "\n"


def _markdown(text: str) -> str:
    """Text that markdown shows as it is; addresses are not made into links."""
    text = re.sub(r"([\\`*_{}\[\]<>()#|~$&!])", r"\\\1", text)
    return re.sub(r"(?i)(://|\bwww(?=\.))", lambda part: f"{part[0][:-1]}\\{part[0][-1]}", text)


def _markdown_table(grid: Grid) -> str:
    lines = [[column.title.replace("\n", " ") for column in grid.columns], *grid.rows]
    shown = [[_markdown(cell) for cell in line] for line in lines]
    for at in grid.strong:
        shown[at + 1] = [f"**{cell}**" for cell in shown[at + 1]]
    sides = ["---" if column.justify == "left" else "---:" for column in grid.columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in [shown[0], sides, *shown[1:]])


def backtest_html(result: Mapping[str, Any]) -> str:
    """The report as one page of HTML with its pictures inside.

    Parameters
    ----------
    result : dict
        What ``BacktestResult.to_dict()`` gives.

    Raises
    ------
    ConfigError
        If it is not of that form, or matplotlib is not installed.
    """
    found = Found.of(result)
    title = f"Backtest of {words.clean(found.default)}"
    first, *others = headline(found)
    body = [
        f'<p class="facts">{_html(facts(found))}</p>',
        f'<div class="headline"><p><strong>{_html(first)}</strong></p>',
        *(f"<p>{_html(line)}</p>" for line in others),
        "</div>",
        *(_html_section(section, found) for section in sections(found)),
        f"<section><h2>{_LIMITS}</h2><ul>",
        *(f"<li>{_html(line)}</li>" for line in limits(found)),
        "</ul></section>",
    ]
    return page(title, body)


def _html(text: str) -> str:
    # A figure and its sign stay on one line.
    return escape(text).replace(" %", "\N{NO-BREAK SPACE}%")


def _html_section(section: Section, found: Found) -> str:
    parts = [f"<section><h2>{_html(section.title)}</h2>", f"<p>{_html(section.lead)}</p>"]
    if section.plot:
        shown = picture(found, section.plot)
        caption = f"<figcaption>{_html(shown.caption)}</figcaption>"
        parts.append(f"<figure>{shown.svg}{caption}</figure>")
    parts += [_html_table(grid) for grid in section.grids]
    if section.note:
        parts.append(f'<p class="note">{_html(section.note)}</p>')
    if section.aside:
        folded = _html_table(section.aside)
        parts.append(f"<details><summary>{_POINTS}</summary>{folded}</details>")
    return "\n".join([*parts, "</section>"])


def _html_table(grid: Grid) -> str:
    def cells(tag: str, line: tuple[str, ...] | list[str]) -> str:
        return "".join(
            f'<{tag} class="{column.justify}">{_html(cell).replace(chr(10), "<br>")}</{tag}>'
            for column, cell in zip(grid.columns, line, strict=True)
        )

    head = cells("th", [column.title for column in grid.columns])
    rows = "\n".join(
        f'<tr class="{"strong" if at in grid.strong else ""}">{cells("td", row)}</tr>'
        for at, row in enumerate(grid.rows)
    )
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )
