"""Sign flipping: send the negative of the client's own update, or of the honest mean.

    u' = -scale u   (SignFlip)        u' = -scale mean   (MeanSignFlip)

Own update: Li, Xu, Chen, Giannakis, Ling: RSA: Byzantine-Robust Stochastic Aggregation
Methods for Distributed Learning from Heterogeneous Datasets, AAAI 2019. The
attacker knows only its own honest update (after worker momentum).
Mean: Allen-Zhu, Ebrahimianghazani, Li, Alistarh: Byzantine-Resilient Non-Convex
Stochastic Gradient Descent, ICLR 2021, as in ByzFL and MoNNA. The attacker knows every
honest update. Blades flips each local gradient step instead.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix, Vector
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import require_positive


@dataclass(frozen=True, kw_only=True)
class SignFlip(Tampering):
    """Negate and scale the client's own update.

    Parameters
    ----------
    scale
        Factor of the negated update, above 0; 1 is the plain flip, and a large scale
        drags a mean away within one round.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        require_positive("scale", self.scale)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Return the negated and scaled update."""
        return np.float32(-self.scale) * update


@dataclass(frozen=True, kw_only=True)
class MeanSignFlip(Collusion):
    """Send the negative mean of the honest updates, scaled.

    This is ``IPM`` with epsilon = scale.

    Parameters
    ----------
    scale
        Factor of the negative mean, above 0; 1 is the published attack.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        require_positive("scale", self.scale)

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Return copies of the negated and scaled mean."""
        mean = honest.mean(axis=0, dtype=np.float64)
        return copies(-self.scale * mean, num_byzantine)
