"""The tables of a backtest's report, as plain cells that text, markdown and HTML each lay out.

n stands beside every figure, the model the report is about is in bold, and what went worst is on
top. Cells are safe text on one line, not yet escaped for any format.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from kidnaprisk.reports import words
from kidnaprisk.reports.backtest_cells import (
    Column,
    Grid,
    Row,
    chance,
    count,
    figure,
    figures,
    grid_of,
    nats,
    number,
    setting,
    signed,
    spans,
    text,
)
from kidnaprisk.reports.backtest_checks import ALL_TRIPS, Check, Found, checks

WORST_REGIONS = 15
_MOST_GROUPS = 12
_SHARES = (1, 5, 10)
_HOLDS = {True: "holds", False: "FAILS", None: "not known"}


class Section(NamedTuple):
    """A part of the report: a sentence of what is shown, tables, and a note on reading them.

    ``plot`` names the picture that stands above the tables; ``aside`` holds its points.
    """

    title: str
    lead: str
    grids: tuple[Grid, ...] = ()
    note: str = ""
    plot: str | None = None
    aside: Grid | None = None


def sections(found: Found) -> list[Section]:
    """Every section in the order of the report; those without figures say so."""
    made = [
        _checks(checks(found), found), _skill(found), _comparisons(found), _tests(found),
        _hits(found), _reliability(found), _coverage(found), _regions(found), _windows(found),
        _trips(found), _parameters(found),
    ]  # fmt: skip
    return [one if one.plot or one.grids else _empty(one) for one in made]


def _empty(section: Section) -> Section:
    return Section(section.title, "The result holds no figures for this.")


_N = figures("n", "n")


def _by_model(found: Found, title: str, *columns: Column) -> Grid:
    """A row a model, the most skilled first."""
    return grid_of(
        sorted(found.tables["scores"], key=lambda row: _falling(row, "log_score")),
        text(title, "model"), _N, *columns,
        strong=lambda row: row.get("model") == found.default,
    )  # fmt: skip


def _falling(row: Row, column: str) -> float:
    """Sorts large figures first and missing ones last."""
    value = number(row, column)
    return math.inf if math.isnan(value) else -value


def _checks(told: list[Check], found: Found) -> Section:
    failed = sum(one.holds is False for one in told)
    unknown = sum(one.holds is None for one in told)
    grid = grid_of(
        [one._asdict() for one in told],
        text("check", "what"), text("verdict", lambda row: _HOLDS[row["holds"]]),
        text("found", "found"), text("wanted", "wanted"), Column("n", lambda row: row["n"]),
        strong=lambda row: row["holds"] is not True,
    )  # fmt: skip
    return Section(
        f"What holds of {words.clean(found.default)}, and what does not",
        f"Of {len(told)} checks: {len(told) - failed - unknown} held, {failed} failed, "
        f"{unknown} cannot be told.",
        (grid,),
        "A check that holds is no proof: with few incidents, little can fail.",
    )


def _skill(found: Found) -> Section:
    grid = _by_model(
        found, "model",
        figures("gain over\neven rate", "gain_over_even", nats),
        figures("log score", "log_score", nats), figures("CRPS", "crps", figure),
        figures("expected", "expected", figure), figures("observed", "observed"),
    )  # fmt: skip
    return Section(
        "Skill of every model",
        "Gain and log score in nats per incident, higher is better; CRPS in incidents per region "
        "and window, lower is better. n: incidents in the windows forecast.",
        (grid,),
        "Expected and observed are totals: a right total can be wrong in every place.",
    )


def _comparisons(found: Found) -> Section:
    rows = sorted(
        found.tables["comparisons"],
        key=lambda row: (row.get("model") != found.default, _falling(row, "gain")),
    )
    grid = grid_of(
        rows,
        text("model and reference", lambda r: f"{r.get('model')} against {r.get('reference')}"),
        _N, figures("gain", "gain", nats), spans("95 % interval", "low", "high", nats),
        text("verdict", _verdict),
        strong=lambda row: (
            row.get("model") == found.default and row.get("reference") == found.best_reference
        ),
    )  # fmt: skip
    return Section(
        "Differences between models",
        "Nats per incident by which the model is better than the reference, or worse if below "
        "zero. Intervals from resampled windows, the same ones for both.",
        (grid,) if rows else (),
        "At a gain of 0.10, what happened was e^0.10 = 1.11 times as likely under the model, "
        "per incident. The best reference was picked with these very incidents, which "
        "favours it.",
        plot="comparisons" if found.rows("comparisons", model=found.default) else None,
    )


def _verdict(row: Row) -> str:
    low, high = number(row, "low"), number(row, "high")
    if math.isnan(low) or math.isnan(high):
        return "not known"
    if low > 0.0:
        return "better"
    return "worse" if high < 0.0 else "not told apart"


def _tests(found: Found) -> Section:
    grid = _by_model(
        found, "model", figures("windows", "windows"),
        figures("Poisson\nP(N≥obs)", "number_low", chance),
        figures("Poisson\nP(N≤obs)", "number_high", chance),
        figures("neg. binomial\nP(N≥obs)", "nb_low", chance),
        figures("neg. binomial\nP(N≤obs)", "nb_high", chance),
        figures("spatial\nquantile", "spatial", chance),
    )  # fmt: skip
    return Section(
        "Tests of number and place",
        "How likely the observed total is under each forecast: a tail under 0.025 speaks against "
        "it. Spatial quantile: the share of simulated catalogues that fit the map no better than "
        "what happened did; under 0.05 speaks against it.",
        (grid,),
        "The Poisson test takes incidents for independent. They come in bursts, so it rejects "
        "too readily; the negative binomial allows for bursts.",
    )


def _hits(found: Found) -> Section:
    grids = tuple(
        _by_model(
            found, title,
            *(figures(f"hit rate\n{one} %", f"{prefix}hit_{one}", words.percent)
              for one in _SHARES),
            *(figures(f"PAI\n{one} %", f"{prefix}pai_{one}", figure) for one in _SHARES),
        )
        for title, prefix in (("model, by area", ""), ("model, by road", "road_"))
    )  # fmt: skip
    return Section(
        "Finding the places",
        "Hit rate: share of incidents inside the 1, 5 and 10 % of area (or of km of road) that "
        "the model called most hazardous, in each window anew. PAI: that share over 1, 5 and 10 %; "
        "chance is 1.",
        grids,
        "n counts all incidents; those farther from every road than the encounter radius are in "
        "no figure by road.",
        plot="gains" if found.tables["gains"] else None,
    )  # fmt: skip


def _reliability(found: Found) -> Section:
    slopes = _by_model(
        found, "model", figures("slope", "slope", signed),
        spans("95 % interval", "slope_low", "slope_high", signed),
        figures("intercept", "intercept", signed),
    )  # fmt: skip
    bins = grid_of(
        found.rows("reliability", model=found.default),
        text(f"bin of {words.clean(found.default)}", "bin"), figures("cell-windows", "cells"),
        figures("expected", "expected", figure), figures("observed (n)", "observed"),
        spans("90 % interval\nof observed", "low", "high", figure),
    )  # fmt: skip
    return Section(
        "Reliability",
        "Does more happen where more is expected, by as much? Slope of log observed on log "
        "expected over cells and windows: 1 is right, less is too sure of itself, more too timid.",
        (slopes,),
        plot="reliability" if bins.rows else None,
        aside=bins if bins.rows else None,
    )


def _coverage(found: Found) -> Section:
    rows = sorted(found.tables["coverage"], key=lambda row: row.get("model") != found.default)
    grid = grid_of(
        rows,
        text("model", "model"), _N, text("interval of each", "what"),
        figures("level", "level", words.share_text),
        figures("expected,\nat least", "least_expected", words.amount),
        figures("held", "held", words.percent),
        figures("held,\nrandomised", "held_randomised", words.percent),
    )  # fmt: skip
    return Section(
        "Do the intervals hold?",
        "Share of held-out counts inside the interval forecast for them. n: counts.",
        (grid,) if rows else (),
        "Few whole counts can be cut at exactly 90 %, so a closed interval holds more than it "
        "says. The randomised share allows for that, and is the one checked.",
    )


def _regions(found: Found) -> Section:
    rows = found.rows("regions", model=found.default)
    told = [row for row in rows if number(row, "expected") >= 0.5 or number(row, "observed") > 0.0]
    inside = sum(_inside(row) == "inside" for row in told)
    shown = sorted(told, key=lambda row: (_inside(row) != "OUTSIDE", -_surprise(row)))
    rest = len(told) - len(shown[:WORST_REGIONS])
    grid = grid_of(
        shown[:WORST_REGIONS],
        text("region", lambda row: f"{_name(row)}, {words.clean(row.get('country'))}"),
        figures("observed (n)", "observed"), figures("expected", "expected", figure),
        spans("90 % interval", "low", "high", count),
        Column("observed ÷\nexpected", lambda row: figure(_ratio(row))),
        text("verdict", _inside),
        strong=lambda row: _inside(row) == "OUTSIDE",
    )  # fmt: skip
    return Section(
        "Regions, worst calibrated first",
        f"Of {len(told):,} regions with an incident observed, or 0.5 or more expected, {inside:,} "
        f"lie inside their 90 % interval. {len(rows) - len(told):,} more have neither.",
        (grid,) if grid.rows else (),
        f"{rest:,} better calibrated regions are not shown." if rest else "",
    )


def _name(row: Row) -> str:
    return words.clean(row.get("name")) or words.clean(row.get("region_id"))


def _ratio(row: Row) -> float:
    expected = number(row, "expected")
    return number(row, "observed") / expected if expected > 0.0 else math.nan


def _inside(row: Row) -> str:
    observed, low, high = (number(row, name) for name in ("observed", "low", "high"))
    if math.isnan(observed + low + high):
        return "not known"
    return "inside" if low <= observed <= high else "OUTSIDE"


def _surprise(row: Row) -> float:
    """Poisson deviance of the count."""
    expected, observed = number(row, "expected"), number(row, "observed")
    if math.isnan(observed) or not expected > 0.0:
        return math.inf
    log = observed * math.log(observed / expected) if observed > 0.0 else 0.0
    return 2.0 * (log - observed + expected)


def _windows(found: Found) -> Section:
    rows = found.rows("windows", model=found.default)
    known = [row for row in rows if not math.isnan(number(row, "gain_over_even"))]
    better = sum(number(row, "gain_over_even") > 0.0 for row in known)
    grid = grid_of(
        rows,
        text("window", lambda row: f"{row.get('start')} to {row.get('end')}"),
        text("as of", "as_of"), figures("known", "known"),
        figures("expected", "expected", figure), figures("observed (n)", "observed"),
        figures("gain over\neven rate", "gain_over_even", signed),
    )  # fmt: skip
    return Section(
        "Window by window",
        f"{len(rows):,} windows, each forecast from what was known on its as-of day. Better than "
        f"an even rate in {better:,} of the {len(known):,} for which that can be told.",
        plot="windows" if rows else None,
        aside=grid if rows else None,
    )


def _trips(found: Found) -> Section:
    mine = sorted(
        found.rows("trips", model=found.default),
        key=lambda row: (row.get("group") != ALL_TRIPS, _falling(row, "expected")),
    )[:_MOST_GROUPS]
    others = [r for r in found.rows("trips", group=ALL_TRIPS) if r.get("model") != found.default]
    grid = grid_of(
        [*mine, *others],
        text("model, trips", lambda row: f"{row.get('model')}, {row.get('group')}"),
        figures("n trips", "n"), figures("met (n)", "met", figure),
        figures("expected", "expected", figure), figures("met ÷\nexpected", "ratio", signed),
        spans("95 % interval", "ratio_low", "ratio_high"), figures("slope", "slope", signed),
        spans("95 % interval", "slope_low", "slope_high"),
        strong=lambda row: row.get("model") == found.default and row.get("group") == ALL_TRIPS,
    )  # fmt: skip
    bands = grid_of(
        sorted(found.bands, key=lambda row: _falling(row, "band")),
        text(f"band of {words.clean(found.default)}", lambda row: words.band_text(row["band"])),
        figures("vehicle-days", "vehicle_days"), figures("met (n)", "met", figure),
        figures("expected", "expected", figure),
        figures("met per 1,000\nvehicle-days", "rate", figure),
        spans("95 % interval", "low", "high", figure),
    )  # fmt: skip
    return Section(
        "Virtual trips",
        "Made-up trips on the reference network over past days: incidents expected as of the day "
        "forecast from, against those within the encounter radius of the vehicle while it was "
        "there. An incident dated to several days counts in part. Most exposed groups first.",
        tuple(one for one in (grid, bands) if one.rows),
        "Trips meet the same incidents over and over: what is met can exceed what happened, and "
        "n of trips says less than n of incidents.",
        plot="bands" if bands.rows else None,
    )  # fmt: skip


def _parameters(found: Found) -> Section:
    rows: list[Row] = []
    for name, value in found.parameters.items():
        if isinstance(value, Mapping):
            rows += [{"name": f"{name}: {key}", "value": one} for key, one in value.items()]
        elif name not in {"notes", "coverage"}:
            rows.append({"name": name, "value": value})
    grid = grid_of(
        rows, text("parameter", "name"), text("value", lambda row: setting(row.get("value")))
    )
    return Section("Parameters", "What decides the figures above.", (grid,) if rows else ())


def facts(found: Found) -> str:
    """The days, the windows and the records, on one line."""
    given = found.parameters
    score = found.row("scores", model=found.default)
    parts = [
        f"{given.get('start')} to {given.get('end')}",
        f"{count(number(score, 'windows'))} windows of {given.get('horizon_days')} days",
        f"{count(number(score, 'n'))} incidents in them",
        f"{count(number(given, 'kidnappings'))} kidnappings on record",
    ]
    return words.clean(" · ".join(parts))


def limits(found: Found) -> list[str]:
    """What the figures rest on and leave out."""
    given = found.parameters
    lines = ["These figures judge forecasts of recorded incidents. What nobody records is in none."]
    # With a delay, the result's own notes say what it assumes.
    if given.get("reporting_delay_days") is None:
        lines.append("A record counts for a forecast from the day it was first known.")
    lines += [
        "A window counts in a region only if the records cover it throughout: silence is no zero.",
        "Past skill holds for these sources, places and years. It is no promise for others.",
        *(_source(one) for one in given.get("coverage") or () if isinstance(one, Mapping)),
        *(str(note) for note in given.get("notes") or ()),
    ]
    return [line if line.endswith(".") else f"{line}." for line in map(words.clean, lines)]


def _source(one: Row) -> str:
    kind = (
        "meant to record everything"
        if one.get("systematic")
        else "a sample: where it records less, both forecast and count are too low"
    )
    areas = one.get("areas") or ()
    where = f", {setting(list(areas[:8]))}" + (f" and {len(areas) - 8} more" * (len(areas) > 8))
    note = words.clean(one.get("note"))
    note = f". {note[0].upper()}{note[1:]}" if note else ""
    return f"Data: {one.get('source')}{where}, {one.get('start')} to {one.get('end')}, {kind}{note}"
