"""The reference network against the definition of the Gabriel graph, and bands by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import GEOD, ecef_km
from kidnaprisk.hazard.network import Standing, band_of, gabriel_edges, reference_network


def by_definition(lon, lat):
    """All pairs with no third town strictly inside the ball that has them as poles: O(n³)."""
    xyz = ecef_km(lon, lat)
    pairs = set()
    for i, j in itertools.combinations(range(len(xyz)), 2):
        middle, half2 = 0.5 * (xyz[i] + xyz[j]), 0.25 * ((xyz[i] - xyz[j]) ** 2).sum()
        inside = ((xyz - middle) ** 2).sum(axis=1) < half2 * (1.0 - 1e-8)
        inside[[i, j]] = False
        if not inside.any():
            pairs.add((i, j))
    return pairs


def as_set(edges):
    assert (edges[:, 0] < edges[:, 1]).all()
    return {(int(i), int(j)) for i, j in edges}


@pytest.mark.parametrize("n", [2, 3, 11, 12, 13, 60, 150])
@pytest.mark.parametrize(
    "box", [(-5, 5, 10, 16), (170, 190, -20, -10), (-180, 180, 60, 89), (-180, 180, -89, 89)]
)
def test_gabriel_graph_is_what_its_definition_says(n, box):
    rng = np.random.default_rng(n)
    lon, lat = rng.uniform(box[0], box[1], n), rng.uniform(box[2], box[3], n)
    lon = (lon + 180.0) % 360.0 - 180.0
    assert as_set(gabriel_edges(lon, lat)) == by_definition(lon, lat)


def test_gabriel_graph_joins_all_towns_into_one():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(0, 10, 200), rng.uniform(10, 18, 200)
    reached = {0}
    edges = as_set(gabriel_edges(lon, lat))
    while True:
        wider = (
            reached | {b for a, b in edges if a in reached} | {a for a, b in edges if b in reached}
        )
        if wider == reached:
            break
        reached = wider
    assert len(reached) == 200


def test_towns_at_one_position_are_no_error():
    lon = np.append(np.linspace(0, 3, 15), [0.0, 0.0])
    lat = np.append(14 + 0.3 * np.sin(np.arange(15)), [14.0, 14.0])
    edges = as_set(gabriel_edges(lon, lat))
    town = {i: (lon[i], lat[i]) for i in range(17)}
    joined = {frozenset((town[i], town[j])) for i, j in edges if town[i] != town[j]}
    wanted = {frozenset((town[i], town[j])) for i, j in by_definition(lon[:15], lat[:15])}
    assert joined == wanted


def test_one_town_makes_no_network():
    with pytest.raises(ModelError):
        gabriel_edges(np.array([1.0]), np.array([2.0]))


def test_a_line_of_towns_is_cut_into_stretches_of_about_ten_km():
    lon, lat = np.array([179.5, -179.5, -178.0]), np.array([0.0, 0.0, 0.0])
    network = reference_network(lon, lat)
    # On the equator a degree is 111.3195 km: 111.3 km in 11 parts, 167.0 km in 17.
    assert len(network.km) == 28
    assert network.km.sum() == pytest.approx(2.5 * 111.31949, rel=1e-6)
    np.testing.assert_allclose(network.km[:11], 111.31949 / 11, rtol=1e-6)
    assert ((network.lon >= -180) & (network.lon < 180)).all()
    _, _, first = GEOD.inv(179.5, 0.0, network.lon[0], network.lat[0])
    assert first / 1000 == pytest.approx(111.31949 / 22, rel=1e-6)


def test_network_km_is_the_sum_of_its_edges():
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(-10, 10, 80), rng.uniform(5, 20, 80)
    _, _, metres = GEOD.inv(
        *np.array([(lon[i], lat[i], lon[j], lat[j]) for i, j in by_definition(lon, lat)]).T
    )
    network = reference_network(lon, lat)
    assert network.km.sum() == pytest.approx(metres.sum() / 1000, rel=1e-9)
    assert (network.km < 15.0 + 1e-9).all()


def test_percentile_by_hand():
    standing = Standing(np.array([3.0, 1.0, 2.0, 2.0]), np.array([40.0, 10.0, 20.0, 30.0]))
    got = standing.percentile(np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0, np.nan]))
    # km below: 0, tie of 10 counts 5, 10, 10 + half of 50, 60, 60 + half of 40, all.
    np.testing.assert_array_equal(got, [0.0, 5.0, 10.0, 35.0, 60.0, 80.0, 100.0, np.nan])


def test_percentile_rises_with_hazard():
    rng = np.random.default_rng(2)
    standing = Standing(rng.gamma(0.5, 1.0, 500), rng.uniform(5, 15, 500))
    got = standing.percentile(np.sort(rng.gamma(0.5, 1.0, 300)))
    assert (np.diff(got) >= 0).all()
    assert (got >= 0).all()
    assert (got <= 100).all()


def test_bands_by_hand():
    cuts = [0.0, 49.999, 50.0, 79.999, 80.0, 94.999, 95.0, 98.999, 99.0, 100.0, np.nan]
    band = band_of(np.array(cuts))
    assert band.tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, pd.NA]


def test_shares_of_the_network_in_each_band(catalogue_model):
    """Cut at 50, 80, 95 and 99 % of its km: 50, 30, 15, 4 and 1 % of the network itself."""
    standing = catalogue_model.standing(pd.Timestamp("2026-03-01", tz="UTC"), 10.0)
    network = catalogue_model.network_
    points = np.repeat(standing._intensity, 1)
    band = np.asarray(band_of(standing.percentile(points)), dtype=int)
    km = np.diff(standing._below_km)
    share = np.bincount(band, weights=km, minlength=6)[1:] / km.sum()
    np.testing.assert_allclose(share, [0.50, 0.30, 0.15, 0.04, 0.01], atol=0.003)
    assert km.sum() == pytest.approx(network.km.sum())


def test_total_km_of_the_bundled_network_is_that_of_main_roads(catalogue_model):
    """24 countries and Darfur, 11 to 12 million km²: a sparse road net has 5 to 60 m per km²."""
    km, area = catalogue_model.network_.km.sum(), catalogue_model.covered_area_km2_
    assert 0.005 < km / area < 0.06
