"""A file of incidents a part at a time: typed, checked, and every row that fell out told.

Rows in = rows out + rejects, in every batch. This is where the parts meet: `files` and `workbooks`
open, a format names the columns, `placing` holds positions against countries, `wording` looks for
kidnappings in notes where that is wanted, and `table` types and checks. Memory is that of one batch
for CSV; other files are whole in memory anyway.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.errors import ConfigError, IncidentError
from kidnaprisk.incidents.cells import Cells, Sheet, recognised
from kidnaprisk.incidents.coverage import stem_of
from kidnaprisk.incidents.files import open_csv
from kidnaprisk.incidents.formats import FORMATS, Format, Repair, Tabled
from kidnaprisk.incidents.formats.mapped import MappedFormat, read_mapping
from kidnaprisk.incidents.parse import Fault
from kidnaprisk.incidents.placing import CERTAIN_KM, TOLERANCE_KM, placing
from kidnaprisk.incidents.summary import ReadSummary, rejected_by_reason, summary_of
from kidnaprisk.incidents.table import POSITION, Draft, draft_incidents, finish_incidents
from kidnaprisk.incidents.vocabulary import nearest_word
from kidnaprisk.incidents.wording import speaks_of_kidnapping
from kidnaprisk.incidents.workbooks import open_excel, read_geojson_cells, read_parquet_cells

ROWS_AT_A_TIME = 50_000
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".xlsx", ".parquet", ".geojson")
REJECT_COLUMNS = ("row", "incident_id", "reason", "column", "value", "remedy", "original")


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    ``incidents`` is canonical, without attrs; ``rejects`` has the columns `REJECT_COLUMNS`;
    ``notes`` what was assumed or left out; ``assumed`` rows whose ``known_on`` was assumed and
    ``blank`` rows passed over; ``coverage`` what the file itself says of it, unchecked; ``later``
    ids of rows that whoever asks left out: the file has them, they were not withdrawn.
    """

    incidents: gpd.GeoDataFrame
    rejects: pd.DataFrame
    summary: ReadSummary
    form: Format
    notes: tuple[str, ...]
    assumed: int
    blank: int
    coverage: object
    later: tuple[str, ...] = ()


def read_batches(
    path: str | PathLike[str],
    *,
    source: str | None = None,
    mapping: str | PathLike[str] | None = None,
    kind_from_text: bool | None = None,
    rows: int = ROWS_AT_A_TIME,
) -> Iterator[Batch]:
    """Read a file of incidents some rows at a time.

    Parameters
    ----------
    path, source, mapping, kind_from_text
        As for `read_incidents`.
    rows : int
        At most so many at a time.

    Yields
    ------
    Batch

    Raises
    ------
    IncidentError, ConfigError
        As `read_incidents`, but that a file all of whose rows are rejected is no error.

    Examples
    --------
    >>> from kidnaprisk.bundled import data_path
    >>> [len(one.incidents) for one in read_batches(data_path("incidents.csv"), rows=500)]
    [500, 219]
    """
    path = Path(fspath(path))
    try:
        formats = formats_for(path, source, mapping)
        sheet = open_sheet(path, formats, named=len(formats) == 1, rows=rows)
        seen: dict[str, int] = {}
        any_row = False
        for cells in sheet.batches:
            if cells.rows:
                any_row = True
                yield _batch(cells, sheet.form, kind_from_text, seen)
        if not any_row:
            raise IncidentError("the file has a header and no rows", remedy="get it again")
    except IncidentError as error:
        raise named_error(error, path.name) from error


def named_error(error: IncidentError, name: str) -> IncidentError:
    """The error with the name of the file, unless it names one already."""
    return IncidentError(
        error.message,
        remedy=error.remedy,
        file=error.file or name,
        row=error.row,
        column=error.column,
        value=error.value,
    )


def formats_for(
    path: Path, source: str | None, mapping: str | PathLike[str] | None
) -> tuple[Format, ...]:
    """The formats a file may be in.

    Raises
    ------
    ConfigError
        If the source is unknown or the mapping no good.
    """
    beside = path.with_name(f"{stem_of(path)}.mapping.toml")
    if mapping is not None or (source is None and beside.is_file()):
        return (MappedFormat(read_mapping(beside if mapping is None else mapping)),)
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


def open_sheet(path: Path, formats: Sequence[Format], *, named: bool, rows: int) -> Sheet:
    """Open a file of any kind that is read.

    Parameters are those of `files.open_csv`.

    Raises
    ------
    IncidentError
        If it cannot be read, is of no known kind, or is in none of the formats.
    """
    name = path.name.lower()
    if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
        raise IncidentError("an address, not a file", remedy="download it first")
    try:
        if name.endswith((".csv", ".csv.gz", ".tsv")):
            return open_csv(path, formats, named=named, rows=rows)
        if name.endswith(".xlsx"):
            return open_excel(path, formats, named=named, rows=rows)
        if name.endswith((".parquet", ".geoparquet")):
            return _whole(read_parquet_cells(path), formats, named=named)
        if name.endswith((".geojson", ".json")):
            return _whole(read_geojson_cells(path), formats, named=named)
        path.stat()
    except OSError as error:
        raise IncidentError(
            f"the file cannot be read: {error.strerror or error}", remedy="check the path"
        ) from error
    raise IncidentError(
        "a file of this kind is not read", value=path.suffix, remedy="save it as " + SUFFIXES[0]
    )


