"""Reading routes: every format gives the same line, and a choice is asked for, never guessed."""

import io
import json
from pathlib import Path

import geopandas
import gpxpy
import numpy as np
import polyline
import pytest
import shapely
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from kidnaprisk.errors import RouteError
from kidnaprisk.routes.read import read_route
from kidnaprisk.routes.route import Route
from tests.routes import files

LINE = [(-7.5, 33.5), (-9.25, 30.125), (2.0625, 13.5)]
GPX = '<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'
KML = (
    '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">'
    "<Document>{}</Document></kml>"
)


def vertices(route):
    return [tuple(vertex) for vertex in route.coordinates.tolist()]


def points(*line, tag="trkpt", times=None):
    stamps = times or [None] * len(line)
    inner = [f"<time>{stamp}</time>" if stamp else "" for stamp in stamps]
    return "".join(
        f'<{tag} lat="{lat}" lon="{lon}">{time}</{tag}>'
        for (lon, lat), time in zip(line, inner, strict=True)
    )


def track(*segments, name="t"):
    inner = "".join(f"<trkseg>{segment}</trkseg>" for segment in segments)
    return f"<trk><name>{name}</name>{inner}</trk>"


def placemark(*line, name="p"):
    text = " ".join(f"{lon},{lat}" for lon, lat in line)
    coordinates = f"<LineString><coordinates>{text}</coordinates></LineString>"
    return f"<Placemark><name>{name}</name>{coordinates}</Placemark>"


class TestEveryFormat:
    @pytest.mark.parametrize("write", files.WRITERS.values(), ids=files.WRITERS)
    def test_from_bytes(self, write):
        assert vertices(read_route(write(LINE))) == LINE

    @pytest.mark.parametrize("write", files.WRITERS.values(), ids=files.WRITERS)
    def test_from_a_file_of_any_name(self, write, tmp_path):
        path = tmp_path / "haul.dat"
        path.write_bytes(write(LINE, "haul"))
        assert vertices(read_route(path)) == LINE
        assert read_route(str(path)).name == "haul"

    @pytest.mark.parametrize("kind", ["plain", "zipped"])
    def test_shapefile(self, kind, tmp_path):
        files.table(LINE, "haul").to_file(tmp_path / "lines.shp")
        path = tmp_path / "lines.shp"
        if kind == "zipped":
            members = {f"sub/{p.name}": p.read_bytes() for p in tmp_path.glob("lines.*")}
            path = tmp_path / "lines.zip"
            path.write_bytes(files.zipped(**members))
        route = read_route(path)
        assert (vertices(route), route.name) == (LINE, "haul")

    def test_projected_shapefile_is_turned_into_degrees(self, tmp_path):
        files.table(LINE).to_crs("EPSG:32629").to_file(tmp_path / "utm.shp")
        route = read_route(tmp_path / "utm.shp")
        np.testing.assert_allclose(route.coordinates, LINE, atol=1e-8)

    def test_shapefile_without_projection_is_asked_about(self, tmp_path):
        files.table(LINE).to_file(tmp_path / "lines.shp")
        (tmp_path / "lines.prj").unlink()
        with pytest.raises(RouteError, match=r"not stated \(file lines.shp\): .*crs="):
            read_route(tmp_path / "lines.shp")
        assert vertices(read_route(tmp_path / "lines.shp", crs=4326)) == LINE

    @pytest.mark.parametrize("inner", ["gpx", "geojson", "gpkg"])
    def test_one_file_in_a_zip(self, inner):
        archive = files.zipped(**{f"a.{inner}": files.WRITERS[inner](LINE), "readme.txt": b"x"})
        assert vertices(read_route(archive)) == LINE

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    @pytest.mark.parametrize("write", [files.geojson, files.csv, files.wkt])
    def test_byte_order_marks(self, write, encoding):
        assert vertices(read_route(write(LINE).decode().encode(encoding))) == LINE

    @pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "utf-8-sig"])
    def test_xml_in_its_declared_encoding(self, encoding):
        declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
        text = declaration + GPX.format(track(points(*LINE), name="Téra"))
        assert read_route(text.encode(encoding)).name == "Téra"
        assert read_route("\n" + text).name == "Téra"


