"""Whether two names mean the same place, or the same group, however two sources write them.

Places are compared by the letter triples of their words, so that spelling and the words around a
name matter little; groups by the families of names they go by. What is decided here depends on the
two names alone. Nothing is looked up, and a name that only says "unknown" is no name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+")
# Words that say what kind of place it is, or where it lies from another, and not which it is.
_KINDS_OF_PLACE = frozenset(
    """
    a al and area at au axis between camp canton city close commune county de department des
    district division du el et from governorate idp km la lga le les locality near of on outskirts
    payam prefecture province refugee region road route state subdivision the to town township
    village ward woreda
    """.split()
)
_TRANSLATED = {"nord": "north", "sud": "south", "est": "east", "ouest": "west", "centre": "central"}
_UNKNOWN = re.compile(
    r"\bunk?nown|\buknown|\bunidentified|\bno information|\bnot ap?plicable|\bnot known|^n/?a$"
)
# Families of names by which one group goes, each a group that sources name in several ways. A
# group of two families is taken for either by those who report it.
_FAMILIES = tuple(
    (re.compile(pattern), frozenset(families.split()))
    for pattern, families in (
        (r"\bjnim\b|nusrat|nasr al.?islam|support (of|for )?\W*islam|\bgsim\b", "jnim qaeda"),
        (r"al.?qa.?[ei]da|\baqim\b|ansar.?dine|mourabitou?n", "qaeda"),
        (r"islamic state.*west|\biswap?\b", "is boko"),
        (r"islamic state|\bisi[sl]\b|\bis[gs]s\b|\bisgs\b|\bissp\b|da.?esh", "is"),
        (r"boko.?haram|jama.?atu? ahl|\bjas\b", "boko"),
        (r"shaba+b", "shabaab"),
        (r"taliban|\bttp\b", "taliban"),
        (r"ambazonia|amazonia|anglophone|sep[ae]ratist", "separatists"),
        (r"hou?thi|houti|ansar allah", "houthi"),
        (r"tahrir al.?sham|\bhts\b", "hts"),
        (r"lord.?s resistance|\blra\b", "lra"),
        (r"rapid support|\brsf\b|janjaweed", "rsf"),
        (r"israel|\bidf\b", "idf"),
    )
)
# Sorts of group, which many different groups are: that both names say it is little.
_SORTS = tuple(
    (re.compile(pattern), sort)
    for pattern, sort in (
        (r"militar|\barmy\b|armed forces|soldier|police|gendarm|security (forces|serv)", "state"),
        (r"government|regime|\bair ?force|\bcoalition\b", "state"),
        (r"bandit|criminal|gang|robber|thie[fv]|kidnapper|pirate", "criminals"),
        (r"militia|armed (group|actor|opposition|m[ae]n)|non.?state|gunm[ae]n", "armed group"),
        (r"\bnsag\b|rebel|insurgent", "armed group"),
        (r"youth|communit|population|clan|trib|herd|civilian|resident|refugee", "people"),
        (r"crowd|\bmob\b|protest|rioter", "people"),
    )
)
_COMMON_IN_GROUPS = frozenset(
    """
    actor affiliated air and armed army criminal force for front gang government group islam islamic
    liberation men military militia militant militiamen movement national non opposition people
    police population regime republic security soldier special state suspected the unaffiliated
    union united
    """.split()
)
# Spellings of one sound, as Arabic and Berber names are written down in French and in English.
_ONE_SOUND = str.maketrans("cqz", "kks")
_VOWELS = re.compile(r"[aeiouwy]")
_DOUBLED = re.compile(r"(.)\1+")
_LEAST_CONSONANTS = 4
_SHARED_TRIPLES = 0.6
_BRACKETED_YEARS = re.compile(r"\(\d{4}-?(\d{4})?\)")


def _plain(text: str) -> str:
    """Text without case and accents."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).casefold()


class Name(NamedTuple):
    """A place name as it is compared: letter triples of its words, and their consonants."""

    triples: frozenset[str]
    consonants: frozenset[str]


@lru_cache(maxsize=200_000)
def place_named(text: str) -> Name:
    """What a place name tells, without the words that say what kind of place it is.

    Examples
    --------
    >>> sorted(place_named("Dori village").triples)
    [' do', 'dor', 'ori', 'ri ']
    >>> place_named("Nord-Ouest") == place_named("Northwest region")
    True
    """
    words = [_TRANSLATED.get(word, word) for word in _WORD.findall(_plain(text))]
    joined = re.sub(r"\b(north|south) (east|west)(ern)?\b", r"\1\2", " ".join(words))
    telling = [word for word in joined.split() if word not in _KINDS_OF_PLACE] or joined.split()
    padded = [f" {word} " for word in telling]
    triples = frozenset(word[at : at + 3] for word in padded for at in range(len(word) - 2))
    bare = (_VOWELS.sub("", _DOUBLED.sub(r"\1", word.translate(_ONE_SOUND))) for word in telling)
    return Name(triples, frozenset(word for word in bare if len(word) >= _LEAST_CONSONANTS))


def same_place_name(one: str, other: str) -> bool:
    """Whether two names may well be one place's, however it is spelt or described.

    Examples
    --------
    >>> same_place_name("Fada N'Gourma", "between Fada NGourma and Pama")
    True
    >>> same_place_name("Al Hodeidah", "Al Hudaydah Governorate")
    True
    >>> same_place_name("Dori", "Djibo")
    False
    """
    left, right = place_named(one), place_named(other)
    if left.consonants & right.consonants:
        return True
    fewest = min(len(left.triples), len(right.triples))
    return bool(fewest) and len(left.triples & right.triples) >= _SHARED_TRIPLES * fewest


class Group(NamedTuple):
    """What a group's name tells: ``known`` families and telling words; ``sorts`` of group."""

    known: frozenset[str]
    sorts: frozenset[str]


@lru_cache(maxsize=50_000)
def group_named(text: str) -> Group:
    """What a perpetrator's name tells of the group; nothing where it says it is not known.

    Examples
    --------
    >>> sorted(group_named("JNIM Militia").known)
    ['jnim', 'qaeda']
    >>> group_named("Unidentified armed group")
    Group(known=frozenset(), sorts=frozenset())
    >>> sorted(group_named("Police Forces of Kenya (2013-)").known)
    ['kenya']
    """
    plain = _BRACKETED_YEARS.sub(" ", _plain(text))
    known: set[str] = set()
    for pattern, families in _FAMILIES:
        if pattern.search(plain):
            known |= families
            if "is" in families:
                break
    if not known and _UNKNOWN.search(plain):
        return Group(frozenset(), frozenset())
    sorts = frozenset(sort for pattern, sort in _SORTS if pattern.search(plain))
    if not known:
        words = _WORD.findall(plain)
        known = {word.rstrip("s") for word in words if len(word) > 2} - _COMMON_IN_GROUPS
    return Group(frozenset(known), sorts)
