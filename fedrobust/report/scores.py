"""Scores over several seeds, and whether a difference between them can be chance.

A score is the mean over its m seeds, its error the standard error of that mean. Two are
compared by their differences seed by seed (Student's t, 95 %),

    d_s = a_s - b_s,      mean(d) ± t(0.975, m - 1) std(d) / sqrt(m)

because runs with the same seed have the same partition, initial weights and test
images.

Fewer than three seeds do not show how training varies: with t(0.975, 1) = 12.7 any
difference could be chance. The margin is then that of the test images: the sum of both
scores' 2 standard errors, which bounds the error of a difference over the same images,
or 2 standard errors of the two differences if these are larger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

# The number of seeds from which the t interval is used.
ENOUGH_SEEDS = 3


def paired_differences(a: Mapping[int, float], b: Mapping[int, float]) -> list[float]:
    """Subtract b from a, seed by seed, over the seeds that both have."""
    return [a[seed] - b[seed] for seed in a if seed in b]


def half_interval(values: Sequence[float]) -> float:
    """Return half the width of a mean's 95 % t interval; 0 if all values are equal."""
    # Not scipy's interval, which is nan if all values are equal.
    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


@dataclass(frozen=True)
class Difference:
    """The difference of two scores, and the part of it that can be chance.

    Attributes
    ----------
    value
        The mean difference over the seeds that both have; the difference of the two
        means if they share fewer than two seeds.
    margin
        The largest difference that can be chance: half the width of the 95 % interval
        over seeds, or with fewer than ``ENOUGH_SEEDS`` the margin of the test images.
    num_seeds
        Number of seeds that both have.
    """

    value: float
    margin: float
    num_seeds: int

    @property
    def is_chance(self) -> bool:
        """Whether chance can explain that the first score is above the second."""
        return self.value <= self.margin + 1e-12

    @property
    def is_over_seeds(self) -> bool:
        """Whether the margin is the interval over seeds."""
        return self.num_seeds >= ENOUGH_SEEDS


@dataclass(frozen=True)
class Score:
    """A share of images, or an average of shares.

    Attributes
    ----------
    by_seed
        The score by seed.
    image_error
        Binomial standard error over the test images.
    """

    by_seed: Mapping[int, float]
    image_error: float

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(np.mean([*self.by_seed.values()]))

    @property
    def error(self) -> float:
        """Standard error of the mean over seeds; over the images for a single seed."""
        if len(self.by_seed) < 2:
            return self.image_error
        return float(stats.sem([*self.by_seed.values()]))

    def above(self, other: "Score") -> Difference:
        """Compare with another score, seed by seed where there are enough seeds."""
        differences = paired_differences(self.by_seed, other.by_seed)
        n = len(differences)
        if n >= ENOUGH_SEEDS:
            margin = half_interval(differences)
        else:
            margin = 2 * (self.image_error + other.image_error)
            margin = max(margin, _two_errors(differences))
        # Seeds that only one score has do not contribute to a paired difference.
        value = float(np.mean(differences)) if n > 1 else self.value - other.value
        return Difference(value, margin, n)

    def beats(self, share: float) -> bool:
        """Return whether this is above a known share by more than chance explains.

        Both seeds and images contribute to chance: models that give one constant answer
        agree over all seeds, but their accuracy depends on the test images.
        """
        values = [*self.by_seed.values()]
        is_enough = len(values) >= ENOUGH_SEEDS
        over_seeds = half_interval(values) if is_enough else _two_errors(values)
        return self.value - share > max(2 * self.image_error, over_seeds) + 1e-12


def _two_errors(values: Sequence[float]) -> float:
    """Return two standard errors of a mean; 0 for a single value."""
    return 2 * float(stats.sem(values)) if len(values) > 1 else 0.0
