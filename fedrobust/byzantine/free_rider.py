"""Free riding: participate without training.

    u' = 0   (plain)        u' = N(0, (std round^-decay)^2)   (disguised)

Fraboni, Vidal, Lorenzi: Free-rider Attacks on Model Aggregation in Federated Learning,
AISTATS 2021. The attacker knows the global model that it receives, and has no data.
Its noise decays over the rounds, as honest updates do. The paper fits std to the change
of the global model in the first rounds; here it is a parameter.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class FreeRider(Tampering):
    """Send the global model back, unchanged or with decaying noise.

    Parameters
    ----------
    std
        Standard deviation of the noise in round 1, in units of the update, at least 0;
        0 is the plain free rider.
    decay
        Exponent with which the noise decays, at least 0; 0 keeps it constant.
    """

    std: float = 0.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        require_between("std", self.std, 0)
        require_between("decay", self.decay, 0)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Return the noise instead of the trained update."""
        round = 1 if context is None else context.round
        std = self.std * float(round) ** -self.decay
        return rng.normal(0.0, std, update.shape).astype(np.float32)
