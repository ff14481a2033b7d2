"""GeoJSON after RFC 7946: opens in geopandas, adds up, and stays on the map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

import kidnaprisk as kr
from kidnaprisk.errors import StoreError
from kidnaprisk.geodesy import segment_lengths_km
from kidnaprisk.reports.geojson import on_the_map, trip_geojson

FIXTURES = ["dangerous", "quiet", "half_covered", "across_the_line"]


def features(risk: kr.TripRisk, kind: str) -> list[dict[str, Any]]:
    collection = json.loads(trip_geojson(risk))
    return [one for one in collection["features"] if one["properties"]["kind"] == kind]


@pytest.mark.parametrize("name", FIXTURES)
def test_every_stretch_and_incident_is_there_and_adds_up(
    name: str, request: pytest.FixtureRequest
) -> None:
    risk: kr.TripRisk = request.getfixturevalue(name)
    stretches = features(risk, "stretch")
    assert len(stretches) == len(risk.stretches)
    assert len(features(risk, "incident")) == len(risk.incidents)
    parts = [one["properties"]["expected_incidents"] or 0.0 for one in stretches]
    assert sum(parts) == pytest.approx(risk.expected_incidents, rel=1e-9)
    totals = json.loads(trip_geojson(risk))["totals"]
    assert totals["km"] == risk.km
    assert "regions" not in totals


@pytest.mark.parametrize("name", FIXTURES)
def test_positions_are_on_the_map_and_as_long_as_the_route(
    name: str, request: pytest.FixtureRequest
) -> None:
    risk: kr.TripRisk = request.getfixturevalue(name)
    length = 0.0
    for feature in features(risk, "stretch"):
        for line in shapely.get_parts(shapely.geometry.shape(feature["geometry"])):
            lon, lat = shapely.get_coordinates(line).T
            assert abs(lon).max() <= 180.0
            assert abs(lat).max() <= 90.0
            # No piece leaps across the map.
            assert abs(lon[1:] - lon[:-1]).max() < 1.0
            length += segment_lengths_km(lon, lat).sum()
    assert length == pytest.approx(risk.trip.route.km, rel=1e-5)


def test_what_a_feature_is_and_what_an_incident_was_are_apart(dangerous: kr.TripRisk) -> None:
    told = [one["properties"] for one in features(dangerous, "incident")]
    assert [one["incident_kind"] for one in told] == dangerous.incidents["kind"].tolist()
    assert not any("incident_kind" in one["properties"] for one in features(dangerous, "stretch"))


def test_missing_is_null(half_covered: kr.TripRisk) -> None:
    unscored = [
        one["properties"]
        for one in features(half_covered, "stretch")
        if one["properties"]["status"] == "outside_coverage"
    ]
    assert unscored
    assert all(one["expected_incidents"] is None and one["band"] is None for one in unscored)


def test_geopandas_opens_it(dangerous: kr.TripRisk, tmp_path: Path) -> None:
    path = tmp_path / "trip.geojson"
    dangerous.to_geojson(path)
    table = gpd.read_file(path)
    assert table.crs.to_epsg() == 4326
    assert len(table) == len(dangerous.stretches) + len(dangerous.incidents)
    assert table["expected_incidents"].notna().all()


def test_no_crs_member(dangerous: kr.TripRisk) -> None:
    assert "crs" not in json.loads(trip_geojson(dangerous))


def test_not_writable_is_our_error(dangerous: kr.TripRisk, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder that exists"):
        dangerous.to_geojson(tmp_path / "nowhere" / "trip.geojson")


def test_a_line_west_of_the_antimeridian_comes_round_to_the_east() -> None:
    line = shapely.LineString([(-179.5, 10), (-180.5, 10)])
    parts = shapely.get_parts(on_the_map(line))
    ends = sorted(tuple(sorted(shapely.get_coordinates(part)[:, 0])) for part in parts)
    assert ends == [(-180.0, -179.5), (179.5, 180.0)]
