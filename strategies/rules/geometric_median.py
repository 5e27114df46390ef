"""The geometric median: the point with the smallest sum of distances to the updates.

    agg = argmin_z sum_i |z - x_i|

Weiszfeld 1937: z <- sum_i w_i x_i / sum_i w_i with w_i = 1 / |z - x_i|. By default the
iteration runs until it converges. It starts near the best update, as in Ostresh: On the
Convergence of a Class of Iterative Methods for Solving the Weber Location Problem,
Operations Research 1978, and Vardi, Zhang: The Multivariate L1-Median and Associated
Data Depth, PNAS 2000, so that no iterate coincides with an update and gets stuck there.
RFA (Pillutla, Kakade, Harchaoui: Robust Aggregation for Federated Learning, IEEE TSP
2022, Algorithm 2) instead takes a few steps with w_i = 1 / max(nu, |z - x_i|). With
nu = 0.1, ByzFL takes 3 steps from zeros and Karimireddy et al. 2022 take 8, which is
far from convergence. RFA weights updates by the declared numbers of examples; this
module weights them equally. Bound: f < n / 2, if converged or started at the median. A
step from the mean leaves about 1/n of the displacement that one client caused, so a few
steps do not remove a huge update.

Every iterate is a weighted sum of the updates, so only the (n, n) inner products are
needed. They are taken relative to the update with the smallest sum of distances to the
others. This update lies among the honest ones, so neither an outlier nor a common
offset costs digits.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.distances import CLOSE, squared_distances
from strategies.linalg.rows import Float, Matrix, gram, norms, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.rules.median import Median
from strategies.validation import require, require_between

INITS = ("zeros", "mean", "median")
# The iteration has converged when no weight changes by more than this in a step.
TOLERANCE = 1e-12
MAX_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class GeometricMedian(Rule):
    """Find the geometric median, to convergence or by a few smoothed steps of RFA.

    Parameters
    ----------
    iterations
        Number of smoothed Weiszfeld steps, at least 1. None means until convergence,
        and then ``nu`` and ``init`` have no effect.
    nu
        Smallest distance that the smoothed steps distinguish, in units of the update;
        above 0.
    init
        Start of the steps: ``zeros``, ``mean`` or ``median`` (coordinate-wise). A
        single client can move the mean anywhere, and few steps do not recover from it.
    """

    version: ClassVar[int] = 2

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
        """1: a single update is its own geometric median."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Find the weights of the rows, and sum the rows by them."""
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
    """Return the (n,) distances of the rows to their weighted mean.

    Parameters
    ----------
    weights
        (n,) weights that sum to 1.
    products
        (n, n) inner products of the rows, relative to any point.
    """
    towards = products @ weights
    squares = products.diagonal() - 2 * towards + weights @ towards
    return np.asarray(np.sqrt(squares.clip(0)))


def inverse(distances: Float, least: float) -> Float:
    """Return weights proportional to 1 / max(least, distance) that sum to 1."""
    with np.errstate(over="ignore"):
        weights = np.asarray(1 / np.maximum(least, distances))
        total = float(weights.sum())
    if not math.isfinite(total):
        # Some rows are so near that their weights overflow: they share all the weight.
        weights = (distances <= distances.min()).astype(np.float64)
        total = float(weights.sum())
    return weights / total


def seen_from_best(updates: Matrix, products: Float) -> tuple[Float, Float, int]:
    """Return inner products relative to the row nearest to all others.

    Parameters
    ----------
    updates
        (n, d) matrix.
    products
        (n, n) inner products of the rows.

    Returns
    -------
    seen
        (n, n) inner products of the rows minus the best row.
    between
        (n, n) distances, with a zero diagonal.
    best
        Number of the row with the smallest sum of distances to the others.
    """
    squares = squared_distances(updates, products)
    np.fill_diagonal(squares, 0)
    between = np.sqrt(squares)
    best = int(np.argmin(between.sum(axis=1)))
    sums = products.diagonal() + products[best, best]
    close = squares[best] <= CLOSE * sums
    close[best] = False
    if close.any():  # the differences of products would keep too few digits
        return gram(updates, origin=updates[best]), between, best
    seen = products - products[best] - products[:, [best]] + products[best, best]
    return seen, between, best


def converged(seen: Float, between: Float, best: int) -> tuple[Float, int]:
    """Return the weights of the rows in their geometric median.

    Parameters
    ----------
    seen, between, best
        The results of ``seen_from_best``.

    Returns
    -------
    (n,) weights that sum to 1, and the number of steps taken.
    """
    away = between[best] > 0
    weights = np.zeros(len(seen))
    weights[best] = 1.0
    if not away.any():
        return weights, 0
    # The other rows pull the best row by sum_i (x_i - x_b) / |x_i - x_b|. If that force
    # does not exceed the number of copies of the best row, the row is the median.
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
