"""Simple forecasts that a hazard model must beat: what many would do with the same records.

An even rate; the count of each cell in the last month; its long-run mean; one kernel density, with
and without decay; a rate per region, shrunk towards all. Each reads kidnappings alone, at their
recorded positions, and is mixed with the mean rate of the past. Options, level and even share are
those that best foretold past months (:mod:`kidnaprisk.evaluation.past_months`).

Not for scoring trips: a baseline tells no interval and no reasons.

Source: Chainey, Tompson and Uhlig (2008), "The utility of hotspot mapping for predicting spatial
patterns of crime", Security Journal 21, for cells and kernels; Clayton and Kaldor (1987),
"Empirical Bayes estimates of age-standardized relative risks", Biometrics 43, for Gamma–Poisson.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from kidnaprisk.errors import ModelError
from kidnaprisk.evaluation.past_months import (
    Learned,
    Past,
    Shape,
    learn_from_months,
    past_of,
)
from kidnaprisk.evaluation.shapes import Cells, Even, Kernel, Regions
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.area import covered_days, covered_gaps, covered_regions, day_number
from kidnaprisk.hazard.known import (
    date_of,
    known_by,
    positions,
    reporting_days,
    speaking_days,
)
from kidnaprisk.hazard.pieces import utc_instants
from kidnaprisk.incidents.coverage import Coverage

Mask = npt.NDArray[np.bool_]

# Each list runs from the boldest to the most cautious.
BANDWIDTHS_KM = (3.0, 6.0, 12.0, 25.0, 50.0, 100.0)
MEMORIES_DAYS = (20.0, 60.0, 180.0, 730.0, np.inf)
PRIOR_INCIDENTS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
LAST_DAYS = 30


class _Baseline(BaseEstimator):  # type: ignore[misc]
    """Habits that all baselines share: fitted as of a day, silent outside the covered area.

    Parameters
    ----------
    coverage : sequence of Coverage, optional
        What the records cover; by default what the table says of itself.

    Attributes
    ----------
    learned_ : Learned
        What past months taught; of the even rate, nothing.
    chosen_ : dict of str to float
        The options taken, by name.
    n_kidnappings_ : int
    coverage_, as_of_, covered_regions_, covered_from_, covered_until_, origin_day_
        As in :class:`kidnaprisk.hazard.mixture.KernelMixture`.
    """

    learned_: Learned
    chosen_: dict[str, float]
    n_kidnappings_: int
    coverage_: tuple[Coverage, ...]
    as_of_: pd.Timestamp
    covered_regions_: npt.NDArray[np.str_]
    covered_from_: Ints
    covered_until_: Ints
    origin_day_: int

    def __init__(self, coverage: Sequence[Coverage] | None = None) -> None:
        self.coverage = coverage

    def _options(self) -> dict[str, Floats]:
        """What past months choose among, by name; each list ends with the most cautious."""
        return {}

    def _shape(self, past: Past, options: dict[str, Floats]) -> Shape | None:
        """The forecast under every combination of options; None for the even rate alone."""
        raise NotImplementedError

    def fit(self, incidents: gpd.GeoDataFrame, as_of: object = None) -> Self:
        """Learn from the kidnappings known by a day.

        Parameters
        ----------
        incidents : GeoDataFrame
            A table as :func:`kidnaprisk.read_incidents` returns it.
        as_of : date-like, optional
            Only rows with ``known_on`` up to this UTC day are looked at. By default all.

        Raises
        ------
        IncidentError
            If the table is not valid.
        ModelError
            If no kidnapping was known, or ``as_of`` is not a day.
        CoverageError
            If no coverage tells of kidnappings, or names no region.
        """
        known = known_by(incidents, as_of, self.coverage)
        kidnappings, delay = known.kidnappings, reporting_days(known.kidnappings)
        regions, day = covered_regions(known.spoken), day_number(known.day.date())
        first, until = covered_days(regions, known.spoken, day, delay)
        gaps = covered_gaps(regions, known.spoken)
        self._past = past_of(kidnappings, regions, first, until, gaps, delay)
        self.covered_regions_ = regions["region_id"].to_numpy(dtype=str)
        self.covered_from_, self.covered_until_ = first, until
        self.origin_day_, self.n_kidnappings_ = int(until.max()), len(kidnappings)
        self.coverage_, self.as_of_ = known.coverage, known.day
        self._learn()
        return self

    def _learn(self) -> None:
        options = self._options()
        shape = self._shape(self._past, options)
        self.chosen_, self._chosen_shape = {}, None
        if shape is None:
            self.learned_ = Learned(0, 0.0, 1.0, 0, 0, np.nan)
            return
        lengths = [len(one) for one in options.values()]
        self.learned_ = learn_from_months(self._past, shape, int(np.prod(lengths, dtype=int)))
        at = np.unravel_index(self.learned_.option, lengths) if lengths else ()
        taken = {name: options[name][[i]] for name, i in zip(options, at, strict=True)}
        self.chosen_ = {name: float(one[0]) for name, one in taken.items()}
        self._chosen_shape = self._shape(self._past, taken)

    def _check_fitted(self) -> None:
        if not hasattr(self, "learned_"):
            raise ModelError("this model is not fitted", remedy="call fit(incidents) first")

    def covers(self, region_id: Sequence[str] | npt.NDArray[np.object_]) -> Mask:
        """Whether the model's records reach each of n regions at any time, (n,)."""
        self._check_fitted()
        return np.isin(np.asarray(region_id, dtype=str), self.covered_regions_)

    def intensity(self, points: gpd.GeoSeries, when: object) -> Floats:
        """λ at n points and one instant or n of them, time zone given.

        Returns
        -------
        ndarray (n,)
            Incidents per km² per day; NaN outside the covered area.

        Raises
        ------
        ModelError, CoverageError
            If the model is not fitted, an instant has no time zone, or lies before the records.
        """
        self._check_fitted()
        lon, lat = positions(points)
        region = self._past.borders.locate(lon, lat)
        instants = utc_instants(when, len(points))
        origin, covered = speaking_days(instants, region, self.covered_from_, self.covered_until_)
        value = np.full(len(lon), np.nan)
        for day in np.unique(origin[covered]).tolist():
            asked = np.flatnonzero(covered & (origin == day))
            value[asked] = self.learned_.even_weight * self._past.even(day)
            if self._chosen_shape is not None:
                shape = self._chosen_shape.at(day, lon[asked], lat[asked], region[asked])[:, 0]
                value[asked] += self.learned_.shape_weight * shape
        return value

    def describe(self) -> dict[str, Any]:
        """What a report says of the model that answered."""
        self._check_fitted()
        spoken = [one for one in self.coverage_ if "kidnapping" in one.kinds]
        return {
            "name": type(self).__name__,
            "as_of": self.as_of_.date(),
            "origin": date_of(self.origin_day_),
            "incidents": self.n_kidnappings_,
            "systematic": all(one.systematic for one in spoken),
            "coverage": [one.to_dict() for one in spoken],
            "chosen": {k: v if np.isfinite(v) else None for k, v in self.chosen_.items()},
            "shape_weight": self.learned_.shape_weight,
            "even_weight": self.learned_.even_weight,
        }


