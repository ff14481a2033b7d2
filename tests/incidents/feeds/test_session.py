"""What holds for every source: limits, and an extra that is needed only to fetch."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kidnaprisk.errors import ConfigError
from kidnaprisk.incidents.feeds import Credentials, FeedError, Limits, fetch_acled
from kidnaprisk.incidents.feeds.answers import csv_page, ids_of, read_envelope
from kidnaprisk.incidents.feeds.errors import Unsound, place
from tests.incidents.feeds.server import Acled, Reply, Request


@pytest.mark.parametrize("name", [name for name in vars(Limits()) if name != "page_rows"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "fast"])
def test_a_limit_is_above_zero(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match="not above zero"):
        Limits(**{name: value})


def test_importing_asks_for_nothing() -> None:
    code = (
        "import sys, kidnaprisk.incidents.feeds\n"
        "print([name for name in ('requests', 'urllib3', 'keyring') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_without_the_extra_it_says_what_to_install(
    account: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    monkeypatch.delitem(sys.modules, "kidnaprisk.incidents.feeds.transport", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'kidnaprisk\[feeds\]'"):
        fetch_acled(tmp_path, credentials=account)


def test_nobody_there(account: Credentials, limits: Limits, tmp_path: Path) -> None:
    server = Acled()
    server.httpd.server_close()
    with pytest.raises(FeedError, match="the connection failed"):
        fetch_acled(tmp_path, credentials=account, base_url=server.url, limits=limits)


def test_plain_http_where_https_was_asked_for(
    acled: Acled, account: Credentials, limits: Limits, tmp_path: Path
) -> None:
    url = acled.url.replace("http://", "https://")
    with pytest.raises(FeedError, match=r"certificate cannot be verified|connection failed"):
        fetch_acled(tmp_path, credentials=account, base_url=url, limits=limits)
    assert acled.log == []


def test_an_answer_that_drips_is_cut_off_when_time_is_up(
    acled: Acled, account: Credentials, tmp_path: Path
) -> None:
    def endless(request: Request, reply: Reply) -> Reply:
        return Reply(200, b" " * 65536, endless=True)

    acled.trouble("/api/acled/read", endless)
    little = Limits(requests_per_minute=600_000, most_hours=0.05 / 3600, most_megabytes=1e6)
    began = time.monotonic()
    with pytest.raises(FeedError, match=r"is up.*call again"):
        fetch_acled(tmp_path, credentials=account, base_url=acled.url, limits=little)
    assert time.monotonic() - began < 5


def test_a_folder_that_cannot_be_made(acled: Acled, account: Credentials, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FeedError, match="the folder cannot be used"):
        fetch_acled(tmp_path / "file" / "out", credentials=account, base_url=acled.url)


@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:0e.-tfn\\u ', max_size=60).map(str.encode))
def test_any_bytes_are_an_object_or_unsound(body: bytes) -> None:
    with contextlib.suppress(Unsound):
        assert isinstance(read_envelope(body), dict)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_ids_come_back_from_a_page_whatever_is_in_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "page.csv"
    path.write_bytes(csv_page([{"id": one, "notes": other} for one, other in rows]))
    assert list(ids_of(path, "id")) == [one for one, _ in rows]


def test_an_address_is_shown_without_its_secrets() -> None:
    assert place("https://u:opensesame@h.org:8/a?key=opensesame#x") == "https://h.org:8/a"
