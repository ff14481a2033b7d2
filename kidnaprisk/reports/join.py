"""Incidents near a route, as a list for people and as plain values for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from kidnaprisk.incidents.coverage import coverage_of
from kidnaprisk.reports import words
from kidnaprisk.reports.plain import plain_rows
from kidnaprisk.reports.style import Column, heading, plain_table
from kidnaprisk.routes.route import Route


@dataclass(frozen=True, eq=False)
class Joined:
    """Incidents ``near`` one route, within ``within_km`` of it, out of all that are ``known``."""

    route: Route
    near: gpd.GeoDataFrame
    within_km: float
    known: gpd.GeoDataFrame

    def totals(self) -> dict[str, Any]:
        """What was asked, and how many were found."""
        return {
            "route": self.route.name,
            "km": self.route.km,
            "within_km": self.within_km,
            "incidents_near": len(self.near),
            "incidents_known": len(self.known),
            "coverage": [one.to_dict() for one in coverage_of(self.known)],
        }


def join_dict(joined: Joined) -> dict[str, Any]:
    """Everything as plain values: totals, then ``incidents`` as a list of rows in order of travel.

    Positions are ``longitude`` and ``latitude``.
    """
    points = joined.near.geometry
    table = pd.DataFrame(joined.near.drop(columns=["route", "geometry"]))
    rows = plain_rows(table.assign(longitude=points.x, latitude=points.y))
    return {**joined.totals(), "incidents": rows}


def join_report(joined: Joined) -> Group:
    """The list, for a rich console."""
    near, route = joined.near, joined.route
    found = f"{len(near):,} of {len(joined.known):,} recorded incidents lie"
    lines: list[RenderableType] = [
        Text(words.clean(route.name) or "Route", style="bold"),
        Text(f"{route.km:,.0f} km; {found} within {joined.within_km:g} km of it"),
        heading("In order of travel"),
        _rows(near) if len(near) else Text("None. No record near a road does not make it safe."),
        heading("What the records are"),
    ]
    for one in coverage_of(joined.known):
        kind = "meant to record everything" if one.systematic else "a sample, so a floor"
        note = f". {one.note}" if one.note else ""
        text = f"{one.source}, {one.start} to {one.end}, {kind}: {', '.join(one.areas)}{note}"
        lines.append(Text(words.clean(text)))
    return Group(*lines)


def _rows(near: gpd.GeoDataFrame) -> RenderableType:
    mixed = near["kind"].nunique() > 1
    kind: list[Column] = [("kind", "left")] if mixed else []
    table = plain_table(
        ("at km", "right"), ("km from\nroute", "right"), ("date", "left"), ("place", "left"),
        *kind, ("taken", "right"), ("outcome", "left"),
        ("incident", "left"),
    )  # fmt: skip
    for _, row in near.iterrows():
        away = "<1" if row["distance_km"] < 0.5 else f"{row['distance_km']:,.0f}"
        if not pd.isna(row["location_error_km"]):
            away += f" ±{row['location_error_km']:,.0f}"
        place = words.clean(row["place"]) or "place not named"
        taken = "" if pd.isna(row["victims"]) else f"{row['victims']:,}"
        table.add_row(
            f"{row['along_km']:,.0f}", away, words.days(row["date"], row["date_end"]),
            Text(f"{place}, {words.clean(row['country'])}"),
            *([Text(words.clean(row["kind"]))] if mixed else []), taken,
            Text(words.clean(row["outcome"]).replace("_", " ")),
            Text(words.clean(row["incident_id"])),
        )  # fmt: skip
    return table
