"""What a source covers: its form, its file, and what is made of none."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.coverage import Coverage, coverage_of, read_coverage
from kidnaprisk.incidents.table import validate_incidents
from tests.incidents.samples import in_memory

DAY = dt.date(2020, 1, 1)


def test_a_dict_of_json_gives_the_coverage_back() -> None:
    coverage = Coverage("acled", ("NE", "SD-north-darfur", "NE"), DAY, DAY, True, "x")
    assert coverage.areas == ("NE", "SD-north-darfur")
    assert Coverage.from_dict(json.loads(json.dumps(coverage.to_dict()))) == coverage


def test_none_declared_is_derived_by_source_and_says_so() -> None:
    table = validate_incidents(
        in_memory(
            {"source": "b", "country": "NE"},
            {"source": "a", "country": "ML", "date": "2024-03-01", "date_end": ""},
            {"source": "b", "country": "BF", "date": "2025-01-10"},
        )
    )
    assert "coverage" not in table.attrs
    first, second = coverage_of(table)
    assert (first.source, first.areas) == ("a", ("ML",))
    assert first.start == first.end == dt.date(2024, 3, 1)
    assert (second.source, second.areas) == ("b", ("BF", "NE"))
    assert (second.start, second.end) == (dt.date(2025, 1, 10), dt.date(2025, 1, 19))
    assert not first.systematic
    assert "derived" in second.note


BAD_FILES = [
    ("", "other than", "one \\[\\[coverage\\]\\] table"),
    ("[[coverage]", "not TOML", "correct"),
    ("[coverage]\nsource = 'a'", "other than", "one"),
    ("[[coverages]]\nsource = 'a'", "other than.*'coverages'", "one"),
    ("[[coverage]]\nsource = 'a'", "lacks a key.*'areas'", "add it"),
    ("[[coverage]]\nsorce = 'a'", "unknown key.*'sorce'", "'source'"),
    ("areas = []", "'areas'", "at least one"),
    ("areas = 'NE'", "'areas'", "at least one"),
    ("areas = [1]", "'areas'", "as text"),
    ("source = ''", "'source'", "name the source"),
    ("start = 2020", "'start', value 2020", "YYYY-MM-DD"),
    ("start = 2020-01-01T00:00:00", "'start'", "YYYY-MM-DD"),
    ("start = 'spring'", "'start', value 'spring'", "YYYY-MM-DD"),
    ("end = 2019-12-31", "'end', value '2019-12-31'", "not before the start, 2020-01-01"),
    ("systematic = 'no'", "'systematic'", "true or false"),
    ("note = 3", "'note'", "write text"),
]
GOOD = {
    "source": "source = 'a'",
    "areas": "areas = ['NE']",
    "start": "start = 2020-01-01",
    "end": "end = 2020-12-31",
    "systematic": "systematic = false",
}


@pytest.mark.parametrize(("text", "reason", "remedy"), BAD_FILES, ids=[bad[0] for bad in BAD_FILES])
def test_a_bad_coverage_file_is_refused(
    tmp_path: Path, text: str, reason: str, remedy: str
) -> None:
    path = tmp_path / "feed.coverage.toml"
    key = text.partition(" ")[0]
    if text and not text.startswith("["):
        text = "[[coverage]]\n" + "\n".join({**GOOD, key: text}.values())
    path.write_text(text)
    with pytest.raises(IncidentError, match=f"(?s){reason}.*{remedy}|{remedy}.*{reason}") as caught:
        read_coverage(path)
    assert caught.value.file == "feed.coverage.toml"


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match="No such file"):
        read_coverage(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(IncidentError, match="UTF-8"):
        read_coverage(tmp_path / "a.toml")
