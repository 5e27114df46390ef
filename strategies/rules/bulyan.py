"""Bulyan: select updates with repeated Krum, then average around their median.

    1. theta = n - 2f times: move the winner of Krum among the remaining updates to S
    2. agg_k = mean of the theta - 2f values of S nearest to the median of S

El Mhamdi, Guerraoui, Rouault: The Hidden Vulnerability of Distributed Learning in
Byzantium, ICML 2018, Section 4. Bound: n >= 4f + 3.
Krum's scores are recomputed among the remaining updates, which count fewer neighbours
each time (at least one). With one neighbour, two updates that are each other's nearest
always tie. The lower client id wins; without ids the lower row wins, so the order of
rows then matters.
Flower's ``serverapp`` Bulyan instead takes the theta best updates of a single
Multi-Krum pass, which is a different set; its older ``server.strategy`` Bulyan
iterates. FLPoison mixes up row numbers and never trims.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.distances import squared_distances
from strategies.linalg.order import Rows
from strategies.linalg.rows import Matrix, by_columns, nearest_mean
from strategies.rules.base import Aggregate, RobustRule, RuleContext
from strategies.rules.krum import krum_scores


@dataclass(frozen=True, kw_only=True)
class Bulyan(RobustRule):
    """Average around the median of the updates that repeated Krum selects."""

    keeps_order: ClassVar[bool] = True

    @property
    def min_clients(self) -> int:
        """4f + 3, so that at least 3 values are averaged in each coordinate."""
        return 4 * self.f + 3

    def select(self, updates: Matrix) -> Rows:
        """Return the n - 2f rows that Krum selects one after the other."""
        squared = squared_distances(updates)
        remaining = np.arange(len(updates))
        selected: list[int] = []
        while len(selected) < len(updates) - 2 * self.f:
            scores = krum_scores(squared[np.ix_(remaining, remaining)], self.f)
            winner = int(np.argmin(scores))
            selected.append(int(remaining[winner]))
            remaining = np.delete(remaining, winner)
        return np.array(selected)

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Average the values nearest to the median of the selected rows."""
        selected = np.sort(self.select(updates))
        count = len(selected) - 2 * self.f
        vector = by_columns(
            updates[selected],
            lambda block: nearest_mean(block, np.median(block, axis=0), count),
        )
        return Aggregate(vector=vector, selected=selected)
