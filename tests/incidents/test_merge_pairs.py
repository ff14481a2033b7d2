"""What speaks for two records being one event, and what against; every record is invented."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.merge import candidate_pairs
from kidnaprisk.incidents.merge.likeness import (
    COMPONENTS,
    DAYS_TOLERANCE,
    PLACE_TOLERANCE_KM,
    THRESHOLD_BITS,
    days_apart,
    distance_km,
    traits_of,
    weights,
)
from tests.incidents.merging import RECORD, records, table, told_by, valid

ONE_DEGREE_KM = 110.65


def pair(one: dict[str, Any] | None = None, other: dict[str, Any] | None = None) -> pd.Series:
    """The only candidate pair of two records, one of each source."""
    pairs = candidate_pairs(
        table(told_by("north", **(one or {})), told_by("south", **(other or {})))
    )
    assert len(pairs) == 1
    return pairs.iloc[0]


def score(one: dict[str, Any] | None = None, other: dict[str, Any] | None = None) -> float:
    return float(pair(one, other)["score"])


def test_two_sources_on_one_taking() -> None:
    found = pair({"victims": 4}, {"victims": 4, "lat": 13.05})
    assert (found["a"], found["b"]) == (0, 1)
    assert (found["source_a"], found["id_a"], found["source_b"]) == ("north", "1", "south")
    assert found["distance_km"] == pytest.approx(0.05 * ONE_DEGREE_KM, rel=1e-2)
    assert found["days_apart"] == 0
    assert found["same"]


def test_the_score_is_the_sum_of_its_parts() -> None:
    found = pair({"victims": 4, "sector": "aid"}, {"victims": 3, "perpetrator": "M23"})
    assert found["score"] == pytest.approx(sum(found[name] for name in COMPONENTS))


def test_records_of_one_source_are_never_a_pair() -> None:
    twins = table({"incident_id": "1"}, {"incident_id": "2"})
    assert candidate_pairs(twins).empty


@pytest.mark.parametrize("column", ["victims", "foreign_victims", "sector", "perpetrator"])
def test_what_one_record_leaves_out_is_no_evidence(column: str) -> None:
    known = {"victims": 4, "foreign_victims": 4, "sector": "aid", "perpetrator": "Boko Haram"}
    given = {"victims": 4, column: known[column]} if column == "foreign_victims" else {}
    assert score(given or {column: known[column]}, {}) == pytest.approx(score())


@pytest.mark.parametrize(
    ("agreeing", "contradicting"),
    [
        ({"victims": 4}, {"victims": 40}),
        ({"sector": "aid"}, {"sector": "security"}),
        ({"perpetrator": "Boko Haram"}, {"perpetrator": "March 23 Movement (M23)"}),
        ({"nationalities": "FR;MA"}, {"nationalities": "CN"}),
        ({"admin1": "Tillabéri"}, {"admin1": "Zinder"}),
        ({"country": "NE"}, {"country": "ML"}),
        ({"kind": "kidnapping"}, {"kind": "explosion"}),
    ],
)
def test_agreement_weighs_for_and_contradiction_against(
    agreeing: dict[str, Any], contradicting: dict[str, Any]
) -> None:
    assert score(agreeing, contradicting) < score(agreeing, agreeing)
    assert score(agreeing, contradicting) < score(agreeing, {})
    assert score(agreeing, contradicting) == pytest.approx(score(contradicting, agreeing))


def test_a_count_weighs_more_the_less_it_can_be_chance() -> None:
    scores = [score({"victims": n}, {"victims": n}) for n in (1, 2, 5, 17)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_evidence_falls_with_distance_and_with_days() -> None:
    by_distance = [score({}, {"lat": 13.0 + step}) for step in (0.0, 0.1, 0.3, 1.0)]
    assert by_distance == sorted(by_distance, reverse=True)
    by_days = [score({}, {"date": day, "date_end": day}) for day in ("2024-03-10", "2024-03-11")]
    assert by_days[0] > by_days[1] + 3.0


def test_records_too_far_apart_are_not_looked_at() -> None:
    reach_km = 20.0 + PLACE_TOLERANCE_KM
    names = {"place": "Ayorou", "victims": 12}
    inside = 13.0 + (reach_km - 5.0) / ONE_DEGREE_KM
    outside = 13.0 + (reach_km + 5.0) / ONE_DEGREE_KM
    assert len(
        candidate_pairs(table(told_by("north", **names), told_by("south", **names, lat=inside)))
    )
    assert candidate_pairs(
        table(told_by("north", **names), told_by("south", **names, lat=outside))
    ).empty


def test_days_are_counted_between_the_windows() -> None:
    week = {"date": "2024-03-01", "date_end": "2024-03-07"}
    after = {"date": "2024-03-14", "date_end": "2024-03-20"}
    found = pair({**week, "victims": 12}, {**after, "victims": 12})
    assert found["days_apart"] == DAYS_TOLERANCE
    late = {"date": "2024-03-15", "date_end": "2024-03-20"}
    assert candidate_pairs(
        table(told_by("north", **week, victims=12), told_by("south", **late, victims=12))
    ).empty


def test_sparse_records_need_more_than_to_overlap() -> None:
    vague = {"date": "2024-03-01", "date_end": "2024-03-31", "location_error_km": 100.0}
    assert score(vague, vague) < THRESHOLD_BITS
    assert score({**vague, "victims": 3}, {**vague, "victims": 3}) < THRESHOLD_BITS
    full = {**vague, "victims": 17, "perpetrator": "Boko Haram", "sector": "transport"}
    assert score(full, full) >= THRESHOLD_BITS


def test_a_kidnapping_coded_as_an_attack_needs_more() -> None:
    taken = {"location_error_km": 25.0}
    assert score(taken, taken) >= THRESHOLD_BITS
    attack = {**taken, "kind": "attack"}
    assert score(taken, attack) < THRESHOLD_BITS
    assert score({**taken, "sector": "aid"}, {**attack, "sector": "aid"}) >= THRESHOLD_BITS


def test_a_region_named_alike_stands_in_for_a_misplaced_point() -> None:
    far = {"lat": 14.2}
    assert score({"sector": "aid"}, {**far, "sector": "aid"}) < THRESHOLD_BITS
    there = {"sector": "aid", "admin1": "Tillabéri"}
    assert score(there, {**there, **far, "admin1": "Tillaberi Region"}) >= THRESHOLD_BITS


def test_a_location_error_left_out_is_not_a_small_one() -> None:
    assert score({"location_error_km": None}, {}) < score({"location_error_km": 5.0}, {})


def test_the_antimeridian_is_not_an_edge() -> None:
    found = pair({"lon": 179.99, "country": "FJ"}, {"lon": -179.99, "country": "FJ"})
    assert found["distance_km"] < 3.0


def test_no_rows_no_pairs() -> None:
    pairs = candidate_pairs(valid({}).iloc[:0])
    assert pairs.empty
    assert {"a", "b", "score", "same"} <= set(pairs.columns)


def test_a_source_with_a_colon_is_refused() -> None:
    with pytest.raises(IncidentError, match="colon"):
        candidate_pairs(table(told_by("my:log")))


def test_a_table_that_is_not_valid_is_refused() -> None:
    with pytest.raises(IncidentError, match="a word the table does not know"):
        candidate_pairs(table({"kind": "kidnaping"}))
    with pytest.raises(IncidentError, match="must be given"):
        candidate_pairs(table({"incident_id": None}))


@given(st.lists(RECORD, min_size=2, max_size=12))
@settings(max_examples=25, deadline=None)
def test_blocking_finds_every_pair_that_is_the_same(drawn: list[dict[str, Any]]) -> None:
    rows = valid(*records(drawn))
    pairs = candidate_pairs(rows)
    found = set(zip(pairs.loc[pairs["same"], "a"], pairs.loc[pairs["same"], "b"], strict=True))
    traits = traits_of(rows)
    a, b = np.triu_indices(len(rows), k=1)
    apart_km, apart_days = distance_km(traits, a, b), days_apart(traits, a, b)
    reach_km = traits.error_km[a] + traits.error_km[b] + PLACE_TOLERANCE_KM
    source = rows["source"].to_numpy(dtype="object")
    near = (apart_km <= reach_km) & (apart_days <= DAYS_TOLERANCE) & (source[a] != source[b])
    a, b = a[near], b[near]
    bits = weights(traits, a, b, apart_km[near], apart_days[near])
    same = sum(bits.values()) >= THRESHOLD_BITS
    assert found == set(zip(a[same].tolist(), b[same].tolist(), strict=True))


def test_a_wide_window_among_many_narrow_ones_is_found() -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 29)]
    narrow = [
        told_by("north", incident_id=day, date=day, date_end=day, known_on=None, lon=40.0)
        for day in days
    ]
    year = {"date": "2023-04-01", "date_end": "2024-03-30", "known_on": "2024-04-02"}
    wide = told_by("north", **year, incident_id="year", victims=17, sector="aid")
    last_day = {"date": "2024-03-30", "date_end": "2024-03-30", "known_on": "2024-04-02"}
    other = told_by("south", **last_day, victims=17, sector="aid")
    pairs = candidate_pairs(table(*narrow, wide, other))
    assert pairs[["id_a", "source_b"]].to_numpy().tolist() == [["year", "south"]]
