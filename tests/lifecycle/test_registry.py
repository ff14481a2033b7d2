"""The registry: who was current when, back and forth, and nothing half done for a reader to see."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ArtifactError, ConfigError
from kidnaprisk.lifecycle import journal, succession
from kidnaprisk.lifecycle.registry import Registry
from tests.lifecycle.small_models import fitted

ROOT = Path(kr.__file__).resolve().parents[1]
DAYS = ["2021-01-01", "2021-02-01", "2021-03-01", "2021-04-01"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Four versions saved, none of them current."""
    root = tmp_path_factory.mktemp("stored")
    for day in DAYS:
        kr.save_model(fitted(day), root, current=False, metrics={"day": day})
    return root


@pytest.fixture
def registry(stored, tmp_path):
    shutil.copytree(stored, tmp_path / "models")
    return Registry(tmp_path / "models")


@pytest.fixture
def versions(stored):
    """Oldest first."""
    return sorted(path.name for path in (stored / "default").iterdir() if path.is_dir())


def moved(registry, versions, days=DAYS):
    for version, day in zip(versions, days, strict=True):
        registry.promote(version, reason="test", on=dt.date.fromisoformat(day))


# publish, promote, roll back


def test_publishing_makes_current_and_tells_why(tmp_path):
    registry = Registry(tmp_path / "models")
    assert (registry.names(), registry.current(), registry.history()) == ([], None, [])
    assert len(registry.versions()) == 0
    version = registry.publish(
        fitted(DAYS[0]), metrics={"gain": 0.1}, recipe={"store_import": 3}, reason="passed",
        on=dt.date(2021, 1, 2),
    )  # fmt: skip
    assert registry.current() == version
    assert registry.names() == ["default"]
    assert registry.load().as_of_ == pd.Timestamp(DAYS[0])
    assert kr.load_model(tmp_path / "models").as_of_ == pd.Timestamp(DAYS[0])
    (line,) = registry.history()
    assert dt.datetime.fromisoformat(line.pop("instant")).utcoffset() == dt.timedelta(0)
    assert line == {
        "action": "promote", "version": version, "previous": None, "on": "2021-01-02",
        "reason": "passed", "forced": False, "metrics": {"gain": 0.1},
    }  # fmt: skip
    # Again: nothing is to be done.
    assert registry.publish(fitted(DAYS[0]), recipe={"store_import": 3}, reason="again") == version
    assert len(registry.history()) == 1


def test_versions_are_listed_newest_first(registry, versions):
    registry.promote(versions[1], reason="test")
    registry.pin(versions[0])
    table = registry.versions()
    assert table["version"].tolist() == versions[::-1]
    assert table["as_of"].tolist() == [pd.Timestamp(day) for day in DAYS[::-1]]
    assert table["current"].tolist() == [False, False, True, False]
    assert table["pinned"].tolist() == [False, False, False, True]
    assert table["published"].notna().tolist() == [False, False, True, False]
    assert abs(table["published"][2] - pd.Timestamp.now("UTC")) < pd.Timedelta(minutes=1)
    records = [int((fitted(day).records_["kind"] == "kidnapping").sum()) for day in DAYS[::-1]]
    assert table["records"].tolist() == records
    assert table["context_events"].tolist() == [0, 0, 0, 0]
    assert table["kidnaprisk"].tolist() == [kr.__version__] * 4
    folder = registry.path(versions[0])
    assert table["bytes"].iloc[-1] == sum(path.stat().st_size for path in folder.iterdir())
    assert str(table["published"].dtype) == str(Registry("nowhere").versions()["published"].dtype)


def test_rolling_back_walks_further_each_time_and_forward_again(registry, versions):
    a, b, c, d = versions
    moved(registry, versions)
    assert registry.rollback(reason="bad") == c
    assert registry.current() == c
    assert registry.rollback(reason="worse") == b
    registry.promote(d, reason="mended")
    # What was rolled back is not gone back to: b was what led to d.
    assert registry.rollback(reason="not mended") == b
    assert registry.rollback(reason="older") == a
    with pytest.raises(ArtifactError, match="no earlier version") as caught:
        registry.rollback(reason="nothing left")
    assert caught.value.remedy
    assert registry.current() == a
    actions = [line["action"] for line in registry.history()]
    assert actions == ["promote"] * 4 + ["rollback"] * 2 + ["promote"] + ["rollback"] * 2


