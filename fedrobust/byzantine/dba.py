"""DBA: each attacker learns a part of the trigger, and the whole of it is used.

    attacker k trains on part k mod parts;   victims carry all parts

Xie, Huang, Chen, Li: DBA: Distributed Backdoor Attacks against Federated Learning, ICLR
2020. The attacker knows its own data and update, and which part is its own.
The parts are bars of one pixel's height in the upper left, two a row, ``gap`` pixels
apart: with width 4 and gap 2 the paper's trigger for MNIST (CIFAR-10: 6 and 3). The
paper boosts by 100 in its single-shot attack, and not at all in the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fedrobust.byzantine.trigger import Rectangle, TriggerBackdoor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class DBA(TriggerBackdoor):
    """Train on images with one of the trigger's bars, labelled target.

    Parameters
    ----------
    parts
        Bars of the trigger, at least 1 and at most the number of Byzantine clients.
    width
        Of a bar in pixels, at least 1.
    gap
        Between bars in pixels, at least 0.
    """

    parts: int = 4
    width: int = 4
    gap: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("parts", self.parts, 1)
        require_between("width", self.width, 1)
        require_between("gap", self.gap, 0)

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Refuse a trigger of which nobody learns some part."""
        super().check(num_clients, num_byzantine)
        if num_byzantine < self.parts:
            raise ValueError(
                f"parts={self.parts}: must be at most "
                f"num_byzantine={num_byzantine}, as each part needs a client"
            )

    def rectangles(
        self, height: int, width: int, attacker: int | None
    ) -> Sequence[Rectangle]:
        """Give the bar of an attacker, or all bars."""
        parts = range(self.parts) if attacker is None else [attacker % self.parts]
        down, right = 1 + self.gap, self.width + self.gap
        return [(k // 2 * down, k % 2 * right, 1, self.width) for k in parts]
