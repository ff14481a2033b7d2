"""Reading the route from whatever a dispatcher has: a file of any usual format, or a geometry.

This module decides which line of a source is the route; what a format means is the business of
:mod:`kidnaprisk.routes.formats`. A source that could be read two ways is not guessed at: the error
lists the choices and says how to choose. Files are read into memory, bounded in size; nothing in
them is run, and no link is followed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import segment_lengths_km
from kidnaprisk.routes.connect import TOUCHING_KM, chain, gaps_km
from kidnaprisk.routes.formats.detect import read_bytes, read_file
from kidnaprisk.routes.formats.memory import found_in_memory
from kidnaprisk.routes.found import Asked, Feature, Found, Part
from kidnaprisk.routes.route import Route, Times, check_positions

TRACK_GAP_KM = 10.0
MOST_LINES = 20_000
_SHOWN = 12
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


def read_route(
    source: object,
    *,
    name: str | int | None = None,
    crs: object | None = None,
    format: str | None = None,
    precision: int | None = None,
    waypoints: bool = False,
    max_gap_km: float | None = None,
) -> Route:
    """Read a route.

    Parameters
    ----------
    source : path, str, bytes, geometry, table or array
        A file: GeoJSON, GPX, KML, KMZ, GeoPackage, FlatGeobuf, shapefile (plain or zipped), WKT,
        WKB, CSV of waypoints, encoded polyline, or the JSON answer of a routing engine (OSRM,
        Valhalla, GraphHopper, openrouteservice, Google). The bytes of such a file. A WKT or JSON
        string. A shapely line, a GeoDataFrame or GeoSeries with a CRS, an (n, 2) array or list
        of longitude, latitude pairs, or a :class:`Route`.
    name : str or int, optional
        Which line, where there are several: its name (capitals do not matter), the name of its
        folder or layer, or its number in the list that the error shows (the first is 1). Where no
        line has a name, what to call the route.
    crs : optional
        Coordinate reference system of a source that states none; anything pyproj understands.
    format : str, optional
        One of ``kidnaprisk.routes.formats.detect.FORMATS``, if it should not be detected.
    precision : {5, 6}, optional
        Decimals of an encoded polyline, where they cannot be told from it.
    waypoints : bool
        Take the points of the source, in their order, as the route.
    max_gap_km : float, optional
        Widest gap to bridge by a straight line. By default 0.1 km between separate lines, 10 km
        between the segments of one recorded track.

    Returns
    -------
    Route
        Heights are dropped. Lines that connect are joined, also when they come in the wrong order
        or, where the chain leaves no doubt, the wrong way round; the first keeps its direction.
        ``times`` (UTC) are kept if every vertex has one with a time zone and they never go
        backwards; else ``times`` is None and ``times_dropped`` says why.

    Raises
    ------
    RouteError
        If the source cannot be read, holds no line, or holds several that do not connect.

    Examples
    --------
    >>> read_route("LINESTRING (2.1 13.5, 1.2 14.0, -0.03 14.04)", name="Niamey-Dori")
    Route('Niamey-Dori', 244.9 km, 3 vertices)
    """
    if max_gap_km is not None and not (_is_number(max_gap_km) and max_gap_km >= 0):
        raise RouteError(
            "max_gap_km is not a length", value=max_gap_km, remedy="give km, 0 or more"
        )
    if isinstance(source, Route):
        return _renamed(source, name)
    asked = Asked(crs, precision)
    path = _as_path(source, format)
    try:
        if path is not None:
            found = read_file(path, asked, format)
        elif isinstance(source, bytes | bytearray | memoryview):
            found = read_bytes(bytes(source), asked, format)
        elif isinstance(source, str):
            # Text has no encoding any more, whatever its XML declaration says.
            text = _XML_DECLARATION.sub("", source, count=1)
            found = read_bytes(text.encode(errors="replace"), asked, format)
        else:
            found = found_in_memory(source, asked)
        stem = None if path is None else path.stem
        return _chosen(found, name, stem, waypoints, max_gap_km)
    except RouteError as error:
        raise _with_file(error, path) from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _renamed(route: Route, name: str | int | None) -> Route:
    if name is None:
        return route
    return Route(
        route.coordinates, str(name), route.times, route.leaves, times_dropped=route.times_dropped
    )


def _as_path(source: object, format: str | None) -> Path | None:
    if isinstance(source, Path):
        return source
    if not isinstance(source, str):
        return None
    text = source.strip("\ufeff \t\r\n")
    if text.startswith(("{", "[", "<")) or "\n" in text or _is_wkt(text):
        return None
    # Encoded polylines and hexadecimal digits look like any file name.
    named = format not in ("polyline", "wkb", "wkt") or _exists(source)
    return Path(source) if named else None


def _exists(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _is_wkt(text: str) -> bool:
    head = text[:40].upper()
    kinds = ("LINESTRING", "MULTILINESTRING", "POINT", "MULTIPOINT", "POLYGON", "MULTIPOLYGON")
    said = "(" in text or head.rstrip().endswith("EMPTY")
    return said and head.startswith((*kinds, "SRID=", "GEOMETRYCOLLECTION"))


def _with_file(error: RouteError, path: Path | None) -> RouteError:
    if path is None or error.file is not None:
        return error
    return RouteError(
        error.message,
        remedy=error.remedy,
        file=path.name,
        row=error.row,
        column=error.column,
        value=error.value,
    )


def _chosen(
    found: Found,
    name: str | int | None,
    stem: str | None,
    waypoints: bool,
    max_gap_km: float | None,
) -> Route:
    if waypoints and (found.waypoints or not found.features):
        label = stem if name is None else str(name)
        return Route(check_positions(found.waypoints, "the waypoints"), label)
    if not found.features:
        raise _no_line(found)
    if len(found.features) > MOST_LINES:
        raise RouteError(
            f"there are {len(found.features):,} lines, more than the {MOST_LINES:,} of any route",
            remedy="extract the lines of the route first",
        )
    features = found.features
    named = any(feature.name or feature.groups for feature in features)
    if name is not None and (named or len(features) > 1):
        features, name = _selected(features, name), None
    lines = [_as_one(feature, max_gap_km) for feature in features]
    _check_points(features, lines)
    line = lines[0] if len(lines) == 1 else _joined(features, lines, found, max_gap_km)
    label = features[0].name if len(features) == 1 else None
    return _as_route(line, (None if name is None else str(name)) or label or stem)


def _as_route(line: Part, name: str | None) -> Route:
    times, why = line.times, line.no_times
    if times is not None:
        back = np.flatnonzero(np.diff(times) < np.timedelta64(0, "ns"))
        if len(back):
            times, why = None, f"the times go backwards at vertex {int(back[0]) + 2}"
    return Route(line.positions, name, times, times_dropped=why)


def _no_line(found: Found) -> RouteError:
    if len(found.waypoints) > 1:
        return RouteError(
            f"there are {len(found.waypoints)} points but no line",
            remedy="if they are in order of travel, pass waypoints=True",
        )
    if found.waypoints:
        return RouteError("there is one point and no line", remedy="give a line")
    if found.polygons:
        return RouteError(
            "there are areas but no line", remedy="give the road as a line, not as a polygon"
        )
    if found.links:
        return RouteError(
            "there is only a link to another file, which is not followed",
            remedy="save the linked file and read that",
        )
    return RouteError("there is no line: every geometry is missing or empty", remedy="give a line")


def _selected(features: Sequence[Feature], name: str | int) -> list[Feature]:
    wanted = str(name).strip().casefold()
    for names in (
        lambda feature: [feature.name or ""],
        lambda feature: feature.groups,
    ):
        matching = [f for f in features if wanted in [n.strip().casefold() for n in names(f)]]
        if matching:
            return matching
    if wanted.isdecimal() and 1 <= int(wanted) <= len(features):
        return [features[int(wanted) - 1]]
    known = {n for f in features for n in (f.name, *f.groups) if n}
    close = difflib.get_close_matches(
        wanted, sorted({n.casefold(): n for n in known}), n=1, cutoff=0.5
    )
    meant = next((n for n in sorted(known) if close and n.casefold() == close[0]), None)
    raise RouteError(
        "there is no line of this name",
        value=name,
        remedy=(f"did you mean {meant!r}? " if meant else "") + "Choose from " + _listed(features),
    )


def _listed(features: Sequence[Feature]) -> str:
    entries = []
    for number, feature in enumerate(features[:_SHOWN], start=1):
        km = sum(
            float(segment_lengths_km(part.positions[:, 0], part.positions[:, 1]).sum())
            for part in feature.parts
        )
        called = f" {feature.name!r}" if feature.name else ""
        entries.append(f"{number}{called} ({feature.where}, {km:,.0f} km)")
    more = len(features) - len(entries)
    return "; ".join(entries) + (f"; and {more} more" if more > 0 else "")


def _as_one(feature: Feature, max_gap_km: float | None) -> Part:
    parts = feature.parts
    if len(parts) == 1:
        return parts[0]
    lines = [part.positions for part in parts]
    if feature.ordered:
        return _in_file_order(feature, TRACK_GAP_KM if max_gap_km is None else max_gap_km)
    legs = chain(lines, TOUCHING_KM if max_gap_km is None else max_gap_km, one_feature=True)
    if legs is None:
        raise RouteError(
            f"{feature.where} has {len(parts)} parts that do not make up one line; "
            f"the widest gap between one and the next is {gaps_km(lines).max():,.1f} km",
            remedy="put the parts in order, or pass max_gap_km= to bridge wider gaps",
        )
    return _strung([parts[leg.line].reversed() if leg.turned else parts[leg.line] for leg in legs])


def _in_file_order(feature: Feature, widest_km: float) -> Part:
    gaps = gaps_km([part.positions for part in feature.parts])
    at = int(np.argmax(gaps))
    if gaps[at] > widest_km:
        raise RouteError(
            f"{feature.where} has a gap of {gaps[at]:,.1f} km between segments "
            f"{at + 1} and {at + 2}, wider than {widest_km:g} km",
            remedy=f"add the missing way, or pass max_gap_km={np.ceil(gaps[at]):.0f} "
            "to bridge it by a straight line",
        )
    return _strung(feature.parts)


def _strung(parts: Sequence[Part]) -> Part:
    positions = np.concatenate([part.positions for part in parts])
    times: list[npt.NDArray[Any]] = [part.times for part in parts if part.times is not None]
    if len(times) == len(parts):
        all_times: Times = np.concatenate(times)
        return Part(positions, all_times)
    why = next((part.no_times for part in parts if part.no_times), None)
    return Part(positions, None, why or ("only some of the lines have times" if times else None))


def _check_points(features: Sequence[Feature], lines: Sequence[Part]) -> None:
    for feature, line in zip(features, lines, strict=True):
        if len(line.positions) == 1:
            remedy = "give it a second, or remove it"
            if len(features) > 1:
                remedy += ", or choose another with name= (a name or number): " + _listed(features)
            raise RouteError(f"{feature.where} has one point only", remedy=remedy)


def _joined(
    features: Sequence[Feature], lines: Sequence[Part], found: Found, max_gap_km: float | None
) -> Part:
    if found.alternatives:
        raise RouteError(
            f"there are {len(lines)} alternative routes",
            remedy="choose one with name= (its number): " + _listed(features),
        )
    legs = chain(
        [line.positions for line in lines], TOUCHING_KM if max_gap_km is None else max_gap_km
    )
    if legs is None:
        raise RouteError(
            f"there are {len(lines)} lines that do not connect into one route",
            remedy="choose one with name= (a name or number): " + _listed(features),
        )
    return _strung([lines[leg.line].reversed() if leg.turned else lines[leg.line] for leg in legs])
