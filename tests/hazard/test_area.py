"""The covered area against geodesic areas, exact shapes and plain counting."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry.polygon import orient

import kidnaprisk as kr
from kidnaprisk.errors import CoverageError
from kidnaprisk.geodesy import GEOD
from kidnaprisk.hazard.area import (
    CoveredArea,
    Gaps,
    covered_area,
    covered_days,
    covered_gaps,
    covered_regions,
    regions_named,
)
from kidnaprisk.incidents.coverage import DERIVED_NOTE
from kidnaprisk.routes.regions import areas_km2

START, END = dt.date(2010, 1, 1), dt.date(2020, 1, 1)


def cover(*areas, start=START, end=END):
    return [kr.Coverage("synthetic", areas, start, end, True)]


def area_of(*areas) -> CoveredArea:
    regions = covered_regions(cover(*areas))
    return covered_area(regions, *covered_days(regions, cover(*areas), number(END), 0))


def number(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def exact_km2(regions):
    # Edges are straight in longitude and latitude: cut short, geodesics follow them. A hole counts
    # as negative only if it runs the other way round.
    shapes = shapely.segmentize(regions.geometry.to_numpy(), 0.02)
    return np.array(
        [
            sum(GEOD.geometry_area_perimeter(orient(part))[0] for part in shapely.get_parts(shape))
            / 1e6
            for shape in shapes
        ]
    )


@pytest.fixture(scope="module")
def senegal():
    return area_of("SN", "GM", "MR")


def test_area_of_countries(senegal):
    """Mali has 1,241,238 km², Burkina Faso 274,200: the published figures within 2 %."""
    for code, km2 in (("ML", 1_241_238), ("BF", 274_200)):
        area = area_of(code)
        assert area.area_km2 == pytest.approx(km2, rel=0.02)
        assert area.cell_km2.sum() == pytest.approx(area.area_km2, rel=1e-12)
    assert senegal.area_km2 == pytest.approx(exact_km2(senegal.regions).sum(), rel=1e-5)


def test_area_of_each_region(senegal):
    np.testing.assert_allclose(senegal.region_km2, exact_km2(senegal.regions), rtol=1e-5)
    assert senegal.area_km2 == pytest.approx(senegal.region_km2.sum(), rel=1e-15)


def test_cells_lie_inside_and_add_up_by_region(senegal):
    points = shapely.points(senegal.cell_lon, senegal.cell_lat)
    shapes = senegal.regions.geometry.to_numpy()[senegal.cell_region]
    assert shapely.distance(points, shapes).max() < 1e-9
    by_region = np.bincount(senegal.cell_region, senegal.cell_km2)
    np.testing.assert_allclose(by_region, exact_km2(senegal.regions), rtol=1e-5)


def test_even_the_smallest_region_has_a_cell(senegal):
    """A region without one expects nothing in the dispersion, whatever happened there."""
    assert set(senegal.cell_region.tolist()) == set(range(len(senegal.regions)))


def test_a_region_between_the_centres_of_the_raster_is_one_cell_inside_itself():
    """Every bundled region whose own cells would be none: its one cell lies in it, and is it."""
    regions = kr.load_regions()
    small = regions[areas_km2(regions) < 400.0].sort_values("region_id").reset_index(drop=True)
    assert len(small) > 3
    day = np.zeros(len(small), dtype=np.int64)
    area = covered_area(small, day, day)
    cells = np.bincount(area.cell_region, minlength=len(small))
    assert cells.min() == 1
    points = shapely.points(area.cell_lon, area.cell_lat)
    assert shapely.covers(small.geometry.to_numpy()[area.cell_region], points).all()
    np.testing.assert_allclose(
        np.bincount(area.cell_region, area.cell_km2), exact_km2(small), rtol=1e-4
    )
    # A kernel of 100 m at that cell is inside its own area.
    got = area.fraction_inside(area.cell_lon, area.cell_lat, np.full(len(area.cell_lon), 0.1))
    assert (got > 0.0).all()


def test_days_of_each_region_by_hand():
    """Mali 2010 to 2015 by one source and 2012 to 2018 by another; Niger's one region from 2016."""
    niger = covered_regions(cover("NE"))["region_id"].iloc[0]
    coverage = [
        *cover("ML", start=dt.date(2010, 1, 1), end=dt.date(2015, 6, 30)),
        *cover("ML", start=dt.date(2012, 1, 1), end=dt.date(2018, 12, 31)),
        *cover(niger, start=dt.date(2016, 3, 4), end=dt.date(2021, 1, 1)),
    ]
    regions = covered_regions(coverage)
    as_of = number(dt.date(2021, 1, 5))
    first, last = covered_days(regions, coverage, as_of, 14)
    mali = (regions["country"] == "ML").to_numpy()
    assert mali.sum() == len(regions) - 1
    assert set(first[mali].tolist()) == {number(dt.date(2010, 1, 1))}
    # Records of the last day are waited for a fortnight, but never beyond the as-of day.
    assert set(last[mali].tolist()) == {number(dt.date(2018, 12, 31)) + 14}
    assert first[~mali].tolist() == [number(dt.date(2016, 3, 4))]
    assert last[~mali].tolist() == [as_of]
    assert first.dtype == last.dtype == np.int64


