"""The two example routes: where they run, that they stay on land, and that they can be rebuilt."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kidnaprisk.geodesy import GEOD, densify, segment_lengths_km
from kidnaprisk.routes.read import read_route
from kidnaprisk.routes.regions import RegionIndex, load_regions
from kidnaprisk.routes.route import Route
from kidnaprisk.routes.towns import find_towns
from kidnaprisk.routes.trip import Stop, Trip, resolve_stops

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DORI, FADA = "casablanca_niamey.geojson", "casablanca_niamey_fada.geojson"
BOTH = pytest.mark.parametrize("file", [DORI, FADA])

MAIN_TOWNS = [
    *("Casablanca, MA", "Marrakech, MA", "Agadir, MA", "Tiznit, MA", "Guelmim, MA", "Tan-Tan, MA"),
    *("Laâyoune, EH", "Boujdour, EH", "Dakhla, EH", "Guerguerat, EH", "Nouakchott, MR", "Aleg, MR"),
    *("Kiffa, MR", "Ayoun el Atrous, MR", "Nioro du Sahel, ML", "Diéma, ML", "Bamako, ML"),
    *("Ségou, ML", "Koutiala, ML", "Bobo-Dioulasso, BF", "Ouagadougou, BF"),
]
TOWNS = {
    DORI: [*MAIN_TOWNS, "Kaya, BF", "Dori, BF", "Téra, NE", "Niamey, NE"],
    FADA: [
        *MAIN_TOWNS,
        "Koupéla, BF",
        "Fada N'Gourma, BF",
        "Kantchari, BF",
        "Torodi, NE",
        "Niamey, NE",
    ],
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_routes", EXAMPLES / "build_routes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def borders() -> RegionIndex:
    return RegionIndex(load_regions((-20.0, 8.0, 6.0, 36.0)))


def feature(file: str) -> dict[str, Any]:
    (only,) = json.loads((EXAMPLES / file).read_text("utf-8"))["features"]
    return only


def route(file: str) -> Route:
    return read_route(EXAMPLES / file)


@BOTH
def test_length_is_that_of_the_haul(file: str) -> None:
    assert 4_700 < route(file).km < 5_300


@BOTH
def test_passes_through_the_towns_in_order(file: str) -> None:
    trip = Trip(route(file), "2024-12-28T06:00Z", stops=[Stop(1, near=t) for t in TOWNS[file]])
    placed = resolve_stops(trip)
    in_order = [find_towns(town)["name"].iloc[0] for town in TOWNS[file]]
    assert [stop.label.split(",")[0] for stop in placed] == in_order
    for town in TOWNS[file]:
        at = find_towns(town).iloc[0]
        line = route(file)
        away = GEOD.inv(
            np.full(line.lon.shape, at["lon"]),
            np.full(line.lat.shape, at["lat"]),
            line.lon,
            line.lat,
        )[2]
        assert min(away) < 100.0


@BOTH
def test_stays_on_land(file: str, borders: RegionIndex) -> None:
    line = route(file)
    split = borders.split(densify(line.lon, line.lat))
    km = np.diff(split.km)
    assert km.sum() == pytest.approx(line.km, rel=1e-9)
    assert km[split.region < 0].sum() < 1.0
    crossed = borders.regions["country"].to_numpy()[split.region[split.region >= 0]]
    assert list(dict.fromkeys(crossed)) == ["MA", "EH", "MR", "ML", "BF", "NE"]


@BOTH
def test_has_no_long_jump_and_no_zigzag(file: str) -> None:
    line = route(file)
    assert segment_lengths_km(line.lon, line.lat).max() < 220.0
    # The road turns back on itself only on the spur to Dakhla: at its tip, and where it leaves.
    forward, _, _ = GEOD.inv(line.lon[:-1], line.lat[:-1], line.lon[1:], line.lat[1:])
    turn = np.abs((np.diff(forward) + 180.0) % 360.0 - 180.0)
    at = np.flatnonzero(turn > 120.0) + 1
    dakhla = find_towns("Dakhla, EH").iloc[0]
    tip = np.flatnonzero(line.lon == dakhla["lon"])
    spur = [int(tip[0]), int(tip[0]) + 3]
    assert line.coordinates[spur[1]].tolist() == line.coordinates[spur[0] - 3].tolist()
    assert at.tolist() == spur


def test_the_two_part_at_ouagadougou() -> None:
    by_dori, by_fada = route(DORI), route(FADA)
    ouagadougou = find_towns("Ouagadougou, BF").iloc[0]
    common = next(
        i
        for i, (a, b) in enumerate(zip(by_dori.coordinates, by_fada.coordinates, strict=False))
        if (a != b).any()
    )
    assert by_dori.coordinates[common - 1].tolist() == [ouagadougou["lon"], ouagadougou["lat"]]
    assert by_dori.coordinates[-1].tolist() == by_fada.coordinates[-1].tolist()


@BOTH
def test_says_what_it_is(file: str) -> None:
    properties = feature(file)["properties"]
    assert properties["name"] == route(file).name
    assert properties["towns"][0] == "Casablanca"
    assert properties["towns"][-1] == "Niamey"
    assert "GeoNames, CC BY 4.0" in properties["source"]
    assert "not a road geometry" in properties["source"]


@BOTH
def test_is_what_the_script_makes(file: str, script: ModuleType) -> None:
    made = script.as_text(script.feature_collection(*script.ROUTES[file]))
    assert made == (EXAMPLES / file).read_text("utf-8")


def test_the_script_writes_both(script: ModuleType, tmp_path: Path) -> None:
    script.main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([DORI, FADA])
