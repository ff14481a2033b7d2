"""From a file of incidents to the validated table, with every row that could not come in told.

Rows in = rows out + rejects, always. A fault of the file (cut off, not decodable, unknown columns)
refuses it whole; a fault of a row rejects that row, with its number, its reason and its text. This
module only puts the parts together: `files` and `workbooks` open, `formats` name the columns,
`table` types and checks.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections import Counter
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Literal, overload

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.bundled import data_path
from kidnaprisk.errors import ConfigError, IncidentError
from kidnaprisk.incidents.coverage import (
    COVERAGE_ATTR,
    Coverage,
    coverage_of,
    coverages_from,
    read_coverage,
)
from kidnaprisk.incidents.files import Cells, read_csv_cells
from kidnaprisk.incidents.formats import FORMATS, Format, Tabled
from kidnaprisk.incidents.table import (
    NOTES_ATTR,
    Draft,
    assumption_notes,
    draft_incidents,
    finish_incidents,
)
from kidnaprisk.incidents.vocabulary import nearest_word
from kidnaprisk.incidents.workbooks import (
    read_excel_cells,
    read_geojson_cells,
    read_parquet_cells,
)

SUMMARY_ATTR = "summary"
SUFFIXES = (".csv", ".csv.gz", ".xlsx", ".parquet", ".geojson")
REJECT_COLUMNS = ("row", "incident_id", "reason", "column", "value", "remedy", "original")
_ROWS_SHOWN = 3


class IncidentWarning(UserWarning):
    """Rows of an incident file could not be used and nobody asked for them."""


@dataclasses.dataclass(frozen=True)
class ReadSummary:
    """What a read brought: counts, span and precision.

    ``rows_in`` is ``rows`` plus all ``rejected``, which counts rows by reason. ``first`` and
    ``last`` are days as ISO text, None in an empty table; ``median_location_error_km`` likewise.
    """

    format: str
    rows_in: int
    rows: int
    kidnappings: int
    countries: int
    first: str | None
    last: str | None
    median_location_error_km: float | None
    rejected: dict[str, int]


def load_catalogue() -> gpd.GeoDataFrame:
    """The bundled catalogue of publicly reported kidnappings: a sample, and a floor.

    Returns
    -------
    GeoDataFrame
        719 incidents in West, Central and North Africa, 2003 to March 2026; see
        ``data/incidents.md``.

    Examples
    --------
    >>> catalogue = load_catalogue()
    >>> catalogue.loc[catalogue["incident_id"] == "KR-BF-20250118-1", "nationalities"].item()
    'MA'
    """
    return read_incidents(data_path("incidents.csv"))


@overload
def read_incidents(
    path: str | PathLike[str],
    *,
    source: str | None = None,
    coverage: Coverage | Sequence[Coverage] | str | PathLike[str] | None = None,
    return_rejects: Literal[False] = False,
) -> gpd.GeoDataFrame: ...


@overload
def read_incidents(
    path: str | PathLike[str],
    *,
    source: str | None = None,
    coverage: Coverage | Sequence[Coverage] | str | PathLike[str] | None = None,
    return_rejects: Literal[True],
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]: ...


def read_incidents(
    path: str | PathLike[str],
    *,
    source: str | None = None,
    coverage: Coverage | Sequence[Coverage] | str | PathLike[str] | None = None,
    return_rejects: bool = False,
) -> gpd.GeoDataFrame | tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Read a file of incidents into the validated table.

    Parameters
    ----------
    path : path
        A ``.csv``, ``.csv.gz``, ``.xlsx``, ``.parquet`` or ``.geojson`` file.
    source : str, optional
        Name of the file's format; found from its columns if not given. ``"own"`` is the library's
        own: the columns of the table, with ``longitude`` and ``latitude`` in WGS84 degrees.
    coverage : Coverage, sequence of Coverage or path, optional
        What the file covers. If not given: a TOML file beside it, ``<stem>.coverage.toml``; else
        what a Parquet file written from such a table carries; else derived from the rows.
    return_rejects : bool
        Also give the rows that could not be used.

    Returns
    -------
    incidents : GeoDataFrame
        As `validate_incidents` gives it, rows in the order of the file. ``attrs`` holds, JSON-able,
        ``coverage``, ``notes`` (list of str: what was assumed or left out) and ``summary`` (the
        fields of `ReadSummary`).
    rejects : DataFrame
        Only with ``return_rejects``. ``row`` (as a spreadsheet shows it; the header is row 1),
        ``incident_id``, ``reason``, ``column``, ``value``, ``remedy`` and ``original`` (the row's
        cells as JSON).

    Raises
    ------
    IncidentError
        If the file cannot be used: missing, empty, damaged, of unknown columns, or every row of it
        is rejected and the rejects were not asked for.
    ConfigError
        If ``source`` is unknown, or the file needs a package that is not installed.

    Warns
    -----
    IncidentWarning
        If rows were rejected and the rejects were not asked for.

    Examples
    --------
    >>> from kidnaprisk.bundled import data_path
    >>> incidents, rejects = read_incidents(data_path("incidents.csv"), return_rejects=True)
    >>> len(incidents), len(rejects)
    (719, 0)
    """
    path = Path(fspath(path))
    try:
        cells, form, tabled = _table_of(path, source)
        draft = draft_incidents(tabled.frame, cells.numbers, (*cells.faults, *tabled.faults))
        rejects = _rejects(cells, draft)
        incidents = finish_incidents(draft)
        notes = [*cells.notes, *tabled.notes, *assumption_notes(draft)]
        if not return_rejects and len(rejects):
            notes.append(_tell(rejects, incidents, path.name))
        declared = _declared(path, coverage, cells)
        if declared is not None:
            _check_sources(incidents, declared)
            incidents.attrs[COVERAGE_ATTR] = [each.to_dict() for each in declared]
        incidents.attrs[COVERAGE_ATTR] = [each.to_dict() for each in coverage_of(incidents)]
    except IncidentError as error:
        raise _named(error, path.name) from error
    incidents.attrs[NOTES_ATTR] = notes
    incidents.attrs[SUMMARY_ATTR] = dataclasses.asdict(_summary(form.name, incidents, draft))
    return (incidents, rejects) if return_rejects else incidents


