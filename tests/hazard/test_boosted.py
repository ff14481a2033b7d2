"""BoostedHazard as a user meets it, and what it learns, on invented records."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import kidnaprisk as kr
from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.hazard.boosted import BoostedHazard
from kidnaprisk.hazard.cell_months import CellMonths, grow_trees, learn_weights, mixed
from kidnaprisk.hazard.pieces import Pieces, integrate_by_quadrature

WHEN = pd.Timestamp("2023-08-01", tz="UTC")


def points(lon, lat, crs="EPSG:4326"):
    return gpd.GeoSeries(gpd.points_from_xy(np.atleast_1d(lon), np.atleast_1d(lat)), crs=crs)


def expected_a_day(model, day):
    return float(np.sum(model.field(day) * model.cells_.km2))


@pytest.fixture(scope="module")
def boosted(table):
    return BoostedHazard().fit(table)


def test_habits_of_scikit_learn(table):
    model = BoostedHazard(rounds=2)
    assert model.fit(table) is model
    twin = clone(model)
    assert not hasattr(twin, "weights_")
    assert twin.get_params() == model.get_params()
    with pytest.raises(ModelError, match="not fitted"):
        twin.intensity(points(2.0, 14.0), WHEN)


def test_hazard_is_high_where_records_lie_and_unknown_where_they_do_not_reach(boosted):
    value = boosted.intensity(points([2.0, 12.0, -60.0], [14.0, 20.0, 0.0]), WHEN)
    assert value[0] > 20.0 * value[1] > 0.0
    assert np.isnan(value[2])
    assert boosted.covers(np.array(["no-such"], dtype=object)).tolist() == [False]
    assert boosted.covers(boosted.covered_regions_[:2]).all()
    assert boosted.describe()["incidents"] == 400


def test_the_whole_is_what_the_months_before_lead_one_to_expect(boosted):
    # 400 records on 2,000 days, evenly: a fifth a day.
    assert expected_a_day(boosted, boosted.origin_day_) == pytest.approx(0.2, rel=0.25)


def test_lambda_is_constant_on_a_cell_and_stands_still_after_the_records(boosted):
    cells = boosted.cells_
    at = cells.locate(np.array([2.0]), np.array([14.0]))[0]
    lon, lat = cells.middle()
    inside = boosted.intensity(points(lon[at] + np.array([-0.09, 0.09]), lat[[at, at]]), WHEN)
    assert inside[0] == inside[1] == boosted.field(boosted.origin_day_)[at]
    later = boosted.intensity(points(2.0, 14.0), pd.Timestamp("2026-01-01", tz="UTC"))
    assert later[0] == boosted.field(boosted.origin_day_)[boosted.cells_.locate(
        np.array([2.0]), np.array([14.0])
    )[0]]  # fmt: skip


def test_a_piece_inside_one_cell_has_that_cells_hazard_and_others_agree_with_quadrature(boosted):
    lon, lat = boosted.cells_.middle()
    at = boosted.cells_.locate(np.array([2.0]), np.array([14.0]))[0]
    middle = np.array([[lon[at], lat[at]]])
    when = np.array([np.datetime64("2023-08-01", "ns")])
    exact = boosted.integrate(Pieces(middle - 0.005, middle + 0.005, np.array([12.0]), when, 8.0))
    assert exact[0] == pytest.approx(
        np.pi * 64.0 * 0.5 * boosted.field(boosted.origin_day_)[at], rel=1e-9
    )
    rng = np.random.default_rng(4)
    start = np.stack([rng.uniform(1.5, 8.5, 300), rng.uniform(13.8, 14.6, 300)], axis=1)
    pieces = Pieces(
        start, start + rng.uniform(-0.02, 0.02, (300, 2)), np.ones(300), when.repeat(300), 10.0
    )
    ours, seven_points = boosted.integrate(pieces), integrate_by_quadrature(boosted, pieces)
    told = ~np.isnan(ours)
    assert told.any()
    assert ours[told].sum() == pytest.approx(np.nansum(seven_points[told]), rel=0.02)


def test_splitting_a_piece_leaves_its_total(boosted):
    start, end = np.array([[1.95, 14.02]]), np.array([[1.99, 14.03]])
    middle = 0.5 * (start + end)
    when = np.array([np.datetime64("2023-08-01", "ns")])
    whole = boosted.integrate(Pieces(start, end, np.array([2.0]), when, 10.0))
    halves = [
        boosted.integrate(Pieces(a, b, np.array([1.0]), when, 10.0))
        for a, b in ((start, middle), (middle, end))
    ]
    assert whole[0] == pytest.approx(halves[0][0] + halves[1][0], rel=1e-5)


def test_only_what_was_known_counts_and_order_does_not(table, make_table):
    as_of = pd.Timestamp("2021-06-01")
    first = BoostedHazard().fit(table, as_of=as_of)
    known = table["known_on"] <= as_of
    shuffled = table.copy()
    shuffled.loc[~known, "geometry"] = (
        shuffled.loc[~known, "geometry"].sample(frac=1.0, random_state=1).array
    )
    shuffled = shuffled.sample(frac=1.0, random_state=2).reset_index(drop=True)
    second = BoostedHazard(coverage=first.coverage_).fit(shuffled, as_of=as_of)
    day = first.origin_day_
    assert first.field(day).tobytes() == second.field(day).tobytes()


def test_an_incident_more_never_lowers_what_the_trees_say(boosted):
    density = np.exp(np.random.default_rng(5).normal(-14.0, 2.0, (200, len(boosted.weights_))))
    raised = density.copy()
    rising = len(boosted.weights_) - boosted._static.shape[1]
    raised[:, :rising] *= 2.0
    before, after = (boosted.trees_.ratio(one) for one in (density, raised))
    assert np.all(after >= before - 1e-12)


def test_trees_find_what_a_mixture_cannot_and_keep_still_where_there_is_nothing():
    # SYNTHETIC: two components that matter only together; the mixture adds them.
    rng = np.random.default_rng(6)
    n = 40_000
    density = np.stack(
        [rng.choice([1e-6, 1e-4], n), rng.choice([1e-6, 1e-4], n), np.full(n, 1e-5)], axis=1
    )
    both = (density[:, 0] > 1e-5) & (density[:, 1] > 1e-5)
    for truth, gained in ((np.where(both, 0.2, 0.01), True), (np.full(n, 0.02), False)):
        seen = rng.poisson(truth)
        size = np.full(n, 100.0)
        months = CellMonths(density, size, seen, np.ones(n), (density * size[:, None]).sum(axis=0))
        weights = learn_weights(months)
        trees = grow_trees(months, weights, [1, 1], 40, 20.0, 0)
        base = mixed(density, weights) * size
        ratio = trees.ratio(density)
        score = [np.sum(truth * np.log(one) - one) for one in (base, base * ratio)]
        per_incident = (score[1] - score[0]) / truth.sum()
        assert per_incident > 0.05 if gained else abs(per_incident) < 0.01
        assert np.sum(base * ratio) == pytest.approx(seen.sum(), rel=0.1)


def test_a_sample_of_the_empty_cells_stands_for_all(table, monkeypatch):
    sampled = BoostedHazard(rounds=10, cell_degrees=0.5)
    day = sampled.fit(table).origin_day_
    monkeypatch.setattr("kidnaprisk.hazard.cell_months.MOST_EMPTY", 10**9)
    full = BoostedHazard(rounds=10, cell_degrees=0.5).fit(table)
    monkeypatch.setattr("kidnaprisk.hazard.cell_months.MOST_EMPTY", 5_000)
    few = BoostedHazard(rounds=10, cell_degrees=0.5).fit(table)
    assert np.allclose(full.weights_, few.weights_)
    assert expected_a_day(few, day) == pytest.approx(expected_a_day(full, day), rel=0.05)


@pytest.mark.parametrize("n", [6, 30])
def test_few_incidents_give_a_hazard_near_its_records_but_no_certainty(make_table, n):
    table = make_table(n)
    plain = BoostedHazard(rounds=0).fit(table)
    trees = BoostedHazard().fit(table)
    ratio = trees.field(trees.origin_day_) / plain.field(plain.origin_day_)
    assert 0.4 < ratio.min() <= ratio.max() < 2.5
    assert trees.field(trees.origin_day_).min() > 0.0


def test_refusals(table, make_table):
    with pytest.raises(ModelError, match="a hazard needs at least 5"):
        BoostedHazard().fit(make_table(4))
    with pytest.raises(ModelError, match="rounds is not a whole number"):
        BoostedHazard(rounds=1.5).fit(table)
    with pytest.raises(ModelError, match="scales_km is not a list"):
        BoostedHazard(scales_km=()).fit(table)
    with pytest.raises(ModelError, match="as_of is not a day"):
        BoostedHazard().fit(table, as_of="yesterday-ish")
    silent = kr.Coverage(
        "synthetic", ("NE",), dt.date(2018, 1, 1), dt.date(2023, 1, 1), True, kinds=("attack",)
    )
    with pytest.raises(CoverageError, match="no source of these records tells of kidnappings"):
        BoostedHazard(coverage=[silent]).fit(table)


def test_refuses_questions_it_cannot_answer(boosted):
    with pytest.raises(CoverageError, match="the records begin"):
        boosted.intensity(points(2.0, 14.0), pd.Timestamp("2010-01-01", tz="UTC"))
    with pytest.raises(ModelError, match="EPSG:4326"):
        boosted.intensity(points(2.0, 14.0, crs="EPSG:3857"), WHEN)
    with pytest.raises(ModelError, match="time zone"):
        boosted.intensity(points(2.0, 14.0), pd.Timestamp("2023-01-01"))
