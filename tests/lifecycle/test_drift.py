"""Checks on what a feed brought, each at its limit: counts worked by hand.

Synthetic rows. What whole nights make of them is held in test_poisoned.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.lifecycle.checks import Check
from kidnaprisk.lifecycle.config import FeedSettings, GateSettings
from kidnaprisk.lifecycle.drift import intake_checks
from kidnaprisk.lifecycle.intake import Incoming
from tests.lifecycle import nights

DAY = dt.date(2023, 6, 30)
NAMES = ["empty", "rejects", "schema", "freshness", "gone", "revised", "backfill", "duplicates",
         "volume"]  # fmt: skip


def rows(
    days: list[int] | range, country: str = "BF", prefix: str = "m", **said: Any
) -> pd.DataFrame:
    """One row for each number of days before `DAY`, each at a place of its own."""
    dates = pd.Timestamp(DAY) - pd.to_timedelta(list(days), unit="D")
    where = 0.0 if country == "BF" else 5.0
    return pd.DataFrame(
        {
            "incident_id": [f"{prefix}{country}{n:04}" for n in range(len(dates))],
            "source": "made-up",
            "kind": "kidnapping",
            "date": dates,
            "date_end": dates,
            "known_on": dates,
            "longitude": where + np.arange(len(dates)) / 1000,
            "latitude": 14.0,
            "location_error_km": 5.0,
            "country": country,
        }
        | said
    )


def incidents(*parts: pd.DataFrame) -> gpd.GeoDataFrame:
    return nights.as_incidents(pd.concat(parts, ignore_index=True))


def came(table: gpd.GeoDataFrame, rejected: int = 0, **more: Any) -> Incoming:
    rejects = pd.DataFrame({"reason": ["latitude: not a latitude"] * rejected})
    usual: dict[str, Any] = {"complete": False, "part": False, "coverage": None, "stated": False}
    return Incoming(
        "mine", (), table, rejects, ("a", "b"), ("mine.csv",), "", "own", **(usual | more)
    )


def checks(
    incoming: Incoming,
    held: gpd.GeoDataFrame | None,
    last: dict[str, Any] | None = None,
    newest_days: float = 30.0,
    **limits: Any,
) -> dict[str, Check]:
    feed = FeedSettings(name="mine", newest_days=newest_days)
    made = intake_checks(incoming, held, last, feed, GateSettings(**limits), DAY)
    assert {check.subject for check in made} == {"mine"}
    return {check.name: check for check in made}


def status(check: Check) -> tuple[str, float | None]:
    return check.status, check.value


def test_a_file_like_the_one_before_passes_every_check() -> None:
    table = incidents(rows(range(1, 500)))
    found = checks(came(table), table, {"columns": ["a", "b"], "countries": ["BF"]})
    assert list(found) == NAMES
    assert {check.status for check in found.values()} == {"passed"}


def test_with_nothing_held_what_needs_a_past_is_unknown() -> None:
    found = checks(came(incidents(rows(range(1, 20)))), None)
    unknown = [name for name, check in found.items() if check.status == "unknown"]
    assert unknown == ["schema", "gone", "revised", "backfill", "duplicates", "volume"]
    assert "nothing is held" in found["gone"].text


def test_no_row_is_a_reason_of_its_own() -> None:
    nothing = incidents(rows([1])).iloc[:0]
    found = checks(came(nothing, rejected=3), None)
    assert status(found["empty"]) == ("failed", 0.0)
    assert status(found["rejects"]) == ("failed", 1.0)
    later = checks(came(nothing, not_yet_known=7), None)["empty"]
    assert later.text == "none of 0 rows can be taken in, 7 more are known only later"


@pytest.mark.parametrize(("rejected", "expected"), [(1, "passed"), (2, "failed")])
def test_a_tenth_of_rows_may_be_rejected(rejected: int, expected: str) -> None:
    check = checks(came(incidents(rows(range(1, 10))), rejected), None)["rejects"]
    assert status(check) == (expected, rejected / (9 + rejected))
    assert f"{rejected} for latitude" in check.text
    if rejected == 2:
        assert check.text.endswith("the limit of 10.0% is missed by 8.2%")


def test_an_early_replay_is_not_held_to_rejects_of_years_to_come() -> None:
    # 5 of 100 rows of the file; 5 are known by the day, and nobody knows when the rejected were.
    early = came(incidents(rows(range(1, 6))), rejected=5, not_yet_known=90)
    assert status(checks(early, None)["rejects"]) == ("passed", 0.05)


@pytest.mark.parametrize(
    ("before", "new_columns", "expected", "says"),
    [
        (["a", "b"], "refuse", "passed", "2 columns"),
        (["a", "b", "c"], "note", "failed", "lost: c"),
        (["a"], "note", "passed", "new: b"),
        (["a"], "refuse", "failed", "new: b"),
    ],
)
def test_columns_lost_and_new(
    before: list[str], new_columns: str, expected: str, says: str
) -> None:
    found = checks(
        came(incidents(rows([1]))), None, {"columns": before}, new_columns=new_columns
    )  # fmt: skip
    assert found["schema"].status == expected
    assert says in found["schema"].text


@pytest.mark.parametrize(
    ("age", "expected", "says"),
    [
        (0, "passed", "0 days old"),
        (30, "passed", "30 days old"),
        (31, "failed", "the limit of 30 is missed by 1"),
        (-1, "failed", "it lies in the future"),
    ],
)
def test_the_newest_record_is_of_the_last_days(age: int, expected: str, says: str) -> None:
    check = checks(came(incidents(rows([age, 400]))), None)["freshness"]
    assert status(check) == (expected, float(age))
    assert says in check.text


def test_of_a_part_it_is_the_source_that_must_be_new() -> None:
    held, old = incidents(rows([5, 6])), incidents(rows([200], prefix="x"))
    assert status(checks(came(old, part=True), held)["freshness"]) == ("passed", 5.0)
    assert status(checks(came(old), held)["freshness"]) == ("failed", 200.0)


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(("lacks", "expected"), [(5, "passed"), (6, "failed")])
def test_one_held_row_in_twenty_may_be_gone(lacks: int, expected: str, complete: bool) -> None:
    held = incidents(rows(range(1, 101)))
    # Not those at its ends, from where a file without a coverage is known to reach.
    there = held.drop(index=range(40, 40 + lacks))
    check = checks(came(there, complete=complete), held)["gone"]
    assert status(check) == (expected, lacks / 100)
    assert f"{lacks} of 100 held rows" in check.text


@pytest.mark.parametrize(("few", "expected"), [(9, "passed"), (10, "failed")])
def test_a_country_gone_is_named_however_small_its_share(few: int, expected: str) -> None:
    held = incidents(rows(range(1, 401)), rows(range(1, few + 1), "NE"))
    check = checks(came(held[held["country"] == "BF"]), held)["gone"]
    assert check.status == expected
    assert ("mostly gone: NE 100%" in check.text) == (few == 10)


def test_a_file_that_begins_later_than_what_is_held_lacks_nothing() -> None:
    held = incidents(rows(range(1, 701)))
    assert status(checks(came(held.iloc[:365]), held)["gone"]) == ("passed", 0.0)


def test_a_file_that_ends_earlier_lacks_what_it_should_hold() -> None:
    held = incidents(rows(range(1, 101)))
    # Its first twenty are the newest.
    assert status(checks(came(held.iloc[20:]), held)["gone"]) == ("failed", 0.2)


def test_what_a_stated_coverage_leaves_out_is_not_missed() -> None:
    held = incidents(rows(range(1, 51)), rows(range(1, 51), "NE"))
    of_bf = (Coverage("made-up", ("BF",), nights.FIRST, DAY, True),)
    there = held[held["country"] == "BF"]
    assert status(checks(came(there, coverage=of_bf, stated=True), held)["gone"]) == ("passed", 0.0)
    # Told by the rows themselves it proves nothing.
    assert status(checks(came(there, coverage=of_bf), held)["gone"]) == ("failed", 0.5)


def test_a_part_lacks_nothing_but_what_its_source_deleted() -> None:
    held = incidents(rows(range(1, 101)))
    some = held.iloc[:10]
    assert checks(came(some, part=True), held)["gone"].status == "unknown"
    # Two of these six came back.
    deleted = tuple(held["incident_id"].iloc[8:14])
    check = checks(came(some, part=True, deleted_ids=deleted), held)["gone"]
    assert status(check) == ("passed", 0.04)


def test_deletions_alone_are_counted() -> None:
    held = incidents(rows(range(1, 101)))
    ids = tuple(held["incident_id"].iloc[:6])
    found = checks(came(held.iloc[:0], part=True, deleted_ids=ids), held)
    assert list(found) == ["gone"]
    assert status(found["gone"]) == ("failed", 0.06)


@pytest.mark.parametrize(("told", "expected"), [(25, "passed"), (26, "failed")])
@pytest.mark.parametrize("what", ["kind", "date", "longitude", "victims"])
def test_a_quarter_may_be_told_otherwise(what: str, told: int, expected: str) -> None:
    before = rows(range(1, 101), victims=2.0)
    after = before.copy()
    others = {
        "kind": "attack",
        "date": before["date"] - pd.Timedelta(days=1),
        "longitude": before["longitude"] + 1.0,
        # Known then, not any more.
        "victims": np.nan,
    }
    after[what] = before[what].where(np.arange(100) >= told, others[what])
    check = checks(came(incidents(after)), incidents(before))["revised"]
    assert status(check) == (expected, told / 100)


def test_what_stays_unknown_is_not_told_otherwise() -> None:
    table = incidents(rows(range(1, 101), victims=np.nan))
    assert status(checks(came(table), table)["revised"]) == ("passed", 0.0)


@pytest.mark.parametrize(("late", "expected"), [(25, "passed"), (26, "failed")])
def test_rows_that_come_late_are_counted_beside_those_held(late: int, expected: str) -> None:
    held = rows(range(1, 101))
    # Of the newest held day exactly 90 days are recent: 91 days ago still is, 92 is not.
    found = checks(
        came(incidents(held, rows([92] * late, prefix="l"), rows([91] * 9, prefix="r"))),
        incidents(held),
    )
    assert status(found["backfill"]) == (expected, late / 100)


def alike(table: pd.DataFrame, number: int) -> pd.DataFrame:
    return table.iloc[:number].assign(incident_id=table["incident_id"] + "-again")


def test_rows_alike_are_counted_beyond_those_held() -> None:
    table = rows(range(1, 101))
    # Before: 5 of 105. Now 100 of 200.
    held, now = incidents(table, alike(table, 5)), incidents(table, alike(table, 100))
    check = checks(came(now), held)["duplicates"]
    assert check.status == "failed"
    assert check.value == pytest.approx(100 / 200 - 5 / 105)
    assert status(checks(came(held), held)["duplicates"]) == ("passed", 0.0)


def test_one_of_six_is_too_few_to_tell() -> None:
    new = rows(range(1, 6), prefix="n")
    held = incidents(rows(range(10, 400)))
    check = checks(came(incidents(new, alike(new, 1)), part=True), held)["duplicates"]
    assert status(check) == ("passed", pytest.approx(1 / 6))
    assert "too few to tell" in check.text
    # Every row of so few ten times is told.
    tenfold = [new.assign(incident_id=new["incident_id"] + f"-{n}") for n in range(10)]
    check = checks(came(incidents(*tenfold), part=True), held)["duplicates"]
    assert status(check) == ("failed", 0.9)


def test_what_is_held_told_again_under_other_ids_is_alike() -> None:
    table = rows(range(1, 101))
    again = alike(table, 30)
    check = checks(came(incidents(again), part=True), incidents(table))["duplicates"]
    assert status(check) == ("failed", 1.0)
    # A source that deletes and issues anew tells of them once.
    deleted = tuple(table["incident_id"].iloc[:30])
    found = checks(
        came(incidents(again), part=True, deleted_ids=deleted), incidents(table), most_gone=0.5
    )
    assert status(found["duplicates"]) == ("passed", 0.0)
    # So does a complete file in which all ids are new: that those held are gone is another check.
    found = checks(came(incidents(alike(table, 100)), complete=True), incidents(table))
    assert status(found["duplicates"]) == ("passed", 0.0)
    assert status(found["gone"]) == ("failed", 1.0)


@pytest.mark.parametrize(("copies", "expected"), [(2, "unknown"), (3, "failed")])
def test_a_first_file_may_not_be_mostly_alike(copies: int, expected: str) -> None:
    table = rows(range(1, 21))
    parts = [table.assign(incident_id=table["incident_id"] + f"-{n}") for n in range(copies)]
    check = checks(came(incidents(*parts)), None)["duplicates"]
    assert check.status == expected
    assert check.value == pytest.approx((copies - 1) / copies)


# The last 90 days are those of 0 to 89 days ago, and the year before them 90 to 454.
NOW, YEAR = range(90), range(90, 455)


def history(before: pd.DataFrame, last: pd.DataFrame) -> dict[str, Check]:
    """A country with a past and its last 90 days, beside another in which nothing changes."""
    steady = rows([*NOW, *YEAR], "NE", prefix="s")
    held = incidents(steady, before)
    return checks(came(incidents(steady, before, last)), held, most_backfill=100.0)


@pytest.mark.parametrize(("count", "expected"), [(18, "passed"), (17, "failed")])
def test_a_country_may_fall_to_a_fifth(count: int, expected: str) -> None:
    # One a day makes 90 expected.
    check = history(rows(YEAR), rows(range(count), prefix="n"))["volume"]
    assert status(check) == (expected, pytest.approx(90 / count))
    assert ("BF 17 instead of 90, a factor of over 5" in check.text) == (expected == "failed")
    assert "2 countries" in check.text


@pytest.mark.parametrize(("a_day", "expected"), [(5, "passed"), (6, "failed")])
def test_a_country_may_rise_fivefold(a_day: int, expected: str) -> None:
    many = rows([day for day in NOW for _ in range(a_day)], prefix="n")
    check = history(rows(YEAR), many)["volume"]
    assert status(check) == (expected, float(a_day))
    assert ("BF 540 instead of 90, a factor of over 5" in check.text) == (expected == "failed")


def test_each_direction_is_held_to_its_own_limit() -> None:
    table = incidents(rows(YEAR), rows([d for d in NOW for _ in range(6)], prefix="n"))
    check = checks(came(table), table, most_fall=2.0, most_rise=7.0)["volume"]
    assert (check.status, check.value, check.limit) == ("passed", 6.0, 7.0)


@pytest.mark.parametrize(("count", "expected"), [(1, "passed"), (0, "failed")])
def test_chance_raises_no_alarm(count: int, expected: str) -> None:
    # 41 in a year: 10.1 expected. None by chance exp(-10.1) = 4e-5, one or none 5e-4.
    check = history(rows(YEAR[:41]), rows(range(count), prefix="n"))["volume"]
    assert check.status == expected


def test_a_country_of_fewer_than_ten_expected_tells_nothing() -> None:
    # 40 in a year: 9.9 expected.
    held = incidents(rows(YEAR[:40]))
    check = checks(came(incidents(rows(YEAR[:40]), rows([0], prefix="n"))), held)["volume"]
    assert (check.status, check.value) == ("unknown", None)


def test_a_country_silent_in_a_part_is_told_from_what_is_held() -> None:
    steady = rows([*NOW, *YEAR], "NE")
    held = incidents(steady, rows(YEAR))
    check = checks(came(incidents(steady.iloc[:7]), part=True), held)["volume"]
    assert check.status == "failed"
    assert "BF 0 instead of 90" in check.text
