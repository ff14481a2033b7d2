"""From incident tables to temporary tables of the database, whatever their number of rows.

Rows are written down beside the store first, without holding anybody up, and compared with it
afterwards in a few statements. Each carries a digest of what it says: the same on every machine
and with every version of pandas, so that an unchanged row is known as such.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import geopandas as gpd
import numpy as np
import sqlalchemy as sa

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.cells import WRONG_WIDTH
from kidnaprisk.incidents.coverage import COVERAGE_ATTR, Coverage, check_named, coverages_from
from kidnaprisk.incidents.store.address import POSTGRESQL
from kidnaprisk.incidents.store.coverage import coverage_of_batches
from kidnaprisk.incidents.store.schema import KEY, VALUES, Key, value_columns
from kidnaprisk.incidents.table import COLUMNS, COUNTS, DAYS, FLAGS, NUMBERS, validate_incidents

if TYPE_CHECKING:
    from kidnaprisk.incidents.batches import Batch

Cells: TypeAlias = list[Any]
Progress: TypeAlias = Callable[[int], object]

_BETWEEN_CELLS = "\x1f"
_DIGEST_BYTES = 16
_REPEATED = "incident_id: the incident_id is already used"
_METADATA = sa.MetaData()


def _temporary(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        _METADATA,
        *(sa.Column(key, Key) for key in KEY),
        *columns,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )


STAGED = _temporary(
    "staged_incidents",
    sa.Column("row_number", sa.Integer),
    sa.Column("digest", sa.Text),
    *value_columns(),
)
# Keys alone: rows a file has but that were rejected, and ids to be deleted.
STAGED_KEYS = _temporary("staged_keys")
STAGED_LINKS = _temporary("staged_links", sa.Column("event", Key))
CHANGES = _temporary("staged_changes", sa.Column("replaces", sa.Integer))


class Intake:
    """What has been staged for one import, in numbers.

    ``rows`` are in the temporary table; ``rows_in`` counts the rejected too.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.rows_in = 0
        self.reasons: Counter[str] = Counter()
        self.formats: set[str] = set()
        self.sources: set[str] = set()
        self.coverage: tuple[Coverage, ...] = ()
        # Rejected rows of which nobody can say which row of the store they are.
        self.nameless = 0

    @property
    def rejected(self) -> int:
        """Rows that could not come in."""
        return self.reasons.total()


def stage_incidents(
    connection: sa.Connection,
    batches: gpd.GeoDataFrame | Iterable[Batch | gpd.GeoDataFrame],
    declared: tuple[Coverage, ...] | None,
    progress: Progress | None,
) -> Intake:
    """Write batches of incidents down in temporary tables.

    Raises
    ------
    IncidentError
        If a table is not valid, a source cannot be the name of one or is not in the coverage
        declared, or every row is rejected.
    """
    intake = Intake()
    STAGED.create(connection)
    STAGED_KEYS.create(connection)
    stated: list[tuple[Coverage, ...]] = []
    told: list[tuple[Coverage, ...]] = []
    for batch in [batches] if isinstance(batches, gpd.GeoDataFrame) else batches:
        incidents, coverage, from_rows = _taken(connection, batch, intake)
        check_sources(incidents, declared)
        rows = list(zip(*staged_cells(incidents, intake.rows), strict=True))
        fill(connection, STAGED, rows)
        intake.rows += len(rows)
        intake.sources |= set(incidents["source"].unique())
        (told if from_rows else stated).append(coverage)
        if progress is not None:
            progress(intake.rows_in)
    if intake.rows_in and not intake.rows:
        reason = max(intake.reasons, key=lambda each: intake.reasons[each])
        raise IncidentError(
            f"every one of {intake.rows_in} rows is rejected, most because: {reason}",
            remedy="see them with read_incidents(..., return_rejects=True)",
        )
    intake.coverage = (
        coverage_of_batches(stated, told)
        if declared is None
        else coverage_of_batches([declared], [])
    )
    _drop_repeated(connection, intake)
    return intake


def _taken(
    connection: sa.Connection, batch: Batch | gpd.GeoDataFrame, intake: Intake
) -> tuple[gpd.GeoDataFrame, tuple[Coverage, ...], bool]:
    """The incidents of a batch, what they cover, and whether that was told from the rows.

    Its rejects are counted.
    """
    if isinstance(batch, gpd.GeoDataFrame):
        incidents = validate_incidents(batch)
        intake.rows_in += len(incidents)
        return incidents, coverages_from(incidents.attrs.get(COVERAGE_ATTR) or []), False
    intake.rows_in += len(batch.incidents) + len(batch.rejects)
    intake.reasons.update(batch.summary.rejected)
    intake.formats.add(batch.summary.format)
    cut = batch.rejects["reason"].str.contains(WRONG_WIDTH, regex=False)
    intake.nameless += int((batch.rejects["incident_id"].isna() | cut).sum())
    ids = [*batch.rejects["incident_id"].dropna().tolist(), *batch.later]
    fill(connection, STAGED_KEYS, [("", name) for name in ids])
    return batch.incidents, *_covered_by(batch)


def _covered_by(batch: Batch) -> tuple[tuple[Coverage, ...], bool]:
    """What a batch covers, and whether that was told from the rows."""
    if batch.coverage is not None:
        return coverages_from(batch.coverage), False
    return (batch.form.coverage(batch.incidents) if len(batch.incidents) else None) or (), True


