"""Which records are one event: the best pairs first, and never two records of one source.

Records are joined two by two. In each round every pair is joined that is the best of both its
records; what was joined is then compared as one record, with the best of both, until no pair is
left that is alike enough. So a chain A1-B1-A2 of one source's A1 and A2 cannot form, and joining
what is joined already finds nothing more. Ties go by source and id, never by row order.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kidnaprisk.geodesy import Ints
from kidnaprisk.incidents.merge.combine import check_one_of_a_source, combined_rows
from kidnaprisk.incidents.merge.likeness import THRESHOLD_BITS, traits_of
from kidnaprisk.incidents.merge.members import Members, keyed_incidents, members_of
from kidnaprisk.incidents.merge.pairs import scored_pairs


def link_incidents(incidents: gpd.GeoDataFrame) -> pd.Series:
    """Which rows of an incident table tell of the same event.

    Parameters
    ----------
    incidents : GeoDataFrame
        n rows, an incident table as `validate_incidents` takes it; ids need only be unique within
        a source. Rows with the same source and id are revisions of one record.

    Returns
    -------
    Series (n,) of int64
        Named ``event``, on the index of ``incidents``: a label for each row, 0, 1, ... in order of
        first appearance, the same for rows of one event.

    Raises
    ------
    IncidentError
        If the table is not valid, or its ids say that two records of one source are one event.

    See Also
    --------
    candidate_pairs : the pairs looked at, and their weights.
    combine_incidents : one row an event.

    Examples
    --------
    >>> from kidnaprisk.incidents.read import load_catalogue
    >>> catalogue = load_catalogue().head(2)
    >>> link_incidents(pd.concat([catalogue, catalogue.assign(source="mine")])).tolist()
    [0, 1, 0, 1]
    """
    label, _ = settled(keyed_incidents(incidents))
    return pd.Series(label, index=incidents.index, name="event")


def settled(rows: gpd.GeoDataFrame) -> tuple[Ints, gpd.GeoDataFrame]:
    """Join the n rows of a canonical table until no two tell of one event.

    Returns
    -------
    label : ndarray (n,)
        In order of first appearance.
    events : GeoDataFrame
        Row ``label[i]`` is what row i became part of; without attrs.
    """
    label = _by_record(members_of(rows))
    events = combined_rows(rows, label)
    members = members_of(events)
    traits = traits_of(events)
    pairs = _same(scored_pairs(traits, members))
    while len(pairs):
        joined = _joined(pairs, members, len(events))
        new = np.bincount(joined) > 1
        label, events = joined[label], combined_rows(events, joined)
        members, traits = members_of(events), traits_of(events)
        again = pairs.assign(a=joined[pairs["a"]], b=joined[pairs["b"]])
        untouched = ~(new[again["a"]] | new[again["b"]])
        found = _same(scored_pairs(traits, members, focus=new))
        pairs = pd.concat([again[untouched], found], ignore_index=True)
    return label, events


def _same(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.loc[pairs["score"] >= THRESHOLD_BITS, ["a", "b", "score"]]


def _joined(pairs: pd.DataFrame, members: Members, n: int) -> Ints:
    """Labels (n,) after joining the pairs that are the best of both their records."""
    rank = np.empty(n, dtype=np.int64)
    rank[sorted(range(n), key=members.keys.__getitem__)] = np.arange(n)
    ends = pairs[["a", "b"]].to_numpy()
    low, high = np.sort(rank[ends], axis=1).T
    order = np.lexsort((high, low, -pairs["score"].to_numpy()))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    best = np.full(n, len(order))
    np.minimum.at(best, ends.ravel(), np.repeat(place, 2))
    mutual = ends[(best[ends] == place[:, None]).all(axis=1)]
    return _components(mutual[:, 0], mutual[:, 1], n)


def _by_record(members: Members) -> Ints:
    """Labels (n,) of rows that share a record: revisions, or a record and what it went into."""
    n = len(members.keys)
    code: dict[str, int] = {}
    ends = [
        (at, n + code.setdefault(key, len(code)))
        for at, of_row in enumerate(members.keys)
        for key in of_row
    ]
    one, other = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    label = _components(one, other, n + len(code))[:n]
    check_one_of_a_source(members, label)
    return label


def _components(one: Ints, other: Ints, n: int) -> Ints:
    """Labels (n,) of connected rows, in order of first appearance."""
    graph = coo_array((np.ones(len(one), dtype=np.bool_), (one, other)), shape=(n, n))
    _, found = connected_components(graph, directed=False)
    label: Ints = pd.factorize(found)[0].astype(np.int64)
    return label
