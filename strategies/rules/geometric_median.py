"""The geometric median: the point with the least sum of distances to the updates.

    agg = argmin_z sum_i |z - x_i|

Weiszfeld 1937: z <- sum_i w_i x_i / sum_i w_i with w_i = 1 / |z - x_i|. Converged: by
default, started beside the best update as in Ostresh: On the Convergence of a Class of
Iterative Methods for Solving the Weber Location Problem, Operations Research 1978, and
Vardi, Zhang: The Multivariate L1-Median and Associated Data Depth, PNAS 2000, so that
no iterate meets an update and gets stuck there.
RFA (Pillutla, Kakade, Harchaoui: Robust Aggregation for Federated Learning, IEEE TSP
2022, Algorithm 2) takes a few steps of w_i = 1 / max(nu, |z - x_i|) instead. ByzFL runs
nu = 0.1 for 3 steps from zeros, Karimireddy et al. 2022 for 8: far from converged.
RFA weights updates by declared examples; here they count alike. Bound: f < n / 2.

Every iterate is a weighted sum of the updates, so only the (n, n) inner products are
needed. They are seen from the coordinate-wise median: a far outlier costs no digits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.parameters import require, require_between
from strategies.rules.base import Aggregate, Matrix, Rule, RuleContext
from strategies.rules.distances import squared_distances
from strategies.rules.median import Median
from strategies.rules.rows import Float, gram, norms, weighted_sum

INITS = ("zeros", "mean", "median")
# What converged means: no weight changes by more in a step.
TOLERANCE = 1e-12
MAX_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class GeometricMedian(Rule):
    """Find the geometric median, converged or by RFA's few smoothed steps.

    Parameters
    ----------
    iterations
        Smoothed Weiszfeld steps, at least 1; None converges, and then ``nu`` and
        ``init`` have no effect.
    nu
        Smoothing: distances below it count as it, above 0, in units of the update.
    init
        Where the steps start: ``zeros``, ``mean`` or ``median`` (coordinate-wise).
    """

    iterations: int | None = None
    nu: float = 1e-6
    init: str = "median"

    def __post_init__(self) -> None:
        if self.iterations is not None:
            require_between("iterations", self.iterations, 1)
        require(0 < self.nu < np.inf, "nu", self.nu, "above 0 and finite")
        require(self.init in INITS, "init", self.init, f"one of {', '.join(INITS)}")

    @property
    def min_clients(self) -> int:
        """One update is its own geometric median."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Find the weights of the rows, then sum."""
        centre = Median().aggregate(updates, None, context).vector
        products = gram(updates, origin=centre)
        if self.iterations is None:
            weights, steps = converged(products, np.sqrt(squared_distances(updates)))
        else:
            distances = self._first_distances(updates, products)
            for _ in range(self.iterations):
                weights = 1 / np.maximum(self.nu, distances)
                weights /= weights.sum()
                distances = distances_to(weights, products)
            steps = self.iterations
        return Aggregate(
            vector=weighted_sum(updates, weights),
            weights=weights,
            diagnostics={"iterations": steps},
        )

    def _first_distances(self, updates: Matrix, products: Float) -> Float:
        """Measure the distances of the rows to where the steps start."""
        if self.init == "zeros":
            return norms(updates)
        if self.init == "mean":
            return distances_to(np.full(len(updates), 1 / len(updates)), products)
        return np.asarray(np.sqrt(products.diagonal()))


def distances_to(weights: Float, products: Float) -> Float:
    """Measure the distances of the rows to their weighted sum; weights sum to 1."""
    towards = products @ weights
    squares = products.diagonal() - 2 * towards + weights @ towards
    return np.asarray(np.sqrt(squares.clip(0)))


def converged(products: Float, between: Float) -> tuple[Float, int]:
    """Find the weights of the rows in their geometric median.

    Parameters
    ----------
    products
        (n, n) inner products of the rows, seen from any point.
    between
        (n, n) distances between the rows; the diagonal does not count.

    Returns
    -------
    (n,) weights that sum to 1, and the steps that were taken.
    """
    between = np.where(np.eye(len(between), dtype=bool), 0.0, between)
    best = int(np.argmin(between.sum(axis=1)))
    away = between[best] > 0
    weights = np.zeros(len(products))
    weights[best] = 1.0
    if not away.any():
        return weights, 0
    # Seen from the best row, the others pull it with sum_i (x_i - x_b) / |x_i - x_b|.
    pull = np.zeros(len(products))
    pull[away] = 1 / between[best][away]
    total = pull.sum()
    seen = products - products[best] - products[:, [best]] + products[best, best]
    force, copies = np.sqrt(max(pull @ seen @ pull, 0.0)), np.sum(~away)
    if force <= copies:
        return weights, 0
    step = (force - copies) / (force * total)
    weights = step * pull
    weights[best] = 1 - step * total
    steps, change = 0, np.inf
    while change > TOLERANCE and steps < MAX_STEPS:
        new = 1 / np.maximum(distances_to(weights, products), np.finfo(float).tiny)
        new /= new.sum()
        change = float(np.abs(new - weights).max())
        weights, steps = new, steps + 1
    return weights, steps
