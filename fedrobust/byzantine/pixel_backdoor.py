"""Pixel backdoor: a small square in the corner triggers the attacker's class.

    x' = x with a size x size square of one value,   y' = target,   u' = boost u

Gu, Dolan-Gavitt, Garg: BadNets: Identifying Vulnerabilities in the Machine Learning
Model Supply Chain, 2017 (IEEE Access, 2019); in federated learning
Bagdasaryan, Veit, Hua, Estrin, Shmatikov: How To Backdoor Federated Learning, AISTATS
2020. The attacker knows its own data and update, and n / b if it boosts by it.
Implementations measure success differently. Here images of class target are not
victims, because they would count as a success without any attack.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fedrobust.byzantine.trigger import Rectangle, TriggerBackdoor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class PixelBackdoor(TriggerBackdoor):
    """Train on images with a square in the lower right corner, labelled as the target.

    Parameters
    ----------
    size
        Side of the square in pixels, at least 1.
    """

    size: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("size", self.size, 1)

    def rectangles(
        self, height: int, width: int, attacker: int | None
    ) -> Sequence[Rectangle]:
        """Return the square, which is the same for all attackers."""
        return [(height - self.size, width - self.size, self.size, self.size)]
