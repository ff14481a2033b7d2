"""How alike two records are: the evidence, in bits, that they tell of the same event.

Match weights after Fellegi and Sunter (1969): for each thing both records tell of, the logarithm
to base 2 of how much likelier it is to be told so of one event than of two. Weights add up; a thing
that either record leaves out adds nothing. Every weight is a constant of this module: nothing is
learned from the table at hand, so two records are as alike in one table as in any other. Where the
constants come from: docs/merging.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.geodesy import Floats, Ints, arc_from_chord_km, ecef_km
from kidnaprisk.incidents.merge.names import group_named, same_place_name
from kidnaprisk.incidents.vocabulary import KINDS, SECTORS

# From here on two records are one event. Where nothing else speaks, 2 bits are odds of 4 to 1, and
# the event may as well be one that the other source does not tell of.
THRESHOLD_BITS = 2.0

# Beyond both location errors, sources still put one event this far apart: a village here, the
# middle of its province there, and both said to be good to 25 km.
PLACE_TOLERANCE_KM = 300.0
DAYS_TOLERANCE = 7
# Stands in where a record does not say how well it is placed.
ASSUMED_ERROR_KM = 25.0

# Places and days are weighed against this: so many km² and days in which _RECORDS_NEARBY happen.
_AREA_KM2 = 10_000.0
_DAYS = 30.0
_PLACED_AS_SAID = 0.7
_SLACK_KM = 3.0
# P(days apart | same event): 0, 1 ... DAYS_TOLERANCE days between both windows, either way.
_DAYS_APART = np.array([0.85, 0.05, 0.01, 0.005, 0.003, 0.002, 0.002, 0.002])
# A name tells the place as a position in an area of this size would, where sources agree on it.
_NAMES_AGREE = 0.7
_NAMED_PLACE_BITS = float(np.log2(_AREA_KM2 * _NAMES_AGREE / 1_500.0))
_NAMED_REGION_BITS = float(np.log2(_AREA_KM2 * _NAMES_AGREE / 20_000.0))
_OTHER_REGION_BITS = -1.5
# Two points far apart for all that is said of them, and no region to say that one is misplaced.
_FAR_AND_UNNAMED_BITS = -1.5
_OTHER_COUNTRY_BITS = -3.0

# Records of a kind in _AREA_KM2 and _DAYS, in a province hit hard: of kidnappings, and of others.
_KIDNAPPINGS_NEARBY = 3.0
_RECORDS_NEARBY = 6.0
_SAME_KIND = 0.8
# P(the other source says so | same event), for kinds that sources take for one another.
_OTHER_KIND = {
    ("attack", "battle"): 0.3,
    ("attack", "explosion"): 0.2,
    ("attack", "kidnapping"): 0.25,
    ("attack", "other"): 0.05,
    ("attack", "unrest"): 0.2,
    ("battle", "explosion"): 0.1,
    ("battle", "kidnapping"): 0.08,
    ("battle", "unrest"): 0.05,
    ("explosion", "kidnapping"): 0.005,
    ("kidnapping", "other"): 0.1,
    ("kidnapping", "unrest"): 0.01,
}
_HARDLY_EVER = 0.02

# How rare it is that an unrelated record nearby is about the same sort of people. Of the records
# of sources about everything, one in 160 is marked as about aid workers; of kidnappings, one in 20.
_AID_AGREES_BITS = 6.0
_SECTOR_AGREES_BITS = 2.0
_VAGUE_SECTOR_AGREES_BITS = 0.5
_SECTOR_DIFFERS_BITS = -3.0
# Sectors that say too little to contradict another, or that one person may belong to together.
_VAGUE_SECTORS = frozenset({"civilian", "other"})
_KINDRED_SECTORS = frozenset({frozenset({"aid", "health"})})
_SAME_NATIONALITY_BITS = 3.0
_SAME_FOREIGN_BITS = 2.0
_OTHER_NATIONALITY_BITS = -2.0

# Two counts, by the larger of them: up to 1, 2, 4, and more. Agreement on a large one is hardly
# chance; near is within one or 30 %, and far is more than threefold.
_COUNTS = (1.0, 2.0, 4.0)
_SAME_COUNT_BITS = (1.0, 2.0, 3.0, 4.5)
_NEAR_COUNT_BITS = (0.0, -2.0, -1.0, 1.0)
_OTHER_COUNT_BITS = -1.5
_FAR_COUNT_BITS = -2.0

_SAME_GROUP_BITS = 2.5
_SAME_SORT_BITS = 0.7
_OTHER_GROUP_BITS = -1.0

COMPONENTS = ("place", "date", "kind", "victims", "people", "actor")
# The most that the last three can add: what is short by more than this needs no closer look.
_MOST_OF_REST_BITS = (
    _SAME_COUNT_BITS[-1] + _AID_AGREES_BITS + _SAME_NATIONALITY_BITS + _SAME_GROUP_BITS
)

_KIND_CODES = {kind: code for code, kind in enumerate(sorted(KINDS))}
_SECTOR_CODES = {sector: code for code, sector in enumerate(sorted(SECTORS))}


class Traits(NamedTuple):
    """What n records tell of themselves, as arrays (n,) ready to be compared.

    ``xyz`` (n, 3) km; ``error_km``; ``start``, ``end`` first and last day since 1970-01-01;
    ``kind``, ``sector``, ``country`` codes, -1 where missing; ``victims``, ``foreign`` counts, NaN
    where missing; the rest text, None where missing.
    """

    xyz: Floats
    error_km: Floats
    start: Ints
    end: Ints
    kind: Ints
    sector: Ints
    victims: Floats
    foreign: Floats
    nationalities: npt.NDArray[np.object_]
    actor: npt.NDArray[np.object_]
    place: npt.NDArray[np.object_]
    admin1: npt.NDArray[np.object_]
    country: npt.NDArray[np.object_]


def traits_of(incidents: gpd.GeoDataFrame) -> Traits:
    """What the n rows of a canonical incident table tell of themselves."""
    days = {name: incidents[name].to_numpy(dtype="datetime64[D]") for name in ("date", "date_end")}
    numbers = {
        name: incidents[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in ("location_error_km", "victims", "foreign_victims")
    }
    error_km = numbers["location_error_km"]
    return Traits(
        xyz=ecef_km(incidents.geometry.x.to_numpy(), incidents.geometry.y.to_numpy()),
        error_km=np.where(np.isnan(error_km), ASSUMED_ERROR_KM, error_km),
        start=days["date"].astype(np.int64),
        end=days["date_end"].astype(np.int64),
        kind=_codes(incidents["kind"], _KIND_CODES),
        sector=_codes(incidents["sector"], _SECTOR_CODES),
        victims=numbers["victims"],
        foreign=numbers["foreign_victims"],
        nationalities=_texts(incidents["nationalities"]),
        actor=_texts(incidents["perpetrator"]),
        place=_texts(incidents["place"]),
        admin1=_texts(incidents["admin1"]),
        country=_texts(incidents["country"]),
    )


def _codes(column: pd.Series, codes: dict[str, int]) -> Ints:
    return np.array([codes.get(word, -1) for word in _texts(column).tolist()], dtype=np.int64)


def _texts(column: pd.Series) -> npt.NDArray[np.object_]:
    return column.astype("object").where(column.notna(), None).to_numpy(dtype=np.object_)


def distance_km(traits: Traits, a: Ints, b: Ints) -> Floats:
    """Ground distance of m pairs of records, in km; good to 1e-5 up to 500 km."""
    chord_km = np.sqrt(((traits.xyz[a] - traits.xyz[b]) ** 2).sum(axis=1))
    return arc_from_chord_km(chord_km)


def days_apart(traits: Traits, a: Ints, b: Ints) -> Ints:
    """Days between the windows of m pairs of records; 0 where they overlap."""
    gap = np.maximum(traits.start[a] - traits.end[b], traits.start[b] - traits.end[a])
    apart: Ints = np.maximum(gap, 0)
    return apart


def cheap_weights(
    traits: Traits, a: Ints, b: Ints, apart_km: Floats, apart_days: Ints
) -> dict[str, Floats]:
    """Weights in bits (m,) of place, date and kind, before names are looked at."""
    variance = (traits.error_km[a] ** 2 + traits.error_km[b] ** 2) / 4.0 + _SLACK_KM**2
    near = _PLACED_AS_SAID / (2.0 * np.pi * variance) * np.exp(-(apart_km**2) / (2.0 * variance))
    far = (1.0 - _PLACED_AS_SAID) / (np.pi * PLACE_TOLERANCE_KM**2)
    days_a = traits.end[a] - traits.start[a] + 1
    days_b = traits.end[b] - traits.start[b] + 1
    common = np.minimum(traits.end[a], traits.end[b]) - np.maximum(traits.start[a], traits.start[b])
    # How likely it is for two windows of these lengths around one day to lie so.
    so_laid = np.maximum(common + 1, 1) / (days_a * days_b)
    return {
        "place": np.log2(_AREA_KM2 * (near + far)),
        "date": np.log2(_DAYS * _DAYS_APART[apart_days] * so_laid),
        "kind": _KIND_BITS[traits.kind[a], traits.kind[b]],
    }


def can_reach(cheap: dict[str, Floats]) -> npt.NDArray[np.bool_]:
    """Pairs (m,) that agreeing names, victims and people could still make one event."""
    best_place = np.maximum(cheap["place"], _NAMED_PLACE_BITS)
    reachable: npt.NDArray[np.bool_] = (
        best_place + cheap["date"] + cheap["kind"] + _MOST_OF_REST_BITS >= THRESHOLD_BITS
    )
    return reachable


def weights(
    traits: Traits, a: Ints, b: Ints, apart_km: Floats, apart_days: Ints
) -> dict[str, Floats]:
    """Weights in bits of m pairs of records, one array (m,) for each of `COMPONENTS`."""
    found = cheap_weights(traits, a, b, apart_km, apart_days)
    found["place"] = _place(traits, a, b, found["place"])
    found["victims"] = _victims(traits.victims[a], traits.victims[b])
    found["people"] = _sector(traits.sector[a], traits.sector[b]) + _origin(traits, a, b)
    found["actor"] = _each(traits.actor, traits.actor, a, b, _actor_bits)
    return found


def _kind_bits() -> Floats:
    bits = np.empty((len(_KIND_CODES), len(_KIND_CODES)))
    for one, row in _KIND_CODES.items():
        for other, column in _KIND_CODES.items():
            pair = (min(one, other), max(one, other))
            told = _SAME_KIND if one == other else _OTHER_KIND.get(pair, _HARDLY_EVER)
            both_taken = one == other == "kidnapping"
            nearby = _KIDNAPPINGS_NEARBY if both_taken else _RECORDS_NEARBY
            bits[row, column] = np.log2(told / nearby)
    return bits


_KIND_BITS = _kind_bits()
_SECTOR_NAMES = sorted(SECTORS)


def _sector_bits() -> Floats:
    bits = np.zeros((len(_SECTOR_NAMES) + 1, len(_SECTOR_NAMES) + 1))
    for row, one in enumerate(_SECTOR_NAMES):
        for column, other in enumerate(_SECTOR_NAMES):
            if one == other == "aid":
                bits[row, column] = _AID_AGREES_BITS
            elif one == other:
                vague = one in _VAGUE_SECTORS
                bits[row, column] = _VAGUE_SECTOR_AGREES_BITS if vague else _SECTOR_AGREES_BITS
            elif not {one, other} & _VAGUE_SECTORS and {one, other} not in _KINDRED_SECTORS:
                bits[row, column] = _SECTOR_DIFFERS_BITS
    # The last row and column, which -1 looks up, are for a sector that is not known.
    return bits


_SECTOR_BITS = _sector_bits()


def _sector(one: Ints, other: Ints) -> Floats:
    found: Floats = _SECTOR_BITS[one, other]
    return found


def _place(traits: Traits, a: Ints, b: Ints, position_bits: Floats) -> Floats:
    """The place as told best: by position, by the place's name, or by the region's."""
    alike = np.maximum.reduce(
        [
            _each(traits.place, traits.place, a, b, _names_alike),
            _each(traits.place, traits.admin1, a, b, _names_alike),
            _each(traits.admin1, traits.place, a, b, _names_alike),
        ]
    )
    region = _each(traits.admin1, traits.admin1, a, b, _names_alike)
    named = np.where(alike > 0.0, _NAMED_PLACE_BITS, -np.inf)
    in_region = np.where(region > 0.0, _NAMED_REGION_BITS, -np.inf)
    told = np.maximum.reduce([position_bits, named, in_region])
    contradicted = (region < 0.0) & (alike <= 0.0)
    unnamed = (region == 0.0) & (alike <= 0.0) & (position_bits < 0.0)
    abroad = traits.country[a] != traits.country[b]
    bits: Floats = told + np.select(
        [abroad, contradicted, unnamed],
        [_OTHER_COUNTRY_BITS, _OTHER_REGION_BITS, _FAR_AND_UNNAMED_BITS],
        default=0.0,
    )
    return bits


def _names_alike(one: str, other: str) -> float:
    """1 where two names are one place's, -1 where they are not."""
    return 1.0 if same_place_name(one, other) else -1.0


