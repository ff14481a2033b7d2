"""Scored trips that the report tests share: dangerous, quiet, half covered, far away."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest

import kidnaprisk as kr


class EvenHazard:
    """A user's own model: the same hazard all over the world, and no explanation."""

    def intensity(self, points: gpd.GeoSeries, when: object) -> npt.NDArray[np.float64]:
        return np.full(len(points), 1e-6)


@pytest.fixture(scope="session")
def model() -> kr.KernelMixture:
    return kr.load_model()


@pytest.fixture(scope="session")
def dangerous(model: kr.KernelMixture) -> kr.TripRisk:
    """Kaya to Niamey by Dori and Téra, with two days at Dori."""
    trip = kr.Trip(
        kr.Route(
            [(-1.08, 13.09), (-0.03, 14.03), (0.75, 14.01), (2.11, 13.51)], name="Kaya-Niamey"
        ),
        departure="2025-01-18T06:00Z",
        stops=[kr.Stop(near="Dori", hours=48)],
    )
    return kr.score(trip, model)


@pytest.fixture(scope="session")
def crewed(dangerous: kr.TripRisk, model: kr.KernelMixture) -> kr.TripRisk:
    """The same trip, driven by Moroccans."""
    trip = dangerous.trip
    crew = kr.Crew(nationality="MA", sector="transport")
    return kr.score(kr.Trip(trip.route, trip.departure, stops=trip.stops, crew=crew), model)


@pytest.fixture(scope="session")
def quiet(model: kr.KernelMixture) -> kr.TripRisk:
    """Guelmim towards Tan-Tan, few towns: covered, and no incident near."""
    trip = kr.Trip([(-10.3, 28.85), (-10.9, 28.5)], departure="2025-01-18T06:00Z", name="Atlas")
    return kr.score(trip, model)


@pytest.fixture(scope="session")
def half_covered(model: kr.KernelMixture) -> kr.TripRisk:
    """El Fasher, which the records cover, to El Obeid, which they do not."""
    trip = kr.Trip([(25.35, 13.63), (30.22, 13.18)], departure="2025-01-18T06:00Z", name="Kordofan")
    return kr.score(trip, model)


@pytest.fixture(scope="session")
def across_the_line() -> kr.TripRisk:
    """In Fiji, on Vanua Levu and Taveuni: over the antimeridian, partly at sea."""
    trip = kr.Trip([(179.4, -16.7), (-179.9, -16.8)], departure="2025-01-18T06:00Z", name="Fiji")
    return kr.score(trip, EvenHazard())
