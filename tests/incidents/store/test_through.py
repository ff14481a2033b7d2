"""What a store held after any one import, though others came that same day."""

from __future__ import annotations

import pytest

from kidnaprisk.errors import CoverageError
from kidnaprisk.incidents.store import IncidentStore
from tests.incidents.store.tables import FIRST, SECOND, THIRD, WHOLE, ids_of, table


def places(store: IncidentStore, through: int, **asked: object) -> dict[str, str]:
    held = store.as_of(SECOND, through=through, **asked)  # type: ignore[arg-type]
    return dict(zip(held["incident_id"], held["place"], strict=True))


def test_every_import_of_a_day_can_be_read_again(store):
    store.upsert(table({"place": "Dori"}, {"place": "Djibo"}), on=FIRST, coverage=WHOLE)
    store.upsert(table({"place": "Dori, road"}), on=SECOND, coverage=())
    store.delete("mine", ["b"], on=SECOND)
    store.upsert(table({"place": "Dori, market"}), on=SECOND, coverage=())
    assert store.last_import() == 4
    assert places(store, 1) == {"a": "Dori", "b": "Djibo"}
    assert places(store, 2) == {"a": "Dori, road", "b": "Djibo"}
    assert places(store, 3) == {"a": "Dori, road"}
    assert places(store, 4) == {"a": "Dori, market"}
    # What comes later changes nothing of it.
    store.upsert(table({"place": "Elsewhere"}, {}, {}), on=THIRD, coverage=())
    assert places(store, 2) == {"a": "Dori, road", "b": "Djibo"}
    last_of_day = store.as_of(SECOND)
    assert ids_of(last_of_day) == ["a"]
    assert last_of_day["place"].tolist() == ["Dori, market"]


def test_an_import_of_what_was_held_changes_nothing(store):
    assert (store.last_import(), store.last_change()) == (0, 0)
    rows = table({}, {})
    store.upsert(rows, on=FIRST, coverage=WHOLE)
    assert (store.last_import(), store.last_change()) == (1, 1)
    store.upsert(rows, on=FIRST, coverage=WHOLE)
    assert (store.last_import(), store.last_change()) == (2, 1)
    store.delete("mine", ["b"], on=SECOND)
    assert (store.last_import(), store.last_change()) == (3, 3)
    store.declare(WHOLE, on=SECOND)
    assert store.last_change() == 3


def test_links_are_those_of_then(store):
    alike = {"place": "Dori", "location_error_km": 1.0, "victims": 4}
    store.upsert(table(alike), on=FIRST, coverage=WHOLE)
    other = table(alike)
    other["source"] = "other"
    other["incident_id"] = "x"
    store.upsert(other, on=FIRST, coverage=())
    store.merge(on=FIRST)
    together = store.as_of(FIRST, merged=True)
    assert len(together) == 1
    through = store.last_import()
    # The same day the other tells of it as something else, and the next merge keeps them apart.
    far = table({**alike, "place": "Niamey", "date": "2022-03-01", "date_end": "2022-03-01"})
    far["source"], far["incident_id"] = "other", "x"
    store.upsert(far, on=FIRST, coverage=())
    store.merge(on=FIRST)
    assert len(store.as_of(FIRST, merged=True)) == 2
    again = store.as_of(FIRST, merged=True, through=through)
    assert len(again) == 1
    assert again["provenance"].tolist() == together["provenance"].tolist()


@pytest.mark.parametrize("through", [0, 3, 99, -1])
def test_an_import_that_there_is_not_by_then_is_refused(store, through):
    store.upsert(table({}), on=FIRST, coverage=WHOLE)
    store.upsert(table({}, {}), on=SECOND, coverage=())
    store.upsert(table({}, {}, {}), on=THIRD, coverage=())
    with pytest.raises(CoverageError, match="up to an import"):
        store.as_of(SECOND, through=through)
