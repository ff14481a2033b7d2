"""Incident tables, batches and days made up for the tests of the store."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import pandas as pd

from kidnaprisk.incidents.coverage import COVERAGE_ATTR, Coverage
from kidnaprisk.incidents.table import validate_incidents
from tests.incidents.samples import in_memory

FIRST, SECOND, THIRD = (dt.date(2026, 1, day) for day in (5, 12, 19))
WHOLE = Coverage("mine", ("BF", "NE"), dt.date(2020, 1, 1), dt.date(2025, 12, 31), True)


def table(*rows: Mapping[str, Any], coverage: Iterable[Coverage] = ()) -> gpd.GeoDataFrame:
    """Rows of the source "mine" with ids a, b, c ... and what each is given."""
    incidents = _validated(json.dumps(rows)).copy()
    declared = [one.to_dict() for one in coverage]
    if declared:
        incidents.attrs[COVERAGE_ATTR] = declared
    return incidents


@functools.cache
def _validated(rows: str) -> gpd.GeoDataFrame:
    # Most tests begin with the same few rows.
    return validate_incidents(in_memory(*json.loads(rows)))


def batch(
    incidents: gpd.GeoDataFrame,
    rejected: Mapping[str, str] | None = None,
    told: Iterable[Coverage] | None = None,
    later: tuple[str, ...] = (),
) -> Any:
    """A batch as a reader gives it; ``rejected`` maps ids to reasons."""
    rejected = rejected or {}
    reasons = pd.Series(list(rejected.values()), dtype="object").value_counts()
    return SimpleNamespace(
        incidents=incidents,
        rejects=pd.DataFrame(
            {
                "incident_id": pd.array(list(rejected), dtype="string"),
                "reason": pd.array(list(rejected.values()), dtype="string"),
            }
        ),
        summary=SimpleNamespace(rejected=reasons.to_dict(), format="made"),
        form=SimpleNamespace(coverage=lambda _: None if told is None else tuple(told)),
        coverage=None,
        later=later,
    )


def ids_of(incidents: gpd.GeoDataFrame) -> list[str]:
    return [str(name) for name in incidents["incident_id"]]
