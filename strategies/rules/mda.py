"""Minimum-diameter averaging: average the n - f updates that lie closest together.

    agg = mean of the subset S of n - f updates with the smallest
          max_(i, j in S) |x_i - x_j|

El Mhamdi, Guerraoui, Guirguis, Hoang, Rouault: Genuinely Distributed Byzantine Machine
Learning, PODC 2020; after Rousseeuw: Multivariate Estimation with High Breakdown Point,
1985. Bound: n >= 2f + 1. The search is exact: it examines all subsets, hence the limit
on their number.
Subsets with the same two most distant updates tie, which is common. The first subset in
the order of client ids wins; without ids it is the first in the order of rows, which
then matters.
"""

from dataclasses import dataclass
from typing import Any

from strategies.linalg.distances import squared_distances
from strategies.linalg.rows import Matrix
from strategies.rules.base import Aggregate, RuleContext, averaged
from strategies.rules.subsets import SubsetRule, best_subset


@dataclass(frozen=True, kw_only=True)
class MDA(SubsetRule):
    """Average the subset of n - f updates with the smallest diameter."""

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average the first subset of smallest diameter."""
        n = len(updates)
        squared = squared_distances(updates)
        squared.flat[:: n + 1] = 0.0  # a subset of one row has diameter 0
        selected = best_subset(
            n,
            n - self.f,
            lambda s: squared[s[:, :, None], s[:, None, :]].max(axis=(1, 2)),
        )
        return averaged(updates, selected)
