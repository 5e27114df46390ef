"""What runs of several seeds score, and whether one is above another by chance.

A score is the mean over its m seeds, its error the standard error of that mean. Two are
compared by what they differ in seed by seed (Student's t, 95 %),

    d_s = a_s - b_s,      mean(d) ± t(0.975, m - 1) std(d) / sqrt(m)

since the same seed is the same partition, the same initial weights and the same test
images in both. Of one seed twice the sum of their images' errors is what chance
explains: of the same images, that is the most which the error of a difference can be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


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
        Half of the 95 % interval over seeds; of fewer than two, twice the errors of
        both scores' images.
    num_seeds
        That both have.
    """

    value: float
    margin: float
    num_seeds: int

    @property
    def is_chance(self) -> bool:
        """Tell whether chance explains that the one is above the other."""
        return self.value <= self.margin + 1e-12


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
        """Compare with another score: seed by seed, else by the images."""
        differences = paired_differences(self.by_seed, other.by_seed)
        n = len(differences)
        if n < 2:
            margin = 2 * (self.image_error + other.image_error)
            return Difference(self.value - other.value, margin, n)
        return Difference(float(np.mean(differences)), half_interval(differences), n)

    def beats(self, share: float) -> bool:
        """Tell whether this is above a known share by more than chance explains.

        Chance is here of seeds and of images: models that all give the same answer to
        everything agree over seeds, and are right as often as the test set has it.
        """
        margin = 2 * self.image_error
        if len(self.by_seed) > 1:
            margin = max(margin, half_interval([*self.by_seed.values()]))
        return self.value - share > margin + 1e-12
