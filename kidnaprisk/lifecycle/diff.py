"""What sets two versions of a model apart: their figures, and where the hazard moved.

Both are asked for the same days, those after the later of their as-of days, as if nothing more
became known: so the regions show what one in place of the other changes for whoever plans a trip
now. A region where only one of them speaks is told as such; it is no fall and no rise.

Not here: which of them is better (``contest``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from kidnaprisk.evaluation.frame import Frame, cut_frame
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.lifecycle.artifact import load_model, read_manifest

DAYS = 30
_CELL_DEGREES = 0.2
# About as far as the points of a cell lie apart: λ is taken as its mean over such a disc, so that
# no sharp peak falls between them.
_RADIUS_KM = 7.4
_LEAST_SHARE = 0.001


class Version(NamedTuple):
    """A version, loaded, with what its manifest says."""

    label: str
    model: KernelMixture
    manifest: dict[str, Any]


@dataclass(frozen=True)
class ModelDiff:
    """Two versions side by side.

    Attributes
    ----------
    name, a, b : str
        The model, and its two versions.
    day : date
        First of the ``days`` that both are asked for.
    days : int
    figures : DataFrame
        ``what, a, b``: days, counts, parameters, weights (0 of parts that explain under a
        thousandth of the incidents), dispersion, metrics, and the incidents expected in all
        regions where both speak. None where one of them has no such figure.
    regions : DataFrame
        ``region_id, name, country, a, b`` (incidents expected in those days, NaN where the version
        does not speak) and ``ratio`` (b ÷ a, NaN where one does not). Largest moves first, regions
        where one is silent last.
    """

    name: str
    a: str
    b: str
    day: dt.date
    days: int
    figures: pd.DataFrame
    regions: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON-able values; what is missing is None."""
        from kidnaprisk.reports.plain import plain_rows

        return {
            "name": self.name,
            "a": self.a,
            "b": self.b,
            "day": self.day.isoformat(),
            "days": self.days,
            "figures": plain_rows(self.figures),
            "regions": plain_rows(self.regions),
        }

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the comparison as one page of HTML, with a map of where the hazard moved.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        from kidnaprisk.reports.model_diff import model_diff_html
        from kidnaprisk.reports.writing import write_text

        write_text(Path(path), model_diff_html(self.to_dict()))


def diff_versions(a: Path, b: Path) -> ModelDiff:
    """Compare the versions of two folders.

    Raises
    ------
    ArtifactError
        If one of them is not sound.
    CoverageError
        If they cover no two towns: there is nothing to compare on.
    """
    first, second = (Version(path.name, load_model(path), read_manifest(path)) for path in (a, b))
    day = max(one.model.as_of_.date() for one in (first, second)) + dt.timedelta(days=1)
    regions = _regions(first.model, second.model, day)
    both = regions.dropna(subset=["a", "b"])
    figures = [_figures(one) for one in (first, second)]
    expected = f"incidents expected in {DAYS} days where both speak"
    for one, side in zip(figures, ("a", "b"), strict=True):
        one[expected] = float(both[side].sum()) if len(both) else None
    rows = [
        (what, *(_shown(one.get(what)) for one in figures))
        for what in dict.fromkeys(_keys(figures))
        if not (what.startswith("weight:") and not any(one.get(what) for one in figures))
    ]
    return ModelDiff(
        name=b.parent.name,
        a=first.label,
        b=second.label,
        day=day,
        days=DAYS,
        figures=pd.DataFrame(rows, columns=["what", "a", "b"], dtype=object),
        regions=regions,
    )


def _keys(figures: list[dict[str, Any]]) -> Iterator[str]:
    """What either tells of, in an order that keeps like beside like."""
    first, second = figures
    groups = list(dict.fromkeys(what.partition(":")[0] for one in figures for what in one))
    for group in groups:
        for one in (first, second):
            yield from (what for what in one if what.partition(":")[0] == group)


def _figures(version: Version) -> dict[str, Any]:
    model, manifest = version.model, version.manifest
    described = model.describe()
    figures: dict[str, Any] = {
        "as of": manifest["facts"]["as_of"],
        "hazard stands still after": described["origin"].isoformat(),
        "written by kidnaprisk": manifest["library"].get("kidnaprisk"),
        "kidnappings": described["incidents"],
        "context events": described["context_events"],
    }
    figures |= {f"records: {source}": count for source, count in manifest["sources"].items()}
    figures["covered regions"] = len(model.covered_regions_)
    figures["covered area, km²"] = model.covered_area_km2_
    figures |= {
        f"parameter: {key}": value for key, value in manifest["facts"]["parameters"].items()
    }
    for row in model.explain().to_dict("records"):
        told = ((row["scale_km"], "km"), (row["memory_days"], "days"))
        parts = [row["part"], *(f"{value:g} {unit}" for value, unit in told if not pd.isna(value))]
        told_of = row["share"] >= _LEAST_SHARE
        figures[f"weight: {', '.join(parts)}"] = row["weight"] if told_of else 0.0
    figures["dispersion of past forecasts"] = model.dispersion_
    return figures | {f"metric: {key}": value for key, value in _flat(manifest["metrics"])}


def _flat(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in told.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _shown(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _regions(a: KernelMixture, b: KernelMixture, day: dt.date) -> pd.DataFrame:
    """Incidents that each expects by region, where either speaks."""
    ids = np.union1d(a.covered_regions_, b.covered_regions_)
    frame = cut_frame((Coverage("either", tuple(ids.tolist()), day, day, True),), _CELL_DEGREES)
    table = pd.DataFrame(frame.regions[["region_id", "name", "country"]])
    table["a"], table["b"] = (_expected(model, frame, day) for model in (a, b))
    table["ratio"] = table["b"] / table["a"]
    order = (table["b"] - table["a"]).abs().sort_values(ascending=False, kind="stable")
    return table.loc[order.index].reset_index(drop=True)


def _expected(model: KernelMixture, frame: Frame, day: dt.date) -> Floats:
    points = frame.places().iloc[: len(frame.point_lon)]
    noon = pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=12)
    hazard = model.intensity(points, noon, _RADIUS_KM) * frame.point_km2 * DAYS
    return np.bincount(frame.point_region, hazard, len(frame.regions)).astype(np.float64)
