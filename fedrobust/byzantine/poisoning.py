"""Byzantine attacks through the data or the objective that a client trains with."""

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
        """Return the images and labels that the client trains on instead of (x, y).

        Parameters
        ----------
        x, y
            (n, ...) images in [0, 1] and (n,) labels; not modified.
        num_classes
            Number of classes; labels are smaller.
        rng
            Generator of this client's draws; None means a fresh one with seed 0.
        attacker
            Number of this client among the Byzantine clients, from 0.
        """


@dataclass(frozen=True, kw_only=True)
class ObjectivePoisoning(ByzantineAttack):
    """A client that trains on its data with an objective of its own."""

    @abstractmethod
    def objective(self) -> "Objective":
        """Return the objective that replaces the federation's."""
