"""The incident table: its columns, its types, and the one door by which rows come in.

Every incident the library works with has passed `validate_incidents`, or `read_incidents`, which
runs the same rules on files. Behind the door a table is canonical: these columns in this order,
these dtypes, ids unique, positions and days given. Nothing downstream checks again. A value that
is unknown is missing (pd.NA), never 0, -9 or -99; ``NA`` is Namibia.

What each column holds: data/incidents.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from kidnaprisk.errors import IncidentError
from kidnaprisk.geodesy import Floats
from kidnaprisk.incidents.checks import repeated_ids, row_faults
from kidnaprisk.incidents.coverage import COVERAGE_ATTR, coverages_from
from kidnaprisk.incidents.parse import (
    Fault,
    Mask,
    cell_text,
    count_column,
    day_column,
    flag_column,
    number_column,
    text_column,
)
from kidnaprisk.incidents.vocabulary import nearest_word

Shapes = npt.NDArray[np.object_]

COLUMNS = (
    "incident_id",
    "source",
    "kind",
    "date",
    "date_end",
    "known_on",
    "location_error_km",
    "country",
    "admin1",
    "place",
    "setting",
    "victims",
    "foreign_victims",
    "nationalities",
    "sector",
    "perpetrator",
    "demand",
    "outcome",
    "outcome_date",
    "ransom_usd",
    "source_url",
    "kind_from_text",
    "provenance",
    "geometry",
)
REQUIRED = ("incident_id", "source", "kind", "date", "country")
POSITION = ("longitude", "latitude")
DAYS = ("date", "date_end", "known_on", "outcome_date")
COUNTS = ("victims", "foreign_victims")
NUMBERS = ("location_error_km", "ransom_usd")
FLAGS = ("kind_from_text",)

CRS = "EPSG:4326"
NOTES_ATTR = "notes"
# Until a source says when its records could be read. A week covers nearly all reports that name
# the weekday of a taking, which is how most of the press tells it.
ASSUMED_REPORTING_DELAY_DAYS = 7


@dataclass(frozen=True)
class Draft:
    """Rows on their way in: typed, with what is wrong about them.

    ``table`` n rows, the columns of the incident table with ``longitude`` and ``latitude`` for
    ``geometry``; ``frame`` the n rows as they were given; ``faults`` the rules broken, at most
    the first of each row; ``assumed`` (n,) rows whose ``known_on`` was assumed.
    """

    table: pd.DataFrame
    frame: pd.DataFrame
    faults: list[Fault]
    assumed: Mask

    @property
    def sound(self) -> Mask:
        """Rows (n,) that break no rule."""
        return _sound(len(self.table), self.faults)

    def given(self, column: str, position: int) -> str | None:
        """What was given in one cell, as text; None where it was empty or not given."""
        if column not in self.frame.columns:
            return None
        return cell_text(self.frame[column].iloc[position])


def _sound(n: int, faults: Iterable[Fault]) -> Mask:
    sound = np.ones(n, dtype=np.bool_)
    for fault in faults:
        sound &= ~fault.rows
    return sound


def draft_incidents(
    frame: pd.DataFrame,
    row_numbers: list[int],
    faults: Iterable[Fault] = (),
    earlier: Mapping[str, int] | None = None,
) -> Draft:
    """Type the columns of a table and find every row that breaks a rule.

    Parameters
    ----------
    frame : DataFrame
        n rows, index 0 to n - 1, of the incident table's columns (any subset), and ``longitude``,
        ``latitude``; cells as text or as typed values. Other columns are not looked at.
    row_numbers : list of n int
        As a spreadsheet shows them.
    faults : iterable of Fault
        What the caller already found, put before the rules of the table.
    earlier : mapping of str to int, optional
        Ids that earlier rows of the same file have used, with their row numbers.

    Returns
    -------
    Draft
    """
    n = len(frame)
    columns: dict[str, pd.Series] = {}
    found = list(faults)
    for name in (*COLUMNS[:-1], *POSITION):
        absent = name not in frame.columns
        given = pd.Series([None] * n, name=name, dtype="object") if absent else frame[name]
        columns[name], wrong = _typed(name)(given)
        found.extend(wrong)
    table = pd.DataFrame(columns)
    table["date_end"] = table["date_end"].fillna(table["date"])
    assumed = table["known_on"].isna().to_numpy()
    delay = pd.Timedelta(days=ASSUMED_REPORTING_DELAY_DAYS)
    table["known_on"] = table["known_on"].fillna(table["date_end"] + delay).astype("datetime64[ns]")
    found.extend(row_faults(table))
    first = _first_of_each_row(n, found)
    first.append(repeated_ids(table, _sound(n, first), row_numbers, earlier or {}))
    return Draft(table, frame, [fault for fault in first if fault.rows.any()], assumed)


def _typed(column: str) -> Callable[[pd.Series], tuple[pd.Series, list[Fault]]]:
    if column in DAYS:
        return day_column
    if column in COUNTS:
        return count_column
    if column in FLAGS:
        return flag_column
    return number_column if column in NUMBERS or column in POSITION else text_column


def _first_of_each_row(n: int, faults: Iterable[Fault]) -> list[Fault]:
    """Keep of each row only the first rule it breaks."""
    taken = np.zeros(n, dtype=np.bool_)
    kept = []
    for fault in faults:
        rows = fault.rows & ~taken
        taken |= rows
        kept.append(fault._replace(rows=rows))
    return kept


def finish_incidents(draft: Draft, points: Shapes | None = None) -> gpd.GeoDataFrame:
    """The sound rows of a draft as a canonical table, without attrs.

    ``points`` (n,) are taken for the geometry if given; else they are made from the position.
    """
    sound = draft.sound
    rows = draft.table.loc[sound].reset_index(drop=True)
    if points is None:
        geometry = gpd.points_from_xy(
            rows["longitude"].to_numpy(dtype=np.float64),
            rows["latitude"].to_numpy(dtype=np.float64),
        )
    else:
        geometry = points[sound]
        if shapely.has_z(geometry).any():
            geometry = shapely.force_2d(geometry)
    values = {name: rows[name] for name in COLUMNS[:-1]}
    return gpd.GeoDataFrame(values, geometry=geometry, crs=CRS)


def assumption_note(assumed: int, n: int) -> list[str]:
    """What was assumed about some of n sound rows, in words; nothing if in none."""
    if not assumed:
        return []
    note = (
        f"known_on was not given in {assumed} of {n} rows and assumed to be "
        f"date_end + {ASSUMED_REPORTING_DELAY_DAYS} days"
    )
    return [note]


def validate_incidents(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check an incident table made in memory and bring it to the canonical form.

    Parameters
    ----------
    incidents : GeoDataFrame
        Columns ``incident_id, source, kind, date, country`` and point geometry in EPSG:4326 are
        required; the rest of `COLUMNS` may be absent. Its index does not matter. A blank
        ``location_error_km`` stays missing; a model says what it takes instead.
        ``attrs["coverage"]``, if there, is a list of `Coverage.to_dict`.

    Returns
    -------
    GeoDataFrame
        A fresh table: exactly `COLUMNS`, in order, index 0 to n - 1, rows in the order given. A
        blank ``date_end`` is ``date``; a blank ``known_on`` is ``date_end`` plus
        `ASSUMED_REPORTING_DELAY_DAYS`, and ``attrs["notes"]`` says in how many rows. Text loses
        stray white space, points lose z. Other columns are left out, and named in the notes.

    Raises
    ------
    IncidentError
        If a column is missing, the CRS is missing or another one, or any row breaks a rule: an
        unknown word or country code, a position that is none, an id used twice, ``date_end`` or
        ``known_on`` before ``date``, more foreign victims than victims, a number that stands for
        unknown. The first one is named, with how many further rows have the same fault.

    Examples
    --------
    >>> table = gpd.GeoDataFrame(
    ...     {
    ...         "incident_id": ["a"], "source": ["mine"], "kind": ["kidnapping"],
    ...         "date": ["2025-01-18"], "location_error_km": [25], "country": ["BF"],
    ...     },
    ...     geometry=gpd.points_from_xy([0.3], [14.1]), crs="EPSG:4326",
    ... )
    >>> incidents = validate_incidents(table)
    >>> incidents.loc[0, "known_on"]
    Timestamp('2025-01-25 00:00:00')
    >>> validate_incidents(table.assign(kind="kidnaping"))
    Traceback (most recent call last):
        ...
    kidnaprisk.errors.IncidentError: a word the table does not know (row 2, column 'kind', value
    'kidnaping'): did you mean 'kidnapping'? one of attack, battle, ...
    """
    _check_table(incidents)
    _check_columns(incidents)
    _check_crs(incidents)
    points = np.asarray(incidents.geometry.array, dtype=np.object_)
    flat, placed = flat_points(points)
    frame = pd.DataFrame(incidents.drop(columns=incidents.geometry.name)).reset_index(drop=True)
    frame["longitude"], frame["latitude"] = flat[:, 0], flat[:, 1]
    row_numbers = list(range(2, len(frame) + 2))
    draft = draft_incidents(frame, row_numbers, [unplaced_fault(placed)])
    if draft.faults:
        raise _error_of(draft, points, row_numbers)
    checked = finish_incidents(draft, points)
    checked.attrs = _attrs(incidents, draft)
    return checked


