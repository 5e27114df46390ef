"""The mean of the updates: FedAvg. It tolerates no Byzantine client at all.

    sum_i w_i x_i,  w_i = n_i / sum_j n_j  (weighted)  or  1 / n

McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-Efficient Learning of
Deep Networks from Decentralized Data, AISTATS 2017, Algorithm 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Matrix, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext


@dataclass(frozen=True, kw_only=True)
class Mean(Rule):
    """Average the updates.

    Parameters
    ----------
    weighted
        Weight each client by the number of examples it declares, as FedAvg does. The
        default is false because a hostile client can declare any number.
    """

    weighted: bool = False

    @property
    def needs_clients(self) -> bool:
        """True if rows are weighted by what their clients declare."""
        return self.weighted

    @property
    def min_clients(self) -> int:
        """1: a single update has a mean."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average; raise ValueError if num_examples is needed but missing."""
        sizes = np.ones(len(updates))
        if self.weighted:
            sizes = context.counts(self)
        weights = sizes / sizes.sum()
        return Aggregate(vector=weighted_sum(updates, weights), weights=weights)
