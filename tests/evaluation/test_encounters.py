"""What virtual trips meet, and that E = π ρ² ∫ λ dt is what they meet.

All towns, trips and incidents are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.evaluation.calibration import calibration_line
from kidnaprisk.evaluation.encounters import encounters, piece_bands, predict
from kidnaprisk.evaluation.virtual_trips import sample_trips
from kidnaprisk.geodesy import GEOD, forward, inverse
from kidnaprisk.hazard.network import Standing
from kidnaprisk.hazard.pieces import Evidence, integrate_by_quadrature
from tests.evaluation.driving import (
    FEW,
    FROM,
    RADIUS_KM,
    TO,
    TOWNS,
    TRIPS,
    days_of,
    made_towns,
    on,
    parked_at,
)


def test_a_day_parked_beside_an_incident_of_that_day_meets_one():
    trips = parked_at(2.0, 12.0, ["2019-04-14", "2019-04-15", "2019-04-16"], [24, 24, 24])
    near = np.array([2.05]), np.array([12.0])
    day = on("2019-04-15")
    np.testing.assert_array_equal(encounters(trips, *near, day, day), [0.0, 1.0, 0.0])
    third = encounters(trips, *near, on("2019-04-14"), on("2019-04-16"))
    np.testing.assert_allclose(third, [1 / 3, 1 / 3, 1 / 3])
    # Half of this window lies outside the stay.
    half = encounters(trips, *near, on("2019-04-16"), on("2019-04-17"))
    np.testing.assert_allclose(half, [0.0, 0.0, 0.5])


def test_the_disc_ends_at_its_radius():
    day = on("2019-04-15")
    trips = parked_at(2.0, 12.0, day, [24.0])
    for km, met in ((9.999, 1.0), (10.001, 0.0)):
        lon, lat = forward(np.array([2.0]), np.array([12.0]), np.array([70.0]), np.array([km]))
        assert encounters(trips, lon, lat, day, day).sum() == met


def test_driving_by_counts_the_time_within_reach():
    # Straight along the equator at 50 km/h; the incident lies 6 km beside: 2 · 8 km of road.
    roads = np.array([0.0, 3.0]), np.zeros(2), np.array([[0, 1]])
    trips = sample_trips(*roads, FROM, FROM, 1, seed=0)
    lon, lat = forward(np.array([1.5]), np.zeros(1), np.zeros(1), np.array([6.0]))
    day = np.array([FROM]).astype("datetime64[D]")
    met = encounters(trips, lon, lat, day, day).sum()
    assert met == pytest.approx(16.0 / 50.0 / 24.0, rel=1e-5)


def plain_encounters(trips, lon, lat, first, last, steps=200):
    """Slow twin: at each of many instants along a piece, is the incident within ρ on the ground?"""
    pieces = trips.pieces
    met = np.zeros(len(pieces))
    share = (np.arange(steps) + 0.5) / steps
    for n in range(len(pieces)):
        azimuth, _, metres = GEOD.inv(*pieces.start[n], *pieces.end[n])
        many = np.ones(steps)
        x, y, _ = GEOD.fwd(
            many * pieces.start[n, 0], many * pieces.start[n, 1], many * azimuth, metres * share
        )
        day = days_of(trips)[n]
        _, far = inverse(np.full(len(lon), x[0]), np.full(len(lon), y[0]), lon, lat)
        for k in np.flatnonzero(far < 60.0):
            if first[k] <= day <= last[k]:
                _, _, away = GEOD.inv(x, y, many * lon[k], many * lat[k])
                within = (away <= 1000.0 * pieces.radius_km).mean()
                met[n] += within * pieces.hours[n] / 24.0 / (last[k] - first[k] + 1)
    return met


@pytest.mark.parametrize("box", [(0, 6, 9, 14), (177, 183, -20, -15), (10, 22, 66, 70)])
def test_encounters_are_those_of_the_plain_twin(box):
    lon, lat, edges = made_towns(40, 5, box)
    lon = (lon + 180.0) % 360.0 - 180.0
    trips = sample_trips(lon, lat, edges, FROM, FROM + 3, 12, seed=4, radius_km=25.0)
    rng = np.random.default_rng(6)
    piece = rng.integers(0, len(trips.trip), 40)
    at = forward(
        trips.lon[piece], trips.lat[piece], rng.uniform(0, 360, 40), 30.0 * np.sqrt(rng.random(40))
    )
    first = days_of(trips)[piece] - rng.integers(0, 3, 40)
    last = first + rng.integers(0, 5, 40)
    dates = first.astype("datetime64[D]"), last.astype("datetime64[D]")
    met = encounters(trips, *at, *dates)
    plain = plain_encounters(trips, *at, first, last)
    assert (plain > 0.0).sum() > 50
    # A step of the twin is 1/200 of a piece at either edge of a disc.
    slack = 40 * trips.days / 200
    assert (np.abs(met - plain) <= slack).all()
    assert met.sum() == pytest.approx(plain.sum(), rel=1e-3)


def scattered(trips, k, seed):
    """SYNTHETIC: k incidents around the trips' places and days."""
    rng = np.random.default_rng(seed)
    piece = rng.integers(0, len(trips.trip), k)
    lon, lat = trips.lon[piece] + rng.normal(0, 0.05, k), trips.lat[piece]
    first = days_of(trips)[piece] - rng.integers(0, 2, k)
    last = first + rng.integers(0, 5, k)
    return lon, lat, first.astype("datetime64[D]"), last.astype("datetime64[D]")


