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
from kidnaprisk.hazard.interval import effective_incidents
from kidnaprisk.hazard.kernels import (
    Mixture,
    Places,
    Segments,
    component_densities,
    integrate_groups,
    integrate_static,
)

Mask = npt.NDArray[np.bool_]

DISPERSION_WINDOWS = 60
# Far below one expected incident a cell tells of the model's fit, not of its dispersion.
_LEAST_MEAN = 0.01
_LARGEST_DISPERSION = 50.0


class Records(NamedTuple):
    """r kidnappings as numbers, in the order of a model's ``Places``."""

    lon: Floats
    lat: Floats
    error_km: Floats
    event_day: Floats
    known_day: Ints


class Towns(NamedTuple):
    """k towns sorted by ECEF z, their shares (summing to one) and kernel."""

    lon: Floats
    lat: Floats
    population: Floats
    xyz: Floats
    share: Floats
    scale_km: float


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
        If no record falls in a window that follows another record.
    """
    origin = int(area.origin_day.max())
    count = max(0, (origin - int(records.known_day.min())) // days)
    start_day = origin - days * np.arange(1, count + 1)
    covered = (area.first_day[:, None] <= start_day) & (
        area.origin_day[:, None] >= start_day + days
    )
    window = np.floor((origin - records.event_day) / days).astype(np.int64)
    eligible = (window >= 0) & (window < count) & (region >= 0)
    eligible[eligible] = covered[region[eligible], window[eligible]]
    if not eligible.any():
        raise ModelError(
            f"no covered record follows another by more than {days} days: nothing to learn from",
            remedy="give more history, or a smaller window_days",
        )
    return History(start_day, np.where(eligible, window, -1), covered, region, days)


def target_densities(
    records: Records,
    history: History,
    places: Places,
    scale_km: Floats,
    memory_days: Floats,
    towns: Towns,
    area_km2: float,
) -> Floats:
    """Density of each component at each target, (n, S·M + 2): records, then towns, then floor."""
    target = history.targets
    xyz = ecef_km(records.lon[target], records.lat[target])
    error2 = records.error_km[target] ** 2
    origin = history.start_day[history.of_record[target]]
    from_records = np.zeros((len(target), len(scale_km), len(memory_days)))
    component_densities(xyz, error2, origin, places, scale_km**2, memory_days, from_records)
    from_towns = np.zeros(len(target))
    points = Segments(xyz, xyz, np.ones(len(target)), origin, np.array([0, len(target)]))
    integrate_static(points, error2, 0.0, towns.xyz, towns.share, towns.scale_km**2, from_towns)
    return np.column_stack(
        [
            from_records.reshape(len(target), -1),
            from_towns,
            np.full(len(target), 1.0 / area_km2),
        ]
    )


def component_exposure(
    records: Records,
    history: History,
    scale_km: Floats,
    memory_days: Floats,
    towns: Towns,
    town_region: Ints,
    area: CoveredArea,
) -> Floats:
    """Records inside the covered area that each component, at unit weight, expects in all windows.

    (S·M + 2,), in the order of :func:`target_densities`. A kernel's mass counts for as much of it
    as lies inside the area, in the windows in which its own region was covered.
    """
    share_covered = _weighted(history.covered, area.region_km2 / area.area_km2)
    open_for_record = np.where(
        (history.region >= 0)[:, None], history.covered[history.region], share_covered
    )
    expected = np.zeros((len(scale_km), len(memory_days)))
    inside = [
        area.fraction_inside(records.lon, records.lat, np.hypot(scale, records.error_km))
        for scale in scale_km
    ]
    for w, start in enumerate(history.start_day):
        known = np.flatnonzero(records.known_day <= start)
        age = start - records.event_day[known]
        for m, memory in enumerate(memory_days):
            faded = np.exp(-age / memory) / memory * open_for_record[known, w]
            for s, fraction in enumerate(inside):
                expected[s, m] += history.days * np.sum(fraction[known] * faded)
    town_inside = area.fraction_inside(
        towns.lon, towns.lat, np.full(len(towns.lon), towns.scale_km)
    )
    town_days = history.days * history.covered[town_region].sum(axis=1)
    from_towns = np.sum(towns.share * town_inside * town_days)
    return np.append(expected.ravel(), [from_towns, history.days * share_covered.sum()])


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
    town_weight: float,
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
    static, none = np.zeros(len(xyz)), np.zeros(len(xyz))
    points = Segments(xyz, xyz, factor, np.zeros(len(xyz), dtype=np.int64), group_start)
    integrate_static(points, none, 0.0, towns.xyz, towns.share, towns.scale_km**2, static)
    static = town_weight * static + floor_weight * factor / area.area_km2
    parts = []
    for w, start in enumerate(history.start_day[:DISPERSION_WINDOWS]):
        cell, total, square = np.zeros(len(xyz)), np.zeros(n_regions), np.zeros(n_regions)
        segments = points._replace(origin_day=np.full(len(xyz), start, dtype=np.int64))
        integrate_groups(segments, places, mixture, 0.0, cell, total, square, np.empty(0))
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
