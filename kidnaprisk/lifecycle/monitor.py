"""How published forecasts did: the only figures that nobody could have tuned.

The days since a model was first published are cut into windows. When one is over, and late reports
have been waited for, the version that was current on its eve is loaded again and its forecast held
against what has since been recorded. Each window is judged once, and the series is kept. One whose
version cannot be read tonight waits, until the next one is due as well.

The alarm goes by numbers alone: so many more incidents, or fewer, than the forecasts allowed for
are improbable, in the last window or in the last ones together. It says that something is off, in
the records or in the model; not what.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ArtifactError, CoverageError, KidnapRiskError, ModelError
from kidnaprisk.evaluation.backtest import backtest
from kidnaprisk.evaluation.baselines import EvenRate
from kidnaprisk.evaluation.calibration import predictive_interval
from kidnaprisk.evaluation.consistency import number_test_negative_binomial
from kidnaprisk.lifecycle.contest import EVEN, StandIn, last_day_to_judge
from kidnaprisk.lifecycle.manifest import MANIFEST, check_name
from kidnaprisk.lifecycle.registry import Registry
from kidnaprisk.lifecycle.succession import moves

if TYPE_CHECKING:
    from kidnaprisk.lifecycle.config import MonitorSettings

PUBLISHED = "published"
_LEVEL = 0.9


class Published(StandIn):
    """What was published: for each day the version that was current then.

    It stands among models in a backtest, which so becomes a record of what was truly said.

    Parameters
    ----------
    root : path
        Folder of models.
    name : str
    """

    def __init__(self, root: Any, name: str = "default") -> None:
        self.root = root
        self.name = name

    def fit(self, incidents: gpd.GeoDataFrame, as_of: Any = None) -> Any:
        """The model that was current at the end of a day. Nothing is fitted."""
        del incidents
        registry = Registry(self.root)
        day = pd.Timestamp(as_of).date()
        version = registry.published_on(day, self.name)
        if version is None:
            raise ModelError("nothing was published yet", value=day.isoformat())
        return registry.load(version, self.name)


def judge_published(
    registry: Registry,
    name: str,
    incidents: gpd.GeoDataFrame,
    as_of: dt.date,
    settings: MonitorSettings,
    cell_degrees: float,
    series: Sequence[dict[str, Any]],
    note: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """The windows that can be judged now and were not before.

    Parameters
    ----------
    registry : Registry
    name : str
        Of the model.
    incidents : GeoDataFrame
        What is recorded by now.
    as_of : date
    settings : MonitorSettings
    cell_degrees : float
        Side of a cell, for the information gain.
    series : sequence of dict
        What was judged before, oldest first.
    note : callable, optional
        Told which window waits for another night, and for what.

    Returns
    -------
    list of dict
        One a window: ``window_start, window_end, version, published_on, scored_on, n, expected,
        observed, variance, low, high`` (90 % interval of the count), ``probability`` (two-sided,
        negative binomial), ``gain_over_even`` (nats per incident), ``alarm``, ``note``. What could
        not be told is None, and ``note`` says why: the version was pruned, say, or tampered with.
    """
    days = [dt.date.fromisoformat(line["on"]) for line in _moves(registry, name)]
    if not days:
        return []
    last = last_day_to_judge(incidents, as_of, settings.settle_days)
    length = dt.timedelta(days=settings.horizon_days)
    start = min(days) + dt.timedelta(days=1)
    if series:
        start = dt.date.fromisoformat(series[-1]["window_end"]) + dt.timedelta(days=1)
    judged: list[dict[str, Any]] = []
    while start + length - dt.timedelta(days=1) <= last:
        row = _unjudged(registry, name, start, length)
        try:
            row |= _judged(registry, name, incidents, row, cell_degrees)
        except OSError as error:
            why = _told(error, row["version"])
            # Not for ever: with nothing judged, nothing would ring.
            if start + 2 * length - dt.timedelta(days=1) > last:
                if note is not None:
                    days_of = f"{row['window_start']} to {row['window_end']}"
                    note(f"the published forecast of {days_of} waits to be judged: {why}")
                break
            row["note"] = why
        row["scored_on"] = as_of.isoformat()
        row["alarm"] = alarm([*series, *judged, row], settings)["alarm"]
        judged.append(row)
        start += length
    return judged


def alarm(series: Sequence[dict[str, Any]], settings: MonitorSettings) -> dict[str, Any]:
    """What the last windows say together.

    Parameters
    ----------
    series : sequence of dict
        As :func:`judge_published` gives them, oldest first.
    settings : MonitorSettings

    Returns
    -------
    dict
        ``windows`` judged, their ``expected`` and ``observed``, the 90 % interval ``low`` and
        ``high``, ``probability``, and ``alarm``: None where nothing could be told.
    """
    told = [row for row in series if row["expected"] is not None][-settings.windows :]
    if not told:
        return dict.fromkeys(("expected", "observed", "low", "high", "probability", "alarm")) | {
            "windows": 0
        }
    expected, observed = (math.fsum(row[name] for row in told) for name in ("expected", "observed"))
    found = _count(expected, _variance_together(told), observed)
    # Two looks, at the last window and at all of them: each may be wrong half as often.
    lowest = min(found["probability"], told[-1]["probability"])
    return {
        "windows": len(told),
        "expected": expected,
        "observed": observed,
        **found,
        "alarm": bool(lowest < settings.alarm_probability / 2.0),
    }


def _variance_together(told: Sequence[dict[str, Any]]) -> float:
    """Variance of the windows' total: counts vary each by itself, what is wrong with a level not.

    So variances of counts add up, and beyond them standard deviations do. Whichever version spoke:
    two that were made a month apart share nearly all of their records, and their errors with them.
    A backtest adds up alike (``evaluation.compared``).
    """
    beyond = math.fsum(math.sqrt(max(0.0, row["variance"] - row["expected"])) for row in told)
    return math.fsum(row["expected"] for row in told) + beyond**2


def _unjudged(
    registry: Registry, name: str, start: dt.date, length: dt.timedelta
) -> dict[str, Any]:
    """A window and the version that was current on its eve; nothing told of it yet."""
    end, eve = start + length - dt.timedelta(days=1), start - dt.timedelta(days=1)
    version = registry.published_on(eve, name)
    row: dict[str, Any] = dict.fromkeys(
        ("n", "expected", "observed", "variance", "low", "high", "probability", "gain_over_even")
    )
    row |= {"window_start": start.isoformat(), "window_end": end.isoformat(), "version": version}
    return row | {"published_on": _published_on(registry, name, version), "note": ""}


def _judged(
    registry: Registry,
    name: str,
    incidents: gpd.GeoDataFrame,
    row: dict[str, Any],
    cell_degrees: float,
) -> dict[str, Any]:
    """What can be told of a window; an OSError if its version may be read another night."""
    start, end = (dt.date.fromisoformat(row[name]) for name in ("window_start", "window_end"))
    models = {PUBLISHED: Published(registry.root, name), EVEN: EvenRate()}
    try:
        _touch(registry, name, row["version"])
        found = backtest(
            models, incidents, start=start, end=end, horizon_days=(end - start).days + 1,
            baselines=False, cell_degrees=cell_degrees,
        )  # fmt: skip
    except ArtifactError as error:
        if _may_pass(error):
            raise
        return {"note": _told(error, row["version"])}
    except (CoverageError, ModelError) as error:
        return {"note": error.message}
    score = found.to_dict()["scores"][0]
    expected, observed, variance = score["expected"], score["n"], score["variance"]
    told = {"n": observed, "expected": expected, "observed": observed, "variance": variance}
    told |= {"gain_over_even": score["gain_over_even"]}
    return told | _count(expected, variance, observed)


def _touch(registry: Registry, name: str, version: str | None) -> None:
    """An OSError if it cannot be said whether a version is there."""
    if version is not None:
        with suppress(FileNotFoundError, NotADirectoryError):
            (registry.root / name / version / MANIFEST).stat()


def _may_pass(error: ArtifactError) -> bool:
    """Whether the disk failed, which may pass, and not what stands on it."""
    # Raised from None, which hides what it came of and keeps it here.
    cause = error.__context__
    lasting = (KidnapRiskError, FileNotFoundError, NotADirectoryError)
    return isinstance(cause, OSError) and not isinstance(cause, lasting)


def _told(error: OSError, version: str | None) -> str:
    """Why a window was not judged: of which version and file, without the path."""
    if isinstance(error, KidnapRiskError):
        why, file = error.message, error.file
    else:
        why, file = f"it cannot be read: {error.strerror or type(error).__name__}", error.filename
    inside = file is not None and Path(file).parent.name == version
    return f"{version}{f', {Path(str(file)).name}' if inside else ''}: {why}"


def _published_on(registry: Registry, name: str, version: str | None) -> str | None:
    days = [line["on"] for line in _moves(registry, name) if line["version"] == version]
    return days[0] if days else None


def _moves(registry: Registry, name: str) -> list[dict[str, Any]]:
    return moves(registry.root / check_name(name, "name"))


def _count(expected: float, variance: float, observed: float) -> dict[str, float]:
    """90 % interval of a count, and how improbable one as far off is."""
    low, high = predictive_interval(np.array([expected]), np.array([variance]), _LEVEL)
    tails = number_test_negative_binomial(expected, variance, observed)
    probability = min(1.0, 2.0 * min(tails))
    return {"low": float(low[0]), "high": float(high[0]), "probability": probability}
