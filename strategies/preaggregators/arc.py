"""ARC, adaptive robust clipping: clip the longest updates to the next longest.

    k = floor(2 f (n - f) / n);  clip the k longest to the length of the (k + 1)-th

Allouah, Guerraoui, Gupta, Jellouli, Rizk, Stephan: Adaptive Gradient Clipping for
Robust Federated Learning, ICLR 2025, Algorithm 2. Bound: f < n / 2.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.linalg.rows import Matrix, clipped, norms
from strategies.preaggregators.base import Preaggregator
from strategies.preaggregators.clipping import scaled
from strategies.rules.base import RuleContext
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class ARC(Preaggregator):
    """Clip the longest updates to a length that the other updates determine.

    Parameters
    ----------
    f
        Number of Byzantine clients tolerated, at least 0.
    """

    keeps_rows: ClassVar[bool] = True

    f: int = 0

    def __post_init__(self) -> None:
        require_between("f", self.f, 0)

    def check(self, n: int) -> None:
        """Raise ValueError if n <= 2f: no honest length is left to clip to."""
        if n <= 2 * self.f:
            bound = 2 * self.f + 1
            raise ValueError(f"{self!r} needs at least {bound} updates, not {n}")

    def preaggregate(self, updates: Matrix, context: RuleContext) -> Matrix:
        """Clip to the (k + 1)-th largest norm."""
        n = len(updates)
        k = 2 * self.f * (n - self.f) // n
        lengths = norms(updates)
        limit = np.sort(lengths)[n - k - 1]
        return scaled(updates, clipped(lengths, float(limit)))
