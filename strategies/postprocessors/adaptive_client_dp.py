"""Client-level differential privacy whose clipping norm follows a quantile.

    b = (sum_i (1[|u_i| <= C] - 1/2) + N(0, s^2)) / m + 1/2
    C <- C exp(-eta (b - q))

Andrew, Thakkar, McMahan, Ramaswamy: Differentially Private Learning with Adaptive
Clipping, NeurIPS 2021, Algorithm 1 and Theorem 1: each round releases two noisy sums,
and costs as much as one of noise multiplier z if the sum of the updates gets

    z_sum = (z^-2 - (2 s)^-2)^(-1/2),  s > z / 2.

The theorem needs the indicators centred at 1/2, so that one client moves their sum by
1/2. Flower's wrapper sums uncentred indicators of the updates that *were* clipped, with
which the update of the norm goes the other way.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Matrix, Vector
from strategies.postprocessors.base import (
    Bounded,
    Postprocessed,
    PostprocessorContext,
)
from strategies.postprocessors.client_dp import ClientDP, lengths_of
from strategies.postprocessors.gaussian import clip_rows
from strategies.randomness import Draw
from strategies.validation import require, require_between

# The norm stays in this range, so that neither it nor the noise leaves float32: a
# federation whose updates are all zero would halve it for ever.
SHORTEST, LONGEST = 1e-30, 1e30


@dataclass(frozen=True, kw_only=True)
class AdaptiveClientDP(ClientDP):
    """Clip each update to a norm that follows a quantile, and add noise to the sum.

    The state is the norm of the next round. Everything else is as in ``ClientDP``; an
    update that is missing counts as half a short one.

    Parameters
    ----------
    clip
        The norm of the first round, above 0.
    noise_multiplier
        z, what a whole round costs: the noise multiplier of a single Gaussian release
        that is as private as both sums together.
    quantile
        q, the share of updates that should be no longer than the norm, in (0, 1).
    clip_learning_rate
        eta, the step of the logarithm of the norm, at least 0; 0.2 in the paper.
    count_noise
        s, the standard deviation of the noise on the number of short updates, above
        ``noise_multiplier`` / 2. None means a twentieth of the expected clients, as in
        the paper, and at least ``noise_multiplier``, with which the sum has 15 % more
        noise than with a fixed norm.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    quantile: float = 0.5
    clip_learning_rate: float = 0.2
    count_noise: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.quantile < 1, "quantile", self.quantile, "in (0, 1)")
        require_between("clip_learning_rate", self.clip_learning_rate, 0)
        half = self.noise_multiplier / 2
        require(
            self.count_std > half or self.count_std == half == 0,
            "count_noise",
            self.count_noise,
            f"above noise_multiplier / 2 = {half:g}, or else no noise on the sum makes "
            "the round as private as asked for",
        )

    @property
    def count_std(self) -> float:
        """The standard deviation of the noise on the number of short updates."""
        if self.count_noise is not None:
            return self.count_noise
        if self.noise_multiplier == 0:
            return 0.0
        return max(self.expected_clients / 20, self.noise_multiplier)

    @property
    def sum_noise_multiplier(self) -> float:
        """The noise multiplier of the sum of the updates."""
        z, s = self.noise_multiplier, self.count_std
        return 0.0 if z == 0 else z / math.sqrt(1 - (z / 2 / s) ** 2)

    def bound(self, updates: Matrix, state: Any) -> Bounded:
        """Clip the updates to the norm of this round."""
        return Bounded(*clip_rows(updates, self._norm(state)))

    def postprocess(
        self, vector: Vector, state: Any, context: PostprocessorContext
    ) -> Postprocessed:
        """Add noise to the sum, and set the norm of the next round."""
        clip = self._norm(state)
        found, figures = self.release(vector, clip, self.sum_noise_multiplier, context)
        figures["short_share"] = share = self._short_share(clip, context)
        step = -self.clip_learning_rate * (share - self.quantile)
        log = math.log(clip) + step
        after = math.exp(min(max(log, math.log(SHORTEST)), math.log(LONGEST)))
        return Postprocessed(found, after, figures)

    def _norm(self, state: Any) -> float:
        """Return the norm of this round."""
        return self.clip if state is None else float(state)

    def _short_share(self, clip: float, context: PostprocessorContext) -> float:
        """Return the noisy share of updates that are no longer than the norm."""
        centred = np.where(lengths_of(context) <= clip, 0.5, -0.5).sum()
        rng = self.generator(Draw.COUNT_NOISE, context)
        noise = rng.normal(scale=self.count_std) if self.count_std > 0 else 0.0
        return float((centred + noise) / self.expected_clients + 0.5)
