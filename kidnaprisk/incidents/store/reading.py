"""Reading a store: the incident table exactly as it was held at the end of a day.

Rows become a table here without being validated again: they were when they came in, and the tests
hold what is read against `validate_incidents`. Never judged here: whether what was held was true.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa

from kidnaprisk.errors import CoverageError
from kidnaprisk.incidents.coverage import COVERAGE_ATTR, Coverage, coverage_of, coverages_from
from kidnaprisk.incidents.store.asking import Question
from kidnaprisk.incidents.store.schema import COVERAGE, IMPORTS, KEY, LINKS, VERSIONS
from kidnaprisk.incidents.table import (
    COLUMNS,
    COUNTS,
    CRS,
    DAYS,
    FLAGS,
    NOTES_ATTR,
    NUMBERS,
    POSITION,
)

_READ = (*COLUMNS[:-1], *POSITION)
# Memory for one portion of rows as Python objects, about 100 MB; the table itself is smaller.
_PORTION = 50_000


def check_known(connection: sa.Connection, day: dt.date, asked: Question) -> None:
    """Refuse a day, or a source on a day, of which the store knows nothing.

    Raises
    ------
    CoverageError
        An empty table would read as if nothing had happened.
    """
    today = dt.datetime.now(dt.UTC).date()
    if day > today:
        raise CoverageError(
            "what the store will hold on a day to come is not known",
            value=day.isoformat(),
            remedy=f"in UTC it is {today}",
        )
    first: dict[str, dt.date] = {}
    for row in connection.execute(
        sa.select(IMPORTS.c.day, IMPORTS.c.sources).order_by(IMPORTS.c.id)
    ):
        for source in row.sources:
            first.setdefault(source, row.day)
    if not first:
        raise CoverageError("the store is empty", remedy="import a source first")
    for source in asked.sources or ():
        if source not in first:
            raise CoverageError(
                "the store holds no such source",
                value=source,
                remedy="it holds " + ", ".join(sorted(first)),
            )
    begin = {source: first[source] for source in asked.sources or first}
    late = {source: since for source, since in begin.items() if since > day}
    if asked.sources is None and len(late) < len(begin):
        return
    if late:
        source, since = min(late.items(), key=lambda item: (item[1], item[0]))
        raise CoverageError(
            f"the store knows nothing of {source} before {since}"
            if asked.sources
            else f"the store knows nothing before {since}",
            value=day.isoformat(),
            remedy="ask for that day or a later one",
        )


class Moment(NamedTuple):
    """The end of a day; or, of all imports up to that day, those up to a number."""

    day: dt.date
    through: int | None = None

    def imports(self) -> sa.ColumnElement[bool]:
        """Whether an import was there."""
        there = IMPORTS.c.day <= self.day
        return there if self.through is None else sa.and_(there, IMPORTS.c.id <= self.through)

    def valid(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Whether a row that keeps history was valid."""
        since, until = (table.c.from_day, table.c.until_day)
        if self.through is None:
            return sa.and_(since <= self.day, sa.or_(until.is_(None), until > self.day))
        since, until = (table.c.from_import, table.c.until_import)
        return sa.and_(since <= self.through, sa.or_(until.is_(None), until > self.through))


def last_import(connection: sa.Connection) -> int:
    """Number of the last import; 0 if there was none."""
    last = sa.select(sa.func.coalesce(sa.func.max(IMPORTS.c.id), 0))
    return int(connection.execute(last).scalar_one())


def last_change(connection: sa.Connection) -> int:
    """Number of the last import that changed anything that can be read; 0 if none did."""
    told = [
        sa.select(sa.func.coalesce(sa.func.max(column), 0))
        for table in (VERSIONS, COVERAGE, LINKS)
        for column in (table.c.from_import, table.c.until_import)
    ]
    return max(int(connection.execute(one).scalar_one()) for one in told)


def check_through(connection: sa.Connection, moment: Moment) -> None:
    """Refuse an import that there is none of, or that came after the day.

    Raises
    ------
    CoverageError
        What was held then is not known.
    """
    if moment.through is None:
        return
    day = connection.execute(
        sa.select(IMPORTS.c.day).where(IMPORTS.c.id == moment.through)
    ).scalar_one_or_none()
    if day is None or day > moment.day:
        when = "there is no such import" if day is None else f"that import came on {day}"
        raise CoverageError(
            f"the store cannot be read up to an import: {when}", value=moment.through,
            remedy="see their numbers and days in status()",
        )  # fmt: skip


