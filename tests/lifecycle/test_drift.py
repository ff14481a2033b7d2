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
from kidnaprisk.lifecycle.volume import accepted, change_of
from tests.lifecycle import nights

DAY = dt.date(2023, 6, 30)
NAMES = ["empty", "rejects", "placing", "schema", "freshness", "gone", "revised", "backfill",
         "duplicates", "volume"]  # fmt: skip


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
    later = checks(came(nothing, later_ids=tuple("abcdefg")), None)["empty"]
    assert later.text == "none of 0 rows can be taken in, 7 more are known only later"


@pytest.mark.parametrize(("rejected", "expected"), [(1, "passed"), (2, "failed")])
def test_a_tenth_of_rows_may_be_rejected(rejected: int, expected: str) -> None:
    check = checks(came(incidents(rows(range(1, 10))), rejected), None)["rejects"]
    assert status(check) == (expected, rejected / (9 + rejected))
    assert f"{rejected} for latitude" in check.text
    if rejected == 2:
        assert check.text.endswith("the limit of 10.0% is missed by 8.2%")


UKRAINE = {"longitude": 30.0, "latitude": 50.0}


@pytest.mark.parametrize(
    ("outside", "of", "expected"),
    [
        # By the limit of a tenth.
        (10, 100, "passed"),
        (50, 100, "failed"),
        # Beyond it, but of so few: 4 or more of 6 by chance 1.3e-3, 5 or more 5.5e-5.
        (1, 8, "passed"),
        (4, 6, "passed"),
        (5, 6, "failed"),
        (3, 3, "passed"),
        (5, 5, "failed"),
    ],
)
def test_a_tenth_of_rows_may_lie_outside_their_country(
    outside: int, of: int, expected: str
) -> None:
    table = rows(range(1, of + 1))
    there = np.arange(of) < of - outside
    moved = {name: table[name].where(there, far) for name, far in UKRAINE.items()}
    both = incidents(table.assign(**moved), rows(range(1, 40), prefix="o"))
    # Rows of no country do not count.
    both.loc[of:, "country"] = None
    check = checks(came(both), None)["placing"]
    assert status(check) == (expected, pytest.approx(outside / of))
    named = f"{outside} of {of} rows lie outside the country they name, 0 of them in it"
    assert check.text.startswith(named)
    assert f"such as mBF{of - outside:04}" in check.text
    assert ("too few to tell" in check.text) == (expected == "passed" and outside * 10 > of)


@pytest.mark.parametrize(("error_km", "expected"), [(25.0, 1.0), (100.0, 0.0)])
def test_a_place_in_doubt_may_lie_farther_off(error_km: float, expected: float) -> None:
    # A degree north of the border at 15.08 is about 100 km off; 50 are allowed in any case.
    table = rows(range(1, 11), latitude=16.0, longitude=-0.5, location_error_km=error_km)
    assert checks(came(incidents(table)), None)["placing"].value == expected


def test_without_a_country_nothing_is_told_of_placing() -> None:
    table = incidents(rows(range(1, 11)))
    table["country"] = pd.Series(pd.NA, index=table.index, dtype=table["country"].dtype)
    assert status(checks(came(table), None)["placing"]) == ("unknown", None)


@pytest.mark.parametrize("number", [1, 2, 8])
@pytest.mark.parametrize("part", [True, False])
def test_exchanged_coordinates_are_told_in_the_smallest_file(number: int, part: bool) -> None:
    table = rows(range(1, number + 1), "NE")
    turned = table.assign(longitude=table["latitude"], latitude=table["longitude"])
    check = checks(came(incidents(turned), part=part), None)["placing"]
    assert status(check) == ("failed", 1.0)
    assert f"{number} of them in it with latitude and longitude exchanged" in check.text
    assert "such as mNE0000" in check.text


def test_one_row_exchanged_of_eight_is_a_slip() -> None:
    table = rows(range(1, 9), "NE")
    last = {"longitude": table["longitude"].where(table.index < 7, 14.0)}
    last["latitude"] = table["latitude"].where(table.index < 7, 5.0)
    check = checks(came(incidents(table.assign(**last)), part=True), None)["placing"]
    assert status(check) == ("passed", 1 / 8)
    assert "1 of them in it" in check.text
    assert "too few to tell" in check.text


def test_rows_exchanged_are_named_before_others() -> None:
    table = rows(range(1, 21), "NE")
    table.loc[0, list(UKRAINE)] = list(UKRAINE.values())
    table.loc[19, list(UKRAINE)] = [14.0, 5.0]
    text = checks(came(incidents(table)), None)["placing"].text
    assert text.startswith("2 of 20 rows lie outside the country they name, 1 of them in it")
    assert text.endswith("such as mNE0019")