def test_days_do_not_depend_on_the_order_of_coverages():
    coverage = cover("ML", "NE") + cover("NE", start=dt.date(2005, 1, 1)) + cover("BF")
    regions = covered_regions(coverage)
    one = covered_days(regions, coverage, number(END), 3)
    other = covered_days(regions, coverage[::-1], number(END), 3)
    assert [a.tolist() for a in one] == [a.tolist() for a in other]


def year(source, areas, first, last, note=""):
    """A coverage of whole years."""
    return kr.Coverage(
        source, areas, dt.date(first, 1, 1), dt.date(last, 12, 31), True, note=note
    )  # fmt: skip


def gaps_of(coverage):
    """Gaps of each region that has any, as ISO days."""
    regions = covered_regions(coverage)
    found: dict[str, list[tuple[str, str]]] = {}
    for row, *days in zip(*covered_gaps(regions, coverage), strict=True):
        first, last = (str(np.datetime64(int(day), "D")) for day in days)
        found.setdefault(regions["region_id"].iloc[row], []).append((first, last))
    return found


@pytest.mark.parametrize(
    ("spans", "gaps"),
    [
        ([(2010, 2012)], []),
        ([(2010, 2012), (2013, 2014)], []),
        ([(2010, 2014), (2012, 2016)], []),
        ([(2010, 2018), (2012, 2013), (2017, 2019)], []),
        ([(2010, 2012), (2014, 2014)], [("2013-01-01", "2013-12-31")]),
        ([(2010, 2016), (2011, 2012), (2018, 2019)], [("2017-01-01", "2017-12-31")]),
        (
            [(2017, 2019), (2010, 2011), (2013, 2015)],
            [("2012-01-01", "2012-12-31"), ("2016-01-01", "2016-12-31")],
        ),
    ],
    ids=["one", "touching", "overlapping", "one in another", "a year", "after the longest",
         "three in any order"],
)  # fmt: skip
def test_gaps_of_a_region_by_hand(spans, gaps):
    coverage = [year("s", ("BF",), *span) for span in spans]
    found = gaps_of(coverage)
    assert set(found) == (set(covered_regions(coverage)["region_id"]) if gaps else set())
    assert all(one == gaps for one in found.values())


def test_a_gap_of_a_single_day_is_one():
    two = [
        *cover("BF", start=dt.date(2010, 1, 1), end=dt.date(2012, 2, 28)),
        *cover("BF", start=dt.date(2012, 3, 1), end=dt.date(2013, 1, 1)),
    ]
    assert {tuple(one) for one in gaps_of(two).values()} == {(("2012-02-29", "2012-02-29"),)}


def test_gaps_of_countries_and_of_their_regions():
    """The country pauses in 2012; one of its regions is told of then too, another alone to 2015."""
    here, there, *_ = covered_regions(cover("BF"))["region_id"]
    coverage = [
        year("s", ("BF",), 2010, 2011), year("s", ("BF", "ML"), 2013, 2013),
        year("s", (here,), 2012, 2012), year("s", (there,), 2015, 2015),
    ]  # fmt: skip
    found, all_of = gaps_of(coverage), set(covered_regions(cover("BF"))["region_id"])
    assert set(found) == all_of - {here}
    pause = ("2012-01-01", "2012-12-31")
    assert found.pop(there) == [pause, ("2014-01-01", "2014-12-31")]
    assert all(one == [pause] for one in found.values())


def test_a_source_fills_the_gap_of_another():
    one = [year("a", ("BF",), 2010, 2011), year("a", ("BF",), 2015, 2016)]
    assert gaps_of(one)
    assert gaps_of([*one, year("b", ("BF",), 2012, 2014)]) == {}
    rest = gaps_of([*one, year("b", ("BF", "ML"), 2013, 2014)])
    assert {tuple(gaps) for gaps in rest.values()} == {(("2012-01-01", "2012-12-31"),)}


def test_what_was_derived_from_rows_states_no_gap():
    """Between a newspaper's rows and another's, nobody said that nothing was told."""
    rows = [year(name, ("BF",), at, at, DERIVED_NOTE) for name, at in (("p", 2010), ("q", 2014))]
    assert gaps_of(rows) == {}
    assert gaps_of([*rows, year("a", ("BF",), 2016, 2017)]) == {
        region: [("2015-01-01", "2015-12-31")] for region in covered_regions(rows)["region_id"]
    }


