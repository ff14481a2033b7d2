"""What a store holds, by source, and the list of everything that was ever committed to it."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import sqlalchemy as sa

from kidnaprisk.incidents.store.schema import IMPORTS, KEY, VERSIONS
from kidnaprisk.incidents.store.summaries import StoreStatus

_NUMBERS = ("rows_in", "added", "revised", "unchanged", "deleted", "rejected")


def read_status(connection: sa.Connection) -> StoreStatus:
    """The status of a store, from one look at it."""
    imports = _imports(connection)
    ever = sa.select(*(VERSIONS.c[key] for key in KEY)).distinct().subquery()
    ever_by_source = {
        row.source: row.ids
        for row in connection.execute(
            sa.select(ever.c.source, sa.func.count().label("ids")).group_by(ever.c.source)
        )
    }
    held = {
        row.source: row
        for row in connection.execute(
            sa.select(
                VERSIONS.c.source,
                sa.func.count().label("rows"),
                sa.func.count().filter(VERSIONS.c.kind == "kidnapping").label("kidnappings"),
                sa.func.min(VERSIONS.c.date).label("first"),
                sa.func.max(VERSIONS.c.date_end).label("last"),
            )
            .where(VERSIONS.c.until_import.is_(None))
            .group_by(VERSIONS.c.source)
        )
    }
    last_import: dict[str, dt.date] = {}
    for day, action, sources in imports[["day", "action", "sources"]].itertuples(index=False):
        if action == "import":
            last_import.update(dict.fromkeys(sources, day.date()))
    rows: list[tuple[object, ...]] = []
    for source in sorted({source for each in imports["sources"] for source in each}):
        now = held.get(source)
        count = 0 if now is None else now.rows
        rows.append(
            (
                source,
                count,
                0 if now is None else now.kidnappings,
                None if now is None else now.first,
                None if now is None else now.last,
                ever_by_source.get(source, 0) - count,
                last_import.get(source),
            )
        )
    merges = imports.loc[imports["action"] == "merge", "day"]
    imports["sources"] = imports["sources"].map(";".join).astype("string")
    return StoreStatus(_sources(rows), imports, None if merges.empty else merges.iloc[-1].date())


def _sources(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    names = ["source", "rows", "kidnappings", "first", "last", "deleted", "last_import"]
    table = pd.DataFrame(rows, columns=names).astype(
        {"source": "string", "rows": "int64", "kidnappings": "int64", "deleted": "int64"}
    )
    for name in ("first", "last", "last_import"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[ns]")
    return table


def _imports(connection: sa.Connection) -> pd.DataFrame:
    found = connection.execute(sa.select(IMPORTS).order_by(IMPORTS.c.id)).all()
    table = pd.DataFrame(
        {
            column.name: pd.Series([row[at] for row in found], dtype="object")
            for at, column in enumerate(IMPORTS.columns)
        }
    ).astype({"id": "int64", **dict.fromkeys(_NUMBERS, "int64")})
    table = table.astype(dict.fromkeys(("action", "file", "sha256", "format"), "string"))
    table["day"] = pd.to_datetime(table["day"]).astype("datetime64[ns]")
    table["instant"] = pd.to_datetime(table["instant"], utc=True)
    return table
