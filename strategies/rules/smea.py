"""SMEA, smallest maximum eigenvalue averaging: the n - f updates of least variance.

    agg = mean of the subset S of n - f updates with the smallest lambda_max(Cov(S))

Allouah, Guerraoui, Gupta, Pinot, Stephan: On the Privacy-Robustness-Utility Trilemma in
Distributed Learning, ICML 2023, Section 4. Bound: n >= 2f + 1.
The search is exact: it examines all subsets, hence the limit on their number. The
eigenvalue is computed from the subset's centred Gram matrix, whose nonzero eigenvalues
are those of the scatter matrix and whose size does not depend on d. ByzFL instead takes
one step of power iteration from a random start.
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
    """Average the subset of n - f updates whose covariance is smallest.

    Parameters
    ----------
    max_subsets
        Maximum number of subsets to examine, at least 1.
    """

    max_subsets: int = 100_000

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average the first subset whose largest eigenvalue is smallest."""
        n = len(updates)
        squared = squared_distances(updates)
        squared.flat[:: n + 1] = 0.0

        def largest_eigenvalues(subsets: Rows) -> Float:
            between = squared[subsets[:, :, None], subsets[:, None, :]]
            return np.asarray(np.linalg.eigvalsh(centred_gram(between))[:, -1])

        return averaged(updates, best_subset(n, n - self.f, largest_eigenvalues))


def centred_gram(squared: Float) -> Float:
    """Return the (..., m, m) inner products around the mean for squared distances."""
    rows = squared.mean(axis=-1, keepdims=True)
    columns = squared.mean(axis=-2, keepdims=True)
    every = rows.mean(axis=-2, keepdims=True)
    return np.asarray(-0.5 * (squared - rows - columns + every))
