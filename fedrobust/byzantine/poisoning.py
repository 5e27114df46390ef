"""Byzantine attacks by what a client trains on, or towards."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedrobust.byzantine.base import ByzantineAttack, Images, Labels

if TYPE_CHECKING:
    from fedrobust.training.objective import Objective


@dataclass(frozen=True, kw_only=True)
class DataPoisoning(ByzantineAttack):
    """A client that poisons its data."""

    @abstractmethod
    def poison(
        self,
        x: Images,
        y: Labels,
        num_classes: int,
        rng: np.random.Generator | None = None,
        attacker: int = 0,
    ) -> tuple[Images, Labels]:
        """Give the images and labels the client trains on instead of (x, y).

        Parameters
        ----------
        x, y
            (n, ...) images in [0, 1] and (n,) labels; not modified.
        num_classes
            Labels are below it.
        rng
            Generator of this client's draws; None draws from a fresh one of seed 0.
        attacker
            Which of the Byzantine clients this is, from 0.
        """


@dataclass(frozen=True, kw_only=True)
class ObjectivePoisoning(ByzantineAttack):
    """A client that trains on its data towards a goal of its own."""

    @abstractmethod
    def objective(self) -> "Objective":
        """Make the objective it trains with instead of the federation's."""
