"""A crew: what of the people on board bears on whom kidnappers have taken.

Not for names or anything else that would tell one person from another.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from kidnaprisk.errors import TripError
from kidnaprisk.routes.countries import code_remedy, country_code
from kidnaprisk.routes.values import plain_text

# The sectors of the incident table, so that a crew can be compared with past victims.
SECTORS = (
    "transport",
    "civilian",
    "government",
    "religious",
    "aid",
    "construction",
    "education",
    "mining",
    "health",
    "tourism",
    "security",
    "oil",
    "media",
    "other",
)


@dataclass(frozen=True, init=False)
class Crew:
    """Who is on board, as far as it bears on whom kidnappers have taken.

    Parameters
    ----------
    nationality : str or sequence of str, optional
        ISO 3166-1 alpha-2 codes, ``'MA'`` or ``['MA', 'ML']``; kept as a tuple.
    sector : str, optional
        One of :data:`SECTORS`.

    Raises
    ------
    TripError
        If neither is given, or a code or the sector is unknown.

    Examples
    --------
    >>> Crew(nationality="MA", sector="transport")
    Crew(nationality=('MA',), sector='transport')
    """

    nationality: tuple[str, ...]
    sector: str | None

    def __init__(
        self, nationality: str | Iterable[str] | None = None, sector: str | None = None
    ) -> None:
        codes = _nationalities(nationality)
        if not codes and sector is None:
            raise TripError(
                "a crew says nothing", remedy="give nationality=, sector= or both, or no crew"
            )
        object.__setattr__(self, "nationality", codes)
        object.__setattr__(self, "sector", None if sector is None else _sector(sector))


def _nationalities(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    listed = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else given
    codes: dict[str, None] = {}
    for value in listed:
        code = country_code(value)
        if code is None:
            raise TripError(
                "the nationality of the crew is an unknown country",
                value=value,
                remedy=code_remedy(value),
            )
        codes[code] = None
    return tuple(codes)


def _sector(given: object) -> str:
    sector = plain_text(given, "the sector of the crew").lower()
    if sector not in SECTORS:
        close = difflib.get_close_matches(sector, SECTORS, n=1)
        raise TripError(
            "the sector of the crew is unknown",
            value=given,
            remedy=(f"did you mean {close[0]!r}? " if close else "")
            + f"Sectors are {', '.join(SECTORS)}",
        )
    return sector
