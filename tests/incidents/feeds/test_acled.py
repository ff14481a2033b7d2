"""Fetching from an ACLED that is slow, broken, moody and busy being edited."""

from __future__ import annotations

import csv
import datetime as dt
import email.utils
import json
import time
from pathlib import Path

import pytest

from kidnaprisk.errors import ConfigError, KidnapRiskError
from kidnaprisk.incidents.feeds import Credentials, FeedError, Fetched, Limits, fetch_acled
from tests.incidents.feeds.server import (
    PASSWORD,
    USERNAME,
    Acled,
    Reply,
    Request,
    Trouble,
    as_json,
    cut,
    event,
    hang,
    huge,
    reset,
    running,
    status,
    web_page,
)

READ = "/api/acled/read"


def rows_of(fetched: Fetched) -> list[dict[str, str]]:
    rows = []
    for path in fetched.files:
        with path.open(encoding="utf-8", newline="") as stream:
            rows.extend(csv.DictReader(stream))
    return rows


def ids_of(fetched: Fetched) -> list[str]:
    return [row["event_id_cnty"] for row in rows_of(fetched)]


def all_of(server: Acled) -> list[str]:
    return [str(row["event_id_cnty"]) for row in server.records]


@pytest.fixture
def fetch(acled: Acled, account: Credentials, limits: Limits, tmp_path: Path):
    def call(**changes: object) -> Fetched:
        given = {"credentials": account, "base_url": acled.url, "limits": limits, **changes}
        return fetch_acled(call.folder, **given)

    call.folder = tmp_path / "out"
    return call


def test_every_record_once_in_order_as_it_was_sent(acled: Acled, fetch) -> None:
    fetched = fetch()
    assert fetched.complete
    assert fetched.rows == 45
    assert [path.name for path in fetched.files] == [f"acled-{n:05}.csv" for n in range(1, 6)]
    first, *_ = rows_of(fetched)
    expected = {k: "" if v is None else str(v) for k, v in acled.records[0].items()}
    assert first == expected
    assert first["latitude"] == "14.50", "the text of a number is kept"
    assert ids_of(fetched) == all_of(acled)
    assert not list((fetched.files[0].parent).glob("*.part"))


def test_the_question_is_asked_as_documented(acled: Acled, fetch) -> None:
    fetch(countries=["Niger"], since="2024-01-01", until=dt.date(2024, 12, 31))
    login, ask = acled.log[0], acled.log[1]
    assert login.form["grant_type"] == "password"
    assert login.form["client_id"] == "acled"
    assert ask.query == {
        "_format": "json",
        "country": "Niger",
        "country_where": "=",
        "event_date": "2024-01-01|2024-12-31",
        "event_date_where": "BETWEEN",
        "limit": "10",
        "page": "1",
        "with_total": "true",
    }


@pytest.mark.parametrize(
    "trouble",
    [status(500), status(503), status(429), status(408), hang(0.6), reset, cut, web_page],
    ids=["500", "503", "429", "408", "hangs", "reset in mid-body", "cut", "HTML with 200"],
)
@pytest.mark.parametrize("at", [0, 4], ids=["first page", "last page"])
def test_a_passing_trouble_costs_nothing_but_a_try(
    acled: Acled, fetch, trouble: Trouble, at: int
) -> None:
    acled.trouble(READ, *[None] * at, trouble)
    fetched = fetch()
    assert fetched.complete
    assert ids_of(fetched) == all_of(acled)
    assert len(acled.asked(READ)) == 6


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (status(500), "status 500; tried 4 times"),
        (cut, "cut off, or is not JSON"),
        (web_page, "a web page instead of data"),
        (reset, "broke off"),
        (hang(0.6), "did not answer in time"),
    ],
    ids=["500", "cut", "HTML with 200", "reset", "hangs"],
)
def test_a_trouble_that_stays_is_an_error_and_not_the_end_of_the_data(
    acled: Acled, fetch, trouble: Trouble, says: str
) -> None:
    acled.trouble(READ, None, None, *[trouble] * 4)
    with pytest.raises(FeedError, match=says) as caught:
        fetch()
    assert isinstance(caught.value, KidnapRiskError | OSError)
    assert caught.value.remedy
    # Two pages are on disk, and the next call goes on with the third.
    asked = len(acled.asked(READ))
    fetched = fetch()
    assert ids_of(fetched) == all_of(acled)
    assert [request.query["page"] for request in acled.asked(READ)[asked:]] == ["3", "4", "5"]


