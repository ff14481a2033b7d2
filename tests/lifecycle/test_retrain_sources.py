"""Several sources and many nights: each event counted once, and every version made again.

Synthetic rows.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle.rebuild import rebuild
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

DAY = dt.date(2023, 6, 5)
WEEK = dt.timedelta(days=7)
SECOND = """
[[feeds]]
name = "another"
path = "another.csv"
complete = true
newest_days = 90
"""
# Whether to publish is not what is asked here.
LAX = "[gate]\nleast_incidents = 1000\nmost_revised = 1.0\nmost_gone = 0.2\n"


def put(folder: Path, table: pd.DataFrame, name: str = "feed", source: str = "made-up") -> None:
    """A file of a source, and what it covers beside it."""
    bare(folder, table.assign(source=source), name)
    covered = nights.COVERAGE.format(first=nights.FIRST, last=nights.LAST)
    (folder / f"{name}.coverage.toml").write_text(covered.replace("made-up", source))


def bare(folder: Path, table: pd.DataFrame, name: str = "feed") -> None:
    """A file of which nothing says what it covers."""
    days = ["date", "date_end", "known_on"]
    text = table.assign(**{day: table[day].dt.strftime("%Y-%m-%d") for day in days})
    text.to_csv(folder / f"{name}.csv", index=False)


def rows(run: kr.RetrainRun) -> int:
    return int(next(one["rows"] for one in run.facts["stages"] if one["stage"] == "records"))


def failed(run: kr.RetrainRun) -> set[str]:
    return {one["name"] for one in run.facts["checks"] if one["status"] == "failed"}


def test_eleven_nights_of_two_sources_and_all_versions_come_again(tmp_path: Path) -> None:
    config = nights.put_config(tmp_path, SECOND + LAX)
    table, luck = nights.made_up(200), np.random.default_rng(5)
    # Every third is told by another source as well, a fortnight later.
    late = table["known_on"] + pd.Timedelta(days=14)
    twice = table.assign(known_on=late, incident_id="x" + table["incident_id"]).iloc[::3]
    for night in range(11):
        day = DAY + night * WEEK
        there = luck.random(len(table)) > 0.01
        moved = np.where(luck.random(len(table)) < 0.03, 7.0 + night, 5.0)
        put(tmp_path, table.assign(location_error_km=moved)[there])
        # Never without the row that it is told beside.
        also = twice[there[twice.index] & (luck.random(len(twice)) > 0.01)]
        put(tmp_path, also, "another", "another")
        run = nights.night(config, day)
        assert run.decision == "published", run.reasons
        assert rows(run) == int((table["known_on"][there] <= pd.Timestamp(day)).sum())
    assert nights.night(config, day).decision == "unchanged"
    # More of the same day, after it was published: a version of its own.
    put(tmp_path, table.assign(location_error_km=6.0))
    assert nights.night(config, day).decision == "published"
    versions = kr.Registry(tmp_path / "models").versions()["version"].tolist()
    assert len(versions) == 12
    for version in versions:
        made = rebuild(tmp_path / "models", "default", version, tmp_path / "incidents.db")
        assert (made.rebuilt, made.same, made.differing) == (version, True, ())


def test_two_files_of_one_source_are_no_rows_gone(tmp_path: Path) -> None:
    text = nights.CONFIG.format(more="").replace("complete = true", "")
    config = tmp_path / "retrain.toml"
    config.write_text(
        f'{text}[[feeds]]\nname = "niger"\npath = "niger.csv"\nnewest_days = 90\n{LAX}'
    )
    today = dt.datetime.now(dt.UTC).date()
    table = nights.made_up()
    behind = pd.Timestamp(today) - table["known_on"].max()
    days = {name: table[name] + behind for name in ("date", "date_end", "known_on")}
    table = table.assign(**days)
    for day in (today - dt.timedelta(days=1), today):
        known = table[table["known_on"] <= pd.Timestamp(day)]
        bare(tmp_path, known[known["country"] == "BF"])
        bare(tmp_path, known[known["country"] == "NE"], "niger")
        run = nights.night(config, day)
        assert run.decision == "published", run.reasons


def test_a_country_gone_is_missed_by_no_replay_of_files_without_stated_coverage(
    tmp_path: Path,
) -> None:
    config = nights.put_config(tmp_path)
    config.write_text(config.read_text().replace("complete = true", "complete = false"))
    table = nights.made_up()
    bare(tmp_path, table)
    assert nights.night(config, DAY).decision == "published"
    bare(tmp_path, table[table["country"] != "NE"])
    run = nights.night(config, DAY + WEEK)
    assert run.decision == "refused"
    assert "gone" in failed(run)


@pytest.mark.parametrize("part", [True, False])
def test_swapped_coordinates_are_told_where_nothing_is_held_to_compare_with(
    tmp_path: Path, part: bool
) -> None:
    config = nights.put_config(tmp_path, LAX)
    table = nights.made_up()
    turned = table.assign(longitude=table["latitude"], latitude=table["longitude"])
    if part:
        nights.put_feed(tmp_path, table)
        assert nights.night(config, DAY).decision == "published"
        config.write_text(config.read_text().replace("complete = true", "part = true"))
        turned = turned[turned["date"] > pd.Timestamp(DAY) - pd.Timedelta(days=60)]
    nights.put_feed(tmp_path, turned)
    assert nights.night(config, DAY + WEEK).decision == "refused"


def test_a_store_that_others_fill_is_linked_too(tmp_path: Path) -> None:
    text = nights.put_config(tmp_path, LAX).read_text()
    config = tmp_path / "feedless.toml"
    begin, end = text.index("[[feeds]]"), text.index("[backtest]")
    config.write_text(text[:begin] + text[end:])
    table = nights.made_up()
    for day in (DAY, DAY + 4 * WEEK):
        known = nights.as_incidents(table[table["known_on"] <= pd.Timestamp(day)])
        other = known.assign(source="another", incident_id="x" + known["incident_id"])
        other.attrs = {}
        with kr.IncidentStore(tmp_path / "incidents.db") as store:
            store.upsert(known, on=day)
            store.upsert(other, on=day)
        assert rows(nights.night(config, day)) == len(known)


def test_a_day_the_store_is_past_is_read_as_it_was_and_merged_no_more(tmp_path: Path) -> None:
    config = nights.put_config(tmp_path, SECOND + LAX)
    table = nights.made_up()
    put(tmp_path, table)
    put(tmp_path, table.iloc[::3].assign(incident_id="x" + table["incident_id"]), "another", "b")
    first = nights.night(config, DAY)
    assert nights.night(config, DAY + WEEK).decision == "published"
    back = nights.night(config, DAY)
    assert back.decision == "refused"
    assert rows(back) == rows(first)
