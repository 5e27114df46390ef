"""Majority vote of signs: a step of fixed size in the majority's direction.

    agg_k = step sign(sum_i sign(x_ik))

Bernstein, Zhao, Azizzadenesheli, Anandkumar: signSGD with Majority Vote is
Communication Efficient and Fault Tolerant, ICLR 2019, Algorithm 1. Bound: f < n / 2.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Matrix, by_columns
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require_positive


@dataclass(frozen=True, kw_only=True)
class SignMajority(Rule):
    """Step in the direction of the majority of signs, coordinate by coordinate.

    Parameters
    ----------
    step
        Size of the step in each coordinate, above 0; the learning rate of signSGD.
    """

    keeps_order: ClassVar[bool] = True

    step: float = 1e-3

    def __post_init__(self) -> None:
        require_positive("step", self.step)

    @property
    def min_clients(self) -> int:
        """1: a single update can vote."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Take the majority of each column; a tie makes no step."""
        return Aggregate(
            vector=by_columns(
                updates,
                lambda block: self.step * np.sign(np.sign(block).sum(axis=0)),
            )
        )
