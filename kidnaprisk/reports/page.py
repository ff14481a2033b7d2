"""One page of HTML that refers to nothing outside itself and runs no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from kidnaprisk.reports.style import Column

_STYLE = """
:root { color-scheme: light; }
body { background: #fff; color: #222; font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans",
  sans-serif; margin: 2.5rem auto; max-width: 58rem; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.facts, .note, figcaption { color: #555; font-size: .875rem; }
.headline { background: #f4f6f8; border-left: 4px solid #0072b2; margin: 1rem 0;
  padding: .5rem 1rem; }
figure { margin: 1rem 0; }
svg { display: block; height: auto; max-width: 100%; width: 100%; }
.table { margin: .8rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #e4e4e4; padding: .25rem .9rem .25rem 0; vertical-align: top; }
th { border-bottom-color: #888; color: #555; font-weight: 500; vertical-align: bottom; }
.left { max-width: 32rem; overflow-wrap: break-word; text-align: left; }
.right { text-align: right; white-space: nowrap; }
.strong { font-weight: 650; }
summary { color: #555; cursor: pointer; font-size: .875rem; }
@media print { body { margin: 0; } section { break-inside: avoid; } }
"""

# Nothing is loaded and nothing runs, even if a name from a file were to slip through.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A page of a title, as text, and parts, as HTML."""
    body = "\n".join(parts)
    return _PAGE.format(title=escape(title), style=_STYLE, body=f"<h1>{escape(title)}</h1>\n{body}")


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    r"""A table of texts, which are escaped.

    Examples
    --------
    >>> table([("name", "left")], [["<b>"]]).splitlines()[2]
    '<tr><td class="left">&lt;b&gt;</td></tr>'
    """

    def line(tag: str, cells: Sequence[str]) -> str:
        shown = (
            f'<{tag} class="{side}">{escape(cell)}</{tag}>'
            for (_, side), cell in zip(columns, cells, strict=True)
        )
        return f"<tr>{''.join(shown)}</tr>"

    head = line("th", [title for title, _ in columns])
    body = "\n".join(line("td", row) for row in rows)
    return (
        f'<div class="table"><table><thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )
