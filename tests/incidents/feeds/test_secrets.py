"""No password and no token shows anywhere: not in what is said, logged, raised or written."""

from __future__ import annotations

import copy
import dataclasses
import logging
import traceback
from pathlib import Path

import pytest

from kidnaprisk.errors import ConfigError, KidnapRiskError
from kidnaprisk.incidents.feeds import Credentials, Limits, fetch_acled, fetch_ucdp
from tests.incidents.feeds.server import (
    PASSWORD,
    UCDP_TOKEN,
    USERNAME,
    Acled,
    Ucdp,
    cut,
    hang,
    huge,
    reset,
    status,
    web_page,
)

READ = "/api/acled/read"
# The start of every secret of the servers: their tokens are numbered.
SECRETS = (PASSWORD, USERNAME, "access-secret", "refresh-secret", UCDP_TOKEN, "wrong-pass")

TROUBLES = {
    "none": (),
    "the login hangs": ("token", hang(0.6)),
    "the login breaks off": ("token", reset),
    "the login is cut": ("token", cut),
    "the login is a web page": ("token", web_page),
    "the login redirects": ("token", status(302, Location="/elsewhere")),
    "reading hangs": (READ, hang(0.6)),
    "reading breaks off": (READ, reset),
    "reading is cut": (READ, cut),
    "reading is a web page": (READ, web_page),
    "reading is endless": (READ, huge),
    "reading is refused": (READ, status(403)),
    "the token is refused": (READ, status(401)),
    "the server fails": (READ, status(500)),
}


def written(folder: Path) -> str:
    return "".join(
        f"{path.name}\n{path.read_text(encoding='utf-8', errors='replace')}"
        for path in folder.rglob("*")
        if path.is_file()
    )


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_shows_of_the_acled_account(
    trouble: str,
    acled: Acled,
    account: Credentials,
    limits: Limits,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if TROUBLES[trouble]:
        path, what = TROUBLES[trouble]
        acled.trouble(path, *[what] * 12)
    told = [repr(account), str(account)]
    with caplog.at_level(logging.DEBUG):
        try:
            fetched = fetch_acled(
                tmp_path, credentials=account, base_url=acled.url,
                limits=dataclasses.replace(limits, tries=2),
            )  # fmt: skip
        except KidnapRiskError as error:
            told.append("".join(traceback.format_exception(error)))
            told.append(repr(vars(error)))
        else:
            told.append(repr(fetched))
    assert ("Fetched(" in told[-1]) == (trouble == "none")
    output = capfd.readouterr()
    everything = "\n".join([*told, caplog.text, output.out, output.err, written(tmp_path)])
    assert caplog.text, "the HTTP library logs what it does, and is looked at"
    for secret in SECRETS:
        assert secret not in everything
    for request in acled.log:
        assert not any(secret in str(request.query) + request.path for secret in SECRETS)


def test_a_refusal_that_repeats_what_was_sent_is_not_passed_on(
    acled: Acled, limits: Limits, tmp_path: Path
) -> None:
    wrong = Credentials("wrong-pass-1812", username=USERNAME)
    with pytest.raises(KidnapRiskError) as caught:
        fetch_acled(tmp_path, credentials=wrong, base_url=acled.url, limits=limits)
    told = "".join(traceback.format_exception(caught.value)) + written(tmp_path)
    assert "wrong-pass" not in told
    assert USERNAME not in told


def test_nothing_shows_of_the_ucdp_token(
    ucdp: Ucdp,
    ucdp_account: Credentials,
    limits: Limits,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ucdp.trouble("/gedevents", None, *[reset] * 4)
    with caplog.at_level(logging.DEBUG), pytest.raises(KidnapRiskError) as caught:
        fetch_ucdp(
            tmp_path, version="25.1", credentials=ucdp_account, base_url=ucdp.url, limits=limits
        )
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + written(tmp_path)
    assert UCDP_TOKEN not in told
    assert UCDP_TOKEN not in str([(request.path, request.query) for request in ucdp.log])


def test_credentials_do_not_show_and_are_not_pickled(account: Credentials) -> None:
    assert repr(account) == "Credentials(secret=Secret(•••), username=Secret(•••))"
    assert PASSWORD not in f"{account} {account!r} {account.secret} {vars(account)}"
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(account)


@pytest.mark.parametrize("text", ["", "  ", "line\nbreak", "wrong-pass\r"])
def test_a_credential_that_cannot_be_one_is_refused_unshown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Credentials(text)
    assert "wrong-pass" not in str(caught.value)


def test_the_keyring_is_asked_after_the_environment(
    acled: Acled, limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = pytest.importorskip("keyring")
    backend = pytest.importorskip("keyring.backend")
    kept = {"acled-username": USERNAME, "acled-password": PASSWORD}

    class Memory(backend.KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            return kept.get(username) if service == "kidnaprisk" else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

        def delete_password(self, service: str, username: str) -> None:
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        assert fetch_acled(tmp_path / "a", base_url=acled.url, limits=limits).complete
        monkeypatch.setenv("KIDNAPRISK_ACLED_PASSWORD", "wrong-pass-1812")
        with pytest.raises(KidnapRiskError, match="turned down"):
            fetch_acled(tmp_path / "b", base_url=acled.url, limits=limits)
        kept.clear()
        monkeypatch.delenv("KIDNAPRISK_ACLED_PASSWORD")
        with pytest.raises(ConfigError, match="keyring set kidnaprisk acled-username"):
            fetch_acled(tmp_path / "c", base_url=acled.url, limits=limits)
    finally:
        keyring.set_keyring(before)
