"""ACLED's own exports, as found: counts only, as the folder's README states them."""

import csv

import pytest

from kidnaprisk.incidents.read import read_incidents

NEWER = "acled_BFA_1997-2020-12-10_export.csv"
EARLIER = "acled_BFA_api_variant.csv"
SHIFTED = "acled_CMR_xlsx_2020.xlsx"
OLD = "acled_MLI_2017-2019-02-27_export.csv"
DAY_FIRST = "acled_KEN_ddmmyy.csv"

# File, rows in it, rejected, kidnappings coded as such.
FILES = [
    (NEWER, 3_010, 0, 147),
    (EARLIER, 2_980, 0, 144),
    # One row bears a timestamp of two months before its own event.
    (SHIFTED, 4_018, 1, 259),
    ("acled_GHA_1980-2021-11-13_export.csv", 1_276, 0, 4),
    (DAY_FIRST, 5_725, 0, 46),
    # One row is of Mali by name and of Burkina Faso by code.
    (OLD, 1_339, 1, 0),
]


@pytest.fixture(scope="module")
def read(shared_dir):
    known = {}

    def once(name, **options):
        key = (name, *options.items())
        if key not in known:
            path = shared_dir / "incidents" / "acled" / name
            known[key] = read_incidents(path, return_rejects=True, **options)
        return known[key]

    return once


@pytest.mark.parametrize(("name", "rows", "rejected", "kidnappings"), FILES)
def test_rows_in_are_rows_out_and_rejects(read, name, rows, rejected, kidnappings):
    incidents, rejects = read(name, kind_from_text=False)
    assert len(incidents) + len(rejects) == rows
    assert len(rejects) == rejected
    assert incidents["kind"].eq("kidnapping").sum() == kidnappings
    assert set(incidents["source"]) == {"acled"}


@pytest.mark.parametrize(("name", "rows", "rejected", "kidnappings"), FILES)
def test_coverage_is_told_by_the_source(read, name, rows, rejected, kidnappings):
    incidents, _ = read(name, kind_from_text=False)
    (coverage,) = incidents.attrs["coverage"]
    assert coverage["systematic"] is True
    assert ("kidnapping" in coverage["kinds"]) == (kidnappings > 0)


def test_two_digit_days_agree_with_the_column_year(read, shared_dir):
    incidents, _ = read(DAY_FIRST, kind_from_text=False)
    with (shared_dir / "incidents" / "acled" / DAY_FIRST).open(
        encoding="utf-8", newline=""
    ) as file:
        given = list(csv.DictReader(file))
    both = sum(int(row["event_date"][:2]) <= 12 for row in given)
    assert both == 2_134
    exact = [row["time_precision"] == "1" for row in given]
    days = incidents["date"][exact].reset_index(drop=True)
    written = [row for row, keep in zip(given, exact, strict=True) if keep]
    assert days.dt.year.tolist() == [int(row["year"]) for row in written]
    assert days.dt.day.tolist() == [int(row["event_date"][:2]) for row in written]
    assert days.dt.month.tolist() == [int(row["event_date"][3:5]) for row in written]


def test_thirty_added_and_three_revised_between_two_vintages(read):
    newer, earlier = (
        read(name, kind_from_text=False)[0].set_index("incident_id") for name in (NEWER, EARLIER)
    )
    assert len(newer.index.difference(earlier.index)) == 30
    assert not len(earlier.index.difference(newer.index))
    same = newer.loc[earlier.index].drop(columns="geometry")
    # A revised row has a later timestamp.
    assert same["known_on"].gt(earlier["known_on"]).sum() == 3


def test_shifted_rows_are_put_right_and_stand_in_their_country(read):
    incidents, rejects = read(SHIFTED, kind_from_text=False)
    repaired = incidents.attrs["summary"]["repaired"]
    assert sorted(repaired.values()) == [4, 98]
    assert rejects["column"].tolist() == ["known_on"]
    assert set(incidents["country"]) == {"CM"}
    places = {tuple(place) for place in incidents.geometry.get_coordinates().to_numpy().tolist()}
    assert all(8.0 < lon < 17.0 and 1.0 < lat < 14.0 for lon, lat in places)
    assert incidents["perpetrator"].str.fullmatch(r"\d+").sum() == 0
    # Blank in the file in 76 sound rows, no code in one, and not to be trusted in the 98.
    assert incidents["location_error_km"].isna().sum() == 76 + 1 + 98


def test_old_taxonomy_tells_kidnappings_from_notes_unless_told_not_to(read):
    incidents, _ = read(OLD)
    told = incidents["kind_from_text"]
    assert told.eq(incidents["kind"].eq("kidnapping")).all()
    # 128 notes have a word for it, of which some tell of releases, attempts and bodies found.
    assert 110 <= told.sum() <= 128
    (coverage,) = incidents.attrs["coverage"]
    assert "notes" in coverage["note"]


def test_turned_on_it_adds_to_the_kidnappings_that_are_coded(read):
    for name in (NEWER, SHIFTED, DAY_FIRST):
        on, _ = read(name, kind_from_text=True)
        off, _ = read(name, kind_from_text=False)
        coded = off["kind"].eq("kidnapping")
        assert on["kind"][coded].eq("kidnapping").all()
        assert not on["kind_from_text"][coded].any()
        assert on["kind_from_text"].any()
