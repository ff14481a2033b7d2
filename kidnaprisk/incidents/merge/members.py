"""Which records of which sources a row of the incident table stands for.

A row of one source stands for itself; a merged row for the records its ``provenance`` names. A
record is known by its source and its id in that source together, because two sources may use the
same id.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.parse import Mask, text_column
from kidnaprisk.incidents.table import validate_incidents

Fields = dict[str, tuple[str, ...]]


class Members(NamedTuple):
    """The records that n rows stand for.

    ``keys`` n tuples of ``source:incident_id``, sorted; ``fields`` n mappings of a field to the
    keys it was taken from, None for a row of one record; ``sources`` the sources, sorted;
    ``owns`` (n, number of sources) which of them a row has a record of.
    """

    keys: list[tuple[str, ...]]
    fields: list[Fields | None]
    sources: tuple[str, ...]
    owns: Mask


def keyed_incidents(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """An incident table in canonical form, in which sources may use each other's ids.

    Where merging put a source before an id to keep two apart, the id is the source's own again.

    Raises
    ------
    IncidentError
        If it is not valid by any other rule than that ids be unique.
    """
    if not isinstance(incidents, gpd.GeoDataFrame) or "incident_id" not in incidents.columns:
        return validate_incidents(incidents)
    ids, faults = text_column(incidents["incident_id"].reset_index(drop=True))
    if any(fault.rows.any() for fault in faults):
        return validate_incidents(incidents)
    stand_ins = pd.Series(np.arange(len(ids)), dtype="object").where(ids.notna(), None)
    rows = validate_incidents(incidents.assign(incident_id=stand_ins.to_numpy()))
    rows["incident_id"] = ids
    return _under_own_ids(rows)


def _under_own_ids(rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows under the ids their sources gave: merging may have put the source before them."""
    members = members_of(rows)
    merged = [at for at, fields in enumerate(members.fields) if fields is not None]
    for at in merged:
        source = rows["source"].iat[at]
        for key in members.keys[at]:
            if source_of(key) == source:
                rows.loc[at, "incident_id"] = key.partition(":")[2]
    return rows


def record_key(source: str, incident_id: str) -> str:
    """How provenance names one record of one source.

    Examples
    --------
    >>> record_key("acled", "BFO1")
    'acled:BFO1'
    """
    return f"{source}:{incident_id}"


def source_of(key: str) -> str:
    """The source of the record a key names.

    Examples
    --------
    >>> source_of("mine:a:1")
    'mine'
    """
    return key.partition(":")[0]


def members_of(incidents: gpd.GeoDataFrame) -> Members:
    """The records that the n rows of a canonical incident table stand for.

    Raises
    ------
    IncidentError
        If a ``provenance`` is not what merging writes, names two records of one source, or a
        source's name has a colon.
    """
    columns = (incidents[name].tolist() for name in ("source", "incident_id", "provenance"))
    keys: list[tuple[str, ...]] = []
    fields: list[Fields | None] = []
    for row, (source, incident_id, provenance) in enumerate(zip(*columns, strict=True), start=2):
        if ":" in source:
            raise IncidentError(
                "the name of a source has a colon, which provenance puts between source and id",
                row=row,
                column="source",
                value=source,
                remedy="rename the source",
            )
        taken = None if pd.isna(provenance) else _parsed(provenance, row)
        fields.append(None if taken is None else _givers(taken))
        keys.append((record_key(source, incident_id),) if taken is None else tuple(sorted(taken)))
    named = [[source_of(key) for key in of_row] for of_row in keys]
    sources = tuple(sorted({source for of_row in named for source in of_row}))
    place = {source: at for at, source in enumerate(sources)}
    owns = np.zeros((len(keys), len(sources)), dtype=np.bool_)
    for at, of_row in enumerate(named):
        owns[at, [place[source] for source in of_row]] = True
    return Members(keys, fields, sources, owns)


def _parsed(text: str, row: int) -> dict[str, list[str]]:
    """The provenance of a merged row, checked to be one."""
    try:
        taken = json.loads(text)
    except ValueError:
        taken = None
    sound = (
        isinstance(taken, dict)
        and bool(taken)
        and all(
            ":" in key and isinstance(names, list) and all(isinstance(name, str) for name in names)
            for key, names in taken.items()
        )
    )
    if not sound or len({source_of(key) for key in taken}) < len(taken):
        raise IncidentError(
            "a provenance is not one that merging wrote",
            row=row,
            column="provenance",
            value=text,
            remedy='leave it empty, or write {"source:incident_id": ["field", ...], ...} with one '
            "record of a source",
        )
    found: dict[str, list[str]] = taken
    return found


def _givers(taken: dict[str, list[str]]) -> Fields:
    givers: dict[str, tuple[str, ...]] = {}
    for key in sorted(taken):
        for name in taken[key]:
            givers[name] = (*givers.get(name, ()), key)
    return givers


def provenance_text(taken: dict[str, list[str]]) -> str:
    """The provenance of a merged row, as the table holds it.

    Examples
    --------
    >>> provenance_text({"b:2": [], "a:1": ["date", "kind"]})
    '{"a:1":["date","kind"],"b:2":[]}'
    """
    return json.dumps(taken, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
