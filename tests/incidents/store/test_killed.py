"""Writers killed with SIGKILL at random instants, and a PostgreSQL server killed under them.

After every death: the store opens, `status` works, every earlier day is what it was, and today is
as before or as after. What was held is kept beside the store in a plain dictionary. A few deaths
each time; ``KIDNAPRISK_KILLS=100`` for as many as that, with up to 20,000 rows, and figures.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.store import IncidentStore, schema
from kidnaprisk.incidents.table import validate_incidents
from tests.incidents.store import writers
from tests.incidents.store.tables import FIRST

if TYPE_CHECKING:
    # Not in the processes to be killed, which import this module and should begin at once.
    import pytest

    from tests.incidents.store.mortal import MortalServer

# What a store holds: ids, each with the number of the import that told it last.
Held: TypeAlias = dict[str, int]

KILLS = int(os.environ.get("KIDNAPRISK_KILLS", "8"))
MANY = KILLS > 20
MOST_ROWS = 20_000 if MANY else 200
FEWEST_ROWS = 300 if MANY else 50
PARTS = 3
DAYS_LOOKED_AT = 2
IN_PATIENCE = 120.0
REFUSED = 7


def ids_told(number: int, rows: int) -> list[str]:
    """The ids of an import: most from a common stock, so that they are revised; some its own."""
    own = rows // 50
    stock = random.Random(number).sample(range(MOST_ROWS), rows - own)
    return [f"{one:05}" for one in stock] + [f"{number}-{one}" for one in range(own)]


def incidents(ids: list[str], victims: int, source: str = "mine") -> gpd.GeoDataFrame:
    """Made-up rows, each far from the others in place or time, so that only same ids are alike."""
    at = np.arange(len(ids))
    frame = pd.DataFrame(
        {
            "incident_id": ids,
            "source": source,
            "kind": "kidnapping",
            "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(at // 200 * 30, unit="D"),
            "location_error_km": 1.0,
            "country": "BF",
            "place": [f"Town {one}" for one in ids],
            "victims": victims,
        }
    )
    points = gpd.points_from_xy(-170.0 + at % 20 * 16, -60.0 + at // 20 % 10 * 12)
    return validate_incidents(gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326"))


def bring(url: str, number: int, rows: int, on: dt.date) -> Callable[[], object]:
    """What there is to do, with all that can be made ready before."""
    ids = ids_told(number, rows)
    parts = [incidents(ids[part::PARTS], number) for part in range(PARTS)]
    return lambda: IncidentStore(url).upsert(parts, on=on)


def withdraw(url: str, number: int, rows: int, on: dt.date) -> Callable[[], object]:
    ids = ids_told(number, rows)
    return lambda: IncidentStore(url).delete("mine", ids, on=on)


def link(url: str, on: dt.date) -> Callable[[], object]:
    from kidnaprisk.incidents import merge

    assert callable(merge.link_incidents)
    return lambda: IncidentStore(url).merge(on=on)


Work: TypeAlias = Callable[..., Callable[[], object]]


def at_once(begun: Connection, prepare: Work, *arguments: object) -> None:
    """In a process to be killed: say that the work begins, and do it."""
    work = prepare(*arguments)
    begun.send_bytes(b"begun")
    try:
        work()
    except StoreError:
        # A server that went away is told as such; anything else is a traceback.
        raise SystemExit(REFUSED) from None


def seconds_for(prepare: Work, *arguments: object) -> float:
    """Do the work here, undisturbed."""
    work = prepare(*arguments)
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


class Victim:
    """A process that has begun some work."""

    def __init__(self, prepare: Work, *arguments: object) -> None:
        here, there = multiprocessing.Pipe(duplex=False)
        self._process = writers.started(at_once, there, prepare, *arguments)
        there.close()
        assert here.poll(IN_PATIENCE)
        here.recv_bytes()
        here.close()

    def killed_after(self, seconds: float) -> bool:
        """Kill it; whether it was still at work."""
        self._process.join(seconds)
        self._process.kill()
        return self.exit_code() == -signal.SIGKILL

    def exit_code(self) -> int:
        self._process.join(IN_PATIENCE)
        code = self._process.exitcode
        assert code in (0, REFUSED, -signal.SIGKILL)
        return int(code)


class Instants:
    """When to kill: anywhere in the work, and every other time in its last, writing part."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seen: dict[str, list[tuple[int, float]]] = {}
        self._turn = 0

    def learn(self, work: str, rows: int, seconds: float) -> None:
        self._seen.setdefault(work, []).append((rows, seconds))

    def draw(self, work: str, rows: int) -> float:
        """Seconds within what such work has taken of late; it takes time for no rows too."""
        sizes, seconds = zip(*self._seen[work][-12:], strict=True)
        whole = statistics.median(seconds)
        if len(set(sizes)) > 3:
            line = statistics.linear_regression(sizes, seconds)
            whole = max(line.intercept + line.slope * rows, min(seconds))
        self._turn += 1
        return float(whole * self._random.uniform(0.4 if self._turn % 2 else 0.0, 0.95))


