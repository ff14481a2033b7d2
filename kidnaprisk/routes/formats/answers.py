"""JSON that is not GeoJSON: answers of routing engines, and tables of encoded polylines.

Known answers: OSRM and Mapbox (``routes``, ``matchings``, ``trips``), Valhalla (``trip``),
GraphHopper (``paths``), openrouteservice and Google (``routes``). Where an answer holds the
geometry of every step, that is taken, since the overview is often simplified.
"""

from __future__ import annotations

from typing import Any

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.formats.geojson import TYPES, found_in, parsed
from kidnaprisk.routes.formats.polylines import Hint, decode_polylines
from kidnaprisk.routes.found import Asked, Feature, Found, Part
from kidnaprisk.routes.positions import agreed_crs, as_crs, to_degrees

_KM_OF_UNIT = {"kilometers": 1.0, "km": 1.0, "miles": 1.609344, "mi": 1.609344}
_TABLE_KEYS = {"polyline6": 6, "polyline5": 5, "polyline": None}


def read_json(data: bytes, asked: Asked) -> Found:
    """Lines of any JSON a route may come in, GeoJSON too.

    Raises
    ------
    RouteError
        If it is not JSON, or of no known kind.

    Examples
    --------
    >>> read_json(b"[[0, 0], [1, 0]]", Asked()).features[0].where
    'the list'
    """
    value = parsed(data)
    if isinstance(value, list):
        return _from_list(value, asked)
    if isinstance(value, str):
        value = {"polyline": value}
    if not isinstance(value, dict):
        raise _unknown()
    kind = value.get("type")
    if (isinstance(kind, str) and kind in TYPES) or kind == "Topology":
        return found_in(value, asked)
    agreed_crs("EPSG:4326", asked.crs)
    return _from_answer(value, asked)


def _unknown() -> RouteError:
    return RouteError(
        "this JSON is no route: neither GeoJSON nor the answer of a known routing engine",
        remedy="save the route as GeoJSON or GPX",
    )


def _from_list(values: list[Any], asked: Asked) -> Found:
    if values and all(isinstance(value, dict) and "type" in value for value in values):
        return found_in({"type": "FeatureCollection", "features": values}, asked)
    if not values or not all(isinstance(value, list) and len(value) > 1 for value in values):
        raise _unknown()
    crs = None if asked.crs is None else as_crs(asked.crs)
    positions = to_degrees([value[:2] for value in values], crs, "the list")
    return Found([Feature((Part(positions),), "the list")])


def _from_answer(answer: dict[str, Any], asked: Asked) -> Found:
    _refuse_failures(answer)
    found = Found()
    for key in ("routes", "matchings", "trips", "paths"):
        if isinstance(answer.get(key), list):
            for number, route in enumerate(answer[key], start=1):
                _take_route(found, route, f"route {number}", asked)
            found.alternatives = key in ("routes", "paths") and len(found.features) > 1
            return found
    if isinstance(answer.get("trip"), dict):
        alternates = answer.get("alternates")
        rest = alternates if isinstance(alternates, list) else []
        for number, holder in enumerate([answer, *rest], start=1):
            _take_valhalla(found, holder, f"route {number}", asked)
        found.alternatives = len(found.features) > 1
        return found
    return _from_table(answer, asked)


def _refuse_failures(answer: dict[str, Any]) -> None:
    code = answer.get("code", answer.get("status"))
    said = answer.get("message", answer.get("error_message", answer.get("error")))
    failed = isinstance(code, str) and code.casefold() not in ("ok", "success")
    if failed or answer.get("error"):
        raise RouteError(
            "the routing engine answered that it found no route",
            value=said if isinstance(said, str) else code,
            remedy="ask it again",
        )


def _take_route(found: Found, route: Any, where: str, asked: Asked) -> None:
    if not isinstance(route, dict):
        raise _unknown()
    if isinstance(route.get("sections"), list):
        raise RouteError(
            "this is an answer of HERE, whose flexible polylines are not read",
            remedy="save the route as GeoJSON or GPX",
        )
    shapes = _steps(route) or _overview(route)
    if not shapes:
        raise RouteError(
            f"{where} of the answer has no geometry",
            remedy="ask the routing engine for it, for example with overview=full",
        )
    hint = Hint(asked.precision or _multiplied(route), _km(route), _usual(route))
    name = route.get("summary", route.get("description"))
    _take_shapes(found, shapes, hint, where, name if isinstance(name, str) else None)