def test_windows_that_meet_a_gap():
    """Days 10 to 12 and 20 of the second of three regions."""
    gaps = Gaps(np.array([1, 1]), np.array([10, 20]), np.array([12, 20]))
    start, end = np.array([5, 5, 12, 13, 13, 20]), np.array([9, 10, 13, 19, 25, 20])
    met = gaps.meet(start, end, 3)
    assert met.tolist() == [[False] * 6, [False, True, True, False, True, True], [False] * 6]


def test_regions_by_name_keep_the_order_asked():
    known = kr.load_regions().set_index("region_id")
    ids = np.array(["NE-niamey", *sorted(known.index[known["country"] == "BF"])[::-1]])
    ids = ids[np.isin(ids, known.index)]
    assert len(ids) > 5
    got = regions_named(ids)
    assert got["region_id"].tolist() == ids.tolist()
    assert got.index.tolist() == list(range(len(ids)))
    assert all(got.geometry.iloc[i].equals(known.geometry[name]) for i, name in enumerate(ids))


def test_regions_that_are_not_bundled_are_told():
    with pytest.raises(CoverageError, match="XX-atlantis") as caught:
        regions_named(np.array(["XX-atlantis"]))
    assert caught.value.remedy


def exact_inside(regions, lon, lat, sigma):
    """Mass of a biweight inside the regions by rings cut with shapely on a local flat map."""
    from pyproj import CRS

    flat = CRS.from_proj4(f"+proj=aeqd +lon_0={lon} +lat_0={lat} +units=km +ellps=WGS84")
    shape = regions.to_crs(flat).union_all()
    edges = np.linspace(0.0, 1.0, 61)
    mass = 1.0 - (1.0 - edges**2) ** 3
    inside = 0.0
    for inner, outer, part in zip(edges[:-1], edges[1:], np.diff(mass), strict=True):
        reach = np.sqrt(8.0) * sigma
        ring = (
            shapely.Point(0, 0)
            .buffer(outer * reach, 64)
            .difference(shapely.Point(0, 0).buffer(inner * reach, 64))
        )
        inside += part * ring.intersection(shape).area / ring.area
    return inside


def test_fraction_inside_near_coasts_and_borders(senegal):
    """Dakar, Saint-Louis, Nouakchott, Tambacounda inland, out at sea, the border near Kayes."""
    places = [(-17.44, 14.69), (-16.49, 16.03), (-15.95, 18.08), (-13.67, 13.77), (-19.5, 15.0),
              (-12.1, 14.8)]  # fmt: skip
    errors = []
    for sigma in (10.0, 20.0, 40.0, 80.0):
        lon, lat = np.array(places).T
        got = senegal.fraction_inside(lon, lat, np.full(len(places), sigma))
        exact = [exact_inside(senegal.regions, x, y, sigma) for x, y in places]
        errors.extend(got - np.array(exact))
        assert ((got >= 0) & (got <= 1)).all()
    # A raster of 28 km against kernels that reach 28 km: a fifth on one cape, little on average.
    assert np.abs(errors).max() < 0.25
    assert abs(np.mean(errors)) < 0.03


def test_fraction_inside_deep_inland_is_one_and_far_away_zero():
    area = area_of("ML", "NE", "BF", "DZ", "NG", "BJ", "TG", "GH", "CI")
    lon, lat = np.array([2.0, 2.0]), np.array([15.5, 45.0])
    assert area.fraction_inside(lon, lat, np.full(2, 50.0)).tolist() == [1.0, 0.0]


def test_antimeridian():
    area = area_of("FJ", "RU")
    # Chukotka lies on both sides of 180°.
    got = area.fraction_inside(
        np.array([179.99, -179.99]), np.array([67.8, 67.8]), np.full(2, 20.0)
    )
    np.testing.assert_allclose(got, 1.0, atol=0.15)
    assert got[0] == pytest.approx(got[1], abs=0.1)


def test_names_of_regions_and_countries_mix_and_do_not_double():
    alone = covered_regions(cover("BF"))
    one = alone["region_id"].iloc[0]
    assert covered_regions(cover("BF", one))["region_id"].tolist() == alone["region_id"].tolist()
    assert covered_regions(cover(one))["region_id"].tolist() == [one]


@pytest.mark.parametrize(
    "areas",
    [("XX",), ("BF", "BF-nowhere"), ("Mali",), ("bf",)],
    ids=["no country", "no region", "a name", "lower case"],
)
def test_coverage_of_unknown_places_is_refused(areas):
    with pytest.raises(CoverageError, match="do not exist") as caught:
        covered_regions(cover(*areas))
    assert "load_regions" in str(caught.value)


def test_no_coverage_is_refused():
    with pytest.raises(CoverageError):
        covered_regions([])


def test_the_order_of_coverages_does_not_matter():
    one = covered_regions(cover("NE", "ML") + cover("BF"))
    other = covered_regions(cover("BF", "ML", "NE"))
    assert one["region_id"].tolist() == other["region_id"].tolist()
    assert isinstance(one, gpd.GeoDataFrame)
