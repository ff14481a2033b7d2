"""An old version made again, from the store's history: the same hashes, or what differs.

A manifest says what the model was made of: the day, the last import read, whether events were
merged, the parameters, the coverage. The store forgets nothing, so the same table can be had again,
and the same table gives the same bytes.

Not here: publishing what was rebuilt.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

import geopandas as gpd
import pandas as pd

from kidnaprisk.errors import ArtifactError
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.incidents.coverage import Coverage
from kidnaprisk.incidents.store import IncidentStore
from kidnaprisk.lifecycle.artifact import DEFAULT_NAME, read_manifest, save_model
from kidnaprisk.lifecycle.registry import Registry

_RECIPE = {"store_day", "store_import", "merged", "coverage_stated"}


@dataclass(frozen=True)
class Rebuilt:
    """What making a version again gave.

    Attributes
    ----------
    name, version : str
        What was asked for.
    rebuilt : str
        The version that came out: the same, if all is well.
    same : bool
        Whether the version and every file are the same to the byte.
    differing : tuple of str
        Files and facts that are not.
    libraries : tuple of str
        Libraries that are installed in another version than the model was written with.
    """

    name: str
    version: str
    rebuilt: str
    same: bool
    differing: tuple[str, ...]
    libraries: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON-able values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


def recipe_of(
    store: IncidentStore, day: dt.date, *, merged: bool, coverage_stated: bool = False
) -> dict[str, Any]:
    """What is to be written down of a table, so that it can be had again.

    Parameters
    ----------
    store : IncidentStore
    day : date
        The day that the store is read as of.
    merged : bool
        Whether one event is one row.
    coverage_stated : bool
        Whether the model is told its coverage, and not left to what the records say.
    """
    imports = store.status().imports
    there = imports[imports["day"] <= pd.Timestamp(day)]
    return {
        "store_day": day.isoformat(),
        "store_import": int(there["id"].max()) if len(there) else 0,
        "merged": merged,
        "coverage_stated": coverage_stated,
    }


def table_for(store: IncidentStore, recipe: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """The table a recipe tells of.

    Raises
    ------
    CoverageError, StoreError
        If the store does not hold it.
    """
    return store.as_of(recipe["store_day"], through=recipe["store_import"], merged=recipe["merged"])


def rebuild(
    root: str | PathLike[str],
    name: str,
    version: str | None,
    store_url: str | PathLike[str],
) -> Rebuilt:
    """Make a version again from the store, aside, and compare it.

    Parameters
    ----------
    root : path
        Folder of models.
    name : str
    version : str, optional
        The current one if not given.
    store_url : str or path
        The store it was made from.

    Returns
    -------
    Rebuilt

    Raises
    ------
    ArtifactError
        If there is no such version, or it does not say what it was made of.
    CoverageError, StoreError
        If the store does not hold what it was made of.
    """
    folder = Registry(root).path(version, name or DEFAULT_NAME)
    manifest = read_manifest(folder)
    recipe, facts = manifest["recipe"], manifest["facts"]
    if not recipe.keys() >= _RECIPE:
        raise ArtifactError(
            "the model does not say what it was made of", file=folder,
            remedy="only models of kidnaprisk retrain can be rebuilt from a store",
        )  # fmt: skip
    with IncidentStore(store_url) as store:
        table = table_for(store, recipe)
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in facts["parameters"].items()
    }
    if recipe["coverage_stated"]:
        given["coverage"] = tuple(Coverage.from_dict(one) for one in facts["coverage"])
    model = KernelMixture(**given).fit(table, as_of=facts["as_of"])
    with tempfile.TemporaryDirectory() as aside:
        again = save_model(model, aside, name, recipe=recipe)
        now = read_manifest(again)
    return Rebuilt(
        name=name,
        version=folder.name,
        rebuilt=again.name,
        same=again.name == folder.name and now["files"] == manifest["files"],
        differing=_differing(manifest, now),
        libraries=tuple(
            f"{library}: {version} then, {now['library'].get(library)} now"
            for library, version in sorted(manifest["library"].items())
            if now["library"].get(library) != version
        ),
    )


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Files, and facts of the manifest, that are not the same."""
    files = sorted(
        one
        for one in {*then["files"], *now["files"]}
        if then["files"].get(one) != now["files"].get(one)
    )
    told = {key for key in then if key not in ("files", "library", "metrics", "seal")}
    return (*files, *sorted(k for k in told if json.dumps(then[k]) != json.dumps(now.get(k))))
