"""CGE, comparative gradient elimination: average the n - f updates of least norm.

    agg = mean of the n - f updates x_i with the least |x_i|

Gupta, Liu, Vaidya: Byzantine Fault-Tolerant Distributed Machine Learning Using
Stochastic Gradient Descent (SGD) and Norm-Based Comparative Gradient Elimination (CGE),
DSN-W 2021, Algorithm 1. Bound: n >= 2f + 1. The paper sums gradients, and its step size
makes up for it; ByzPy and this average. A small update is never suspected.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.linalg.rows import Matrix, lowest, norms
from strategies.rules.base import Aggregate, RobustRule, RuleContext, averaged


@dataclass(frozen=True, kw_only=True)
class CGE(RobustRule):
    """Average all updates but the f longest."""

    keeps_order: ClassVar[bool] = True

    @property
    def min_clients(self) -> int:
        """2f + 1."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Rank by norm, the lowest rows first among equals."""
        lengths = norms(updates)
        kept = lowest(lengths, len(updates) - self.f)
        return averaged(updates, kept, scores=lengths)
