"""Virtual trips of a backtest against a plain twin that drives every piece minute by minute.

All incidents and models are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from kidnaprisk.errors import ModelError
from kidnaprisk.evaluation.backtest import backtest
from kidnaprisk.geodesy import forward, inverse
from tests.evaluation.invented import COVERAGE, Known, Sure, made_events, made_table

EVENTS = made_events()
OPTIONS = {
    "start": "2021-01-01", "end": "2021-03-31", "cell_degrees": 0.5, "trips": 30,
    "baselines": False, "radius_km": 30.0,
}  # fmt: skip
RATE = 1.0e-5


def even(lon, lat, day, as_of, known):
    return RATE


class Driver(Known):
    """SYNTHETIC: an even hazard that remembers the pieces it was asked about."""

    def __init__(self, seen):
        self.seen, self.rate, self.least = seen, even, 0

    def __sklearn_clone__(self):
        return Driver(self.seen)

    def integrate(self, pieces):
        self.seen.append(pieces)
        return RATE * pieces.factor


@pytest.fixture(scope="module")
def driven():
    seen: list = []
    found = backtest({"driver": Driver(seen), "sure": Sure(even)}, made_table(EVENTS), **OPTIONS)
    return found, seen


def met_by(pieces):
    """Incidents met on each piece: where it is at 40 instants, and whether within ρ by then."""
    azimuth, km = inverse(*pieces.start.T, *pieces.end.T)
    met = np.zeros(len(pieces))
    for share in (np.arange(40) + 0.5) / 40:
        lon, lat = forward(*pieces.start.T, azimuth, share * km)
        at = pieces.when + (share * pieces.hours * 3.6e12).astype("timedelta64[ns]")
        day = at.astype("datetime64[D]").astype(object)
        for event in EVENTS:
            during = np.array([event.first <= one <= event.last for one in day])
            if during.any():
                _, away = inverse(
                    lon, lat, np.full(len(lon), event.lon), np.full(len(lon), event.lat)
                )
                days = (event.last - event.first).days + 1
                met += (during & (away <= pieces.radius_km)) * pieces.hours / 24.0 / 40 / days
    return met


def test_what_trips_met_and_expected_is_that_of_the_plain_twin(driven):
    found, seen = driven
    assert len(seen) == 3
    met = sum(met_by(pieces).sum() for pieces in seen)
    expected = sum((RATE * pieces.factor).sum() for pieces in seen)
    for model in ("driver", "sure"):
        rows = found.trips[found.trips["model"] == model].set_index("group")
        # A road may cut through a neighbour that the records do not cover.
        assert 0.9 * expected < rows.loc["all", "expected"] <= expected
        assert rows.loc["all", "met"] == pytest.approx(met, rel=0.1)
        assert rows.loc["all", "n"] == 90
        ratio = rows.loc["all", "met"] / rows.loc["all", "expected"]
        assert rows.loc["all", "ratio"] == pytest.approx(ratio)


def test_regions_and_bands_add_up_to_all(driven):
    found, seen = driven
    for model in ("driver", "sure"):
        rows = found.trips[found.trips["model"] == model].set_index("group")
        regions = rows[[", " in group for group in rows.index]]
        assert {group[-2:] for group in regions.index} == {"TG", "BJ"}
        bands = rows[[group.startswith("band ") for group in rows.index]]
        table = found.trip_bands[found.trip_bands["model"] == model]
        for column in ("expected", "met"):
            whole = pytest.approx(rows.loc["all", column])
            assert regions[column].sum() == whole
            assert bands[column].sum() == whole
            assert table[column].sum() == whole
        driven_days = sum(pieces.hours.sum() for pieces in seen) / 24.0
        assert 0.9 * driven_days < table["vehicle_days"].sum() <= driven_days + 1e-9
        told = table[table["vehicle_days"] > 0.0]
        np.testing.assert_allclose(told["rate"], 1000 * told["met"] / told["vehicle_days"])


def test_only_a_model_that_says_how_sure_it_is_has_intervals(driven):
    found, _ = driven
    rows = found.coverage[found.coverage["what"] == "virtual trip"]
    assert rows["model"].tolist() == ["sure", "sure"]
    assert rows["level"].tolist() == [0.8, 0.9]
    assert rows["n"].tolist() == [90, 90]
    assert rows["held"].between(0.0, 1.0).all()


def test_trips_count_only_where_the_records_cover_the_window():
    # Benin's records end on 2021-05-20: from then on only Togo counts.
    options = OPTIONS | {"start": "2021-05-25", "end": "2021-06-23"}
    found = backtest({"even": Known(even)}, made_table(EVENTS), **options)
    groups = [group for group in found.trips["group"] if ", " in group]
    assert groups
    assert {group[-2:] for group in groups} == {"TG"}


def test_the_baselines_drive_no_trips(driven):
    found = backtest({"sure": Sure(even)}, made_table(EVENTS), **OPTIONS | {"baselines": True})
    assert set(found.trips["model"]) == {"sure"}
    # The same seed, the same trips, whoever else takes part.
    mine = driven[0].trips
    theirs = mine[mine["model"] == "sure"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.trips, theirs)


def test_a_road_on_which_nothing_is_expected_is_refused():
    class Blind(Known):
        def integrate(self, pieces):
            return np.zeros(len(pieces))

    with pytest.raises(ModelError, match="expects nothing at all on a road"):
        backtest({"blind": Blind(even)}, made_table(EVENTS), **OPTIONS)


def test_overlapping_windows_make_intervals_of_trips_no_narrower():
    apart, close = (
        backtest({"even": Known(even)}, made_table(EVENTS), **OPTIONS | options).trips.iloc[0]
        for options in ({"end": "2021-06-30"}, {"end": "2021-06-30", "step_days": 10})
    )
    width = [row["ratio_high"] - row["ratio_low"] for row in (apart, close)]
    assert width[1] > 0.6 * width[0]


def test_the_cover_of_the_synthetic_records_is_as_these_tests_take_it():
    assert COVERAGE[2].end == dt.date(2021, 5, 20)
