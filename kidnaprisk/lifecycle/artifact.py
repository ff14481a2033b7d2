"""Models on disk: written aside, verified by loading, then named current; never executed.

``<root>/<name>/<version>/`` holds ``manifest.json``, ``card.md`` and plain ``.npy`` arrays.
``<root>/<name>/current`` is one line, the version in use. The version is the as-of day and a digest
of what the model is made of, so the same inputs give the same version; how it did (``metrics``) and
which library wrote it are told beside, and change no name.

Loading checks the size and SHA-256 of every file against the manifest, refuses files that the
manifest does not name, and reads arrays with pickles forbidden: nothing in a model is code.

Not here: when a model should replace another, and what was current when (``registry``).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kidnaprisk import __version__
from kidnaprisk.bundled import models_path
from kidnaprisk.errors import ArtifactError, ModelError
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.hazard.state import Arrays, from_state, to_state
from kidnaprisk.lifecycle.aside import (
    aside_prefix,
    discard,
    remove,
    replace_line,
    sweep,
    sync_folder,
    told_as_artifact,
    write_synced,
)
from kidnaprisk.lifecycle.card import card_for
from kidnaprisk.lifecycle.manifest import (
    MANIFEST,
    SCHEMA,
    as_json,
    check_name,
    digest,
    label_of,
    libraries,
    read_manifest,
    seal_of,
)

__all__ = [
    "DEFAULT_NAME",
    "MANIFEST",
    "POINTER",
    "SCHEMA",
    "check_name",
    "find_version",
    "label_of",
    "load_model",
    "read_manifest",
    "read_pointer",
    "save_model",
]

DEFAULT_NAME = "default"
CARD, POINTER = "card.md", "current"
_LONGEST_POINTER = 200
# numpy reads an array's header with ast, which in CPython 3.11 fails now and then when two threads
# are in it (python/cpython#106905): readers of models take turns there.
_HEADERS = threading.Lock()


def save_model(
    model: KernelMixture,
    root: str | Path,
    name: str = DEFAULT_NAME,
    *,
    current: bool = True,
    metrics: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> Path:
    """Store a fitted model.

    Parameters
    ----------
    model : KernelMixture
    root : path
        Folder of models; made if it is not there.
    name : str
        Letters, digits, dots, dashes and underscores.
    current : bool
        Whether this version becomes the one that :func:`load_model` gives.
    metrics : mapping, optional
        How it did when it was put to the test: figures, as JSON can hold them.
    recipe : mapping, optional
        Where its records can be had again, as JSON can hold it.

    Returns
    -------
    Path
        The folder of the version. One that is there already, and whole, is left as it is.

    Raises
    ------
    ModelError
        If the model is not a fitted one that can be stored, or JSON cannot hold what is told of it.
    ArtifactError
        If the folder cannot be written, or what was written does not load.
    """
    if not isinstance(model, KernelMixture):
        raise ModelError(
            f"a {type(model).__name__} cannot be stored", remedy="store a KernelMixture"
        )
    check_name(name, "name")
    arrays, facts = to_state(model)
    told = {"metrics": as_json(metrics, "metrics"), "recipe": as_json(recipe, "recipe")}
    home = Path(root) / name
    with told_as_artifact("the model", home):
        home.mkdir(parents=True, exist_ok=True)
        sweep(home)
        aside = Path(tempfile.mkdtemp(prefix=aside_prefix("aside"), dir=home))
        try:
            final = home / _write(aside, model, arrays, facts, told)
            _settle(aside, final)
        finally:
            remove(aside)
        if current:
            replace_line(home / POINTER, final.name)
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
    asked = models_path() if path is None else Path(path)
    while True:
        folder = find_version(asked, name)
        try:
            return _loaded(folder)
        except ArtifactError:
            # Pruned while it was read? Only if another version is current by now.
            if find_version(asked, name) == folder:
                raise


def find_version(path: Path, name: str = DEFAULT_NAME) -> Path:
    """The folder of the version that ``path`` means; see :func:`load_model`."""
    if (path / MANIFEST).is_file():
        return path
    home = path if (path / POINTER).is_file() else path / check_name(name, "name")
    label = read_pointer(home)
    if label is None:
        raise ArtifactError(
            "there is no model here", file=path,
            remedy="give the folder of a model, or train one with: kidnaprisk train",
        )  # fmt: skip
    return home / label


def read_pointer(home: Path) -> str | None:
    """The version that is current in a model's folder; None if none is.

    Raises
    ------
    ArtifactError
        If what stands there cannot be read, or is no name of a version.
    """
    try:
        with (home / POINTER).open("rb") as stream:
            content = stream.read(_LONGEST_POINTER)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ArtifactError(
            f"it cannot be read which version is current: {error.strerror}", file=home / POINTER,
            remedy="check the folder's permissions",
        ) from None  # fmt: skip
    return check_name(content.decode("utf-8", errors="replace").strip(), "version")


def _loaded(folder: Path) -> KernelMixture:
    try:
        manifest = read_manifest(folder)
        arrays = _verified_arrays(folder, manifest["files"])
    except ArtifactError:
        raise
    except OSError as error:
        raise ArtifactError(
            f"the model cannot be read: {error.strerror}", file=folder,
            remedy="check the folder's permissions, or load again if it was pruned just now",
        ) from None  # fmt: skip
    return from_state(arrays, manifest["facts"])


def _settle(aside: Path, final: Path) -> None:
    """Give a version its name, if it loads and no whole one has the name already."""
    if final.exists():
        try:
            _loaded(final)
        except ArtifactError:
            # Damaged: what was made again takes its place.
            discard(final)
        else:
            return
    _loaded(aside)
    aside.chmod(0o755)
    try:
        aside.replace(final)
    except OSError:
        # Another writer of the same version was faster: what it wrote is the same.
        if not final.exists():
            raise
    sync_folder(final.parent)


def _write(
    aside: Path,
    model: KernelMixture,
    arrays: Arrays,
    facts: dict[str, Any],
    told: dict[str, dict[str, Any]],
) -> str:
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
    described = model.describe()
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": type(model).__name__,
        "facts": facts,
        "counts": {key: described[key] for key in ("incidents", "context_events")},
        "sources": {str(source): int(count) for source, count in sources.items()},
        "data_sha256": digest({k: v["sha256"] for k, v in files.items() if "record" in k}),
        # Libraries without whose very version it would answer otherwise: an estimator's own.
        "needs": {},
        **told,
    }
    write_synced(aside / CARD, card_for(model, manifest).encode())
    files[CARD] = _fingerprint(aside / CARD)
    manifest["files"] = files
    manifest["library"] = {"kidnaprisk": __version__, **libraries()}
    manifest["seal"] = seal_of(manifest)
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_synced(aside / MANIFEST, f"{text}\n".encode())
    sync_folder(aside)
    return label_of(manifest)


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
