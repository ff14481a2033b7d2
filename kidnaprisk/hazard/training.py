"""What the mixture learns from: past months, each told only what was known before it began.

History is cut into windows of equal length that end on the last day of the records. A record is a
target in the window it falls in, if its region was covered then, and a predictor in every window
that begins after it was known.

Not here: the weights themselves (:mod:`kidnaprisk.hazard.em`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, Ints, ecef_km
from kidnaprisk.hazard.area import CoveredArea
from kidnaprisk.hazard.fading import LEAST_OPEN_DAYS
from kidnaprisk.hazard.interval import effective_incidents
from kidnaprisk.hazard.kernels import (
    PLACE_TOLD_KM,
    Mixture,
    Places,
    Segments,
    component_densities,
    integrate_groups,
    integrate_static,
)
from kidnaprisk.hazard.sources import Records, Towns

Mask = npt.NDArray[np.bool_]

DISPERSION_WINDOWS = 60
# Where records are many, fewer windows tell as much: this many records, window after window.
_FEWEST_WINDOWS, _MOST_RECORD_WINDOWS = 12, 2_000_000
# Far below one expected incident a cell tells of the model's fit, not of its dispersion.
_LEAST_MEAN = 0.01
# Beyond it the Gamma of an exposure piles up at zero and the upper end of its interval falls again:
# the less sure would look the better.
_LARGEST_DISPERSION = 9.0


class History(NamedTuple):
    """w windows of the past, newest first, and what was covered in each.

    ``start_day`` (w,) last day whose records may speak; ``of_record`` (r,) window of each record
    that is a target, −1 for the others; ``covered`` (regions, w); ``region`` (r,) row of the
    covered region each record lies in, −1 for none.
    """

    start_day: Ints
    of_record: Ints
    covered: Mask
    region: Ints
    days: int

    @property
    def targets(self) -> Ints:
        """Rows of the records that are targets, window by window."""
        rows = np.flatnonzero(self.of_record >= 0)
        return rows[np.argsort(self.of_record[rows], kind="stable")]


def cut_history(records: Records, region: Ints, area: CoveredArea, days: int) -> History:
    """Cut history into windows that end on the area's last day and begin after the first record.

    Raises
    ------
    ModelError
        If no kidnapping falls in a window that follows another.
    """
    kidnapping = records.group == 0
    origin = int(area.origin_day.max())
    count = max(0, (origin - int(records.known_day[kidnapping].min())) // days)
    start_day = origin - days * np.arange(1, count + 1)
    covered = (area.first_day[:, None] <= start_day) & (
        area.origin_day[:, None] >= start_day + days
    )
    covered &= ~area.gaps.meet(start_day + 1, start_day + days, len(area.first_day))
    window = np.floor((origin - records.event_day) / days).astype(np.int64)
    eligible = kidnapping & (window >= 0) & (window < count) & (region >= 0)
    eligible[eligible] = covered[region[eligible], window[eligible]]
    if not eligible.any():
        raise ModelError(
            f"no covered record follows another by more than {days} days: nothing to learn from",
            remedy="give more history, or a smaller window_days",
        )
    return History(start_day, np.where(eligible, window, -1), covered, region, days)


def chosen_targets(history: History, most: int) -> Ints:
    """Rows of the targets to learn from, window by window: all, or ``most`` drawn evenly."""
    targets = history.targets
    if len(targets) <= most:
        return targets
    return targets[np.linspace(0, len(targets) - 1, most).astype(np.int64)]


def target_densities(
    records: Records,
    history: History,
    targets: Ints,
    places: Places,
    scale_km: Floats,
    memory_days: Floats,
    towns: Towns,
    town_scale_km: Floats,
    area_km2: float,
) -> Floats:
    """Density of each component where each target was recorded, (n, G·2·S·M + T + 1).

    Records first (group, family, scale, memory), then towns by scale, then the floor.
    """
    xyz = ecef_km(records.lon[targets], records.lat[targets])
    origin = history.start_day[history.of_record[targets]]
    groups = int(records.group.max()) + 1
    from_records = np.zeros((len(targets), groups, 2, len(scale_km), len(memory_days)))
    component_densities(xyz, origin, places, scale_km**2, memory_days, from_records)
    columns: list[Floats] = [from_records.reshape(len(targets), -1)]
    points = Segments(xyz, xyz, np.ones(len(targets)), origin, np.array([0, len(targets)]))
    none = np.zeros(len(targets))
    for scale in town_scale_km:
        from_towns = np.zeros(len(targets))
        integrate_static(points, none, 0.0, towns.xyz, towns.share, scale**2, from_towns)
        columns.append(from_towns)
    return np.column_stack([*columns, np.full(len(targets), 1.0 / area_km2)])


def component_exposure(
    records: Records,
    history: History,
    silences: Ints,
    scale_km: Floats,
    memory_days: Floats,
    towns: Towns,
    town_scale_km: Floats,
    town_region: Ints,
    area: CoveredArea,
) -> Floats:
    """Records inside the covered area that each component, at unit weight, expects in all windows.

    In the order of :func:`target_densities`. A kernel's mass counts for as much of it as lies
    inside the area, in the windows in which its own region was covered.
    """
    share_covered = _weighted(history.covered, area.region_km2 / area.area_km2)
    faded = _faded_over_windows(records, history, silences, memory_days, share_covered)
    groups = int(records.group.max()) + 1
    expected = np.zeros((groups, 2, len(scale_km), len(memory_days)))
    unblurred = np.where(records.error_km <= PLACE_TOLD_KM, 0.0, records.error_km)
    for family, error_km in enumerate((records.error_km, unblurred)):
        for s, scale in enumerate(scale_km):
            inside = area.fraction_inside(records.lon, records.lat, np.hypot(scale, error_km))
            for m in range(len(memory_days)):
                expected[:, family, s, m] = np.bincount(
                    records.group, inside * faded[:, m], minlength=groups
                )
    town_days = history.days * history.covered[town_region].sum(axis=1)
    from_towns = [
        np.sum(
            towns.share * town_days
            * area.fraction_inside(towns.lon, towns.lat, np.full(len(towns.lon), scale))
        )
        for scale in town_scale_km
    ]  # fmt: skip
    return np.concatenate(
        [expected.ravel(), from_towns, [history.days * share_covered.sum()]]
    ).astype(np.float64)


def _faded_over_windows(
    records: Records,
    history: History,
    silences: Ints,
    memory_days: Floats,
    share_covered: Floats,
) -> Floats:
    """Days' worth of each record's influence, summed over the windows it was known in, (r, M).

    Windows run from the newest back. Each sum is kept relative to its own oldest window, and fades
    as it is carried to an older one: no exponent is positive, however long the history.
    """
    known_in = np.searchsorted(-history.start_day, -records.known_day, side="right")
    spoken = np.stack(
        [history.region, records.open_day, records.close_day, records.silence_row], axis=1
    )
    kinds, kind = np.unique(spoken, axis=0, return_inverse=True)
    region, opened, closed, row = kinds.T
    is_open = np.where((region >= 0)[:, None], history.covered[region], share_covered)
    silent = np.moveaxis(silences[row], 0, 2)[..., None]
    day = last_told(np.minimum(history.start_day, closed[:, None]), silent)
    oldest = np.maximum(known_in - 1, 0)
    age = day[kind.ravel(), oldest] - records.event_day
    faded = np.empty((len(records.lon), len(memory_days)))
    for m, memory in enumerate(memory_days):
        sums = is_open * memory_share(day, opened, silent, memory)
        for w in range(1, len(history.start_day)):
            sums[:, w] += sums[:, w - 1] * np.exp(-(day[:, w - 1] - day[:, w]) / memory)
        faded[:, m] = np.exp(-age / memory) / memory * sums[kind.ravel(), oldest]
    return history.days * np.where(known_in[:, None] > 0, faded, 0.0)


def last_told(day: Ints, silent: Ints) -> Ints:
    """Each day (k, w), or the last before it that is in none of g silences (g, 2, k, 1)."""
    for first, last in silent:
        day = np.where((first <= day) & (day <= last), first - 1, day)
    return day


def memory_share(day: Ints, open_day: Ints, silent: Ints, memory_days: float) -> Floats:
    """How much more a memory would hold on each day, had k sources always told of theirs, (k, w).

    They began on ``open_day`` (k,), and told nothing in g silences (g, 2, k, 1).
    """
    filled = np.maximum(day - open_day[:, None], LEAST_OPEN_DAYS)
    share: Floats = -np.expm1(-filled / memory_days)
    for first, last in silent:
        since = np.maximum(day - last, 0)
        lost = np.exp(-since / memory_days) * np.expm1(-(last - first + 1) / memory_days)
        share = share + np.where(since > 0, lost, 0.0)
    share = np.maximum(share, -np.expm1(-LEAST_OPEN_DAYS / memory_days))
    return 1.0 / share


def _weighted(covered: Mask, weight: Floats) -> Floats:
    total: Floats = np.sum(covered * weight[:, None], axis=0)
    return total


class Forecasts(NamedTuple):
    """Past counts by covered region and window beside the model's own forecasts of them, (n,)."""

    seen: Ints
    mean: Floats
    n_effective: Floats


