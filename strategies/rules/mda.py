"""Minimum-diameter averaging: average the n - f updates that lie closest together.

    agg = mean of the n - f updates S with the least max_(i, j in S) |x_i - x_j|

El Mhamdi, Guerraoui, Guirguis, Hoang, Rouault: Genuinely Distributed Byzantine Machine
Learning, PODC 2020; after Rousseeuw: Multivariate Estimation with High Breakdown Point,
1985. Bound: n >= 2f + 1. Exact: all subsets are looked at, hence the limit.
Subsets with the same two most distant updates tie, which is common. The first subset in
the order of client ids counts; without ids it is the order of rows, which then matters.
"""

from dataclasses import dataclass
from typing import Any

from strategies.linalg.distances import squared_distances
from strategies.linalg.rows import Matrix
from strategies.rules.base import Aggregate, RuleContext, averaged
from strategies.rules.subsets import SubsetRule, best_subset


@dataclass(frozen=True, kw_only=True)
class MDA(SubsetRule):
    """Average the subset of n - f updates of least diameter."""

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Look at every subset; the first of least diameter counts."""
        n = len(updates)
        squared = squared_distances(updates)
        squared.flat[:: n + 1] = 0.0  # alone, a row has no diameter
        selected = best_subset(
            n,
            n - self.f,
            lambda s: squared[s[:, :, None], s[:, None, :]].max(axis=(1, 2)),
        )
        return averaged(updates, selected)
