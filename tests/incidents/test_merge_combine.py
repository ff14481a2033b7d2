"""What an event's row takes from each record; every record is invented."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.merge import combine_incidents
from tests.incidents.merging import table, told_by


def combined(*changes: dict[str, Any]) -> pd.Series:
    """The row that all of these records make, whatever their order."""
    rows = table(*changes)
    forth = combine_incidents(rows, [0] * len(rows))
    back = combine_incidents(rows.iloc[::-1], [0] * len(rows))
    assert len(forth) == 1
    pd.testing.assert_frame_equal(pd.DataFrame(forth), pd.DataFrame(back))
    return forth.iloc[0]


def taken(row: pd.Series) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(row["provenance"])
    return found


def test_the_best_placed_record_leads() -> None:
    row = combined(
        told_by("north", incident_id="7", location_error_km=50.0, lat=13.2, admin1="Dosso"),
        told_by("south", incident_id="3", location_error_km=5.0, admin1="Tillabéri"),
    )
    assert (row["source"], row["incident_id"]) == ("south", "3")
    assert (row["geometry"].y, row["location_error_km"], row["admin1"]) == (13.0, 5.0, "Tillabéri")
    leading = {"incident_id", "source", "geometry", "location_error_km", "country", "admin1"}
    assert leading <= set(taken(row)["south:3"])
    assert not leading & set(taken(row)["north:7"])


def test_a_worse_placed_record_leaves_id_and_place_as_they_were() -> None:
    two = (told_by("north"), told_by("south", location_error_km=25.0))
    three = (*two, told_by("west", location_error_km=None, lat=13.1))
    names = ["incident_id", "source", "geometry", "location_error_km"]
    assert combined(*two)[names].tolist() == combined(*three)[names].tolist()


def test_what_the_leader_leaves_out_comes_from_the_next() -> None:
    row = combined(
        told_by("north", location_error_km=5.0, sector="transport"),
        told_by("south", sector="aid", setting="road", perpetrator="Boko Haram", place="Dori"),
    )
    assert row[["sector", "setting", "perpetrator", "place"]].tolist() == [
        "transport",
        "road",
        "Boko Haram",
        "Dori",
    ]
    assert "place" in taken(row)["south:1"]


def test_a_place_is_not_taken_from_another_country() -> None:
    row = combined(
        told_by("north", location_error_km=5.0),
        told_by("south", country="BF", place="Dori", admin1="Sahel"),
    )
    assert row[["place", "admin1"]].isna().all()


def test_a_word_that_says_more_goes_before_a_vague_one() -> None:
    row = combined(
        told_by("north", sector="civilian", demand="none_reported", perpetrator="Unknown"),
        told_by("south", sector="aid", demand="ransom", perpetrator="JNIM"),
    )
    assert row[["sector", "demand", "perpetrator"]].tolist() == ["aid", "ransom", "JNIM"]


def test_the_narrowest_window_that_overlaps_the_others() -> None:
    month = {"date": "2024-03-01", "date_end": "2024-03-31"}
    week = {"date": "2024-03-08", "date_end": "2024-03-14"}
    day = {"date": "2024-03-20", "date_end": "2024-03-20", "known_on": "2024-03-21"}
    row = combined(told_by("north", **month), told_by("south", **week))
    assert row[["date", "date_end"]].tolist() == [
        pd.Timestamp("2024-03-08"),
        pd.Timestamp("2024-03-14"),
    ]
    beside = {"date": "2024-03-07", "date_end": "2024-03-09"}
    row = combined(told_by("north", **week), told_by("south", **beside), told_by("west", **day))
    assert row["date"] == pd.Timestamp("2024-03-07")


def test_known_since_the_first_report_but_not_before_it_happened() -> None:
    row = combined(
        told_by("north", known_on="2024-03-12"),
        told_by("south", known_on="2024-04-01", location_error_km=5.0),
    )
    assert row["known_on"] == pd.Timestamp("2024-03-12")
    assert "known_on" in taken(row)["north:1"]
    early = told_by("west", date="2024-03-09", date_end="2024-03-09", known_on="2024-03-09")
    row = combined(told_by("north"), told_by("south"), early)
    assert (row["date"], row["known_on"]) == (
        pd.Timestamp("2024-03-10"),
        pd.Timestamp("2024-03-15"),
    )


def test_a_kidnapping_if_any_record_says_so() -> None:
    row = combined(told_by("north", kind="attack", location_error_km=5.0), told_by("south"))
    assert (row["kind"], bool(row["kind_from_text"])) == ("kidnapping", False)


def test_kind_from_text_only_where_no_source_codes_the_kidnapping() -> None:
    worded = {"kind_from_text": True, "location_error_km": 5.0}
    attack = told_by("west", kind="attack")
    assert bool(combined(told_by("north", **worded), attack)["kind_from_text"])
    coded = combined(told_by("north", **worded), told_by("south"), attack)
    assert (coded["kind"], bool(coded["kind_from_text"])) == ("kidnapping", False)


def test_the_largest_count_with_its_own_foreigners() -> None:
    row = combined(
        told_by("north", victims=2, foreign_victims=2, location_error_km=5.0),
        told_by("south", victims=9, foreign_victims=1),
    )
    assert (row["victims"], row["foreign_victims"]) == (9, 1)


def test_foreigners_of_another_count_only_if_they_fit_in() -> None:
    row = combined(told_by("north", victims=3), told_by("south", victims=2, foreign_victims=2))
    assert (row["victims"], row["foreign_victims"]) == (3, 2)
    row = combined(told_by("north", victims=3), told_by("south", foreign_victims=5))
    assert row["victims"] == 3
    assert pd.isna(row["foreign_victims"])


def test_the_latest_outcome() -> None:
    row = combined(
        told_by("north", outcome="held", location_error_km=5.0),
        told_by("south", outcome="partly_released", outcome_date="2024-04-01"),
        told_by("west", outcome="released", outcome_date="2024-05-01"),
    )
    assert (row["outcome"], row["outcome_date"]) == ("released", pd.Timestamp("2024-05-01"))
    assert {"outcome", "outcome_date"} <= set(taken(row)["west:1"])


def test_an_outcome_without_a_day_ends_what_was_open() -> None:
    row = combined(
        told_by("north", outcome="held", outcome_date="2024-04-01"),
        told_by("south", outcome="rescued"),
    )
    assert row["outcome"] == "rescued"
    assert pd.isna(row["outcome_date"])


def test_addresses_and_nationalities_are_joined() -> None:
    row = combined(
        told_by("north", source_url="https://example.org/b", nationalities="MA"),
        told_by(
            "south", source_url="https://example.org/a;https://example.org/b", nationalities="FR"
        ),
    )
    assert row["source_url"] == "https://example.org/a;https://example.org/b"
    assert row["nationalities"] == "FR;MA"
    assert all("source_url" in names for names in taken(row).values())


def test_every_record_is_named_and_every_field_given_is_somebodys() -> None:
    row = combined(told_by("north", victims=3), told_by("south", incident_id="x"), told_by("west"))
    assert set(taken(row)) == {"north:1", "south:x", "west:1"}
    given = set(row.index[row.notna()]) - {"provenance"}
    assert {name for names in taken(row).values() for name in names} == given


def test_a_row_of_its_own_is_left_as_it_is() -> None:
    rows = table(told_by("north"), told_by("south", incident_id="2", lat=30.0))
    events = combine_incidents(rows, [0, 1])
    assert events["provenance"].isna().all()
    assert events["incident_id"].tolist() == ["1", "2"]


def test_the_newest_revision_stands_known_since_the_first() -> None:
    first = told_by("north", victims=2, known_on="2024-03-12", place="Ayorou")
    revised = told_by("north", victims=5, known_on="2024-06-01")
    row = combined(first, revised)
    assert (row["victims"], row["known_on"]) == (5, pd.Timestamp("2024-03-12"))
    assert pd.isna(row["place"])
    assert pd.isna(row["provenance"])


@pytest.mark.parametrize("event", [[0], [0, 1, 2], [0, None]])
def test_labels_that_do_not_fit_are_refused(event: list[Any]) -> None:
    with pytest.raises(IncidentError, match="one event label for each row"):
        combine_incidents(table(told_by("north"), told_by("south")), event)


def test_labels_of_another_table_are_refused() -> None:
    event = pd.Series([0, 1], index=[5, 6])
    with pytest.raises(IncidentError, match="one event label for each row"):
        combine_incidents(table(told_by("north"), told_by("south")), event)


def test_two_records_of_one_source_are_not_made_one() -> None:
    rows = table({"incident_id": "1"}, {"incident_id": "2"})
    with pytest.raises(IncidentError, match="north:1 and north:2"):
        combine_incidents(rows, [0, 0])
