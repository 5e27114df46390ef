"""CGE, comparative gradient elimination: average the n - f updates of smallest norm.

    agg = mean of the n - f updates x_i with the smallest |x_i|

Gupta, Liu, Vaidya: Byzantine Fault-Tolerant Distributed Machine Learning Using
Stochastic Gradient Descent (SGD) and Norm-Based Comparative Gradient Elimination (CGE),
DSN-W 2021, Algorithm 1. Bound: n >= 2f + 1. The paper sums the gradients and adapts
its step size to the sum; ByzPy and this module average. A small update is never
suspected.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.linalg.rows import Matrix, lowest, norms
from strategies.rules.base import Aggregate, RobustRule, RuleContext, averaged


@dataclass(frozen=True, kw_only=True)
class CGE(RobustRule):
    """Average all updates except the f longest."""

    keeps_order: ClassVar[bool] = True

    @property
    def min_clients(self) -> int:
        """2f + 1."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average the shortest updates; among equal norms the lowest rows win."""
        lengths = norms(updates)
        kept = lowest(lengths, len(updates) - self.f)
        return averaged(updates, kept, scores=lengths)
