"""Postprocessors that anybody could write."""

from dataclasses import dataclass

import numpy as np

from strategies.postprocessors import Postprocessed, Postprocessor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class Momentum(Postprocessor):
    """m <- beta m + vector; the state is (rounds, m)."""

    beta: float = 0.5

    def __post_init__(self) -> None:
        require_between("beta", self.beta, 0, 1)

    def postprocess(self, vector, state, context):
        rounds, m = state or (0, np.zeros_like(vector))
        m = np.float32(self.beta) * m + vector
        return Postprocessed(m, (rounds + 1, m), {"length": float(np.abs(m).sum())})


@dataclass(frozen=True, kw_only=True)
class Noise(Postprocessor):
    """Add Gaussian noise, by a key of the round, that shrinks with the clients."""

    scale: float = 1.0

    def postprocess(self, vector, state, context):
        rng = np.random.default_rng([context.seed, context.round])
        noise = self.scale / context.expected * rng.normal(size=vector.shape)
        found = vector + noise.astype(np.float32)
        return Postprocessed(found, state, {"expected": context.expected})