@given(st.integers(1, 12), st.integers(0, 1000))
@settings(max_examples=30)
def test_encounters_add_up_and_their_order_is_irrelevant(k, seed):
    incidents = scattered(FEW, k, seed)
    whole = encounters(FEW, *incidents)
    turned = encounters(FEW, *(part[::-1] for part in incidents))
    one_by_one = sum(encounters(FEW, *(part[i : i + 1] for part in incidents)) for i in range(k))
    np.testing.assert_allclose(turned, whole, atol=1e-12)
    np.testing.assert_allclose(one_by_one, whole, atol=1e-12)
    # Nobody meets one incident more than once.
    assert np.bincount(FEW.trip, whole).max() <= k + 1e-9
    assert (whole >= 0.0).all()


@given(st.floats(0.5, 40.0), st.floats(0.5, 40.0))
@settings(max_examples=20)
def test_a_wider_reach_never_meets_less(one, other):
    incidents = scattered(FEW, 200, seed=4)
    narrow, wide = (
        encounters(sample_trips(*TOWNS, FROM, TO, 25, seed=1, radius_km=km), *incidents)
        for km in sorted((one, other))
    )
    assert (narrow <= wide + 1e-12).all()


def test_nothing_happened_is_nothing_met():
    none = np.empty(0)
    assert not encounters(TRIPS, none, none, on(), on()).any()
    long_ago = on("1999-01-01")
    assert not encounters(TRIPS, np.array([2.0]), np.array([12.0]), long_ago, long_ago).any()


def test_incidents_with_an_instant_of_their_own_are_met_whole_and_as_often():
    incidents = scattered(FEW, 800, seed=9)
    spread = encounters(FEW, *incidents)
    drawn = np.array([encounters(FEW, *incidents, seed=s) for s in range(60)])
    assert (drawn == drawn.round()).all()
    total = drawn.sum(axis=1)
    error = total.std(ddof=1) / np.sqrt(len(total))
    assert total.mean() == pytest.approx(spread.sum(), abs=4 * error)


# What trips meet is what a true hazard expects.


class Even:
    """SYNTHETIC: the same hazard everywhere and always."""

    rate = 5.0e-4

    def intensity(self, points, when):
        return np.full(len(points), self.rate)

    def happened(self, rng):
        """Incidents of 30 days over the towns and 30 km around them."""
        west, east, south, north = -0.3, 6.3, 8.7, 14.3
        sines = np.sin(np.radians([south, north]))
        km2 = abs(
            GEOD.polygon_area_perimeter([west, east, east, west], [south, south, north, north])[0]
        )
        k = rng.poisson(self.rate * 30 * km2 / 1e6)
        lat = np.degrees(np.arcsin(rng.uniform(*sines, k)))
        return rng.uniform(west, east, k), lat


