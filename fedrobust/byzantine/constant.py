"""Send a constant instead of the update: zeros, infinities, or NaN.

    u'_k = value

Zeros slow the mean down; the "Inf" attack of ByzFL breaks every mean. In this framework
values that are not finite never reach a rule, because screening quarantines the reply;
this attack demonstrates it. Source: ByzFL (Gonzalez, Guerraoui, Pinot, Rizk, Stephan,
Taiani: ByzFL: Research Framework for Robust Federated Learning, 2025). The attacker
knows nothing.
"""

from dataclasses import dataclass, field

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import ANY_FLOAT


@dataclass(frozen=True, kw_only=True)
class Constant(Tampering):
    """Send the same number in every coordinate.

    Parameters
    ----------
    value
        Any number, including infinities and NaN. 0 sends the global model back.
    """

    value: float = field(default=0.0, metadata=ANY_FLOAT)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Return an update filled with the value; beyond float32 it is infinite."""
        with np.errstate(over="ignore"):
            return np.full(update.shape, np.float64(self.value).astype(np.float32))
