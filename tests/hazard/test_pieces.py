"""What a model is asked, and the quadrature that stands in for a model without a closed form."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.pieces import (
    Pieces,
    checked_integral,
    checked_intensity,
    days_since_1970,
    integrate_by_quadrature,
    utc_instants,
)

DAY = np.datetime64("2022-03-04T05:06:07", "ns")


def pieces_at(lon, lat, dlon=0.0, hours=2.0, radius_km=10.0):
    start = np.stack([np.asarray(lon, float), np.asarray(lat, float)], axis=1)
    n = len(start)
    return Pieces(
        start, start + np.array([dlon, 0.0]), np.full(n, hours), np.full(n, DAY), radius_km
    )


class Even:
    """2e-6 incidents per km² per day everywhere."""

    def intensity(self, points, when):
        return np.full(len(points), 2e-6)


def test_exposure_to_an_even_hazard_by_hand():
    """π 10² km² · 2/24 day · 2e-6."""
    got = integrate_by_quadrature(Even(), pieces_at([1.0, 179.999], [14.0, 70.0], dlon=0.03))
    np.testing.assert_allclose(got, np.pi * 100 * 2 / 24 * 2e-6, rtol=1e-12)


def test_disc_and_line_are_exact_for_polynomials_of_the_plane():
    """Mean of x² + y² over a disc of radius ρ is ρ²/2; along 4 km the mean of s² is 16/3."""

    class Bowl:
        def intensity(self, points, when):
            x = np.radians(points.x.to_numpy()) * 6378.137
            y = np.radians(points.y.to_numpy()) * 6335.439
            return x**2 + y**2

    degrees = np.degrees(4.0 / 6378.137)
    still = integrate_by_quadrature(Bowl(), pieces_at([0.0], [0.0]))
    along = integrate_by_quadrature(Bowl(), pieces_at([0.0], [0.0], dlon=degrees))
    factor = np.pi * 100 * 2 / 24
    assert still[0] / factor == pytest.approx(50.0, rel=1e-4)
    assert along[0] / factor == pytest.approx(50.0 + 16 / 3, rel=1e-4)


def test_closed_form_agrees_with_quadrature(model):
    """The closed form gives each kernel's disc mean at its centre exactly; elsewhere it is off by a
    few per cent of the peak, which is much of the little that is left at a kernel's edge."""
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(1.5, 8.5, 60), rng.uniform(13.3, 15.0, 60)
    pieces = pieces_at(lon, lat, dlon=0.04)
    # Within 10 km of a border the quadrature averages over this side of it alone: leave those out.
    around = [
        pieces_at(lon + 0.02 + 0.15 * np.cos(turn), lat + 0.15 * np.sin(turn))
        for turn in np.linspace(0.0, 2.0 * np.pi, 12)
    ]
    pieces = pieces.take(np.isfinite([model.integrate(ring) for ring in around]).all(axis=0))
    assert len(pieces) > 40
    closed, plain = model.integrate(pieces), integrate_by_quadrature(model, pieces)
    np.testing.assert_allclose(closed, plain, rtol=0.15, atol=1e-2 * plain.max())
    assert closed.sum() == pytest.approx(plain.sum(), rel=0.01)
    thin = Pieces(pieces.start, pieces.end, pieces.hours, pieces.when, 0.05)
    np.testing.assert_allclose(
        model.integrate(thin), integrate_by_quadrature(model, thin), rtol=1e-3
    )


class WestOf:
    """2e-6 west of a meridian, doubled in the southern half; nothing is told east of it."""

    def __init__(self, meridian):
        self.meridian = meridian

    def intensity(self, points, when):
        rate = np.where(points.y < 14.0, 4e-6, 2e-6)
        return np.where(points.x < self.meridian, rate, np.nan)


