"""Models on disk: written aside, verified by loading, then named current; never executed.

``<root>/<name>/<version>/`` holds ``manifest.json``, ``card.md`` and plain ``.npy`` arrays.
``<root>/<name>/current`` is one line, the version in use. The version is the as-of day and a digest
of what the model is made of, so the same inputs give the same version.

Loading checks the size and SHA-256 of every file against the manifest, refuses files that the
manifest does not name, and reads arrays with pickles forbidden: nothing in a model is code.

Not here: when a model should replace another.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn

from kidnaprisk import __version__
from kidnaprisk.bundled import models_path
from kidnaprisk.errors import ArtifactError, ModelError
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.hazard.state import Arrays, from_state, to_state
from kidnaprisk.lifecycle.card import card_for

SCHEMA = 2
DEFAULT_NAME = "default"
MANIFEST, CARD, POINTER = "manifest.json", "card.md", "current"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MANIFEST_KEYS = {"schema", "kind", "library", "facts", "sources", "data_sha256", "files"}
_LARGEST_MANIFEST = 10_000_000
# numpy reads an array's header with ast, which in CPython 3.11 fails now and then when two threads
# are in it (python/cpython#106905): readers of models take turns there.
_HEADERS = threading.Lock()


def save_model(
    model: KernelMixture, root: str | Path, name: str = DEFAULT_NAME, *, current: bool = True
) -> Path:
    """Publish a fitted model.

    Parameters
    ----------
    model : KernelMixture
    root : path
        Folder of models; made if it is not there.
    name : str
        Letters, digits, dots, dashes and underscores.
    current : bool
        Whether this version becomes the one that :func:`load_model` gives.

    Returns
    -------
    Path
        The folder of the version. One that is there already is left as it is.

    Raises
    ------
    ModelError
        If the model is not a fitted one that can be stored.
    ArtifactError
        If the folder cannot be written, or what was written does not load.
    """
    if not isinstance(model, KernelMixture):
        raise ModelError(
            f"a {type(model).__name__} cannot be stored", remedy="store a KernelMixture"
        )
    _check_name(name, "name")
    arrays, facts = to_state(model)
    home = Path(root) / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".aside-", dir=home))
        try:
            label = _write(aside, model, arrays, facts)
            load_model(aside)
            final = home / label
            if not final.exists():
                aside.chmod(0o755)
                _rename(aside, final)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        load_model(final)
        if current:
            descriptor, pointer = tempfile.mkstemp(prefix=f".{POINTER}-", dir=home)
            os.close(descriptor)
            _write_synced(Path(pointer), f"{label}\n".encode())
            Path(pointer).chmod(0o644)
            Path(pointer).replace(home / POINTER)
        _sync_folder(home)
    except ArtifactError:
        raise
    except OSError as error:
        raise ArtifactError(
            f"the model could not be written: {error.strerror}",
            file=home,
            remedy="check the folder's permissions and free space",
        ) from None
    return final


def load_model(path: str | Path | None = None, name: str = DEFAULT_NAME) -> KernelMixture:
    """Load a model, verified byte for byte.

    Parameters
    ----------
    path : path, optional
        A version's folder, a model's folder (its current version is loaded) or a folder of models.
        By default the models that come with the library.
    name : str
        Which model of a folder of models.

    Raises
    ------
    ArtifactError
        If there is no such model, or any of it is missing, changed, added or of another schema.

    Examples
    --------
    >>> model = load_model()
    >>> bool((model.weights_ >= 0).all())
    True
    """
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise ArtifactError(
            f"a model is loaded from a folder, not from a {type(path).__name__}",
            remedy="give its path, or nothing for the bundled model",
        )
    folder = find_version(models_path() if path is None else Path(path), name)
    manifest = read_manifest(folder)
    arrays = _verified_arrays(folder, manifest["files"])
    return from_state(arrays, manifest["facts"])


def find_version(path: Path, name: str = DEFAULT_NAME) -> Path:
    """The folder of the version that ``path`` means; see :func:`load_model`."""
    if (path / MANIFEST).is_file():
        return path
    home = path if (path / POINTER).is_file() else path / _check_name(name, "name")
    if not (home / POINTER).is_file():
        raise ArtifactError(
            "there is no model here", file=path,
            remedy="give the folder of a model, or train one with: kidnaprisk train",
        )  # fmt: skip
    label = (home / POINTER).read_text(encoding="utf-8", errors="replace").strip()
    return home / _check_name(label, "version")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a version, its form checked."""
    path = folder / MANIFEST
    try:
        size, linked = path.stat().st_size, path.is_symlink()
        text = path.read_text(encoding="utf-8") if size <= _LARGEST_MANIFEST else ""
    except OSError as error:
        raise ArtifactError(
            f"the manifest cannot be read: {error.strerror}", file=path, remedy="train again"
        ) from None
    except ValueError:
        raise ArtifactError("the manifest is not text", file=path, remedy="train again") from None
    if linked or size > _LARGEST_MANIFEST:
        fault = "is a link" if linked else "is too large"
        raise ArtifactError(f"the manifest {fault}", file=path, remedy="train again")
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        raise ArtifactError("the manifest is not JSON", file=path, remedy="train again") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        found = manifest.get("schema") if isinstance(manifest, dict) else None
        raise ArtifactError(
            f"the model has schema {found!r}, this library reads {SCHEMA}",
            file=path,
            remedy="use the library that wrote it, or train again",
        )
    wrong = set(manifest) ^ _MANIFEST_KEYS
    parts = [manifest.get(key) for key in ("files", "facts", "library", "sources")]
    if wrong or not all(isinstance(part, dict) for part in parts):
        raise ArtifactError(
            f"the manifest lacks or adds {', '.join(sorted(wrong)) or 'files or facts'}",
            file=path,
            remedy="train again",
        )
    if manifest["kind"] != KernelMixture.__name__:
        raise ArtifactError(
            "the model is of an unknown kind", file=path, value=manifest["kind"],
            remedy="use the library that wrote it",
        )  # fmt: skip
    if manifest["library"].get("seal") != _seal(manifest):
        raise ArtifactError("the manifest was changed", file=path, remedy="train again")
    return manifest


