"""Sign flipping: send the opposite of the own update.

    u' = -scale * u

Li, Xu, Chen, Giannakis, Ling: RSA: Byzantine-Robust Stochastic Aggregation Methods,
AAAI 2019. The attacker knows its own honest update (after worker momentum) alone; ByzFL
flips the mean of the honest updates instead.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Tampering, Vector
from strategies.parameters import require_positive


@dataclass(frozen=True, kw_only=True)
class SignFlip(Tampering):
    """Negate and scale the update.

    Parameters
    ----------
    scale
        Above 0; 1 is the plain flip, larger values drag a mean away at once.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        require_positive("scale", self.scale)

    def tamper(self, update: Vector, rng: np.random.Generator) -> Vector:
        """Negate and scale."""
        return np.float32(-self.scale) * update
