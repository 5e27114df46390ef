"""Phocas: average the n - f values nearest to the trimmed mean.

    agg_k = mean of the n - f values x_ik nearest to TrimmedMean_f(x_1k, ..., x_nk)

Xie, Koyejo, Gupta: Phocas: Dimensional Byzantine-resilient Stochastic Gradient Descent,
2018 (arXiv:1805.09682), Definition 6. Bound: n >= 2f + 1.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Float, Matrix, by_columns, nearest_mean
from strategies.rules.base import Aggregate, RobustRule, RuleContext


@dataclass(frozen=True, kw_only=True)
class Phocas(RobustRule):
    """Average each coordinate over the n - f values nearest to its trimmed mean."""

    keeps_order: ClassVar[bool] = True

    @property
    def min_clients(self) -> int:
        """2f + 1, so that trimming leaves at least one value."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average, in each column, the values nearest to its trimmed mean."""
        n, f = len(updates), self.f

        def phocas(block: Float) -> Float:
            trimmed = np.sort(block, axis=0)[f : n - f].mean(axis=0)
            return nearest_mean(block, trimmed, n - f)

        return Aggregate(vector=by_columns(updates, phocas))
