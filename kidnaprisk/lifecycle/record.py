"""What a run did: stages with their timings, feeds, checks, figures and the decision.

One run is one line of JSON in the end. It holds counts and figures, names of files and of models,
at most an id or two of rows that were found wrong; no route, no secret.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kidnaprisk import __version__
from kidnaprisk.lifecycle.checks import UNKNOWN, Check

if TYPE_CHECKING:
    from kidnaprisk.incidents.store.summaries import ImportSummary
    from kidnaprisk.lifecycle.config import RetrainConfig
    from kidnaprisk.lifecycle.intake import Incoming

DONE, BAD_INPUT, NOT_PUBLISHED = 0, 2, 3
_EXIT_CODES = {"published": DONE, "forced": DONE, "rehearsed": DONE, "error": BAD_INPUT}


@dataclass(frozen=True)
class RetrainRun:
    """What a run did.

    Attributes
    ----------
    facts : dict
        The record of the run, as docs/retraining.md lists it.
    """

    facts: dict[str, Any]

    @property
    def decision(self) -> str:
        """``published, forced, rehearsed, refused, unchanged, busy`` or ``error``."""
        return str(self.facts["decision"])

    @property
    def reasons(self) -> list[str]:
        """Why, one sentence each."""
        return list(self.facts["reasons"])

    @property
    def exit_code(self) -> int:
        """0 published or rehearsed; 3 nothing was to be done or the gate not passed; 2 an error."""
        return _EXIT_CODES.get(self.decision, NOT_PUBLISHED)

    def to_dict(self) -> dict[str, Any]:
        """The record of the run."""
        return dict(self.facts)


class Record:
    """A run's record while it is written.

    Parameters
    ----------
    settings : RetrainConfig
    day : date
        The day it is run for.
    dry_run : bool
    progress : callable, optional
        Called with what is being done.
    """

    def __init__(
        self,
        settings: RetrainConfig,
        day: dt.date,
        *,
        dry_run: bool,
        progress: Callable[[str], None] | None,
    ) -> None:
        self._started, self._model = _now(), settings.model.name
        self._day, self._dry_run, self._progress = day, dry_run, progress
        self._finished: dt.datetime | None = None
        self._config = hashlib.sha256(
            json.dumps(asdict(settings), sort_keys=True, default=str).encode()
        ).hexdigest()
        self._decision, self._reasons = "error", ["the run did not come to an end"]
        self._notes: list[str] = []
        self._stages: list[dict[str, Any]] = []
        self._feeds: dict[str, dict[str, Any]] = {}
        self.checks: list[Check] = []
        self.champion: str | None = None
        self.challenger: str | None = None
        self.figures: dict[str, Any] = {}
        self.monitor: dict[str, Any] | None = None
        self.pruned: list[str] = []

    def say(self, text: str) -> None:
        """Tell whoever waits what is being done."""
        if self._progress is not None:
            self._progress(text)

    def note(self, text: str) -> None:
        """Write down what a reader should know."""
        self._notes.append(text)

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a stage; counts put into what it yields are kept."""
        counts: dict[str, Any] = {}
        begun = time.monotonic()
        try:
            yield counts
        finally:
            seconds = round(time.monotonic() - begun, 3)
            self._stages.append({"stage": name, "seconds": seconds, **counts})

    def feed(self, came: Incoming) -> None:
        """Write down what a feed brought."""
        self._feeds[came.feed] = {
            "name": came.feed,
            "files": list(came.files),
            "sha256": came.sha256,
            "format": came.format,
            "rows": came.rows_in,
            "rejected": len(came.rejects),
            "not_yet_known": came.not_yet_known,
            "complete": came.complete,
            "columns": list(came.columns),
            "countries": sorted(came.table["country"].dropna().astype(str).unique()),
        }

    def taken_in(self, feed: str, summary: ImportSummary | None, deleted: int = 0) -> None:
        """Write down what the store made of it; None where there was nothing to take in.

        ``deleted`` rows were withdrawn by their ids, beside those that a complete file lacked.
        """
        for name in ("added", "revised", "unchanged", "deleted"):
            self._feeds[feed][name] = 0 if summary is None else getattr(summary, name)
        self._feeds[feed]["deleted"] += deleted

    def check(self, *checks: Check) -> None:
        """Write down what was looked at."""
        self.checks.extend(checks)

    @property
    def failed(self) -> list[Check]:
        """The checks that speak against publishing."""
        return [one for one in self.checks if one.failed]

    def passed(self) -> str:
        """How many checks were passed, and how many could not be made."""
        known = sum(one.status != UNKNOWN for one in self.checks)
        blank = len(self.checks) - known
        return f"all {known} checks were passed" + (f"; {blank} are unknown" if blank else "")

    def decide(self, decision: str, *reasons: str) -> None:
        """Settle how the run ends, and why."""
        self._decision, self._reasons = decision, list(reasons)

    def finished(self) -> RetrainRun:
        """The record, as it stands. Asked for the first time, the run is over."""
        if self._finished is None:
            self._finished = _now()
        return RetrainRun(
            {
                "run": f"{self._started:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}",
                "started": _text(self._started),
                "finished": _text(self._finished),
                "model": self._model,
                "as_of": self._day.isoformat(),
                "dry_run": self._dry_run,
                "decision": self._decision,
                "reasons": self._reasons,
                "notes": self._notes,
                "champion": self.champion,
                "challenger": self.challenger,
                "stages": self._stages,
                "feeds": list(self._feeds.values()),
                "checks": [one.to_dict() for one in self.checks],
                "figures": self.figures,
                "monitor": self.monitor,
                "pruned": self.pruned,
                "library": __version__,
                "config_sha256": self._config,
            }
        )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _text(instant: dt.datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
