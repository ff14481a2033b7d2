"""The report of a backtest says what the result holds, and never better.

Every result here is synthetic: made-up figures of made-up models and regions.
"""

from __future__ import annotations

import functools
import html.parser
import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from kidnaprisk.errors import ConfigError
from kidnaprisk.reports.backtest import backtest_html, backtest_markdown, backtest_text
from kidnaprisk.reports.backtest_checks import Found, bands_in_order, checks, headline
from kidnaprisk.reports.backtest_tables import sections
from kidnaprisk.reports.safe import one_line

pytest.importorskip("matplotlib", reason="draws the plots")

Result = dict[str, Any]
ALL = [backtest_text, backtest_markdown, backtest_html]
HOSTILE = '</script><svg onload=x>|"&$\\frac{[bold]\x1b[31m\u202e_*`\nhttp://example.test'
# Gain over an even rate, nats per incident.
SKILL = {
    "mixture": 1.54, "boosted": 1.50, "kde decayed": 1.23, "kde": 1.02, "region rate": 0.61,
    "long-run mean": 0.55, "last value": 0.31, "even": 0.0,
}  # fmt: skip
MODELS = ["mixture", "boosted"]
BASELINES = [name for name in SKILL if name not in MODELS]
N = 755


def scores(model: str) -> dict[str, Any]:
    skill = SKILL[model]
    road = {f"road_{k}": v for k, v in _hits(skill).items()}
    return {
        "model": model, "n": N, "windows": 36, "cells": 1950, "expected": 702.4, "observed": N,
        "log_score": skill - 8.1, "gain_over_even": skill, "crps": 0.011 - 0.002 * skill,
        "number_low": 0.026, "number_high": 0.977, "nb_low": 0.21, "nb_high": 0.80,
        "spatial": 0.03 + 0.1 * skill, "slope": 0.96, "slope_low": 0.88, "slope_high": 1.05,
        "intercept": -0.09, **_hits(skill), **road,
    }  # fmt: skip


def hit(skill: float, share: float) -> float:
    return float(share ** (1.0 / (1.0 + 2.0 * skill)))


def _hits(skill: float) -> dict[str, float]:
    hits = {f"hit_{k}": hit(skill, k / 100) for k in (1, 5, 10)}
    return hits | {f"pai_{k}": 100 * hits[f"hit_{k}"] / k for k in (1, 5, 10)}


def comparison(model: str, reference: str) -> dict[str, Any]:
    gain = SKILL[model] - SKILL[reference]
    return {"model": model, "reference": reference, "gain": gain, "low": gain - 0.12,
            "high": gain + 0.13, "n": N}  # fmt: skip


def window(model: str, w: int) -> dict[str, Any]:
    year, month = 2015 + (w + 3) // 12, (w + 3) % 12 + 1
    observed = 14 + (7 * w) % 23
    return {
        "model": model, "start": f"{year}-{month:02d}-01", "end": f"{year}-{month:02d}-30",
        "as_of": f"{year}-{month:02d}-01", "known": 300 + 20 * w, "expected": 15.0 + (5 * w) % 17,
        "observed": observed, "gain_over_even": 1.5 - 0.08 * ((11 * w) % 29),
    }  # fmt: skip


def region(model: str, r: int) -> dict[str, Any]:
    expected = 60.0 / (1 + r)
    observed = round(expected + (expected**0.5) * ((3 * r) % 5 - 2) * 0.7)
    return {
        "model": model, "region_id": f"ZZ-{r:02d}", "name": f"Madeup {r}", "country": "ZZ",
        "expected": expected, "observed": observed,
        "low": max(0.0, expected - expected**0.5), "high": expected + 1.5 * expected**0.5,
    }  # fmt: skip


def bin_row(model: str, b: int) -> dict[str, Any]:
    observed = [62, 66, 71, 68, 75, 77, 70, 83, 90, 93][b]
    return {
        "model": model, "bin": b + 1, "cells": 40_000 // 4**b + 3, "expected": 70.24,
        "observed": observed, "low": observed - 13, "high": observed + 15,
    }  # fmt: skip


