"""GPX 1.0 and 1.1: tracks and routes, with times. Waypoints are not a line unless asked for.

The shaping points that Garmin's software hides in an extension of each route point are kept:
without them a route planned with it would cut every corner between its stops.

Source: https://www.topografix.com/GPX/1/1/ . Parsed here rather than by a library because times
without a zone, other encodings than UTF-8 and those extensions all matter.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.formats.safe_xml import child_text, children, local, root_of
from kidnaprisk.routes.formats.text import as_number
from kidnaprisk.routes.found import Asked, Feature, Found, Part, timed_part
from kidnaprisk.routes.positions import agreed_crs, to_degrees


def read_gpx(data: bytes, asked: Asked) -> Found:
    """Tracks, routes and waypoints of a GPX file.

    Raises
    ------
    RouteError
        If it is not GPX, or a point in it has no position.

    Examples
    --------
    >>> points = '<rtept lat="0" lon="1"/><rtept lat="0" lon="2"/>'
    >>> gpx = f"<gpx><rte><name>plan</name>{points}</rte></gpx>"
    >>> read_gpx(gpx.encode(), Asked()).features[0].name
    'plan'
    """
    root = root_of(data)
    if local(root) != "gpx":
        raise RouteError(
            f"this is not GPX: its outermost element is <{local(root)}>",
            remedy="save the route as GPX, KML or GeoJSON",
        )
    agreed_crs("EPSG:4326", asked.crs)
    found = Found()
    for number, track in enumerate(children(root, "trk"), start=1):
        where = f"track {number}"
        runs = [children(segment, "trkpt") for segment in children(track, "trkseg")]
        parts = tuple(_part(points, where) for points in runs if points)
        _take(found, parts, where, track)
    for number, route in enumerate(children(root, "rte"), start=1):
        where = f"route {number}"
        points = _with_shaping(children(route, "rtept"))
        _take(found, (_part(points, where),) if points else (), where, route)
    marks = children(root, "wpt")
    if marks:
        positions = _part(marks, "the waypoints").positions
        found.waypoints.extend((lon, lat) for lon, lat in positions.tolist())
    return found


def _take(found: Found, parts: tuple[Part, ...], where: str, element: Element) -> None:
    if parts:
        name = child_text(element, "name")
        found.features.append(Feature(parts, where, name, ordered=True))


def _with_shaping(points: list[Element]) -> list[Element]:
    every: list[Element] = []
    for point in points:
        every.append(point)
        for extensions in children(point, "extensions"):
            every.extend(element for element in extensions.iter() if local(element) == "rpt")
    return every


def _part(points: list[Element], where: str) -> Part:
    pairs = []
    for number, point in enumerate(points, start=1):
        lon, lat = as_number(point.get("lon")), as_number(point.get("lat"))
        if lon is None or lat is None:
            raise RouteError(
                f"point {number} of {where} has no lon and lat that are numbers",
                remedy="correct or remove the point",
            )
        pairs.append((lon, lat))
    stamps = [child_text(point, "time") for point in points]
    return timed_part(to_degrees(pairs, None, where), stamps)
