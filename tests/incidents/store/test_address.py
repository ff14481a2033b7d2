from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from kidnaprisk.errors import ConfigError, KidnapRiskError, StoreError
from kidnaprisk.incidents.store import IncidentStore, schema
from tests.incidents.store.tables import FIRST, ids_of, table
from tests.postgres import PostgresServer


def test_a_path_is_an_address_too(tmp_path: Path) -> None:
    by_path = IncidentStore(tmp_path / "incidents.db")
    by_path.upsert(table({}), on=FIRST)
    by_url = IncidentStore(f"sqlite:///{tmp_path}/incidents.db")
    assert ids_of(by_url.as_of(FIRST)) == ["a"]
    assert by_path.url == by_url.url


def test_a_closed_store_is_one_file(tmp_path: Path) -> None:
    with IncidentStore(tmp_path / "incidents.db") as store:
        store.upsert(table({}), on=FIRST)
    assert [path.name for path in tmp_path.iterdir()] == ["incidents.db"]


def test_a_missing_folder_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder of the store does not exist"):
        IncidentStore(tmp_path / "nowhere" / "incidents.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        IncidentStore(tmp_path)


@pytest.mark.parametrize("content", [b"incident_id,source\na,mine\n" * 100, b"\x00" * 5000])
def test_a_file_that_is_not_sqlite_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "incidents.csv"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not an SQLite database") as told:
        IncidentStore(path)
    assert "import_file" in str(told.value)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE trips (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"not a store of incidents.*trips"):
        IncidentStore(path)
    assert path.read_bytes() == before


def test_tables_of_others_beside_it_are_no_matter_on_postgresql(server: PostgresServer) -> None:
    url = server.new_database()
    server.run("CREATE TABLE trips (name text)", sa.make_url(url).database or "")
    assert IncidentStore(url).upsert(table({}), on=FIRST).added == 1


def test_a_table_of_ours_without_a_store_is_refused_on_postgresql(server: PostgresServer) -> None:
    url = server.new_database()
    server.run("CREATE TABLE incident_links (name text)", sa.make_url(url).database or "")
    with pytest.raises(StoreError, match=r"not a store of incidents.*incident_links"):
        IncidentStore(url)


def test_a_store_of_a_later_version_is_refused(url: str) -> None:
    IncidentStore(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE incident_store SET value = '99' WHERE name = 'schema'")
    engine.dispose()
    with pytest.raises(StoreError, match=r"schema 99, this library reads 1.*later one"):
        IncidentStore(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///incidents.db?mode=ro",
        "mysql://ann:secret@db/risk",
        "postgresql://ann:secret@db",
        "postgresql://ann:secret@db:port/risk",
        "https://ann:secret@db.example/risk",
    ],
)
def test_other_addresses_are_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        IncidentStore(url)
    assert "secret" not in str(told.value)


def test_a_password_is_never_shown(server: PostgresServer) -> None:
    # Options may hold one too; the server trusts whoever reaches its socket.
    url = server.new_database().replace("tester@", "tester:s3cret@") + "&password=s3cret"
    store = IncidentStore(url)
    assert "s3cret" not in repr(store) + store.url
    assert "tester@/store_" in store.url


def test_a_server_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql+psycopg://ann:s3cret@/risk?host={tmp_path}"
    with pytest.raises(StoreError, match="cannot be reached") as told:
        IncidentStore(url)
    assert "s3cret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_database_that_is_not_there_is_told(server: PostgresServer) -> None:
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        IncidentStore(server.url("nowhere"))


def test_without_its_driver_postgresql_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r'pip install "kidnaprisk\[postgis\]"'):
        IncidentStore("postgresql://ann@db/risk")


def test_postgis_is_added_where_the_role_may(server: PostgresServer) -> None:
    url = server.new_database(postgis=False)
    IncidentStore(url).upsert(table({}), on=FIRST)
    assert ids_of(IncidentStore(url).as_of(FIRST)) == ["a"]


def test_without_postgis_and_the_right_to_add_it_the_remedy_is_told(
    server: PostgresServer,
) -> None:
    url = server.new_database(postgis=False)
    server.run("CREATE ROLE plain LOGIN")
    server.run(f"ALTER DATABASE {sa.make_url(url).database} OWNER TO plain")
    with pytest.raises(StoreError, match="superuser run in it: CREATE EXTENSION postgis"):
        IncidentStore(url.replace("tester@", "plain@"))


def test_a_geographic_system_finds_points_on_postgresql(server: PostgresServer) -> None:
    url = server.new_database()
    IncidentStore(url).upsert(table({"longitude": "0.3", "latitude": "14.1"}), on=FIRST)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        shape = connection.exec_driver_sql(
            "SELECT ST_AsText(geometry), ST_SRID(geometry) FROM incident_versions"
        ).one()
        index = connection.exec_driver_sql(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'incident_versions_geometry'"
        ).scalar_one()
    engine.dispose()
    assert tuple(shape) == ("POINT(0.3 14.1)", 4326)
    assert "gist" in index


def test_the_tables_are_those_of_schema_1() -> None:
    """Where this fails, stores that firms have no longer fit.

    Raise `schema.SCHEMA`, and bring stores of the schema before it up to it on opening.
    """
    assert schema.SCHEMA == 1
    assert " ".join(column.name for column in schema.VERSIONS.columns) == (
        "source incident_id from_import until_import from_day until_day digest "
        "kind date date_end known_on location_error_km country admin1 place setting victims "
        "foreign_victims nationalities sector perpetrator demand outcome outcome_date ransom_usd "
        "source_url kind_from_text provenance longitude latitude"
    )


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    path = tmp_path / "incidents.db"
    store = IncidentStore(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:20_000] = b"\xff" * (20_000 - 4096)
    path.write_bytes(damaged)
    with pytest.raises(KidnapRiskError, match=r"damaged|database failed"):
        store.upsert(table({}), on=FIRST)
