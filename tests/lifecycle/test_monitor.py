"""Published forecasts held against made-up records: which windows, which version, which counts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom, poisson

import kidnaprisk as kr
from kidnaprisk.lifecycle.config import MonitorSettings
from kidnaprisk.lifecycle.monitor import alarm, judge_published
from tests.lifecycle import nights

FIRST, SECOND = dt.date(2023, 6, 5), dt.date(2023, 7, 5)
HORIZON, SETTLE = 30, 14
SETTINGS = MonitorSettings(horizon_days=HORIZON, settle_days=SETTLE)
SMALL: dict[str, Any] = {
    "scales_km": (20.0,), "memories_days": (365.0,), "town_scales_km": (30.0,),
}  # fmt: skip
Rows = list[dict[str, Any]]


def days(number: int) -> dt.timedelta:
    return dt.timedelta(days=number)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Synthetic, by the day; known within the day, so that counts are plain."""
    table = nights.made_up(400, seed=2)
    return table.assign(known_on=table["date"])


@pytest.fixture(scope="module")
def models(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions, published a window apart."""
    folder = tmp_path_factory.mktemp("models")
    table = nights.as_incidents(rows)
    for day in (FIRST, SECOND):
        kr.Registry(folder).publish(kr.KernelMixture(**SMALL).fit(table, as_of=day), on=day)
    return folder


@pytest.fixture
def registry(models: Path, tmp_path: Path) -> kr.Registry:
    """One of one's own, to be changed."""
    shutil.copytree(models, tmp_path / "models")
    return kr.Registry(tmp_path / "models")


def judged(
    registry: kr.Registry, rows: pd.DataFrame, day: dt.date, series: Rows | None = None,
    settings: MonitorSettings = SETTINGS,
) -> Rows:  # fmt: skip
    table = nights.as_incidents(rows[rows["known_on"] <= pd.Timestamp(day)])
    return judge_published(registry, "default", table, day, settings, 1.0, series or [])


def versions(registry: kr.Registry) -> tuple[str, str]:
    newest, oldest = registry.versions()["version"].tolist()
    return oldest, newest


def test_a_window_is_judged_when_it_is_over_and_late_reports_were_waited_for(
    registry: kr.Registry, rows: pd.DataFrame
) -> None:
    # The window begins the day after: 6 June to 5 July, and a fortnight more.
    over = FIRST + days(HORIZON + SETTLE)
    assert over == dt.date(2023, 7, 19)
    assert judged(registry, rows, over - days(1)) == []
    (row,) = judged(registry, rows, over)
    assert (row["window_start"], row["window_end"]) == ("2023-06-06", "2023-07-05")
    assert row["scored_on"] == "2023-07-19"
    inside = rows["date"].between("2023-06-06", "2023-07-05")
    assert row["observed"] == int(inside.sum()) > 3
    # Once each, and in order.
    assert judged(registry, rows, over + days(29), [row]) == []
    (after,) = judged(registry, rows, over + days(30), [row])
    assert (after["window_start"], after["window_end"]) == ("2023-07-06", "2023-08-04")
    both = judged(registry, rows, over + days(45))
    assert [one["window_start"] for one in both] == ["2023-06-06", "2023-07-06"]
    assert [one["observed"] for one in both] == [row["observed"], after["observed"]]


def test_the_version_is_the_one_that_was_current_at_the_end_of_the_eve(
    registry: kr.Registry, rows: pd.DataFrame
) -> None:
    day = FIRST + days(2 * HORIZON + SETTLE)
    first, second = versions(registry)
    told = judged(registry, rows, day)
    # The second was published on the eve of its window, 5 July.
    assert [(one["version"], one["published_on"]) for one in told] == [
        (first, str(FIRST)), (second, str(SECOND)),
    ]  # fmt: skip
    registry.rollback(reason="it seemed wrong", on=SECOND)
    back = judged(registry, rows, day)
    assert [one["version"] for one in back] == [first, first]
    assert back[1]["expected"] != told[1]["expected"]


def test_what_is_expected_is_the_integral_of_what_was_published(
    registry: kr.Registry, rows: pd.DataFrame
) -> None:
    (row,) = judged(registry, rows, FIRST + days(HORIZON + SETTLE))
    step = 0.05
    lon, lat = np.meshgrid(np.arange(-6, 16.5, step), np.arange(9, 24, step))
    points = gpd.GeoSeries(gpd.points_from_xy(lon.ravel(), lat.ravel()), crs="EPSG:4326")
    model = registry.load(versions(registry)[0])
    hazard = model.intensity(points, pd.Timestamp("2023-06-21", tz="UTC"))
    km2 = (111.195 * step) ** 2 * np.cos(np.radians(lat.ravel()))
    assert row["expected"] == pytest.approx(np.nansum(hazard * km2) * HORIZON, rel=0.03)


def test_nothing_published_or_nothing_recorded_is_nothing_to_judge(
    registry: kr.Registry, rows: pd.DataFrame, tmp_path: Path
) -> None:
    assert judged(kr.Registry(tmp_path / "none"), rows, dt.date(2023, 12, 1)) == []
    # What is not covered yet is not judged as silence.
    table = nights.as_incidents(rows)
    stated = dict(table.attrs["coverage"][0]) | {"end": str(FIRST + days(HORIZON - 1))}
    table.attrs["coverage"] = [stated]
    day = FIRST + days(200)
    assert judge_published(registry, "default", table, day, SETTINGS, 1.0, []) == []
    table.attrs["coverage"] = [stated | {"end": str(FIRST + days(HORIZON))}]
    assert len(judge_published(registry, "default", table, day, SETTINGS, 1.0, [])) == 1


def test_a_version_that_is_no_more_leaves_a_row_that_says_so(
    registry: kr.Registry, rows: pd.DataFrame
) -> None:
    day = FIRST + days(2 * HORIZON + SETTLE)
    first, _ = versions(registry)
    before = judged(registry, rows, day)
    assert registry.prune(keep=1, keep_days=0) == [first]
    gone, stays = judged(registry, rows, day)
    assert gone["version"] == first
    assert "no such version" in gone["note"]
    told = ("n", "expected", "observed", "variance", "low", "high", "probability", "gain_over_even")
    assert [gone[one] for one in told] == [None] * len(told)
    # One window less is not an alarm, nor does it quieten the others.
    assert gone["alarm"] is None
    same = ("observed", "expected", "probability", "alarm", "note")
    assert [stays[one] for one in same] == [before[1][one] for one in same]
    assert alarm([gone, stays], SETTINGS)["windows"] == 1


def test_a_version_that_was_tampered_with_is_not_believed(
    registry: kr.Registry, rows: pd.DataFrame
) -> None:
    weights = registry.path(versions(registry)[0]) / "weights.npy"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    (row,) = judged(registry, rows, FIRST + days(HORIZON + SETTLE))
    assert row["expected"] is None
    assert "does not match its manifest" in row["note"]


@pytest.mark.parametrize(
    ("times", "rung"), [(0, True), (1, False), (3, True)], ids=["silent", "steady", "tripled"]
)
def test_the_alarm_rings_when_a_source_falls_silent_or_triples_and_not_else(
    registry: kr.Registry, rows: pd.DataFrame, times: int, rung: bool
) -> None:
    after = rows["date"] > pd.Timestamp(FIRST)
    again = [
        rows[after].assign(incident_id=rows["incident_id"] + f"x{number}")
        for number in range(times)
    ]
    changed = pd.concat([rows[~after], *again])
    told = judged(registry, changed, FIRST + days(3 * HORIZON + SETTLE))
    assert len(told) == 3
    assert told[-1]["alarm"] is rung
    together = alarm(told, SETTINGS)
    assert together["alarm"] is rung
    assert together["observed"] == sum(one["observed"] for one in told)
    inside = together["low"] <= together["observed"] <= together["high"]
    assert inside is not rung


def test_figures_of_a_window_are_those_of_the_negative_binomial(
    registry: kr.Registry, rows: pd.DataFrame
) -> None:
    for row in judged(registry, rows, FIRST + days(2 * HORIZON + SETTLE)):
        mean, variance, count = row["expected"], row["variance"], row["observed"]
        assert variance > mean
        shape = mean**2 / (variance - mean)
        tail = nbinom(shape, shape / (shape + mean))
        two_sided = min(1.0, 2.0 * min(tail.cdf(count), tail.sf(count - 1)))
        assert row["probability"] == pytest.approx(two_sided, rel=1e-6)
        assert (row["low"], row["high"]) == (tail.ppf(0.05), tail.ppf(0.95))


def one_window(expected: float, observed: int) -> dict[str, Any]:
    """As a Poisson forecast is judged."""
    tail = poisson(expected)
    probability = min(1.0, 2.0 * min(tail.cdf(observed), tail.sf(observed - 1)))
    told = {"expected": expected, "variance": expected, "observed": observed}
    return told | {"probability": float(probability)}


def test_where_the_variance_is_the_mean_the_poisson_decides() -> None:
    told = alarm([one_window(4.0, 3), one_window(6.0, 5)], SETTINGS)
    assert told["probability"] == pytest.approx(2.0 * poisson(10.0).cdf(8))
    assert (told["low"], told["high"]) == (poisson(10.0).ppf(0.05), poisson(10.0).ppf(0.95))


def test_it_rings_below_half_of_the_probability_asked_for_by_either_look() -> None:
    window = one_window(10.0, 22)
    alone = window["probability"]
    assert 0.0 < alone < 0.01
    for asked, rung in ((2.001 * alone, True), (1.999 * alone, False)):
        settings = dataclasses.replace(SETTINGS, alarm_probability=asked)
        assert alarm([window], settings)["alarm"] is rung
    # In sum all is as expected: the last window rings, and once it is past, nothing does.
    settings = dataclasses.replace(SETTINGS, alarm_probability=2.001 * alone)
    before, after = one_window(10.0, 4), one_window(10.0, 4)
    assert alarm([before, after, window], settings)["alarm"] is True
    assert alarm([window, before, after], settings)["alarm"] is False
    # And is forgotten in time.
    few = dataclasses.replace(settings, windows=2)
    assert alarm([window, before, one_window(10.0, 10)], few)["observed"] == 14