lonlats = st.tuples(
    st.integers(-179_999_999, 179_999_999).map(lambda k: k / 1e6),
    st.integers(-89_999_999, 89_999_999).map(lambda k: k / 1e6),
)


@given(st.lists(lonlats, min_size=2, max_size=8), st.sampled_from(sorted(files.WRITERS)))
@settings(max_examples=150)
def test_round_trip(line, format):
    try:
        route = Route(line)
    except RouteError:
        reject()
    again = read_route(files.WRITERS[format](line))
    assert again.coordinates.tolist() == route.coordinates.tolist()
    assert again.km == route.km


class TestInMemory:
    def test_array_and_list(self):
        assert vertices(read_route(np.array(LINE))) == LINE
        assert vertices(read_route(LINE, name="haul")) == LINE
        assert read_route(LINE, name="haul").name == "haul"

    def test_shapely(self):
        assert vertices(read_route(shapely.LineString(LINE))) == LINE
        assert vertices(read_route(shapely.LineString([(*v, 12) for v in LINE]))) == LINE
        parts = shapely.MultiLineString([LINE[1:], LINE[:2]])
        assert vertices(read_route(parts)) == LINE

    def test_route(self):
        route = Route(LINE, "old")
        assert read_route(route) is route
        assert read_route(route, name="new") == Route(LINE, "new")

    def test_tables(self):
        table = files.table(LINE, "haul").to_crs(3857)
        route = read_route(table)
        assert route.name == "haul"
        np.testing.assert_allclose(route.coordinates, LINE, atol=1e-9)
        assert vertices(read_route(files.table(LINE).geometry)) == LINE
        with pytest.raises(RouteError, match="reference system is not stated"):
            read_route(geopandas.GeoSeries([shapely.LineString(LINE)]))

    def test_text(self):
        text = shapely.LineString(LINE).wkt
        assert vertices(read_route(text)) == LINE
        assert vertices(read_route(files.geojson(LINE).decode())) == LINE
        assert vertices(read_route(GPX.format(track(points(*LINE))))) == LINE
        metres = shapely.LineString([(0, 0), (111319.49079327357, 0)]).wkt
        assert read_route(f"SRID=3857;{metres}").km == pytest.approx(111.31949, abs=1e-5)
        assert read_route(metres, crs=3857) == read_route(f"SRID=3857;{metres}")


class TestPrecision:
    # The example of the format's own documentation.
    TEXT = "_p~iF~ps|U_ulLnnqC_mqNvxq`@"
    LINE = ((-120.2, 38.5), (-120.95, 40.7), (-126.453, 43.252))

    def test_asked_for(self, tmp_path):
        route = read_route(self.TEXT, format="polyline", precision=5)
        assert vertices(route) == list(self.LINE)
        (tmp_path / "a.polyline5").write_text(self.TEXT)
        assert vertices(read_route(tmp_path / "a.polyline5")) == list(self.LINE)

    def test_ambiguous_is_asked_about(self):
        with pytest.raises(RouteError, match="5 decimals and with 6: say which with precision="):
            read_route(self.TEXT, format="polyline")

    def test_six_decimals_that_leave_the_earth_at_five(self):
        text = polyline.encode(LINE, 6, geojson=True)
        assert vertices(read_route(text, format="polyline")) == LINE

    @pytest.mark.parametrize("precision", [5, 6])
    @pytest.mark.parametrize("scale", [0.1, 1.0])
    def test_the_distance_of_an_answer_decides(self, precision, scale):
        line = [(lon * scale, lat * scale) for lon, lat in [(-7.5, 33.5), (-9.25, 30.0)]]
        metres = Route(line).km * 1000 * 1.3
        geometry = polyline.encode(line, precision, geojson=True)
        answer = {"code": "Ok", "routes": [{"geometry": geometry, "distance": metres}]}
        np.testing.assert_allclose(read_route(json.dumps(answer)).coordinates, line, atol=1e-9)


ENCODED = polyline.encode(LINE, 6, geojson=True)
PLAIN = {"type": "LineString", "coordinates": [list(vertex) for vertex in LINE]}


class TestAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            {"code": "Ok", "routes": [{"geometry": PLAIN, "distance": 1}]},
            {"code": "Ok", "matchings": [{"geometry": ENCODED}]},
            {"paths": [{"points": PLAIN, "points_encoded": False}]},
            {"paths": [{"points": ENCODED, "points_encoded_multiplier": 1e6}]},
            {"trip": {"legs": [{"shape": ENCODED}], "status": 0, "units": "kilometers"}},
            {"trip": {"legs": [{"shape": PLAIN}]}},
            {"haul": ENCODED},
            {"haul": {"polyline6": ENCODED, "polyline5": "", "km": 2500}},
            [list(vertex) for vertex in LINE],
        ],
    )
    def test_geometry(self, answer):
        assert vertices(read_route(json.dumps(answer))) == LINE

    def test_google(self):
        points = polyline.encode(LINE, 5, geojson=True)
        answer = {"status": "OK", "routes": [{"overview_polyline": {"points": points}}]}
        assert vertices(read_route(json.dumps(answer))) == [
            (-7.5, 33.5),
            (-9.25, 30.125),
            (2.0625, 13.5),
        ]

    def test_steps_are_finer_than_the_overview(self):
        steps = [
            {"geometry": {"type": "LineString", "coordinates": LINE[:2]}},
            {"geometry": {"type": "LineString", "coordinates": LINE[1:]}},
            {"geometry": {"type": "LineString", "coordinates": [LINE[2]]}},
        ]
        coarse = {"type": "LineString", "coordinates": [LINE[0], LINE[2]]}
        answer = {"routes": [{"geometry": coarse, "legs": [{"steps": steps}]}]}
        assert vertices(read_route(json.dumps(answer))) == LINE

    def test_several_legs(self):
        shapes = [polyline.encode(part, 6, geojson=True) for part in (LINE[:2], LINE[1:])]
        answer = {"trip": {"legs": [{"shape": shape} for shape in shapes]}}
        assert vertices(read_route(json.dumps(answer))) == LINE

    def test_alternatives_are_asked_about(self):
        other = {"type": "LineString", "coordinates": [LINE[0], LINE[2]]}
        answer = json.dumps({"routes": [{"geometry": PLAIN}, {"geometry": other}]})
        with pytest.raises(RouteError, match=r"2 alternative routes: choose one with name=.*2 \("):
            read_route(answer)
        assert vertices(read_route(answer, name=2)) == [LINE[0], LINE[2]]

    def test_a_failure_is_passed_on(self):
        answer = {"code": "NoRoute", "message": "Impossible route", "routes": []}
        with pytest.raises(RouteError, match=r"found no route.*Impossible route"):
            read_route(json.dumps(answer))


