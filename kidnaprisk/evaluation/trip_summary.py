"""The virtual trips of a backtest, pooled over its windows: calibration, bands, intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.evaluation.calibration import interval_coverage
from kidnaprisk.evaluation.encounters import encounters
from kidnaprisk.evaluation.frame import Mask
from kidnaprisk.evaluation.tested import LEVELS, Tested
from kidnaprisk.evaluation.trip_tables import Travelled, trip_tables
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.routes.borders import RegionIndex

Rows = list[dict[str, Any]]


class TripRows(NamedTuple):
    """Rows of the tables ``trips``, ``trip_bands`` and, for their intervals, ``coverage``."""

    calibration: Rows
    bands: Rows
    coverage: Rows


def trip_rows(tested: Tested, kept: list[int], open_region: Mask) -> TripRows:
    """What came of the virtual trips of the windows ``kept``, model by model.

    ``open_region`` (w, r) marks where the records covered the region and every model answered:
    pieces elsewhere are left out, of what was met as of what was expected.
    """
    if not tested.trips:
        return TripRows([], [], [])
    travelled, counted, whole = _travelled(tested, kept, open_region)
    found = TripRows([], [], [])
    for name in tested.models:
        answers = [tested.answers[w][name] for w in kept]
        expected = np.concatenate([one.trip_piece for one in answers])
        expected[~counted] = np.nan
        if (expected == 0.0).any():
            raise ModelError(
                f"the model {name!r} expects nothing at all on a road that virtual trips drove",
                remedy="give its hazard a floor, for example a share of an even rate",
            )
        band = pd.arrays.IntegerArray(
            np.concatenate([one.trip_band.to_numpy(np.int64, na_value=0) for one in answers]),
            np.concatenate([np.asarray(one.trip_band.isna()) for one in answers]),
        )
        tables = trip_tables(
            name, travelled, expected, band, seed=tested.seed, block=tested.windows.overlapping
        )
        found.calibration.extend(tables.trips)
        found.bands.extend(tables.bands)
        found.coverage.extend(_held(tested, name, kept, travelled, expected, whole))
    return found


def _travelled(
    tested: Tested, kept: list[int], open_region: Mask
) -> tuple[Travelled, Mask, Floats]:
    """All pieces; whether each counts; and what each met had every incident one instant."""
    index = RegionIndex(tested.frame.regions)
    events = tested.kidnappings
    when = events["date"].to_numpy(), events["date_end"].to_numpy()
    where = events.geometry.x.to_numpy(), events.geometry.y.to_numpy()
    window, trip, region, days, met, counted, whole = [], [], [], [], [], [], []
    for row, w in enumerate(kept):
        trips = tested.trips[w]
        located = index.locate(trips.lon, trips.lat)
        window.append(np.full(len(located), row))
        trip.append(trips.trip)
        region.append(located)
        days.append(trips.days)
        met.append(encounters(trips, *where, *when))
        whole.append(encounters(trips, *where, *when, seed=tested.seed + w))
        counted.append((located >= 0) & open_region[row, located])
    regions = tested.frame.regions
    names = (regions["name"] + ", " + regions["country"]).tolist()
    pooled = Travelled(
        np.concatenate(window), np.concatenate(trip), np.concatenate(region),
        np.concatenate(days), np.concatenate(met), names,
    )  # fmt: skip
    return pooled, np.concatenate(counted), np.concatenate(whole)


def _held(
    tested: Tested, name: str, kept: list[int], travelled: Travelled, expected: Floats,
    whole: Floats,
) -> Rows:  # fmt: skip
    """How often the intervals of trips held the incidents met; nothing if the model tells none."""
    per_window = [tested.trips[w].n_trips for w in kept]
    before: Ints = np.cumsum(per_window) - np.array(per_window)
    trip: Ints = before[travelled.window] + travelled.trip
    told = ~np.isnan(expected)
    n = int(np.sum(per_window))
    mean = np.bincount(trip[told], expected[told], minlength=n).astype(np.float64)
    met = np.bincount(trip[told], whole[told], minlength=n).astype(np.float64)
    answers = [tested.answers[w][name] for w in kept]
    spread = np.concatenate(
        [1.0 / (one.trip_n_effective + 0.5) + one.dispersion for one in answers]
    )
    chosen = mean > 0.0
    if np.isnan(spread).any() or not chosen.any():
        return []
    mean, met, spread = mean[chosen], met[chosen], spread[chosen]
    rows = []
    for level in LEVELS:
        held = interval_coverage(mean, mean + mean**2 * spread, met, level, seed=tested.seed)
        rows.append(
            {
                "model": name, "what": "virtual trip", "level": level, "least_expected": 0.0,
                "n": len(mean), "held": held.closed, "held_randomised": held.randomised,
            }
        )  # fmt: skip
    return rows