def test_rolling_back_passes_over_what_was_pruned(registry, versions):
    a, b, c, _ = versions
    moved(registry, versions[:3], DAYS[:3])
    shutil.rmtree(registry.path(b))
    assert registry.rollback(reason="bad") == a
    del c


def test_a_version_that_is_not_sound_is_never_promoted(registry, versions):
    a, b, *_ = versions
    moved(registry, [a, b], DAYS[:2])
    (registry.path(a) / "weights.npy").write_bytes(b"x")
    for act in (lambda: registry.promote(a, reason="x"), lambda: registry.rollback(reason="x")):
        with pytest.raises(ArtifactError, match="does not match"):
            act()
    assert registry.current() == b
    assert len(registry.history()) == 2


def test_a_whole_version_under_anothers_name_is_refused(registry, versions):
    a, b, *_ = versions
    shutil.rmtree(registry.path(a))
    shutil.copytree(registry.path(b), registry.root / "default" / a)
    with pytest.raises(ArtifactError, match="not what its name says"):
        registry.promote(a, reason="x")
    with pytest.raises(ArtifactError, match="not what its name says"):
        registry.load(a)
    assert registry.verify()["sound"].tolist() == [False, True, True, True]


def test_a_forced_promotion_needs_a_reason_and_is_noted(registry, versions):
    for reason in ("", "  \n"):
        with pytest.raises(ConfigError, match="reason"):
            registry.promote(versions[0], reason=reason, forced=True)
    registry.promote(versions[0], reason="elections tomorrow", forced=True)
    (line,) = registry.history()
    assert (line["forced"], line["reason"]) == (True, "elections tomorrow")
    assert line["metrics"] == {"day": DAYS[0]}


NAMES = ["../default", "/etc", "a/b", "", ".", "..", ".lock", "a\n", "x" * 200, None, 7]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(registry, versions, name):
    acts = [
        lambda: registry.current(name), lambda: registry.load(versions[0], name),
        lambda: registry.promote(versions[0], name, reason="x"), lambda: registry.versions(name),
        lambda: registry.pin(versions[0], name), lambda: registry.prune(name),
        lambda: registry.publish(fitted(DAYS[0]), name), lambda: registry.history(name),
        lambda: registry.diff(versions[0], versions[1], name),
    ]  # fmt: skip
    if name is not None:
        acts += [
            lambda: registry.load(name), lambda: registry.promote(name, reason="x"),
            lambda: registry.pin(name), lambda: registry.path(name), lambda: registry.verify(name),
        ]  # fmt: skip
    before = sorted(registry.root.parent.rglob("*"))
    for act in acts:
        with pytest.raises(ArtifactError):
            act()
    after = [path for path in registry.root.parent.rglob("*") if not path.name.startswith(".lock")]
    assert sorted(after) == before


def test_a_name_that_is_not_there_is_told_and_not_made(registry, versions):
    for act in (
        lambda: registry.promote(versions[0], "other", reason="x"),
        lambda: registry.rollback("other", reason="x"),
        lambda: registry.prune("other"),
        lambda: registry.load(None, "other"),
        lambda: registry.promote("2021-01-01-00000000", reason="x"),
    ):
        with pytest.raises(ArtifactError) as caught:
            act()
        assert caught.value.remedy
    assert registry.names() == ["default"]
    assert not (registry.root / "other").exists()


@pytest.mark.parametrize("thing", [None, 7, b"models", ["models"]])
def test_what_is_no_folder_is_no_registry(thing):
    with pytest.raises(ArtifactError, match="folder"):
        Registry(thing)


# who was current when


def test_what_was_current_at_the_end_of_a_day(registry, versions):
    a, b, c, _ = versions
    moved(registry, [a, b, c], ["2021-01-05", "2021-02-05", "2021-02-05"])
    registry.rollback(reason="bad", on=dt.date(2021, 3, 1))
    told = {
        "2021-01-04": None, "2021-01-05": a, "2021-02-04": a, "2021-02-05": c, "2021-02-28": c,
        "2021-03-01": b, "2030-01-01": b,
    }  # fmt: skip
    for day, version in told.items():
        assert registry.published_on(dt.date.fromisoformat(day)) == version