class EvenRate(_Baseline):
    """One rate over all the covered area.

    Parameters
    ----------
    decay : bool
        Whether incidents may fade: the memory is then chosen on the past, and the level with it.
        Otherwise the plain mean rate of all the past, which lags where kidnapping grows.
    coverage : sequence of Coverage, optional

    Examples
    --------
    >>> EvenRate().get_params()
    {'coverage': None, 'decay': True}
    """

    def __init__(self, decay: bool = True, coverage: Sequence[Coverage] | None = None) -> None:
        super().__init__(coverage)
        self.decay = decay

    def _options(self) -> dict[str, Floats]:
        memories = _memories(self.decay)
        return {"memory_days": memories} if self.decay else {}

    def _shape(self, past: Past, options: dict[str, Floats]) -> Shape | None:
        return Even(past, options["memory_days"]) if self.decay else None


class LastValue(_Baseline):
    """Each 0.2° cell's count of the last 30 days told of.

    Examples
    --------
    >>> LastValue().get_params()
    {'coverage': None}
    """

    def _shape(self, past: Past, options: dict[str, Floats]) -> Shape:  # noqa: ARG002
        return Cells(past, LAST_DAYS)


class LongRunMean(_Baseline):
    """Each 0.2° cell's mean rate since its records began.

    Examples
    --------
    >>> LongRunMean().get_params()
    {'coverage': None}
    """

    def _shape(self, past: Past, options: dict[str, Floats]) -> Shape:  # noqa: ARG002
        return Cells(past, np.inf)


class KernelDensity(_Baseline):
    """One biweight around each recorded position, of one bandwidth and, with decay, one memory.

    Parameters
    ----------
    decay : bool
        Whether a record may fade; the memory is then chosen too, and may be endless.
    coverage : sequence of Coverage, optional

    Examples
    --------
    >>> KernelDensity(decay=False).get_params()
    {'coverage': None, 'decay': False}
    """

    def __init__(self, decay: bool = True, coverage: Sequence[Coverage] | None = None) -> None:
        super().__init__(coverage)
        self.decay = decay

    def _options(self) -> dict[str, Floats]:
        return {"bandwidth_km": np.array(BANDWIDTHS_KM), "memory_days": _memories(self.decay)}

    def _shape(self, past: Past, options: dict[str, Floats]) -> Shape:
        return Kernel(past, options["bandwidth_km"], options["memory_days"])


class RegionRate(_Baseline):
    """Gamma–Poisson rate of each admin-1 region, shrunk towards the rate of all.

    Parameters
    ----------
    decay : bool
        Whether an incident may fade; the memory is then chosen on the past, as the strength of the
        prior is.
    coverage : sequence of Coverage, optional

    Examples
    --------
    >>> RegionRate().get_params()
    {'coverage': None, 'decay': True}
    """

    def __init__(self, decay: bool = True, coverage: Sequence[Coverage] | None = None) -> None:
        super().__init__(coverage)
        self.decay = decay

    def _options(self) -> dict[str, Floats]:
        return {
            "memory_days": _memories(self.decay),
            "prior_incidents": np.array(PRIOR_INCIDENTS),
        }

    def _shape(self, past: Past, options: dict[str, Floats]) -> Shape:
        return Regions(past, options["memory_days"], options["prior_incidents"])


def baselines() -> dict[str, _Baseline]:
    """Fresh baselines by name, unfitted.

    Examples
    --------
    >>> list(baselines())
    ['even', 'last value', 'long-run mean', 'kde', 'kde decayed', 'region rate']
    """
    return {
        "even": EvenRate(),
        "last value": LastValue(),
        "long-run mean": LongRunMean(),
        "kde": KernelDensity(decay=False),
        "kde decayed": KernelDensity(decay=True),
        "region rate": RegionRate(),
    }


def _memories(decay: object) -> Floats:
    if not isinstance(decay, bool):
        raise ModelError("decay is neither True nor False", value=decay, remedy="give one of them")
    return np.array(MEMORIES_DAYS if decay else MEMORIES_DAYS[-1:])
