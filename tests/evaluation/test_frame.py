"""Windows, cells, and the counts in them, worked by hand; borders of real regions."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ConfigError, CoverageError
from kidnaprisk.evaluation.frame import cut_frame, cut_windows, what_happened
from kidnaprisk.geodesy import forward
from kidnaprisk.routes.regions import areas_km2
from tests.evaluation.invented import Event, table_of

DAY = dt.date(2020, 1, 1)


def covering(*areas):
    return (kr.Coverage("made", areas, DAY, dt.date(2020, 12, 31), True),)


FRAME = cut_frame(covering("TG", "BJ"), 0.5)


def test_windows_end_by_the_last_day_and_begin_after_what_is_known():
    w = cut_windows(DAY, dt.date(2020, 3, 1), 30, 15, 7)
    # 61 days: begins on days 0, 15 and 30; a fourth would end on day 75.
    assert (w.start - w.start[0]).tolist() == [0, 15, 30]
    assert (w.end - w.start).tolist() == [29, 29, 29]
    assert (w.start - w.as_of).tolist() == [8, 8, 8]
    assert (w.days, w.overlapping) == (30, 2)


@pytest.mark.parametrize(("step", "held"), [(1, 30), (10, 3), (29, 2), (30, 1), (45, 1)])
def test_a_day_lies_in_as_many_windows_as_overlap(step, held):
    w = cut_windows(DAY, dt.date(2020, 12, 31), 30, step, 0)
    day = w.start[-1]
    assert ((w.start <= day) & (day <= w.end)).sum() == w.overlapping == held


@pytest.mark.parametrize("degrees", [0.3, 0.5, 0.7, 2.0])
def test_areas_of_cells_are_those_of_their_regions(degrees):
    frame = cut_frame(covering("TG", "BJ"), degrees)
    km2 = np.bincount(frame.cell_region, frame.cell_km2)
    np.testing.assert_allclose(km2, areas_km2(frame.regions))
    assert (np.diff(frame.point_region) >= 0).all()
    # Cells are cut at borders: all points of one lie in its region and within its side.
    np.testing.assert_array_equal(frame.cell_region[frame.point_cell], frame.point_region)
    for values in (frame.point_lon, frame.point_lat):
        side = [np.ptp(values[frame.point_cell == c]) for c in range(len(frame.cell_km2))]
        assert max(side) < degrees


def test_a_country_across_the_antimeridian_has_cells_on_both_sides():
    frame = cut_frame(covering("FJ"), 0.5)
    assert frame.point_lon.min() < -178.0
    assert frame.point_lon.max() > 178.0
    np.testing.assert_allclose(frame.cell_km2.sum(), areas_km2(frame.regions).sum())


def test_an_incident_counts_on_the_road_it_lies_near_enough_to():
    m = int(np.argmax(FRAME.road_km))
    at = FRAME.road_lon[m : m + 1], FRAME.road_lat[m : m + 1]
    reach = np.hypot(10.0, 0.5 * FRAME.road_km[m])
    windows = cut_windows(DAY, dt.date(2020, 1, 30), 30, 30, 0)
    near, far = (
        forward(*at, np.array([bearing]), np.array([km]))
        for bearing, km in ((0.0, 0.001), (0.0, 400.0))
    )
    events = [Event(float(lon[0]), float(lat[0]), DAY, DAY, DAY) for lon, lat in (near, far)]
    found = what_happened(table_of(events), FRAME, windows, 10.0)
    assert found.road.tolist()[0] == m
    assert reach < 400.0


def test_an_incident_of_many_days_counts_on_the_middle_one_and_in_every_window_that_holds_it():
    windows = cut_windows(DAY, dt.date(2020, 3, 30), 30, 15, 0)
    # 14 January to 4 February: the middle is the 24th, day 23, in the first two windows.
    event = Event(1.2, 9.5, dt.date(2020, 1, 14), dt.date(2020, 2, 4), dt.date(2020, 2, 5))
    found = what_happened(table_of([event]), FRAME, windows, 10.0)
    assert found.window.tolist() == [0, 1]
    assert found.row.tolist() == [0, 0]
    sea = what_happened(table_of([event._replace(lat=2.0)]), FRAME, windows, 10.0)
    assert len(sea.row) == 0


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(CoverageError, match="areas that do not exist"):
        cut_frame(covering("Atlantis"), 0.5)
    with pytest.raises(CoverageError, match="no road between two towns"):
        cut_frame(covering("VA"), 0.5)
    with pytest.raises(ConfigError, match="too many for so wide an area"):
        cut_frame(covering("BJ", "FJ"), 0.01)
    with pytest.raises(ConfigError, match="no window of 400 days"):
        cut_windows(DAY, dt.date(2020, 12, 31), 400, 1, 0)