def killed_between(registry, version, day, action="promote"):
    """The journal as a writer leaves it that is killed before it moves the pointer."""
    succession.note(registry.root / "default", action, version, on=day)


def test_a_move_that_was_not_completed_never_was(registry, versions):
    a, b, c, _ = versions
    moved(registry, [a, b], ["2021-01-05", "2021-02-05"])
    time.sleep(0.05)  # clocks of file systems tick some milliseconds apart
    killed_between(registry, c, "2021-03-05")
    assert registry.current() == b
    assert registry.published_on(dt.date(2021, 3, 6)) == b
    assert registry.versions().set_index("version")["published"].isna()[c]
    # The next writer notes what it found, and rolling back passes over what never was.
    assert registry.rollback(reason="bad") == a
    assert [line["action"] for line in registry.history()] == [
        "promote", "promote", "promote", "found", "rollback",
    ]  # fmt: skip
    assert registry.published_on(dt.date(2021, 3, 6)) == b
    moved(registry, [c], ["2031-01-01"])
    assert registry.published_on(dt.date(2031, 1, 1)) == c


def test_a_rollback_that_was_not_completed_can_be_done_again(registry, versions):
    a, b, *_ = versions
    moved(registry, [a, b], ["2021-01-05", "2021-02-05"])
    time.sleep(0.05)
    killed_between(registry, a, "2021-03-05", "rollback")
    assert registry.published_on(dt.date(2021, 4, 1)) == b
    assert registry.rollback(reason="again") == a
    with pytest.raises(ArtifactError, match="no earlier"):
        registry.rollback(reason="once more")


def test_a_pointer_moved_by_another_hand_is_believed_and_noted(registry, versions):
    a, b, c, d = versions
    moved(registry, [a, b], ["2021-01-05", "2021-02-05"])
    time.sleep(0.05)
    kr.save_model(fitted(DAYS[2]), registry.root)  # as ``kidnaprisk train`` does
    today = dt.datetime.now(dt.UTC).date()
    assert registry.current() == c
    assert registry.published_on(dt.date(2021, 3, 1)) == b
    assert registry.published_on(today) == c
    moved(registry, [d], [today.isoformat()])
    found = registry.history()[-2]
    assert (found["action"], found["version"]) == ("found", c)
    assert registry.rollback(reason="bad") == c
    assert registry.rollback(reason="bad") == b
    # Back by hand to what was before: that too was a move, on the day it was found.
    (registry.root / "default" / "current").write_text(a)
    assert registry.published_on(dt.date(2021, 3, 1)) == b
    assert registry.published_on(today) == a


def test_a_model_that_was_only_trained_is_found_on_the_day_of_the_first_move(registry, versions):
    kr.save_model(fitted(DAYS[0]), registry.root)
    assert registry.history() == []
    registry.promote(versions[1], reason="first", on=dt.date(2021, 6, 1))
    assert [(line["action"], line["on"]) for line in registry.history()] == [
        ("found", "2021-06-01"), ("promote", "2021-06-01"),
    ]  # fmt: skip
    assert registry.published_on(dt.date(2021, 5, 31)) is None
    assert registry.rollback(reason="bad") == versions[0]


@pytest.mark.parametrize(
    "edit",
    [{"action": "exec"}, {"version": "../../etc"}, {"on": "yesterday"}, {"instant": "2021-01-01"},
     {"version": None}, {"on": 7}],
    ids=["action", "path", "day", "naive instant", "no version", "number"],
)  # fmt: skip
def test_a_line_that_is_none_of_the_registrys_is_refused(registry, versions, edit):
    moved(registry, versions[:2], DAYS[:2])
    path = registry.root / "default" / "journal.jsonl"
    lines = journal.read(path)
    path.write_text(json.dumps(lines[0]) + "\n" + json.dumps(lines[1] | edit) + "\n")
    for act in (registry.history, registry.versions, lambda: registry.rollback(reason="x")):
        with pytest.raises(ArtifactError, match="row 2"):
            act()
    assert registry.load().as_of_ == pd.Timestamp(DAYS[1])
    assert "row 2" in registry.verify()["fault"].iloc[0]


# verify, pin, prune


