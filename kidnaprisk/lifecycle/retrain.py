"""One night's work: records in, a challenger beside the champion, and published only if it may be.

One run at a time. Killed at any instant, the next run goes through: taking in is idempotent,
fetching goes on where it stopped, and publishing moves one line. What came of it is written down.

Not here: the stages and their order (`night`).
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from pathlib import Path

from kidnaprisk.errors import ConfigError, KidnapRiskError
from kidnaprisk.lifecycle import journal
from kidnaprisk.lifecycle.config import RetrainConfig, read_config
from kidnaprisk.lifecycle.lock import Busy, RunLock
from kidnaprisk.lifecycle.night import RUNS, Night
from kidnaprisk.lifecycle.prometheus import write_metrics
from kidnaprisk.lifecycle.record import Record, RetrainRun

LOCK = "lock"


def retrain(
    config: str | PathLike[str] | RetrainConfig,
    *,
    as_of: object = None,
    dry_run: bool = False,
    force: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> RetrainRun:
    """Bring the records and the model up to date, and publish the model if it is not worse.

    Parameters
    ----------
    config : path or RetrainConfig
        ``kidnaprisk retrain --init`` writes a commented one.
    as_of : day, optional
        Do what would have been done on that UTC day, with what was known then; today if not given.
    dry_run : bool
        Do everything but change the store, the models and the records of runs. What is fetched
        stays, and the run of that day goes on with it.
    force : str, optional
        Publish although checks fail, for this reason. It is recorded. A feed that cannot be read
        (check ``feed``), or is not all there is though it is said to be (``complete``), is refused
        all the same.
    progress : callable, optional
        Called with what is being done.

    Returns
    -------
    RetrainRun
        The decision with its reasons, figures and timings.

    Raises
    ------
    ConfigError
        If the configuration, the day, the reason or another argument cannot be used.
    KidnapRiskError
        If the store or the models cannot be used. The champion is untouched then.

    Notes
    -----
    A feed that cannot be read, or whose records look wrong, refuses the whole run before the store
    is touched. A run that finds another one at work returns at once, with decision ``busy``. What a
    bug or Ctrl-C cuts short is written down with the kind of exception, which is then raised.
    """
    settings = config if isinstance(config, RetrainConfig) else read_config(config)
    today = dt.datetime.now(dt.UTC).date()
    day = today if as_of is None else _day(as_of, today)
    _check(dry_run, force, progress)
    record = Record(settings, day, dry_run=dry_run, progress=progress)
    night = Night(settings, day, today, record, dry_run, force)
    try:
        if dry_run:
            # It changes nothing, so it is in nobody's way.
            with tempfile.TemporaryDirectory() as aside:
                night.work(Path(aside))
            return record.finished()
        with RunLock(settings.run.folder / LOCK) as lock:
            if lock.taken_over is not None:
                record.note(f"the run before was cut off: {lock.taken_over}")
            try:
                night.work()
            except Busy as busy:
                record.decide("busy", str(busy))
            except BaseException as error:
                record.decide("error", _said(error))
                # What went wrong first is what is to be told.
                with suppress(KidnapRiskError):
                    _close(settings, record)
                raise
            _close(settings, record)
    except Busy as busy:
        record.decide("busy", str(busy))
    return record.finished()


def _close(settings: RetrainConfig, record: Record) -> None:
    """Write the run down, for machines and for people."""
    try:
        if settings.run.prometheus is not None:
            write_metrics(settings.run.prometheus, record.finished().to_dict())
    except KidnapRiskError as error:
        # What was published is so all the same.
        record.note(str(error))
    finally:
        journal.append(settings.run.folder / RUNS, record.finished().to_dict())


def _said(error: BaseException) -> str:
    # Of what we did not raise only the kind: its words may hold a row, a path or a secret.
    if isinstance(error, KidnapRiskError):
        return str(error)
    return f"the run was cut short: {type(error).__name__}"


def _check(dry_run: object, force: object, progress: object) -> None:
    if not isinstance(dry_run, bool):
        raise ConfigError(
            "dry_run is neither True nor False", value=dry_run, remedy="give one of them"
        )
    if force is not None and not isinstance(force, str):
        raise ConfigError(
            "the reason of a forced promotion is no text", value=force,
            remedy="say why, in a few words",
        )  # fmt: skip
    if force is not None and not force.strip():
        raise ConfigError("a forced promotion needs a reason", remedy="say why, in a few words")
    if progress is not None and not callable(progress):
        raise ConfigError(
            "progress cannot be called", value=progress,
            remedy="give a function that takes a text, such as print",
        )  # fmt: skip


def _day(given: object, today: dt.date) -> dt.date:
    from kidnaprisk.evaluation.options import day

    found = day("as_of", given)
    if found > today:
        raise ConfigError("as_of lies in the future", value=str(found), remedy=f"today is {today}")
    return found