class Peaked:
    """SYNTHETIC: a normal bell of 6 to 25 km around every third town, of unequal height."""

    def __init__(self):
        rng = np.random.default_rng(11)
        self.lon, self.lat = TOWNS[0][::3], TOWNS[1][::3]
        self.sigma = rng.uniform(6.0, 25.0, len(self.lon))
        self.a_day = rng.gamma(0.5, 4.0, len(self.lon))

    def intensity(self, points, when):
        x, y = points.x.to_numpy(), points.y.to_numpy()
        value = np.full(len(x), 1e-7)
        for lon, lat, sigma, a_day in zip(self.lon, self.lat, self.sigma, self.a_day, strict=True):
            east = (x - lon) * 111.32 * np.cos(np.radians(lat))
            away2 = (east**2 + ((y - lat) * 110.66) ** 2) / sigma**2
            value += a_day / (2 * np.pi * sigma**2) * np.exp(-0.5 * away2)
        return value

    def happened(self, rng):
        k = rng.poisson(30 * self.a_day)
        town = np.repeat(np.arange(len(k)), k)
        away = self.sigma[town] * rng.rayleigh(size=len(town))
        return forward(self.lon[town], self.lat[town], rng.uniform(0, 360, len(town)), away)


@pytest.mark.parametrize("model", [Even(), Peaked()])
def test_what_is_met_is_pi_rho_squared_times_the_integral_of_the_hazard(model):
    expected, n_effective = predict(model, TRIPS)
    assert np.isnan(n_effective).all()
    by_trip = np.bincount(TRIPS.trip, expected)
    rng = np.random.default_rng(5)
    histories = 24
    met = np.zeros((histories, TRIPS.n_trips))
    for h in range(histories):
        lon, lat = model.happened(rng)
        day = np.array(FROM + rng.integers(0, 30, len(lon))).astype("datetime64[D]")
        met[h] = np.bincount(TRIPS.trip, encounters(TRIPS, lon, lat, day, day))
    total = met.sum(axis=1)
    error = total.std(ddof=1) / np.sqrt(histories)
    assert total.sum() > 200.0
    assert error < 0.05 * total.mean()
    assert total.mean() == pytest.approx(by_trip.sum(), abs=3 * error)
    line = calibration_line(
        np.tile(by_trip, histories),
        met.ravel(),
        cluster=np.repeat(np.arange(histories), len(by_trip)),
        replicates=200,
    )
    assert line.slope_interval[0] < 1.0 < line.slope_interval[1]
    assert line.slope == pytest.approx(1.0, abs=0.1)


def test_a_hazard_half_as_high_is_seen_to_be():
    """The test above has teeth: with half of λ the intercept is log 2."""
    expected, _ = predict(Peaked(), TRIPS)
    rng = np.random.default_rng(5)
    met = np.zeros(TRIPS.n_trips)
    for _ in range(8):
        lon, lat = Peaked().happened(rng)
        day = np.array(FROM + rng.integers(0, 30, len(lon))).astype("datetime64[D]")
        met += np.bincount(TRIPS.trip, encounters(TRIPS, lon, lat, day, day)) / 8
    by_trip = np.bincount(TRIPS.trip, expected)
    line = calibration_line(0.5 * by_trip, met, replicates=10)
    assert met.sum() / (0.5 * by_trip.sum()) == pytest.approx(2.0, rel=0.15)
    assert line.slope == pytest.approx(1.0, abs=0.15)


# What models expect.


def test_a_model_of_points_is_asked_once_for_each_stretch_and_answers_for_all():
    expected, _ = predict(Peaked(), TRIPS)
    np.testing.assert_allclose(expected, integrate_by_quadrature(Peaked(), TRIPS.pieces), rtol=1e-3)


def test_a_model_of_points_is_asked_about_the_middle_of_every_thirty_days():
    class Growing:
        def intensity(self, points, when):
            days = (when - pd.Timestamp(FROM, unit="D", tz="UTC")) / pd.Timedelta(days=1)
            return np.asarray(days, dtype=float)

    trips = sample_trips(*TOWNS, FROM, FROM + 59, 200, seed=3)
    n_days = days_of(trips).max() - days_of(trips).min() + 1
    assert n_days in {58, 59, 60}
    expected, _ = predict(Growing(), trips)
    asked = np.unique((expected / trips.pieces.factor).round(6))
    begin = days_of(trips).min() - FROM
    np.testing.assert_allclose(asked, begin + n_days * np.array([0.25, 0.75]), atol=1e-5)