def past_forecasts(
    history: History,
    places: Places,
    mixture: Mixture,
    towns: Towns,
    town_scale_km: Floats,
    town_weights: Floats,
    floor_weight: float,
    area: CoveredArea,
) -> Forecasts:
    """Forecast each of the last windows from what was known before it, region by region."""
    order = np.argsort(area.cell_region, kind="stable")
    n_regions = len(area.regions)
    cell_region = area.cell_region[order]
    group_start = np.searchsorted(cell_region, np.arange(n_regions + 1))
    xyz = np.ascontiguousarray(ecef_km(area.cell_lon, area.cell_lat)[order])
    factor = area.cell_km2[order] * history.days
    none = np.zeros(len(xyz))
    points = Segments(xyz, xyz, factor, np.zeros(len(xyz), dtype=np.int64), group_start)
    static = floor_weight * factor / area.area_km2
    for weight, scale in zip(town_weights, town_scale_km, strict=True):
        from_towns = np.zeros(len(xyz))
        integrate_static(points, none, 0.0, towns.xyz, towns.share, scale**2, from_towns)
        static += weight * from_towns
    enough = max(_FEWEST_WINDOWS, _MOST_RECORD_WINDOWS // len(history.of_record))
    parts = []
    for w, start in enumerate(history.start_day[: min(DISPERSION_WINDOWS, enough)]):
        cell, total, square = np.zeros(len(xyz)), np.zeros(n_regions), np.zeros(n_regions)
        segments = points._replace(origin_day=np.full(len(xyz), start, dtype=np.int64))
        integrate_groups(segments, places, mixture, 0.0, 0, cell, total, square, np.empty(0))
        mean = np.bincount(cell_region, cell + static, minlength=n_regions).astype(np.float64)
        count = np.bincount(history.region[history.of_record == w], minlength=n_regions)
        n_effective = effective_incidents(total, square, mean)
        kept = history.covered[:, w]
        parts.append((count[kept], mean[kept], n_effective[kept]))
    return Forecasts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def learn_dispersion(forecasts: Forecasts) -> float:
    """Dispersion φ of past counts around the model's forecasts of them, by maximum likelihood.

    A count is read as the interval reads it: negative binomial with mean μ and shape
    1 / (1 / (n_eff + ½) + φ). Moments would do as well in theory, but a handful of busy regions
    decides them: on the bundled catalogue they swing between 0 and 10 from year to year.
    """
    used = forecasts.mean > _LEAST_MEAN
    if not used.any():
        return 0.0
    count, mean = forecasts.seen[used].astype(np.float64), forecasts.mean[used]
    from_few = 1.0 / (forecasts.n_effective[used] + 0.5)

    def loss(dispersion: float) -> float:
        shape = 1.0 / (from_few + dispersion)
        log_likelihood = (
            gammaln(count + shape)
            - gammaln(shape)
            + shape * np.log(shape / (shape + mean))
            + count * np.log(mean / (shape + mean))
        )
        return float(-log_likelihood.sum())

    best = minimize_scalar(loss, bounds=(0.0, _LARGEST_DISPERSION), method="bounded")
    return 0.0 if loss(0.0) <= best.fun else float(best.x)