def held_on(store: IncidentStore, day: dt.date) -> Held:
    found = store.as_of(day)
    return dict(zip(found["incident_id"].tolist(), found["victims"].tolist(), strict=True))


def after(held: Held, work: str, number: int, rows: int) -> Held:
    told = dict.fromkeys(ids_told(number, rows), number)
    if work == "import":
        return held | told
    return {name: told_by for name, told_by in held.items() if name not in told}


def check_history(store: IncidentStore, history: dict[dt.date, Held], most: int, seed: int) -> None:
    days = sorted(history)
    if len(days) > most:
        days = [days[-1], *random.Random(seed).sample(days[:-1], most - 1)]
    for day in days:
        assert held_on(store, day) == history[day], day


def check_nothing_left(url: str) -> None:
    """No temporary table, no journal: nothing beside the store that the dead could have left."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        return
    engine = sa.create_engine(url)
    until = time.monotonic() + 5
    with engine.connect() as connection:
        temporary = sa.text("SELECT count(*) FROM pg_class WHERE relpersistence = 't'")
        # A backend notices that its client has died only when it next looks.
        while connection.execute(temporary).scalar_one() and time.monotonic() < until:
            connection.rollback()
            time.sleep(0.01)
        assert connection.execute(temporary).scalar_one() == 0
    engine.dispose()


def size_of(url: str) -> int:
    if url.startswith("sqlite"):
        return Path(url.removeprefix("sqlite:///")).stat().st_size
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        name = sa.literal(schema.VERSIONS.name)
        size = connection.execute(sa.select(sa.func.pg_total_relation_size(name))).scalar_one()
    engine.dispose()
    return int(size)


def log_sizes(seed: int) -> Iterator[int]:
    """Numbers of rows, as many small as large."""
    draws = random.Random(seed)
    while True:
        yield round(FEWEST_ROWS * (MOST_ROWS / FEWEST_ROWS) ** draws.random())


def test_importers_killed_at_any_instant(
    new_url: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    url, instants, sizes = new_url(), Instants(1), log_sizes(1)
    whole = MOST_ROWS
    seconds = seconds_for(bring, url, 1, whole, FIRST)
    instants.learn("import", whole, seconds)
    instants.learn("delete", whole, seconds / 2)
    held = after({}, "import", 1, whole)
    history: dict[dt.date, Held] = {}
    done: Counter[str] = Counter()
    commits = 1
    for number in range(2, KILLS + 2):
        work, target = ("delete", withdraw) if number % 5 == 0 else ("import", bring)
        history[FIRST + dt.timedelta(number - 2)] = held
        day = FIRST + dt.timedelta(number - 1)
        rows = next(sizes)
        wanted = after(held, work, number, rows)
        at = instants.draw(work, rows)
        killed = Victim(target, url, number, rows, day).killed_after(at)
        store = IncidentStore(url)
        now, known = held_on(store, day), len(store.status().imports)
        assert (now, known) in ((held, commits), (wanted, commits + 1)), number
        assert killed or now == wanted
        done["killed before" if now == held else "killed after" if killed else "too late"] += 1
        check_history(store, history, DAYS_LOOKED_AT, number)
        check_nothing_left(url)
        # The next one goes through, whether or not the dead one had come to its end.
        commits = known + 1
        instants.learn(work, rows, seconds_for(target, url, number, rows, day))
        last = store.status().imports.iloc[-1]
        assert last["id"] == commits
        brought = 0 if now == wanted else sum(held.get(name) != wanted[name] for name in wanted)
        assert last["added"] + last["revised"] == (brought if work == "import" else 0)
        held = wanted
        assert held_on(store, day) == held
    check_history(IncidentStore(url), history, len(history), 0)
    assert done["killed before"] >= KILLS // 4
    if MANY:
        with capsys.disabled():
            name = url.partition(":")[0]
            print(
                f"\n{name}: imports {dict(done)}; {len(held)} rows held, {commits} commits, "
                f"{size_of(url) / 1e6:.1f} MB"
            )


def pairs_on(store: IncidentStore, day: dt.date) -> set[str]:
    """Ids whose two records are one event."""
    merged = store.as_of(day, merged=True)
    names = merged.loc[merged["provenance"].notna(), ["incident_id", "provenance"]]
    # A record that stands alone, and whose id both sources use, says where its id is from.
    both = names["provenance"].str.contains('"mine:') & names["provenance"].str.contains('"other:')
    return set(names.loc[both, "incident_id"])


def test_mergers_killed_at_any_instant(
    new_url: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    url, instants = new_url(), Instants(2)
    stock = 600 if MANY else 30
    ids = [f"{number:04}" for number in range(stock)]
    merges = KILLS if MANY else KILLS // 2
    both = stock // (merges + 2)
    mine, other = incidents(ids, 1), incidents(ids, 1, "other")
    store = IncidentStore(url)
    store.upsert([mine, other.head(both)], on=FIRST)
    instants.learn("merge", 1, seconds_for(link, url, FIRST))
    paired = set(ids[:both])
    history = {FIRST: paired}
    done: Counter[str] = Counter()
    for number in range(2, merges + 2):
        day = FIRST + dt.timedelta(number - 1)
        store.upsert(other.iloc[(number - 1) * both : number * both], on=day)
        wanted = set(ids[: number * both])
        killed = Victim(link, url, day).killed_after(instants.draw("merge", 1))
        store = IncidentStore(url)
        now = pairs_on(store, day)
        assert now in (paired, wanted)
        assert (store.status().imports["action"].iloc[-1] == "merge") == (now == wanted)
        done["killed before" if now == paired else "killed after" if killed else "too late"] += 1
        earlier = random.Random(number).choice(sorted(history))
        assert pairs_on(store, earlier) == history[earlier]
        check_nothing_left(url)
        instants.learn("merge", 1, seconds_for(link, url, day))
        assert pairs_on(store, day) == wanted
        history[day] = paired = wanted
    assert all(pairs_on(store, day) == then for day, then in history.items())
    assert done["killed before"] >= merges // 4
    if MANY:
        with capsys.disabled():
            print(f"\n{url.partition(':')[0]}: merges {dict(done)}")


def test_servers_killed_under_an_import(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.incidents.store.mortal import MortalServer
    from tests.postgres import postgres_server

    with postgres_server() as server:
        mortal = MortalServer(server)
        try:
            done = _servers_killed(mortal)
        finally:
            mortal.stop()
    if MANY:
        with capsys.disabled():
            print(f"\npostgresql server: {dict(done)}")


def _servers_killed(mortal: MortalServer) -> Counter[str]:
    url = mortal.server.new_database()
    name = sa.make_url(url).database or ""
    # What was told to be done must be done: the tests' server does not wait for its log.
    url = f"{url}&options=-csynchronous_commit%3Don"
    instants, sizes = Instants(3), log_sizes(3)
    instants.learn("import", MOST_ROWS, seconds_for(bring, url, 1, MOST_ROWS, FIRST))
    held = after({}, "import", 1, MOST_ROWS)
    history: dict[dt.date, Held] = {}
    done: Counter[str] = Counter()
    for number in range(2, max(3, KILLS // 3) + 2):
        history[FIRST + dt.timedelta(number - 2)] = held
        day = FIRST + dt.timedelta(number - 1)
        rows = next(sizes)
        wanted = after(held, "import", number, rows)
        victim = Victim(bring, url, number, rows, day)
        time.sleep(instants.draw("import", rows))
        postmaster = number % 2 == 0
        if postmaster:
            mortal.stop_at_once()
        else:
            mortal.kill_backends(name)
        code = victim.exit_code()
        # It is told as an error of the store, never as a driver's traceback.
        assert code in (0, REFUSED)
        if postmaster:
            mortal.start()
        mortal.wait()
        store = IncidentStore(url)
        now = held_on(store, day)
        assert now in (held, wanted)
        assert code == REFUSED or now == wanted
        what = "postmaster" if postmaster else "backend"
        done[f"{what} killed {'before' if now == held else 'after'}, client ended {code}"] += 1
        check_history(store, history, DAYS_LOOKED_AT, number)
        check_nothing_left(url)
        instants.learn("import", rows, seconds_for(bring, url, number, rows, day))
        held = wanted
        assert held_on(store, day) == held
    check_history(IncidentStore(url), history, len(history), 0)
    return done
