"""Rolling-origin backtest: every forecast made from what was known before the days it is about.

Each window of days is forecast by models fitted anew to the records known by the day before it,
or by the embargo asked for. A model is handed those records alone, so it cannot see later ones.
What then happened is read from the whole table. A window counts in a region only where the records
covered the region throughout and every model answered: silence is not a count of zero.

Not here: what a figure is worth (:mod:`kidnaprisk.evaluation.summary`).

Source: Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of
Forecasting 16, for rolling origins; Schorlemmer et al. (2018), "The Collaboratory for the Study of
Earthquake Predictability", Seismological Research Letters 89, for tests of spatial rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from kidnaprisk.errors import ConfigError, CoverageError, ModelError
from kidnaprisk.evaluation import baselines as simple
from kidnaprisk.evaluation import options
from kidnaprisk.evaluation.forecast import Forecast, Plan, forecast_window
from kidnaprisk.evaluation.frame import Frame, Mask, Windows, cut_frame, cut_windows, what_happened
from kidnaprisk.evaluation.result import BacktestResult
from kidnaprisk.evaluation.summary import summarise
from kidnaprisk.evaluation.tested import Tested
from kidnaprisk.evaluation.virtual_trips import VirtualTrips, sample_trips
from kidnaprisk.hazard.area import day_number
from kidnaprisk.incidents.coverage import COVERAGE_ATTR, Coverage, coverage_of
from kidnaprisk.incidents.table import validate_incidents


def backtest(  # noqa: PLR0913 options, by name
    models: Mapping[str, Any],
    incidents: gpd.GeoDataFrame,
    *,
    start: object,
    end: object,
    horizon_days: int = 30,
    step_days: int | None = None,
    embargo_days: int = 0,
    reporting_delay_days: int | None = None,
    cell_degrees: float = 0.2,
    radius_km: float = 10.0,
    trips: int = 0,
    baselines: bool = True,
    coverage: Sequence[Coverage] | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    on_window: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Compare models on days that none of them had seen.

    Parameters
    ----------
    models : mapping of str to model
        Unfitted models with ``fit(incidents, as_of=day)`` and ``intensity(points, when)``. The
        first is the one the summary speaks of.
    incidents : GeoDataFrame
        The whole table. Each window's models are handed the rows with ``known_on`` up to its as-of
        day, and nothing else.
    start, end : date-like
        First and last day forecast.
    horizon_days : int
        Days in a window.
    step_days : int, optional
        Days from one window to the next; by default the horizon, so that windows do not overlap.
    embargo_days : int
        Days left between the as-of day and the window.
    reporting_delay_days : int, optional
        Take every record as known this many days after its last possible day, instead of on its
        ``known_on``. For files whose ``known_on`` is the day of a later upload: it is then an
        assumption, and the result says so.
    cell_degrees : float
        Side of a cell of longitude and latitude.
    radius_km : float
        Encounter radius of virtual trips; an incident counts on a road that near.
    trips : int
        Virtual trips per window.
    baselines : bool
        Whether the simple baselines run beside the models. A model of the same name takes the
        baseline's place.
    coverage : sequence of Coverage, optional
        What the records cover; by default what the table says of itself.
    seed : int
        Of bootstrap, simulations and virtual trips.
    n_jobs : int
        Windows forecast at once; below 0, as joblib counts cores.
    on_window : callable, optional
        Called with windows done and in all.

    Returns
    -------
    BacktestResult

    Raises
    ------
    ConfigError
        If an option makes no sense, or no window fits.
    ModelError
        If there is no model, none can be fitted in any window, or an answer is no rate or
        expects nothing at all somewhere.
    CoverageError
        If the records cover no whole window, or say nothing of kidnappings.

    Examples
    --------
    >>> import kidnaprisk as kr
    >>> from kidnaprisk.evaluation.baselines import EvenRate
    >>> found = backtest({"even": EvenRate()}, kr.load_catalogue(), start="2023-01-01",
    ...                  end="2023-03-31", cell_degrees=1.0, baselines=False)
    >>> found.scores["windows"].tolist()
    [3]
    """
    options.check_models(models)
    horizon_days = options.whole("horizon_days", horizon_days, least=1)
    step_days = horizon_days if step_days is None else step_days
    step_days = options.whole("step_days", step_days, least=1)
    embargo_days = options.whole("embargo_days", embargo_days, least=0)
    trips, seed = options.whole("trips", trips, least=0), options.whole("seed", seed, least=0)
    radius_km = options.number("radius_km", radius_km, 0.01, 100.0, usual=10.0)
    cell_degrees = options.number("cell_degrees", cell_degrees, 0.01, 5.0, usual=0.2)
    first, last = options.day("start", start), options.day("end", end)
    windows = cut_windows(first, last, horizon_days, step_days, embargo_days)
    table, stated = _known(incidents, reporting_delay_days, coverage)
    frame = cut_frame(stated, cell_degrees)
    covered = _covered(frame, stated, windows)
    chosen = dict(models)
    if baselines:
        chosen |= {name: one for name, one in simple.baselines().items() if name not in models}
    plan = Plan(frame, windows, covered, frame.places(), tuple(models))
    drives = _sampled(frame, windows, covered, trips, radius_km, seed)
    answers, left_out = _run(plan, chosen, table, drives, options.jobs(n_jobs), on_window)
    kidnappings = table[(table["kind"] == "kidnapping").to_numpy()].reset_index(drop=True)
    happened = what_happened(kidnappings, frame, windows, radius_km)
    parameters = {
        "incidents": len(table),
        "kidnappings": len(kidnappings),
        "sources": {str(k): int(v) for k, v in table["source"].value_counts().items()},
        "coverage": [one.to_dict() for one in stated],
        "start": str(first),
        "end": str(last),
        "horizon_days": horizon_days,
        "step_days": step_days,
        "embargo_days": embargo_days,
        "reporting_delay_days": reporting_delay_days,
        "cell_degrees": cell_degrees,
        "radius_km": radius_km,
        "trips": trips,
        "seed": seed,
        "library": version("kidnaprisk"),
        "models": {name: _described(one) for name, one in chosen.items()},
        "baselines": [name for name in chosen if name not in models],
        "notes": _notes(reporting_delay_days, left_out),
    }
    return summarise(
        Tested(
            frame, windows, covered, answers, list(models), drives, kidnappings, happened, seed
        ),
        parameters,
    )  # fmt: skip


