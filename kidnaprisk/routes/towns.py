"""Towns: finding "Dori" on the map, and saying which town a place lies near.

Not for addresses or street search: about 175,000 populated places with a name, a country, a
population and a point each. Source: GeoNames (CC BY 4.0), see data/SOURCES.md.
"""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.bundled import data_path
from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import Floats, Ints, ecef_km, inverse

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

NAME = "name"
COUNTRY = "country"
POPULATION = "population"
LON = "lon"
LAT = "lat"
ALIASES = "aliases"
TOWN_COLUMNS = (NAME, COUNTRY, POPULATION, LON, LAT, ALIASES)

# Letters that Unicode does not take apart into a plain letter and a mark.
_PLAIN_LETTERS = str.maketrans(
    {"ı": "i", "ə": "e", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŋ": "n"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
)
_COUNTRY_CODE_LENGTH = 2
_SUGGESTIONS = 3
_LEAST_ALIKE = 0.8


def fold_name(name: str) -> str:
    """A name reduced to what its spellings share: bare lower-case letters and digits.

    Case, accents, apostrophes, hyphens and spaces go.

    Examples
    --------
    >>> fold_name("Fada N'Gourma"), fold_name("Laâyoune"), fold_name("TAN TAN")
    ('fadangourma', 'laayoune', 'tantan')
    """
    plain = name.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain.translate(_PLAIN_LETTERS))
    return plain if plain.isalnum() else "".join(filter(str.isalnum, plain))


@lru_cache(maxsize=1)
def _towns() -> pd.DataFrame:
    towns = pd.read_csv(
        data_path("towns.csv.gz"),
        dtype={NAME: "str", COUNTRY: "str", POPULATION: "int64", ALIASES: "str"},
        keep_default_na=False,
        na_values={LON: [""], LAT: [""]},
    )
    return towns.astype({NAME: "string", COUNTRY: "string", ALIASES: "string"})


def load_towns() -> pd.DataFrame:
    """The bundled towns, largest first.

    Returns
    -------
    DataFrame
        ``name``; ``country`` (ISO 3166-1 alpha-2, ``NA`` is Namibia); ``population`` (0 where
        GeoNames records none); ``lon``, ``lat`` (WGS84 degrees); ``aliases`` (other names as
        :func:`fold_name` writes them, joined by ``;``). It is a copy: change it freely.

    Examples
    --------
    >>> towns = load_towns()
    >>> list(towns.columns)
    ['name', 'country', 'population', 'lon', 'lat', 'aliases']
    """
    return _towns().copy()


class _Lookup:
    """All keys in one text, so that a name is found by one pass over it."""

    def __init__(self, names: Iterable[str], aliases: Iterable[str]) -> None:
        self.keys = [fold_name(name) for name in names]
        lines = [f";{key};{more};" for key, more in zip(self.keys, aliases, strict=True)]
        lengths = np.fromiter((len(line) + 1 for line in lines), dtype=np.int64, count=len(lines))
        self._text = "\n".join(lines)
        self._starts: Ints = np.cumsum(lengths) - lengths

    def rows(self, key: str) -> Iterator[tuple[int, bool]]:
        """Row of each match, and whether it is the town's main name."""
        wanted = f";{key};"
        at = self._text.find(wanted)
        while at >= 0:
            row = int(np.searchsorted(self._starts, at, side="right")) - 1
            yield row, at == self._starts[row]
            at = self._text.find(wanted, at + 1)


@lru_cache(maxsize=1)
def _lookup() -> _Lookup:
    towns = _towns()
    return _Lookup(towns[NAME].tolist(), towns[ALIASES].tolist())


def _suggest(key: str, country: str | None) -> list[str]:
    towns = _towns()
    name_key = pd.Series(_lookup().keys, index=towns.index)
    if country is None:
        # Comparing with every town takes seconds; slips in the first letter are rare.
        near = name_key.str.startswith(key[:1]) & (name_key.str.len() - len(key)).abs().le(2)
    else:
        near = towns[COUNTRY] == country
    candidates = dict(zip(name_key[near][::-1], towns.index[near][::-1], strict=True))
    close = difflib.get_close_matches(key, candidates, n=_SUGGESTIONS, cutoff=_LEAST_ALIKE)
    chosen = towns.loc[[candidates[match] for match in close]]
    return [f"{n}, {c}" for n, c in zip(chosen[NAME], chosen[COUNTRY], strict=True)]


