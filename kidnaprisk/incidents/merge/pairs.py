"""Candidates: pairs of records near enough in time and place to be looked at, and their weights.

Records of one source are never paired: a source tells each event once. Blocking is exact, not a
shortcut: every pair within the tolerances of `likeness` that could reach the threshold is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import geopandas as gpd
import numpy as np
import pandas as pd

from kidnaprisk.geodesy import Ints
from kidnaprisk.incidents.merge.likeness import (
    COMPONENTS,
    DAYS_TOLERANCE,
    PLACE_TOLERANCE_KM,
    THRESHOLD_BITS,
    Traits,
    can_reach,
    cheap_weights,
    days_apart,
    distance_km,
    traits_of,
    weights,
)
from kidnaprisk.incidents.merge.members import Members, keyed_incidents, members_of
from kidnaprisk.incidents.parse import Mask

# Pairs near in time that are held in memory at once.
_CHUNK = 2_000_000
# Windows are searched in classes of like length, so that one year-wide row costs its neighbours
# nothing.
_WINDOW_CLASSES_DAYS = (1, 8, 32, 367)


def candidate_pairs(incidents: gpd.GeoDataFrame) -> pd.DataFrame:
    """Pairs of records of different sources that might tell of one event, and how alike they are.

    Parameters
    ----------
    incidents : GeoDataFrame
        n rows, an incident table as `validate_incidents` takes it; ids need only be unique within
        a source.

    Returns
    -------
    DataFrame
        One row a pair, best first: ``a``, ``b`` (row positions, a < b), ``source_a``, ``id_a``,
        ``source_b``, ``id_b``, ``distance_km``, ``days_apart`` (between the two windows), a weight
        in bits for each of ``place``, ``date``, ``kind``, ``victims``, ``people``, ``actor``,
        their sum ``score``, and ``same``: whether the score reaches the threshold. Not every pair
        that is ``same`` is merged: an event has one record of a source, and the best goes first.

    Raises
    ------
    IncidentError
        If the table is not valid.

    See Also
    --------
    link_incidents : which rows are one event.

    Notes
    -----
    Records further apart than both location errors and 300 km, or by more than 7 days between
    their windows, are not candidates; nor are those that no agreement could lift to the threshold.

    Examples
    --------
    >>> from kidnaprisk.incidents.read import load_catalogue
    >>> catalogue = load_catalogue().head(3)
    >>> two = pd.concat([catalogue, catalogue.assign(source="mine")], ignore_index=True)
    >>> candidate_pairs(two)[["a", "b", "days_apart", "same"]].values.tolist()
    [[0, 3, 0, True], [2, 5, 0, True], [1, 4, 0, True]]
    """
    rows = keyed_incidents(incidents)
    pairs = scored_pairs(traits_of(rows), members_of(rows))
    names = {
        f"{name}_{side}": rows[column].to_numpy(dtype="object")[pairs[side]]
        for side in ("a", "b")
        for name, column in (("source", "source"), ("id", "incident_id"))
    }
    told = pairs.assign(**names, same=pairs["score"] >= THRESHOLD_BITS)
    return told[
        ["a", "b", *names, "distance_km", "days_apart", *COMPONENTS, "score", "same"]
    ].sort_values(["score", "a", "b"], ascending=[False, True, True], ignore_index=True)


def scored_pairs(traits: Traits, members: Members, focus: Mask | None = None) -> pd.DataFrame:
    """Candidate pairs of n records with their weights.

    Parameters
    ----------
    traits, members : of n records
    focus : ndarray (n,) of bool, optional
        Only pairs with one of these.

    Returns
    -------
    DataFrame
        ``a`` < ``b`` (positions), ``distance_km``, ``days_apart``, `COMPONENTS`, ``score``.
    """
    found = [_reachable(traits, members, a, b) for a, b in _near_in_time(traits, members, focus)]
    a, b = (np.concatenate(column) for column in zip(*found, strict=True))
    apart_km, apart_days = distance_km(traits, a, b), days_apart(traits, a, b)
    bits = weights(traits, a, b, apart_km, apart_days)
    score = np.sum([bits[name] for name in COMPONENTS], axis=0)
    named = {"a": a, "b": b, "distance_km": apart_km, "days_apart": apart_days}
    return pd.DataFrame({**named, **{name: bits[name] for name in COMPONENTS}, "score": score})


def _reachable(traits: Traits, members: Members, a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Of pairs near in time, those of different sources near in place that could be one event."""
    apart_km = distance_km(traits, a, b)
    near = apart_km <= traits.error_km[a] + traits.error_km[b] + PLACE_TOLERANCE_KM
    near &= ~(members.owns[a] & members.owns[b]).any(axis=1)
    a, b, apart_km = a[near], b[near], apart_km[near]
    hopeful = can_reach(cheap_weights(traits, a, b, apart_km, days_apart(traits, a, b)))
    return a[hopeful], b[hopeful]


def _near_in_time(
    traits: Traits, members: Members, focus: Mask | None
) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of positions, a < b, of different sources and at most `DAYS_TOLERANCE` days apart."""
    none = np.zeros(0, dtype=np.int64)
    yield none, none
    if not members.keys:
        return
    # A merged record is searched under each of its sources: twice found is once too many.
    first = np.argmax(members.owns, axis=1)
    by_source = [np.flatnonzero(first == source) for source in range(len(members.sources))]
    for left, right in combinations(by_source, 2):
        if focus is None:
            small, large = sorted((left, right), key=len)
            yield from _windows_meet(traits, small, large)
        else:
            yield from _windows_meet(traits, left[focus[left]], right)
            yield from _windows_meet(traits, right[focus[right]], left[~focus[left]])


def _windows_meet(traits: Traits, left: Ints, right: Ints) -> Iterator[tuple[Ints, Ints]]:
    length = traits.end[right] - traits.start[right] + 1
    shortest = 0
    for longest in (*_WINDOW_CLASSES_DAYS, int(length.max(initial=0))):
        of_class = right[(length > shortest) & (length <= longest)]
        shortest = max(shortest, longest)
        if not len(of_class):
            continue
        of_class = of_class[np.argsort(traits.start[of_class], kind="stable")]
        starts = traits.start[of_class]
        low = traits.start[left] - DAYS_TOLERANCE - (longest - 1)
        begin = np.searchsorted(starts, low, side="left")
        stop = np.searchsorted(starts, traits.end[left] + DAYS_TOLERANCE, side="right")
        for part in _parts(stop - begin):
            count = (stop - begin)[part]
            one = np.repeat(left[part], count)
            within = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
            other = of_class[np.repeat(begin[part], count) + within]
            meet = traits.end[other] >= traits.start[one] - DAYS_TOLERANCE
            one, other = one[meet], other[meet]
            yield np.minimum(one, other), np.maximum(one, other)


def _parts(count: Ints) -> Iterator[slice]:
    """Cuts of the rows with these counts into parts of about `_CHUNK` pairs."""
    total = np.cumsum(count)
    begin = 0
    while begin < len(count):
        done = total[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(total, done + _CHUNK, side="right")))
        yield slice(begin, stop)
        begin = stop