def test_retry_after_in_seconds_is_obeyed(acled: Acled, fetch) -> None:
    acled.trouble(READ, status(429, Retry_After="1"))
    began = time.monotonic()
    assert fetch().complete
    assert time.monotonic() - began >= 1.0


def test_retry_after_as_a_date_is_obeyed(acled: Acled, fetch) -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    header = email.utils.format_datetime(until.replace(microsecond=0), usegmt=True)
    acled.trouble(READ, status(503, Retry_After=header))
    assert fetch().complete
    assert dt.datetime.now(dt.UTC) >= until.replace(microsecond=0)


def test_a_wait_beyond_the_time_for_the_fetch_is_told_at_once(acled: Acled, fetch) -> None:
    acled.trouble(READ, None, status(429, Retry_After="86400"))
    began = time.monotonic()
    with pytest.raises(FeedError, match=r"86,400 s .*call again"):
        fetch()
    assert time.monotonic() - began < 5


def test_an_expired_token_is_refreshed_once(acled: Acled, fetch) -> None:
    acled.trouble(READ, None, None, expire(acled))
    assert ids_of(fetch()) == all_of(acled)
    grants = [request.form["grant_type"] for request in acled.asked("token")]
    assert grants == ["password", "refresh_token"]


def test_where_the_refresh_is_refused_it_logs_in_anew(acled: Acled, fetch) -> None:
    acled.refresh_works = False
    acled.trouble(READ, None, None, expire(acled))
    assert ids_of(fetch()) == all_of(acled)
    grants = [request.form["grant_type"] for request in acled.asked("token")]
    assert grants == ["password", "refresh_token", "password"]


def test_tokens_good_for_one_request_will_do(acled: Acled, fetch) -> None:
    acled.uses_per_token = 1
    assert ids_of(fetch()) == all_of(acled)


def test_a_token_refused_for_good_is_an_error(acled: Acled, fetch) -> None:
    acled.trouble(READ, *[status(401)] * 9)
    with pytest.raises(FeedError, match="refuses the token"):
        fetch()
    assert len(acled.asked(READ)) == 3


def expire(server: Acled) -> Trouble:
    def trouble(request: Request, reply: Reply) -> Reply:
        server.valid.clear()
        return as_json({"message": "token expired"}, 401)

    return trouble


def test_a_wrong_password_is_sent_once(acled: Acled, fetch) -> None:
    with pytest.raises(FeedError, match=r"turned down \(status 400\).*password") as caught:
        fetch(credentials=Credentials("wrong-password-5521", username=USERNAME))
    assert len(acled.log) == 1
    assert "5521" not in str(caught.value)


def test_a_refused_account_is_told_what_to_do(acled: Acled, fetch) -> None:
    acled.trouble(READ, status(403))
    with pytest.raises(FeedError, match=r"status 403.*accept the source's terms"):
        fetch()
    assert len(acled.asked(READ)) == 1


def test_the_server_is_never_asked_for_more_than_the_limit(acled: Acled, fetch) -> None:
    acled.trouble(READ, huge)
    with pytest.raises(FeedError, match=r"larger than 2\.0 MB"):
        fetch()


def test_records_added_on_top_while_reading_are_not_lost_and_none_comes_twice(
    acled: Acled, fetch
) -> None:
    def added(request: Request, reply: Reply) -> Reply:
        acled.records.insert(0, event(1000))
        return reply

    acled.trouble(READ, None, added)
    fetched = fetch()
    assert fetched.complete
    assert sorted(ids_of(fetched)) == sorted(all_of(acled))
    assert len(set(ids_of(fetched))) == 46


def test_records_removed_while_reading_hide_none(acled: Acled, fetch) -> None:
    def removed(request: Request, reply: Reply) -> Reply:
        del acled.records[:12]
        return reply

    acled.trouble(READ, None, removed)
    fetched = fetch()
    assert ids_of(fetched) == all_of(acled)
    # The listing has become shorter by a page: none of the old pages is left to be imported.
    assert sorted(fetched.files[0].parent.glob("acled-*.csv")) == list(fetched.files)


def test_a_listing_that_keeps_moving_is_an_error(acled: Acled, fetch) -> None:
    def added(request: Request, reply: Reply) -> Reply:
        acled.records.insert(0, event(1000 + len(acled.records)))
        return reply

    acled.trouble(READ, *[added] * 100)
    with pytest.raises(FeedError, match="changed while they were read; read 4 times"):
        fetch()


def again(server: Acled, page: int) -> Trouble:
    def trouble(request: Request, reply: Reply) -> Reply:
        return server._listing(
            Request("GET", READ, {**request.query, "page": str(page)}, {}, {}), server.records
        )

    return trouble


