"""Who is taken where a trip goes: told beside the exposure. All tables here are SYNTHETIC."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kidnaprisk as kr
from kidnaprisk.exposure import people
from kidnaprisk.hazard.consequence import Consequence
from kidnaprisk.hazard.crew import CrewShare
from tests.exposure.conftest import covered, synthetic_incidents

# Dori in Burkina Faso to Téra in Niger, by day.
ROAD = [(-0.6, 14.03), (0.75, 14.01)]
DRIVER = kr.Crew(nationality="MA", sector="transport")


class Remembering:
    """SYNTHETIC hazard of a user: even but for a peak, and a table of who was taken."""

    def __init__(self, table: gpd.GeoDataFrame, peak_lon: float = -0.2) -> None:
        flat = pd.DataFrame(table.drop(columns="geometry"))
        self.records_ = flat.assign(lon=table.geometry.x, lat=table.geometry.y)
        self.peak_lon = peak_lon

    def intensity(self, points: gpd.GeoSeries, when: object) -> np.ndarray:
        away = points.x.to_numpy() - self.peak_lon
        return 1e-7 + 1e-5 * np.exp(-0.5 * (away / 0.1) ** 2)


class Silent:
    """A user's own hazard that keeps no records."""

    def intensity(self, points: gpd.GeoSeries, when: object) -> np.ndarray:
        return np.full(len(points), 1e-6)


def told(n: int = 400, seed: int = 5) -> gpd.GeoDataFrame:
    """SYNTHETIC: foreigners are taken in Burkina Faso (share 0.9), seldom in Niger (0.1).

    In Burkina Faso all are free after 10 days, elsewhere after 100.
    """
    table = synthetic_incidents(n)
    rng = np.random.default_rng(seed)
    burkina = table["country"].eq("BF").to_numpy(dtype=bool)
    table["victims"] = 2
    table["foreign_victims"] = np.where(rng.random(n) < np.where(burkina, 0.9, 0.1), 2, 0)
    table["sector"] = rng.choice(["transport", "aid"], n)
    table["outcome"] = rng.choice(["released", "escaped"], n)
    middle = table["date"] + (table["date_end"] - table["date"]) / 2
    table["outcome_date"] = middle.dt.floor("D") + pd.to_timedelta(
        np.where(burkina, 10, 100), unit="D"
    )
    table["known_on"] = table[["known_on", "outcome_date"]].max(axis=1)
    return covered(kr.validate_incidents(table))


def trip(crew: kr.Crew | None = None, **more: Any) -> kr.Trip:
    return kr.Trip(ROAD, departure="2025-01-18T06:00Z", crew=crew, **more)


@pytest.fixture(scope="module")
def table() -> gpd.GeoDataFrame:
    return told()


@pytest.fixture(scope="module")
def remembering(table: gpd.GeoDataFrame) -> Remembering:
    return Remembering(table)


@pytest.fixture(scope="module")
def risk(remembering: Remembering) -> kr.TripRisk:
    return kr.score(trip(DRIVER), remembering)


@pytest.mark.parametrize("crew", [DRIVER, kr.Crew("BF"), kr.Crew(sector="aid")])
def test_no_figure_of_the_exposure_changes_by_the_crew(
    crew: kr.Crew, remembering: Remembering
) -> None:
    with_crew, without = (kr.score(trip(one), remembering).to_dict() for one in (crew, None))
    for risk in (with_crew, without):
        risk.pop("crew")
        risk.pop("consequence")
        risk.pop("notes")
    assert with_crew == without


