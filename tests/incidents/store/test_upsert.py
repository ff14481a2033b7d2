from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

from kidnaprisk.errors import ConfigError, IncidentError, StoreError
from kidnaprisk.incidents.coverage import Coverage, coverage_of
from kidnaprisk.incidents.store import IncidentStore
from kidnaprisk.incidents.store.staging import staged_cells
from tests.incidents.samples import csv_text, rows
from tests.incidents.store.tables import FIRST, SECOND, THIRD, WHOLE, batch, ids_of, table


def counts(summary: object) -> tuple[int, ...]:
    names = ("rows_in", "added", "revised", "unchanged", "deleted", "rejected")
    return tuple(getattr(summary, name) for name in names)


def test_new_rows_are_added_changed_ones_revised_and_the_same_left_alone(
    store: IncidentStore,
) -> None:
    first = store.upsert(table({}, {}, {"victims": "2", "foreign_victims": ""}), on=FIRST)
    later = table({}, {"place": "Téra"}, {"victims": "2", "foreign_victims": ""}, {})
    second = store.upsert(later, on=SECOND)
    assert counts(first) == (3, 3, 0, 0, 0, 0)
    assert counts(second) == (4, 1, 1, 2, 0, 0)
    assert store.as_of(FIRST)["place"].tolist() == ["Dori-Téra road"] * 3
    assert ids_of(store.as_of(SECOND)) == ["a", "b", "c", "d"]
    assert store.as_of(SECOND)["place"].tolist()[1] == "Téra"


def test_the_same_again_changes_nothing(store: IncidentStore) -> None:
    store.upsert(table({}, {}), on=FIRST)
    again = store.upsert(table({}, {}), on=FIRST)
    later = store.upsert(table({}, {}), on=SECOND)
    assert counts(again) == counts(later) == (2, 0, 0, 2, 0, 0)
    assert store.as_of(SECOND).equals(store.as_of(FIRST))


def test_what_comes_out_is_what_went_in_to_the_type(store: IncidentStore) -> None:
    given = table(
        {"longitude": str(1 / 3), "latitude": "-0.1", "ransom_usd": "0.1", "location_error_km": ""},
        {
            "victims": "",
            "foreign_victims": "",
            "place": "'; DROP TABLE x;-- \U0001f69a",
            "demand": "",
        },
        {"country": "NA", "outcome_date": "", "known_on": "", "date_end": "", "admin1": ""},
        {"kind": "attack", "kind_from_text": "true", "sector": "", "source_url": ""},
    )
    store.upsert(given, on=FIRST)
    held = store.as_of(FIRST)
    assert_geodataframe_equal(held, given)
    assert list(held.dtypes) == list(given.dtypes)
    assert held["country"].tolist()[2] == "NA"


def test_a_table_without_a_single_value_of_a_column_keeps_its_types(store: IncidentStore) -> None:
    blank = {"victims": "", "foreign_victims": "", "outcome_date": "", "ransom_usd": ""}
    given = table(blank, coverage=[WHOLE])
    store.upsert(given, on=FIRST)
    assert list(store.as_of(FIRST).dtypes) == list(given.dtypes)
    nothing = store.as_of(FIRST, kinds=["battle"], countries=["BF"], since="2025-01-18")
    assert len(nothing) == 0
    assert list(nothing.dtypes) == list(given.dtypes)


def test_the_digest_of_a_row_can_be_worked_out_by_hand() -> None:
    given = table({"longitude": "0.5", "latitude": "14", "demand": "", "victims": "4"})
    _, _, _, digests, *_ = staged_cells(given, 0)
    said = [
        "admin1=Sahel", "country=BF", "date=2025-01-18", "date_end=2025-01-19", "foreign_victims=4",
        "incident_id=a", "kind=kidnapping", "known_on=2025-01-21", "latitude=14.0",
        "location_error_km=25.0", "longitude=0.5", "nationalities=MA", "outcome=released",
        "outcome_date=2025-08-03", "perpetrator=Islamic State Sahel Province",
        "place=Dori-Téra road", "sector=transport", "setting=road", "source=mine",
        "source_url=https://example.org/a", "victims=4",
    ]  # fmt: skip
    by_hand = hashlib.blake2b("\x1f".join(said).encode(), digest_size=16).hexdigest()
    assert digests == [by_hand]


def test_a_version_replaced_on_its_own_day_was_never_held(store: IncidentStore) -> None:
    store.upsert(table({"place": "one"}), on=FIRST)
    store.upsert(table({"place": "two"}), on=FIRST)
    store.delete("mine", ["a"], on=SECOND)
    store.upsert(table({"place": "three"}), on=SECOND)
    assert store.as_of(FIRST)["place"].tolist() == ["two"]
    assert store.as_of(SECOND)["place"].tolist() == ["three"]


