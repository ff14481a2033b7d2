"""Trips: what is accepted, what is refused and why, and where stops fall."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kidnaprisk.errors import RouteError, TripError
from kidnaprisk.geodesy import GEOD
from kidnaprisk.routes.route import Route
from kidnaprisk.routes.trip import SECTORS, Crew, Stop, Trip, resolve_stops

DEPARTURE = "2025-01-18T06:00Z"
NAIVE = dt.datetime.fromisoformat("2024-12-28T00:00")
# One degree of longitude on the equator is a · π / 180.
DEGREE_KM = 6378.137 * np.pi / 180.0


@pytest.fixture
def road() -> Route:
    return Route([(-0.6, 14.1), (-0.033, 14.033), (0.753, 14.008)], name="Dori to Téra")


@pytest.fixture
def track() -> Route:
    times = np.array(["2025-01-18T06:00", "2025-01-18T09:00"], dtype="datetime64[m]")
    return Route([(0.0, 14.0), (1.0, 14.0)], times=times)


def message(error: pytest.ExceptionInfo[TripError]) -> str:
    return str(error.value)


class TestStop:
    def test_needs_exactly_one_place(self) -> None:
        with pytest.raises(TripError, match="does not say where it is"):
            Stop(hours=1)
        with pytest.raises(TripError, match="near and km"):
            Stop(hours=1, near="Dori", km=3)

    @pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf"), "168", True, None])
    def test_hours_must_be_a_finite_number_above_zero(self, hours: object) -> None:
        with pytest.raises(TripError, match="hours of a stop"):
            Stop(hours=hours, near="Dori")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("place", "wrong"),
        [
            ({"near": " "}, "not blank"),
            ({"near": 3}, "must be text"),
            ({"km": -1}, "below 0"),
            ({"km": float("nan")}, "finite"),
            ({"at": (1, 2, 3)}, "not a pair"),
            ({"at": "1,2"}, "not a pair"),
            ({"at": (0, 91)}, "not on Earth"),
            ({"at": (0, float("nan"))}, "finite"),
            ({"at": (0, 14), "name": ""}, "name of a stop"),
        ],
    )
    def test_place_must_be_one(self, place: dict[str, object], wrong: str) -> None:
        with pytest.raises(TripError, match=wrong):
            Stop(hours=1, **place)  # type: ignore[arg-type]

    def test_takes_numpy_numbers_and_shows_no_position(self) -> None:
        stop = Stop(hours=np.float32(1.5), at=np.array([12.3456, 34.5678]), name="depot")
        assert stop.at == (12.3456, 34.5678)
        assert repr(stop) == "Stop(hours=1.5, name='depot', at=(…))"

    def test_equal_stops_are_equal(self) -> None:
        assert Stop(24, near="Dori ") == Stop(hours=24.0, near="Dori")


class TestCrew:
    def test_codes_are_kept_once_in_capitals(self) -> None:
        crew = Crew(nationality=["ma", "ML", "MA"], sector="Transport")
        assert crew == Crew(nationality=("MA", "ML"), sector="transport")

    def test_namibia_is_a_country(self) -> None:
        assert Crew(nationality="NA").nationality == ("NA",)

    def test_needs_something(self) -> None:
        for nothing in (None, [], ()):
            with pytest.raises(TripError, match="says nothing"):
                Crew(nationality=nothing)

    @pytest.mark.parametrize("code", ["XX", "Morocco", "MAR", "", 7, None])
    def test_unknown_country(self, code: object) -> None:
        with pytest.raises(TripError, match="ISO 3166-1 alpha-2"):
            Crew(nationality=[code])  # type: ignore[list-item]

    def test_meant_country_is_offered(self) -> None:
        with pytest.raises(TripError, match="did you mean 'GB'"):
            Crew(nationality="UK")

    def test_meant_sector_is_offered(self) -> None:
        with pytest.raises(TripError, match="did you mean 'transport'"):
            Crew(sector="transprot")

    def test_sectors_are_the_closed_list(self) -> None:
        listed = "transport civilian government religious aid construction education mining health "
        listed += "tourism security oil other media"
        assert sorted(SECTORS) == sorted(listed.split())


class TestDeparture:
    @pytest.mark.parametrize(
        "same",
        [
            "2024-12-28T06:00+00:00",
            "2024-12-28T06:00Z",
            "2024-12-28 07:00:00+01:00",
            dt.datetime(2024, 12, 28, 6, tzinfo=dt.UTC),
            dt.datetime(2024, 12, 28, 7, tzinfo=ZoneInfo("Africa/Casablanca")),
            pd.Timestamp("2024-12-28T01:00", tz="America/New_York"),
            pd.Timestamp("2024-12-28T06:00Z").as_unit("s"),
        ],
    )
    def test_is_kept_in_utc(self, road: Route, same: object) -> None:
        trip = Trip(road, departure=same)  # type: ignore[arg-type]
        assert trip.start == trip.departure == pd.Timestamp("2024-12-28T06:00", tz="UTC")
        assert str(trip.start.tz) == "UTC"

    @pytest.mark.parametrize(
        "naive",
        ["2024-12-28T06:00", "2024-12-28", NAIVE, pd.Timestamp(NAIVE)],
    )
    def test_naive_is_an_error_with_a_remedy(self, road: Route, naive: object) -> None:
        with pytest.raises(TripError, match=r"no time zone.*2024-12-28T06:00Z"):
            Trip(road, departure=naive)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "no_instant",
        [
            "tomorrow",
            "",
            "28/12/2024 06:00+00:00",
            "2025-02-30T06:00Z",
            "2025-01-01T25:00Z",
            pd.NaT,
            float("nan"),
            1735365600,
            dt.date(2024, 12, 28),
            np.datetime64("2024-12-28T06:00"),
        ],
    )
    def test_what_is_no_instant(self, road: Route, no_instant: object) -> None:
        with pytest.raises(TripError, match="not an instant"):
            Trip(road, departure=no_instant)  # type: ignore[arg-type]

    @pytest.mark.parametrize("far", ["0024-12-28T06:00Z", "1899-12-31T23:59Z", "9999-12-31T00:00Z"])
    def test_far_years(self, road: Route, far: str) -> None:
        with pytest.raises(TripError, match="1900 to 2200"):
            Trip(road, departure=far)

    def test_needed_where_the_route_has_no_times(self, road: Route) -> None:
        with pytest.raises(TripError, match="needs a departure"):
            Trip(road)


class TestTimedRoute:
    def test_follows_its_times(self, track: Route) -> None:
        trip = Trip(track)
        assert trip.follows_times
        assert trip.start == pd.Timestamp("2025-01-18T06:00Z")
        assert trip.speed_kmh is None
        with pytest.raises(TripError, match="no speed"):
            trip.speed_in("NE")

    @pytest.mark.parametrize(
        "pace", [{"speed_kmh": 50}, {"driving_hours": (6, 18)}, {"stops": [Stop(2, km=1)]}]
    )
    def test_has_no_other_pace(self, track: Route, pace: dict[str, object]) -> None:
        with pytest.raises(TripError, match=f"{next(iter(pace))}= given without a departure"):
            Trip(track, **pace)  # type: ignore[arg-type]

    def test_with_a_departure_is_planned_anew(self, track: Route) -> None:
        trip = dataclasses.replace(Trip(track), departure="2025-03-01T06:00Z")
        assert not trip.follows_times
        assert trip.start == pd.Timestamp("2025-03-01T06:00Z")
        assert trip.speed_in("NE") == 50.0


class TestPace:
    def test_fifty_unless_told_otherwise(self, road: Route) -> None:
        assert Trip(road, DEPARTURE).speed_in(None) == 50.0

    def test_by_country(self, road: Route) -> None:
        trip = Trip(road, DEPARTURE, {"bf": 40, "NE": 60.5})
        assert [trip.speed_in(c) for c in ("BF", "NE", "ML", None)] == [40.0, 60.5, 50.0, 50.0]
        trip = Trip(road, DEPARTURE, {"BF": 40, "default": 70})
        assert [trip.speed_in(c) for c in ("BF", "ML", None)] == [40.0, 70.0, 70.0]

    @pytest.mark.parametrize(
        "speed", [0, -5, 201, float("nan"), float("inf"), "50", True, {"BF": 0}, {}, [50]]
    )
    def test_speed_that_cannot_be(self, road: Route, speed: object) -> None:
        with pytest.raises(TripError, match="speed"):
            Trip(road, DEPARTURE, speed_kmh=speed)  # type: ignore[arg-type]

    def test_speed_for_no_country_or_twice(self, road: Route) -> None:
        with pytest.raises(TripError, match=r"unknown country.*'UK'.*did you mean 'GB'"):
            Trip(road, DEPARTURE, {"UK": 50})
        with pytest.raises(TripError, match="two speeds"):
            Trip(road, DEPARTURE, {"bf": 50, "BF": 40})

    @pytest.mark.parametrize("window", [(6, 18), [18, 6], (0, 24), np.array([6.5, 18.25]), (24, 6)])
    def test_windows(self, road: Route, window: object) -> None:
        trip = Trip(road, DEPARTURE, driving_hours=window)  # type: ignore[arg-type]
        assert trip.driving_hours == tuple(window)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "window",
        [(6, 6), (24, 0), (-1, 6), (6, 25), (6,), (6, 12, 18), 6, "06", ("6", "18"), (6, np.nan)],
    )
    def test_windows_that_cannot_be(self, road: Route, window: object) -> None:
        with pytest.raises(TripError, match="driving_hours"):
            Trip(road, DEPARTURE, driving_hours=window)  # type: ignore[arg-type]


class TestTrip:
    def test_reads_what_read_route_reads(self) -> None:
        trip = Trip([(0.0, 0.0), (1.0, 0.0)], DEPARTURE)
        assert trip.km == pytest.approx(DEGREE_KM, rel=1e-12)
        with pytest.raises(RouteError):
            Trip("no_such_file.geojson", DEPARTURE)

    def test_road_km_scales(self, road: Route) -> None:
        trip = Trip(road, DEPARTURE, road_km=1.25 * road.km)
        assert trip.km == pytest.approx(1.25 * road.km)
        assert trip.road_factor == pytest.approx(1.25)
        assert Trip(road, DEPARTURE).road_factor == 1.0

    @pytest.mark.parametrize("factor", [0.0, 0.5, 0.97, 5.1, 1000.0, float("nan")])
    def test_road_km_that_cannot_be(self, road: Route, factor: float) -> None:
        with pytest.raises(TripError, match="road_km"):
            Trip(road, DEPARTURE, road_km=factor * road.km)

    def test_road_km_a_little_under_a_jittery_line(self, road: Route) -> None:
        assert Trip(road, DEPARTURE, road_km=0.99 * road.km).road_factor == pytest.approx(0.99)

    def test_shows_no_position(self, road: Route) -> None:
        trip = Trip(road, DEPARTURE, stops=Stop(2, at=(-0.033, 14.033)), crew=Crew("MA"))
        text = f"{trip!r} {trip}"
        assert "14.0" not in text
        assert "0.033" not in text
        assert repr(trip) == "Trip('Dori to Téra', 146.6 km, departs 2025-01-18T06:00Z, 1 stop)"

    def test_name_is_the_routes_unless_given(self, road: Route) -> None:
        assert Trip(road, DEPARTURE).name == "Dori to Téra"
        assert Trip(road, DEPARTURE, name="convoy 7").name == "convoy 7"

    def test_survives_copying_and_cannot_be_changed(self, road: Route) -> None:
        trip = Trip(road, DEPARTURE, {"BF": 40}, (6, 18), [Stop(3, near="Dori")], Crew("MA"), 180)
        again = copy.deepcopy(trip)
        for field in dataclasses.fields(Trip):
            assert getattr(again, field.name) == getattr(trip, field.name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            trip.road_km = 1.0  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("part", "wrong"),
        [
            ({"crew": "MA"}, "crew is not a Crew"),
            ({"stops": "Dori"}, "stops is not a list"),
            ({"stops": 3}, "stops is not a list"),
            ({"stops": {"Dori": 3}}, "stops is not a list"),
            ({"stops": [("Dori", 3)]}, "stop 1 is not a Stop"),
            ({"stops": [Stop(1, km=1), None]}, "stop 2 is not a Stop"),
            ({"stops": [Stop(1, km=1000)]}, "stop 1 lies beyond the end"),
            ({"name": " "}, "name of a trip"),
        ],
    )
    def test_parts_that_cannot_be(self, road: Route, part: dict[str, object], wrong: str) -> None:
        with pytest.raises(TripError, match=wrong):
            Trip(road, DEPARTURE, **part)  # type: ignore[arg-type]


class TestResolveStops:
    def test_town_on_the_route(self, road: Route) -> None:
        first_km = GEOD.inv(-0.6, 14.1, -0.033, 14.033)[2] / 1000.0
        (stop,) = resolve_stops(Trip(road, DEPARTURE, stops=[Stop(168, near="dori")]))
        assert stop == (pytest.approx(first_km, abs=0.05), 168.0, "Dori, BF")

    def test_in_order_of_km_on_the_road(self, road: Route) -> None:
        stops = [Stop(1, km=200, name="b"), Stop(2, at=(-0.033, 14.033)), Stop(3, km=200)]
        trip = Trip(road, DEPARTURE, stops=stops, road_km=1.5 * road.km)
        placed = resolve_stops(trip)
        assert [stop.label for stop in placed] == ["stop 2", "b", "km 200"]
        first_km = GEOD.inv(-0.6, 14.1, -0.033, 14.033)[2] / 1000.0
        assert placed[0].km == pytest.approx(1.5 * first_km, abs=1e-3)

    def test_first_of_two_passes(self) -> None:
        there_and_back = [(0.0, 0.0), (2.0, 0.0), (0.0, 0.0)]
        trip = Trip(there_and_back, DEPARTURE, stops=[Stop(1, at=(1.5, 0.1))])
        assert resolve_stops(trip)[0].km == pytest.approx(1.5 * DEGREE_KM, abs=1e-3)

    def test_a_second_pass_a_little_closer_is_not_the_first(self) -> None:
        loop = [(0.0, 0.0), (2.0, 0.0), (2.0, 0.005), (0.0, 0.005)]
        trip = Trip(loop, DEPARTURE, stops=[Stop(1, at=(1.0, 0.1))])
        assert resolve_stops(trip)[0].km == pytest.approx(DEGREE_KM, abs=1e-3)

    def test_a_pass_much_closer_is_the_one(self) -> None:
        loop = [(0.0, 0.0), (2.0, 0.0), (2.0, 0.1), (0.0, 0.1)]
        up_km = GEOD.inv(2.0, 0.0, 2.0, 0.1)[2] / 1000.0
        trip = Trip(loop, DEPARTURE, stops=[Stop(1, at=(1.0, 0.1))])
        assert resolve_stops(trip)[0].km == pytest.approx(3 * DEGREE_KM + up_km, abs=0.01)

    def test_too_far_names_the_distance_and_no_position(self) -> None:
        with pytest.raises(TripError, match=r"lies 111 km from the route.*within 50 km") as error:
            resolve_stops(Trip([(0, 0), (2, 0)], DEPARTURE, stops=[Stop(1, at=(1, 1.0))]))
        assert "(1" not in message(error)

    def test_town_of_that_name_elsewhere(self, road: Route) -> None:
        with pytest.raises(TripError, match=r"Casablanca, MA.* km from the route"):
            resolve_stops(Trip(road, DEPARTURE, stops=[Stop(1, near="Casablanca, MA")]))

    def test_unknown_town(self, road: Route) -> None:
        with pytest.raises(TripError, match=r"stop 2 cannot be found.*did you mean"):
            resolve_stops(
                Trip(road, DEPARTURE, stops=[Stop(1, near="Dori"), Stop(1, near="Ouagadougu")])
            )

    def test_at_the_very_end(self, road: Route) -> None:
        trip = Trip(road, DEPARTURE, stops=[Stop(1, km=road.km)])
        assert resolve_stops(trip)[0].km == road.km
        trip = Trip(road, DEPARTURE, stops=[Stop(1, at=(0.753, 14.008))], road_km=1.3 * road.km)
        assert resolve_stops(trip)[0].km == pytest.approx(trip.km)

    def test_across_the_antimeridian(self) -> None:
        trip = Trip([(179.0, 0.0), (-179.0, 0.0)], DEPARTURE, stops=[Stop(1, at=(-179.5, 0.2))])
        assert resolve_stops(trip)[0].km == pytest.approx(1.5 * DEGREE_KM, abs=1e-3)

    @given(
        share=st.floats(0.0, 1.0),
        lat=st.floats(-80.0, 80.0),
        lon=st.floats(-180.0, 180.0),
        azimuth=st.floats(-180.0, 180.0),
    )
    def test_a_place_on_a_long_geodesic(
        self, share: float, lat: float, lon: float, azimuth: float
    ) -> None:
        km = 3000.0
        end_lon, end_lat, _ = GEOD.fwd(lon, lat, azimuth, km * 1000.0)
        at_lon, at_lat, _ = GEOD.fwd(lon, lat, azimuth, share * km * 1000.0)
        route = Route([(lon, lat), (end_lon, end_lat)])
        (stop,) = resolve_stops(Trip(route, DEPARTURE, stops=[Stop(1, at=(at_lon, at_lat))]))
        assert stop.km == pytest.approx(share * km, abs=0.001)
