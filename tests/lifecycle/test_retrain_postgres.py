"""Nights of two sources on a PostgreSQL that sorts as people do: the models of SQLite, to the byte.

Synthetic: ids in upper and lower case and with accents, which English sorts otherwise than bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle.config import read_config
from kidnaprisk.lifecycle.rebuild import rebuild
from tests.lifecycle import nights
from tests.postgres import PostgresServer, postgres_server

DAY = dt.date(2023, 6, 5)
SECOND = """
[[feeds]]
name = "another"
path = "another.csv"
[gate]
least_incidents = 1000
most_revised = 1.0
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


def english(server: PostgresServer) -> str:
    """The address of an empty database that sorts as English does."""
    server.run(
        "CREATE DATABASE english TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' "
        "LOCALE 'C'"
    )
    server.run("CREATE EXTENSION postgis", "english")
    return server.url("english")


def put(folder: Path, table: pd.DataFrame, name: str, source: str) -> None:
    days = ["date", "date_end", "known_on"]
    told = table.assign(source=source, **{day: table[day].dt.strftime("%Y-%m-%d") for day in days})
    told.to_csv(folder / f"{name}.csv", index=False)
    covered = nights.COVERAGE.format(first=nights.FIRST, last=nights.LAST)
    (folder / f"{name}.coverage.toml").write_text(covered.replace("made-up", source))


@pytest.mark.slow
def test_nights_on_both_give_the_same_models(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Trusted by the server: no ~/.pgpass is asked for.
    monkeypatch.setenv("HOME", str(tmp_path / "no home"))
    table = nights.made_up(200)
    shapes = ["aB_{}", "Ab-{}", "é{}", "E{}", "z{}"]
    table["incident_id"] = [shapes[n % len(shapes)].format(n) for n in range(len(table))]
    told = []
    for name, url in (("sqlite", "sqlite:///incidents.db"), ("postgres", english(server))):
        folder = tmp_path / name
        folder.mkdir()
        config = nights.put_config(folder, SECOND)
        config.write_text(config.read_text().replace("sqlite:///incidents.db", url))
        runs = []
        for week in range(2):
            now = table.assign(location_error_km=5.0 + (table.index % 20 == week))
            put(folder, now.drop(index=[20 + week]), "feed", "made-up")
            put(folder, now.iloc[::3].assign(location_error_km=5.0 + week), "another", "Another")
            day = DAY + dt.timedelta(days=7 * week)
            rehearsed = kr.retrain(config, as_of=day, dry_run=True).facts
            # What was rehearsed was done to a copy.
            with kr.IncidentStore(read_config(config).store.url) as store:
                assert len(store.status().imports) == 3 * week
            runs.append(nights.night(config, day).facts)
            assert rehearsed["decision"] == "rehearsed"
            for one in ("checks", "figures", "feeds"):
                assert rehearsed[one] == runs[-1][one]
        models = folder / "models"
        for version in kr.Registry(models).versions()["version"]:
            made = rebuild(models, "default", version, read_config(config).store.url)
            assert (made.rebuilt, made.same) == (version, True), made.differing
        names = ("decision", "challenger", "checks", "figures", "monitor", "feeds")
        told.append([{name: run[name] for name in names} for run in runs])
        assert [run["decision"] for run in runs] == ["published"] * 2
        files = sorted(path for path in models.rglob("*.npy"))
        told[-1].append({str(one.relative_to(models)): one.read_bytes() for one in files})
    # Merged: one event a row, whichever of the sources tells it. And withdrawn, revised, late.
    assert told[0] == told[1]
    assert all(feed["revised"] for feed in told[0][1]["feeds"])


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://risk:hunter2@db/risk",
        "postgres://risk:hunter2@db/risk",
        "postgresql://risk@db/risk?password=hunter2",
        "postgresql://risk@db/risk?sslpassword=hunter2",
        "postgresql://risk:hunter2@db:port/risk",
        "postgresql:/risk:hunter2@db/risk",
        "risk:hunter2@db/risk",
        "mysql://risk:hunter2@db/risk",
    ],
)
def test_an_address_with_a_password_is_refused_unshown(url: str, tmp_path: Path) -> None:
    config = nights.put_config(tmp_path)
    config.write_text(config.read_text().replace("sqlite:///incidents.db", url))
    with pytest.raises(kr.ConfigError) as caught:
        kr.retrain(config, as_of=DAY)
    assert "hunter2" not in f"{caught.value} {vars(caught.value)}"
    assert [path.name for path in tmp_path.iterdir()] == ["retrain.toml"]
