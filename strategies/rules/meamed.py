"""MeaMed, the mean around the median: average the n - f values nearest to the median.

    agg_k = mean of the n - f values x_ik nearest to median(x_1k, ..., x_nk)

Xie, Koyejo, Gupta: Generalized Byzantine-tolerant SGD, 2018 (arXiv:1802.10116),
Definition 7. Bound: n >= 2f + 1.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Matrix, by_columns, nearest_mean
from strategies.rules.base import Aggregate, RobustRule, RuleContext


@dataclass(frozen=True, kw_only=True)
class MeaMed(RobustRule):
    """Average each coordinate over the n - f values nearest to its median."""

    keeps_order: ClassVar[bool] = True

    @property
    def min_clients(self) -> int:
        """2f + 1, so that the median lies between honest values."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average, in each column, the values nearest to its median."""
        count = len(updates) - self.f
        return Aggregate(
            vector=by_columns(
                updates,
                lambda block: nearest_mean(block, np.median(block, axis=0), count),
            )
        )
