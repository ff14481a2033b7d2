"""What was known by a day: the one door by which every model takes incidents in.

Rows known later are gone before a model sees them, and a model may speak only where a source that
records kidnappings does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.errors import CoverageError, ModelError
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.pieces import Instants, days_since_1970
from kidnaprisk.incidents.coverage import Coverage, coverage_of
from kidnaprisk.incidents.table import validate_incidents

KIDNAPPING = "kidnapping"


class Known(NamedTuple):
    """Incidents known by ``day``, the kidnappings among them, and the coverage stated of them.

    ``spoken`` is the coverage of sources that record kidnappings.
    """

    incidents: gpd.GeoDataFrame
    kidnappings: gpd.GeoDataFrame
    day: pd.Timestamp
    coverage: tuple[Coverage, ...]
    spoken: tuple[Coverage, ...]


def known_by(
    incidents: gpd.GeoDataFrame,
    as_of: object,
    coverage: Sequence[Coverage] | None = None,
    fewest: int = 1,
) -> Known:
    """The incidents of a table known by a day; by default by the last.

    Parameters
    ----------
    incidents : GeoDataFrame
        A table as :func:`kidnaprisk.read_incidents` returns it.
    as_of : date-like or None
        UTC day.
    coverage : sequence of Coverage, optional
        By default what the table says of itself.
    fewest : int
        Fewest kidnappings that will do.

    Raises
    ------
    IncidentError
        If the table is not valid.
    ModelError
        If ``as_of`` is not a day, or fewer kidnappings were known by it.
    CoverageError
        If no source tells of kidnappings.
    """
    table = validate_incidents(incidents)
    day = table["known_on"].max() if as_of is None else as_day(as_of)
    known = table[(table["known_on"] <= day).to_numpy()]
    stated = coverage_of(known) if coverage is None else tuple(coverage)
    # A source that records no kidnappings says nothing of where there are none.
    spoken = tuple(one for one in stated if KIDNAPPING in one.kinds)
    if stated and not spoken:
        raise CoverageError(
            "no source of these records tells of kidnappings",
            value=", ".join(one.source for one in stated),
            remedy="add a source that records them, or read notes with kind_from_text=True",
        )
    kidnappings = known[(known["kind"] == KIDNAPPING).to_numpy()]
    if len(kidnappings) < fewest:
        when = "" if pd.isna(day) else f" known by {day.date()}"
        raise ModelError(
            f"{len(kidnappings)} kidnappings{when}; a hazard needs at least {fewest}",
            remedy="read more history or choose a later as_of",
        )
    return Known(known, kidnappings, day, stated, spoken)


def as_day(value: Any) -> pd.Timestamp:
    """A date-like value as a UTC day.

    Raises
    ------
    ModelError
        If it is none.

    Examples
    --------
    >>> as_day("2025-01-17T23:30-02:00")
    Timestamp('2025-01-18 00:00:00')
    """
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError):
        raise ModelError("as_of is not a day", value=value, remedy="write YYYY-MM-DD") from None
    if pd.isna(stamp):
        raise ModelError("as_of is missing", value=value, remedy="write a day, YYYY-MM-DD")
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return stamp.normalize()


def date_of(day: int) -> dt.date:
    """The date of a day since 1970-01-01."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def speaking_days(
    when: Instants, region: Ints, first: Ints, last: Ints
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Last day whose records may speak at each of n instants and places; where they may at all.

    Parameters
    ----------
    when : ndarray (n,) of datetime64
        UTC.
    region : ndarray (n,)
        Covered region of each place, −1 for none.
    first, last : ndarray (r,)
        First day each region is covered, and the day on which its hazard stands still.

    Raises
    ------
    CoverageError
        If every instant lies before the records of every region begin.
    """
    day = days_since_1970(when)
    begin = int(first.min())
    if len(day) and day.max() <= begin:
        raise CoverageError(
            f"the records begin on {date_of(begin)}: nothing is known of earlier days",
            remedy="ask about a later day",
        )
    covered = (region >= 0) & (day > first[region]) & (last[region] >= first[region])
    return np.minimum(day - 1, last[region]), covered


def reporting_days(kidnappings: gpd.GeoDataFrame) -> int:
    """Days until half of the records were known."""
    delay: pd.Series = (kidnappings["known_on"] - kidnappings["date_end"]).dt.days
    return max(0, int(np.ceil(delay.median())))


def positions(points: gpd.GeoSeries) -> tuple[Floats, Floats]:
    """Longitude and latitude of n points, (n,) each.

    Raises
    ------
    ModelError
        If they are not one or more Points in EPSG:4326.
    """
    if not isinstance(points, gpd.GeoSeries) or points.crs is None or points.crs.to_epsg() != 4326:
        raise ModelError("points must be a GeoSeries in EPSG:4326", remedy="set or convert its crs")
    if not len(points) or not (points.geom_type == "Point").all() or points.is_empty.any():
        raise ModelError("points must be one or more non-empty Points", remedy="drop the others")
    return points.x.to_numpy(), points.y.to_numpy()
