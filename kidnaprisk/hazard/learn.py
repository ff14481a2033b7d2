"""From kidnappings to a fitted mixture: every attribute of it, worked out before any is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard import training
from kidnaprisk.hazard.area import covered_area, covered_days, covered_regions, day_number
from kidnaprisk.hazard.em import fit_weights
from kidnaprisk.hazard.kernels import Mixture
from kidnaprisk.hazard.sources import fold_records, network_inside, record_table, town_sources
from kidnaprisk.incidents.coverage import Coverage

FEWEST_RECORDS = 5
# One pseudo-record keeps the floor above zero wherever the model may speak.
_FLOOR_PRIOR = 1.0
# More digits than a weight deserves, fewer than differ between processors.
_DIGITS = 9
_NOTHING = 1e-6


def learn(
    kidnappings: gpd.GeoDataFrame,
    coverage: Sequence[Coverage],
    as_of: pd.Timestamp,
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """Fit a mixture to the kidnappings known by a day.

    Returns
    -------
    dict
        The fitted attributes of :class:`kidnaprisk.hazard.mixture.KernelMixture`, by name.

    Raises
    ------
    ModelError
        If there are too few records to learn from.
    CoverageError
        If the coverage names no region.
    """
    if len(kidnappings) < FEWEST_RECORDS:
        raise ModelError(
            f"{len(kidnappings)} kidnappings known by {as_of.date()}; "
            f"a hazard needs at least {FEWEST_RECORDS}",
            remedy="read more history or choose a later as_of",
        )
    scale_km = np.asarray(parameters["scales_km"], dtype=np.float64)
    memory_days = np.asarray(parameters["memories_days"], dtype=np.float64)
    regions = covered_regions(coverage)
    first_day, origin_day = covered_days(
        regions, coverage, day_number(as_of.date()), _reporting_days(kidnappings)
    )
    area = covered_area(regions, first_day, origin_day)
    table, region = record_table(kidnappings, regions)
    records, places, order = fold_records(table, parameters)
    table, region = table.iloc[order].reset_index(drop=True), region[order]
    towns, town_region = town_sources(regions, parameters)
    history = training.cut_history(records, region, area, int(parameters["window_days"]))
    densities = training.target_densities(
        records, history, places, scale_km, memory_days, towns, area.area_km2
    )
    exposure = training.component_exposure(
        records, history, scale_km, memory_days, towns, town_region, area
    )
    prior = np.zeros(len(exposure))
    prior[-1] = _FLOOR_PRIOR
    fitted = fit_weights(densities, exposure, prior)
    # EM leaves a useless component a vanishing weight; at under a millionth of a record it is none.
    values = rounded(np.where(fitted.values * exposure < _NOTHING, 0.0, fitted.values))
    weights = values[:-2].reshape(len(scale_km), len(memory_days))
    town_weight, floor_weight = float(values[-2]), float(values[-1])
    forecasts = training.past_forecasts(
        history, places, Mixture(scale_km**2, memory_days, weights),
        towns, town_weight, floor_weight, area,
    )  # fmt: skip
    return {
        "weights_": weights,
        "town_weight_": town_weight,
        "floor_weight_": floor_weight,
        "dispersion_": float(rounded(np.array([training.learn_dispersion(forecasts)]))[0]),
        "n_iter_": fitted.iterations,
        "converged_": fitted.converged,
        "log_likelihood_": float(rounded(np.array([fitted.log_likelihood]))[0]),
        "n_targets_": len(densities),
        "covered_area_km2_": float(rounded(np.array([area.area_km2]))[0]),
        "covered_regions_": regions["region_id"].to_numpy(dtype=str),
        "covered_from_": first_day,
        "covered_until_": origin_day,
        "origin_day_": int(origin_day.max()),
        "as_of_": as_of,
        "coverage_": tuple(coverage),
        "records_": table,
        "places_": places,
        "towns_": towns,
        "network_": network_inside(towns, regions),
    }


def rounded(values: Floats) -> Floats:
    """Numbers to nine significant digits."""
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values.tolist()])


def _reporting_days(kidnappings: gpd.GeoDataFrame) -> int:
    """Days until half of the records were known."""
    delay = (kidnappings["known_on"] - kidnappings["date_end"]).dt.days
    return max(0, int(np.ceil(delay.median())))