def positions_of(incidents: gpd.GeoDataFrame) -> tuple[Floats, Floats]:
    """Longitude and latitude of n incidents, checked; no other column is looked at.

    Raises
    ------
    IncidentError
        If it is not a table of points in EPSG:4326.
    """
    _check_table(incidents)
    _check_crs(incidents)
    flat, placed = flat_points(np.asarray(incidents.geometry.array, dtype=np.object_))
    if not placed.all():
        row = int(np.flatnonzero(~placed)[0])
        raise IncidentError(
            "a position is missing or not a point",
            row=row + 2,
            column="geometry",
            remedy="pass the table through validate_incidents, which says more",
        )
    return np.ascontiguousarray(flat[:, 0]), np.ascontiguousarray(flat[:, 1])


def _check_table(incidents: object) -> None:
    if not isinstance(incidents, gpd.GeoDataFrame):
        raise IncidentError(
            f"incidents must be a GeoDataFrame, not a {type(incidents).__name__}",
            remedy="read them with read_incidents, or build one with geopandas.points_from_xy",
        )
    if incidents.columns.nlevels > 1 or not incidents.columns.is_unique:
        doubled = incidents.columns[incidents.columns.duplicated()]
        raise IncidentError(
            "a column name is used twice",
            column=str(doubled[0]) if len(doubled) else None,
            remedy="keep one column of each name, on one level",
        )
    if incidents._geometry_column_name not in incidents.columns:
        raise IncidentError(
            "the table has no geometry column",
            column="geometry",
            remedy="set one with set_geometry; the position of each incident must be known",
        )


