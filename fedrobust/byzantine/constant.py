"""A constant instead of the update: zeros, infinities, or not a number.

    u'_k = value

Zeros slow the mean down; ByzFL's "Inf" breaks every mean. Values that are not finite
never reach a rule here: screening quarantines the reply, which this attack shows at
work. Form: ByzFL (Gonzalez, Guerraoui, Pinot, Rizk, Stephan, Taiani: ByzFL: Research
Framework for Robust Federated Learning, 2025). The attacker knows nothing.
"""

from dataclasses import dataclass, field

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import ANY_FLOAT


@dataclass(frozen=True, kw_only=True)
class Constant(Tampering):
    """Send the same number everywhere.

    Parameters
    ----------
    value
        Any number, infinities and not-a-number among them. 0 sends no change.
    """

    value: float = field(default=0.0, metadata=ANY_FLOAT)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Fill an update with the value; beyond float32 it is infinite."""
        with np.errstate(over="ignore"):
            return np.full(update.shape, np.float64(self.value).astype(np.float32))
