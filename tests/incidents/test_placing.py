"""Positions against the countries they name. All rows are invented."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.read import read_incidents

MAPPING = """
source = "acme"
[columns]
date = "day"
latitude = "lat"
longitude = "lon"
country = "country"
[values]
kind = "kidnapping"
location_error_km = 5
"""


def read(tmp_path: Path, *points: tuple[float, float, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Incidents and rejects of a firm's log of (lat, lon, country)."""
    lines = [
        f"2025-01-{day:02},{lat},{lon},{country}"
        for day, (lat, lon, country) in enumerate(points, 1)
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(("day,lat,lon,country", *lines)), encoding="utf-8")
    mapping = tmp_path / "log.mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    return read_incidents(path, return_rejects=True)


# In Burkina Faso; beside them, places of Niger, Chad and Nigeria.
DORI, OUAGADOUGOU = (14.03, -0.03, "BF"), (12.37, -1.52, "BF")


def test_far_off_and_right_the_other_way_round_is_put_right_and_told(tmp_path: Path) -> None:
    incidents, rejects = read(tmp_path, DORI, OUAGADOUGOU, (-0.03, 14.03, "BF"))
    assert rejects.empty
    assert incidents.geometry.iloc[2].coords[0] == (-0.03, 14.03)
    assert incidents.attrs["summary"]["repaired"] == {"latitude and longitude were exchanged": 1}


def test_a_neighbour_may_have_been_meant_and_nothing_is_moved(tmp_path: Path) -> None:
    # In Cameroon, 300 km from Nigeria; exchanged, in Nigeria's north-west.
    incidents, rejects = read(tmp_path, DORI, (5.5, 13.5, "NG"))
    assert len(incidents) == 1
    assert "exchanged, it would be" in rejects["reason"].iloc[0]


def test_a_border_crossed_by_less_than_the_tolerance_is_no_fault(tmp_path: Path) -> None:
    incidents, rejects = read(tmp_path, (14.2, 0.8, "BF"), (14.2, 3.9, "BF"))
    assert len(incidents) == 1
    assert "not in the country" in rejects["reason"].iloc[0]


def test_exchanged_columns_are_refused_though_most_rows_would_pass(tmp_path: Path) -> None:
    # Nigeria lies about the diagonal: the first four are in it either way.
    both_ways = [(9.0, 8.0, "NG"), (7.5, 6.5, "NG"), (8.2, 7.9, "NG"), (10.5, 9.5, "NG")]
    north = [(5.0, 13.0, "NG"), (4.5, 12.5, "NG"), (5.2, 13.2, "NG")]
    with pytest.raises(IncidentError, match="latitude and longitude are exchanged: 3 rows"):
        read(tmp_path, *both_ways, *north)


def test_a_latitude_above_90_may_be_a_longitude(tmp_path: Path) -> None:
    incidents, rejects = read(tmp_path, DORI, (104.9, 11.6, "KH"))
    assert rejects.empty
    assert incidents.geometry.iloc[1].coords[0] == (104.9, 11.6)


def test_one_exchanged_row_leaves_what_is_wrong_with_others_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "day,lat,lon,country\n2025-01-01,-0.03,14.03,BF\n2025-01-02,north,14.03,BF\n",
        encoding="utf-8",
    )
    (tmp_path / "log.mapping.toml").write_text(MAPPING, encoding="utf-8")
    incidents, rejects = read_incidents(path, return_rejects=True)
    assert len(incidents) == 1
    assert rejects["value"].tolist() == ["north"]
