"""Country codes as trips use them: ISO 3166-1 alpha-2, and XK for Kosovo.

Not for names of countries or their borders; those are data of the regions layer.
"""

from __future__ import annotations

_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR "
    "BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ "
    "EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW "
    "GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY "
    "KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV "
    "MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY "
    "QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG "
    "TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA "
    "ZM ZW"
)
COUNTRY_CODES = frozenset(_CODES.split())

# What people write for a country whose code is another.
MISTAKEN_CODES = {"UK": "GB", "EL": "GR"}


def country_code(value: object) -> str | None:
    """A country code in its proper form, or None where there is no such code.

    Examples
    --------
    >>> country_code(" ma ")
    'MA'
    >>> country_code("UK") is None
    True
    """
    if not isinstance(value, str):
        return None
    code = value.strip().upper()
    return code if code in COUNTRY_CODES else None


def code_remedy(value: object) -> str:
    """What to write where a country code is unknown.

    Examples
    --------
    >>> code_remedy("UK")
    "did you mean 'GB'? Codes are ISO 3166-1 alpha-2"
    """
    meant = MISTAKEN_CODES.get(value.strip().upper()) if isinstance(value, str) else None
    if meant is not None:
        return f"did you mean {meant!r}? Codes are ISO 3166-1 alpha-2"
    return "use an ISO 3166-1 alpha-2 code, such as 'MA' or 'BF'"
