"""Feeds that went bad: each refused for the right reason, store and champion untouched."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

DAY = dt.date(2023, 6, 5)
LATER = DAY + dt.timedelta(days=7)


class Poison(Protocol):
    __name__: str

    def __call__(self, table: pd.DataFrame, /) -> pd.DataFrame: ...


def half_missing(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[::2]


def country_gone(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["country"] != "NE"]


def shifted_back(table: pd.DataFrame) -> pd.DataFrame:
    moved = {name: table[name] - pd.Timedelta(days=365) for name in ("date", "date_end")}
    return table.assign(**moved)


def shifted_ahead(table: pd.DataFrame) -> pd.DataFrame:
    days = ("date", "date_end", "known_on")
    return table.assign(**{name: table[name] + pd.Timedelta(days=365) for name in days})


def tenfold_with_the_same_ids(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table] * 10)


def tenfold_with_ids_of_their_own(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table.assign(incident_id=table["incident_id"] + f"-{n}") for n in range(10)])


def swapped(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(longitude=table["latitude"], latitude=table["longitude"])


def column_lost(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="place")


def frozen(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["date"] < pd.Timestamp(LATER) - pd.Timedelta(days=60)]


def header_alone(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[:0]


def recent_days_silent(table: pd.DataFrame) -> pd.DataFrame:
    """Rows go on, but of one country alone."""
    last = pd.Timestamp(LATER) - pd.Timedelta(days=120)
    return table[(table["country"] != "BF") | (table["date"] < last)]


POISONS: list[tuple[Poison, set[str]]] = [
    (half_missing, {"gone"}),
    (country_gone, {"gone"}),
    (shifted_back, {"revised", "freshness"}),
    (shifted_ahead, {"gone", "revised", "freshness", "rejects"}),
    (tenfold_with_the_same_ids, {"rejects"}),
    (tenfold_with_ids_of_their_own, {"duplicates", "backfill"}),
    (swapped, {"revised", "rejects"}),
    (column_lost, {"schema"}),
    (frozen, {"freshness"}),
    (header_alone, {"feed"}),
]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def imports(folder: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "incidents.db") as database:
        found = database.execute("SELECT * FROM incident_imports ORDER BY id").fetchall()
    database.close()
    return found


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A folder with one night done, and the synthetic table that its feed was cut from."""
    folder = tmp_path_factory.mktemp("nights")
    config, table = nights.put_config(folder), nights.made_up(400)
    nights.put_feed(folder, table, DAY)
    assert nights.night(config, DAY).decision == "published"
    return folder, table


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(("poison", "reasons"), POISONS, ids=[one.__name__ for one, _ in POISONS])
def test_refused(
    published: tuple[Path, pd.DataFrame], poison: Poison, reasons: set[str], complete: bool
) -> None:
    folder, table = published
    known = table[table["known_on"] <= pd.Timestamp(LATER)]
    nights.put_feed(folder, poison(known), LATER)
    text = (folder / "retrain.toml").read_text()
    config = folder / f"{complete}.toml"
    config.write_text(text.replace("complete = true", f"complete = {str(complete).lower()}"))
    before = digests(folder / "models"), imports(folder)
    run = nights.night(config, LATER)
    failed = {check["name"] for check in run.facts["checks"] if check["status"] == "failed"}
    assert (run.decision, run.exit_code) == ("refused", 3), run.facts["checks"]
    assert failed & reasons, run.reasons
    assert (digests(folder / "models"), imports(folder)) == before


def test_a_row_without_id_and_it_is_not_all_there_is(published: tuple[Path, pd.DataFrame]) -> None:
    """Nobody can say which row of the store it is: the store would withdraw that one."""
    folder, table = published
    known = table[table["known_on"] <= pd.Timestamp(LATER)]
    nameless = known.assign(incident_id=known["incident_id"].where(known.index != 9, ""))
    nights.put_feed(folder, nameless, LATER)
    before = digests(folder / "models"), imports(folder)
    run = nights.night(folder / "retrain.toml", LATER)
    assert run.decision == "refused"
    assert run.reasons == [
        "complete (made-up): rejected rows cut off or without an id: 1; what is gone is not known"
    ]
    # The store would not guess either: no reason makes it.
    forced = kr.retrain(folder / "retrain.toml", as_of=LATER, force="never mind")
    assert (forced.decision, forced.exit_code) == ("refused", 3)
    assert (digests(folder / "models"), imports(folder)) == before


def test_a_country_fallen_silent_is_told_by_name(tmp_path: Path) -> None:
    # Eight times as many, so that ninety days are enough to tell.
    config, table = nights.put_config(tmp_path), nights.made_up(1600)
    nights.put_feed(tmp_path, table, DAY)
    assert nights.night(config, DAY).decision == "published"
    known = table[table["known_on"] <= pd.Timestamp(LATER)]
    config.write_text(config.read_text().replace("complete = true", "part = true"))
    nights.put_feed(tmp_path, recent_days_silent(known), LATER)
    run = nights.night(config, LATER)
    # The held rows stand, so nothing has fallen silent yet; months later it has.
    assert run.decision == "published"
    day = LATER + dt.timedelta(days=110)
    silent = table[(table["known_on"] <= pd.Timestamp(day))]
    silent = silent[(silent["country"] != "BF") | (silent["date"] < pd.Timestamp(LATER))]
    nights.put_feed(tmp_path, silent, day)
    run = nights.night(config, day)
    assert run.decision == "refused"
    assert any("volume" in reason and "BF 0 instead of" in reason for reason in run.reasons)


def test_an_ordinary_week_is_taken_in(published: tuple[Path, pd.DataFrame]) -> None:
    folder, table = published
    known = table[table["known_on"] <= pd.Timestamp(LATER)]
    few = np.arange(len(known)) % 50 == 0
    revised = known.assign(place=np.where(few, "Another name", known["place"]))
    nights.put_feed(folder, revised, LATER)
    run = nights.night(folder / "retrain.toml", LATER)
    assert run.decision == "published", run.reasons
    assert kr.Registry(folder / "models").current() == run.facts["challenger"]
