"""Runs killed with SIGKILL at random instants.

After every death the champion loads, verified, or there never was one; what was left behind does
not add up; and the next run goes through. A few deaths each time, ``KIDNAPRISK_KILLS=200`` for as
many as that, and figures.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle import registry
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KIDNAPRISK_KILLS", "4"))
BEGIN = dt.date(2022, 9, 5)  # the made-up feed is fresh for 500 nights from here
IN_PATIENCE = 120.0


def one_night(config: str, day: str, register_only: bool) -> None:
    """In a process to be killed: a run, or its last stage over and over."""
    if not register_only:
        nights.night(Path(config), day)
        return
    root = Path(config).parent / "models"
    found = kr.Registry(root)
    model = found.load()
    for number in range(1_000):
        found.publish(model, recipe={"number": number, "day": day}, reason="again")
        found.prune(keep=2, keep_days=0)


def killed_after(seconds: float, config: Path, day: dt.date, *, register_only: bool) -> bool:
    """Start a night and kill it; whether it was still at work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([registry.__name__, "kidnaprisk.lifecycle.retrain", __name__])
    process = context.Process(target=one_night, args=(str(config), str(day), register_only))
    process.start()
    process.join(seconds)
    process.kill()
    process.join(IN_PATIENCE)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode == -signal.SIGKILL


def sound(models: Path) -> str | None:
    """The version that loads; None where there never was one."""
    found = kr.Registry(models)
    if found.current() is None:
        with pytest.raises(kr.ArtifactError):
            kr.load_model(models)
        return None
    kr.load_model(models)
    assert found.verify()["sound"].all()
    assert found.history() is not None
    return found.current()


def left_behind(folder: Path) -> list[str]:
    """Files that a writer put aside and did not live to name."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob(".*")
        if path.name.startswith(".") and path.name not in (".lock", ".lock.json")
    ]


def test_killed_at_any_instant_the_champion_stands_and_the_next_run_goes_through(
    tmp_path: Path,
) -> None:
    config = nights.put_config(tmp_path)
    nights.put_feed(tmp_path, nights.made_up())
    models = tmp_path / "models"
    begin = time.monotonic()
    assert nights.night(config, BEGIN).decision == "published"
    usual = time.monotonic() - begin
    luck, told = random.Random(5), Counter[str]()
    before = sound(models)
    for number in range(KILLS):
        day = BEGIN + dt.timedelta(days=1 + number)
        # Every other death among the last stages, where what is published changes.
        register_only = number % 2 == 1
        seconds = luck.uniform(0.0, 3.0 if register_only else 1.1 * usual + 0.5)
        told["killed"] += killed_after(seconds, config, day, register_only=register_only)
        now = sound(models)
        assert now is not None
        told["moved"] += now != before
        before = now
        # Each death may leave one thing behind; the next writer clears it away.
        assert len(left_behind(models)) <= 3, left_behind(models)
    print(f"{KILLS} nights of about {usual:.1f} s: {dict(told)}")
    last = BEGIN + dt.timedelta(days=2 + KILLS)
    run = nights.night(config, last)
    assert run.decision == "published"
    assert sound(models) == run.facts["challenger"]
    assert not left_behind(models)


def test_killed_before_anything_was_published(tmp_path: Path) -> None:
    config = nights.put_config(tmp_path)
    nights.put_feed(tmp_path, nights.made_up())
    luck = random.Random(6)
    for _ in range(max(2, KILLS // 10)):
        killed_after(luck.uniform(0.0, 2.0), config, BEGIN, register_only=False)
        sound(tmp_path / "models")
    assert nights.night(config, BEGIN + dt.timedelta(days=1)).exit_code == 0
    assert sound(tmp_path / "models") is not None
