"""Route files in every format that is read, written by means other than the library's own."""

import io
import json
import zipfile

import geopandas
import gpxpy.gpx
import polyline
import pyogrio
import shapely


def geojson(line, name="a"):
    geometry = {"type": "LineString", "coordinates": [list(vertex) for vertex in line]}
    feature = {"type": "Feature", "properties": {"name": name}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def features(*lines, kind="LineString"):
    """A FeatureCollection of (name, coordinates)."""
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"name": name},
                    "geometry": {"type": kind, "coordinates": coordinates},
                }
                for name, coordinates in lines
            ],
        }
    )


def gpx_track(line, name="a"):
    gpx = gpxpy.gpx.GPX()
    track = gpxpy.gpx.GPXTrack(name=name)
    points = [gpxpy.gpx.GPXTrackPoint(lat, lon) for lon, lat in line]
    track.segments.append(gpxpy.gpx.GPXTrackSegment(points))
    gpx.tracks.append(track)
    gpx.waypoints.append(gpxpy.gpx.GPXWaypoint(0, 0, name="not on the way"))
    return gpx.to_xml().encode()


def gpx_route(line, name="a"):
    gpx = gpxpy.gpx.GPX()
    points = [gpxpy.gpx.GPXRoutePoint(lat, lon) for lon, lat in line]
    route = gpxpy.gpx.GPXRoute(name=name)
    route.points = points
    gpx.routes.append(route)
    return gpx.to_xml("1.0").encode()


def kml(line, name="a"):
    coordinates = " ".join(f"{lon!r},{lat!r},0" for lon, lat in line)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document><Folder><Placemark><name>{name}</name><LineString><coordinates>{coordinates}"
        "</coordinates></LineString></Placemark></Folder></Document></kml>"
    ).encode()


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def kmz(line, name="a"):
    return zipped(doc__kml=kml(line, name))


def table(line, name="a"):
    return geopandas.GeoDataFrame(
        {"name": [name]}, geometry=[shapely.LineString(line)], crs="EPSG:4326"
    )


def _written(line, name, driver):
    buffer = io.BytesIO()
    pyogrio.write_dataframe(table(line, name), buffer, driver=driver, layer="lines")
    return buffer.getvalue()


def gpkg(line, name="a"):
    return _written(line, name, "GPKG")


def fgb(line, name="a"):
    return _written(line, name, "FlatGeobuf")


def wkt(line, name="a"):
    return shapely.LineString(line).wkt.encode()


def wkb(line, name="a"):
    return shapely.LineString(line).wkb


def hex_wkb(line, name="a"):
    return shapely.LineString(line).wkb_hex.encode()


def csv(line, name="a"):
    rows = "".join(f"{lat!r};{lon!r}\n" for lon, lat in line)
    return f"Latitude;Longitude\n{rows}".encode()


def polyline6(line, name="a"):
    return json.dumps({name: {"polyline6": polyline.encode(line, 6, geojson=True)}}).encode()


def ewkb_parts(line, name="a"):
    """Two parts with heights, and an SRID, big-endian."""
    high = [(*vertex, 700.0) for vertex in line]
    parts = shapely.MultiLineString([high[:2], high[1:]] if len(line) > 2 else [high])
    return shapely.to_wkb(shapely.set_srid(parts, 4326), include_srid=True, byte_order=0)


WRITERS = {
    "geojson": geojson,
    "gpx": gpx_track,
    "gpx 1.0 route": gpx_route,
    "kml": kml,
    "kmz": kmz,
    "gpkg": gpkg,
    "fgb": fgb,
    "wkt": wkt,
    "wkb": wkb,
    "hex wkb": hex_wkb,
    "ewkb": ewkb_parts,
    "csv": csv,
    "polyline6": polyline6,
}
