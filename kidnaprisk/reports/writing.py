"""Writing a report to a file: whole or not at all, and nowhere but where the user asked.

Not for models or stores of incidents, which need more than one file to be right.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kidnaprisk.errors import StoreError


def write_text(path: str | Path, text: str) -> None:
    """Write a file in UTF-8, replacing what was there only when all of it is written.

    Raises
    ------
    StoreError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_text(Path(folder) / "trip.txt", "Téra")
    ...     (Path(folder) / "trip.txt").read_text(encoding="utf-8")
    'Téra'
    """
    asked = Path(path)
    if asked.is_dir():
        raise StoreError("the output is a folder", file=asked.name, remedy="name a file inside it")
    try:
        # A link is followed, so that what it leads to is replaced and not the link.
        target = Path(os.path.realpath(asked))
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", newline="")
        else:
            _replace(target, text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StoreError(
            f"the output cannot be written: {reason}",
            file=asked.name,
            remedy="name a file in a folder that exists and may be written to",
        ) from None


def _replace(target: Path, text: str) -> None:
    aside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    # As a new file, under the user's own umask; a file that is there keeps its permissions.
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            aside.chmod(target.stat().st_mode & 0o7777)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
