"""Writers that run in processes of their own, to meet each other or to be killed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any

import geopandas as gpd
import sqlalchemy as sa

from kidnaprisk.incidents import merge
from kidnaprisk.incidents.store import IncidentStore
from tests.incidents.store.tables import FIRST, SECOND, table

ROWS = 40
PARTS = 3


def started(work: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """A process that does some work; it knows the library already, so that it begins at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=work, args=arguments)
    process.start()
    return process


def part(number: int, place: str, source: str = "mine") -> gpd.GeoDataFrame:
    """One part of a file of `PARTS`, every row at a place of that name."""
    ids = [f"{number}-{row:03}" for row in range(ROWS)]
    return table(*({"incident_id": name, "place": place, "source": source} for name in ids))


def everything(place: str) -> list[gpd.GeoDataFrame]:
    return [part(number, place) for number in range(PARTS)]


def open_one(url: str) -> None:
    IncidentStore(url)


def write_own_and_shared(url: str, writer: str, times: int) -> None:
    """Revise a shared row again and again, adding a row of one's own each time."""
    store = IncidentStore(url)
    for time in range(times):
        rows = [
            {"incident_id": "shared", "place": f"{writer} {time}"},
            {"incident_id": f"{writer} {time}"},
        ]
        store.upsert(table(*rows), on=FIRST + dt.timedelta(days=0))


def revise(url: str) -> None:
    IncidentStore(url).upsert(everything("new"), on=SECOND)


def merge_sources(url: str) -> None:
    IncidentStore(url).merge(on=SECOND)


def die_at_statement(url: str, work: Callable[[str], None], number: int) -> None:
    """Do some work and be killed before the n-th statement, or after all of them."""
    left = number

    def count(*_arguments: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    # What the store is opened with is not counted; what it commits with is.
    IncidentStore(url)
    assert merge.link_incidents
    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    sa.event.listen(sa.Engine, "commit", count)
    work(url)
