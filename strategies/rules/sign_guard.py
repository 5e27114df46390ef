"""SignGuard: keep updates of usual length whose signs are distributed like most.

    S1  = updates with lower <= |x_i| / M <= upper,  M = median of the lengths
    S2  = largest mean-shift cluster of (share of positive, zero, negative values), on a
          random share of the coordinates
    agg = mean over S1 and S2 of x_i min(1, M / |x_i|)

Xu, Huang, Song, Lan: Byzantine-robust Federated Learning through Collaborative
Malicious Gradient Filtering, ICDCS 2022, Algorithm 2. Bound: an honest majority.
The paper leaves open what counts where S1 and S2 do not meet: S1 does here.
The authors' code and FLPoison divide each share by its maximum over the updates first,
which decides the clusters where few values are zero; here the shares are clustered as
they are. The code draws a contiguous block of coordinates; FLPoison clusters with
DBSCAN by default.
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
    """Average updates that neither their length nor their signs set apart.

    Parameters
    ----------
    lower, upper
        Bounds of an update's length over the median length, 0 <= lower < upper.
    share
        Share of the coordinates whose signs are looked at, above 0, at most 1.
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
        """One update is usual."""
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
    """Find the largest cluster of points by mean shift with a flat kernel.

    Comaniciu, Meer: Mean Shift, PAMI 2002. The bandwidth is the mean distance to the
    farther end of the nearer half of the points, as scikit-learn estimates it.

    Returns
    -------
    Row numbers; of clusters of one size, the one with the lowest row.
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
    """Move to the mean of what is within the bandwidth until that stands still."""
    for _ in range(300):
        near = np.linalg.norm(points - point, axis=1) <= bandwidth
        moved = points[near].mean(axis=0) if near.any() else point
        if np.linalg.norm(moved - point) <= 1e-3 * bandwidth:
            return moved
        point = moved
    return point
