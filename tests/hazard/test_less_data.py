"""Less data, or more: wider intervals, more `insufficient_data`, never a confident reassurance."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ModelError

ROAD = [(2.0, 14.0), (2.9, 14.1), (4.0, 14.5)]
WHEN = "2023-07-01T06:00Z"


def relative_width(risk):
    low, high = risk.interval
    return (high - low) / risk.expected_incidents


def scored(table, road=ROAD, **parameters):
    return kr.score(kr.Trip(road, WHEN), kr.KernelMixture(**parameters).fit(table))


def with_context(table, n=300, seed=3):
    """SYNTHETIC: battles at random beside the kidnappings of a table."""
    rng = np.random.default_rng(seed)
    extra = table.iloc[rng.integers(0, len(table), n)].copy()
    extra["incident_id"] = [f"battle-{i}" for i in range(n)]
    extra["kind"] = "battle"
    extra["geometry"] = gpd.points_from_xy(rng.uniform(1, 9, n), rng.uniform(13, 15, n))
    both = pd.concat([table, extra], ignore_index=True)
    both.attrs = table.attrs
    return both


@pytest.mark.slow
def test_fewer_records_widen_the_interval(make_table):
    table = make_table(400)
    widths = [
        relative_width(scored(table.iloc[rows].reset_index(drop=True)))
        for rows in (slice(None), slice(None, None, 4), slice(None, None, 14))
    ]
    assert widths[0] < widths[1] < widths[2]


def test_every_record_twice_doubles_the_exposure_but_not_the_certainty(make_table):
    """Twins are no news: counts that come in pairs are overdispersed, and φ tells."""
    table = make_table(200)
    again = table.assign(incident_id=table["incident_id"] + "-again")
    twice = pd.concat([table, again], ignore_index=True)
    twice.attrs = table.attrs
    one, two = scored(table), scored(twice)
    assert two.expected_incidents == pytest.approx(2.0 * one.expected_incidents, rel=0.15)
    assert relative_width(two) >= relative_width(one)


@pytest.mark.parametrize("n", [30, 10])
def test_a_handful_of_records_reassures_nobody(make_table, n):
    """Some 500 km east of the nearest record, still inside the coverage."""
    risk = scored(make_table(n), road=[(12.5, 14.0), (12.9, 14.0)])
    assert set(risk.regions["status"]) == {"insufficient_data"}
    assert risk.regions["band"].isna().all()
    assert risk.band is None
    assert risk.expected_incidents > 0.0


def test_under_five_kidnappings_there_is_no_model(make_table):
    with pytest.raises(ModelError, match="4 kidnappings known by"):
        kr.KernelMixture().fit(make_table(4), as_of="2023-12-31")


def test_without_context_events_the_model_has_one_group(make_table):
    table = make_table(200)
    both = with_context(table)
    assert kr.KernelMixture().fit(table).weights_.shape[0] == 1
    assert kr.KernelMixture().fit(both).weights_.shape[0] == 2
    alone = kr.KernelMixture(context_kinds=()).fit(both)
    plain = kr.KernelMixture().fit(table)
    assert alone.weights_.tobytes() == plain.weights_.tobytes()
    assert alone.dispersion_ == plain.dispersion_


def test_context_events_never_make_a_place_look_better_known(make_table):
    """n_eff counts kidnappings only; battles take from their share of the exposure."""
    table = make_table(200)
    without, beside = scored(table), scored(with_context(table))
    n_without = without.regions["n_effective"].max()
    assert beside.regions["n_effective"].max() <= 1.05 * n_without
    kinds = set(beside.incidents["kind"])
    assert kinds <= {"kidnapping", "battle"}


def test_parts_and_what_speaks_add_up(make_table):
    model = kr.KernelMixture().fit(with_context(make_table(200)))
    parts = model.explain()
    assert parts["share"].sum() == pytest.approx(1.0, rel=1e-12)
    assert (parts["weight"] >= 0.0).all()
    here = gpd.GeoSeries(gpd.points_from_xy([2.0], [14.0]), crs="EPSG:4326")
    spoken = model.explain(here, WHEN)
    # A disc of 1 km stands for the point: the mean over it, to second order in 1 km / 8.5 km.
    assert spoken["intensity"].sum() == pytest.approx(
        model.intensity(here, WHEN, radius_km=1.0)[0], rel=1e-9
    )
    assert spoken["share"].sum() == pytest.approx(1.0, rel=1e-9)
    assert pd.isna(spoken["incident_id"].iloc[-1])
    assert spoken["incident_id"].iloc[:-1].is_unique
    assert spoken["intensity"].iloc[:-1].is_monotonic_decreasing
