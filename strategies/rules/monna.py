"""MoNNA, nearest neighbour averaging: average the updates nearest to a trusted one.

    agg = mean of the n - f updates x_i with the smallest |x_i - x_trusted|

Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan: Robust Collaborative Learning with
Linear Gradient Overhead, ICML 2023, Algorithm 1, in which each worker trusts itself. A
server must trust one of its clients; if that client is Byzantine, it controls the
aggregate. Bound: n >= 2f + 1.
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
        Id of the trusted client; its row number if no ids are given.
    """

    keeps_order: ClassVar[bool] = True

    trusted: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("trusted", self.trusted, 0)

    @property
    def needs_clients(self) -> bool:
        """True: one client is trusted."""
        return True

    @property
    def min_clients(self) -> int:
        """2f + 1."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average the nearest; raise ValueError if the trusted update is missing."""
        ids = context.ids(len(updates))
        if self.trusted not in ids:
            raise ValueError(f"{self!r}: client {self.trusted} sent no update")
        distances = norms(updates, origin=updates[ids.index(self.trusted)])
        selected = lowest(distances, len(updates) - self.f)
        return averaged(updates, selected, scores=distances)
