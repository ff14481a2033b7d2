"""CrewShare: of the kidnappings near a place, the part that involves people like a crew.

p(crew | x) thins the hazard λ: of the incidents expected near x, so many will be of people who are
foreign there (or local), or of a sector. How it is learned: :mod:`kidnaprisk.hazard.shares`.

What it is not: the risk of one crew beside another's. A small share may only mean that few such
people travel there. For the same reason the share of a nationality is told beside the others but
never thinned by: where it is rare among victims, it is mostly rare on the road.

An incident that does not tell is not counted as unlike, which is right only where silence is no
news; ``least`` and ``most`` say how wrong it could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv
from sklearn.base import BaseEstimator

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, ecef_km, wrap_lon
from kidnaprisk.hazard.shares import Learned, Records, Texts, learn_share, share_at
from kidnaprisk.hazard.victims import Likeness, alike, kidnappings_known, origin_of, telling
from kidnaprisk.incidents.table import positions_of
from kidnaprisk.routes.borders import RegionIndex
from kidnaprisk.routes.crew import Crew
from kidnaprisk.routes.regions import load_regions

# Bounds the memory of points × records: 32 MB an array.
_PAIRS_AT_ONCE = 4_000_000
# The facet that thins: the first of these that the records tell of.
_THINS = ("together", "origin", "sector")
_GAINS = ("gain", "gain_low", "gain_high")
_COLUMNS = (
    *("facet", "point", "of", "share", "low", "high", "n", "n_effective", "adds"),
    *(*_GAINS, "least", "most", "records"),
)


@dataclass(frozen=True)
class CrewAnswer:
    """The part of kidnappings near each of n points that involves people like a crew.

    Attributes
    ----------
    crew : Crew
    facet : str
        What thins: origin and sector ``together``, or that one of them that the records tell.
    share, low, high : ndarray (n,)
        Of that facet; NaN where unknown.
    adds : ndarray (n,) of bool
        False where the answer is the pooled share because the place adds nothing.
    level : float
        Probability between low and high.
    facets : DataFrame
        One row a facet (``origin``, ``sector``, ``nationality``, ``together``) and point: ``facet,
        point, of, share, low, high, n, n_effective, adds, gain, gain_low, gain_high, least, most,
        records``. ``n`` incidents tell; ``n_effective`` is what the share is worth in incidents;
        the gain is over the pooled share in nats per incident, with its 95 % interval; ``least``
        and ``most`` are the share of all ``records`` of the country had none, or all, of the
        silent ones involved such people (of all records where the country has none).
    """

    crew: Crew
    facet: str
    share: Floats
    low: Floats
    high: Floats
    adds: npt.NDArray[np.bool_]
    level: float
    facets: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, unknown figures as None."""
        rows = self.facets.astype(object).where(self.facets.notna(), None)
        return {
            "crew": {"nationality": list(self.crew.nationality), "sector": self.crew.sector},
            "facet": self.facet,
            "level": self.level,
            "facets": rows.to_dict("records"),
        }


