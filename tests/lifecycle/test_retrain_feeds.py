"""Nights fed by an ACLED that breaks off, deletes, and sends only what was changed.

A real server on this machine; every record of it is synthetic.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.incidents.feeds import Limits
from tests.incidents.feeds.server import (
    PASSWORD,
    USERNAME,
    Acled,
    Trouble,
    cut,
    event,
    hang,
    reset,
    running,
    status,
    web_page,
)
from tests.lifecycle import nights
from tests.lifecycle.nights import DAY, WEEK, files, told

pytestmark = pytest.mark.slow

NEXT = dt.timedelta(days=1)
READ = "/api/acled/read"
ALL = "since_days = 3000"
CHANGED = "since_days = 30"
SECRETS = (PASSWORD, USERNAME, "access-secret", "refresh-secret", "Bearer", "wrong-pass")


def instant(day: dt.date) -> int:
    return int(pd.Timestamp(day).timestamp())


def records(rows: int = 300) -> list[dict[str, Any]]:
    """Synthetic kidnappings in the manner of ACLED, stamped with the day they were known."""
    made = []
    for number, row in enumerate(nights.made_up(rows).to_dict("records")):
        country, code = ("Niger", 562) if row["country"] == "NE" else ("Burkina Faso", 854)
        made.append(
            event(number, country)
            | {"event_id_cnty": f"INV{number:05}", "event_date": f"{row['date']:%Y-%m-%d}"}
            | {"iso": code, "admin1": "", "location": row["place"]}
            | {"latitude": str(row["latitude"]), "longitude": str(row["longitude"])}
            | {"year": row["date"].year, "timestamp": instant(row["known_on"])}
        )
    return made


EVERYTHING = records()


def known(day: dt.date) -> list[dict[str, object]]:
    return [dict(one) for one in EVERYTHING if one["timestamp"] <= instant(day)]


@contextlib.contextmanager
def serving() -> Iterator[Acled]:
    """A server with all that was known, and short waits and small pages for it."""
    short = Limits(
        requests_per_minute=600_000, timeout_seconds=0.3, tries=3, first_wait_seconds=0.01,
        longest_wait_seconds=0.02, most_hours=0.01, page_rows=50,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kidnaprisk.incidents.feeds.acled.Limits", lambda: short)
        patch.setenv("NO_PROXY", "*")
        patch.setenv("KIDNAPRISK_ACLED_USERNAME", USERNAME)
        patch.setenv("KIDNAPRISK_ACLED_PASSWORD", PASSWORD)
        with running(Acled(0)) as server:
            server.records = known(DAY)
            yield server


@pytest.fixture
def acled() -> Iterator[Acled]:
    with serving() as server:
        yield server


def put_config(folder: Path, url: str, feed: str = "") -> Path:
    """The configuration of these nights; whether to publish is not what is asked here."""
    text = nights.CONFIG.format(
        more='[gate]\nleast_incidents = 1000\n[run]\nprometheus = "night.prom"'
    )
    asked = f'kind = "acled"\nbase_url = "{url}"\n{feed}\n'
    for line in ('kind = "file"', 'path = "feed.csv"\n', "complete = true\n"):
        text = text.replace(line, "")
    path = folder / "retrain.toml"
    path.write_text(text.replace('name = "made-up"', f'name = "acled"\n{asked}'))
    return path


def held(folder: Path, day: dt.date) -> set[str]:
    with kr.IncidentStore(folder / "incidents.db") as store:
        return set(store.as_of(day)["incident_id"])


def ids(rows: list[dict[str, object]]) -> list[str]:
    return [str(row["event_id_cnty"]) for row in rows]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose first night brought all there was."""
    folder = tmp_path_factory.mktemp("begun")
    with serving() as server:
        run = nights.night(put_config(folder, server.url, ALL), DAY)
    assert run.decision == "published", run.reasons
    assert held(folder, DAY) == set(ids(known(DAY)))
    return folder


