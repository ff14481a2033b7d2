"""The configuration of re-training: a TOML file of a closed set of keys, read and checked.

Every key, its unit and its default are declared once (`settings`). A misspelt key is told with the
one most likely meant, a value out of range with what is allowed; paths are relative to the file.
Secrets have no place in it. Nothing is looked at but the file itself and whether those that it
names are there. The format is TOML 1.0 (toml.io).
"""

from __future__ import annotations

import dataclasses
import glob
import re
import tomllib
from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from kidnaprisk.errors import ConfigError, KidnapRiskError
from kidnaprisk.hazard.parameters import check_parameters
from kidnaprisk.incidents.store.address import POSTGRESQL, SQLITE, address_of
from kidnaprisk.incidents.vocabulary import nearest_word
from kidnaprisk.lifecycle.manifest import check_name
from kidnaprisk.lifecycle.settings import (
    FEEDS,
    FILE,
    GDELT,
    NEEDED,
    OF_A_FEED,
    SECTIONS,
    UCDP,
    BacktestSettings,
    FeedSettings,
    GateSettings,
    KeepSettings,
    Key,
    ModelSettings,
    MonitorSettings,
    RetrainConfig,
    RunSettings,
    StoreSettings,
    declared,
    model_parameters,
)
from kidnaprisk.lifecycle.template import settings_table, template

__all__ = [
    "BacktestSettings",
    "FeedSettings",
    "GateSettings",
    "KeepSettings",
    "ModelSettings",
    "MonitorSettings",
    "RetrainConfig",
    "RunSettings",
    "StoreSettings",
    "config_from",
    "read_config",
    "settings_table",
    "template",
]

Section = TypeVar("Section")
_SECRET = re.compile(
    r"pass(word|phrase|wd|file)?$|pwd|token|secret|api_?key|credential", re.IGNORECASE
)
# The same within an address, whatever its form: ?password=, -cpassword=, host=db password=.
_SECRET_SAID = re.compile(
    r"((?<![a-z])pass|pass(word|phrase|wd|file)|pwd|token|secret|api_?key|credential\w*)\s*=",
    re.IGNORECASE,
)
_KEYS_AND_VALUES = re.compile(r"(^|\s)(host|hostaddr|dbname)\s*=")
_NO_SECRETS = "a secret has no place in this file"
_WHERE_SECRETS_GO = (
    "put it into the environment (KIDNAPRISK_ACLED_PASSWORD, KIDNAPRISK_UCDP_TOKEN), the keyring, "
    "or ~/.pgpass for PostgreSQL"
)
_FEED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
_TAKES = {
    "text": "text in quotes",
    "file": "a path in quotes",
    "path": "a path in quotes",
    "pattern": "a path in quotes",
    "one of": "text in quotes",
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "words": "a list of texts in quotes",
}


def read_config(path: str | PathLike[str]) -> RetrainConfig:
    """The configuration in a file.

    Parameters
    ----------
    path : path

    Raises
    ------
    ConfigError
        If it cannot be read, is no TOML, or a key or value is wrong.
    """
    if not isinstance(path, (str, PathLike)):
        raise ConfigError(
            f"a configuration is read from a file, not from a {type(path).__name__}",
            remedy="give its path",
        )
    path = Path(fspath(path))
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return dataclasses.replace(config_from(given, path.resolve().parent), path=path)
    except OSError as error:
        raise ConfigError(
            f"the configuration cannot be read: {error.strerror or error}", file=path,
            remedy="check the path, or write one with: kidnaprisk retrain --init",
        ) from None  # fmt: skip
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(
            f"the configuration is not TOML: {error}", file=path, remedy="correct that line"
        ) from None
    except ConfigError as error:
        raise ConfigError(
            error.message, file=path, column=error.column, value=error.value, remedy=error.remedy
        ) from None


def config_from(given: Mapping[str, Any], folder: Path) -> RetrainConfig:
    """The configuration in a mapping as TOML has it.

    Parameters
    ----------
    given : mapping
    folder : Path
        Paths are relative to it.

    Raises
    ------
    ConfigError
        If a key or value is wrong.

    Examples
    --------
    >>> config_from({"gate": {"least_gain": -0.1}}, Path()).gate.least_gain
    -0.1
    >>> config_from({"gate": {"least_gian": -0.1}}, Path())
    Traceback (most recent call last):
    ...
    kidnaprisk.errors.ConfigError: there is no such key (column 'gate.least_gian'): ...
    """
    _check_keys(given, SECTIONS, "")
    feeds = given.get(FEEDS, [])
    if not isinstance(feeds, list):
        raise ConfigError("feeds are no list of tables", column=FEEDS, remedy="write [[feeds]]")
    read: dict[str, Any] = {
        name: _section(section, given.get(name, {}), name, folder)
        for name, section in SECTIONS.items()
        if name != FEEDS
    }
    read[FEEDS] = tuple(
        _section(FeedSettings, one, f"{FEEDS}[{row}]", folder) for row, one in enumerate(feeds, 1)
    )
    config = RetrainConfig(**read)
    _check_whole(config)
    return config


