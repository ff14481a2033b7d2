"""Names of places and groups as different sources write them; all invented or in common use."""

from __future__ import annotations

import pytest

from kidnaprisk.incidents.merge.names import group_named, place_named, same_place_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fada N'Gourma", "Fada NGourma"),
        ("Fada", "on the road between Fada and Pama"),
        ("Nord-Ouest", "North West Region"),
        ("Sahel", "Sahel region"),
        ("Ségou", "Segou Province"),
        ("Al Hodeidah", "Al Hudaydah Governorate"),
        ("Timbuktu", "Tombouctou"),
    ],
)
def test_one_place_in_two_spellings(one: str, other: str) -> None:
    assert same_place_name(one, other)
    assert same_place_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dori", "Djibo"),
        ("North Kivu", "South Kordofan"),
        ("Northwest", "Southwest"),
        ("Gao", "Gombe"),
        ("Est", "Nord"),
    ],
)
def test_two_places(one: str, other: str) -> None:
    assert not same_place_name(one, other)


def test_a_name_of_nothing_but_common_words_is_compared_by_them() -> None:
    assert same_place_name("Centre", "Central region")
    assert place_named("the camp").triples


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (
            "JNIM: Group for Support of Islam and Muslims",
            "Jama'at Nasr al-Islam wal Muslimin",
            "jnim",
        ),
        ("Al Shabaab", "Al-Shabab", "shabaab"),
        ("Islamic State (West Africa)", "Boko Haram", "boko"),
        ("March 23 Movement (M23)", "M23", "m23"),
        ("Police Forces of Kenya (2013-)", "Kenya Police", "kenya"),
    ],
)
def test_one_group_under_two_names(one: str, other: str, shared: str) -> None:
    assert shared in group_named(one).known & group_named(other).known


@pytest.mark.parametrize("name", ["Unknown", "Unidentified Armed Group (Mali)", "Not applicable"])
def test_a_name_that_says_unknown_is_no_name(name: str) -> None:
    assert not any(group_named(name))


def test_a_sort_of_group_is_not_a_group() -> None:
    gunmen, bandits = group_named("armed gunmen"), group_named("Bandits")
    assert "armed group" in gunmen.sorts
    assert not gunmen.sorts & bandits.sorts