def test_a_model_that_integrates_is_asked_to_and_checked():
    class Exact:
        def intensity(self, points, when):
            raise AssertionError

        def integrate(self, pieces):
            return 2.0 * pieces.hours

    expected, n_effective = predict(Exact(), TRIPS)
    np.testing.assert_array_equal(expected, 2.0 * TRIPS.pieces.hours)
    assert np.isnan(n_effective).all()

    class Negative(Exact):
        def integrate(self, pieces):
            return -pieces.hours

    with pytest.raises(ModelError, match="negative"):
        predict(Negative(), TRIPS)


class Told(Even):
    """SYNTHETIC: tells that four equal incidents speak for half of every trip, and its standing."""

    records_ = pd.DataFrame()
    dispersion_ = 0.0
    fewest_effective = 1.0

    def covers(self, region_id):
        return np.ones(len(region_id), dtype=bool)

    def evidence(self, pieces, group, n_groups):
        expected = self.rate * pieces.factor
        half = 0.5 * np.bincount(group, expected, minlength=n_groups)
        return Evidence(expected, half, half**2 / 4.0, np.empty(0))

    def standing(self, when, radius_km):
        assert when.tz is not None
        assert radius_km == RADIUS_KM
        # This model's rate has 97 of 100 km of road below it.
        return Standing(np.array([0.1, 10.0]) * self.rate, np.array([97.0, 3.0]))

    def describe(self):
        return {}


def test_a_model_that_explains_itself_tells_how_many_incidents_speak():
    expected, n_effective = predict(Told(), TRIPS)
    np.testing.assert_allclose(expected, Even.rate * TRIPS.pieces.factor)
    # n_eff = 4 of what speaks, which is half of all.
    np.testing.assert_allclose(n_effective, 2.0)


def invented(n=60):
    """SYNTHETIC: n kidnappings, random days of 2018 to 2022, around one place in Burkina Faso."""
    rng = np.random.default_rng(1)
    day = pd.Timestamp("2018-01-01") + pd.to_timedelta(rng.integers(0, 1800, n), unit="D")
    table = gpd.GeoDataFrame(
        {
            "incident_id": [f"synthetic-{i}" for i in range(n)],
            "source": "synthetic",
            "kind": "kidnapping",
            "date": day,
            "date_end": day,
            "known_on": day,
            "location_error_km": 5.0,
            "country": "BF",
        },
        geometry=gpd.points_from_xy(rng.normal(-1.0, 0.5, n), rng.normal(13.0, 0.4, n)),
        crs="EPSG:4326",
    )
    begin, end = dt.date(2018, 1, 1), dt.date(2023, 12, 31)
    table.attrs["coverage"] = [kr.Coverage("synthetic", ("BF",), begin, end, True).to_dict()]
    return table


def test_the_mixture_answers_piece_by_piece_and_is_silent_outside_its_coverage():
    model = kr.KernelMixture(context_kinds=()).fit(invented())
    lon, lat, edges = made_towns(60, 7, (-2.0, 4.0, 10.0, 16.0))
    trips = sample_trips(lon, lat, edges, 19_700, 19_729, 20, seed=1)
    expected, n_effective = predict(model, trips)
    np.testing.assert_array_equal(expected, model.integrate(trips.pieces))
    # Towns reach over the border into countries that these records say nothing of.
    assert 0.0 < np.isnan(expected).mean() < 1.0
    assert n_effective.shape == (20,)
    assert (n_effective >= 0.0).all()
    sea = parked_at(-20.0, 0.0, ["2023-04-15"], [24.0])
    assert np.isnan(predict(model, sea)[0]).all()


def test_bands_are_those_of_the_models_own_standing_or_of_the_roads_given():
    roads = Standing(np.array([0.2, 5.0]) * Even.rate, np.array([60.0, 40.0]))
    expected, _ = predict(Told(), TRIPS)
    # 97 % of its km lie lower: band 4; of the roads given 60 %: band 2.
    assert set(piece_bands(Told(), TRIPS, expected, roads)) == {4}
    expected[0] = np.nan
    bands = piece_bands(Even(), TRIPS, expected, roads)
    assert bands[0] is pd.NA
    assert set(bands[1:]) == {2}


def test_points_of_a_geoseries_are_what_models_are_asked_about():
    class Curious:
        def intensity(self, points, when):
            assert isinstance(points, gpd.GeoSeries)
            assert points.crs.to_epsg() == 4326
            assert when.tz is not None
            return np.zeros(len(points))

    assert not predict(Curious(), TRIPS)[0].any()