def _section(section: type[Section], given: Any, where: str, folder: Path) -> Section:
    if not isinstance(given, Mapping):
        raise ConfigError("this is no table", column=where, value=given, remedy=f"write [{where}]")
    known = {name: key for name, key, _ in declared(section)}
    apart: dict[str, Any] = {}
    if section is ModelSettings:
        apart["parameters"] = _parameters(given.get("parameters", {}))
    if section is FeedSettings:
        limits = {name: key for name, key, _ in declared(GateSettings) if name in OF_A_FEED}
        apart["limits"] = {
            name: _value(limits[name], value, f"{where}.{name}", folder)
            for name, value in given.items()
            if name in limits
        }
        _check_keys(given, known | limits, f"{where}.")
        _check_kind_of_feed(given, known, where)
    else:
        _check_keys(given, [*known, *apart], f"{where}.")
    for name, key, default in declared(section):
        if name in given:
            apart[name] = _value(key, given[name], f"{where}.{name}", folder)
        elif default is NEEDED:
            raise ConfigError(
                "a key is missing", column=f"{where}.{name}",
                remedy=f'write it, for example {name} = "{key.example}"',
            )  # fmt: skip
        else:
            apart[name] = folder / default if isinstance(default, Path) else default
    if section is StoreSettings:
        apart["url"] = _store_url(apart["url"], folder)
    return section(**apart)


def _check_keys(given: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    known = list(known)
    for name in given:
        if name in known:
            continue
        if _SECRET.search(name):
            raise _secret(f"{where}{name}")
        near = nearest_word(name, known)
        raise ConfigError(
            "there is no such key", column=f"{where}{name}",
            remedy=f"did you mean {near!r}?" if near else f"known: {', '.join(known)}",
        )  # fmt: skip


def _secret(where: str) -> ConfigError:
    # Without the value: errors end up in logs.
    return ConfigError(_NO_SECRETS, column=where, remedy=_WHERE_SECRETS_GO)


def _value(key: Key, given: Any, where: str, folder: Path) -> Any:
    """A value of the type and in the range that its key asks for."""
    if key.kind in ("number", "whole"):
        return _number(key, given, where)
    if key.kind == "flag":
        fits = isinstance(given, bool)
    elif key.kind == "words":
        fits = isinstance(given, list) and all(isinstance(one, str) and one for one in given)
    else:
        fits = isinstance(given, str) and bool(given.strip()) and given.isprintable()
    if not fits:
        raise _wrong(key, given, where)
    if key.kind == "one of" and given not in key.choices:
        near = nearest_word(given, key.choices)
        raise ConfigError(
            "this is none of what it may be", column=where, value=given,
            remedy=(f"did you mean {near!r}? " if near else "") + f"write {key.may_be()}",
        )  # fmt: skip
    if key.kind == "pattern":
        # The folder's own brackets and stars are no pattern.
        return str(Path(glob.escape(str(folder))) / _written_out(given, where))
    if key.kind in ("file", "path"):
        path = folder / _written_out(given, where)
        if key.kind == "file" and not path.is_file():
            raise ConfigError(
                "there is no such file", column=where, value=given, remedy="check the path"
            )
        return path
    return tuple(given) if key.kind == "words" else given


def _number(key: Key, given: Any, where: str) -> float | int:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _wrong(key, given, where)
    if key.kind == "whole" and isinstance(given, float) and not given.is_integer():
        raise _wrong(key, given, where)
    assert key.least is not None and key.most is not None  # noqa: PT018
    if not key.least <= given <= key.most:
        raise _wrong(key, given, where, "this is out of range")
    return float(given) if key.kind == "number" else int(given)


def _wrong(key: Key, given: Any, where: str, message: str = "") -> ConfigError:
    wanted = f"{_TAKES[key.kind]}, {key.may_be()}" if key.may_be() else _TAKES[key.kind]
    return ConfigError(
        message or f"this is not {_TAKES[key.kind]}", column=where, value=given,
        remedy=f"write {wanted}",
    )  # fmt: skip


def _written_out(given: str, where: str) -> Path:
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise ConfigError(
            "the home folder of this path is not known", column=where, value=given,
            remedy="write the path out",
        ) from None  # fmt: skip


def _store_url(given: str, folder: Path) -> str:
    """The address; an SQLite file's is its whole path, and one with a password is refused."""
    where = "store.url"
    if _SECRET_SAID.search(unquote(given)):
        raise _secret(where)
    if "://" not in given and _KEYS_AND_VALUES.search(given):
        raise ConfigError(
            "this is no address but keys and values", column=where,
            remedy="write postgresql+psycopg://user@host/database",
        )  # fmt: skip
    scheme, slashes, place = given.partition(":///")
    in_file = slashes and scheme.split("+")[0] == SQLITE and "?" not in place
    if (in_file and place and place != ":memory:") or "://" not in given:
        given = str(folder / _written_out(place if in_file else given, where))
    try:
        address = address_of(given)
    except KidnapRiskError as error:
        raise ConfigError(
            error.message, column=where, value=error.value or error.file, remedy=error.remedy
        ) from None
    if address.get_backend_name() == POSTGRESQL:
        # Of user%3Apassword@ the user's name is made.
        hidden = address.password is not None or ":" in (address.username or "")
        if hidden or any(map(_SECRET.search, address.query)):
            raise _secret(where)
        return address.render_as_string()
    return str(address.database)


def _parameters(given: Any) -> dict[str, Any]:
    where = "model.parameters"
    if not isinstance(given, Mapping):
        raise ConfigError("this is no table", column=where, remedy=f"write [{where}]")
    usual = {name: default for name, _, default in model_parameters()}
    _check_keys(given, usual, f"{where}.")
    told = {name: tuple(one) if isinstance(one, list) else one for name, one in given.items()}
    try:
        check_parameters({**usual, "coverage": None, **told})
    except KidnapRiskError as error:
        raise ConfigError(
            error.message, column=where, value=error.value, remedy=error.remedy
        ) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"a parameter cannot be used: {error}", column=where, remedy="see the template"
        ) from None
    return told


