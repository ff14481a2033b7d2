"""What the sources of a store cover: of a whole import, of one import after another, of a question.

Coverage only ever grows by importing; `IncidentStore.declare` sets it anew. Whatever cuts rows out
of an answer is cut out of its coverage too, since a place or kind that was left out must not read
as one where nothing happened.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable, Sequence

from kidnaprisk.incidents.coverage import DERIVED_NOTE, Coverage


def coverage_of_batches(
    declared: Sequence[Sequence[Coverage]], told: Sequence[Sequence[Coverage]]
) -> tuple[Coverage, ...]:
    """The coverage of a file, from that of each of its batches.

    Parameters
    ----------
    declared : sequence of sequence of Coverage
        What files and tables say of themselves: it stands as it is, gaps and all. Coverage that was
        only derived from rows is left out: it follows the rows wherever they go.
    told : sequence of sequence of Coverage
        What a format told from the rows of each batch: it is put together as it would be told from
        all of them. A country covered systematically is one of its own.

    Examples
    --------
    >>> first = Coverage("acled", ("ML",), dt.date(2020, 1, 1), dt.date(2020, 1, 9), True)
    >>> second = Coverage("acled", ("NE",), dt.date(2020, 2, 1), dt.date(2020, 2, 9), True)
    >>> for one in coverage_of_batches([], [[first], [second]]):
    ...     one.areas, one.start.isoformat(), one.end.isoformat()
    (('ML',), '2020-01-01', '2020-02-09')
    (('NE',), '2020-02-01', '2020-02-09')
    """
    stands = [one for batch in declared for one in batch if one.note != DERIVED_NOTE]
    groups: dict[object, list[Coverage]] = {}
    ends: dict[tuple[str, str], dt.date] = {}
    for one in (one for batch in told for one in batch):
        areas = one.areas if one.systematic else ()
        groups.setdefault((one.source, one.systematic, one.note, areas), []).append(one)
        ends[one.source, one.note] = max(one.end, ends.get((one.source, one.note), one.end))
    put_together = [
        dataclasses.replace(
            group[0],
            areas=tuple(sorted({area for one in group for area in one.areas})),
            start=min(one.start for one in group),
            end=ends[group[0].source, group[0].note],
            kinds=tuple({kind for one in group for kind in one.kinds}),
        )
        for group in groups.values()
    ]
    return (*dict.fromkeys(stands), *put_together)


def grown(known: Iterable[Coverage], told: Iterable[Coverage]) -> tuple[Coverage, ...]:
    """One source's coverage after an import told more of it.

    Windows of the same areas, kinds and word that meet or overlap become one; what another one
    holds already is left out. A gap between two windows stays a gap.

    Examples
    --------
    >>> first = Coverage("acled", ("BF",), dt.date(1997, 1, 1), dt.date(2020, 11, 13), True)
    >>> later = Coverage("acled", ("BF",), dt.date(1997, 1, 1), dt.date(2020, 12, 3), True)
    >>> grown([first], [later]) == (later,)
    True
    """
    result = list(known)
    for new in told:
        merged = new
        # Taking one window in may make it meet another.
        while meeting := [one for one in result if _meet(one, merged)]:
            result = [one for one in result if one not in meeting]
            merged = dataclasses.replace(
                merged,
                start=min(merged.start, *(one.start for one in meeting)),
                end=max(merged.end, *(one.end for one in meeting)),
            )
        if not any(_holds(one, merged) for one in result):
            result = [one for one in result if not _holds(merged, one)] + [merged]
    return tuple(sorted(result, key=_order))


def _meet(one: Coverage, other: Coverage) -> bool:
    same = all(
        (
            one.source == other.source,
            set(one.areas) == set(other.areas),
            one.systematic == other.systematic,
            one.note == other.note,
            one.kinds == other.kinds,
        )
    )
    # Differences and not the day after: an end may be the last day that a calendar has.
    return same and (one.start - other.end).days <= 1 and (other.start - one.end).days <= 1


def _holds(one: Coverage, other: Coverage) -> bool:
    """Whether one coverage says all that another says."""
    return (
        one.source == other.source
        and set(one.areas) >= set(other.areas)
        and set(one.kinds) >= set(other.kinds)
        and one.start <= other.start
        and one.end >= other.end
        and one.systematic == other.systematic
    )


def _order(one: Coverage) -> tuple[object, ...]:
    return (one.source, one.areas, one.start, one.end, one.kinds, one.systematic, one.note)


def narrowed(
    coverage: Iterable[Coverage],
    *,
    countries: Collection[str] | None,
    kinds: Collection[str] | None,
    since: dt.date | None,
    until: dt.date | None,
    note: str | None,
) -> tuple[Coverage, ...]:
    """What is left of a coverage where only these countries, kinds and days were asked for.

    Parameters
    ----------
    note : str or None
        Put after each coverage's own: what cannot be said in areas, days and kinds.

    Examples
    --------
    >>> whole = Coverage("mine", ("BF", "ML"), dt.date(2020, 1, 1), dt.date(2020, 12, 31), True)
    >>> day = dt.date(2020, 6, 1)
    >>> (cut,) = narrowed([whole], countries=["ML"], kinds=None, since=day, until=None, note=None)
    >>> cut.areas, cut.start.isoformat()
    (('ML',), '2020-06-01')
    """
    left = []
    for one in coverage:
        # The id of a region begins with its country.
        areas = tuple(
            area for area in one.areas if countries is None or area.partition("-")[0] in countries
        )
        kept = tuple(kind for kind in one.kinds if kinds is None or kind in kinds)
        start = one.start if since is None else max(one.start, since)
        end = one.end if until is None else min(one.end, until)
        if areas and kept and start <= end:
            text = one.note if note is None else "; ".join(filter(None, (one.note, note)))
            left.append(
                dataclasses.replace(one, areas=areas, kinds=kept, start=start, end=end, note=text)
            )
    return tuple(left)
