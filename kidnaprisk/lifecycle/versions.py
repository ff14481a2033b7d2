"""The versions in a model's folder: which there are, what they are, whether they are sound."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from kidnaprisk.errors import ArtifactError
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.lifecycle.artifact import label_of, load_model, read_manifest, read_pointer
from kidnaprisk.lifecycle.succession import history, moves, pinned

_VERSIONS = {
    "version": "string", "as_of": "datetime64[ns]", "published": "datetime64[ns, UTC]",
    "current": "bool", "pinned": "bool", "records": "Int64", "context_events": "Int64",
    "bytes": "Int64", "kidnaprisk": "string",
}  # fmt: skip
_VERIFIED = {
    "name": "string", "version": "string", "current": "bool", "sound": "bool", "fault": "string",
}  # fmt: skip


def labels(home: Path) -> list[str]:
    """Names of the versions in a model's folder."""
    if not home.is_dir():
        return []
    return sorted(path.name for path in home.iterdir() if path.name[0] != "." and path.is_dir())


def verified(folder: Path) -> KernelMixture:
    """A version, whole and under its own name.

    Raises
    ------
    ArtifactError
        If it is not.
    """
    model = load_model(folder)
    label = label_of(read_manifest(folder))
    if label != folder.name:
        raise ArtifactError(
            "the version is not what its name says", file=folder, value=label,
            remedy="do not use it; restore it from where it was trained",
        )  # fmt: skip
    return model


def table_of(home: Path) -> pd.DataFrame:
    """The versions of a model, newest first; see ``Registry.versions``."""
    current, kept = read_pointer(home), pinned(home)
    published: dict[str, str] = {}
    for move in moves(home):
        published.setdefault(move["version"], move["instant"])
    rows = []
    for label in labels(home):
        manifest = _manifest_or_nothing(home / label)
        rows.append(
            {
                "version": label,
                "as_of": pd.Timestamp(manifest["facts"]["as_of"]) if manifest else pd.NaT,
                "published": pd.Timestamp(published[label]) if label in published else pd.NaT,
                "current": label == current,
                "pinned": label in kept,
                "records": manifest.get("counts", {}).get("incidents"),
                "context_events": manifest.get("counts", {}).get("context_events"),
                "bytes": _bytes(home / label),
                "kidnaprisk": manifest.get("library", {}).get("kidnaprisk"),
            }
        )
    table = pd.DataFrame(rows, columns=list(_VERSIONS)).astype(_VERSIONS)
    return table.sort_values(
        ["as_of", "published", "version"], ascending=False, na_position="last", ignore_index=True
    )


def verified_table(name: str, home: Path) -> pd.DataFrame:
    """Every version of a model and its fault, if it has one; see ``Registry.verify``."""
    rows: list[tuple[str, str | None, bool, bool, str]] = []
    there, current = labels(home), None
    try:
        current = read_pointer(home)
        if current is not None and current not in there:
            rows.append((name, current, True, False, "it is current, and not there"))
        history(home)
    except ArtifactError as error:
        rows.append((name, None, False, False, str(error)))
    for label in there:
        try:
            verified(home / label)
            rows.append((name, label, label == current, True, ""))
        except ArtifactError as error:
            rows.append((name, label, label == current, False, str(error)))
    return pd.DataFrame(rows, columns=list(_VERIFIED)).astype(_VERIFIED)


def prunable(home: Path, keep: int, keep_days: int, since: dt.date | None = None) -> list[str]:
    """The versions that may go, oldest first; see ``Registry.prune``."""
    table, moved = table_of(home), moves(home)
    spared = pinned(home) | {read_pointer(home)}
    if moved:
        first = dt.date.fromisoformat(moved[-1]["on"]) - dt.timedelta(days=keep_days)
        first = first if since is None else min(first, since)
        spared |= {
            move["version"] for move, after in pairwise(moved) if after["on"] > first.isoformat()
        }
    old = table.iloc[keep:]
    old = old[(old["as_of"].notna() & ~old["version"].isin(list(spared))).to_numpy()]
    return [str(version) for version in old["version"][::-1]]


def _manifest_or_nothing(folder: Path) -> dict[str, Any]:
    try:
        return read_manifest(folder)
    except ArtifactError:
        return {}


def _bytes(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except FileNotFoundError:
        # Pruned by now.
        return 0