def test_a_disc_over_the_edge_is_averaged_over_what_is_told():
    """5 km west of the edge (0.0464° at 14°): a quarter and more of the disc is beyond."""
    factor = np.pi * 100 * 2 / 24
    near = pieces_at([1.0 - 0.0464, 1.0 - 0.0464], [14.5, 13.5])
    got = integrate_by_quadrature(WestOf(1.0), near)
    np.testing.assert_allclose(got, factor * np.array([2e-6, 4e-6]), rtol=1e-12)
    # Half and half in latitude: between the two, wherever the edge is.
    both = integrate_by_quadrature(WestOf(1.0), pieces_at([1.0 - 0.0464], [14.0]))
    assert 2e-6 * factor < both[0] < 4e-6 * factor
    far = integrate_by_quadrature(WestOf(5.0), pieces_at([1.0 - 0.0464], [14.5]))
    assert far[0] == pytest.approx(got[0], rel=1e-12)


def test_a_piece_is_missing_only_where_its_own_road_is():
    """Just inside, just outside, and a road that runs over the edge half-way."""
    got = integrate_by_quadrature(WestOf(1.0), pieces_at([0.999, 1.001], [14.5, 14.5]))
    assert np.isnan(got).tolist() == [False, True]
    over = integrate_by_quadrature(WestOf(1.0), pieces_at([0.98, 0.94], [14.5, 14.5], dlon=0.04))
    assert np.isnan(over).tolist() == [True, False]


def test_where_the_model_may_not_speak_the_answer_is_missing(model):
    got = integrate_by_quadrature(model, pieces_at([3.0, 3.0], [14.0, 45.0]))
    assert np.isfinite(got[0])
    assert np.isnan(got[1])


def test_pieces_know_their_factor_and_can_be_taken():
    pieces = pieces_at([0.0, 1.0, 2.0], [14.0] * 3, hours=6.0, radius_km=2.0)
    np.testing.assert_allclose(pieces.factor, np.pi)  # π 2² · ¼
    assert len(pieces.take(np.array([2, 0]))) == 2
    assert pieces.take(np.array([2, 0])).start[:, 0].tolist() == [2.0, 0.0]
    assert len(pieces.take(np.array([True, False, False]))) == 1


def test_days_are_utc_days():
    stamps = np.array(
        ["1970-01-01T23:59:59", "1969-12-31T00:00:00", "2025-01-18"], "datetime64[ns]"
    )
    assert days_since_1970(stamps).tolist() == [0, -1, 20106]


@pytest.mark.parametrize(
    "when",
    [
        "2022-03-04T06:00+01:00",
        pd.Timestamp("2022-03-04T05:00Z"),
        ["2022-03-04T05:00Z", "2022-03-04T06:00+01:00"],
        pd.DatetimeIndex(["2022-03-04T05:00Z"] * 2),
        pd.Series(pd.DatetimeIndex(["2022-03-04T05:00Z"] * 2)),
    ],
    ids=["text", "stamp", "mixed offsets", "index", "series"],
)
def test_one_instant_or_n(when):
    got = utc_instants(when, 2)
    assert got.tolist() == [np.datetime64("2022-03-04T05:00", "ns").astype(int)] * 2


@pytest.mark.parametrize(
    "when",
    [
        "2022-03-04T05:00",
        pd.Timestamp("2022-03-04"),
        None,
        pd.NaT,
        ["2022-03-04T05:00Z"] * 3,
        [],
        ["2022-03-04T05:00Z", None],
        ["2022-03-04T05:00Z", "2022-03-04T05:00"],
        "next Tuesday",
        object(),
        np.array([np.datetime64("2022-03-04")]),
    ],
    ids=["naive text", "naive stamp", "none", "NaT", "three for two", "empty", "one missing",
         "one naive", "words", "an object", "numpy"],
)  # fmt: skip
def test_instants_that_are_none_are_refused(when):
    with pytest.raises(ModelError) as caught:
        utc_instants(when, 2)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "when",
    ["2609-09-01T00:00Z", "2201-01-01T00:00Z", "1899-12-31T23:59Z", "1800-01-01T00:00Z",
     "9999-12-31T00:00Z", "0001-01-01T00:00Z"],
    ids=["2609", "2201", "1899", "1800", "9999", "1"],
)  # fmt: skip
def test_an_instant_beyond_nanoseconds_is_not_another_day(when):
    """datetime64[ns] ends in 2262 and would wrap to 2025: refuse."""
    for given in (when, [when], ["2022-03-04T05:00Z", when]):
        with pytest.raises(ModelError) as caught:
            utc_instants(given, 2)
        assert caught.value.remedy


