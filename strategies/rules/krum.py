"""Krum and Multi-Krum: the updates closest to their nearest neighbours.

    score(i)   = sum of |x_i - x_j|^2 over the n - f - 2 updates j nearest to i
    Krum       = the update with the lowest score
    Multi-Krum = the unweighted mean of the m updates with the lowest scores

Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine
Tolerant Gradient Descent, NeurIPS 2017, Section 4. Bound: n >= 2f + 3.
Four Krums are in use, and they select different updates:

    variant   distances    neighbours    found in
    paper     squared      n - f - 2     the paper, Flower
    byzfl     squared      n - f - 1     ByzFL
    epfml     to the 4th   n - f - 2     code of Karimireddy, He, Jaggi 2022
    monna     plain        n - f - 1     code of Farhadkhani et al. 2023, FLPoison

Flower computes distances between weights in float32, which loses digits, and weights
Multi-Krum by the examples that clients declare, so that one client can take it over.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strategies.linalg.distances import squared_distances
from strategies.linalg.rows import Matrix, lowest
from strategies.rules.base import Aggregate, RobustRule, RuleContext, averaged
from strategies.validation import require

# By variant: power of the squared distance, and k of the n - f - k neighbours counted.
VARIANTS = {"paper": (1.0, 2), "byzfl": (1.0, 1), "epfml": (2.0, 2), "monna": (0.5, 1)}


def krum_scores(
    squared: NDArray[np.float64], f: int, variant: str = "paper"
) -> NDArray[np.float64]:
    """Score rows by their distances to their nearest neighbours.

    Parameters
    ----------
    squared
        (n, n) squared distances with an infinite diagonal.
    f
        Number of Byzantine rows; at least one neighbour always counts.
    variant
        Which Krum; see the module's description.

    Returns
    -------
    (n,) scores
    """
    power, fewer = VARIANTS[variant]
    nearest = max(1, len(squared) - f - fewer)
    ascending = np.sort(squared, axis=1)[:, :nearest]
    return np.asarray((ascending**power).sum(axis=1))


@dataclass(frozen=True, kw_only=True)
class Krum(RobustRule):
    """Select the one update that lies closest to its neighbours.

    Parameters
    ----------
    variant
        Which Krum: ``paper``, ``byzfl``, ``epfml`` or ``monna``.
    """

    keeps_order: ClassVar[bool] = True

    variant: str = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        known = ", ".join(map(repr, VARIANTS))
        require(self.variant in VARIANTS, "variant", self.variant, f"one of {known}")

    @property
    def min_clients(self) -> int:
        """2f + 3 for the paper; 2f + 1, and one neighbour, for the other variants."""
        if self.variant == "paper":
            return 2 * self.f + 3
        return max(2 * self.f + 1, self.f + VARIANTS[self.variant][1] + 1)

    def _num_selected(self, n: int) -> int:
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average the rows of lowest score; among equal scores the lowest rows win."""
        scores = krum_scores(squared_distances(updates), self.f, self.variant)
        selected = lowest(scores, self._num_selected(len(updates)))
        return averaged(updates, selected, scores=scores)


@dataclass(frozen=True, kw_only=True)
class MultiKrum(Krum):
    """Average the m updates that lie closest to their neighbours.

    Parameters
    ----------
    m
        Number of updates to average, 1 <= m <= n - f; None means n - f. The paper's
        proof requires n - m > 2f + 2, which few implementations respect.
    """

    m: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.m is None or self.m >= 1, "m", self.m, "at least 1")

    @property
    def min_clients(self) -> int:
        """The bound of Krum, or m + f if that is larger."""
        return max(super().min_clients, (self.m or 1) + self.f)

    def _num_selected(self, n: int) -> int:
        return self.m or n - self.f
