"""The example script runs as a user would run it, and its figures add up."""

from __future__ import annotations

import runpy
from pathlib import Path

import geopandas as gpd
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "score_a_trip.py"


def test_script_scores_the_haul_and_writes_only_the_map(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    risk = runpy.run_path(str(SCRIPT))["main"]("trip.geojson")
    assert 4700 < risk.km < 5300
    assert risk.regions["km"].sum() + risk.uncovered_km == pytest.approx(risk.km, rel=1e-9)
    assert risk.regions["share"].sum() == pytest.approx(1.0)
    assert "at least" in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["trip.geojson"]
    assert len(gpd.read_file("trip.geojson")) == len(risk.stretches) + len(risk.incidents)
