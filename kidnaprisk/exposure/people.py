"""Who is taken where a trip goes, and what becomes of them: told beside the exposure, never in it.

The share of kidnappings that involve people like the crew (:mod:`kidnaprisk.hazard.crew`) is asked
at one place in each region crossed and weighed by the exposure there; what became of those taken
(:mod:`kidnaprisk.hazard.consequence`) is asked for the country of most exposure. Both are learned
from the kidnappings that the model itself speaks from, as of its own day: a trip that departs
before it is told of with hindsight.

Not the risk of one crew beside another's, and no figure of the exposure changes by it.
"""

from __future__ import annotations

import datetime as dt
import weakref
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.exposure.itinerary import Itinerary
from kidnaprisk.routes.crew import Crew

if TYPE_CHECKING:
    from kidnaprisk.exposure.score import Exposure
    from kidnaprisk.hazard.consequence import Consequence, ConsequenceAnswer
    from kidnaprisk.hazard.crew import CrewShare
    from kidnaprisk.hazard.pieces import HazardModel

KIDNAPPING = "kidnapping"
# What a model must keep of its records to tell of people.
_TELLING = {
    "incident_id", "source", "kind", "country", "date", "date_end", "known_on", "lon", "lat",
    "victims", "foreign_victims", "nationalities", "sector", "perpetrator", "outcome",
    "outcome_date",
}  # fmt: skip
_FIGURES = ("share", "low", "high")
_BOUNDS = ("least", "most")


