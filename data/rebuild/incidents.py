"""Rebuild what follows from data/incidents.csv: its row order and the counts in data/incidents.md.

Run as ``python data/rebuild/incidents.py`` after a row of the catalogue was added or corrected. The
rows themselves are the source and are edited by hand; this reads them through the library's own
door, so a row that breaks a rule stops it. With ``--check`` nothing is written, and the exit code
is 1 if something would be.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd

from kidnaprisk.incidents.read import read_incidents

DATA = Path(__file__).resolve().parents[1]
CATALOGUE = DATA / "incidents.csv"
CARD = DATA / "incidents.md"
START = "<!-- counts: written by data/rebuild/incidents.py -->"
END = "<!-- end of counts -->"


def main() -> int:
    """Write the two files, or with ``--check`` say whether they are as they should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    incidents = read_incidents(CATALOGUE)
    wanted = {CATALOGUE: sorted_rows(CATALOGUE.read_text("utf-8")), CARD: with_counts(incidents)}
    stale = [path for path, text in wanted.items() if path.read_bytes() != text.encode()]
    for path in stale:
        print(f"{path.name} {'is stale' if check else 'written'}")
        if not check:
            path.write_bytes(wanted[path].encode())
    return 1 if check and stale else 0


def sorted_rows(text: str) -> str:
    """The catalogue by date, then id."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    rows.sort(key=lambda row: (row["date"], row["incident_id"]))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def with_counts(incidents: gpd.GeoDataFrame) -> str:
    """The card with its counts as the rows have them."""
    before, _, rest = CARD.read_text("utf-8").partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{counts(incidents)}\n\n{END}{after}"


def counts(incidents: gpd.GeoDataFrame) -> str:
    """Counts by year and country, and of what is known, as Markdown."""
    first = incidents["date"].min().date().isoformat()
    last = incidents["date_end"].max().date().isoformat()
    window = (incidents["date_end"] - incidents["date"]).dt.days
    error_km = incidents["location_error_km"]
    countries = incidents["country"].nunique()
    lines = [
        f"{len(incidents)} incidents, {countries} countries, {first} to {last}.",
        "",
        *_by_year(incidents),
        "",
        "| what | rows |",
        "|---|---|",
        f"| exact to the day | {_share(window == 0)} |",
        f"| within a week | {_share(window <= 7)} |",
        f"| over a month | {_share(window > 30)} |",
        *(f"| placed to {km} km or better | {_share(error_km <= km)} |" for km in (5, 15, 25, 50)),
        f"| placed to 75 km or worse | {_share(error_km >= 75)} |",
        f"| number of victims given | {_share(incidents['victims'].notna())} |",
        f"| foreign victims known to be among them | {_share(incidents['foreign_victims'] > 0)} |",
        f"| resting on one page | {_share(~incidents['source_url'].str.contains(';'))} |",
        "",
    ]
    for column in ("setting", "sector", "demand", "outcome"):
        lines += [f"- `{column}`: {_words(incidents[column])}"]
    return "\n".join(lines)


def _by_year(incidents: gpd.GeoDataFrame) -> list[str]:
    table = pd.crosstab(incidents["date"].dt.year, incidents["country"])
    table = table[table.sum().sort_values(ascending=False, kind="stable").index]
    table["all"] = table.sum(axis=1)
    table.loc["all"] = table.sum()
    names = [str(name) for name in table.columns]
    lines = ["| year | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for year, row in table.iterrows():
        cells = [str(value) if value else "" for value in row.tolist()]
        lines.append(f"| {year} | " + " | ".join(cells) + " |")
    return lines


def _share(which: pd.Series) -> str:
    count = int(which.fillna(False).sum())
    return f"{count} ({100 * count / len(which):.0f} %)"


def _words(column: pd.Series) -> str:
    counted = [f"{word} {count}" for word, count in column.value_counts().items()]
    missing = int(column.isna().sum())
    return ", ".join(counted + ([f"not known {missing}"] if missing else []))


if __name__ == "__main__":
    sys.exit(main())