def test_verifying_tells_every_fault(registry, versions):
    a, b, c, d = versions
    registry.promote(b, reason="x")
    kr.save_model(fitted(DAYS[0]), registry.root, "other")
    (registry.path(a) / "weights.npy").write_bytes(b"x")
    (registry.path(c) / "extra.pkl").write_bytes(b"x")
    (registry.path(d) / "manifest.json").unlink()
    table = registry.verify()
    found = {(row.name, row.version): row for row in table.itertuples(index=False)}
    assert [found["default", v].sound for v in versions] == [False, True, False, False]
    assert "does not match" in found["default", a].fault
    assert "added" in found["default", c].fault
    assert "no model here" in found["default", d].fault
    assert found["default", b].current
    assert found["default", b].fault == ""
    assert table["name"].tolist() == ["default"] * 4 + ["other"]
    assert registry.verify("other")["sound"].tolist() == [True]
    assert len(Registry(registry.root / "nowhere").verify()) == 0


@pytest.mark.parametrize("pointer", ["../../etc", "2021-01-01-00000000", "\x00"])
def test_verifying_tells_of_a_bad_pointer(registry, pointer):
    (registry.root / "default" / "current").write_text(pointer)
    table = registry.verify()
    assert table["sound"].tolist() == [False, True, True, True, True]
    assert table["fault"].iloc[0]


def test_pruning_keeps_the_newest_the_current_the_pinned_and_the_recent(registry, versions):
    a, b, c, d = versions
    moved(registry, [a, b, c], ["2021-01-05", "2021-02-05", "2021-06-05"])
    registry.rollback(reason="bad", on=dt.date(2021, 9, 1))
    # b is current, d the newest; c was current until 2021-09-01, a until 2021-02-05.
    assert registry.prune(keep=1, keep_days=30, dry_run=True) == [a]
    assert len(registry.versions()) == 4
    # 2021-02-05 is 208 days before 2021-09-01.
    assert registry.prune(keep=1, keep_days=209, dry_run=True) == []
    assert registry.prune(keep=1, keep_days=208, dry_run=True) == [a]
    assert registry.prune(keep=4, keep_days=0, dry_run=True) == []
    registry.pin(a)
    assert registry.prune(keep=1, keep_days=30) == []
    registry.unpin(a)
    registry.promote(d, reason="newer", on=dt.date(2022, 9, 1))
    assert registry.prune(keep=1, keep_days=30, dry_run=True) == [a, c]
    assert registry.prune(keep=2, keep_days=30) == [a]
    assert sorted(registry.versions()["version"]) == [b, c, d]
    assert registry.history()[-1]["action"] == "prune"
    assert registry.load().as_of_ == pd.Timestamp(DAYS[3])
    # It is known still what was current then.
    assert registry.published_on(dt.date(2021, 1, 10)) == a
    with pytest.raises(ArtifactError, match="no such version"):
        registry.load(a)


def test_pruning_leaves_what_it_cannot_read(registry, versions):
    registry.promote(versions[3], reason="x")
    (registry.path(versions[0]) / "manifest.json").write_text("{")
    assert registry.prune(keep=1, keep_days=0) == versions[1:3]
    assert registry.verify()["version"].tolist() == [versions[0], versions[3]]


@pytest.mark.parametrize(("keep", "days"), [(0, 90), (-1, 90), (10, -1)])
def test_pruning_everything_is_refused(registry, keep, days):
    with pytest.raises(ConfigError):
        registry.prune(keep=keep, keep_days=days)