def read_incidents_on(
    connection: sa.Connection, moment: Moment, asked: Question
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The incidents of a store at a moment, in the order of their keys.

    Returns
    -------
    incidents : GeoDataFrame
        n canonical rows, ids made unique, without attrs.
    keys : DataFrame
        n rows of ``source`` and ``incident_id`` as the store has them.
    """
    # As the driver gives them: a day is told by numpy far quicker than one by one.
    columns = [
        sa.type_coerce(VERSIONS.c[name], sa.Text()) if name in DAYS else VERSIONS.c[name]
        for name in _READ
    ]
    wanted = (
        sa.select(*columns)
        .where(moment.valid(VERSIONS), asked.condition(connection.dialect.name))
        .order_by(*(VERSIONS.c[key] for key in KEY))
    )
    portions = [_typed(list(zip(*rows, strict=True))) for rows in _portions(connection, wanted)]
    if not portions:
        portions = [_typed([()] * len(_READ))]
    table = pd.concat(portions, ignore_index=True) if len(portions) > 1 else portions[0]
    keys = table[list(KEY)].copy()
    table["incident_id"] = unique_ids(keys)
    points = gpd.points_from_xy(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    values = {name: table[name] for name in COLUMNS[:-1]}
    return gpd.GeoDataFrame(values, geometry=points, crs=CRS), keys


def _portions(connection: sa.Connection, wanted: sa.Select[Any]) -> Iterator[Any]:
    # For this statement alone: set on the connection, it would hold for all that follow.
    with connection.execute(wanted, execution_options={"yield_per": _PORTION}) as result:
        yield from result.partitions()


def _typed(columns: list[tuple[Any, ...]]) -> pd.DataFrame:
    typed: dict[str, Any] = {}
    for name, cells in zip(_READ, columns, strict=True):
        if name in DAYS:
            days = np.array(cells, dtype="datetime64[D]")
            typed[name] = days.astype("datetime64[ns]")
        elif name in COUNTS:
            typed[name] = pd.array(cells, dtype="Int64")
        elif name in NUMBERS:
            typed[name] = pd.array(cells, dtype="Float64")
        elif name in FLAGS:
            typed[name] = pd.array(cells, dtype="boolean")
        elif name in POSITION:
            typed[name] = np.array(cells, dtype=np.float64)
        else:
            typed[name] = pd.array(cells, dtype="string")
    return pd.DataFrame(typed)


def unique_ids(keys: pd.DataFrame) -> pd.Series:
    """Ids that are unique among n rows: ``source:id`` where two sources use the same one.

    Examples
    --------
    >>> keys = pd.DataFrame({"source": ["a", "b", "b"], "incident_id": ["1", "1", "2"]})
    >>> unique_ids(keys).tolist()
    ['a:1', 'b:1', '2']
    """
    ids = keys["incident_id"].copy()
    plain = np.ones(len(keys), dtype=np.bool_)
    # More than once only if an id looks like another's source and id. No source has a colon, so
    # that once all are told apart by source nothing is left to clash.
    while (clash := ids.duplicated(keep=False).to_numpy() & plain).any():
        ids[clash] = keys.loc[clash, "source"] + ":" + keys.loc[clash, "incident_id"]
        plain &= ~clash
    return ids


def read_coverage_on(
    connection: sa.Connection, moment: Moment, asked: Question
) -> tuple[Coverage, ...]:
    """What was declared of the sources asked for, at a moment; days to come are not cut off."""
    declared = connection.execute(
        sa.select(COVERAGE.c.declared).where(moment.valid(COVERAGE)).order_by(COVERAGE.c.source)
    ).scalars()
    told = [one for each in declared for one in coverages_from(each)]
    return tuple(one for one in told if asked.sources is None or one.source in asked.sources)


def with_derived(
    incidents: gpd.GeoDataFrame, declared: tuple[Coverage, ...]
) -> tuple[Coverage, ...]:
    """What was declared, and for sources that declared nothing what their rows tell."""
    named = {one.source for one in declared}
    others = incidents[~incidents["source"].isin(named).to_numpy(dtype=np.bool_)]
    return (*declared, *coverage_of(others))


def with_attrs(
    incidents: gpd.GeoDataFrame, coverage: tuple[Coverage, ...], notes: list[str]
) -> gpd.GeoDataFrame:
    """The table with its coverage and notes.

    Raises
    ------
    CoverageError
        If there are no rows and nothing is covered either.
    """
    if not len(incidents) and not coverage:
        raise CoverageError(
            "the store's records do not cover what is asked for: it is unknown, not safe",
            remedy="ask for countries, kinds and days that its sources cover; see status()",
        )
    incidents.attrs = {
        COVERAGE_ATTR: [one.to_dict() for one in coverage],
        NOTES_ATTR: notes,
    }
    return incidents
