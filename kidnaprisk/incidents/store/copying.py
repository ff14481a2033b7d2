"""A whole store, history and all, row by row into another that is empty.

The same tables on SQLite and PostgreSQL, so either can be copied into either.
"""

from __future__ import annotations

import sqlalchemy as sa

from kidnaprisk.incidents.store.schema import COVERAGE, IMPORTS, LINKS, VERSIONS

_ROWS = 10_000


def copy_tables(source: sa.Connection, target: sa.Connection) -> None:
    """Copy every row of one store into another.

    Parameters
    ----------
    source : Connection
        Read from in one look.
    target : Connection
        In a transaction, of a store without rows. Memory is that of ten thousand rows.
    """
    for table in (IMPORTS, VERSIONS, COVERAGE, LINKS):
        found = source.execution_options(yield_per=_ROWS).execute(sa.select(table))
        for rows in found.mappings().partitions():
            target.execute(table.insert(), [dict(row) for row in rows])