def coverage_taken(
    batches: Iterable[Batch], declared: tuple[Coverage, ...] | None
) -> tuple[Coverage, ...]:
    """What batches cover by what is declared of them, or else by what they say, as it is stored.

    Raises
    ------
    IncidentError
        If what they say is not valid, or a source cannot be the name of one or is not in the
        coverage declared.
    """
    stated: list[tuple[Coverage, ...]] = []
    told: list[tuple[Coverage, ...]] = []
    for batch in batches:
        check_sources(batch.incidents, declared)
        coverage, from_rows = _covered_by(batch)
        (told if from_rows else stated).append(coverage)
    if declared is None:
        return coverage_of_batches(stated, told)
    return coverage_of_batches([declared], [])


def check_sources(incidents: gpd.GeoDataFrame, declared: tuple[Coverage, ...] | None) -> None:
    """Check that the sources of rows have names that can be kept, and are in a coverage.

    Raises
    ------
    IncidentError
        If one has none, or is not.
    """
    for source in incidents["source"].unique().tolist():
        # "acled:NIR1" is how provenance, and an id that two sources use, name a record.
        if ":" in source:
            raise IncidentError(
                "a source's name holds a colon, which sets it apart from the id",
                column="source",
                value=source,
                remedy="rename the source",
            )
    # Declared to cover nothing, as a part of a source does, it need not name any.
    if declared:
        check_named(incidents["source"].unique(), declared)


def staged_cells(incidents: gpd.GeoDataFrame, first: int) -> list[Cells]:
    """The columns of `STAGED`, n cells each, as a database driver takes them."""
    cells = _cells(incidents)
    return [
        cells["source"],
        cells["incident_id"],
        list(range(first, first + len(incidents))),
        digests(cells),
        *(cells[name] for name in VALUES),
    ]


def _cells(incidents: gpd.GeoDataFrame) -> dict[str, Cells]:
    """Every column as text, int, float or bool, None where missing; days as YYYY-MM-DD."""
    cells = {}
    for name in COLUMNS[:-1]:
        column = incidents[name]
        missing = column.isna().to_numpy()
        if name in DAYS:
            days = column.to_numpy(dtype="datetime64[D]")
            values = np.datetime_as_string(days).astype(object)
        elif name in COUNTS:
            values = column.to_numpy(dtype=np.int64, na_value=0).astype(object)
        elif name in NUMBERS:
            # Adding zero makes one of the two zeros of floating point.
            values = (column.to_numpy(dtype=np.float64, na_value=0.0) + 0.0).astype(object)
        elif name in FLAGS:
            values = column.to_numpy(dtype=np.bool_, na_value=False).astype(object)
        else:
            values = column.to_numpy(dtype=object, na_value=None)
        if missing.any():
            values = np.where(missing, None, values)
        cells[name] = values.tolist()
    cells["longitude"] = (incidents.geometry.x.to_numpy() + 0.0).tolist()
    cells["latitude"] = (incidents.geometry.y.to_numpy() + 0.0).tolist()
    return cells


def digests(cells: dict[str, Cells]) -> list[str]:
    """What each of n rows says, as 32 hex digits of its blake2b hash.

    Hashed are ``name=text`` of the cells that say something, in the order of their names: a column
    that a later version of the table adds, and that is empty here, changes nothing. No cell holds
    the character put between them, since no control character passes validation.
    """
    texts = [_named(name, cells[name]) for name in sorted(cells)]
    return [
        hashlib.blake2b(
            _BETWEEN_CELLS.join(filter(None, row)).encode(), digest_size=_DIGEST_BYTES
        ).hexdigest()
        for row in zip(*texts, strict=True)
    ]


def _named(name: str, cells: Cells) -> list[str | None]:
    if name in FLAGS:
        return [f"{name}=true" if cell else None for cell in cells]
    # repr is the shortest text that gives the same float again.
    return [None if cell is None else f"{name}={cell!s}" for cell in cells]


def fill(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Put rows into a temporary table, by the quickest way the database has."""
    if not rows:
        return
    names = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == POSTGRESQL:
        driver: Any = connection.connection.driver_connection
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(table.columns))
    # Names of our own columns, nothing from outside.
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
    connection.exec_driver_sql(statement, list(rows))


def index_keys(connection: sa.Connection, table: sa.Table) -> None:
    """Make the keys of a filled temporary table quick to find."""
    keys = ", ".join(KEY)
    connection.exec_driver_sql(f"CREATE INDEX {table.name}_key ON {table.name} ({keys})")
    if connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql(f"ANALYZE {table.name}")


def _drop_repeated(connection: sa.Connection, intake: Intake) -> None:
    """Keep the first row of each key, as a reader does within one batch; the rest is rejected."""
    index_keys(connection, STAGED)
    earlier = STAGED.alias("earlier")
    same = sa.and_(
        *(earlier.c[key] == STAGED.c[key] for key in KEY),
        earlier.c.row_number < STAGED.c.row_number,
    )
    found = connection.execute(sa.delete(STAGED).where(sa.exists().where(same)))
    if found.rowcount:
        intake.reasons[_REPEATED] += found.rowcount
        intake.rows -= found.rowcount
