"""FoolsGold: down-weight clients whose summed updates resemble another client's.

    H_i   = sum of the updates of client i so far,  cs_ij = cos(H_i, H_j)
    v_i   = max_j cs_ij;  cs_ij <- cs_ij v_i / v_j where v_j > v_i  (pardoning)
    a_i   = 1 - max_j cs_ij, divided by the largest
    w_i   = ln(a_i / (1 - a_i)) + 1 / 2, clipped to [0, 1]
    agg   = sum_i w_i x_i / sum_i w_i

Fung, Yoon, Beschastnikh: The Limitations of Federated Learning in Sybil Settings, RAID
2020, Algorithm 1, without its optional weighting of features. Bound: none on f, but it
assumes that sybils act alike and that honest clients do not.
The paper adds the weighted sum of small gradients, sum_i w_i x_i; this module averages,
because its updates are those of whole epochs. Negative similarities count as 0
(v_i >= 0); otherwise pardoning would flip their sign.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Float, Matrix, cosines, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext

# Histories point the same way if their cosine is nearer to 1 than this. Float32
# updates that differ only by rounding do.
SAME = 1e-12


@dataclass(frozen=True, kw_only=True)
class FoolsGold(Rule):
    """Weight clients by how little their history resembles that of any other client.

    The state is the sum of each client's updates, by client id.
    """

    @property
    def needs_clients(self) -> bool:
        """True: each history belongs to one client."""
        return True

    @property
    def min_clients(self) -> int:
        """2: a similarity needs two clients."""
        return 2

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Add the updates to the histories, and weight updates by dissimilarity."""
        past = dict(state or {})
        for client, update in zip(context.ids(len(updates)), updates, strict=True):
            past[client] = past.get(client, 0.0) + update.astype(np.float64)
        history = np.stack([past[client] for client in context.ids(len(updates))])
        weights = dissimilarity_weights(cosines(history))
        if not weights.any():
            # All histories point the same way, so no client is trusted.
            return Aggregate(
                vector=np.zeros_like(updates[0]),
                selected=np.zeros(0, np.int64),
                state=past,
                diagnostics={"weights": weights},
            )
        shares = weights / weights.sum()
        return Aggregate(
            vector=weighted_sum(updates, shares),
            weights=shares,
            state=past,
            diagnostics={"weights": weights},
        )


def dissimilarity_weights(similarity: Float) -> Float:
    """Return the (n,) weights in [0, 1] for (n, n) cosines between histories."""
    others = similarity.copy()
    np.fill_diagonal(others, -1.0)
    most = others.max(axis=1).clip(0)
    larger = most > most[:, None]
    ratio = np.divide(most[:, None], most, out=np.ones_like(others), where=larger)
    weights = 1 - (others * ratio).max(axis=1)
    weights = weights.clip(0, 1)
    # For equal histories rounding leaves 2e-16, which the scaling would turn into 1.
    weights[weights < SAME] = 0
    if not weights.any():
        return np.asarray(weights)
    weights /= weights.max()
    with np.errstate(divide="ignore"):
        return np.asarray((np.log(weights / (1 - weights)) + 0.5).clip(0, 1))
