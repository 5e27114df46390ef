"""Min-Sum: move as far from the mean as the largest honest sum of distances allows.

    u' = mean + gamma p,   the largest gamma such that
    sum_i |u' - x_i|^2 <= max_i sum_j |x_i - x_j|^2

Shejwalkar, Houmansadr: Manipulating the Byzantine: Optimizing Model Poisoning Attacks
and Defenses for Federated Learning, NDSS 2021, Min-Sum. The attacker knows every
honest update of the round (after worker momentum), but not the rule.
The paper searches for gamma by halving steps from 10 until they are below 1e-5. This
module computes the exact value: the upper root of the quadratic constraint. Blades caps
gamma at 5 and may send an update that violates the constraint.
"""

import math
from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix, Vector
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import (
    Wide,
    furthest,
    mean_and_direction,
    require_direction,
)
from strategies.linalg.distances import squared_distances


@dataclass(frozen=True, kw_only=True)
class MinSum(Collusion):
    """Move the mean until its squared distances sum to the largest honest sum.

    Parameters
    ----------
    direction
        ``unit`` (-mean / |mean|), ``std`` (-std, ddof 1) or ``sign`` (-sign(mean)).
    """

    direction: str = "std"

    def __post_init__(self) -> None:
        require_direction(self.direction)

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Return copies of the mean after the largest feasible step."""
        mean, p = mean_and_direction(honest, self.direction)
        square = float(p @ p)
        if square == 0:
            return copies(mean, num_byzantine)
        between = squared_distances(honest)
        np.fill_diagonal(between, 0)
        limit = between.sum(axis=1).max()

        def total(row: Wide | Vector) -> float:
            return float(((row.astype(np.float64) - honest) ** 2).sum())

        # The offsets from the mean sum to zero, so the linear term vanishes.
        gamma = math.sqrt(max(limit - total(mean), 0.0) / (len(honest) * square))
        context.chosen["gamma"] = gamma
        row = furthest(mean, p, gamma, lambda row: total(row) <= limit)
        return copies(row, num_byzantine)
