"""Inner product manipulation: push the aggregate against the honest mean.

    u' = -epsilon mean   or, equivalently,   u' = mean - factor mean

Xie, Koyejo, Gupta: Fall of Empires: Breaking Byzantine-tolerant SGD by Inner Product
Manipulation, UAI 2019, Section 4. The attacker knows every honest update of the round
after worker momentum. Two parametrisations are in use: epsilon (0.1 in the paper and
epfml, 2 in ByzFL), and "empire", whose factor is epsilon + 1 (1.1 means epsilon 0.1).
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from strategies.validation import require, require_positive


@dataclass(frozen=True, kw_only=True)
class IPM(Collusion):
    """Send the negative mean of the honest updates, scaled.

    Parameters
    ----------
    epsilon
        Scale, above 0. A small scale hides among honest updates; a large one drags a
        mean away.
    factor
        None, or a number above 1 that replaces epsilon by factor - 1.
    """

    epsilon: float = 0.1
    factor: float | None = None

    def __post_init__(self) -> None:
        require_positive("epsilon", self.epsilon)
        if self.factor is not None:
            finite_above_1 = bool(np.isfinite(self.factor) and self.factor > 1)
            require(finite_above_1, "factor", self.factor, "above 1")

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Return copies of the scaled negative mean."""
        epsilon = self.epsilon if self.factor is None else self.factor - 1
        return copies(-epsilon * honest.mean(axis=0, dtype=np.float64), num_byzantine)
