"""From tables to numbers: regions, days, unknown errors and the shares of towns, worked by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard.sources import fold_records, record_table, town_sources, weigh_towns

PARAMETERS = kr.KernelMixture().get_params()


def regions_of(*countries):
    regions = kr.load_regions()
    return regions[regions["country"].isin(countries)].reset_index(drop=True)


def kidnappings(rows):
    """SYNTHETIC rows of (id, lon, lat, date, date_end, known_on, error)."""
    identity, lon, lat, date, end, known, error = zip(*rows, strict=True)
    return kr.validate_incidents(
        gpd.GeoDataFrame(
            {
                "incident_id": identity, "source": "synthetic", "kind": "kidnapping",
                "date": pd.to_datetime(list(date)), "date_end": pd.to_datetime(list(end)),
                "known_on": pd.to_datetime(list(known)), "location_error_km": error,
                "country": "NE",
            },
            geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326",
        )
    )  # fmt: skip


@pytest.fixture
def three():
    """In Niger; in Paris; in the Sahel of Burkina Faso."""
    return kidnappings(
        [
            ("c", 2.1, 13.5, "2020-01-01", "2020-01-01", "2020-01-05", 5.0),
            ("a", 2.35, 48.85, "2020-02-01", "2020-02-29", "2020-02-10", None),
            ("b", 0.0, 14.0, "2020-03-01", "2020-03-02", "2020-03-02", 0.0),
        ]
    )


def test_each_record_is_told_its_region_or_none(three):
    regions = regions_of("NE", "BF")
    table, region = record_table(three, regions)
    assert region[1] == -1
    assert table["region_id"].isna().tolist() == [False, True, False]
    for row in (0, 2):
        assert table["region_id"].iloc[row] == regions["region_id"].iloc[region[row]]
        assert regions.geometry.iloc[region[row]].covers(three.geometry.iloc[row])
    assert table["incident_id"].tolist() == three["incident_id"].tolist()
    assert table["lon"].tolist() == [2.1, 2.35, 0.0]


def test_days_and_errors_of_records_by_hand(three):
    """2020-01-01 is day 18262. The month of doubt was told on the 10th: its middle, the 15th, is
    after that, so it counts as of the 10th. An unknown error is the one assumed."""
    table, _ = record_table(three, regions_of("NE", "BF"))
    records, places, order = fold_records(table, {**PARAMETERS, "unknown_location_error_km": 33.0})
    by_id = dict(zip(table["incident_id"].iloc[order], range(3), strict=True))
    assert records.event_day[[by_id[i] for i in "cab"]].tolist() == [18262.0, 18302.0, 18322.5]
    assert records.known_day[[by_id[i] for i in "cab"]].tolist() == [18266, 18302, 18323]
    assert records.error_km[[by_id[i] for i in "cab"]].tolist() == [5.0, 33.0, 0.0]
    assert (records.event_day <= records.known_day).all()
    assert places.event_day.tolist() == records.event_day.tolist()
    assert places.known_day.tolist() == records.known_day.tolist()
    # No faded sum is larger than the record itself on the day it happened.
    assert (places.prefix * np.array(PARAMETERS["memories_days"])[:, None] <= 1.0).all()


def test_the_order_of_rows_is_forgotten(three):
    table, _ = record_table(three, regions_of("NE", "BF"))
    one = fold_records(table, PARAMETERS)
    again = fold_records(table.iloc[::-1].reset_index(drop=True), PARAMETERS)
    for first, second in zip((*one[0], *one[1]), (*again[0], *again[1]), strict=True):
        assert first.tobytes() == second.tobytes()
    assert (2 - again[2]).tolist() == one[2].tolist()


def test_shares_of_towns_by_hand():
    """Powers of 1/2 of 40,000, 10,000 and 90,000 people: 200, 100 and 300 of 600."""
    lon, lat = np.array([1.0, 2.0, 3.0]), np.array([15.0, 13.0, 14.0])
    people = np.array([40_000.0, 10_000.0, 90_000.0])
    towns, order = weigh_towns(lon, lat, people, {"town_exponent": 0.5, "town_scale_km": 7})
    assert order.tolist() == [1, 2, 0]  # south to north
    assert towns.population.tolist() == people[order].tolist()
    np.testing.assert_allclose(towns.share, [1 / 6, 3 / 6, 2 / 6], rtol=1e-15)
    assert towns.scale_km == 7.0
    assert towns.xyz.tolist() == ecef_km(lon[order], lat[order]).tolist()
    assert (np.diff(towns.xyz[:, 2]) > 0).all()
    even, _ = weigh_towns(lon, lat, people, {"town_exponent": 0.0, "town_scale_km": 7.0})
    np.testing.assert_allclose(even.share, 1 / 3, rtol=1e-15)


def test_towns_weigh_the_same_in_any_order():
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(0, 5, 30).round(1), rng.uniform(12, 13, 30).round(1)
    people = rng.integers(1, 9, 30) * 1000.0
    first, order = weigh_towns(lon, lat, people, PARAMETERS)
    mixed = rng.permutation(30)
    second, again = weigh_towns(lon[mixed], lat[mixed], people[mixed], PARAMETERS)
    for one, other in zip(first[:5], second[:5], strict=True):
        assert one.tobytes() == other.tobytes()
    # Stored and weighed again, as a model that is loaded does it: nothing moves.
    third, still = weigh_towns(first.lon, first.lat, first.population, PARAMETERS)
    assert third.share.tobytes() == first.share.tobytes()
    assert still.tolist() == list(range(30))
    assert sorted(order.tolist()) == sorted(again.tolist()) == list(range(30))


def test_towns_are_those_inside_and_large_enough():
    regions = regions_of("NE", "BF")
    towns, region = town_sources(regions, {**PARAMETERS, "town_population": 50_000})
    assert towns.population.min() >= 50_000
    assert (region >= 0).all()
    for row in range(0, len(region), 7):
        point = gpd.points_from_xy(towns.lon[[row]], towns.lat[[row]])[0]
        assert regions.geometry.iloc[region[row]].covers(point)
    table = kr.load_towns()
    wanted = table["country"].isin(["NE", "BF"]) & (table["population"] >= 50_000)
    assert 0.9 * wanted.sum() <= len(region) <= wanted.sum()
    assert towns.share.sum() == pytest.approx(1.0, rel=1e-12)


def test_fewer_than_two_towns_are_refused():
    with pytest.raises(ModelError, match="towns") as caught:
        town_sources(regions_of("NE"), {**PARAMETERS, "town_population": 10**8})
    assert caught.value.remedy
