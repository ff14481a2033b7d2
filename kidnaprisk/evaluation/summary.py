"""From forecasts and what happened to the tables of a backtest: what each model is worth.

Every figure stands beside its n. Figures are pooled over windows; their intervals come from
resampling windows, since the incidents of one month are not independent.

Not here: the formulas (:mod:`kidnaprisk.evaluation.scores`, `consistency`, `calibration`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kidnaprisk.evaluation import calibration, consistency, scores
from kidnaprisk.evaluation.compared import (
    Compared,
    Expected,
    compared,
    comparison_notes,
    expected_by,
    model_names,
    total_variance,
)
from kidnaprisk.evaluation.frame import Mask
from kidnaprisk.evaluation.resampling import bootstrap_ratio
from kidnaprisk.evaluation.result import BacktestResult
from kidnaprisk.evaluation.tested import LEVELS, Tested
from kidnaprisk.evaluation.trip_summary import trip_rows
from kidnaprisk.geodesy import Floats

Rows = list[dict[str, Any]]
SHARES = np.array([0.01, 0.05, 0.10])
# A whole count below this tells little of an interval: figures stand with and without such.
_BUSY = 2.0
_BINS = 10


def summarise(tested: Tested, parameters: dict[str, Any]) -> BacktestResult:
    """The tables of a backtest."""
    seen = compared(tested)
    expected = {name: expected_by(tested, seen, name) for name in model_names(tested)}
    even = expected.get("even")
    parameters["notes"] += comparison_notes(tested, seen)
    trips = trip_rows(tested, seen.kept, seen.open_region)
    return BacktestResult(
        parameters=parameters,
        scores=pd.DataFrame(
            [{"model": n} | _score_row(tested, seen, e, even) for n, e in expected.items()]
        ),
        comparisons=pd.DataFrame(_comparison_rows(tested, seen, expected)),
        windows=pd.DataFrame(_window_rows(tested, seen, expected, even)),
        regions=pd.DataFrame(_region_rows(tested, seen, expected)),
        reliability=pd.DataFrame(_reliability_rows(seen, expected)),
        gains=pd.DataFrame(_gain_rows(tested, seen, expected)),
        coverage=pd.DataFrame(_coverage_rows(tested, seen, expected) + trips.coverage),
        trips=pd.DataFrame(trips.calibration),
        trip_bands=pd.DataFrame(trips.bands),
    )


def _score_row(
    tested: Tested, seen: Compared, of: Expected, even: Expected | None
) -> dict[str, Any]:
    frame, open_ = tested.frame, seen.open_cell
    observed, expected = seen.cell[open_], of.cell[open_]
    times, total = int(observed.sum()), float(expected.sum())
    log_score = float(scores.poisson_log_score(expected, observed).sum())
    window = np.broadcast_to(np.arange(len(seen.kept))[:, None], seen.cell.shape)[open_]
    line = calibration.calibration_line(
        expected, observed, cluster=window, seed=tested.seed, block=tested.windows.overlapping
    )
    in_cell = np.where(open_, seen.cell, 0.0).sum(axis=0)
    in_cell_expected = np.where(open_, of.cell, 0.0).sum(axis=0)
    spoken = in_cell_expected > 0.0
    row: dict[str, Any] = {
        "n": seen.n,
        "windows": len(seen.kept),
        "cells": int(open_.sum()),
        "expected": total,
        "observed": times,
        "log_score": log_score / times if times else np.nan,
        "gain_over_even": _gain(seen, of, even),
        "crps": _crps(seen, of),
        **_number_tests(seen, of, times, total),
        "spatial": consistency.spatial_test(
            in_cell_expected[spoken], in_cell[spoken], seed=tested.seed
        ),
        "slope": line.slope,
        "slope_low": line.slope_interval[0],
        "slope_high": line.slope_interval[1],
        "intercept": line.intercept,
    }
    for prefix, sizes, hazard, hits, inside in (
        ("", frame.cell_km2, of.cell / frame.cell_km2, seen.cell, open_),
        ("road_", frame.road_km, of.road, seen.road, seen.open_road),
    ):
        rate = _hit_rates(hazard, sizes, hits, inside, SHARES)
        for share, hit in zip(SHARES, rate, strict=True):
            row[f"{prefix}hit_{share * 100:.0f}"] = hit
            row[f"{prefix}pai_{share * 100:.0f}"] = hit / share
    return row


def _gain(seen: Compared, of: Expected, reference: Expected | None) -> float:
    if reference is None or not seen.cell[seen.open_cell].sum():
        return np.nan
    open_ = seen.open_cell
    return scores.information_gain(of.cell[open_], reference.cell[open_], seen.cell[open_])


def _crps(seen: Compared, of: Expected) -> float:
    """Mean CRPS of the counts by region and window."""
    open_ = seen.open_region
    mean, observed, variance = of.region[open_], seen.region[open_], of.variance[open_]
    if np.isnan(variance).any():
        return float(scores.crps_poisson(mean, observed).mean())
    return float(scores.crps_negative_binomial(mean, variance, observed).mean())


def _number_tests(seen: Compared, of: Expected, times: int, total: float) -> dict[str, float]:
    poisson = consistency.number_test(total, times)
    variance = float(total_variance(seen, of).sum())
    row = {"number_low": poisson.at_least, "number_high": poisson.at_most}
    if np.isnan(variance):
        return row | {"variance": np.nan, "nb_low": np.nan, "nb_high": np.nan}
    wide = consistency.number_test_negative_binomial(total, variance, times)
    return row | {"variance": variance, "nb_low": wide.at_least, "nb_high": wide.at_most}


def _hit_rates(hazard: Floats, size: Floats, hits: Floats, open_: Mask, shares: Floats) -> Floats:
    """Hit rates of every window's own ranking, pooled over windows by their incidents."""
    # Seven digits: what is even but for rounding is a tie, not a ranking.
    hazard = hazard.astype(np.float32).astype(np.float64)
    caught, n = np.zeros(len(shares)), 0.0
    for row in range(len(hits)):
        inside = open_[row]
        count = float(hits[row, inside].sum())
        if count:
            rate = scores.hit_rate(hazard[row, inside], size[inside], hits[row, inside], shares)
            caught += count * rate
            n += count
    return caught / n if n else np.full(len(shares), np.nan)


