"""Merge incident tables: one row an event, whichever sources tell of it.

What is joined is decided in `groups`, what is kept of each record in `combine`. Here tables become
one, and what was done is put into words.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, overload

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.geodesy import Ints
from kidnaprisk.incidents.coverage import COVERAGE_ATTR, DERIVED_NOTE, coverage_of
from kidnaprisk.incidents.merge.combine import finished
from kidnaprisk.incidents.merge.groups import settled
from kidnaprisk.incidents.merge.members import Members, keyed_incidents, members_of, source_of
from kidnaprisk.incidents.merge.pairs import candidate_pairs
from kidnaprisk.incidents.table import COLUMNS, CRS, NOTES_ATTR, validate_incidents


@overload
def merge_incidents(
    *tables: gpd.GeoDataFrame, return_pairs: Literal[False] = False
) -> gpd.GeoDataFrame: ...


@overload
def merge_incidents(
    *tables: gpd.GeoDataFrame, return_pairs: Literal[True]
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]: ...


def merge_incidents(
    *tables: gpd.GeoDataFrame, return_pairs: bool = False
) -> gpd.GeoDataFrame | tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Bring the incidents of several sources to one row an event, with the best of each field.

    Parameters
    ----------
    *tables : GeoDataFrame
        Incident tables as `validate_incidents` takes them, of one source or of several. Ids need
        only be unique within a source; rows with the same source and id are revisions of one
        record, of which the one known last stands. A table merged earlier may be among them.
    return_pairs : bool
        Also give the pairs that were looked at.

    Returns
    -------
    incidents : GeoDataFrame
        A validated incident table, one row an event, sorted by date, source and id, the same for
        any order of tables and rows. A row of several records has the ``source`` and
        ``incident_id`` of the record that is placed best, and in ``provenance`` every record with
        the fields taken from it. An id that two events share becomes ``source:incident_id`` in
        both. ``attrs`` carry the coverage of all tables, and notes of what was merged.
    pairs : DataFrame
        Only with ``return_pairs``: as `candidate_pairs` of the rows of all tables, one after the
        other, with ``merged``: whether the two became part of one row.

    Raises
    ------
    IncidentError
        If no table is given, one is not valid, or merged tables contradict each other.

    See Also
    --------
    link_incidents : which rows are one event, without combining them.

    Notes
    -----
    Two records of one source are never merged unless they have the same id. Two records of
    different sources are when place, date, kind, victims, people and actor together speak for it
    by the weights of ``docs/merging.md``, which do not depend on the rest of the table.

    Examples
    --------
    >>> from kidnaprisk.incidents.read import load_catalogue
    >>> catalogue = load_catalogue()
    >>> mine = catalogue.head(1).assign(source="mine", incident_id="log-1", location_error_km=2)
    >>> merged = merge_incidents(catalogue, mine)
    >>> len(catalogue), len(merged), merged["source"].iat[0], merged["incident_id"].iat[0]
    (719, 719, 'mine', 'log-1')
    >>> merged.attrs["notes"][-1]
    '2 rows were merged to 1: 1 of catalogue and mine'
    """
    if not tables:
        raise IncidentError("there is nothing to merge", remedy="give at least one table")
    parts = [keyed_incidents(table) for table in tables]
    rows = _stacked(parts)
    label, events = settled(rows)
    merged = validate_incidents(finished(events))
    earlier = [note for part in parts for note in part.attrs.get(NOTES_ATTR, [])]
    notes = [*earlier, *_told(members_of(rows), label)]
    merged.attrs = {COVERAGE_ATTR: _coverages(parts), NOTES_ATTR: list(dict.fromkeys(notes))}
    if not return_pairs:
        return merged
    pairs = candidate_pairs(rows)
    pairs["merged"] = label[pairs["a"].to_numpy()] == label[pairs["b"].to_numpy()]
    return merged, pairs


def _stacked(parts: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Rows of all tables, one after the other, without attrs."""
    bare = [pd.DataFrame(part.drop(columns="geometry")) for part in parts]
    for frame in bare:
        frame.attrs = {}
    points = np.concatenate([np.asarray(part.geometry.array, dtype=np.object_) for part in parts])
    columns = pd.concat(bare, ignore_index=True)
    return gpd.GeoDataFrame(columns[list(COLUMNS[:-1])], geometry=points, crs=CRS)


def _coverages(parts: list[gpd.GeoDataFrame]) -> list[dict[str, object]]:
    """The coverage of every table once, what was derived from rows fixed as it is now."""
    told = [coverage.to_dict() for part in parts for coverage in coverage_of(part)]
    for coverage in told:
        if coverage["note"] == DERIVED_NOTE:
            coverage["note"] = f"{DERIVED_NOTE}, before merging"
    return [coverage for at, coverage in enumerate(told) if coverage not in told[:at]]


def _told(members: Members, label: Ints) -> list[str]:
    """What was merged, in words: how many rows, of which sources; none if nothing was."""
    records: dict[int, set[str]] = {}
    for at, keys in zip(label.tolist(), members.keys, strict=True):
        records.setdefault(at, set()).update(keys)
    size = np.bincount(label, minlength=len(records))
    joined = Counter(
        " and ".join(sorted({source_of(key) for key in keys}))
        for at, keys in records.items()
        if size[at] > 1 and len(keys) > 1
    )
    notes = []
    if joined:
        rows = sum(int(size[at]) for at, keys in records.items() if size[at] > 1 and len(keys) > 1)
        parts = ", ".join(f"{count} of {sources}" for sources, count in sorted(joined.items()))
        notes.append(f"{rows} rows were merged to {sum(joined.values())}: {parts}")
    revised = sum(int(size[at]) - 1 for at, keys in records.items() if len(keys) == 1)
    if revised:
        notes.append(
            f"{revised} rows were earlier revisions of a record and gave way to the newest"
        )
    return notes
