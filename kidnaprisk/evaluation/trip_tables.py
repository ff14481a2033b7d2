"""Tables of virtual trips: whether they met what was expected, in all, by region and by band.

Many trips meet the same few incidents, so intervals come from resampling windows, not trips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.evaluation.calibration import calibration_line
from kidnaprisk.evaluation.resampling import bootstrap_ratio
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.network import BAND_NAMES

_RATE_DAYS = 1000.0

Mask = npt.NDArray[np.bool_]


class Travelled(NamedTuple):
    """p pieces pooled over windows: what happened to them, whichever model is asked.

    ``window`` and ``trip`` (p,) count from 0 and tell journeys apart; ``region`` (p,) is a row of
    ``region_name``; ``days`` (p,) is the time spent and ``met`` (p,) the incidents met.
    """

    window: Ints
    trip: Ints
    region: Ints
    days: Floats
    met: Floats
    region_name: Sequence[str]

    def take(self, rows: Ints) -> Travelled:
        """The pieces at ``rows``, in that order."""
        return Travelled(
            self.window[rows], self.trip[rows], self.region[rows], self.days[rows],
            self.met[rows], self.region_name,
        )  # fmt: skip


class _Draws(NamedTuple):
    """How windows are resampled."""

    seed: int
    replicates: int
    block: int


class TripTables(NamedTuple):
    """Rows of one model: calibration of ``trips`` by group, rate met by ``bands``."""

    trips: list[dict[str, Any]]
    bands: list[dict[str, Any]]


def trip_tables(
    model: str,
    travelled: Travelled,
    expected: Floats,
    band: pd.arrays.IntegerArray,
    *,
    seed: int = 0,
    replicates: int = 1000,
    block: int = 1,
) -> TripTables:
    """Calibration of one model's virtual trips in all, by region and by band; rates met by band.

    Parameters
    ----------
    model : str
        Its name.
    travelled : Travelled
        p pieces.
    expected : ndarray (p,)
        What the model expected; pieces on which it is silent (NaN) are left out.
    band : IntegerArray (p,)
        Of each piece, missing where the model is silent.
    seed, replicates, block : int
        Of the bootstrap over windows, ``block`` of them drawn together where they overlap.

    Returns
    -------
    TripTables
        ``trips``: model, group, n (trips), expected, met; ratio (met / expected), slope, intercept
        and their 95 % intervals. One trip expects far less than one incident, where the intercept
        is read off: the ratio is what tells whether the level is right. ``bands``: model, band,
        vehicle_days, expected, met, rate (met per 1,000 vehicle-days) and its 95 % interval. NaN
        where nothing can be told: nothing met is no interval of zero width.
    """
    draws = _Draws(seed, replicates, block)
    told = np.flatnonzero(~np.isnan(expected))
    known = travelled.take(told)
    expected = expected[told]
    level = band[told].to_numpy(dtype=np.int64)
    journey = known.window * (known.trip.max(initial=0) + 1) + known.trip
    groups = [("all", np.ones(len(told), dtype=bool))]
    groups += [(known.region_name[r], known.region == r) for r in np.unique(known.region)]
    bands = {b: level == b for b in range(1, len(BAND_NAMES) + 1)}
    groups += [(f"band {b}", inside) for b, inside in bands.items()]
    return TripTables(
        [
            {"model": model, "group": name} | _calibration(known, journey, expected, inside, draws)
            for name, inside in groups
            if inside.any()
        ],
        [
            {"model": model, "band": b} | _rate(known, expected, inside, draws)
            for b, inside in bands.items()
        ],
    )


def _calibration(
    known: Travelled, journey: Ints, expected: Floats, inside: Mask, draws: _Draws
) -> dict[str, Any]:
    """Compare what trips met with what they expected, within a group of pieces."""
    _, first, trip = np.unique(journey[inside], return_index=True, return_inverse=True)
    hoped = np.bincount(trip.ravel(), expected[inside]).astype(np.float64)
    met = np.bincount(trip.ravel(), known.met[inside]).astype(np.float64)
    window = known.window[inside][first]
    line = calibration_line(hoped, met, cluster=window, **draws._asdict())
    return {
        "n": len(met),
        "expected": float(hoped.sum()),
        "met": float(met.sum()),
        **_ratio("ratio", met, hoped, window, draws),
        "slope": line.slope,
        "slope_low": line.slope_interval[0],
        "slope_high": line.slope_interval[1],
        "intercept": line.intercept,
        "intercept_low": line.intercept_interval[0],
        "intercept_high": line.intercept_interval[1],
    }


def _rate(known: Travelled, expected: Floats, inside: Mask, draws: _Draws) -> dict[str, Any]:
    """What was met in a time, on the pieces of a band."""
    met, days, window = known.met[inside], known.days[inside], known.window[inside]
    found = _ratio("rate", _RATE_DAYS * met, days, window, draws)
    return {
        "vehicle_days": float(days.sum()),
        "expected": float(expected[inside].sum()),
        "met": float(met.sum()),
        "rate": found["rate"],
        "low": found["rate_low"],
        "high": found["rate_high"],
    }


def _ratio(name: str, met: Floats, of: Floats, window: Ints, draws: _Draws) -> dict[str, float]:
    """Σ met / Σ of, with its interval over windows; none of zero width where nothing was met."""
    if not len(met):
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    _, row = np.unique(window, return_inverse=True)
    over, under = np.bincount(row.ravel(), met), np.bincount(row.ravel(), of)
    draws = draws._replace(block=min(draws.block, len(over)))
    found = bootstrap_ratio(over, under, **draws._asdict())
    low, high = (found.low, found.high) if over.any() else (np.nan, np.nan)
    return {name: found.value, f"{name}_low": low, f"{name}_high": high}
