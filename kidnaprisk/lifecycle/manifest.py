"""What a stored model says of itself: its manifest, sealed, and the name that follows from it.

A manifest is plain JSON of a closed set of keys. The seal is a digest of all the rest: it guards
against damage, not against someone who can seal it anew. The version is the as-of day and a digest
of what decides the model's answers; how it did and which library wrote it change no name.

Not here: the files beside it (``artifact``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sklearn

from kidnaprisk.errors import ArtifactError, ModelError
from kidnaprisk.hazard.mixture import KernelMixture

SCHEMA = 3
MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DICTS = {"counts", "facts", "files", "library", "metrics", "needs", "recipe", "sources"}
_KEYS = _DICTS | {"data_sha256", "kind", "schema", "seal"}
# What changes no answer, and so no version.
_BESIDE = {"library", "metrics", "seal"}
_LARGEST = 10_000_000


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a version, its form checked."""
    path = folder / MANIFEST
    try:
        size, linked = path.stat().st_size, path.is_symlink()
        text = path.read_text(encoding="utf-8") if size <= _LARGEST else ""
    except OSError as error:
        raise ArtifactError(
            f"the manifest cannot be read: {error.strerror}", file=path, remedy="train again"
        ) from None
    except ValueError:
        raise ArtifactError("the manifest is not text", file=path, remedy="train again") from None
    if linked or size > _LARGEST:
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
    wrong = set(manifest) ^ _KEYS
    if wrong or not all(isinstance(manifest[key], dict) for key in _DICTS):
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
    if manifest["seal"] != seal_of(manifest):
        raise ArtifactError("the manifest was changed", file=path, remedy="train again")
    _check_needs(manifest["needs"], path)
    return manifest


def label_of(manifest: Mapping[str, Any]) -> str:
    """The version that a manifest describes: its as-of day and a digest of what decides answers."""
    decisive = {key: value for key, value in manifest.items() if key not in _BESIDE}
    return f"{manifest['facts']['as_of']}-{digest(decisive)[:8]}"


def check_name(name: object, what: str) -> str:
    """A name of a model or version that leads nowhere but into its folder.

    Raises
    ------
    ArtifactError
        If it is none; ``what`` says of what.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ArtifactError(
            f"the {what} of the model is not usable", value=name,
            remedy="use letters, digits, dots, dashes and underscores",
        )  # fmt: skip
    return name


def as_json(told: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """A copy as it will be read back."""
    try:
        copy = json.loads(json.dumps(dict(told or {}), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(
            f"the {what} of a model cannot be stored: {error}",
            remedy="give text, finite numbers, true, false, None, and lists and dicts of them",
        ) from None
    assert isinstance(copy, dict)
    return copy


def libraries() -> dict[str, str]:
    """The libraries a model is written with, and their versions."""
    return {"numpy": np.__version__, "scikit-learn": sklearn.__version__}


def _check_needs(needs: Mapping[str, Any], path: Path) -> None:
    """Refuse a model whose stored estimators another version of a library would read otherwise."""
    for library, version in needs.items():
        installed = libraries().get(library, "none")
        if installed.split(".")[:2] != str(version).split(".")[:2]:
            raise ArtifactError(
                f"the model needs {library} {version}, installed is {installed}", file=path,
                remedy="install that version, or train again",
            )  # fmt: skip


def digest(values: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def seal_of(manifest: Mapping[str, Any]) -> str:
    """Digest of everything in a manifest but the seal itself."""
    return digest({key: value for key, value in manifest.items() if key != "seal"})
