"""The interface of pre-aggregators: pure functions from updates to updates."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.linalg.order import by_ids
from strategies.linalg.rows import Matrix
from strategies.rules.base import Part, RuleContext, checked


@dataclass(frozen=True, kw_only=True)
class Preaggregator(Part, ABC):
    """A pre-aggregator with its hyper-parameters.

    ``keeps_rows`` means that output row i is still client i's own update, so that a
    rule's selection of rows is a selection of clients. ``keeps_places`` means that
    output row i at least belongs to client i, so that a rule may keep state for it from
    round to round.

    Rows are processed in the order of client ids, if these are known.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    keeps_rows: ClassVar[bool] = False
    keeps_places: ClassVar[bool] = True

    def check(self, n: int) -> None:
        """Raise ValueError when the pre-aggregator is undefined for n updates."""

    def num_rows(self, n: int) -> int:
        """Return the number of output rows for n input rows."""
        return n

    @abstractmethod
    def preaggregate(self, updates: Matrix, context: RuleContext) -> Matrix:
        """Transform updates that ``__call__`` has checked and ordered."""

    def __call__(self, updates: Matrix, context: RuleContext | None = None) -> Matrix:
        """Transform the updates of one round.

        Parameters
        ----------
        updates
            (n, d) finite floats, one row per client. The matrix is never modified.
        context
            What the pre-aggregator may know besides the updates.

        Returns
        -------
        (m, d) float32

        Raises
        ------
        ValueError
            When the matrix is not (n, d), not finite, or n is too small.
        """
        updates, context = checked(updates), context or RuleContext()
        n = len(updates)
        self.check(n)
        context.check(n)
        order = None if context.clients is None else by_ids(context.clients)
        if order is None:
            return self.preaggregate(updates, context)
        rows = self.preaggregate(updates[order], context.only(order))
        return rows[np.argsort(order)] if self.keeps_places else rows
