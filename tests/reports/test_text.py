"""The report says what TripRisk holds, in few columns, and takes no orders from names in files."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.reports.places import towns_along
from kidnaprisk.reports.text import trip_text

FIXTURES = ["dangerous", "quiet", "half_covered", "across_the_line"]
REGION = re.compile(
    r"(?P<name>.+?), (?P<country>[A-Z]{2}) +(?P<km>\(?[\d,]+\)?) +"
    r"(?P<time>\d+ d(?: \d+ h)?|<?[\d.]+ h) (?P<band>thin|not scored|[a-z]+ [1-5](?:, thin)?|–) +"
    r"(?P<expected>[<\d.,]+|–)(?: +(?P<low>[<\d.,]+) to (?P<high>[<\d.,]+)| +–)?"
    r"(?: +(?P<share>[<>]?\d+) %)?"
)


def section(text: str, title: str) -> list[str]:
    """Lines below a heading, to the next blank line."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    end = next((i for i in range(start, len(lines)) if not lines[i].strip()), len(lines))
    return lines[start + 1 : end]


def rows(text: str) -> list[re.Match[str]]:
    matches = (REGION.match(line) for line in section(text, "Regions, in order"))
    return [match for match in matches if match]


def number(word: str) -> float:
    return float(word.strip("<>()").replace(",", ""))


def agrees(word: str, value: float) -> bool:
    """Whether a printed amount is the value to two digits, or rightly says it is less."""
    if word.startswith("<"):
        return 0.0 < value < number(word)
    return number(word) == pytest.approx(value, rel=0.05, abs=0.0051)


def hours(word: str) -> float:
    days = re.match(r"(\d+) d(?: (\d+) h)?", word)
    return 24 * int(days[1]) + int(days[2] or 0) if days else number(word.removesuffix(" h"))


def units(text: str) -> float:
    unit = re.search(r"expected\s+per\s+(million|[\d,]+)?\s*trips?", " ".join(text.split()))
    assert unit
    return 1e6 if unit[1] == "million" else number(unit[1] or "1")


def test_regions_are_those_of_the_trip_in_order(dangerous: kr.TripRisk) -> None:
    text = trip_text(dangerous)
    found, regions, unit = rows(text), dangerous.regions, units(text)
    assert [row["name"] for row in found] == regions["name"].tolist()
    assert [row["country"] for row in found] == regions["country"].tolist()
    for row, (_, region) in zip(found, regions.iterrows(), strict=True):
        assert number(row["km"]) == pytest.approx(region["km"], abs=0.51)
        assert hours(row["time"]) == pytest.approx(region["hours"], abs=0.51)
        assert agrees(row["expected"], region["expected_incidents"] * unit)
        assert agrees(row["low"], region["low"] * unit)
        assert agrees(row["high"], region["high"] * unit)
        assert number(row["share"]) == pytest.approx(100 * region["share"], abs=1.0)
        assert row["band"].split()[1] == str(region["band"])


