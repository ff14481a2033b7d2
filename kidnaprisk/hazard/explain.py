"""Why a mixture says what it says: its parts with their weights, and what speaks at a place.

Nothing here estimates anything: a mixture is a sum, and these are its terms.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.pieces import Pieces, utc_instants

if TYPE_CHECKING:
    from kidnaprisk.hazard.mixture import KernelMixture

GROUPS = ("kidnappings", "context events")
FAMILIES = ("blurred by location error", "at the place recorded")
PART_COLUMNS = ("part", "scale_km", "memory_days", "weight", "share")


def parts_of(model: KernelMixture) -> pd.DataFrame:
    """Parts of a fitted mixture, one row each.

    Returns
    -------
    DataFrame
        ``part``; ``scale_km`` and ``memory_days``, missing where a part has none; ``weight``:
        incidents expected to follow one record, or incidents a day of towns and floor; ``share`` of
        the incidents that the mixture expected in the months it was learned on. Shares sum to one.
    """
    rows: list[tuple[str, float, float, float]] = []
    for g, of_group in enumerate(model.weights_):
        for f, of_family in enumerate(of_group):
            for scale, of_scale in zip(model.scales_km, of_family, strict=True):
                for memory, weight in zip(model.memories_days, of_scale, strict=True):
                    part = f"{GROUPS[g]} {FAMILIES[f]}"
                    rows.append((part, float(scale), float(memory), float(weight)))
    for scale, weight in zip(model.town_scales_km, model.town_weights_, strict=True):
        rows.append(("towns", float(scale), np.nan, float(weight)))
    rows.append(("even floor", np.nan, np.nan, model.floor_weight_))
    table = pd.DataFrame(rows, columns=list(PART_COLUMNS[:-1]))
    explained = table["weight"].to_numpy() * model.unit_expected_
    return table.assign(share=explained / explained.sum())


def speaking_at(model: KernelMixture, points: gpd.GeoSeries, when: object) -> pd.DataFrame:
    """What speaks at one place and instant, most first: records, then towns and floor together.

    Returns
    -------
    DataFrame
        ``incident_id``, ``kind``, ``date``, ``place``, ``country``, ``source``, ``distance_km``;
        ``intensity``, incidents per km² per day; ``share`` of λ. The last row, without an
        ``incident_id``, is what towns and the floor add. Intensities sum to λ.

    Raises
    ------
    ModelError
        If the place is not covered at that instant.
    """
    lon, lat = points.x.to_numpy(), points.y.to_numpy()
    at = np.stack([lon, lat], axis=1)
    # A day on a disc of 1 km, then per km²: the mean over it, as exposure takes it.
    pieces = Pieces(at, at, np.full(1, 24.0 / np.pi), utc_instants(when, 1), 1.0)
    evidence = model.evidence(pieces, np.zeros(1, dtype=np.int64), 1)
    total = float(evidence.expected[0])
    if math.isnan(total):
        raise ModelError(
            "the point is not covered then: what speaks there is unknown",
            remedy="ask about a place and a day that the model covers",
        )
    rows = np.flatnonzero(evidence.of_record > 0.0)
    records = model.records_.iloc[rows]
    columns = ["incident_id", "kind", "date", "place", "country", "source"]
    spoken = records[columns].assign(
        distance_km=_distance_km(lon[0], lat[0], records), intensity=evidence.of_record[rows]
    )
    spoken = spoken.sort_values(["intensity", "incident_id"], ascending=[False, True])
    rest: dict[str, Any] = {"intensity": [total - float(evidence.of_record.sum())]}
    table = pd.concat([spoken, pd.DataFrame(rest)], ignore_index=True)
    return table.assign(share=table["intensity"] / total)


def _distance_km(lon: float, lat: float, records: pd.DataFrame) -> Any:
    from kidnaprisk.geodesy import inverse

    n = len(records)
    _, km = inverse(
        np.full(n, lon), np.full(n, lat),
        records["lon"].to_numpy(np.float64), records["lat"].to_numpy(np.float64),
    )  # fmt: skip
    return km
