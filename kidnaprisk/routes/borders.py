"""Cutting a route exactly where it crosses region borders.

A label is carried along the route and looked up again, by point in polygon, only after a border
was met: the work grows with the borders crossed and not with the length of the route. Each pass
counts, so a road driven there and back has its km counted twice. Not for cutting anything but
routes: it is never an intersection of whole shapes.

Polygon edges are straight in longitude and latitude, as map layers mean them; routes run along
geodesics of the WGS84 ellipsoid.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import Floats, Ints, Path, wrap_lon
from kidnaprisk.routes.crossings import Cuts, Pieces, cut_pieces, find_cuts, join_paths, position

if TYPE_CHECKING:
    from kidnaprisk.routes.kernels import EdgeGrid

NO_REGION = -1
# A point meant to be on a border lies this near to it after rounding.
_ALONG_DEGREES = 2e-9
_WGS84 = "EPSG:4326"


class Split(NamedTuple):
    """A path cut at borders: m + 1 nodes, m intervals, in order of travel.

    ``km``, ``lon``, ``lat`` (m + 1,) are the path's own nodes and every point where it crosses a
    border or the antimeridian; ``km`` never falls. ``region`` (m,) is the row position of the
    region each interval lies in, -1 in none; ``piece`` (m,) the path's piece it lies on.
    """

    km: Floats
    lon: Floats
    lat: Floats
    region: Ints
    piece: Ints


class RegionIndex:
    """Regions made ready for looking up points and cutting routes.

    Parameters
    ----------
    regions : GeoDataFrame
        Polygons or multipolygons in EPSG:4326. Where they touch or overlap, the lowest row
        position wins, the same each time.

    Raises
    ------
    RouteError
        If the table has another or no CRS, or a row has no polygon.

    Examples
    --------
    >>> from kidnaprisk.routes.regions import load_regions
    >>> index = RegionIndex(load_regions((-2.0, 12.0, 1.0, 15.0)))
    >>> index.regions["region_id"].iloc[index.locate([-0.03], [14.03])].tolist()
    ['BF-sahel']
    """

    def __init__(self, regions: gpd.GeoDataFrame) -> None:
        _check_regions(regions)
        self.regions = regions
        self._polygons = regions.geometry.to_numpy()
        self._tree: shapely.STRtree | None = None
        self._grid: EdgeGrid | None = None
        # GEOS finishes a prepared geometry at its first use, which two threads must not share.
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        """Only the regions travel to another process; what is built from them is built there."""
        return {"regions": self.regions}

    def __setstate__(self, state: dict[str, gpd.GeoDataFrame]) -> None:
        self.__init__(state["regions"])  # type: ignore[misc]

    def locate(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Ints:
        """Row position of the region each of n points lies in, -1 where in none.

        A point on a border belongs to the region of lowest row position.

        Parameters
        ----------
        lon, lat : array-like of n floats
            WGS84 degrees, finite.

        Returns
        -------
        ndarray (n,)
        """
        x = np.atleast_1d(wrap_lon(lon))
        y = np.atleast_1d(np.asarray(lat, dtype=np.float64))
        point, x, y = _on_both_sides(x, y, 0.0)
        with self._lock:
            asked, row = self._ready_tree().query(shapely.points(x, y))
            shapely.prepare(self._polygons[np.unique(row)])
            hit = shapely.intersects_xy(self._polygons[row], x[asked], y[asked])
        return _lowest_row(point[asked[hit]], row[hit], np.size(lon))

    def _locate_on_border(self, lon: Floats, lat: Floats) -> Ints:
        """As `locate`, for points that lie on a border but for rounding."""
        point, x, y = _on_both_sides(lon, lat, _ALONG_DEGREES)
        with self._lock:
            asked, row = self._ready_tree().query(
                shapely.points(x, y), predicate="dwithin", distance=_ALONG_DEGREES
            )
        return _lowest_row(point[asked], row, len(lon))

    def _ready_tree(self) -> shapely.STRtree:
        if self._tree is None:
            self._tree = shapely.STRtree(self._polygons)
        return self._tree

    def _ready_grid(self) -> EdgeGrid:
        # numba is slow to import and only wanted here.
        from kidnaprisk.routes.kernels import build_grid

        if self._grid is None:
            self._grid = build_grid(_edges(self._polygons))
        return self._grid

    def split(self, path: Path) -> Split:
        """Cut a path at every region border and at the antimeridian.

        Parameters
        ----------
        path : Path
            As `kidnaprisk.geodesy.densify` gives it.

        Returns
        -------
        Split
            Lengths of the intervals add up to the path's.

        Examples
        --------
        >>> from shapely import box
        >>> from kidnaprisk.geodesy import densify
        >>> halves = gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs="EPSG:4326")
        >>> path = densify(np.array([0.99, 1.01]), np.array([0.0, 0.0]))
        >>> cut = RegionIndex(halves).split(path)
        >>> cut.lon.round(9).tolist(), cut.region.tolist()
        ([0.99, 1.0, 1.01], [0, 1])
        """
        return self.split_many([path])[0]

    def split_many(self, paths: Sequence[Path]) -> list[Split]:
        """Cut many paths at once, for less overhead a path than `split`."""
        if not paths:
            return []
        pieces = join_paths(paths)
        cuts, along = find_cuts(pieces, self._ready_grid())
        return self._label(pieces, cuts, along, paths)

    def _label(self, pieces: Pieces, cuts: Cuts, along: Ints, paths: Sequence[Path]) -> list[Split]:
        """Cut the pieces, find the region of each interval, and part the paths again."""
        nodes = cut_pieces(pieces, cuts)
        n = len(nodes.piece)
        last = np.append(nodes.piece[1:] != nodes.piece[:-1], True)
        end = np.where(last, 1.0, np.append(nodes.fraction[1:], 1.0))
        known = np.zeros(len(pieces.begins), dtype=np.bool_)
        known[cuts.piece] = True
        known |= pieces.begins
        asked = np.flatnonzero(known[nodes.piece])
        middle = 0.5 * (nodes.fraction[asked] + end[asked])
        lon, lat = position(pieces, nodes.piece[asked], middle)
        region = np.full(n, NO_REGION, dtype=np.int64)
        region[asked] = self.locate(lon, lat)
        on_border = np.isin(nodes.piece[asked], along)
        if on_border.any():
            near = self._locate_on_border(lon[on_border], lat[on_border])
            # Only points truly on the border are within reach of it; the rest are inside one.
            region[asked[on_border]] = near
        source = np.zeros(n, dtype=np.int64)
        source[asked] = asked
        region = region[np.maximum.accumulate(source)]
        same = np.concatenate([[False], region[1:] == region[:-1]])
        kept = (nodes.fraction == 0.0) | nodes.seam | ~same
        nodes = Cuts(nodes.piece[kept], nodes.fraction[kept], nodes.seam[kept])
        return _part(pieces, nodes, region[kept], paths)


def _check_regions(regions: gpd.GeoDataFrame) -> None:
    if regions.crs is None or not regions.crs.equals(_WGS84, ignore_axis_order=True):
        raise RouteError(
            "regions are not in longitude and latitude",
            value=None if regions.crs is None else regions.crs.name,
            remedy="set their CRS, then regions.to_crs('EPSG:4326')",
        )
    geometry = regions.geometry.to_numpy()
    polygonal = np.isin(shapely.get_type_id(geometry), [3, 6]) & ~shapely.is_empty(geometry)
    if not polygonal.all():
        raise RouteError(
            "a region has no polygon",
            row=int(np.flatnonzero(~polygonal)[0]),
            remedy="drop regions without area",
        )


def _on_both_sides(x: Floats, y: Floats, slack: float) -> tuple[Ints, Floats, Floats]:
    """Points, and those on the antimeridian once more: it is the edge of both sides' polygons.

    Returns the position each came from, and the longitudes and latitudes.
    """
    seam = np.flatnonzero(180.0 - np.abs(x) <= slack)
    point = np.concatenate([np.arange(len(x), dtype=np.int64), seam])
    return point, np.concatenate([x, -np.copysign(180.0, x[seam])]), y[point]


def _lowest_row(point: Ints, row: Ints, n: int) -> Ints:
    found = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(found, point, row)
    found[found == np.iinfo(np.int64).max] = NO_REGION
    return found


def _edges(polygons: npt.NDArray[np.object_]) -> Floats:
    """Every edge of every ring, as ``ax, ay, bx, by``."""
    rings = shapely.get_rings(shapely.get_parts(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    edges = np.concatenate([points[:-1], points[1:]], axis=1)
    joined = (ring[1:] == ring[:-1]) & np.any(points[:-1] != points[1:], axis=1)
    return np.ascontiguousarray(edges[joined])


def _part(pieces: Pieces, nodes: Cuts, region: Ints, paths: Sequence[Path]) -> list[Split]:
    """Give nodes their positions, and each path its own."""
    lon, lat = pieces.lon0[nodes.piece].copy(), pieces.lat0[nodes.piece].copy()
    inner = np.flatnonzero(nodes.fraction > 0.0)
    lon[inner], lat[inner] = position(pieces, nodes.piece[inner], nodes.fraction[inner])
    lon[nodes.seam] = -180.0
    km0, km1 = pieces.km0[nodes.piece], pieces.km1[nodes.piece]
    km = km0 + nodes.fraction * (km1 - km0)
    first_piece = np.cumsum([0] + [len(path.segment) for path in paths])
    first_node = np.searchsorted(nodes.piece, first_piece)
    return [
        Split(
            km=np.append(km[a:b], path.km[-1]),
            lon=np.append(lon[a:b], path.lon[-1]),
            lat=np.append(lat[a:b], path.lat[-1]),
            region=region[a:b],
            piece=nodes.piece[a:b] - offset,
        )
        for path, a, b, offset in zip(
            paths, first_node[:-1], first_node[1:], first_piece[:-1], strict=True
        )
    ]
