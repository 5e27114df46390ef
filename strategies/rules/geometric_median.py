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
RFA weights updates by declared examples; here they count alike. Bound: f < n / 2, when
converged or started at the median: a step from the mean leaves about 1/n of what one
client has moved it by, so that a huge update is not forgotten in a few steps.

Every iterate is a weighted sum of the updates, so only the (n, n) inner products are
needed. They are seen from the update with the least sum of distances to the others: it
is among the honest ones, so that neither an outlier nor a common offset costs digits.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.distances import CLOSE, squared_distances
from strategies.linalg.rows import Float, Matrix, gram, norms, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.rules.median import Median
from strategies.validation import require, require_between

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
        Where the steps start: ``zeros``, ``mean`` or ``median`` (coordinate-wise). One
        client decides where ``mean`` is, and that is as far as few steps get away.
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
        products = gram(updates)
        seen, between, best = seen_from_best(updates, products)
        if self.iterations is None:
            weights, steps = converged(seen, between, best)
        else:
            if self.init == "zeros":
                distances = np.sqrt(products.diagonal())
            elif self.init == "mean":
                distances = distances_to(np.full(len(seen), 1 / len(seen)), seen)
            else:
                median = Median().aggregate(updates, None, context).vector
                distances = norms(updates, origin=median)
            for _ in range(self.iterations):
                weights = inverse(distances, self.nu)
                distances = distances_to(weights, seen)
            steps = self.iterations
        return Aggregate(
            vector=weighted_sum(updates, weights),
            weights=weights,
            diagnostics={"iterations": steps},
        )


def distances_to(weights: Float, products: Float) -> Float:
    """Measure the distances of the rows to their weighted sum; weights sum to 1."""
    towards = products @ weights
    squares = products.diagonal() - 2 * towards + weights @ towards
    return np.asarray(np.sqrt(squares.clip(0)))


def inverse(distances: Float, least: float) -> Float:
    """Return weights in proportion to 1 / max(least, distance) that sum to 1."""
    with np.errstate(over="ignore"):
        weights = np.asarray(1 / np.maximum(least, distances))
        total = float(weights.sum())
    if not math.isfinite(total):
        # Several rows lie so near that their weights are beyond floats: they share all.
        weights = (distances <= distances.min()).astype(np.float64)
        total = float(weights.sum())
    return weights / total


def seen_from_best(updates: Matrix, products: Float) -> tuple[Float, Float, int]:
    """See the rows from the one that has the least sum of distances to the others.

    Parameters
    ----------
    updates
        (n, d) matrix.
    products
        (n, n) their inner products.

    Returns
    -------
    (n, n) inner products seen from that row; (n, n) distances, 0 along the diagonal;
    and which row it is.
    """
    squares = squared_distances(updates, products)
    np.fill_diagonal(squares, 0)
    between = np.sqrt(squares)
    best = int(np.argmin(between.sum(axis=1)))
    sums = products.diagonal() + products[best, best]
    close = squares[best] <= CLOSE * sums
    close[best] = False
    if close.any():  # a difference of products would leave too few digits
        return gram(updates, origin=updates[best]), between, best
    seen = products - products[best] - products[:, [best]] + products[best, best]
    return seen, between, best


def converged(seen: Float, between: Float, best: int) -> tuple[Float, int]:
    """Find the weights of the rows in their geometric median.

    Parameters
    ----------
    seen, between, best
        What ``seen_from_best`` gives.

    Returns
    -------
    (n,) weights that sum to 1, and the steps that were taken.
    """
    away = between[best] > 0
    weights = np.zeros(len(seen))
    weights[best] = 1.0
    if not away.any():
        return weights, 0
    # Seen from the best row, the others pull it with sum_i (x_i - x_b) / |x_i - x_b|.
    pull = np.zeros(len(seen))
    pull[away] = 1 / between[best][away]
    total = pull.sum()
    force = math.sqrt(max(float(pull @ seen @ pull), 0.0))
    copies = int(np.sum(~away))
    if force <= copies:
        return weights, 0
    step = (force - copies) / (force * total)
    weights = step * pull
    weights[best] = 1 - step * total
    steps, change = 0, np.inf
    while change > TOLERANCE and steps < MAX_STEPS:
        new = inverse(distances_to(weights, seen), np.finfo(float).tiny)
        change = float(np.abs(new - weights).max())
        weights, steps = new, steps + 1
    return weights, steps
