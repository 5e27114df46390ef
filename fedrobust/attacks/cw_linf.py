"""CW-Linf: PGD on the margin, as used to evaluate adversarial training.

    max  max_{i != y} z_i(x') - z_y(x')    over the ball, by signed steps

The loss is f_6 of Carlini, Wagner: Towards Evaluating the Robustness of Neural
Networks, S&P 2017. PGD maximises it, as in Madry et al., ICLR 2018, Section 5.2, who
call it CW. The margin is not capped at a confidence, because a larger margin within the
ball is never worse for the attacker.
"""

from dataclasses import dataclass
from typing import ClassVar

from fedrobust.attacks.pgd import PGD
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class CWLinf(PGD):
    """PGD on the margin; by default with the 30 steps of published tables."""

    steps: int = 30
    loss: str = "margin"

    norms: ClassVar[tuple[str, ...]] = ("linf",)

    def __post_init__(self) -> None:
        super().__post_init__()
        bound = "'margin', which defines this attack"
        require(self.loss == "margin", "loss", self.loss, bound)