def test_a_prune_that_was_killed_is_done_by_the_next(registry, versions):
    registry.promote(versions[3], reason="x")
    code = f"""
        import os, signal, shutil, sys; sys.path.insert(0, {str(ROOT)!r})
        from kidnaprisk.lifecycle.registry import Registry
        shutil.rmtree = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
        Registry({str(registry.root)!r}).prune(keep=1, keep_days=0)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -signal.SIGKILL
    home = registry.root / "default"
    assert len(list(home.glob(".gone-*"))) == 1
    assert registry.verify()["sound"].all()
    assert registry.prune(keep=1, keep_days=0) == versions[1:3]
    assert not list(home.glob(".gone-*"))


# many at once, and killed


def test_readers_never_wait_and_never_see_half_a_model(registry, versions):
    """Pruned to one version at every step, while two threads load what is current."""
    registry.promote(versions[0], reason="x")
    model = registry.load()
    first = model.floor_weight_
    done, wrong, read = threading.Event(), [], []

    def reader():
        while not done.is_set():
            try:
                read.append(round(kr.load_model(registry.root).floor_weight_ / first, 6))
            except Exception as error:  # noqa: BLE001 the test tells of any
                wrong.append(error)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(2, 7):
        model.floor_weight_ = first * step
        registry.publish(model, reason="test")
        registry.prune(keep=1, keep_days=0)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert set(read) <= {float(step) for step in range(1, 7)}
    assert kr.load_model(registry.root).floor_weight_ == first * 6


IN_ANOTHER_PROCESS = """
    import os, random, signal, sys, time; sys.path.insert(0, {root!r})
    import datetime as dt
    import kidnaprisk as kr
    from kidnaprisk.lifecycle.registry import Registry
    registry = Registry({models!r})

    def write(size, steps):
        model = registry.load()
        for step in range(1, steps + 1):
            model.floor_weight_ *= 1.0 + size
            registry.publish(model, reason="test")
            registry.prune(keep=2, keep_days=0)
            if step % 3 == 0:
                registry.rollback(reason="test")

"""
KILLED = (
    IN_ANOTHER_PROCESS
    + """
    registry.load()
    draw = random.Random({seed})
    for _ in range({rounds}):
        child = os.fork()
        if not child:
            write(1e-3, 10_000)
        time.sleep(draw.uniform(0.1, 0.6))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # Readers first: nothing was put in order yet.
        current = registry.current()
        kr.load_model(registry.root)
        assert registry.published_on(dt.datetime.now(dt.UTC).date()) == current
        left = [path.name for path in (registry.root / "default").iterdir()]
        assert sum(name.startswith((".aside", ".gone", ".current")) for name in left) <= 2, left
"""
)
TAKING_TURNS = (
    IN_ANOTHER_PROCESS
    + """
    write({size}, 2)
"""
)


def start(code, registry, **given):
    code = code.format(root=str(ROOT), models=str(registry.root), **given)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_writer_killed_at_any_instant_leaves_a_registry_that_goes_on(registry, versions):
    """SIGKILL at random instants; hundreds of rounds have been run by hand."""
    registry.promote(versions[0], reason="x")
    process = start(KILLED, registry, seed=5, rounds=8)
    _, told = process.communicate()
    assert process.returncode == 0, told
    assert registry.verify()["sound"].all()
    assert len(registry.history()) > 1
    registry.publish(fitted(DAYS[3]), reason="after all that")
    registry.prune(keep=2, keep_days=0)
    left = [path.name for path in (registry.root / "default").iterdir()]
    assert not [name for name in left if name.startswith((".aside", ".gone", ".current"))]
    assert len(registry.versions()) <= 3


def test_writers_take_turns(registry, versions):
    registry.promote(versions[0], reason="x")
    processes = [start(TAKING_TURNS, registry, size=size) for size in (1e-3, 2e-3)]
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    lines = registry.history()
    published = [line for line in lines if line["action"] == "promote"]
    assert len(published) == 1 + 4
    # Each was noted as following the one before: no two at once.
    moves = [line for line in lines if line["action"] in ("promote", "rollback")]
    for before, after in pairwise(moves):
        assert after["previous"] == before["version"]
    assert registry.verify()["sound"].all()


def test_a_pointer_that_cannot_be_moved_leaves_the_old_one(registry, versions, monkeypatch):
    a, b, *_ = versions
    registry.promote(a, reason="x")
    time.sleep(0.05)
    true = os.replace

    def replace(source, target):
        if Path(target).name == "current":
            raise OSError(28, "No space left on device")
        return true(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(ArtifactError, match="No space left"):
        registry.promote(b, reason="x")
    monkeypatch.undo()
    assert registry.current() == a
    assert registry.published_on(dt.datetime.now(dt.UTC).date()) == a
    registry.promote(b, reason="x")
    assert registry.rollback(reason="x") == a


def test_a_diff_of_two_versions(registry, versions):
    registry.promote(versions[3], reason="x")
    found = registry.diff(versions[0])
    assert (found.a, found.b, found.name) == (versions[0], versions[3], "default")
    assert np.isfinite(found.regions["ratio"]).all()
