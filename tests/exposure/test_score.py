"""Scores against quadrature every 20 m along the original geodesics, with λ from its formula."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import kidnaprisk as kr
from kidnaprisk.hazard import biweight, plain
from kidnaprisk.hazard.pieces import Pieces
from tests.exposure import oracle

EXAMPLES = Path(__file__).parents[2] / "examples"
STEP_KM = 0.02
RADIUS_KM = 10.0
HAUL = (
    (-7.99, 12.65), (-6.26, 13.43), (-5.47, 12.39), (-4.30, 11.18), (-1.52, 12.37), (-1.09, 13.09),
    (-0.03, 14.03), (0.75, 14.01), (2.11, 13.51),
)  # fmt: skip
# Due north along a meridian: the sun stands the same everywhere on it.
MERIDIAN = ((-1.5, 10.2), (-1.5, 12.3), (-1.5, 15.9))
MASERU = ((26.2, -29.1), (27.5, -29.3), (28.4, -29.55), (29.3, -29.3), (30.4, -29.6))
TAVEUNI = ((179.6, -16.6), (179.95, -16.78), (-179.9, -16.95))


@pytest.fixture(scope="module")
def regions() -> oracle.Regions:
    return oracle.Regions(kr.load_regions())


def check(
    trip: kr.Trip,
    model: kr.KernelMixture,
    regions: oracle.Regions,
    stops: list[tuple[float, float]],
    total: float = 1e-5,
    share: float = 1e-4,
    step_km: float = STEP_KM,
) -> None:
    """Total, regions of over 1 % share, the records' part and hours agree with quadrature."""
    hazard = oracle.Hazard(model)
    line = oracle.cut_line(trip.route.lon, trip.route.lat, regions, step_km)
    want = oracle.exposure(
        trip, line, oracle.Spoken(model, regions),
        lambda lon, lat, until: hazard.parts(lon, lat, until, RADIUS_KM),
        stops, RADIUS_KM,
    )  # fmt: skip
    risk = kr.score(trip, model, RADIUS_KM)
    assert risk.expected_incidents == pytest.approx(want.total, rel=total)
    assert risk.from_incidents == pytest.approx(want.of_records, rel=total)
    assert risk.from_parked == pytest.approx(want.parked, rel=total)
    assert risk.hours == pytest.approx(want.hours, abs=1e-3)
    assert risk.uncovered_km == pytest.approx(want.uncovered_km, abs=1e-6)
    got = risk.regions.set_index("region_id")["expected_incidents"]
    weighty = {key: value for key, value in want.by_region.items() if value > 0.01 * want.total}
    assert len(weighty) > 0
    for region_id, expected in weighty.items():
        assert got[region_id] == pytest.approx(expected, rel=share), region_id
    km = oracle.km_by_region(line, regions)
    for region_id, row in risk.regions.set_index("region_id").iterrows():
        assert row["km"] + row["uncovered_km"] == pytest.approx(
            km[region_id] * trip.road_factor, rel=1e-9, abs=1e-9 * trip.km
        )


