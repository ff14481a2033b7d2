"""A fitted KernelMixture as plain arrays and plain facts, and back.

This is all that is ever stored of a model: numbers, text and days, none of which can be worked out
from the others. Nothing in it is code, nothing is executed to read it, and every part is checked
for kind, shape and range, since compiled kernels trust what they are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.errors import ArtifactError, KidnapRiskError
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard.area import day_number, regions_named
from kidnaprisk.hazard.known import KIDNAPPING
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.hazard.network import Network
from kidnaprisk.hazard.parameters import check_parameters
from kidnaprisk.hazard.sources import (
    RECORD_DAYS,
    RECORD_NUMBERS,
    RECORD_TEXT,
    fold_records,
    weigh_towns,
)
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.table import COUNTS

Arrays = dict[str, npt.NDArray[Any]]

_NUMBERS = (
    "floor_weight_", "dispersion_", "covered_area_km2_", "log_likelihood_",
)  # fmt: skip
_WHOLE = ("n_iter_", "n_targets_")
_NETWORK = ("lon", "lat", "km")
_TOWNS = ("lon", "lat", "population")
_KNOWN_ARRAYS = {
    "weights", "town_weights", "unit_expected", "covered_regions", "covered_from", "covered_until",
    *(f"network_{field}" for field in _NETWORK),
    *(f"town_{field}" for field in _TOWNS),
    *(f"record_{column}" for column in (*RECORD_TEXT, *RECORD_DAYS, *RECORD_NUMBERS)),
}  # fmt: skip
_REMEDY = "do not use it; train it again"
# Far more than people or km there are, and every whole number up to it is one of float64.
_MOST = 1e12


def to_state(model: KernelMixture) -> tuple[Arrays, dict[str, Any]]:
    """Arrays by name, and facts that JSON can hold, of a fitted model.

    Raises
    ------
    ModelError
        If the model is not fitted.
    """
    model.describe()
    arrays: Arrays = {
        "weights": model.weights_,
        "town_weights": model.town_weights_,
        "unit_expected": model.unit_expected_,
        "covered_regions": _encoded(model.covered_regions_.tolist()),
        "covered_from": model.covered_from_,
        "covered_until": model.covered_until_,
    }
    arrays |= {f"network_{field}": getattr(model.network_, field) for field in _NETWORK}
    arrays |= {f"town_{field}": getattr(model.towns_, field) for field in _TOWNS}
    for column in RECORD_TEXT:
        # Missing text is stored as empty text: the table never holds empty text itself.
        arrays[f"record_{column}"] = _encoded(model.records_[column].fillna("").tolist())
    for column in RECORD_DAYS:
        arrays[f"record_{column}"] = model.records_[column].to_numpy().astype("datetime64[D]")
    for column in RECORD_NUMBERS:
        numbers = model.records_[column].astype("Float64")
        arrays[f"record_{column}"] = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    facts: dict[str, Any] = {name: float(getattr(model, name)) for name in _NUMBERS}
    facts |= {name: int(getattr(model, name)) for name in _WHOLE}
    facts["converged_"] = bool(model.converged_)
    facts["as_of"] = model.as_of_.date().isoformat()
    facts["coverage"] = [one.to_dict() for one in model.coverage_]
    facts["parameters"] = {
        key: _plain(value) for key, value in model.get_params().items() if key != "coverage"
    }
    return arrays, facts


def from_state(arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> KernelMixture:
    """The model that :func:`to_state` described.

    Raises
    ------
    ArtifactError
        If a part is missing, or of another kind, shape or range than a model's.
    """
    try:
        return _restored(arrays, facts)
    except ArtifactError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, KidnapRiskError) as error:
        raise ArtifactError(
            f"a part of the model is missing or wrong: {error}", remedy=_REMEDY
        ) from None


def _restored(arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> KernelMixture:
    unknown = set(arrays) - _KNOWN_ARRAYS
    if unknown:
        raise _wrong(", ".join(sorted(unknown)))
    coverage = tuple(Coverage.from_dict(one) for one in facts["coverage"])
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in facts["parameters"].items()
    }
    model = KernelMixture(coverage=coverage, **given)
    parameters = model.get_params(deep=False)
    check_parameters(parameters)
    for name in _NUMBERS:
        setattr(model, name, _number(facts, name, least=None if name == "log_likelihood_" else 0.0))
    for name in _WHOLE:
        setattr(model, name, int(_number(facts, name, least=0.0)))
    if model.covered_area_km2_ <= 0.0:
        raise _wrong("covered_area_km2_")
    model.converged_ = bool(facts["converged_"])
    model.coverage_ = coverage
    model.as_of_ = pd.Timestamp(facts["as_of"])
    if pd.isna(model.as_of_) or model.as_of_.tzinfo is not None:
        raise _wrong("as_of")
    table = _records(arrays)
    groups = 1 + int((table["kind"] != KIDNAPPING).any())
    shape = (groups, 2, len(parameters["scales_km"]), len(parameters["memories_days"]))
    model.weights_ = _floats(arrays, "weights", shape, least=0.0)
    towns = (len(parameters["town_scales_km"]),)
    model.town_weights_ = _floats(arrays, "town_weights", towns, least=0.0)
    parts = (model.weights_.size + model.town_weights_.size + 1,)
    model.unit_expected_ = _floats(arrays, "unit_expected", parts, least=0.0)
    ids = _decoded(arrays, "covered_regions")
    regions_named(np.array(ids, dtype=str))
    model.covered_regions_ = np.array(ids, dtype=str)
    model.covered_from_ = _days(arrays, "covered_from", len(ids))
    model.covered_until_ = _days(arrays, "covered_until", len(ids))
    model.origin_day_ = int(model.covered_until_.max())
    model.network_ = Network(*(_floats(arrays, f"network_{field}") for field in _NETWORK))
    lon = _floats(arrays, "town_lon", least=-180.0, most=180.0)
    lat = _floats(arrays, "town_lat", least=-90.0, most=90.0)
    population = _floats(arrays, "town_population", least=1.0)
    lengths = {len(lon), len(lat), len(population)}
    if len(lengths) > 1 or 0 in lengths or len(set(map(len, model.network_))) > 1:
        raise _wrong("towns or network")
    model.towns_, _ = weigh_towns(lon, lat, population, parameters)
    last_day = day_number(model.as_of_.date())
    _, model.places_, order = fold_records(table, coverage, last_day, parameters)
    model.records_ = table.iloc[order].reset_index(drop=True)
    model.forget()
    return model


def _records(arrays: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    table: dict[str, Any] = {}
    for column in RECORD_TEXT:
        text = pd.Series(_decoded(arrays, f"record_{column}"), dtype="string")
        table[column] = text.mask(text == "")
    n = len(table[RECORD_TEXT[0]])
    for column in RECORD_TEXT:
        if len(table[column]) != n:
            raise _wrong(f"record_{column}")
    for column in RECORD_DAYS:
        days = arrays[f"record_{column}"]
        if days.dtype != np.dtype("datetime64[D]") or days.shape != (n,):
            raise _wrong(f"record_{column}")
        if column != "outcome_date" and np.isnat(days).any():
            raise _wrong(f"record_{column}")
        table[column] = days.astype("datetime64[ns]")
    for column in ("location_error_km", *COUNTS):
        table[column] = _known_numbers(arrays, f"record_{column}", n, whole=column in COUNTS)
    for column, limit in (("lon", 180.0), ("lat", 90.0)):
        table[column] = _floats(arrays, f"record_{column}", (n,), least=-limit, most=limit)
    return pd.DataFrame(table)


def _known_numbers(
    arrays: Mapping[str, npt.NDArray[Any]], name: str, n: int, *, whole: bool
) -> pd.api.extensions.ExtensionArray:
    """Numbers of 0 or more, missing where they are unknown."""
    told = arrays[name]
    if told.dtype != np.float64 or told.shape != (n,):
        raise _wrong(name)
    unknown = np.isnan(told)
    numbers = np.where(unknown, 0.0, told)
    if np.any((numbers < 0.0) | (numbers > _MOST)) or (whole and np.any(numbers % 1.0)):
        raise _wrong(name)
    if whole:
        return pd.arrays.IntegerArray(numbers.astype(np.int64), unknown)
    return pd.arrays.FloatingArray(numbers, unknown)


def _floats(
    arrays: Mapping[str, npt.NDArray[Any]],
    name: str,
    shape: tuple[int, ...] | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Floats:
    values = arrays[name]
    good = values.dtype == np.float64 and (
        values.ndim == 1 if shape is None else values.shape == shape
    )
    if (
        not good
        or not np.isfinite(values).all()
        or (least is not None and (values < least).any())
        or (most is not None and (values > most).any())
    ):
        raise _wrong(name)
    return np.ascontiguousarray(values)


def _days(arrays: Mapping[str, npt.NDArray[Any]], name: str, n: int) -> npt.NDArray[np.int64]:
    values = arrays[name]
    if values.dtype != np.int64 or values.shape != (n,) or n == 0:
        raise _wrong(name)
    return np.ascontiguousarray(values)


def _number(facts: Mapping[str, Any], name: str, least: float | None) -> float:
    value = facts[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise _wrong(name)
    if least is not None and value < least:
        raise _wrong(name)
    return value


def _encoded(texts: list[str]) -> npt.NDArray[np.bytes_]:
    """UTF-8 in fixed width: a quarter of the size of numpy's own text."""
    return np.array([text.encode() for text in texts], dtype=np.bytes_)


def _decoded(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> list[str]:
    stored = arrays[name]
    if stored.dtype.kind != "S" or stored.ndim != 1:
        raise _wrong(name)
    return [text.decode() for text in stored.tolist()]


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _wrong(name: str) -> ArtifactError:
    return ArtifactError(
        f"{name} of the model is not of the kind, shape or range it must be", remedy=_REMEDY
    )
