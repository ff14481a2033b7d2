"""From a file of incidents to the validated table, with every row that could not come in told.

Rows in = rows out + rejects, always. A fault of the file (cut off, not decodable, unknown columns)
refuses it whole; a fault of a row rejects that row, with its number, its reason and its text.
`batches` does the work; here the parts are put together and what was left out is said aloud.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Literal, overload

import geopandas as gpd
import pandas as pd

from kidnaprisk.bundled import data_path
from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.batches import (
    REJECT_COLUMNS,
    SUFFIXES,
    Batch,
    named_error,
    read_batches,
)
from kidnaprisk.incidents.coverage import (
    COVERAGE_ATTR,
    Coverage,
    GivenCoverage,
    check_named,
    coverage_beside,
    coverage_given,
    coverage_of,
    coverages_from,
)
from kidnaprisk.incidents.summary import ReadSummary, added, summary_of
from kidnaprisk.incidents.table import NOTES_ATTR, assumption_note

__all__ = [
    "REJECT_COLUMNS",
    "SUFFIXES",
    "SUMMARY_ATTR",
    "Batch",
    "IncidentWarning",
    "ReadSummary",
    "load_catalogue",
    "read_batches",
    "read_ids",
    "read_incidents",
]

SUMMARY_ATTR = "summary"
_ROWS_SHOWN = 3


class IncidentWarning(UserWarning):
    """Rows of an incident file could not be used and nobody asked for them."""


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
    coverage: GivenCoverage = None,
    mapping: str | PathLike[str] | None = None,
    kind_from_text: bool | None = None,
    return_rejects: Literal[False] = False,
) -> gpd.GeoDataFrame: ...


@overload
def read_incidents(
    path: str | PathLike[str],
    *,
    source: str | None = None,
    coverage: GivenCoverage = None,
    mapping: str | PathLike[str] | None = None,
    kind_from_text: bool | None = None,
    return_rejects: Literal[True],
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]: ...


def read_incidents(
    path: str | PathLike[str],
    *,
    source: str | None = None,
    coverage: GivenCoverage = None,
    mapping: str | PathLike[str] | None = None,
    kind_from_text: bool | None = None,
    return_rejects: bool = False,
) -> gpd.GeoDataFrame | tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Read a file of incidents into the validated table.

    Parameters
    ----------
    path : path
        A ``.csv``, ``.csv.gz``, ``.tsv``, ``.xlsx``, ``.parquet`` or ``.geojson`` file.
    source : str, optional
        Name of the file's format; found from its columns if not given. ``"own"`` is the library's
        own: the columns of the table, with ``longitude`` and ``latitude`` in WGS84 degrees. The
        others: docs/sources.
    coverage : Coverage, sequence of Coverage or path, optional
        What the file covers. If not given: a TOML file beside it, ``<stem>.coverage.toml``; else
        what a Parquet file written from such a table carries; else what is known of the source;
        else derived from the rows.
    mapping : path, optional
        A TOML file that says what the columns of a table of any other origin mean; if not given,
        ``<stem>.mapping.toml`` beside the file. See docs/sources/mapped.md.
    kind_from_text : bool, optional
        Whether a row that the source codes as other violence is a kidnapping where its note says
        so (column ``kind_from_text``); see docs/kind_from_text.md. If not given, only where the
        file has no code for kidnappings.
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
    options = {"source": source, "mapping": mapping, "kind_from_text": kind_from_text}
    batches = list(read_batches(path, **options))  # type: ignore[arg-type]
    try:
        incidents = _together([one.incidents for one in batches])
        rejects = _together([one.rejects for one in batches])
        notes = _notes(batches, len(incidents))
        if not return_rejects and len(rejects):
            notes.append(_tell(rejects, incidents, path.name))
        incidents.attrs[COVERAGE_ATTR] = [
            each.to_dict() for each in _coverage(path, coverage, batches, incidents)
        ]
    except IncidentError as error:
        raise named_error(error, path.name) from error
    summary = summary_of(
        batches[0].form.name,
        sum(one.summary.rows_in for one in batches),
        incidents,
        added(one.summary.rejected for one in batches),
        sum(one.summary.kidnappings_rejected for one in batches),
        added(one.summary.repaired for one in batches),
    )
    incidents.attrs[NOTES_ATTR] = notes
    incidents.attrs[SUMMARY_ATTR] = summary.to_dict()
    return (incidents, rejects) if return_rejects else incidents


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if len(parts) == 1:
        return parts[0]
    # An empty part has nothing to say, and its columns no types worth keeping.
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)


def _notes(batches: Sequence[Batch], n: int) -> list[str]:
    notes = list(dict.fromkeys(note for one in batches for note in one.notes))
    blank = sum(one.blank for one in batches)
    if blank:
        notes.append(f"blank rows passed over: {blank}")
    for what, count in added(one.summary.repaired for one in batches).items():
        notes.append(f"put right in {count} rows: {what}")
    return notes + assumption_note(sum(one.assumed for one in batches), n)


def _coverage(
    path: Path,
    given: GivenCoverage,
    batches: Sequence[Batch],
    incidents: gpd.GeoDataFrame,
) -> tuple[Coverage, ...]:
    """What a file covers: as said, as the source is known to, or as the rows tell."""
    declared = _declared(path, given, batches[0])
    if declared is None and len(incidents):
        declared = batches[0].form.coverage(incidents)
    if declared is not None:
        check_named(incidents["source"].unique(), declared)
        incidents.attrs[COVERAGE_ATTR] = [each.to_dict() for each in declared]
    return coverage_of(incidents)


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


def _declared(path: Path, coverage: GivenCoverage, batch: Batch) -> tuple[Coverage, ...] | None:
    declared = coverage_given(coverage_beside(path) if coverage is None else coverage)
    if declared is None and batch.coverage is not None:
        return coverages_from(batch.coverage)
    return declared


def read_ids(path: str | PathLike[str]) -> list[str]:
    """Ids of incidents from a text file, one a line; blank lines are passed over.

    Raises
    ------
    IncidentError
        If the file cannot be read, is not text or holds no id.
    """
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise IncidentError(
            f"the file cannot be read: {error.strerror or error}",
            file=name,
            remedy="check the path",
        ) from error
    except UnicodeDecodeError as error:
        raise IncidentError("not a text in UTF-8", file=name, remedy="one id a line") from error
    ids = [line.strip() for line in text.splitlines() if line.strip()]
    if not ids:
        raise IncidentError("the file holds no id", file=name, remedy="write one id a line")
    return ids