def test_a_page_sent_twice_is_asked_for_once_more(acled: Acled, fetch) -> None:
    acled.trouble(READ, None, None, again(acled, 2))
    assert ids_of(fetch()) == all_of(acled)


@pytest.mark.parametrize("announces", [True, False])
def test_a_server_that_ignores_the_page_never_ends_a_fetch(
    acled: Acled, fetch, announces: bool
) -> None:
    acled.announces = announces
    acled.trouble(READ, *[again(acled, 1)] * 100)
    with pytest.raises(FeedError, match="gave a record on two pages"):
        fetch()


def test_without_a_total_only_an_empty_page_is_the_end(acled: Acled, fetch) -> None:
    acled.announces = False
    fetched = fetch()
    assert ids_of(fetched) == all_of(acled)
    assert [request.query["page"] for request in acled.asked(READ)] == list("123456")


def test_a_page_with_fewer_rows_than_it_says_is_asked_for_again(acled: Acled, fetch) -> None:
    def short(request: Request, reply: Reply) -> Reply:
        answer = json.loads(reply.body)
        answer["data"] = answer["data"][:-3]
        return as_json(answer)

    acled.trouble(READ, None, short)
    assert ids_of(fetch()) == all_of(acled)


def test_a_listing_shorter_than_announced_is_an_error(acled: Acled, fetch) -> None:
    def promises(request: Request, reply: Reply) -> Reply:
        return as_json({**json.loads(reply.body), "total_count": 60})

    acled.trouble(READ, *[promises] * 100)
    with pytest.raises(FeedError, match="announced 60 records and gave 45"):
        fetch()


def test_an_answer_that_says_it_failed_is_not_an_empty_one(acled: Acled, fetch) -> None:
    def failed(request: Request, reply: Reply) -> Reply:
        return as_json({"status": 200, "success": False, "count": 0, "data": []})

    acled.trouble(READ, failed)
    assert len(ids_of(fetch())) == 45


def test_no_records_is_an_answer_of_its_own(acled: Acled, fetch) -> None:
    acled.records.clear()
    fetched = fetch(countries=["Niger"])
    assert (fetched.files, fetched.rows, fetched.complete) == ((), 0, True)
    assert "no records for Niger" in fetched.notes[0]


def test_what_the_account_may_not_see_makes_it_incomplete(acled: Acled, fetch) -> None:
    acled.restrictions = {"date_recency": {"quantity": 12, "unit": "Months", "date": "2024-06-30"}}
    fetched = fetch(since="2024-01-01", until="2024-12-31")
    assert not fetched.complete
    assert "after 2024-06-30" in fetched.notes[0]


def test_asked_within_what_the_account_sees_it_is_complete(acled: Acled, fetch) -> None:
    acled.restrictions = {"date_recency": {"date": "2024-06-30"}}
    assert fetch(until="2024-06-30").complete


def test_a_country_that_was_not_asked_for_is_no_answer(acled: Acled, fetch) -> None:
    acled.records[3]["country"] = "Chad"

    def unfiltered(request: Request, reply: Reply) -> Reply:
        return acled._listing(request, acled.records)

    acled.trouble(READ, *[unfiltered] * 4)
    with pytest.raises(FeedError, match="a country that was not asked for"):
        fetch(countries=["Niger"])


def test_deletions_since_the_last_fetch(acled: Acled, fetch) -> None:
    acled.deleted = [
        {"event_id_cnty": f"OLD{number}", "deleted_timestamp": 1735689600 + number}
        for number in range(25)
    ]
    # One that came back and was deleted again.
    acled.deleted.append({"event_id_cnty": "OLD7", "deleted_timestamp": 1735700000})
    acled.trouble("/api/deleted/read", None, cut)
    fetched = fetch(updated_since=dt.datetime(2025, 1, 1, 0, 0, 5, tzinfo=dt.UTC))
    assert fetched.deleted_ids == tuple(f"OLD{n}" for n in (5, 6, 7, *range(8, 25)))
    assert fetched.rows == 40
    assert acled.asked(READ)[0].query["timestamp"] == "1735689605"
    assert fetched.started.tzinfo is dt.UTC


def test_a_finished_fetch_is_handed_back_without_asking(acled: Acled, fetch) -> None:
    first = fetch(updated_since="2024-01-01")
    asked = len(acled.log)
    assert fetch(updated_since="2024-01-01") == first
    assert len(acled.log) == asked


