"""A real PostgreSQL server with PostGIS for the tests, on a unix socket in a folder of its own.

It listens on no network, is made in about two seconds and is gone with the tests. Where the
server's programs or the extension are not installed, `why_not` says what is missing.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "jit": "off",
    # What a client's death leaves behind does not depend on these, and tests wait for the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
_START_SECONDS = 30.0
_ROOM_BYTES = 2**30


def _programs() -> Path | None:
    """The folder of initdb and postgres, the newest where there are several."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3]
    )
    return folders[-1].parent if folders else None


def why_not() -> str | None:
    """Why no server can be started here; None if one can."""
    programs = _programs()
    if programs is None:
        return "PostgreSQL is not installed (Debian: apt install postgresql-postgis)"
    shared = subprocess.run(
        [programs / "pg_config", "--sharedir"], capture_output=True, text=True, check=False
    ).stdout.strip()
    # Debian's pg_config may speak of another version; its files lie beside the programs' version.
    places = (Path(shared), Path("/usr/share/postgresql") / programs.parent.name)
    if not any((place / "extension" / "postgis.control").is_file() for place in places):
        return "PostGIS is not installed (Debian: apt install postgresql-postgis)"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "the package psycopg is not installed"
    if os.getuid() == 0 and _unprivileged() is None:
        return "PostgreSQL does not run as root, and there is no other user to run it as"
    return None


def _place() -> Path:
    """Where its files go: in memory if there is room, since thousands are made and removed.

    A short path, since that of a unix socket has at most 107 bytes.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK)
    return memory if roomy and shutil.disk_usage(memory).free > _ROOM_BYTES else Path("/tmp")


def _unprivileged() -> str | None:
    users = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in users), None)


class PostgresServer:
    """A running server; ``folder`` holds its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0

    def url(self, database: str) -> str:
        """The address of a database, as `IncidentStore` takes it."""
        return f"postgresql+psycopg://tester@/{database}?host={self.folder}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the superuser."""
        import psycopg

        with psycopg.connect(
            f"host={self.folder} user=tester dbname={database}", autocommit=True
        ) as connection:
            connection.execute(statement)

    def new_database(self, *, postgis: bool = True) -> str:
        """Make an empty database and give its address."""
        self._made += 1
        name = f"store_{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {'with_postgis' if postgis else 'template0'}")
        return self.url(name)

    def new_schema(self) -> str:
        """Make an empty schema beside those of other tests and give its address.

        A hundred times quicker than a database, whose files are copied.
        """
        self._made += 1
        name = f"store_{self._made}"
        self.run(f"CREATE SCHEMA {name}", "shared")
        return f"{self.url('shared')}&options=-csearch_path%3D{name},public"


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server, skip the test where there can be none, and stop it in the end."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    programs = _programs()
    assert programs is not None
    user = _unprivileged() if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="krpg-", dir=_place()))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        initdb = [
            programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8",
            "--locale=C", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        subprocess.run(initdb, user=user, check=True, capture_output=True, cwd=folder)
        settings = [
            part
            for name, value in {**_SETTINGS, "unix_socket_directories": str(folder)}.items()
            for part in ("-c", f"{name}={value}")
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *settings],
                user=user, stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        try:
            server = PostgresServer(folder)
            _wait(server, process, folder / "log")
            server.run("CREATE DATABASE with_postgis TEMPLATE template0")
            server.run("CREATE EXTENSION postgis", "with_postgis")
            server.run("CREATE DATABASE shared TEMPLATE with_postgis")
            yield server
        finally:
            # At once: nothing of it is needed any more.
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        else:
            return
