"""From recorded events to a fitted mixture: every attribute of it, worked out before any is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard import training
from kidnaprisk.hazard.area import (
    covered_area,
    covered_days,
    covered_gaps,
    covered_regions,
    day_number,
)
from kidnaprisk.hazard.em import fit_weights
from kidnaprisk.hazard.kernels import Mixture
from kidnaprisk.hazard.known import KIDNAPPING, Known, reporting_days
from kidnaprisk.hazard.sources import (
    fold_records,
    network_inside,
    record_table,
    town_sources,
)

FEWEST_RECORDS = 5
# One pseudo-record keeps the floor above zero wherever the model may speak.
_FLOOR_PRIOR = 1.0
# Nats a record that no weights could gain; a thousandth of what months tell models apart by.
_TOLERANCE = 1e-5
# More digits than a weight deserves, fewer than differ between processors.
_DIGITS = 9
_NOTHING = 1e-6


def learn(known: Known, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a mixture to the kidnappings and context events known by a day.

    Returns
    -------
    dict
        The fitted attributes of :class:`kidnaprisk.hazard.mixture.KernelMixture`, by name.

    Raises
    ------
    ModelError
        If there is too little history to learn from.
    CoverageError
        If the coverage names no region.
    """
    used = known.incidents["kind"].isin([KIDNAPPING, *parameters["context_kinds"]])
    events = known.incidents[used.to_numpy()]
    scale_km = np.asarray(parameters["scales_km"], dtype=np.float64)
    memory_days = np.asarray(parameters["memories_days"], dtype=np.float64)
    town_scale_km = np.asarray(parameters["town_scales_km"], dtype=np.float64)
    regions = covered_regions(known.spoken)
    last_day = day_number(known.day.date())
    first_day, origin_day = covered_days(
        regions, known.spoken, last_day, reporting_days(known.kidnappings)
    )
    gaps = covered_gaps(regions, known.spoken)
    area = covered_area(regions, first_day, origin_day, gaps)
    table, region = record_table(events, regions)
    records, places, order = fold_records(table, known.coverage, last_day, parameters)
    table, region = table.iloc[order].reset_index(drop=True), region[order]
    towns, town_region = town_sources(regions, parameters)
    history = training.cut_history(records, region, area, int(parameters["window_days"]))
    targets = training.chosen_targets(history, int(parameters["most_targets"]))
    drawn = len(targets) / len(history.targets)
    densities = training.target_densities(
        records, history, targets, places, scale_km, memory_days,
        towns, town_scale_km, area.area_km2,
    )  # fmt: skip
    exposure = training.component_exposure(
        records, history, places.silences, scale_km, memory_days,
        towns, town_scale_km, town_region, area,
    )  # fmt: skip
    prior = np.zeros(len(exposure))
    prior[-1] = _FLOOR_PRIOR
    fitted = fit_weights(densities, drawn * exposure, drawn * prior, tolerance=_TOLERANCE)
    # EM leaves a useless component a vanishing weight; at under a millionth of a record it is none.
    values = rounded(np.where(fitted.values * exposure < _NOTHING, 0.0, fitted.values))
    n_towns = len(town_scale_km)
    shape = (-1, 2, len(scale_km), len(memory_days))
    weights = values[: -1 - n_towns].reshape(shape)
    town_weights, floor_weight = values[-1 - n_towns : -1], float(values[-1])
    forecasts = training.past_forecasts(
        history, places, Mixture(scale_km**2, memory_days, weights),
        towns, town_scale_km, town_weights, floor_weight, area,
    )  # fmt: skip
    return {
        "weights_": weights,
        "town_weights_": town_weights,
        "floor_weight_": floor_weight,
        "unit_expected_": rounded(exposure),
        "dispersion_": float(rounded(np.array([training.learn_dispersion(forecasts)]))[0]),
        "n_iter_": fitted.iterations,
        "converged_": fitted.converged,
        "log_likelihood_": float(rounded(np.array([fitted.log_likelihood]))[0]),
        "n_targets_": len(history.targets),
        "covered_area_km2_": float(rounded(np.array([area.area_km2]))[0]),
        "covered_regions_": regions["region_id"].to_numpy(dtype=str),
        "covered_from_": first_day,
        "covered_until_": origin_day,
        "origin_day_": int(origin_day.max()),
        "as_of_": known.day,
        "coverage_": known.coverage,
        "records_": table,
        "places_": places,
        "towns_": towns,
        "network_": network_inside(towns, regions),
    }


def rounded(values: Floats) -> Floats:
    """Numbers to nine significant digits."""
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values.tolist()])
