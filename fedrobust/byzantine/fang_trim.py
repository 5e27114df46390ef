"""The attack of Fang et al. on trimmed mean and median: just beyond the honest range.

    u'_k ~ U[min_k / b, min_k]  where mean_k > 0   (U[b min_k, min_k] if min_k <= 0)
    u'_k ~ U[max_k, b max_k]    elsewhere          (U[max_k, max_k / b] if max_k <= 0)

Fang, Cao, Jia, Gong: Local Model Poisoning Attacks to Byzantine-Robust Federated
Learning, USENIX Security 2020, Section 3.3, with full knowledge: the attacker knows
every honest update of the round, and that the rule works coordinate by coordinate.
The paper multiplies models by b. This module multiplies updates, which gives a
different interval: the draws exceed the honest updates by a multiple of the updates,
not of the model. The direction is the sign of the mean; zero counts as negative.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.randomness import Purpose, generator
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class FangTrim(Collusion):
    """Draw each coordinate beyond the honest range, on the side opposite to the mean.

    Parameters
    ----------
    b
        Factor of the extreme honest value that bounds the interval; above 1.
    """

    b: float = 2.0

    def __post_init__(self) -> None:
        require(1 < self.b < np.inf, "b", self.b, "above 1 and finite")

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Draw the updates, each coordinate independently."""
        least = honest.min(axis=0).astype(np.float64)
        largest = honest.max(axis=0).astype(np.float64)
        below = np.where(least > 0, least / self.b, least * self.b)
        above = np.where(largest > 0, largest * self.b, largest / self.b)
        positive = honest.mean(axis=0, dtype=np.float64) > 0
        near = np.where(positive, least, largest)
        far = np.where(positive, below, above)
        rng = generator(context.seed, Purpose.COLLUSION, context.round)
        share = rng.random((num_byzantine, honest.shape[1]))
        rows = near + share * (far - near)
        return np.concatenate([copies(row, 1) for row in rows])
