"""Tables and answers as JSON and CSV: every number as it is, days and instants in ISO 8601.

JSON writes what is missing as null, CSV as an empty cell; neither ever writes NaN, −9 or an empty
word for it.
"""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import pandas as pd

from kidnaprisk.exposure.risk import TripRisk


def json_text(value: Any) -> str:
    r"""A JSON document, readable, in one trailing newline.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no word for it.

    Examples
    --------
    >>> json_text({"place": "Téra", "km": None})
    '{\n "place": "Téra",\n "km": null\n}\n'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    # Half a surrogate pair, which JSON can carry in an escape, has no UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8") + "\n"


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as JSON can hold them; a geometry is left out.

    Examples
    --------
    >>> plain_rows(pd.DataFrame({"day": [pd.Timestamp("2025-01-18")], "km": [None]}))
    [{'day': '2025-01-18', 'km': None}]
    """
    frame = _dated(pd.DataFrame(table).drop(columns="geometry", errors="ignore"))
    whole = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in whole.to_dict("records")]


def region_csv(risk: TripRisk) -> str:
    """The regions of a trip as CSV, one row a region in order of first entry.

    Columns are those of ``TripRisk.regions`` without the geometry: ``km``, ``hours`` and
    ``uncovered_km`` on the ground; ``enter`` and ``leave`` in UTC; ``expected_incidents`` with its
    90 % interval ``low`` to ``high``; ``probability`` and ``share`` from 0 to 1; ``percentile`` 0
    to 100 and ``band`` 1 to 5, empty where withheld; ``status``.
    """
    return _csv(risk.regions)


def incident_csv(joined: gpd.GeoDataFrame) -> str:
    """Incidents near a route as CSV, in order of travel.

    ``distance_km`` from the route and ``along_km`` from its start, then the columns of the incident
    table with ``longitude`` and ``latitude``, as the library's own reader takes them.
    """
    table = pd.DataFrame(joined.drop(columns=["route", "geometry"]))
    return _csv(table.assign(longitude=joined.geometry.x, latitude=joined.geometry.y))


def _csv(table: pd.DataFrame) -> str:
    text: str = _dated(pd.DataFrame(table).drop(columns="geometry", errors="ignore")).to_csv(
        index=False, lineterminator="\n"
    )
    return text


def _dated(table: pd.DataFrame) -> pd.DataFrame:
    dated = table.copy()
    for column, kind in table.dtypes.items():
        if isinstance(kind, pd.DatetimeTZDtype):
            utc = table[column].dt.tz_convert("UTC")
            dated[column] = utc.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        elif pd.api.types.is_datetime64_any_dtype(kind):
            dated[column] = table[column].dt.strftime("%Y-%m-%d")
    return dated
