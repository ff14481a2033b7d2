"""The report of a scored trip as text: what a dispatcher reads.

Regions in order of travel, the worst stretches, the incidents that weigh most, and what is not
known. Bands and shares come before probabilities where the records are a sample, and no figure
stands without its unit. Names from files are shown as they are, never read as markup or as
commands to the terminal. It computes nothing that :class:`TripRisk` does not hold.
"""

from __future__ import annotations

import textwrap
from io import StringIO

import numpy as np
import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from kidnaprisk.exposure.risk import INSUFFICIENT, OUTSIDE, TripRisk
from kidnaprisk.hazard.network import BAND_NAMES
from kidnaprisk.reports import words
from kidnaprisk.reports.limits import limits
from kidnaprisk.reports.people import consequence_paragraphs, crew_heading, crew_paragraphs
from kidnaprisk.reports.places import TownsPassed, towns_along
from kidnaprisk.reports.style import BAND_STYLES, Column, heading, plain_table
from kidnaprisk.routes.trip import PlacedStop, resolve_stops

WIDTH = 100
WORST_STRETCHES = 5
WEIGHTIEST_INCIDENTS = 8
_SMALLEST_KM = 0.05
# Bars need room beside the names of regions.
_BARS_FROM = 90


def trip_text(risk: TripRisk, width: int = WIDTH) -> str:
    """The report as plain text of at most ``width`` columns, without colours.

    Parameters
    ----------
    risk : TripRisk
    width : int
        Columns, 60 or more.
    """
    return to_text(trip_report(risk, width), width)


def to_text(report: RenderableType, width: int = WIDTH) -> str:
    """A report as plain text, lines without trailing blanks."""
    page = StringIO()
    Console(file=page, width=width, color_system=None, force_terminal=False).print(
        report, crop=False
    )
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


def trip_report(risk: TripRisk, width: int = WIDTH) -> Group:
    """The report of a trip, for a rich console of ``width`` columns."""
    towns = towns_along(risk.trip)
    stops = [] if risk.trip.follows_times else resolve_stops(risk.trip)
    return Group(
        _headline(risk, towns, stops),
        heading("Regions, in order of travel"),
        *_regions(risk, with_bars=width >= _BARS_FROM),
        heading("Worst stretches, by exposure"),
        *_stretches(risk, towns),
        heading("Incidents that weigh most"),
        *_incidents(risk),
        *_people(risk, width),
        heading("What these figures leave out"),
        limits(risk),
    )


def _people(risk: TripRisk, width: int) -> list[RenderableType]:
    """Who is taken there and what becomes of them, as far as the records tell."""
    blocks: list[RenderableType] = []
    if risk.crew is not None:
        paragraphs = [_paragraph(one, width) for one in crew_paragraphs(risk.crew)]
        blocks += [heading(crew_heading(risk.crew.crew)), *paragraphs]
    if risk.consequence is not None:
        told = consequence_paragraphs(risk, risk.consequence)
        blocks.append(heading("When people were taken before"))
        blocks += [_paragraph(one, width) for one in told]
    return blocks


def _paragraph(text: str, width: int) -> Text:
    """Text broken into lines, but never between a number and its per cent sign."""
    lines = textwrap.wrap(text.replace(" %", "\u00a0%"), width, break_on_hyphens=False)
    return Text("\n".join(lines).replace("\u00a0", " "))


def _headline(risk: TripRisk, towns: TownsPassed, stops: list[PlacedStop]) -> Group:
    lines = [
        Text(words.clean(risk.trip.name) or "Trip", style="bold"),
        Text(
            f"{risk.km:,.0f} km · {words.instant(risk.departure)} → {words.instant(risk.arrival)} "
            f"UTC · {words.duration(risk.hours)}"
        ),
    ]
    if stops:
        halts = [f"{words.clean(stop.label)} {words.duration(stop.hours)}" for stop in stops]
        lines.append(Text(f"Stops: {', '.join(halts)}"))
    figures = [_band(risk, towns), _where_exposed(risk)]
    chance = _chance(risk)
    ordered = [*chance, *figures] if risk.systematic else [*figures, *chance]
    return Group(*lines, Text(), *ordered)


def _band(risk: TripRisk, towns: TownsPassed) -> Text:
    if risk.band is None or risk.percentile is None:
        return Text.assemble(("NO BAND", "bold"), f"  {_why_no_band(risk)}: that is not safety")
    text = f"  more hazardous than {_below(risk.percentile)} of the roads between towns in the area"
    text += " covered"
    highest = _highest(risk.stretches)
    if highest is not None:
        worst = risk.stretches.loc[highest]
        where = towns.between(worst["km_from"], worst["km_to"])
        text += f", at its worst: {words.clean(where)} (km {_span(worst)})"
    return Text.assemble(
        (f" {BAND_NAMES[risk.band - 1].upper()} {risk.band} of 5 ", BAND_STYLES[risk.band]), text
    )


