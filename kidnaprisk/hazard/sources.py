"""What the mixture is made of: recorded events and towns, turned from tables into numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, Ints, ecef_km
from kidnaprisk.hazard.area import Spans, day_number, gaps_between
from kidnaprisk.hazard.fading import Spoken, silences_of
from kidnaprisk.hazard.kernels import Places
from kidnaprisk.hazard.known import KIDNAPPING
from kidnaprisk.hazard.network import Network, reference_network
from kidnaprisk.hazard.pieces import days_since_1970
from kidnaprisk.hazard.places import fold
from kidnaprisk.incidents.coverage import DERIVED_NOTE, Coverage
from kidnaprisk.routes.borders import RegionIndex
from kidnaprisk.routes.towns import load_towns

RECORD_TEXT = (
    "incident_id", "source", "kind", "place", "country", "source_url", "region_id",
    "nationalities", "sector", "perpetrator", "outcome",
)  # fmt: skip
RECORD_DAYS = ("date", "date_end", "known_on", "outcome_date")
RECORD_NUMBERS = ("location_error_km", "lon", "lat", "victims", "foreign_victims")


class Records(NamedTuple):
    """r recorded events as numbers, in the order of a model's ``Places``.

    ``group`` is 0 for kidnappings and 1 for context events. From ``open_day`` to ``close_day`` the
    record's source speaks of its country: before, nothing was recorded; after, the record stands
    as it stood, since silence of a source that has ended is not news of safety. ``silence_row`` is
    the list of the ``Places``' silences that it keeps in between, when the record stands as well.
    """

    lon: Floats
    lat: Floats
    error_km: Floats
    event_day: Floats
    known_day: Ints
    group: Ints
    open_day: Ints
    close_day: Ints
    silence_row: Ints


class Towns(NamedTuple):
    """k towns sorted by ECEF z, and their shares, which sum to one."""

    lon: Floats
    lat: Floats
    population: Floats
    xyz: Floats
    share: Floats


def record_table(events: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> tuple[pd.DataFrame, Ints]:
    """What a model keeps of each record, (r,) rows, and the row of the region each lies in.

    The row is −1 for a record in none of the regions, and its ``region_id`` is missing.
    """
    table = pd.DataFrame(events.drop(columns="geometry")).reset_index(drop=True)
    table["lon"], table["lat"] = events.geometry.x.array, events.geometry.y.array
    region = RegionIndex(regions).locate(table["lon"].to_numpy(), table["lat"].to_numpy())
    names = pd.Series(regions["region_id"].to_numpy(dtype=object)[region], dtype="string")
    table["region_id"] = names.mask(region < 0)
    return table[[*RECORD_TEXT, *RECORD_DAYS, *RECORD_NUMBERS]], region


def fold_records(
    table: pd.DataFrame,
    coverage: Sequence[Coverage],
    last_day: int,
    parameters: Mapping[str, Any],
) -> tuple[Records, Places, Ints]:
    """Records of a :func:`record_table` as numbers, folded to places, and the row each was.

    ``coverage`` says from when to when each source speaks, and none speaks after ``last_day``.
    """
    first = days_since_1970(table["date"].to_numpy())
    last = days_since_1970(table["date_end"].to_numpy())
    known = days_since_1970(table["known_on"].to_numpy())
    error = table["location_error_km"].astype("Float64")
    unknown = float(parameters["unknown_location_error_km"])
    stated = _spoken_days(table, coverage)
    silence_row, silences = _silences(stated, known)
    records = Records(
        lon=table["lon"].to_numpy(dtype=np.float64),
        lat=table["lat"].to_numpy(dtype=np.float64),
        error_km=np.asarray(error.to_numpy(na_value=unknown), dtype=np.float64),
        # The middle of the window of days it may have happened on, but not after it was known.
        event_day=np.minimum(0.5 * (first + last), known).astype(np.float64),
        known_day=known,
        group=(table["kind"] != KIDNAPPING).to_numpy().astype(np.int64),
        # A record is news of its own day, whatever its source says of itself.
        open_day=np.minimum(stated.first, first),
        close_day=np.minimum(np.maximum(stated.last, known), last_day),
        silence_row=silence_row,
    )
    places, order = fold(
        *records[:5],
        table["incident_id"].to_numpy(dtype=str),
        records.group,
        Spoken(records.open_day, records.close_day, records.silence_row, silences),
        float(parameters["scales_km"][-1]),
        np.asarray(parameters["memories_days"], dtype=np.float64),
    )
    return Records._make(column[order] for column in records), places, order


class _Stated(NamedTuple):
    """When the source of each of r records says that it tells of its kind there: k ways of it."""

    first: Ints  # (r,)
    last: Ints  # (r,)
    way: Ints  # (r,)
    gaps: list[Spans]  # k, of days in between of which it tells nothing


def _spoken_days(table: pd.DataFrame, coverage: Sequence[Coverage]) -> _Stated:
    """First and last day, and the gaps in between, told of by each record's source.

    Sources that state no coverage speak for as long as any of them: that one of them told of
    nothing later does not say that it ended.
    """
    where = table[["source", "kind", "country", "region_id"]].astype("string").fillna("")
    key = pd.MultiIndex.from_frame(where)
    code, unique = pd.factorize(key)
    stated = {one.source for one in coverage if one.note != DERIVED_NOTE}
    begin = min((day_number(one.start) for one in coverage), default=0)
    finish = max((day_number(one.end) for one in coverage), default=0)
    first, last = np.full(len(unique), begin), np.full(len(unique), finish)
    gaps: list[Spans] = [()] * len(unique)
    for row, (source, kind, country, region_id) in enumerate(unique):
        spoken = [
            one
            for one in coverage
            if (one.source == source if source in stated else one.note == DERIVED_NOTE)
            and kind in one.kinds
            and (country in one.areas or region_id in one.areas)
        ]
        if spoken:
            first[row] = min(day_number(one.start) for one in spoken)
            last[row] = max(day_number(one.end) for one in spoken)
            gaps[row] = gaps_between(spoken)
    return _Stated(first[code], last[code], code, gaps)


def _silences(stated: _Stated, known_day: Ints) -> tuple[Ints, Ints]:
    """The list of silences that each record keeps, (r,), and those lists, (c, g, 2).

    A record is news of the day it was known, whatever its source says of itself.
    """
    lists, row = list(stated.gaps), stated.way.copy()
    heard = np.zeros(len(row), dtype=bool)
    for first, last in np.moveaxis(silences_of(lists), 0, 2):
        heard |= (first[row] <= known_day) & (known_day <= last[row])
    late = np.flatnonzero(heard)
    ways, way = np.unique(
        np.stack([row[late], known_day[late]], axis=1), axis=0, return_inverse=True
    )
    row[late] = len(lists) + way.ravel()
    lists += [_broken(stated.gaps[key], day) for key, day in ways.tolist()]
    distinct = sorted(set(lists))
    place = {one: i for i, one in enumerate(distinct)}
    at = np.array([place[one] for one in lists], dtype=np.int64)
    return at[row], silences_of(distinct)


def _broken(gaps: Spans, day: int) -> Spans:
    """Gaps, without one day."""
    parts = []
    for first, last in gaps:
        if first <= day <= last:
            parts += [(first, day - 1), (day + 1, last)]
        else:
            parts.append((first, last))
    return tuple(part for part in parts if part[0] <= part[1])


def town_sources(regions: gpd.GeoDataFrame, parameters: Mapping[str, Any]) -> tuple[Towns, Ints]:
    """Towns inside a set of regions, and the row of the region each lies in.

    Raises
    ------
    ModelError
        If there are fewer than two.
    """
    smallest = max(1, int(parameters["town_population"]))
    table = load_towns()
    table = table[table["population"] >= smallest]
    table = table[table["country"].isin(set(regions["country"]))]
    lon, lat = table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)
    region = RegionIndex(regions).locate(lon, lat)
    inside = region >= 0
    if inside.sum() < 2:
        raise ModelError(
            f"fewer than two towns of {smallest} people in the covered area",
            remedy="lower town_population, or cover more",
        )
    population = table["population"].to_numpy(np.float64)[inside]
    towns, order = weigh_towns(lon[inside], lat[inside], population, parameters)
    return towns, region[inside][order]


def weigh_towns(
    lon: Floats, lat: Floats, population: Floats, parameters: Mapping[str, Any]
) -> tuple[Towns, Ints]:
    """Towns sorted for search, each with its share of the towns' hazard, and their input rows."""
    xyz = ecef_km(lon, lat)
    order = np.lexsort((population, lat, lon, xyz[:, 2]))
    weight = population[order] ** float(parameters["town_exponent"])
    towns = Towns(
        lon[order],
        lat[order],
        population[order],
        np.ascontiguousarray(xyz[order]),
        weight / weight.sum(),
    )
    return towns, order


def network_inside(towns: Towns, regions: gpd.GeoDataFrame) -> Network:
    """The reference network over the towns, as far as it lies inside the regions."""
    network = reference_network(towns.lon, towns.lat)
    inside = RegionIndex(regions).locate(network.lon, network.lat) >= 0
    return Network(*(column[inside] for column in network))
