"""Models that cannot be used, and what is said of each: our own error, with a remedy, every time.

A user's model is somebody else's code: what it answers is checked before it becomes a number that a
dispatcher reads.
"""

from __future__ import annotations

import datetime as dt
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.hazard.network import Standing
from kidnaprisk.hazard.pieces import Evidence

COVER = kr.Coverage("synthetic", ("BF", "NE"), dt.date(2018, 1, 1), dt.date(2022, 12, 31), True)


@pytest.fixture(scope="module")
def trip():
    return kr.Trip(kr.read_route([(0.4, 13.6), (1.6, 13.5)]), departure="2021-06-01T06:00Z")


@pytest.fixture(scope="module")
def fitted():
    """Fitted on 60 random, invented kidnappings."""
    rng = np.random.default_rng(1)
    day = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 1400, 60)), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i}" for i in range(60)], "source": "synthetic",
            "kind": "kidnapping", "date": day, "date_end": day, "known_on": day,
            "location_error_km": 5.0, "country": "NE",
        },
        geometry=gpd.points_from_xy(rng.normal(1.5, 0.4, 60), rng.normal(13.6, 0.3, 60)),
        crs="EPSG:4326",
    )  # fmt: skip
    table.attrs["coverage"] = [COVER.to_dict()]
    return kr.KernelMixture(scales_km=(20.0, 80.0), memories_days=(180.0,)).fit(table)


def answering(answer):
    """A user's model whose intensity is what ``answer(n)`` gives."""

    class Model:
        def intensity(self, points, when):
            return answer(len(points))

    return Model()


def integrating(answer):
    class Model:
        def intensity(self, points, when):
            return np.full(len(points), 1e-6)

        def integrate(self, pieces):
            return answer(len(pieces))

    return Model()


def covering(answer):
    class Model:
        def intensity(self, points, when):
            return np.full(len(points), 1e-6)

        def covers(self, region_id):
            return answer(len(region_id))

    return Model()


def explained(**answers):
    """A whole model that explains itself, but for the methods given."""

    class Model:
        dispersion_, fewest_effective = 0.3, 1.0
        records_ = kr.load_model().records_.iloc[:0]

        def intensity(self, points, when):
            return np.full(len(points), 1e-6)

        def covers(self, region_id):
            return np.ones(len(region_id), dtype=bool)

        def evidence(self, pieces, group, n_groups):
            n = np.zeros(n_groups)
            return Evidence(pieces.factor * 1e-6, n, n, np.empty(0))

        def standing(self, when, radius_km):
            return Standing(np.array([1e-7, 1e-5]), np.array([10.0, 10.0]))

        def describe(self):
            return {"name": "Model", "systematic": False}

    model = Model()
    for name, answer in answers.items():
        setattr(model, name, lambda first, *_, answer=answer: answer(len(first)))
    return model


class NotCallable:
    intensity = 1e-6


