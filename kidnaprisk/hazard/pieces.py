"""What a hazard model is asked: short timed pieces of a trip, and the protocol it answers by.

A user's own model needs only :meth:`HazardModel.intensity`; :func:`integrate_by_quadrature` turns
it into exposure. A model with a closed form offers ``integrate`` as well and is asked that instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, Ints, ecef_km, forward, inverse, wrap_lon
from kidnaprisk.hazard.network import Standing

Instants = npt.NDArray[np.datetime64]

HOURS_PER_DAY = 24.0
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2200
# Three Gauss-Legendre points along a piece of at most 5 km, and seven on the disc around each
# (Stroud S2: 5-1, exact to degree 5): far below the scale on which any hazard is known.
_ALONG = np.array([0.5 - np.sqrt(0.15), 0.5, 0.5 + np.sqrt(0.15)])
_ALONG_WEIGHT = np.array([5.0, 8.0, 5.0]) / 18.0
_DISC_RADIUS = np.array([0.0, *([np.sqrt(2.0 / 3.0)] * 6)])
_DISC_AZIMUTH = np.array([0.0, *(60.0 * np.arange(6))])
_DISC_WEIGHT = np.array([0.25, *([0.125] * 6)])


@dataclass(frozen=True)
class Pieces:
    """n pieces of a trip, each straight, at most 5 km long and within one UTC day.

    Parameters
    ----------
    start, end : ndarray (n, 2)
        Longitude and latitude in degrees; equal where the vehicle is parked.
    hours : ndarray (n,)
        Time spent on the piece.
    when : ndarray (n,) of datetime64[ns]
        UTC instant at which the piece is entered.
    radius_km : float
        Encounter radius ρ.
    """

    start: Floats
    end: Floats
    hours: Floats
    when: Instants
    radius_km: float

    def __len__(self) -> int:
        return len(self.hours)

    @property
    def factor(self) -> Floats:
        """Incidents met per unit of mean hazard: π ρ² · days, km² day, (n,)."""
        days: Floats = self.hours / HOURS_PER_DAY
        return np.pi * self.radius_km**2 * days

    def middle(self) -> tuple[Floats, Floats]:
        """Longitude and latitude half-way between the ends, (n,) each."""
        across = (self.end[:, 0] - self.start[:, 0] + 540.0) % 360.0 - 180.0
        return wrap_lon(self.start[:, 0] + 0.5 * across), 0.5 * (self.start[:, 1] + self.end[:, 1])

    def ecef(self) -> tuple[Floats, Floats]:
        """Ends of the pieces in ECEF km, each (n, 3)."""
        return ecef_km(*self.start.T), ecef_km(*self.end.T)

    def take(self, rows: Ints | npt.NDArray[np.bool_]) -> Pieces:
        """The pieces at ``rows``, in that order."""
        return Pieces(
            self.start[rows], self.end[rows], self.hours[rows], self.when[rows], self.radius_km
        )


@runtime_checkable
class HazardModel(Protocol):
    """Anything that can say how dangerous a place is at an instant."""

    def intensity(self, points: gpd.GeoSeries, when: object) -> npt.ArrayLike:
        """λ at n points and one instant or n, incidents per km² per day; NaN where unknown."""
        ...


class Evidence(NamedTuple):
    """What speaks for an exposure: n pieces in g groups, r records.

    ``expected`` (n,) incidents met on each piece; ``weight_sum`` and ``weight_square`` (g,) Σa and
    Σa² over kidnappings; ``of_record`` (r,) each record's part in the whole, rows of ``records_``;
    ``from_records`` (n,) what records of any kind add to each piece, where the model tells: the
    rest is of towns and floor.
    """

    expected: Floats
    weight_sum: Floats
    weight_square: Floats
    of_record: Floats
    from_records: Floats | None = None


@runtime_checkable
class ExplainedHazard(HazardModel, Protocol):
    """A hazard that also tells where it may speak, which records speak, and how surely."""

    records_: pd.DataFrame
    dispersion_: float
    fewest_effective: float

    def covers(self, region_id: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
        """Whether the model may speak in each of n regions."""
        ...

    def evidence(self, pieces: Pieces, group: Ints, n_groups: int) -> Evidence:
        """Expected incidents on each piece, and what speaks for each group of pieces."""
        ...

    def standing(self, when: pd.Timestamp, radius_km: float) -> Standing:
        """The hazard along the reference network on a day."""
        ...

    def describe(self) -> dict[str, object]:
        """What a report says of the model: name, as_of, origin, incidents, systematic, coverage."""
        ...


def days_since_1970(when: Instants) -> Ints:
    """Whole UTC days since 1970-01-01."""
    days: Ints = when.astype("datetime64[D]").astype(np.int64)
    return days


def utc_instants(when: Any, n: int) -> Instants:
    """One instant or n of them as n UTC datetime64[ns].

    Raises
    ------
    ModelError
        If an instant cannot be read or has no time zone, or there are neither 1 nor n of them.

    Examples
    --------
    >>> utc_instants("2025-01-18T06:00+01:00", 1)
    array(['2025-01-18T05:00:00.000000000'], dtype='datetime64[ns]')
    """
    remedy = "give one instant or n with an offset, for example 2025-01-17T06:00Z"
    many = isinstance(when, (list, tuple, np.ndarray, pd.Series, pd.Index))
    try:
        if isinstance(when, pd.DatetimeIndex):
            stamps = when
        else:
            # One by one: a list may hold instants of several offsets.
            each = [pd.Timestamp(one) for one in (when if many else [when])]
            if any(pd.notna(one) and one.tzinfo is None for one in each):
                raise ModelError("an instant has no time zone", column="when", remedy=remedy)
            stamps = pd.DatetimeIndex(
                [one.tz_convert("UTC") if pd.notna(one) else one for one in each]
            )
    except ModelError:
        raise
    except (ValueError, TypeError, OverflowError):
        raise ModelError(
            "an instant cannot be read", column="when", value=when, remedy=remedy
        ) from None
    if stamps.hasnans or stamps.tz is None:
        fault = "is missing" if stamps.hasnans else "has no time zone"
        raise ModelError(f"an instant {fault}", column="when", remedy=remedy)
    if len(stamps) not in (1, n):
        raise ModelError(f"{len(stamps)} instants for {n} points", remedy=remedy)
    if stamps.year.min() < _EARLIEST_YEAR or stamps.year.max() > _LATEST_YEAR:
        raise ModelError(
            f"an instant lies outside the years {_EARLIEST_YEAR} to {_LATEST_YEAR}",
            column="when",
            remedy="correct the year",
        )
    naive = stamps.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")
    return np.broadcast_to(naive, (n,)) if len(naive) == 1 else naive


def integrate_by_quadrature(model: HazardModel, pieces: Pieces) -> Floats:
    """Exposure on each piece of a model that only offers ``intensity``.

    Parameters
    ----------
    model : HazardModel
    pieces : Pieces
        n pieces.

    Returns
    -------
    ndarray (n,)
        Expected incidents met; NaN where the model answers NaN anywhere on a piece.

    Raises
    ------
    ModelError
        If the model returns another number of values, or a negative or infinite one.
    """
    n = len(pieces)
    azimuth, length_km = inverse(*pieces.start.T, *pieces.end.T)
    shape = (n, len(_ALONG))
    lon, lat = forward(
        np.broadcast_to(pieces.start[:, :1], shape).ravel(),
        np.broadcast_to(pieces.start[:, 1:], shape).ravel(),
        np.broadcast_to(azimuth[:, None], shape).ravel(),
        (length_km[:, None] * _ALONG).ravel(),
    )
    disc = (len(lon), len(_DISC_RADIUS))
    lon, lat = forward(
        np.broadcast_to(lon[:, None], disc).ravel(),
        np.broadcast_to(lat[:, None], disc).ravel(),
        np.broadcast_to(_DISC_AZIMUTH, disc).ravel(),
        np.broadcast_to(pieces.radius_km * _DISC_RADIUS, disc).ravel(),
    )
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326")
    instants = pd.DatetimeIndex(np.repeat(pieces.when, disc[1] * shape[1])).tz_localize("UTC")
    values = checked_intensity(model, points, instants).reshape(disc)
    # A disc that reaches over a coast or border is averaged over the part the model speaks of;
    # where it is silent on the road itself, the piece is not covered.
    told = ~np.isnan(values)
    weight = np.where(told, _DISC_WEIGHT, 0.0)
    on_disc = np.sum(np.where(told, values, 0.0) * weight, axis=1) / np.maximum(
        weight.sum(axis=1), _DISC_WEIGHT.min()
    )
    on_disc[~told[:, 0]] = np.nan
    along: Floats = np.sum(on_disc.reshape(shape) * _ALONG_WEIGHT, axis=1)
    return pieces.factor * along


def checked_intensity(model: HazardModel, points: gpd.GeoSeries, when: object) -> Floats:
    """The model's answer, refused where it is not n values of a rate."""
    return _checked(model.intensity(points, when), len(points), f"{type(model).__name__}.intensity")


