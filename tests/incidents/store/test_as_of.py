from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

from kidnaprisk.errors import ConfigError, CoverageError, StoreError
from kidnaprisk.incidents.coverage import Coverage, coverage_of
from kidnaprisk.incidents.store import IncidentStore
from kidnaprisk.incidents.store.asking import question
from kidnaprisk.incidents.store.coverage import coverage_of_batches, grown
from kidnaprisk.incidents.store.reading import unique_ids
from kidnaprisk.incidents.table import validate_incidents
from tests.incidents.store.tables import FIRST, SECOND, THIRD, WHOLE, batch, ids_of, table

EARLIER = FIRST - dt.timedelta(days=1)


def many() -> gpd.GeoDataFrame:
    """Two hundred made-up rows of two sources, sorted by source and id."""
    random = np.random.default_rng(3)
    n = 200
    date = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 700, n), unit="D")
    frame = pd.DataFrame(
        {
            "incident_id": [f"{number:03}" for number in range(n)],
            "source": ["mine"] * 120 + ["other"] * 80,
            "kind": random.choice(["kidnapping", "battle", "attack"], n),
            "date": date,
            "date_end": date + pd.to_timedelta(random.integers(0, 40, n), unit="D"),
            "country": random.choice(["BF", "NE", "ML"], n),
        }
    )
    # Tenths of degrees on a coarse grid, so that many lie on the edges of boxes and are no exact
    # numbers in single precision; near the antimeridian too.
    lon = random.integers(-18, 18, n) * 10 + 0.1
    lat = random.integers(-9, 9, n) * 10 + 0.1
    points = gpd.points_from_xy(lon, lat)
    return validate_incidents(gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326"))


QUESTIONS = ("sources", "countries", "kinds", "since", "until", "bbox")


def test_a_question_gives_the_rows_it_is_true_of(store: IncidentStore) -> None:
    everything = many()
    store.upsert(everything, on=FIRST)
    asked: dict[str, Any]
    for asked in (
        {},
        {"countries": "BF"},
        {"countries": ("NE", "ML"), "kinds": ["kidnapping"]},
        {"since": "2023-06-01", "until": dt.date(2023, 12, 31)},
        {"until": pd.Timestamp("2023-03-01")},
        {"sources": ["other"], "kinds": {"battle", "attack"}},
        {"bbox": (-19.9, -9.9, 60.1, 40.1)},
        {"bbox": (170.1, -90, -149.9, 90)},
        {"bbox": (-180, -90, 180, 90), "since": "2024-01-01"},
    ):
        kept = question(**{**dict.fromkeys(QUESTIONS), **asked}).mask(everything)
        if "sources" in asked:
            kept &= everything["source"].isin(asked["sources"]).to_numpy(dtype=bool)
        assert 0 < kept.sum() <= 200, asked
        held = store.as_of(FIRST, **asked)
        assert_geodataframe_equal(held, everything[kept].reset_index(drop=True))


def test_a_window_is_asked_for_by_any_day_it_reaches() -> None:
    rows = table({"date": "2025-01-10", "date_end": "2025-01-20", "known_on": ""})
    days = [
        ("2025-01-20", "2025-01-31"),
        ("2025-01-01", "2025-01-10"),
        ("2025-01-12", "2025-01-13"),
    ]
    for since, until in days:
        assert question(None, None, None, since, until, None).mask(rows).all()
    assert not question(None, None, None, "2025-01-21", None, None).mask(rows).any()
    assert not question(None, None, None, None, "2025-01-09", None).mask(rows).any()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"countries": ["Niger"]}, "unknown word"),
        ({"kinds": ["kidnaping"]}, "did you mean 'kidnapping'"),
        ({"kinds": []}, "kinds is empty"),
        ({"since": "2025-02-01", "until": "2025-01-01"}, "until is before since"),
        ({"since": "last week"}, "since is not a day"),
        ({"since": "2025-02-30"}, "since is not a day"),
        ({"until": pd.Timestamp("2025-01-01 06:00")}, "until is not a day"),
        ({"until": pd.NaT}, "until is not a day"),
        ({"bbox": (1, 2, 3)}, "not four numbers"),
        ({"bbox": (0, 20, 10, 10)}, "the box is none"),
        ({"bbox": (0, float("nan"), 10, 10)}, "the box is none"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        question(**{**dict.fromkeys(QUESTIONS), **asked})


def test_of_what_the_store_knows_nothing_it_gives_no_empty_table(store: IncidentStore) -> None:
    with pytest.raises(CoverageError, match="the store is empty"):
        store.current()
    store.upsert(table({}), on=FIRST)
    store.upsert(table({"source": "other"}), on=THIRD)
    with pytest.raises(CoverageError, match="knows nothing before 2026-01-05"):
        store.as_of(EARLIER)
    with pytest.raises(CoverageError, match="knows nothing of other before 2026-01-19"):
        store.as_of(SECOND, sources=["other"])
    with pytest.raises(CoverageError, match=r"no such source.*mine, other"):
        store.current(sources=["oter"])
    with pytest.raises(CoverageError, match="day to come"):
        store.as_of(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1))
    assert ids_of(store.as_of(SECOND)) == ["a"]


def test_what_no_source_covers_is_unknown_and_what_one_covers_may_be_empty(
    store: IncidentStore,
) -> None:
    store.upsert(table({}, coverage=[WHOLE]), on=FIRST)
    with pytest.raises(CoverageError, match="unknown, not safe"):
        store.as_of(FIRST, countries=["ML"])
    nothing = store.as_of(FIRST, countries=["NE"])
    assert len(nothing) == 0
    assert coverage_of(nothing) == (dataclasses.replace(WHOLE, areas=("NE",)),)