def test_totals_are_those_of_the_trip(dangerous: kr.TripRisk) -> None:
    text = trip_text(dangerous)
    last = next(line for line in section(text, "Regions") if line.startswith("Trip "))
    assert f"{dangerous.km:,.0f}" in last.split()
    assert last.endswith("100 %")
    assert f"{100 * dangerous.probability:.2g} %" in text
    assert re.search(rf"[A-Z]+ {dangerous.band} of 5", text)


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize("name", FIXTURES)
def test_no_line_is_wider_than_asked(name: str, width: int, request: pytest.FixtureRequest) -> None:
    text = trip_text(request.getfixturevalue(name), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_a_sample_puts_the_band_first_and_says_at_least(dangerous: kr.TripRisk) -> None:
    text = trip_text(dangerous)
    assert text.index(f" {dangerous.band} of 5") < text.index("probability")
    assert "At least" in text
    assert "sample" in text


def test_systematic_records_put_the_probability_first(dangerous: kr.TripRisk) -> None:
    whole = dataclasses.replace(dangerous, model={**dangerous.model, "systematic": True})
    text = trip_text(whole)
    assert text.index("probability") < text.index(f" {dangerous.band} of 5")
    assert "at least" not in text.split("Regions, in order")[0].lower()


def test_thin_evidence_never_reads_as_low(quiet: kr.TripRisk) -> None:
    text = trip_text(quiet)
    assert "NO BAND" in text
    assert {row["band"] for row in rows(text)} == {"thin"}
    assert "thin is not safe" in text
    assert "At least" in text


def test_uncovered_km_are_shown_in_brackets_and_not_scored(half_covered: kr.TripRisk) -> None:
    outside = half_covered.regions[half_covered.regions["status"] == "outside_coverage"]
    assert len(outside) > 0
    text = trip_text(half_covered)
    shown = {row["name"]: row for row in rows(text)}
    for _, region in outside.iterrows():
        row = shown[region["name"]]
        assert row["band"] == "not scored"
        assert row["expected"] == "–"
        assert row["km"].startswith("(")
        assert number(row["km"]) == pytest.approx(region["uncovered_km"], abs=0.51)
    headline = text.split("Regions, in order")[0]
    assert (
        f"{half_covered.uncovered_km:,.0f} of {half_covered.km:,.0f} km are not scored" in headline
    )
    assert "unknown, not low" in headline
    assert "trip in" not in headline


def test_a_trip_without_a_band_says_why(half_covered: kr.TripRisk, quiet: kr.TripRisk) -> None:
    assert half_covered.band is None
    assert "NO BAND  some km are not scored: that is not safety" in trip_text(half_covered)
    assert "NO BAND  for some regions too few incidents speak" in trip_text(quiet)


def test_km_in_the_table_add_up_to_the_trip(across_the_line: kr.TripRisk) -> None:
    lines = section(trip_text(across_the_line), "Regions, in order")
    km = [re.search(r" (\(?<?[\d,]+\)?) +<?[\d.]+ h", line) for line in lines]
    shown = [number(found[1]) for found in km if found]
    assert sum(shown[:-1]) == pytest.approx(shown[-1], abs=0.51 * len(shown))
    assert shown[-1] == pytest.approx(across_the_line.km, abs=0.51)


def test_a_model_that_explains_nothing_says_so(across_the_line: kr.TripRisk) -> None:
    text = trip_text(across_the_line)
    assert "cannot tell which incidents" in text
    assert "90 % interval <" not in text
    assert "nan" not in text.lower()


def test_worst_stretches_are_the_five_of_most_exposure(dangerous: kr.TripRisk) -> None:
    lines = section(trip_text(dangerous), "Worst stretches")
    spans = [re.search(r"(\d[\d,]*)–(\d[\d,]*)", line) for line in lines]
    shown = [(number(found[1]), number(found[2])) for found in spans if found]
    worst = dangerous.stretches.nlargest(5, "expected_incidents")
    expected = [(round(a), round(b)) for a, b in zip(worst["km_from"], worst["km_to"], strict=True)]
    assert shown[:5] == expected
    highest = dangerous.stretches.loc[dangerous.stretches["percentile"].idxmax()]
    assert (round(highest["km_from"]), round(highest["km_to"])) in shown


def test_stretch_of_the_halt_is_named_by_its_town(dangerous: kr.TripRisk) -> None:
    first = section(trip_text(dangerous), "Worst stretches")[2]
    assert first.startswith("at Dori")
    assert "48" in first or "2 d" in first


def test_incidents_are_told_with_share_and_id(dangerous: kr.TripRisk) -> None:
    text = "\n".join(section(trip_text(dangerous), "Incidents that weigh"))
    top = dangerous.incidents.head(8)
    ids = re.findall(r"KR-[A-Z]{2}-\d{8}-\d+", text)
    assert ids == top["incident_id"].tolist()
    shares = [number(word) for word in re.findall(r"([<>]?\d+) % +KR-", text)]
    assert shares == pytest.approx((100 * top["share"]).tolist(), abs=1.0)


@pytest.mark.parametrize(
    "evil",
    [
        "[bold red]Dori[/bold red]",
        "[/]",
        "[link=http://example.org]here[/link]",
        "\x1b[31mDori\x1b[0m\x07",
        "Dori\nBand: low",
        "\u202elaer\u202c \u200b",
    ],
)
def test_names_from_files_are_text_and_nothing_else(dangerous: kr.TripRisk, evil: str) -> None:
    incidents = dangerous.incidents.copy()
    incidents["place"] = pd.array([evil] * len(incidents), dtype="string")
    trip = kr.Trip(dangerous.trip.route, departure="2025-01-18T06:00Z", name=evil)
    text = trip_text(dataclasses.replace(dangerous, incidents=incidents, trip=trip))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e]", text)
    assert not any(line.startswith("Band: low") for line in text.splitlines())
    if evil.startswith("["):
        assert evil in text.splitlines()[0]


def test_dori_to_tera_is_between_dori_and_tera(dangerous: kr.TripRisk) -> None:
    towns = towns_along(dangerous.trip)
    km = {town.name: town.km for town in towns.towns}
    assert km["Dori"] < km["Téra"] < km["Niamey"]
    middle = 0.5 * (km["Dori"] + km["Téra"])
    assert towns.between(middle - 5, middle + 5).startswith("Dori → Téra, ")
