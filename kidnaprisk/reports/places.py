"""Where along a trip a stretch lies, told by the towns the route passes.

A dispatcher knows a road by its towns, not by its km. Towns of 10,000 people and more within
10 km of the line count, suburbs left out; where those lie far apart, smaller ones farther off fill
the gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kidnaprisk.geodesy import Floats, densify
from kidnaprisk.routes.towns import nearest_towns
from kidnaprisk.routes.trip import Trip

SIZEABLE = 10_000
BESIDE_KM = 10.0
_SMALL = 500
_SMALL_BESIDE_KM = 20.0
# Between towns farther apart than this, smaller ones are named.
_FAR_APART_KM = 150.0
_AT_KM = 3.0
_CLOSE_KM = 15.0
_STEP_KM = 1.0


class Passed(NamedTuple):
    """A town the trip passes: ``km`` of the trip where it is nearest, and how near."""

    km: float
    name: str
    country: str
    away_km: float


_Candidate = tuple[int, Passed]


@dataclass(frozen=True)
class TownsPassed:
    """The towns a trip passes, in order of travel; one passed twice is there twice."""

    towns: tuple[Passed, ...]

    def between(self, km_from: float, km_to: float) -> str:
        """Name a stretch by the towns it lies between.

        Examples
        --------
        >>> way = TownsPassed((Passed(0, "Dori", "BF", 1), Passed(100, "Téra", "NE", 6)))
        >>> way.between(10, 20), way.between(80, 90)
        ('Dori → Téra, 15 km past Dori', 'Dori → Téra, 15 km before Téra')
        >>> way.between(0, 10), way.between(95, 105)
        ('at Dori', 'near Téra')
        """
        middle, half = 0.5 * (km_from + km_to), 0.5 * (km_to - km_from)
        at = min(self.towns, key=lambda town: abs(town.km - middle), default=None)
        if at is not None and abs(at.km - middle) <= half:
            return f"{'at' if at.away_km <= _AT_KM else 'near'} {at.name}"
        before = [town for town in self.towns if town.km <= middle]
        after = [town for town in self.towns if town.km > middle]
        if not before and not after:
            return "no town near"
        if not after or (before and middle - before[-1].km <= after[0].km - middle):
            measured = f"{middle - before[-1].km:,.0f} km past {before[-1].name}"
        else:
            measured = f"{after[0].km - middle:,.0f} km before {after[0].name}"
        if before and after and before[-1].name != after[0].name:
            return f"{before[-1].name} → {after[0].name}, {measured}"
        return measured


def towns_along(trip: Trip) -> TownsPassed:
    """The towns a trip passes.

    Examples
    --------
    >>> trip = Trip([(-0.05, 14.03), (0.75, 14.01)], departure="2025-01-18T06:00Z")
    >>> [(town.name, round(town.km)) for town in towns_along(trip).towns]
    [('Dori', 2), ('Téra', 86)]
    """
    path = densify(trip.route.lon, trip.route.lat, _STEP_KM)
    km = path.km
    sizeable = _passed(path.lon, path.lat, km, SIZEABLE, BESIDE_KM)
    ends = np.concatenate([[0.0], [town.km for _, town in sizeable], [km[-1]]])
    known = {town[1:3] for _, town in sizeable}
    small: list[_Candidate] = []
    for gap in np.flatnonzero(np.diff(ends) > _FAR_APART_KM):
        inside = (km > ends[gap]) & (km < ends[gap + 1])
        found = _passed(path.lon[inside], path.lat[inside], km[inside], _SMALL, _SMALL_BESIDE_KM)
        small += [one for one in found if one[1][1:3] not in known]
    kept = _without_suburbs(sizeable + small)
    return TownsPassed(tuple(sorted(town._replace(km=town.km * trip.road_factor) for town in kept)))


def _without_suburbs(towns: list[_Candidate]) -> list[Passed]:
    """The largest of towns that lie close together along the trip."""
    kept: list[Passed] = []
    for _, town in sorted(towns, key=lambda one: (-one[0], one[1].away_km)):
        if all(abs(town.km - other.km) > _CLOSE_KM for other in kept):
            kept.append(town)
    return kept


def _passed(
    lon: Floats, lat: Floats, km: Floats, min_population: int, within_km: float
) -> list[_Candidate]:
    near = nearest_towns(lon, lat, min_population=min_population, within_km=within_km)
    name = near["name"].fillna("").to_numpy(dtype=object)
    country = near["country"].fillna("").to_numpy(dtype=object)
    population = near["population"].fillna(0).to_numpy(dtype=np.int64)
    away = near["km"].to_numpy(dtype=np.float64)
    label = np.array([f"{n}, {c}" for n, c in zip(name, country, strict=True)], dtype=object)
    starts = np.flatnonzero(np.append(True, label[1:] != label[:-1]))
    towns = []
    for begin, end in zip(starts, np.append(starts[1:], len(label)), strict=True):
        if name[begin]:
            best = begin + int(np.argmin(away[begin:end]))
            town = Passed(float(km[best]), name[best], country[best], float(away[best]))
            towns.append((int(population[best]), town))
    return towns