def _victims(one: Floats, other: Floats) -> Floats:
    """Weight of two counts: the larger the number they agree on, the less it is chance."""
    low, high = np.fmin(one, other), np.fmax(one, other)
    size = np.searchsorted(_COUNTS, high)
    ratio = high / np.maximum(low, 0.5)
    bits = np.select(
        [high == low, (high - low <= 1.0) | (ratio <= 1.3), ratio <= 3.0],
        [np.take(_SAME_COUNT_BITS, size), np.take(_NEAR_COUNT_BITS, size), _OTHER_COUNT_BITS],
        default=_FAR_COUNT_BITS,
    )
    known: Floats = np.where(np.isnan(one) | np.isnan(other), 0.0, bits)
    return known


def _origin(traits: Traits, a: Ints, b: Ints) -> Floats:
    """Weight of where the victims come from: nationalities, else foreigners or none."""
    one, other = traits.foreign[a], traits.foreign[b]
    both, one_only = (one > 0) & (other > 0), (one > 0) != (other > 0)
    foreign = np.select(
        [both, one_only], [_SAME_FOREIGN_BITS, _OTHER_NATIONALITY_BITS], default=0.0
    )
    foreign = np.where(np.isnan(one) | np.isnan(other), 0.0, foreign)
    nations = _each(traits.nationalities, traits.nationalities, a, b, _nations_bits)
    found: Floats = np.where(nations == 0.0, foreign, nations)
    return found


