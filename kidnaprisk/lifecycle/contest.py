"""Champion and challenger on the same past windows, from the same records.

A published model goes on speaking while it grows old. What is compared is therefore two ways of
going on: for each past window the challenger is fitted as of the eve, and the champion, with its
own parameters, as of as many days before that as it is old today. Neither sees what came later.

With equal parameters the two differ by age alone, and the comparison says what fresher records are
worth; it cannot say that the records are sound. That is asked of them before (`drift`).

Not here: what follows from the figures (`gate`), and how published forecasts did (`monitor`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
from sklearn.base import clone

from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.evaluation.backtest import backtest
from kidnaprisk.evaluation.baselines import EvenRate
from kidnaprisk.geodesy import Floats
from kidnaprisk.incidents.coverage import coverage_of

if TYPE_CHECKING:
    from kidnaprisk.evaluation.result import BacktestResult
    from kidnaprisk.hazard.mixture import KernelMixture
    from kidnaprisk.lifecycle.config import BacktestSettings

CHALLENGER, CHAMPION, EVEN = "challenger", "champion", "even"
_FIGURES = (
    "n", "expected", "observed", "gain_over_even", "slope", "slope_low", "slope_high", "crps",
    "hit_1", "hit_5", "hit_10", "nb_low", "nb_high",
)  # fmt: skip


class StandIn:
    """Stands among models to be backtested; its ``fit`` returns the model that is to speak."""

    def intensity(self, points: gpd.GeoSeries, when: object) -> Floats:
        """Not to be asked: the model that ``fit`` returns is."""
        del points, when
        raise ModelError("this model is not fitted", remedy="ask what fit() returns")


class Aged(StandIn):
    """A model that was fitted some days before it is asked.

    Parameters
    ----------
    model : unfitted model
    days : int
        How old it is when it is asked.
    """

    def __init__(self, model: Any, days: int) -> None:
        self.model = model
        self.days = days

    def get_params(self, deep: bool = False) -> dict[str, Any]:
        """The model and its age, for the record of a backtest."""
        del deep
        return {"model": self.model, "days": self.days}

    def fit(self, incidents: gpd.GeoDataFrame, as_of: Any = None) -> Any:
        """The model, fitted to what was known ``days`` before a day."""
        then = pd.Timestamp(as_of) - pd.Timedelta(days=self.days)
        return clone(self.model).fit(incidents, as_of=then)


def contest(
    challenger: KernelMixture,
    champion: KernelMixture | None,
    incidents: gpd.GeoDataFrame,
    as_of: dt.date,
    settings: BacktestSettings,
    settle_days: int,
    on_window: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Backtest of the challenger beside the champion and an even rate.

    Parameters
    ----------
    challenger : unfitted KernelMixture
    champion : fitted KernelMixture, optional
    incidents : GeoDataFrame
        All that is known today.
    as_of : date
        Today.
    settings : BacktestSettings
    settle_days : int
        Late reports are waited for so long before a window is judged.
    on_window : callable, optional
        Called with windows done and in all.

    Returns
    -------
    BacktestResult
        Of ``challenger``, ``champion`` if there is one, and ``even``.

    Raises
    ------
    CoverageError, ModelError
        If nothing can be compared: no window is covered, or the records are too few.
    """
    last = last_day_to_judge(incidents, as_of, settle_days)
    first = last - dt.timedelta(days=settings.windows * settings.horizon_days - 1)
    models: dict[str, Any] = {CHALLENGER: clone(challenger)}
    if champion is not None:
        age = max(0, (as_of - champion.as_of_.date()).days)
        models[CHAMPION] = Aged(_unfitted(champion, challenger), age)
    return backtest(
        models | {EVEN: EvenRate(coverage=challenger.coverage)},
        incidents,
        start=first,
        end=last,
        horizon_days=settings.horizon_days,
        embargo_days=settings.embargo_days,
        reporting_delay_days=settings.reporting_delay_days,
        cell_degrees=settings.cell_degrees,
        trips=settings.trips,
        baselines=False,
        coverage=challenger.coverage,
        seed=settings.seed,
        n_jobs=settings.n_jobs,
        on_window=on_window,
    )


def last_day_to_judge(incidents: gpd.GeoDataFrame, as_of: dt.date, settle_days: int) -> dt.date:
    """Last day of which most records are in: some days back, and no later than records reach.

    Raises
    ------
    CoverageError
        If no source of the records tells of kidnappings.
    """
    ends = [one.end for one in coverage_of(incidents) if "kidnapping" in one.kinds]
    if not ends:
        raise CoverageError(
            "no source of these records tells of kidnappings", remedy="add a feed that records them"
        )
    return min(as_of - dt.timedelta(days=settle_days), max(ends))


def figures_of(found: BacktestResult) -> dict[str, Any]:
    """The figures of a contest that are written down: by model, and the challenger's gain."""
    told = found.to_dict()
    figures: dict[str, Any] = {
        row["model"]: {name: row[name] for name in _FIGURES}
        for row in told["scores"]
        if row["model"] in (CHALLENGER, CHAMPION, EVEN)
    }
    for row in told["comparisons"]:
        if (row["model"], row["reference"]) == (CHALLENGER, CHAMPION):
            figures["gain"] = {name: row[name] for name in ("gain", "low", "high", "n")}
    figures["start"], figures["end"] = found.parameters["start"], found.parameters["end"]
    return figures


def windows_of(found: BacktestResult) -> int:
    """How many windows a contest was held on."""
    return int(found.scores["windows"].iloc[0])


def _unfitted(champion: KernelMixture, challenger: KernelMixture) -> KernelMixture:
    """The champion's parameters; coverage is a fact of today's records, the same for both."""
    fresh: KernelMixture = clone(champion).set_params(coverage=challenger.coverage)
    return fresh
