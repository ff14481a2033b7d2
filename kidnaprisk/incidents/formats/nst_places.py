"""How well the Nigeria Security Tracker's positions are known, told from the positions themselves.

They are the answers of a geocoder to "LGA, State, Nigeria", or beyond the border to "Town,
Country": rows of one name mostly lie within a kilometre of one another whatever community they
name. So a point stands for what was asked for, or, where the geocoder did not know it, for
something larger: the state, the country, or a namesake far off. This module knows names and points;
what was done by whom is for `nst`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from kidnaprisk.bundled import data_path
from kidnaprisk.geodesy import Floats, inverse
from kidnaprisk.incidents.parse import Fault
from kidnaprisk.incidents.placing import TOLERANCE_KM

_TOWN_KM, _LGA_KM, _STATE_KM = 10.0, 25.0, 100.0
# Answers to one question that differ by less than 0.01 degrees are one point.
_SAME_POINT_DECIMALS = 2
_MIDDLE_KM = 5.0
_NEIGHBOURS = ("NG", "CM", "NE", "TD")
_OTHER_SPELLINGS = {"Nasarawa": "Nassarawa", "FCT": "Federal Capital Territory"}


class Asked(NamedTuple):
    """What the geocoder was asked for in n rows.

    ``place`` (n,) an LGA or a town, None where only its state or country; ``state`` (n,) None
    beyond the border; ``name`` (n,) all of it, empty where nothing was asked.
    """

    place: pd.Series
    state: pd.Series
    name: pd.Series


def asked(names: pd.Series) -> Asked:
    """The parts of "LGA, State, Nigeria" and of "Town, Country".

    Parameters
    ----------
    names : Series (n,) of str or None

    Returns
    -------
    Asked

    Examples
    --------
    >>> names = pd.Series(["Gwoza, Borno, Nigeria", ", Kano, Nigeria", "Diffa, Niger"])
    >>> place, state, _ = asked(names)
    >>> place.tolist(), state.tolist()
    (['Gwoza', None, 'Diffa'], ['Borno', 'Kano', None])
    """
    name = pd.Series([text or "" for text in names], dtype="object")
    parts = [[part.strip() for part in text.split(",")] for text in name]
    state = [part[-2] or None if len(part) > 2 else None for part in parts]
    # "Lagos State, Lagos, Nigeria" asks for no more than the state; where a state and an LGA in it
    # have one name the answer may be either.
    place = [
        None if of is not None and part[0] in (f"{of} State", of) else part[0] or None
        for part, of in zip(parts, state, strict=True)
    ]
    return Asked(pd.Series(place, dtype="object"), pd.Series(state, dtype="object"), name)


def degrees(column: pd.Series, most: float) -> Floats:
    """Angles (n,), NaN where there is none or it is above ``most``: told as wrong elsewhere."""
    angle = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    return np.where(abs(angle) <= most, angle, np.nan)


def location_errors(question: Asked, lon: Floats, lat: Floats) -> Floats:
    """How far, in km, the true place may lie from the point given.

    A geocoder that does not know a place answers with something larger, for many names alike. So a
    point belongs to the name that more than half of its rows carry; rows of other names are taken
    to be known to the state only.

    Parameters
    ----------
    question : Asked
    lon, lat : ndarray (n,)
        WGS84 degrees, NaN where unknown.

    Returns
    -------
    ndarray (n,)
        10 for a town, 25 for a local government area, 100 for a state.
    """
    point = [pd.Series(axis.round(_SAME_POINT_DECIMALS)) for axis in (lon, lat)]
    there = question.name.groupby(point, dropna=False).transform("size")
    of_this_name = question.name.groupby([*point, question.name], dropna=False).transform("size")
    own = question.place.notna() & (2 * of_this_name > there)
    return np.where(own, np.where(question.state.notna(), _LGA_KM, _TOWN_KM), _STATE_KM)


def position_faults(
    question: Asked, lon: Floats, lat: Floats, country: pd.Series
) -> tuple[Fault, Fault]:
    """Rows whose point is the middle of their country, or far from the state they name.

    Parameters are those of `location_errors`, and ``country`` (n,) alpha-2 codes. Another country
    than the one named is told by the reader for all sources alike.
    """
    middle = _km_to_middle(lon, lat, country) < _MIDDLE_KM
    away_km = _km_to_state(lon, lat, question.state)
    astray = (away_km > TOLERANCE_KM) & country.eq("NG").to_numpy(dtype=np.bool_, na_value=False)
    where = np.full(len(lon), "", dtype=np.object_)
    where[astray] = [
        f": {km:,.0f} km from {state}"
        for km, state in zip(away_km[astray], question.state[astray], strict=True)
    ]
    return (
        Fault(
            middle,
            "longitude",
            "the position is the middle of the country, so it cannot be placed",
            "look the place up and correct the position, or leave the row out",
        ),
        Fault(
            astray,
            "longitude",
            "the position is not in the state the row names",
            "correct the position or the state",
            where,
        ),
    )


def _km_to_middle(lon: Floats, lat: Floats, country: pd.Series) -> Floats:
    """Distance to the middle of the country named, NaN where that is not known."""
    middles = _middles()
    middle = np.array([middles.get(code, (np.nan, np.nan)) for code in country.astype("object")])
    return _km(lon, lat, middle.reshape(-1, 2))


def _km(lon: Floats, lat: Floats, foot: npt.NDArray[np.float64]) -> Floats:
    km = np.full(len(lon), np.nan)
    known = np.isfinite(foot).all(axis=1) & np.isfinite(lon) & np.isfinite(lat)
    _, km[known] = inverse(lon[known], lat[known], foot[known, 0], foot[known, 1])
    return km


def _km_to_state(lon: Floats, lat: Floats, state: pd.Series) -> Floats:
    """Distance to the Nigerian state named, 0 inside, NaN where that is not known."""
    shapes = _states()
    given = [shapes.get(_OTHER_SPELLINGS.get(name, name)) for name in state]
    polygons = np.array(given, dtype=np.object_)
    usable = np.isfinite(lon) & np.isfinite(lat) & np.array([one is not None for one in given])
    foot = np.full((len(lon), 2), np.nan)
    line = shapely.shortest_line(polygons[usable], shapely.points(lon[usable], lat[usable]))
    foot[usable] = shapely.get_coordinates(shapely.get_point(line, 0))
    return _km(lon, lat, foot)


@functools.cache
def _regions() -> gpd.GeoDataFrame:
    wanted = ", ".join(f"'{code}'" for code in _NEIGHBOURS)
    return gpd.read_file(
        data_path("regions.fgb"),
        columns=["name", "country"],
        where=f"country IN ({wanted})",
        engine="pyogrio",
    )


@functools.cache
def _states() -> Mapping[str | None, shapely.Geometry]:
    here = _regions()[_regions()["country"].eq("NG")]
    return dict(zip(here["name"], here.geometry, strict=True))


@functools.cache
def _middles() -> Mapping[object, tuple[float, float]]:
    """The centroid of each country: where geocoders put what they know no better."""
    whole = _regions().dissolve("country").geometry.to_numpy()
    middles = shapely.get_coordinates(shapely.centroid(whole))
    return dict(zip(sorted(_NEIGHBOURS), map(tuple, middles.tolist()), strict=True))
