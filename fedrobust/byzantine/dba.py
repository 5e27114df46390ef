"""DBA: each attacker trains on a part of the trigger; victims carry all of it.

    attacker k trains on part k mod parts;   victims carry all parts

Xie, Huang, Chen, Li: DBA: Distributed Backdoor Attacks against Federated Learning, ICLR
2020. The attacker knows its own data and update, and the number of its part.
The parts are bars one pixel high in the upper left corner, two per row, ``gap`` pixels
apart. Width 4 and gap 2 give the paper's trigger for MNIST (for CIFAR-10: 6 and 3). The
paper boosts by 100 in its single-shot attack, and does not boost in its multi-shot
attack.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fedrobust.byzantine.trigger import Rectangle, TriggerBackdoor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class DBA(TriggerBackdoor):
    """Train on images with one of the trigger's bars, labelled as the target.

    Parameters
    ----------
    parts
        Number of bars, at least 1 and at most the number of Byzantine clients.
    width
        Width of a bar in pixels, at least 1.
    gap
        Distance between bars in pixels, at least 0.
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
        """Raise ValueError if a part of the trigger would be trained by no client."""
        super().check(num_clients, num_byzantine)
        if num_byzantine < self.parts:
            raise ValueError(
                f"parts={self.parts}: must be at most "
                f"num_byzantine={num_byzantine}, because each part needs a client"
            )

    def rectangles(
        self, height: int, width: int, attacker: int | None
    ) -> Sequence[Rectangle]:
        """Return the bar of an attacker, or all bars."""
        parts = range(self.parts) if attacker is None else [attacker % self.parts]
        down, right = 1 + self.gap, self.width + self.gap
        return [(k // 2 * down, k % 2 * right, 1, self.width) for k in parts]
