"""Two versions side by side: what moved, by how much, and where one of them is silent."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle.diff import diff_versions
from kidnaprisk.routes.regions import areas_km2, load_regions
from tests.lifecycle.small_models import COVER, fit, fitted, invented

DAY = "2021-06-01"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def stored(folder):
    return kr.save_model(fitted(DAY), folder, metrics={"gain": {"low": 0.1}, "n": 12})


def changed(folder, change, **told):
    model = kr.load_model(kr.save_model(fitted(DAY), folder / "same", recipe={"of": "its own"}))
    change(model)
    return kr.save_model(model, folder, current=False, **told)


def test_a_version_beside_itself_has_not_moved(stored):
    found = diff_versions(stored, stored)
    assert (found.regions["ratio"] == 1.0).all()
    assert (found.figures["a"] == found.figures["b"]).all()
    assert found.day == dt.date(2021, 6, 2)
    assert set(found.regions["country"]) == {"BF", "NE"}


def test_twice_all_weights_is_twice_everywhere(stored, folder):
    def double(model):
        model.weights_ = model.weights_ * 2.0
        model.town_weights_ = model.town_weights_ * 2.0
        model.floor_weight_ *= 2.0

    found = diff_versions(stored, changed(folder, double))
    np.testing.assert_allclose(found.regions["ratio"], 2.0, rtol=1e-12)
    moved = (found.regions["b"] - found.regions["a"]).to_numpy()
    assert (np.diff(moved) <= 0.0).all()
    weights = found.figures[found.figures["what"].str.startswith("weight:")]
    assert len(weights) > 0
    np.testing.assert_allclose(weights["b"].astype(float), 2.0 * weights["a"].astype(float))
    total = found.figures.set_index("what").loc["incidents expected in 30 days where both speak"]
    assert total["b"] == pytest.approx(2.0 * total["a"], rel=1e-12)
    assert total["a"] == pytest.approx(found.regions["a"].sum(), rel=1e-12)


def test_the_floor_alone_is_spread_by_area(stored, folder):
    """By hand: w incidents a day over A km² are 30 · w · a / A in a region of a km²."""

    def bare(model):
        model.weights_ = model.weights_ * 0.0
        model.town_weights_ = model.town_weights_ * 0.0
        model.floor_weight_ = 0.5

    found = diff_versions(stored, changed(folder, bare)).regions.set_index("region_id")
    regions = load_regions()
    regions = regions[regions["country"].isin(["BF", "NE"])]
    share = areas_km2(regions) / areas_km2(regions).sum()
    wanted = pd.Series(30.0 * 0.5 * share, index=regions["region_id"].to_numpy())
    np.testing.assert_allclose(found["b"], wanted[found.index.to_numpy()], rtol=1e-6)


def test_the_regions_hold_what_a_fine_grid_of_points_does(stored):
    """Oracle: λ at points 2 km apart, where the points of a cell lie 7 km apart."""
    found = diff_versions(stored, stored).regions
    region = load_regions().set_index("region_id").loc["NE-tillaberi"]
    west, south, east, north = region.geometry.bounds
    step = 0.02
    lon, lat = np.meshgrid(np.arange(west, east, step), np.arange(south, north, step))
    points = gpd.GeoSeries(gpd.points_from_xy(lon.ravel(), lat.ravel()), crs="EPSG:4326")
    points = points[points.within(region.geometry)]
    raw = np.cos(np.radians(points.y.to_numpy()))
    frame = gpd.GeoDataFrame(geometry=[region.geometry], crs="EPSG:4326")
    km2 = raw / raw.sum() * areas_km2(frame)[0]
    hazard = fitted(DAY).intensity(points, "2021-06-02T12:00Z")
    wanted = float((hazard * km2).sum() * 30.0)
    told = found.set_index("region_id").loc["NE-tillaberi", "a"]
    assert told == pytest.approx(wanted, rel=0.01)


def test_where_one_is_silent_there_is_no_ratio(stored, folder):
    """Silence is unknown, not low: Burkina Faso is left out, Benin comes in."""
    cover = kr.Coverage("synthetic", ("BJ", "NE"), COVER.start, COVER.end, True)
    other = kr.save_model(fit(DAY, invented(cover=cover)), folder, current=False)
    found = diff_versions(stored, other)
    by_country = dict(list(found.regions.groupby("country")))
    assert by_country["BF"]["b"].isna().all()
    assert by_country["BJ"]["a"].isna().all()
    for code in ("BF", "BJ"):
        assert by_country[code]["ratio"].isna().all()
    assert by_country["NE"]["ratio"].notna().all()
    assert found.regions["ratio"].isna().tolist() == sorted(found.regions["ratio"].isna())
    both = found.figures.set_index("what").loc["incidents expected in 30 days where both speak"]
    assert both["a"] == pytest.approx(by_country["NE"]["a"].sum())
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {row["b"] for row in told["regions"] if row["country"] == "BF"} == {None}


def test_figures_tell_parameters_sources_and_metrics(stored, folder):
    other = changed(folder, lambda _: None, recipe={"other": 1}, metrics={"n": 13})
    figures = diff_versions(stored, other).figures.set_index("what")
    assert tuple(figures.loc["metric: gain.low"]) == (0.1, None)
    assert tuple(figures.loc["metric: n"]) == (12, 13)
    assert tuple(figures.loc["parameter: scales_km"]) == ("20.0, 80.0", "20.0, 80.0")
    known = int((pd.to_datetime(invented()["known_on"]) <= pd.Timestamp(DAY)).sum())
    assert tuple(figures.loc["records: synthetic"]) == (known, known)


def test_an_older_and_a_newer_one_are_asked_for_the_same_days(stored, folder):
    newer = kr.save_model(fitted("2021-09-01"), folder, current=False)
    for found in (diff_versions(stored, newer), diff_versions(newer, stored)):
        assert found.day == dt.date(2021, 9, 2)
    there, back = diff_versions(stored, newer).regions, diff_versions(newer, stored).regions
    pd.testing.assert_series_equal(there["a"], back["b"], check_names=False)


def test_an_unsound_one_is_refused(stored, tmp_path):
    spoilt = tmp_path / stored.name
    shutil.copytree(stored, spoilt)
    (spoilt / "weights.npy").write_bytes(b"x")
    with pytest.raises(kr.ArtifactError):
        diff_versions(stored, spoilt)