@dataclass(frozen=True, eq=False)
class CrewPart:
    """The part of past kidnappings, weighed by a trip's exposure, that involved people like a crew.

    Attributes
    ----------
    crew : Crew
    facet : str
        What is told: origin and sector ``together``, or that one of them that the records tell.
    of : str
        What that asks of the records in the region of most exposure, ``"foreign victims"``.
    share, low, high : float or None
        Means of the regions' shares and of the ends of their intervals, weighed by exposure, over
        the regions where records tell. None where none does. The regions' shares are taken as
        moving together: the interval is as wide as it can be.
    told : float
        Part of the exposure that lies where the records tell.
    adds : bool
        False where the share of the region of most exposure is the pooled one, since the place adds
        nothing to it.
    n : int
        Kidnappings that tell of that, near or far.
    least, most : float
        Share of all records of the countries crossed, weighed alike, had none, or all, of the
        silent ones involved such people.
    level : float
        Probability between low and high.
    as_of : date
        Last day whose records were read.
    facets : DataFrame
        The same of each facet, one row each: ``facet, of, share, low, high, told, adds, n, least,
        most``.
    regions : DataFrame
        Of the facet told, one row a region: ``region_id, name, country, weight`` (part of the
        exposure), and the columns of :attr:`kidnaprisk.hazard.crew.CrewAnswer.facets`.
    """

    crew: Crew
    facet: str
    of: str
    share: float | None
    low: float | None
    high: float | None
    told: float
    adds: bool
    n: int
    least: float
    most: float
    level: float
    as_of: dt.date
    facets: pd.DataFrame = field(repr=False)
    regions: pd.DataFrame = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, tables as lists of rows."""
        crew = {"nationality": list(self.crew.nationality), "sector": self.crew.sector}
        tables = {name: getattr(self, name).to_dict("records") for name in ("facets", "regions")}
        return {**vars(self), "crew": crew, **tables}


class People(NamedTuple):
    """What is told of people beside an exposure; None where nothing can be told."""

    crew: CrewPart | None
    consequence: ConsequenceAnswer | None


def people_of(crew: Crew | None, way: Itinerary, exposure: Exposure) -> People:
    """What the model's records tell of people like a crew, and of those taken before.

    Parameters
    ----------
    crew : Crew or None
    way : Itinerary
    exposure : Exposure
        Of that way. The place asked in each region is the middle of the piece of most exposure on
        the stretch of most exposure.

    Returns
    -------
    People
        None twice for a model that keeps no such records, or a trip without exposure.
    """
    told = _told_by(exposure.model)
    if told is None or not np.nansum(exposure.expected) > 0.0:
        return People(None, None)
    regions = _regions(way, exposure)
    country = regions.groupby("country")["weight"].sum().idxmax()
    part = None if crew is None else _crew_part(told.crew_share, crew, regions)
    return People(part, told.consequence_in(str(country), crew))


def _regions(way: Itinerary, exposure: Exposure) -> pd.DataFrame:
    """Each region crossed: its part of the exposure, and the place that stands for it."""
    rows = np.flatnonzero(exposure.covered)
    region, stretch, expected = way.region[rows], way.stretch[rows], exposure.expected[rows]
    _, part = np.unique(region * len(way.stretch_km) + stretch, return_inverse=True)
    of_stretch = np.bincount(part, expected)[part]
    order = np.lexsort((expected, of_stretch, region))
    top = order[np.append(np.diff(region[order]) > 0, True)]
    lon, lat = exposure.pieces.take(rows[top]).middle()
    named = way.regions.iloc[region[top]][["region_id", "name", "country"]].reset_index(drop=True)
    weight = np.bincount(region, expected)[region[top]] / expected.sum()
    return pd.DataFrame(named.assign(weight=weight, lon=lon, lat=lat))


def _crew_part(shares: CrewShare, crew: Crew, regions: pd.DataFrame) -> CrewPart:
    points = gpd.GeoSeries(gpd.points_from_xy(regions["lon"], regions["lat"]), crs="EPSG:4326")
    answer = shares.share(crew, points)
    crossed = regions[["region_id", "name", "country", "weight"]]
    rows = {
        str(facet): crossed.merge(row.drop(columns="facet"), left_index=True, right_on="point")
        for facet, row in answer.facets.groupby("facet", sort=False)
    }
    facets = {facet: _weighed(row) for facet, row in rows.items()}
    chosen = facets[answer.facet]
    known = {name: None if np.isnan(chosen[name]) else chosen[name] for name in _FIGURES}
    return CrewPart(
        crew=crew,
        facet=answer.facet,
        level=answer.level,
        as_of=shares.as_of_.date(),
        facets=pd.DataFrame([{"facet": facet, **row} for facet, row in facets.items()]),
        regions=rows[answer.facet].drop(columns="point").reset_index(drop=True),
        **{**chosen, **known},
    )


def _weighed(rows: pd.DataFrame) -> dict[str, Any]:
    """One facet over all regions, weighed by their exposure."""
    told = rows[rows["share"].notna()]
    heaviest = rows.iloc[int(rows["weight"].to_numpy().argmax())]
    return {
        "of": str(heaviest["of"]),
        **{name: _mean(told[name], told["weight"]) for name in _FIGURES},
        "told": float(told["weight"].sum() / rows["weight"].sum()),
        "adds": bool(heaviest["adds"]),
        "n": int(heaviest["n"]),
        **{name: _mean(rows[name], rows["weight"]) for name in _BOUNDS},
    }


def _mean(shares: pd.Series, weight: pd.Series) -> float:
    """Weighted mean of shares; NaN of none, or where nothing is exposed."""
    total = float(weight.sum())
    if not total > 0.0:
        return float("nan")
    # A sum of parts may miss the whole by its last bit.
    return float(np.clip((shares * weight).sum() / total, shares.min(), shares.max()))


class _Told:
    """What one model's kidnappings tell, learned when first asked."""

    def __init__(self, records: pd.DataFrame, as_of: object) -> None:
        points = gpd.points_from_xy(records["lon"], records["lat"])
        self._incidents = gpd.GeoDataFrame(records, geometry=points, crs="EPSG:4326")
        self._as_of = as_of
        self._answers: dict[tuple[str, Crew | None], ConsequenceAnswer] = {}

    @cached_property
    def crew_share(self) -> CrewShare:
        from kidnaprisk.hazard.crew import CrewShare

        return CrewShare().fit(self._incidents, self._as_of)

    @cached_property
    def _consequence(self) -> Consequence | None:
        from kidnaprisk.hazard.consequence import Consequence

        try:
            return Consequence().fit(self._incidents, self._as_of)
        except ModelError:
            # Said where no record has a dated end, as of most sources.
            return None

    def consequence_in(self, country: str, crew: Crew | None) -> ConsequenceAnswer | None:
        """What became of those taken in a country; None where no end is known."""
        if self._consequence is None:
            return None
        if (country, crew) not in self._answers:
            self._answers[country, crew] = self._consequence.given(country, crew=crew)
        return self._answers[country, crew]


# By the identity of the records, which fitting again replaces; gone when they are.
_TOLD: dict[int, tuple[weakref.ref[pd.DataFrame], _Told]] = {}


def _told_by(model: HazardModel) -> _Told | None:
    """What a model's kidnappings tell; None of a model that keeps none, or not who was taken."""
    records = getattr(model, "records_", None)
    if not isinstance(records, pd.DataFrame) or not _TELLING.issubset(records.columns):
        return None
    key = id(records)
    if key not in _TOLD or _TOLD[key][0]() is not records:
        taken = records[(records["kind"] == KIDNAPPING).to_numpy(dtype=bool)]
        if taken.empty:
            return None
        learned = _Told(taken, getattr(model, "as_of_", None))
        _TOLD[key] = (weakref.ref(records, lambda _: _TOLD.pop(key, None)), learned)
    return _TOLD[key][1]
