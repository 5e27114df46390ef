"""Inflated examples: a flipped update with the weight of millions of examples.

    u' = -scale u,   n' = num_examples

Portnoy, Tirosh, Hendler: Towards Federated Learning With Byzantine-Robust Client
Weighting, Applied Sciences, 2022. The attacker knows its own honest update. It controls
a mean that is weighted by declared examples; for a rule that ignores them, the attack
is a plain sign flip. Screening quarantines replies that declare more than
``screening.max_examples``, which bounds the lie.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import MAX_EXAMPLES, require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class ExamplesInflation(Tampering):
    """Negate and scale the client's own update, and declare more examples than it has.

    Parameters
    ----------
    num_examples
        Declared number of examples, at least 1; by default the most that screening
        allows.
    scale
        Factor of the negated update, above 0.
    """

    num_examples: int = MAX_EXAMPLES
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_between("num_examples", self.num_examples, 1)
        require_positive("scale", self.scale)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Return the negated and scaled update."""
        return np.float32(-self.scale) * update

    def declare(self, num_examples: int) -> int:
        """Return the inflated number."""
        return self.num_examples
