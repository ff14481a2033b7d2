"""The share of kidnappings that involves people like a crew. Invented tables are SYNTHETIC."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.crew import CrewShare
from kidnaprisk.hazard.victims import Likeness

TRUCKERS = kr.Crew(nationality="MA", sector="transport")


def points(*where):
    return gpd.GeoSeries(gpd.points_from_xy(*zip(*where, strict=True)), crs=4326)


NIGER, MOROCCO, SEA = (2.1, 13.5), (-7.6, 33.0), (-30.0, 20.0)


@pytest.fixture(scope="module")
def told(make_table):
    """SYNTHETIC: foreigners are taken in the west (share 0.9), seldom in the east (0.1)."""
    incidents = make_table(400)
    rng = np.random.default_rng(7)
    west = incidents.geometry.x.to_numpy() < 6.0
    incidents["victims"] = 2
    incidents["foreign_victims"] = np.where(rng.random(400) < np.where(west, 0.9, 0.1), 2, 0)
    incidents["sector"] = rng.choice(["transport", "aid"], 400)
    return incidents


@pytest.fixture(scope="module")
def fitted(told):
    return CrewShare().fit(told)


def test_foreign_and_local_by_country(fitted):
    """In Niger a Moroccan is foreign and a Nigerien is local; victims here are one or the other."""
    foreign = fitted.share(kr.Crew(nationality="MA"), points(NIGER, (8.0, 14.2)))
    local = fitted.share(kr.Crew(nationality="NE"), points(NIGER, (8.0, 14.2)))
    assert foreign.facet == "origin"
    assert foreign.adds.all()
    assert foreign.share == pytest.approx([0.9, 0.1], abs=0.08)
    assert local.share == pytest.approx(1.0 - foreign.share, abs=0.02)
    assert (foreign.low < foreign.share).all()
    assert (foreign.share < foreign.high).all()


def test_a_place_that_adds_nothing_gets_the_pooled_share(fitted, told):
    answer = fitted.share(kr.Crew(sector="transport"), points(NIGER, (8.0, 14.2)))
    assert not answer.adds.any()
    assert answer.share[0] == answer.share[1]
    pooled = ((told["sector"] == "transport").sum() + 0.5) / 401
    memory = fitted.learned(Likeness(sector="transport")).pooled_memory_days
    assert answer.share[0] == pytest.approx(pooled, abs=1e-12 if np.isinf(memory) else 0.1)


def test_facets_say_what_was_used(fitted):
    answer = fitted.share(TRUCKERS, points(NIGER, MOROCCO, SEA))
    table = answer.facets
    assert table["facet"].unique().tolist() == ["origin", "sector", "nationality", "together"]
    assert table["point"].tolist() == [0, 1, 2] * 4
    assert table.loc[table["facet"] == "origin", "of"].tolist()[:2] == [
        "foreign victims",
        "local victims",
    ]
    # No nationality is told, so nothing is known of Moroccans: missing, not nought.
    assert table.loc[table["facet"] == "nationality", "share"].isna().all()
    assert answer.facet == "together"
    assert np.isnan(answer.share[2])
    assert not np.isnan(answer.share[:2]).any()
    written = json.dumps(answer.to_dict(), allow_nan=False)
    assert json.loads(written)["facets"][8]["share"] is None


def test_silent_records_bound_the_share(told):
    """Half of the records silenced: `least` and `most` are the counts with none and all alike."""
    quiet = told.copy()
    quiet["foreign_victims"] = quiet["foreign_victims"].astype("Int64")
    quiet.loc[::2, ["foreign_victims", "victims"]] = pd.NA
    row = CrewShare().fit(quiet).share(kr.Crew(nationality="MA"), points(NIGER)).facets.iloc[0]
    foreign = int((quiet["foreign_victims"] > 0).sum())
    assert (row["n"], row["records"]) == (200, 400)
    assert row["least"] == pytest.approx(foreign / 400)
    assert row["most"] == pytest.approx((foreign + 200) / 400)


def test_a_source_that_tells_only_of_foreigners_does_not_speak(told):
    """Where only foreign victims are noted, all that is noted is foreign: that is not a share."""
    noted = told.copy()
    noted["foreign_victims"] = noted["foreign_victims"].astype("Int64")
    noted.loc[noted["foreign_victims"].eq(0) | (np.arange(400) % 3 > 0), "foreign_victims"] = pd.NA
    answer = CrewShare().fit(noted).share(kr.Crew(nationality="MA"), points(NIGER))
    assert np.isnan(answer.share[0])
    assert answer.facets["n"].iloc[0] == 0
    assert 0.0 < answer.facets["least"].iloc[0] < 0.5


def test_the_sector_falls_away_where_the_source_tells_of_one_only(told):
    answer = CrewShare().fit(told.assign(sector="aid")).share(TRUCKERS, points(NIGER))
    assert answer.facet == "origin"
    assert not np.isnan(answer.share[0])


def test_later_rows_change_nothing(told):
    later = told["known_on"] > "2021-06-30"
    changed = told.copy()
    changed.loc[later, "foreign_victims"] = 2 - changed.loc[later, "foreign_victims"]
    ask = (TRUCKERS, points(NIGER, (8.0, 14.2)))
    one, other, without = (
        CrewShare().fit(table, "2021-06-30").share(*ask) for table in (told, changed, told[~later])
    )
    pd.testing.assert_frame_equal(one.facets, other.facets)
    pd.testing.assert_frame_equal(one.facets, without.facets)


def test_thirty_records_are_answered_widely(told):
    answer = CrewShare().fit(told.iloc[:30]).share(kr.Crew(nationality="MA"), points(NIGER))
    assert not answer.adds.any()
    assert answer.high[0] - answer.low[0] > 0.2


def test_order_and_index_do_not_matter(told, fitted):
    shuffled = told.sample(frac=1.0, random_state=3)
    ask = (kr.Crew(nationality="MA"), points(NIGER, SEA, MOROCCO))
    np.testing.assert_allclose(
        CrewShare().fit(shuffled).share(*ask).share, fitted.share(*ask).share, rtol=1e-9
    )


def test_habits_of_an_estimator():
    model = clone(CrewShare(scales_km=(10.0,), level=0.8))
    assert model.get_params()["scales_km"] == (10.0,)
    with pytest.raises(ModelError, match="not fitted"):
        model.share(TRUCKERS, points(NIGER))


@pytest.mark.parametrize(
    "wrong", [{"scales_km": ()}, {"memories_days": (0.0,)}, {"level": 1.0}, {"fewest_known": 0.0}]
)
def test_impossible_parameters_are_refused(told, wrong):
    with pytest.raises(ModelError, match=next(iter(wrong))):
        CrewShare(**wrong).fit(told)


def test_bundled_catalogue_gives_nigeria_no_share_of_its_own(catalogue):
    """Its Nigerian rows mention foreigners only where there are some: 24 of 25 that tell."""
    model = CrewShare().fit(catalogue, "2025-03-10")
    answer = model.share(kr.Crew(nationality="MA"), points((7.5, 9.0)))
    row = answer.facets.iloc[0]
    assert row["least"] < 0.15
    assert row["most"] > 0.95
    assert answer.share[0] < 0.6