class TestSeveralLines:
    LEGS = (("one", LINE[:2]), ("two", LINE[1:]))
    APART = (("Lagos-Kano", [(3, 0), (8, 0)]), ("Dakar-Bamako", [(-17, 0), (-9, 0)]))

    def test_legs_are_joined(self, tmp_path):
        assert vertices(read_route(files.features(*self.LEGS))) == LINE
        path = tmp_path / "haul.geojson"
        path.write_text(files.features(*self.LEGS[::-1]))
        assert vertices(read_route(path)) == LINE
        assert read_route(path).name == "haul"

    def test_a_line_cut_at_the_antimeridian_is_joined(self):
        parts = [[[179, 0], [180, 0]], [[-180, 0], [-179, 0]]]
        text = json.dumps({"type": "MultiLineString", "coordinates": parts})
        assert read_route(text).lon.tolist() == [179, -180, -179]

    def test_lines_apart_are_listed(self):
        with pytest.raises(RouteError) as caught:
            read_route(files.features(*self.APART))
        assert str(caught.value) == (
            "there are 2 lines that do not connect into one route: choose one with name= "
            "(a name or number): 1 'Lagos-Kano' (feature 1, 557 km); "
            "2 'Dakar-Bamako' (feature 2, 891 km)"
        )

    @pytest.mark.parametrize("name", ["dakar-bamako", " DAKAR-BAMAKO ", 2, "2"])
    def test_chosen_by_name_or_number(self, name):
        route = read_route(files.features(*self.APART), name=name)
        assert route.lon.tolist() == [-17, -9]
        assert route.name == "Dakar-Bamako"

    def test_a_name_misspelt(self):
        with pytest.raises(RouteError, match=r"'Dakar-Bamaco'.*did you mean 'Dakar-Bamako'"):
            read_route(files.features(*self.APART), name="Dakar-Bamaco")

    def test_folders_and_layers_choose_too(self, tmp_path):
        folders = [
            f"<Folder><name>{name}</name>{placemark(*line)}</Folder>" for name, line in self.APART
        ]
        text = KML.format("".join(folders))
        assert read_route(text, name="lagos-kano").lon.tolist() == [3, 8]
        path = tmp_path / "two.gpkg"
        for name, line in self.APART:
            files.table(line).to_file(path, layer=name, driver="GPKG")
        assert read_route(path, name="Dakar-Bamako").lon.tolist() == [-17, -9]

    def test_gap_may_be_bridged(self):
        legs = [("one", [(0, 0), (1, 0)]), ("two", [(1.01, 0), (2, 0)])]
        with pytest.raises(RouteError, match="do not connect"):
            read_route(files.features(*legs))
        assert len(read_route(files.features(*legs), max_gap_km=2).coordinates) == 4

    def test_points_beside_a_line_are_not_the_line(self):
        line = {"type": "LineString", "coordinates": LINE}
        point = {"type": "Point", "coordinates": [0, 0]}
        both = {"type": "GeometryCollection", "geometries": [point, line]}
        assert vertices(read_route(json.dumps(both))) == LINE

    def test_points_alone_only_if_asked(self):
        text = files.features(*((str(k), vertex) for k, vertex in enumerate(LINE)), kind="Point")
        with pytest.raises(RouteError, match=r"3 points but no line: .*waypoints=True"):
            read_route(text)
        assert vertices(read_route(text, waypoints=True)) == LINE


class TestGeoJson:
    def test_heights_and_measures_are_dropped(self):
        line = {"type": "LineString", "coordinates": [[0, 1, 2, 3], [4, 5, 6, 7]]}
        assert vertices(read_route(json.dumps(line))) == [(0, 1), (4, 5)]

    @pytest.mark.parametrize("name", ["urn:ogc:def:crs:EPSG::3857", "EPSG:3857"])
    def test_legacy_crs(self, name):
        crs = {"type": "name", "properties": {"name": name}}
        line = {"type": "LineString", "crs": crs, "coordinates": [[0, 0], [111319.49079327357, 0]]}
        assert read_route(json.dumps(line)).km == pytest.approx(111.31949, abs=1e-5)
        with pytest.raises(RouteError, match="leave crs= out"):
            read_route(json.dumps(line), crs="EPSG:4326")

    def test_crs84_is_longitude_latitude(self):
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
        line = {"type": "LineString", "crs": crs, "coordinates": LINE}
        assert vertices(read_route(json.dumps(line))) == LINE

    def test_one_feature_a_line(self):
        rows = [
            json.dumps({"type": "LineString", "coordinates": part}) for part in (LINE[:2], LINE[1:])
        ]
        assert vertices(read_route("\n".join(rows))) == LINE
        assert (
            vertices(read_route("\x1e".join(["", *(row + "\n" for row in rows)]).encode())) == LINE
        )


