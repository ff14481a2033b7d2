"""What cannot be a route is refused by an error of ours that says why; no other gets out."""

import contextlib
import io
import json
import random
import struct
import zipfile

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.errors import KidnapRiskError, RouteError
from kidnaprisk.routes.formats import archive
from kidnaprisk.routes.formats.detect import FORMATS
from kidnaprisk.routes.read import read_route
from tests.routes import files

LINE = [(-7.5, 33.5), (-9.25, 30.125), (2.0625, 13.5)]


def geometry(kind, coordinates, **more):
    return json.dumps({"type": kind, "coordinates": coordinates, **more}).encode()


def gpx(inner):
    return f'<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">{inner}</gpx>'.encode()


def kml(inner):
    return f"<kml><Placemark>{inner}</Placemark></kml>".encode()


def line_string(text):
    return kml(f"<LineString><coordinates>{text}</coordinates></LineString>")


def locked_zip():
    data = bytearray(files.kmz(LINE))
    for magic, flag_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + flag_at] |= 1
    return bytes(data)


def damaged_zip():
    data = bytearray(files.zipped(**{"doc.kml": files.kml(LINE) * 20}))
    data[60:80] = bytes(20)
    return bytes(data)


ONE_POINT = '<trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk><trk><trkseg/></trk>'
BOMB = '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><gpx>&b;</gpx>'
REACH = '<!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]><kml>&a;</kml>'
NESTED_WKB = struct.pack("<BII", 1, 7, 1) * 100_000
SECTIONS = {"routes": [{"sections": [{"polyline": "BFoz5xJ67i1B1B7PzIhaxL7Y"}]}]}