def _why_no_band(risk: TripRisk) -> str:
    status = risk.regions["status"]
    unknown = []
    if (status == INSUFFICIENT).any():
        unknown.append("for some regions too few incidents speak")
    if risk.uncovered_km >= _SMALLEST_KM:
        unknown.append("some km are not scored")
    return " and ".join(unknown) or "there are no roads between towns to compare this trip with"


def _highest(stretches: pd.DataFrame) -> object | None:
    """Label of the stretch of highest percentile, if any has one."""
    told = stretches["percentile"].dropna()
    return None if told.empty else told.idxmax()


def _below(percentile: float) -> str:
    return ">99.9 %" if percentile > 99.9 else f"{percentile:.1f} %"


def _where_exposed(risk: TripRisk) -> Text:
    shares = risk.regions.sort_values("share", ascending=False, na_position="last")
    top = shares.iloc[0]
    return Text(
        f"{words.share_text(top['share'])} of the exposure lies in {_region_name(top)}: "
        f"{top['km']:,.0f} km and {words.duration(top['hours'])} of the trip"
    )


def _chance(risk: TripRisk) -> list[Text]:
    unit = words.trips_unit(risk.expected_incidents)
    low, high = risk.interval
    at_least = "" if risk.systematic else "at least "
    odds = words.odds(risk.probability)
    text = (
        f"{at_least}{words.percent(risk.probability)} probability{f' ({odds})' if odds else ''} "
        f"of meeting a recorded kidnapping; "
        f"{at_least}{words.amount(risk.expected_incidents * unit)} expected per "
        f"{words.unit_text(unit)}"
    )
    if not np.isnan(low):
        text += f" (90 % interval {words.amount(low * unit)} to {words.amount(high * unit)})"
    lines = [Text(text[0].upper() + text[1:])]
    if risk.uncovered_km >= 0.5:
        lines.append(
            Text(
                f"{risk.uncovered_km:,.0f} of {risk.km:,.0f} km are not scored and are in no "
                "figure: their risk is unknown, not low.",
                style="bold",
            )
        )
    if not risk.systematic:
        lines.append(Text("“At least”: the records are a sample, so the true figures are higher."))
    lines.append(
        Text(
            f"Met means: within {risk.radius_km:g} km of the vehicle while it is there, "
            "driving or parked.",
            style="dim",
        )
    )
    return lines


def _region_name(row: pd.Series) -> str:
    return words.clean(f"{row['name']}, {row['country']}")


def _span(stretch: pd.Series) -> str:
    return f"{stretch['km_from']:,.0f}–{stretch['km_to']:,.0f}"


def _regions(risk: TripRisk, *, with_bars: bool) -> list[RenderableType]:
    unit = words.trips_unit(risk.expected_incidents)
    bar_column: list[Column] = [("", "left")] if with_bars else []
    table = plain_table(
        ("Region", "left"), ("km", "right"), ("time", "right"), ("band", "left"),
        (_expected_per(unit), "right"), ("90 %\ninterval", "right"),
        ("share of\nexposure", "right"),
        *bar_column,
    )  # fmt: skip
    for _, row in risk.regions.iterrows():
        bars = [words.bar(row["share"])] if with_bars else []
        table.add_row(*_region_cells(row, unit), *bars, style=_row_style(row))
    _add_nowhere(table, risk)
    table.add_section()
    low, high = risk.interval
    table.add_row(
        "Trip", f"{risk.km:,.0f}", words.duration(risk.hours), words.band_text(risk.band),
        words.amount(risk.expected_incidents * unit), _interval(low * unit, high * unit),
        "100 %", style="bold",
    )  # fmt: skip
    return [table, *_region_footnotes(risk)]


def _expected_per(unit: int) -> str:
    return f"expected per\n{words.unit_text(unit)}"


def _region_cells(row: pd.Series, unit: int) -> list[RenderableType]:
    time = words.duration(row["hours"])
    if row["status"] == OUTSIDE:
        km = f"({row['uncovered_km']:,.0f})"
        return [Text(_region_name(row)), km, time, "not scored", words.MISSING, "", ""]
    name = _region_name(row)
    if row["uncovered_km"] >= _SMALLEST_KM:
        name += f"\n + {row['uncovered_km']:,.0f} km not scored"
    band = Text(words.band_text(row["band"]), style=_band_style(row["band"]))
    if row["status"] == INSUFFICIENT:
        band = Text("thin") if pd.isna(row["band"]) else band.append(", thin", style="default")
    return [
        Text(name), f"{row['km']:,.0f}", time, band,
        words.amount(row["expected_incidents"] * unit),
        _interval(row["low"] * unit, row["high"] * unit),
        words.share_text(row["share"]),
    ]  # fmt: skip


