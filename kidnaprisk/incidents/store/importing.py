"""Writing to a store: what was staged becomes history, in one transaction or not at all.

Everything here runs as the one writer (`address.begin_writing`) and leaves the commit to its
caller. No row is ever changed but for its end: it is closed, and what follows it is added.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from kidnaprisk.errors import StoreError
from kidnaprisk.incidents.coverage import Coverage, coverages_from
from kidnaprisk.incidents.store.coverage import grown
from kidnaprisk.incidents.store.schema import COVERAGE, IMPORTS, KEY, VERSIONS
from kidnaprisk.incidents.store.staging import CHANGES, STAGED, STAGED_KEYS, Intake, index_keys
from kidnaprisk.incidents.store.summaries import ImportSummary
from kidnaprisk.incidents.vocabulary import COUNTRIES, nearest_word


class Origin(NamedTuple):
    """Where staged rows came from."""

    file: str | None = None
    sha256: str | None = None
    format: str | None = None


class Turn(NamedTuple):
    """One commit to the history: its number and the UTC day it counts for."""

    import_id: int
    day: dt.date
    instant: dt.datetime


class Counts(NamedTuple):
    """Keys that came anew, that changed, that stood, and that went."""

    added: int
    revised: int
    unchanged: int
    deleted: int


def take_turn(connection: sa.Connection, on: dt.date | None) -> Turn:
    """The next commit to the history.

    Raises
    ------
    StoreError
        If ``on`` is before the last commit's day or has not come yet.
    """
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    last = connection.execute(
        sa.select(sa.func.max(IMPORTS.c.id), sa.func.max(IMPORTS.c.day))
    ).one()
    day = now.date() if on is None else on
    if day > now.date():
        raise StoreError(
            "the day of an import has not come yet",
            value=day.isoformat(),
            remedy=f"in UTC it is {now.date()}; leave it out to mean that",
        )
    if last[1] is not None and day < last[1]:
        raise StoreError(
            f"the store has history up to {last[1]}, which cannot be rewritten",
            value=day.isoformat(),
            remedy=f"import on that day or later, or build another store from {day} on",
        )
    return Turn((last[0] or 0) + 1, day, now)


def record(
    connection: sa.Connection,
    turn: Turn,
    action: str,
    sources: Iterable[str],
    counts: Counts,
    *,
    rows_in: int,
    reasons: dict[str, int],
    origin: Origin,
) -> None:
    """Write down that a commit was made."""
    connection.execute(
        IMPORTS.insert().values(
            id=turn.import_id,
            action=action,
            day=turn.day,
            instant=turn.instant,
            sources=sorted(sources),
            rows_in=rows_in,
            rejected=sum(reasons.values()),
            reasons=reasons,
            **counts._asdict(),
            **origin._asdict(),
        )
    )


def write_import(
    connection: sa.Connection, turn: Turn, intake: Intake, origin: Origin, *, complete: bool
) -> ImportSummary:
    """Bring the staged incidents into the store.

    Raises
    ------
    StoreError
        If the file is said to be complete and its coverage does not say of what.
    """
    counts = change(connection, turn, VERSIONS, STAGED, said=("digest",), rows=intake.rows)
    sources = intake.sources | {one.source for one in intake.coverage}
    if complete:
        counts = counts._replace(deleted=_withdraw(connection, turn, intake))
    for source in sorted(sources):
        told = [one for one in intake.coverage if one.source == source]
        cover(connection, turn, source, grown(covered(connection, source), told))
    if origin.format is None and intake.formats:
        origin = origin._replace(format=", ".join(sorted(intake.formats)))
    reasons = dict(sorted(intake.reasons.items()))
    record(
        connection,
        turn,
        "import",
        sources,
        counts,
        rows_in=intake.rows_in,
        reasons=reasons,
        origin=origin,
    )
    return ImportSummary(
        import_id=turn.import_id,
        day=turn.day,
        sources=tuple(sorted(sources)),
        rows_in=intake.rows_in,
        rejected=intake.rejected,
        reasons=reasons,
        **counts._asdict(),
        **origin._asdict(),
    )


def same_key(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether rows of two tables are of the same incident of the same source."""
    return sa.and_(*(one.c[key] == other.c[key] for key in KEY))


def change(
    connection: sa.Connection,
    turn: Turn,
    kept: sa.Table,
    staged: sa.Table,
    *,
    said: Sequence[str],
    rows: int,
) -> Counts:
    """Bring staged rows into a table that keeps history: close what they differ from, add them.

    Parameters
    ----------
    said : sequence of str
        Columns that tell whether a row says something else than the one that is valid.
    rows : int
        How many are staged, each key once, and indexed by it.
    """
    CHANGES.create(connection)
    differs = sa.or_(*(kept.c[name] != staged.c[name] for name in said))
    current = sa.and_(same_key(staged, kept), kept.c.until_import.is_(None))
    found = (
        sa.select(*(staged.c[key] for key in KEY), kept.c.from_import)
        .select_from(staged.outerjoin(kept, current))
        .where(sa.or_(kept.c.from_import.is_(None), differs))
    )
    connection.execute(CHANGES.insert().from_select([*KEY, "replaces"], found))
    index_keys(connection, CHANGES)
    added, revised = connection.execute(
        sa.select(
            sa.func.count().filter(CHANGES.c.replaces.is_(None)), sa.func.count(CHANGES.c.replaces)
        )
    ).one()
    _close_replaced(connection, turn, kept)
    names = [column.name for column in staged.columns if column.name in kept.c]
    coming = (
        sa.select(
            *(staged.c[name] for name in names),
            sa.literal(turn.import_id, sa.Integer),
            sa.literal(turn.day, kept.c.from_day.type),
        )
        .select_from(staged.join(CHANGES, same_key(staged, CHANGES)))
        # In the order of the keys, so that reading in that order walks the file once.
        .order_by(*(staged.c[key] for key in KEY))
    )
    connection.execute(kept.insert().from_select([*names, "from_import", "from_day"], coming))
    CHANGES.drop(connection)
    return Counts(added, revised, rows - added - revised, 0)


