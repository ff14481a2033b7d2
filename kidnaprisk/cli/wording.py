"""Messages of the library in the words of the command: its options for the parameters of Python."""

from __future__ import annotations

import re

from kidnaprisk.errors import KidnapRiskError
from kidnaprisk.reports.safe import one_line

_OPTIONS = {
    "departure": "--depart",
    "speed_kmh": "--speed",
    "driving_hours": "--hours",
    "stops": "--stop",
    "road_km": "--road-km",
    "radius_km": "--radius",
    "within_km": "--within",
    "as_of": "--as-of",
    "crs": "--crs",
    "precision": "--precision",
    "waypoints": "--waypoints",
    "max_gap_km": "--max-gap",
    "name": "--route-name",
    "format": "--route-format",
    "horizon_days": "--horizon",
    "step_days": "--step",
    "embargo_days": "--embargo",
    "reporting_delay_days": "--delay",
    "cell_degrees": "--cell",
    "n_jobs": "--jobs",
}
_UNMISTAKABLE = "|".join(name for name in _OPTIONS if "_" in name)
_PARAMETER = re.compile(
    rf"\b(?:(?P<set>{'|'.join(_OPTIONS)})=(?P<value>'[^']*'|[\w.:+-]*)|(?P<bare>{_UNMISTAKABLE}))"
)


def error_line(error: KidnapRiskError) -> str:
    r"""What the command prints of an error: one line.

    Examples
    --------
    >>> from kidnaprisk.errors import RouteError
    >>> error_line(RouteError("there are 3 points", remedy="pass waypoints=True", file="a.csv"))
    'kidnaprisk: there are 3 points (file a.csv): pass --waypoints\n'
    """
    spoken = KidnapRiskError(
        in_options(error.message),
        remedy=None if error.remedy is None else in_options(error.remedy),
        file=error.file,
        row=error.row,
        column=error.column,
        value=error.value,
    )
    return f"kidnaprisk: {one_line(str(spoken))}\n"


def in_options(text: str) -> str:
    """A message with the names of parameters replaced by the command's options.

    Examples
    --------
    >>> in_options("give departure='2024-12-28T06:00Z'"), in_options("road_km is too short")
    ("give --depart '2024-12-28T06:00Z'", '--road-km is too short')
    """

    def option(found: re.Match[str]) -> str:
        name, value = found["set"] or found["bare"], found["value"]
        return _OPTIONS[name] if value in {None, "", "True"} else f"{_OPTIONS[name]} {value}"

    return _PARAMETER.sub(option, text)