def _split_country(name: str, country: str | None) -> tuple[str, str | None]:
    """Take "Dori, BF" apart, unless the country is given by itself."""
    if country is None and "," in name:
        head, _, tail = name.rpartition(",")
        code = tail.strip()
        if len(code) == _COUNTRY_CODE_LENGTH and code.isalpha():
            return head, code.upper()
    return name, None if country is None else country.strip().upper()


def find_towns(name: str, country: str | None = None) -> pd.DataFrame:
    """Towns of a name, under any of their spellings.

    Parameters
    ----------
    name : str
        ``"Dori"`` or ``"Dori, BF"``. Case, accents, apostrophes, hyphens and spaces do not matter.
    country : str, optional
        ISO 3166-1 alpha-2 code, to look in one country only.

    Returns
    -------
    DataFrame
        ``name, country, population, lon, lat``, at least one row; towns whose main name matches
        before those known by it as a second name, larger before smaller. The index is the row
        in :func:`load_towns`.

    Raises
    ------
    RouteError
        If no town matches; the message offers the nearest spellings.

    Examples
    --------
    >>> find_towns("tera", "NE")[["name", "country"]].values.tolist()
    [['Téra', 'NE']]
    """
    bare, code = _split_country(name, country)
    key = fold_name(bare)
    if not key:
        raise RouteError("a town's name is blank", value=name, remedy="name a town, like 'Dori'")
    towns = _towns()
    rank: dict[int, bool] = {}
    for row, is_main in _lookup().rows(key):
        rank[row] = rank.get(row, False) or is_main
    rows = [row for row in rank if code is None or towns[COUNTRY].iat[row] == code]
    if not rows:
        close = _suggest(key, code)
        remedy = f"did you mean {' or '.join(close)}?" if close else "give the position instead"
        where = "" if code is None else f" in {code}"
        raise RouteError(f"no town of this name is known{where}", value=name, remedy=remedy)
    # Rows of the table are in order of population already.
    rows.sort(key=lambda row: (not rank[row], row))
    return towns.iloc[rows].drop(columns=ALIASES)


@lru_cache(maxsize=8)
def _tree(min_population: int) -> tuple[Ints, cKDTree]:
    # scipy is slow to import and only wanted here.
    from scipy.spatial import cKDTree

    towns = _towns()
    rows = np.flatnonzero(towns[POPULATION].to_numpy() >= min_population).astype(np.int64)
    if len(rows) == 0:
        raise RouteError(
            "no town is that large", value=min_population, remedy="lower min_population"
        )
    position = ecef_km(towns[LON].to_numpy()[rows], towns[LAT].to_numpy()[rows])
    return rows, cKDTree(position)


def nearest_towns(
    lon: npt.ArrayLike,
    lat: npt.ArrayLike,
    *,
    min_population: int = 0,
    within_km: float = math.inf,
) -> pd.DataFrame:
    """The nearest town to each of n points.

    Parameters
    ----------
    lon, lat : array-like of n floats
        WGS84 degrees.
    min_population : int
        Leave out smaller towns.
    within_km : float
        Leave out towns farther away than this.

    Returns
    -------
    DataFrame
        n rows in the order given: ``name, country, population, lon, lat`` of the town and ``km``,
        the geodesic distance to it. Missing throughout where no town lies within ``within_km``.

    Raises
    ------
    RouteError
        If a position is not finite, or no town is as large as ``min_population``.

    Examples
    --------
    >>> nearest_towns([-0.04], [14.03])[["name", "country"]].values.tolist()
    [['Dori', 'BF']]
    """
    at_lon: Floats = np.atleast_1d(np.asarray(lon, dtype=np.float64))
    at_lat: Floats = np.atleast_1d(np.asarray(lat, dtype=np.float64))
    if not (np.isfinite(at_lon).all() and np.isfinite(at_lat).all()):
        raise RouteError("a position is not a finite number", remedy="give lon and lat in degrees")
    rows, tree = _tree(min_population)
    _, nearest = tree.query(ecef_km(at_lon, at_lat))
    found = _towns().iloc[rows[nearest]].drop(columns=ALIASES).reset_index(drop=True)
    _, found["km"] = inverse(at_lon, at_lat, found[LON].to_numpy(), found[LAT].to_numpy())
    found[POPULATION] = found[POPULATION].astype("Int64")
    near: pd.DataFrame = found.where(found["km"] <= within_km)
    return near