def _nations_bits(one: str, other: str) -> float:
    shared = set(one.split(";")) & set(other.split(";"))
    return _SAME_NATIONALITY_BITS if shared else _OTHER_NATIONALITY_BITS


def _actor_bits(one: str, other: str) -> float:
    left, right = group_named(one), group_named(other)
    if not any(left) or not any(right):
        return 0.0
    if left.known & right.known:
        return _SAME_GROUP_BITS
    if left.known and right.known:
        return _SAME_SORT_BITS if left.sorts & right.sorts else _OTHER_GROUP_BITS
    if left.sorts & right.sorts:
        return _SAME_SORT_BITS
    # A sort says nothing against a group that is named: one source knew, the other did not.
    return 0.0 if left.known or right.known else _OTHER_GROUP_BITS


def _each(
    left: npt.NDArray[np.object_],
    right: npt.NDArray[np.object_],
    a: Ints,
    b: Ints,
    compare: Callable[[str, str], float],
) -> Floats:
    """Compare two texts of m pairs, each pair of texts once; 0 where either is missing."""
    known: dict[tuple[str, str], float] = {}
    bits = np.zeros(len(a))
    for at, (one, other) in enumerate(zip(left[a].tolist(), right[b].tolist(), strict=True)):
        if one is None or other is None:
            continue
        pair = (one, other)
        if pair not in known:
            known[pair] = compare(one, other)
        bits[at] = known[pair]
    return bits
