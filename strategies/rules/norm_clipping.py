"""Norm clipping: clip long updates, average, and optionally add a little noise.

    agg = 1 / n sum_i x_i min(1, M / |x_i|) + N(0, noise^2)

Sun, Kairouz, Suresh, McMahan: Can You Really Backdoor Federated Learning?, 2019
(arXiv:1911.07963), Section 4. Bound: none on f; one client moves the mean by at most
M / n.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Matrix, clipped, norms, weighted_sum
from strategies.randomness import Draw, server_generator
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class NormClipping(Rule):
    """Average updates clipped to a norm.

    Parameters
    ----------
    max_norm
        M, above 0, in units of the update.
    noise
        Standard deviation of Gaussian noise on each value of the aggregate, at least 0.
    """

    max_norm: float = 3.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        require_positive("max_norm", self.max_norm)
        require_between("noise", self.noise, 0)

    @property
    def min_clients(self) -> int:
        """1: a single update can be clipped."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Clip and average; noise is keyed by the seed and the round."""
        factors = clipped(norms(updates), self.max_norm)
        vector = weighted_sum(updates, factors / len(updates))
        if self.noise > 0:
            rng = server_generator(context.seed, Draw.NORM_CLIPPING, context.round)
            vector += rng.normal(0, self.noise, vector.shape).astype(np.float32)
        return Aggregate(
            vector=vector,
            weights=factors / factors.sum(),
            diagnostics={"clipped": int((factors < 1).sum())},
        )
