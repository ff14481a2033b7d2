"""The parameters of KernelMixture: what each may be, checked at one door."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from kidnaprisk.errors import ModelError
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.vocabulary import KINDS, words_remedy

# Name: least value, whether that value itself is allowed, whether it must be whole.
_NUMBERS = {
    "town_exponent": (0.0, True, False),
    "town_population": (0.0, True, True),
    "window_days": (1.0, True, True),
    "most_targets": (100.0, True, True),
    "unknown_location_error_km": (0.0, True, False),
    "fewest_effective": (0.0, True, False),
}
_LISTS = ("scales_km", "memories_days", "town_scales_km")


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that no mixture can have.

    Raises
    ------
    ModelError
        Naming the first that is wrong, its value and what it may be.
    """
    for name in _LISTS:
        _check_list(name, parameters[name])
    if np.any(np.diff(np.asarray(parameters["scales_km"], dtype=np.float64)) <= 0.0):
        raise ModelError(
            "scales_km do not ascend", value=parameters["scales_km"], remedy="sort them"
        )
    _check_kinds(parameters["context_kinds"])
    for name, (least, allowed, whole) in _NUMBERS.items():
        value = parameters[name]
        wanted = (
            f"a {'whole ' if whole else ''}number {'of at least' if allowed else 'above'} {least:g}"
        )
        fits = isinstance(value, Real) and not isinstance(value, bool)
        number = float(value) if fits else math.nan
        fits = math.isfinite(number) and (number > least or (allowed and number == least))
        if not fits or (whole and not number.is_integer()):
            raise ModelError(f"{name} is not {wanted}", value=value, remedy=f"give {wanted}")
    coverage = parameters["coverage"]
    if coverage is not None and (
        not isinstance(coverage, Sequence)
        or not coverage
        or not all(isinstance(one, Coverage) for one in coverage)
    ):
        raise ModelError(
            "coverage is not a list of Coverage",
            value=coverage,
            remedy="give kidnaprisk.Coverage objects, or None for what the table says of itself",
        )


def _check_list(name: str, given: object) -> None:
    remedy = "give one or more positive numbers"
    if isinstance(given, (str, bytes)) or not isinstance(given, (Sequence, np.ndarray)):
        raise ModelError(f"{name} is not a list of numbers", value=given, remedy=remedy)
    good = [
        isinstance(one, Real) and not isinstance(one, bool) and 0.0 < float(one) < math.inf
        for one in given
    ]
    if not good or not all(good):
        raise ModelError(f"{name} is not a list of positive numbers", value=given, remedy=remedy)


def _check_kinds(given: object) -> None:
    remedy = "give kinds of incident other than kidnapping, or none: ()"
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise ModelError("context_kinds is not a list of kinds", value=given, remedy=remedy)
    for kind in given:
        if kind == "kidnapping":
            raise ModelError("a kidnapping is no context event", value=kind, remedy=remedy)
        if kind not in KINDS:
            raise ModelError(
                "context_kinds names an unknown kind", value=kind,
                remedy=words_remedy(str(kind), KINDS),
            )  # fmt: skip
