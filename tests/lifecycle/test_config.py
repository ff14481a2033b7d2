"""The configuration: what it takes, what it refuses and how it says so."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

import kidnaprisk as kr
from kidnaprisk.lifecycle.config import (
    RetrainConfig,
    config_from,
    read_config,
    settings_table,
    template,
)
from kidnaprisk.lifecycle.settings import FEEDS, OF_A_FEED, SECTIONS, declared
from kidnaprisk.lifecycle.template import toml

ROOT = Path(__file__).resolve().parents[2]
EVERY_KEY = [(name, *told) for name, section in SECTIONS.items() for told in declared(section)]
FEED = {"name": "acled", "path": "inbox/*.csv"}
# The least that a feed of each kind needs.
OF_KIND = {
    "file": FEED,
    "acled": {"name": "acled", "kind": "acled"},
    "ucdp": {"name": "ucdp", "kind": "ucdp", "version": "25.1"},
    "gdelt": {"name": "gdelt", "kind": "gdelt", "since_days": 3},
}


def read(folder: Path, text: str) -> RetrainConfig:
    (folder / "retrain.toml").write_text(text, encoding="utf-8")
    return read_config(folder / "retrain.toml")


def with_key(
    section: str, key: str, value: object, kinds: tuple[str, ...] = ()
) -> dict[str, object]:
    if section != FEEDS:
        return {section: {key: value}}
    return {FEEDS: [OF_KIND[kinds[0] if kinds else "file"] | {key: value}]}


def test_an_empty_file_is_the_defaults(tmp_path):
    config = read(tmp_path, "")
    assert config.path == tmp_path / "retrain.toml"
    assert config.feeds == ()
    assert (config.backtest.windows, config.gate.least_gain) == (12, -0.05)
    assert config.store.url == str(tmp_path / "incidents.db")
    assert config.model.folder == tmp_path / "models"
    assert config.run.prometheus is None
    assert config.model.parameters == {}
    assert config.model.stated_coverage() is None


def test_the_template_is_the_defaults_and_one_feed(tmp_path):
    config = config_from(tomllib.loads(template()), tmp_path)
    (feed,) = config.feeds
    assert dataclasses.replace(config, feeds=()) == config_from({}, tmp_path)
    assert (
        config_from({FEEDS: [{"name": feed.name, "path": "inbox/acled_*.csv"}]}, tmp_path) == config
    )


def test_the_template_tells_every_key(tmp_path):
    told = template()
    for section, name, key, _ in EVERY_KEY:
        part = told[told.index(f"\n[[{section}]]\n" if section == FEEDS else f"\n[{section}]\n") :]
        assert re.search(rf"(?m)^(# )?{name} = ", part), (section, name)
        first_words = " ".join(key.meaning.split()[:4])
        assert first_words[1:] in part
    for name in kr.KernelMixture().get_params():
        assert name == "coverage" or f"\n# {name} = " in told
    assert max(map(len, told.splitlines())) <= 100


@pytest.mark.parametrize(("section", "name", "key", "default"), EVERY_KEY)
def test_every_example_and_default_may_be_written(section, name, key, default, tmp_path):
    for file in ("coverage.toml", "our_log.toml", "acled.coverage.toml"):
        (tmp_path / file).touch()
    if default is dataclasses.MISSING or default in (None, "", ()):
        assert key.example is not None, "a key without default needs an example"
    kinds = ("ucdp",) if name == "version" else key.of
    for value in (key.example, default):
        if value is not dataclasses.MISSING and value not in (None, "", ()):
            given = str(value) if isinstance(value, Path) else value
            text = f"{name} = {toml(given)}"
            assert tomllib.loads(text) == {name: given}
            config_from(with_key(section, name, given, kinds), tmp_path)


@pytest.mark.parametrize(
    ("section", "name", "key"),
    [(s, n, k) for s, n, k, _ in EVERY_KEY if k.kind in ("number", "whole")],
)
def test_every_range_is_held(section, name, key, tmp_path):
    kinds = tuple(kind for kind in key.of if kind != "gdelt")
    for value in (key.least, key.most):
        given = with_key(section, name, value, kinds)
        if name.startswith("interval_"):
            given["gate"] = {"interval_low": 0.0, "interval_high": 1.0} | given["gate"]
        config_from(given, tmp_path)
    for value in (key.least - 1, key.most + 1, float("nan"), float("inf"), 10**400):
        with pytest.raises(kr.ConfigError) as told:
            config_from(with_key(section, name, value, kinds), tmp_path)
        assert told.value.column is not None
        assert told.value.column.endswith(name)
        assert key.may_be() in (told.value.remedy or "")


def refused(tmp_path: Path, text: str) -> kr.ConfigError:
    with pytest.raises(kr.ConfigError) as told:
        read(tmp_path, text)
    assert told.value.file == str(tmp_path / "retrain.toml")
    return told.value


@pytest.mark.parametrize(
    ("text", "column", "remedy"),
    [
        ("[gaet]", "gaet", "did you mean 'gate'?"),
        ("[gate]\nleast_gian = 0.1", "gate.least_gian", "did you mean 'least_gain'?"),
        ("[model.parameters]\nscale_km = [1.0]", "model.parameters.scale_km", "'scales_km'"),
        ('[[feeds]]\nname = "a"\npaht = "x"', "feeds[1].paht", "did you mean 'path'?"),
        ("[store]\nshop = 1", "store.shop", "known: url, merge"),
        ("coverage = []", "coverage", "known: store, model, feeds"),
        ('[[feeds]]\npath = "x"', "feeds[1].name", 'write it, for example name = "acled"'),
        ("[backtest]\nwindows = 2.5", "backtest.windows", "write a whole number, 2 to 240"),
        ("[backtest]\nwindows = true", "backtest.windows", "write a whole number"),
        ('[backtest]\nhorizon_days = "30"', "backtest.horizon_days", "1 to 366 days"),
        ("[backtest]\nn_jobs = 0", "backtest.n_jobs", "-1 for all cores"),
        ("[store]\nmerge = 1", "store.merge", "write true or false"),
        ('[gate]\nunknown = "pas"', "gate.unknown", "did you mean 'pass'? write pass or refuse"),
        (
            "[gate]\ninterval_low = 0.95\ninterval_high = 0.9",
            "gate.interval_low",
            "lower one first",
        ),
        ('[run]\nfolder = ""', "run.folder", "write a path in quotes"),
        ("[run]\nfolder = 3", "run.folder", "write a path in quotes"),
        ('[model]\ncoverage = "gone.toml"', "model.coverage", "check the path"),
        ('[model]\nname = "../up"', "model.name", "use letters, digits"),
        ("gate = 3", "gate", "write [gate]"),
        ("feeds = 3", "feeds", "write [[feeds]]"),
        ("[model]\nparameters = 3", "model.parameters", "write [model.parameters]"),
        ("[model.parameters]\nscales_km = [20.0, 10.0]", "model.parameters", "sort them"),
        ('[model.parameters]\nscales_km = ["a"]', "model.parameters", "positive numbers"),
        ("[model.parameters]\nwindow_days = 0", "model.parameters", "of at least 1"),
        ("[model.parameters]\ncoverage = []", "model.parameters.coverage", "known: scales_km"),
    ],
)
def test_what_is_wrong_is_said_with_where_and_what_to_do(tmp_path, text, column, remedy):
    error = refused(tmp_path, text)
    assert error.column == column
    assert remedy in (error.remedy or "")


@pytest.mark.parametrize(
    ("feed", "key"),
    [
        ('name = "a/b"\npath = "x"', "name"),
        ('name = ".."\npath = "x"', "name"),
        ('name = "a"', "path"),
        ('name = "a"\nkind = "ucdp"', "version"),
        ('name = "a"\nkind = "ucdp"\nversion = "25.1"\ncountries = ["Niger"]', "countries"),
        ('name = "a"\nkind = "gdelt"', "since_days"),
        ('name = "a"\nkind = "gdelt"\nsince_days = 3\nversion = "3"', "version"),
        ('name = "a"\nkind = "acled"\npath = "x"', "path"),
        ('name = "a"\nkind = "gdelt"\nsince_days = 3\ncountries = ["Niger"]', "countries"),
        ('name = "a"\npath = "x"\nversion = "1"', "version"),
        ('name = "a"\npath = "x"\ncomplete = true\npart = true', "part"),
        ('name = "a"\npath = "x"\nmost_gone = 2', "most_gone"),
        ('name = "a"\npath = "x"\nleast_gain = 0.0', "least_gain"),
        ('name = "a"\npath = "x"\nkind = "fiel"', "kind"),
        ('name = "a"\npath = "x"\n[[feeds]]\nname = "a"\npath = "y"', "name"),
    ],
)
def test_a_feed_that_cannot_be_meant(tmp_path, feed, key):
    error = refused(tmp_path, f"[[feeds]]\n{feed}")
    assert error.column == f"feeds[1].{key}"
    assert error.remedy


@pytest.mark.parametrize(
    "text",
    [
        '[[feeds]]\nname = "a"\nkind = "acled"\npassword = "hunter2"',
        '[[feeds]]\nname = "a"\nkind = "ucdp"\nversion = "25.1"\ntoken = "hunter2"',
        '[[feeds]]\nname = "a"\nkind = "acled"\nbase_url = "https://me:hunter2@proxy/x"',
        'acled_password = "hunter2"',
        '[store]\nurl = "postgresql://me:hunter2@host/risk"',
        '[store]\nurl = "postgresql://host/risk?user=me&password=hunter2"',
        '[run]\napi_key = "hunter2"',
        '[store]\nurl = "postgresql://me@host/risk?passfile=/home/me/hunter2"',
        '[store]\nurl = "postgresql://me@host/risk?sslpassword=hunter2"',
        '[store]\nurl = "postgresql://me@host/risk?options=-cpassword=hunter2"',
        '[store]\nurl = "postgresql://me@host/risk?options=-c%20password%3Dhunter2"',
        '[store]\nurl = "postgresql://me@host/?dbname=host%3Ddb%20password%3Dhunter2"',
        '[store]\nurl = "postgresql://me%3Ahunter2@host/risk"',
        '[store]\nurl = "host=db dbname=risk user=me password=hunter2"',
        '[store]\nurl = "dbname=risk PASSWORD = hunter2"',
        '[store]\nurl = "host=db;Pwd=hunter2"',
        '[store]\nurl = "sqlite:///incidents.db?password=hunter2"',
        '[[feeds]]\nname = "a"\nkind = "acled"\nbase_url = "https://proxy/x?api_key=hunter2"',
    ],
)
def test_a_secret_is_refused_and_never_shown(tmp_path, text):
    error = refused(tmp_path, text)
    assert error.message == "a secret has no place in this file"
    assert "KIDNAPRISK_ACLED_PASSWORD" in (error.remedy or "")
    assert "~/.pgpass" in (error.remedy or "")
    assert "hunter2" not in str(error)
    assert "hunter2" not in repr(error.__context__)


def test_an_address_that_cannot_be_taken_apart_is_not_shown(tmp_path):
    assert "hunter2" not in str(refused(tmp_path, '[store]\nurl = "me:hunter2@host/risk"'))


def test_a_database_without_a_password_is_taken(tmp_path):
    for options in ("options=-csearch_path%3Drisk", "host=%2Frun%2Fpg", "sslmode=verify-full"):
        url = f"postgresql+psycopg://risk@db.local/risk?{options}"
        assert read(tmp_path, f'[store]\nurl = "{url}"').store.url == url


def test_keys_and_values_are_no_file_of_that_name(tmp_path):
    error = refused(tmp_path, '[store]\nurl = "host=db dbname=risk user=me"')
    assert error.column == "store.url"
    assert "postgresql+psycopg://" in (error.remedy or "")
    # A path may well hold such signs.
    for name in ("year=2024.db", "compass=1.db", "passwords.db"):
        assert read(tmp_path, f'[store]\nurl = "{name}"').store.url == str(tmp_path / name)


def test_paths_are_relative_to_the_file_wherever_the_command_runs(tmp_path, monkeypatch):
    home, elsewhere = tmp_path / "risk [1]", tmp_path / "elsewhere"
    (home / "data").mkdir(parents=True)
    (home / "inbox").mkdir()
    (home / "inbox" / "a.csv").touch()
    (home / "c.toml").touch()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = read(
        home,
        '[store]\nurl = "sqlite:///data/incidents.db"\n[model]\nfolder = "m"\ncoverage = "c.toml"\n'
        '[[feeds]]\nname = "a"\npath = "inbox/*.csv"\n[run]\nprometheus = "/var/lib/x.prom"\n',
    )
    assert config.store.url == str(home / "data" / "incidents.db")
    assert config.model.folder == home / "m"
    assert config.model.coverage == home / "c.toml"
    assert config.run.prometheus == Path("/var/lib/x.prom")
    # Brackets of the folder are its name; those of the pattern are a pattern.
    root = Path("/")
    found = list(root.glob(str(Path(config.feeds[0].path).relative_to(root))))
    assert found == [home / "inbox" / "a.csv"]
    # As the library opens it.
    kr.IncidentStore(config.store.url).close()
    assert (home / "data" / "incidents.db").is_file()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/risk", "sqlite:///gone/x.db"]
)
def test_a_store_that_would_not_last_or_be_found(tmp_path, url):
    assert refused(tmp_path, f'[store]\nurl = "{url}"').column == "store.url"


def test_a_store_may_be_a_path(tmp_path):
    assert read(tmp_path, '[store]\nurl = "a?b.db"').store.url == str(tmp_path / "a?b.db")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[gate\n", "is not TOML: .*line 1"),
        (b"a = 1\na = 2", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"a = " + b"[" * 20_000, "is not TOML"),
    ],
)
def test_what_is_no_toml(tmp_path, content, says):
    (tmp_path / "retrain.toml").write_bytes(content)
    with pytest.raises(kr.ConfigError, match=says):
        read_config(tmp_path / "retrain.toml")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(kr.ConfigError, match="retrain --init"):
        read_config(tmp_path / "retrain.toml")
    with pytest.raises(kr.ConfigError, match="cannot be read"):
        read_config(tmp_path)


def test_a_byte_order_mark_is_no_key(tmp_path):
    (tmp_path / "retrain.toml").write_bytes(b"\xef\xbb\xbf[keep]\nversions = 3\n")
    assert read_config(tmp_path / "retrain.toml").keep.versions == 3


def test_a_feed_may_have_limits_of_its_own(tmp_path):
    config = read(
        tmp_path,
        "[gate]\nmost_gone = 0.2\nmost_rise = 9\n"
        '[[feeds]]\nname = "a"\npath = "x"\nmost_gone = 0.5\nnew_columns = "refuse"\n'
        '[[feeds]]\nname = "b"\npath = "x"\n',
    )
    first, second = map(config.limits_of, config.feeds)
    assert (first.most_gone, first.most_rise, first.new_columns) == (0.5, 9.0, "refuse")
    assert (second.most_gone, second.most_rise, second.new_columns) == (0.2, 9.0, "note")
    assert set(OF_A_FEED) <= {one.name for one in dataclasses.fields(config.gate)}


def test_parameters_of_the_model_are_its_own(tmp_path):
    config = read(tmp_path, "[model.parameters]\nscales_km = [5, 40.0]\nwindow_days = 60\n")
    model = kr.KernelMixture(**config.model.parameters)
    assert model.scales_km == (5, 40.0)
    assert model.window_days == 60


def test_the_table_of_the_documentation_is_the_one_of_the_settings():
    text = (ROOT / "docs" / "retraining.md").read_text(encoding="utf-8")
    assert settings_table() in text, "docs/retraining.md: put in what settings_table() gives"
