"""Versions of models: which there are, which is current, which was when, and back again.

``<root>/<name>/`` holds a folder a version (see ``artifact``), ``current`` with the one in use, and
``journal.jsonl``: one line for whatever was done, when and why. The line is written before the
pointer moves, and the pointer decides: where a writer was killed between the two, or ``current``
was moved by another hand, readers go by the pointer and the next writer notes what it found.

Writers take turns by a lock. Readers take none and wait for nobody: a version is whole before it
has a name, and loses its name before it is deleted. It needs a folder, local or shared, and no
service; a program that asks ``load_model()`` again gets the version that is current by then.

Not here: whether a version deserves to be current (``gate``).
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from kidnaprisk.errors import ArtifactError, ConfigError
from kidnaprisk.hazard.mixture import KernelMixture
from kidnaprisk.lifecycle.artifact import (
    DEFAULT_NAME,
    MANIFEST,
    POINTER,
    check_name,
    load_model,
    read_manifest,
    read_pointer,
    save_model,
)
from kidnaprisk.lifecycle.aside import discard, replace_line, sweep, told_as_artifact
from kidnaprisk.lifecycle.lock import RunLock
from kidnaprisk.lifecycle.succession import (
    PIN,
    PROMOTE,
    PRUNE,
    ROLLBACK,
    UNPIN,
    descent,
    history,
    moves,
    note,
    note_found,
)
from kidnaprisk.lifecycle.versions import labels, prunable, table_of, verified, verified_table

if TYPE_CHECKING:
    from kidnaprisk.lifecycle.diff import ModelDiff

LOCK = ".lock"
_WAIT_SECONDS = 60.0


class Registry:
    """The models of a folder.

    Parameters
    ----------
    root : path
        Folder of models, as :func:`kidnaprisk.save_model` and ``kidnaprisk train`` write it.

    Examples
    --------
    >>> from kidnaprisk.bundled import models_path
    >>> registry = Registry(models_path())
    >>> registry.names()
    ['default']
    >>> registry.versions()["current"].tolist()
    [True]
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        if not isinstance(root, (str, os.PathLike)):
            raise ArtifactError(
                f"a registry is a folder, not a {type(root).__name__}", remedy="give its path"
            )
        self.root = Path(root)

    def __repr__(self) -> str:
        return f"Registry({str(self.root)!r})"

    # Asked by readers: nothing is written and nobody waited for.

    def names(self) -> list[str]:
        """The models there are, in order of their names."""
        if not self.root.is_dir():
            return []
        homes = [path for path in self.root.iterdir() if path.is_dir() and path.name[0] != "."]
        return sorted(home.name for home in homes if (home / POINTER).is_file() or labels(home))

    def versions(self, name: str = DEFAULT_NAME) -> pd.DataFrame:
        """The versions of a model, newest first.

        Returns
        -------
        DataFrame
            ``version, as_of, published`` (when it was first current, by the journal), ``current,
            pinned, records`` (kidnappings), ``context_events, bytes, kidnaprisk`` (the library that
            wrote it). What a damaged manifest cannot tell is missing.

        Raises
        ------
        ArtifactError
            If the pointer or the journal is damaged.
        """
        return table_of(self._home(name))

    def current(self, name: str = DEFAULT_NAME) -> str | None:
        """The version in use; None if there is none.

        Raises
        ------
        ArtifactError
            If the pointer is damaged.
        """
        return read_pointer(self._home(name))

    def path(self, version: str | None = None, name: str = DEFAULT_NAME) -> Path:
        """The folder of a version, by default the current one.

        Raises
        ------
        ArtifactError
            If there is no such version.
        """
        label = self.current(name) if version is None else check_name(version, "version")
        folder = self._home(name) / (label or "")
        if label is None or not (folder / MANIFEST).is_file():
            raise ArtifactError(
                "there is no such version", file=self._home(name), value=label,
                remedy="see which there are with: kidnaprisk models list",
            )  # fmt: skip
        return folder

    def load(self, version: str | None = None, name: str = DEFAULT_NAME) -> KernelMixture:
        """A version as a model, verified byte for byte; by default the current one.

        Raises
        ------
        ArtifactError
            If there is no such version, or it is not what its name says.
        """
        if version is None:
            return load_model(self._home(name))
        return verified(self.path(version, name))

    def history(self, name: str = DEFAULT_NAME) -> list[dict[str, Any]]:
        """What was done, oldest first; empty if nothing was, or not by a registry.

        Returns
        -------
        list of dict
            ``action`` (promote, rollback, found, prune, pin or unpin), ``version``, ``previous``
            (what was current before), ``on`` (the day it counts for), ``instant`` (UTC),
            ``reason``, ``forced``, ``metrics``.

        Raises
        ------
        ArtifactError
            If a line of the journal is none of the registry's.
        """
        return history(self._home(name))

    def published_on(self, day: dt.date, name: str = DEFAULT_NAME) -> str | None:
        """The version that was current at the end of a UTC day; None if none was, as far as known.

        It may have been pruned since.
        """
        before = [move for move in moves(self._home(name)) if move["on"] <= day.isoformat()]
        return str(before[-1]["version"]) if before else None

    def verify(self, name: str | None = None) -> pd.DataFrame:
        """Load every version of a model, or of all, and tell which is not sound.

        Returns
        -------
        DataFrame
            ``name, version, current, sound, fault``. It stops at no fault; a pointer or journal
            that cannot be used is a row too, with no version or one that is not there.
        """
        names = self.names() if name is None else [name]
        tables = [verified_table(one, self._home(one)) for one in names]
        return pd.concat(tables, ignore_index=True) if tables else verified_table("", self.root)

    def diff(self, a: str, b: str | None = None, name: str = DEFAULT_NAME) -> ModelDiff:
        """What sets two versions apart; ``b`` is the current one if it is not given.

        Raises
        ------
        ArtifactError
            If one of them is not there, or not sound.
        """
        from kidnaprisk.lifecycle.diff import diff_versions

        return diff_versions(self.path(a, name), self.path(b, name))

    # Done by writers, one at a time.

    def publish(
        self,
        model: KernelMixture,
        name: str = DEFAULT_NAME,
        *,
        metrics: Mapping[str, Any] | None = None,
        recipe: Mapping[str, Any] | None = None,
        reason: str = "",
        forced: bool = False,
        on: dt.date | None = None,
    ) -> str:
        """Store a fitted model and make it current; return its version.

        Parameters
        ----------
        model, metrics, recipe
            See :func:`kidnaprisk.save_model`.
        name : str
        reason : str
            Why, for the journal.
        forced : bool
            Whether a check spoke against it; a reason is needed then.
        on : date, optional
            The day it counts for, in a replay of the past; by default today, UTC.

        Raises
        ------
        ModelError, ArtifactError
            If it cannot be stored. What was current is so still.
        """
        _check_reason(reason, forced)
        with self._writing(name, new=True):
            # Verified as it is saved.
            folder = save_model(
                model, self.root, name, current=False, metrics=metrics, recipe=recipe
            )
            _move(PROMOTE, folder, reason, forced, on)
        return folder.name

    def promote(
        self,
        version: str,
        name: str = DEFAULT_NAME,
        *,
        reason: str,
        forced: bool = False,
        on: dt.date | None = None,
    ) -> None:
        """Make a version current, once it is verified; for the parameters see :meth:`publish`.

        Raises
        ------
        ArtifactError
            If there is no such version, or it is not sound. What was current is so still.
        """
        _check_reason(reason, forced)
        with self._writing(name):
            folder = self.path(version, name)
            verified(folder)
            _move(PROMOTE, folder, reason, forced, on)

    def rollback(self, name: str = DEFAULT_NAME, *, reason: str, on: dt.date | None = None) -> str:
        """Make current what was so before, and return it; once more goes further back.

        Raises
        ------
        ArtifactError
            If nothing was current before, all of it was pruned, or it is not sound.
        """
        with self._writing(name) as home:
            there = labels(home)
            earlier = [label for label in descent(home)[:-1] if label in there]
            if not earlier:
                raise ArtifactError(
                    "no earlier version is there to go back to", file=home,
                    remedy="promote one by its name: kidnaprisk models promote",
                )  # fmt: skip
            verified(home / earlier[-1])
            _move(ROLLBACK, home / earlier[-1], reason, False, on)
        return earlier[-1]

    def pin(self, version: str, name: str = DEFAULT_NAME, *, reason: str = "") -> None:
        """Keep a version whatever :meth:`prune` is asked."""
        with self._writing(name) as home:
            self.path(version, name)
            note(home, PIN, version, reason=reason)

    def unpin(self, version: str, name: str = DEFAULT_NAME, *, reason: str = "") -> None:
        """Let a version be pruned again."""
        with self._writing(name) as home:
            self.path(version, name)
            note(home, UNPIN, version, reason=reason)

    def prune(
        self,
        name: str = DEFAULT_NAME,
        *,
        keep: int = 10,
        keep_days: int = 90,
        since: dt.date | None = None,
        dry_run: bool = False,
    ) -> list[str]:
        """Remove old versions, oldest first.

        Never the current one, a pinned one, one that was current in the last ``keep_days`` days
        before the last move (so that published forecasts can still be judged), or one whose
        manifest cannot be read.

        Parameters
        ----------
        name : str
        keep : int
            So many versions, the newest, are kept in any case.
        keep_days : int
        since : date, optional
            Nor one that was current on this day or later.
        dry_run : bool
            Only say which.

        Returns
        -------
        list of str
            The versions removed, or that would be.
        """
        if keep < 1 or keep_days < 0:
            raise ConfigError(
                "so few versions cannot be kept", value=(keep, keep_days),
                remedy="keep 1 version or more, for 0 days or more",
            )  # fmt: skip
        if dry_run:
            return prunable(self._home(name), keep, keep_days, since)
        with self._writing(name) as home:
            doomed = prunable(home, keep, keep_days, since)
            for label in doomed:
                note(home, PRUNE, label, reason=f"beyond {keep} versions and {keep_days} days")
                discard(home / label)
        return doomed

    def _home(self, name: str) -> Path:
        return self.root / check_name(name, "name")

    @contextmanager
    def _writing(self, name: str, *, new: bool = False) -> Iterator[Path]:
        home = self._home(name)
        if new:
            with told_as_artifact("the models", home):
                home.mkdir(parents=True, exist_ok=True)
        elif not home.is_dir():
            raise ArtifactError(
                "there is no model of this name", file=self.root, value=name,
                remedy="see which there are with: kidnaprisk models list",
            )  # fmt: skip
        with RunLock(home / LOCK, wait_seconds=_WAIT_SECONDS), told_as_artifact("the models", home):
            sweep(home)
            yield home


def _move(action: str, folder: Path, reason: str, forced: bool, on: dt.date | None) -> None:
    """Note it, then move the pointer to a version that was verified."""
    home, version = folder.parent, folder.name
    day = (on or dt.datetime.now(dt.UTC).date()).isoformat()
    note_found(home, day)
    # Promoted, what somebody went back to is no longer only that: re-training may go on from it.
    settled = action == PROMOTE and [one["action"] for one in moves(home)[-1:]] == [ROLLBACK]
    if read_pointer(home) == version and not settled:
        return
    metrics = read_manifest(folder)["metrics"]
    note(home, action, version, reason=reason, forced=forced, on=day, metrics=metrics)
    replace_line(home / POINTER, version)


def _check_reason(reason: str, forced: bool) -> None:
    if forced and not reason.strip():
        raise ConfigError("a forced promotion needs a reason", remedy="say why, in a few words")
