"""The real GTD and UCDP files: every row comes out or is told, and kidnappings are as counted."""

import csv
import io

import pytest

from kidnaprisk.incidents.read import read_incidents

KIDNAPPING = "6"


@pytest.fixture(scope="module")
def gtd(shared_dir):
    return shared_dir / "incidents" / "gtd"


def records(path, encoding):
    """The file as Python's csv module gives it: an oracle beside the reader."""
    text = path.read_text(encoding=encoding)
    return list(csv.reader(io.StringIO(text, newline="")))


def kidnappings(rows, header):
    at = [header.index(f"attacktype{rank}") for rank in (1, 2, 3)]
    return [row for row in rows if len(row) > max(at) and KIDNAPPING in [row[one] for one in at]]


def test_two_months_of_2013_hold_101_kidnappings_two_of_them_placed_in_a_country_only(gtd):
    path = gtd / "gtd_2013-05_06.csv"
    incidents, rejects = read_incidents(path, return_rejects=True)
    header, *rows = records(path, "utf-8")
    assert len(incidents) + len(rejects) == len(rows) == 1564
    taken = kidnappings(rows, header)
    assert len(taken) == 101
    specificity = header.index("specificity")
    nowhere = sum(row[specificity] == "5" for row in taken)
    assert nowhere == 2
    assert (incidents["kind"] == "kidnapping").sum() == 101 - nowhere
    assert set(rejects["reason"]) == {"placed in the country only (specificity 5)"}


def test_whoever_was_held_is_another_count_and_the_rows_between_are_known(gtd):
    header, *rows = records(gtd / "gtd_2013-05_06.csv", "utf-8")
    held, types = header.index("ishostkid"), header.index("attacktype1")
    taken = kidnappings(rows, header)
    hostages = [row for row in rows if row[held] == "1"]
    assert len(hostages) == 108
    # Kidnappings in which nobody was held, or it is not known.
    assert sorted(row[held] for row in taken if row not in hostages) == ["-9", "0", "0"]
    # Barricades, hijackings and assassinations in which somebody was.
    others = sorted(row[types] for row in hostages if row not in taken)
    assert others == ["1", "1", *["4"] * 2, *["5"] * 6]


def test_ids_that_a_spreadsheet_mangled_are_not_trusted(gtd):
    path = gtd / "gtd_2013-05_06.csv"
    header, *rows = records(path, "utf-8")
    assert len({row[header.index("eventid")] for row in rows}) == 2
    incidents, _ = read_incidents(path, return_rejects=True)
    assert incidents["incident_id"].is_unique
    assert incidents["incident_id"].str.match("GTD-[0-9a-f]{12}").all()
    assert any("eventid is mangled" in note for note in incidents.attrs["notes"])


def test_a_file_in_cp1252_cut_off_in_its_last_row(gtd):
    path = gtd / "gtd_cp1252_truncated.csv"
    incidents, rejects = read_incidents(path, return_rejects=True)
    header, *rows = records(path, "cp1252")
    assert len(incidents) + len(rejects) == len(rows) == 1210
    cut = rejects.iloc[-1]
    assert (cut["row"], len(rows[-1])) == (1211, 13)
    assert "another number of cells" in cut["reason"]
    placed = [row for row in kidnappings(rows, header) if row[header.index("specificity")] != "5"]
    assert (incidents["kind"] == "kidnapping").sum() == len(placed) == 53
    assert any("cp1252" in note for note in incidents.attrs["notes"])
    # Sound ids are kept as they are.
    assert incidents["incident_id"].str.fullmatch(r"GTD-\d{12}").all()
    texts = incidents[["place", "admin1", "perpetrator"]].fillna("").agg(" ".join, axis=1)
    assert not texts.str.contains("\ufffd|Ã").any()


def test_a_file_without_a_header_that_begins_and_ends_in_the_middle_of_a_row(gtd):
    incidents, rejects = read_incidents(gtd / "gtd_headerless_mangled_ids.csv", return_rejects=True)
    assert len(incidents) + len(rejects) == 1566
    torn = rejects[rejects["reason"].str.contains("another number of cells")]
    assert len(torn) == 2
    assert torn["row"].min() == rejects["row"].min() == 1
    assert (incidents["kind"] == "kidnapping").sum() == 99
    # The same rows as the file with a header, so the ids made of them are the same.
    whole, _ = read_incidents(gtd / "gtd_2013-05_06.csv", return_rejects=True)
    assert set(incidents["incident_id"]) == set(whole["incident_id"])


def test_the_sample_of_ucdp_holds_context_and_no_kidnappings(shared_dir):
    path = shared_dir / "incidents" / "ucdp" / "ucdp_ged231_sample1000.csv"
    incidents, rejects = read_incidents(path, return_rejects=True)
    header, *rows = records(path, "utf-8")
    assert len(incidents) + len(rejects) == len(rows) == 1000
    assert set(incidents["kind"]) == {"attack", "battle"}
    one_sided = [row for row in rows if row[header.index("type_of_violence")] == "3.0"]
    precise = [row[header.index("where_prec")] not in ("6.0", "7.0") for row in one_sided]
    assert (incidents["kind"] == "attack").sum() == sum(precise)
    assert len(rejects) == 13
    (covered,) = incidents.attrs["coverage"]
    assert covered["kinds"] == ["attack", "battle"]