class CrewShare(BaseEstimator):  # type: ignore[misc]
    """Share of kidnappings that involve people like a crew.

    Parameters
    ----------
    scales_km : sequence of float
        Standard deviations tried for "near".
    memories_days : sequence of float
        Mean lifetimes tried, for the pooled share too; infinite for never fading.
    fewest_known : float
        Records of one source in one country speak only where at least this part of them tells.
        Where few do, they mostly tell because the victim was a foreigner.
    level : float
        Probability between the two ends of the interval.
    seed : int
        Of the bootstrap over months.

    Attributes
    ----------
    records_ : GeoDataFrame
        The kidnappings known.
    as_of_ : Timestamp
        Last day whose records were read.

    Examples
    --------
    >>> CrewShare().fewest_known
    0.5
    """

    records_: gpd.GeoDataFrame
    as_of_: pd.Timestamp

    def __init__(
        self,
        scales_km: Sequence[float] = (25.0, 75.0, 200.0),
        memories_days: Sequence[float] = (np.inf, 1825.0, 730.0),
        fewest_known: float = 0.5,
        level: float = 0.90,
        seed: int = 0,
    ) -> None:
        self.scales_km = scales_km
        self.memories_days = memories_days
        self.fewest_known = fewest_known
        self.level = level
        self.seed = seed

    def fit(self, incidents: gpd.GeoDataFrame, as_of: object = None) -> Self:
        """Take in the kidnappings known by a day; each question is learned when first asked.

        Parameters
        ----------
        incidents : GeoDataFrame
            A table as :func:`kidnaprisk.read_incidents` returns it.
        as_of : date-like, optional
            Only rows with ``known_on`` up to this UTC day are looked at. By default all.

        Raises
        ------
        IncidentError
            If the table is not valid.
        ModelError
            If a parameter is out of range, or no kidnapping was known by that day.
        """
        for name in ("scales_km", "memories_days"):
            given = np.asarray(getattr(self, name), dtype=np.float64)
            if given.ndim != 1 or not given.size or not (given > 0.0).all():
                raise ModelError(
                    f"{name} is not a list of positive numbers",
                    value=getattr(self, name),
                    remedy="give one or more positive numbers",
                )
        for name in ("fewest_known", "level"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ModelError(
                    f"{name} is not between 0 and 1",
                    value=getattr(self, name),
                    remedy="give a share, such as 0.9",
                )
        self.records_, self.as_of_ = kidnappings_known(incidents, as_of)
        self._taught: dict[Likeness, tuple[Records, Learned, Floats]] = {}
        return self

    def share(self, crew: Crew, points: gpd.GeoSeries) -> CrewAnswer:
        """p(crew | x) at points.

        Parameters
        ----------
        crew : Crew
            Foreign where none of its nationalities is the country's; a mixed crew is both.
        points : GeoSeries of n Points
            EPSG:4326.

        Returns
        -------
        CrewAnswer
            NaN in no country, and where no record tells.

        Raises
        ------
        ModelError
            If it is not fitted.
        IncidentError
            If the points are not points in EPSG:4326.
        """
        self._check_fitted()
        lon, lat = positions_of(gpd.GeoDataFrame(geometry=points))
        lon = wrap_lon(lon)
        regions = load_regions((lon.min(), lat.min(), lon.max(), lat.max()))
        row = RegionIndex(regions).locate(lon, lat)
        country = np.where(row >= 0, regions["country"].to_numpy(dtype=object)[row], "")
        xyz = ecef_km(lon, lat)
        asked = {one: _facets(crew, one) for one in sorted(set(country))}
        parts = []
        for one, facets in asked.items():
            at = np.flatnonzero(country == one)
            for facet, likeness in facets.items():
                part = self._facet(likeness, xyz[at], country[at])
                parts.append(part.assign(facet=facet, point=at))
        order = list(asked[country[0]])
        table = pd.concat(parts, ignore_index=True)[list(_COLUMNS)]
        table = table.sort_values(
            ["facet", "point"], key=lambda key: key.map(order.index) if key.name == "facet" else key
        ).reset_index(drop=True)
        thins = [one for one in _THINS if one in order]
        told = table.loc[table["n"] > 0, "facet"]
        facet = next((one for one in thins if one in set(told)), thins[0])
        whole = table[table["facet"] == facet]
        share, low, high = (whole[name].to_numpy() for name in ("share", "low", "high"))
        adds = whole["adds"].to_numpy()
        return CrewAnswer(crew, facet, share, low, high, adds, float(self.level), table)

    def learned(self, likeness: Likeness) -> Learned:
        """What past months taught about one likeness.

        Raises
        ------
        ModelError
            If it is not fitted.
        """
        self._check_fitted()
        return self._teach(likeness)[1]

    def _check_fitted(self) -> None:
        if not hasattr(self, "records_"):
            raise ModelError("this crew share is not fitted", remedy="call fit(incidents) first")

    def _teach(self, likeness: Likeness) -> tuple[Records, Learned, Floats]:
        if likeness not in self._taught:
            like = alike(self.records_, likeness)
            records = _records(self.records_, like, float(self.fewest_known))
            learned = learn_share(
                records,
                float(_days(self.as_of_)),
                np.asarray(self.scales_km, dtype=np.float64),
                np.asarray(self.memories_days, dtype=np.float64),
                int(self.seed),
            )
            self._taught[likeness] = (records, learned, like)
        return self._taught[likeness]

    def _facet(self, likeness: Likeness, xyz: Floats, country: Texts) -> pd.DataFrame:
        """One question at n points."""
        records, learned, like = self._teach(likeness)
        day = float(_days(self.as_of_))
        step = max(1, _PAIRS_AT_ONCE // max(1, learned.n))
        parts = [
            share_at(records, learned, day, xyz[i : i + step], country[i : i + step])
            for i in range(0, len(xyz), step)
        ]
        mean, variance = (np.concatenate(part) for part in zip(*parts, strict=True))
        mean = np.where(country == "", np.nan, mean)
        # The beta of that mean and variance is worth so many incidents.
        worth = mean * (1.0 - mean) / variance - 1.0
        tail = 0.5 * (1.0 - float(self.level))
        low, high = (betaincinv(mean * worth, (1.0 - mean) * worth, q) for q in (tail, 1.0 - tail))
        bounds = _bounds(self.records_, like, country)
        return pd.DataFrame(
            {
                "of": str(likeness),
                "share": mean,
                "low": low,
                "high": high,
                "n": learned.n,
                "n_effective": worth,
                "adds": learned.adds,
                **{name: getattr(learned, name) for name in _GAINS},
                **bounds,
            }
        )


def _facets(crew: Crew, country: str) -> dict[str, Likeness]:
    """What is asked of the records about a crew that is in a country."""
    facets: dict[str, Likeness] = {}
    if crew.nationality:
        facets["origin"] = Likeness(origin=origin_of(crew.nationality, country))
    if crew.sector is not None:
        facets["sector"] = Likeness(sector=crew.sector)
    if crew.nationality:
        facets["nationality"] = Likeness(nationality=";".join(crew.nationality))
    if crew.nationality and crew.sector is not None:
        facets["together"] = facets["origin"]._replace(sector=crew.sector)
    return facets


def _records(table: gpd.GeoDataFrame, like: Floats, fewest_known: float) -> Records:
    answer = telling(table, like, fewest_known)
    told = table[~np.isnan(answer)]
    return Records(
        like=answer[~np.isnan(answer)],
        xyz=ecef_km(told.geometry.x.to_numpy(), told.geometry.y.to_numpy()),
        country=told["country"].to_numpy(dtype=object),
        event_day=np.floor(0.5 * (_days(told["date"]) + _days(told["date_end"]))),
        known_day=_days(told["known_on"]),
    )


def _days(days: Any) -> Any:
    """Days since 1970-01-01 of a day, or of each of a column."""
    since = (days - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return since.to_numpy(dtype=np.float64) if isinstance(since, pd.Series) else since


def _bounds(table: pd.DataFrame, like: Floats, country: Texts) -> dict[str, npt.NDArray[Any]]:
    """Share of all records of each country if none, or all, of the silent ones were alike."""
    home = table["country"].to_numpy(dtype=object)
    rows = {one: home == one for one in set(country)}
    rows = {one: at if at.any() else np.ones(len(home), dtype=bool) for one, at in rows.items()}
    least = {one: np.mean(like[at] == 1.0) for one, at in rows.items()}
    most = {one: np.mean(like[at] != 0.0) for one, at in rows.items()}
    count = {one: int(at.sum()) for one, at in rows.items()}
    return {
        name: np.array([value[one] for one in country])
        for name, value in {"least": least, "most": most, "records": count}.items()
    }
