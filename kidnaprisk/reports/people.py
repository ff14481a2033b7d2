"""Who is taken where a trip goes, and what becomes of them, in sentences for a dispatcher.

Both stand beside the trip's figures and change none of them. Every share is told with its interval,
how many records speak and what they leave open. It computes nothing but what is shown in words.
"""

from __future__ import annotations

import pandas as pd

from kidnaprisk.exposure.people import CrewPart
from kidnaprisk.exposure.risk import TripRisk
from kidnaprisk.hazard.consequence import ConsequenceAnswer, Estimate
from kidnaprisk.reports import words
from kidnaprisk.routes.crew import Crew

# Under this part of the exposure, how the crew counts elsewhere is not worth a word.
_LEAST_WEIGHT = 0.01
_OUTCOMES = {
    "released": "released",
    "rescued_or_escaped": "rescued or escaped",
    "partly_released": "released in part",
    "killed_or_died": "killed or died",
    "held": "held as last told",
}


def crew_heading(crew: Crew) -> str:
    """Whose share is told.

    Examples
    --------
    >>> crew_heading(Crew(nationality=["MA", "ML"], sector="transport"))
    'People like this crew (MA, ML, transport)'
    """
    return f"People like this crew ({', '.join([*crew.nationality, *filter(None, [crew.sector])])})"


def crew_paragraphs(part: CrewPart) -> list[str]:
    """The part of past kidnappings that took people like a crew, as paragraphs."""
    beside = (
        "No figure above changes by this: they count incidents against anyone. A small share may "
        "only mean that few such people travel there."
    )
    if part.share is None or part.low is None or part.high is None:
        return [f"Not known: too few records say who was taken. {_of_all_records(part)}", beside]
    where = "near this road, weighed by where the exposure lies," if part.adds else "in all places"
    share = (
        f"Of past kidnappings {where} about {words.share_text(part.share)} "
        f"({100.0 * part.level:.0f} % interval {words.share_span(part.low, part.high)}) "
        f"were of {_who(part)}: {part.n:,} records known by {words.day(part.as_of)} tell. "
        f"{_of_all_records(part)}"
    )
    if not part.adds:
        share += (
            " The place adds nothing: shares of single places did not forecast later kidnappings "
            "better."
        )
    # A sum of parts may miss the whole by its last bits.
    if part.told < 1.0 - 1e-9:
        share += (
            f" No record tells where {words.share_text(1.0 - part.told)} of the exposure lies: "
            "that is not in the share."
        )
    alone = part.facets[(part.facets["facet"] != part.facet) & part.facets["share"].notna()]
    each = [
        f"{row['of']} {words.share_within(row['share'], row['low'], row['high'])} of {row['n']:,}"
        for _, row in alone.iterrows()
    ]
    return [share, *([f"Each alone: {'; '.join(each)}."] if each else []), beside]


def _of_all_records(part: CrewPart) -> str:
    text = "Of all records of the countries crossed it is"
    if words.share_text(part.least) == words.share_text(part.most):
        return f"{text} {words.share_text(part.least)}."
    span = words.share_span(part.least, part.most)
    return f"{text} {span}: the silent ones may all be such, or none."


def _who(part: CrewPart) -> str:
    """What was asked where most exposure lies, and elsewhere where that is something else."""
    elsewhere = part.regions[part.regions["of"] != part.of]
    heavy = elsewhere.groupby("country")["weight"].sum() >= _LEAST_WEIGHT
    others = [
        f"in {country}: {elsewhere.loc[elsewhere['country'] == country, 'of'].iloc[0]}"
        for country in heavy.index[heavy]
    ]
    return f"{part.of} ({'; '.join(others)})" if others else part.of


def consequence_paragraphs(risk: TripRisk, answer: ConsequenceAnswer) -> list[str]:
    """How long those taken before were held and how it ended, as paragraphs."""
    group = "all kidnappings" if answer.group == "pooled" else answer.group
    country = str(risk.regions.groupby("country")["expected_incidents"].sum().idxmax())
    if f"country {country}" not in answer.group:
        group += f", in any country since too few of them in {country} have a dated end"
    held = [
        f"after {days} days {_share(one)}"
        for days, one in answer.held.items()
        if one.value is not None
    ]
    longer = "" if len(held) == len(answer.held) else "; longer is not known"
    ends = [
        f"{_OUTCOMES[name]} {words.share_within(one.share, one.low, one.high)}"
        for name, one in answer.outcomes.items()
    ]
    return [
        f"{group[0].upper()}{group[1:]}: {answer.records:,} records, {answer.dated:,} dated. "
        f"{_median(answer.median_days)}"
        + (f" Still held {', '.join(held)}{longer}." if held else ""),
        f"How it ended, as {answer.told:,} records tell: {', '.join(ends)}.",
        _left_out(risk, answer),
    ]


def _share(one: Estimate) -> str:
    assert one.value is not None
    if one.low is None or one.high is None:
        return words.share_text(one.value)
    return words.share_within(one.value, one.low, one.high)


def _median(median: Estimate) -> str:
    if median.value is None:
        known = "" if median.low is None else f", {median.low:,.0f} days or more"
        return f"More than half were still held as far as the records reach{known}."
    text = f"Half were no longer held after {median.value:,.0f} day{'s'[: median.value != 1.0]}"
    if median.low is None:
        return f"{text}."
    span = "or more" if median.high is None else f"to {median.high:,.0f}"
    return f"{text} ({median.low:,.0f} {span})."


def _left_out(risk: TripRisk, answer: ConsequenceAnswer) -> str:
    text = "Told beside the figures above, in none of them."
    silent = answer.records - answer.told
    if silent:
        released, killed = (answer.outcomes[name] for name in ("released", "killed_or_died"))
        text += (
            f" {silent:,} records do not say how it ended: of all, at least "
            f"{words.share_text(released.at_least)} were released and "
            f"{words.share_text(killed.at_least)} killed or died."
        )
    notes = [words.clean(note) for note in answer.notes]
    text += "".join(f" {note[0].upper()}{note[1:]}." for note in notes)
    as_of = risk.model.get("as_of")
    known = "" if as_of is None else f", known by {words.day(pd.Timestamp(as_of))}"
    return f"{text} Intervals are {100.0 * answer.level:.0f} %{known}."
