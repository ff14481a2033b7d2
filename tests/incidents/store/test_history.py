"""The store against a plain dictionary of what was held on each day."""

from __future__ import annotations

import datetime as dt
from typing import TypeAlias

import geopandas as gpd
import pandas as pd
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kidnaprisk.incidents.store import IncidentStore, schema
from kidnaprisk.incidents.table import validate_incidents
from tests.incidents.store.tables import FIRST

Key: TypeAlias = tuple[str, str]
Held: TypeAlias = dict[Key, int]

KEYS = st.tuples(st.sampled_from(["acled", "mine"]), st.sampled_from(["1", "2", "3", "é"]))
UPSERT = st.dictionaries(KEYS, st.integers(1, 3), min_size=1, max_size=5)
DELETE = st.tuples(st.sampled_from(["acled", "mine"]), st.sets(st.sampled_from(["1", "2", "3"])))
STEPS = st.lists(st.tuples(st.integers(0, 2), st.one_of(UPSERT, DELETE)), min_size=1, max_size=7)


def incidents(rows: Held) -> list[gpd.GeoDataFrame]:
    """One table a source: within one table an id is used once."""
    tables = []
    for source in sorted({source for source, _ in rows}):
        mine = {name: victims for (of, name), victims in rows.items() if of == source}
        frame = pd.DataFrame(
            {
                "incident_id": list(mine),
                "source": source,
                "kind": "kidnapping",
                "date": "2025-01-18",
                "country": "BF",
                "victims": list(mine.values()),
            }
        )
        points = gpd.points_from_xy([0.3] * len(frame), [14.1] * len(frame))
        tables.append(validate_incidents(gpd.GeoDataFrame(frame, geometry=points, crs=4326)))
    return tables


def held_by(store: IncidentStore, day: dt.date) -> Held:
    found = store.as_of(day)
    names = found["incident_id"].str.rpartition(":")[2]
    return dict(zip(zip(found["source"], names, strict=True), found["victims"], strict=True))


def emptied(url: str) -> IncidentStore:
    store = IncidentStore(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in (schema.VERSIONS, schema.COVERAGE, schema.LINKS, schema.IMPORTS):
            connection.execute(table.delete())
    engine.dispose()
    return store


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_as_of_gives_what_was_held_on_every_day(
    url: str, steps: list[tuple[int, Held | tuple[str, set[str]]]]
) -> None:
    store = emptied(url)
    held: Held = {}
    history: dict[dt.date, Held] = {}
    heard: set[str] = set()
    day = FIRST
    for later, step in steps:
        day += dt.timedelta(days=later)
        if isinstance(step, dict):
            summary = store.upsert(incidents(step), on=day)
            assert summary.added == len(step.keys() - held.keys())
            assert summary.unchanged == sum(held.get(key) == step[key] for key in step)
            held = held | step
            heard |= {source for source, _ in step}
        elif step[0] in heard:
            gone = {(step[0], name) for name in step[1]} & held.keys()
            assert store.delete(step[0], step[1], on=day) == len(gone)
            held = {key: value for key, value in held.items() if key not in gone}
        if heard:
            history[day] = held
    for when, then in history.items():
        # A day without a change holds what the day before held.
        following = when + dt.timedelta(days=1)
        for on in (when, following) if following not in history else (when,):
            if then:
                assert held_by(store, on) == then
