"""What a mixture is made of, and what speaks at a place: sums that must come out exactly."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.hazard.pieces import Pieces
from tests.exposure import oracle

WHEN = "2022-03-01T00:00Z"
PLACES = [(2.0, 14.0), (4.1, 14.6), (8.3, 14.1), (-0.05, 16.27), (-6.0, 13.0)]


def points(*at):
    return gpd.GeoSeries(gpd.points_from_xy(*np.array(at).T), crs="EPSG:4326")


@pytest.fixture(params=["model", "mixed_model", "catalogue_model"])
def fitted(request):
    return request.getfixturevalue(request.param)


def test_the_parts_are_those_of_the_weights_and_their_shares_sum_to_one(fitted):
    parts = fitted.explain()
    n = fitted.weights_.size
    assert len(parts) == n + len(fitted.town_weights_) + 1
    assert parts["weight"].tolist() == [
        *fitted.weights_.ravel(), *fitted.town_weights_, fitted.floor_weight_,
    ]  # fmt: skip
    assert parts["share"].sum() == pytest.approx(1.0, rel=1e-12)
    assert (parts["share"] >= 0.0).all()
    # The last memory varies fastest, then the scale, the family, and the group.
    for row, place in zip(parts.itertuples(), np.ndindex(fitted.weights_.shape), strict=False):
        g, f, s, m = place
        assert row.part.startswith(["kidnappings", "context events"][g])
        assert row.part.endswith(["blurred by location error", "at the place recorded"][f])
        assert (row.scale_km, row.memory_days) == (fitted.scales_km[s], fitted.memories_days[m])
    rest = parts.iloc[n:]
    assert rest["part"].tolist() == ["towns", "towns", "even floor"]
    assert rest["memory_days"].isna().all()
    assert rest["scale_km"].iloc[:-1].tolist() == list(fitted.town_scales_km)


def test_shares_are_of_what_the_parts_expected_in_the_months_learned_on(fitted):
    """All together as many as there were targets, and the floor's pseudo-record."""
    parts = fitted.explain()
    expected = parts["weight"] * fitted.unit_expected_
    assert expected.sum() == pytest.approx(fitted.n_targets_ + 1.0, rel=1e-4)
    np.testing.assert_allclose(parts["share"], expected / expected.sum(), rtol=1e-12)


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("when", ["2020-05-05T07:00Z", WHEN, "2040-01-01T00:00Z"])
def test_what_speaks_at_a_place_adds_up_to_its_hazard(mixed_model, at, when):
    told = mixed_model.explain(points(at), when)
    hazard = mixed_model.intensity(points(at), when, radius_km=1.0)[0]
    assert told["intensity"].sum() == pytest.approx(hazard, rel=1e-12)
    assert told["share"].sum() == pytest.approx(1.0, rel=1e-12)
    assert told["incident_id"].isna().tolist() == [False] * (len(told) - 1) + [True]
    assert (told["intensity"] > 0.0).all()
    spoken = told["intensity"].iloc[:-1]
    assert spoken.is_monotonic_decreasing


@pytest.mark.parametrize("at", PLACES[:4])
def test_each_record_speaks_as_the_formula_says(mixed_model, at):
    told = mixed_model.explain(points(at), WHEN).iloc[:-1].set_index("incident_id")
    day = int(np.datetime64("2022-03-01", "D").astype(int)) - 1
    want = oracle.Hazard(mixed_model).by_record(*([x] for x in at), day, radius_km=1.0)[0]
    records = mixed_model.records_.set_index("incident_id")
    by_id = dict(zip(records.index, want, strict=True))
    assert set(told.index) == {name for name, value in by_id.items() if value > 0.0}
    assert len(told) > 20
    for name, row in told.iterrows():
        assert row["intensity"] == pytest.approx(by_id[name], rel=1e-9)
        for column in ("kind", "date", "country", "source"):
            assert row[column] == records.loc[name, column]
    _, metres = oracle.inv(*at, records.loc[told.index, "lon"], records.loc[told.index, "lat"])
    np.testing.assert_allclose(told["distance_km"], metres / 1000.0, atol=1e-6)


def test_records_speak_as_evidence_tells(mixed_model):
    """A vehicle parked for a day, on a disc of 1 km: the same records with the same shares."""
    at = np.array([[2.0, 14.0]])
    parked = Pieces(at, at, np.array([24.0]), np.array(["2022-03-01"], "datetime64[ns]"), 1.0)
    evidence = mixed_model.evidence(parked, np.zeros(1, np.int64), 1)
    told = mixed_model.explain(points((2.0, 14.0)), WHEN).iloc[:-1]
    ids = mixed_model.records_["incident_id"]
    by_id = dict(zip(ids, evidence.of_record, strict=True))
    want = [by_id[name] / np.pi for name in told["incident_id"]]
    np.testing.assert_allclose(told["intensity"], want, rtol=1e-12)


def test_where_no_record_reaches_towns_and_floor_are_all_that_is_told(mixed_model):
    told = mixed_model.explain(points((-11.0, 14.6)), WHEN)
    assert len(told) == 1
    assert told["share"].tolist() == [1.0]


def test_a_place_that_is_not_covered_is_not_explained(mixed_model):
    """No number is known there, so none has parts."""
    for outside in ((2.35, 48.85), (-20.0, 14.0)):
        with pytest.raises(ModelError, match="covered") as caught:
            mixed_model.explain(points(outside), WHEN)
        assert caught.value.remedy
    with pytest.raises(CoverageError, match="begin on 2018-01-01"):
        mixed_model.explain(points((2.0, 14.0)), "2017-01-01T00:00Z")


@pytest.mark.parametrize(
    ("at", "when"),
    [
        (points((2.0, 14.0), (3.0, 14.0)), WHEN),
        (points((2.0, 14.0)), None),
        (points((2.0, 14.0)), "2022-03-01"),
        (points((2.0, 14.0)), [WHEN, WHEN]),
        ((2.0, 14.0), WHEN),
        (gpd.GeoSeries.from_wkt(["POINT EMPTY"], crs="EPSG:4326"), WHEN),
        (points((2.0, 14.0)).to_crs("EPSG:3857"), WHEN),
    ],
    ids=["two points", "no instant", "naive", "two instants", "a tuple", "empty", "mercator"],
)
def test_what_cannot_be_explained_is_refused(mixed_model, at, when):
    with pytest.raises(ModelError) as caught:
        mixed_model.explain(at, when)
    assert caught.value.remedy


def test_an_unfitted_model_has_nothing_to_explain():
    for asked in ((), (points((2.0, 14.0)), WHEN)):
        with pytest.raises(ModelError, match="not fitted"):
            kr.KernelMixture().explain(*asked)


def test_explaining_changes_nothing(mixed_model):
    before = pd.DataFrame(mixed_model.records_, copy=True)
    first = mixed_model.explain(points((2.0, 14.0)), WHEN)
    parts = mixed_model.explain()
    first["share"], parts["weight"] = 0.0, 0.0
    assert mixed_model.explain()["weight"].sum() > 0.0
    again = mixed_model.explain(points((2.0, 14.0)), WHEN)
    assert again["share"].sum() == pytest.approx(1.0)
    pd.testing.assert_frame_equal(mixed_model.records_, before)
