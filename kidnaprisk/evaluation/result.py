"""What a backtest found: its parameters and its tables, to read, to plot and to keep."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from kidnaprisk.errors import ConfigError, StoreError

TABLES = (
    "scores", "comparisons", "windows", "regions", "reliability", "gains", "coverage", "trips",
    "trip_bands",
)  # fmt: skip


@dataclass(frozen=True)
class BacktestResult:
    """What a backtest found.

    Attributes
    ----------
    parameters : dict
        Everything that decides the figures: data, days, options, models and notes.
    scores : DataFrame
        A row a model: log score and information gain over an even rate (nats per incident), number
        tests, spatial test, CRPS, hit rates and PAI by area and by road, calibration line, n.
    comparisons : DataFrame
        A row a pair: nats per incident by which the model is better than the reference, with its
        95 % interval from resampled windows, n.
    windows, regions : DataFrame
        Expected beside observed, by model and window, by model and region.
    reliability, gains : DataFrame
        The points of the reliability plot and of the gain curves.
    coverage : DataFrame
        How often intervals held what they say.
    trips, trip_bands : DataFrame
        Calibration of virtual trips: in all and by region; rates of encounters by band.

    Notes
    -----
    A figure that is not defined is missing, never 0.
    """

    parameters: dict[str, Any]
    scores: pd.DataFrame
    comparisons: pd.DataFrame
    windows: pd.DataFrame
    regions: pd.DataFrame
    reliability: pd.DataFrame
    gains: pd.DataFrame
    coverage: pd.DataFrame
    trips: pd.DataFrame
    trip_bands: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-able values: tables as lists of rows, missing figures as None."""
        return {"parameters": self.parameters} | {
            name: [
                {str(key): _plain(value) for key, value in row.items()}
                for row in getattr(self, name).to_dict("records")
            ]
            for name in TABLES
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The result as JSON text, written to ``path`` as well if one is given.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        if path is not None:
            try:
                Path(path).write_text(f"{text}\n", encoding="utf-8")
            except OSError as error:
                raise StoreError(
                    f"the output cannot be written: {error.strerror}", file=Path(path).name,
                    remedy="name a file in a folder that exists and may be written to",
                ) from None  # fmt: skip
        return text

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The result that :meth:`to_json` wrote.

        Raises
        ------
        ConfigError
            If the text is not a result.
        """
        try:
            stored = json.loads(text)
            tables = {name: pd.DataFrame(stored[name]) for name in TABLES}
            return cls(parameters=dict(stored["parameters"]), **tables)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"this is not the result of a backtest: {error}", remedy="run the backtest again"
            ) from None


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
