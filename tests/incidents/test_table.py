"""What the one door lets in, what it refuses, and in which words."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.table import COLUMNS, validate_incidents
from kidnaprisk.incidents.vocabulary import COUNTRIES
from tests.incidents.samples import in_memory


def test_the_canonical_form_is_columns_dtypes_and_crs() -> None:
    table = validate_incidents(in_memory({}, {}))
    assert tuple(table.columns) == COLUMNS
    assert table.crs == "EPSG:4326"
    for column in ("date", "date_end", "known_on", "outcome_date"):
        assert table[column].dtype == np.dtype("datetime64[ns]")
    for column in ("incident_id", "country", "setting", "demand", "source_url"):
        assert isinstance(table[column].dtype, pd.StringDtype)
    assert {str(table[column].dtype) for column in ("victims", "foreign_victims")} == {"Int64"}
    assert str(table["location_error_km"].dtype) == "Float64"
    assert str(table["ransom_usd"].dtype) == "Float64"
    assert table.loc[0, "demand"] is pd.NA
    assert table.loc[0, "ransom_usd"] is pd.NA


def test_a_validated_table_passes_again_unchanged() -> None:
    once = validate_incidents(in_memory({}, {"country": "NA", "nationalities": "NA;ZA"}))
    assert_geodataframe_equal(validate_incidents(once), once)
    assert once.loc[1, "country"] == "NA"


def test_the_input_is_left_as_it_was_and_shares_nothing() -> None:
    given = in_memory({"place": "  Dori  "}, {})
    before = given.copy(deep=True)
    table = validate_incidents(given)
    table.loc[0, "place"] = "elsewhere"
    table.loc[0, "victims"] = 9
    again = validate_incidents(validate_incidents(given))
    again.loc[0, "source"] = "elsewhere"
    assert_geodataframe_equal(given, before)
    canonical = validate_incidents(given)
    other = validate_incidents(canonical)
    other.loc[0, ["source", "victims"]] = ["elsewhere", 9]
    assert canonical.loc[0, "source"] == "mine"
    assert canonical.loc[0, "victims"] == 4


def test_absent_columns_are_missing_and_days_are_filled_as_told() -> None:
    given = in_memory({}, {})[["incident_id", "source", "kind", "date", "country", "geometry"]]
    table = validate_incidents(given)
    assert table["location_error_km"].isna().all()
    assert table["victims"].isna().all()
    assert table["outcome_date"].isna().all()
    assert (table["date_end"] == pd.Timestamp("2025-01-18")).all()
    # 18 January and a week.
    assert (table["known_on"] == pd.Timestamp("2025-01-25")).all()
    assert table.attrs["notes"] == [
        "known_on was not given in 2 of 2 rows and assumed to be date_end + 7 days"
    ]


def test_any_index_and_any_order_give_the_same_rows() -> None:
    given = in_memory({}, {"victims": "7"}, {"country": "NE"})
    given.index = [5, 5, 5]
    table = validate_incidents(given)
    assert table.index.tolist() == [0, 1, 2]
    backwards = validate_incidents(given.iloc[::-1])
    assert_geodataframe_equal(backwards.sort_values("incident_id", ignore_index=True), table)


def test_points_lose_their_height_and_another_name_of_the_geometry_column_is_fine() -> None:
    given = in_memory({}).set_geometry([shapely.Point(0.3, 14.1, 270.0)], crs="EPSG:4326")
    table = validate_incidents(given.rename_geometry("where"))
    assert table.geometry.name == "geometry"
    assert not table.geometry.has_z.any()
    assert table.attrs["notes"] == []


def test_columns_of_no_use_are_left_out_and_named() -> None:
    table = validate_incidents(in_memory({}).assign(weather="dry"))
    assert "weather" not in table.columns
    assert table.attrs["notes"] == ["columns that are not part of the table were left out: weather"]


def test_attrs_stay_json_able_and_keep_the_coverage() -> None:
    given = in_memory({})
    coverage = {
        "source": "mine", "areas": ["BF"], "start": "2020-01-01", "end": "2025-12-31",
        "systematic": False, "note": "", "kinds": ["attack", "kidnapping"],
    }  # fmt: skip
    given.attrs["coverage"] = [coverage]
    table = validate_incidents(given)
    assert json.loads(json.dumps(table.attrs))["coverage"] == [coverage]


def test_an_empty_table_is_a_table() -> None:
    table = validate_incidents(in_memory({}).iloc[:0])
    assert len(table) == 0
    assert tuple(table.columns) == COLUMNS
    assert len(validate_incidents(table)) == 0


def test_days_may_be_datetimes_of_any_unit() -> None:
    given = in_memory({}, {})
    for column in ("date", "date_end", "known_on"):
        given[column] = pd.to_datetime(given[column]).astype("datetime64[s]")
    assert validate_incidents(given)["date"].tolist() == [pd.Timestamp("2025-01-18")] * 2


def test_the_country_codes_are_the_standard_and_kosovo() -> None:
    # ISO 3166-1 has 249 officially assigned codes.
    assert len(COUNTRIES) == 250
    assert {"NA", "EH", "XK", "NE", "NG", "SS"} <= COUNTRIES
    assert not {"UK", "EU", "AN"} & COUNTRIES


# column and value at fault, what the message says is wrong, what it says to do
BAD_CELLS = [
    ({"incident_id": ""}, "incident_id", "empty", "an id of its own"),
    ({"incident_id": "a"}, "incident_id", "already used by row 2", "keep one"),
    ({"source": None}, "source", "empty", "where the record comes from"),
    ({"kind": "kidnaping"}, "kind", "does not know", "did you mean 'kidnapping'"),
    ({"date": "03/04/2024"}, "date", "order of day, month and year", "YYYY-MM-DD"),
    ({"date": "2024-02-30"}, "date", "not a calendar day", "existing day"),
    ({"date": "0214-05-01"}, "date", "not a calendar day", "from 1900 to 2100"),
    ({"date": "2024-05-01T13:00:00"}, "date", "time of day", "UTC day alone"),
    ({"date": "2024-05-01T00:00:00+01:00"}, "date", "time zone", "UTC day alone"),
    ({"date_end": "2025-01-17"}, "date_end", "before the first", "swap"),
    ({"known_on": "2025-01-17"}, "known_on", "before the incident could", "first have been read"),
    ({"outcome_date": "2025-01-01"}, "outcome_date", "before the incident", "leave it empty"),
    ({"longitude": "0", "latitude": "0"}, "longitude", "both 0", "give the position"),
    ({"latitude": "-91"}, "latitude", "not a latitude", "swapped"),
    ({"longitude": "181"}, "longitude", "not a longitude", "projected"),
    ({"longitude": "inf"}, "geometry", "finite", "one point"),
    ({"location_error_km": "25000"}, "location_error_km", "2000 km", "not metres"),
    ({"location_error_km": "25,5"}, "location_error_km", "not a number", "point for decimals"),
    ({"country": "NER"}, "country", "not a country code", "NE for Niger"),
    ({"country": "UK"}, "country", "not a country code", "did you mean 'GB'"),
    ({"country": ""}, "country", "empty", "alpha-2"),
    ({"setting": "highway"}, "setting", "does not know", "rail, residence, road"),
    ({"setting": "unknown"}, "setting", "does not know", "or empty"),
    ({"sector": "Transport"}, "sector", "does not know", "did you mean 'transport'"),
    ({"demand": "ransome"}, "demand", "does not know", "did you mean 'ransom'"),
    ({"outcome": "freed"}, "outcome", "does not know", "released"),
    ({"victims": "-9"}, "victims", "stands for unknown", "empty"),
    ({"victims": "-2"}, "victims", "below zero", "correct it"),
    ({"victims": "3.5"}, "victims", "not a whole number", "count"),
    ({"victims": "dozens"}, "victims", "not a number", "leave it empty"),
    ({"foreign_victims": "5"}, "foreign_victims", "more foreign victims", "all of them"),
    ({"ransom_usd": "-99"}, "ransom_usd", "stands for unknown", "empty"),
    ({"ransom_usd": "1e999"}, "ransom_usd", "not a number", "leave it empty"),
    ({"nationalities": "Moroccan"}, "nationalities", "joined by ';'", "alpha-2"),
    ({"nationalities": "FR;uk"}, "nationalities", "joined by ';'", "did you mean 'GB'"),
    ({"perpetrator": "-99"}, "perpetrator", "stands for unknown", "empty"),
    ({"place": "Do\x00ri"}, "place", "control character", "encoding"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "column", "reason", "remedy"), BAD_CELLS, ids=[str(bad[0]) for bad in BAD_CELLS]
)
def test_a_bad_cell_is_refused_by_name(
    change: dict[str, object], column: str, reason: str, remedy: str
) -> None:
    with pytest.raises(IncidentError) as caught:
        validate_incidents(in_memory({}, change))
    error = caught.value
    assert type(error) is IncidentError
    assert (error.row, error.column) == (3, column)
    assert reason in error.message
    assert remedy in str(error.remedy)
    assert "further" not in error.message


def test_further_rows_of_the_same_fault_are_counted() -> None:
    with pytest.raises(IncidentError, match="and so in 2 further rows") as caught:
        validate_incidents(in_memory({}, *[{"country": "NER"}] * 3))
    assert caught.value.row == 3
    assert caught.value.value == "NER"


def _without(column: str) -> gpd.GeoDataFrame:
    return in_memory({}).drop(columns=column)


BAD_TABLES = [
    (lambda: pd.DataFrame({"incident_id": ["a"]}), "must be a GeoDataFrame", "read_incidents"),
    (lambda: _without("country"), "required column is missing", "add it"),
    (lambda: in_memory({}).rename(columns={"kind": "kinds"}), "column is missing", "'kinds'"),
    (lambda: _without("geometry"), "must be a GeoDataFrame|no geometry", "geopandas|position"),
    (lambda: in_memory({}).set_crs(None, allow_override=True), "no coordinate ref", "set_crs"),
    (lambda: in_memory({}, {}).to_crs(3857), "not in longitude and latitude", "to_crs"),
    (lambda: in_memory({}).set_geometry([None], crs=4326), "not a point", "one point"),
    (lambda: in_memory({}).set_geometry([shapely.Point()], crs=4326), "not a point", "one point"),
    (
        lambda: in_memory({}).set_geometry([shapely.LineString([(0, 1), (1, 1)])], crs=4326),
        "not a point",
        "one point",
    ),
    (
        lambda: pd.concat([in_memory({}), in_memory({})[["kind"]]], axis=1),
        "used twice",
        "keep one column",
    ),
    (
        lambda: in_memory({}).assign(date=pd.to_datetime(["2025-01-18"], utc=True)),
        "time zone",
        "UTC day alone",
    ),
    (
        lambda: in_memory({}).assign(date=pd.to_datetime(["2025-01-18T10:30"])),
        "time of day",
        "UTC day alone",
    ),
]


@pytest.mark.parametrize(("make", "reason", "remedy"), BAD_TABLES)
def test_a_bad_table_is_refused_with_a_remedy(make: object, reason: str, remedy: str) -> None:
    with pytest.raises(IncidentError, match=reason) as caught:
        validate_incidents(make())  # type: ignore[operator]
    assert any(word in str(caught.value.remedy) for word in remedy.split("|"))


def test_a_coverage_that_is_none_is_refused() -> None:
    given = in_memory({})
    given.attrs["coverage"] = [{"source": "mine", "area": ["BF"]}]
    with pytest.raises(IncidentError, match="did you mean 'areas'"):
        validate_incidents(given)