def _named(error: IncidentError, name: str) -> IncidentError:
    """The error with the name of the file, unless it names one already."""
    return IncidentError(
        error.message,
        remedy=error.remedy,
        file=error.file or name,
        row=error.row,
        column=error.column,
        value=error.value,
    )


def _table_of(path: Path, source: str | None) -> tuple[Cells, Format, Tabled]:
    wanted = _formats(source)
    cells = _cells(path, wanted)
    fitting = [form for form in wanted if form.recognises(cells.header)]
    if not fitting and source is None:
        raise IncidentError(
            f"the columns are of no known format ({', '.join(form.name for form in FORMATS)})",
            value=", ".join(cells.header),
            remedy="rename them to the library's own columns, position as longitude and latitude",
        )
    form = fitting[0] if fitting else wanted[0]
    if form.strict and cells.oddities:
        raise cells.oddities[0]
    if not cells.rows:
        raise IncidentError("the file has a header and no rows", remedy="get it again")
    return cells, form, form.to_table(cells.frame())


def _formats(source: str | None) -> tuple[Format, ...]:
    if source is None:
        return FORMATS
    named = tuple(form for form in FORMATS if form.name == source)
    if not named:
        names = [form.name for form in FORMATS]
        near = nearest_word(str(source), names)
        raise ConfigError(
            "an unknown format of incident files",
            column="source",
            value=source,
            remedy=f"did you mean {near!r}?" if near else "one of " + ", ".join(names),
        )
    return named


def _cells(path: Path, formats: Sequence[Format]) -> Cells:
    name = path.name.lower()
    if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
        raise IncidentError("an address, not a file", remedy="download it first")
    try:
        if name.endswith((".csv", ".csv.gz")):
            return read_csv_cells(path, lambda header: any(f.recognises(header) for f in formats))
        if name.endswith(".xlsx"):
            return read_excel_cells(path)
        if name.endswith((".parquet", ".geoparquet")):
            return read_parquet_cells(path)
        if name.endswith((".geojson", ".json")):
            return read_geojson_cells(path)
        path.stat()
    except OSError as error:
        raise IncidentError(
            f"the file cannot be read: {error.strerror or error}", remedy="check the path"
        ) from error
    raise IncidentError(
        "a file of this kind is not read", value=path.suffix, remedy="save it as " + SUFFIXES[0]
    )