def _known(
    incidents: gpd.GeoDataFrame, delay_days: int | None, coverage: Sequence[Coverage] | None
) -> tuple[gpd.GeoDataFrame, tuple[Coverage, ...]]:
    """The table as it became known, and what it tells of kidnappings."""
    table = validate_incidents(incidents)
    if delay_days is not None:
        delay = options.whole("reporting_delay_days", delay_days, least=0)
        table["known_on"] = table["date_end"] + pd.Timedelta(days=delay)
    if coverage is not None:
        listed = isinstance(coverage, Sequence) and len(coverage) > 0
        if not listed or not all(isinstance(one, Coverage) for one in coverage):
            raise ConfigError("coverage is no sequence of Coverage", remedy="give [Coverage(...)]")
        # Models are to know it as well.
        table.attrs[COVERAGE_ATTR] = [one.to_dict() for one in coverage]
    spoken = tuple(one for one in coverage_of(table) if "kidnapping" in one.kinds)
    if not spoken:
        raise CoverageError(
            "no source of these records tells of kidnappings",
            remedy="add a source that records them, or read notes with kind_from_text=True",
        )
    return table, spoken


def _covered(frame: Frame, stated: tuple[Coverage, ...], windows: Windows) -> Mask:
    """Whether the records cover every day of each window in each region, (w, r)."""
    begin = max(int(windows.start[0]), min(day_number(one.start) for one in stated))
    end = min(int(windows.end[-1]), max(day_number(one.end) for one in stated))
    days, regions = np.arange(begin, end + 1), frame.regions
    told = np.zeros((len(days), len(regions)), dtype=bool)
    for one in stated:
        inside = regions["country"].isin(one.areas) | regions["region_id"].isin(one.areas)
        during = (day_number(one.start) <= days) & (days <= day_number(one.end))
        told |= during[:, None] & inside.to_numpy()
    covered = np.zeros((len(windows.start), len(regions)), dtype=bool)
    for w in np.flatnonzero((windows.start >= begin) & (windows.end <= end)):
        covered[w] = told[windows.start[w] - begin : windows.end[w] - begin + 1].all(axis=0)
    if not covered.any():
        raise CoverageError(
            "the records cover no region for the whole of any window",
            remedy="choose days inside the coverage of the incidents",
        )
    return covered