def _close_replaced(connection: sa.Connection, turn: Turn, kept: sa.Table) -> None:
    of_version = sa.tuple_(*(kept.c[key] for key in KEY), kept.c.from_import)
    replaced = sa.select(*(CHANGES.c[key] for key in KEY), CHANGES.c.replaces).where(
        CHANGES.c.replaces.is_not(None)
    )
    connection.execute(closing(kept, turn).where(of_version.in_(replaced)))


def closing(kept: sa.Table, turn: Turn) -> sa.Update:
    """Close rows of a table that keeps history; which ones is for the caller to say."""
    return (
        sa.update(kept)
        .where(kept.c.until_import.is_(None))
        .values(until_import=turn.import_id, until_day=turn.day)
    )


def _withdraw(connection: sa.Connection, turn: Turn, intake: Intake) -> int:
    """Close the rows that a complete file covers and lacks; those it has but rejected stay."""
    if not intake.rows or not intake.coverage:
        raise StoreError(
            "a file without incidents or without a coverage cannot be said to be complete",
            remedy="give coverage=, or import it without complete",
        )
    if intake.nameless:
        raise StoreError(
            f"{intake.nameless} rejected rows are cut off or have no id: it cannot be told which "
            "rows of the store the file still has",
            remedy="get the file again, or import it without complete",
        )
    covering = []
    for one in intake.coverage:
        parts = [area for area in one.areas if area not in COUNTRIES]
        if parts:
            raise StoreError(
                "a complete file must cover whole countries",
                value=parts[0],
                remedy="give a coverage by country codes, or import it without complete",
            )
        covering.append(
            sa.and_(
                VERSIONS.c.source == one.source,
                VERSIONS.c.country.in_(one.areas),
                VERSIONS.c.kind.in_(one.kinds),
                VERSIONS.c.date >= one.start,
                VERSIONS.c.date_end <= one.end,
            )
        )
    index_keys(connection, STAGED_KEYS)
    rejected = STAGED_KEYS.c.incident_id == VERSIONS.c.incident_id
    gone = closing(VERSIONS, turn).where(
        sa.or_(*covering),
        ~sa.exists().where(same_key(STAGED, VERSIONS)),
        ~sa.exists().where(rejected),
    )
    return int(connection.execute(gone).rowcount)


def covered(connection: sa.Connection, source: str) -> tuple[Coverage, ...]:
    """What the store knows a source to cover now; empty where nothing was declared."""
    known = connection.execute(
        sa.select(COVERAGE.c.declared).where(
            COVERAGE.c.source == source, COVERAGE.c.until_import.is_(None)
        )
    ).scalar_one_or_none()
    return coverages_from(known or [])


def cover(connection: sa.Connection, turn: Turn, source: str, coverage: Sequence[Coverage]) -> bool:
    """Set what a source covers from this commit on; whether that is a change."""
    declared: list[Any] = [one.to_dict() for one in coverage]
    if coverage == covered(connection, source):
        return False
    connection.execute(closing(COVERAGE, turn).where(COVERAGE.c.source == source))
    connection.execute(
        COVERAGE.insert().values(
            source=source, declared=declared, from_import=turn.import_id, from_day=turn.day
        )
    )
    return True


def declare(connection: sa.Connection, turn: Turn, coverage: Sequence[Coverage]) -> None:
    """Set what the sources that a coverage names cover, in place of what was said before."""
    sources = {one.source for one in coverage}
    changed = 0
    for source in sorted(sources):
        told = [one for one in coverage if one.source == source]
        changed += cover(connection, turn, source, grown((), told))
    counts = Counts(0, changed, len(sources) - changed, 0)
    record(
        connection,
        turn,
        "declare",
        sources,
        counts,
        rows_in=len(sources),
        reasons={},
        origin=Origin(),
    )


def delete(connection: sa.Connection, turn: Turn, source: str, rows_in: int) -> int:
    """Close the incidents of a source whose ids are staged, and say how many there were.

    Raises
    ------
    StoreError
        If the store never heard of the source.
    """
    check_sources(connection, [source])
    index_keys(connection, STAGED_KEYS)
    named = sa.exists().where(same_key(STAGED_KEYS, VERSIONS))
    deleted = int(connection.execute(closing(VERSIONS, turn).where(named)).rowcount)
    unknown = rows_in - deleted
    reasons = {"incident_id: not in the store": unknown} if unknown else {}
    record(
        connection,
        turn,
        "delete",
        [source],
        Counts(0, 0, 0, deleted),
        rows_in=rows_in,
        reasons=reasons,
        origin=Origin(),
    )
    return deleted


def check_sources(connection: sa.Connection, sources: Iterable[str]) -> None:
    """Refuse names of sources that the store never heard of.

    Raises
    ------
    StoreError
    """
    told = connection.execute(sa.select(IMPORTS.c.sources)).scalars()
    known = sorted({source for each in told for source in each})
    for source in sources:
        if source not in known:
            near = nearest_word(source, known)
            held = ", ".join(known) or "none"
            raise StoreError(
                "the store holds no such source",
                value=source,
                remedy=f"did you mean {near!r}?" if near else f"it holds {held}",
            )