def test_history_cannot_be_rewritten_nor_written_ahead(store: IncidentStore) -> None:
    store.upsert(table({}), on=SECOND)
    with pytest.raises(StoreError, match="history up to 2026-01-12"):
        store.upsert(table({}, {}), on=FIRST)
    with pytest.raises(StoreError, match="has not come yet"):
        store.delete("mine", ["a"], on=dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2))
    with pytest.raises(ConfigError, match="on is not a day"):
        store.upsert(table({}), on="12/01/2026")
    assert ids_of(store.current()) == ["a"]


def test_without_a_day_an_import_counts_for_today(store: IncidentStore) -> None:
    before = dt.datetime.now(dt.UTC).date()
    day = store.upsert(table({})).day
    assert before <= day <= dt.datetime.now(dt.UTC).date()
    assert ids_of(store.current()) == ["a"]


def test_two_sources_may_use_the_same_id(store: IncidentStore) -> None:
    store.upsert(table({"place": "one"}, {}), on=FIRST)
    store.upsert(table({"source": "other", "place": "two"}), on=FIRST)
    held = store.as_of(FIRST)
    assert ids_of(held) == ["mine:a", "b", "other:a"]
    assert held["place"].tolist()[::2] == ["one", "two"]
    assert ids_of(store.as_of(FIRST, sources=["other"])) == ["a"]


def test_batches_make_one_import(store: IncidentStore) -> None:
    seen: list[int] = []
    parts = [
        batch(table({}, {}), {"x": "date: must be given and is empty"}),
        batch(table({"incident_id": "c"}), {"y": "date: must be given and is empty"}),
    ]
    summary = store.upsert(iter(parts), on=FIRST, progress=seen.append)
    assert counts(summary) == (5, 3, 0, 0, 0, 2)
    assert summary.reasons == {"date: must be given and is empty": 2}
    assert seen == [3, 5]
    assert len(store.status().imports) == 1


def test_an_id_that_comes_twice_is_taken_once_and_told(store: IncidentStore) -> None:
    parts = [table({"place": "first"}), table({"place": "second"}, {})]
    summary = store.upsert(parts, on=FIRST)
    assert counts(summary) == (3, 2, 0, 0, 0, 1)
    assert summary.reasons == {"incident_id: the incident_id is already used": 1}
    assert store.as_of(FIRST)["place"].tolist() == ["first", "Dori-Téra road"]


def test_an_import_that_breaks_midway_leaves_nothing(store: IncidentStore) -> None:
    def cut_off() -> Iterator[gpd.GeoDataFrame]:
        yield table({"place": "new"}, {})
        raise IncidentError("the file is cut off")

    store.upsert(table({}), on=FIRST)
    with pytest.raises(IncidentError, match="cut off"):
        store.upsert(cut_off(), on=SECOND)
    assert len(store.status().imports) == 1
    assert store.current().equals(store.as_of(FIRST))


def test_a_table_that_is_not_valid_is_refused(store: IncidentStore) -> None:
    wrong = table({}).assign(kind="kidnaping")
    with pytest.raises(IncidentError, match="did you mean 'kidnapping'"):
        store.upsert(wrong, on=FIRST)
    with pytest.raises(IncidentError, match="holds a colon"):
        store.upsert(table({"source": "a:b"}), on=FIRST)
    with pytest.raises(IncidentError, match="every one of 1 rows is rejected"):
        store.upsert([batch(table({}).iloc[:0], {"x": "date: must be given"})], on=FIRST)


