"""What a read of incidents brought, in counts: nothing comes in or stays out unseen."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import pandas as pd

from kidnaprisk.incidents.table import Draft


@dataclasses.dataclass(frozen=True)
class ReadSummary:
    """What a read brought: counts, span and precision.

    ``rows_in`` is ``rows`` plus all ``rejected``, which counts rows by reason;
    ``kidnappings_rejected`` of them are kidnappings. ``rows`` is ``kidnappings`` plus ``context``;
    ``kidnappings_from_text`` of the kidnappings were told by a note's words alone. ``repaired``
    counts rows by what was put right. ``kinds``, ``countries_by_rows`` and ``location_error_km``
    count rows by their values, km as text and ``unknown`` where missing; ``exact_days`` those whose
    day is known. ``first`` and ``last`` are days as ISO text, None in an empty table;
    ``median_location_error_km`` likewise.
    """

    format: str
    rows_in: int
    rows: int
    kidnappings: int
    countries: int
    first: str | None
    last: str | None
    median_location_error_km: float | None
    rejected: dict[str, int]
    kidnappings_rejected: int = 0
    kidnappings_from_text: int = 0
    context: int = 0
    repaired: dict[str, int] = dataclasses.field(default_factory=dict)
    kinds: dict[str, int] = dataclasses.field(default_factory=dict)
    countries_by_rows: dict[str, int] = dataclasses.field(default_factory=dict)
    location_error_km: dict[str, int] = dataclasses.field(default_factory=dict)
    exact_days: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON-able values."""
        return dataclasses.asdict(self)


def summary_of(
    form: str,
    rows_in: int,
    incidents: gpd.GeoDataFrame,
    rejected: dict[str, int],
    kidnappings_rejected: int,
    repaired: dict[str, int],
) -> ReadSummary:
    """Count what came in.

    Parameters
    ----------
    form : str
        Name of the format.
    rows_in : int
    incidents : GeoDataFrame
        The rows that came in, canonical.
    rejected, repaired : dict of str to int
        Rows by what was wrong with them.
    kidnappings_rejected : int
        Kidnappings among the rows left out.
    """
    kidnappings = incidents["kind"] == "kidnapping"
    doubt = incidents["location_error_km"]
    return ReadSummary(
        format=form,
        rows_in=rows_in,
        rows=len(incidents),
        kidnappings=int(kidnappings.sum()),
        countries=int(incidents["country"].nunique()),
        first=incidents["date"].min().date().isoformat() if len(incidents) else None,
        last=incidents["date_end"].max().date().isoformat() if len(incidents) else None,
        median_location_error_km=float(doubt.median()) if doubt.notna().any() else None,
        rejected=rejected,
        kidnappings_rejected=kidnappings_rejected,
        kidnappings_from_text=int((kidnappings & incidents["kind_from_text"]).sum()),
        context=int((~kidnappings).sum()),
        repaired=repaired,
        kinds=_counts(incidents["kind"]),
        countries_by_rows=_counts(incidents["country"]),
        location_error_km=_counts(doubt.map("{:g}".format, na_action="ignore")),
        exact_days=int((incidents["date"] == incidents["date_end"]).sum()),
    )


def _counts(column: pd.Series) -> dict[str, int]:
    counts = column.astype("object").where(column.notna(), "unknown").value_counts()
    return {str(value): int(count) for value, count in counts.items()}


def rejected_by_reason(draft: Draft) -> dict[str, int]:
    """Rows left out, by column and reason."""
    counts: Counter[str] = Counter()
    for fault in draft.faults:
        counts[f"{fault.column}: {fault.reason}"] += int(fault.rows.sum())
    return dict(counts)


def added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts by reason of several parts of a file, together."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
