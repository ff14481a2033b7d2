"""From tables to numbers: regions, days, unknown errors and the shares of towns, worked by hand."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import ecef_km
from kidnaprisk.hazard.sources import fold_records, record_table, town_sources, weigh_towns
from kidnaprisk.incidents.coverage import DERIVED_NOTE

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
    parameters = {**PARAMETERS, "unknown_location_error_km": 33.0}
    records, places, order = fold_records(table, [COVER], 18400, parameters)
    by_id = dict(zip(table["incident_id"].iloc[order], range(3), strict=True))
    assert records.event_day[[by_id[i] for i in "cab"]].tolist() == [18262.0, 18302.0, 18322.5]
    assert records.known_day[[by_id[i] for i in "cab"]].tolist() == [18266, 18302, 18323]
    assert records.error_km[[by_id[i] for i in "cab"]].tolist() == [5.0, 33.0, 0.0]
    assert (records.event_day <= records.known_day).all()
    assert places.event_day.tolist() == records.event_day.tolist()
    assert places.known_day.tolist() == records.known_day.tolist()
    assert records.group.tolist() == [0, 0, 0]
    # No faded sum is larger than the record itself on the day it happened.
    assert (places.prefix * np.array(PARAMETERS["memories_days"]) <= 1.0).all()


def parts(folded):
    records, places, _ = folded
    return [np.asarray(one) for one in (*records, *places[:-1], *places.tiers)]


def cover(source, areas, start, end, **given):
    days = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
    return kr.Coverage(source, areas, *days, True, **given)


COVER = cover("synthetic", ("NE", "BF"), "2019-01-01", "2020-12-31")


def days_told(rows, coverage, last_day="2022-12-31"):
    """Records, places and names of rows (id, kind, country, source, day, known) near Niamey."""
    name, kind, country, source, day, known = zip(*rows, strict=True)
    n = len(rows)
    table = kidnappings(
        zip(name, np.linspace(1.0, 2.0, n), [13.5] * n, day, day, known, [5.0] * n, strict=True)
    )
    table["kind"], table["country"], table["source"] = kind, country, source
    known_table, _ = record_table(kr.validate_incidents(table), regions_of("NE"))
    days, places, order = fold_records(known_table, coverage, number(last_day), PARAMETERS)
    return days, places, known_table["incident_id"].to_numpy()[order]


def spoken(rows, coverage, last_day="2022-12-31"):
    """When the source of each row speaks, and its group."""
    days, _, names = days_told(rows, coverage, last_day)
    return {
        one: (iso(begin), iso(end), int(group))
        for one, begin, end, group in zip(
            names, days.open_day, days.close_day, days.group, strict=True
        )
    }


def silent(rows, coverage, last_day="2022-12-31"):
    """When the source of each row is silent, between days of which it speaks."""
    days, places, names = days_told(rows, coverage, last_day)
    # Where a list is shorter than the longest, the rest lies beyond any day.
    return {
        one: [(iso(first), iso(last)) for first, last in places.silences[row] if last < 2**30]
        for one, row in zip(names, days.silence_row, strict=True)
    }


def iso(day):
    return str(np.datetime64(int(day), "D"))


def number(day):
    return int(np.datetime64(day, "D").astype(int))


def test_a_record_speaks_for_as_long_as_its_source_does_where_it_lies():
    """By source and country, or region; else for as long as any; never before its own day, never
    after the last day known, and from the day it is known at least."""
    told = spoken(
        [
            ("niger", "kidnapping", "NE", "a", "2020-02-01", "2020-02-05"),
            ("mali", "kidnapping", "ML", "a", "2020-02-01", "2020-02-05"),
            ("context", "battle", "NE", "b", "2020-02-01", "2020-02-05"),
            ("nobody's", "kidnapping", "TD", "a", "2020-02-01", "2020-02-05"),
            ("early", "kidnapping", "ML", "a", "2016-03-01", "2016-03-01"),
            ("late", "kidnapping", "NE", "a", "2020-12-30", "2021-02-14"),
        ],
        [
            cover("a", ("NE",), "2019-01-01", "2020-06-30"),
            cover("a", ("NE", "BJ"), "2019-09-01", "2020-12-31"),
            cover("a", ("ML",), "2018-01-01", "2024-12-31"),
            cover("b", ("NE", "ML"), "2015-05-05", "2021-03-03"),
        ],
    )
    assert told == {
        "niger": ("2019-01-01", "2020-12-31", 0),
        "mali": ("2018-01-01", "2022-12-31", 0),
        "context": ("2015-05-05", "2021-03-03", 1),
        "nobody's": ("2015-05-05", "2022-12-31", 0),
        "early": ("2016-03-01", "2022-12-31", 0),
        "late": ("2019-01-01", "2021-02-14", 0),
    }


def test_a_source_may_tell_of_one_kind_for_longer_than_of_another():
    """What it told of battles since 2010 does not fill the memory of its kidnappings."""
    coverage = [
        cover("a", ("NE",), "2018-01-01", "2020-06-30", kinds=("kidnapping",)),
        cover("a", ("NE",), "2010-01-01", "2022-06-30", kinds=("battle", "attack")),
    ]
    day = ("2020-02-01", "2020-02-05")
    rows = [(kind, kind, "NE", "a", *day) for kind in ("kidnapping", "battle", "explosion")]
    assert spoken(rows, coverage) == {
        "kidnapping": ("2018-01-01", "2020-06-30", 0),
        "battle": ("2010-01-01", "2022-06-30", 1),
        "explosion": ("2010-01-01", "2022-06-30", 1),
    }


def test_a_source_that_states_nothing_has_not_ended_with_its_last_row():
    """One newspaper told of one kidnapping in 2019, another of one in 2021: neither has ended."""
    derived = {"note": DERIVED_NOTE}
    rows = [
        ("one", "kidnapping", "NE", "paper", "2019-03-01", "2019-03-02"),
        ("two", "kidnapping", "NE", "other paper", "2021-04-01", "2021-04-04"),
        ("stated", "kidnapping", "NE", "a", "2020-05-05", "2020-05-05"),
    ]
    coverage = [
        cover("a", ("NE",), "2010-01-01", "2020-06-30"),
        cover("paper", ("NE",), "2019-03-01", "2019-03-01", **derived),
        cover("other paper", ("NE",), "2021-04-01", "2021-04-01", **derived),
    ]
    assert spoken(rows, coverage) == {
        "one": ("2019-03-01", "2021-04-01", 0),
        "two": ("2019-03-01", "2021-04-04", 0),
        "stated": ("2010-01-01", "2020-06-30", 0),
    }


def test_a_coverage_by_region_speaks_for_that_region():
    at = regions_of("NE")
    _, region = record_table(kidnappings([("a", 1.0, 13.5, *["2020-02-01"] * 3, 5.0)]), at)
    here = at["region_id"].iloc[region[0]]
    row = ("one", "kidnapping", "NE", "a", "2020-02-01", "2020-02-01")
    coverage = [
        cover("a", (here,), "2019-01-01", "2020-06-30"),
        cover("a", ("NE-agadez",), "2012-01-01", "2022-06-30"),
    ]
    assert "NE-agadez" in set(at["region_id"])
    assert here != "NE-agadez"
    assert spoken([row], coverage) == {"one": ("2019-01-01", "2020-06-30", 0)}


def test_a_source_is_silent_where_and_of_what_its_coverages_leave_a_gap():
    """Source a is silent of kidnappings in Niger in 2019, b on one day; c fills no gap of a's."""
    day = ("2018-02-01", "2018-02-05")
    coverage = [
        cover("a", ("NE",), "2020-01-01", "2021-06-30"),
        cover("a", ("NE", "ML"), "2016-01-01", "2018-12-31", kinds=("kidnapping",)),
        cover("a", ("NE",), "2016-01-01", "2019-12-31", kinds=("battle",)),
        cover("b", ("NE",), "2015-01-01", "2018-03-04"),
        cover("b", ("NE",), "2018-03-06", "2019-03-04"),
        cover("b", ("NE",), "2019-03-05", "2019-12-31"),
        cover("c", ("NE",), "2015-01-01", "2022-12-31"),
    ]
    rows = [
        ("niger", "kidnapping", "NE", "a", *day),
        ("mali", "kidnapping", "ML", "a", *day),
        ("battle", "battle", "NE", "a", *day),
        ("b's", "kidnapping", "NE", "b", *day),
        ("c's", "kidnapping", "NE", "c", *day),
        ("nobody's", "kidnapping", "NE", "no such", *day),
    ]
    assert silent(rows, coverage) == {
        "niger": [("2019-01-01", "2019-12-31")], "mali": [], "battle": [],
        "b's": [("2018-03-05", "2018-03-05")], "c's": [], "nobody's": [],
    }  # fmt: skip


