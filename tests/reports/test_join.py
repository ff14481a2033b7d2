"""The list of incidents near a route."""

from __future__ import annotations

import re

import pytest

import kidnaprisk as kr
from kidnaprisk.reports.join import Joined, join_dict, join_report
from kidnaprisk.reports.text import to_text


@pytest.fixture(scope="module")
def joined() -> Joined:
    route = kr.Route([(-0.03, 14.03), (0.75, 14.01)], name="Dori to Téra")
    known = kr.load_catalogue()
    return Joined(route, kr.join_incidents(route, known, within_km=60), 60.0, known)


def test_list_names_every_incident_in_order(joined: Joined) -> None:
    text = to_text(join_report(joined))
    assert re.findall(r"KR-[A-Z]{2}-\d{8}-\d+", text) == joined.near["incident_id"].tolist()
    assert max(len(line) for line in text.splitlines()) <= 100
    assert f"{len(joined.near)} of 719 recorded" in text


def test_list_says_the_records_are_a_sample(joined: Joined) -> None:
    assert "a sample, so a floor" in to_text(join_report(joined))


def test_dict_holds_distances_and_positions(joined: Joined) -> None:
    plain = join_dict(joined)
    assert plain["incidents_near"] == len(plain["incidents"]) == len(joined.near)
    for row, distance in zip(plain["incidents"], joined.near["distance_km"], strict=True):
        assert row["distance_km"] == distance
        assert -180 <= row["longitude"] < 180
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", row["date"])


def test_no_incident_near_is_not_called_safe() -> None:
    route = kr.Route([(-30.0, 0.0), (-29.0, 0.0)])
    known = kr.load_catalogue()
    near = kr.join_incidents(route, known, within_km=50)
    text = to_text(join_report(Joined(route, near, 50.0, known)))
    assert "does not make it safe" in text
    assert join_dict(Joined(route, near, 50.0, known))["incidents"] == []
