"""Towns are found under the spellings dispatchers use, and places are named by what is near."""

from __future__ import annotations

import numpy as np
import pytest

from kidnaprisk.errors import RouteError
from kidnaprisk.geodesy import GEOD
from kidnaprisk.routes.towns import TOWN_COLUMNS, find_towns, fold_name, load_towns, nearest_towns

# Name as a dispatcher writes it, country, and where an atlas puts it to a tenth of a degree.
HAUL = [
    ("Casablanca", "MA", -7.6, 33.6),
    ("Marrakech", "MA", -8.0, 31.6),
    ("Agadir", "MA", -9.6, 30.4),
    ("Tiznit", "MA", -9.7, 29.7),
    ("Guelmim", "MA", -10.1, 29.0),
    ("Tan-Tan", "MA", -11.1, 28.4),
    ("Laâyoune", "EH", -13.2, 27.1),
    ("Boujdour", "EH", -14.5, 26.1),
    ("Dakhla", "EH", -16.0, 23.7),
    ("Guerguerat", "EH", -17.0, 21.4),
    ("Nouakchott", "MR", -16.0, 18.1),
    ("Aleg", "MR", -13.9, 17.1),
    ("Kiffa", "MR", -11.4, 16.6),
    ("Ayoun el Atrous", "MR", -9.6, 16.7),
    ("Nioro du Sahel", "ML", -9.6, 15.2),
    ("Diéma", "ML", -9.2, 14.5),
    ("Bamako", "ML", -8.0, 12.6),
    ("Ségou", "ML", -6.3, 13.4),
    ("Koutiala", "ML", -5.5, 12.4),
    ("Bobo-Dioulasso", "BF", -4.3, 11.2),
    ("Ouagadougou", "BF", -1.5, 12.4),
    ("Kaya", "BF", -1.1, 13.1),
    ("Dori", "BF", 0.0, 14.0),
    ("Téra", "NE", 0.8, 14.0),
    ("Niamey", "NE", 2.1, 13.5),
    ("Fada N'Gourma", "BF", 0.4, 12.1),
    ("Kantchari", "BF", 1.5, 12.5),
]


@pytest.mark.parametrize(("name", "country", "lon", "lat"), HAUL)
def test_every_town_of_the_haul_is_where_the_atlas_says(name, country, lon, lat):
    town = find_towns(name, country).iloc[0]
    assert town["country"] == country
    assert town["lon"] == pytest.approx(lon, abs=0.1)
    assert town["lat"] == pytest.approx(lat, abs=0.1)


@pytest.mark.parametrize(("name", "country"), [(name, country) for name, country, *_ in HAUL])
def test_no_haul_town_needs_its_country_named(name, country):
    assert find_towns(name).iloc[0]["country"] == country


@pytest.mark.parametrize(
    "spelling", ["tera", "TÉRA", "Tera, NE", "tera,ne", " Téra ", "Te\u0301ra"]
)
def test_spellings_of_one_town(spelling):
    assert find_towns(spelling).iloc[0]["name"] == "Téra"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fada N'Gourma", "fada n gourma"),
        ("Fada N\u2019Gourma", "Fada Ngourma"),
        ("Tan-Tan", "tantan"),
        ("Laâyoune", "Laayoune"),
        ("Łódź", "Lodz"),
        ("Straße", "STRASSE"),
    ],
)
def test_folding_joins_spellings(one, other):
    assert fold_name(one) == fold_name(other)


def test_towns_known_by_a_second_name_come_after_those_of_the_name_itself():
    found = find_towns("Casablanca")
    assert found.iloc[0]["country"] == "MA"
    mains = [fold_name(name) == "casablanca" for name in found["name"]]
    assert mains == sorted(mains, reverse=True)


def test_index_is_the_row_of_the_town_table():
    found = find_towns("Dori", "BF")
    assert load_towns().loc[found.index[0], "name"] == "Dori"


def test_a_slip_is_answered_with_the_right_name():
    with pytest.raises(RouteError, match="did you mean Ouagadougou, BF"):
        find_towns("Ouagadoudou")


def test_the_country_asked_for_is_part_of_the_answer():
    with pytest.raises(RouteError, match=r"no town of this name is known in MA .*'Dori'"):
        find_towns("Dori", "MA")


@pytest.mark.parametrize("name", ["", "  ", "-'", ", BF"])
def test_a_blank_name_is_an_error(name):
    with pytest.raises(RouteError, match="blank"):
        find_towns(name)


def test_a_name_like_nothing_offers_no_guess():
    with pytest.raises(RouteError, match="give the position instead"):
        find_towns("Qqqqzzzz")


def test_table_is_whole_and_a_copy():
    towns = load_towns()
    assert tuple(towns.columns) == TOWN_COLUMNS
    assert not towns.isna().any().any()
    assert (towns["country"] == "NA").sum() > 20, "Namibia was read as missing"
    assert towns["country"].str.fullmatch("[A-Z]{2}").all()
    assert towns["population"].is_monotonic_decreasing
    assert towns["lon"].between(-180, 180).all()
    assert towns["lat"].between(-90, 90).all()
    towns.loc[0, "name"] = "changed"
    assert load_towns().loc[0, "name"] != "changed"


def test_nearest_town_agrees_with_trying_all():
    rng = np.random.default_rng(3)
    towns = load_towns()
    for lon, lat in zip(rng.uniform(-180, 180, 8), rng.uniform(-80, 80, 8), strict=True):
        n = len(towns)
        _, _, metres = GEOD.inv(
            np.full(n, lon), np.full(n, lat), towns["lon"].to_numpy(), towns["lat"].to_numpy()
        )
        found = nearest_towns([lon], [lat]).iloc[0]
        assert found["km"] == pytest.approx(metres.min() / 1000, abs=0.02)


def test_nearest_town_across_the_antimeridian():
    # Fiji's Taveuni lies at 180°: a point a few km east of it is near, not a world away.
    assert nearest_towns([-179.9], [-16.8]).iloc[0]["country"] == "FJ"


def test_nearest_town_of_a_size_or_within_a_distance():
    found = nearest_towns([-0.03, -40.0], [14.0, 0.0], within_km=100.0)
    assert found["name"].tolist()[0] == "Dori"
    assert found.iloc[1].isna().all()
    assert nearest_towns([-0.03], [14.0], min_population=1_000_000).iloc[0]["name"] in {
        "Niamey",
        "Ouagadougou",
    }
    with pytest.raises(RouteError, match="that large"):
        nearest_towns([0.0], [0.0], min_population=10**9)
    with pytest.raises(RouteError, match="finite"):
        nearest_towns([np.nan], [0.0])
