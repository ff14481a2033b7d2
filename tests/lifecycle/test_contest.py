"""Champion beside challenger on synthetic rows: who sees what, who wins, and what the gate says."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, ClassVar, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import kidnaprisk as kr
from kidnaprisk.evaluation.options import fresh
from kidnaprisk.lifecycle.checks import Check
from kidnaprisk.lifecycle.config import BacktestSettings, GateSettings
from kidnaprisk.lifecycle.contest import Aged, contest, last_day_to_judge
from kidnaprisk.lifecycle.gate import gate, reach
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

DAY = dt.date(2023, 6, 5)
SETTLE = 14
SMALL: dict[str, Any] = {
    "scales_km": (20.0,), "memories_days": (180.0,), "town_scales_km": (30.0,),
}  # fmt: skip
SETTINGS = BacktestSettings(windows=6, cell_degrees=1.0, trips=0)
# The danger moves from the one place to the other on this day.
MOVED = pd.Timestamp(2022, 9, 1)


def small(**changed: Any) -> kr.KernelMixture:
    return kr.KernelMixture(**SMALL | changed)


def moving(rows: int = 400) -> gpd.GeoDataFrame:
    """Synthetic kidnappings at one place up to a day, and at another from then on."""
    table = nights.made_up(rows, seed=3)
    after = (table["date"] >= MOVED).to_numpy()
    luck = np.random.default_rng(4)
    table["longitude"] = (np.where(after, 0.0, -3.2) + luck.normal(0, 0.05, rows)).round(4)
    table["latitude"] = (np.where(after, 14.0, 11.5) + luck.normal(0, 0.05, rows)).round(4)
    return nights.as_incidents(table.assign(country="BF"))


def known(table: gpd.GeoDataFrame, day: dt.date = DAY) -> gpd.GeoDataFrame:
    rows: gpd.GeoDataFrame = table[table["known_on"] <= pd.Timestamp(day)].reset_index(drop=True)
    rows.attrs.update(table.attrs)
    return rows


def gain(found: kr.BacktestResult) -> pd.Series:
    pairs = found.comparisons.set_index(["model", "reference"])
    row: pd.Series = pairs.loc[("challenger", "champion")]
    return row


def check(checks: list[Check], name: str) -> Check:
    return next(one for one in checks if one.name == name)


@pytest.fixture(scope="module")
def table() -> gpd.GeoDataFrame:
    return known(nights.as_incidents(nights.made_up(400)))


@pytest.fixture(scope="module")
def old() -> kr.BacktestResult:
    """A challenger of today against a champion that dates from before the danger moved."""
    rows = known(moving())
    champion = small().fit(rows, as_of="2022-06-05")
    return contest(small(), champion, rows, DAY, SETTINGS, SETTLE)


@pytest.fixture(scope="module")
def absurd(table: gpd.GeoDataFrame) -> kr.BacktestResult:
    """A challenger that smears all over two countries, against a good champion of last week."""
    champion = small().fit(table, as_of=DAY - dt.timedelta(days=7))
    smeared = small(scales_km=(150.0,), town_scales_km=(150.0,))
    return contest(smeared, champion, table, DAY, SETTINGS, SETTLE)


class Watched(kr.KernelMixture):
    """Writes down as of which day it is fitted, and the newest row that it is handed."""

    seen: ClassVar[list[tuple[pd.Timestamp, pd.Timestamp]]] = []

    def fit(self, incidents: gpd.GeoDataFrame, as_of: Any = None) -> Self:
        type(self).seen.append((pd.Timestamp(as_of), incidents["known_on"].max()))
        super().fit(incidents, as_of=as_of)
        return self


class WatchedChampion(Watched):
    seen: ClassVar[list[tuple[pd.Timestamp, pd.Timestamp]]] = []


def test_each_is_fitted_as_of_its_day_and_handed_nothing_of_later(table: gpd.GeoDataFrame) -> None:
    champion = WatchedChampion(**SMALL).fit(table, as_of=DAY - dt.timedelta(days=100))
    Watched.seen.clear()
    WatchedChampion.seen.clear()
    settings = dataclasses.replace(SETTINGS, windows=3, embargo_days=5)
    found = contest(Watched(**SMALL), champion, table, DAY, settings, SETTLE)
    starts = sorted(pd.Timestamp(one) for one in found.windows["start"].unique())
    # 90 days up to 22 May: the first begins on 22 February.
    assert [str(one.date()) for one in starts] == ["2023-02-22", "2023-03-24", "2023-04-23"]
    eves = [one - pd.Timedelta(days=1 + 5) for one in starts]
    assert [day for day, _ in Watched.seen] == eves
    assert [day for day, _ in WatchedChampion.seen] == [e - pd.Timedelta(days=100) for e in eves]
    both = Watched.seen + WatchedChampion.seen
    assert all(newest <= eve for (_, newest), eve in zip(both, [*eves, *eves], strict=True))


def test_rows_known_later_change_no_bit_of_either_forecast(table: gpd.GeoDataFrame) -> None:
    age = 100
    champion = small().fit(table, as_of=DAY - dt.timedelta(days=age))
    settings = dataclasses.replace(SETTINGS, windows=2)

    def forecasts(rows: gpd.GeoDataFrame) -> pd.DataFrame:
        found = contest(small(), champion, rows, DAY, settings, SETTLE)
        return found.windows.set_index(["start", "model"])[["expected", "as_of", "observed"]]

    before = forecasts(table)
    first, last = sorted(before.index.get_level_values("start").unique())
    eve = pd.Timestamp(first) - pd.Timedelta(days=1)
    for since, untouched in (
        (eve, [(first, "challenger"), (first, "champion")]),
        (eve - pd.Timedelta(days=age), [(first, "champion")]),
    ):
        late = (table["known_on"] > since).to_numpy()
        other = table.copy()
        places = table.geometry.to_numpy()
        # What was learned later is all told otherwise: of one town in the far west.
        other["geometry"] = np.where(late, gpd.points_from_xy([-4.3], [11.2])[0], places)
        other = gpd.GeoDataFrame(other, geometry="geometry", crs=table.crs)
        other.attrs.update(table.attrs)
        assert late.sum() > 20
        now = forecasts(other)
        for one in untouched:
            assert now.loc[one, "expected"] == before.loc[one, "expected"]
        # The test can fail: later windows, and those not named, are forecast otherwise.
        changed = (last, "challenger")
        assert now.loc[changed, "expected"] != before.loc[changed, "expected"]
    assert (
        now.loc[(first, "challenger"), "expected"] != before.loc[(first, "challenger"), "expected"]
    )


def test_windows_end_where_late_reports_were_waited_for_and_records_reach() -> None:
    rows = nights.as_incidents(nights.made_up())
    assert last_day_to_judge(rows, DAY, 14) == dt.date(2023, 5, 22)
    assert last_day_to_judge(rows, DAY, 0) == DAY
    # Records to the end of 2023; asked years later.
    assert last_day_to_judge(rows, dt.date(2026, 1, 1), 14) == nights.LAST
    # Two sources: up to the one that reaches further.
    two = [dict(one) for one in rows.attrs["coverage"]]
    two.append(dict(two[0]) | {"source": "another", "end": "2023-01-31"})
    rows.attrs["coverage"] = two
    assert last_day_to_judge(rows, dt.date(2026, 1, 1), 14) == nights.LAST
    rows.attrs["coverage"] = [dict(one) | {"kinds": ["attack"]} for one in two]
    with pytest.raises(kr.CoverageError, match="tells of kidnappings"):
        last_day_to_judge(rows, DAY, 14)


def test_an_aged_model_is_a_clone_of_what_it_was_given(table: gpd.GeoDataFrame) -> None:
    given = small().fit(table, as_of="2022-01-01")
    aged = fresh("champion", Aged(given, 30))
    assert (type(aged), aged.days) == (Aged, 30)
    fitted = aged.fit(table, as_of="2023-03-31")
    assert fitted.as_of_ == pd.Timestamp(2023, 3, 1)
    assert fitted.get_params() == given.get_params()
    assert given.as_of_ == pd.Timestamp(2022, 1, 1)
    direct = clone(given).fit(table, as_of="2023-03-01")
    np.testing.assert_array_equal(fitted.weights_, direct.weights_)
    with pytest.raises(kr.ModelError, match="not fitted"):
        aged.intensity(gpd.GeoSeries([]), None)


def test_a_champion_from_before_the_danger_moved_loses_clearly(old: kr.BacktestResult) -> None:
    row = gain(old)
    assert row["low"] > 0.3
    assert row["gain"] > row["low"]
    answer = check(gate(old, GateSettings()), "information gain")
    assert (answer.status, answer.value) == ("passed", pytest.approx(row["low"]))


def test_an_absurd_challenger_loses_and_the_gate_says_by_how_much(
    absurd: kr.BacktestResult,
) -> None:
    row = gain(absurd)
    assert row["high"] < -0.3
    answer = check(gate(absurd, GateSettings()), "information gain")
    assert answer.failed
    assert answer.value == pytest.approx(row["low"])
    missed = float(answer.text.rsplit("missed by ", 1)[1])
    assert missed == pytest.approx(-0.05 - row["low"], rel=0.01)
    # The limit can be moved to just where it stands.
    at = GateSettings(least_gain=float(row["low"]))
    assert check(gate(absurd, at), "information gain").status == "passed"
    above = GateSettings(least_gain=float(np.nextafter(row["low"], 1.0)))
    assert check(gate(absurd, above), "information gain").failed


def test_every_check_of_a_real_contest_is_what_its_tables_say(old: kr.BacktestResult) -> None:
    """At the figure itself, just above it and just below: no check looks at another's."""
    score = old.scores.set_index("model").loc["challenger"]
    n, expected, slope = (float(score[one]) for one in ("n", "expected", "slope"))
    factor = max(n / expected, expected / n)
    cover = old.coverage
    held = cover[
        (cover["model"] == "challenger") & (cover["level"] == 0.9)
        & (cover["what"] == "region month") & (cover["least_expected"] == 0.0)
    ]["held_randomised"].item()  # fmt: skip
    up, down = (
        (lambda one: float(np.nextafter(one, np.inf))),
        (lambda one: float(np.nextafter(one, -np.inf))),
    )
    cases: list[tuple[str, dict[str, float], dict[str, float]]] = [
        ("gain over even", {"least_gain_over_even": score["gain_over_even"]},
         {"least_gain_over_even": up(score["gain_over_even"])}),
        ("number", {"most_miscount": factor, "least_probability": 1.0},
         {"most_miscount": down(factor), "least_probability": 1.0}),
        ("calibration", {"slope_low": slope, "slope_high": slope},
         {"slope_low": slope, "slope_high": down(slope)}),
        ("calibration", {"slope_low": slope, "slope_high": slope},
         {"slope_low": up(slope), "slope_high": 9.0}),
        ("interval coverage", {"interval_low": held, "interval_high": held},
         {"interval_low": up(held), "interval_high": 1.0, "least_probability": 1.0}),
        ("interval coverage", {"interval_low": held, "interval_high": held},
         {"interval_low": 0.0, "interval_high": down(held), "least_probability": 1.0}),
    ]  # fmt: skip
    for name, at, beyond in cases:
        assert check(gate(old, GateSettings(**at)), name).status == "passed"  # type: ignore[arg-type]
        assert check(gate(old, GateSettings(**beyond)), name).failed  # type: ignore[arg-type]
    # As many as there are suffice; one more is asked for, and nothing is told.
    enough = gate(old, GateSettings(least_incidents=int(n)))
    assert check(enough, "gain over even").status == "passed"
    few = gate(old, GateSettings(least_incidents=int(n) + 1))
    assert {one.status for one in few} == {"unknown"}