def _window_gains(seen: Compared, of: Expected, reference: Expected) -> Floats:
    """Nats by which a model is better than another in each window, (w,)."""
    open_ = seen.open_cell
    ratio = np.where(open_, of.cell / np.where(open_, reference.cell, 1.0), 1.0)
    surplus = np.where(open_, of.cell - reference.cell, 0.0)
    gains: Floats = np.sum(seen.cell * np.log(ratio) - surplus, axis=1)
    return gains


def _window_log_scores(seen: Compared, of: Expected) -> list[float]:
    """Log-likelihood of each window's counts, nats, (w,)."""
    return [
        float(scores.poisson_log_score(of.cell[row, open_], seen.cell[row, open_]).sum())
        for row, open_ in enumerate(seen.open_cell)
    ]


def _comparison_rows(tested: Tested, seen: Compared, expected: dict[str, Expected]) -> Rows:
    times = seen.cell.sum(axis=1)
    block = min(tested.windows.overlapping, len(times))
    rows = []
    for name, of in expected.items():
        for reference, other in expected.items():
            if name == reference or (name not in tested.models and reference != "even"):
                continue
            gains = _window_gains(seen, of, other)
            row = {"model": name, "reference": reference, "n": seen.n}
            gain, low, high = bootstrap_ratio(gains, times, seed=tested.seed, block=block)
            rows.append(row | {"gain": gain, "low": low, "high": high})
    return rows


