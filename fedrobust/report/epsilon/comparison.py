"""Two rows against each other: the difference, its interval, and both in words."""

import math
from dataclasses import dataclass

from fedrobust.report.epsilon.matrix import TrainingRow
from fedrobust.report.scores import Difference, Score


@dataclass(frozen=True)
class Scored:
    """A row with its score at a test epsilon."""

    row: TrainingRow
    score: Score

    def __str__(self) -> str:
        return f"{self.row.name} ({percent(self.score.value)})"

    @property
    def seeds(self) -> str:
        """The seeds as text."""
        seeds = sorted(self.score.by_seed)
        return f"seed{'s' * (len(seeds) > 1)} {listed([*map(str, seeds)])}"


@dataclass(frozen=True)
class Comparison:
    """A row against another one, at the same test epsilon."""

    row: Scored
    other: Scored

    @property
    def difference(self) -> Difference | None:
        """The row minus the other; None if their seeds do not allow it."""
        return self.row.score.minus(self.other.score)

    @property
    def is_undecided(self) -> bool:
        """Whether there is a difference, and its interval includes 0."""
        return self.difference is not None and not self.difference.is_decided

    @property
    def gap(self) -> float:
        """The distance of the two means."""
        return abs(self.row.score.value - self.other.score.value)

    @property
    def image_margin(self) -> float:
        """The part of the gap that the choice of the test images alone explains."""
        return self.row.score.image_margin(self.other.score)

    @property
    def images_to_decide(self) -> int | None:
        """Number of test images whose choice explains no more than the gap.

        None if the present ones suffice, or if there is no gap.
        """
        if not 1e-9 < self.gap < self.image_margin:
            return None
        images = max(self.row.row.num_images, self.other.row.num_images)
        return math.ceil(images * (self.image_margin / self.gap) ** 2)

    def words(self, than: str = "") -> str:
        """Return what follows the name of the row in a sentence.

        Parameters
        ----------
        than
            The name of the other row; empty if the sentence has it already.
        """
        difference = self.difference
        if difference is None:
            compared = f"compared with {than}" if than else "compared"
            return f"is not {compared}, as the seeds differ"
        size = f"{100 * abs(difference.value):.1f} ± {points(difference.margin)}"
        sign = "higher" if difference.value >= 0 else "lower"
        other = f" than {than}" if than else ""
        undecided = " (undecided: the interval includes 0)" * self.is_undecided
        return f"is {size} {sign}{other}{undecided}"


def percent(share: float) -> str:
    """Write a share in percent, as tables round it."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """Write a difference of shares."""
    return f"{100 * share:.1f} points"


def listed(words: list[str]) -> str:
    """Join words by commas, and the last one by "and"."""
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last
