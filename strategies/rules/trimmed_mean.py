"""The coordinate-wise trimmed mean: drop the f largest and smallest, average the rest.

    agg_k = 1 / (n - 2f) * sum of x_(f+1)k ... x_(n-f)k

Yin, Chen, Kannan, Bartlett: Byzantine-Robust Distributed Learning: Towards Optimal
Statistical Rates, ICML 2018, Definition 2. Bound: n >= 2f + 1.
Flower and FLPoison take a fraction beta and trim ``int(beta * n)`` values, which is
none for n = 4 and beta = 0.2. This module, like ByzFL, takes an integer f, which does
not shrink when clients fail.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Matrix, by_sorted_columns
from strategies.rules.base import Aggregate, RobustRule, RuleContext


@dataclass(frozen=True, kw_only=True)
class TrimmedMean(RobustRule):
    """Average each coordinate without its f largest and f smallest values."""

    keeps_order: ClassVar[bool] = True

    @property
    def min_clients(self) -> int:
        """2f + 1, so that at least one value is left."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Sort each column and average its middle values."""
        middle = slice(self.f, len(updates) - self.f)
        return Aggregate(
            vector=by_sorted_columns(
                updates,
                lambda columns: columns[:, middle].mean(axis=1, dtype=np.float64),
            )
        )
