"""What the text reports are put together from: headings, tables, the colours of bands."""

from __future__ import annotations

from typing import Literal

from rich.table import Table
from rich.text import Text

Column = tuple[str, Literal["left", "right"]]

# Colour only ever doubles the word beside it.
BAND_STYLES = {
    1: "green",
    2: "yellow",
    3: "dark_orange",
    4: "bold red",
    5: "bold white on red",
}


def heading(text: str) -> Text:
    """A heading, with a blank line before it."""
    return Text(f"\n{text}", style="bold")


def plain_table(*columns: Column, flexible: str | None = None) -> Table:
    """A table without borders; one left column, ``flexible``, takes what width is left over."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    names = [name for name, justify in columns if justify == "left" and name]
    flexible = flexible or ("place" if "place" in names else names[0])
    for name, justify in columns:
        if name == flexible:
            table.add_column(name, justify=justify, overflow="fold", vertical="bottom")
        else:
            table.add_column(name, justify=justify, no_wrap=True, vertical="bottom")
    return table
