"""Inner product manipulation: push the aggregate against the honest mean.

    u' = -epsilon mean

Xie, Koyejo, Gupta: Fall of Empires: Breaking Byzantine-tolerant SGD by Inner Product
Manipulation, UAI 2019, Section 4. The attacker knows every honest update of the round
after worker momentum. ByzFL uses epsilon 2; "empire" writes it mean + 1.1 (-mean).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fedrobust.byzantine.base import Collusion, Matrix
from strategies.parameters import require_positive


@dataclass(frozen=True, kw_only=True)
class IPM(Collusion):
    """Send the negative mean of the honest updates, scaled.

    Parameters
    ----------
    epsilon
        Scale, above 0. Small hides among the honest, large drags a mean away.
    """

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        require_positive("epsilon", self.epsilon)

    def craft(self, honest: Matrix, num_byzantine: int, context: Any) -> Matrix:
        """Scale the negative mean; all Byzantine clients send it."""
        crafted = -self.epsilon * honest.mean(axis=0, dtype=np.float64)
        return np.tile(crafted.astype(np.float32), (num_byzantine, 1))
