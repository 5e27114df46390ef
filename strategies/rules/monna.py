"""MoNNA, nearest neighbour averaging: average what is nearest to a trusted update.

    agg = mean of the n - f updates x_i with the least |x_i - x_trusted|

Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan: Robust Collaborative Learning with
Linear Gradient Overhead, ICML 2023, Algorithm 1: there each worker trusts itself. At a
server one client must be trusted; when it is Byzantine, it owns the aggregate.
Bound: n >= 2f + 1.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.linalg.rows import Matrix, lowest, norms
from strategies.rules.base import Aggregate, RobustRule, RuleContext, averaged
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class MoNNA(RobustRule):
    """Average the updates nearest to that of a trusted client.

    Parameters
    ----------
    trusted
        Client id of the trusted client (its row, where no ids are given).
    """

    keeps_order: ClassVar[bool] = True

    trusted: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("trusted", self.trusted, 0)

    @property
    def needs_clients(self) -> bool:
        """One of them is trusted."""
        return True

    @property
    def min_clients(self) -> int:
        """2f + 1."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Rank by distance; ValueError when the trusted client sent no update."""
        ids = context.ids(len(updates))
        if self.trusted not in ids:
            raise ValueError(f"{self!r}: client {self.trusted} sent no update")
        distances = norms(updates, origin=updates[ids.index(self.trusted)])
        selected = lowest(distances, len(updates) - self.f)
        return averaged(updates, selected, scores=distances)
