"""SYNTHETIC ACLED-like exports, for speed and size only: every row is made up.

The columns, words and proportions are those of an export; places, days and notes are drawn at
random and mean nothing. Nothing made here is ever a default of the library.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

HEADER = (
    "data_id,iso,event_id_cnty,event_id_no_cnty,event_date,year,time_precision,event_type,"
    "sub_event_type,actor1,assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,region,"
    "country,admin1,admin2,admin3,location,latitude,longitude,geo_precision,source,source_scale,"
    "notes,fatalities,timestamp,iso3"
).split(",")
MONTHS = (
    "January February March April May June July August September October November December"
).split()
# Country: prefix of ids, number, three letters, and a box well inside it.
COUNTRIES = {
    "Burkina Faso": ("BFO", 854, "BFA", (-3.5, 11.5, -0.5, 13.5)),
    "Niger": ("NGR", 562, "NER", (3.0, 14.0, 10.0, 17.0)),
    "Mali": ("MLI", 466, "MLI", (-5.5, 14.0, -1.0, 16.5)),
    "Nigeria": ("NIG", 566, "NGA", (5.0, 8.0, 11.0, 12.0)),
}
TYPES = (
    ("Violence against civilians", "Abduction/forced disappearance", 0.06),
    ("Violence against civilians", "Attack", 0.24),
    ("Battles", "Armed clash", 0.30),
    ("Explosions/Remote violence", "Air/drone strike", 0.15),
    ("Protests", "Peaceful protest", 0.20),
    ("Strategic developments", "Looting/property destruction", 0.05),
)


def write_made_acled(path: Path, n: int, seed: int = 0) -> None:
    """Write n made-up rows as a CSV in the manner of ACLED's 31-column export."""
    rng = np.random.default_rng(seed)
    names = list(COUNTRIES)
    # As in the real files, most rows share their place with others.
    towns = {
        name: rng.uniform(box[:2], box[2:], (400, 2)).round(4)
        for name, (*_, box) in COUNTRIES.items()
    }
    country = rng.integers(0, len(names), n)
    town = (400 * rng.random(n) ** 2).astype(int)
    day = rng.integers(
        np.datetime64("1997-01-01").astype(int), np.datetime64("2024-01-01").astype(int), n
    )
    kind = rng.choice(len(TYPES), n, p=[share for *_, share in TYPES])
    precision = rng.choice([1, 2, 3], (n, 2), p=[0.7, 0.25, 0.05])
    delay = rng.exponential(60.0, n)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for row in range(n):
            name = names[country[row]]
            prefix, iso, iso3, _ = COUNTRIES[name]
            lon, lat = towns[name][town[row]]
            date = np.datetime64(int(day[row]), "D").item()
            event, sub_event, _ = TYPES[kind[row]]
            note = (
                f"SYNTHETIC row {row}: on {date}, something made up was done in town {town[row]}. "
                * 3
            )
            writer.writerow((
                9_000_000 + row, iso, f"{prefix}{row}", row,
                f"{date.day:02} {MONTHS[date.month - 1]} {date.year}", date.year, precision[row, 0],
                event, sub_event, "Unidentified Armed Group", "", 3, "Civilians", "", 7, 37,
                "Western Africa", name, f"Region {town[row] % 12}", f"District {town[row] % 60}",
                "", f"Town {town[row]}", lat, lon, precision[row, 1], "Made up", "National", note,
                0, int((day[row] + 2 + delay[row]) * 86_400), iso3,
            ))  # fmt: skip