def checked_integral(model: Any, pieces: Pieces) -> Floats:
    """The answer of a model's own ``integrate``, refused where it is not n expected counts."""
    return _checked(model.integrate(pieces), len(pieces), f"{type(model).__name__}.integrate")


def checked_cover(model: Any, region_id: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """The answer of a model's own ``covers``, refused where it is not n times yes or no."""
    given = np.asarray(model.covers(region_id))
    if given.dtype != np.bool_ or given.shape != (len(region_id),):
        raise ModelError(
            f"{type(model).__name__}.covers returned {given.dtype} of shape {given.shape} for "
            f"{len(region_id)} regions",
            remedy="return one True or False each",
        )
    return given


def _checked(answer: object, n: int, who: str) -> Floats:
    remedy = "return one real number each, 0 or more, NaN where the model may not speak"
    try:
        given = np.asarray(answer)
    except ValueError:
        raise ModelError(f"{who} returned a ragged list", remedy=remedy) from None
    if given.dtype.kind not in "fiu":
        raise ModelError(f"{who} returned {given.dtype}, not numbers", remedy=remedy)
    if given.shape != (n,):
        raise ModelError(f"{who} returned shape {given.shape} for {n}", remedy=remedy)
    values = given.astype(np.float64)
    if np.any(values < 0.0) or np.any(np.isinf(values)):
        raise ModelError(f"{who} returned a negative or infinite number", remedy=remedy)
    return values
