"""Writing what a store held to a file of its own: whole or not at all.

GeoParquet and the library's own CSV are read back by `read_incidents`; GeoPackage is for a GIS.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path

import geopandas as gpd
import pandas as pd

from kidnaprisk.errors import ConfigError, StoreError
from kidnaprisk.incidents.coverage import COVERAGE_ATTR, coverage_path, coverages_from, stem_of
from kidnaprisk.incidents.table import DAYS
from kidnaprisk.incidents.write import coverage_toml, write_incidents

LAYER = "incidents"


def export_incidents(
    incidents: gpd.GeoDataFrame, path: str | PathLike[str], *, overwrite: bool
) -> Path:
    """Write incidents to a file named by its ending, and their coverage beside it.

    Raises
    ------
    StoreError
        If the ending is another one, the file is there and may not be overwritten, or it cannot be
        written.
    ConfigError
        If GeoParquet is wanted and pyarrow is not installed.
    """
    path = Path(fspath(path))
    write = _writer(path)
    check_target(path, overwrite=overwrite)
    beside = coverage_path(path)
    aside = path.with_name(f".{stem_of(path)[:80]}.{secrets.token_hex(4)}")
    try:
        aside.mkdir()
        try:
            write(incidents, aside / path.name)
            told = aside / beside.name
            declared = coverages_from(incidents.attrs.get(COVERAGE_ATTR) or [])
            told.write_text(coverage_toml(declared), encoding="utf-8", newline="")
            # Between the old coverage and the new there is none: rows without one are a sample,
            # while the old one could say of the new rows that nothing happened.
            beside.unlink(missing_ok=True)
            (aside / path.name).replace(path)
            told.replace(beside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(
            f"the file cannot be written: {error.strerror or error}",
            file=path.name,
            remedy="check the folder, its rights and the room on its disk",
        ) from error
    return path


def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuse a target that is there, before anything is worked out.

    Raises
    ------
    StoreError
    """
    if path.is_dir():
        raise StoreError("the output is a folder", file=path.name, remedy="name a file inside it")
    if path.exists() and not overwrite:
        raise StoreError(
            "the file is there already", file=path.name, remedy="pass overwrite=True to replace it"
        )


def _writer(path: Path) -> Callable[[gpd.GeoDataFrame, Path], None]:
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return write_incidents
    if name.endswith(".parquet"):
        return _write_parquet
    if name.endswith(".gpkg"):
        return _write_geopackage
    raise StoreError(
        "incidents are not written in this format",
        file=path.name,
        remedy="name it .parquet, .gpkg, .csv or .csv.gz",
    )


def _write_parquet(incidents: gpd.GeoDataFrame, path: Path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "writing Parquet needs the package pyarrow",
            remedy='pip install "kidnaprisk[parquet]"',
        ) from error
    incidents.to_parquet(path, index=False)


def _write_geopackage(incidents: gpd.GeoDataFrame, path: Path) -> None:
    # Days as YYYY-MM-DD: as instants a GIS would shift them by its own time zone.
    days = {
        name: pd.Series(incidents[name].dt.strftime("%Y-%m-%d"), dtype="object") for name in DAYS
    }
    incidents.assign(**days).to_file(path, driver="GPKG", layer=LAYER, engine="pyogrio")
