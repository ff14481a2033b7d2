"""What happened beside what was expected, over the windows and regions where every model spoke.

A region counts in a window where the records covered all of it and no model was silent anywhere in
it: models are compared on the same ground, and silence is no forecast of nothing.

Not here: what comes of the comparison (:mod:`kidnaprisk.evaluation.summary`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kidnaprisk.errors import CoverageError
from kidnaprisk.evaluation.forecast import Forecast
from kidnaprisk.evaluation.frame import Frame, Mask
from kidnaprisk.evaluation.tested import Tested
from kidnaprisk.geodesy import Floats, Ints


class Compared(NamedTuple):
    """Counts over w windows, where every model answered and the records covered the region.

    ``cell`` (w, c), ``region`` (w, r) and ``road`` (w, m) incidents that happened; ``open_cell``,
    ``open_region`` and ``open_road``, where they count. Where windows overlap an incident counts in
    each that holds it, but in ``n`` once.
    """

    kept: list[int]
    n: int
    cell: Floats
    region: Floats
    road: Floats
    open_cell: Mask
    open_region: Mask
    open_road: Mask


class Expected(NamedTuple):
    """One model's expectations, as :class:`Compared` has counts, and variances by region.

    ``variance`` is NaN for a model that does not tell how sure it is.
    """

    cell: Floats
    region: Floats
    road: Floats
    variance: Floats


def compared(tested: Tested) -> Compared:
    """Count what happened where it counts.

    Raises
    ------
    CoverageError
        If it counts nowhere.
    """
    frame, happened = tested.frame, tested.happened
    spoken = {
        w: tested.covered[w] & ~np.any([_silent(frame, one) for one in answers.values()], axis=0)
        for w, answers in tested.answers.items()
    }
    kept = sorted(w for w, regions in spoken.items() if regions.any())
    if not kept:
        raise CoverageError(
            "no window is left in which every model speaks of a region that the records cover",
            remedy="start later, or leave out the model that is silent",
        )
    open_region = np.stack([spoken[w] for w in kept])
    row_of = np.full(len(tested.windows.start), -1)
    row_of[kept] = np.arange(len(kept))
    row_number: Ints = row_of[happened.window]
    counted = (row_number >= 0) & open_region[row_number, happened.region]

    def counts(where: Ints, n: int) -> Floats:
        table = np.zeros((len(kept), n))
        chosen = counted & (where >= 0)
        np.add.at(table, (row_number[chosen], where[chosen]), 1.0)
        return table

    return Compared(
        kept,
        len(np.unique(happened.row[counted])),
        counts(happened.cell, len(frame.cell_km2)),
        counts(happened.region, len(frame.regions)),
        counts(happened.road, len(frame.road_km)),
        open_region[:, frame.cell_region],
        open_region,
        open_region[:, frame.road_region],
    )


def _silent(frame: Frame, answer: Forecast) -> Mask:
    """Regions where a model does not speak everywhere, (r,)."""
    silent = np.zeros(len(frame.regions), dtype=bool)
    silent[frame.point_region[np.isnan(answer.point)]] = True
    silent[frame.road_region[np.isnan(answer.road)]] = True
    return silent


def expected_by(tested: Tested, seen: Compared, name: str) -> Expected:
    """What one model expected in the windows compared."""
    frame = tested.frame
    n_cells, n_regions = len(frame.cell_km2), len(frame.regions)
    cell = np.zeros(seen.cell.shape)
    region, variance = np.zeros(seen.region.shape), np.zeros(seen.region.shape)
    road = np.zeros(seen.road.shape)
    for row, w in enumerate(seen.kept):
        answer = tested.answers[w][name]
        point = np.nan_to_num(answer.point)
        cell[row] = np.bincount(frame.point_cell, point, minlength=n_cells)
        region[row] = np.bincount(frame.point_region, point, minlength=n_regions)
        spread = 1.0 / (answer.n_effective + 0.5) + answer.dispersion
        variance[row] = region[row] + region[row] ** 2 * spread
        road[row] = np.nan_to_num(answer.road)
    return Expected(cell, region, road, variance)


def total_variance(seen: Compared, of: Expected) -> Floats:
    """Variance of each region's total over all windows, (r,), its errors taken to move together.

    What is wrong with a region's level one month is mostly wrong with it the next.
    """
    mean = np.where(seen.open_region, of.region, 0.0)
    spread = np.sqrt(np.maximum(np.where(seen.open_region, of.variance - of.region, 0.0), 0.0))
    total: Floats = mean.sum(axis=0) + spread.sum(axis=0) ** 2
    return total


def model_names(tested: Tested) -> list[str]:
    """All models that forecast, those under test first."""
    return list(next(iter(tested.answers.values())))


def comparison_notes(tested: Tested, seen: Compared) -> list[str]:
    """What the figures leave out, or count more than once."""
    forecast, notes = sorted(tested.answers), []
    covered = tested.covered[forecast]
    for name in model_names(tested):
        silent = covered & [_silent(tested.frame, tested.answers[w][name]) for w in forecast]
        if silent.any():
            notes.append(
                f"{name} was silent in {silent.any(axis=0).sum():,} regions: in the windows when "
                f"it was, no model was compared there ({silent.sum():,} of {covered.sum():,} "
                "windows of regions)"
            )
    counted, times = len(np.unique(tested.happened.row)), int(seen.cell.sum())
    if counted > seen.n:
        notes.append(
            f"{counted - seen.n:,} of {counted:,} incidents of these days are not counted: in "
            "windows left out, or where the records did not then cover the region, or a model was "
            "silent"
        )
    if tested.windows.overlapping > 1:
        notes.append(
            f"Windows overlap: {seen.n:,} incidents count {times:,} times. Intervals allow for "
            "it; the tests of number and place, and the intervals of reliability, do not"
        )
    return notes