class TestGpx:
    def test_agrees_with_gpxpy(self):
        text = GPX.format(track(points(*LINE[:2]), points(LINE[1], (-9.3, 30.1))))
        theirs = [
            (p.longitude, p.latitude) for p in gpxpy.parse(text).tracks[0].walk(only_points=True)
        ]
        assert vertices(read_route(text)) == [*theirs[:2], theirs[3]]

    def test_small_gap_in_a_track_is_bridged(self):
        near = GPX.format(track(points((0, 0), (1, 0)), points((1.08, 0), (2, 0))))
        assert read_route(near).km == pytest.approx(2 * 111.31949, abs=1e-4)

    def test_large_gap_in_a_track_is_an_error(self):
        far = GPX.format(track(points((0, 0), (1, 0)), "", points((1.2, 0), (2, 0))))
        with pytest.raises(
            RouteError, match=r"gap of 22.3 km between segments 1 and 2.*max_gap_km=23"
        ):
            read_route(far)
        assert len(read_route(far, max_gap_km=23).coordinates) == 4

    def test_a_stray_point_of_a_track_is_kept(self):
        text = GPX.format(
            track(points((0, 0), (1, 0)), points((1.01, 0)), points((1.02, 0), (2, 0)))
        )
        assert len(read_route(text).coordinates) == 5

    def test_hidden_shaping_points_of_a_route(self):
        rpt = '<gpxx:rpt lat="0.5" lon="0.5"/>'
        text = GPX.format(
            '<rte><rtept lat="0" lon="0"><extensions><gpxx:RoutePointExtension '
            f'xmlns:gpxx="http://www.garmin.com/xmlschemas/GpxExtensions/v3">{rpt}'
            "</gpxx:RoutePointExtension></extensions></rtept>"
            '<rtept lat="0" lon="1"/></rte>'
        )
        assert vertices(read_route(text)) == [(0, 0), (0.5, 0.5), (1, 0)]

    def test_same_line_as_track_and_route(self):
        rte = f"<rte>{points(*LINE, tag='rtept')}</rte>"
        assert vertices(read_route(GPX.format(rte + track(points(*LINE))))) == LINE

    def test_waypoints_only(self):
        text = GPX.format(points(*LINE, tag="wpt"))
        with pytest.raises(RouteError, match="3 points but no line"):
            read_route(text)
        assert vertices(read_route(text, waypoints=True)) == LINE


class TestTimes:
    STAMPS = ("2025-01-18T06:00:00Z", "2025-01-18T09:00:00.5+02:00", "2025-01-18T08:00:00Z")

    def test_kept_in_utc(self):
        route = read_route(GPX.format(track(points(*LINE, times=self.STAMPS))))
        assert route.times.dtype == "datetime64[ns]"
        assert route.times[1] == np.datetime64("2025-01-18T07:00:00.5")

    def test_agree_with_gpxpy(self):
        text = GPX.format(track(points(*LINE, times=self.STAMPS)))
        theirs = [p.time.timestamp() for p in gpxpy.parse(text).tracks[0].segments[0].points]
        ours = read_route(text).times.astype("int64") / 1e9
        assert ours.tolist() == theirs

    @pytest.mark.parametrize(
        ("stamps", "why"),
        [
            ([STAMPS[0], None, STAMPS[2]], "vertex 2 has no time"),
            (
                [STAMPS[0], "2025-01-18T07:00:00", STAMPS[2]],
                "the time of vertex 2 has no time zone",
            ),
            ([STAMPS[0], "noon", STAMPS[2]], "the time of vertex 2 is not an ISO 8601 instant"),
            ([STAMPS[2], STAMPS[1], STAMPS[0]], "the times go backwards at vertex 2"),
        ],
    )
    def test_dropped_with_the_reason(self, stamps, why):
        route = read_route(GPX.format(track(points(*LINE, times=stamps))))
        assert route.times is None
        assert route.times_dropped == why

    def test_of_two_tracks(self):
        one, two = (
            points(*LINE[:2], times=self.STAMPS[:2]),
            points(*LINE[1:], times=self.STAMPS[1:]),
        )
        route = read_route(GPX.format(track(one) + track(two)))
        assert len(route.times) == 3
        untimed = read_route(GPX.format(track(one) + track(points(*LINE[1:]))))
        assert untimed.times is None
        assert untimed.times_dropped == "only some of the lines have times"

    def test_of_a_google_track(self):
        whens = "".join(f"<when>{stamp}</when>" for stamp in self.STAMPS)
        coords = "".join(f"<gx:coord>{lon} {lat} 7</gx:coord>" for lon, lat in LINE)
        text = KML.format(f"<Placemark><gx:Track>{whens}{coords}</gx:Track></Placemark>")
        assert vertices(read_route(text)) == LINE
        assert len(read_route(text).times) == 3
        short = read_route(text.replace("<when>", "<then>", 1).replace("</when>", "</then>", 1))
        assert short.times_dropped == "placemark 1 has 3 positions but 2 times"

    def test_of_a_table(self):
        rows = [f"{lon},{lat},{s}" for (lon, lat), s in zip(LINE, self.STAMPS, strict=True)]
        route = read_route("\n".join(["lon,lat,time", *rows]))
        assert route.times[0] == np.datetime64("2025-01-18T06:00")


