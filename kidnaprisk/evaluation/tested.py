"""What a backtest hands to its summary: forecasts by window and model, and what then happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd

from kidnaprisk.evaluation.forecast import Forecast
from kidnaprisk.evaluation.frame import Frame, Happened, Mask, Windows
from kidnaprisk.evaluation.virtual_trips import VirtualTrips

# Of the intervals that are judged.
LEVELS = (0.8, 0.9)


class Tested(NamedTuple):
    """Forecasts of windows by model, and what then happened.

    ``covered`` (w, r) is where the records cover the whole window; ``models`` are those under test,
    the baselines left out; ``trips`` holds one set a window forecast, or none.
    """

    frame: Frame
    windows: Windows
    covered: Mask
    answers: dict[int, dict[str, Forecast]]
    models: list[str]
    trips: Mapping[int, VirtualTrips]
    kidnappings: gpd.GeoDataFrame
    happened: Happened
    seed: int
