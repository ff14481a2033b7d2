"""Each check of the gate at its threshold, and what alarm and contest work out, by hand."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

import kidnaprisk as kr
from kidnaprisk.evaluation.result import TABLES
from kidnaprisk.lifecycle.config import BacktestSettings, GateSettings, MonitorSettings
from kidnaprisk.lifecycle.contest import contest
from kidnaprisk.lifecycle.gate import blind, freshness, gate, rolled_back, settled
from kidnaprisk.lifecycle.monitor import alarm
from tests.lifecycle import nights

LIMITS = GateSettings()
# Synthetic figures, all well within the limits.
SCORE: dict[str, Any] = {
    "model": "challenger", "n": 100, "windows": 12, "expected": 110.0, "gain_over_even": 1.2,
    "nb_low": 0.6, "nb_high": 0.4, "slope": 0.95, "slope_low": 0.8, "slope_high": 1.1,
}  # fmt: skip
PAIR = {"model": "challenger", "reference": "champion", "gain": 0.02, "low": -0.04, "high": 0.09}
HELD = {
    "model": "challenger", "what": "region month", "level": 0.9, "least_expected": 0.0, "n": 400,
    "held_randomised": 0.91,
}  # fmt: skip
TRIPS = {
    "model": "challenger", "group": "all", "n": 900, "expected": 9.0, "met": 8.0, "slope": 1.1,
}  # fmt: skip


def found(
    score: Mapping[str, Any] = {}, pair: Mapping[str, Any] | None = PAIR,
    held: Mapping[str, Any] | None = HELD, trips: Mapping[str, Any] | None = TRIPS,
) -> kr.BacktestResult:  # fmt: skip
    tables = dict.fromkeys(TABLES, pd.DataFrame())
    tables["scores"] = pd.DataFrame([SCORE | score])
    for name, row in (("comparisons", pair), ("coverage", held), ("trips", trips)):
        tables[name] = pd.DataFrame([] if row is None else [row])
    return kr.BacktestResult(parameters={}, **tables)


def status(result: kr.BacktestResult, name: str, limits: GateSettings = LIMITS) -> str:
    return next(one.status for one in gate(result, limits) if one.name == name)


def test_all_is_passed_where_all_is_well() -> None:
    assert [one.status for one in gate(found(), LIMITS)] == ["passed"] * 6


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("information gain", {"pair": PAIR | {"low": -0.05}}, {"pair": PAIR | {"low": -0.0501}}),
        (
            "gain over even",
            {"score": {"gain_over_even": 0.0}},
            {"score": {"gain_over_even": -1e-6}},
        ),
        (
            # Half as many again is the limit; beyond it chance may still explain it.
            "number",
            {"score": {"expected": 150.0, "nb_high": 0.001}},
            {"score": {"expected": 151.0, "nb_high": 0.001}},
        ),
        (
            "number",
            {"score": {"expected": 60.0, "nb_low": 0.005}},
            {"score": {"expected": 60.0, "nb_low": 0.0049}},
        ),
        ("calibration", {"score": {"slope": 0.5}}, {"score": {"slope": 0.499}}),
        ("calibration", {"score": {"slope": 1.6}}, {"score": {"slope": 1.601}}),
        (
            "interval coverage",
            {"held": HELD | {"held_randomised": 0.8}},
            {"held": HELD | {"held_randomised": 0.799}},
        ),
        (
            "interval coverage",
            {"held": HELD | {"held_randomised": 0.99}},
            {"held": HELD | {"held_randomised": 0.991}},
        ),
        ("virtual trips", {"trips": TRIPS | {"slope": 0.4}}, {"trips": TRIPS | {"slope": 0.39}}),
        ("virtual trips", {"trips": TRIPS | {"slope": 2.5}}, {"trips": TRIPS | {"slope": 2.51}}),
    ],
)
def test_a_limit_holds_at_itself_and_not_beyond(
    name: str, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    assert status(found(**inside), name) == "passed"
    checks = {one.name: one for one in gate(found(**outside), LIMITS)}
    assert checks[name].failed
    assert "missed by" in checks[name].text
    # And nothing else is blamed for it.
    assert [one for one, check in checks.items() if check.failed] == [name]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("information gain", {"pair": None}),
        ("information gain", {"pair": PAIR | {"low": math.nan}}),
        ("information gain", {"score": {"windows": 5}}),
        ("calibration", {"score": {"slope": math.nan}}),
        ("interval coverage", {"held": None}),
        ("virtual trips", {"trips": None}),
        ("virtual trips", {"trips": TRIPS | {"met": 4.9}}),
        ("virtual trips", {"trips": TRIPS | {"slope": math.nan}}),
    ],
)
def test_what_cannot_be_told_is_unknown_and_never_passed(name: str, change: dict[str, Any]) -> None:
    assert status(found(**change), name) == "unknown"
    refused = settled(gate(found(**change), LIMITS), "refuse")
    assert [one.name for one in refused if one.failed] == [name]
    assert settled(gate(found(**change), LIMITS), "pass") == gate(found(**change), LIMITS)


def test_what_was_not_asked_stays_unknown_where_the_unknown_is_refused() -> None:
    checks = gate(found(trips=None), LIMITS)
    assert settled(checks, "refuse", {"virtual trips"}) == checks


@pytest.mark.parametrize("name", ["gain_over_even", "expected"])
def test_a_figure_that_is_none_never_passes(name: str) -> None:
    which = "gain over even" if name == "gain_over_even" else "number"
    assert status(found(score={name: math.nan}), which) != "passed"


def test_a_miscount_without_a_variance_is_taken_at_its_word() -> None:
    blank = {"expected": 200.0, "nb_low": math.nan, "nb_high": math.nan}
    assert status(found(score=blank), "number") == "failed"


def test_too_few_incidents_tell_nothing() -> None:
    few = gate(found(score={"n": 9, "expected": 9.5}), LIMITS)
    assert {one.status for one in few} == {"unknown"}
    assert {one.status for one in gate(found(score={"n": 10, "expected": 11.0}), LIMITS)} == {
        "passed"
    }


def test_no_backtest_at_all_fails_what_was_known_of_the_champion() -> None:
    told = {"checks": {"calibration": "passed", "virtual trips": "unknown", "number": "failed"}}
    checks = {one.name: one.status for one in blind("no window is covered", told)}
    assert {name for name, one in checks.items() if one == "failed"} == {"calibration", "number"}
    assert {one.status for one in blind("no window is covered", {})} == {"unknown"}


def row(expected: float | None, observed: int = 0, variance: float = 0.0) -> dict[str, Any]:
    if expected is None:
        return {"expected": None, "observed": None, "variance": None, "probability": None}
    shape = expected**2 / (variance - expected)
    tail = nbinom(shape, shape / (shape + expected))
    probability = min(1.0, 2.0 * min(tail.cdf(observed), tail.sf(observed - 1)))
    told = {"expected": expected, "observed": observed, "variance": variance}
    return told | {"probability": probability}


def test_windows_are_weighed_together_by_the_negative_binomial() -> None:
    settings = MonitorSettings(windows=3)
    series = [row(9.0, 50, 12.0), row(10.0, 13, 15.0), row(None), row(8.0, 11, 14.0),
              row(12.0, 15, 21.0)]  # fmt: skip
    told = alarm(series, settings)
    assert (told["windows"], told["expected"], told["observed"]) == (3, 30.0, 39.0)
    # What is beyond counting errs together: 5, 6 and 9 of variance.
    beyond = (math.sqrt(5.0) + math.sqrt(6.0) + 3.0) ** 2
    together = row(30.0, 39, 30.0 + beyond)
    assert told["probability"] == pytest.approx(together["probability"])
    shape = 30.0**2 / beyond
    tail = nbinom(shape, shape / (shape + 30.0))
    assert (told["low"], told["high"]) == (tail.ppf(0.05), tail.ppf(0.95))
    assert told["alarm"] is False


def test_silence_and_a_flood_ring_the_alarm_and_nothing_told_is_no_answer() -> None:
    assert alarm([row(10.0, 0, 12.0)], MonitorSettings())["alarm"] is True
    assert alarm([row(10.0, 40, 12.0)], MonitorSettings())["alarm"] is True
    # None of the windows is improbable; all of them are.
    slow = [row(10.0, 15, 10.5)] * 12
    assert slow[0]["probability"] > 0.1
    assert alarm(slow, MonitorSettings())["alarm"] is True
    assert alarm([row(None)], MonitorSettings())["alarm"] is None
    assert alarm([], MonitorSettings())["alarm"] is None


def test_false_alarms_are_as_rare_as_stated() -> None:
    rng = np.random.default_rng(11)
    settings = MonitorSettings(alarm_probability=0.05)
    rung = 0
    for _ in range(400):
        rate = rng.gamma(25.0, 10.0 / 25.0, 12)
        counts = rng.poisson(rate)
        rung += alarm([row(10.0, int(one), 14.0) for one in counts], settings)["alarm"]
    assert rung <= 400 * 0.05 * 1.5


def test_the_champion_is_as_old_as_it_is_and_a_fresh_one_is_the_challenger() -> None:
    table = nights.as_incidents(nights.made_up(400))
    day = dt.date(2023, 6, 1)
    settings = BacktestSettings(windows=2, cell_degrees=1.0, trips=0)
    small = kr.KernelMixture(scales_km=(30.0,), memories_days=(365.0,), town_scales_km=(30.0,))
    today = kr.KernelMixture(**small.get_params()).fit(table, as_of=day)
    found = contest(small, today, table, day, settings, settle_days=14)
    pair = found.comparisons.set_index(["model", "reference"]).loc[("challenger", "champion")]
    assert (pair["gain"], pair["low"], pair["high"]) == (0.0, 0.0, 0.0)
    assert found.parameters["end"] == "2023-05-18"
    assert found.parameters["start"] == str(dt.date(2023, 5, 18) - dt.timedelta(days=59))
    old = kr.KernelMixture(**small.get_params()).fit(table, as_of="2022-06-01")
    aged = contest(small, old, table, day, settings, settle_days=14)
    windows = aged.windows.set_index(["model", "start"])
    start = aged.parameters["start"]
    eve = pd.Timestamp(start) - pd.Timedelta(days=1)
    expected = kr.backtest(
        {"then": _Then(small, eve - pd.Timedelta(days=365))}, table, start=start,
        end=aged.parameters["end"], cell_degrees=1.0, baselines=False,
    )  # fmt: skip
    then = expected.windows.iloc[0]
    assert windows.loc[("champion", start), "expected"] == pytest.approx(then["expected"])
    assert windows.loc[("challenger", start), "expected"] != pytest.approx(then["expected"])


class _Then:
    """A model as of a day, whatever it is asked."""

    def __init__(self, model: kr.KernelMixture, day: pd.Timestamp) -> None:
        self.model, self.day = model, day

    def fit(self, incidents: Any, as_of: object = None) -> Any:
        del as_of
        return kr.KernelMixture(**self.model.get_params()).fit(incidents, as_of=self.day)

    def intensity(self, points: Any, when: object) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [
        # 0.9 ** 12 = 0.28, and 0.9 ** 44 = 0.0097.
        (1.0, 12, "passed"),
        (1.0, 43, "passed"),
        (1.0, 44, "failed"),
        # Of ten, 7 or fewer with probability 0.070, and 5 or fewer with 0.0016.
        (0.7, 10, "passed"),
        (0.5, 10, "failed"),
        # Told in part: 7.5 of ten are taken for 8.
        (0.75, 10, "passed"),
        (0.78, 1000, "failed"),
    ],
)
def test_few_counts_may_lie_inside_or_outside_by_chance(
    share: float, n: int, expected: str
) -> None:
    row = HELD | {"held_randomised": share, "n": n}
    assert status(found(held=row), "interval coverage") == expected


def move(action: str, version: str = "v2") -> dict[str, Any]:
    return {"action": action, "version": version, "on": "2023-06-05", "reason": "it looked wrong"}


@pytest.mark.parametrize(
    ("actions", "failed"),
    [
        ([], False),
        (["promote"], False),
        (["promote", "promote", "rollback"], True),
        (["promote", "promote", "rollback", "promote"], False),
        (["promote", "promote", "rollback", "found"], False),
    ],
)
def test_what_somebody_went_back_from_does_not_come_back_by_itself(
    actions: list[str], failed: bool
) -> None:
    check = rolled_back([move(action) for action in actions])
    assert check.failed == failed
    if failed:
        for said in ("v2", "2023-06-05", "it looked wrong", "models promote", "--force"):
            assert said in check.text


@pytest.mark.parametrize(("days", "failed"), [(29, False), (30, False), (31, True)])
def test_a_store_that_others_fill_may_be_so_old(days: int, failed: bool) -> None:
    table = nights.as_incidents(nights.made_up(20))
    newest = table["date_end"].max().date()
    check = freshness(table, newest + dt.timedelta(days=days), 30.0)
    assert (check.failed, check.value, check.subject) == (failed, days, "store")
    assert ("missed by 1" in check.text) == failed
