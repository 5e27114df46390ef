"""Smallest maximum eigenvalue averaging: the n - f updates of least variance.

    agg = mean of the subset S of n - f updates with the least lambda_max(Cov(S))

Allouah, Guerraoui, Gupta, Pinot, Stephan: On the Privacy-Robustness-Utility Trilemma in
Distributed Learning, ICML 2023, Section 4. Bound: n >= 2f + 1.
Exact: all subsets are looked at, hence the limit, and the eigenvalue is that of the
centred Gram matrix of the subset, which is the covariance's and costs nothing in d.
ByzFL takes one step of power iteration from a random start instead.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.distances import squared_distances
from strategies.linalg.order import Rows
from strategies.linalg.rows import Float, Matrix
from strategies.rules.base import Aggregate, RuleContext, averaged
from strategies.rules.subsets import SubsetRule, best_subset


@dataclass(frozen=True, kw_only=True)
class SMEA(SubsetRule):
    """Average the subset of n - f updates whose covariance is least."""

    max_subsets: int = 100_000

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Look at every subset; the first of least eigenvalue counts."""
        n = len(updates)
        squared = squared_distances(updates)
        squared.flat[:: n + 1] = 0.0

        def largest_eigenvalues(subsets: Rows) -> Float:
            between = squared[subsets[:, :, None], subsets[:, None, :]]
            return np.asarray(np.linalg.eigvalsh(centred_gram(between))[:, -1])

        return averaged(updates, best_subset(n, n - self.f, largest_eigenvalues))


def centred_gram(squared: Float) -> Float:
    """Turn (..., m, m) squared distances into inner products around the mean."""
    rows = squared.mean(axis=-1, keepdims=True)
    columns = squared.mean(axis=-2, keepdims=True)
    every = rows.mean(axis=-2, keepdims=True)
    return np.asarray(-0.5 * (squared - rows - columns + every))
