"""The attack against Krum as the FLANDERS baseline codes it: a model that never moves.

    w' = w - lambda sign(w),   w = the model of one client after the first round
    lambda from min(K / ((n - 2) (b - 1) sqrt(l)) + D / sqrt(l), 999), halved until Krum
    selects w' or lambda <= threshold
    K = the least Krum score of an honest model, D = max_i (sum_j |x_ij - w_j|)^2

Gabrielli et al., arXiv 2303.16668, its Flower baseline, there ``fang`` or OPT; l is the
number of arrays of a model, and j counts them. Fang et al. (``FangKrum``) step from the
received global model against the direction in which it would have moved. The baseline
keeps instead, all through the run, the model that its first client sent in the first
round, and steps against the signs of that model's own values. As training goes on Krum
selects no such model, lambda sinks to the threshold, and the old model is what is sent.
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
    """Send an old model, moved against its signs as far as Krum lets pass.

    Parameters
    ----------
    threshold
        Lambda at which it gives up and sends what it has; above 0, in units of the
        weights.
    """

    threshold: float = 1e-5
    watches: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_positive("threshold", self.threshold)

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Refuse where Krum has no honest neighbour to look at."""
        super().check(num_clients, num_byzantine)
        if num_clients < num_byzantine + 3:
            raise ValueError(
                f"FangFlanders needs at least {num_byzantine + 3} clients with "
                f"b={num_byzantine} Byzantine ones, not n={num_clients}"
            )

    def watch(self, honest: Matrix, context: AttackContext) -> None:
        """Keep the model of the first client in the first round that is seen."""
        if context.parameters is None:
            raise ValueError("FangFlanders needs context.parameters")
        context.memory.setdefault(MODEL, context.parameters + honest[0])

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Halve lambda until Krum selects what all Byzantine clients send."""
        self.check(len(honest) + num_byzantine, num_byzantine)
        self.watch(honest, context)  # an attack from the first round on sees it now
        n, b = len(honest) + num_byzantine, max(num_byzantine, 2)
        start = np.asarray(context.parameters, np.float64)
        model = context.memory[MODEL].astype(np.float64)
        sign = np.sign(model)
        everybody = context.everybody(honest)
        offset = (model - start) - honest
        scores = krum_scores(squared_distances(everybody), b)[: len(honest)]
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
    """Sum the norms of the arrays of each model, and square the largest sum."""
    ends = np.cumsum([0, *arrays])
    norms = sum(
        np.linalg.norm(offset[:, first:last], axis=1) for first, last in pairwise(ends)
    )
    return float(np.max(norms) ** 2)
