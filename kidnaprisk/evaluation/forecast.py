"""Forecast one window of days with every model, from what was known by its as-of day.

A model is handed the records known by then and nothing else, so it cannot see later ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.evaluation.encounters import piece_bands, predict
from kidnaprisk.evaluation.frame import Frame, Mask, Windows
from kidnaprisk.evaluation.options import fresh
from kidnaprisk.evaluation.virtual_trips import VirtualTrips
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard.interval import effective_incidents
from kidnaprisk.hazard.network import Standing
from kidnaprisk.hazard.pieces import ExplainedHazard, Pieces, checked_intensity

# λ is taken at the middle of parts of a window about this long.
_PART_DAYS = 30
_HOURS_PER_DAY = 24.0
_NO_BAND = pd.arrays.IntegerArray(np.empty(0, dtype=np.int64), np.empty(0, dtype=bool))


class Plan(NamedTuple):
    """What every window of one backtest shares.

    ``covered`` (w, r) is where records cover the whole window; ``places`` are those of the frame,
    points and then roads; only the models ``under_test`` drive virtual trips.
    """

    frame: Frame
    windows: Windows
    covered: Mask
    places: gpd.GeoSeries
    under_test: tuple[str, ...]

    def as_of(self, w: int) -> pd.Timestamp:
        """The day that window ``w`` is forecast as of."""
        return pd.Timestamp(int(self.windows.as_of[w]), unit="D")

    def instant(self, w: int, share: float) -> pd.Timestamp:
        """The instant when a share of window ``w`` has passed."""
        hours = self.windows.days * _HOURS_PER_DAY * share
        begin = pd.Timestamp(int(self.windows.start[w]), unit="D", tz="UTC")
        return begin + pd.Timedelta(hours=hours)


class Forecast(NamedTuple):
    """One model's answer to one window.

    ``point`` (p,) expected incidents at each point of the frame, NaN where the model is silent;
    ``road`` (m,) λ on the roads; ``n_effective`` (r,) by region and ``dispersion``, NaN for a model
    that cannot tell; ``known`` kidnappings it was fitted to; ``trip_piece`` and
    ``trip_n_effective``, what :func:`predict` says of the window's virtual trips, and
    ``trip_band``, what :func:`piece_bands` does; empty where there are none.
    """

    point: Floats
    road: Floats
    n_effective: Floats
    dispersion: float
    known: int
    trip_piece: Floats
    trip_n_effective: Floats
    trip_band: pd.arrays.IntegerArray


def forecast_window(
    plan: Plan,
    models: Mapping[str, Any],
    w: int,
    known: gpd.GeoDataFrame,
    trips: VirtualTrips | None,
) -> dict[str, Forecast] | str:
    """What each model says of window ``w`` from the records known; or why one has too few yet.

    Raises
    ------
    ModelError
        If a model cannot be asked, its answer is no rate, or it expects nothing at all in a cell.
    """
    count = int((known["kind"] == "kidnapping").sum())
    answers = {}
    for name, model in models.items():
        try:
            # A copy for each: one that changes its table must not change the next one's.
            fitted = fresh(name, model).fit(known.copy(), as_of=plan.as_of(w))
        except (ModelError, CoverageError) as error:
            return f"{name}: {error}"
        if not callable(getattr(fitted, "intensity", None)):
            raise ModelError(
                f"fit of the model {name!r} returned {type(fitted).__name__}",
                remedy="return the fitted model: return self",
            )
        answers[name] = _forecast(
            plan, fitted, w, count, trips if name in plan.under_test else None
        )
        _refuse_nothing(plan, name, w, answers[name].point)
    return answers


def _forecast(plan: Plan, model: Any, w: int, known: int, trips: VirtualTrips | None) -> Forecast:
    frame, days = plan.frame, plan.windows.days
    parts = max(1, round(days / _PART_DAYS))
    hazard = np.zeros(len(plan.places))
    for part in range(parts):
        when = plan.instant(w, (part + 0.5) / parts)
        hazard += checked_intensity(model, plan.places.copy(), when) / parts
    point, road = np.split(hazard, [len(frame.point_lon)])
    trip_piece, trip_n, band = np.empty(0), np.empty(0), _NO_BAND
    if trips is not None:
        trip_piece, trip_n = predict(model, trips)
        told = ~np.isnan(road)
        band = piece_bands(model, trips, trip_piece, Standing(road[told], frame.road_km[told]))
    return Forecast(
        point=point * frame.point_km2 * days,
        road=road,
        n_effective=_n_effective(plan, model, w),
        dispersion=float(getattr(model, "dispersion_", np.nan)),
        known=known,
        trip_piece=trip_piece,
        trip_n_effective=trip_n,
        trip_band=band,
    )


def _refuse_nothing(plan: Plan, name: str, w: int, point: Floats) -> None:
    """Refuse a model for which an incident in some cell is impossible: no score can hold it."""
    frame = plan.frame
    covered = plan.covered[w, frame.cell_region]
    nothing = covered & (np.bincount(frame.point_cell, point) == 0.0)
    if nothing.any():
        raise ModelError(
            f"the model {name!r} expects nothing at all in {nothing.sum():,} of "
            f"{covered.sum():,} cells, as of {plan.as_of(w):%Y-%m-%d}",
            remedy="give its hazard a floor, for example a share of an even rate: one incident "
            "there would be infinitely surprising",
        )


def _n_effective(plan: Plan, model: Any, w: int) -> Floats:
    """Incidents that speak for each region's count, (r,); NaN for a model that cannot tell."""
    frame, n_regions = plan.frame, len(plan.frame.regions)
    if not isinstance(model, ExplainedHazard):
        return np.full(n_regions, np.nan)
    at = np.stack([frame.point_lon, frame.point_lat], axis=1)
    middle = plan.instant(w, 0.5).tz_localize(None).to_datetime64()
    when = np.broadcast_to(middle.astype("datetime64[ns]"), (len(at),))
    # Parked for as long as makes a disc of 1 km stand for the point's area.
    hours = frame.point_km2 * _HOURS_PER_DAY / np.pi
    evidence = model.evidence(Pieces(at, at, hours, when, 1.0), frame.point_region, n_regions)
    total = np.bincount(frame.point_region, np.nan_to_num(evidence.expected), minlength=n_regions)
    return effective_incidents(evidence.weight_sum, evidence.weight_square, total.astype(float))
