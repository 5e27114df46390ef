"""The mean over seeds, and how far it may lie from the mean over all seeds.

The interval is Student's t interval at 95 %, mean ± t(0.975, n - 1) s / sqrt(n). Two
seeds have t = 12.7, which says nothing about a figure, so they show both values
instead; one seed shows no interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedrobust.report.scores import ENOUGH_SEEDS, half_interval


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes
    ----------
    mean
        The mean.
    half
        Half the width of the interval, or of what lies between two seeds; 0 for one.
    low, high
        Ends of the interval, within the bounds of the measure; the smallest and largest
        value of two seeds; the mean itself for one seed.
    num_seeds
        Number of seeds.
    deviation
        Standard deviation over seeds (n - 1), as in tables; nan for one seed.
    """

    mean: float
    half: float
    low: float
    high: float
    num_seeds: int
    deviation: float = np.nan

    @property
    def is_banded(self) -> bool:
        """Whether there are enough seeds for an interval."""
        return self.num_seeds >= ENOUGH_SEEDS


def estimate(values: Sequence[float], bounds: tuple[float, float]) -> Estimate:
    """Return the mean of one value for each seed, with its interval within bounds."""
    mean = float(np.mean(values))
    half = (max(values) - min(values)) / 2
    if len(values) >= ENOUGH_SEEDS:
        half = half_interval(values)
    low, high = max(mean - half, bounds[0]), min(mean + half, bounds[1])
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return Estimate(mean, half, low, high, len(values), deviation)


def words(fewest: int, most: int) -> str:
    """Return how means over seeds are drawn, for a caption; empty for one seed.

    Parameters
    ----------
    fewest, most
        Smallest and largest number of seeds behind one number.
    """
    parts = []
    if fewest == 1 < most:
        parts.append("Numbers of one seed have no interval.")
    if fewest <= 2 <= most:
        parts.append("Two seeds: mean, and bars from one to the other.")
    if most >= ENOUGH_SEEDS:
        parts.append("Mean and 95 % t interval over seeds.")
    return " ".join(parts)


def count(fewest: int, most: int) -> str:
    """Return the number of seeds behind a figure, in words; empty without any."""
    if most <= 1:
        return "One seed, so no interval is shown" if most else ""
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
