"""Min-Max: move as far from the mean as the diameter of the honest updates allows.

    u' = mean + gamma p,   the largest gamma such that
    max_i |u' - x_i| <= max_ij |x_i - x_j|

Shejwalkar, Houmansadr: Manipulating the Byzantine: Optimizing Model Poisoning Attacks
and Defenses for Federated Learning, NDSS 2021, Min-Max. The attacker knows every
honest update of the round (after worker momentum), but not the rule.
The paper searches for gamma by halving steps from 10 until they are below 1e-5. This
module computes the exact value: the smallest upper root of the quadratic constraints,
one for each honest update. Blades caps gamma at 5 and may send an update that violates
the constraint; FLPoison moves along -mean / |mean| by default.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix, Vector
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import (
    furthest,
    mean_and_direction,
    require_direction,
    upper_root,
)
from strategies.linalg.distances import squared_distances


@dataclass(frozen=True, kw_only=True)
class MinMax(Collusion):
    """Move the mean until an honest update is as far away as the constraint allows.

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
        limit = between.max()

        def feasible(row: Vector) -> bool:
            distances = ((row.astype(np.float64) - honest) ** 2).sum(axis=1)
            return bool(distances.max() <= limit)

        offset = mean - honest
        roots = upper_root(square, offset @ p, (offset**2).sum(axis=1) - limit)
        gamma = float(roots.min())
        context.chosen["gamma"] = gamma
        row = furthest(mean, p, gamma, feasible)
        return copies(row, num_byzantine)