def _rename(aside: Path, final: Path) -> None:
    try:
        aside.replace(final)
    except OSError:
        # Another writer of the same version was faster: what it wrote is the same.
        if not final.exists():
            raise


def _write(aside: Path, model: KernelMixture, arrays: Arrays, facts: dict[str, Any]) -> str:
    """Write a version's files; return its name."""
    files = {}
    for key in sorted(arrays):
        target = aside / f"{key}.npy"
        with target.open("wb") as stream:
            np.save(stream, np.ascontiguousarray(arrays[key]), allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        files[target.name] = _fingerprint(target)
    sources = model.records_["source"].value_counts().sort_index()
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": type(model).__name__,
        "facts": facts,
        "sources": {str(source): int(count) for source, count in sources.items()},
        "data_sha256": _digest({k: v["sha256"] for k, v in files.items() if "record" in k}),
    }
    _write_synced(aside / CARD, card_for(model, manifest).encode())
    files[CARD] = _fingerprint(aside / CARD)
    manifest["files"] = files
    manifest["library"] = {
        "kidnaprisk": __version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
    manifest["library"]["seal"] = _seal(manifest)
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    _write_synced(aside / MANIFEST, f"{text}\n".encode())
    _sync_folder(aside)
    return f"{facts['as_of']}-{_seal(manifest)[:8]}"


def _verified_arrays(folder: Path, files: dict[str, Any]) -> Arrays:
    present = {entry.name for entry in folder.iterdir()}
    added, missing = present - set(files) - {MANIFEST}, set(files) - present
    if added or missing:
        raise ArtifactError(
            f"files {'added to' if added else 'missing from'} the model: "
            f"{', '.join(sorted(added or missing))}",
            file=folder,
            remedy="do not use it; restore it from where it was trained, or train again",
        )
    arrays: Arrays = {}
    for name, expected in files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or _fingerprint(path) != expected:
            raise ArtifactError(
                "a file of the model does not match its manifest",
                file=path,
                remedy="do not use it; restore it from where it was trained, or train again",
            )
        if path.suffix == ".npy":
            arrays[path.stem] = _read_array(path)
    return arrays


def _read_array(path: Path) -> npt.NDArray[Any]:
    """One .npy array, memory-mapped; an archive or a pickle posing as one is refused."""
    try:
        with _HEADERS:
            stored = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError, OSError) as error:
        raise ArtifactError(
            f"an array of the model cannot be read: {error}", file=path, remedy="train again"
        ) from None
    return np.asarray(stored)


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _seal(manifest: dict[str, Any]) -> str:
    """Digest of everything in a manifest but the library's version, which changes no answer."""
    return _digest({key: value for key, value in manifest.items() if key != "library"})


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_name(name: str, what: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ArtifactError(
            f"the {what} of the model is not usable", value=name,
            remedy="use letters, digits, dots, dashes and underscores",
        )  # fmt: skip
    return name
