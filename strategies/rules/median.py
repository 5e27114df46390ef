"""The coordinate-wise median.

    agg_k = median(x_1k, ..., x_nk), the mean of the two middle values if n is even

Yin, Chen, Kannan, Bartlett: Byzantine-Robust Distributed Learning: Towards Optimal
Statistical Rates, ICML 2018, Definition 1. Bound: f < n / 2.
``torch.median`` takes the lower of the two middle values; NumPy and ByzFL their mean.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Float, Matrix, by_sorted_columns
from strategies.rules.base import Aggregate, Rule, RuleContext


@dataclass(frozen=True, kw_only=True)
class Median(Rule):
    """Take the median of each coordinate."""

    keeps_order: ClassVar[bool] = True

    @property
    def min_clients(self) -> int:
        """1: a single update has a median."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Take the median column by column."""
        low, high = (len(updates) - 1) // 2, len(updates) // 2

        def middle(columns: Matrix) -> Float:
            return (columns[:, low].astype(np.float64) + columns[:, high]) / 2

        return Aggregate(vector=by_sorted_columns(updates, middle))