def test_a_file_is_known_by_name_and_digest_and_none_of_its_other_cells_is_kept(
    new_url: object, store: IncidentStore, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    lines = rows({}, {"date": "A. Name was taken"}, {"country": "BF"})
    for line in lines:
        line["note"] = "B. Name was taken"
    path.write_text(csv_text(lines), encoding="utf-8")
    summary = store.import_file(path, on=FIRST, coverage=WHOLE)
    assert (summary.file, summary.format) == ("log.csv", "own")
    assert summary.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert counts(summary) == (3, 2, 0, 0, 0, 1)
    again = store.import_file(path, on=SECOND)
    assert counts(again) == (3, 0, 0, 2, 0, 1)
    database = tmp_path / "store0.db"
    if database.exists():
        assert b"Name was taken" not in database.read_bytes()
        assert str(tmp_path).encode() not in database.read_bytes()


def test_a_file_that_is_not_there_is_told(store: IncidentStore, tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match=r"cannot be read.*gone\.csv"):
        store.import_file(tmp_path / "gone.csv", on=FIRST)


def test_rows_absent_from_a_file_stay_unless_it_is_complete(store: IncidentStore) -> None:
    everything = table(
        {},
        {},
        {"country": "ML"},
        {"date": "2019-12-31", "date_end": "2020-01-01"},
        {"kind": "battle"},
        {},
        coverage=[WHOLE],
    )
    store.upsert(everything, on=FIRST)
    other = table({"source": "other"})
    store.upsert(other, on=FIRST)
    assert store.upsert(table({}), on=SECOND).deleted == 0
    kidnappings = Coverage("mine", ("BF", "NE"), WHOLE.start, WHOLE.end, True, "", ("kidnapping",))
    part = [batch(table({}), {"f": "date: must be given and is empty"})]
    summary = store.upsert(part, on=THIRD, coverage=kidnappings, complete=True)
    # Of b, c, d, e and f only b is a kidnapping in the areas and days covered that the file lacks.
    assert summary.deleted == 1
    held = store.as_of(THIRD, sources=["mine"])
    assert ids_of(held) == ["a", "c", "d", "e", "f"]
    assert ids_of(store.as_of(SECOND, sources=["mine"])) == ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize(
    "coverage", [None, Coverage("mine", ("BF-sahel",), WHOLE.start, WHOLE.end, True)]
)
def test_a_complete_file_must_say_of_what(store: IncidentStore, coverage: Coverage | None) -> None:
    store.upsert(table({}, {}), on=FIRST)
    with pytest.raises(StoreError, match="complete"):
        store.upsert(table({}), on=SECOND, coverage=coverage, complete=True)
    assert ids_of(store.current()) == ["a", "b"]


def test_deleted_ids_are_withdrawn_and_may_come_back(store: IncidentStore) -> None:
    store.upsert(table({}, {}, {}), on=FIRST)
    assert store.delete("mine", ["a", "zz", "a"], on=SECOND) == 1
    assert store.delete("mine", ["a"], on=SECOND) == 0
    assert counts(store.upsert(table({}), on=THIRD)) == (1, 1, 0, 0, 0, 0)
    assert [ids_of(store.as_of(day)) for day in (FIRST, SECOND, THIRD)] == [
        ["a", "b", "c"],
        ["b", "c"],
        ["a", "b", "c"],
    ]
    imports = store.status().imports
    assert imports["rejected"].tolist() == [0, 1, 1, 0]
    assert imports["reasons"].tolist()[1] == {"incident_id: not in the store": 1}


def test_deleting_of_a_source_never_heard_of_is_an_error(store: IncidentStore) -> None:
    store.upsert(table({}), on=FIRST)
    with pytest.raises(StoreError, match="did you mean 'mine'"):
        store.delete("mone", ["a"], on=FIRST)
    with pytest.raises(ConfigError, match="ids is one text"):
        store.delete("mine", "a", on=FIRST)


def test_status_counts_what_is_held_and_what_was(store: IncidentStore) -> None:
    store.upsert(table({}, {"kind": "battle"}, {"date_end": "2025-02-01"}), on=FIRST)
    store.upsert(table({"source": "other"}), on=SECOND)
    store.delete("mine", ["a"], on=THIRD)
    status = store.status()
    by_source = status.sources.set_index("source")
    assert by_source.loc["mine", ["rows", "kidnappings", "deleted"]].tolist() == [2, 1, 1]
    assert by_source["first"].tolist() == [pd.Timestamp("2025-01-18")] * 2
    assert by_source["last"].tolist() == [pd.Timestamp("2025-02-01"), pd.Timestamp("2025-01-19")]
    assert by_source["last_import"].dt.date.tolist() == [FIRST, SECOND]
    assert status.imports["action"].tolist() == ["import", "import", "delete"]
    assert status.last_merge is None
    assert status.to_dict()["sources"][0]["last_import"] == FIRST.isoformat()


def test_an_empty_store_has_a_status(store: IncidentStore) -> None:
    status = store.status()
    assert len(status.sources) == len(status.imports) == 0


def test_nothing_new_is_an_import_too(store: IncidentStore) -> None:
    store.upsert(table({}), on=FIRST)
    assert counts(store.upsert([], on=SECOND)) == (0, 0, 0, 0, 0, 0)
    assert counts(store.upsert(table({}).iloc[:0], on=SECOND)) == (0, 0, 0, 0, 0, 0)


def test_an_sqlite_store_keeps_its_log_ahead(tmp_path: Path) -> None:
    IncidentStore(tmp_path / "incidents.db")
    with sqlite3.connect(tmp_path / "incidents.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_damaged_file_is_not_complete(store: IncidentStore, tmp_path: Path) -> None:
    whole = tmp_path / "whole.csv"
    whole.write_text(csv_text(rows({}, {}, {})), encoding="utf-8")
    store.import_file(whole, on=FIRST, coverage=WHOLE)
    nameless = tmp_path / "nameless.csv"
    nameless.write_text(csv_text(rows({}, {}, {"incident_id": ""})), encoding="utf-8")
    with pytest.raises(StoreError, match="1 rejected rows are cut off or have no id"):
        store.import_file(nameless, on=SECOND, coverage=WHOLE, complete=True)
    assert ids_of(store.as_of(SECOND)) == ["a", "b", "c"]


def test_a_part_says_nothing_of_what_is_covered(store: IncidentStore) -> None:
    store.upsert(
        table({"date": "2024-03-01", "date_end": "2024-03-01"}, coverage=[WHOLE]), on=FIRST
    )
    known = coverage_of(store.as_of(FIRST))
    store.upsert(table({"incident_id": "z", "country": "NE"}), on=SECOND, coverage=())
    assert coverage_of(store.as_of(SECOND)) == known
