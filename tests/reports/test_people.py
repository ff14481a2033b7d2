"""Who is taken, in words: every share with its interval and n, and nothing guessed."""

from __future__ import annotations

import dataclasses
import json
import re

import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.exposure.people import CrewPart
from kidnaprisk.hazard.consequence import ConsequenceAnswer, Estimate
from kidnaprisk.reports.geojson import trip_geojson
from kidnaprisk.reports.people import consequence_paragraphs, crew_paragraphs
from kidnaprisk.reports.text import trip_text

CREW, TAKEN = "People like this crew", "When people were taken before"
SPAN = r"(<?\d+) % \((?:90 % interval )?(<?\d+) to ([<>]?\d+) %\)"


def block(text: str, title: str) -> str:
    """What stands under a heading, its lines joined."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    return " ".join(lines[start + 1 : lines.index("", start)])


def whole(word: str) -> float:
    return 0.5 if word == "<1" else float(word)


@pytest.fixture(scope="module")
def part(crewed: kr.TripRisk) -> CrewPart:
    assert crewed.crew is not None
    return crewed.crew


@pytest.fixture(scope="module")
def answer(crewed: kr.TripRisk) -> ConsequenceAnswer:
    assert crewed.consequence is not None
    return crewed.consequence


def test_the_crew_is_told_with_interval_n_and_bounds(crewed: kr.TripRisk, part: CrewPart) -> None:
    text = block(trip_text(crewed), CREW)
    first, *alone = re.findall(SPAN, text)
    assert [whole(word) for word in first] == pytest.approx(
        [100 * one for one in (part.share, part.low, part.high)], abs=0.51
    )
    others = part.facets[part.facets["facet"] != part.facet].dropna(subset="share")
    assert [whole(found[0]) for found in alone] == pytest.approx(
        (100 * others["share"]).tolist(), abs=0.51
    )
    for row in others.itertuples():
        assert re.search(rf"{row.of} {SPAN} of {row.n}\b", text)
    assert f"{part.n} records known by 17 Mar 2026 tell" in text
    assert "count incidents against anyone" in text


def test_no_crew_no_share(dangerous: kr.TripRisk) -> None:
    text = trip_text(dangerous)
    assert CREW not in text
    assert TAKEN in text
    assert text.index(TAKEN) < text.index("What these figures leave out")


def test_figures_of_the_trip_read_the_same_with_a_crew(
    dangerous: kr.TripRisk, crewed: kr.TripRisk
) -> None:
    named = dataclasses.replace(crewed, trip=dangerous.trip)
    assert trip_text(named).split(CREW)[0].rstrip() == trip_text(dangerous).split(TAKEN)[0].rstrip()


def test_whether_the_place_adds_anything_is_said(part: CrewPart) -> None:
    for adds, said, unsaid in (
        (True, "near this road, weighed by where the exposure lies", "The place adds nothing"),
        (False, "The place adds nothing", "near this road"),
    ):
        text = crew_paragraphs(dataclasses.replace(part, adds=adds))[0]
        assert said in text
        assert unsaid not in text


def test_what_is_not_told_is_said(part: CrewPart) -> None:
    partly = dataclasses.replace(part, told=0.6, least=0.02, most=0.91)
    text = crew_paragraphs(partly)[0]
    assert "No record tells where 40 % of the exposure lies" in text
    assert "it is 2 to 91 %: the silent ones may all be such, or none" in text
    unknown = dataclasses.replace(partly, share=None, low=None, high=None, told=0.0)
    text = crew_paragraphs(unknown)[0]
    assert text.startswith("Not known: too few records say who was taken.")
    assert "2 to 91 %" in text
    assert not re.search(SPAN, text)


def test_where_the_crew_is_local_is_said(part: CrewPart) -> None:
    regions = pd.DataFrame(
        {
            "country": ["ML", "MA", "MA"], "weight": [0.7, 0.2, 0.1],
            "of": ["foreign victims", "local victims", "local victims"],
        }
    )  # fmt: skip
    mixed = dataclasses.replace(part, of="foreign victims", regions=regions)
    assert "were of foreign victims (in MA: local victims)" in crew_paragraphs(mixed)[0]
    barely = regions.assign(weight=[0.995, 0.003, 0.002])
    mixed = dataclasses.replace(mixed, regions=barely)
    assert "were of foreign victims:" in crew_paragraphs(mixed)[0]


def test_captivity_is_told_as_it_is_held(crewed: kr.TripRisk, answer: ConsequenceAnswer) -> None:
    text = block(trip_text(crewed), TAKEN)
    for days, one in answer.held.items():
        found = re.search(rf"after {days} days {SPAN}", text)
        assert found
        assert one.value is not None
        assert whole(found[1]) == pytest.approx(100 * one.value, abs=0.51)
    found = re.search(rf"killed or died {SPAN}", text)
    assert found
    assert whole(found[1]) == pytest.approx(100 * answer.outcomes["killed_or_died"].share, abs=0.51)
    assert f"{answer.records} records, {answer.dated} dated" in text
    assert f"as {answer.told} records tell" in text
    assert "in none of them" in text


@pytest.mark.parametrize(
    ("median", "said"),
    [
        (Estimate(1.0, 1.0, 3.0), "no longer held after 1 day (1 to 3)."),
        (Estimate(9.0, 7.0, None), "no longer held after 9 days (7 or more)."),
        (Estimate(None, 40.0, None), "as far as the records reach, 40 days or more."),
        (Estimate(None, None, None), "More than half were still held as far as the records reach."),
    ],
)
def test_the_median_is_never_guessed(
    median: Estimate, said: str, crewed: kr.TripRisk, answer: ConsequenceAnswer
) -> None:
    held = {7: Estimate(0.2, 0.1, 0.4), 30: Estimate(0.0, 0.0, 0.3), 90: Estimate(None, None, None)}
    told = dataclasses.replace(answer, median_days=median, held=held)
    text = consequence_paragraphs(crewed, told)[0]
    assert said in text
    assert "after 30 days 0 % (0 to 30 %); longer is not known." in text
    assert "90" not in text.split("Still held")[1]


def test_the_group_that_answers_is_named(crewed: kr.TripRisk, answer: ConsequenceAnswer) -> None:
    pooled = dataclasses.replace(answer, group="pooled")
    text = consequence_paragraphs(crewed, pooled)[0]
    assert text.startswith("All kidnappings, in any country since too few of them in BF have")
    own = dataclasses.replace(answer, group="foreign victims, country BF")
    assert consequence_paragraphs(crewed, own)[0].startswith("Foreign victims, country BF: ")


@pytest.mark.parametrize("width", [100, 80, 60])
def test_lines_fit_and_no_per_cent_sign_stands_alone(width: int, crewed: kr.TripRisk) -> None:
    text = trip_text(crewed, width)
    people = text[text.index(CREW) : text.index("What these figures leave out")].splitlines()
    assert max(map(len, people)) <= width
    assert not any(line.startswith("%") for line in people)
    assert "\u00a0" not in text


def test_names_of_sources_are_text_and_nothing_else(
    crewed: kr.TripRisk, answer: ConsequenceAnswer
) -> None:
    evil = dataclasses.replace(answer, notes=("left out: [bold]x[/bold]\x1b[31m\u202e\nBand: low",))
    text = trip_text(dataclasses.replace(crewed, consequence=evil))
    assert "[bold]x[/bold]" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert not any(line.startswith("Band: low") for line in text.splitlines())


def test_the_map_carries_both_in_its_totals(crewed: kr.TripRisk, part: CrewPart) -> None:
    totals = json.loads(trip_geojson(crewed))["totals"]
    assert totals["crew"]["share"] == part.share
    assert totals["consequence"]["group"]
