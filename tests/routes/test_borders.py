"""Routes are cut exactly where they cross borders, and every kilometre is given to one region."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import GEOD, Path, densify, segment_lengths_km, wrap_lon
from kidnaprisk.routes.borders import RegionIndex, Split
from kidnaprisk.routes.kernels import build_grid, find_crossings
from kidnaprisk.routes.plain import meetings, region_km
from kidnaprisk.routes.regions import load_regions
from kidnaprisk.routes.towns import find_towns

EQUATOR_KM_PER_DEGREE = np.radians(1.0) * 6378.137


def regions_of(*polygons: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(polygons), crs="EPSG:4326")


def path_of(*points: tuple[float, float], longest_km: float = 5.0) -> Path:
    lon, lat = np.array(points, dtype=float).T
    return densify(lon, lat, longest_km)


def km_in(split: Split, n: int) -> np.ndarray:
    length = np.diff(split.km)
    inside = split.region >= 0
    return np.bincount(split.region[inside], length[inside], n)


def check_shape(split: Split, path: Path) -> None:
    """What must hold of every split."""
    m = len(split.region)
    assert split.km.shape == split.lon.shape == split.lat.shape == (m + 1,)
    assert split.piece.shape == (m,)
    length = np.diff(split.km)
    assert (length >= 0).all()
    assert length.sum() == pytest.approx(path.km[-1] - path.km[0], rel=1e-12)
    assert (np.diff(split.piece) >= 0).all()
    assert set(split.piece) == set(range(len(path.segment)))
    starts = np.searchsorted(split.piece, np.arange(len(path.segment)))
    assert (split.km[starts] == path.km[:-1]).all()
    assert (split.lon[starts] == path.lon[:-1]).all()
    assert (split.lat[starts] == path.lat[:-1]).all()
    per_piece = np.bincount(split.piece, length)
    np.testing.assert_allclose(per_piece, np.diff(path.km), rtol=1e-9, atol=1e-12)


def checker(west: float, south: float, n: int, size: float) -> gpd.GeoDataFrame:
    return regions_of(
        *(
            box(west + i * size, south + j * size, west + (i + 1) * size, south + (j + 1) * size)
            for i in range(n)
            for j in range(n)
        )
    )


# -- worked by hand -------------------------------------------------------------------------------


def test_crossing_on_the_equator_is_at_the_meridian_of_the_border():
    regions = regions_of(box(0, -1, 1, 1), box(1, -1, 2, 1))
    path = path_of((0.5, 0.0), (1.75, 0.0))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    np.testing.assert_allclose(
        km_in(split, 2), [0.5 * EQUATOR_KM_PER_DEGREE, 0.75 * EQUATOR_KM_PER_DEGREE], rtol=1e-12
    )
    cut = np.flatnonzero(np.diff(split.region))[0] + 1
    assert split.lon[cut] == pytest.approx(1.0, abs=1e-12)


def test_km_outside_every_region_are_kept_apart():
    regions = regions_of(box(1, -1, 2, 1))
    path = path_of((0.0, 0.0), (3.0, 0.0))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    assert km_in(split, 1)[0] == pytest.approx(EQUATOR_KM_PER_DEGREE, rel=1e-12)
    assert split.region[0] == split.region[-1] == -1


def test_a_road_driven_there_and_back_counts_twice():
    regions = regions_of(box(1, -1, 2, 1))
    index = RegionIndex(regions)
    once = km_in(index.split(path_of((0.0, 0.2), (3.0, 0.4))), 1)
    path = path_of((0.0, 0.2), (3.0, 0.4), (0.0, 0.2))
    split = index.split(path)
    check_shape(split, path)
    np.testing.assert_allclose(km_in(split, 1), 2 * once, rtol=1e-12)


def test_holes_enclaves_and_multipolygons():
    enclave = box(1, -0.5, 2, 0.5)
    around = shapely.difference(box(0, -1, 3, 1), enclave)
    lake = shapely.difference(box(4, -1, 7, 1), box(5, -0.5, 6, 0.5))
    islands = shapely.union_all([box(8, -1, 9, 1), box(10, -1, 11, 1)])
    regions = regions_of(around, enclave, lake, islands)
    path = path_of((0.0, 0.0), (12.0, 0.0))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    degrees = km_in(split, 4) / EQUATOR_KM_PER_DEGREE
    np.testing.assert_allclose(degrees, [2.0, 1.0, 2.0, 2.0], rtol=1e-10)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("meridian", [1.0, 10.1, -33.3])
def test_a_route_along_a_border_belongs_to_the_lowest_row(meridian, swap):
    sides = [
        box(meridian - 1, 0, meridian, 2),
        box(meridian, 0, meridian + 1, 2),
    ]
    regions = regions_of(*(sides[::-1] if swap else sides))
    path = path_of((meridian, 0.5), (meridian, 1.5))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    np.testing.assert_allclose(km_in(split, 2), [path.km[-1], 0.0], rtol=1e-12)


def test_a_route_leaving_a_border_it_ran_along_is_cut_where_the_border_turns():
    regions = regions_of(box(2, -1, 3, 1), box(1, 0, 2, 1), box(0, 0, 1, 1))
    path = path_of((0.5, 0.0), (2.5, 0.0))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    degrees = km_in(split, 3) / EQUATOR_KM_PER_DEGREE
    np.testing.assert_allclose(degrees, [0.5, 1.0, 0.5], atol=1e-9)


def test_vertices_on_corners_and_borders():
    regions = checker(0.0, 0.0, 4, 1.0)
    path = path_of((0.0, 0.0), (1.0, 1.0), (2.0, 1.0), (2.0, 2.5), (4.0, 4.0))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    assert (split.region >= 0).all()


def test_a_border_met_twice_by_the_bulge_of_one_piece():
    # At 60° N a 5 km piece between points of one parallel rises 0.85 m above it.
    lat, edge = 60.0, 60.0 + 4e-6
    regions = regions_of(box(-1, 59, 1, edge), box(-1, edge, 1, 61))
    _, _, metres = GEOD.inv(0.0, lat, 0.08, lat)
    path = Path(
        lon=np.array([0.0, 0.08]),
        lat=np.array([lat, lat]),
        km=np.array([0.0, metres / 1000]),
        segment=np.zeros(1, dtype=np.int64),
    )
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    assert split.region.tolist() == [0, 1, 0]
    assert split.lat[1:3] == pytest.approx([edge, edge], abs=1e-11)
    assert split.km[1] == pytest.approx(split.km[-1] - split.km[2], rel=1e-6)


def test_a_thin_region_between_two_nodes_is_not_stepped_over():
    regions = regions_of(box(0.01, -1, 0.010001, 1))
    split = RegionIndex(regions).split(path_of((0.0, 0.0), (0.03, 0.0)))
    assert km_in(split, 1)[0] == pytest.approx(1e-6 * EQUATOR_KM_PER_DEGREE, rel=1e-7)


# -- antimeridian and poles -----------------------------------------------------------------------


@pytest.mark.parametrize("lat", [0.0, -17.0, 65.0])
@pytest.mark.parametrize("westward", [False, True])
def test_antimeridian_is_a_node_and_both_sides_count(lat, westward):
    regions = regions_of(box(179, lat - 1, 180, lat + 2), box(-180, lat - 1, -179, lat + 2))
    points = [(179.5, lat), (-179.3, lat + 0.5)]
    path = path_of(*(points[::-1] if westward else points))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    assert (split.region >= 0).all()
    # Half a turn away nothing is cut, and lengths on the ellipsoid are the same.
    turned = Path(wrap_lon(path.lon + 180.0), path.lat, path.km, path.segment)
    mirror = regions_of(box(-1, lat - 1, 0, lat + 2), box(0, lat - 1, 1, lat + 2))
    expected = km_in(RegionIndex(mirror).split(turned), 2)
    np.testing.assert_allclose(km_in(split, 2), expected, rtol=1e-9)
    assert (split.lon == -180.0).sum() == 1


def test_a_route_touching_the_antimeridian_and_turning_back():
    regions = regions_of(box(179, -1, 180, 1), box(-180, -1, -179, 1))
    path = path_of((179.9, 0.0), (180.0, 0.0), (179.8, 0.3))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    assert km_in(split, 2)[1] == pytest.approx(0.0, abs=1e-9)


def test_along_the_antimeridian():
    regions = regions_of(box(179, -1, 180, 1), box(-180, -1, -179, 1))
    path = path_of((180.0, -0.5), (-180.0, 0.5))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    np.testing.assert_allclose(km_in(split, 2), [path.km[-1], 0.0], atol=1e-9)


@pytest.mark.parametrize(
    "points",
    [
        [(10.0, 89.5), (-170.0, 89.5)],
        [(0.0, -89.9), (120.0, -89.95), (180.0, -89.0)],
        [(10.0, 90.0), (20.0, 88.0)],
        [(-179.9, -89.99), (179.9, -89.99)],
    ],
)
def test_poles_are_in_a_region_and_nothing_breaks(points):
    regions = regions_of(box(-180, -90, 180, -60), box(-180, 60, 180, 90))
    path = path_of(*points)
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    assert km_in(split, 2).sum() == pytest.approx(path.km[-1], rel=1e-9)


# -- against independent oracles ------------------------------------------------------------------


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), lat=st.sampled_from([-55.0, 0.0, 14.0, 40.0, 65.0]))
def test_compiled_search_finds_what_trying_all_pairs_finds(seed, lat):
    rng = np.random.default_rng(seed)
    start = np.stack([rng.uniform(-0.3, 0.3, 6), lat + rng.uniform(-0.2, 0.2, 6)], axis=1)
    lines = np.hstack([start, start + rng.uniform(-0.03, 0.03, (6, 2))])
    from_ = np.stack([rng.uniform(-0.3, 0.3, 30), lat + rng.uniform(-0.2, 0.2, 30)], axis=1)
    edges = np.hstack([from_, from_ + rng.uniform(-0.4, 0.4, (30, 2))])
    found = find_crossings(lines, build_grid(edges))
    got = {(int(i), int(e)): t for i, t, e in zip(*found[:3], strict=True)}
    expected = {(i, e): t for i, t, e in meetings(lines, edges)}
    assert got.keys() == expected.keys()
    for key, fraction in expected.items():
        assert got[key] == pytest.approx(fraction, abs=1e-9)


def voronoi(seed: int, lat: float, n: int = 25) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    points = shapely.multipoints(np.stack([rng.uniform(0, 1, n), lat + rng.uniform(0, 1, n)], 1))
    cells = shapely.get_parts(shapely.voronoi_polygons(points))
    return regions_of(*(cell for cell in cells[: n - 3]))


@pytest.mark.parametrize("lat", [0.0, 14.0, -35.0, 60.0, 72.0])
def test_region_lengths_agree_with_shapely_on_split_segments(lat):
    regions = voronoi(int(lat) + 100, lat)
    rng = np.random.default_rng(5)
    path = densify(rng.uniform(0, 1, 4), lat + rng.uniform(0, 1, 4))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    expected = region_km(path, regions, 0.002)
    np.testing.assert_allclose(km_in(split, len(regions)), expected, rtol=1e-9, atol=1e-9)


def test_cuts_lie_on_the_geodesic_and_on_an_edge_to_a_millimetre():
    regions = voronoi(8, 50.0)
    path = path_of((0.05, 50.1), (0.9, 50.9))
    split = RegionIndex(regions).split(path)
    starts = np.isin(np.arange(len(split.km)), np.searchsorted(split.piece, np.unique(split.piece)))
    cut = np.flatnonzero(~starts)[:-1]
    assert len(cut) > 3
    borders = shapely.union_all(shapely.boundary(regions.geometry.to_numpy()))
    off_border = shapely.distance(borders, shapely.points(split.lon[cut], split.lat[cut]))
    assert (off_border < 1e-11).all()
    piece = split.piece[cut]
    to_cut = GEOD.inv(path.lon[piece], path.lat[piece], split.lon[cut], split.lat[cut])
    whole = GEOD.inv(path.lon[piece], path.lat[piece], path.lon[piece + 1], path.lat[piece + 1])
    sideways_m = to_cut[2] * np.sin(np.radians(to_cut[0] - whole[0]))
    assert (np.abs(sideways_m) < 1e-4).all()
    np.testing.assert_allclose(split.km[cut] - path.km[piece], to_cut[2] / 1000, atol=1e-9)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    lat=st.sampled_from([0.0, 14.0, 55.0]),
    longest_km=st.sampled_from([0.7, 2.0, 5.0]),
)
def test_reversing_and_cutting_finer_change_nothing(seed, lat, longest_km):
    regions = voronoi(seed % 7, lat)
    index = RegionIndex(regions)
    rng = np.random.default_rng(seed)
    lon, lats = rng.uniform(-0.2, 1.2, 3), lat + rng.uniform(-0.2, 1.2, 3)
    one = km_in(index.split(densify(lon, lats)), len(regions))
    fine = densify(lon, lats, longest_km)
    split = index.split(fine)
    check_shape(split, fine)
    np.testing.assert_allclose(km_in(split, len(regions)), one, rtol=1e-9, atol=1e-9)
    back = km_in(index.split(densify(lon[::-1], lats[::-1])), len(regions))
    np.testing.assert_allclose(back, one, rtol=1e-9, atol=1e-9)


def test_the_sahel_end_of_the_haul_in_the_bundled_regions():
    towns = [find_towns(name).iloc[0] for name in ["Kaya", "Dori", "Téra", "Niamey"]]
    path = path_of(*((town["lon"], town["lat"]) for town in towns))
    regions = load_regions((-2.0, 12.5, 3.0, 15.0))
    split = RegionIndex(regions).split(path)
    check_shape(split, path)
    order = [regions["region_id"].iloc[row] for row in split.region]
    assert list(dict.fromkeys(order)) == [
        "BF-centre-nord",
        "BF-sahel",
        "NE-tillaberi",
        "NE-niamey",
    ]
    got = km_in(split, len(regions))
    crossed = got > 0
    expected = region_km(path, regions[crossed])
    np.testing.assert_allclose(got[crossed], expected, rtol=1e-9)


def test_all_the_world_cuts_as_a_part_of_it_does():
    path = path_of((-1.0, 13.0), (2.1, 13.5))
    part, world = load_regions((-1.1, 12.9, 2.2, 13.6)), load_regions()
    few, many = RegionIndex(part).split(path), RegionIndex(world).split(path)
    np.testing.assert_array_equal(few.km, many.km)
    named = [
        [frame["region_id"].iloc[row] for row in split.region]
        for frame, split in ((part, few), (world, many))
    ]
    assert named[0] == named[1]


# -- looking up points ----------------------------------------------------------------------------


def test_locate_agrees_with_shapely_one_by_one():
    regions = voronoi(2, 14.0)
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-0.5, 1.5, 300), rng.uniform(13.5, 15.5, 300)
    got = RegionIndex(regions).locate(lon, lat)
    for x, y, row in zip(lon, lat, got, strict=True):
        hits = np.flatnonzero(regions.intersects(shapely.Point(x, y)))
        assert row == (hits[0] if len(hits) else -1)


def test_a_border_point_is_in_the_lowest_row_only():
    regions = checker(0.1, 0.1, 3, 0.1)
    index = RegionIndex(regions)
    corner = regions.geometry.iloc[4].exterior.coords[0]
    touching = np.flatnonzero(regions.touches(shapely.Point(corner)))
    assert index.locate([corner[0]], [corner[1]])[0] == min(touching.min(), 4)


def test_longitudes_may_be_written_past_180():
    index = RegionIndex(regions_of(box(170, 0, 180, 1), box(-180, 0, -170, 1)))
    assert index.locate([185.0, -190.0, 180.0, -180.0], [0.5] * 4).tolist() == [1, 0, 0, 0]


def test_no_points_and_no_regions():
    index = RegionIndex(regions_of(box(0, 0, 1, 1)))
    assert index.locate([], []).shape == (0,)
    empty = RegionIndex(regions_of())
    assert empty.locate([0.0], [0.0]).tolist() == [-1]
    path = path_of((0.0, 0.0), (0.1, 0.1))
    split = empty.split(path)
    check_shape(split, path)
    assert (split.region == -1).all()


# -- use ------------------------------------------------------------------------------------------


def test_many_paths_at_once_are_cut_as_one_by_one():
    index = RegionIndex(voronoi(4, 14.0))
    rng = np.random.default_rng(1)
    paths = [densify(rng.uniform(0, 1, k), 14 + rng.uniform(0, 1, k)) for k in (2, 5, 3)]
    assert index.split_many([]) == []
    for path, together in zip(paths, index.split_many(paths), strict=True):
        check_shape(together, path)
        for one, other in zip(index.split(path), together, strict=True):
            np.testing.assert_array_equal(one, other)


def test_an_index_travels_to_other_processes_and_threads():
    index = RegionIndex(voronoi(4, 14.0))
    path = path_of((0.1, 14.1), (0.9, 14.9))
    expected = index.split(path)
    # Copying asks for the same state as sending to another process does.
    copied = copy.deepcopy(index).split(path)
    np.testing.assert_array_equal(copied.region, expected.region)
    with ThreadPoolExecutor(4) as pool:
        for split in pool.map(RegionIndex(index.regions).split, [path] * 16):
            np.testing.assert_array_equal(split.km, expected.km)


def test_lengths_are_geodesic():
    path = path_of((0.0, 13.0), (2.0, 14.0))
    split = RegionIndex(voronoi(1, 13.0)).split(path)
    between = segment_lengths_km(split.lon, split.lat)
    np.testing.assert_allclose(between, np.diff(split.km), atol=1e-9)


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)]), "not in longitude and latitude"),
        (
            gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs="EPSG:3857"),
            r"not in longitude and latitude .*Mercator",
        ),
        (regions_of(box(0, 0, 1, 1), shapely.Point(0, 0)), r"no polygon \(row 1\)"),
        (regions_of(None), "no polygon"),
        (regions_of(shapely.Polygon()), "no polygon"),
    ],
)
def test_regions_that_cannot_be_used_are_refused(regions, message):
    with pytest.raises(RouteError, match=message):
        RegionIndex(regions)