def _check_columns(incidents: gpd.GeoDataFrame) -> None:
    names = [str(name) for name in incidents.columns]
    for required in REQUIRED:
        if required not in incidents.columns:
            near = nearest_word(required, set(names) - set(COLUMNS))
            raise IncidentError(
                "a required column is missing",
                column=required,
                remedy=f"did you mean it by {near!r}? rename it" if near else "add it",
            )


def _check_crs(incidents: gpd.GeoDataFrame) -> None:
    if incidents.crs is None:
        raise IncidentError(
            "the geometry has no coordinate reference system",
            column="geometry",
            remedy="if it is longitude and latitude: incidents.set_crs('EPSG:4326')",
        )
    # CRS84 differs from EPSG:4326 only in its axis order, which geopandas does not follow.
    if not pyproj.CRS(incidents.crs).equals(pyproj.CRS(CRS), ignore_axis_order=True):
        raise IncidentError(
            "the geometry is not in longitude and latitude (EPSG:4326)",
            column="geometry",
            value=pyproj.CRS(incidents.crs).name,
            remedy="convert it: incidents.to_crs('EPSG:4326')",
        )


def flat_points(points: Shapes) -> tuple[Floats, Mask]:
    """Longitude and latitude (n, 2) of n geometries, and which of them are usable points."""
    is_point = (shapely.get_type_id(points) == shapely.GeometryType.POINT) & ~shapely.is_empty(
        points
    )
    flat = np.full((len(points), 2), np.nan)
    flat[is_point, 0] = shapely.get_x(points[is_point])
    flat[is_point, 1] = shapely.get_y(points[is_point])
    return flat, is_point & np.isfinite(flat).all(axis=1)


def unplaced_fault(placed: Mask) -> Fault:
    """The fault of rows whose geometry is no usable point, from (n,) which are."""
    return Fault(
        ~placed,
        "geometry",
        "not a point with finite coordinates",
        "give each incident one point, and the doubt about it in location_error_km",
    )


def _error_of(draft: Draft, points: Shapes, row_numbers: list[int]) -> IncidentError:
    fault = draft.faults[0]
    position = int(np.flatnonzero(fault.rows)[0])
    more = int(fault.rows.sum()) - 1
    reason = fault.reason if fault.where is None else fault.reason + str(fault.where[position])
    if more:
        reason += f", and so in {more} further row{'s' if more > 1 else ''}"
    given = points[position] if fault.column == "geometry" else draft.given(fault.column, position)
    return IncidentError(
        reason,
        row=row_numbers[position],
        column=fault.column,
        value=None if given is None else str(given),
        remedy=fault.remedy,
    )


def _attrs(incidents: gpd.GeoDataFrame, draft: Draft) -> dict[str, object]:
    attrs: dict[str, object] = copy.deepcopy(dict(incidents.attrs))
    if attrs.get(COVERAGE_ATTR) is not None:
        attrs[COVERAGE_ATTR] = [
            coverage.to_dict() for coverage in coverages_from(attrs[COVERAGE_ATTR])
        ]
    earlier = attrs.get(NOTES_ATTR)
    notes = [str(note) for note in earlier] if isinstance(earlier, list | tuple) else []
    sound = draft.sound
    notes += assumption_note(int((draft.assumed & sound).sum()), int(sound.sum()))
    extra = [
        str(name)
        for name in incidents.columns
        if name not in COLUMNS and name != incidents.geometry.name
    ]
    if extra:
        notes.append("columns that are not part of the table were left out: " + ", ".join(extra))
    attrs[NOTES_ATTR] = list(dict.fromkeys(notes))
    return attrs
