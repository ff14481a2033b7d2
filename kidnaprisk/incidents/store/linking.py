"""Which incidents of different sources are one event: kept with the same history as the incidents.

Only rows that share their event with another have a link; a row without one stands for itself. So
rows that came after a merge simply stand alone until the next. A link is by key: a row that is
revised keeps it until then, a row that is deleted takes it along.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.store.asking import Question
from kidnaprisk.incidents.store.importing import (
    Origin,
    Turn,
    change,
    closing,
    record,
    same_key,
)
from kidnaprisk.incidents.store.reading import Moment, read_incidents_on
from kidnaprisk.incidents.store.schema import IMPORTS, KEY, LINKS, VERSIONS
from kidnaprisk.incidents.store.staging import STAGED_LINKS, Progress, fill, index_keys
from kidnaprisk.incidents.store.summaries import MergeSummary


def write_merge(connection: sa.Connection, turn: Turn, progress: Progress | None) -> MergeSummary:
    """Find the events of everything held now, and keep what has changed of the links.

    The whole is done as the one writer, so that no import can come between what was read and what
    is written about it.
    """
    from kidnaprisk.incidents.merge import link_incidents

    incidents, keys = read_incidents_on(connection, Moment(turn.day), Question())
    incidents["incident_id"] = keys["incident_id"]
    if progress is not None:
        progress(len(incidents))
    event = link_incidents(incidents)
    linked = named_events(keys, event)
    STAGED_LINKS.create(connection)
    fill(connection, STAGED_LINKS, list(linked.itertuples(index=False, name=None)))
    index_keys(connection, STAGED_LINKS)
    counts = change(connection, turn, LINKS, STAGED_LINKS, said=("event",), rows=len(linked))
    ended = closing(LINKS, turn).where(~sa.exists().where(same_key(STAGED_LINKS, LINKS)))
    counts = counts._replace(deleted=int(connection.execute(ended).rowcount))
    record(
        connection,
        turn,
        "merge",
        sorted(set(keys["source"])),
        counts,
        rows_in=len(incidents),
        reasons={},
        origin=Origin(),
    )
    return MergeSummary(
        import_id=turn.import_id,
        day=turn.day,
        rows=len(incidents),
        events=int(event.nunique()),
        linked=len(linked),
        **counts._asdict(),
    )


def named_events(keys: pd.DataFrame, event: pd.Series) -> pd.DataFrame:
    """Links of the rows that share their event with others.

    Parameters
    ----------
    keys : DataFrame
        n rows of ``source`` and ``incident_id``, sorted by them.
    event : Series (n,) of int
        The same number means the same event.

    Returns
    -------
    DataFrame
        ``source, incident_id, event``. An event is named by its first row: the numbers differ from
        one merge to the next, and would make every link look new.

    Examples
    --------
    >>> keys = pd.DataFrame({"source": ["a", "a", "b"], "incident_id": ["1", "2", "1"]})
    >>> named_events(keys, pd.Series([7, 8, 7]))
      source incident_id event
    0      a           1   a:1
    2      b           1   a:1
    """
    numbers = event.to_numpy()
    names = keys["source"] + ":" + keys["incident_id"]
    named = keys.assign(event=names.groupby(numbers).transform("first"))
    return named[pd.Series(numbers, index=keys.index).duplicated(keep=False)]


def check_merged(connection: sa.Connection, moment: Moment) -> str:
    """A note on the last merge up to a moment.

    Raises
    ------
    StoreError
        If there was none: the sources as they are would count events twice.
    """
    merges = sa.select(sa.func.max(IMPORTS.c.day), sa.func.max(IMPORTS.c.id)).where(
        IMPORTS.c.action == "merge", moment.imports()
    )
    last, last_id = connection.execute(merges).one()
    if last is None:
        raise StoreError(
            "the sources have not been merged by that day",
            value=moment.day.isoformat(),
            remedy="run merge(), or ask without merged",
        )
    since = connection.execute(
        sa.select(sa.func.count()).where(VERSIONS.c.from_import > last_id, moment.valid(VERSIONS))
    ).scalar_one()
    note = f"events of several sources are one row, as merged on {last}"
    return f"{note}; {since} rows that came or were revised since stand alone" if since else note


def _changed_since(connection: sa.Connection, moment: Moment) -> pd.DataFrame:
    """Sources and ids of the rows that came or were revised after the last merge."""
    last_id = (
        sa.select(sa.func.max(IMPORTS.c.id))
        .where(IMPORTS.c.action == "merge", moment.imports())
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(*(VERSIONS.c[key] for key in KEY)).where(
            VERSIONS.c.from_import > last_id, moment.valid(VERSIONS)
        )
    ).all()
    return pd.DataFrame(rows, columns=list(KEY)).astype("string")


def combined(
    connection: sa.Connection,
    moment: Moment,
    incidents: gpd.GeoDataFrame,
    keys: pd.DataFrame,
) -> gpd.GeoDataFrame:
    """One row an event, by the links of a moment."""
    from kidnaprisk.incidents.merge import combine_incidents

    links = pd.DataFrame(
        connection.execute(
            sa.select(*(LINKS.c[key] for key in KEY), LINKS.c.event).where(moment.valid(LINKS))
        ).all(),
        columns=[*KEY, "event"],
    ).astype("string")
    own = keys["source"] + ":" + keys["incident_id"]
    linked = keys.merge(links, on=list(KEY), how="left")["event"]
    # A row revised since may be another event: counted twice rather than hidden in an old one.
    revised = pd.MultiIndex.from_frame(_changed_since(connection, moment))
    linked = linked.mask(pd.MultiIndex.from_frame(keys[list(KEY)]).isin(revised))
    event = pd.Series(
        pd.factorize(linked.fillna(own))[0].astype(np.int64), index=incidents.index, name="event"
    )
    # By source and id as the store has them: that is what provenance names.
    incidents["incident_id"] = keys["incident_id"]
    events = combine_incidents(incidents, event)
    return events.sort_values(list(KEY), ignore_index=True)
