"""Bucketing: average random buckets of s updates, which makes the rows more alike.

    y_j = mean of the updates in bucket j of a random permutation,  ceil(n / s) buckets

Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via
Bucketing, ICLR 2022, Algorithm 1. The last bucket may hold fewer than s. Each Byzantine
update spoils at most one bucket, so the rule must tolerate f of ceil(n / s) rows.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.linalg.rows import Matrix, combinations_of
from strategies.preaggregators.base import Preaggregator
from strategies.randomness import Draw, server_generator
from strategies.rules.base import RuleContext
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class Bucketing(Preaggregator):
    """Average updates in random buckets.

    Parameters
    ----------
    s
        Updates per bucket, at least 1; 1 only permutes the rows.
    """

    keeps_places: ClassVar[bool] = False

    s: int = 2

    def __post_init__(self) -> None:
        require_between("s", self.s, 1)

    def num_rows(self, n: int) -> int:
        """ceil(n / s)."""
        return -(-n // self.s)

    def preaggregate(self, updates: Matrix, context: RuleContext) -> Matrix:
        """Average a permutation keyed by the seed and the round."""
        n = len(updates)
        rng = server_generator(context.seed, Draw.BUCKETING, context.round)
        weights = np.zeros((self.num_rows(n), n))
        weights[np.arange(n) // self.s, rng.permutation(n)] = 1.0
        return combinations_of(updates, weights / weights.sum(axis=1, keepdims=True))
