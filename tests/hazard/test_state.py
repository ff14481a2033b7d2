"""A fitted model as plain arrays and facts, and back: nothing lost, nothing that is code."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ArtifactError, ModelError
from kidnaprisk.hazard.state import from_state, to_state


def test_there_and_back_changes_no_bit(model, mixed_model, catalogue_model):
    rng = np.random.default_rng(0)
    at = gpd.GeoSeries(
        gpd.points_from_xy(rng.uniform(-5, 12, 300), rng.uniform(10, 18, 300)), crs="EPSG:4326"
    )
    for fitted in (model, mixed_model, catalogue_model):
        again = from_state(*to_state(fitted))
        for when in ("2019-06-01T00:00Z", "2030-01-01T00:00Z"):
            assert again.intensity(at, when).tobytes() == fitted.intensity(at, when).tobytes()
        stamp = pd.Timestamp("2022-01-01", tz="UTC")
        one, other = fitted.standing(stamp, 10.0), again.standing(stamp, 10.0)
        assert one._intensity.tobytes() == other._intensity.tobytes()
        assert again.describe() == fitted.describe()
        pd.testing.assert_frame_equal(again.records_, fitted.records_, check_like=True)
        assert again.covered_regions_.tolist() == fitted.covered_regions_.tolist()
        arrays, facts = to_state(again)
        first, told = to_state(fitted)
        assert {k: v.tobytes() for k, v in arrays.items()} == {
            k: v.tobytes() for k, v in first.items()
        }
        assert {**facts, "parameters": None} == {**told, "parameters": None}


def test_facts_are_json_and_arrays_hold_no_objects(catalogue_model):
    arrays, facts = to_state(catalogue_model)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert all(isinstance(a, np.ndarray) and a.dtype.kind in "fiuUSM" for a in arrays.values())


def test_facts_survive_json_when_parameters_are_numpy(table):
    model = kr.KernelMixture(
        scales_km=np.array([20, 80]), memories_days=np.array([180.0]), window_days=np.int64(30)
    ).fit(table)
    arrays, facts = to_state(model)
    again = from_state(arrays, json.loads(json.dumps(facts)))
    at = gpd.GeoSeries(gpd.points_from_xy([2.0], [14.0]), crs="EPSG:4326")
    assert again.intensity(at, "2022-01-01T00:00Z") == model.intensity(at, "2022-01-01T00:00Z")


def test_no_route_and_no_path_is_in_it(catalogue_model):
    _, facts = to_state(catalogue_model)
    assert str(Path(__file__).parents[2]) not in json.dumps(facts)
    assert "/home" not in json.dumps(facts)


def test_an_unfitted_model_has_no_state():
    with pytest.raises(ModelError, match="not fitted"):
        to_state(kr.KernelMixture())


def test_a_missing_array_or_fact_is_told(model):
    arrays, facts = to_state(model)
    for key in arrays:
        with pytest.raises(ArtifactError) as caught:
            from_state({k: v for k, v in arrays.items() if k != key}, facts)
        assert caught.value.remedy
    for key in facts:
        with pytest.raises(ArtifactError) as caught:
            from_state(arrays, {k: v for k, v in facts.items() if k != key})
        assert caught.value.remedy


def test_only_what_cannot_be_worked_out_is_stored(model):
    """Places, shares of towns and the last day follow from records, people and regions."""
    arrays, facts = to_state(model)
    assert {name.split("_")[0] for name in arrays} == {
        "weights", "unit", "covered", "network", "town", "record",
    }  # fmt: skip
    assert {name for name in arrays if name.startswith("town_")} == {
        "town_lon", "town_lat", "town_population", "town_weights",
    }  # fmt: skip
    worked_out = {"origin_day_", "places_", "town_share", "record_open_day", "record_close_day"}
    assert not worked_out & (set(facts) | set(arrays))


def leaves(parts):
    """Arrays of a tuple that may hold tuples."""
    return [one for part in parts for one in (leaves(part) if isinstance(part, tuple) else [part])]


def test_what_is_worked_out_again_is_what_was_fitted(model, mixed_model, catalogue_model):
    for fitted in (model, mixed_model, catalogue_model):
        again = from_state(*to_state(fitted))
        for name in ("places_", "towns_", "network_"):
            pairs = zip(leaves(getattr(again, name)), leaves(getattr(fitted, name)), strict=True)
            for one, other in pairs:
                assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
                assert np.asarray(one).dtype == np.asarray(other).dtype
        for name in ("covered_from_", "covered_until_"):
            assert getattr(again, name).tolist() == getattr(fitted, name).tolist()
        assert again.origin_day_ == fitted.origin_day_ == int(fitted.covered_until_.max())


def test_the_order_of_stored_records_does_not_matter(model):
    """They are folded anew: whoever stored them otherwise stored the same model."""
    arrays, facts = to_state(model)
    mixed = np.random.default_rng(1).permutation(len(model.records_))
    other = {k: v[mixed] if k.startswith("record_") else v for k, v in arrays.items()}
    again, _ = to_state(from_state(other, facts))
    assert {k: v.tobytes() for k, v in again.items()} == {k: v.tobytes() for k, v in arrays.items()}


FACTS = [
    ("parameters", []), ("parameters", {"no_such": 1}), ("parameters", {"scales_km": [20.0, 10.0]}),
    ("parameters", {"scales_km": "wide"}), ("parameters", {"memories_days": [0.0]}),
    ("coverage", "NE"), ("coverage", [1]), ("coverage", [{"source": "x"}]), ("coverage", None),
    ("as_of", "someday"), ("as_of", None), ("as_of", "2021-01-01T00:00Z"),
    ("dispersion_", "wide"), ("dispersion_", None), ("dispersion_", -0.1),
    ("dispersion_", float("nan")), ("dispersion_", True), ("floor_weight_", -1.0),
    ("floor_weight_", float("inf")), ("floor_weight_", [1.0]), ("covered_area_km2_", -5.0),
    ("covered_area_km2_", 0.0), ("log_likelihood_", "low"), ("n_iter_", -1), ("n_iter_", "many"),
    ("n_targets_", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "value"), FACTS, ids=[f"{fact}-{str(value)[:24]}" for fact, value in FACTS]
)
def test_a_fact_of_the_wrong_kind_is_told(model, fact, value):
    arrays, facts = to_state(model)
    with pytest.raises(ArtifactError) as caught:
        from_state(arrays, {**facts, fact: value})
    assert caught.value.remedy


def planted(value):
    def change(array):
        spoiled = array.copy()
        spoiled.flat[1] = value
        return spoiled

    return change


SPOILED = {
    "weights of one scale": ("weights", lambda a: a[:, :, :1]),
    "weights of one family": ("weights", lambda a: a[:, :1]),
    "weights of no context": ("weights", lambda a: a[:1]),
    "weights of a third group": ("weights", lambda a: np.concatenate([a, a[:1]])),
    "weights in words": ("weights", lambda a: a.astype(str)),
    "weights below zero": ("weights", lambda a: -a - 1.0),
    "weights that are none": ("weights", lambda a: a * np.nan),
    "an infinite weight": ("weights", planted(np.inf)),
    "weights in a row": ("weights", np.ravel),
    "weights of half precision": ("weights", lambda a: a.astype(np.float32)),
    "weights that are objects": ("weights", lambda a: a.astype(object)),
    "weights of one memory": ("weights", lambda a: a[..., :1]),
    "town weights cut": ("town_weights", lambda a: a[:-1]),
    "a town weight below zero": ("town_weights", lambda a: a - 1e9),
    "a town weight that is none": ("town_weights", planted(np.nan)),
    "town weights in a column": ("town_weights", lambda a: a[:, None]),
    "expectations cut": ("unit_expected", lambda a: a[:-1]),
    "an expectation below zero": ("unit_expected", planted(-1e-9)),
    "an expectation without end": ("unit_expected", planted(np.inf)),
    "an expectation that is none": ("unit_expected", planted(np.nan)),
    "network cut": ("network_km", lambda a: a[:-1]),
    "network of a column": ("network_lon", lambda a: a[:, None]),
    "network with a hole": ("network_lat", planted(np.nan)),
    "towns cut": ("town_population", lambda a: a[:-1]),
    "towns in words": ("town_lon", lambda a: a.astype(str)),
    "a town nowhere": ("town_lat", planted(np.nan)),
    "a town of fewer than none": ("town_population", planted(-4.0)),
    "a town beyond the pole": ("town_lat", planted(95.0)),
    "no towns": (("town_lon", "town_lat", "town_population"), lambda a: a[:0]),
    "records cut": ("record_lon", lambda a: a[:-1]),
    "records longer": ("record_lat", lambda a: np.append(a, a)),
    "ids cut": ("record_incident_id", lambda a: a[:-1]),
    "ids not text": ("record_incident_id", lambda a: np.arange(len(a))),
    "ids not UTF-8": ("record_incident_id", planted(b"\xff\xfe")),
    "sources cut": ("record_source", lambda a: a[:-1]),
    "kinds cut": ("record_kind", lambda a: a[:-1]),
    "kinds that are none": ("record_kind", lambda a: np.full_like(a, b"")),
    "a kind that is none": ("record_kind", planted(b"")),
    "nationalities cut": ("record_nationalities", lambda a: a[:-1]),
    "outcomes not UTF-8": ("record_outcome", lambda a: np.full(len(a), b"\xff\xfe")),
    "an outcome's days cut": ("record_outcome_date", lambda a: a[:-1]),
    "an outcome's days as numbers": ("record_outcome_date", lambda a: a.astype(np.int64)),
    "fewer than no victims": ("record_victims", planted(-1.0)),
    "victims without end": ("record_victims", planted(np.inf)),
    "half a victim": ("record_victims", planted(0.5)),
    "more victims than there are people": ("record_victims", planted(1e300)),
    "victims cut": ("record_victims", lambda a: a[:-1]),
    "foreigners in words": ("record_foreign_victims", lambda a: a.astype(str)),
    "dates in words": ("record_date", lambda a: a.astype(str)),
    "dates as numbers": ("record_known_on", lambda a: a.astype(np.int64)),
    "dates in seconds": ("record_date_end", lambda a: a.astype("datetime64[s]")),
    "a day missing": ("record_known_on", planted(np.datetime64("NaT"))),
    "days cut": ("record_date_end", lambda a: a[:-1]),
    "a record beyond the pole": ("record_lat", planted(90.5)),
    "a record round the world": ("record_lon", planted(400.0)),
    "a record nowhere": ("record_lon", planted(np.nan)),
    "an error below zero": ("record_location_error_km", planted(-1.0)),
    "an error without end": ("record_location_error_km", planted(np.inf)),
    "errors cut": ("record_location_error_km", lambda a: a[:-1]),
    "regions cut": ("covered_regions", lambda a: a[:-1]),
    "a region that is none": ("covered_regions", planted(b"XX-x")),
    "regions not text": ("covered_regions", lambda a: np.arange(len(a))),
    "first days cut": ("covered_from", lambda a: a[:-1]),
    "first days of halves": ("covered_from", lambda a: a + 0.5),
    "last days cut": ("covered_until", lambda a: a[:-1]),
    "last days in a column": ("covered_until", lambda a: a[:, None]),
    "no regions": (("covered_regions", "covered_from", "covered_until"), lambda a: a[:0]),
}


@pytest.mark.parametrize("name", SPOILED)
def test_arrays_that_do_not_fit_together_are_refused(mixed_model, name):
    """Compiled code does not check bounds: what is read from a disk must be checked before it."""
    keys, change = SPOILED[name]
    arrays, facts = to_state(mixed_model)
    spoiled = {key: change(arrays[key]) for key in ((keys,) if isinstance(keys, str) else keys)}
    with pytest.raises(ArtifactError) as caught:
        from_state({**arrays, **spoiled}, facts)
    assert caught.value.remedy
