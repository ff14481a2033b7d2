"""What records tell of the people taken: foreign or local, their sector, their nationality.

Each question is answered 1, 0 or NaN, "does not tell". Not for shares of them
(:mod:`kidnaprisk.hazard.shares`), nor for telling one person from another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats
from kidnaprisk.hazard.known import KIDNAPPING, as_day
from kidnaprisk.incidents.table import validate_incidents


class Likeness(NamedTuple):
    """What makes an incident one of people like a crew; every part given must hold.

    ``origin`` is ``foreign``, ``local`` or, for a mixed crew, ``any``; several nationalities are
    joined by ``;`` as in the incident table.

    Examples
    --------
    >>> str(Likeness(origin="foreign", sector="transport"))
    'foreign victims, sector transport'
    """

    origin: str | None = None
    sector: str | None = None
    nationality: str | None = None

    def __str__(self) -> str:
        """In words, as a report prints it."""
        words = (
            self.origin and f"{self.origin} victims",
            self.sector and f"sector {self.sector}",
            self.nationality and f"nationality {self.nationality.replace(';', ' or ')}",
        )
        return ", ".join(word for word in words if word)


def origin_of(nationality: Iterable[str], country: str) -> str:
    """Whether people of these nationalities are foreign in a country, local, or both (``any``).

    Examples
    --------
    >>> origin_of(["MA"], "ML"), origin_of(["MA"], "MA"), origin_of(["MA", "ML"], "ML")
    ('foreign', 'local', 'any')
    """
    codes = set(nationality)
    if country not in codes:
        return "foreign"
    return "any" if len(codes) > 1 else "local"


def kidnappings_known(
    incidents: gpd.GeoDataFrame, as_of: Any
) -> tuple[gpd.GeoDataFrame, pd.Timestamp]:
    """The kidnappings of a table known by a day, and that day; by default its last.

    Raises
    ------
    IncidentError
        If the table is not valid.
    ModelError
        If ``as_of`` is not a day, or no kidnapping was known by it.
    """
    table = validate_incidents(incidents)
    day = table["known_on"].max() if as_of is None else as_day(as_of)
    known = table[((table["known_on"] <= day) & (table["kind"] == KIDNAPPING)).to_numpy()]
    if known.empty:
        raise ModelError(
            "no kidnapping was known by that day", value=day.date(), remedy="give a later as_of"
        )
    return known.reset_index(drop=True), day


def origins(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Whether each of n incidents took foreigners, and locals: 1, 0, or NaN where it does not tell.

    Counts speak first, then nationalities: foreign is any but the country's own.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "country": ["ML", "ML", "ML"], "victims": [4, 2, pd.NA],
    ...     "foreign_victims": [1, 0, pd.NA], "nationalities": [pd.NA, pd.NA, "FR"],
    ... })
    >>> foreign, local = origins(table)
    >>> foreign.tolist(), local.tolist()
    ([1.0, 0.0, 1.0], [1.0, 1.0, 0.0])
    """
    victims, counted = (
        table[name].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        for name in ("victims", "foreign_victims")
    )
    foreign, local = np.full(len(table), np.nan), np.full(len(table), np.nan)
    named = table["nationalities"].fillna("").to_numpy(dtype=object)
    country = table["country"].to_numpy(dtype=object)
    for i in np.flatnonzero(named != ""):
        codes = set(named[i].split(";"))
        foreign[i], local[i] = bool(codes - {country[i]}), country[i] in codes
    told = ~np.isnan(counted)
    foreign[told] = counted[told] > 0.0
    both = told & (~np.isnan(victims) | (counted == 0.0))
    local[both] = (counted[both] == 0.0) | (victims[both] > counted[both])
    return foreign, local


def alike(table: pd.DataFrame, likeness: Likeness) -> Floats:
    """Whether each of n incidents is of people like that: 1, 0, or NaN where it does not tell.

    Where two things are asked both must be told: an incident of another sector is surely unlike,
    but counting it, while one of the same sector and unknown origin is left out, would lean to
    "unlike".
    """
    every = np.ones(len(table))
    if likeness.origin is not None:
        foreign, local = origins(table)
        every *= {"foreign": foreign, "local": local, "any": np.maximum(foreign, local)}[
            likeness.origin
        ]
    if likeness.sector is not None:
        # A source that only tells of aid workers says nothing of how often they are the victims.
        several = table.groupby("source")["sector"].transform("nunique") > 1
        every *= _holds(table["sector"].eq(likeness.sector), several & table["sector"].notna())
    if likeness.nationality is not None:
        wanted = set(likeness.nationality.split(";"))
        named = table["nationalities"].fillna("").str.split(";")
        among = pd.Series([bool(wanted & set(codes)) for codes in named], index=table.index)
        every *= _holds(among, table["nationalities"].notna())
    return every


def _holds(holds: pd.Series, told: pd.Series) -> Floats:
    known = told.to_numpy(dtype=bool)
    return np.where(known, holds.fillna(False).to_numpy(dtype=bool), np.nan)


def telling(table: pd.DataFrame, answer: Floats, fewest_known: float) -> Floats:
    """Answers (n,) with those silenced whose source mostly does not tell in their country.

    Where few records tell, they mostly tell because the victim was a foreigner: of 25 Nigerian
    incidents of the bundled catalogue that count foreigners, 24 took some; 235 say nothing.
    """
    known = pd.Series(~np.isnan(answer), index=table.index)
    share = known.groupby([table["source"], table["country"]]).transform("mean")
    return np.where(share.to_numpy() >= fewest_known, answer, np.nan)
