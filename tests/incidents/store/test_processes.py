"""Several processes at one store, and processes killed at work."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

import pytest

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.store import IncidentStore
from kidnaprisk.incidents.store.address import begin_writing
from tests.incidents.store import writers
from tests.incidents.store.tables import FIRST, SECOND, THIRD, table

pytestmark = pytest.mark.slow

IN_PATIENCE = 60.0


def ended(process: object) -> int | None:
    process.join(IN_PATIENCE)  # type: ignore[attr-defined]
    return process.exitcode  # type: ignore[attr-defined,no-any-return]


def test_several_processes_may_open_a_new_store_at_once(new_url: Callable[[], str]) -> None:
    for _ in range(2):
        url = new_url()
        opening = [writers.started(writers.open_one, url) for _ in range(4)]
        assert [ended(process) for process in opening] == [0] * 4
        assert len(IncidentStore(url).status().imports) == 0


def test_two_writers_lose_nothing(new_url: Callable[[], str]) -> None:
    url, times = new_url(), 8
    both = [
        writers.started(writers.write_own_and_shared, url, writer, times) for writer in ("x", "y")
    ]
    assert [ended(process) for process in both] == [0, 0]
    store = IncidentStore(url)
    held = set(store.current()["incident_id"])
    assert held == {"shared"} | {f"{writer} {n}" for writer in "xy" for n in range(times)}
    imports = store.status().imports
    assert imports["id"].tolist() == list(range(1, 2 * times + 1))
    # Every import changed the shared row, in turn: the first added it, the others revised it.
    assert imports["added"].sum() == 2 * times + 1
    assert imports["revised"].sum() == 2 * times - 1


def test_readers_do_not_wait_for_a_writer_and_writers_do(url: str) -> None:
    IncidentStore(url).upsert(table({}), on=FIRST)
    store = IncidentStore(url, wait_seconds=0.2)
    with store._engine.connect() as connection:
        begin_writing(connection, 0.2)
        assert len(store.as_of(FIRST)) == 1
        assert len(IncidentStore(url).status().imports) == 1
        with pytest.raises(StoreError, match="another process was writing"):
            store.upsert(table({}, {}), on=FIRST)
    assert store.upsert(table({}, {}), on=FIRST).added == 1


def check_whole(store: IncidentStore) -> str:
    """Assert that a store holds the import of `SECOND` wholly or not at all; the place it tells."""
    before, now = store.as_of(FIRST), store.current()
    assert set(before["place"]) == {"old"}
    places = set(now["place"])
    assert len(places) == 1
    place = str(places.pop())
    assert len(before) == len(now) == writers.ROWS * writers.PARTS
    assert len(store.status().imports) == (2 if place == "new" else 1)
    return place


def test_a_process_killed_at_any_statement_leaves_the_store_whole(
    new_url: Callable[[], str],
) -> None:
    url = new_url()
    IncidentStore(url).upsert(writers.everything("old"), on=FIRST)
    killed = 0
    for number in range(2, 100, 4):
        process = writers.started(writers.die_at_statement, url, writers.revise, number)
        code = ended(process)
        place = check_whole(IncidentStore(url))
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert place == "old"
        killed += 1
    assert killed >= 5
    assert place == "new"


def test_a_process_killed_at_any_moment_leaves_the_store_whole(
    new_url: Callable[[], str],
) -> None:
    moments = random.Random(7)
    url = new_url()
    IncidentStore(url).upsert(writers.everything("old"), on=FIRST)
    for _ in range(6):
        process = writers.started(writers.revise, url)
        time.sleep(moments.uniform(0.0, 0.2))
        process.kill()
        ended(process)
        if check_whole(IncidentStore(url)) == "new":
            break
    # The next import is as if the killed ones had never begun.
    IncidentStore(url).upsert(writers.everything("new"), on=SECOND)
    assert set(IncidentStore(url).current()["place"]) == {"new"}


def test_a_process_killed_while_merging_leaves_the_links_whole(new_url: Callable[[], str]) -> None:
    url = new_url()
    store = IncidentStore(url)
    store.upsert([table({}), table({"source": "other"})], on=FIRST)
    store.merge(on=FIRST)
    store.upsert([table({}), table({"source": "third"})], on=SECOND)
    for number in range(3, 100, 7):
        process = writers.started(writers.die_at_statement, url, writers.merge_sources, number)
        code = ended(process)
        merged = IncidentStore(url).as_of(SECOND, merged=True)
        assert len(merged) == (1 if code == 0 else 2)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert len(store.as_of(FIRST, merged=True)) == 1
    assert store.upsert(table({}, {}), on=THIRD).added == 1
