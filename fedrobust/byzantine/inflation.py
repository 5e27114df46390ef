"""Inflated examples: a flipped update that claims the weight of millions of examples.

    u' = -scale u,   n' = num_examples

Portnoy, Tirosh, Hendler: Towards Federated Learning With Byzantine-Robust Client
Weighting, Applied Sciences, 2022. The attacker knows its own honest update. A
mean that weights by declared examples is then the attacker's alone; a rule that does
not weight by them sees a plain sign flip.
Screening refuses what is above ``screening.max_examples``, which bounds the lie.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import MAX_EXAMPLES, require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class ExamplesInflation(Tampering):
    """Negate and scale the own update, and declare more examples than there are.

    Parameters
    ----------
    num_examples
        What the reply declares, at least 1. By default the most that screening allows.
    scale
        Of the flipped update, above 0.
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
        """Negate and scale."""
        return np.float32(-self.scale) * update

    def declare(self, num_examples: int) -> int:
        """Declare the inflated number."""
        return self.num_examples
