"""Zip archives from strangers: members read into memory, bounded, never written anywhere."""

from __future__ import annotations

import io
import zipfile
import zlib

from kidnaprisk.errors import RouteError

LARGEST_MB = 100
MOST_MEMBERS = 1000
_MB = 1_000_000


def members(data: bytes, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """The members of a zip archive whose names end so, by name, in the archive's order.

    Raises
    ------
    RouteError
        If it is no zip archive, is damaged or locked, or would unpack to more than
        ``LARGEST_MB``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            wanted = [info for info in archive.infolist() if _is_wanted(info, suffixes)]
            if len(wanted) > MOST_MEMBERS:
                raise RouteError(
                    f"the archive has more than {MOST_MEMBERS} files", remedy="keep the route only"
                )
            check_size(sum(info.file_size for info in wanted), "the archive, unpacked,")
            # zipfile stops reading a member at the size it states: what was checked is what comes.
            return {info.filename: archive.read(info) for info in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        if isinstance(error, RouteError):
            raise
        raise RouteError("the zip archive is damaged", remedy="copy or export it again") from None
    except (NotImplementedError, RuntimeError):
        raise RouteError(
            "the zip archive is encrypted or packed in an unusual way", remedy="unpack it first"
        ) from None


def zipped(files: dict[str, bytes]) -> bytes:
    """Files as an uncompressed zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def check_size(n_bytes: int, what: str) -> None:
    """Refuse what is larger than any route.

    Raises
    ------
    RouteError
    """
    if n_bytes > LARGEST_MB * _MB:
        raise RouteError(
            f"{what} has {n_bytes / _MB:,.0f} MB, more than the {LARGEST_MB} MB of any route",
            remedy="extract the route first",
        )


def _is_wanted(info: zipfile.ZipInfo, suffixes: tuple[str, ...]) -> bool:
    # Finder on macOS adds a shadow of each file under this folder.
    hidden = info.filename.startswith("__MACOSX/")
    return not info.is_dir() and not hidden and info.filename.lower().endswith(suffixes)
