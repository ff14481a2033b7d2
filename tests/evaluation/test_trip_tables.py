"""Tables of virtual trips, from SYNTHETIC counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from kidnaprisk.evaluation.trip_tables import Travelled, trip_tables


def made_travelled(windows=20, trips=50, seed=1):
    """SYNTHETIC: met is Poisson about what was expected, in two regions and two bands."""
    rng = np.random.default_rng(seed)
    n = windows * trips * 2
    window, trip = np.repeat(np.arange(windows), 2 * trips), np.tile(np.arange(trips), 2 * windows)
    region = rng.integers(0, 2, n)
    band = rng.integers(1, 3, n)
    expected = 0.05 * band**2 * rng.uniform(0.5, 2.0, n)
    met = rng.poisson(expected).astype(float)
    known = Travelled(window, trip, region, np.full(n, 0.5), met, ("North", "South"))
    return known, expected, pd.array(band, dtype="Int64")


def test_tables_say_who_met_what_where():
    known, expected, band = made_travelled()
    found = trip_tables("mine", known, expected, band, replicates=100)
    groups = {row["group"]: row for row in found.trips}
    assert list(groups) == ["all", "North", "South", "band 1", "band 2"]
    assert groups["all"]["n"] == 20 * 50
    for key, of in (("expected", expected), ("met", known.met)):
        assert groups["all"][key] == pytest.approx(of.sum())
        assert groups["North"][key] + groups["South"][key] == pytest.approx(of.sum())
        assert groups["band 1"][key] + groups["band 2"][key] == pytest.approx(of.sum())
    assert groups["all"]["ratio"] == pytest.approx(known.met.sum() / expected.sum())
    assert groups["all"]["ratio_low"] < 1.0 < groups["all"]["ratio_high"]
    assert groups["all"]["slope_low"] < 1.0 < groups["all"]["slope_high"]
    assert groups["all"]["intercept_low"] < 0.0 < groups["all"]["intercept_high"]
    assert {row["model"] for row in (*found.trips, *found.bands)} == {"mine"}


def test_rates_by_band_are_met_per_thousand_vehicle_days():
    known, expected, band = made_travelled()
    rows = trip_tables("mine", known, expected, band, replicates=100).bands
    assert [row["band"] for row in rows] == [1, 2, 3, 4, 5]
    for row, next_row in pairwise(rows[:2]):
        assert row["rate"] < next_row["rate"]
    inside = (band == 2).to_numpy(dtype=bool)
    assert rows[1]["vehicle_days"] == pytest.approx(0.5 * inside.sum())
    assert rows[1]["met"] == known.met[inside].sum()
    assert rows[1]["expected"] == pytest.approx(expected[inside].sum())
    assert rows[1]["rate"] == pytest.approx(1000 * rows[1]["met"] / rows[1]["vehicle_days"])
    assert rows[1]["low"] < rows[1]["rate"] < rows[1]["high"]
    # No road of band 5 was driven: no rate.
    assert rows[4]["vehicle_days"] == 0.0
    assert np.isnan([rows[4]["rate"], rows[4]["low"], rows[4]["high"]]).all()


def test_where_nothing_was_met_there_is_no_interval_and_no_line():
    known, expected, band = made_travelled()
    quiet = known._replace(met=np.zeros(len(known.met)))
    found = trip_tables("mine", quiet, expected, band, replicates=50)
    assert found.bands[0]["rate"] == 0.0
    assert np.isnan([found.bands[0]["low"], found.bands[0]["high"]]).all()
    assert np.isnan([found.trips[0]["slope"], found.trips[0]["intercept"]]).all()
    assert found.trips[0]["ratio"] == 0.0
    assert np.isnan([found.trips[0]["ratio_low"], found.trips[0]["ratio_high"]]).all()


def test_two_regions_of_one_name_stay_two():
    known, expected, band = made_travelled()
    alike = known._replace(region_name=("Centre", "Centre"))
    rows = trip_tables("mine", alike, expected, band, replicates=10).trips
    both = [row["met"] for row in rows if row["group"] == "Centre"]
    assert both == [known.met[known.region == r].sum() for r in (0, 1)]


def test_pieces_on_which_a_model_is_silent_count_neither_as_expected_nor_as_met():
    known, expected, band = made_travelled()
    told = np.arange(len(expected)) % 3 > 0
    silent = np.where(told, expected, np.nan)
    missing = band.copy()
    missing[~told] = pd.NA
    with_gaps = trip_tables("mine", known, silent, missing, replicates=20)
    rows = np.flatnonzero(told)
    without = trip_tables("mine", known.take(rows), expected[rows], band[rows], replicates=20)
    for mine, theirs in zip(with_gaps, without, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(mine), pd.DataFrame(theirs))
    assert with_gaps.trips[0]["met"] == known.met[told].sum()