def test_where_most_rows_lie_in_their_country_either_way_few_tell() -> None:
    # Nigeria's middle is as far east as north; Lagos turned round lies 100 km off the coast.
    middle = rows(range(1, 98), longitude=8.0, latitude=9.5).assign(country="NG")
    lagos = rows([1, 2, 3], prefix="l", longitude=3.4, latitude=6.5).assign(country="NG")
    table = pd.concat([middle, lagos])
    assert status(checks(came(incidents(table)), None)["placing"]) == ("passed", 0.0)
    turned = table.assign(longitude=table["latitude"], latitude=table["longitude"])
    check = checks(came(incidents(turned)), None)["placing"]
    assert status(check) == ("failed", 0.03)
    assert check.text.endswith("the columns look exchanged")


def test_of_very_many_rows_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kidnaprisk.lifecycle.drift._MOST_PLACED", 20)
    check = checks(came(incidents(rows(range(1, 101), **UKRAINE))), None)["placing"]
    assert status(check) == ("failed", 1.0)
    assert "20 of 20 rows lie outside the country they name (drawn by lot)" in check.text


def test_an_early_replay_is_not_held_to_rejects_of_years_to_come() -> None:
    # 5 of 100 rows of the file; 5 are known by the day, and nobody knows when the rejected were.
    early = came(incidents(rows(range(1, 6))), rejected=5, later_ids=("later",) * 90)
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
    assert list(found) == ["freshness", "gone"]
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


def history(before: pd.DataFrame, last: pd.DataFrame, year: range = YEAR) -> dict[str, Check]:
    """What came in 90 days of a country with a past, beside another in which nothing changes."""
    steady = rows([*NOW, *year], "NE", prefix="s")
    held = incidents(steady.iloc[len(NOW) :], before)
    return checks(came(incidents(steady, before, last)), held)


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
    check = checks(came(table), None, most_fall=2.0, most_rise=7.0)["volume"]
    assert (check.status, check.value, check.limit) == ("passed", 6.0, 7.0)


@pytest.mark.parametrize(
    ("before", "count", "expected"), [(42, 0, "failed"), (41, 0, "passed"), (42, 1, "passed")]
)
def test_chance_raises_no_alarm(before: int, count: int, expected: str) -> None:
    # Each of n rows falls into the 365 of 455 days with 0.8022: all 41 with 1.2e-4, all 42 with
    # 9.6e-5, and 42 or 43 of 43 with 9e-4.
    check = history(rows(YEAR[:before]), rows(range(count), prefix="n"))["volume"]
    assert check.status == expected


def test_a_country_of_fewer_than_ten_expected_tells_nothing() -> None:
    # 40 in a year: 9.9 expected.
    table = incidents(rows([*YEAR[:39], YEAR[-1]]), rows([0], prefix="n"))
    check = checks(came(table), None)["volume"]
    assert (check.status, check.value) == ("unknown", None)


@pytest.mark.parametrize(
    ("before", "count", "expected"),
    # By a coin's throws: 13 and 14 heads in a row, one tail or none in 17 and 18.
    [(13, 0, "passed"), (14, 0, "failed"), (1, 16, "passed"), (1, 17, "failed")],
)
def test_of_a_source_that_began_90_days_before_each_half_is_as_likely(
    before: int, count: int, expected: str
) -> None:
    last = rows([0] * count, prefix="n")
    check = history(rows(YEAR[:before]), last, range(90, 180))["volume"]
    assert check.status == expected
    assert (f"BF {count} instead of {before}," in check.text) == (expected == "failed")


def test_a_source_that_began_within_90_days_before_has_no_past() -> None:
    for first, expected in ((179, "passed"), (178, "unknown")):
        found = checks(came(incidents(rows(range(first + 1)))), None)
        assert found["volume"].status == expected


@pytest.mark.parametrize(
    ("begins", "expected"), [(454, "failed"), (179, "passed"), (178, "unknown"), (None, "unknown")]
)
def test_what_is_stated_to_be_covered_is_the_past(begins: int | None, expected: str) -> None:
    # 60 before and 90 of late: of a whole year 14.8 expected, of 90 days 60.
    table = incidents(rows(range(150)))
    covered = None
    if begins is not None:
        start = DAY - dt.timedelta(days=begins)
        # BF is not named: then what is stated of others.
        covered = (Coverage("made-up", ("ML",), start, DAY, True),)
    found = checks(came(table, coverage=covered, stated=begins is not None), None)
    assert found["volume"].status == expected
    # Told by the rows themselves it is not stated.
    assert checks(came(table, coverage=covered), None)["volume"].status == "unknown"


def test_each_country_is_told_from_where_its_coverage_begins() -> None:
    # Before it something may be recorded, but not all there is: here ten times as much after it.
    table = rows([day for day in range(180) for _ in range(10)])
    early = rows(range(180, 455), prefix="e")
    both = incidents(table, early, rows([*NOW, *YEAR], "NE"))
    start = DAY - dt.timedelta(days=179)
    covered = (
        Coverage("made-up", ("BF-01",), start, DAY, True),
        Coverage("made-up", ("NE",), nights.FIRST, DAY, True),
    )
    check = checks(came(both, coverage=covered, stated=True), None)["volume"]
    assert status(check) == ("passed", 1.0)
    # Of the whole year 1,175 are before, 290 expected.
    assert checks(came(both), None)["volume"].value == pytest.approx(900 / (1175 * 90 / 365))


