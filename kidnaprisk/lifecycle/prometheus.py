"""A run as a textfile for Prometheus' node exporter, so that whoever is on call hears of it.

Gauges only: when it ran, when it last ended well, what was decided and on what. What is not known
is left out; a 0 that means "unknown" would quieten an alarm. The file is replaced in one step.

Not a record: that is ``runs.jsonl``. Source: Prometheus' text exposition format 0.0.4
(prometheus.io/docs/instrumenting/exposition_formats).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from kidnaprisk.lifecycle.aside import replace_line, sweep, told_as_artifact

DECISIONS = ("published", "forced", "unchanged", "refused", "error")
_WELL = ("published", "forced", "unchanged")
_ROWS = ("rows", "rejected", "added", "revised", "unchanged", "deleted")
_LAST_WELL = "kidnaprisk_retrain_last_success_timestamp_seconds"


class Gauge(NamedTuple):
    """A gauge: its name, what it tells, and its values by labels."""

    name: str
    told: str
    samples: list[tuple[dict[str, object], float | None]]


def write_metrics(path: str | PathLike[str], run: Mapping[str, Any]) -> None:
    """Write a run's metrics, in place of those of the run before.

    Parameters
    ----------
    path : path
        A file that ends in ``.prom``, in the folder that the node exporter reads.
    run : mapping
        The record of a run, as docs/retraining.md lists it.

    Raises
    ------
    ArtifactError
        If it cannot be written. What was there stays as it was.
    """
    target = Path(path)
    with told_as_artifact("the metrics", target):
        sweep(target.parent)
        replace_line(target, metrics_text(run, _last_well(target)))


def metrics_text(run: Mapping[str, Any], last_well: float | None = None) -> str:
    """A run's metrics in the text format, without the last line's end.

    Parameters
    ----------
    run : mapping
        The record of a run.
    last_well : float, optional
        When a run ended well before, in seconds since 1970.

    Examples
    --------
    >>> made_up = {"finished": "1970-01-01T00:01:00Z", "decision": "refused"}
    >>> print(metrics_text(made_up, 30.0))
    # HELP kidnaprisk_retrain_last_run_timestamp_seconds When re-training last ended.
    # TYPE kidnaprisk_retrain_last_run_timestamp_seconds gauge
    kidnaprisk_retrain_last_run_timestamp_seconds 60.0
    # HELP kidnaprisk_retrain_last_success_timestamp_seconds When it last ended ...
    # TYPE kidnaprisk_retrain_last_success_timestamp_seconds gauge
    kidnaprisk_retrain_last_success_timestamp_seconds 30.0
    ...
    """
    model = {} if run.get("model") is None else {"model": run["model"]}
    lines = []
    for gauge in _gauges(run, last_well):
        known = [
            (labels, float(value))
            for labels, value in gauge.samples
            if value is not None and math.isfinite(value)
        ]
        if known:
            lines += [f"# HELP {gauge.name} {gauge.told}", f"# TYPE {gauge.name} gauge"]
            lines += [f"{gauge.name}{_braced(model | labels)} {value}" for labels, value in known]
    return "\n".join(lines)


def _gauges(run: Mapping[str, Any], last_well: float | None) -> Iterator[Gauge]:
    finished, decision = _seconds(run["finished"]), run["decision"]
    yield Gauge(
        "kidnaprisk_retrain_last_run_timestamp_seconds", "When re-training last ended.",
        [({}, finished)],
    )  # fmt: skip
    yield Gauge(
        _LAST_WELL, "When it last ended with a model published, or none to be made.",
        [({}, finished if decision in _WELL else last_well)],
    )  # fmt: skip
    yield Gauge(
        "kidnaprisk_retrain_decision", "1 for what the last run decided.",
        [({"decision": one}, float(one == decision)) for one in DECISIONS],
    )  # fmt: skip
    seconds = Counter[str]()
    for one in run.get("stages", ()):
        seconds[one["stage"]] += one["seconds"]
    yield Gauge(
        "kidnaprisk_retrain_stage_seconds", "How long each stage of the last run took.",
        [({"stage": stage}, took) for stage, took in seconds.items()],
    )  # fmt: skip
    yield Gauge(
        "kidnaprisk_retrain_feed_rows", "Rows that a feed brought, and what became of them.",
        [
            ({"feed": feed["name"], "what": what}, feed.get(what))
            for feed in run.get("feeds", ())
            for what in _ROWS
        ],
    )  # fmt: skip
    checks = run.get("checks", ())
    counts = Counter(one["status"] for one in checks)
    yield Gauge(
        "kidnaprisk_retrain_checks", "Checks of the last run by what they found.",
        [({"status": one}, float(counts[one])) for one in ("passed", "failed", "unknown")],
    )  # fmt: skip
    failed = {(one["name"], one["subject"]) for one in checks if one["status"] == "failed"}
    yield Gauge(
        "kidnaprisk_retrain_check_failed", "1 for each check that failed.",
        [({"check": name, "subject": subject}, 1.0) for name, subject in sorted(failed)],
    )  # fmt: skip
    yield from _of_model(run)


def _of_model(run: Mapping[str, Any]) -> Iterator[Gauge]:
    version = run.get("challenger") or run.get("champion")
    if version is not None:
        yield Gauge(
            "kidnaprisk_model_as_of_timestamp_seconds",
            "Midnight UTC of the as-of day of the model in use.", [({}, _as_of(version))],
        )  # fmt: skip
        yield Gauge(
            "kidnaprisk_model_info", "1, with the version of the model in use.",
            [({"version": version, "library": run.get("library", "")}, 1.0)],
        )  # fmt: skip
    monitor = run.get("monitor") or {}
    for name, told in (
        ("expected", "Incidents that published forecasts expected, in the windows judged."),
        ("observed", "Incidents recorded in them."),
        ("alarm", "1 if they are further apart than chance makes likely."),
    ):
        yield Gauge(f"kidnaprisk_monitor_{name}", told, [({}, monitor.get(name))])


def _braced(labels: Mapping[str, object]) -> str:
    r"""Labels in braces, escaped as the format has it.

    Examples
    --------
    >>> _braced({"feed": 'a"b'}), _braced({})
    ('{feed="a\\"b"}', '')
    """
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    inside = ",".join(f'{name}="{str(one).translate(escapes)}"' for name, one in labels.items())
    return f"{{{inside}}}" if inside else ""


def _seconds(instant: str) -> float:
    return dt.datetime.fromisoformat(instant).timestamp()


def _as_of(version: str) -> float | None:
    """Midnight of the day that a version's name begins with."""
    try:
        return _seconds(f"{version[:10]}T00:00:00Z")
    except ValueError:
        return None


def _last_well(path: Path) -> float | None:
    """When a run last ended well, by the file that this one replaces."""
    try:
        found = re.search(rf"(?m)^{_LAST_WELL}(?:{{.*}})? (\S+)$", path.read_text(encoding="utf-8"))
        return None if found is None else float(found[1])
    except (FileNotFoundError, ValueError):
        return None
