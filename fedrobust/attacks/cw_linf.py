"""CW-Linf: PGD on the margin, as evaluations of adversarial training use it.

    max  max_{i != y} z_i(x') - z_y(x')    over the ball, by signed steps

Carlini, Wagner: Towards Evaluating the Robustness of Neural Networks, S&P 2017, for
the loss f_6; climbed by PGD as in Madry et al., ICLR 2018, Section 5.2, who call it CW.
The margin is not capped at a confidence: within the ball farther is never worse.
"""

from dataclasses import dataclass
from typing import ClassVar

from fedrobust.attacks.pgd import PGD
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class CWLinf(PGD):
    """Climb the margin; 30 steps, as in published tables."""

    steps: int = 30
    loss: str = "margin"

    norms: ClassVar[tuple[str, ...]] = ("linf",)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.loss == "margin", "loss", self.loss, "margin: it is the attack")
