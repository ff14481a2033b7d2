"""Servers for the tests of feeds, and limits that make waits short."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kidnaprisk.incidents.feeds import Credentials, Limits
from tests.incidents.feeds.server import PASSWORD, UCDP_TOKEN, USERNAME, Acled, Ucdp, running


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"KIDNAPRISK_ACLED_{name}", raising=False)
    monkeypatch.delenv("KIDNAPRISK_UCDP_TOKEN", raising=False)


@pytest.fixture
def limits() -> Limits:
    return Limits(
        requests_per_minute=600_000, timeout_seconds=0.3, tries=4, first_wait_seconds=0.01,
        longest_wait_seconds=0.02, most_hours=0.01, most_megabytes=2, page_rows=10,
    )  # fmt: skip


@pytest.fixture
def account() -> Credentials:
    return Credentials(PASSWORD, username=USERNAME)


@pytest.fixture
def ucdp_account() -> Credentials:
    return Credentials(UCDP_TOKEN)


@pytest.fixture
def acled() -> Iterator[Acled]:
    with running(Acled()) as server:
        yield server


@pytest.fixture
def ucdp() -> Iterator[Ucdp]:
    with running(Ucdp()) as server:
        yield server
