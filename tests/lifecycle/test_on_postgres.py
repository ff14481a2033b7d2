"""Nights on PostgreSQL with PostGIS as on SQLite, and of several sources: the same models."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle.config import read_config
from kidnaprisk.lifecycle.rebuild import rebuild
from tests.lifecycle import nights
from tests.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.slow

DAY = dt.date(2023, 6, 5)
WEEK = dt.timedelta(days=7)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


def test_the_same_on_both(server: PostgresServer, tmp_path: Path) -> None:
    runs = {}
    for name, url in (("sqlite", "sqlite:///incidents.db"), ("postgres", server.new_schema())):
        folder = tmp_path / name
        folder.mkdir()
        config = nights.put_config(folder)
        config.write_text(config.read_text().replace("sqlite:///incidents.db", url))
        nights.put_feed(folder, nights.made_up())
        runs[name] = [nights.night(config, DAY), nights.night(config, DAY + WEEK)]
        versions = kr.Registry(folder / "models").versions()["version"].tolist()
        for version in versions:
            store = read_config(config).store.url
            assert rebuild(folder / "models", "default", version, store).same
    for here, there in zip(runs["sqlite"], runs["postgres"], strict=True):
        assert here.decision == there.decision == "published"
        assert here.facts["checks"] == there.facts["checks"]
        assert here.facts["figures"] == there.facts["figures"]
        assert here.facts["challenger"] == there.facts["challenger"]


def test_two_sources_are_one_event_each_and_both_versions_of_a_day_come_again(
    tmp_path: Path,
) -> None:
    table = nights.made_up(300)
    twice = table.iloc[::3].assign(
        source="another", incident_id=[f"x{n}" for n in range(len(table.iloc[::3]))]
    )
    second = '[[feeds]]\nname = "another"\npath = "another.csv"\n[gate]\nleast_incidents = 1000'
    config = nights.put_config(tmp_path, second)
    nights.put_feed(tmp_path, table)
    (tmp_path / "feed.csv").rename(tmp_path / "another.csv")
    nights.put_feed(tmp_path, twice)
    (tmp_path / "feed.csv").rename(tmp_path / "kept.csv")
    (tmp_path / "another.csv").rename(tmp_path / "feed.csv")
    (tmp_path / "kept.csv").rename(tmp_path / "another.csv")
    text = (tmp_path / "feed.coverage.toml").read_text()
    (tmp_path / "another.coverage.toml").write_text(text.replace("made-up", "another"))
    first = nights.night(config, DAY)
    assert first.decision == "published", first.reasons
    known = int((table["known_on"] <= np.datetime64(DAY)).sum())
    records = next(one for one in first.facts["stages"] if one["stage"] == "records")
    assert records["rows"] == known
    assert nights.night(config, DAY).decision == "unchanged"
    # More comes the same day.
    moved = twice.assign(location_error_km=7.0)
    nights.put_feed(tmp_path, moved)
    (tmp_path / "feed.csv").rename(tmp_path / "another.csv")
    nights.put_feed(tmp_path, table)
    (tmp_path / "another.coverage.toml").write_text(text.replace("made-up", "another"))
    lax = nights.put_config(tmp_path, f"{second}\nmost_revised = 1.0")
    again = nights.night(lax, DAY)
    assert again.decision == "published", again.reasons
    for run in (first, again):
        version = run.facts["challenger"]
        made = rebuild(tmp_path / "models", "default", version, tmp_path / "incidents.db")
        assert (made.rebuilt, made.same) == (version, True), made.differing
