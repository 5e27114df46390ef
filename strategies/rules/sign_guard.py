"""SignGuard: average updates of typical length with typical proportions of signs.

    S1  = updates with lower <= |x_i| / M <= upper,  M = median of the lengths
    S2  = largest mean-shift cluster of (share of positive, zero, negative values), on a
          random subset of the coordinates
    agg = mean over the intersection of S1 and S2 of x_i min(1, M / |x_i|)

Xu, Huang, Song, Lan: Byzantine-robust Federated Learning through Collaborative
Malicious Gradient Filtering, ICDCS 2022, Algorithm 2. Bound: an honest majority.
The paper does not say what to average if S1 and S2 are disjoint; this module takes S1.
The authors' code and FLPoison first divide each share by its maximum over the updates,
which changes the clusters when few values are zero; this module clusters the shares
themselves. The authors' code draws a contiguous block of coordinates; FLPoison clusters
with DBSCAN by default.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.order import Rows
from strategies.linalg.rows import Float, Matrix, clipped, norms, weighted_sum
from strategies.randomness import Draw, server_generator
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class SignGuard(Rule):
    """Average updates of typical length and typical signs.

    Parameters
    ----------
    lower, upper
        Bounds on the ratio of an update's length to the median, 0 <= lower < upper.
    share
        Share of the coordinates whose signs are counted, above 0, at most 1.
    """

    lower: float = 0.1
    upper: float = 3.0
    share: float = 0.1

    def __post_init__(self) -> None:
        require_between("lower", self.lower, 0)
        require(self.lower < self.upper < np.inf, "upper", self.upper, "above lower")
        require(0 < self.share <= 1, "share", self.share, "above 0, at most 1")

    @property
    def min_clients(self) -> int:
        """1: a single update is typical."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Filter, clip and average."""
        n, d = updates.shape
        lengths = norms(updates)
        median = float(np.median(lengths))
        usual = (self.lower * median <= lengths) & (lengths <= self.upper * median)
        rng = server_generator(context.seed, Draw.SIGN_GUARD, context.round)
        count = max(1, round(self.share * d))
        signs = np.sign(updates[:, np.sort(rng.choice(d, count, replace=False))])
        shares = np.stack([(signs == s).mean(axis=1) for s in (1, 0, -1)], axis=1)
        selected = np.intersect1d(np.flatnonzero(usual), largest_cluster(shares))
        if len(selected) == 0:
            selected = np.flatnonzero(usual)
        weights = np.zeros(n)
        weights[selected] = clipped(lengths[selected], median) / len(selected)
        return Aggregate(vector=weighted_sum(updates, weights), selected=selected)


def largest_cluster(points: Float) -> Rows:
    """Return the largest cluster of points by mean shift with a flat kernel.

    Comaniciu, Meer: Mean Shift: A Robust Approach Toward Feature Space Analysis, PAMI
    2002. The bandwidth is the average distance of a point to the farthest of the nearer
    half of the points (itself included), as scikit-learn estimates it.

    Parameters
    ----------
    points
        (n, k) points.

    Returns
    -------
    Row numbers; among clusters of equal size, those of the one with the lowest row.
    """
    between = np.linalg.norm(points[:, None] - points, axis=2)
    half = max(min(2, len(points)), len(points) // 2)
    bandwidth = np.sort(between, axis=1)[:, half - 1].mean()
    modes = np.array([_climb(point, points, bandwidth) for point in points])
    around = np.linalg.norm(modes[:, None] - points, axis=2) <= bandwidth
    centres: list[Float] = []
    for i in np.argsort(-around.sum(axis=1), kind="stable"):
        if all(np.linalg.norm(modes[i] - centre) > bandwidth for centre in centres):
            centres.append(modes[i])
    distances = np.linalg.norm(points[:, None] - np.array(centres), axis=2)
    labels = distances.argmin(axis=1)
    sizes = np.bincount(labels)
    return np.flatnonzero(labels == labels[int(np.argmax(sizes[labels]))])


def _climb(point: Float, points: Float, bandwidth: float) -> Float:
    """Move to the mean of the points within the bandwidth, until convergence."""
    for _ in range(300):
        near = np.linalg.norm(points - point, axis=1) <= bandwidth
        moved = points[near].mean(axis=0) if near.any() else point
        if np.linalg.norm(moved - point) <= 1e-3 * bandwidth:
            return moved
        point = moved
    return point
