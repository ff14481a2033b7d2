"""Where a store lies: its address, the connections to it, and what its failures are called.

One address is one SQLite file or one PostgreSQL database. Everything a driver says passes through
`failures_told`, so that a user reads what to do and never a password or the values of a row.

SQLite keeps a write-ahead log (WAL) beside the file while the store is in use: a reader goes on
reading what was there while an import is written, which the older rollback journal cannot give (a
large import spills its pages and then locks readers out). The price is that the file must lie on a
disk of this machine: WAL shares memory between processes, and the locks of network file systems
are not to be trusted with either. Several machines share a store through PostgreSQL.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from kidnaprisk.errors import ConfigError, KidnapRiskError, StoreError

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_EXAMPLES = "write sqlite:///incidents.db, or postgresql+psycopg://user@host/database"
# Of a PostgreSQL address only these options are ever shown: others may hold secrets.
_SHOWN_OPTIONS = ("host", "port", "options", "sslmode")
_WRITES = "kidnaprisk_writes"
# Any number will do, as long as it is the same in every process: ASCII of "kidnrisk".
_ADVISORY_LOCK = 0x6B69646E7269736B
_CACHE_KIB = 65_536
_FAILURES_OF_SQLITE = (
    (
        "not a database",
        "the file is not a store: it is not an SQLite database",
        "name another file; an incident file is brought in with import_file",
    ),
    (
        "locked",
        "another process was writing to the store all the time that was waited",
        "try again when it is done, or wait longer with wait_seconds",
    ),
    (
        "readonly",
        "the store may not be written",
        "check the rights on the file and its folder",
    ),
    (
        "unable to open",
        "the file cannot be opened as a store",
        "check that its folder exists and that file and folder may be written to",
    ),
    ("disk is full", "the disk is full; nothing was changed", "make room and try again"),
    (
        "malformed",
        "the store is damaged",
        "restore it from a copy, or import its sources into a new one",
    ),
)
_FAILURES_OF_POSTGRESQL = {
    "55P03": (
        "another process was writing to the store all the time that was waited",
        "try again when it is done, or wait longer with wait_seconds",
    ),
    "42501": (
        "the database role may not do this",
        "ask whoever runs the database for the right to read and write its tables",
    ),
    "53100": ("the database's disk is full; nothing was changed", "make room and try again"),
}


def address_of(url: str | PathLike[str]) -> sa.URL:
    """The address of a store, from a URL or the path of an SQLite file.

    Raises
    ------
    ConfigError
        If it is no address of an SQLite file or a PostgreSQL database.
    StoreError
        If the folder of the file does not exist, or the file is a folder.

    Examples
    --------
    >>> address_of("incidents.db").render_as_string()
    'sqlite:///incidents.db'
    >>> address_of("postgresql://ann:secret@db.example/risk").drivername
    'postgresql+psycopg'
    """
    text = fspath(url)
    if not isinstance(text, str) or not text.strip():
        raise ConfigError("a store needs an address", remedy=_EXAMPLES)
    if "://" not in text:
        if "@" in text and ":" in text:
            # An address that lost its slashes; not shown, as it may hold a password.
            raise ConfigError("the address of the store cannot be read", remedy=_EXAMPLES)
        parsed = sa.URL.create("sqlite", database=text)
    else:
        try:
            parsed = sa.make_url(text)
        except (ArgumentError, ValueError):
            # Not shown: what cannot be taken apart cannot be cleared of its password.
            raise ConfigError("the address of the store cannot be read", remedy=_EXAMPLES) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigError(
            "a store is an SQLite file or a PostgreSQL database",
            value=parsed.drivername,
            remedy=_EXAMPLES,
        )
    parsed = parsed.set(drivername=driver)
    if driver == SQLITE:
        _check_file(parsed)
    elif not parsed.database:
        raise ConfigError("the address names no database", value=shown(parsed), remedy=_EXAMPLES)
    return parsed


def _check_file(url: sa.URL) -> None:
    if not url.database or url.database == ":memory:" or url.query or url.host:
        raise ConfigError(
            "an SQLite store is one file, without options",
            remedy="write sqlite:///incidents.db, or four slashes for a path from the root",
        )
    path = Path(url.database)
    if path.is_dir():
        raise StoreError("the store is a folder", file=path.name, remedy="name a file inside it")
    if not path.absolute().parent.is_dir():
        raise StoreError(
            "the folder of the store does not exist", file=path, remedy="make it, or correct it"
        )


def shown(url: sa.URL) -> str:
    """An address as it may be printed: without password and without options that may hold one."""
    kept = {key: value for key, value in url.query.items() if key in _SHOWN_OPTIONS}
    # Not url.set, which takes None for "as it was".
    return sa.URL.create(
        url.drivername, url.username, None, url.host, url.port, url.database, kept
    ).render_as_string()


def engine_for(url: sa.URL, wait_seconds: float) -> sa.Engine:
    """Connections to a store. None is kept open between calls: an idle store holds no lock.

    Parameters
    ----------
    url : URL
    wait_seconds : float
        How long a writer waits for another.

    Raises
    ------
    ConfigError
        If the driver of PostgreSQL is not installed.
    """
    if url.drivername == SQLITE:
        # isolation_level None: the driver begins nothing by itself, see _begin.
        settings = {"timeout": wait_seconds, "isolation_level": None}
        engine = sa.create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=settings
        )
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
        return engine
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "a store on PostgreSQL needs the package psycopg",
            remedy='pip install "kidnaprisk[postgis]"',
        ) from error
    return sa.create_engine(url, poolclass=NullPool, hide_parameters=True)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # FULL: what was committed is on the disk, also after the power went.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _begin(connection: sa.Connection) -> None:
    # A writer says so at once: one that turns from reader to writer midway may be refused.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def keep_log_ahead(engine: sa.Engine, wait_seconds: float) -> None:
    """Have an SQLite store of ours keep a write-ahead log; the file remembers it."""
    until = time.monotonic() + wait_seconds
    while True:
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # Whoever opened the store at the same moment is at it: SQLite does not wait here.
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
        finally:
            connection.close()


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose every query sees the store as it stood at the first one."""
    with engine.connect() as connection:
        if connection.dialect.name == POSTGRESQL:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        yield connection