def test_a_record_is_news_of_the_day_it_was_known_in_a_gap():
    """Silent in 2019, but a week late of the year before; on its first day; on its last."""
    coverage = [
        cover("a", ("NE",), "2016-01-01", "2018-12-31"),
        cover("a", ("NE",), "2020-01-01", "2021-06-30"),
    ]
    days = {
        "early": ("2018-02-01", "2018-12-31"), "late": ("2018-12-28", "2019-01-04"),
        "first": ("2018-12-28", "2019-01-01"), "last": ("2019-12-28", "2019-12-31"),
        "after": ("2019-12-28", "2020-01-01"),
    }  # fmt: skip
    rows = [(name, "kidnapping", "NE", "a", *both) for name, both in days.items()]
    whole = [("2019-01-01", "2019-12-31")]
    assert silent(rows, coverage) == {
        "early": whole, "after": whole,
        "late": [("2019-01-01", "2019-01-03"), ("2019-01-05", "2019-12-31")],
        "first": [("2019-01-02", "2019-12-31")], "last": [("2019-01-01", "2019-12-30")],
    }  # fmt: skip


def test_sources_that_state_nothing_have_no_gaps():
    """Between the one kidnapping of one newspaper and that of another nobody said nothing."""
    rows = [
        ("one", "kidnapping", "NE", "paper", "2019-03-01", "2019-03-02"),
        ("two", "kidnapping", "NE", "other paper", "2021-04-01", "2021-04-04"),
    ]
    coverage = [
        cover("paper", ("NE",), "2019-03-01", "2019-03-01", note=DERIVED_NOTE),
        cover("other paper", ("NE",), "2021-04-01", "2021-04-01", note=DERIVED_NOTE),
    ]
    assert silent(rows, coverage) == {"one": [], "two": []}


