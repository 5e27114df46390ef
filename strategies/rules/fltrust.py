"""FLTrust: weight updates by their cosine to the server's update, at equal length.

    TS_i = max(0, cos(x_i, x_0)),   agg = sum_i TS_i (|x_0| / |x_i|) x_i / sum_i TS_i

where x_0 is the update that the server trains on a small root data set.
Cao, Fang, Liu, Gong: FLTrust: Byzantine-robust Federated Learning via Trust
Bootstrapping, NDSS 2021, Algorithm 2. Bound: none on f.
If no update is trusted the aggregate is zero; FLPoison averages all updates instead.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Matrix, gram, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext


@dataclass(frozen=True, kw_only=True)
class FLTrust(Rule):
    """Trust updates that point in the direction of the server's own update."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The update that the server trained itself."""
        return ("root_update",)

    @property
    def min_clients(self) -> int:
        """1: a single update can be trusted."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Rescale updates to the root update's length, and weight them by trust."""
        root = np.asarray(context.root_update, np.float32)
        if root.shape != updates.shape[1:]:
            raise ValueError(
                f"context.root_update must be {updates.shape[1:]}, not {root.shape}"
            )
        products = gram(np.vstack([root, updates]))
        lengths = np.sqrt(products.diagonal())
        sizes = lengths[0] * lengths[1:]
        cosine = np.divide(
            products[0, 1:], sizes, out=np.zeros_like(sizes), where=sizes > 0
        )
        trust = np.maximum(0.0, cosine)
        if not trust.any():
            return Aggregate(
                vector=np.zeros_like(root),
                selected=np.zeros(0, np.int64),
                diagnostics={"trust": trust},
            )
        weights = trust / trust.sum()
        scale = np.divide(
            lengths[0], lengths[1:], out=np.zeros_like(trust), where=trust > 0
        )
        return Aggregate(
            vector=weighted_sum(updates, weights * scale),
            weights=weights,
            diagnostics={"trust": trust},
        )