def _sampled(
    frame: Frame, windows: Windows, covered: Mask, trips: int, radius_km: float, seed: int
) -> dict[int, VirtualTrips]:
    """Virtual trips of each window that can be forecast, by window."""
    if not trips:
        return {}
    seeds = np.random.SeedSequence(seed).generate_state(len(covered))
    towns = frame.town_lon, frame.town_lat, frame.edges
    return {
        w: sample_trips(
            *towns, int(windows.start[w]), int(windows.end[w]), trips, int(seeds[w]),
            radius_km=radius_km,
        )
        for w in np.flatnonzero(covered.any(axis=1)).tolist()
    }  # fmt: skip


def _run(
    plan: Plan,
    models: Mapping[str, Any],
    table: gpd.GeoDataFrame,
    drives: Mapping[int, VirtualTrips],
    n_jobs: int,
    on_window: Callable[[int, int], None] | None,
) -> tuple[dict[int, dict[str, Forecast]], dict[int, str]]:
    """Forecasts by window and model; and the windows that had to be left out, with the reason."""
    asked = np.flatnonzero(plan.covered.any(axis=1)).tolist()
    work = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(forecast_window)(plan, models, w, _known_by(table, plan, w), drives.get(w))
        for w in asked
    )
    answers: dict[int, dict[str, Forecast]] = {}
    left_out: dict[int, str] = {}
    for done, (w, answer) in enumerate(zip(asked, work, strict=True), start=1):
        if isinstance(answer, str):
            left_out[w] = answer
        else:
            answers[w] = answer
        if on_window is not None:
            on_window(done, len(asked))
    if not answers:
        raise ModelError(
            f"no window could be forecast: {next(iter(left_out.values()))}",
            remedy="start later; or give reporting_delay_days, if known_on is but an upload's day",
        )
    return answers, left_out


def _known_by(table: gpd.GeoDataFrame, plan: Plan, w: int) -> gpd.GeoDataFrame:
    """The records that were known on the as-of day of window ``w``: all that its models get."""
    return table[(table["known_on"] <= plan.as_of(w)).to_numpy()].reset_index(drop=True)


def _notes(delay_days: int | None, left_out: Mapping[int, str]) -> list[str]:
    notes = []
    if delay_days is not None:
        notes.append(
            f"Every record is taken as known {delay_days} days after its last possible day: "
            "an assumption, not what was read that day"
        )
    if left_out:
        notes.append(
            f"{len(left_out)} windows were left out, since a model had too little to go by "
            f"(first: {next(iter(left_out.values()))})"
        )
    return notes


def _described(model: Any) -> dict[str, Any]:
    given = model.get_params(deep=False) if hasattr(model, "get_params") else {}
    return {
        "class": type(model).__name__,
        "parameters": {str(key): _told(value) for key, value in given.items()},
    }


def _told(value: Any) -> Any:
    """A model's parameter as a plain value of JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_told(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _told(one) for key, one in value.items()}
    if isinstance(value, Coverage):
        return value.to_dict()
    return _described(value) if hasattr(value, "get_params") else type(value).__name__
