"""The tables of a store, and opening one: made, ours, and of a version we know.

Nothing is ever overwritten. A row of `VERSIONS` is one incident as one import told it, valid from
the day of that import until the day something else was told, or for ever so far (NULL). Coverage
and links between sources carry the same history. On PostgreSQL a generated column `geometry` with
a GiST index stands beside longitude and latitude for whoever looks with a GIS: two statements of
raw DDL, since GeoAlchemy2 would be a dependency for one column that the library never reads back,
and has no counterpart on plain SQLite.

There are no foreign keys: only this library writes here, in one transaction each time, and a check
of every row against the imports would cost more than the import.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.store.address import (
    POSTGRESQL,
    SQLITE,
    begin_writing,
    keep_log_ahead,
    reading,
    shown,
)
from kidnaprisk.incidents.table import COLUMNS, COUNTS, DAYS, FLAGS, NUMBERS, POSITION

SCHEMA = 1
# The incident table's columns as the store holds them, the keys apart.
VALUES = (*(name for name in COLUMNS[:-1] if name not in ("incident_id", "source")), *POSITION)
KEY = ("source", "incident_id")


class Day(sa.types.TypeDecorator[dt.date]):
    """A whole day: a date on PostgreSQL, YYYY-MM-DD on SQLite, which has none."""

    impl = sa.Date
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """How it is kept."""
        return sa.String(10) if dialect.name == SQLITE else sa.Date()

    def process_bind_param(self, value: dt.date | None, dialect: sa.Dialect) -> object:
        """On its way in."""
        return value.isoformat() if value is not None and dialect.name == SQLITE else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> dt.date | None:
        """On its way out."""
        del dialect
        return dt.date.fromisoformat(value) if isinstance(value, str) else value


class Instant(sa.types.TypeDecorator[dt.datetime]):
    """An instant in UTC: with its zone on PostgreSQL, ISO text ending in Z on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """How it is kept."""
        return sa.String(20) if dialect.name == SQLITE else sa.DateTime(timezone=True)

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> object:
        """On its way in."""
        return (
            f"{value.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
            if value is not None and dialect.name == SQLITE
            else value
        )

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> dt.datetime | None:
        """On its way out."""
        del dialect
        found = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        return None if found is None else found.astimezone(dt.UTC)


# Compared and sorted by code point on both, whatever language the server speaks.
Key = sa.Text().with_variant(sa.Text(collation="C"), POSTGRESQL)
_METADATA = sa.MetaData()


def value_columns() -> list[sa.Column[Any]]:
    """Fresh columns for `VALUES`, of the types a store keeps them in."""
    types: dict[str, sa.types.TypeEngine[Any]] = {
        **dict.fromkeys(DAYS, Day()),
        **dict.fromkeys(COUNTS, sa.BigInteger()),
        **dict.fromkeys((*NUMBERS, *POSITION), sa.Double()),
        **dict.fromkeys(FLAGS, sa.Boolean()),
    }
    return [sa.Column(name, types.get(name, sa.Text())) for name in VALUES]


