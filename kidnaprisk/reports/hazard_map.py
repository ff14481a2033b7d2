"""A map of where the hazard moved between two versions of a model, as SVG to set into a page.

Seven steps from blue (less) over white to red (more), which the colour-blind tell apart (Harrower
and Brewer 2003, "ColorBrewer.org", scheme RdBu). Grey hatches are regions where only one version
speaks. Straight longitude and latitude, narrowed as in the middle of the map: for looking at, not
for measuring.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from html import escape
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from kidnaprisk.reports import words
from kidnaprisk.routes.regions import load_regions

_EDGES = (0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
_COLOURS = ("#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b")
_STEPS = (
    "under ¼", "¼ to ½", "½ to 0.8", "about the same", "1.25 to 2 times", "2 to 4 times",
    "over 4 times",
)  # fmt: skip
_WIDTH, _LEGEND_HEIGHT = 900.0, 74
_TOLERANCE_PIXELS = 0.4
_HATCHES = """<defs>
<pattern id="only-a" width="6" height="6" patternUnits="userSpaceOnUse"
 patternTransform="rotate(45)"><rect width="6" height="6" fill="#e2e2e2"/>
<rect width="2" height="6" fill="#8c8c8c"/></pattern>
<pattern id="only-b" width="6" height="6" patternUnits="userSpaceOnUse">
<rect width="6" height="6" fill="#e2e2e2"/><circle cx="3" cy="3" r="1.4" fill="#555"/></pattern>
</defs>"""


def hazard_map(facts: Mapping[str, Any]) -> str:
    """The map as an SVG element.

    Parameters
    ----------
    facts : mapping
        What ``ModelDiff.to_dict()`` gives: ``a``, ``b``, and ``regions``, rows of ``region_id``,
        ``name``, ``country``, ``a``, ``b``, ``ratio``.
    """
    rows = {row["region_id"]: row for row in facts["regions"]}
    regions = load_regions()
    regions = regions[regions["region_id"].isin(list(rows)).to_numpy()]
    if regions.empty:
        return ""
    shapes, height = _to_scale(regions)
    drawn = [
        _region(rows[str(region_id)], path)
        for region_id, path in zip(regions["region_id"], shapes, strict=True)
    ]
    label = escape(words.clean(f"Change in expected incidents, {facts['a']} to {facts['b']}"))
    box = f"0 0 {_WIDTH:g} {height + _LEGEND_HEIGHT:.0f}"
    return "\n".join(
        [
            f'<svg role="img" aria-label="{label}" viewBox="{box}" font-size="12">',
            _HATCHES,
            '<g stroke="#777" stroke-width="0.5" fill-rule="evenodd">',
            *drawn,
            "</g>",
            _legend(facts, height),
            "</svg>",
        ]
    )


def _to_scale(regions: gpd.GeoDataFrame) -> tuple[list[str], float]:
    """Path of each region in pixels, and the height of them all."""
    west, south, east, north = regions.total_bounds
    narrowed = float(np.cos(np.radians(0.5 * (south + north))))
    scale = _WIDTH / max((east - west) * narrowed, 1e-6)
    shapes = regions.geometry.simplify(_TOLERANCE_PIXELS / scale).to_numpy()
    paths = []
    for shape in shapes:
        rings = shapely.get_rings(shapely.get_parts(shape))
        parts = []
        for ring in rings:
            lon, lat = shapely.get_coordinates(ring).T
            x, y = (lon - west) * narrowed * scale, (north - lat) * scale
            points = " ".join(f"{one:.1f},{other:.1f}" for one, other in zip(x, y, strict=True))
            parts.append(f"M{points}Z")
        paths.append("".join(parts))
    return paths, float((north - south) * scale)


def _region(row: Mapping[str, Any], path: str) -> str:
    a, b = (words.MISSING if row[side] is None else words.amount(row[side]) for side in "ab")
    told = escape(words.clean(f"{row['name']}, {row['country']}: {a} → {b}"))
    return f'<path fill="{_fill(row)}" d="{path}"><title>{told}</title></path>'


def _fill(row: Mapping[str, Any]) -> str:
    """Colour of a region, or its hatch where one version is silent.

    Examples
    --------
    >>> [_fill({"a": 1.0, "b": b, "ratio": b}) for b in (0.1, 1.0, 9.0)]
    ['#2166ac', '#f7f7f7', '#b2182b']
    >>> _fill({"a": None, "b": 1.0, "ratio": None})
    'url(#only-b)'
    """
    if row["a"] is None or row["b"] is None:
        return "url(#only-b)" if row["a"] is None else "url(#only-a)"
    return _COLOURS[bisect(_EDGES, row["ratio"])]


def _legend(facts: Mapping[str, Any], top: float) -> str:
    entries = list(zip(_COLOURS, _STEPS, strict=True))
    parts, wide = [], _WIDTH / len(entries)
    for at, (fill, text) in enumerate(entries):
        parts.append(_entry(at * wide, top + 16.0, wide - 4.0, fill, text))
    for at, side in enumerate("ab"):
        if any(row["b" if side == "a" else "a"] is None for row in facts["regions"]):
            text = words.clean(f"only {facts[side]} speaks")
            parts.append(_entry(at * 2.0 * wide, top + 48.0, 24.0, f"url(#only-{side})", text))
    return "\n".join(parts)


def _entry(x: float, y: float, width: float, fill: str, text: str) -> str:
    """A patch of the legend, its text under a wide one and beside a narrow one."""
    at = (x, y + 24.0) if width > 30.0 else (x + width + 6.0, y + 11.0)
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="12" fill="{fill}" '
        f'stroke="#777" stroke-width="0.5"/><text x="{at[0]:.1f}" y="{at[1]:.1f}" '
        f'fill="#222">{escape(text)}</text>'
    )
