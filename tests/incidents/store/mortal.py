"""A PostgreSQL server that is killed under its clients and started again."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time

from tests.postgres import PostgresServer

IN_PATIENCE = 120.0


class MortalServer:
    """A PostgreSQL server of one's own that is killed and started again."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._data = server.folder / "data"
        self._own: subprocess.Popen[bytes] | None = None

    def kill_backends(self, store: str) -> None:
        """SIGKILL to whoever serves a database: the server starts its memory anew by itself."""
        import psycopg

        with psycopg.connect(self.server.url("postgres").replace("+psycopg", "")) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s", [store]
            ).fetchall()
        for (pid,) in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop_at_once(self) -> None:
        """SIGQUIT to the postmaster, as in `pg_ctl stop -m immediate`."""
        running = self._data / "postmaster.pid"
        pid = int(running.read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        until = time.monotonic() + IN_PATIENCE
        while running.exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        if self._own is not None:
            self._own.wait(IN_PATIENCE)

    def start(self) -> None:
        """Start it again, as it was started first."""
        command = shlex.split((self._data / "postmaster.opts").read_text())
        user = self._data.stat().st_uid if os.getuid() == 0 else None
        with (self.server.folder / "log").open("ab") as log:
            self._own = subprocess.Popen(
                command, user=user, stdout=log, stderr=log, cwd=self.server.folder
            )

    def wait(self) -> None:
        """Until it answers again."""
        import psycopg

        until = time.monotonic() + IN_PATIENCE
        while True:
            try:
                self.server.run("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < until
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self._own is not None:
            self._own.send_signal(signal.SIGQUIT)
            self._own.wait(IN_PATIENCE)