def synthetic() -> Result:
    """A backtest of two models and six baselines, all made up; the first beats the baselines."""
    trip = {"slope": 0.97, "slope_low": 0.81, "slope_high": 1.15, "intercept": -0.04,
            "intercept_low": -0.2, "intercept_high": 0.11, "ratio": 1.05, "ratio_low": 0.88,
            "ratio_high": 1.31}  # fmt: skip
    rates = [0.0004, 0.0031, 0.012, 0.05, 0.21]
    return {
        "parameters": {
            "incidents": 6748, "kidnappings": 834, "sources": {"madeup": 6748},
            "coverage": [{"source": "madeup", "areas": ["ZZ"], "start": "2011-05-29",
                          "end": "2019-03-15", "systematic": True, "kinds": ["kidnapping"],
                          "note": ""}],
            "start": "2015-04-01", "end": "2018-03-15", "horizon_days": 30, "step_days": 30,
            "embargo_days": 0, "reporting_delay_days": 14, "cell_degrees": 0.2, "radius_km": 10.0,
            "trips": 5000, "seed": 0, "library": "0.0",
            "models": {name: {"class": name.title(), "parameters": {"scales_km": [3.0, 12.0, 50.0]}}
                       for name in SKILL},
            "baselines": BASELINES,
            "notes": ["2 windows were left out, since a model had too little to go by"],
        },
        "scores": [scores(model) for model in SKILL],
        "comparisons": [comparison(m, other) for m in MODELS for other in SKILL if other != m],
        "windows": [window(model, w) for model in SKILL for w in range(36)],
        "regions": [region(model, r) for model in SKILL for r in range(37)],
        "reliability": [bin_row(model, b) for model in SKILL for b in range(10)],
        "gains": [
            {"model": model, "where": where, "share": s / 100,
             "hit": hit(SKILL[model], s / 100)}
            for model in SKILL for where in ("area", "road") for s in range(101)
        ],
        "coverage": [
            {"model": "mixture", "what": what, "level": level, "least_expected": least, "n": n,
             "held": level + 0.04, "held_randomised": level + 0.01}
            for what, n in (("region month", 1332), ("virtual trip", 5000))
            for level in (0.8, 0.9)
            for least in ((0.0, 2.0) if what == "region month" else (0.0,))
        ],
        "trips": [
            {"model": model, "group": group, "n": 5000, "expected": 61.2, "met": 64.5, **trip}
            for model in SKILL for group in ("all", "Madeup 1", "Madeup 2")
        ],
        "trip_bands": [
            {"model": model, "band": b + 1, "vehicle_days": 90_000.0 / 2**b, "rate": rate,
             "expected": 0.95 * rate * 90.0 / 2**b, "met": rate * 90.0 / 2**b,
             "low": 0.6 * rate, "high": 1.5 * rate}
            for model in SKILL for b, rate in enumerate(rates)
        ],
    }  # fmt: skip


def changed(table: str, **values: Any) -> Result:
    """The synthetic result with these values in the default's rows of one table."""
    result = synthetic()
    for row in result[table]:
        if row["model"] == "mixture":
            row.update(values)
    return result


def against(result: Result, reference: str) -> dict[str, Any]:
    rows = result["comparisons"]
    return next(r for r in rows if (r["model"], r["reference"]) == ("mixture", reference))


