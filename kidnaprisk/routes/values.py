"""Plain values as users give them for a trip: a finite number, a text that is not blank.

Not for positions of routes, which are checked in :mod:`kidnaprisk.routes.route`.
"""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from kidnaprisk.errors import TripError


def finite_number(value: object, what: str) -> float:
    """A plain finite number.

    Raises
    ------
    TripError
        If it is not one; text and truth values are not.

    Examples
    --------
    >>> finite_number(3, "the hours of a stop")
    3.0
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TripError(f"{what} must be a number", value=value, remedy="give a plain number")
    if not math.isfinite(value):
        raise TripError(f"{what} must be finite", value=value, remedy="give a plain number")
    return float(value)


def plain_text(value: object, what: str) -> str:
    """Text that is not blank, without the blanks around it.

    Raises
    ------
    TripError
        If it is not text, or blank.

    Examples
    --------
    >>> plain_text(" Dori ", "the town of a stop")
    'Dori'
    """
    if not isinstance(value, str) or not value.strip():
        raise TripError(
            f"{what} must be text and not blank", value=value, remedy="name it, or leave it out"
        )
    return value.strip()
