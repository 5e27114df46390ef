"""DnC, divide and conquer: drop the updates that stand out along the top direction.

    iterations times, on a random subset of the coordinates:
        v = top right singular vector of the centred updates
        keep the n - c f updates with the smallest <x_i - mean, v>^2
    agg = mean of the updates kept in every iteration

Shejwalkar, Houmansadr: Manipulating the Byzantine: Optimizing Model Poisoning Attacks
and Defenses for Federated Learning, NDSS 2021, Algorithm 2. Bound: n >= 2f + 1, for
updates of similar size. One iteration examines one direction, in the coordinates it
draws, but the mean covers all coordinates. A client is therefore kept if its huge value
lies in a coordinate that is not drawn, or if it points in another direction than a
larger outlier. Clip the updates first.
The paper draws 10,000 coordinates. The paper and earlier versions of Blades run one
iteration; FLPoison runs 5.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Float, Matrix, gram, lowest
from strategies.randomness import Draw, server_generator
from strategies.rules.base import Aggregate, RobustRule, RuleContext, averaged
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class DnC(RobustRule):
    """Average the updates that do not stand out along the top singular vector.

    Parameters
    ----------
    iterations
        Number of times that coordinates are drawn, at least 1.
    subsample
        Coordinates drawn in each iteration, at least 1; all if d is not larger.
    c
        Each iteration drops c f updates, rounded down; above 0.
    """

    keeps_order: ClassVar[bool] = True

    iterations: int = 1
    subsample: int = 10_000
    c: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("iterations", self.iterations, 1)
        require_between("subsample", self.subsample, 1)
        require_positive("c", self.c)

    @property
    def min_clients(self) -> int:
        """2f + 1, or enough that one update is left after c f are dropped."""
        return max(2 * self.f, int(self.c * self.f)) + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Filter; raise ValueError if no update is kept in every iteration."""
        n, d = updates.shape
        rng = server_generator(context.seed, Draw.DNC, context.round)
        kept = []
        for _ in range(self.iterations):
            some = updates
            if d > self.subsample:
                some = updates[:, np.sort(rng.choice(d, self.subsample, replace=False))]
            scores = outlier_scores(some)
            kept.append(lowest(scores, n - int(self.c * self.f)))
        selected = reduce(np.intersect1d, kept)
        if len(selected) == 0:
            raise ValueError(f"{self!r}: no update was kept every time")
        return averaged(updates, selected, scores=scores)


def outlier_scores(updates: Matrix) -> Float:
    """Return the (n,) squared projections of centred rows on their top direction."""
    centre = updates.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(gram(updates, origin=centre))
    return np.asarray(max(values[-1], 0.0) * vectors[:, -1] ** 2)