def _kept(name: str, *columns: sa.Column[Any], keys: tuple[str, ...] = KEY) -> sa.Table:
    """A table that keeps its history, at most one row of a key being valid today."""
    table = sa.Table(
        name,
        _METADATA,
        *(sa.Column(key, Key, primary_key=True) for key in keys),
        sa.Column("from_import", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("until_import", sa.Integer),
        sa.Column("from_day", Day, nullable=False),
        sa.Column("until_day", Day),
        *columns,
        sa.CheckConstraint("until_day >= from_day"),
        sa.CheckConstraint("(until_day IS NULL) = (until_import IS NULL)"),
    )
    today = table.c.until_import.is_(None)
    sa.Index(
        f"{name}_current",
        *(table.c[key] for key in keys),
        unique=True,
        sqlite_where=today,
        postgresql_where=today,
    )
    return table


VERSIONS = _kept("incident_versions", sa.Column("digest", sa.Text), *value_columns())
COVERAGE = _kept("incident_coverage", sa.Column("declared", sa.JSON), keys=("source",))
LINKS = _kept("incident_links", sa.Column("event", Key))
IMPORTS = sa.Table(
    "incident_imports",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("day", Day, nullable=False),
    sa.Column("instant", Instant, nullable=False),
    sa.Column("sources", sa.JSON, nullable=False),
    sa.Column("file", sa.Text),
    sa.Column("sha256", sa.Text),
    sa.Column("format", sa.Text),
    *(
        sa.Column(name, sa.BigInteger, nullable=False)
        for name in ("rows_in", "added", "revised", "unchanged", "deleted", "rejected")
    ),
    sa.Column("reasons", sa.JSON, nullable=False),
)
STORE = sa.Table(
    "incident_store",
    _METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_GEOMETRY = (
    """
    ALTER TABLE incident_versions ADD COLUMN geometry geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED
    """,
    "CREATE INDEX incident_versions_geometry ON incident_versions USING gist (geometry)",
)


def open_schema(engine: sa.Engine, wait_seconds: float) -> None:
    """Check that there is a store of ours, and make one where there is nothing.

    Raises
    ------
    StoreError
        If the database is another's or of a later version, or cannot have PostGIS.
    """
    with reading(engine) as connection:
        made = _is_ours(connection)
    if not made:
        with engine.connect() as connection:
            begin_writing(connection, wait_seconds)
            # Looked at again: another process may have made it while this one waited.
            if not _is_ours(connection):
                _make(connection)
            connection.commit()
    if engine.dialect.name == SQLITE:
        keep_log_ahead(engine, wait_seconds)


def _is_ours(connection: sa.Connection) -> bool:
    where = shown(connection.engine.url)
    inspector = sa.inspect(connection)
    if inspector.has_table(STORE.name):
        found = {row.name: row.value for row in connection.execute(sa.select(STORE))}
        schema = found.get("schema", "")
        if schema == str(SCHEMA):
            return True
        raise StoreError(
            f"the store has schema {schema or 'none'}, this library reads {SCHEMA}",
            file=where,
            remedy="use the version of kidnaprisk that wrote it, or a later one",
        )
    # A PostgreSQL database may well hold other tables; an SQLite file that does is another's.
    others = set(inspector.get_table_names())
    if connection.dialect.name == POSTGRESQL:
        others &= set(_METADATA.tables)
    if others:
        raise StoreError(
            "the database is not a store of incidents: it holds other tables",
            file=where,
            value=sorted(others)[0],
            remedy="give the store a file or a database of its own",
        )
    return False


def _make(connection: sa.Connection) -> None:
    if connection.dialect.name == POSTGRESQL:
        _check_server(connection)
    _METADATA.create_all(connection)
    if connection.dialect.name == POSTGRESQL:
        for statement in _GEOMETRY:
            connection.exec_driver_sql(statement)
    connection.execute(STORE.insert(), [{"name": "schema", "value": str(SCHEMA)}])


def _check_server(connection: sa.Connection) -> None:
    """Have PostGIS in the database, and its texts in UTF-8."""
    where = shown(connection.engine.url)
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            "the database does not hold its texts in UTF-8",
            file=where,
            value=encoding,
            remedy="make one with: CREATE DATABASE incidents ENCODING 'UTF8' TEMPLATE template0",
        )
    there = "SELECT 1 FROM pg_extension WHERE extname = 'postgis'"
    if connection.exec_driver_sql(there).first() is not None:
        return
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION postgis")
    except DBAPIError as error:
        installed = getattr(error.orig, "sqlstate", None) == "42501"
        remedy = (
            "have a superuser run in it: CREATE EXTENSION postgis"
            if installed
            else "install PostGIS on the server (Debian: apt install postgis postgresql-postgis), "
            "then run in the database: CREATE EXTENSION postgis"
        )
        raise StoreError("the database has no PostGIS", file=where, remedy=remedy) from None
