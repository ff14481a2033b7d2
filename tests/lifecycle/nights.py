"""A feed of made-up kidnappings and a configuration, small enough for a night of a few seconds.

Synthetic: nothing of it is taken from a real source.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

import kidnaprisk as kr
from kidnaprisk.lifecycle import journal

FIRST, LAST = dt.date(2021, 1, 1), dt.date(2023, 12, 31)
DAY, WEEK = dt.date(2023, 6, 5), dt.timedelta(days=7)
# So few windows and incidents: whether to publish is not what most nights ask.
LAX = "[gate]\nleast_incidents = 100000\n"
COVERAGE = """\
[[coverage]]
source = "made-up"
areas = ["BF", "NE"]
start = "{first}"
end = "{last}"
systematic = true
"""
CONFIG = """\
[store]
url = "sqlite:///incidents.db"

[model]
folder = "models"

[model.parameters]
scales_km = [20.0]
memories_days = [180.0, 1000.0]
town_scales_km = [30.0]

[[feeds]]
name = "made-up"
kind = "file"
path = "feed.csv"
complete = true

[backtest]
windows = 2
cell_degrees = 1.0
trips = 0
{more}
"""


def made_up(rows: int = 200, seed: int = 1) -> pd.DataFrame:
    """Synthetic kidnappings at a few places of Burkina Faso and Niger, by the day."""
    rng = np.random.default_rng(seed)
    places = np.array([(0.0, 14.0), (-1.5, 12.4), (1.5, 13.5), (-3.2, 12.9)])
    at = places[rng.choice(len(places), rows, p=[0.5, 0.2, 0.2, 0.1])]
    days = np.sort(rng.integers(0, (LAST - FIRST).days - 7, rows))
    date = pd.Timestamp(FIRST) + pd.to_timedelta(days, unit="D")
    return pd.DataFrame(
        {
            "incident_id": [f"m{one:05}" for one in range(rows)],
            "source": "made-up",
            "kind": "kidnapping",
            "date": date,
            "date_end": date,
            "known_on": date + pd.Timedelta(days=7),
            "longitude": (at[:, 0] + rng.normal(0.0, 0.05, rows)).round(4),
            "latitude": (at[:, 1] + rng.normal(0.0, 0.05, rows)).round(4),
            "location_error_km": 5.0,
            "country": np.where(at[:, 0] > 1.0, "NE", "BF"),
            "place": [f"Place {one}" for one in at[:, 0]],
        }
    )


def as_incidents(table: pd.DataFrame) -> gpd.GeoDataFrame:
    """The same rows as a table in memory, with their coverage."""
    points = gpd.points_from_xy(table["longitude"], table["latitude"], crs="EPSG:4326")
    made = gpd.GeoDataFrame(table.drop(columns=["longitude", "latitude"]), geometry=points)
    incidents = kr.validate_incidents(made)
    covered = kr.Coverage("made-up", ("BF", "NE"), FIRST, LAST, True)
    incidents.attrs["coverage"] = [covered.to_dict()]
    return incidents


def put_feed(folder: Path, table: pd.DataFrame, last: dt.date = LAST) -> Path:
    """Write the feed as it would be read, and its coverage beside it."""
    days = ["date", "date_end", "known_on"]
    text = table.assign(**{name: table[name].dt.strftime("%Y-%m-%d") for name in days})
    path = folder / "feed.csv"
    text.to_csv(path, index=False)
    (folder / "feed.coverage.toml").write_text(COVERAGE.format(first=FIRST, last=last))
    return path


def put_config(folder: Path, more: str = "") -> Path:
    """Write the configuration."""
    path = folder / "retrain.toml"
    path.write_text(CONFIG.format(more=more))
    return path


def night(config: Path, day: dt.date | str) -> kr.RetrainRun:
    """One run, as of a day."""
    return kr.retrain(config, as_of=day)


def two_sources(folder: Path, table: pd.DataFrame, second: pd.DataFrame, more: str) -> Path:
    """A feed of its own for each of two sources."""
    feed = '[[feeds]]\nname = "another"\npath = "another.csv"\ncomplete = true\n'
    config = put_config(folder, feed + more)
    put_feed(folder, second)
    (folder / "feed.csv").rename(folder / "another.csv")
    put_feed(folder, table)
    told = (folder / "feed.coverage.toml").read_text()
    (folder / "another.coverage.toml").write_text(told.replace("made-up", "another"))
    return config


def files(folder: Path) -> dict[str, str]:
    """The digest of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def held(folder: Path) -> str:
    """All that the store holds, as text."""
    database = sqlite3.connect(folder / "incidents.db")
    told = "\n".join(database.iterdump())
    database.close()
    return told


def runs(folder: Path) -> list[dict[str, object]]:
    """The record of the runs so far."""
    return journal.read(folder / "retrain" / "runs.jsonl")


def told(run: kr.RetrainRun) -> dict[str, Any]:
    """What a rehearsal has in common with the night after it."""
    return {name: run.facts[name] for name in ("feeds", "checks", "figures", "monitor", "champion")}
