"""Poisson batches: the sampling that DP-SGD's amplification by sampling needs.

Each step takes each of the n examples with probability q = min(1, batch_size / n),
independently of all others, so the number of examples of a step is random and may be 0.
A step's examples fill one or more physical batches of a fixed size, the last of which
is padded, so that every operation of the compiled step sees one shape.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fedrobust.training.schedule import LocalTraining, Schedule

# The number that pads a physical batch.
NOBODY = -1
# Largest physical batch: per-example gradients of a convolution take memory for each
# weight and example.
LARGEST = 256


def sampling_rate(batch_size: int, num_examples: int) -> float:
    """Return q, the probability with which a step takes each example."""
    return min(1.0, batch_size / num_examples)


def physical_size(batch_size: int, num_examples: int) -> int:
    """Return the number of rows of a physical batch."""
    q = sampling_rate(batch_size, num_examples)
    mean = q * num_examples
    most = math.ceil(mean + 2 * math.sqrt(mean * (1 - q)))
    pieces = math.ceil(most / LARGEST)
    return math.ceil(most / pieces)


@dataclass(frozen=True)
class PoissonSchedule(Schedule):
    """The examples of each step, in physical batches.

    Attributes
    ----------
    order
        (m, size) row numbers of each physical batch; ``NOBODY`` pads.
    bounds
        (steps + 1,) first physical batch of each step, and the end of the last. A step
        without examples has none.
    """

    def seen(
        self, x: Any, y: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
        """Return the images and labels that some step needs, and their order."""
        if self.order.size >= len(x):
            return x[:], y, self.order
        taken = self.order != NOBODY
        used, places = np.unique(self.order[taken], return_inverse=True)
        order = np.full_like(self.order, NOBODY)
        order[taken] = places
        return x[used], y[used], order

    @classmethod
    def draw(
        cls,
        local: LocalTraining,
        num_examples: int,
        rng: np.random.Generator,
        round: int = 1,
    ) -> Self:
        """Draw the examples of all steps of a round.

        Parameters
        ----------
        local
            Settings of local training; ``batch_size`` is the expected size.
        num_examples
            Number of the client's examples.
        rng
            Generator of the draws.
        round
            The round, from 1.
        """
        q = sampling_rate(local.batch_size, num_examples)
        size = physical_size(local.batch_size, num_examples)
        steps = local.steps(num_examples, round)
        # A uniform subset of a binomial size is a Poisson sample.
        drawn = rng.binomial(num_examples, q, steps)
        batches = -(-drawn // size)
        order = np.full((batches.sum(), size), NOBODY, np.int32)
        bounds = np.concatenate([[0], batches.cumsum()]).astype(np.int32)
        flat = order.reshape(-1)
        for start, count in zip(bounds[:-1] * size, drawn, strict=True):
            flat[start : start + count] = rng.choice(num_examples, count, replace=False)
        return cls(order, bounds)
