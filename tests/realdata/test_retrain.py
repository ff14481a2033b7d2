"""Weekly updates of real files, replayed by the day they were known: taken in unless poisoned.

The last year of each file is left alone. Nothing is fitted here: what is asked is whether the
checks before the store is touched let ordinary weeks pass and stop what is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

import kidnaprisk as kr
from kidnaprisk.incidents.write import own_cells
from kidnaprisk.lifecycle.config import FeedSettings, GateSettings
from kidnaprisk.lifecycle.drift import intake_checks
from kidnaprisk.lifecycle.intake import Incoming, read_feed

WEEKS = 42
WEEK, YEAR = pd.Timedelta(days=7), pd.Timedelta(days=365)
# File, last day that may be looked at.
FILES = {
    "nst": [("nst/cfr_nst_2011-2019.xlsx", "2018-03-15")],
    "acled": [
        ("acled/acled_BFA_1997-2020-12-10_export.csv", "2019-12-03"),
        ("acled/acled_CMR_xlsx_2020.xlsx", "2019-12-12"),
    ],
}
# Of two years before the first week no check asks, and reading takes time.
SINCE = {"nst": "2015-04-01", "acled": "2017-01-01"}
LAST = {"nst": pd.Timestamp("2018-03-12"), "acled": pd.Timestamp("2019-12-09")}


@pytest.fixture(scope="module", params=["nst", "acled"])
def records(request: pytest.FixtureRequest, shared_dir: Path) -> tuple[str, gpd.GeoDataFrame]:
    """The records of a source up to the year that is left alone, with no coverage stated."""
    tables = []
    for name, last in FILES[request.param]:
        table, _ = kr.read_incidents(shared_dir / "incidents" / name, return_rejects=True)
        tables.append(table[table["date_end"].between(SINCE[request.param], last)])
    table = pd.concat(tables, ignore_index=True)
    if request.param == "acled":
        # known_on of these exports is the day of an upload: two weeks are assumed.
        table["known_on"] = table["date_end"] + 2 * WEEK
    table.attrs = {}
    return request.param, table


def known(table: gpd.GeoDataFrame, day: pd.Timestamp) -> gpd.GeoDataFrame:
    return table[table["known_on"] <= day].reset_index(drop=True)


def came(table: gpd.GeoDataFrame, day: pd.Timestamp, folder: Path) -> Incoming:
    """What reading the table from a file brings."""
    path = folder / "feed.csv"
    own_cells(table).to_csv(path, index=False, lineterminator="\n")
    feed = FeedSettings(name="real", path=str(path))
    return read_feed(feed, as_of=day.date(), folder=folder, replay=False)


def of_week(whole: Incoming, table: gpd.GeoDataFrame, day: pd.Timestamp) -> Incoming:
    """Of what a file of all weeks brought, what one of the rows known on a day brings."""
    there = whole.table["incident_id"].isin(known(table, day)["incident_id"])
    return replace(whole, table=whole.table[there].reset_index(drop=True))


def failed(
    incoming: Incoming,
    held: gpd.GeoDataFrame,
    day: pd.Timestamp,
    complete: bool,
    *,
    recorded: bool = True,
) -> set[str]:
    """Names of the checks that fail, with what the run before wrote down or without."""
    last = {"columns": list(incoming.columns), "countries": sorted(held["country"].unique())}
    checks = intake_checks(
        replace(incoming, complete=complete), held, last if recorded else None,
        FeedSettings(name="real", complete=complete), GateSettings(), day.date(),
    )  # fmt: skip
    # No coverage is stated here, which `complete` asks for; the other checks are what is tested.
    return {check.name for check in checks if check.failed and check.name != "complete"}


@pytest.mark.slow
def test_no_ordinary_week_is_refused(records: tuple[str, gpd.GeoDataFrame], tmp_path: Path) -> None:
    name, table = records
    whole = came(table, LAST[name], tmp_path)
    for back in range(WEEKS):
        day = LAST[name] - back * WEEK
        incoming = of_week(whole, table, day)
        if back % 14 == 0:
            # Reading takes time; a file of that week alone brings the same.
            read = came(known(table, day), day, tmp_path)
            assert_geodataframe_equal(read.table, incoming.table)
        # Week about: it takes as long as all else here.
        alarms = failed(incoming, known(table, day - WEEK), day, complete=back % 2 == 0)
        assert alarms == set(), day


def half_missing(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return table.iloc[::2]


def country_gone(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    # The one of fewer rows: of Boko Haram beyond the border, or Cameroon.
    return table[table["country"] != "CM"]


def year_earlier(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return table.assign(date=table["date"] - YEAR, date_end=table["date_end"] - YEAR)


def year_later(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    days = ("date", "date_end", "known_on")
    return table.assign(**{name: table[name] + YEAR for name in days})


def swapped(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    turned = gpd.points_from_xy(table.geometry.y, table.geometry.x, crs="EPSG:4326")
    return table.set_geometry(turned)


def stale(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return table[table["date_end"] <= table["date_end"].max() - pd.Timedelta(days=60)]


def tenfold_same_ids(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return pd.concat([table] * 10)


def tenfold_own_ids(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return pd.concat([table.assign(incident_id=table["incident_id"] + f"-{n}") for n in range(10)])


Poison = Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]
# What catches it in every week.
POISONS: list[tuple[Poison, set[str]]] = [
    (half_missing, {"gone"}),
    (country_gone, {"gone"}),
    (year_earlier, {"freshness", "revised"}),
    (year_later, {"freshness", "revised"}),
    (swapped, {"revised"}),
]
# These are not those of a week by its rows' ids, or take long to read: one week.
READ: list[tuple[Poison, set[str]]] = [
    (stale, {"freshness"}),
    (tenfold_same_ids, {"rejects"}),
    (tenfold_own_ids, {"gone", "backfill", "duplicates"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("poison", "reasons"), POISONS, ids=[one.__name__ for one, _ in POISONS])
def test_poisoned_is_refused_in_every_week(
    records: tuple[str, gpd.GeoDataFrame], poison: Poison, reasons: set[str], tmp_path: Path
) -> None:
    name, table = records
    whole = came(poison(table), LAST[name], tmp_path)
    for number, back in enumerate(range(0, WEEKS, 4)):
        day = LAST[name] - back * WEEK
        incoming, held = of_week(whole, table, day), known(table, day - WEEK)
        assert reasons <= failed(incoming, held, day, complete=number % 2 == 0), day


@pytest.mark.slow
@pytest.mark.parametrize(("poison", "reasons"), READ, ids=[one.__name__ for one, _ in READ])
def test_so_is_what_is_told_by_the_whole_file(
    records: tuple[str, gpd.GeoDataFrame], poison: Poison, reasons: set[str], tmp_path: Path
) -> None:
    name, table = records
    day = LAST[name] - 20 * WEEK
    held = known(table, day - WEEK)
    incoming = came(poison(known(table, day)), day, tmp_path)
    for complete in (True, False):
        assert reasons <= failed(incoming, held, day, complete), complete


def test_an_empty_file_is_refused(records: tuple[str, gpd.GeoDataFrame], tmp_path: Path) -> None:
    name, table = records
    with pytest.raises(kr.IncidentError, match="no rows"):
        came(table.iloc[:0], LAST[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [True, False])
def test_a_country_gone_is_missed_by_no_replay(
    records: tuple[str, gpd.GeoDataFrame], recorded: bool, tmp_path: Path
) -> None:
    name, table = records
    path = tmp_path / "whole.csv"
    own_cells(country_gone(table)).to_csv(path, index=False, lineterminator="\n")
    day = LAST[name] - 20 * WEEK
    feed = FeedSettings(name="real", path=str(path))
    incoming = read_feed(feed, as_of=day.date(), folder=tmp_path, replay=True)
    assert incoming.table["known_on"].max() <= day
    assert incoming.not_yet_known > 0
    held = known(table, day - WEEK)
    for complete in (True, False):
        assert "gone" in failed(incoming, held, day, complete, recorded=recorded)
