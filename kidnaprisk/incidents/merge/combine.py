"""One row of what several records tell of one event: the best of each field, and whose it is.

The record that is placed best leads: its position, country, region and id are taken, and what it
leaves out comes from the next best. Dates, counts, kind, outcome and addresses have rules of their
own, each in the function of its name. Why these rules: docs/merging.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import IncidentError
from kidnaprisk.geodesy import Ints
from kidnaprisk.incidents.merge.members import (
    Members,
    keyed_incidents,
    members_of,
    provenance_text,
    source_of,
)
from kidnaprisk.incidents.merge.names import group_named
from kidnaprisk.incidents.table import COLUMNS

# One record, column by column, None where missing.
Record = dict[str, Any]
# A value, and the records of the event that give it.
Taken = tuple[Any, list[Record]]

_OF_THE_LEADER = ("incident_id", "source", "country", "location_error_km", "geometry")
# Words that give way to one that says more.
_VAGUE = {"sector": ("civilian", "other"), "demand": ("none_reported",)}
_UNSETTLED = ("held", "partly_released")


def combine_incidents(
    incidents: gpd.GeoDataFrame, event: pd.Series | Sequence[int]
) -> gpd.GeoDataFrame:
    """One row for each event, with the best of each field.

    Parameters
    ----------
    incidents : GeoDataFrame
        n rows, an incident table as `validate_incidents` takes it; ids need only be unique within
        a source.
    event : Series or array-like (n,)
        The same label in rows of one event, as `link_incidents` gives them or as a person set them.

    Returns
    -------
    GeoDataFrame
        An incident table, one row an event, sorted by date, source and id, without attrs. A row of
        several records has the ``source`` and ``incident_id`` of the one that is placed best, and
        a ``provenance``.

    Raises
    ------
    IncidentError
        If the table is not valid, there is not one label a row, or one event is given two records
        of one source.

    Examples
    --------
    >>> from kidnaprisk.incidents.read import load_catalogue
    >>> catalogue = load_catalogue().head(2)
    >>> two = pd.concat([catalogue, catalogue.assign(source="mine", victims=50)], ignore_index=True)
    >>> combine_incidents(two, [0, 1, 0, 1])["victims"].tolist()
    [50, 50]
    """
    rows = keyed_incidents(incidents)
    aligned = not isinstance(event, pd.Series) or event.index.equals(incidents.index)
    if len(event) != len(rows) or not aligned or pd.isna(pd.Series(event)).any():
        raise IncidentError(
            "there is not one event label for each row",
            column="event",
            remedy="give the labels link_incidents gives for this very table",
        )
    label = pd.factorize(np.asarray(event))[0].astype(np.int64)
    check_one_of_a_source(members_of(rows), label)
    return finished(combined_rows(rows, label))


def check_one_of_a_source(members: Members, label: Ints) -> None:
    """Refuse labels (n,) by which one event has two records of one source.

    Raises
    ------
    IncidentError
    """
    together: dict[int, set[str]] = {}
    for of_row, at in zip(members.keys, label.tolist(), strict=True):
        together.setdefault(at, set()).update(of_row)
    for keys in together.values():
        if len({source_of(key) for key in keys}) < len(keys):
            raise IncidentError(
                f"{' and '.join(sorted(keys))} are said to be one event, and two of them are "
                "records of one source",
                column="provenance",
                remedy="a source tells each event once: merge the sources' own tables, and not "
                "tables that were merged apart",
            )


def combined_rows(rows: gpd.GeoDataFrame, label: Ints) -> gpd.GeoDataFrame:
    """Rows (n) of a canonical table as one row a label, in the order of labels 0 to m - 1."""
    if not len(label) or np.bincount(label).max() == 1:
        return rows.iloc[np.argsort(label)].reset_index(drop=True)
    several = np.flatnonzero(np.bincount(label)[label] > 1)
    members = members_of(rows.iloc[several])
    groups: dict[int, list[Record]] = {}
    for record, at in zip(_records(rows.iloc[several], members), label[several], strict=True):
        groups.setdefault(int(at), []).append(record)
    combined = {at: _combined(records) for at, records in groups.items()}
    leader = np.empty(int(label.max()) + 1, dtype=np.int64)
    leader[label] = np.arange(len(label))
    for at, (position, _) in combined.items():
        leader[at] = several[position]
    events = rows.iloc[leader].reset_index(drop=True)
    where = np.array(sorted(combined), dtype=np.int64)
    for name in COLUMNS:
        if name in _OF_THE_LEADER:
            continue
        values = [combined[at][1][name] for at in where.tolist()]
        column = events[name].copy()
        column.iloc[where] = pd.Series(values, dtype=column.dtype).array
        events[name] = column
    return events


def _records(rows: gpd.GeoDataFrame, members: Members) -> list[Record]:
    columns: dict[str, list[Any]] = {
        name: rows[name].astype("object").where(rows[name].notna(), None).tolist()
        for name in COLUMNS
    }
    columns["position"] = list(range(len(rows)))
    columns["keys"], columns["fields"] = list(members.keys), list(members.fields)
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _combined(records: list[Record]) -> tuple[int, Record]:
    """Position of the leading record, and the columns of the row that tells of all."""
    records = sorted(_newest_of_each(records), key=_how_well_placed)
    lead = records[0]
    if len(records) == 1:
        return lead["position"], lead
    here = [record for record in records if record["country"] == lead["country"]]
    date = _dates(records)
    taken: dict[str, Taken] = {
        **{name: (lead[name], [lead]) for name in _OF_THE_LEADER},
        **date,
        "known_on": _earliest(records, date["date"][0]),
        **_kind(records),
        "admin1": _first(here, "admin1"),
        "place": _first(here, "place"),
        **{name: _first(records, name, _telling(name)) for name in ("setting", "sector", "demand")},
        "ransom_usd": _first(records, "ransom_usd"),
        "perpetrator": _first(records, "perpetrator", lambda name: any(group_named(name))),
        **_counts(records),
        **_outcome(records, date["date"][0]),
        "nationalities": _all_of(records, "nationalities"),
        "source_url": _all_of(records, "source_url"),
    }
    row: Record = {name: value for name, (value, _) in taken.items()}
    row["provenance"] = _provenance(records, taken)
    return lead["position"], row


def _newest_of_each(records: list[Record]) -> list[Record]:
    """One row of each record: the newest revision, known since the first could be read."""
    revisions: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        revisions.setdefault(record["keys"], []).append(record)
    newest = []
    for rows in revisions.values():
        last = max(rows, key=_how_new)
        known_on, _ = _earliest(rows, last["date"])
        newest.append({**last, "known_on": known_on})
    return newest


def _how_new(record: Record) -> tuple[Any, ...]:
    """Order of revisions: by the day they were known, then by how much they tell."""
    cells = [record[name] for name in COLUMNS]
    return record["known_on"], sum(cell is not None for cell in cells), [str(x) for x in cells]


def _how_well_placed(record: Record) -> tuple[Any, ...]:
    """Order of records: smallest location error, then narrowest window, then known first."""
    error_km = record["location_error_km"]
    return (
        math.inf if error_km is None else error_km,
        record["date_end"] - record["date"],
        record["known_on"],
        record["keys"],
    )


def _first(
    records: list[Record], name: str, telling: Callable[[Any], bool] = lambda _: True
) -> Taken:
    """The value of the best placed record that gives one, a telling one if there is any."""
    given = [record for record in records if record[name] is not None]
    for record in [*(one for one in given if telling(one[name])), *given]:
        return record[name], [record]
    return None, []


def _telling(name: str) -> Callable[[Any], bool]:
    vague = _VAGUE.get(name, ())
    return lambda word: word not in vague


def _dates(records: list[Record]) -> dict[str, Taken]:
    """The narrowest window of those that overlap the most others, not a window of no record."""

    def order(record: Record) -> tuple[Any, ...]:
        overlapping = sum(
            record["date"] <= other["date_end"] and other["date"] <= record["date_end"]
            for other in records
        )
        return -overlapping, record["date_end"] - record["date"]

    best = min(records, key=order)
    return {name: (best[name], [best]) for name in ("date", "date_end")}


def _earliest(records: list[Record], date: Any) -> Taken:
    """The first day any record could be read, of those not before the event."""
    best = min((one for one in records if one["known_on"] >= date), key=lambda one: one["known_on"])
    return best["known_on"], [best]


def _kind(records: list[Record]) -> dict[str, Taken]:
    """Kidnapping if any record says so, by a source's own code rather than a note's words."""
    taken_away = [record for record in records if record["kind"] == "kidnapping"]
    said = [*(one for one in taken_away if not one["kind_from_text"]), *taken_away, *records][0]
    return {name: (said[name], [said]) for name in ("kind", "kind_from_text")}


def _counts(records: list[Record]) -> dict[str, Taken]:
    """The largest count of victims: a source about some of them counts only those."""
    counted = [record for record in records if record["victims"] is not None]
    taken_away = [record for record in counted if record["kind"] == "kidnapping"]
    most = max(taken_away or counted, key=lambda record: record["victims"], default=None)
    victims: Taken = (None, []) if most is None else (most["victims"], [most])
    limit = math.inf if most is None else most["victims"]
    foreign = [one for one in records if one["foreign_victims"] is not None]
    foreign = [one for one in foreign if one["foreign_victims"] <= limit]
    if most is not None and most["foreign_victims"] is not None:
        foreign = [most]
    best = max(foreign, key=lambda record: record["foreign_victims"], default=None)
    others: Taken = (None, []) if best is None else (best["foreign_victims"], [best])
    return {"victims": victims, "foreign_victims": others}


def _outcome(records: list[Record], date: Any) -> dict[str, Taken]:
    """The latest outcome; one that ends the matter before one that does not."""

    def order(record: Record) -> tuple[Any, ...]:
        day = record["outcome_date"]
        unsettled = record["outcome"] is None or record["outcome"] in _UNSETTLED
        return unsettled, day is None, 0 if day is None else -day.value

    told = [one for one in records if one["outcome"] is not None or one["outcome_date"] is not None]
    best = min(told, key=order, default=None)
    if best is None:
        return {"outcome": (None, []), "outcome_date": (None, [])}
    day = best["outcome_date"]
    return {
        "outcome": (best["outcome"], [best]),
        "outcome_date": (None, []) if day is None or day < date else (day, [best]),
    }


def _all_of(records: list[Record], name: str) -> Taken:
    """Every code or address given, sorted, and who gave any."""
    giving = [record for record in records if record[name] is not None]
    parts = {part.strip() for record in giving for part in record[name].split(";")} - {""}
    return (";".join(sorted(parts)) or None), giving


def _provenance(records: list[Record], taken: dict[str, Taken]) -> str:
    told: dict[str, list[str]] = {key: [] for record in records for key in record["keys"]}
    for name in COLUMNS:
        value, givers = taken.get(name, (None, []))
        if value is None:
            continue
        keys = {key for record in givers for key in _whose(record, name)}
        for key in keys:
            told[key].append(name)
    return provenance_text(told)


def _whose(record: Record, name: str) -> tuple[str, ...]:
    """The records a row has a field from: itself, unless it was merged before."""
    fields = record["fields"]
    whose: tuple[str, ...] = record["keys"] if fields is None else fields.get(name, ())
    return whose


def finished(events: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Events (m) in order, each with an id that no other has.

    An id stays as its source gave it, unless another event has the same: then each of them becomes
    ``source:incident_id``, and the row's provenance keeps the source's own.
    """
    order = ["date", "date_end", "source", "incident_id"]
    events = events.sort_values(order, ignore_index=True)
    ids, changed = events["incident_id"], np.zeros(len(events), dtype=np.bool_)
    whole = events["source"] + ":" + ids
    while (clash := ids.duplicated(keep=False).to_numpy() & ~changed).any():
        ids, changed = ids.where(~clash, whole), changed | clash
    events["incident_id"] = ids
    for at in np.flatnonzero(changed & events["provenance"].isna().to_numpy()).tolist():
        given = events.columns[events.iloc[at].notna()].tolist()
        events.loc[at, "provenance"] = provenance_text({whole[at]: given})
    return events