def begin_writing(connection: sa.Connection, wait_seconds: float) -> None:
    """Become the one writer of the store until the transaction ends; other writers queue.

    What was put into temporary tables before stays. Readers are not held up.
    """
    if connection.dialect.name == POSTGRESQL:
        # In the transaction that is there, so that a pool which hands out transactions will do.
        # 0 would be for ever.
        wait = f"SET LOCAL lock_timeout = {max(1, round(wait_seconds * 1000))}"
        connection.exec_driver_sql(wait)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    else:
        connection.commit()
        connection.execution_options(**{_WRITES: True})
        connection.begin()


@contextmanager
def failures_told(url: sa.URL) -> Iterator[None]:
    """Turn what the database or its driver raises into a `StoreError` that says what to do."""
    errors: tuple[type[Exception], ...] = (SQLAlchemyError, sqlite3.Error)
    if "psycopg" in sys.modules:
        errors += (sys.modules["psycopg"].Error,)
    try:
        yield
    except KidnapRiskError:
        raise
    except errors as error:
        raise _store_error(error, url) from None


def _store_error(error: Exception, url: sa.URL) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    where = Path(url.database or "").name if url.drivername == SQLITE else shown(url)
    if isinstance(cause, sqlite3.Error):
        for sign, message, remedy in _FAILURES_OF_SQLITE:
            if sign in str(cause):
                return StoreError(message, file=where, remedy=remedy)
    state = getattr(cause, "sqlstate", None)
    if state in _FAILURES_OF_POSTGRESQL:
        message, remedy = _FAILURES_OF_POSTGRESQL[state]
        return StoreError(message, file=where, remedy=remedy)
    # Only the first line: the others may hold the values of a row.
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    said = str(primary or cause).strip().partition("\n")[0]
    if url.password:
        said = said.replace(str(url.password), "***")
    if url.drivername != SQLITE and state is None:
        message, remedy = "the database cannot be reached", "check the address, and that it runs"
    else:
        message, remedy = "the database failed; nothing was changed", "see what it says"
    return StoreError(f"{message}: {said}", file=where, remedy=remedy)
