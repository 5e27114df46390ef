"""Optimised ALIE and IPM: search for the size that damages the aggregate most.

    size* = argmax |A(x_1, ..., x_h, u'(size), ..., u'(size)) - mean| over sizes tried
    u'(size) = mean - size std   (OptimalALIE)       u'(size) = -size mean  (OptimalIPM)

Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan: Fixing by Mixing: A Recipe for
Optimal Byzantine ML under Heterogeneity, AISTATS 2023. The attacker knows
every honest update of the round (after worker momentum) and the server's pipeline A
(pre-aggregators and rule), including the server's random draws of the round. It
evaluates the pipeline ``evaluations`` times per round.
The paper does not specify the search. Only small sizes move a rule that selects: beyond
some size it drops the crafted updates. ``grid`` first tries sizes of all magnitudes,
then refines around the best. ``expanding`` is ByzFL's schedule: it starts at size 0,
continues at 10, and then only goes up from the best size. Krum selects none of ALIE's
sizes from 10 on. The MoNNA code evaluates 16 times, contracts on both sides of the best
size, compares squared norms and also tries negative sizes. ByzFL adds size std.
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
    """Return the argument found to maximise a function, by expanding steps.

    The step doubles for as long as it improves on the best value. After the first
    failure it shrinks at each trial; trials always start from the best argument so far.

    Returns
    -------
    The best of the arguments tried; among equals, the first.
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
    """Return the positive argument found to maximise a function, from a grid.

    Half of the evaluations go to a geometric grid from ``largest`` / 1000 to
    ``largest``. The search then multiplies the best argument by the factor of the grid,
    or divides by it if that fails. When both have failed, it takes the square root of
    the factor.

    Returns
    -------
    The best of the arguments tried; among equals, the first.
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
    """Send origin + size direction, with the size that moves the aggregate furthest.

    Parameters
    ----------
    evaluations
        Number of evaluations of the server's pipeline per round, at least 1.
    search
        ``grid`` or ``expanding``.
    largest
        Largest size of the grid, above 0; for ``grid``.
    start, step, shrink
        First size, at least 0, first step, above 0, and factor of the step after a
        failure, in (0, 1); for ``expanding``.
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
        """Return the origin and the (d,) direction of the line that is searched."""

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Return copies of the most damaging point of the line."""
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
        Direction of the move, -1 or 1 (ByzFL).
    """

    sign: int = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.sign in (-1, 1), "sign", self.sign, "-1 or 1")

    def line(self, honest: Matrix) -> tuple[Any, Wide]:
        """Return the mean, and the standard deviation times the sign."""
        mean, std = mean_and_std(honest)
        return mean, self.sign * std


@dataclass(frozen=True, kw_only=True)
class OptimalIPM(OptimalCollusion):
    """Send the negative honest mean, times the best factor."""

    def line(self, honest: Matrix) -> tuple[Any, Wide]:
        """Return zero and the negative mean."""
        return 0.0, -honest.mean(axis=0, dtype=np.float64)
