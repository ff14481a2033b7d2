"""Nights whose feed is a source's own server, a real one on this machine that misbehaves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import kidnaprisk as kr
from tests.incidents.feeds.server import PASSWORD, USERNAME, Acled, cut, running, status
from tests.lifecycle import nights

READ = "/api/acled/read"
FEED = """
[[feeds]]
name = "acled"
kind = "acled"
base_url = "{url}"
newest_days = 3000
"""


@pytest.fixture
def acled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Acled]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("KIDNAPRISK_ACLED_USERNAME", USERNAME)
    monkeypatch.setenv("KIDNAPRISK_ACLED_PASSWORD", PASSWORD)
    with running(Acled()) as server:
        yield server


@pytest.mark.slow
def test_a_server_that_refuses_refuses_the_night_and_one_that_recovers_is_read(
    acled: Acled, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    day = dt.datetime.now(dt.UTC).date()
    config = nights.put_config(tmp_path, FEED.format(url=acled.url))
    # The other feed has nothing newer than 2023.
    text = config.read_text().replace("complete = true", "complete = true\nnewest_days = 3000")
    config.write_text(text)
    nights.put_feed(tmp_path, nights.made_up())
    acled.trouble(READ, status(403))
    refused = nights.night(config, day)
    assert refused.decision == "refused"
    assert any(one.startswith("feed (acled)") for one in refused.reasons), refused.reasons
    with kr.IncidentStore(tmp_path / "incidents.db") as store:
        assert len(store.status().imports) == 0
    # Cut off once and then whole: it is read, and both feeds are in the store.
    acled.trouble(READ, cut)
    run = nights.night(config, day)
    brought = {one["name"]: one["added"] for one in run.facts["feeds"]}
    assert brought["acled"] == len(acled.records), run.facts["feeds"]
    assert brought["made-up"] == 200
    said = "".join(capfd.readouterr())
    for path in tmp_path.rglob("*"):
        if path.is_file():
            said += path.read_bytes().decode("utf-8", "replace")
    assert PASSWORD not in said
    assert "Bearer" not in said