@pytest.fixture
def filled(begun: Path, tmp_path: Path) -> Path:
    """The same, for one test."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_cut_off_it_is_refused_and_goes_on_where_it_stopped(acled: Acled, tmp_path: Path) -> None:
    config = put_config(tmp_path, acled.url)
    acled.trouble(READ, None, None, *[cut] * 3)
    refused = nights.night(config, DAY)
    assert (refused.decision, refused.exit_code) == ("refused", 3)
    assert refused.reasons[0].startswith("feed (acled): the answer is cut off")
    assert not (tmp_path / "models").exists()
    asked = len(acled.asked(READ))
    assert nights.night(config, DAY).decision == "published"
    pages = [request.query["page"] for request in acled.asked(READ)[asked:]]
    assert pages == ["3", "4", "5"]
    assert held(tmp_path, DAY) == set(ids(known(DAY)))


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (status(429), "status 429"),
        (status(401), "refuses the token"),
        (hang(0.6), "in time"),
        (reset, "broke off"),
        (web_page, "a web page"),
    ],
    ids=["429", "401", "hangs", "reset", "HTML with 200"],
)
def test_no_trouble_harms_and_no_secret_shows(
    acled: Acled,
    filled: Path,
    trouble: Trouble,
    says: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acled.trouble(READ, *[trouble] * 9)
    config = put_config(filled, acled.url)
    with caplog.at_level(logging.DEBUG):
        run = nights.night(config, DAY + NEXT)
        monkeypatch.setenv("KIDNAPRISK_ACLED_PASSWORD", "wrong-pass-1812")
        turned_down = nights.night(config, DAY + 2 * NEXT)
    assert (run.decision, turned_down.decision) == ("refused", "refused")
    assert run.reasons[0].startswith("feed (acled):")
    assert says in run.reasons[0]
    assert held(filled, DAY + NEXT) == set(ids(known(DAY)))
    assert kr.Registry(filled / "models").current() == run.facts["champion"]
    told = [caplog.text, *capfd.readouterr(), str(run.to_dict()), str(turned_down.to_dict())]
    files = [path.read_bytes().decode("utf-8", "replace")
             for path in filled.rglob("*") if path.is_file()]  # fmt: skip
    for secret in SECRETS:
        assert secret not in "\n".join([*told, *files])


def test_what_was_deleted_is_withdrawn_and_what_came_is_added(acled: Acled, filled: Path) -> None:
    day = DAY + WEEK
    acled.records = known(day)
    gone = ids(known(DAY))[5:8]
    deleted(acled, gone, day - NEXT)
    run = nights.night(put_config(filled, acled.url, CHANGED), day)
    assert run.decision == "published", run.reasons
    assert held(filled, day) == set(ids(known(day))) - set(gone)
    # As it was, it still can be had.
    assert held(filled, DAY) == set(ids(known(DAY)))


def deleted(acled: Acled, gone: list[str], day: dt.date) -> None:
    acled.deleted = [{"event_id_cnty": one, "deleted_timestamp": instant(day)} for one in gone]


def test_most_of_what_is_held_deleted_at_once_is_refused(acled: Acled, filled: Path) -> None:
    day = DAY + WEEK
    acled.records = known(day)
    deleted(acled, ids(known(DAY))[:200], day - NEXT)
    assert nights.night(put_config(filled, acled.url, CHANGED), day).decision == "refused"
    assert held(filled, day) == set(ids(known(DAY)))


def test_deletions_alone_are_taken_in(acled: Acled, filled: Path) -> None:
    gone = ids(known(DAY))[:3]
    deleted(acled, gone, DAY)
    nights.night(put_config(filled, acled.url, "since_days = 1"), DAY + NEXT)
    assert held(filled, DAY + NEXT) == set(ids(known(DAY))) - set(gone)


def test_what_was_deleted_and_came_back_is_held(acled: Acled, filled: Path) -> None:
    day = DAY + WEEK
    acled.records = known(day)
    back = acled.records[10]
    back["timestamp"] = instant(day) - 3600
    deleted(acled, [str(back["event_id_cnty"])], day - NEXT)
    nights.night(put_config(filled, acled.url, CHANGED), day)
    assert str(back["event_id_cnty"]) in held(filled, day)


def test_a_night_that_changes_but_an_old_record_is_taken_in(acled: Acled, filled: Path) -> None:
    day = DAY + 2 * NEXT
    acled.records = known(DAY)
    acled.records[3] |= {"timestamp": instant(day) - 3600, "geo_precision": 1}
    run = nights.night(put_config(filled, acled.url, "since_days = 1"), day)
    assert run.facts["feeds"][0].get("revised") == 1, run.reasons


def test_nights_missed_leave_no_gap(acled: Acled, filled: Path) -> None:
    day = DAY + 6 * WEEK
    acled.records = known(day)
    nights.night(put_config(filled, acled.url, "since_days = 10"), day)
    assert held(filled, day) == set(ids(known(day)))


def test_coverage_stated_of_changes_is_heard(acled: Acled, tmp_path: Path) -> None:
    # The store begins with an export, as most do, and goes on with what was changed.
    first = known(DAY)
    with (tmp_path / "export.csv").open("w", newline="", encoding="utf-8") as stream:
        written = csv.DictWriter(stream, list(first[0]))
        written.writeheader()
        written.writerows(first)
    with kr.IncidentStore(tmp_path / "incidents.db") as store:
        store.import_file(tmp_path / "export.csv", on=DAY)
    covered = nights.COVERAGE.format(first=nights.FIRST, last=nights.LAST)
    (tmp_path / "acled.toml").write_text(covered.replace("made-up", "acled"))
    day = DAY + 3 * WEEK
    acled.records = known(day)
    config = put_config(tmp_path, acled.url, f'{CHANGED}\ncoverage = "acled.toml"')
    assert nights.night(config, day).decision == "published"
    model = kr.Registry(tmp_path / "models").load()
    assert {one.end for one in model.coverage_} == {day}


def test_the_same_deletions_again_change_nothing(acled: Acled, filled: Path) -> None:
    day = DAY + WEEK
    acled.records = known(day)
    back = acled.records[10]
    back["timestamp"] = instant(day) - 3600
    deleted(acled, [str(back["event_id_cnty"]), *ids(known(DAY))[:2]], day - NEXT)
    config = put_config(filled, acled.url, CHANGED)
    assert nights.night(config, day).decision == "published"
    assert nights.night(config, day).decision == "unchanged"


def test_that_nothing_was_changed_is_an_answer_for_as_long_as_the_source_is_alive(
    acled: Acled, filled: Path
) -> None:
    config = put_config(filled, acled.url, "since_days = 1")
    for day in (DAY + 2 * NEXT, DAY + 4 * NEXT):
        asked = len(acled.asked(READ))
        acled.records = []
        run = nights.night(config, day)
        assert run.decision == "published", run.reasons
        told = run.facts["feeds"][0]
        assert (told["rows"], told["added"], told["deleted"]) == (0, 0, 0)
        assert len(acled.asked(READ)) > asked
    assert held(filled, day) == set(ids(known(DAY)))
    # The newest record grows old: by then it is no quiet but a silent source.
    run = nights.night(config, DAY + 60 * NEXT)
    assert run.decision == "refused"
    assert run.reasons[0].startswith("freshness (acled)")
    # What was changed meanwhile is asked for since the last night that was taken in.
    back = DAY + 61 * NEXT
    acled.records = known(back)
    assert nights.night(config, back).decision == "published"
    assert held(filled, back) == set(ids(known(back)))


def test_a_first_night_that_brings_nothing_is_refused(acled: Acled, tmp_path: Path) -> None:
    acled.records = []
    run = nights.night(put_config(tmp_path, acled.url, CHANGED), DAY)
    assert run.decision == "refused"
    assert run.reasons[0].startswith("empty (acled)")
    assert not (tmp_path / "models").exists()


def test_a_rehearsal_with_deletions_is_the_night_after_it(acled: Acled, filled: Path) -> None:
    day = DAY + WEEK
    gone = ids(known(DAY))[-1]
    acled.records = [one for one in known(day) if one["event_id_cnty"] != gone]
    deleted(acled, [gone], DAY + NEXT)
    config = put_config(filled, acled.url, CHANGED)
    before = files(filled)
    rehearsed = kr.retrain(config, as_of=day, dry_run=True)
    after = files(filled)
    changed = {name for name in after if after[name] != before.get(name)}
    # Only what was fetched, which the night does not fetch again.
    assert all(name.startswith(f"retrain/fetched/acled/{day}/") for name in changed)
    asked = len(acled.asked(READ))
    done = nights.night(config, day)
    assert len(acled.asked(READ)) == asked
    assert (rehearsed.decision, done.decision) == ("rehearsed", "published")
    assert told(rehearsed) == told(done)


@pytest.mark.parametrize(("since_days", "missed"), [(1, NEXT), (30, 6 * WEEK)])
def test_a_night_of_changes_can_be_done_again_the_same_day(
    acled: Acled, filled: Path, since_days: int, missed: dt.timedelta
) -> None:
    config = put_config(filled, acled.url, f"since_days = {since_days}")
    day = DAY + missed
    acled.records = known(day)
    assert nights.night(config, day).decision == "published"
    assert nights.night(config, day).decision == "unchanged"


def test_a_replay_knows_nothing_of_later_deletions(acled: Acled, filled: Path) -> None:
    gone = ids(known(DAY))[-1]
    later = known(DAY + 3 * WEEK)
    acled.records = [one for one in later if one["event_id_cnty"] != gone]
    deleted(acled, [gone], DAY + 2 * WEEK)
    config = put_config(filled, acled.url, CHANGED)
    assert nights.night(config, DAY + WEEK).decision == "published"
    # Rows of later days are left out; so must be what became of them.
    assert gone in held(filled, DAY + WEEK)


def test_deletions_alone_are_counted_in_the_record(acled: Acled, filled: Path) -> None:
    gone = ids(known(DAY))[-1]
    deleted(acled, [gone], DAY)
    acled.records = []
    config = put_config(filled, acled.url, CHANGED)
    run = nights.night(config, DAY + NEXT)
    assert gone not in held(filled, DAY + NEXT)
    assert run.facts["feeds"][0]["deleted"] == 1
