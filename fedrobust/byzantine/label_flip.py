"""Label flipping: train on wrong labels.

    y' = C - 1 - y   or   y' = target where y = source

Biggio, Nelson, Laskov: Support Vector Machines Under Adversarial Label Noise, ACML
2011. All labels are reversed as in Karimireddy, He, Jaggi, ICLR 2022; a single class is
flipped as in Tolpegin, Truex, Gursoy, Liu: Data Poisoning Attacks Against Federated
Learning Systems, ESORICS 2020. The attacker knows its own data.
ByzFL instead sends the mean of the honest clients' gradients on flipped labels.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Images, Labels
from fedrobust.byzantine.poisoning import DataPoisoning
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class LabelFlip(DataPoisoning):
    """Swap the first class with the last, the second with the second to last, ...

    Parameters
    ----------
    source, target
        If both are given, class source becomes class target and other labels stay.
    """

    source: int | None = None
    target: int | None = None

    def __post_init__(self) -> None:
        for name, other in (("source", "target"), ("target", "source")):
            value = getattr(self, name)
            require(
                value is not None or getattr(self, other) is None,
                name,
                value,
                f"a class if {other} is one, or both null",
            )
            if value is not None:
                require_between(name, value, 0)
        require(
            self.source is None or self.source != self.target,
            "target",
            self.target,
            "another class than source",
        )

    def poison(
        self,
        x: Images,
        y: Labels,
        num_classes: int,
        rng: np.random.Generator | None = None,
        attacker: int = 0,
    ) -> tuple[Images, Labels]:
        """Return the images unchanged, with flipped labels."""
        if self.source is None or self.target is None:
            return x, (num_classes - 1 - y).astype(np.int32)
        below = f"below num_classes={num_classes}"
        require(self.source < num_classes, "source", self.source, below)
        require(self.target < num_classes, "target", self.target, below)
        return x, np.where(y == self.source, self.target, y).astype(np.int32)