def _whole(cells: Cells, formats: Sequence[Format], *, named: bool) -> Sheet:
    return Sheet(recognised(cells.header, formats, named=named), iter((cells,)))


def _batch(cells: Cells, form: Format, kind_from_text: bool | None, seen: dict[str, int]) -> Batch:
    tabled = form.to_table(cells.frame())
    tabled = _with_kinds_from_text(tabled, kind_from_text)
    faults = (*cells.faults, *tabled.faults)
    frame = tabled.frame
    repairs = list(tabled.repairs)
    if not form.strict:
        frame, placed, swapped = _placed(frame)
        faults += (placed,)
        repairs.append(swapped)
    draft = draft_incidents(frame, cells.numbers, faults, seen)
    incidents = finish_incidents(draft)
    numbers = np.array(cells.numbers)[draft.sound].tolist()
    seen.update(zip(incidents["incident_id"].tolist(), numbers, strict=True))
    return Batch(
        incidents=incidents,
        rejects=_rejects(cells, draft),
        summary=summary_of(
            form.name,
            len(draft.table),
            incidents,
            rejected_by_reason(draft),
            int((draft.table.loc[~draft.sound, "kind"] == "kidnapping").sum()),
            _counts(repairs, draft),
        ),
        form=form,
        notes=(*cells.notes, *tabled.notes),
        assumed=int((draft.assumed & draft.sound).sum()),
        blank=cells.blank,
        coverage=cells.coverage,
    )


def _counts(repairs: Sequence[Repair], draft: Draft) -> dict[str, int]:
    """Rows put right that came in, by what was done."""
    counts = {repair.what: int((repair.rows & draft.sound).sum()) for repair in repairs}
    return {what: count for what, count in counts.items() if count}


def _with_kinds_from_text(tabled: Tabled, wanted: bool | None) -> Tabled:
    """Rows coded as other violence whose note speaks of a kidnapping, taken for kidnappings.

    If it is not said whether that is wanted: the rows for which the source has no code.
    """
    uncoded = ~np.broadcast_to(np.asarray(tabled.codes_kidnappings), len(tabled.frame))
    asked = uncoded if wanted is None else np.full(len(tabled.frame), wanted)
    if not asked.any() or tabled.texts is None:
        return tabled
    coded = tabled.frame["kind"].eq("kidnapping").fillna(value=False).to_numpy(dtype=np.bool_)
    told = speaks_of_kidnapping(tabled.texts) & asked & ~coded
    frame = tabled.frame.assign(
        kind=tabled.frame["kind"].astype("object").where(~told, "kidnapping"), kind_from_text=told
    )
    return tabled._replace(frame=frame)


def _placed(frame: pd.DataFrame) -> tuple[pd.DataFrame, Fault, Repair]:
    """Hold positions against countries: exchange what is certain, fault what is elsewhere.

    Raises
    ------
    IncidentError
        If it is not single rows but the columns that are exchanged: most rows of some countries
        would lie in them either way, and be taken for right.
    """
    lon, lat, error_km = (_numbers(frame, name) for name in (*POSITION, "location_error_km"))
    country = frame["country"].astype("object").where(frame["country"].notna(), None).to_numpy()
    found = placing(lon, lat, country, error_km)
    if found.columns_exchanged:
        raise IncidentError(
            f"latitude and longitude are exchanged: {int(found.turned.sum())} rows lie in the "
            "country they name only the other way round",
            column="longitude",
            remedy="exchange the two columns, in the header or in the mapping",
        )
    # Not by the distance where there is none: a latitude above 90 is no latitude.
    certain = found.turned & ~(found.away_km <= CERTAIN_KM)
    if certain.any():
        frame = frame.assign(
            longitude=frame["longitude"].where(~certain, frame["latitude"]),
            latitude=frame["latitude"].where(~certain, frame["longitude"]),
        )
    outside = ~certain & (found.away_km > TOLERANCE_KM + np.nan_to_num(error_km))
    where = np.full(len(frame), "", dtype=np.object_)
    where[outside] = [
        f": {km:,.0f} km from {code}" + ("; exchanged, it would be" if turned else "")
        for km, code, turned in zip(
            found.away_km[outside], country[outside], found.turned[outside], strict=True
        )
    ]
    fault = Fault(
        outside,
        "longitude",
        "the position is not in the country the row names",
        "correct the position or the country",
        where,
    )
    return frame, fault, Repair(certain, "latitude and longitude were exchanged")


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A column as numbers, NaN where it is none: what is wrong with it is told elsewhere."""
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    values = pd.to_numeric(frame[name], errors="coerce")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


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
