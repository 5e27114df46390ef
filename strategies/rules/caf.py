"""CAF, the covariance-bound agnostic filter: down-weight what spreads the updates most.

    c = (1, ..., 1); while sum_i c_i > n - 2f:
        mu, v, lambda = c-weighted mean, and top eigenvector and eigenvalue of the
                        c-weighted covariance
        tau_i = <v, x_i - mu>^2,   c_i <- c_i (1 - tau_i / max_j tau_j)
    agg = the mu of least lambda

Allouah, Guerraoui, Stephan: Towards Trustworthy Federated Learning with Untrusted
Participants, ICML 2025, Algorithm 2. Bound: n >= 2f + 1; with f = 0 it is the mean.
The maximum is over updates with c_j > 0; ByzFL writes it over all of them, and then one
that is out already shields the others, and the loop hardly ends. ByzFL takes one step
of power iteration from a random start, and gives None for f = 0; here the eigenpair is
exact, from the Gram matrix.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.distances import squared_distances
from strategies.linalg.rows import Float, Matrix, weighted_sum
from strategies.rules.base import Aggregate, RobustRule, RuleContext


@dataclass(frozen=True, kw_only=True)
class CAF(RobustRule):
    """Filter updates softly until the covariance of the rest is small."""

    @property
    def min_clients(self) -> int:
        """2f + 1."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Filter; at least one update is out in each step, so it ends."""
        n = len(updates)
        squared = squared_distances(updates)
        squared.flat[:: n + 1] = 0.0
        counts = np.ones(n)
        best, least = counts / n, np.inf
        while counts.sum() > n - 2 * self.f:
            weights = counts / counts.sum()
            largest, spread = top_direction(squared, weights)
            if largest < least:
                best, least = weights, largest
            inside = counts > 0
            if not spread[inside].max() > 0:
                break  # what is left is identical
            counts[inside] *= 1 - spread[inside] / spread[inside].max()
        return Aggregate(vector=weighted_sum(updates, best), weights=best)


def top_direction(squared: Float, weights: Float) -> tuple[float, Float]:
    """Find where weighted rows spread most.

    Parameters
    ----------
    squared
        (n, n) squared distances with a zero diagonal.
    weights
        (n,) weights that sum to 1; rows of weight 0 do not count.

    Returns
    -------
    The top eigenvalue of the weighted covariance, and how far each row lies from the
    mean along its eigenvector, squared; 0 for rows that do not count.
    """
    spread = np.zeros(len(weights))
    inside = np.flatnonzero(weights)
    squared, weights = squared[np.ix_(inside, inside)], weights[inside]
    towards = squared @ weights
    seen = -0.5 * (squared - towards - towards[:, None] + weights @ towards)
    root = np.sqrt(weights)
    values, vectors = np.linalg.eigh(root[:, None] * seen * root)
    largest = max(float(values[-1]), 0.0)
    # With u the eigenvector here, that in d dimensions is
    # v = sum_i root_i u_i (x_i - mu) / sqrt(lambda), so <v, x_i - mu> root_i is
    # sqrt(lambda) u_i.
    spread[inside] = largest * vectors[:, -1] ** 2 / weights
    return largest, spread