def test_casablanca_niamey_with_a_week_at_dori(
    model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """The first case, 5,400 km by road: speeds by country, a week parked, records still known
    from day to day while the trip is under way."""
    examples = kr.read_route(EXAMPLES / "casablanca_niamey.geojson")
    km = _km_nearest(examples, -0.0345, 14.0354)
    trip = kr.Trip(
        examples, departure="2024-12-28T06:00Z",
        speed_kmh={"MA": 70.0, "ML": 40.0, "default": 55.0}, road_km=5400.0,
        stops=[kr.Stop(km=km * 5400.0 / examples.km, hours=168.0), kr.Stop(km=1200.0, hours=30.0)],
    )  # fmt: skip
    check(trip, model_2025, regions, [(km, 168.0), (1200.0 / trip.road_factor, 30.0)])


@pytest.mark.parametrize(
    "departure", ["2024-05-28T21:17:05Z", "2025-01-16T03:00Z", "2026-02-01T00:00Z"]
)
def test_haul_before_across_and_after_the_origin_day(
    departure: str, model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    trip = kr.Trip(HAUL, departure=departure, speed_kmh=38.0, stops=[kr.Stop(km=700.0, hours=40.5)])
    check(trip, model_2025, regions, [(700.0, 40.5)])


@pytest.mark.parametrize("window", [(6.0, 18.0), (19.0, 4.5)])
def test_driving_window_along_a_meridian(
    window: tuple[float, float], model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    trip = kr.Trip(
        MERIDIAN, departure="2024-09-03T02:00Z", speed_kmh=31.0, driving_hours=window,
        stops=[kr.Stop(km=222.5, hours=19.25)],
    )  # fmt: skip
    check(trip, model_2025, regions, [(222.5, 19.25)])


def test_driving_window_by_the_sun_where_the_vehicle_is(
    model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """Eastward the window shuts earlier by the sun with every km.

    Where the night is spent follows from the sun at the start of a step: for kernels of 3 km it
    takes steps of 10 m to have the total to 1e-5."""
    trip = kr.Trip(HAUL, departure="2024-09-03T02:00Z", speed_kmh=47.0, driving_hours=(6, 18))
    check(trip, model_2025, regions, [], step_km=0.01)


@pytest.mark.parametrize("road", [MASERU, TAVEUNI], ids=["enclave", "antimeridian"])
def test_enclave_and_antimeridian(
    road: tuple, small_model: kr.KernelMixture, regions: oracle.Regions
) -> None:
    trip = kr.Trip(road, departure="2024-03-03T02:00Z", stops=[kr.Stop(km=30.0, hours=90.0)])
    check(trip, small_model, regions, [(30.0, 90.0)])


def test_against_the_models_own_intensity(small_model: kr.KernelMixture) -> None:
    """λ asked point by point, every 20 m, sums to the closed form."""
    trip = kr.Trip(MASERU, departure="2024-03-03T02:00Z", speed_kmh=60.0)
    drawn = oracle.Drawn(trip.route.lon, trip.route.lat)
    km = drawn.steps(STEP_KM)
    lon, lat = drawn.at(0.5 * (km[1:] + km[:-1]))
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326")
    when = trip.start + pd.to_timedelta(0.5 * (km[1:] + km[:-1]) / 60.0, unit="h")
    rate = small_model.intensity(points, when, radius_km=RADIUS_KM)
    want = float(np.pi * RADIUS_KM**2 * (rate * np.diff(km) / 60.0 / 24.0).sum())
    assert kr.score(trip, small_model).expected_incidents == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize("radius_km", [0.0, 10.0, 40.0])
def test_intensity_is_the_formula(
    radius_km: float, model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    rng = np.random.default_rng(1)
    records = model_2025.records_
    pick = rng.integers(0, len(records), 300)
    lon = records["lon"].to_numpy(float)[pick] + rng.normal(0, 0.5, 300)
    lat = records["lat"].to_numpy(float)[pick] + rng.normal(0, 0.5, 300)
    day = rng.integers(12_000, 20_800, 300)
    when = pd.DatetimeIndex(day.astype("datetime64[D]").astype("datetime64[ns]"), tz="UTC")
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326")
    got = model_2025.intensity(points, when + pd.Timedelta("13h"), radius_km=radius_km)
    until, spoken = oracle.Spoken(model_2025, regions).at(lon, lat, day)
    want = oracle.Hazard(model_2025).of(lon, lat, until, radius_km)
    assert 200 < spoken.sum() < 300
    np.testing.assert_array_equal(~np.isnan(got), spoken)
    np.testing.assert_allclose(got[spoken], want[spoken], rtol=1e-9)


def test_towns_weigh_by_a_power_of_their_people(small_model: kr.KernelMixture) -> None:
    towns = kr.load_towns()
    towns = towns[towns["population"] >= small_model.town_population]
    people: dict[tuple[float, float], set[int]] = {}
    for lon, lat, population in zip(towns["lon"], towns["lat"], towns["population"], strict=True):
        people.setdefault((lon, lat), set()).add(population)
    mine = small_model.towns_
    assert mine.share.sum() == pytest.approx(1.0, rel=1e-12)
    unit = 0.0
    for lon, lat, share in zip(mine.lon, mine.lat, mine.share, strict=True):
        assert len(people[lon, lat]) >= 1
        if len(people[lon, lat]) == 1:
            unit = unit or share / people[lon, lat].copy().pop() ** 0.5
            assert share == pytest.approx(unit * people[lon, lat].copy().pop() ** 0.5, rel=1e-12)


def _disc_mean(chord: np.ndarray, sigma2: float, radius_km: float) -> np.ndarray:
    """True mean of the kernel over a disc, by 2-D quadrature (plane: 10 km against 6,371)."""
    n = 256
    r = radius_km * np.sqrt((np.arange(n) + 0.5) / n)
    angle = 2.0 * np.pi * (np.arange(n) + 0.5) / n
    east, north = np.outer(np.cos(angle), r), np.outer(np.sin(angle), r)
    return np.array([oracle.biweight((c + east) ** 2 + north**2, sigma2).mean() for c in chord])


# ρ and scale, location error: how far what stands for the disc mean is from the true one, in parts
# of the true peak, anywhere and for a road straight through, of that road's own mean.
DISC_BOUNDS = (
    (10.0, 10.0, 0.0, 0.037, 0.015),
    (10.0, 10.0, 5.0, 0.032, 0.012),
    (10.0, 10.0, 25.0, 0.0100, 0.004),
    (10.0, 20.0, 0.0, 0.015, 0.005),
    (10.0, 40.0, 0.0, 0.0055, 0.002),
    (5.0, 10.0, 0.0, 0.016, 0.005),
    (15.0, 10.0, 0.0, 0.067, 0.030),
    (17.7, 10.0, 0.0, 0.067, 0.030),
    (20.0, 10.0, 0.0, 0.067, 0.030),
    (25.0, 10.0, 0.0, 0.037, 0.015),
    (50.0, 10.0, 0.0, 0.220, 0.060),
)


@pytest.mark.parametrize(("radius_km", "scale_km", "error_km", "anywhere", "road"), DISC_BOUNDS)
def test_disc_mean_is_near_the_true_one(
    radius_km: float, scale_km: float, error_km: float, anywhere: float, road: float
) -> None:
    """Exact at the peak whatever the radius, and its mass is kept. At ρ = 10 km and the sharpest
    scale it is within 3.7 % of the peak; the worst for that scale up to ρ = 25 km is 6.7 %, at
    17.7 km. At 50 km, the widest radius that a score takes, a record known to a point is
    spread too smoothly about the disc's rim: 22 %."""
    sigma2 = scale_km**2 + error_km**2
    chord = np.linspace(0.0, np.sqrt(8.0 * sigma2) + 2.0 * radius_km, 240)
    true = _disc_mean(chord, sigma2, radius_km)
    stand_in = oracle.biweight(chord**2, sigma2, radius_km)
    assert stand_in[0] == pytest.approx(true[0], rel=2e-4)
    assert np.abs(stand_in - true).max() / true[0] < anywhere
    mass = integrate.trapezoid(true * chord, chord)
    assert integrate.trapezoid(stand_in * chord, chord) == pytest.approx(mass, rel=1e-3)
    through = integrate.trapezoid(true, chord)
    assert abs(integrate.trapezoid(stand_in, chord) / through - 1.0) < road
    centre = oracle.biweight(chord**2, sigma2)
    assert np.abs(stand_in - true).max() < np.abs(centre - true).max()


@pytest.mark.parametrize("radius_km", [1.0, 10.0, 28.2, 28.3, 50.0])
@pytest.mark.parametrize("sigma_km", [10.0, 26.9, 300.0])
def test_what_stands_for_the_disc_mean_is_exact_at_the_record(
    radius_km: float, sigma_km: float
) -> None:
    """By the disc's own integral in polar coordinates, to machine precision."""
    h2 = 8.0 * sigma_km**2
    reach = min(radius_km, np.sqrt(h2))
    mass, _ = integrate.quad(
        lambda r: 2.0 * np.pi * r * 3.0 / (np.pi * h2) * (1.0 - r**2 / h2) ** 2, 0.0, reach
    )
    peak = float(oracle.biweight(0.0, sigma_km**2, radius_km))
    assert peak == pytest.approx(mass / (np.pi * radius_km**2), rel=1e-9)
    library = plain.biweight(np.array([0.0]), sigma_km, radius_km)
    assert library[0] == pytest.approx(peak, rel=1e-9)
    compiled = biweight.biweight(0.0, biweight.widened(h2, radius_km**2))
    assert compiled == pytest.approx(peak, rel=1e-9)


@pytest.mark.parametrize("radius_km", [3.0, 10.0, 30.0, 50.0])
def test_the_disc_mean_is_exact_in_a_score(radius_km: float, table: gpd.GeoDataFrame) -> None:
    """One scale of 10 km, no location error, a halt on the record: π ρ² cancels, and a disc that
    holds the whole kernel meets the whole of the record."""
    model = kr.KernelMixture(
        scales_km=(10.0,), memories_days=(730.0,), unknown_location_error_km=0.0
    ).fit(_exact(table))
    # The newest record of Lesotho, alone enough that its own part can be told.
    records = model.records_
    row = records[records["country"] == "LS"].sort_values("known_on").iloc[-1]
    at = (float(row["lon"]), float(row["lat"]))
    road = [(at[0] - 0.05, at[1]), at, (at[0] + 0.05, at[1])]
    still = kr.Trip(road, "2025-06-01T00:00Z")
    halted = kr.Trip(road, "2025-06-01T00:00Z", stops=[kr.Stop(at=at, hours=4800.0)])
    part = [
        kr.score(trip, model, radius_km).incidents.set_index("incident_id")["expected_incidents"]
        for trip in (still, halted)
    ]
    added = part[1][row["incident_id"]] - part[0][row["incident_id"]]
    begin, end, known = oracle._days(row[["date", "date_end", "known_on"]])
    # Its source told of 2019 to 2024 and then fell silent: there the record stands.
    first, last = (oracle._day(one) for one in (dt.date(2019, 1, 1), dt.date(2024, 12, 31)))
    day = max(last, known)
    fade = np.exp(-(day - 0.5 * (begin + end)) / 730.0) / 730.0
    # So much of the memory its source has filled.
    fade /= 1.0 - np.exp(-(day - first) / 730.0)
    held = 1.0 - (1.0 - min(radius_km**2 / 800.0, 1.0)) ** 3
    # Without a location error, blurred and unblurred kernels are one.
    want = 4800.0 / 24.0 * model.weights_[0, :, 0, 0].sum() * fade * held
    assert added == pytest.approx(want, rel=1e-9)


def _exact(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    sharp = table.copy()
    sharp.attrs = dict(table.attrs)
    sharp["location_error_km"] = pd.array([0.0] * len(sharp), dtype="Float64")
    return sharp


def _km_nearest(route: kr.Route, lon: float, lat: float) -> float:
    here = np.array([lon]), np.array([lat])
    return float(oracle.nearest_by_bisection(route.lon, route.lat, *here).along_km[0])


# ------- sums -------


@pytest.mark.parametrize(
    "road", [HAUL, MASERU, TAVEUNI, MERIDIAN], ids=["haul", "enclave", "antimeridian", "meridian"]
)
def test_every_total_is_the_sum_of_its_parts(road: tuple, small_model: kr.KernelMixture) -> None:
    trip = kr.Trip(road, "2024-06-01T05:00Z", stops=[kr.Stop(km=40.0, hours=30.0)])
    risk = kr.score(trip, small_model)
    regions, stretches, records = risk.regions, risk.stretches, risk.incidents
    total = risk.expected_incidents
    assert regions["km"].sum() + risk.uncovered_km == pytest.approx(risk.km, rel=1e-12)
    inside = regions["uncovered_km"].sum()
    assert inside <= risk.uncovered_km + 1e-9
    assert regions["expected_incidents"].sum() == pytest.approx(total, rel=1e-12)
    assert stretches["expected_incidents"].sum() == pytest.approx(total, rel=1e-12)
    assert regions["share"].sum() == pytest.approx(1.0, rel=1e-12)
    assert records["expected_incidents"].sum() == pytest.approx(risk.from_incidents, rel=1e-12)
    assert records["share"].sum() == pytest.approx(risk.from_incidents / total, rel=1e-12)
    assert stretches["hours"].sum() == pytest.approx(risk.hours, rel=1e-12)
    assert stretches["km_from"].iloc[0] == 0.0
    assert stretches["km_to"].iloc[-1] == pytest.approx(risk.km, rel=1e-12)
    assert stretches["km_from"].tolist()[1:] == stretches["km_to"].tolist()[:-1]
    assert stretches["uncovered_km"].sum() == pytest.approx(risk.uncovered_km, abs=1e-9)
    assert risk.probability == pytest.approx(1.0 - np.exp(-total), rel=1e-9)
    assert risk.interval[0] < total < risk.interval[1]


def _standing(
    model: kr.KernelMixture, regions: oracle.Regions, day: int, rate: np.ndarray
) -> np.ndarray:
    """Share of the covered reference network's km with a lower hazard that day, to the rounding of
    a quadrature: least and most, (n, 2)."""
    network = model.network_
    until, speaks = oracle.Spoken(model, regions).at(network.lon, network.lat, day)
    km, at = network.km[speaks], (network.lon[speaks], network.lat[speaks])
    known = oracle.Hazard(model).of(*at, until[speaks], RADIUS_KM)
    ends = rate[:, None] * np.array([1.0 - 1e-4, 1.0 + 1e-4])
    return 100.0 * np.array([[km[known < end].sum() for end in row] for row in ends]) / km.sum()


def _worst_rates(
    trip: kr.Trip, model: kr.KernelMixture, regions: oracle.Regions, halts: tuple[float, ...]
) -> dict[str, tuple[float, float]]:
    """Highest mean hazard of 5 km of road or of a halt, by region, the hazard standing still: of
    all, and of those at least half of whose hazard records make (0 where none is)."""
    drawn = oracle.Drawn(trip.route.lon, trip.route.lat)
    ends = drawn.steps(5.0)
    line = oracle.cut_line(*drawn.at(ends), regions, 0.1)
    spoken, hazard = oracle.Spoken(model, regions), oracle.Hazard(model)
    day = oracle._day(trip.start.date())
    until, speaks = spoken.until(line.region, np.full(len(line.region), day))
    rate, moving = np.zeros((2, len(until)))
    middle = line.middle_lon[speaks], line.middle_lat[speaks]
    rate[speaks], moving[speaks] = hazard.parts(*middle, until[speaks], RADIUS_KM)
    part = np.searchsorted(ends, 0.5 * (line.km[1:] + line.km[:-1]))
    cut = np.append(0, np.cumsum((np.diff(part) != 0) | (np.diff(line.region) != 0)))
    km = np.diff(line.km)
    mean = np.bincount(cut, rate * km) / np.bincount(cut, km)
    told = np.bincount(cut, moving * km) >= 0.5 * np.bincount(cut, rate * km)
    ids = regions.table["region_id"].to_numpy(str)
    worst: dict[str, tuple[float, float]] = {}

    def meet(where: str, one: float, by_records: bool) -> None:
        of_all, warning = worst.get(where, (0.0, 0.0))
        worst[where] = (max(of_all, one), max(warning, one if by_records else 0.0))

    for piece, where in zip(cut[speaks], ids[line.region[speaks]], strict=True):
        meet(where, float(mean[piece]), bool(told[piece]))
    for halt in halts:
        here = int(np.searchsorted(line.km, halt) - 1)
        if speaks[here]:
            lon, lat = drawn.at(np.array([halt]))
            of_all, of_records = hazard.parts(lon, lat, until[here : here + 1], RADIUS_KM)
            meet(ids[line.region[here]], float(of_all[0]), bool(of_records[0] >= 0.5 * of_all[0]))
    return worst


def test_percentiles_are_those_of_the_worst_5_km_or_halt(
    model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """With halts and without. The second halt is where the road comes nearest to a record, so that
    it stands above the 5 km of road around it."""
    peak = _km_nearest(kr.Route(HAUL), -0.03, 14.03)
    both = [(), (480.0, peak)]
    trips = [
        kr.Trip(HAUL, "2025-02-18T06:00Z", stops=[kr.Stop(km=km, hours=20.0) for km in halts])
        for halts in both
    ]
    worst = [_worst_rates(trips[0], model_2025, regions, halts) for halts in both]
    assert worst[1]["BF-sahel"] > worst[0]["BF-sahel"]
    day = oracle._day(trips[0].start.date())
    rates = np.array([rate for one in worst for rate in one.values()])
    standing = _standing(model_2025, regions, day, rates.ravel()).reshape(2, -1, 2, 2)
    withheld = 0
    for trip, one, bounds in zip(trips, worst, standing, strict=True):
        risk = kr.score(trip, model_2025)
        rows = risk.regions.set_index("region_id")
        assert set(one) == set(rows.index)
        shown = []
        for where, (of_all, warning) in zip(one, bounds, strict=True):
            row = rows.loc[where]
            # On thin evidence only what records make is shown, and only if it warns.
            least, most = of_all if row["status"] == "scored" else warning
            if row["status"] == "scored" or least >= 80.0:
                assert least - 1e-9 <= row["percentile"] <= most + 1e-9, where
                shown.append((least, most))
            else:
                assert np.isnan(row["percentile"])
                assert row["band"] is pd.NA
                withheld += 1
        least, most = np.max(shown, axis=0)
        assert least - 1e-9 <= risk.percentile <= most + 1e-9
        assert risk.band == 1 + np.searchsorted([50, 80, 95, 99], risk.percentile, side="right")
        assert risk.stretches["percentile"].max() <= risk.percentile
    assert withheld


def test_a_halt_leaves_the_hazard_of_its_stretch(model_2025: kr.KernelMixture) -> None:
    """A stretch's intensity is that of its road, however long and wherever the halt on it."""
    still = kr.score(kr.Trip(HAUL, "2025-02-18T06:00Z"), model_2025)
    halted = kr.score(
        kr.Trip(
            HAUL, "2025-02-18T06:00Z", stops=[kr.Stop(km=k, hours=99.0) for k in (3.0, 1033.3)]
        ),
        model_2025,
    )
    want = still.stretches["intensity"]
    np.testing.assert_allclose(halted.stretches["intensity"], want, rtol=1e-6)
    factor = np.pi * RADIUS_KM**2 * still.stretches["hours"] / 24.0
    np.testing.assert_allclose(still.stretches["expected_incidents"], want * factor, rtol=1e-9)
    added = halted.stretches["expected_incidents"] - still.stretches["expected_incidents"]
    assert set(np.flatnonzero(added > 1e-6 * halted.expected_incidents)) == {0, 103}
    assert added.sum() == pytest.approx(halted.from_parked, rel=1e-6)
    assert still.from_parked == 0.0


@pytest.mark.parametrize("share", [0.19, 0.21])
def test_exposure_met_while_parked_is_told_and_noted_from_a_fifth(
    share: float, model_2025: kr.KernelMixture
) -> None:
    still = kr.score(kr.Trip(HAUL, "2025-02-18T06:00Z"), model_2025)
    one = kr.score(
        kr.Trip(HAUL, "2025-02-18T06:00Z", stops=[kr.Stop(km=700.0, hours=1.0)]), model_2025
    )
    an_hour = one.expected_incidents - still.expected_incidents
    hours = share / (1.0 - share) * still.expected_incidents / an_hour
    risk = kr.score(
        kr.Trip(HAUL, "2025-02-18T06:00Z", stops=[kr.Stop(km=700.0, hours=hours)]), model_2025
    )
    assert risk.from_parked == pytest.approx(share * risk.expected_incidents, rel=1e-6)
    assert any("met while parked" in note for note in risk.notes) == (share >= 0.2)
    assert risk.to_dict()["from_parked"] == risk.from_parked


def test_waiting_for_daylight_is_parking(model_2025: kr.KernelMixture) -> None:
    day, night = (
        kr.score(kr.Trip(HAUL, "2025-02-18T06:00Z", driving_hours=window), model_2025)
        for window in (None, (6, 18))
    )
    driven = night.expected_incidents - night.from_parked
    assert driven == pytest.approx(day.expected_incidents, rel=1e-9)
    assert night.from_parked > 0.0
    assert day.from_parked == 0.0


def test_missing_data_is_neither_low_nor_zero(small_model: kr.KernelMixture) -> None:
    """From Senegal (covered) into Mauritania (not): its row is missing figures, its km are told."""
    risk = kr.score(kr.Trip([(-14.5, 15.5), (-13.0, 17.5)], "2024-06-01T05:00Z"), small_model)
    outside = risk.regions[risk.regions["country"] == "MR"]
    assert len(outside) > 0
    assert (outside["status"] == "outside_coverage").all()
    figures = ["expected_incidents", "low", "high", "probability", "share", "percentile", "band"]
    assert outside[figures].isna().all(axis=None)
    assert (outside["km"] == 0.0).all()
    assert outside["uncovered_km"].sum() == pytest.approx(risk.uncovered_km)
    assert any("unknown, not low" in note for note in risk.notes)


def test_wholly_uncovered_trip_is_an_error(small_model: kr.KernelMixture) -> None:
    with pytest.raises(kr.CoverageError, match="unknown, not low"):
        kr.score(kr.Trip([(60.0, 60.0), (61.0, 60.0)], "2024-06-01T05:00Z"), small_model)


def test_coverage_is_by_region_and_in_time(
    model_2025: kr.KernelMixture, small_model: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """First and last day of each region, from what the coverages and the records' delays say."""
    for model in (model_2025, small_model, _two_sources()):
        spoken = oracle.Spoken(model, regions)
        ids = regions.table["region_id"].to_numpy(str)
        named = np.flatnonzero(spoken.last[:-1] > -(10**6))
        assert set(model.covered_regions_) == set(ids[named])
        row = {region_id: k for k, region_id in enumerate(ids)}
        rows = np.array([row[one] for one in model.covered_regions_])
        np.testing.assert_array_equal(model.covered_from_, spoken.first[rows])
        np.testing.assert_array_equal(model.covered_until_, spoken.last[rows])
        assert model.origin_day_ == spoken.last.max()
        assert model.origin_day_ <= oracle._day(model.as_of_.date())
        np.testing.assert_array_equal(model.covers(ids), np.isin(np.arange(len(ids)), named))


def test_before_its_own_first_day_a_region_is_unknown(model_2025: kr.KernelMixture) -> None:
    """The catalogue tells of Nigeria from 1 March 2008: on the 2nd the 1st may speak, no sooner."""
    abuja, niamey, sea = (7.4, 9.1), (2.11, 13.51), (0.0, 0.0)
    points = gpd.GeoSeries(gpd.points_from_xy(*zip(abuja, niamey, sea, strict=True)), crs=4326)
    for day, told in [
        ("2003-02-20", [0, 1, 0]),
        ("2008-03-01", [0, 1, 0]),
        ("2008-03-02", [1, 1, 0]),
    ]:
        when = pd.Timestamp(day, tz="UTC") + pd.Timedelta("1h")
        assert (~np.isnan(model_2025.intensity(points, when))).tolist() == [bool(x) for x in told]
        at = np.array([abuja, niamey, sea])
        instants = np.full(3, when.tz_localize(None).to_datetime64())
        pieces = Pieces(at, at, np.ones(3), instants, 10.0)
        expected = model_2025.integrate(pieces)
        np.testing.assert_array_equal(~np.isnan(expected), np.array(told, bool))
        evidence = model_2025.evidence(pieces, np.arange(3), 3)
        np.testing.assert_array_equal(evidence.expected, expected)
        assert (evidence.weight_sum[np.isnan(expected)] == 0.0).all()
    # Some instants before all coverage are no reason to refuse the others; all of them are.
    both = model_2025.intensity(points[1:2].repeat(2), ["2003-02-19T12:00Z", "2003-02-20T12:00Z"])
    assert np.isnan(both).tolist() == [True, False]
    with pytest.raises(kr.CoverageError, match="2003-02-19"):
        model_2025.intensity(points, "2003-02-19T12:00Z")
    trip = kr.Trip([abuja, (7.5, 10.5)], "2005-06-01T05:00Z")
    with pytest.raises(kr.CoverageError, match="unknown, not low"):
        kr.score(trip, model_2025)


def test_into_a_country_whose_records_had_not_begun(
    model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """Niger to Nigeria in 2007: only Niger counts, and nothing of the rest is zero."""
    trip = kr.Trip([(7.9, 14.2), (8.0, 13.2), (8.5, 12.0)], "2007-06-01T05:00Z")
    check(trip, model_2025, regions, [])
    risk = kr.score(trip, model_2025)
    outside = risk.regions["country"] == "NG"
    assert outside.any()
    assert ((risk.regions["status"] == "outside_coverage") == outside).all()
    figures = ["expected_incidents", "low", "high", "probability", "share", "percentile", "band"]
    assert risk.regions.loc[outside, figures].isna().all(axis=None)
    assert risk.uncovered_km == pytest.approx(risk.regions.loc[outside, "uncovered_km"].sum())
    assert risk.uncovered_km > 100.0


def test_records_that_begin_while_the_trip_is_under_way(
    model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """Nigeria is told of from 2 March 2008: 60 hours after departure, 50 of driving and the first
    ten of a halt."""
    trip = kr.Trip(
        [(7.4, 9.1), (7.5, 10.5), (8.0, 12.9), (8.1, 13.9)], "2008-02-28T12:00Z",
        speed_kmh=7.0, stops=[kr.Stop(km=350.0, hours=30.0)],
    )  # fmt: skip
    check(trip, model_2025, regions, [(350.0, 30.0)])
    risk = kr.score(trip, model_2025)
    assert risk.uncovered_km == pytest.approx(350.0, abs=1e-6)
    half = risk.regions[(risk.regions["km"] > 0.0) & (risk.regions["uncovered_km"] > 0.0)]
    assert set(half["country"]) == {"NG"}
    assert risk.from_parked > 0.0
    same = kr.Trip(
        [(7.4, 9.1), (7.5, 10.5), (8.0, 12.9), (8.1, 13.9)], "2008-02-28T22:00Z",
        speed_kmh=7.0, stops=[kr.Stop(km=350.0, hours=20.0)],
    )  # fmt: skip
    assert risk.from_parked == pytest.approx(kr.score(same, model_2025).from_parked, rel=1e-9)


def test_a_region_told_of_only_in_part_is_named_beside_its_km(
    model_2025: kr.KernelMixture,
) -> None:
    """Where the records began under way the note says where, as it does of any other gap."""
    trip = kr.Trip([(7.4, 9.1), (7.45, 10.0)], "2008-03-01T23:00Z")
    risk = kr.score(trip, model_2025)
    assert 0.0 < risk.uncovered_km < risk.km
    (note,) = [note for note in risk.notes if "unknown, not low" in note]
    partly = risk.regions.loc[risk.regions["uncovered_km"] > 0.0, "name"]
    assert all(name in note for name in partly), note


def test_what_is_not_covered_takes_no_evidence_from_what_is(regions: oracle.Regions) -> None:
    """A stretch over the border of a country not covered yet: n_eff is that of its covered part."""
    model = _two_sources(second_start=dt.date(2022, 1, 1))
    road = [(28.2, -29.5), (28.6, -29.3), (29.6, -28.9)]
    trip = kr.Trip(road, "2020-06-01T00:00Z", speed_kmh=60.0)
    line = oracle.cut_line(trip.route.lon, trip.route.lat, regions, 0.01)
    spoken, hazard = oracle.Spoken(model, regions), oracle.Hazard(model)
    day = oracle._day(dt.date(2020, 6, 1))
    until, speaks = spoken.until(line.region, np.full(len(line.region), day))
    factor = np.pi * RADIUS_KM**2 * np.diff(line.km) / 60.0 / 24.0 * speaks
    part = hazard.by_record(line.middle_lon, line.middle_lat, day - 1, RADIUS_KM)
    mean = hazard.of(line.middle_lon, line.middle_lat, np.full(len(until), day - 1), RADIUS_KM)
    risk = kr.score(trip, model)
    middle = 0.5 * (line.km[1:] + line.km[:-1])
    seen = 0
    for row in risk.stretches.itertuples():
        mine = (middle > row.km_from) & (middle < row.km_to)
        if not speaks[mine].any():
            assert row.status == "outside_coverage"
            continue
        seen += 0.0 < row.uncovered_km < 9.0
        a = (part * factor[:, None])[mine].sum(axis=0)
        expected = float((mean * factor)[mine].sum())
        assert row.expected_incidents == pytest.approx(expected, rel=5e-3)
        n_eff = a.sum() ** 2 / (a**2).sum() * min(a.sum() / expected, 1.0)
        assert row.n_effective == pytest.approx(n_eff, rel=2e-2)
    assert seen == 1


def test_coverage_that_ended_is_not_faded_into_safety(regions: oracle.Regions) -> None:
    """Of a country whose source ended years ago, silence since is no news of safety."""
    both = _two_sources()
    maseru = gpd.GeoSeries(gpd.points_from_xy([28.2], [-29.5]), crs="EPSG:4326")
    # Its last day and the two that records take to be known.
    last = oracle._day(dt.date(2021, 1, 2))
    want = oracle.Hazard(both).of(np.array([28.2]), np.array([-29.5]), np.array([last]))
    for when in ("2021-01-03T00:00Z", "2021-02-01T00:00Z", "2025-02-01T00:00Z"):
        assert both.intensity(maseru, when)[0] == pytest.approx(float(want[0]), rel=1e-9)
    assert both.intensity(maseru, "2020-12-31T00:00Z")[0] != pytest.approx(float(want[0]), rel=1e-9)
    road = [(28.2, -29.5), (28.4, -29.3)]
    then, now = (
        kr.score(kr.Trip(road, when), both) for when in ("2021-02-01T00:00Z", "2024-10-01T00:00Z")
    )
    assert now.expected_incidents == pytest.approx(then.expected_incidents, rel=1e-12)
    check(kr.Trip([*road, (29.0, -29.0)], "2020-12-30T09:00Z", speed_kmh=1.0), both, regions, [])


def _two_sources(second_start: dt.date = dt.date(2019, 1, 1)) -> kr.KernelMixture:
    """One source of Lesotho that ended in 2020, one of Burkina Faso and South Africa."""
    early = kr.Coverage("one", ("LS",), dt.date(2019, 1, 1), dt.date(2020, 12, 31), True)
    other = kr.Coverage("two", ("BF", "ZA"), second_start, dt.date(2024, 12, 31), True)
    return kr.KernelMixture(coverage=(early, other)).fit(_table_of_two_sources())


def _table_of_two_sources() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(4)
    n = 60
    country = np.array(["LS", "BF"])[np.arange(n) % 2]
    first = np.where(
        country == "LS",
        np.datetime64("2019-01-10") + rng.integers(0, 700, n),
        np.datetime64("2019-01-10") + rng.integers(0, 2150, n),
    )
    frame = gpd.GeoDataFrame(
        {
            "incident_id": [f"SYNTHETIC-{i}" for i in range(n)],
            "source": np.where(country == "LS", "one", "two"),
            "kind": "kidnapping",
            "date": pd.to_datetime(first),
            "known_on": pd.to_datetime(first) + pd.Timedelta("2D"),
            "location_error_km": 5.0,
            "country": country,
        },
        geometry=gpd.points_from_xy(
            np.where(country == "LS", 28.2, -1.0) + rng.normal(0, 0.2, n),
            np.where(country == "LS", -29.5, 13.0) + rng.normal(0, 0.2, n),
        ),
        crs="EPSG:4326",
    )
    return kr.validate_incidents(frame)


# ------- why, how sure, and against what -------


def test_parts_of_records_evidence_and_interval(
    small_model: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """Every record's part, n_eff = (Σa)²/Σa² · Σa/E by region, and the Gamma interval from it."""
    trip = kr.Trip(MASERU, departure="2025-03-03T02:00Z", speed_kmh=60.0)
    line = oracle.cut_line(trip.route.lon, trip.route.lat, regions, 0.1)
    hazard = oracle.Hazard(small_model)
    # Long after the last coverage: every region of the synthetic table stands still on one day.
    (day,) = {int(one) for one in oracle.Spoken(small_model, regions).last if one > -(10**6)}
    hours = np.diff(line.km) / 60.0
    factor = np.pi * RADIUS_KM**2 * hours / 24.0
    part = hazard.by_record(line.middle_lon, line.middle_lat, day, RADIUS_KM) * factor[:, None]
    days = np.full(len(hours), day)
    expected = hazard.of(line.middle_lon, line.middle_lat, days, RADIUS_KM) * factor
    risk = kr.score(trip, small_model)
    told = risk.incidents.set_index("incident_id")["expected_incidents"]
    want = pd.Series(part.sum(axis=0), index=small_model.records_["incident_id"].astype(str))
    assert set(told.index) == set(want.index[want > 0.0])
    np.testing.assert_allclose(told, want[told.index], rtol=1e-4, atol=1e-6 * want.max())
    ids = regions.table["region_id"]
    for row in risk.regions.itertuples():
        mine = line.region == ids[ids == row.region_id].index[0]
        a, mean = part[mine].sum(axis=0), expected[mine].sum()
        n_eff = a.sum() ** 2 / (a**2).sum() * min(a.sum() / mean, 1.0)
        assert row.n_effective == pytest.approx(n_eff, rel=1e-4)
        assert (row.status == "scored") == (n_eff >= small_model.fewest_effective)
        variance = mean**2 * (1.0 / (n_eff + 0.5) + small_model.dispersion_)
        gamma = stats.gamma(mean**2 / variance, scale=variance / mean)
        assert row.low == pytest.approx(gamma.ppf(0.05), rel=2e-3)
        assert row.high == pytest.approx(gamma.ppf(0.95), rel=2e-3)


def test_percentiles_are_shares_of_the_reference_network(
    small_model: kr.KernelMixture, regions: oracle.Regions
) -> None:
    trip = kr.Trip(MASERU, departure="2024-03-03T02:00Z")
    network = small_model.network_
    day = np.full(len(network.km), trip.start.date().toordinal() - dt.date(1970, 1, 1).toordinal())
    until, spoken = oracle.Spoken(small_model, regions).at(network.lon, network.lat, day)
    assert spoken.all()
    rate = oracle.Hazard(small_model).of(network.lon, network.lat, until, RADIUS_KM)
    stretches = kr.score(trip, small_model).stretches
    shown = stretches[stretches["percentile"].notna()]
    assert len(shown) > 10
    for row in shown.itertuples():
        share = 100.0 * network.km[rate < row.intensity].sum() / network.km.sum()
        assert row.percentile == pytest.approx(share, abs=0.1)
        assert row.band == 1 + np.searchsorted([50, 80, 95, 99], row.percentile, side="right")


def test_a_trip_that_follows_its_own_times(
    model_2025: kr.KernelMixture, regions: oracle.Regions
) -> None:
    """Even in km between timed vertices, parked between reaching and leaving one."""
    lon, lat = np.array(HAUL).T
    start = np.datetime64("2024-09-01T03:10", "ns")
    reached = start + np.arange(len(lon)) * np.timedelta64(11, "h")
    left = reached.copy()
    left[3] += np.timedelta64(5 * 60 + 20, "m")
    trip = kr.Trip(kr.Route(HAUL, times=reached, leaves=left))
    drawn, hazard = oracle.Drawn(lon, lat), oracle.Hazard(model_2025)
    km = drawn.steps(STEP_KM)
    segment = np.clip(np.searchsorted(drawn.km, km[:-1], side="right") - 1, 0, len(lon) - 2)
    span = (reached[segment + 1] - left[segment]).astype(float)
    ns = left[segment].astype(np.int64) + span * (
        (0.5 * (km[1:] + km[:-1]) - drawn.km[segment]) / np.diff(drawn.km)[segment]
    )
    hours = span / 3.6e12 * np.diff(km) / np.diff(drawn.km)[segment]
    day = np.floor(ns / 8.64e13).astype(np.int64)
    spoken = oracle.Spoken(model_2025, regions)
    middle = drawn.at(0.5 * (km[1:] + km[:-1]))
    until, speaks = spoken.at(*middle, day)
    assert speaks.all()
    rate = hazard.of(*middle, until, RADIUS_KM)
    halt_day = reached[3:4].astype("datetime64[D]").astype(np.int64)
    halt = hazard.of(lon[3:4], lat[3:4], spoken.at(lon[3], lat[3], halt_day)[0], RADIUS_KM)
    assert reached[3].astype("datetime64[D]") == left[3].astype("datetime64[D]")
    want = np.pi * 100.0 / 24.0 * ((rate * hours).sum() + float(halt[0]) * (5.0 + 20.0 / 60.0))
    risk = kr.score(trip, model_2025)
    assert risk.expected_incidents == pytest.approx(float(want), rel=1e-5)
    assert risk.arrival == pd.Timestamp(reached[-1], tz="UTC")
    want_parked = np.pi * 100.0 / 24.0 * float(halt[0]) * (5.0 + 20.0 / 60.0)
    assert risk.from_parked == pytest.approx(want_parked, rel=1e-6)


@pytest.mark.parametrize(
    "radius_km", [0.0, -1.0, 50.1, float("nan"), float("inf"), True, "10", None]
)
def test_an_impossible_radius_is_refused(radius_km: Any, small_model: kr.KernelMixture) -> None:
    with pytest.raises(kr.TripError, match="radius"):
        kr.score(kr.Trip(MASERU, "2024-03-03T02:00Z"), small_model, radius_km=radius_km)


def test_what_is_no_trip_or_no_model_is_refused(small_model: kr.KernelMixture) -> None:
    with pytest.raises(kr.TripError):
        kr.score(kr.Route(MASERU), small_model)  # type: ignore[arg-type]
    with pytest.raises(kr.ModelError):
        kr.score(kr.Trip(MASERU, "2024-03-03T02:00Z"), kr.KernelMixture())
    for nothing in ("mixture", None, kr.KernelMixture, 7, object()):
        with pytest.raises(kr.ModelError, match="hazard model"):
            kr.score(kr.Trip(MASERU, "2024-03-03T02:00Z"), nothing)  # type: ignore[arg-type]
    with pytest.raises(kr.CoverageError):
        kr.score(kr.Trip(MASERU, "2018-03-03T02:00Z"), small_model)
