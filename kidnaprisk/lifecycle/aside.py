"""Files and folders written aside: synced, then renamed into place, and swept if their writer died.

A name written aside tells the host and the process that writes it, so that what a killed writer
left can be told from what a living one is at. The next writer removes it: nothing grows without
bound.

Not here: who may write. Whoever must take turns holds a lock (:mod:`kidnaprisk.lifecycle.lock`).
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kidnaprisk.errors import ArtifactError, KidnapRiskError

_LEFT = re.compile(r"\.(?:aside|current|gone)-(?:(?P<host>[0-9a-f]{8})-(?P<pid>[0-9]+)-)?")
_OLD_SECONDS = 86_400.0


def aside_prefix(what: str) -> str:
    """How a name written aside by this process begins; ``what`` is aside, current or gone."""
    return f".{what}-{_host()}-{os.getpid()}-"


def sweep(folder: Path) -> None:
    """Remove what dead writers left aside in a folder.

    Dead is a process of this host that runs no more, and whoever has not been heard of for a day.
    What cannot be removed now is left for the next time.
    """
    for path in folder.iterdir():
        left = _LEFT.match(path.name)
        if left is None:
            continue
        with suppress(OSError):
            old = time.time() - path.lstat().st_mtime > _OLD_SECONDS
            if old or (left["host"] == _host() and not _runs(int(left["pid"]))):
                remove(path)


def discard(folder: Path) -> None:
    """Take a folder its name, in one step, and then remove it."""
    gone = folder.with_name(f"{aside_prefix('gone')}{secrets.token_hex(4)}")
    folder.replace(gone)
    sync_folder(gone.parent)
    remove(gone)


def remove(path: Path) -> None:
    """Remove a file or a folder as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def replace_line(path: Path, text: str) -> None:
    """Replace a file of one line, by another in one step."""
    descriptor, name = tempfile.mkstemp(prefix=aside_prefix("current"), dir=path.parent)
    os.close(descriptor)
    try:
        write_synced(Path(name), f"{text}\n".encode())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file, down to the disk."""
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder down to the disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def told_as_artifact(what: str, folder: Path) -> Iterator[None]:
    """A failure of the file system as an ArtifactError: ``what`` could not be written."""
    try:
        yield
    except KidnapRiskError:
        raise
    except OSError as error:
        raise ArtifactError(
            f"{what} could not be written: {error.strerror}",
            file=folder,
            remedy="check the folder's permissions and free space",
        ) from None


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _runs(pid: int) -> bool:
    if os.name == "nt":
        # There a signal of 0 is not a question. Age alone decides.
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
