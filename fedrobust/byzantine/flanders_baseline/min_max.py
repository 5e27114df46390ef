"""Min-Max as coded in the FLANDERS baseline: its search misses feasible steps.

    u' = mean - gamma std,   gamma from a search in (2.5, 7.5), or 6 if that fails

The Flower baseline of Gabrielli et al., arXiv:2303.16668. Like Shejwalkar and
Houmansadr (``MinMax``), it looks for the largest gamma for which u' is as near to every
honest update as these are to each other. But it starts at 5 with steps of 1.25, 0.625
and so on, so it never tries a gamma below 2.5; if it finds no feasible gamma it sends
gamma = 6. Mean and standard deviation (ddof 0) are over the honestly trained updates of
all clients, including the Byzantine ones.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import mean_and_std
from strategies.linalg.distances import squared_distances

START, FALLBACK, THRESHOLD = 5.0, 6.0, 1e-5


@dataclass(frozen=True, kw_only=True)
class MinMaxFlanders(Collusion):
    """Move the mean by the gamma that the baseline's search finds."""

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Search for gamma, and return copies of the moved mean."""
        mean, std = mean_and_std(context.all_updates(honest), ddof=0)
        between = squared_distances(honest)
        np.fill_diagonal(between, 0)
        limit = between.max()
        offset = mean - honest
        # |u' - x_i|^2 = a_i - 2 gamma b_i + gamma^2 |std|^2
        a, b, square = (offset**2).sum(axis=1), offset @ std, float(std @ std)
        feasible, gamma, step = FALLBACK, START, START / 2
        while abs(feasible - gamma) > THRESHOLD and step > THRESHOLD:
            step /= 2
            furthest = (a - 2 * gamma * b + gamma**2 * square).max()
            if furthest < limit:
                feasible = gamma
                gamma += step
            else:
                gamma -= step
        context.chosen["gamma"] = feasible
        return copies(mean - feasible * std, num_byzantine)