def _take_shapes(found: Found, shapes: list[Any], hint: Hint, where: str, name: str | None) -> None:
    texts = [shape for shape in shapes if isinstance(shape, str)]
    if len(texts) == len(shapes):
        parts = decode_polylines(texts, hint, where)
    elif texts:
        raise RouteError(
            f"{where} mixes encoded and plain geometries", remedy="ask the routing engine again"
        )
    else:
        parts = []
        for shape in shapes:
            inner = found_in(shape, Asked()).features
            parts.extend(part for feature in inner for part in feature.parts)
    if parts:
        found.features.append(Feature(tuple(parts), where, name or None, ordered=True))


def _steps(route: dict[str, Any]) -> list[Any]:
    shapes = []
    for leg in _dicts(route.get("legs")):
        for step in _dicts(leg.get("steps")):
            shape = _shape(step)
            if shape is None:
                return []
            if not _is_a_point(shape):
                shapes.append(shape)
    return shapes


def _is_a_point(shape: Any) -> bool:
    # Engines end with a step of no length; as GeoJSON some write it as a line of one vertex.
    coordinates = shape.get("coordinates") if isinstance(shape, dict) else None
    return isinstance(coordinates, list) and len(coordinates) == 1


def _overview(route: dict[str, Any]) -> list[Any]:
    shape = _shape(route)
    return [] if shape is None else [shape]


def _shape(holder: dict[str, Any]) -> Any:
    for key in ("geometry", "polyline", "overview_polyline", "points"):
        value = holder.get(key)
        if isinstance(value, dict) and "type" not in value:
            value = value.get("points", value.get("encodedPolyline"))
        if isinstance(value, str) and value:
            return value
        if isinstance(value, dict):
            return value
    return None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _km(route: dict[str, Any]) -> float | None:
    summary = route.get("summary")
    for holder in (route, summary if isinstance(summary, dict) else {}):
        for key in ("distance", "distanceMeters"):
            metres = holder.get(key)
            if isinstance(metres, int | float) and not isinstance(metres, bool):
                return float(metres) / 1000.0
    return None


def _multiplied(route: dict[str, Any]) -> int | None:
    return {1e5: 5, 1e6: 6}.get(_plain_number(route.get("points_encoded_multiplier")))


def _plain_number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _usual(route: dict[str, Any]) -> int | None:
    google = isinstance(route.get("overview_polyline", route.get("polyline")), dict)
    return 5 if google or "points_encoded" in route else None


def _take_valhalla(found: Found, holder: dict[str, Any], where: str, asked: Asked) -> None:
    trip = holder.get("trip") if isinstance(holder, dict) else None
    legs = _dicts(trip.get("legs")) if isinstance(trip, dict) else []
    shapes = [leg["shape"] for leg in legs if isinstance(leg.get("shape"), str | dict)]
    if trip is None or not shapes or len(shapes) < len(legs):
        raise RouteError(
            f"{where} of the answer has no shape", remedy="ask the routing engine for it"
        )
    summary = trip.get("summary")
    length = _plain_number(summary.get("length")) if isinstance(summary, dict) else 0.0
    unit = _KM_OF_UNIT.get(str(trip.get("units")).casefold())
    km = length * unit if unit is not None and length > 0 else None
    _take_shapes(found, shapes, Hint(asked.precision, km, 6), where, None)


def _from_table(table: dict[str, Any], asked: Asked) -> Found:
    found = Found()
    if any(isinstance(table.get(key), str) for key in _TABLE_KEYS):
        table = {"": table}
    for name, row in table.items():
        entry = {"polyline": row} if isinstance(row, str) else row
        if not isinstance(entry, dict):
            raise _unknown()
        key = next((key for key in _TABLE_KEYS if isinstance(entry.get(key), str)), None)
        if key is None:
            raise _unknown()
        hint = Hint(_TABLE_KEYS[key] or asked.precision, _road_km(entry))
        where = f"entry {len(found.features) + 1}"
        _take_shapes(found, [entry[key]], hint, where, name)
    if not found.features:
        raise _unknown()
    return found


def _road_km(entry: dict[str, Any]) -> float | None:
    km = _plain_number(entry.get("road_km", entry.get("km")))
    return km if km > 0 else None
