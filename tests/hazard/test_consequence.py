"""How long captivity lasts and how it ends: published and hand-worked curves, SYNTHETIC tables."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.consequence import Consequence, held_curve

# Freireich et al. (1963), remission of 21 leukaemia patients on 6-MP in weeks; + is censored.
REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+".split()
NOBODY = kr.Crew(sector="mining")


def remission(level=0.95):
    days = np.array([float(one.rstrip("+")) for one in REMISSION])
    return held_curve(days, np.array([one.endswith("+") for one in REMISSION]), level)


def table(rows, **columns):
    """SYNTHETIC kidnappings on 1 January 2020: (outcome, days until its date or None) each."""
    outcome, days = zip(*rows, strict=True)
    n = len(rows)
    day = pd.Timestamp("2020-01-01")
    return gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i}" for i in range(n)],
            "source": "synthetic",
            "kind": "kidnapping",
            "date": day,
            "known_on": day + pd.Timedelta(days=5),
            "country": "NE",
            "outcome": list(outcome),
            "outcome_date": [pd.NaT if d is None else day + pd.Timedelta(days=d) for d in days],
            **columns,
        },
        geometry=gpd.points_from_xy([2.0] * n, [14.0] * n),
        crs="EPSG:4326",
    )


TEN = [
    ("released", 2), ("released", 10), ("released", 10), ("rescued", 40), ("escaped", 100),
    ("killed", 2), ("died", 60), ("partly_released", 20), ("held", 50), ("released", None),
]  # fmt: skip


def test_the_published_curve():
    """Kalbfleisch and Prentice (2002), table 1.1 and after: 0.857 at 6, 0.448 at 23, median 23."""
    curve = remission()
    for week, share in ((6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (23, 0.4482)):
        assert curve.at(week).value == pytest.approx(share, abs=5e-5)
    assert curve.median() == (23.0, 13.0, None)
    # R survival, conf.type = "log-log", and lifelines 0.30.3.
    assert curve.at(10)[1:] == pytest.approx((0.5032, 0.8894), abs=5e-5)
    assert curve.at(23)[1:] == pytest.approx((0.1881, 0.6801), abs=5e-5)
    assert curve.at(5).value == 1.0
    assert curve.at(35).value == pytest.approx(0.4482, abs=5e-5)
    assert curve.at(36) == (None, None, None)


def test_where_all_or_none_are_held_the_interval_has_width():
    curve = held_curve(np.array([1.0, 2.0, 3.0]), np.array([True, False, False]), 0.9)
    first, last = curve.at(1), curve.at(3)
    # Jeffreys for three of three, and none of one: Beta(3.5, ½) at 10 %, Beta(½, 1.5) at 95 %.
    assert (first.value, first.high, last.value, last.low) == (1.0, 1.0, 0.0, 0.0)
    assert first.low < 0.8
    assert 0.0 < last.high <= curve.at(2).high


def test_ten_kidnappings_by_hand():
    """Nine are dated; the tenth is told but not dated, and counts among the outcomes alone."""
    answer = Consequence(fewest_ended=1, level=0.9).fit(table(TEN), "2024-01-01").given()
    assert (answer.group, answer.records, answer.told) == ("pooled", 10, 10)
    assert (answer.dated, answer.ended) == (9, 7)
    # At risk 9 on day 2 (2 end), 7 on day 10 (2 end), 5 on day 20 (one censored), then 4, 2, 1.
    s2, s10 = 7 / 9, 7 / 9 * 5 / 7
    assert answer.held[7].value == pytest.approx(s2)
    assert answer.held[30].value == pytest.approx(s10)
    assert answer.held[90].value == pytest.approx(s10 * 3 / 4 * 1 / 2)
    assert answer.held[365].value == 0.0
    assert answer.median_days.value == 40.0
    counts = {name: one.n for name, one in answer.outcomes.items()}
    assert counts == {
        "released": 4, "rescued_or_escaped": 2, "partly_released": 1, "killed_or_died": 2,
        "held": 1,
    }  # fmt: skip
    assert sum(one.share for one in answer.outcomes.values()) == pytest.approx(1.0)


def test_silent_records_are_neither_held_nor_free():
    silent = table(TEN + [(None, None)] * 10)
    loud = Consequence().fit(table(TEN), "2024-01-01").given()
    answer = Consequence().fit(silent, "2024-01-01").given()
    assert answer.held == loud.held
    assert (answer.records, answer.told) == (20, 10)
    assert answer.outcomes["killed_or_died"].share == 0.2
    assert answer.outcomes["killed_or_died"].at_least == 0.1


def test_an_end_after_the_day_has_not_happened():
    """On 5 February 2020, 35 days on, those of days 40, 50, 60 and 100 were held."""
    model = Consequence(follow_up_days=0).fit(table(TEN), "2020-02-05")
    answer = model.given()
    assert answer.outcomes["held"].n == 4
    assert answer.outcomes["killed_or_died"].n == 1
    assert answer.held[30].value == pytest.approx(7 / 9 * 5 / 7)
    assert answer.held[90].value is None
    assert answer.median_days.value is None
    later = table(TEN)
    late = later["outcome_date"] > "2020-02-05"
    later.loc[late, "outcome_date"] += pd.Timedelta(days=300)
    later.loc[late, "outcome"] = "killed"
    assert Consequence(follow_up_days=0).fit(later, "2020-02-05").given() == answer


def test_who_is_held_without_a_day_is_held_until_the_record():
    """Known on day 5: nothing is known of day 6 on."""
    rows = [("held", None), ("released", 3), ("killed", 9)]
    answer = Consequence().fit(table(rows), "2024-01-01").given()
    assert answer.held[7].value == pytest.approx(2 / 3)
    assert answer.held[30].value == 0.0


def test_of_the_last_year_nothing_is_taken():
    young = table(TEN)
    young.loc[0, ["date", "known_on"]] = pd.Timestamp("2023-12-01")
    young.loc[0, "outcome_date"] = pd.Timestamp("2023-12-03")
    model = Consequence().fit(young, "2024-01-01")
    assert len(model.records_) == 9
    assert model.notes_ == ("left out: 1 kidnappings of the last 365 days",)


def test_a_source_that_tells_of_deaths_alone_is_left_out():
    """Else every end it tells would be a death."""
    deadly = table(TEN + [("killed", None)] * 50 + [(None, None)] * 50)
    deadly.loc[10:, "source"] = "deaths only"
    answer = Consequence().fit(deadly, "2024-01-01").given()
    assert (answer.records, answer.outcomes["killed_or_died"].n) == (10, 2)
    assert answer.notes == ("left out, since they tell of no end or of one sort only: deaths only",)
    with pytest.raises(ModelError, match="dated end"):
        Consequence().fit(deadly.iloc[10:], "2024-01-01")


@pytest.fixture(scope="module")
def groups():
    """SYNTHETIC: 40 ended in NE (25 foreign), 30 in ML by JNIM (5 foreign)."""
    rows = [("released", i % 30) for i in range(69)] + [("killed", 1)]
    foreign = [1] * 25 + [0] * 15 + [1] * 5 + [0] * 25
    return Consequence().fit(
        table(
            rows,
            country=["NE"] * 40 + ["ML"] * 30,
            perpetrator=[None] * 40 + ["JNIM (Katiba Macina)"] * 30,
            victims=1,
            foreign_victims=foreign,
            sector="transport",
        ),
        "2024-01-01",
    )


@pytest.mark.parametrize(
    ("asked", "group", "records"),
    [
        ({}, "pooled", 70),
        ({"country": "NE"}, "country NE", 40),
        ({"country": "TD"}, "pooled", 70),
        ({"country": "NE", "crew": kr.Crew("MA")}, "foreign victims, country NE", 25),
        ({"country": "NE", "crew": kr.Crew("NE")}, "local victims", 40),
        ({"perpetrator": "jnim"}, "perpetrator jnim", 30),
        ({"country": "NE", "perpetrator": "JNIM"}, "perpetrator JNIM", 30),
        ({"country": "ML", "crew": kr.Crew("FR")}, "foreign victims", 30),
        ({"country": "NE", "crew": NOBODY}, "country NE", 40),
        (
            {"country": "NE", "crew": kr.Crew("MA", "transport")},
            "foreign victims, country NE, sector transport",
            25,
        ),
    ],
)
def test_the_narrowest_group_with_twenty_ends_answers(groups, asked, group, records):
    answer = groups.given(**asked)
    assert (answer.group, answer.records) == (group, records)


def test_answers_are_plain_json(groups):
    written = json.loads(json.dumps(groups.given("NE").to_dict(), allow_nan=False))
    assert written["group"] == "country NE"
    assert set(written["held"]) == {"7", "30", "90", "365"}
    assert set(written["outcomes"]["released"]) == {"share", "low", "high", "n", "at_least"}


def test_what_cannot_be_asked_is_refused(groups):
    with pytest.raises(ModelError, match="unknown country"):
        groups.given("Niger")
    with pytest.raises(ModelError, match="not fitted"):
        Consequence().given()
    with pytest.raises(ModelError, match="out of range"):
        Consequence(level=1.0).fit(table(TEN))


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 400),
)
def test_a_curve_falls_within_its_band(rows, day):
    days = np.array([float(one) for one, _ in rows])
    curve = held_curve(days, np.array([not ended for _, ended in rows]), 0.9)
    for step in ("share", "low", "high"):
        assert np.isfinite(getattr(curve, step)).all()
    assert (curve.low <= curve.share + 1e-12).all()
    assert (curve.share <= curve.high + 1e-12).all()
    assert (np.diff(curve.share) <= 0.0).all()
    asked = curve.at(day)
    assert asked.value is None or 0.0 <= asked.low <= asked.value <= asked.high <= 1.0


def test_the_interval_holds_the_true_share():
    """SYNTHETIC exponential captivities, a third censored: 90 % band at the true median."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(300):
        days, known = rng.exponential(30.0, 60), rng.exponential(60.0, 60)
        at = held_curve(np.minimum(days, known), known < days, 0.9).at(30.0 * np.log(2.0))
        held += at.low <= 0.5 <= at.high
    assert 0.86 <= held / 300 <= 0.94


def test_bundled_catalogue_says_foreigners_are_held_longer(catalogue):
    """Before its last year, each with its n; local people are freed, or killed, sooner."""
    model = Consequence().fit(catalogue, "2025-03-10")
    foreign = model.given("ML", crew=kr.Crew("MA"))
    local = model.given("ML", crew=kr.Crew("ML"))
    assert foreign.ended >= 20
    assert local.ended >= 20
    assert foreign.held[90].low > local.held[90].value