class Page(html.parser.HTMLParser):
    """What a page says, the tags it is made of, and what they refer to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said, self.tags, self.ids, self.refers = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value)
            if name in {"src", "href", "xlink:href", "action", "data", "srcset"}:
                self.refers.append(value)
            self.refers += re.findall(r"url\((.*?)\)", value or "")

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.said).split())


def said(report: Callable[[Result], str], result: Result) -> str:
    """What a reader reads, on one line."""
    page = report(result)
    if report is backtest_html:
        return Page(page).text
    page = re.sub(r"\\(.)", r"\1", page) if report is backtest_markdown else page
    return " ".join(page.split())


@functools.cache
def calm() -> str:
    """The page of the synthetic result."""
    return backtest_html(synthetic())


def verdicts(result: Result) -> dict[str, bool | None]:
    return {one.what: one.holds for one in checks(Found.of(result))}


@pytest.mark.parametrize(
    ("gain", "low", "high", "n", "words"),
    [
        (0.31, 0.19, 0.44, 755, "mixture beats the best baseline, kde decayed: "),
        (0.05, -0.03, 0.14, 755, "mixture does NOT beat the best baseline, kde decayed: "),
        (0.05, 0.0, 0.14, 755, "mixture does NOT beat the best baseline, kde decayed: "),
        (-0.2, -0.3, -0.1, 755, "mixture is WORSE than the best baseline, kde decayed: "),
        (0.31, 0.19, 0.44, 79, "Fewer than 100 incidents"),
        (0.31, None, 0.44, 755, "Nothing is shown: the gain of mixture over the best baseline"),
    ],
)  # fmt: skip
def test_headline_says_plainly_whether_the_default_beats_the_best_baseline(
    gain: float, low: float, high: float, n: int, words: str
) -> None:
    result = synthetic()
    against(result, "kde decayed").update(gain=gain, low=low, high=high, n=n)
    first = " ".join(headline(Found.of(result)))
    assert words in first


@pytest.mark.parametrize("report", ALL)
def test_headline_has_the_gain_its_interval_and_n(report: Callable[[Result], str]) -> None:
    assert (
        "mixture beats the best baseline, kde decayed: its gain is 0.310 nats per incident "
        "(95 % interval 0.190 to 0.440; n = 755 incidents)."
    ) in said(report, synthetic())
    sample = synthetic()
    sample["parameters"]["coverage"][0]["systematic"] = False
    against(sample, "kde decayed").update(gain=-0.2, low=-0.3, high=-0.1)
    words = said(report, sample)
    assert "is WORSE than" in words
    assert "(95 % interval −0.300 to −0.100; n = 755 incidents)." in words
    assert "madeup, ZZ, 2011-05-29 to 2019-03-15, a sample" in words
    assert "2 windows were left out" in words


def test_best_baseline_is_the_hardest_to_beat_and_a_model_is_no_baseline() -> None:
    result = synthetic()
    assert "the best baseline, kde decayed" in backtest_text(result)
    against(result, "region rate").update(gain=0.1, low=0.02, high=0.2)
    assert "the best baseline, region rate" in backtest_text(result)
    result["parameters"]["baselines"] = []
    assert "the best other model, boosted" in " ".join(backtest_text(result).split())


def test_a_baseline_that_was_not_compared_is_named_and_lets_no_check_hold() -> None:
    result = synthetic()
    result["comparisons"].remove(against(result, "kde decayed"))
    assert "1 of 6 baselines the interval does not lie above zero: kde decayed" in backtest_text(
        result
    )
    assert verdicts(result)["Gain over the best baseline"] is None


def test_a_model_alone_is_compared_with_nothing() -> None:
    result = synthetic()
    result["scores"] = result["scores"][:1]
    assert "Nothing is shown: no other model is here" in backtest_text(result)


@pytest.mark.parametrize(
    ("table", "values", "what", "holds"),
    [
        ("comparisons", {"low": 0.0}, "Gain over the best baseline", False),
        ("comparisons", {"n": 99}, "Gain over the best baseline", None),
        ("scores", {"nb_low": 0.024}, "How many (negative binomial)", False),
        ("scores", {"nb_low": None, "nb_high": None}, "How many (Poisson)", True),
        ("scores", {"spatial": 0.049}, "Where (spatial test)", False),
        ("scores", {"spatial": None}, "Where (spatial test)", None),
        ("scores", {"slope_high": 0.99}, "Calibration slope, cells", False),
        ("coverage", {"held_randomised": 0.96}, "90 % intervals, by region month", False),
        ("coverage", {"held_randomised": 0.85}, "90 % intervals, by region month", True),
        ("coverage", {"held_randomised": 0.84}, "90 % intervals, by virtual trip", False),
        ("coverage", {"n": 19}, "90 % intervals, by virtual trip", None),
        ("trips", {"slope": 0.79}, "Calibration slope, virtual trips", False),
        ("trips", {"slope": 1.25}, "Calibration slope, virtual trips", True),
        ("trips", {"slope_low": None}, "Calibration slope, virtual trips", None),
        ("trips", {"ratio_low": 1.01}, "Met ÷ expected, virtual trips", False),
        ("trip_bands", {"rate": 0.1}, "Bands of virtual trips", False),
        ("trip_bands", {"rate": None}, "Bands of virtual trips", None),
    ],
)
def test_checks_hold_to_their_bounds(
    table: str, values: dict[str, Any], what: str, holds: bool | None
) -> None:
    assert verdicts(changed(table, **values))[what] is holds


def test_all_checks_are_there_and_not_known_when_nothing_was_measured() -> None:
    bare = {"parameters": {}, "scores": [{"model": "kde"}]}
    assert len(verdicts(bare)) == 8
    assert set(verdicts(bare).values()) == {None}
    for report in ALL:
        assert "8 checks: 0 held, 0 failed, 8 cannot be told" in said(report, bare)
        assert "The result holds no figures for this." in said(report, bare)


@given(st.data())
@settings(max_examples=60)
def test_losing_figures_never_makes_a_check_hold(data: st.DataObject) -> None:
    result = synthetic()
    # A tail that is lost hands over to the Poisson test, which is the stricter one.
    for row in result["scores"]:
        row["number_low"] = row["nb_low"]
    # Every check has a figure that just fails it.
    worst = data.draw(st.booleans())
    if worst:
        against(result, "kde decayed").update(low=-0.01)
        against(result, "kde").update(low=-0.02)
        result["scores"][0].update(spatial=0.04, slope_high=0.9)
        result["trip_bands"][2]["rate"] = 1.0
    before = verdicts(result)
    for _ in range(data.draw(st.integers(1, 6))):
        table = data.draw(st.sampled_from(["scores", "comparisons", "coverage", "trips",
                                           "trip_bands"]))  # fmt: skip
        rows = [row for row in result[table] if row["model"] == "mixture"]
        row = data.draw(st.sampled_from(rows))
        column = data.draw(st.sampled_from([one for one in row if one not in NAMES]))
        row[column] = None
    for what, holds in verdicts(result).items():
        assert holds is not True or before.get(what.replace("Poisson", "negative binomial")) is True


NAMES = {"model", "reference", "band", "group", "what", "level", "least_expected"}


def test_n_stands_in_every_table_but_that_of_parameters() -> None:
    found = Found.of(synthetic())
    for section in sections(found):
        for grid in (*section.grids, *([section.aside] if section.aside else [])):
            headings = {column.title for column in grid.columns}
            assert section.title == "Parameters" or headings & {
                "n", "n trips", "observed (n)", "met (n)",
            }  # fmt: skip


def test_figures_are_those_of_the_result() -> None:
    rows = [line.split() for line in backtest_text(synthetic()).splitlines()]
    assert ["mixture", "755", "1.540", "−6.560", "0.00792", "702", "755"] in rows
    assert ["mixture", "755", "0.96", "0.88", "to", "1.05", "−0.09"] in rows
    # The shares to the power of 1/4.08.
    assert ["mixture", "755", *"32.3 % 48.0 % 56.9 % 32.3 9.60 5.69".split()] in rows
    assert ["severe", "4", "11,250", "0.562", "0.534", "0.0500", "0.0300", "to", "0.0750"] in rows


def test_regions_outside_their_interval_come_first_the_most_surprising_on_top() -> None:
    def row(name: str, expected: float, observed: float, low: float | None) -> dict[str, Any]:
        high = None if low is None else 2 * expected - low
        return {"model": "mixture", "region_id": name, "name": name, "country": "ZZ", "low": low,
                "high": high, "expected": expected, "observed": observed}  # fmt: skip

    result = synthetic()
    # Poisson deviance: Far 27.7, Near 1.73, Inside 3.86, Blank without an interval 0.
    result["regions"] = [
        row("Quiet", 0.1, 0, 0), row("Blank", 4, 4, None), row("Inside", 10, 16, 3),
        row("Near", 10, 6, 7), row("Far", 20, 50, 14),
    ]  # fmt: skip
    text = backtest_text(result)
    order = [text.index(f"\n{name}, ZZ ") for name in ("Far", "Near", "Inside", "Blank")]
    assert order == sorted(order)
    assert "Quiet" not in text
    assert "Of 4 regions" in text
    assert "1 lie inside" in " ".join(text.split())
    assert re.search(r"Blank, ZZ +4 +4\.00 +– +1\.00 not known", text)


def test_bands_out_of_order_are_told_even_if_one_is_missing() -> None:
    rates = [{"band": band, "rate": rate} for band, rate in ((1, 0.1), (3, 0.4), (5, 0.2))]
    assert bands_in_order(rates) is False
    assert bands_in_order(rates[:2]) is None
    assert bands_in_order([]) is None


def test_bands_that_met_nothing_are_in_no_order() -> None:
    def met(*rates: float) -> bool | None:
        return bands_in_order([{"band": band, "rate": one} for band, one in enumerate(rates, 1)])

    assert met(0.0, 0.0, 0.0, 0.0, 0.0) is None
    assert met(0.0, 0.0, 0.1, 0.2, 0.3) is None
    assert met(0.0, 0.1, 0.2, 0.3, 0.4) is True
    assert met(0.0, 0.0, 0.2, 0.1, 0.3) is False
    assert met(0.0, 0.1, 0.1, 0.2, 0.3) is False


def hostile() -> Result:
    """The synthetic result with names that would like to be more than names."""
    result = synthetic()
    for table in result.values():
        for row in table if isinstance(table, list) else []:
            for column in ("model", "reference"):
                if row.get(column) in {"mixture", "kde decayed"}:
                    row[column] = f"{HOSTILE}{row[column]}"
            if "region_id" in row:
                row["name"] = HOSTILE
            if "group" in row and row["group"] != "all":
                row["group"] = HOSTILE
            if "what" in row:
                row["what"] = HOSTILE
    given = result["parameters"]
    given["models"] = {f"{HOSTILE}mixture": {"class": HOSTILE, "parameters": {}}}
    given["baselines"] = [f"{HOSTILE}kde decayed", "kde"]
    given["notes"] = [HOSTILE]
    given["coverage"][0]["note"] = given["coverage"][0]["source"] = HOSTILE
    return result


def test_html_takes_no_orders_from_names() -> None:
    page = Page(backtest_html(hostile()))
    assert set(page.tags) == set(Page(calm()).tags)
    assert "script" not in page.tags
    assert "onload=x" in page.text
    assert one_line(HOSTILE) in page.text
    # Drawn as it is, not read as mathematics.
    assert page.text.count("$\\frac{[bold]") > 20


def test_html_refers_to_nothing_outside_itself() -> None:
    page = Page(calm())
    assert page.refers
    assert all(one.lstrip("'\"").startswith("#") for one in page.refers)
    assert len(page.ids) == len(set(page.ids))
    assert {one.strip("'\"#") for one in page.refers} <= set(page.ids)
    assert page.tags.count("svg") == 5


def test_markdown_takes_no_orders_from_names() -> None:
    page = backtest_markdown(hostile())
    assert not re.search(r"(?<!\\)[<>\[\]`$]", page)
    assert "http:/\\/" in page
    assert "http://" not in page
    tables = re.findall(r"(?:^\|.*\n)+", page, flags=re.M)
    assert len(tables) == 14
    for table in tables:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(bars) == 1


@pytest.mark.parametrize("make", [synthetic, hostile])
def test_text_is_for_a_terminal_of_100_columns(make: Callable[[], Result]) -> None:
    result = make()
    result["regions"][0]["name"] = "Ngaoundéré " * 30
    result["parameters"]["notes"].append("x" * 500)
    text = backtest_text(result)
    assert all(cell_len(line) <= 100 for line in text.splitlines())
    assert "\x1b" not in text
    assert "…" not in text
    assert "x" * 90 in text


def test_report_is_the_same_every_time_and_leaves_the_result_alone() -> None:
    result = json.loads(json.dumps(synthetic()))
    assert backtest_html(result) == calm()
    assert backtest_markdown(result) == backtest_markdown(synthetic())
    assert result == synthetic()


def test_plots_need_matplotlib_and_the_rest_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"matplotlib: pip install \"kidnaprisk\[plots\]\""):
        backtest_html(synthetic())
    assert backtest_markdown(synthetic())
    assert backtest_text(synthetic())


def test_plots_stand_with_nothing_met_and_nothing_observed() -> None:
    result = synthetic()
    for row in result["trip_bands"]:
        row.update(rate=0.0, low=None, high=None, met=0.0, expected=0.0)
    for row in result["reliability"] + result["windows"]:
        row.update(observed=0)
    assert Page(backtest_html(result)).tags.count("svg") == 5


def test_a_users_own_plot_settings_are_neither_used_nor_changed() -> None:
    import matplotlib as mpl

    page = calm()
    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "black"}):
        assert backtest_html(synthetic()) == page
        assert mpl.rcParams["font.size"] == 30.0


@pytest.mark.parametrize("wrong", [None, [], {}, {"parameters": {}, "scores": []},
                                   {"parameters": {}, "scores": ["kde"]}])  # fmt: skip
@pytest.mark.parametrize("report", ALL)
def test_what_is_not_a_result_is_refused(report: Callable[[Any], str], wrong: object) -> None:
    with pytest.raises(ConfigError, match="not the result of a backtest"):
        report(wrong)