def _interval(low: float, high: float) -> str:
    return words.MISSING if np.isnan(low) else f"{words.amount(low)} to {words.amount(high)}"


def _band_style(band: object) -> str:
    return "" if pd.isna(band) else BAND_STYLES[int(band)]  # type: ignore[call-overload]


def _row_style(row: pd.Series) -> str:
    return "bold" if row["share"] >= 0.1 else ""


def _add_nowhere(table: Table, risk: TripRisk) -> None:
    km = risk.uncovered_km - float(risk.regions["uncovered_km"].sum())
    if km >= _SMALLEST_KM:
        hours = max(0.0, risk.hours - float(risk.regions["hours"].sum()))
        shown = f"({km:,.0f})" if km >= 0.5 else "(<1)"
        table.add_row(
            "At sea or in no region", shown, words.duration(hours), "not scored",
            words.MISSING,
        )  # fmt: skip


def _region_footnotes(risk: TripRisk) -> list[Text]:
    notes = []
    if (risk.regions["status"] == INSUFFICIENT).any():
        notes.append(
            "thin: too few incidents speak here to tell. A band of low or moderate is withheld; "
            "thin is not safe."
        )
    if risk.uncovered_km >= _SMALLEST_KM:
        notes.append("(km) in brackets are not scored and are in no figure: unknown, not low.")
    return [Text(note, style="dim") for note in notes]


def _stretches(risk: TripRisk, towns: TownsPassed) -> list[RenderableType]:
    unit = words.trips_unit(risk.expected_incidents)
    table = plain_table(
        ("Where", "left"), ("km", "right"), ("enter, UTC", "right"), ("time", "right"),
        ("band", "left"),
        (_expected_per(unit), "right"), ("share of\nexposure", "right"),
    )  # fmt: skip
    known = risk.stretches.dropna(subset="expected_incidents")
    chosen = known.nlargest(WORST_STRETCHES, "expected_incidents")
    highest = _highest(known)
    if highest is not None and highest not in chosen.index:
        chosen = pd.concat([chosen, known.loc[[highest]]])
    last = chosen.index[-1] if len(chosen) > WORST_STRETCHES else None
    for number, row in chosen.iterrows():
        where = Text(words.clean(towns.between(row["km_from"], row["km_to"])))
        if number == last:
            where.append("\n highest band, little time there", style="dim")
        enter = row["enter"].tz_convert("UTC")
        # The headline has the year.
        day, _, _ = words.day(enter).rpartition(" ")
        table.add_row(
            where, _span(row), f"{day} {enter:%H:%M}", words.duration(row["hours"]),
            Text(words.band_text(row["band"]), style=_band_style(row["band"])),
            words.amount(row["expected_incidents"] * unit),
            words.share_text(_share(row["expected_incidents"], risk)),
        )  # fmt: skip
    return [table]


def _context(kind: str) -> str:
    return "" if kind == "kidnapping" else f" ({kind})"


def _share(expected: float, risk: TripRisk) -> float:
    """Part of the trip's exposure; NaN of a trip without any."""
    return expected / risk.expected_incidents if risk.expected_incidents > 0.0 else float("nan")


def _incidents(risk: TripRisk) -> list[RenderableType]:
    if risk.from_incidents is None:
        return [Text("This model cannot tell which incidents speak for its answer.")]
    if risk.incidents.empty:
        return [Text("None reaches this trip: what hazard there is comes from towns and floor.")]
    table = plain_table(
        ("date", "left"), ("place", "left"), ("km from\nroute", "right"),
        ("at trip\nkm", "right"), ("share of\nexposure", "right"), ("incident", "left"),
    )  # fmt: skip
    for _, row in risk.incidents.head(WEIGHTIEST_INCIDENTS).iterrows():
        away = f"{row['distance_km']:,.0f}" if row["distance_km"] >= 0.5 else "<1"
        if not pd.isna(row["location_error_km"]):
            away += f" ±{row['location_error_km']:,.0f}"
        place = words.clean(row["place"]) or "place not named"
        table.add_row(
            words.days(row["date"], row["date_end"]),
            Text(f"{place}, {words.clean(row['country'])}"),
            away, f"{row['along_km']:,.0f}", words.share_text(row["share"]),
            Text(words.clean(row["incident_id"] + _context(row["kind"]))),
        )  # fmt: skip
    shown = min(len(risk.incidents), WEIGHTIEST_INCIDENTS)
    rest = len(risk.incidents) - shown
    others = f" and {rest:,} others" if rest else ""
    told = words.share_text(_share(risk.from_incidents, risk))
    note = (
        f"These {shown}{others} account for {told} of the exposure; towns and an even floor for "
        "the rest. ± km: how well the place is known."
    )
    return [table, Text(note, style="dim")]