def _check_kind_of_feed(given: Mapping[str, Any], known: Mapping[str, Key], where: str) -> None:
    kind = given.get("kind", FILE)
    for name, key in known.items():
        if name in given and key.of and kind in known["kind"].choices and kind not in key.of:
            raise ConfigError(
                f"a feed of kind {kind} knows no such key", column=f"{where}.{name}",
                remedy=f"leave it out, or make it of kind {' or '.join(key.of)}",
            )  # fmt: skip


def _check_whole(config: RetrainConfig) -> None:
    """What no key can tell by itself."""
    try:
        check_name(config.model.name, "name")
    except KidnapRiskError as error:
        raise ConfigError(
            error.message, column="model.name", value=error.value, remedy=error.remedy
        ) from None
    names = [feed.name for feed in config.feeds]
    for row, feed in enumerate(config.feeds, start=1):
        if "@" in feed.base_url or _SECRET_SAID.search(unquote(feed.base_url)):
            raise _secret(f"{FEEDS}[{row}].base_url")
        for key, message, remedy in _faults(feed, names):
            where = f"{FEEDS}[{row}].{key}"
            raise ConfigError(message, column=where, value=getattr(feed, key), remedy=remedy)
    if config.backtest.n_jobs == 0:
        raise ConfigError(
            "no window can be forecast by 0 jobs", column="backtest.n_jobs", value=0,
            remedy="write how many at once, or -1 for all cores",
        )  # fmt: skip
    gate = config.gate
    if gate.interval_low > gate.interval_high:
        raise ConfigError(
            "interval_low lies above interval_high", column="gate.interval_low",
            value=gate.interval_low, remedy="give the lower one first",
        )  # fmt: skip


def _faults(feed: FeedSettings, names: list[str]) -> Iterable[tuple[str, str, str]]:
    """What a feed's keys do not say together: key, message, remedy."""
    if not _FEED_NAME.fullmatch(feed.name):
        # It becomes the name of a folder.
        yield "name", "the name of a feed is not usable", "use letters, digits, - and _"
    if names.count(feed.name) > 1:
        yield "name", "two feeds have one name", "name each differently"
    if feed.kind == FILE and not feed.path:
        yield "path", "a feed of kind file needs a path", 'write one, such as "inbox/*.csv"'
    if feed.kind == UCDP and not feed.version:
        yield "version", "UCDP needs a release", 'write one, such as "25.1"'
    if feed.kind == UCDP and not all(one.isascii() and one.isdigit() for one in feed.countries):
        yield "countries", "UCDP knows countries by number", "Niger is 436, Mali 432"
    if feed.kind == GDELT and feed.since_days is None:
        yield "since_days", "GDELT needs a number of days", "write one, such as 30"
    if feed.kind == GDELT and feed.version not in ("", "1", "2"):
        yield "version", "there is no such version of GDELT", 'write "1" or "2"'
    if feed.complete and feed.part:
        yield "part", "a feed is not both complete and a part", "keep one of them"
