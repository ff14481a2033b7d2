"""The bundled regions hold what data/SOURCES.md promises of them, and areas are right."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import GEOD
from kidnaprisk.routes.regions import REGION_COLUMNS, RegionIndex, areas_km2, load_regions
from kidnaprisk.routes.towns import load_towns


@pytest.fixture(scope="module")
def world() -> gpd.GeoDataFrame:
    return load_regions()


@pytest.fixture(scope="module")
def at(world):
    index = RegionIndex(world)

    def region_at(lon: float, lat: float):
        row = int(index.locate([lon], [lat])[0])
        return None if row < 0 else world.iloc[row]

    return region_at


def test_table_is_whole(world):
    assert list(world.columns) == [*REGION_COLUMNS, "geometry"]
    assert world["region_id"].is_unique
    assert world["region_id"].is_monotonic_increasing
    assert world["region_id"].str.fullmatch("[A-Z]{2}-[a-z0-9]+(-[a-z0-9]+)*").all()
    assert not world[["region_id", "name", "country", "disputed"]].isna().any().any()
    assert (world["name"].str.strip() != "").all()
    assert (world["region_id"].str[:2] == world["country"]).all()
    assert world.crs.to_epsg() == 4326
    assert world["disputed"].dtype == bool


def test_geometry_is_valid_and_meets_without_gap_or_overlap(world):
    geometry = world.geometry.to_numpy()
    assert shapely.is_valid(geometry).all()
    assert not shapely.is_empty(geometry).any()
    if not hasattr(shapely, "coverage_is_valid"):
        pytest.skip("shapely before 2.1 cannot check a coverage")
    assert shapely.coverage_is_valid(geometry)


def test_burkina_has_the_thirteen_regions_and_not_its_provinces(world):
    burkina = world[world["country"] == "BF"]
    assert set(burkina["name"]) == {
        "Boucle du Mouhoun",
        "Cascades",
        "Centre",
        "Centre-Est",
        "Centre-Nord",
        "Centre-Ouest",
        "Centre-Sud",
        "Est",
        "Hauts-Bassins",
        "Nord",
        "Plateau-Central",
        "Sahel",
        "Sud-Ouest",
    }
    # The state's own figure is 274,200 km²; a layer drawn for 1:10 million misses it by under 1 %.
    assert areas_km2(burkina).sum() == pytest.approx(274_200, rel=0.01)


def test_namibia_is_read(world):
    assert (world["country"] == "NA").sum() == 13


@pytest.mark.parametrize(
    ("place", "lon", "lat", "region_id"),
    [
        ("Dori", -0.03, 14.03, "BF-sahel"),
        ("Fada N'Gourma", 0.36, 12.06, "BF-est"),
        ("Téra", 0.75, 14.01, "NE-tillaberi"),
        ("Niamey", 2.11, 13.51, "NE-niamey"),
        ("Ménaka, whose region the layer does not know", 2.4, 15.92, "ML-gao"),
        ("Oujda", -1.91, 34.68, "MA-oriental"),
        ("Ed Daein, East Darfur", 26.13, 11.46, "SD-eastern-darfur"),
        ("Zalingei, Central Darfur", 23.47, 12.91, "SD-central-darfur"),
        ("Nyala, South Darfur", 24.88, 12.05, "SD-southern-darfur"),
        ("Windhoek", 17.08, -22.57, "NA-khomas"),
        ("Cayenne", -52.33, 4.93, "GF-guyane-francaise"),
        ("Minna, Niger State", 6.55, 9.61, "NG-niger"),
    ],
)
def test_places_are_in_their_region(at, place, lon, lat, region_id):
    assert at(lon, lat)["region_id"] == region_id, place


@pytest.mark.parametrize(
    ("place", "lon", "lat", "country", "disputed"),
    [
        ("Laâyoune, west of the berm", -13.19, 27.14, "EH", True),
        ("Dakhla's hinterland", -15.0, 23.7, "EH", True),
        ("Smara", -11.67, 26.74, "EH", True),
        ("Tifariti, east of the berm", -10.57, 26.16, "EH", True),
        ("Tarfaya, north of 27°40' N", -12.9, 27.93, "MA", False),
        ("Tan-Tan", -11.1, 28.44, "MA", False),
        ("Pristina", 21.17, 42.66, "XK", True),
        ("Hargeisa", 44.06, 9.56, "SO", True),
        ("Simferopol", 34.1, 44.95, "UA", True),
        ("Ouagadougou", -1.53, 12.37, "BF", False),
    ],
)
def test_country_and_disputed_flag(at, place, lon, lat, country, disputed):
    region = at(lon, lat)
    assert (region["country"], bool(region["disputed"])) == (country, disputed), place


def test_all_of_western_sahara_is_disputed_and_south_of_the_parallel(world):
    sahara = world[world["country"] == "EH"]
    assert len(sahara) == 4
    assert sahara["disputed"].all()
    assert sahara.total_bounds[3] == pytest.approx(27 + 40 / 60, abs=0.02)
    # 266,000 km² by the UN's count of the whole territory.
    assert areas_km2(sahara).sum() == pytest.approx(266_000, rel=0.02)


def test_aliases_hold_other_names_and_not_the_name(world):
    by_id = world.set_index("region_id")
    assert "Tombouctou" in by_id.loc["ML-timbuktu", "aliases"].split(";")
    assert "Liptako" in by_id.loc["BF-sahel", "aliases"].split(";")
    for name, aliases in zip(world["name"], world["aliases"].fillna(""), strict=True):
        assert name not in aliases.split(";")


def test_no_alias_is_the_name_of_another_region_of_the_country(world):
    for _, country in world.groupby("country"):
        names = set(country["name"])
        assert not names & set(country["aliases"].str.split(";").explode())


def test_countries_agree_with_those_of_the_towns(world):
    towns = load_towns()
    towns = towns[towns["population"] >= 15_000]
    row = RegionIndex(world).locate(towns["lon"], towns["lat"])
    on_land = row >= 0
    same = world["country"].to_numpy()[row[on_land]] == towns["country"].to_numpy()[on_land]
    # What is left are towns on a border (Goma, Görlitz) and coasts drawn coarsely.
    assert on_land.mean() > 0.98
    assert same.mean() > 0.997


def test_a_box_gives_the_regions_that_meet_it(world):
    west, south, east, north = -3.0, 11.0, 2.0, 15.0
    found = load_regions((west, south, east, north))
    bounds = world.bounds
    meets = (
        (bounds["minx"] <= east)
        & (bounds["maxx"] >= west)
        & (bounds["miny"] <= north)
        & (bounds["maxy"] >= south)
    )
    assert set(found["region_id"]) <= set(world.loc[meets, "region_id"])
    inside = world.intersects(shapely.box(west, south, east, north))
    assert set(found["region_id"]) >= set(world.loc[inside, "region_id"])
    assert found["region_id"].is_monotonic_increasing
    assert found.index.tolist() == list(range(len(found)))


def test_a_box_may_reach_across_the_antimeridian():
    found = load_regions((178.0, -19.0, -179.0, -16.0))
    assert set(found["country"]) >= {"FJ"}
    assert found["region_id"].is_unique


def test_a_box_of_open_sea_is_an_empty_table_of_the_same_columns():
    found = load_regions((-40.0, 0.0, -39.0, 1.0))
    assert len(found) == 0
    assert list(found.columns) == [*REGION_COLUMNS, "geometry"]


@pytest.mark.parametrize("box", [(0, 2, 1, 1), (0, np.nan, 1, 1), (0, 1, 2)])
def test_an_unusable_box_is_an_error(box):
    with pytest.raises(RouteError, match="bounding box"):
        load_regions(box)


@pytest.mark.parametrize("lat", [-90.0, -60.0, -1.0, 0.0, 45.0, 89.0])
def test_area_of_a_box_is_that_of_the_ellipsoid(lat):
    box = shapely.segmentize(shapely.box(10.0, lat, 11.0, lat + 1.0), 0.001)
    square_metres, _ = GEOD.geometry_area_perimeter(box)
    frame = gpd.GeoDataFrame(geometry=[shapely.box(10.0, lat, 11.0, lat + 1.0)], crs="EPSG:4326")
    assert areas_km2(frame)[0] == pytest.approx(abs(square_metres) / 1e6, rel=1e-7)


def test_area_of_the_whole_earth_and_of_a_hole():
    earth = shapely.box(-180, -90, 180, 90)
    ring = shapely.difference(shapely.box(0, 0, 4, 4), shapely.box(1, 1, 2, 2))
    both = shapely.union_all([shapely.box(0, 0, 1, 1), shapely.box(5, 0, 6, 1)])
    shapes = [earth, ring, shapely.box(0, 0, 4, 4), shapely.box(1, 1, 2, 2), both]
    frame = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326")
    area = areas_km2(frame)
    # Surface of WGS84 (NIMA TR8350.2).
    assert area[0] == pytest.approx(510_065_621.724, rel=1e-9)
    assert area[1] == pytest.approx(area[2] - area[3], rel=1e-12)
    assert area[4] == pytest.approx(2 * areas_km2(frame.iloc[[4]].explode())[0], rel=1e-9)


def test_area_of_no_regions():
    assert areas_km2(gpd.GeoDataFrame(geometry=[], crs="EPSG:4326")).shape == (0,)
