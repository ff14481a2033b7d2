"""Bad routes, trips, incident files and models: what each is, and the call that meets it.

`docs/errors.md` is made from this table (python tests/bad_inputs.py) and a test holds it true.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np

import kidnaprisk as kr

ROOT = Path(__file__).resolve().parents[1]
ERRORS = ROOT / "docs" / "errors.md"
LINE = [(-0.03, 14.03), (0.75, 14.01)]
DEPART = "2025-01-18T06:00Z"
HEADER = "incident_id,source,kind,date,longitude,latitude,location_error_km,country\n"
ROW = "a,mine,kidnapping,2025-01-18,0.3,14.1,25,BF\n"


def route_file(name: str, text: str) -> Callable[[Path], object]:
    def call(folder: Path) -> object:
        (folder / name).write_text(text, encoding="utf-8")
        return kr.read_route(folder / name)

    return call


def route(source: object) -> Callable[[Path], object]:
    return lambda _: kr.read_route(source)


def trip(**given: object) -> Callable[[Path], object]:
    return lambda _: kr.score(kr.Trip(LINE, **{"departure": DEPART, **given}), kr.load_model())


def incidents(name: str, text: str | bytes) -> Callable[[Path], object]:
    def call(folder: Path) -> object:
        content = text.encode() if isinstance(text, str) else text
        (folder / name).write_bytes(content)
        table = kr.read_incidents(folder / name, return_rejects=True)
        if len(table[1]):
            first = table[1].iloc[0]
            raise kr.IncidentError(
                f"{first['reason']} [rejected row]", row=int(first["row"]),
                column=first["column"], value=first["value"], remedy=first["remedy"],
            )  # fmt: skip
        return table

    return call


def model(change: Callable[[Path], object]) -> Callable[[Path], object]:
    def call(folder: Path) -> object:
        home = folder / "models"
        shutil.copytree(ROOT / "models", home)
        version = home / "default" / (home / "default" / "current").read_text().strip()
        change(version)
        return kr.load_model(home)

    return call


def flip(version: Path) -> None:
    data = bytearray((version / "weights.npy").read_bytes())
    data[-1] ^= 1
    (version / "weights.npy").write_bytes(bytes(data))


def edit_manifest(**changes: object) -> Callable[[Path], object]:
    def edit(version: Path) -> None:
        manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
        (version / "manifest.json").write_text(json.dumps({**manifest, **changes}))

    return edit


class Negative:
    def intensity(self, points: gpd.GeoSeries, when: object) -> np.ndarray:
        return np.full(len(points), -1.0)


class Short:
    def intensity(self, points: gpd.GeoSeries, when: object) -> np.ndarray:
        return np.ones(1)


def score(hazard: object) -> Callable[[Path], object]:
    return lambda _: kr.score(kr.Trip(LINE, departure=DEPART), hazard)


def fit(**given: object) -> Callable[[Path], object]:
    as_of = given.pop("as_of", None)
    return lambda _: kr.KernelMixture(**given).fit(kr.load_catalogue(), as_of=as_of)


GPX = '<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'
FEATURE = '{{"type": "Feature", "properties": {{}}, "geometry": {}}}'

BAD: list[tuple[str, str, Callable[[Path], object], type[kr.KidnapRiskError]]] = [
    ("route", "a file that is not there", route("nowhere.geojson"), kr.RouteError),
    ("route", "an empty file", route_file("r.geojson", ""), kr.RouteError),
    ("route", "JSON cut off", route_file("r.geojson", '{"type": "Feat'), kr.RouteError),
    ("route", "a polygon", route("POLYGON ((0 0, 1 0, 1 1, 0 0))"), kr.RouteError),
    ("route", "one point", route([(0.0, 14.0)]), kr.RouteError),
    ("route", "no length", route([(0.0, 14.0), (0.0, 14.0)]), kr.RouteError),
    ("route", "not a number", route([(0.0, 14.0), (float("nan"), 14.0)]), kr.RouteError),
    ("route", "latitude first", route([(14.0, 120.0), (14.1, 121.0)]), kr.RouteError),
    ("route", "metres of a projection", route([(-3300.0, 1.5e6), (8.3e4, 1.5e6)]), kr.RouteError),
    ("route", "antipodes", route([(0.0, 0.0), (180.0, 0.0)]), kr.RouteError),
    ("route", "a GPX of waypoints only",
     route_file("r.gpx", GPX.format('<wpt lat="14" lon="0"/><wpt lat="14" lon="1"/>')),
     kr.RouteError),
    ("route", "a GPX track of one point",
     route_file("r.gpx", GPX.format('<trk><trkseg><trkpt lat="14" lon="0"/></trkseg></trk>')),
     kr.RouteError),
    ("route", "an empty geometry", route("LINESTRING EMPTY"), kr.RouteError),
    ("route", "two roads that do not meet",
     route("MULTILINESTRING ((0 14, 1 14), (5 14, 6 14))"), kr.RouteError),
    ("route", "a KML with an entity bomb",
     route_file("r.kml", '<!DOCTYPE k [<!ENTITY a "b">]><kml>&a;</kml>'), kr.RouteError),
    ("route", "a GeoSeries without a CRS",
     lambda _: kr.read_route(gpd.GeoSeries.from_wkt(["LINESTRING (0 14, 1 14)"])), kr.RouteError),
    ("route", "points only", route_file("r.geojson", FEATURE.format(
        '{"type": "MultiPoint", "coordinates": [[0, 14], [1, 14]]}')), kr.RouteError),
    ("trip", "no departure", trip(departure=None), kr.TripError),
    ("trip", "a departure without a time zone", trip(departure="2025-01-18T06:00"), kr.TripError),
    ("trip", "a departure that is none", trip(departure="next Tuesday"), kr.TripError),
    ("trip", "a speed of zero", trip(speed_kmh=0), kr.TripError),
    ("trip", "a speed for a country that is none", trip(speed_kmh={"ZZ": 50}), kr.TripError),
    ("trip", "a window that never opens", trip(driving_hours=(6, 6)), kr.TripError),
    ("trip", "a stop at an unknown town", trip(stops=[kr.Stop(near="Dorii", hours=1)]),
     kr.TripError),
    ("trip", "a stop far from the road", trip(stops=[kr.Stop(near="Casablanca", hours=1)]),
     kr.TripError),
    ("trip", "a stop beyond the end", trip(stops=[kr.Stop(km=900, hours=1)]), kr.TripError),
    ("trip", "a stop of negative length", lambda _: kr.Stop(km=1, hours=-1), kr.TripError),
    ("trip", "a road shorter than its line", trip(road_km=10), kr.TripError),
    ("trip", "a crew of an unknown sector", lambda _: kr.Crew(sector="transprt"), kr.TripError),
    ("trip", "an encounter radius of zero",
     lambda _: kr.score(kr.Trip(LINE, departure=DEPART), kr.load_model(), radius_km=0),
     kr.TripError),
    ("trip", "a road outside the coverage",
     lambda _: kr.score(kr.Trip([(2.0, 48.0), (3.0, 48.0)], departure=DEPART), kr.load_model()),
     kr.CoverageError),
    ("trip", "a departure before the records",
     trip(departure="1999-01-18T06:00Z"), kr.CoverageError),
    ("incidents", "a file that is not there",
     lambda _: kr.read_incidents("nowhere.csv"), kr.IncidentError),
    ("incidents", "an empty file", incidents("i.csv", ""), kr.IncidentError),
    ("incidents", "another source's columns", incidents("i.csv", "a,b\n1,2\n"), kr.IncidentError),
    ("incidents", "a column misspelt",
     incidents("i.csv", HEADER.replace("latitude", "lattitude") + ROW), kr.IncidentError),
    ("incidents", "a picture posing as CSV",
     incidents("i.csv", b"\x89PNG\r\n\x1a\n\x00\x00"), kr.IncidentError),
    ("incidents", "bytes that are not UTF-8",
     incidents("i.csv", (HEADER + ROW.replace("mine", "Téra")).encode("cp1252")),
     kr.IncidentError),
    ("incidents", "an unknown kind",
     incidents("i.csv", HEADER + ROW.replace("kidnapping", "kidnaping")), kr.IncidentError),
    ("incidents", "an ambiguous date",
     incidents("i.csv", HEADER + ROW.replace("2025-01-18", "03/04/2025")), kr.IncidentError),
    ("incidents", "no position", incidents("i.csv", HEADER + ROW.replace("0.3", "")),
     kr.IncidentError),
    ("incidents", "a latitude beyond the pole",
     incidents("i.csv", HEADER + ROW.replace("14.1", "141")), kr.IncidentError),
    ("incidents", "an id used twice", incidents("i.csv", HEADER + ROW + ROW), kr.IncidentError),
    ("incidents", "a country that is none", incidents("i.csv", HEADER + ROW.replace("BF", "XX")),
     kr.IncidentError),
    ("incidents", "a number that stands for unknown",
     incidents("i.csv", HEADER + ROW.replace(",25,", ",-99,")), kr.IncidentError),
    ("model", "no model there", lambda folder: kr.load_model(folder / "models"),
     kr.ArtifactError),
    ("model", "a byte flipped", model(flip), kr.ArtifactError),
    ("model", "a file added",
     model(lambda version: (version / "run.py").write_text("raise SystemExit")),
     kr.ArtifactError),
    ("model", "a file missing", model(lambda version: (version / "weights.npy").unlink()),
     kr.ArtifactError),
    ("model", "a future schema", model(edit_manifest(schema=99)), kr.ArtifactError),
    ("model", "a manifest edited", model(edit_manifest(sources={"mine": 9})), kr.ArtifactError),
    ("model", "not fitted", score(kr.KernelMixture()), kr.ModelError),
    ("model", "no model at all", score("default"), kr.ModelError),
    ("model", "rates below zero", score(Negative()), kr.ModelError),
    ("model", "one rate for many points", score(Short()), kr.ModelError),
    ("model", "scales out of order", fit(scales_km=(20.0, 10.0)), kr.ModelError),
    ("model", "an as-of before any record", fit(as_of="1990-01-01"), kr.ModelError),
    ("model", "a coverage of nowhere",
     fit(coverage=[kr.Coverage("x", ("QQ",), dt.date(2020, 1, 1), dt.date(2021, 1, 1), True)]),
     kr.CoverageError),
]  # fmt: skip


def message_of(call: Callable[[Path], object]) -> kr.KidnapRiskError:
    """The error a bad input gives; any other error comes through."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            call(Path(folder))
        except kr.KidnapRiskError as error:
            return error
    raise AssertionError("a bad input was taken")


def table() -> str:
    rows = ["| what | input | error | what it says |", "|---|---|---|---|"]
    for what, label, call, _ in BAD:
        error = message_of(call)
        told = kr.KidnapRiskError(
            error.message, remedy=error.remedy, row=error.row, column=error.column,
            value=error.value, file=None if error.file is None else Path(error.file).name,
        )  # fmt: skip
        version = (ROOT / "models" / "default" / "current").read_text().strip()
        text = (
            " ".join(str(told).replace(version, "VERSION").split())
            .replace("|", "\\|")
            .replace("<", "&lt;")
        )
        rows.append(f"| {what} | {label} | `{type(error).__name__}` | {text} |")
    return (
        "# Bad input, and what it is told\n\n"
        f"{len(BAD)} bad inputs and the error each gives, made by `python tests/bad_inputs.py`.\n"
        "Errors name the file, row, column and value where there is one, and what to do.\n\n"
        + "\n".join(rows)
        + "\n"
    )


if __name__ == "__main__":
    ERRORS.write_text(table(), encoding="utf-8")
    sys.stdout.write(f"{len(BAD)} rows written to {ERRORS.relative_to(ROOT)}\n")
