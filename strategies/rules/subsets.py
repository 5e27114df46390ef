"""Enumeration of subsets of rows, for rules that find the best one exactly."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.linalg.order import Rows
from strategies.linalg.rows import Float
from strategies.rules.base import RobustRule
from strategies.validation import require_between

# Subsets that are scored at once, which bounds the memory.
CHUNK = 4096


@dataclass(frozen=True, kw_only=True)
class SubsetRule(RobustRule):
    """Average the best subset of n - f updates.

    Parameters
    ----------
    max_subsets
        Maximum number of subsets to examine, at least 1. The rule raises ValueError if
        there are more.
    """

    keeps_order: ClassVar[bool] = True

    max_subsets: int = 1_000_000

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("max_subsets", self.max_subsets, 1)

    @property
    def min_clients(self) -> int:
        """2f + 1, so that every subset has an honest majority."""
        return 2 * self.f + 1

    def check(self, n: int) -> None:
        """Raise ValueError for too few updates or too many subsets."""
        super().check(n)
        size = n - self.f
        count = math.comb(n, size)
        if count > self.max_subsets:
            raise ValueError(
                f"{self!r} would examine {count} subsets of {size} of {n} updates, "
                f"more than max_subsets: sample fewer clients or lower f, or raise it"
            )


def best_subset(n: int, size: int, scores: Callable[[Rows], Float]) -> Rows:
    """Return the subset of rows with the lowest score; among equals, the first.

    Parameters
    ----------
    n, size
        All subsets of ``size`` of ``n`` rows are scored, in lexicographic order.
    scores
        Function from (k, size) row numbers to (k,) scores.

    Returns
    -------
    (size,) row numbers
    """
    best, least = np.arange(size), math.inf
    every = itertools.combinations(range(n), size)
    while chunk := list(itertools.islice(every, CHUNK)):
        subsets = np.array(chunk)
        values = scores(subsets)
        lowest = int(np.argmin(values))
        if values[lowest] < least:
            best, least = subsets[lowest], float(values[lowest])
    return best
