"""KML 2.x with Google's extensions, and KMZ: every folder, track and collection of geometries.

Links to other files are counted, never followed; the files inside a KMZ are all read.

Source: OGC 12-007r2 (KML 2.3); https://developers.google.com/kml/documentation/kmlreference .
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.formats.safe_xml import child_text, children, local, root_of
from kidnaprisk.routes.formats.text import as_number
from kidnaprisk.routes.found import Asked, Feature, Found, Part, timed_part
from kidnaprisk.routes.positions import agreed_crs, to_degrees

_DEEPEST = 100
_FLATTEN = "save the route alone"
_AROUND_COMMA = re.compile(r"\s*,\s*")


def read_kml(data: bytes, asked: Asked) -> Found:
    """Lines, tracks and points of a KML file, from every folder.

    Raises
    ------
    RouteError
        If it is not KML, or a position in it cannot be.

    Examples
    --------
    >>> line = "<LineString><coordinates>0,0 1,0</coordinates></LineString>"
    >>> folder = f"<Folder><name>day 1</name><Placemark>{line}</Placemark></Folder>"
    >>> read_kml(f"<kml>{folder}</kml>".encode(), Asked()).features[0].groups
    ('day 1',)
    """
    root = root_of(data)
    if local(root) != "kml":
        raise RouteError(
            f"this is not KML: its outermost element is <{local(root)}>",
            remedy="save the route as KML, GPX or GeoJSON",
        )
    agreed_crs("EPSG:4326", asked.crs)
    found = Found()
    _walk(found, root, (), 0)
    return found


def _walk(found: Found, element: Element, groups: tuple[str, ...], depth: int) -> None:
    if depth > _DEEPEST:
        raise RouteError(
            f"the folders of the KML are nested more than {_DEEPEST} deep", remedy=_FLATTEN
        )
    for child in element:
        tag = local(child)
        if tag == "Folder":
            name = child_text(child, "name")
            _walk(found, child, (*groups, name) if name else groups, depth + 1)
        elif tag == "Document":
            _walk(found, child, groups, depth + 1)
        elif tag == "Placemark":
            _take_placemark(found, child, groups)
        elif tag == "NetworkLink":
            found.links += 1


def _take_placemark(found: Found, placemark: Element, groups: tuple[str, ...]) -> None:
    where = f"placemark {len(found.features) + 1}"
    parts: list[Part] = []
    ordered = bool(children(placemark, "MultiTrack"))
    _collect(found, parts, placemark, where, 0)
    if parts:
        name = child_text(placemark, "name")
        found.features.append(Feature(tuple(parts), where, name, groups, ordered))


def _collect(found: Found, parts: list[Part], element: Element, where: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise RouteError(
            f"the geometries of {where} are nested more than {_DEEPEST} deep", remedy=_FLATTEN
        )
    for child in element:
        tag = local(child)
        if tag in ("MultiGeometry", "MultiTrack"):
            _collect(found, parts, child, where, depth + 1)
        elif tag == "LineString":
            pairs = _pairs(child_text(child, "coordinates") or "", where)
            if pairs:
                parts.append(Part(to_degrees(pairs, None, where)))
        elif tag == "Track":
            parts.extend(_track(child, where))
        elif tag == "Point":
            found.waypoints.extend(_pairs(child_text(child, "coordinates") or "", where))
        elif tag in ("Polygon", "LinearRing"):
            found.polygons += 1


def _pairs(text: str, where: str) -> list[tuple[float, float]]:
    # Some writers put a space after the commas; no writer puts a comma between two vertices.
    pairs = []
    for number, token in enumerate(_AROUND_COMMA.sub(",", text).split(), start=1):
        pairs.append(_pair(token.split(","), number, where))
    return pairs


def _pair(numbers: list[str], number: int, where: str) -> tuple[float, float]:
    lon, lat = (as_number(text) for text in (*numbers, "", "")[:2])
    if lon is None or lat is None or len(numbers) > 3:
        raise RouteError(
            f"vertex {number} of {where} is not longitude,latitude[,height]",
            remedy="separate its numbers by commas and vertices by spaces",
        )
    return lon, lat


def _track(track: Element, where: str) -> list[Part]:
    stamps = [child.text for child in children(track, "when")]
    coords = [(child.text or "").split() for child in children(track, "coord")]
    if len(stamps) != len(coords):
        reason = f"{where} has {len(coords)} positions but {len(stamps)} times"
        stamps = [None] * len(coords)
    else:
        reason = None
    kept = [at for at, numbers in enumerate(coords) if numbers]
    if not kept:
        return []
    pairs = [_pair(coords[at], at + 1, where) for at in kept]
    part = timed_part(to_degrees(pairs, None, where), [stamps[at] for at in kept])
    return [part if reason is None else Part(part.positions, None, reason)]
