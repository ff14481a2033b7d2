"""Twice the data, half of it, a handful, none but context: what a model may still say.

Every incident here is SYNTHETIC: random, and stands for nothing that happened.
"""

from __future__ import annotations

import copy
import datetime as dt
import functools
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.hazard.pieces import Evidence, Pieces
from tests.hazard.conftest import invented, with_context

WHEN = "2023-11-01T06:00Z"
GAO = (-0.05, 16.27)
# Past two of the three centres, past Gao, where only context is, and far from all of them.
ROADS = (
    [(1.0, 13.6), (3.0, 14.2)],
    [(7.0, 14.0), (9.0, 14.4)],
    [(-0.5, 16.0), (0.3, 16.5)],
    [(-4.0, 13.0), (-2.0, 12.4)],
    [(2.0, 14.0), (2.6, 15.2), (5.0, 16.5), (8.0, 17.0)],
)
NIGER = kr.Coverage("synthetic", ("NE",), dt.date(2018, 1, 1), dt.date(2023, 12, 31), True)


@functools.cache
def tables() -> dict[str, gpd.GeoDataFrame]:
    full = with_context(invented(400))
    kidnapping = (full["kind"] == "kidnapping").to_numpy()
    again = full.copy()
    again["incident_id"] = "again-" + again["incident_id"]
    rng = np.random.default_rng(5)
    chosen = rng.permutation(np.flatnonzero(kidnapping))

    def few(n: int) -> pd.DataFrame:
        return full.iloc[np.sort(chosen[:n])]

    made = {
        "all": full,
        "twice": pd.concat([full, again], ignore_index=True),
        "half": full.iloc[::2],
        "no context": full[kidnapping],
        "one country": full,
        "context of two": pd.concat([few(30), full[~kidnapping].iloc[:2]]),
        "100": few(100),
        "30": few(30),
        "5": few(5),
    }
    found = {}
    for name, table in made.items():
        found[name] = gpd.GeoDataFrame(table.copy(), crs="EPSG:4326")
        told = [NIGER.to_dict()] if name == "one country" else full.attrs["coverage"]
        found[name].attrs["coverage"] = told
    return found


@functools.cache
def model_of(name: str) -> kr.KernelMixture:
    return kr.KernelMixture().fit(tables()[name])


def scored(name: str, road: Any) -> kr.TripRisk | None:
    try:
        return kr.score(kr.Trip(road, WHEN), model_of(name))
    except kr.CoverageError:
        return None


def by_records(model: kr.KernelMixture, lon: Any, lat: Any) -> np.ndarray:
    """Part of λ at each place that records make."""
    at = np.stack([lon, lat], axis=1)
    evidence = evidence_at(model, at)
    assert evidence.from_records is not None
    return evidence.from_records / evidence.expected


def evidence_at(model: kr.KernelMixture, at: np.ndarray) -> Evidence:
    n = len(at)
    when = np.full(n, np.datetime64("2023-11-01", "ns"))
    return model.evidence(Pieces(at, at, np.ones(n), when, 10.0), np.arange(n), n)


@pytest.mark.parametrize("name", list(tables()))
def test_any_amount_of_data_gives_a_whole_answer(name: str) -> None:
    model = model_of(name)
    assert model.converged_
    assert model.describe()["incidents"] == (tables()[name]["kind"] == "kidnapping").sum()
    assert model.explain()["share"].sum() == pytest.approx(1.0)
    assert 0.0 <= model.dispersion_ <= 9.0
    answers = [risk for road in ROADS if (risk := scored(name, road)) is not None]
    assert len(answers) == (3 if name == "one country" else 5)
    for risk in answers:
        low, high = risk.interval
        assert 0.0 <= low < risk.expected_incidents < high < 1.0
        assert risk.from_incidents is not None
        assert 0.0 <= risk.from_incidents < risk.expected_incidents


@pytest.mark.parametrize("name", list(tables()))
def test_thin_evidence_never_gives_a_low_band(name: str) -> None:
    """Under one effective kidnapping a place is ``insufficient_data``; a band is shown there only
    if it warns; and a trip with such a place is called low by nobody."""
    thin_places = 0
    for road in ROADS:
        risk = scored(name, road)
        if risk is None:
            continue
        for table in (risk.regions, risk.stretches):
            covered = table[table["status"] != "outside_coverage"]
            thin = (covered["n_effective"] < 1.0).to_numpy()
            assert ((covered["status"] == "insufficient_data").to_numpy() == thin).all()
            assert (covered["band"][thin].dropna() >= 3).all()
            assert (covered["percentile"][thin].dropna() >= 80.0).all()
            thin_places += int(thin.sum())
        if (risk.regions["status"] != "scored").any():
            assert risk.band is None or risk.band >= 3
    assert thin_places > 0


