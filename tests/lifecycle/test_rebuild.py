"""Old versions made again from the store's history: the same hashes, or what differs is told."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle.manifest import MANIFEST
from kidnaprisk.lifecycle.rebuild import rebuild
from tests.lifecycle import nights

pytestmark = pytest.mark.slow

FIRST = dt.date(2023, 6, 5)
WEEKS = 4


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weeks of nights on synthetic rows that are added, revised and withdrawn between them."""
    folder = tmp_path_factory.mktemp("history")
    # Few incidents: whether to publish is not what is asked here.
    config = nights.put_config(folder, "[gate]\nleast_gain = -5.0")
    table = nights.made_up(300)
    luck = np.random.default_rng(3)
    for week in range(WEEKS):
        day = FIRST + dt.timedelta(days=7 * week)
        known = table[table["known_on"] <= pd.Timestamp(day)]
        told = luck.random(len(known)) > 0.05
        changed = known.assign(
            location_error_km=np.where(told, 5.0, 6.0 + week),
            longitude=known["longitude"] + np.where(told, 0.0, 0.01),
        )
        nights.put_feed(folder, changed[luck.random(len(known)) > 0.01], day)
        run = kr.retrain(config, as_of=day)
        assert run.decision == "published", run.reasons
    # And once more on the last day, after the rows changed again.
    nights.put_feed(folder, known, day)
    assert kr.retrain(config, as_of=day).decision == "published"
    return folder


def test_every_version_comes_out_the_same(history: Path) -> None:
    versions = kr.Registry(history / "models").versions()["version"].tolist()
    assert len(versions) == WEEKS + 1
    for version in versions:
        made = rebuild(history / "models", "default", version, history / "incidents.db")
        assert (made.rebuilt, made.same, made.differing) == (version, True, ())


def test_the_hashes_are_compared_and_what_differs_is_named(history: Path, tmp_path: Path) -> None:
    # A store of another past: one row of the first import was told otherwise.
    shutil.copy(history / "incidents.db", tmp_path / "incidents.db")
    with sqlite3.connect(tmp_path / "incidents.db") as database:
        database.execute(
            "UPDATE incident_versions SET longitude = longitude + 0.5 WHERE from_import = 1 "
            "AND incident_id = (SELECT min(incident_id) FROM incident_versions)"
        )
    database.close()
    oldest = kr.Registry(history / "models").versions()["version"].tolist()[-1]
    made = rebuild(history / "models", "default", oldest, tmp_path / "incidents.db")
    assert not made.same
    assert "record_lon.npy" in made.differing
    assert made.rebuilt != oldest


def test_a_model_that_does_not_say_what_it_was_made_of_is_refused(
    history: Path, tmp_path: Path
) -> None:
    model = kr.Registry(history / "models").load()
    kr.save_model(model, tmp_path)
    with pytest.raises(kr.ArtifactError, match="does not say what it was made of"):
        rebuild(tmp_path, "default", None, history / "incidents.db")


def test_a_store_that_never_held_it_is_refused(history: Path, tmp_path: Path) -> None:
    with pytest.raises((kr.CoverageError, kr.StoreError)):
        rebuild(history / "models", "default", None, tmp_path / "another.db")


def test_the_manifest_holds_all_that_is_needed(history: Path) -> None:
    folder = kr.Registry(history / "models").path()
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["recipe"].keys() == {"store_day", "store_import", "merged", "coverage_stated"}
    assert {"parameters", "as_of", "coverage"} <= manifest["facts"].keys()
    assert {"kidnaprisk", "numpy", "scikit-learn"} <= manifest["library"].keys()
    # Where it lies is nobody's business but the reader's: no address, no path.
    assert str(history) not in json.dumps(manifest)


def test_a_model_told_its_coverage_comes_out_the_same(tmp_path: Path) -> None:
    # Told for the fit alone: the store knows of another one.
    covered = nights.COVERAGE.format(first="2022-01-01", last=FIRST)
    (tmp_path / "fit.coverage.toml").write_text(covered)
    config = nights.put_config(tmp_path, "[gate]\nleast_incidents = 1000")
    config.write_text(
        config.read_text().replace("[model]", '[model]\ncoverage = "fit.coverage.toml"', 1)
    )
    nights.put_feed(tmp_path, nights.made_up(150))
    assert kr.retrain(config, as_of=FIRST).decision == "published"
    # What the file says by then is nothing to an old version.
    (tmp_path / "fit.coverage.toml").write_text(covered.replace("2022-01-01", "2023-01-01"))
    made = rebuild(tmp_path / "models", "default", None, tmp_path / "incidents.db")
    assert (made.same, made.differing) == (True, ())
    assert {one.start for one in kr.Registry(tmp_path / "models").load().coverage_} == {
        dt.date(2022, 1, 1)
    }
