"""What a feed brings, from real files: which are read, what is left out, what is written down.

Synthetic rows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.incidents.batches import Batch, read_batches
from kidnaprisk.lifecycle.config import FeedSettings, GateSettings, read_config
from kidnaprisk.lifecycle.drift import intake_checks
from kidnaprisk.lifecycle.intake import Incoming, read_feed
from tests.lifecycle import nights

DAY = dt.date(2022, 6, 1)
TABLE = nights.made_up(100)


def put(path: Path, table: pd.DataFrame = TABLE) -> Path:
    days = ["date", "date_end", "known_on"]
    text = table.assign(**{name: table[name].dt.strftime("%Y-%m-%d") for name in days})
    text.to_csv(path, index=False)
    return path


def read(path: Path, *, replay: bool = False, **more: Any) -> Incoming:
    feed = FeedSettings(name="mine", path=str(path), **more)
    return read_feed(feed, as_of=DAY, folder=path.parent, replay=replay)


def test_a_file_and_what_is_written_down_of_it(tmp_path: Path) -> None:
    bad = TABLE.assign(latitude=TABLE["latitude"].where(TABLE.index != 7, 999.0))
    path = put(tmp_path / "feed.csv", bad)
    incoming = read(path)
    assert (len(incoming.table), len(incoming.rejects), incoming.rows_in) == (99, 1, 100)
    assert incoming.rejects["incident_id"].tolist() == ["m00007"]
    assert incoming.columns == tuple(TABLE.columns)
    assert incoming.files == ("feed.csv",)
    digest = hashlib.sha256(path.read_bytes()).digest()
    assert incoming.sha256 == hashlib.sha256(digest).hexdigest()
    assert incoming.sources == ["made-up"]
    assert (incoming.complete, incoming.part, incoming.not_yet_known) == (False, False, 0)
    # What is covered the store finds out.
    assert (incoming.coverage, incoming.stated) == (None, False)


def test_of_several_files_the_one_written_last(tmp_path: Path) -> None:
    for name, instant in (("a.csv", 3_000_000), ("b.csv", 2_000_000), ("c.csv", 1_000_000)):
        os.utime(put(tmp_path / name), (instant, instant))
    assert read(tmp_path / "*.csv").files == ("a.csv",)


def test_of_all_files_the_last_by_name_is_heard(tmp_path: Path) -> None:
    put(tmp_path / "2022-01.csv", TABLE.iloc[:60])
    put(tmp_path / "2022-02.csv", TABLE.iloc[40:].assign(place="Told later"))
    incoming = read(tmp_path / "*.csv", pick="all")
    assert incoming.files == ("2022-01.csv", "2022-02.csv")
    with kr.IncidentStore(tmp_path / "incidents.db") as store:
        store.upsert(incoming.batches, on=DAY, coverage=incoming.coverage)
        held = store.as_of(DAY).set_index("incident_id")["place"]
    assert len(held) == 100
    assert held.index[held == "Told later"].tolist() == TABLE["incident_id"].iloc[40:].tolist()


def test_a_folder_with_brackets_and_a_file_that_is_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "a [b]"
    folder.mkdir()
    put(folder / "feed.csv")
    config = folder / "retrain.toml"
    config.write_text('[[feeds]]\nname = "mine"\npath = "feed.csv"\n')
    feed = read_config(config).feeds[0]
    assert len(read_feed(feed, as_of=DAY, folder=folder, replay=False).table) == 100


def test_no_file_is_an_error_that_names_the_feed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "b.csv").symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(kr.FeedError, match="mine has no file"):
        read(tmp_path / "*.csv")


@pytest.mark.parametrize("text", [b"", b"incident_id,source\n", b"\x00\x01\x02", b"a,b\n1,2\n"])
def test_what_is_no_file_of_incidents_is_an_error(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "feed.csv"
    path.write_bytes(text)
    with pytest.raises(kr.IncidentError):
        read(path)


def test_every_row_rejected_is_told_and_no_error(tmp_path: Path) -> None:
    incoming = read(put(tmp_path / "feed.csv", TABLE.assign(latitude=999.0)))
    assert (len(incoming.table), len(incoming.rejects)) == (0, 100)
    assert incoming.sources == []


def test_a_replay_leaves_out_what_was_known_later(tmp_path: Path) -> None:
    path = put(tmp_path / "feed.csv")
    known = TABLE["known_on"] <= pd.Timestamp(DAY)
    incoming = read(path, replay=True)
    assert incoming.table["incident_id"].tolist() == TABLE["incident_id"][known].tolist()
    assert incoming.not_yet_known == int((~known).sum()) > 0
    assert incoming.rows_in == int(known.sum())
    # The batches, which the store takes in, are without them too.
    assert sum(len(one.incidents) for one in incoming.batches) == int(known.sum())
    # On the day itself nothing is asked of known_on.
    assert read(path).not_yet_known == 0


def test_an_early_replay_of_a_file_with_some_rejects_is_taken_in(tmp_path: Path) -> None:
    # Every twentieth row is bad; the day is early in the file's three years.
    bad = TABLE.assign(latitude=TABLE["latitude"].where(TABLE.index % 20 != 0, 999.0))
    feed = FeedSettings(name="mine", path=str(put(tmp_path / "feed.csv", bad)))
    day = TABLE["known_on"].iloc[10].date()
    incoming = read_feed(feed, as_of=day, folder=tmp_path, replay=True)
    checks = intake_checks(incoming, None, None, feed, GateSettings(), day)
    assert [(one.status, one.value) for one in checks if one.name == "rejects"] == [
        ("passed", 0.05)
    ]


def cover(path: Path, *spans: tuple[dt.date, dt.date]) -> Path:
    path.write_text("".join(nights.COVERAGE.format(first=a, last=b) for a, b in spans))
    return path


def test_a_replay_cuts_what_is_covered_to_its_day(tmp_path: Path) -> None:
    path = put(tmp_path / "feed.csv")
    begins = DAY + dt.timedelta(days=1)
    cover(tmp_path / "feed.coverage.toml", (nights.FIRST, DAY), (begins, nights.LAST))
    now, then = read(path), read(path, replay=True)
    assert now.coverage is not None
    assert then.coverage is not None
    assert [one.end for one in now.coverage] == [DAY, nights.LAST]
    assert [(one.start, one.end) for one in then.coverage] == [(nights.FIRST, DAY)]
    assert (now.stated, then.stated) == (True, True)


def test_a_replay_of_a_file_that_states_none_covers_no_later_day(tmp_path: Path) -> None:
    incoming = read(put(tmp_path / "feed.csv"), replay=True)
    assert incoming.coverage is not None
    assert {one.end for one in incoming.coverage} == {DAY}
    assert not incoming.stated


def test_a_part_covers_nothing_unless_it_is_said(tmp_path: Path) -> None:
    path = put(tmp_path / "feed.csv")
    assert read(path, part=True).coverage == ()
    stated = cover(tmp_path / "stated.toml", (nights.FIRST, DAY))
    incoming = read(path, part=True, coverage=stated)
    assert incoming.coverage is not None
    assert [one.end for one in incoming.coverage] == [DAY]
    assert incoming.stated


def stored(incoming: Incoming, folder: Path) -> str:
    """What the store says of taking a feed in as all there is."""
    with kr.IncidentStore(folder / "incidents.db") as store:
        try:
            store.upsert(incoming.batches, coverage=incoming.coverage, complete=True)
        except kr.StoreError as error:
            return error.message
    return "taken in"


@pytest.mark.parametrize(
    ("area", "nameless", "told"),
    [
        ("", False, "without a coverage"),
        ("BF", False, "taken in"),
        ("BF-SAH", False, "whole countries"),
        ("BF", True, "cut off or have no id"),
    ],
)
def test_all_there_is_is_asked_as_the_store_asks(
    tmp_path: Path, area: str, nameless: bool, told: str
) -> None:
    table = TABLE[TABLE["country"] == "BF"]
    ids = table["incident_id"].where((not nameless) | (np.arange(len(table)) != 3), "")
    path = put(tmp_path / "feed.csv", table.assign(incident_id=ids))
    if area:
        beside = cover(tmp_path / "feed.coverage.toml", (nights.FIRST, nights.LAST))
        region = next(one for one in kr.load_regions()["region_id"] if one.startswith("BF-"))
        area = region if "-" in area else area
        beside.write_text(beside.read_text().replace('["BF", "NE"]', f'["{area}"]'))
    incoming = read(path, complete=True)
    assert told in stored(incoming, tmp_path)
    checks = intake_checks(incoming, None, None, FeedSettings(name="mine"), GateSettings(), DAY)
    found = next(one for one in checks if one.name == "complete")
    assert (found.status == "passed") is (told == "taken in"), found.text


@pytest.mark.parametrize("replay", [False, True])
@pytest.mark.parametrize("source", ["mistyped", "made-up:2"])
def test_a_source_that_is_not_covered_or_cannot_be_one_is_told_before_it_is_stored(
    tmp_path: Path, source: str, replay: bool
) -> None:
    wrong = TABLE.assign(source=TABLE["source"].where(TABLE.index != 7, source))
    path = put(tmp_path / "feed.csv", wrong)
    cover(tmp_path / "feed.coverage.toml", (nights.FIRST, nights.LAST))
    with pytest.raises(kr.IncidentError) as told:
        read(path, complete=True, replay=replay)
    assert told.value.value == source


def test_what_is_held_of_a_row_that_was_revised_later_is_not_withdrawn(tmp_path: Path) -> None:
    path = put(tmp_path / "feed.csv")
    cover(tmp_path / "feed.coverage.toml", (nights.FIRST, nights.LAST))
    before = read(path, complete=True, replay=True)
    held = before.table
    revised = TABLE["incident_id"].isin(held["incident_id"].iloc[[3, 9]])
    tomorrow = pd.Timestamp(DAY) + pd.Timedelta(days=1)
    gone = TABLE["incident_id"] == held["incident_id"].iloc[20]
    now = TABLE.assign(known_on=TABLE["known_on"].where(~revised, tomorrow), location_error_km=7.0)
    put(path, now[~gone])
    incoming = read(path, complete=True, replay=True)
    assert incoming.not_yet_known == before.not_yet_known + 2
    feed, limits = FeedSettings(name="mine"), GateSettings()
    checks = intake_checks(incoming, held, None, feed, limits, DAY)
    assert next(one for one in checks if one.name == "gone").value == 1 / (len(held) - 2)
    with kr.IncidentStore(tmp_path / "incidents.db") as store:
        for one in (before, incoming):
            summary = store.upsert(one.batches, coverage=one.coverage, complete=True, on=DAY)
        assert summary.deleted == 1
        error = store.as_of(DAY).set_index("incident_id")["location_error_km"]
    assert len(error) == len(held) - 1
    assert set(error[error == 5.0].index) == set(TABLE.loc[revised, "incident_id"])


def interfered(with_it: Callable[[Path], object]) -> Callable[..., Iterator[Batch]]:
    """The reader, and somebody who does something to the file once it is read."""

    def reader(path: Path, **asked: Any) -> Iterator[Batch]:
        yield from read_batches(path, **asked)
        with_it(path)

    return reader


def test_a_file_written_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "feed.csv")
    shorter = interfered(lambda one: put(one, TABLE.iloc[:50]))
    monkeypatch.setattr("kidnaprisk.lifecycle.intake.read_batches", shorter)
    with pytest.raises(kr.FeedError, match="mine was written while it was read"):
        read(path)
    # Written with the same bytes it is the same file.
    put(path)
    monkeypatch.setattr("kidnaprisk.lifecycle.intake.read_batches", interfered(put))
    assert len(read(path).table) == 100


def test_a_file_taken_away_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "feed.csv")
    monkeypatch.setattr("kidnaprisk.lifecycle.intake.read_batches", interfered(Path.unlink))
    with pytest.raises(kr.FeedError, match="mine cannot be read: No such file"):
        read(path)