def test_the_order_of_rows_is_forgotten(three):
    table, _ = record_table(three, regions_of("NE", "BF"))
    one = fold_records(table, [COVER], 18400, PARAMETERS)
    again = fold_records(table.iloc[::-1].reset_index(drop=True), [COVER], 18400, PARAMETERS)
    for first, second in zip(parts(one), parts(again), strict=True):
        assert first.tobytes() == second.tobytes()
    assert (2 - again[2]).tolist() == one[2].tolist()


def test_shares_of_towns_by_hand():
    """Powers of 1/2 of 40,000, 10,000 and 90,000 people: 200, 100 and 300 of 600."""
    lon, lat = np.array([1.0, 2.0, 3.0]), np.array([15.0, 13.0, 14.0])
    people = np.array([40_000.0, 10_000.0, 90_000.0])
    towns, order = weigh_towns(lon, lat, people, {"town_exponent": 0.5})
    assert order.tolist() == [1, 2, 0]  # south to north
    assert towns.population.tolist() == people[order].tolist()
    np.testing.assert_allclose(towns.share, [1 / 6, 3 / 6, 2 / 6], rtol=1e-15)
    assert (towns.lon.tolist(), towns.lat.tolist()) == ([2.0, 3.0, 1.0], [13.0, 14.0, 15.0])
    assert towns.xyz.tolist() == ecef_km(lon[order], lat[order]).tolist()
    assert (np.diff(towns.xyz[:, 2]) > 0).all()
    even, _ = weigh_towns(lon, lat, people, {"town_exponent": 0.0})
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
