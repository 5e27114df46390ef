"""Centered clipping: average the updates clipped around the last aggregate.

    v_0     = the aggregate of the previous round (zeros in the first)
    v_(l+1) = v_l + 1 / n sum_i (x_i - v_l) min(1, tau / |x_i - v_l|)

Karimireddy, He, Jaggi: Learning from History for Byzantine Robust Optimization, ICML
2021, Algorithm 2. Each iteration moves the aggregate by at most tau. Bound: f < n / 2.
tau is in units of the update, which is learning rate times gradient. For gradients, the
authors' code takes 10, ByzFL and FLPoison 100; such a tau never clips small updates, so
that the rule is the mean.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Float, Matrix, clipped, each_block, norms
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class CenteredClipping(Rule):
    """Average updates clipped around the last aggregate; the aggregate is the state.

    Parameters
    ----------
    tau
        Clipping radius, above 0, in units of the update.
    iterations
        Clipping steps per round, at least 1.
    """

    tau: float = 1.0
    iterations: int = 3

    def __post_init__(self) -> None:
        require_positive("tau", self.tau)
        require_between("iterations", self.iterations, 1)

    @property
    def min_clients(self) -> int:
        """1: a single update can be clipped."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Clip and average; raise ValueError if the state is not (d,)."""
        n, d = updates.shape
        centre = np.zeros(d) if state is None else np.asarray(state, np.float64).copy()
        if centre.shape != (d,):
            raise ValueError(f"{self!r}: state must be ({d},), not {centre.shape}")
        for _ in range(self.iterations):
            factors = clipped(norms(updates, origin=centre), self.tau)

            def move(block: slice, factors: Float = factors) -> None:
                away = updates[:, block] - centre[block]
                centre[block] += (factors[:, None] * away).sum(axis=0) / n

            for _ in each_block(d, move):
                pass
        vector = centre.astype(np.float32)
        return Aggregate(
            vector=vector,
            weights=factors / factors.sum(),
            state=vector,
            diagnostics={"clipped": int((factors < 1).sum())},
        )
