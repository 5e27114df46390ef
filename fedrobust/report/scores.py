"""Scores over several seeds, and what their differences show.

A score is the mean over its m seeds, its error the standard error of that mean. Two are
compared by their differences seed by seed (Student's t, 95 %),

    d_s = a_s - b_s,      mean(d) ± t(0.975, m - 1) std(d) / sqrt(m)

because runs with the same seed have the same partition, initial weights and test
images. The two scores must have the same seeds, or the difference of their means, which
a table shows, is not the mean of these differences.

Fewer than three seeds do not show how training varies: t(0.975, 1) is 12.7. There is no
difference then, only the margin of the test images: the sum of both scores' 2 standard
errors, which bounds the error of a difference over the same images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

# The number of seeds from which the t interval is used.
ENOUGH_SEEDS = 3


def paired_differences(a: Mapping[int, float], b: Mapping[int, float]) -> list[float]:
    """Subtract b from a, seed by seed, over the seeds that both have."""
    return [a[seed] - b[seed] for seed in a if seed in b]


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of a mean, s / sqrt(n) with n - 1 in s."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def half_interval(values: Sequence[float]) -> float:
    """Return half the width of a mean's 95 % t interval; 0 if all values are equal."""
    # Not scipy's interval, which is nan if all values are equal.
    return float(stdtrit(len(values) - 1, 0.975)) * standard_error(values)


@dataclass(frozen=True)
class Difference:
    """The difference of two scores with its 95 % interval over seeds.

    Attributes
    ----------
    value
        The difference of the two means.
    margin
        Half the width of the interval.
    num_seeds
        Number of seeds, which both scores have.
    """

    value: float
    margin: float
    num_seeds: int

    @property
    def is_decided(self) -> bool:
        """Whether the interval excludes 0.

        In percent with one digit, as texts show both numbers: no text then calls one
        score higher beside numbers that say otherwise.
        """
        return round(100 * abs(self.value), 1) > round(100 * self.margin, 1)


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
        return standard_error([*self.by_seed.values()])

    def minus(self, other: "Score") -> Difference | None:
        """Subtract a score; None unless both have the same seeds, three or more."""
        differences = paired_differences(self.by_seed, other.by_seed)
        n = len(differences)
        if n < ENOUGH_SEEDS or self.by_seed.keys() != other.by_seed.keys():
            return None
        return Difference(self.value - other.value, half_interval(differences), n)

    def image_margin(self, other: "Score") -> float:
        """Return the part of a difference that the choice of test images explains."""
        return 2 * (self.image_error + other.image_error)

    def beats(self, share: float) -> bool:
        """Return whether this is above a known share by more than chance explains.

        Both seeds and images contribute to chance: models that give one constant answer
        agree over all seeds, but their accuracy depends on the test images.
        """
        values = [*self.by_seed.values()]
        is_enough = len(values) >= ENOUGH_SEEDS
        over_seeds = half_interval(values) if is_enough else 0.0
        return self.value - share > max(2 * self.image_error, over_seeds) + 1e-12