def test_regions_are_weighed_by_their_exposure(
    risk: kr.TripRisk, remembering: Remembering, table: gpd.GeoDataFrame
) -> None:
    """Asked again within a few km of each region's worst stretch, and weighed by hand."""
    crew = risk.crew
    assert crew is not None
    regions = risk.regions.set_index("region_id")
    assert set(crew.regions["region_id"]) == set(regions.index)
    weight = crew.regions.set_index("region_id")["weight"]
    assert weight.to_dict() == pytest.approx(regions["share"].to_dict(), rel=1e-12)
    # The hazard peaks at 0.2° W; in Niger it is worst at the border.
    border = regions.loc["NE-tillaberi", "geometry"].bounds[0]
    at = {"BF-sahel": -0.2, "NE-tillaberi": border + 0.02}
    where = gpd.GeoSeries(gpd.points_from_xy(list(at.values()), [14.02, 14.02]), crs=4326)
    answer = CrewShare().fit(table).share(DRIVER, where)
    by_hand = sum(regions.loc[one, "share"] * answer.share[i] for i, one in enumerate(at))
    assert crew.facet == answer.facet == "together"
    assert crew.share == pytest.approx(by_hand, abs=0.005)
    assert crew.low == pytest.approx(
        sum(regions.loc[one, "share"] * answer.low[i] for i, one in enumerate(at)), abs=0.005
    )


def test_the_place_is_that_of_most_exposure(table: gpd.GeoDataFrame) -> None:
    """Nine tenths of those taken in Burkina Faso are foreign, one tenth in Niger."""
    shares = []
    for peak in (-0.4, 0.6):
        crew = kr.score(trip(kr.Crew("MA")), Remembering(table, peak)).crew
        assert crew is not None
        assert crew.share is not None
        assert crew.adds
        shares.append(crew.share)
    assert shares[0] == pytest.approx(0.85, abs=0.12)
    assert shares[1] == pytest.approx(0.15, abs=0.12)


def test_a_crew_is_foreign_or_local_by_region(remembering: Remembering) -> None:
    crew = kr.score(trip(kr.Crew("NE")), remembering).crew
    assert crew is not None
    of = crew.regions.set_index("country")["of"].to_dict()
    assert of == {"BF": "foreign victims", "NE": "local victims"}
    assert crew.of == "foreign victims"


def test_every_share_lies_within_its_interval_and_in_0_to_1(risk: kr.TripRisk) -> None:
    assert risk.crew is not None
    for rows in (risk.crew.facets, risk.crew.regions):
        known = rows.dropna(subset="share")
        assert len(known)
        for low, high in (("low", "share"), ("share", "high"), ("least", "most")):
            assert (known[low] <= known[high]).all()
        for name in ("share", "low", "high", "least", "most"):
            assert known[name].between(0.0, 1.0).all()


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(1e-12, 1.0)), min_size=1, max_size=12))
def test_a_weighted_mean_of_shares_is_one_of_them_or_between(
    pairs: list[tuple[float, float]],
) -> None:
    shares, weight = (pd.Series(column) for column in zip(*pairs, strict=True))
    assert min(shares) <= people._mean(shares, weight) <= max(shares)


def test_what_no_record_tells_is_missing_not_nought() -> None:
    """Nobody's origin or sector is told: the share is unknown, and anything is possible."""
    risk = kr.score(trip(DRIVER), Remembering(synthetic_incidents()))
    crew = risk.crew
    assert crew is not None
    assert crew.share is crew.low is crew.high is None
    assert (crew.told, crew.n, crew.adds) == (0.0, 0, False)
    assert (crew.least, crew.most) == (0.0, 1.0)
    assert risk.consequence is None
    assert sum("too few records say" in note for note in risk.notes) == 1
    plain = risk.to_dict()
    assert plain["crew"]["share"] is None
    assert plain["consequence"] is None


def test_a_model_without_records_of_people_tells_nothing(table: gpd.GeoDataFrame) -> None:
    blind = Remembering(table)
    blind.records_ = blind.records_.drop(columns="foreign_victims")
    for model in (Silent(), blind):
        risk = kr.score(trip(DRIVER), model)
        assert risk.crew is None
        assert risk.consequence is None
        assert sum("records do not say" in note for note in risk.notes) == 1
        assert not any("crew" in note for note in kr.score(trip(), model).notes)


