"""What runs of several seeds score, and whether one is above another by chance.

A score is the mean over its m seeds, its error the standard error of that mean. Two are
compared by what they differ in seed by seed (Student's t, 95 %),

    d_s = a_s - b_s,      mean(d) ± t(0.975, m - 1) std(d) / sqrt(m)

since the same seed is the same partition, the same initial weights and the same test
images in both.

Fewer than three seeds do not show how training varies: t(0.975, 1) = 12.7 would let
chance explain anything. Chance is then what the test images explain, the sum of both
scores' 2 standard errors (the most that the error of a difference over the same images
can be), or 2 standard errors of the two differences where these are more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

# Seeds from which the t interval tells more than the test images do.
ENOUGH_SEEDS = 3


def paired_differences(a: Mapping[int, float], b: Mapping[int, float]) -> list[float]:
    """Subtract b from a, seed by seed, over the seeds that both have."""
    return [a[seed] - b[seed] for seed in a if seed in b]


def half_interval(values: Sequence[float]) -> float:
    """Compute half of the 95 % t interval of a mean; 0 where all are the same."""
    # Not scipy's interval, which is nan where all are the same.
    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


@dataclass(frozen=True)
class Difference:
    """What one score is above another, and what chance explains of it.

    Attributes
    ----------
    value
        The mean over the seeds that both have; of the scores, where fewer than two.
    margin
        The most that chance explains: half of the 95 % interval over seeds; with fewer
        than ``ENOUGH_SEEDS``, what the test images explain.
    num_seeds
        That both have.
    """

    value: float
    margin: float
    num_seeds: int

    @property
    def is_chance(self) -> bool:
        """Whether chance explains that the one is above the other."""
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
        Of each seed.
    image_error
        Binomial standard error of one test set.
    """

    by_seed: Mapping[int, float]
    image_error: float

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(np.mean([*self.by_seed.values()]))

    @property
    def error(self) -> float:
        """Standard error of the mean over seeds; of a single one, of its images."""
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
        # Seeds that only one of them has say nothing of a difference seed by seed.
        value = float(np.mean(differences)) if n > 1 else self.value - other.value
        return Difference(value, margin, n)

    def beats(self, share: float) -> bool:
        """Whether this is above a known share by more than chance explains.

        Chance is here of seeds and of images: models that all give the same answer to
        everything agree over seeds, and are right as often as the test set has it.
        """
        values = [*self.by_seed.values()]
        is_enough = len(values) >= ENOUGH_SEEDS
        over_seeds = half_interval(values) if is_enough else _two_errors(values)
        return self.value - share > max(2 * self.image_error, over_seeds) + 1e-12


def _two_errors(values: Sequence[float]) -> float:
    """Two standard errors of a mean; 0 of a single value, which shows no spread."""
    return 2 * float(stats.sem(values)) if len(values) > 1 else 0.0