@pytest.mark.parametrize("name", ["30", "5"])
def test_where_nothing_was_recorded_towns_alone_do_not_warn(name: str) -> None:
    """Far from all records a road past the largest towns is unknown, not severe."""
    model = model_of(name)
    towns = kr.load_towns()
    towns = towns[towns["country"].isin(["BF", "ML"])].nlargest(6, "population")
    silent = by_records(model, towns["lon"].to_numpy(), towns["lat"].to_numpy()) == 0.0
    assert silent.sum() >= 3
    for lon, lat in towns.loc[silent, ["lon", "lat"]].to_numpy():
        risk = kr.score(kr.Trip([(lon - 0.1, lat), (lon + 0.1, lat)], WHEN), model)
        assert set(risk.regions["status"]) == {"insufficient_data"}
        assert (risk.band, risk.percentile) == (None, None)
        assert risk.regions["band"].isna().all()
        assert risk.stretches["band"].isna().all()


def test_less_data_means_fewer_effective_incidents_and_wider_intervals() -> None:
    """At the same places; φ held the same, since it is learned anew from every table."""
    for road in ROADS[:2]:
        effective, width = [], []
        for name in ("twice", "all", "100", "30", "5"):
            model = copy.copy(model_of(name))
            model.dispersion_ = 0.3
            risk = kr.score(kr.Trip(road, WHEN), model)
            low, high = risk.interval
            effective.append(float(risk.regions["n_effective"].max()))
            width.append((high - low) / risk.expected_incidents)
        assert (np.diff(effective) < 0.0).all()
        assert (np.diff(width) > 0.0).all()


def test_a_copy_of_every_record_is_seen_to_cluster() -> None:
    """Duplicates double λ and n_eff; that months now bring two or none shows in φ."""
    once, twice = model_of("all"), model_of("twice")
    assert twice.dispersion_ > once.dispersion_ + 0.2
    for road in ROADS[:2]:
        first, again = (kr.score(kr.Trip(road, WHEN), one) for one in (once, twice))
        assert again.expected_incidents == pytest.approx(2.0 * first.expected_incidents, rel=0.05)
        width = [(r.interval[1] - r.interval[0]) / r.expected_incidents for r in (first, again)]
        assert width[1] > width[0]


def test_context_never_counts_as_evidence() -> None:
    """With the weights of context events taken to nought, n_eff's sums do not change by a bit."""
    model, silent = model_of("all"), copy.copy(model_of("all"))
    silent.weights_ = model.weights_.copy()
    silent.weights_[1] = 0.0
    silent.forget()
    rng = np.random.default_rng(3)
    at = np.stack([rng.uniform(-1.0, 9.0, 60), rng.uniform(13.5, 16.5, 60)], axis=1)
    told, without = evidence_at(model, at), evidence_at(silent, at)
    assert told.weight_sum.tobytes() == without.weight_sum.tobytes()
    assert told.weight_square.tobytes() == without.weight_square.tobytes()
    assert (told.expected > without.expected).sum() > 20
    kidnapping = (model.records_["kind"] == "kidnapping").to_numpy()
    assert told.of_record[kidnapping].tobytes() == without.of_record[kidnapping].tobytes()
    assert (told.of_record[~kidnapping] > 0.0).any()
    assert (without.of_record[~kidnapping] == 0.0).all()


def test_where_only_context_speaks_evidence_is_insufficient() -> None:
    """About Gao there were 150 attacks, and no kidnapping within reach."""
    model = model_of("all")
    evidence = evidence_at(model, np.array([GAO]))
    assert evidence.weight_sum.tolist() == evidence.weight_square.tolist() == [0.0]
    assert by_records(model, *np.array([GAO]).T)[0] > 0.5
    risk = scored("all", ROADS[2])
    assert risk is not None
    assert set(risk.regions["status"]) == {"insufficient_data"}
    assert (risk.regions["n_effective"] == 0.0).all()
    # As wide as where nothing at all is known.
    far = scored("all", ROADS[3])
    assert far is not None
    highest = [one.interval[1] / one.expected_incidents for one in (risk, far)]
    assert highest[0] == pytest.approx(highest[1], rel=1e-12)
    # What context makes may warn; but it makes nothing low.
    alone = scored("no context", ROADS[2])
    assert alone is not None
    assert risk.expected_incidents > 10.0 * alone.expected_incidents
    assert risk.band is None or risk.band >= 3
    assert alone.band is None


def test_context_that_is_faint_gives_no_band() -> None:
    """Where context speaks, but so faintly that the place would be low or moderate."""
    model = copy.copy(model_of("all"))
    model.weights_ = model.weights_.copy()
    model.weights_[1] *= 1e-6
    model.forget()
    risk = kr.score(kr.Trip(ROADS[2], WHEN), model)
    assert risk.from_incidents is not None
    assert risk.from_incidents > 0.0
    assert (risk.band, risk.percentile) == (None, None)
    assert risk.regions["band"].isna().all()
    assert risk.stretches["band"].isna().all()
