"""Cells, what is spread over them, and means over discs: against counting points and scipy."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.geodesy import ecef_km, forward
from kidnaprisk.hazard.area import covered_area, covered_regions, day_number
from kidnaprisk.hazard.cell_features import Events, Spread, area_below, cut_cells, spread
from kidnaprisk.hazard.pieces import Pieces
from kidnaprisk.incidents.coverage import Coverage

NIGER = Coverage("synthetic", ("NE",), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True)


@pytest.fixture(scope="module")
def area():
    regions = covered_regions([NIGER])
    n = len(regions)
    return covered_area(regions, np.zeros(n, dtype=np.int64), np.full(n, 20_000))


@pytest.fixture(scope="module")
def cells(area):
    return cut_cells(area, 0.2)


def test_cells_cover_the_area_once(area, cells):
    assert cells.km2.sum() == pytest.approx(area.area_km2, rel=1e-12)
    assert np.allclose(cells.share.sum(axis=1), 1.0)
    assert len(np.unique(np.stack([cells.row, cells.column]), axis=1).T) == len(cells)
    # A cell in the middle of the country is covered whole: 22.24 km by 22.13 km × cos 17.1°.
    whole = cells.km2[cells.locate(np.array([9.1]), np.array([17.1]))[0]]
    assert whole == pytest.approx(22.264 * 22.134 * np.cos(np.radians(17.1)), rel=0.005)


def test_every_cell_is_found_again_and_slivers_go_to_the_nearest(cells):
    lon, lat = cells.middle()
    assert np.array_equal(cells.locate(lon, lat), np.arange(len(cells)))
    assert np.array_equal(cells.locate(lon + 360.0, lat), np.arange(len(cells)))
    far = cells.locate(np.array([2.1]), np.array([11.0]))[0]
    gap = np.linalg.norm(ecef_km(lon, lat) - ecef_km(2.1, 11.0), axis=1)
    assert far == gap.argmin()


@given(x=st.floats(-1.5, 1.5), y=st.floats(-1.5, 1.5))
@settings(max_examples=60, deadline=None)
def test_area_below_is_the_share_of_an_even_spread_of_points(x, y):
    n = 200_000
    k = np.arange(n) + 0.5
    radius, angle = np.sqrt(k / n), np.pi * (3.0 - np.sqrt(5.0)) * k
    inside = (radius * np.cos(angle) <= x) & (radius * np.sin(angle) <= y)
    area = float(area_below(np.array(x), np.array(y)))
    assert area / np.pi == pytest.approx(inside.mean(), abs=2e-3)


@pytest.mark.parametrize("radius_km", [1.0, 10.0, 60.0])
def test_disc_mean_is_the_mean_over_points_of_the_disc(cells, radius_km):
    field = np.random.default_rng(1).exponential(size=len(cells))
    lon, lat = np.array([7.77, 8.0, 9.31]), np.array([15.22, 16.0, 17.05])
    n = 40_000
    k = np.arange(n) + 0.5
    far, azimuth = radius_km * np.sqrt(k / n), np.degrees(np.pi * (3.0 - np.sqrt(5.0)) * k) % 360.0
    expected = [
        field[cells.locate(*forward(np.full(n, x), np.full(n, y), azimuth, far))].mean()
        for x, y in zip(lon, lat, strict=True)
    ]
    assert np.allclose(cells.disc_mean(field, lon, lat, radius_km), expected, rtol=4e-3)


def test_an_even_field_has_the_same_mean_everywhere_even_at_the_border(cells):
    lon, lat = cells.middle()
    mean = cells.disc_mean(np.full(len(cells), 3.0), lon, lat, 10.0)
    assert np.allclose(mean, 3.0)
    assert np.isnan(cells.disc_mean(np.ones(len(cells)), np.array([-60.0]), np.array([0.0]), 10.0))


@pytest.mark.parametrize("radius_km", [0.5, 10.0])
def test_the_mean_along_a_piece_is_that_of_its_many_parts(cells, radius_km):
    field = np.random.default_rng(2).exponential(size=len(cells))
    rng = np.random.default_rng(3)
    start = np.stack([rng.uniform(5.0, 10.0, 40), rng.uniform(14.5, 17.0, 40)], axis=1)
    end = start + rng.uniform(-0.03, 0.03, (40, 2))
    when = np.full(40, np.datetime64("2020-01-01", "ns"))
    whole = cells.mean_along(field, Pieces(start, end, np.ones(40), when, radius_km))
    parts = []
    for step in np.arange(100) / 100.0:
        here, on = start + step * (end - start), 0.01 * (end - start)
        piece = Pieces(here, here + on, np.ones(40), when, radius_km)
        parts.append(cells.mean_along(field, piece))
    assert np.allclose(whole, np.mean(parts, axis=0), rtol=2e-3)


def test_a_record_spreads_over_the_cells_with_mass_one(cells):
    for scale in (3.0, 12.0, 50.0):
        at = ecef_km(np.array([8.03]), np.array([16.07]))
        column = spread(cells, at, scale).toarray()[:, 0]
        assert np.sum(column * cells.km2) == pytest.approx(1.0, rel=0.06 if scale == 3.0 else 0.01)


def test_densities_fade_are_as_of_and_make_up_for_short_records(cells):
    day = day_number(dt.date(2020, 1, 1))
    events = Events(
        lon=np.array([8.0, 8.0, 8.0]),
        lat=np.array([16.0, 16.0, 16.0]),
        event_day=np.array([day - 100.0, day - 100.0, day - 5.0]),
        known_day=np.array([day - 90, day - 90, day + 1]),
        group=np.array([0, 1, 0]),
    )
    opened = np.full(len(cells), day - 400, dtype=np.int64)
    found = Spread(cells, events, (12.0, 50.0), (60.0, 730.0), opened).densities(day)
    assert found.shape == (len(cells), 8)
    kernel = spread(cells, ecef_km(events.lon[:1], events.lat[:1]), 12.0).toarray()[:, 0]
    # The third event is not known yet. Order: group, scale, memory.
    for memory, column in ((60.0, 0), (730.0, 1)):
        faded = np.exp(-100.0 / memory) / memory / (1.0 - np.exp(-400.0 / memory))
        assert np.allclose(found[:, column], kernel * faded, rtol=1e-12)
        assert np.array_equal(found[:, column], found[:, 4 + column])
    later = Spread(cells, events, (12.0,), (60.0,), opened).densities(day + 1)
    assert np.all(later[kernel > 0.0, 0] > found[kernel > 0.0, 0])
