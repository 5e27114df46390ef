"""Optimised ALIE and IPM: search for the size of attack that the server feels most.

    size* = argmax |A(x_1, ..., x_h, u'(size), ..., u'(size)) - mean|, of sizes tried
    u'(size) = mean - size std   (OptimalALIE)       u'(size) = -size mean  (OptimalIPM)

Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan: Fixing by Mixing: A Recipe for
Optimal Byzantine ML under Heterogeneity, AISTATS 2023. The attacker knows
every honest update of the round (after worker momentum) and the server's pipeline A,
pre-aggregators and rule together, with the server's own draws of the round, which it
asks ``evaluations`` times a round.
The paper does not say how to search. A rule that selects is moved by small sizes alone:
past some size it drops what it is sent. ``grid`` tries sizes of every magnitude first,
then goes up and down from the best. ``expanding`` is ByzFL's schedule, which starts at
size 0, goes on to 10 and then only up from what was best: of ALIE's sizes from 10 on
Krum selects none. The MoNNA code asks 16 times, contracts on both sides of the best
size, compares squared norms and tries negative sizes too. ByzFL adds size std.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import Wide, mean_and_std
from strategies.validation import require, require_between, require_positive


def expanding_search(
    objective: Callable[[float], float],
    evaluations: int,
    start: float,
    step: float,
    shrink: float,
) -> float:
    """Look for the argument at which a function is largest.

    From ``start`` the step doubles for as long as it improves the best value. After
    the first failure it shrinks at each trial, and still starts from the best so far.

    Returns
    -------
    The best of the arguments tried, the first of equals.
    """
    best, highest = start, objective(start)
    expanding = True
    for _ in range(evaluations - 1):
        trial = best + step
        value = objective(trial)
        improved = value > highest
        if improved:
            best, highest = trial, value
        expanding = expanding and improved
        step *= 2 if expanding else shrink
    return best


def grid_search(
    objective: Callable[[float], float], evaluations: int, largest: float
) -> float:
    """Look for the positive argument at which a function is largest.

    Half of the evaluations go to a geometric grid that ends at ``largest``, a thousand
    times its first. From the best the search goes on by the grid's factor, upwards, or
    downwards when that fails; when both have failed, by the root of the factor.

    Returns
    -------
    The best of the arguments tried, the first of equals.
    """
    count = max(evaluations // 2, 2)
    best, highest = largest / 1000, -math.inf
    for trial in np.geomspace(largest / 1000, largest, count)[:evaluations]:
        value = objective(float(trial))
        if value > highest:
            best, highest = float(trial), value
    factor = 1000.0 ** (1 / (count - 1))
    for _ in range(evaluations - count):
        value = objective(best * factor)
        if value > highest:
            best, highest = best * factor, value
        else:
            factor = 1 / factor if factor > 1 else (1 / factor) ** 0.5
    return best


@dataclass(frozen=True, kw_only=True)
class OptimalCollusion(Collusion):
    """Send origin + size direction, of the size that moves the aggregate furthest.

    Parameters
    ----------
    evaluations
        How often the server's pipeline is tried, at least 1.
    search
        ``grid`` or ``expanding``.
    largest
        Of the grid: its largest size, above 0.
    start, step, shrink
        Of the expanding search: the first size, at least 0, the first step, above 0,
        and the factor of the step once it has failed, in (0, 1).
    """

    evaluations: int = 20
    search: str = "grid"
    largest: float = 10.0
    start: float = 0.0
    step: float = 10.0
    shrink: float = 0.8

    def __post_init__(self) -> None:
        require_between("evaluations", self.evaluations, 1)
        searches = ("grid", "expanding")
        require(self.search in searches, "search", self.search, " or ".join(searches))
        require_positive("largest", self.largest)
        require_between("start", self.start, 0)
        require_positive("step", self.step)
        require(0 < self.shrink < 1, "shrink", self.shrink, "in (0, 1)")

    @abstractmethod
    def line(self, honest: Matrix) -> tuple[Any, Wide]:
        """Give the origin and the (d,) direction of the line that is searched."""

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Search the line; all Byzantine clients send the best point."""
        aggregate = context.aggregate
        if aggregate is None:
            raise ValueError(f"{self!r} needs context.aggregate, the server's pipeline")
        mean = honest.mean(axis=0, dtype=np.float64)
        origin, direction = self.line(honest)

        def crafted(size: float) -> Matrix:
            return copies(origin + size * direction, num_byzantine)

        def damage(size: float) -> float:
            return float(np.linalg.norm(aggregate(crafted(size)) - mean))

        if self.search == "grid":
            size = grid_search(damage, self.evaluations, self.largest)
        else:
            schedule = (self.evaluations, self.start, self.step, self.shrink)
            size = expanding_search(damage, *schedule)
        context.chosen["size"] = size
        return crafted(size)


@dataclass(frozen=True, kw_only=True)
class OptimalALIE(OptimalCollusion):
    """Move the honest mean by the best number of standard deviations (ddof 1).

    Parameters
    ----------
    sign
        -1 or 1 (ByzFL): which way it moves.
    """

    sign: int = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.sign in (-1, 1), "sign", self.sign, "-1 or 1")

    def line(self, honest: Matrix) -> tuple[Any, Wide]:
        """From the mean, along the standard deviation."""
        mean, std = mean_and_std(honest)
        return mean, self.sign * std


@dataclass(frozen=True, kw_only=True)
class OptimalIPM(OptimalCollusion):
    """Send the negative honest mean, times the best factor."""

    def line(self, honest: Matrix) -> tuple[Any, Wide]:
        """From zero, against the mean."""
        return 0.0, -honest.mean(axis=0, dtype=np.float64)