BAD_FILES = {
    # Not a route file at all.
    "empty.geojson": (b" \n", "the source is empty"),
    "cut.geojson": (
        files.geojson(LINE)[:-40],
        r"not JSON: .*row 1\): check that the file is whole",
    ),
    "binary.gpx": (bytes(range(256)), "not well-formed XML"),
    "binary.csv": (bytes(range(256)), "not a text file"),
    "binary.geojson": (bytes(range(256)), "not a text file"),
    "page.gpx": (b"<html><body>404</body></html>", "not GPX: its outermost element is <html>"),
    "prose.txt": (
        b"Casablanca to Niamey\n",
        r"not recognised .*: name it with format=, one of geojson",
    ),
    "text.gpkg": (b"hello there", "not a GeoPackage"),
    "text.fgb": (b"hello there", "not FlatGeobuf"),
    "text.shp": (b"hello there", "zip archive is damaged"),
    "cut.gpkg": (files.gpkg(LINE)[:3000], "cannot be read as a GeoPackage"),
    "cut.fgb": (files.fgb(LINE)[:-20], "cannot be read as FlatGeobuf"),
    "cut.gpx": (files.gpx_track(LINE)[:-30], "not well-formed XML: no element found"),
    "bytes.gpx": (gpx("<name>T\xe9ra</name>").decode().encode("cp1252"), "in the encoding it decl"),
    "deep.json": (b"[" * 100_000, "nested too deeply"),
    "settings.json": (b'{"a": {"b": 1}}', "neither GeoJSON nor the answer of a known routing"),
    "number.json": (b"[1, 2, 3]", "this JSON is no route"),
    "topo.json": (
        b'{"type": "Topology", "objects": {}}',
        "this is TopoJSON .*: save it as GeoJSON",
    ),
    "here.json": (json.dumps(SECTIONS).encode(), "an answer of HERE"),
    "no_geometry.json": (b'{"routes": [{"legs": []}]}', "route 1 of the answer has no geometry"),
    "no_shape.json": (b'{"trip": {"legs": [{}]}}', "route 1 of the answer has no shape"),
    # Attacks.
    "bomb.gpx": (BOMB.encode(), r"declares a document type \(DOCTYPE\)"),
    "reach.kml": (REACH.encode(), r"declares a document type \(DOCTYPE\)"),
    "deep.kml": (b"<kml>" + b"<Folder>" * 9999 + b"</Folder>" * 9999 + b"</kml>", "100 deep"),
    "deep.wkt": (b"GEOMETRYCOLLECTION (" * 99_999 + b")" * 99_999, "not well-known text"),
    "deep.wkb": (NESTED_WKB, "not a line"),
    "huge.wkb": (struct.pack("<BII", 1, 2, 2**32 - 1) + bytes(64), "not well-known binary"),
    "endless.polyline": (b"~" * 100_000, "row 1 is not an encoded polyline"),
    # Archives.
    "locked.kmz": (locked_zip(), "encrypted or packed in an unusual way .*: unpack it first"),
    "damaged.kmz": (damaged_zip(), "the zip archive is damaged"),
    "none.zip": (files.zipped(**{"readme.txt": b"hello"}), "no route file is inside"),
    "two.zip": (files.zipped(**{"a.gpx": b"<gpx/>", "b.gpx": b"<gpx/>"}), "2 route files"),
    "no_index.zip": (files.zipped(**{"a.shp": b"\x00\x00\x27\x0a"}), r"index \(.shx\) is missing"),
    "no_shape.zip": (files.zipped(**{"a.shp": b"hello", "a.shx": b""}), "not a shapefile"),
    # No line inside.
    "one_point.gpx": (gpx(ONE_POINT), "track 1 has one point only"),
    "nothing.gpx": (gpx(""), "no line: every geometry is missing or empty"),
    "marks.gpx": (gpx('<wpt lat="1" lon="1"/><wpt lat="2" lon="2"/>'), "2 points but no line"),
    "one_mark.gpx": (gpx('<wpt lat="1" lon="1"/>'), "one point and no line"),
    "area.geojson": (geometry("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 0]]]), "areas but no line"),
    "area.wkt": (b"POLYGON ((0 0, 1 0, 1 1, 0 0))", "not as a polygon"),
    "empty.wkt": (b"LINESTRING EMPTY", "every geometry is missing or empty"),
    "empty_line.geojson": (geometry("LineString", []), "every geometry is missing or empty"),
    "null.geojson": (b'{"type": "Feature", "geometry": null}', "every geometry is missing"),
    "none.geojson": (b'{"type": "FeatureCollection", "features": []}', "every geometry is missing"),
    "short.geojson": (geometry("LineString", [[1, 2]]), "a line of one point"),
    "still.geojson": (geometry("LineString", [[1, 2], [1, 2]]), "no length: all its 2 vertices"),
    "short.wkt": (b"LINESTRING (1 2)", "with two vertices or more"),
    "short.csv": (b"lon,lat\n1,2\n", "the table has one point only"),
    "header.csv": (b"lon,lat\n", "the table has no rows"),
    # Positions that cannot be.
    "swapped.geojson": (geometry("LineString", [[43, 141], [35, 139]]), "vertex 1 .* look swapped"),
    "metres.geojson": (
        geometry("LineString", [[-8e5, 4e6], [2e5, 1e6]]),
        "such as EPSG:3857 .*: name",
    ),
    "metres.csv": (b"x,y\n-844000,3960000\n230000,1519000\n", "such as EPSG:3857"),
    "nan.geojson": (geometry("LineString", [[0, 0], [float("nan"), 1]]), "vertex 2 .* finite"),
    "nan.wkt": (b"LINESTRING (0 0, nan 1)", "finite number|not well-known text"),
    "huge.geojson": (geometry("LineString", [[10**400, 0], [1, 1]]), "not pairs of numbers"),
    "text.geojson": (
        geometry("LineString", [["1", "2"], ["3", "4"]]),
        "vertex 1 of the feature is",
    ),
    "flat.geojson": (geometry("LineString", [1, 2, 3, 4]), "vertex 1 of the feature is not a long"),
    "true.geojson": (geometry("LineString", [[True, 0], [1, 1]]), "vertex 1 of the feature is not"),
    "missing.geojson": (b'{"type": "LineString"}', "coordinates of the feature are missing"),
    "words.kml": (line_string("1,2 a,b"), "vertex 2 of placemark 1 is not longitude,latitude"),
    "spaces.kml": (line_string("1 2 3 4"), "vertex 1 of placemark 1 is not longitude,latitude"),
    "commas.kml": (line_string("1,2,0,3,4,0"), "separate its numbers by commas and vertices by sp"),
    "no_lat.gpx": (gpx('<rte><rtept lon="1"/></rte>'), "point 1 of route 1 has no lon and lat"),
    "gap.gpx": (
        gpx(
            '<trk><trkseg><trkpt lat="0" lon="0"/><trkpt lat="0" lon="1"/></trkseg>'
            '<trkseg><trkpt lat="0" lon="2"/><trkpt lat="0" lon="3"/></trkseg></trk>'
        ),
        "track 1 has a gap of 111.3 km between segments 1 and 2, wider than 10 km",
    ),
    "parts.geojson": (
        geometry("MultiLineString", [[[0, 0], [1, 0]], [[2, 0], [3, 0]]]),
        "2 parts that do not make up one line; the widest gap .* is 111.3 km",
    ),
    # Reference systems.
    "crs.geojson": (
        geometry("LineString", LINE, crs={"type": "name", "properties": {"name": "EPSG:0"}}),
        r"unknown coordinate reference system \(file crs.geojson, value 'EPSG:0'\)",
    ),
    "link.geojson": (
        geometry("LineString", LINE, crs={"type": "link", "properties": {"href": "http://x"}}),
        "names no reference system",
    ),
    "srid.wkt": (b"SRID=999999;LINESTRING (0 0, 1 1)", "unknown coordinate reference system"),
    # Tables.
    "no_header.csv": (b"1,2\n3,4\n", r"no header row \(file no_header.csv, row 1\)"),
    "no_lat.csv": (b"lon,place\n1,a\n", "no columns of longitude and latitude are found"),
    "word.csv": (
        b"lon,lat\n1,2\n3,north\n",
        r"row 3, column 'lat', value 'north'\): write decimal",
    ),
    "degrees.csv": (b"lon,lat\n1,2\n3,13\xc2\xb030'N\n", "row 3, column 'lat', value"),
    "blank.csv": (b"place,lon,lat\na,1,2\nb,,\n", r"a position is missing .*row 3, column 'lon'"),
    "underscore.csv": (b"lon,lat\n1_0,2\n3,4\n", "row 2, column 'lon', value '1_0'"),
    "shifted.csv": (b"lon,lat\n1,2\n3,4,5\n", r"the row has 3 cells, the header 2 \(.*row 3\)"),
    "twice.csv": (b"order,lon,lat\n1,1,2\n1,3,4\n", r"same number .*row 3\): number the rows 1, 2"),
    "unordered.csv": (
        b"order,lon,lat\n1,1,2\nx,3,4\n",
        "order of a waypoint is not a number .*row 3",
    ),
    "bad_wkt.csv": (b"wkt\nLINESTRING (0 0)\n", r"not well-known text of a line .*row 2\)"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file(name, tmp_path):
    data, message = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RouteError, match=message) as caught:
        read_route(path)
    assert caught.value.file == name
    assert caught.value.remedy
    assert str(tmp_path) not in str(caught.value)


TABLE = files.table(LINE)
BAD_CALLS = {
    "missing": (("nowhere/haul.gpx",), {}, r"there is no such file \(file haul.gpx\)"),
    "folder": ((".",), {}, "this is not a file"),
    "null in name": (("a\0b.gpx",), {}, "cannot be opened|no such file"),
    "long name": (("a" * 5000,), {}, "cannot be opened|no such file"),
    "address": (("https://example.org/a.gpx",), {}, "addresses are never fetched .*: download"),
    "None": ((None,), {}, "cannot be made of this type"),
    "number": ((7,), {}, "cannot be made of this type"),
    "dict": (({"lon": [1]},), {}, "cannot be made of this type"),
    "dataframe": ((pd.DataFrame({"lon": [1, 2]}),), {}, "cannot be made of this type"),
    "list of text": ((["a", "b"],), {}, "vertex 1 of the list is not a longitude, latitude pair"),
    "list of one": (([(1, 2)],), {}, "one point only"),
    "ragged": (([(1, 2), (3,)],), {}, "not pairs of numbers"),
    "three columns": ((np.zeros((3, 3)),), {}, "without heights"),
    "no geometry": ((geopandas.GeoDataFrame({"a": [1]}),), {}, "has no geometry column"),
    "no crs": ((TABLE.set_crs(None, allow_override=True),), {}, "system is not stated: name it"),
    "other crs": ((TABLE,), {"crs": 3857}, "in WGS 84, not in WGS 84 / Pseudo-Mercator"),
    "bad crs": ((LINE,), {"crs": "mercator"}, "unknown coordinate reference system .*'mercator'"),
    "point": ((shapely.Point(1, 2),), {}, "one point and no line"),
    "area": ((shapely.box(0, 0, 1, 1),), {}, "areas but no line"),
    "empty": ((shapely.LineString(),), {}, "every geometry is missing or empty"),
    "none in table": ((geopandas.GeoSeries([None], crs=4326),), {}, "missing or empty"),
    "off the projection": (([(1e30, 1), (2, 3)],), {"crs": 32629}, "vertex 1 of the array is not"),
    "format": ((b"x",), {"format": "geojsn"}, "'geojsn'.* did you mean 'geojson'"),
    "wrong format": ((files.geojson(LINE),), {"format": "gpx"}, "not well-formed XML"),
    "precision": (
        ("_p~iF~ps|U_ulLnnqC",),
        {"format": "polyline", "precision": 7},
        "unknown precision .*: give 5 or 6",
    ),
    "gap": ((LINE,), {"max_gap_km": -1}, "max_gap_km is not a length"),
    "gap in words": ((LINE,), {"max_gap_km": "10"}, "max_gap_km is not a length"),
    "number too high": ((files.geojson(LINE),), {"name": 2}, r"no line of this name \(value 2\)"),
    "name": ((files.geojson(LINE),), {"name": "b"}, r"Choose from 1 'a' \(feature 1, 2,587 km\)"),
    "lone shp": ((b"\x00\x00\x27\x0a" + bytes(99),), {}, "more than its .shp file"),
    "waypoints": ((gpx(""),), {"waypoints": True}, "the waypoints has no vertices"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_call(name):
    args, options, message = BAD_CALLS[name]
    with pytest.raises(RouteError, match=message):
        read_route(*args, **options)


@pytest.mark.parametrize("suffix", [".shp", ".shx", ".dbf"])
def test_shapefile_cut_short(suffix, tmp_path):
    # GDAL itself would read what is left and say nothing: half a route.
    rows = geopandas.GeoSeries([shapely.LineString(LINE[:2]), shapely.LineString(LINE[1:])])
    rows.set_crs(4326).to_file(tmp_path / "lines.shp")
    assert len(read_route(tmp_path / "lines.shp").coordinates) == 3
    path = tmp_path / f"lines{suffix}"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(RouteError, match=f"the {suffix} file of the shapefile is cut short"):
        read_route(tmp_path / "lines.shp")


@pytest.mark.parametrize("write", [files.gpkg, files.fgb])
def test_a_cut_database_is_never_half_a_route(write):
    whole = write([(k / 100, 0.0) for k in range(2000)])
    for k in range(1, 20):
        with pytest.raises(RouteError):
            read_route(whole[: len(whole) * k // 20])


def test_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_MB", 1)
    path = tmp_path / "large.csv"
    path.write_bytes(b"lon,lat\n" + b"1,2\n" * 300_000)
    with pytest.raises(RouteError, match="the file has 1 MB, more than the 1 MB of any route"):
        read_route(path)


def test_zip_bomb(monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_MB", 1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("doc.kml", b" " * 3_000_000)
    with pytest.raises(RouteError, match="unpacked, has 3 MB, more than"):
        read_route(buffer.getvalue())


def test_a_zip_that_lies_about_its_size(monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_MB", 1)
    data = bytearray(files.zipped(**{"doc.kml": b" " * 3_000_000}))
    for magic, size_at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(magic) + size_at
        data[at : at + 4] = struct.pack("<I", 1000)
    with pytest.raises(RouteError, match="damaged"):
        read_route(bytes(data))


def test_a_virtual_dataset_is_not_opened(tmp_path):
    # GDAL would follow this to another file; told by its first bytes, it never sees it.
    secret = tmp_path / "secret.csv"
    secret.write_text('wkt\n"LINESTRING (0 0, 1 1)"\n')
    layer = f'<OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>'
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>".encode()
    for name in ("a.gpkg", "a.fgb", "a.vrt", "a.shp"):
        (tmp_path / name).write_bytes(vrt)
        with pytest.raises(RouteError, match="not GPX"):
            read_route(tmp_path / name)
    inside = {f"a.{suffix}": vrt for suffix in ("shp", "shx", "dbf")}
    with pytest.raises(RouteError, match="not a shapefile"):
        read_route(files.zipped(**inside))


HEADS = [b"", b"{", b"<gpx", b"<kml>", b"PK\x03\x04", b"SQLite format 3\x00", b"fgb\x03fgb\x01"]
HEADS += [
    b"\x00\x00\x27\x0a",
    b"\x01\x02\x00\x00\x00",
    b"lon,lat\n1,2\n",
    b"LINESTRING (",
    b"\xff\xfe",
]


@given(st.sampled_from(HEADS), st.binary(max_size=200), st.sampled_from([None, *FORMATS]))
@settings(max_examples=400)
def test_random_bytes_raise_only_our_errors(head, tail, format):
    with contextlib.suppress(KidnapRiskError):
        read_route(head + tail, format=format)


@pytest.mark.parametrize("write", files.WRITERS.values(), ids=files.WRITERS)
def test_damaged_files_raise_only_our_errors(write, tmp_path):
    whole, chance = write(LINE), random.Random(7)
    path = tmp_path / "damaged"
    for _ in range(60):
        data = bytearray(
            whole[: chance.randrange(1, len(whole))] if chance.random() < 0.3 else whole
        )
        for _ in range(chance.choice([1, 4, 40])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        with contextlib.suppress(KidnapRiskError):
            read_route(path)