def test_a_trip_without_exposure_has_nothing_to_weigh(
    table: gpd.GeoDataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Remembering(table)
    monkeypatch.setattr(model, "intensity", lambda points, _: np.zeros(len(points)))
    risk = kr.score(trip(DRIVER), model)
    assert risk.expected_incidents == 0.0
    assert risk.crew is risk.consequence is None


def test_context_events_are_not_kidnappings(
    table: gpd.GeoDataFrame, remembering: Remembering
) -> None:
    attacks = table.assign(
        kind="attack", incident_id="A" + table["incident_id"], foreign_victims=2, outcome="killed"
    )
    both = Remembering(gpd.GeoDataFrame(pd.concat([table, attacks], ignore_index=True), crs=4326))
    mixed, alone = (kr.score(trip(DRIVER), model).to_dict() for model in (both, remembering))
    assert mixed["crew"] == alone["crew"]
    assert mixed["consequence"] == alone["consequence"]
    only = Remembering(attacks)
    assert kr.score(trip(DRIVER), only).crew is None


def test_consequence_is_of_the_country_with_most_exposure(table: gpd.GeoDataFrame) -> None:
    """Held for 10 days in Burkina Faso and for 100 elsewhere, as the table was made."""
    for peak, country, days in ((-0.4, "BF", 10.0), (0.6, "NE", 100.0)):
        answer = kr.score(trip(), Remembering(table, peak)).consequence
        assert answer is not None
        assert answer.group == f"country {country}"
        assert answer.median_days.value == days
    by_crew = kr.score(trip(kr.Crew("MA")), Remembering(table, -0.4)).consequence
    assert by_crew == Consequence().fit(table).given("BF", crew=kr.Crew("MA"))
    assert by_crew.group == "foreign victims, country BF"


def test_what_is_learned_is_kept_while_the_records_are(table: gpd.GeoDataFrame) -> None:
    model = Remembering(table)
    first = kr.score(trip(DRIVER), model)
    kept = people._told_by(model)
    assert people._told_by(model) is kept
    local = table.assign(foreign_victims=0)
    model.records_ = Remembering(local).records_
    again = kr.score(trip(DRIVER), model)
    assert people._told_by(model) is not kept
    assert first.crew is not None
    assert again.crew is not None
    assert again.crew.share is not None
    assert first.crew.share is not None
    assert again.crew.share < first.crew.share
    before = len(people._TOLD)
    del model
    gc.collect()
    assert len(people._TOLD) < before


def test_plain_values_are_json_and_older_keys_stay(risk: kr.TripRisk) -> None:
    plain = json.loads(json.dumps(risk.to_dict(), allow_nan=False))
    assert risk.crew is not None
    assert plain["crew"]["crew"] == {"nationality": ["MA"], "sector": "transport"}
    assert plain["crew"]["share"] == risk.crew.share
    assert plain["crew"]["as_of"] == risk.crew.as_of.isoformat()
    assert [row["facet"] for row in plain["crew"]["facets"]] == [
        "origin", "sector", "nationality", "together",
    ]  # fmt: skip
    assert plain["crew"]["facets"][2]["share"] is None
    assert set(plain["consequence"]["held"]) == {"7", "30", "90", "365"}
    assert {"expected_incidents", "interval", "notes", "regions", "incidents"} <= set(plain)


def test_a_fitted_model_tells_of_its_own_kidnappings(tmp_path: Path) -> None:
    """As its table would, as of the model's day; and the same once stored and loaded."""
    table, as_of = told(160), "2024-06-30"
    model = kr.KernelMixture(scales_km=(12.0,), memories_days=(365.0,)).fit(table, as_of)
    risk = kr.score(trip(DRIVER), model)
    assert risk.crew is not None
    assert risk.crew.as_of == pd.Timestamp(as_of).date()
    assert risk.crew.n == (table["known_on"] <= as_of).sum()
    assert risk.consequence == Consequence().fit(table, as_of).given("BF", crew=DRIVER)
    kr.save_model(model, tmp_path)
    loaded = kr.score(trip(DRIVER), kr.load_model(tmp_path)).to_dict()
    plain = risk.to_dict()
    assert loaded["crew"] == plain["crew"]
    assert loaded["consequence"] == plain["consequence"]