@pytest.mark.parametrize(
    ("table", "column", "name"),
    [
        ("comparisons", "low", "information gain"),
        ("scores", "gain_over_even", "gain over even"),
        ("scores", "expected", "number"),
        ("scores", "slope", "calibration"),
        ("coverage", "held_randomised", "interval coverage"),
    ],
)
def test_a_figure_that_is_none_passes_no_check(
    old: kr.BacktestResult, table: str, column: str, name: str
) -> None:
    blank: Any = {table: getattr(old, table).assign(**{column: np.nan})}
    before, now = (gate(one, GateSettings()) for one in (old, dataclasses.replace(old, **blank)))
    assert check(before, name).status == "passed"
    assert check(now, name).status != "passed"
    assert all(one.value is None or np.isfinite(one.value) for one in now)


def test_a_clear_loss_in_few_windows_is_not_passed_over(absurd: kr.BacktestResult) -> None:
    few = dataclasses.replace(absurd, scores=absurd.scores.assign(windows=5))
    assert gain(few)["gain"] < -1.0
    assert check(gate(few, GateSettings()), "information gain").failed


def test_a_feed_that_dries_up_is_not_a_quiet_year() -> None:
    """Two hundred expected and a handful met: chance does not do that, and it can be told."""
    rows = nights.made_up(1600)
    thin = (rows["date"] < pd.Timestamp(DAY)) | (np.arange(len(rows)) % 60 == 0)
    day = DAY + dt.timedelta(days=200)
    late = known(nights.as_incidents(rows[thin]), day)
    found = contest(small(), None, late, day, SETTINGS, SETTLE)
    score = found.scores.set_index("model").loc["challenger"]
    assert score["n"] < 10
    assert score["expected"] > 100.0
    assert score["nb_high"] < 1e-6
    assert check(gate(found, GateSettings()), "number").failed


def test_a_challenger_that_reaches_less_far_than_the_champion_is_told_by_how_much(
    table: gpd.GeoDataFrame,
) -> None:
    def covering(*areas: str, end: dt.date = nights.LAST) -> kr.KernelMixture:
        stated = (kr.Coverage("made-up", areas, nights.FIRST, end, True),)
        return small(coverage=stated).fit(table, as_of=DAY)

    both, one, early = covering("BF", "NE"), covering("BF"), covering("BF", "NE", end=DAY)
    shorter = covering("BF", "NE", end=DAY - dt.timedelta(days=7 + 10))
    niger = len(set(both.covered_regions_) - set(one.covered_regions_))
    assert niger > 5
    lost = reach(one, both)
    assert (lost.status, lost.value) == ("failed", float(niger))
    assert f"{niger} regions" in lost.text
    assert "NE-" in lost.text
    assert reach(both, one).status == "passed"
    # Half of the rows are known within a week: nobody speaks of the last seven days.
    assert reach(early, both).status == "passed"
    back = reach(shorter, both)
    assert (back.status, back.value) == ("failed", 10.0)
    assert "10 days" in back.text
    assert reach(both, None).status == "unknown"
