"""The lock: one holder of many real processes, the dead let go, the living do not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle import lock as home
from kidnaprisk.lifecycle.lock import STALE_SECONDS, Busy, RunLock

# Waits for the word to start, takes the lock if it can, says so, and holds it until told to go.
HOLDER = """
import sys
from kidnaprisk.lifecycle.lock import Busy, RunLock
print("ready", flush=True)
sys.stdin.readline()
try:
    with RunLock(sys.argv[1]) as lock:
        print("held" if lock.taken_over is None else f"took over {lock.taken_over}", flush=True)
        sys.stdin.readline()
except Busy as busy:
    print(f"busy {busy}", flush=True)
"""
ELSEWHERE = {
    "pid": 1,
    "host": "another-machine",
    "boot": "0",
    "started": "2026-01-05T02:00:00Z",
}


class Holder:
    """A process that takes the lock when told to."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def holders(tmp_path, request):
    """As many processes as asked for, started and waiting."""
    started = [Holder(tmp_path / "lock") for _ in range(getattr(request, "param", 1))]
    try:
        for one in started:
            assert one.says() == "ready"
        yield started
    finally:
        for one in started:
            one.end()


@pytest.mark.parametrize("holders", [8], indirect=True)
def test_of_eight_started_together_one_works_and_seven_leave_at_once(holders):
    for one in holders:
        one.go()
    begin = time.monotonic()
    said = [one.says() for one in holders]
    assert time.monotonic() - begin < 5.0
    assert sorted(text.split()[0] for text in said) == [*["busy"] * 7, "held"]
    winner = holders[said.index("held")].process.pid
    for text in said:
        assert text == "held" or f"process {winner} on {socket.gethostname()}, since 20" in text


def test_a_killed_holder_lets_go_at_once_and_is_named(holders, tmp_path):
    (holder,) = holders
    holder.go()
    assert holder.says() == "held"
    with pytest.raises(Busy, match=f"process {holder.process.pid} "):
        RunLock(tmp_path / "lock").__enter__()
    os.kill(holder.process.pid, signal.SIGKILL)
    holder.process.wait()
    with RunLock(tmp_path / "lock") as lock:
        assert lock.taken_over is not None
        assert lock.taken_over.startswith(f"process {holder.process.pid} on ")
    with RunLock(tmp_path / "lock") as lock:
        assert lock.taken_over is None


def test_a_living_holder_keeps_it_however_old_its_record(holders, tmp_path):
    (holder,) = holders
    holder.go()
    assert holder.says() == "held"
    # Stopped, so that it does nothing at all, and its record as old as can be.
    os.kill(holder.process.pid, signal.SIGSTOP)
    os.utime(tmp_path / "lock.json", (0.0, 0.0))
    with pytest.raises(Busy, match=f"process {holder.process.pid} "):
        RunLock(tmp_path / "lock", wait_seconds=0.3).__enter__()


def test_a_holder_that_ends_in_time_is_waited_for(holders, tmp_path):
    (holder,) = holders
    holder.go()
    assert holder.says() == "held"
    threading.Timer(0.3, holder.go).start()
    begin = time.monotonic()
    with RunLock(tmp_path / "lock", wait_seconds=20.0) as lock:
        assert lock.taken_over is None
    assert 0.2 < time.monotonic() - begin < 10.0


def test_two_threads_are_two_writers(tmp_path):
    with RunLock(tmp_path / "lock"), pytest.raises(Busy, match=f"process {os.getpid()} "):
        RunLock(tmp_path / "lock").__enter__()
    # Gone with the holder.
    assert not (tmp_path / "lock.json").exists()


def test_an_error_inside_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path / "lock"):
        1 / 0  # noqa: B018
    with RunLock(tmp_path / "lock") as lock:
        assert lock.taken_over is None


def put(folder: Path, record: object, *, age_seconds: float) -> None:
    """The record of a holder, as a machine would leave it that shares files but no locks."""
    (folder / "lock").touch()
    (folder / "lock.json").write_text(json.dumps(record))
    then = time.time() - age_seconds
    os.utime(folder / "lock.json", (then, then))


def test_the_kernel_is_not_believed_of_another_machine_until_its_heart_stops(tmp_path):
    put(tmp_path, ELSEWHERE, age_seconds=STALE_SECONDS - 60.0)
    with pytest.raises(Busy, match="process 1 on another-machine, since 2026-01-05T02:00:00Z"):
        RunLock(tmp_path / "lock", wait_seconds=0.3).__enter__()
    # Refused, it stays on record, and the kernel's lock is free again for its holder.
    assert json.loads((tmp_path / "lock.json").read_text()) == ELSEWHERE
    put(tmp_path, ELSEWHERE, age_seconds=STALE_SECONDS + 60.0)
    with RunLock(tmp_path / "lock") as lock:
        assert lock.taken_over == "process 1 on another-machine, since 2026-01-05T02:00:00Z"


@pytest.mark.skipif(not home._BOOT.exists(), reason="this system does not name its running kernel")
def test_another_container_under_the_same_kernel_is_no_other_machine(tmp_path):
    same = home._BOOT.read_text().strip()
    put(tmp_path, ELSEWHERE | {"boot": same}, age_seconds=0.0)
    with RunLock(tmp_path / "lock") as lock:
        assert lock.taken_over is not None


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"pid": 3}', "null", "\x00\x00"])
def test_a_damaged_record_stops_nobody(tmp_path, content):
    (tmp_path / "lock.json").write_text(content)
    with RunLock(tmp_path / "lock"), pytest.raises(Busy, match=f"process {os.getpid()} "):
        RunLock(tmp_path / "lock").__enter__()


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(home, "HEARTBEAT_SECONDS", 0.02)
    with RunLock(tmp_path / "lock"):
        os.utime(tmp_path / "lock.json", (0.0, 0.0))
        deadline = time.monotonic() + 10.0
        while (tmp_path / "lock.json").stat().st_mtime == 0.0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    # And stops: what it beat on is gone for good.
    time.sleep(0.1)
    assert not (tmp_path / "lock.json").exists()


@pytest.mark.parametrize("what", ["a file for a folder", "a folder for the lock"])
def test_where_there_can_be_no_lock_it_is_said_and_nobody_is_called_busy(tmp_path, what):
    if what == "a file for a folder":
        (tmp_path / "run").write_text("")
        path = tmp_path / "run" / "lock"
    else:
        path = tmp_path / "lock"
        path.mkdir()
    with pytest.raises(kr.StoreError, match="the lock cannot be taken"):
        RunLock(path).__enter__()
