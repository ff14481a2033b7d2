"""Which format some bytes are in: told from the bytes themselves, else from the file's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.formats.answers import read_json
from kidnaprisk.routes.formats.archive import check_size, members, zipped
from kidnaprisk.routes.formats.geojson import read_geojson
from kidnaprisk.routes.formats.gpx import read_gpx
from kidnaprisk.routes.formats.kml import read_kml
from kidnaprisk.routes.formats.polylines import read_polylines
from kidnaprisk.routes.formats.safe_xml import root_name
from kidnaprisk.routes.formats.vector import (
    FGB_MAGIC,
    GPKG_MAGIC,
    SHP_FAMILY,
    SHP_MAGIC,
    read_fgb,
    read_gpkg,
    read_zipped_shp,
)
from kidnaprisk.routes.formats.waypoints import looks_like_waypoints, read_waypoints
from kidnaprisk.routes.formats.well_known import read_wkb, read_wkt
from kidnaprisk.routes.found import Asked, Found

_Reader = Callable[[bytes, Asked], Found]

ZIP_MAGIC = b"PK\x03\x04"
_WKT = re.compile(
    r"\s*(SRID\s*=\s*\d+\s*;)?\s*(MULTI)?(LINESTRING|POINT|POLYGON|GEOMETRYCOLLECTION|LINEARRING)\b",
    re.IGNORECASE,
)
_WKB_TYPES = range(1, 18)
_HEX = re.compile(rb"\s*0[01][0-9A-Fa-f]{16,}")
_SINGLE = (".kml", ".shp", ".gpx", ".geojson", ".json", ".gpkg", ".fgb", ".csv", ".wkt", ".wkb")


def _read_zip(data: bytes, asked: Asked) -> Found:
    inside = members(data, _SINGLE)
    suffixes = {PurePosixPath(name).suffix.lower() for name in inside}
    if ".shp" in suffixes:
        return read_zipped_shp(data, asked)
    if ".kml" in suffixes:
        return _read_kmz(data, asked)
    if len(inside) != 1:
        raise RouteError(
            f"the archive has {len(inside)} route files" if inside else "no route file is inside",
            remedy="put one route file into the archive, or unpack it and name the file",
        )
    (content,) = inside.values()
    return read_bytes(content, asked, None, suffixes.pop())


def _read_kmz(data: bytes, asked: Asked) -> Found:
    inside = members(data, (".kml",))
    if not inside:
        raise RouteError("no KML file is inside the KMZ", remedy="export it again")
    found = Found()
    for content in inside.values():
        found.extend(read_kml(content, asked))
    return found


def _read_lone_shp(data: bytes, asked: Asked) -> Found:
    if not data.startswith(SHP_MAGIC):
        return read_zipped_shp(data, asked)
    raise RouteError(
        "a shapefile is more than its .shp file",
        remedy="give the path of the .shp with the others beside it, or zip them",
    )


_READERS: dict[str, _Reader] = {
    "geojson": read_geojson,
    "gpx": read_gpx,
    "kml": read_kml,
    "kmz": _read_kmz,
    "gpkg": read_gpkg,
    "fgb": read_fgb,
    "shp": _read_lone_shp,
    "wkt": read_wkt,
    "wkb": read_wkb,
    "csv": read_waypoints,
    "polyline": read_polylines,
    "json": read_json,
    "zip": _read_zip,
}
FORMATS = tuple(_READERS)
_BY_SUFFIX = {f".{name}": name for name in FORMATS} | {
    ".geojsonl": "json",
    ".geojsons": "json",
    ".ndjson": "json",
    ".tsv": "csv",
    ".ewkt": "wkt",
    ".ewkb": "wkb",
    ".polyline5": "polyline",
    ".polyline6": "polyline",
}


def read_file(path: Path, asked: Asked, format: str | None) -> Found:
    """What a file holds.

    Raises
    ------
    RouteError
        If there is no such file, it is too large, or cannot be read.
    """
    data = _content(path)
    suffix = path.suffix.lower()
    if data.startswith(SHP_MAGIC) and format in (None, "shp"):
        return read_zipped_shp(_with_family(path), asked)
    if suffix in (".polyline5", ".polyline6") and asked.precision is None:
        asked = Asked(asked.crs, int(suffix[-1]))
    return read_bytes(data, asked, format, suffix)


def read_bytes(data: bytes, asked: Asked, format: str | None, suffix: str = "") -> Found:
    """What the bytes of a file hold; the format is detected unless given.

    Raises
    ------
    RouteError
        If the format is not known, or the bytes are not it.

    Examples
    --------
    >>> read_bytes(b"LINESTRING (0 0, 1 0)", Asked(), None).features[0].where
    'the line'
    """
    if format is not None and format not in _READERS:
        close = get_close_matches(str(format).casefold().strip("."), FORMATS, n=1)
        raise RouteError(
            "unknown format of route",
            value=format,
            remedy=(f"did you mean {close[0]!r}? " if close else "")
            + "Known are "
            + ", ".join(FORMATS),
        )
    check_size(len(data), "the source")
    if not data.strip():
        raise RouteError("the source is empty", remedy="check that the file was copied whole")
    known = format or _by_content(data) or _BY_SUFFIX.get(suffix)
    if known is None and looks_like_waypoints(data):
        known = "csv"
    if known is None:
        raise RouteError(
            "the format of the route is not recognised",
            remedy="name it with format=, one of " + ", ".join(FORMATS),
        )
    return _READERS[known](data, asked)


def _by_content(data: bytes) -> str | None:
    for magic, name in (
        (ZIP_MAGIC, "zip"),
        (GPKG_MAGIC, "gpkg"),
        (FGB_MAGIC, "fgb"),
        (SHP_MAGIC, "shp"),
    ):
        if data.startswith(magic):
            return name
    if _is_wkb(data):
        return "wkb"
    head = data[:400].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe\x1e \t\r\n")
    if head.startswith(b"<"):
        return _xml_format(data)
    if head.startswith((b"{", b"[")):
        return "json"
    return "wkt" if _WKT.match(head.decode("latin-1")) else None


def _xml_format(data: bytes) -> str:
    # XML without these roots goes to the reader whose error says what the root is.
    return "kml" if root_name(data) == "kml" else "gpx"


def _is_wkb(data: bytes) -> bool:
    if _HEX.match(data):
        return True
    if data[:1] not in (b"\x00", b"\x01") or len(data) < 9:
        return False
    order = "little" if data[:1] == b"\x01" else "big"
    kind = int.from_bytes(data[1:5], order) & 0x0FFFFFFF  # type: ignore[arg-type]
    return kind % 1000 in _WKB_TYPES and kind < 4000


def _content(path: Path) -> bytes:
    try:
        if path.is_file():
            check_size(path.stat().st_size, "the file")
            return path.read_bytes()
        missing = not path.exists()
    except RouteError:
        raise
    except (OSError, ValueError):
        raise RouteError(
            "the file cannot be opened", remedy="check its name and permissions"
        ) from None
    if "://" in str(path) or str(path).startswith(("http:", "https:")):
        raise RouteError(
            "addresses are never fetched", remedy="download the route and give the file"
        )
    raise RouteError(
        "there is no such file" if missing else "this is not a file",
        remedy="give the path of a route file; for an encoded polyline pass format='polyline'",
    )


def _with_family(path: Path) -> bytes:
    family = {
        "lines" + other.suffix.lower(): _content(other)
        for other in sorted(path.parent.iterdir())
        if other.stem == path.stem and other.suffix.lower() in SHP_FAMILY
    }
    check_size(sum(len(data) for data in family.values()), "the shapefile")
    return zipped(family)
