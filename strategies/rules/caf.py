"""CAF, the covariance-bound agnostic filter: down-weight outliers of the covariance.

    c = (1, ..., 1); while sum_i c_i > n - 2f:
        mu, v, lambda = c-weighted mean, and top eigenvector and eigenvalue of the
                        c-weighted covariance
        tau_i = <v, x_i - mu>^2,   c_i <- c_i (1 - tau_i / max_j tau_j)
    agg = the mu with the smallest lambda

Allouah, Guerraoui, Stephan: Towards Trustworthy Federated Learning with Untrusted
Participants, ICML 2025, Algorithm 2. Bound: n >= 2f + 1; with f = 0 it is the mean.
The maximum is over updates with c_j > 0. ByzFL takes it over all updates: an update
that is already excluded then shields the others, and the loop hardly ends. ByzFL also
takes a single step of power iteration from a random start, and returns None for f = 0;
this module computes the eigenpair exactly, from the Gram matrix.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.distances import squared_distances
from strategies.linalg.rows import Float, Matrix, weighted_sum
from strategies.rules.base import Aggregate, RobustRule, RuleContext


@dataclass(frozen=True, kw_only=True)
class CAF(RobustRule):
    """Down-weight outlying updates until the total weight falls to n - 2f."""

    @property
    def min_clients(self) -> int:
        """2f + 1."""
        return 2 * self.f + 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Filter the updates; each step excludes at least one, so the loop ends."""
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
                break  # all remaining updates are identical
            counts[inside] *= 1 - spread[inside] / spread[inside].max()
        return Aggregate(vector=weighted_sum(updates, best), weights=best)


def top_direction(squared: Float, weights: Float) -> tuple[float, Float]:
    """Find the direction in which weighted rows vary most.

    Parameters
    ----------
    squared
        (n, n) squared distances with a zero diagonal.
    weights
        (n,) weights that sum to 1; rows of weight 0 are ignored.

    Returns
    -------
    The top eigenvalue of the weighted covariance, and the (n,) squared distances of the
    rows from the mean along its eigenvector; 0 for rows of weight 0.
    """
    spread = np.zeros(len(weights))
    inside = np.flatnonzero(weights)
    squared, weights = squared[np.ix_(inside, inside)], weights[inside]
    towards = squared @ weights
    seen = -0.5 * (squared - towards - towards[:, None] + weights @ towards)
    root = np.sqrt(weights)
    values, vectors = np.linalg.eigh(root[:, None] * seen * root)
    largest = max(float(values[-1]), 0.0)
    # If u is this (n,) eigenvector, the eigenvector in d dimensions is
    # v = sum_i root_i u_i (x_i - mu) / sqrt(lambda), and therefore
    # <v, x_i - mu> root_i = sqrt(lambda) u_i.
    spread[inside] = largest * vectors[:, -1] ** 2 / weights
    return largest, spread
