"""Fetching from UCDP's API: pages from 0, a token in its own header, counts that must agree."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kidnaprisk.errors import ConfigError
from kidnaprisk.incidents.feeds import Credentials, FeedError, Fetched, Limits, fetch_ucdp
from tests.incidents.feeds.server import (
    Reply,
    Request,
    Ucdp,
    as_json,
    cut,
    hang,
    reset,
    running,
    status,
    web_page,
)

EVENTS = "/gedevents"


@pytest.fixture
def fetch(ucdp: Ucdp, ucdp_account: Credentials, limits: Limits, tmp_path: Path):
    def call(**changes: object) -> Fetched:
        given = {
            "version": "25.1", "credentials": ucdp_account, "base_url": ucdp.url,
            "limits": limits, **changes,
        }  # fmt: skip
        return fetch_ucdp(tmp_path / "out", **given)

    return call


def ids_of(fetched: Fetched) -> list[int]:
    ids = []
    for path in fetched.files:
        with path.open(encoding="utf-8", newline="") as stream:
            ids.extend(int(row["id"]) for row in csv.DictReader(stream))
    return ids


def all_of(server: Ucdp) -> list[int]:
    return [int(str(row["id"])) for row in server.records]


def test_every_event_once_from_page_0(ucdp: Ucdp, fetch) -> None:
    fetched = fetch()
    assert fetched.complete
    assert ids_of(fetched) == all_of(ucdp)
    assert [request.query["page"] for request in ucdp.log] == list("01234")
    with fetched.files[0].open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert row["latitude"] == "14.500001"
    assert row["date_start"] == "2024-03-01 00:00:00.000", "as in UCDP's own CSV"
    assert (row["active_year"], row["gwnob"]) == ("1", "")


def test_the_question_is_asked_as_documented(ucdp: Ucdp, fetch) -> None:
    fetch(countries=[439, 436], since="2024-01-01", until="2024-12-31")
    assert ucdp.log[0].query == {
        "Country": "436,439", "StartDate": "2024-01-01", "EndDate": "2024-12-31",
        "pagesize": "10", "page": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    "trouble",
    [status(400), status(429), status(500), hang(0.6), reset, cut, web_page],
    ids=["400", "429", "500", "hangs", "reset", "cut", "HTML with 200"],
)
def test_a_passing_trouble_costs_nothing_but_a_try(ucdp: Ucdp, fetch, trouble) -> None:
    ucdp.trouble(EVENTS, None, None, trouble)
    assert ids_of(fetch()) == all_of(ucdp)


def test_a_wrong_token_is_told(fetch) -> None:
    with pytest.raises(FeedError, match="refuses the token") as caught:
        fetch(credentials=Credentials("wrong-token-3311"))
    assert "3311" not in str(caught.value)


def test_a_release_that_is_not_there(fetch) -> None:
    with pytest.raises(FeedError, match="status 404"):
        fetch(version="99.1")


def altered(**changes: object):
    def trouble(request: Request, reply: Reply) -> Reply:
        return as_json({**json.loads(reply.body), **changes})

    return trouble


@pytest.mark.parametrize(
    "wrong",
    [
        altered(Result=[]),
        altered(NextPageUrl=""),
        altered(TotalPages=3),
        altered(TotalCount=44),
        altered(TotalCount=None),
        altered(Result=None),
    ],
    ids=["no rows", "ends early", "fewer pages", "fewer events", "no total", "no list"],
)
def test_a_page_that_contradicts_itself_is_not_believed(ucdp: Ucdp, fetch, wrong) -> None:
    ucdp.trouble(EVENTS, None, *[wrong] * 400)
    with pytest.raises(FeedError):
        fetch()
    ucdp.troubles.clear()
    assert ids_of(fetch()) == all_of(ucdp)


def test_pages_counted_from_1_would_lose_or_double_a_page(
    ucdp_account: Credentials, limits: Limits, tmp_path: Path
) -> None:
    with running(Ucdp(first_page=1)) as server, pytest.raises(FeedError):
        fetch_ucdp(
            tmp_path, version="25.1", credentials=ucdp_account, base_url=server.url, limits=limits
        )


def test_a_release_that_grows_while_it_is_read(ucdp: Ucdp, fetch) -> None:
    def grows(request: Request, reply: Reply) -> Reply:
        ucdp.records += [{**ucdp.records[0], "id": 990000 + n} for n in range(10)]
        return reply

    ucdp.trouble(EVENTS, None, None, grows)
    fetched = fetch()
    assert fetched.rows == 55
    assert ids_of(fetched) == all_of(ucdp)


def test_a_token_does_not_follow_a_redirect_to_another_server(ucdp: Ucdp, fetch) -> None:
    with running(Ucdp()) as other:
        ucdp.trouble(EVENTS, status(301, Location=f"{other.url}/gedevents/25.1?pagesize=10&page=0"))
        with pytest.raises(FeedError):
            fetch()
        assert len(other.log) == 1
        assert all("x-ucdp-access-token" not in request.headers for request in other.log)


def test_a_country_without_events_is_told(fetch) -> None:
    fetched = fetch(countries=[436, 439])
    assert fetched.rows == 45
    assert "no events in 439" in fetched.notes[0]


def test_a_country_that_was_not_asked_for_is_no_answer(fetch) -> None:
    with pytest.raises(FeedError, match="a country that was not asked for"):
        fetch(countries=[439])


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"version": "latest"}, "not a release"),
        ({"version": "../x"}, "not a release"),
        ({"countries": ["NE"]}, "not Gleditsch and Ward numbers"),
        ({"countries": []}, "not Gleditsch and Ward numbers"),
        ({"credentials": None}, "KIDNAPRISK_UCDP_TOKEN"),
        ({"credentials": Credentials("töken")}, "beyond ASCII"),
    ],
)
def test_a_question_that_cannot_be_asked(fetch, question: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        fetch(**question)
