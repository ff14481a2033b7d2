"""One writer at a time: a lock that dies with its holder, and says who holds it.

The lock itself is the kernel's (`filelock`), so that a holder that is killed lets go of it at once,
whatever it left on disk. Beside it lies a record of the holder, for people, and for file systems
that do not pass locks on to other machines: where it names another machine that has not let go, the
kernel is not believed until the holder's heartbeat has stopped for a quarter of an hour.

Not for readers, who never wait; nor a queue: who asks too early is told so, and goes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from kidnaprisk.errors import KidnapRiskError, StoreError

HEARTBEAT_SECONDS = 60.0
STALE_SECONDS = 15 * 60.0
_POLL_SECONDS = 0.1
# A holder puts itself on record within this time of taking the lock.
_ON_RECORD_SECONDS = 0.5
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Busy(KidnapRiskError):  # noqa: N818
    """Somebody else is at work."""


class RunLock:
    """A lock that one process holds at a time, for as long as it lives.

    Parameters
    ----------
    path : path
        The lock's file, which stays. While it is held the holder's record lies beside it, with
        ``.json`` added.
    wait_seconds : float
        How long to wait for whoever holds it.

    Attributes
    ----------
    taken_over : str or None
        Who held it before and died with it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with RunLock(Path(folder) / "lock") as lock:
    ...         lock.taken_over is None
    True
    """

    def __init__(self, path: str | os.PathLike[str], *, wait_seconds: float = 0.0) -> None:
        self._path = Path(path)
        self._record = self._path.with_name(f"{self._path.name}.json")
        self._wait_seconds = wait_seconds
        # Not thread local: two threads of one process are two writers.
        self._lock = FileLock(self._path, thread_local=False)
        self._over = threading.Event()
        self.taken_over: str | None = None

    def __enter__(self) -> Self:
        """Take it.

        Raises
        ------
        Busy
            If another process holds it.
        StoreError
            If its folder cannot be written, or its file system has no locks.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            left = self._acquire()
            self.taken_over = _told(left) if left else None
            self._put_on_record()
        except Timeout:
            raise self._busy(self._on_record_soon()) from None
        except (OSError, NotImplementedError) as error:
            self._lock.release()
            raise StoreError(
                f"the lock cannot be taken: {getattr(error, 'strerror', None) or error}",
                file=self._path,
                remedy="check the folder's permissions and the free space on the disk",
            ) from None
        self._over.clear()
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        # What cannot be removed names a process of the past: the next holder says so and goes on.
        with contextlib.suppress(OSError):
            self._record.unlink()
        self._lock.release()

    def _acquire(self) -> dict[str, Any]:
        """Take the kernel's lock, where it can be believed; return who died with it."""
        deadline = time.monotonic() + self._wait_seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            self._lock.acquire(timeout=left, poll_interval=_POLL_SECONDS)
            holder = self._on_record()
            if not self._beats_elsewhere(holder):
                return holder
            self._lock.release()
            if time.monotonic() >= deadline:
                raise self._busy(holder)
            time.sleep(_POLL_SECONDS)

    def _beats_elsewhere(self, holder: dict[str, Any]) -> bool:
        """Whether the record is that of a living process under another kernel."""
        if not holder or holder["host"] == socket.gethostname():
            return False
        if holder.get("boot") and holder["boot"] == _boot():
            # Another container of this very machine.
            return False
        # Both by the clock of the file system, which may not be this machine's.
        os.utime(self._path)
        quiet = self._path.stat().st_mtime - self._record.stat().st_mtime
        return quiet < STALE_SECONDS

    def _on_record(self) -> dict[str, Any]:
        try:
            told = json.loads(self._record.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        whole = isinstance(told, dict) and told.keys() >= {"pid", "host", "started"}
        return told if whole else {}

    def _on_record_soon(self) -> dict[str, Any]:
        deadline = time.monotonic() + _ON_RECORD_SECONDS
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                holder = self._on_record()
                if holder:
                    return holder
                time.sleep(_POLL_SECONDS / 10.0)
        return {}

    def _put_on_record(self) -> None:
        """Write the record in one step: half of one would read as none."""
        started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        told = {"pid": os.getpid(), "host": socket.gethostname(), "boot": _boot()}
        # One name for all: whatever a killed holder left of it is written over.
        aside = self._record.with_name(f"{self._record.name}.new")
        with aside.open("w", encoding="utf-8") as stream:
            stream.write(json.dumps(told | {"started": started}) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(self._record)

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self._record)

    def _busy(self, holder: dict[str, Any]) -> Busy:
        return Busy(
            f"the lock is held by {_told(holder)}", file=self._path,
            remedy="let it finish, and come again",
        )  # fmt: skip


def _told(holder: dict[str, Any]) -> str:
    if not holder:
        return "another process"
    return f"process {holder['pid']} on {holder['host']}, since {holder['started']}"


def _boot() -> str | None:
    """What tells the running kernel from every other, where it says so."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return None
