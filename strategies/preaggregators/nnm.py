"""NNM, nearest neighbour mixing: replace each update by the mean of its neighbourhood.

    y_i = mean of the n - f updates nearest to x_i, including x_i itself

Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan: Fixing by Mixing: A Recipe for
Optimal Byzantine ML under Heterogeneity, AISTATS 2023, Algorithm 2. Bound: f < n / 2
for the guarantee, f < n to be defined. Some implementations leave out x_i itself.
"""

from dataclasses import dataclass

import numpy as np

from strategies.linalg.distances import squared_distances
from strategies.linalg.rows import Matrix, combinations_of
from strategies.preaggregators.base import Preaggregator
from strategies.rules.base import RuleContext
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class NNM(Preaggregator):
    """Mix each update with its nearest neighbours.

    Parameters
    ----------
    f
        Number of Byzantine clients tolerated, at least 0.
    """

    f: int = 0

    def __post_init__(self) -> None:
        require_between("f", self.f, 0)

    def check(self, n: int) -> None:
        """Raise ValueError if n <= f: a neighbourhood would be empty."""
        if n <= self.f:
            raise ValueError(f"{self!r} needs at least {self.f + 1} updates, not {n}")

    def preaggregate(self, updates: Matrix, context: RuleContext) -> Matrix:
        """Average neighbourhoods; among equally near updates the lowest rows count."""
        n = len(updates)
        squared = squared_distances(updates)
        np.fill_diagonal(squared, -1.0)  # each update is its own nearest
        nearest = np.argsort(squared, axis=1, kind="stable")[:, : n - self.f]
        weights = np.zeros((n, n))
        np.put_along_axis(weights, nearest, 1 / (n - self.f), axis=1)
        return combinations_of(updates, weights)
