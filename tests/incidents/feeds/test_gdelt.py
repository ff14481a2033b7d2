"""Fetching GDELT's files: only the file that was listed is kept, and gaps are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kidnaprisk.errors import ConfigError
from kidnaprisk.incidents.feeds import FeedError, Fetched, Limits, fetch_gdelt
from tests.incidents.feeds.server import (
    Gdelt,
    Reply,
    Request,
    cut,
    reset,
    running,
    status,
    web_page,
    zipped,
)

DAYS = ["20240101", "20240102", "20240103"]


@pytest.fixture
def gdelt() -> Iterator[Gdelt]:
    with running(Gdelt(1, DAYS)) as server:
        yield server


@pytest.fixture
def fetch(gdelt: Gdelt, limits: Limits, tmp_path: Path):
    def call(**changes: object) -> Fetched:
        given = {
            "since": "2024-01-01", "until": "2024-01-03", "base_url": gdelt.url,
            "limits": limits, **changes,
        }  # fmt: skip
        return fetch_gdelt(tmp_path / "out", **given)

    return call


def test_a_day_a_file_unpacked_as_it_is(fetch) -> None:
    fetched = fetch()
    assert fetched.complete
    assert [path.name for path in fetched.files] == [f"gdelt-{day}.csv" for day in DAYS]
    assert fetched.rows == 3 + 4 + 5
    lines = fetched.files[0].read_bytes().splitlines()
    assert [line.count(b"\t") for line in lines] == [57, 57, 57]


def test_a_quarter_of_an_hour_a_file(limits: Limits, tmp_path: Path) -> None:
    stamps = [f"20240101{hour:02}{minute:02}00" for hour in range(24) for minute in (0, 15, 30, 45)]
    missing = stamps.pop(40)
    with running(Gdelt(2, stamps)) as server:
        fetched = fetch_gdelt(
            tmp_path, since="2024-01-01", until="2024-01-01", version=2, base_url=server.url,
            limits=limits,
        )  # fmt: skip
    assert len(fetched.files) == 95
    assert not fetched.complete
    assert f"1 files are not in GDELT's list ({missing})" in fetched.notes[0]


def test_a_day_not_published_makes_it_incomplete(gdelt: Gdelt, fetch) -> None:
    later = gdelt.files.pop("20240103")
    fetched = fetch()
    assert not fetched.complete
    assert "20240103" in fetched.notes[0]
    # Asked again when it is there, only that day is fetched.
    gdelt.files["20240103"] = later
    asked = len(gdelt.asked(".zip"))
    assert fetch().complete
    assert [request.path for request in gdelt.asked(".zip")[asked:]] == [
        "/events/20240103.export.CSV.zip"
    ]


@pytest.mark.parametrize(
    "trouble", [status(500), reset, cut, web_page], ids=["500", "reset", "cut", "HTML with 200"]
)
def test_a_passing_trouble_costs_nothing_but_a_try(gdelt: Gdelt, fetch, trouble) -> None:
    gdelt.trouble(".zip", None, trouble)
    gdelt.trouble("md5sums", trouble)
    assert fetch().rows == 12


def test_a_file_that_is_not_the_one_listed(gdelt: Gdelt, fetch) -> None:
    gdelt.wrong_sums.add("20240102")
    with pytest.raises(FeedError, match="20240102 is not the one in GDELT's list"):
        fetch()
    gdelt.wrong_sums.clear()
    assert fetch().rows == 12


def test_a_file_published_anew_is_fetched_anew(gdelt: Gdelt, fetch) -> None:
    fetch()
    gdelt.files["20240102"] = zipped(40, 58)
    assert fetch().rows == 3 + 40 + 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 and then nothing", "no sound zip archive"),
        (zipped(3, 57), "has not 58 columns"),
        (zipped(0, 58)[:-30], "no sound zip archive"),
        (zipped(40_000, 58), "larger than 2.0 MB unpacked"),
    ],
    ids=["no zip", "other columns", "cut", "a bomb"],
)
def test_a_listed_file_that_is_itself_unsound(
    gdelt: Gdelt, fetch, content: bytes, says: str
) -> None:
    gdelt.files["20240102"] = content
    with pytest.raises(FeedError, match=says):
        fetch()


def test_an_empty_list_is_not_an_empty_world(gdelt: Gdelt, fetch) -> None:
    def empty(request: Request, reply: Reply) -> Reply:
        return Reply(200, b"")

    gdelt.trouble("md5sums", *[empty] * 4)
    with pytest.raises(FeedError, match="the list of files is cut off, or is none"):
        fetch()


def test_the_sum_is_of_the_archive(gdelt: Gdelt, fetch) -> None:
    fetched = fetch()
    state = (fetched.files[0].parent / "gdelt.fetch.jsonl").read_text()
    for content in gdelt.files.values():
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() in state


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"since": "2012-01-01"}, "begin on 2013-04-01"),
        ({"since": "2015-01-01", "version": 2}, "begin on 2015-02-19"),
        ({"version": 3}, "not a version"),
        ({"until": "2023-01-01"}, "until lies before since"),
    ],
)
def test_a_question_that_cannot_be_asked(fetch, question: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        fetch(**question)