def _window_rows(
    tested: Tested, seen: Compared, expected: dict[str, Expected], even: Expected | None
) -> Rows:
    windows = tested.windows
    rows = []
    for name, of in expected.items():
        gains = None if even is None else _window_gains(seen, of, even)
        log_score = _window_log_scores(seen, of)
        for row, w in enumerate(seen.kept):
            observed = float(seen.cell[row].sum())
            defined = gains is not None and observed > 0.0
            rows.append(
                {
                    "model": name,
                    "start": _date(windows.start[w]),
                    "end": _date(windows.end[w]),
                    "as_of": _date(windows.as_of[w]),
                    "known": tested.answers[w][name].known,
                    "expected": float(of.cell[row, seen.open_cell[row]].sum()),
                    "observed": int(observed),
                    "log_score": float(log_score[row]),
                    "gain_over_even": float(gains[row]) / observed
                    if defined and gains is not None
                    else np.nan,
                }
            )
    return rows


def _date(day: int) -> str:
    return str(np.datetime64(int(day), "D"))


def _region_rows(tested: Tested, seen: Compared, expected: dict[str, Expected]) -> Rows:
    regions = tested.frame.regions
    rows = []
    for name, of in expected.items():
        spread = total_variance(seen, of)
        for r in np.flatnonzero(seen.open_region.any(axis=0)):
            open_ = seen.open_region[:, r]
            mean, variance = float(of.region[open_, r].sum()), float(spread[r])
            low = high = np.nan
            if not np.isnan(variance):
                at = calibration.predictive_interval(np.array([mean]), np.array([variance]), 0.9)
                low, high = float(at[0][0]), float(at[1][0])
            rows.append(
                {
                    "model": name,
                    "region_id": regions["region_id"].iloc[r],
                    "name": regions["name"].iloc[r],
                    "country": regions["country"].iloc[r],
                    "expected": mean,
                    "observed": int(seen.region[open_, r].sum()),
                    "low": low,
                    "high": high,
                }
            )
    return rows


def _reliability_rows(seen: Compared, expected: dict[str, Expected]) -> Rows:
    rows: Rows = []
    for name, of in expected.items():
        table = calibration.reliability(of.cell[seen.open_cell], seen.cell[seen.open_cell], _BINS)
        rows += [{"model": name} | row for row in table]
    return rows


def _gain_rows(tested: Tested, seen: Compared, expected: dict[str, Expected]) -> Rows:
    frame = tested.frame
    shares = np.round(np.concatenate([np.linspace(0, 0.1, 11), np.linspace(0.15, 1.0, 18)]), 3)
    rows: Rows = []
    for name, of in expected.items():
        for where, hazard, size, hits, open_ in (
            ("area", of.cell / frame.cell_km2, frame.cell_km2, seen.cell, seen.open_cell),
            ("road", of.road, frame.road_km, seen.road, seen.open_road),
        ):
            rates = _hit_rates(hazard, size, hits, open_, shares)
            rows += [
                {"model": name, "where": where, "share": float(share), "hit": float(hit)}
                for share, hit in zip(shares, rates, strict=True)
            ]
    return rows


def _coverage_rows(tested: Tested, seen: Compared, expected: dict[str, Expected]) -> Rows:
    rows: Rows = []
    open_ = seen.open_region
    for name, of in expected.items():
        mean, variance, observed = of.region[open_], of.variance[open_], seen.region[open_]
        if np.isnan(variance).any():
            continue
        for least in (0.0, _BUSY):
            chosen = mean >= least
            if not chosen.any():
                continue
            for level in LEVELS:
                held = calibration.interval_coverage(
                    mean[chosen], variance[chosen], observed[chosen], level, seed=tested.seed
                )
                rows.append(
                    {
                        "model": name, "what": "region month", "level": level,
                        "least_expected": least, "n": int(chosen.sum()),
                        "held": held.closed, "held_randomised": held.randomised,
                    }
                )  # fmt: skip
    return rows