M, C = kr.ModelError, kr.CoverageError
BAD = {
    # what stands in the place of a model
    "nothing": (lambda: None, M),
    "a name": (lambda: "default", M),
    "a number": (lambda: 0.5, M),
    "a dict": (lambda: {"intensity": 1e-6}, M),
    "a table": (lambda: pd.DataFrame({"intensity": [1e-6]}), M),
    "the class itself": (lambda: kr.KernelMixture, M),
    "a function": (lambda: lambda points, _when: np.ones(len(points)), M),
    "not fitted": (kr.KernelMixture, M),
    "intensity is no method": (NotCallable, M),
    # what intensity answers
    "negative rates": (lambda: answering(lambda n: np.full(n, -1e-6)), M),
    "one negative rate": (lambda: answering(lambda n: np.r_[-1e-12, np.ones(n - 1)]), M),
    "infinite rates": (lambda: answering(lambda n: np.full(n, np.inf)), M),
    "one value for all": (lambda: answering(lambda _: 1e-6), M),
    "too few values": (lambda: answering(lambda n: np.ones(n - 1)), M),
    "too many values": (lambda: answering(lambda n: np.ones(n + 1)), M),
    "a column of values": (lambda: answering(lambda n: np.ones((n, 1))), M),
    "no values": (lambda: answering(lambda _: []), M),
    "words": (lambda: answering(lambda n: ["high"] * n), M),
    "nothing at all": (lambda: answering(lambda _: None), M),
    "complex rates": (lambda: answering(lambda n: np.full(n, 1 + 1j)), M),
    "dates": (lambda: answering(lambda n: np.full(n, np.datetime64("2021-01-01"))), M),
    "ragged values": (lambda: answering(lambda n: [[1.0]] * (n - 1) + [[1.0, 2.0]]), M),
    "missing everywhere": (lambda: answering(lambda n: np.full(n, np.nan)), C),
    # what integrate answers
    "negative exposure": (lambda: integrating(lambda n: np.full(n, -1e-6)), M),
    "infinite exposure": (lambda: integrating(lambda n: np.full(n, np.inf)), M),
    "exposure of one piece": (lambda: integrating(lambda _: 1e-6), M),
    "exposure of too few pieces": (lambda: integrating(lambda n: np.ones(n - 1)), M),
    "exposure in words": (lambda: integrating(lambda n: ["low"] * n), M),
    "no exposure": (lambda: integrating(lambda _: None), M),
    # what covers answers
    "coverage of too few regions": (lambda: covering(lambda n: np.ones(n - 1, dtype=bool)), M),
    "coverage in words": (lambda: covering(lambda k: ["yes"] * k), M),
    "coverage of nothing": (lambda: covering(lambda n: np.zeros(n, dtype=bool)), C),
    "explained, of too few regions": (lambda: explained(covers=lambda n: np.ones(n - 1, bool)), M),
    "explained, of regions in words": (lambda: explained(covers=lambda n: ["yes"] * n), M),
    "explained, of nothing": (lambda: explained(covers=lambda n: np.zeros(n, dtype=bool)), C),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_models_are_refused_with_a_remedy(trip, name):
    make, error = BAD[name]
    with pytest.raises(error) as caught:
        kr.score(trip, make())
    assert isinstance(caught.value, kr.KidnapRiskError)
    assert caught.value.remedy
    assert len(str(caught.value)) < 400
    assert "Traceback" not in str(caught.value)


def test_a_model_that_is_merely_plain_is_taken(trip):
    risk = kr.score(trip, answering(lambda n: [1e-6] * n))
    hours = risk.hours
    assert risk.expected_incidents == pytest.approx(np.pi * 100 * hours / 24 * 1e-6, rel=1e-9)
    whole = kr.score(trip, integrating(lambda n: np.full(n, 1e-6)))
    assert whole.expected_incidents > 0


def test_a_models_own_error_is_left_as_it_is(trip):
    """A bug in a user's model is theirs to see: hiding its line would only cost them time."""

    class Broken:
        def intensity(self, points, when):
            raise ZeroDivisionError("in my own code")

    with pytest.raises(ZeroDivisionError, match="in my own code"):
        kr.score(trip, Broken())


@pytest.mark.parametrize(
    "radius",
    [0.0, -1.0, np.nan, np.inf, 101.0, "10", None, [10.0], 50.001, True, 1 + 0j, np.ones(1),
     np.float64("nan"), {}],
    ids=["zero", "negative", "nan", "infinite", "101", "text", "none", "list", "just over 50",
         "true", "complex", "array", "numpy nan", "dict"],
)  # fmt: skip
def test_radii_out_of_range_are_refused(trip, fitted, radius):
    with pytest.raises(kr.TripError) as caught:
        kr.score(trip, fitted, radius_km=radius)
    assert caught.value.remedy


@pytest.mark.parametrize("radius", [1e-3, 10, 50.0, np.float32(10), np.int64(10)],
                         ids=["a metre", "whole", "50", "float32", "int64"])  # fmt: skip
def test_radii_in_range_are_taken(trip, fitted, radius):
    risk = kr.score(trip, fitted, radius_km=radius)
    assert risk.radius_km == float(radius)
    assert isinstance(risk.radius_km, float)
    assert risk.expected_incidents > 0


@pytest.mark.parametrize(
    "thing", [None, "casablanca_niamey.geojson", [(0, 14), (1, 14)]], ids=["none", "path", "list"]
)
def test_what_is_no_trip_is_refused(fitted, thing):
    with pytest.raises(kr.TripError) as caught:
        kr.score(thing, fitted)
    assert caught.value.remedy


def test_a_route_in_place_of_a_trip_is_refused(fitted):
    with pytest.raises(kr.TripError, match="Trip"):
        kr.score(kr.read_route([(0.0, 14.0), (1.0, 14.0)]), fitted)


def test_trip_and_model_the_wrong_way_round_are_refused(trip, fitted):
    with pytest.raises(kr.KidnapRiskError):
        kr.score(fitted, trip)


def test_a_trip_before_the_records_is_refused(fitted):
    early = kr.Trip([(0.4, 13.6), (1.6, 13.5)], departure="2015-06-01T06:00Z")
    with pytest.raises(kr.CoverageError, match="2018-01-01") as caught:
        kr.score(early, fitted)
    assert caught.value.remedy


def test_a_trip_elsewhere_is_unknown_not_low(fitted):
    away = kr.Trip([(2.3, 48.8), (4.8, 45.7)], departure="2021-06-01T06:00Z")
    with pytest.raises(kr.CoverageError, match="unknown, not low") as caught:
        kr.score(away, fitted)
    assert caught.value.remedy


def test_no_warning_comes_with_a_good_model(trip, fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        risk = kr.score(trip, fitted)
    assert 0 < risk.expected_incidents < 1
