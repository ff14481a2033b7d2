"""The closed vocabularies of the incident table, and the country codes it knows.

A value outside its vocabulary is refused, with the nearest known one offered, because a
misspelt word would otherwise become a group of its own in every later count. A source with a
word of its own is mapped to one of these by its format module; a word that is truly new is
added here, and nowhere else. What is unknown has no word: the cell stays empty.

Source of the country codes: ISO 3166-1 alpha-2 (249 codes), plus ``XK``, the user-assigned code
in common use for Kosovo. ``NA`` is Namibia; ``EH``, Western Sahara, is in the standard.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

KINDS = frozenset({"kidnapping", "attack", "battle", "explosion", "unrest", "other"})
SETTINGS = frozenset({"road", "rail", "village", "residence", "worksite", "site"})
SECTORS = frozenset(
    {
        "aid",
        "civilian",
        "construction",
        "education",
        "government",
        "health",
        "media",
        "mining",
        "oil",
        "other",
        "religious",
        "security",
        "tourism",
        "transport",
    }
)
# `none_reported` says that the reports read tell of no demand, not that none was made.
DEMANDS = frozenset({"none_reported", "political", "prisoner_exchange", "ransom"})
OUTCOMES = frozenset(
    {"died", "escaped", "held", "killed", "partly_released", "released", "rescued"}
)

COUNTRIES = frozenset(
    re.findall(
        "[A-Z]{2}",
        """
        AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
        BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
        DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
        GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
        KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
        MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
        PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
        SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
        VN VU WF WS YE YT ZA ZM ZW XK
        """,
    )
)


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """The known word a misspelt one most likely stands for, or None.

    Parameters
    ----------
    word : str
    known : iterable of str

    Returns
    -------
    str or None

    Examples
    --------
    >>> nearest_word("kidnaping", KINDS)
    'kidnapping'
    >>> nearest_word("Road", SETTINGS)
    'road'
    """
    choices = sorted(known)
    folded = {choice.casefold(): choice for choice in choices}
    tidy = word.strip().casefold().replace(" ", "_").replace("-", "_")
    if tidy in folded:
        return folded[tidy]
    close = difflib.get_close_matches(tidy, folded, n=1, cutoff=0.75)
    return folded[close[0]] if close else None


def words_remedy(word: str, known: Iterable[str]) -> str:
    """What to write instead of a word that is not in a closed vocabulary.

    Examples
    --------
    >>> words_remedy("rod", SETTINGS)
    "did you mean 'road'? one of rail, residence, road, site, village, worksite, or empty"
    """
    choices = sorted(known)
    near = nearest_word(word, choices)
    question = f"did you mean {near!r}? " if near else ""
    return f"{question}one of {', '.join(choices)}, or empty"