def test_a_country_silent_in_a_part_is_told_from_what_is_held() -> None:
    steady = rows([*NOW, *YEAR], "NE")
    held = incidents(steady.iloc[90:], rows(YEAR))
    found = checks(came(incidents(steady.iloc[:90]), part=True), held)
    assert found["volume"].status == "failed"
    assert "BF 0 instead of 90" in found["volume"].text


def test_a_part_of_old_rows_is_asked_of_the_last_days_of_what_is_held() -> None:
    # Half a year ago there were many: 2,165 in the year before, and since then one a day.
    many = rows([day for day in range(180, 270) for _ in range(20)], prefix="x")
    held = incidents(rows([*NOW, *YEAR]), many)
    old = incidents(many.iloc[:5].assign(victims=1.0))
    check = checks(came(old, part=True), held)["volume"]
    assert check.text.startswith("90 days up to 2023-06-30")
    assert "already held: BF 90 instead of 534" in check.text


# Until a week ago: a year of one a day and, since 89 days ago, six a day; or none.
WEEK = range(7)
SURGE = rows([*YEAR, *(day for day in range(7, 90) for _ in range(6))])
SILENCE = rows(range(97, 455))


def a_week_later(before: pd.DataFrame, last: pd.DataFrame) -> Check:
    steady = rows([*NOW, *YEAR], "NE", prefix="s")
    held = incidents(steady.iloc[len(WEEK) :], before)
    return checks(came(incidents(steady.iloc[: len(WEEK)], last), part=True), held)["volume"]


def test_a_change_that_is_held_already_was_accepted() -> None:
    # Held are 83 days of six and 7 of one, 505; now it is 83 of six and 42 rows, 540.
    check = a_week_later(SURGE, rows([0] * 42, prefix="n"))
    assert status(check) == ("passed", 6.0)
    assert check.text.endswith("; already held: BF 540 instead of 90, a factor of over 5")
    # 358 rows in the year before.
    check = a_week_later(SILENCE, rows(WEEK, "NE", prefix="n"))
    assert check.status == "passed"
    assert check.text.endswith("; already held: BF 0 instead of 88, a factor of over 5")


def test_what_is_held_must_show_it_by_itself() -> None:
    # 50 days of six and 7 of one are 307 instead of 90; with 300 more it is 600.
    check = a_week_later(SURGE.iloc[: 365 + 50 * 6], rows([0] * 300, prefix="n"))
    assert check.status == "failed"
    assert "already held" not in check.text


def test_the_other_direction_was_not_accepted() -> None:
    # 358 before, 88 expected; fallen silent, and now 5.1 times as many.
    check = a_week_later(SILENCE, rows([0] * 450, prefix="n"))
    assert check.status == "failed"
    assert "BF 450 instead of 88" in check.text


@pytest.mark.parametrize(("more", "expected"), [(2027, "passed"), (2028, "failed")])
def test_five_times_as_far_again_was_not_accepted(more: int, expected: str) -> None:
    # 498 and 2,027 more are five times 505.
    assert a_week_later(SURGE, rows([0] * more, prefix="n")).status == expected


def test_a_surge_that_recedes_stays_accepted() -> None:
    # One a day before; 5,000 were held, and 540 of them are left.
    limits = GateSettings()
    held, now = change_of(5000, 365, 365, limits), change_of(540, 365, 365, limits)
    assert held is not None
    assert now is not None
    assert accepted(now, held, limits)


def test_nothing_left_of_what_had_fallen_was_not_accepted() -> None:
    # 14 instead of 90 are held, all of the first week of the last 90 days; now it is none. By a
    # coin's throws that is 2**-14, or 6e-5.
    before = pd.concat([rows(YEAR), rows(range(90, 97), prefix="w")])
    assert a_week_later(before, rows([0], "NE", prefix="n")).status == "failed"


def covered(country: str, first: int, last: int, **more: Any) -> Coverage:
    """From one number of days before `DAY` to another."""
    begins, ends = (DAY - dt.timedelta(days=days) for days in (first, last))
    return Coverage("made-up", (country,), begins, ends, True, **more)


@pytest.mark.parametrize("what", ["covered twice", "covered no more", "other kinds before"])
def test_days_that_are_not_covered_are_no_change(what: str) -> None:
    year = [*NOW, *YEAR]
    parts = [rows(year, "NE")]
    spans = [covered("NE", 900, 0)]
    if what == "covered twice":
        parts.append(rows([*range(100), *range(500, 700)], "BF"))
        spans += [covered("BF", 699, 500), covered("BF", 99, 0)]
    elif what == "covered no more":
        parts.append(rows(range(95, 455), "BF"))
        spans.append(covered("BF", 900, 95))
    else:
        parts.append(rows([day for day in range(100) for _ in range(8)], "BF"))
        parts.append(rows(year, "BF", prefix="b", kind="battle"))
        spans += [covered("BF", 900, 0, kinds=("battle",)), covered("BF", 99, 0)]
    brought = came(incidents(*parts), coverage=tuple(spans), stated=True)
    assert checks(brought, None)["volume"].status != "failed"
