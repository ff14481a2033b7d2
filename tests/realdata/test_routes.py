"""Real tracks and corridors: each is read whole, or refused with the reason."""

import gpxpy
import pytest

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.read import read_route
from kidnaprisk.routes.route import Route

CORRIDORS = {
    "corridors.geojson": 0.0,
    "corridors.gpx": 0.0,
    "corridors.kml": 0.0,
    "corridors.kmz": 0.0,
    "corridors.gpkg": 0.0,
    "corridors.fgb": 0.0,
    "corridors_shp.zip": 0.0,
    "shp/corridors.shp": 0.0,
    # Six decimals are 0.11 m, at both ends of some 150 segments.
    "encoded_polylines.json": 0.005,
}
NAMES = (
    "Casablanca-Niamey",
    "Casablanca-Niamey-via-Nouakchott-Bamako-Ouagadougou",
    "Dakar-Bamako",
    "Tema-Ouagadougou",
    "Cotonou-Niamey",
    "Douala-NDjamena",
    "Lagos-Kano",
    "Algiers-Agadez",
)


@pytest.fixture(scope="module")
def routes_dir(shared_dir):
    folder = shared_dir / "routes"
    if not folder.is_dir():
        pytest.skip(f"no real routes at {folder}")
    return folder


def vertices(track):
    return [(point.longitude, point.latitude) for point in track.walk(only_points=True)]


@pytest.fixture(scope="module")
def drawn(routes_dir):
    """The corridors by name, as another library reads them."""
    gpx = gpxpy.parse((routes_dir / "osm_derived" / "corridors.gpx").read_text())
    return {track.name: Route(vertices(track)) for track in gpx.tracks}


@pytest.fixture(scope="module")
def race(routes_dir):
    """The tracks of a race in ten stages, in the order of the file, by number."""
    path = routes_dir / "atlas_mountain_race" / "2024_atlas-mountain-race.gpx"
    tracks = gpxpy.parse(path.read_text()).tracks
    return {int(t.name.split("//")[1].split(".")[0]): vertices(t) for t in tracks}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", CORRIDORS)
def test_every_format_gives_the_same_corridor(routes_dir, drawn, file, name):
    route = read_route(routes_dir / "osm_derived" / file, name=name.upper())
    assert route.name == name
    assert route.km == pytest.approx(drawn[name].km, abs=CORRIDORS[file] or 1e-6)


@pytest.mark.parametrize("file", CORRIDORS)
def test_which_corridor_is_asked(routes_dir, file):
    with pytest.raises(RouteError, match="8 lines that do not connect") as caught:
        read_route(routes_dir / "osm_derived" / file)
    assert all(repr(name) in str(caught.value) for name in NAMES)


def test_casablanca_niamey_is_as_long_as_drawn(routes_dir):
    route = read_route(routes_dir / "osm_derived" / "corridors.geojson", name="casablanca-niamey")
    assert route.km == pytest.approx(4990, abs=1)


def test_a_legend_of_a_shapefile_is_no_route(routes_dir):
    for name in ("corridors.cpg", "corridors.dbf", "corridors.prj"):
        with pytest.raises(RouteError, match="not recognised"):
            read_route(routes_dir / "osm_derived" / "shp" / name)
    assert len(list((routes_dir / "osm_derived" / "shp").iterdir())) == 5


@pytest.mark.parametrize("suffix", ["gpx", "geojson"])
def test_ten_stages_in_alphabetical_order_are_one_road(routes_dir, race, suffix):
    route = read_route(routes_dir / "atlas_mountain_race" / f"2024_atlas-mountain-race.{suffix}")
    in_order = Route([vertex for number in range(1, 11) for vertex in race[number]])
    assert route.coordinates.tolist() == in_order.coordinates.tolist()
    # Stages meet within 30 m, so the whole is hardly longer than its parts.
    assert route.km == pytest.approx(sum(Route(stage).km for stage in race.values()), abs=0.1)


def test_a_stage_can_be_chosen(routes_dir):
    path = routes_dir / "atlas_mountain_race" / "2024_atlas-mountain-race.gpx"
    route = read_route(path, name="AMR 2024 // 4. Afra to Tazenakht")
    assert route.km == pytest.approx(140, abs=1)


def test_a_planned_route_in_gpx(routes_dir):
    path = routes_dir / "atlas_mountain_race" / "2023_silk-road-mountain-race.gpx"
    points = gpxpy.parse(path.read_text()).routes[0].points
    route = read_route(path)
    assert route.name == "Silk Road Mountain Race 2023"
    assert route == Route([(p.longitude, p.latitude) for p in points], route.name)


def test_gpx_without_a_namespace(routes_dir):
    route = read_route(routes_dir / "gpx10_route_nons.gpx")
    assert route.name == "plan"
    assert len(route.coordinates) == 2


def test_folders_collections_and_tracks_of_one_kml_are_joined(routes_dir):
    route = read_route(routes_dir / "nasty.kml")
    assert len(route.coordinates) == 4
    assert route.times is None
    assert route.times_dropped == "only some of the lines have times"
    assert len(read_route(routes_dir / "nasty.kml", name="t").times) == 2
    assert len(read_route(routes_dir / "nasty.kml", name="leg b").coordinates) == 3


def test_a_track_of_one_point_is_refused(routes_dir):
    with pytest.raises(RouteError, match=r"track 1 has one point only \(file one_point.gpx\)"):
        read_route(routes_dir / "one_point.gpx")


def test_every_file_is_read_or_refused(routes_dir):
    paths = [path for path in routes_dir.rglob("*") if path.is_file()]
    read, refused = [], []
    for path in paths:
        try:
            read_route(path, name=None if "osm_derived" not in str(path) else "dakar-bamako")
        except RouteError as error:
            refused.append(error.file)
        else:
            read.append(path.name)
    assert sorted(refused) == ["corridors.cpg", "corridors.dbf", "corridors.prj", "one_point.gpx"]
    assert len(read) == len(paths) - 4
