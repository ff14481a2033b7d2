"""Published forecasts held against made-up records: which windows, which version, which counts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom, poisson

import kidnaprisk as kr
from kidnaprisk.lifecycle import artifact
from kidnaprisk.lifecycle.config import MonitorSettings
from kidnaprisk.lifecycle.monitor import alarm, judge_published
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

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
    settings: MonitorSettings = SETTINGS, note: Callable[[str], None] | None = None,
) -> Rows:  # fmt: skip
    table = nights.as_incidents(rows[rows["known_on"] <= pd.Timestamp(day)])
    return judge_published(registry, "default", table, day, settings, 1.0, series or [], note)


def versions_by_folder(registry: kr.Registry) -> list[str]:
    """Oldest first, by their names alone: no file of theirs is read."""
    names = (path.name for path in (registry.root / "default").iterdir())
    return sorted(name for name in names if name.startswith("20"))


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
    assert gone["note"] == f"{first}: there is no such version"
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
    # Which file of which version, and not where it lies.
    version = versions(registry)[0]
    assert row["note"] == f"{version}, weights.npy: a file of the model does not match its manifest"


def cannot_be_opened(path: Path, real: Callable[[Path], Any]) -> Any:
    if path.name == "weights.npy":
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
    return real(path)


def cannot_be_entered(path: Path, real: Callable[[Path], Any]) -> Any:
    if path.name == "manifest.json":
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return real(path)


@pytest.fixture(params=["disk", "rights"])
def unreadable(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """No version can be read, as long as the patch stands."""
    with monkeypatch.context() as patched:
        if request.param == "disk":
            real = artifact._fingerprint
            patched.setattr(artifact, "_fingerprint", lambda path: cannot_be_opened(path, real))
        else:
            entered = Path.stat
            patched.setattr(
                Path, "stat",
                lambda path, **how: cannot_be_entered(path, lambda one: entered(one, **how)),
            )  # fmt: skip
            # As newer Pythons answer: what cannot be looked at is no file.
            patched.setattr(Path, "is_file", lambda path: path.name != "manifest.json")
        yield patched


def test_a_version_that_cannot_be_read_tonight_is_judged_another_night(
    registry: kr.Registry, rows: pd.DataFrame, unreadable: pytest.MonkeyPatch
) -> None:
    over, first = FIRST + days(HORIZON + SETTLE), versions_by_folder(registry)[0]
    notes: list[str] = []
    assert judged(registry, rows, over, note=notes.append) == []
    assert judged(registry, rows, over + days(HORIZON - 1), note=notes.append) == []
    assert len(notes) == 2
    assert notes[0] == notes[1]
    assert "2023-06-06 to 2023-07-05" in notes[0]
    assert first in notes[0]
    assert str(registry.root) not in notes[0]
    unreadable.undo()
    (row,) = judged(registry, rows, over + days(HORIZON - 1), note=notes.append)
    assert row["note"] == ""
    (usual,) = judged(registry, rows, over)
    told = ("window_start", "version", "expected", "observed", "probability", "alarm")
    assert [row[one] for one in told] == [usual[one] for one in told]
    assert len(notes) == 2


def test_it_does_not_wait_for_ever_and_keeps_no_other_window_waiting(
    registry: kr.Registry, rows: pd.DataFrame, unreadable: pytest.MonkeyPatch
) -> None:
    # The second window is due as well: the first is given up, and the second waits.
    notes: list[str] = []
    both = FIRST + days(2 * HORIZON + SETTLE)
    first, second = versions_by_folder(registry)
    (row,) = judged(registry, rows, both, note=notes.append)
    assert (row["version"], row["expected"], row["alarm"]) == (first, None, None)
    assert row["note"].startswith(first)
    assert str(registry.root) not in row["note"]
    (note,) = notes
    assert "2023-07-06 to 2023-08-04" in note
    assert second in note
    unreadable.undo()
    (after,) = judged(registry, rows, both + days(1), [row])
    assert (after["version"], after["window_start"]) == (second, "2023-07-06")
    assert after["expected"] is not None


def test_a_bug_is_not_taken_for_a_version_that_cannot_be_read(
    registry: kr.Registry, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> Any:
        raise KeyError("synthetic")

    monkeypatch.setattr(artifact, "_fingerprint", broken)
    with pytest.raises(KeyError, match="synthetic"):
        judged(registry, rows, FIRST + days(HORIZON + SETTLE))


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


def test_errors_of_level_move_together_and_counts_do_not() -> None:
    window = {"expected": 9.0, "variance": 9.0 + 4.0**2, "observed": 9, "probability": 1.0}
    told = alarm([window, window | {"variance": 9.0 + 2.0**2}], SETTINGS)
    # Standard deviations of 4 and 2 beyond counting make 6, whichever version spoke.
    mean, variance = 18.0, 18.0 + 6.0**2
    tail = nbinom(mean**2 / (variance - mean), mean / variance)
    assert (told["low"], told["high"]) == (tail.ppf(0.05), tail.ppf(0.95))
    # A variance below the mean, as rounding may leave it, takes nothing away.
    low = alarm([window, window | {"variance": 8.0}], SETTINGS)
    tail = nbinom(mean**2 / 4.0**2, mean / (mean + 4.0**2))
    assert (low["low"], low["high"]) == (tail.ppf(0.05), tail.ppf(0.95))


REGIONS, MONTH_TOTAL, FADES, BEFORE, MONTHS = 10, 20.0, 12.0, 60, 12
# Beyond counting; about what a model of such worlds learns of itself.
DISPERSION = {"steady": 0.0, "wandering": 0.11}


def made_up_series(
    world: str, versions: str, factor: float, *, number: int, seed: int
) -> list[Rows]:
    """Synthetic: forecasts of ten regions from faded counts, twelve months held against counts.

    Levels are steady, or wander by half a nat with 0.95 of it left a month later. One version
    speaks for all months, or each has its own, made of all that was counted by then. From the first
    of these months on ``factor`` times as much happens.
    """
    rng = np.random.default_rng(seed)
    usual = MONTH_TOTAL / np.arange(1, REGIONS + 1) / (1.0 / np.arange(1, REGIONS + 1)).sum()
    wide = np.sqrt(np.log(1.3)) if world == "wandering" else 0.0
    log_level = rng.normal(0.0, wide, (number, REGIONS))
    faded, months, keep = np.tile(usual, (2, number, 1)), 1.0, np.exp(-1.0 / FADES)
    series: list[Rows] = [[] for _ in range(number)]
    for month in range(BEFORE + MONTHS):
        step = rng.normal(0.0, wide, log_level.shape)
        log_level = 0.95 * log_level + np.sqrt(1.0 - 0.95**2) * step
        rate = usual * np.exp(log_level - wide**2 / 2.0)
        count = rng.poisson(rate * (factor if month >= BEFORE else 1.0))
        if versions == "one a month" or month <= BEFORE:
            level = np.maximum(faded[0] / months, 0.05 * usual)
            effective = faded[0] ** 2 / np.maximum(faded[1], 1e-9)
            spread = level**2 * (1.0 / (effective + 0.5) + DISPERSION[world])
        if month >= BEFORE:
            mean, observed = level.sum(axis=1), count.sum(axis=1)
            variance = mean + spread.sum(axis=1)
            tail = nbinom(mean**2 / (variance - mean), mean / variance)
            both = np.minimum(1.0, 2.0 * np.minimum(tail.cdf(observed), tail.sf(observed - 1)))
            for one, *told in zip(series, mean, variance, observed, both, strict=True):
                names = ("expected", "variance", "observed", "probability")
                one.append(dict(zip(names, map(float, told), strict=True)))
        faded = np.stack([keep * faded[0] + count, keep**2 * faded[1] + count])
        months = keep * months + 1.0
    return series


FACTORS = (1.0, 1.5, 2.0, 1.0 / 1.5, 1.0 / 2.0)
# As docs/retraining.md has them, of 20,000 made-up worlds each.
RATES = [
    ("steady", "one", (0.008, 0.998, 1.0, 0.964, 1.0)),
    ("steady", "one a month", (0.003, 0.889, 1.0, 0.675, 0.999)),
    ("wandering", "one", (0.022, 0.472, 0.930, 0.284, 0.815)),
    ("wandering", "one a month", (0.004, 0.056, 0.435, 0.055, 0.431)),
]


@pytest.mark.parametrize(("world", "versions", "rates"), RATES)
def test_how_often_it_rings_in_the_end(world: str, versions: str, rates: tuple[float, ...]) -> None:
    number = 240
    for factor, rate in zip(FACTORS, rates, strict=True):
        series = made_up_series(world, versions, factor, number=number, seed=3)
        rung = sum(alarm(one, SETTINGS)["alarm"] for one in series) / number
        # Were windows taken for independent, every fifth or tenth wandering world would ring.
        assert abs(rung - rate) < 3.5 * np.sqrt(rate * (1.0 - rate) / number) + 1.0 / number