class TestKml:
    def test_every_folder_and_collection(self):
        spaced = "\n".join(f"{lon}, {lat}, 0" for lon, lat in LINE[1:])
        collection = (
            "<Folder><Placemark><MultiGeometry><Point><coordinates>0,0</coordinates></Point>"
            f"<LineString><coordinates>{spaced}</coordinates></LineString></MultiGeometry></Placemark></Folder>"
        )
        text = KML.format(f"<Folder><Folder>{placemark(*LINE[:2])}</Folder></Folder>{collection}")
        assert vertices(read_route(text)) == LINE

    def test_without_a_namespace(self):
        assert vertices(read_route(f"<kml>{placemark(*LINE)}</kml>")) == LINE

    def test_a_kmz_that_links_to_its_own_files(self):
        link = "<NetworkLink><Link><href>layers/a.kml</href></Link></NetworkLink>"
        archive = files.zipped(**{"doc.kml": KML.format(link), "layers/a.kml": files.kml(LINE)})
        assert vertices(read_route(archive)) == LINE

    def test_a_link_is_not_followed(self):
        link = "<NetworkLink><Link><href>https://example.org/a.kml</href></Link></NetworkLink>"
        with pytest.raises(RouteError, match="only a link to another file, which is not followed"):
            read_route(KML.format(link))


class TestTable:
    @pytest.mark.parametrize(
        "header",
        ["lon,lat", "Longitude,Latitude", "LNG,LAT", "x,y", "Long (deg),Lat (deg)", '"Lon","Lat"'],
    )
    def test_spellings(self, header):
        rows = "\n".join(f"{lon},{lat}" for lon, lat in LINE)
        assert vertices(read_route(f"{header}\n{rows}\n".encode())) == LINE

    def test_semicolons_decimal_commas_and_order(self):
        text = "sep=;\nStop;Lat;Lon;Seq\nB;1,5;2,5;2\n\nA;0,5;0,5;1\nC;2;3;10\n"
        assert vertices(read_route(text)) == [(0.5, 0.5), (2.5, 1.5), (3, 2)]

    def test_names_of_stops_are_no_order(self):
        assert vertices(read_route("stop,lon,lat\nB,1,0\nA,0,0\n")) == [(1, 0), (0, 0)]

    def test_several_routes(self):
        text = "route,lon,lat\na,0,0\na,1,0\nb,5,0\nb,6,0\n"
        with pytest.raises(RouteError, match="2 lines that do not connect"):
            read_route(text)
        assert read_route(text, name="b").lon.tolist() == [5, 6]

    def test_well_known_text_column(self):
        text = f'name,WKT\nhaul,"{shapely.LineString(LINE).wkt}"\n'
        assert vertices(read_route(text)) == LINE
        assert read_route(text).name == "haul"

    def test_windows_encoding(self):
        rows = "place,lon,lat\nTéra,0.75,14.0\nDori,-0.03,14.04\n"
        assert len(read_route(rows.encode("cp1252")).coordinates) == 2


def test_a_long_route_is_not_truncated(tmp_path):
    lon = np.linspace(-20, 24.9, 20_000).round(6)
    line = [(float(x), 15.0) for x in lon]
    for write in (files.geojson, files.gpx_track, files.gpkg, files.csv):
        (tmp_path / "long").write_bytes(write(line))
        assert len(read_route(tmp_path / "long").coordinates) == 20_000


def test_reading_leaves_no_trace_of_the_route(tmp_path, monkeypatch, caplog, capfd):
    monkeypatch.chdir(tmp_path)
    for name, write in files.WRITERS.items():
        path = Path(name.replace(" ", "."))
        path.write_bytes(write(LINE))
        with caplog.at_level("DEBUG"):
            read_route(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        name.replace(" ", ".") for name in files.WRITERS
    )
    assert "33.5" not in caplog.text
    assert capfd.readouterr() == ("", "")


def test_stream_is_refused_with_the_type():
    with pytest.raises(RouteError, match=r"this type \(value 'BytesIO'\): give a path"):
        read_route(io.BytesIO(b""))
