"""The attack on Krum as coded in the FLANDERS baseline: it sends an old model.

    w' = w - lambda sign(w),   w = the model of one client after the first round
    lambda from min(K / ((n - 2) (b - 1) sqrt(l)) + D / sqrt(l), 999), halved until Krum
    selects w' or lambda <= threshold
    K = the lowest Krum score of an honest model, D = max_i (sum_j |x_ij - w_j|)^2

The Flower baseline of Gabrielli et al., arXiv:2303.16668, which calls it ``fang`` or
OPT. l is the number of arrays of a model, and j counts them. Fang et al. (``FangKrum``)
step from the received global model, against the direction in which it would have moved.
The baseline instead keeps, for the whole run, the model that its first client sent in
the first round, and steps against the signs of that model's values. As training goes
on, Krum no longer selects such a model, lambda falls to the threshold, and the attack
sends the old model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import Wide
from strategies.linalg.distances import squared_distances
from strategies.rules.krum import krum_scores
from strategies.validation import require_positive

LIMIT = 999.0
MODEL = "first model"


@dataclass(frozen=True, kw_only=True)
class FangFlanders(Collusion):
    """Send an old model, moved against its signs by the largest step Krum selects.

    Parameters
    ----------
    threshold
        Lambda at which the search stops, in units of the weights; above 0. The attack
        then sends the last candidate.
    """

    threshold: float = 1e-5
    watches: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive("threshold", self.threshold)

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError if an update would have no honest neighbour for Krum."""
        super().check(num_clients, num_byzantine)
        if num_clients < num_byzantine + 3:
            raise ValueError(
                f"FangFlanders needs at least {num_byzantine + 3} clients with "
                f"b={num_byzantine} Byzantine ones, not n={num_clients}"
            )

    def watch(self, honest: Matrix, context: AttackContext) -> None:
        """Remember the model of the first client in the first observed round."""
        if context.parameters is None:
            raise ValueError("FangFlanders needs context.parameters")
        context.memory.setdefault(MODEL, context.parameters + honest[0])

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Halve lambda until Krum selects the crafted model."""
        self.check(len(honest) + num_byzantine, num_byzantine)
        self.watch(honest, context)  # no effect unless the attack starts in round 1
        n, b = len(honest) + num_byzantine, max(num_byzantine, 2)
        start = np.asarray(context.parameters, np.float64)
        model = context.memory[MODEL].astype(np.float64)
        sign = np.sign(model)
        all_updates = context.all_updates(honest)
        offset = (model - start) - honest
        scores = krum_scores(squared_distances(all_updates), b)[: len(honest)]
        arrays = context.layers or [honest.shape[1]]
        size = scores.min() / ((n - 2) * (b - 1)) + _furthest(offset, arrays)
        size = min(size / math.sqrt(len(arrays)), LIMIT)

        squared = np.zeros((n, n))
        squared[: len(honest), : len(honest)] = squared_distances(honest)
        np.fill_diagonal(squared, np.inf)
        # |w' - x_i|^2 = a_i - 2 lambda s_i + lambda^2 |sign|^2
        a, s, square = (offset**2).sum(axis=1), offset @ sign, float(sign @ sign)
        while True:
            apart = a - 2 * size * s + size**2 * square
            squared[: len(honest), len(honest) :] = apart[:, None]
            squared[len(honest) :, : len(honest)] = apart
            best = krum_scores(squared, b)
            if best[len(honest)] < best[: len(honest)].min() or size <= self.threshold:
                context.chosen["lambda"] = float(size)
                return copies(model - size * sign - start, num_byzantine)
            size /= 2


def _furthest(offset: Wide, arrays: Sequence[int]) -> float:
    """Return the squared maximum over models of the sum of their arrays' norms."""
    ends = np.cumsum([0, *arrays])
    norms = sum(
        np.linalg.norm(offset[:, first:last], axis=1) for first, last in pairwise(ends)
    )
    return float(np.max(norms) ** 2)