def _rejects(cells: Cells, draft: Draft) -> pd.DataFrame:
    rows: list[tuple[int, str | None, str, str, str | None, str, str]] = []
    for fault in draft.faults:
        for position in np.flatnonzero(fault.rows).tolist():
            where = "" if fault.where is None else str(fault.where[position])
            rows.append(
                (
                    cells.numbers[position],
                    draft.given("incident_id", position),
                    fault.reason + where,
                    fault.column,
                    draft.given(fault.column, position),
                    fault.remedy,
                    json.dumps(cells.original(position), ensure_ascii=False),
                )
            )
    rejects = pd.DataFrame(rows, columns=list(REJECT_COLUMNS))
    rejects = rejects.astype(dict.fromkeys(REJECT_COLUMNS, "string") | {"row": "int64"})
    return rejects.sort_values("row", ignore_index=True)


def _tell(rejects: pd.DataFrame, incidents: gpd.GeoDataFrame, name: str) -> str:
    """Warn of rejects nobody asked for, and give the note that says so; raise if all were."""
    first = rejects.iloc[0]
    shown = ", ".join(str(row) for row in rejects["row"].head(_ROWS_SHOWN))
    more = ", ..." if len(rejects) > _ROWS_SHOWN else ""
    remedy = "see them with return_rejects=True"
    if not len(incidents):
        raise IncidentError(
            f"every one of {len(rejects)} rows is rejected, the first because: {first['reason']}",
            row=int(first["row"]),
            column=str(first["column"]),
            value=None if pd.isna(first["value"]) else str(first["value"]),
            remedy=f"{first['remedy']}; {remedy}",
        )
    reasons = "; ".join(
        f"{column}: {reason}" + (f" ({count} rows)" if count > 1 else "")
        for (column, reason), count in Counter(
            zip(rejects["column"], rejects["reason"], strict=True)
        ).most_common(_ROWS_SHOWN)
    )
    note = (
        f"{len(rejects)} of {len(rejects) + len(incidents)} rows were rejected "
        f"(rows {shown}{more}): {reasons}; {remedy}"
    )
    warnings.warn(f"{name}: {note}", IncidentWarning, stacklevel=3)
    return note


def _declared(
    path: Path,
    coverage: Coverage | Sequence[Coverage] | str | PathLike[str] | None,
    cells: Cells,
) -> tuple[Coverage, ...] | None:
    if isinstance(coverage, Coverage):
        return (coverage,)
    if isinstance(coverage, str | PathLike):
        return read_coverage(coverage)
    if coverage is not None:
        return coverages_from(coverage)
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    beside = path.with_name(f"{stem}.coverage.toml")
    if beside.is_file():
        return read_coverage(beside)
    return None if cells.coverage is None else coverages_from(cells.coverage)


def _check_sources(incidents: gpd.GeoDataFrame, declared: Sequence[Coverage]) -> None:
    named = {each.source for each in declared}
    for source in incidents["source"].unique():
        if source not in named:
            raise IncidentError(
                "the coverage does not name a source of the rows",
                column="source",
                value=source,
                remedy=f"add its coverage; named are {', '.join(sorted(named))}",
            )


def _summary(form: str, incidents: gpd.GeoDataFrame, draft: Draft) -> ReadSummary:
    any_row = len(incidents) > 0
    return ReadSummary(
        format=form,
        rows_in=len(draft.table),
        rows=len(incidents),
        kidnappings=int((incidents["kind"] == "kidnapping").sum()),
        countries=int(incidents["country"].nunique()),
        first=incidents["date"].min().date().isoformat() if any_row else None,
        last=incidents["date_end"].max().date().isoformat() if any_row else None,
        median_location_error_km=(
            float(incidents["location_error_km"].median())
            if incidents["location_error_km"].notna().any()
            else None
        ),
        rejected=dict(_by_reason(draft)),
    )


def _by_reason(draft: Draft) -> Counter[str]:
    counts: Counter[str] = Counter()
    for fault in draft.faults:
        counts[f"{fault.column}: {fault.reason}"] += int(fault.rows.sum())
    return counts
