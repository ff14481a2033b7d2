"""What a source of incidents records: where, from when to when, and whether as a sample.

Coverage says where a model may speak. A place or a day outside it is not safe, it is unknown. This
module holds the facts and checks their form; it does not judge whether a source keeps its word.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd

from kidnaprisk.errors import IncidentError
from kidnaprisk.incidents.vocabulary import KINDS, nearest_word, words_remedy

COVERAGE_ATTR = "coverage"
DERIVED_NOTE = "derived from the rows: the countries and days they name, nothing declared"
_REQUIRED = ("source", "areas", "start", "end", "systematic")


@dataclass(frozen=True)
class Coverage:
    """Where and when one source records incidents.

    Parameters
    ----------
    source : str
        As in the ``source`` column of the incidents.
    areas : tuple of str
        Country codes (ISO 3166-1 alpha-2), or ``region_id`` values of `load_regions` where only a
        part of a country is covered.
    start, end : datetime.date
        First and last day recorded.
    systematic : bool
        True if the source means to record every incident; False if it is a sample.
    note : str
        What a reader should know about it.
    kinds : tuple of str
        The kinds of incident it records at all, of `vocabulary.KINDS`; all of them if not given.
        Where no coverage records kidnappings, nothing is known of kidnappings.

    Raises
    ------
    IncidentError
        If a field is of the wrong kind, ``areas`` is empty, or ``end`` is before ``start``.

    Examples
    --------
    >>> Coverage("catalogue", ("ML", "BF"), dt.date(2003, 2, 19), dt.date(2026, 3, 10), False).areas
    ('ML', 'BF')
    """

    source: str
    areas: tuple[str, ...]
    start: dt.date
    end: dt.date
    systematic: bool
    note: str = ""
    kinds: tuple[str, ...] = tuple(sorted(KINDS))

    def __post_init__(self) -> None:
        """Check the fields: a coverage that is wrong makes every later answer wrong."""
        for name in ("source", "note"):
            if not isinstance(getattr(self, name), str):
                raise _wrong(name, getattr(self, name), "write text")
        if not self.source.strip():
            raise _wrong("source", self.source, "name the source as the incidents name it")
        for name in ("areas", "kinds"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        for kind in self.kinds:
            if kind not in KINDS:
                raise _wrong("kinds", kind, words_remedy(kind, KINDS))
        object.__setattr__(self, "kinds", tuple(sorted(self.kinds)))
        for name in ("start", "end"):
            day = getattr(self, name)
            if isinstance(day, dt.datetime) or not isinstance(day, dt.date):
                raise _wrong(name, day, "give a day, as YYYY-MM-DD")
        if self.end < self.start:
            raise _wrong("end", self.end.isoformat(), f"not before the start, {self.start}")
        if not isinstance(self.systematic, bool):
            raise _wrong("systematic", self.systematic, "write true or false")

    def to_dict(self) -> dict[str, Any]:
        """The coverage as JSON-able values, days as ISO text.

        Examples
        --------
        >>> day = dt.date(2020, 1, 1)
        >>> Coverage("acled", ("NE",), day, day, True).to_dict()["start"]
        '2020-01-01'
        """
        return {
            **asdict(self),
            "areas": list(self.areas),
            "kinds": list(self.kinds),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Coverage:
        """The coverage that `to_dict` gave, or a TOML table of the same keys.

        Raises
        ------
        IncidentError
            If a key is unknown or missing, or a value is of the wrong kind.
        """
        if not isinstance(values, Mapping):
            raise _wrong("coverage", values, "give a table of " + ", ".join(_REQUIRED))
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                near = nearest_word(str(key), known)
                hint = f"did you mean {near!r}?" if near else "known: " + ", ".join(known)
                raise IncidentError("a coverage has an unknown key", column=str(key), remedy=hint)
        for key in _REQUIRED:
            if key not in values:
                raise IncidentError("a coverage lacks a key", column=key, remedy="add it")
        given = dict(values)
        given["start"] = _day("start", given["start"])
        given["end"] = _day("end", given["end"])
        return cls(**given)


GivenCoverage: TypeAlias = Coverage | Sequence[Coverage] | str | PathLike[str] | None


def _texts(name: str, values: object) -> tuple[str, ...]:
    what = "country code or region_id" if name == "areas" else "kind of incident"
    if not isinstance(values, list | tuple) or not values:
        raise _wrong(name, values, f"list at least one {what}")
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise _wrong(name, values, f"list each {what} as text")
    return tuple(dict.fromkeys(values))


def _wrong(name: str, value: object, remedy: str) -> IncidentError:
    return IncidentError("a coverage is not valid", column=name, value=value, remedy=remedy)


def _day(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise _wrong(name, value, "give a day, as YYYY-MM-DD") from error


def coverage_of(incidents: gpd.GeoDataFrame) -> tuple[Coverage, ...]:
    """The coverage an incident table was read with, or else one derived from its rows.

    Parameters
    ----------
    incidents : GeoDataFrame
        A validated incident table. ``attrs["coverage"]`` is a list of `Coverage.to_dict`.

    Returns
    -------
    tuple of Coverage
        Where the table carries none: for each source the countries its rows name, from its first
        day to its last, as a sample, with a note that it was derived. Empty for an empty table.

    Raises
    ------
    IncidentError
        If the coverage the table carries is not valid.
    """
    carried = incidents.attrs.get(COVERAGE_ATTR)
    known = () if carried is None else coverages_from(carried)
    # A derived coverage follows the rows that are here now, not those it was derived from.
    declared = [one for one in known if one.note != DERIVED_NOTE]
    if declared and len(declared) == len(known):
        return known
    named = {one.source for one in declared}
    derived = []
    for source, rows in incidents.groupby("source", sort=True):
        if source in named:
            continue
        derived.append(
            Coverage(
                source=str(source),
                areas=tuple(sorted({str(code) for code in rows["country"].dropna()})),
                start=rows["date"].min().date(),
                end=rows["date_end"].max().date(),
                systematic=False,
                note=DERIVED_NOTE,
                kinds=tuple(rows["kind"].unique().tolist()),
            )
        )
    return (*declared, *derived)


def coverages_from(values: object) -> tuple[Coverage, ...]:
    """Coverages from a list of dicts as ``attrs["coverage"]`` holds it.

    Raises
    ------
    IncidentError
        If it is not a list of valid coverages.
    """
    if not isinstance(values, list | tuple):
        raise _wrong("coverage", values, "give a list of coverages")
    return tuple(
        value if isinstance(value, Coverage) else Coverage.from_dict(value) for value in values
    )


def read_coverage(path: str | PathLike[str]) -> tuple[Coverage, ...]:
    """Coverages from a TOML file of ``[[coverage]]`` tables.

    Parameters
    ----------
    path : path
        Keys of each table: source, areas, start, end, systematic, note (optional).

    Returns
    -------
    tuple of Coverage

    Raises
    ------
    IncidentError
        If the file cannot be read, is not TOML, or holds no valid coverage.

    Examples
    --------
    >>> from kidnaprisk.bundled import data_path
    >>> {coverage.systematic for coverage in read_coverage(data_path("incidents.coverage.toml"))}
    {False}
    """
    name = Path(path).name
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise IncidentError(
            "a coverage file cannot be read", file=name, remedy=error.strerror or "check the path"
        ) from error
    except ValueError as error:
        raise IncidentError(
            f"a coverage file is not TOML in UTF-8 ({error})", file=name, remedy="correct it"
        ) from error
    tables = content.pop("coverage", None)
    if content or not isinstance(tables, list) or not tables:
        raise IncidentError(
            "a coverage file holds something other than [[coverage]] tables",
            file=name,
            column=next(iter(content), None),
            remedy="write one [[coverage]] table for each source",
        )
    try:
        return coverages_from(tables)
    except IncidentError as error:
        raise IncidentError(
            error.message, file=name, column=error.column, value=error.value, remedy=error.remedy
        ) from error


def coverage_given(coverage: GivenCoverage) -> tuple[Coverage, ...] | None:
    """Coverage as a caller gives it: one, several, or a TOML file of them.

    Raises
    ------
    IncidentError
        If it is none.
    """
    if coverage is None:
        return None
    if isinstance(coverage, Coverage):
        return (coverage,)
    return (
        read_coverage(coverage)
        if isinstance(coverage, str | PathLike)
        else coverages_from(coverage)
    )


def coverage_path(path: Path) -> Path:
    """Where the coverage of a file of incidents stands: beside it, ``<stem>.coverage.toml``.

    Examples
    --------
    >>> coverage_path(Path("incidents.csv.gz")).name
    'incidents.coverage.toml'
    """
    return path.with_name(f"{stem_of(path)}.coverage.toml")


def coverage_beside(path: Path) -> Path | None:
    """The TOML file that says what a file of incidents covers, if there is one beside it."""
    beside = coverage_path(path)
    return beside if beside.is_file() else None


def stem_of(path: Path) -> str:
    """A file's name without its endings."""
    return path.name.removesuffix(".gz").rpartition(".")[0]


def check_named(sources: Iterable[str], declared: Sequence[Coverage]) -> None:
    """Check that a coverage names every source of the rows it is given for.

    Raises
    ------
    IncidentError
        If it does not.
    """
    named = {one.source for one in declared}
    for source in sources:
        if source not in named:
            raise IncidentError(
                "the coverage does not name a source of the rows",
                column="source",
                value=source,
                remedy=f"add its coverage; named are {', '.join(sorted(named))}",
            )
