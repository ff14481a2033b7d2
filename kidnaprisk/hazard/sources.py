"""What the mixture is made of: recorded kidnappings and towns, turned from tables into numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, Ints, ecef_km
from kidnaprisk.hazard.kernels import Places
from kidnaprisk.hazard.network import Network, reference_network
from kidnaprisk.hazard.pieces import days_since_1970
from kidnaprisk.hazard.places import fold
from kidnaprisk.hazard.training import Records, Towns
from kidnaprisk.routes.borders import RegionIndex
from kidnaprisk.routes.towns import load_towns

RECORD_TEXT = ("incident_id", "source", "place", "country", "source_url", "region_id")
RECORD_DAYS = ("date", "date_end", "known_on")
RECORD_NUMBERS = ("location_error_km", "lon", "lat")


def record_table(
    kidnappings: gpd.GeoDataFrame, regions: gpd.GeoDataFrame
) -> tuple[pd.DataFrame, Ints]:
    """What a model keeps of each record, (r,) rows, and the row of the region each lies in.

    The row is −1 for a record in none of the regions, and its ``region_id`` is missing.
    """
    table = pd.DataFrame(kidnappings.drop(columns="geometry")).reset_index(drop=True)
    table["lon"], table["lat"] = kidnappings.geometry.x.array, kidnappings.geometry.y.array
    region = RegionIndex(regions).locate(table["lon"].to_numpy(), table["lat"].to_numpy())
    names = pd.Series(regions["region_id"].to_numpy(dtype=object)[region], dtype="string")
    table["region_id"] = names.mask(region < 0)
    return table[[*RECORD_TEXT, *RECORD_DAYS, *RECORD_NUMBERS]], region


def fold_records(
    table: pd.DataFrame, parameters: Mapping[str, Any]
) -> tuple[Records, Places, Ints]:
    """Records of a :func:`record_table` as numbers, folded to places, and the row each was."""
    first = days_since_1970(table["date"].to_numpy())
    last = days_since_1970(table["date_end"].to_numpy())
    known = days_since_1970(table["known_on"].to_numpy())
    error = table["location_error_km"].astype("Float64")
    unknown = float(parameters["unknown_location_error_km"])
    records = Records(
        lon=table["lon"].to_numpy(dtype=np.float64),
        lat=table["lat"].to_numpy(dtype=np.float64),
        error_km=np.asarray(error.to_numpy(na_value=unknown), dtype=np.float64),
        # The middle of the window of days it may have happened on, but not after it was known.
        event_day=np.minimum(0.5 * (first + last), known).astype(np.float64),
        known_day=known,
    )
    places, order = fold(
        *records,
        table["incident_id"].to_numpy(dtype=str),
        float(parameters["scales_km"][-1]),
        np.asarray(parameters["memories_days"], dtype=np.float64),
    )
    return Records._make(column[order] for column in records), places, order


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
        float(parameters["town_scale_km"]),
    )
    return towns, order


def network_inside(towns: Towns, regions: gpd.GeoDataFrame) -> Network:
    """The reference network over the towns, as far as it lies inside the regions."""
    network = reference_network(towns.lon, towns.lat)
    inside = RegionIndex(regions).locate(network.lon, network.lat) >= 0
    return Network(*(column[inside] for column in network))
