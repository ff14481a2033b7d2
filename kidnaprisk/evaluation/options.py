"""What a backtest is asked to do, checked at the door: models, days, numbers.

A fault here would show only after hours, in a figure that looks like any other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from kidnaprisk.errors import ConfigError, ModelError

_METHODS = ("fit", "intensity")
_MOST = 1_000_000


def check_models(models: object) -> None:
    """Refuse what are no unfitted models by name.

    Raises
    ------
    ModelError
        If there is none, one has no name, lacks a method, is a class, or cannot be copied.
    """
    if not isinstance(models, Mapping) or not models:
        raise ModelError(
            "backtest takes models by name", value=type(models).__name__,
            remedy='give a dict, for example {"mixture": KernelMixture()}',
        )  # fmt: skip
    for name, model in models.items():
        if not isinstance(name, str) or not name.strip():
            raise ModelError("a model has no name", value=name, remedy="name it with text")
        lacks = [one for one in _METHODS if not callable(getattr(model, one, None))]
        if lacks or isinstance(model, type):
            raise ModelError(
                f"the model {name!r} is a class" if isinstance(model, type)
                else f"the model {name!r} has no {' and no '.join(lacks)}",
                remedy="give an unfitted model: it is fitted anew for every window",
            )  # fmt: skip
        fresh(name, model)


def fresh(name: str, model: Any) -> Any:
    """An unfitted copy of a model, as scikit-learn makes it, or else a deep copy.

    Raises
    ------
    ModelError
        If it cannot be copied.

    Examples
    --------
    >>> fresh("dict", {"scale": [3.0]})
    {'scale': [3.0]}
    """
    try:
        return clone(model, safe=False)
    except (TypeError, RuntimeError, AttributeError) as error:
        raise ModelError(
            f"the model {name!r} cannot be copied: {error}",
            remedy="let its __init__ store its parameters as given, and do nothing else",
        ) from None


def whole(name: str, given: Any, least: int, most: int = _MOST) -> int:
    """A whole number from ``least`` to ``most``.

    Raises
    ------
    ConfigError
        If it is none; True and False are none.
    """
    good = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    if not (good and least <= given <= most):
        raise ConfigError(
            f"{name} is not a whole number from {least} to {most:,}",
            value=given,
            remedy="correct it",
        )
    return int(given)


def jobs(given: Any) -> int:
    """How many windows are forecast at once: at least 1, or below 0 as joblib counts."""
    if given == 0 or isinstance(given, bool) or not isinstance(given, (int, np.integer)):
        raise ConfigError(
            "n_jobs is no number of jobs", value=given, remedy="give 1 or more, or -1 for all cores"
        )
    return int(given)


def number(name: str, given: Any, least: float, most: float, usual: float) -> float:
    """A number from ``least`` to ``most``.

    Raises
    ------
    ConfigError
        If it is none.

    Examples
    --------
    >>> number("cell_degrees", 1, 0.01, 5.0, usual=0.2)
    1.0
    """
    real = isinstance(given, (int, float, np.integer, np.floating)) and not isinstance(given, bool)
    if not (real and least <= given <= most):
        raise ConfigError(
            f"{name} does not lie between {least:g} and {most:g}",
            value=given,
            remedy=f"{usual:g} is usual",
        )
    return float(given)


def day(name: str, given: Any) -> dt.date:
    """A UTC day.

    Raises
    ------
    ConfigError
        If it is none; a bare number is none.

    Examples
    --------
    >>> day("start", "2023-01-01T23:30-05:00")
    datetime.date(2023, 1, 2)
    """
    wrong = ConfigError(f"{name} is not a day", value=given, remedy="write YYYY-MM-DD")
    if not isinstance(given, (str, dt.date, np.datetime64)):
        raise wrong
    try:
        stamp = pd.Timestamp(given)
    except (ValueError, TypeError):
        raise wrong from None
    if pd.isna(stamp):
        raise wrong
    found: dt.date = (stamp if stamp.tzinfo is None else stamp.tz_convert("UTC")).date()
    return found
