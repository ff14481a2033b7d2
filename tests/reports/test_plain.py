"""What programs read holds the numbers as they are."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kidnaprisk as kr
from kidnaprisk.reports.plain import incident_csv, json_text, plain_rows, region_csv


@pytest.mark.parametrize("name", ["dangerous", "quiet", "half_covered", "across_the_line"])
def test_csv_holds_the_regions_unrounded(name: str, request: pytest.FixtureRequest) -> None:
    risk: kr.TripRisk = request.getfixturevalue(name)
    rows = list(csv.DictReader(io.StringIO(region_csv(risk))))
    assert list(rows[0]) == [column for column in risk.regions.columns if column != "geometry"]
    for column in ["km", "hours", "expected_incidents", "low", "high", "share", "percentile"]:
        back = [math.nan if row[column] == "" else float(row[column]) for row in rows]
        np.testing.assert_array_equal(back, risk.regions[column])
    assert [row["name"] for row in rows] == risk.regions["name"].tolist()
    for row, enter in zip(rows, risk.regions["enter"], strict=True):
        assert row["enter"].endswith("Z")
        assert abs(pd.Timestamp(row["enter"]) - enter) <= pd.Timedelta(seconds=1)


def test_country_na_is_namibia_and_not_missing() -> None:
    table = pd.DataFrame({"country": pd.array(["NA", None], dtype="string"), "km": [1.0, math.nan]})
    assert plain_rows(table) == [{"country": "NA", "km": 1.0}, {"country": None, "km": None}]


def test_json_has_no_word_for_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"km": math.nan})


def test_json_survives_half_a_surrogate_pair() -> None:
    assert json.loads(json_text({"name": "Dori \ud800"}))["name"] == "Dori ?"


def test_incident_csv_is_read_back_by_the_library(tmp_path: Path) -> None:
    route = kr.Route([(-0.03, 14.03), (0.75, 14.01)])
    near = kr.join_incidents(route, kr.load_catalogue(), within_km=60)
    path = tmp_path / "near.csv"
    path.write_text(incident_csv(near), encoding="utf-8")
    back = kr.read_incidents(path)
    assert back["incident_id"].tolist() == near["incident_id"].tolist()
    assert back.geometry.geom_equals_exact(near.geometry, 1e-12).all()
    assert back["date"].tolist() == near["date"].tolist()
