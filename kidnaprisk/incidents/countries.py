"""Countries as incident sources write them, as the table's two-letter codes.

Exact names and codes only: a near miss is no country, because a guess would take Niger State for
Niger. What is in the table: data/countries.csv (ISO 3166-1, FIPS 10-4, names from GeoNames and from
the sources themselves).
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from collections.abc import Mapping

import pandas as pd

from kidnaprisk.bundled import data_path
from kidnaprisk.incidents.parse import cell_text

_NUMBER = re.compile(r"(\d{1,3})(?:\.0)?", re.ASCII)


def country_codes(column: pd.Series) -> pd.Series:
    """Two-letter country codes from names or codes of any kind.

    Parameters
    ----------
    column : Series (n,)
        ISO 3166-1 alpha-2, alpha-3 or number, or an English name.

    Returns
    -------
    Series (n,) of string
        Alpha-2, NA where empty or not known. Index as given.

    Examples
    --------
    >>> country_codes(pd.Series(["Niger", "NGA", 854, "NA", "Cote D'Ivoire", "Atlantis"])).tolist()
    ['NE', 'NG', 'BF', 'NA', 'CI', <NA>]
    """
    return _looked_up(column, _codes())


def fips_codes(column: pd.Series) -> pd.Series:
    """Two-letter ISO codes from FIPS 10-4 codes, in which ``NG`` is Niger and ``NI`` Nigeria.

    Parameters and returns are as for `country_codes`.

    Examples
    --------
    >>> fips_codes(pd.Series(["NG", "NI", "UV"])).tolist()
    ['NE', 'NG', 'BF']
    """
    return _looked_up(column, _fips())


def _looked_up(column: pd.Series, codes: Mapping[str, str]) -> pd.Series:
    found = {value: codes.get(_folded(value)) for value in column.dropna().unique().tolist()}
    return column.map(found).astype("string")


def _folded(value: object) -> str:
    text = cell_text(value) or ""
    number = _NUMBER.fullmatch(text)
    if number:
        return f"{int(number.group(1)):03}"
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).casefold()
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


@functools.cache
def _rows() -> list[dict[str, str]]:
    with data_path("countries.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@functools.cache
def _codes() -> Mapping[str, str]:
    return {
        _folded(name): row["alpha_2"]
        for row in _rows()
        for name in (
            row["name"],
            *row["other_names"].split(";"),
            row["numeric"],
            row["alpha_3"],
            row["alpha_2"],
        )
        if name
    }


@functools.cache
def _fips() -> Mapping[str, str]:
    return {
        _folded(code): row["alpha_2"] for row in _rows() for code in row["fips"].split(";") if code
    }
