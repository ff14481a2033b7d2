"""What BoostedHazard learns from: past cell-months, each told only what was known before it began.

Not here: what a cell is described by (:mod:`kidnaprisk.hazard.cell_features`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kidnaprisk.errors import ModelError
from kidnaprisk.geodesy import Floats, Ints
from kidnaprisk.hazard.cell_features import Cells
from kidnaprisk.hazard.em import fit_weights

# Older windows tell of another war, and cost as much as the new ones.
MOST_WINDOWS = 120
MOST_EMPTY = 20_000
# More incidents than this tell the weights of a few components nothing new.
MOST_TARGETS = 5_000
LEARNING_RATE = 0.1
LEAVES = 4
FEWEST_IN_LEAF = 50
# One pseudo-record keeps the floor above zero wherever the model may speak.
_FLOOR_PRIOR = 1.0
# Steps a density is cut into for the trees, at its quantiles. Cut here, since releases of
# scikit-learn differ in where they cut, and in how long it takes them.
_STEPS = 64


class CellMonths(NamedTuple):
    """n cell-months: all that saw an incident, and a sample of the others.

    ``density`` (n, K) of each component, per km² and day; ``size`` (n,) km² days; ``seen`` (n,)
    incidents; ``drawn`` (n,) probability with which the row was drawn; ``exposure`` (K,) incidents
    that each component at unit weight expects in all cell-months, drawn or not.
    """

    density: Floats
    size: Floats
    seen: Ints
    drawn: Floats
    exposure: Floats


class Targets(NamedTuple):
    """Kidnappings inside the covered area: cell and day of each of r, (r,)."""

    cell: Ints
    event_day: Floats


def draw_cell_months(
    cells: Cells,
    covered: tuple[Ints, Ints],
    targets: Targets,
    components: Callable[[int], Floats],
    start_day: Ints,
    days: int,
    seed: int,
) -> CellMonths:
    """Describe past cell-months by what was known before each began.

    Parameters
    ----------
    cells : Cells
    covered : pair of ndarray (c,)
        First and last day covered of each cell.
    targets : Targets
    components : callable
        Densities (c, K) of every component after a day.
    start_day : ndarray (w,)
        Last day whose records may speak, for each window; it runs for ``days`` from the next.
    days, seed : int

    Raises
    ------
    ModelError
        If no window saw an incident.
    """
    rng = np.random.default_rng(seed)
    size = cells.km2 * days
    rows, exposure = [], np.zeros(1)
    for start in start_day.tolist():
        inside = (targets.event_day > start) & (targets.event_day <= start + days)
        counted = (covered[0] <= start) & (covered[1] >= start + days)
        seen = np.bincount(targets.cell[inside], minlength=len(cells))
        density = components(start)
        expected = np.where(counted[:, None], density * size[:, None], 0.0)
        exposure = exposure + expected.sum(axis=0)
        chance = np.where(seen > 0, 1.0, _chances(expected, MOST_EMPTY / len(start_day)))
        kept = counted & (rng.random(len(cells)) < chance)
        rows.append((density[kept], size[kept], seen[kept], chance[kept]))
    if not any(seen.any() for _, _, seen, _ in rows):
        raise ModelError(
            f"no covered record follows another by over {days} days: nothing to learn from",
            remedy="give more history, or a smaller window_days",
        )
    density, size, seen, chance = (np.concatenate(column) for column in zip(*rows, strict=True))
    return CellMonths(density, size, seen, chance, exposure)


def _chances(expected: Floats, wanted: float) -> Floats:
    """Probability with which to draw each of c empty cells of a window, (c,); ``wanted`` in all.

    A cell is likelier drawn where more is expected: there a forecast that is too high costs more.
    """
    whole = expected.sum(axis=0)
    pull = np.sqrt(np.mean(expected / np.where(whole > 0.0, whole, 1.0), axis=1))
    chances: Floats = np.minimum(1.0, wanted * pull / float(pull.sum()))
    return chances


def learn_weights(months: CellMonths) -> Floats:
    """Weight of each component, the last of them the floor, (K,)."""
    targets = np.repeat(np.arange(len(months.seen)), months.seen)
    drawn = min(1.0, MOST_TARGETS / len(targets))
    if drawn < 1.0:
        targets = targets[np.linspace(0, len(targets) - 1, MOST_TARGETS).astype(np.int64)]
    prior = np.zeros(len(months.exposure))
    prior[-1] = _FLOOR_PRIOR
    return fit_weights(months.density[targets], drawn * months.exposure, drawn * prior).values


class Trees(NamedTuple):
    """Boosted trees on the steps that densities fall in; ``edges`` K − 1 arrays of them."""

    edges: tuple[Floats, ...]
    estimator: Any

    def ratio(self, density: Floats) -> Floats:
        """What to multiply the mixture's λ by in each of n cells of these densities (n, K)."""
        ratio: Floats = self.estimator.predict(in_steps(density, self.edges))
        return ratio


def in_steps(density: Floats, edges: tuple[Floats, ...]) -> Floats:
    """Step that each density but the floor's falls in, (n, K − 1)."""
    steps = [np.searchsorted(one, density[:, k]) for k, one in enumerate(edges)]
    return np.stack(steps, axis=1).astype(np.float64)


def grow_trees(
    months: CellMonths,
    weights: Floats,
    rising: list[int],
    rounds: int,
    pseudo_incidents: float,
    seed: int,
) -> Trees:
    """Trees for what a mixture of these weights leaves unexplained.

    Parameters
    ----------
    months : CellMonths
    weights : ndarray (K,)
    rising : list of K − 1 int
        1 for a component that the trees may only rise in, else 0.
    rounds : int
    pseudo_incidents : float
        Incidents, just as many as forecast, that are added to each leaf.
    seed : int
    """
    # Slow to import, and wanted only here.
    from sklearn.ensemble import HistGradientBoostingRegressor

    forecast = mixed(months.density, weights) * months.size
    empty = months.seen == 0
    weight = forecast / months.drawn
    # Those drawn stand for all the empty ones, whose sum is known and need not suffer by the draw.
    whole = np.sum(weights * months.exposure) - forecast[~empty].sum()
    weight[empty] *= whole / weight[empty].sum()
    estimator = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=LEARNING_RATE,
        max_iter=rounds,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=FEWEST_IN_LEAF,
        l2_regularization=pseudo_incidents,
        monotonic_cst=rising,
        early_stopping=False,
        random_state=seed,
    )
    cuts = np.arange(1, _STEPS) / _STEPS
    edges = tuple(np.unique(np.quantile(column, cuts)) for column in months.density[:, :-1].T)
    # A count over its forecast, weighted by the forecast, is a count with the forecast as offset.
    estimator.fit(in_steps(months.density, edges), months.seen / forecast, sample_weight=weight)
    return Trees(edges, estimator)


def mixed(density: Floats, weights: Floats) -> Floats:
    """λ of a mixture, (n,)."""
    # Not through BLAS, whose last digits differ from processor to processor.
    total: Floats = np.sum(density * weights, axis=1)
    return total