def test_the_first_and_last_year_are_taken():
    got = utc_instants(["1900-01-01T00:00Z", "2200-12-31T23:59Z"], 2)
    assert got.astype("datetime64[m]").astype(str).tolist() == [
        "1900-01-01T00:00", "2200-12-31T23:59",
    ]  # fmt: skip
    assert got.dtype == np.dtype("datetime64[ns]")


@pytest.mark.parametrize("make", [list, tuple, pd.Series, lambda a: np.array(a, dtype=object)],
                         ids=["list", "tuple", "series", "array"])  # fmt: skip
def test_every_offset_is_its_own(make):
    """Summer and winter, east and west, whole and half hours: each as it says."""
    stamps = [
        pd.Timestamp("2022-07-01T06:00", tz="Europe/Paris"),
        pd.Timestamp("2022-01-01T06:00", tz="Europe/Paris"),
        pd.Timestamp("2022-03-04T23:30-05:30"),
        pd.Timestamp("2022-03-04T00:10+14:00"),
    ]
    wanted = ["2022-07-01T04:00", "2022-01-01T05:00", "2022-03-05T05:00", "2022-03-03T10:10"]
    got = utc_instants(make(stamps), 4)
    assert got.astype("datetime64[m]").astype(str).tolist() == wanted


class Answers:
    def __init__(self, answer):
        self.answer = answer

    def intensity(self, points, when):
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [[1e-6], [[1e-6], [1e-6]], 1e-6, [1e-6, -1e-9], [1e-6, np.inf], ["a", "b"], None,
     [None, "x"], [1 + 2j, 0], [[1], [1, 2]]],
    ids=["too few", "column", "scalar", "negative", "infinite", "words", "none", "mixed", "complex",
         "ragged"],
)  # fmt: skip
def test_answers_that_are_no_rate_are_refused(answer):
    points = gpd.GeoSeries(gpd.points_from_xy([0.0, 1.0], [14.0, 14.0]), crs="EPSG:4326")
    with pytest.raises(ModelError, match="Answers") as caught:
        checked_intensity(Answers(answer), points, DAY)
    assert caught.value.remedy


class Sums(Answers):
    def integrate(self, pieces):
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [[1e-6], [[1e-6], [1e-6]], 1e-6, [1e-6, -1e-9], [1e-6, np.inf], ["a", "b"], None,
     [None, "x"], [1 + 2j, 0], [[1], [1, 2]], [True, False], np.ones(3)],
    ids=["too few", "column", "scalar", "negative", "infinite", "words", "none", "mixed", "complex",
         "ragged", "truths", "too many"],
)  # fmt: skip
def test_integrals_that_are_no_count_are_refused(answer):
    with pytest.raises(ModelError, match=r"Sums\.integrate") as caught:
        checked_integral(Sums(answer), pieces_at([0.0, 1.0], [14.0, 14.0]))
    assert caught.value.remedy


def test_integrals_that_are_counts_are_taken():
    for answer in ([0, 1], (0.0, np.nan), np.float32([0.5, 2.0])):
        got = checked_integral(Sums(answer), pieces_at([0.0, 1.0], [14.0, 14.0]))
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, np.asarray(answer, float))


def test_answers_that_are_rates_are_taken():
    points = gpd.GeoSeries(gpd.points_from_xy([0.0, 1.0], [14.0, 14.0]), crs="EPSG:4326")
    for answer in ([0, 1], (0.0, np.nan), pd.Series([1e-6, 2e-6], index=[7, 7])):
        assert checked_intensity(Answers(answer), points, DAY).shape == (2,)
    assert kr.KernelMixture  # imported lazily, and no cycle
