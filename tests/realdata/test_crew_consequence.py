"""Crew shares and captivity on real tables, before their last year."""

from __future__ import annotations

import pytest

import kidnaprisk as kr
from kidnaprisk.errors import ModelError
from kidnaprisk.hazard.consequence import Consequence
from kidnaprisk.hazard.crew import CrewShare
from kidnaprisk.hazard.victims import Likeness
from kidnaprisk.incidents.read import IncidentWarning

LAST_YEAR = "2024-03-06"


@pytest.fixture(scope="module")
def aid_workers(shared_dir):
    with pytest.warns(IncidentWarning):
        return kr.read_incidents(shared_dir / "incidents/awsd/awsd_security_incidents_2025-04.csv")


def test_where_foreign_aid_workers_are_taken_is_learned(aid_workers):
    """The place beats the pooled share on months forecast from before, clear of zero."""
    learned = CrewShare().fit(aid_workers, LAST_YEAR).learned(Likeness("foreign"))
    assert learned.adds
    assert learned.scored > 500


def test_a_source_of_aid_workers_says_nothing_of_sectors(aid_workers):
    assert CrewShare().fit(aid_workers, LAST_YEAR).learned(Likeness(sector="transport")).n == 0


def test_a_source_that_tells_of_deaths_alone_has_no_captivity(aid_workers):
    with pytest.raises(ModelError, match="dated end"):
        Consequence().fit(aid_workers, LAST_YEAR)
