"""GeoPackage, FlatGeobuf and shapefile, read by GDAL through pyogrio, every layer.

The bytes are checked to be the format they pass for before GDAL sees them: it would otherwise
try all its drivers, some of which follow links to other files and hosts.
"""

from __future__ import annotations

import warnings
from pathlib import PurePosixPath
from typing import Any

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError
from pyproj.exceptions import ProjError
from shapely.errors import ShapelyError

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.formats.archive import members, zipped
from kidnaprisk.routes.formats.geojson import NAME_KEYS
from kidnaprisk.routes.formats.memory import found_in_table
from kidnaprisk.routes.found import Asked, Found

GPKG_MAGIC = b"SQLite format 3\x00"
FGB_MAGIC = b"fgb\x03fgb"
SHP_MAGIC = b"\x00\x00\x27\x0a"
_SHP_HEADER = 100
_DBF_FIELDS = ((4, 8), (8, 10), (10, 12))
_UNREADABLE = (
    DataLayerError,
    DataSourceError,
    FieldError,
    GeometryError,
    ProjError,
    ShapelyError,
    UnicodeError,
    UnboundLocalError,  # what pyogrio 0.13 makes of a CRS that is not UTF-8
)
SHP_FAMILY = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def read_gpkg(data: bytes, asked: Asked) -> Found:
    """Lines of every layer of a GeoPackage."""
    return _read(data, GPKG_MAGIC, "a GeoPackage", asked)


def read_fgb(data: bytes, asked: Asked) -> Found:
    """Lines of a FlatGeobuf file."""
    return _read(data, FGB_MAGIC, "FlatGeobuf", asked)


def read_zipped_shp(data: bytes, asked: Asked) -> Found:
    """Lines of every shapefile in a zip archive.

    Raises
    ------
    RouteError
        If it is not a shapefile, or its index (.shx) is missing.
    """
    by_stem: dict[str, dict[str, bytes]] = {}
    for name, content in members(data, SHP_FAMILY).items():
        path = PurePosixPath(name.replace("\\", "/"))
        by_stem.setdefault(str(path.with_suffix("")), {})[path.suffix.lower()] = content
    found = Found()
    for stem, files in by_stem.items():
        if ".shp" in files:
            found.extend(_read_shp(PurePosixPath(stem).name, files, asked))
    return found


def _read_shp(stem: str, files: dict[str, bytes], asked: Asked) -> Found:
    if not files[".shp"].startswith(SHP_MAGIC):
        raise RouteError("this is not a shapefile", remedy="export it again")
    if ".shx" not in files:
        raise RouteError(
            "the shapefile's index (.shx) is missing",
            remedy="keep the .shp, .shx, .dbf and .prj files together, or zip them",
        )
    _check_whole(files)
    archive = zipped({f"{stem or 'lines'}{suffix}": data for suffix, data in files.items()})
    return _layers(archive, "a shapefile", asked)


def _check_whole(files: dict[str, bytes]) -> None:
    # GDAL reads the lines that are left of a shapefile cut short, and says nothing.
    for suffix in (".shp", ".shx"):
        stated = 2 * int.from_bytes(files[suffix][24:28], "big")
        if len(files[suffix]) < max(stated, _SHP_HEADER):
            raise _cut_short(f"the {suffix} file of the shapefile")
    dbf = files.get(".dbf")
    if dbf is not None:
        rows, header, row = (int.from_bytes(dbf[a:b], "little") for a, b in _DBF_FIELDS)
        if len(dbf) < header + rows * row:
            raise _cut_short("the .dbf file of the shapefile")


def _cut_short(what: str) -> RouteError:
    return RouteError(f"{what} is cut short", remedy="copy or export it again, whole")


def _read(data: bytes, magic: bytes, what: str, asked: Asked) -> Found:
    if not data.startswith(magic):
        raise RouteError(f"this is not {what}", remedy="check the file, or leave format= out")
    return _layers(data, what, asked)


def _layers(data: bytes, what: str, asked: Asked) -> Found:
    found = Found()
    try:
        with warnings.catch_warnings():
            # What GDAL and pyogrio warn of, such as dropped measures, concerns no coordinate kept.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("ignore", UserWarning)
            for layer, kind in pyogrio.list_layers(data):
                if kind is not None:
                    found.extend(found_in_table(_table(data, layer), asked, (str(layer),)))
    except _UNREADABLE as error:
        raise RouteError(
            f"this cannot be read as {what}", remedy="export it again", value=type(error).__name__
        ) from None
    return found


def _table(data: bytes, layer: str) -> Any:
    info = pyogrio.read_info(data, layer=layer)
    names = [str(field) for field in info["fields"] if str(field).casefold() in NAME_KEYS]
    table = pyogrio.read_dataframe(data, layer=layer, columns=names)
    # Formats that do not know their count say -1.
    if len(table) < int(info["features"]):
        raise _cut_short("the file")
    return table
