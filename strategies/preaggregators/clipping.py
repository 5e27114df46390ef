"""Static clipping: clip every update that is longer than c.

    y_i = x_i min(1, c / |x_i|)

ByzFL and Blades apply it before a rule. c is in units of the update.
"""

from dataclasses import dataclass
from typing import ClassVar

from strategies.linalg.rows import Float, Matrix, clipped, norms
from strategies.preaggregators.base import Preaggregator
from strategies.rules.base import RuleContext
from strategies.validation import require_positive


@dataclass(frozen=True, kw_only=True)
class Clipping(Preaggregator):
    """Clip updates to a fixed length.

    Parameters
    ----------
    c
        Largest length of an update, above 0.
    """

    keeps_rows: ClassVar[bool] = True

    c: float = 2.0

    def __post_init__(self) -> None:
        require_positive("c", self.c)

    def preaggregate(self, updates: Matrix, context: RuleContext) -> Matrix:
        """Clip each row; a row that is short enough does not change a bit."""
        return scaled(updates, clipped(norms(updates), self.c))


def scaled(updates: Matrix, factors: Float) -> Matrix:
    """Multiply rows by their (n,) factors; a factor of 1 changes no bit."""
    result = updates.copy()
    for row, factor in zip(result, factors, strict=True):
        if factor != 1:
            # In float64, one row at a time, so that only one row is copied.
            row[:] = row.astype("float64") * factor
    return result
