"""Runs started together, and readers at work while versions come and go."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

import kidnaprisk as kr
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

DAY = dt.date(2023, 6, 5)
TOGETHER = 8


def test_of_eight_started_together_one_works_and_seven_leave_at_once(tmp_path: Path) -> None:
    config = nights.put_config(tmp_path)
    nights.put_feed(tmp_path, nights.made_up())
    command = [sys.executable, "-m", "kidnaprisk", "retrain", str(config), "--as-of", str(DAY)]
    begun = time.monotonic()
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(TOGETHER)
    ]
    done: dict[int, float] = {}
    while len(done) < TOGETHER and time.monotonic() - begun < 120:
        for number, run in enumerate(runs):
            if run.poll() is not None:
                done.setdefault(number, time.monotonic() - begun)
        time.sleep(0.01)
    said = ["".join(run.communicate()) for run in runs]
    codes = Counter(run.returncode for run in runs)
    assert codes == {0: 1, 3: TOGETHER - 1}, list(zip(codes, said, strict=False))
    worker = next(number for number, run in enumerate(runs) if run.returncode == 0)
    # At once: none of them waited for the one at work.
    assert max(seconds for number, seconds in done.items() if number != worker) < done[worker]
    assert all(str(runs[worker].pid) in text for n, text in enumerate(said) if n != worker)
    assert len(kr.Registry(tmp_path / "models").versions()) == 1


def load_over_and_over(models: str, seconds: float, found: object) -> None:
    """A service that asks for the model again and again, until it saw enough."""
    versions, end = set(), time.monotonic() + seconds
    loads = 0
    while (loads < 20 or len(versions) < 2) and time.monotonic() < end:
        model = kr.load_model(models)
        versions.add(float(model.floor_weight_))
        loads += 1
    found.put((loads, len(versions)))  # type: ignore[attr-defined]


def test_a_running_service_sees_whole_models_only_and_the_new_one_next(tmp_path: Path) -> None:
    config = nights.put_config(tmp_path)
    nights.put_feed(tmp_path, nights.made_up())
    found = kr.Registry(tmp_path / "models")
    assert nights.night(config, DAY).decision == "published"
    first = found.current()
    assert nights.night(config, DAY + dt.timedelta(days=40)).decision == "published"
    second = found.current()
    assert first is not None
    assert second is not None
    assert first != second
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    readers = [
        context.Process(target=load_over_and_over, args=(str(found.root), 60.0, queue))
        for _ in range(2)
    ]
    for reader in readers:
        reader.start()
    moves = 0
    while any(reader.is_alive() for reader in readers):
        found.promote(first if moves % 2 == 0 else second, reason="to and fro")
        moves += 1
        # So that whoever reads sees either for a while.
        time.sleep(0.05)
    counted = [queue.get(timeout=30) for _ in readers]
    for reader in readers:
        reader.join(30)
        assert reader.exitcode == 0
    assert moves > 5
    assert all(loads >= 20 and versions == 2 for loads, versions in counted), counted


def test_the_same_process_loads_the_new_version_next(tmp_path: Path) -> None:
    config = nights.put_config(tmp_path)
    nights.put_feed(tmp_path, nights.made_up())
    nights.night(config, DAY)
    before = kr.load_model(tmp_path / "models")
    nights.night(config, DAY + dt.timedelta(days=40))
    after = kr.load_model(tmp_path / "models")
    assert (before.as_of_.date(), after.as_of_.date()) == (DAY, DAY + dt.timedelta(days=40))


def test_threads_that_retrain_together_do_not_both_work(tmp_path: Path) -> None:
    config = nights.put_config(tmp_path)
    nights.put_feed(tmp_path, nights.made_up())
    runs: list[str] = []
    threads = [
        threading.Thread(target=lambda: runs.append(nights.night(config, DAY).decision))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(runs) == {"published": 1, "busy": 2}
    assert len(kr.Registry(tmp_path / "models").versions()) == 1
