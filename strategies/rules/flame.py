"""FLAME: keep the majority cluster by angle, clip to the median length, add noise.

    1. the cluster of more than n / 2 updates, by cosine distance
    2. S = median length;  x_i <- x_i min(1, S / |x_i|);  average the cluster
    3. add N(0, (noise S)^2) to every value

Nguyen et al.: FLAME: Taming Backdoors in Federated Learning, USENIX Security 2022,
Algorithm 1. Bound: f < n / 2.
The paper clusters with HDBSCAN, with a minimum cluster size above n / 2 and
min_samples = 1. Its result is the first single-linkage cluster of more than n / 2
updates, which this module computes directly. Angles are between updates, as in most
code; the paper writes local models. noise = 0.001 is the paper's value for images.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from strategies.linalg.order import Rows
from strategies.linalg.rows import Float, Matrix, clipped, cosines, norms, weighted_sum
from strategies.randomness import Draw, server_generator
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class FLAME(Rule):
    """Cluster by angle, clip by length, average and add noise.

    Parameters
    ----------
    noise
        Standard deviation of the noise as a share of the median length, at least 0.
    """

    noise: float = 0.001

    def __post_init__(self) -> None:
        require_between("noise", self.noise, 0)

    @property
    def min_clients(self) -> int:
        """1: a single update is its own majority."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Cluster, clip and average; add noise keyed by the seed and the round."""
        selected = majority_cluster(1 - cosines(updates))
        lengths = norms(updates)
        median = float(np.median(lengths))
        weights = np.zeros(len(updates))
        weights[selected] = clipped(lengths[selected], median) / len(selected)
        vector = weighted_sum(updates, weights)
        if self.noise > 0:
            rng = server_generator(context.seed, Draw.FLAME, context.round)
            spread = self.noise * median
            vector += rng.normal(0, spread, vector.shape).astype(np.float32)
        return Aggregate(vector=vector, selected=selected)


def majority_cluster(distances: Float) -> Rows:
    """Return the rows of the first single-linkage cluster of more than n / 2 rows.

    Parameters
    ----------
    distances
        (n, n) symmetric distances; the diagonal is ignored.
    """
    n = len(distances)
    if n == 1:
        return np.arange(1)
    symmetric = (distances + distances.T) / 2
    np.fill_diagonal(symmetric, 0.0)
    clusters: list[list[int]] = [[i] for i in range(n)]
    for left, right, _, _ in linkage(squareform(symmetric.clip(0)), "single"):
        merged = clusters[int(left)] + clusters[int(right)]
        if len(merged) > n // 2:
            return np.array(sorted(merged))
        clusters.append(merged)
    raise AssertionError("the last merge holds every row")
