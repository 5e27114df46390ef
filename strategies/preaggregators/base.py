"""What every pre-aggregator is: a pure function from updates to fewer or tamer ones."""

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

    ``keeps_rows`` tells that each row out is still the update of the client of that
    row, so that what the rule says of a row is said of a client. ``keeps_places`` tells
    that each row out is at least made for the client of that row, with whom the rule
    may connect it from round to round.

    Rows are taken in the order of client ids, where these are known.
    """

    keeps_rows: ClassVar[bool] = False
    keeps_places: ClassVar[bool] = True

    def check(self, n: int) -> None:
        """Raise ValueError where it is undefined for n updates."""

    def num_rows(self, n: int) -> int:
        """Give the number of rows that it makes of n."""
        return n

    @abstractmethod
    def preaggregate(self, updates: Matrix, context: RuleContext) -> Matrix:
        """Transform updates that have been checked already."""

    def __call__(self, updates: Matrix, context: RuleContext | None = None) -> Matrix:
        """Transform the updates of one round.

        Parameters
        ----------
        updates
            (n, d) finite floats, one client a row. It is not modified.
        context
            Seed and round, where it draws.

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
