"""RLR, robust learning rate: negate the mean where too few updates agree on a sign.

    agg_k = +mean_i x_ik  if |sum_i sign(x_ik)| >= threshold,  else  -mean_i x_ik

Ozdayi, Kantarcioglu, Gel: Defending Against Backdoors in Federated Learning with Robust
Learning Rate, AAAI 2021, Equation 5. It defends against backdoors, but does not bound
the size of an update, so combine it with clipping. Bound: n >= 2f + 1, because the
threshold must lie in [f + 1, n - f].
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Float, Matrix, by_columns
from strategies.rules.base import Aggregate, RobustRule, RuleContext
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class RLR(RobustRule):
    """Average, with a learning rate whose sign depends on the updates' agreement.

    Parameters
    ----------
    threshold
        Smallest |sum of signs| for which the sign is kept, above f; None means f + 1.
    """

    keeps_order: ClassVar[bool] = True

    threshold: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.threshold is None or self.threshold > self.f,
            "threshold",
            self.threshold,
            f"above f={self.f}",
        )

    @property
    def min_clients(self) -> int:
        """2f + 1, or threshold + f if that is larger."""
        return max(2 * self.f + 1, self._threshold + self.f)

    @property
    def _threshold(self) -> int:
        return self.f + 1 if self.threshold is None else self.threshold

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average each column, and negate the mean where signs disagree."""

        def column(block: Float) -> Float:
            agreement = np.abs(np.sign(block).sum(axis=0))
            rate = np.where(agreement >= self._threshold, 1.0, -1.0)
            return np.asarray(rate * np.sort(block, axis=0).mean(axis=0))

        return Aggregate(vector=by_columns(updates, column))