def test_a_folder_holds_one_question(fetch) -> None:
    fetch(until="2024-06-30")
    with pytest.raises(
        FeedError, match=r"^the folder holds a fetch of something else.*folder of its own"
    ):
        fetch(until="2024-07-31")


def test_a_page_that_was_tampered_with_is_asked_for_again(acled: Acled, fetch) -> None:
    fetched = fetch()
    fetched.files[2].write_text("event_id_cnty\nMINE\n")
    assert ids_of(fetch()) == all_of(acled)


def test_a_damaged_record_of_the_fetch_is_not_guessed_at(fetch) -> None:
    record = fetch().files[0].parent / "acled.fetch.jsonl"
    record.write_text('{"form": 1')
    with pytest.raises(FeedError, match=r"^the record of the fetch is damaged"):
        fetch()
    record.unlink()
    with pytest.raises(FeedError, match="no fetch has on record"):
        fetch()


def test_a_record_cut_off_at_any_byte_loses_and_doubles_nothing(acled: Acled, fetch) -> None:
    acled.trouble(READ, None, None, None, *[status(403)])
    with pytest.raises(FeedError):
        fetch()
    (record,) = Path(fetch.folder).glob("*.jsonl")
    whole = record.read_bytes()
    fetch()
    finished = record.read_bytes()
    for kept in (whole, finished):
        ends = [at + 1 for at, byte in enumerate(kept) if byte == ord("\n")]
        for size in (*ends, *range(ends[0], len(kept), 211)):
            record.write_bytes(kept[:size])
            fetched = fetch()
            assert fetched.complete
            assert ids_of(fetched) == all_of(acled)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"countries": ["Nigeer"]}, "not the name of a country"),
        ({"countries": ["NE"]}, "not the name of a country"),
        ({"countries": "Niger"}, "not a list of names"),
        ({"countries": []}, "not a list of names"),
        ({"since": "18.01.2025"}, "since is not a day"),
        ({"since": "2025-02-01", "until": "2025-01-01"}, "until lies before since"),
        ({"updated_since": "2025-01-01T06:00"}, "has no time zone"),
        ({"updated_since": "yesterday, at noon"}, "not an instant"),
        ({"credentials": None}, "KIDNAPRISK_ACLED_USERNAME"),
        ({"credentials": Credentials("x")}, "no user name"),
        ({"base_url": "http://example.org"}, "unencrypted"),
        ({"base_url": "https://me:pw@example.org"}, "carries a user"),
        ({"base_url": "acleddata.com"}, "not an address"),
        ({"base_url": "https://[bad"}, "not an address"),
    ],
)
def test_a_question_that_cannot_be_asked(fetch, question: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        fetch(**question)


def test_progress_tells_rows_and_total(fetch) -> None:
    steps: list[tuple[int, int | None]] = []
    fetch(progress=lambda rows, total: steps.append((rows, total)))
    assert steps == [(10, 45), (20, 45), (30, 45), (40, 45), (45, 45)]


def test_the_pace_is_kept(acled: Acled, fetch, limits: Limits) -> None:
    paced = Limits(**{**vars(limits), "requests_per_minute": 600})
    began = time.monotonic()
    fetch(limits=paced)
    # A login and five pages, a tenth of a second apart.
    assert time.monotonic() - began >= 0.5


def test_the_environment_gives_the_account(fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIDNAPRISK_ACLED_USERNAME", USERNAME)
    monkeypatch.setenv("KIDNAPRISK_ACLED_PASSWORD", PASSWORD)
    assert fetch(credentials=None).complete


def test_a_token_does_not_follow_a_redirect_to_another_server(acled: Acled, fetch) -> None:
    with running(Acled()) as other:
        acled.trouble(READ, *[status(302, Location=f"{other.url}/api/acled/read")] * 9)
        with pytest.raises(FeedError, match="refuses the token"):
            fetch()
        assert len(other.log) == 3
        assert all("Authorization" not in request.headers for request in other.log)


def test_a_redirect_within_the_server_keeps_the_token(acled: Acled, fetch) -> None:
    def moved(request: Request, reply: Reply) -> Reply:
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        return Reply(307, b"", {"Location": f"{READ}?{query}"})

    acled.trouble(READ, moved)
    assert fetch().complete


def test_a_password_follows_no_redirect(acled: Acled, fetch) -> None:
    with running(Acled()) as other:
        acled.trouble("token", status(307, Location=f"{other.url}/oauth/token"))
        with pytest.raises(FeedError, match=r"turned down \(status 307\)"):
            fetch()
        assert other.log == []
