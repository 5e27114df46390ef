"""Krum and Multi-Krum: the updates closest to their n - f - 2 nearest neighbours.

    score(i) = sum of |x_i - x_j|^2 over the n - f - 2 updates j nearest to i
    Krum       = the update of least score
    Multi-Krum = the unweighted mean of the m updates of least score

Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine
Tolerant Gradient Descent, NeurIPS 2017, Section 4. Bound: n >= 2f + 3.
Peers differ: ByzFL counts n - f - 1 neighbours; Flower computes distances between
weights in float32 and weights Multi-Krum by the examples that clients declare.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.parameters import require
from strategies.rules.base import (
    Aggregate,
    Matrix,
    RobustRule,
    RuleContext,
    weighted_sum,
)
from strategies.rules.distances import squared_distances


def krum_scores(updates: Matrix, f: int) -> NDArray[np.float64]:
    """Score each row of (n, d) by its n - f - 2 smallest squared distances."""
    nearest = len(updates) - f - 2
    ascending = np.sort(squared_distances(updates), axis=1)
    scores: NDArray[np.float64] = ascending[:, :nearest].sum(axis=1)
    return scores


@dataclass(frozen=True, kw_only=True)
class Krum(RobustRule):
    """Select the one update that lies closest to its neighbours."""

    @property
    def min_clients(self) -> int:
        """2f + 3, so that honest neighbours outnumber the others."""
        return 2 * self.f + 3

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Return the row of least score, the lowest row among equals."""
        scores = krum_scores(updates, self.f)
        best = int(np.argmin(scores))
        return Aggregate(
            vector=updates[best].copy(),
            selected=np.array([best]),
            diagnostics={"scores": scores},
        )


@dataclass(frozen=True, kw_only=True)
class MultiKrum(RobustRule):
    """Average the m updates that lie closest to their neighbours.

    Parameters
    ----------
    m
        How many updates to average, 1 <= m <= n - f; None means n - f. The paper's
        proof asks for n - m > 2f + 2, which few implementations keep to.
    """

    m: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.m is None or self.m >= 1, "m", self.m, "at least 1")

    @property
    def min_clients(self) -> int:
        """2f + 3 as in Krum, and m + f."""
        return max(2 * self.f + 3, (self.m or 1) + self.f)

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average the m rows of least score, lowest rows first among equals."""
        scores = krum_scores(updates, self.f)
        m = self.m or len(updates) - self.f
        selected = np.sort(np.argsort(scores, kind="stable")[:m])
        weights = np.zeros(len(updates))
        weights[selected] = 1 / m
        return Aggregate(
            vector=weighted_sum(updates, weights),
            selected=selected,
            diagnostics={"scores": scores},
        )
