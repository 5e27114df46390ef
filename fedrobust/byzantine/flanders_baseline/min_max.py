"""Min-Max as the FLANDERS baseline codes it: its search misses the feasible steps.

    u' = mean - gamma std,   gamma from a search in (2.5, 7.5), or 6 where that fails

Gabrielli et al., arXiv 2303.16668, its Flower baseline. Like Shejwalkar and Houmansadr
(``MinMax``) it seeks the largest gamma at which u' is as near to every honest update as
these are to each other. But it begins at 5 with steps of 1.25, 0.625 and so on, and so
never looks below 2.5; where nothing there is feasible it sends gamma = 6. Mean and
standard deviation (ddof 0) are those of all clients, what the Byzantine ones trained
honestly included.
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
    """Move the mean by what the baseline's search finds."""

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Search gamma; all Byzantine clients send the same."""
        mean, std = mean_and_std(context.everybody(honest), ddof=0)
        between = squared_distances(honest)
        np.fill_diagonal(between, 0)
        limit = between.max()
        offset = mean - honest
        # |u' - x_i|^2 = a_i - 2 gamma b_i + gamma^2 |std|^2
        a, b, square = (offset**2).sum(axis=1), offset @ std, float(std @ std)
        found, gamma, step = FALLBACK, START, START / 2
        while abs(found - gamma) > THRESHOLD and step > THRESHOLD:
            step /= 2
            furthest = (a - 2 * gamma * b + gamma**2 * square).max()
            if furthest < limit:
                found = gamma
                gamma += step
            else:
                gamma -= step
        context.chosen["gamma"] = found
        return copies(mean - found * std, num_byzantine)