def test_coverage_is_cut_to_what_is_asked_for(store: IncidentStore) -> None:
    regions = dataclasses.replace(WHOLE, areas=("BF-sahel", "NE"))
    store.upsert(table({}, coverage=[regions]), on=FIRST)
    day = dt.date(2024, 6, 1)
    held = store.as_of(FIRST, countries=["BF"], kinds=["kidnapping"], since=day)
    (told,) = coverage_of(held)
    assert (told.areas, told.kinds, told.start) == (("BF-sahel",), ("kidnapping",), day)
    assert told.end == WHOLE.end
    (boxed,) = coverage_of(store.as_of(FIRST, bbox=(0, 10, 5, 15)))
    assert "only what lies in 0 to 5 E, 10 to 15 N" in boxed.note
    assert any("only" in note for note in held.attrs["notes"])


def test_coverage_is_that_of_the_day(store: IncidentStore) -> None:
    longer = dataclasses.replace(WHOLE, end=dt.date(2026, 1, 10))
    store.upsert(table({}, coverage=[WHOLE]), on=FIRST)
    store.upsert(table({}, coverage=[longer]), on=SECOND)
    corrected = dataclasses.replace(WHOLE, systematic=False, areas=("BF",))
    store.declare(corrected, on=THIRD)
    told = [coverage_of(store.as_of(day)) for day in (FIRST, SECOND, THIRD)]
    assert told == [(WHOLE,), (longer,), (corrected,)]


def test_an_import_that_says_less_takes_nothing_away(store: IncidentStore) -> None:
    store.upsert(table({}, coverage=[WHOLE]), on=FIRST)
    part = dataclasses.replace(WHOLE, areas=("BF",), start=dt.date(2025, 1, 1))
    store.upsert(table({}, coverage=[part]), on=SECOND)
    store.upsert(table({}), on=SECOND)
    assert coverage_of(store.as_of(SECOND)) == (WHOLE,)


def test_a_source_that_declares_nothing_is_covered_as_its_rows_tell(store: IncidentStore) -> None:
    store.upsert(table({"country": "NE"}, {"country": "ML"}), on=FIRST)
    store.upsert(table({"source": "other"}, coverage=[dataclasses.replace(WHOLE, source="other")]))
    by_source = {one.source: one for one in coverage_of(store.current())}
    assert by_source["mine"].areas == ("ML", "NE")
    assert not by_source["mine"].systematic
    assert by_source["other"].systematic


def test_a_format_that_tells_the_coverage_of_each_batch_is_put_together(
    store: IncidentStore,
) -> None:
    def told(area: str, year: int, *kinds: str) -> Coverage:
        return Coverage(
            "mine", (area,), dt.date(year, 3, 1), dt.date(year, 9, 1), True, "told", kinds
        )

    parts = [
        batch(table({}), told=[told("BF", 2021, "kidnapping", "battle")]),
        batch(table({"incident_id": "b"}), told=[told("NE", 2023, "battle")]),
        batch(table({}).iloc[:0], told=None),
    ]
    store.upsert(parts, on=FIRST)
    end = dt.date(2023, 9, 1)
    # Each country from its own first day, both to the last day the file tells of.
    assert set(coverage_of(store.as_of(FIRST))) == {
        Coverage("mine", ("BF",), dt.date(2021, 3, 1), end, True, "told", ("battle", "kidnapping")),
        Coverage("mine", ("NE",), dt.date(2023, 3, 1), end, True, "told", ("battle",)),
    }


def test_a_declared_coverage_of_several_windows_stays_as_declared() -> None:
    early = dataclasses.replace(WHOLE, areas=("ML",), end=dt.date(2021, 1, 1))
    assert coverage_of_batches([[WHOLE, early], [WHOLE, early]], []) == (WHOLE, early)
    assert coverage_of_batches([[WHOLE], [early]], []) == (WHOLE, early)


def test_windows_that_meet_become_one_and_a_gap_stays() -> None:
    def window(start: str, end: str) -> Coverage:
        days = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
        return dataclasses.replace(WHOLE, start=days[0], end=days[1])

    first, third = window("2020-01-01", "2020-03-31"), window("2020-05-01", "2020-06-30")
    between = window("2020-04-01", "2020-04-30")
    assert grown([first], [third]) == (first, third)
    assert grown([first, third], [between]) == (window("2020-01-01", "2020-06-30"),)
    sample = dataclasses.replace(first, systematic=False)
    assert set(grown([first], [sample])) == {first, sample}
    # What has no end in sight is often written so, and no day comes after it.
    endless = window("2020-02-01", "9999-12-31")
    assert grown([first, endless], [third]) == (window("2020-01-01", "9999-12-31"),)


def test_an_unknown_source_of_a_coverage_is_refused(store: IncidentStore) -> None:
    with pytest.raises(ValueError, match="does not name a source of the rows"):
        store.upsert(table({"source": "other"}), on=FIRST, coverage=WHOLE)
    store.upsert(table({}), on=FIRST)
    with pytest.raises(StoreError, match="not been merged"):
        store.as_of(FIRST, merged=True)


def test_ids_that_look_like_another_sources_stay_apart() -> None:
    keys = pd.DataFrame(
        {"source": ["a", "b", "c", "a"], "incident_id": ["1", "1", "a:1", "2"]}, dtype="string"
    )
    assert unique_ids(keys).tolist() == ["a:1", "b:1", "c:a:1", "2"]
