"""Rebuild the two example routes from the positions of the bundled towns.

Run as ``python examples/build_routes.py [FOLDER]``; without a folder the files beside this script
are written anew. Both routes run from Casablanca to Niamey, one by Dori and Téra, the other, from
Ouagadougou on, by Fada N'Gourma and Kantchari. They are coarse lines, made to stay on land and
near the road: no road geometry, and shorter than the road.

A place in quotes with its country is a bundled town (GeoNames, CC BY 4.0). A ``Waypoint`` was
placed by hand, to a few kilometres, where the road is far from the straight line between towns.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kidnaprisk.geodesy import segment_lengths_km
from kidnaprisk.routes.route import Route
from kidnaprisk.routes.towns import find_towns

SOURCE = "Town positions: GeoNames, CC BY 4.0; coarse line, not a road geometry"


class Waypoint(NamedTuple):
    """A place on the road that is no bundled town, put there by hand."""

    name: str
    lon: float
    lat: float


# The peninsula of Dakhla is driven in and out again.
DAKHLA_TURN = Waypoint("turn-off to Dakhla", -15.66, 23.95)
DAKHLA_NECK = Waypoint("neck of the Dakhla peninsula", -15.815, 23.90)
DAKHLA_MIDDLE = Waypoint("Dakhla peninsula", -15.907, 23.80)

TO_OUAGADOUGOU: tuple[str | Waypoint, ...] = (
    "Casablanca, MA",
    "Berrechid, MA",
    "Settat, MA",
    "Ben Guerir, MA",
    "Marrakech, MA",
    "Chichaoua, MA",
    "Imi-n-Tanout, MA",
    "Argana, MA",
    "Agadir, MA",
    "Inezgane, MA",
    "Tiznit, MA",
    "Bou Izakarn, MA",
    "Guelmim, MA",
    "Tan-Tan, MA",
    "El Ouatia, MA",
    Waypoint("coast road south of El Ouatia", -11.365, 28.39),
    Waypoint("coast road at 11.5° W", -11.53, 28.27),
    Waypoint("coast road at 11.8° W", -11.78, 28.18),
    "Akhfennir, MA",
    Waypoint("south of the Khenifiss lagoon", -12.25, 27.98),
    Waypoint("coast road at 12.6° W", -12.60, 27.95),
    "Tarfaya, MA",
    Waypoint("Tah", -12.96, 27.67),
    "Laâyoune, EH",
    "El Marsa, EH",
    Waypoint("coast road at 26.85° N", -13.44, 26.85),
    Waypoint("coast road at 26.6° N", -13.68, 26.58),
    Waypoint("coast road at 26.4° N", -13.95, 26.43),
    Waypoint("coast road at 26.25° N", -14.25, 26.25),
    "Boujdour, EH",
    Waypoint("coast road at 26.0° N", -14.45, 26.00),
    Waypoint("coast road at 25.6° N", -14.62, 25.60),
    Waypoint("coast road at 25.3° N", -14.76, 25.30),
    Waypoint("coast road at 24.9° N", -14.79, 24.90),
    Waypoint("coast road at 24.7° N", -14.85, 24.68),
    Waypoint("coast road at 24.5° N", -15.10, 24.46),
    Waypoint("coast road at 24.2° N", -15.38, 24.20),
    DAKHLA_TURN,
    DAKHLA_NECK,
    DAKHLA_MIDDLE,
    "Dakhla, EH",
    DAKHLA_MIDDLE,
    DAKHLA_NECK,
    DAKHLA_TURN,
    Waypoint("east of the bay of Dakhla", -15.70, 23.78),
    "El Aargub, EH",
    Waypoint("coast road at 23.3° N", -15.93, 23.27),
    Waypoint("coast road at 22.6° N", -16.25, 22.60),
    "Bir Ganduz, EH",
    "Guerguerat, EH",
    Waypoint("south of the border post", -16.92, 21.29),
    "Boulenouar, MR",
    Waypoint("Chami", -15.97, 20.05),
    "Nouakchott, MR",
    "Ouad Naga, MR",
    "Boutilimit, MR",
    "Aleg, MR",
    "Magta Lahjar, MR",
    "Guerou, MR",
    "Kiffa, MR",
    "Tintane, MR",
    "Ayoun el Atrous, MR",
    "Kobenni, MR",
    "Nioro du Sahel, ML",
    "Diéma, ML",
    Waypoint("Didiéni", -8.10, 13.88),
    "Kolokani, ML",
    "Kati, ML",
    "Bamako, ML",
    "Fana, ML",
    "Ségou, ML",
    "Bla, ML",
    "Koutiala, ML",
    "Kouri, ML",
    "Bobo-Dioulasso, BF",
    "Houndé, BF",
    "Boromo, BF",
    "Sabou, BF",
    "Ouagadougou, BF",
)

BY_DORI: tuple[str | Waypoint, ...] = (
    *TO_OUAGADOUGOU,
    "Ziniaré, BF",
    "Kaya, BF",
    "Pissila, BF",
    Waypoint("Tougouri", -0.52, 13.32),
    Waypoint("Yalgo", -0.27, 13.58),
    Waypoint("Bani", -0.17, 13.72),
    "Dori, BF",
    Waypoint("Seytenga", 0.31, 13.99),
    "Téra, NE",
    "Gothèye, NE",
    "Niamey, NE",
)

BY_FADA: tuple[str | Waypoint, ...] = (
    *TO_OUAGADOUGOU,
    "Zorgo, BF",
    "Koupéla, BF",
    "Fada N'Gourma, BF",
    Waypoint("Matiacoali", 1.03, 12.37),
    "Kantchari, BF",
    Waypoint("Makalondi", 1.68, 12.83),
    "Torodi, NE",
    "Niamey, NE",
)

ROUTES = {
    "casablanca_niamey.geojson": ("Casablanca to Niamey by Dori", BY_DORI),
    "casablanca_niamey_fada.geojson": ("Casablanca to Niamey by Fada N'Gourma", BY_FADA),
}


def position(place: str | Waypoint) -> tuple[float, float]:
    """Longitude and latitude of a place; of a town, the largest of its name in its country."""
    if isinstance(place, Waypoint):
        return place.lon, place.lat
    town = find_towns(place).iloc[0]
    return float(town["lon"]), float(town["lat"])


def feature_collection(name: str, places: Sequence[str | Waypoint]) -> dict[str, object]:
    """A GeoJSON collection of one line through the places, in order."""
    properties = {
        "name": name,
        "towns": [place.split(",")[0] for place in places if isinstance(place, str)],
        "waypoints": list(dict.fromkeys(p.name for p in places if isinstance(p, Waypoint))),
        "source": SOURCE,
    }
    line = {"type": "LineString", "coordinates": [position(place) for place in places]}
    feature = {"type": "Feature", "properties": properties, "geometry": line}
    return {"type": "FeatureCollection", "features": [feature]}


def as_text(collection: dict[str, object]) -> str:
    """The collection as it is written to a file: one place a line."""
    text = json.dumps(collection, ensure_ascii=False, indent=1)
    return re.sub(r"\[\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]", r"[\1, \2]", text) + "\n"


def main(folder: Path) -> None:
    """Write both routes to a folder."""
    for file_name, (name, places) in ROUTES.items():
        (folder / file_name).write_text(as_text(feature_collection(name, places)), "utf-8")
        route = Route([position(place) for place in places], name=name)
        longest_km = segment_lengths_km(route.lon, route.lat).max()
        print(f"{file_name}: {route.km:,.0f} km, longest segment {longest_km:.0f} km")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
