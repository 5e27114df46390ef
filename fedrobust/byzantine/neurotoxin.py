"""Neurotoxin: a backdoor in coordinates that honest clients hardly change.

    u' = boost m u,   m_k = 0 for the share ``top`` of largest |last step|_k, else 1

Zhang, Panda, Song, Yang, Mahoney, Gonzalez, Ramchandran, Mittal: Neurotoxin: Durable
Backdoors in Federated Learning, ICML 2022, Algorithm 1. The attacker knows its own data
and update, and the server's last step, which is the difference of two models it
received. Before it has received two, no coordinate is masked.
The paper projects each local step; this module projects their sum. Both agree for one
local step. With more steps they differ, because later steps start from a model that has
also moved along the masked coordinates.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.pixel_backdoor import PixelBackdoor
from fedrobust.byzantine.tampering import ClientContext
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class Neurotoxin(PixelBackdoor):
    """Send the backdoored update without the coordinates that change most.

    Parameters
    ----------
    top
        Share of the coordinates that are masked, in [0, 1); the number is rounded.
    """

    needs_last_step: ClassVar[bool] = True

    top: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.top < 1, "top", self.top, "in [0, 1)")

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Mask, then boost; among equally large coordinates the first are masked."""
        if context is not None and context.last_step is not None:
            largest_first = np.argsort(-np.abs(context.last_step), kind="stable")
            update = update.copy()
            update[largest_first[: round(self.top * update.size)]] = 0
        return super().tamper(update, rng, context)
