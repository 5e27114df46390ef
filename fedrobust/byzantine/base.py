"""The three kinds of Byzantine attack, by what the attacker controls.

- ``DataPoisoning``: the client trains honestly on data it changed.
- ``Tampering``: it changes the update it trained, knowing only that.
- ``Collusion``: the Byzantine clients agree on what to send, knowing honest updates.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.randomness import Purpose, generator

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ByzantineAttack(ABC):
    """What dishonest clients do."""

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError where the attack is undefined for such a federation."""


@dataclass(frozen=True, kw_only=True)
class DataPoisoning(ByzantineAttack):
    """A client that poisons its data."""

    @abstractmethod
    def poison(
        self, x: NDArray[np.float32], y: NDArray[np.int32], num_classes: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Give the images and labels the client trains on instead of (x, y)."""


@dataclass(frozen=True, kw_only=True)
class Tampering(ByzantineAttack):
    """A client that tampers with its own reply."""

    @abstractmethod
    def tamper(self, update: Vector, rng: np.random.Generator) -> Vector:
        """Give the (d,) update that is sent instead of the honest one."""


@dataclass(frozen=True, kw_only=True)
class Collusion(ByzantineAttack):
    """Clients that collude, seeing every honest update of the round."""

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError where there is nobody to see."""
        if num_byzantine >= num_clients:
            raise ValueError(
                f"collusion needs an honest client, and num_byzantine={num_byzantine} "
                f"of num_clients={num_clients} are Byzantine"
            )

    @abstractmethod
    def craft(self, honest: Matrix, num_byzantine: int, context: Any) -> Matrix:
        """Craft (b, d) updates from checked (h, d) honest ones."""

    def __call__(
        self, honest: Matrix, num_byzantine: int, context: Any = None
    ) -> Matrix:
        """Craft the updates of the Byzantine clients.

        Parameters
        ----------
        honest
            (h, d) finite updates of the honest clients; not modified.
        num_byzantine
            How many to craft, at least 1.
        context
            What else the attacker knows of the round.

        Returns
        -------
        (b, d) float32

        Raises
        ------
        ValueError
            When the attack is undefined for these numbers.
        """
        if honest.ndim != 2 or len(honest) == 0:
            raise ValueError(f"honest must be (h, d), h >= 1, not {honest.shape}")
        if num_byzantine < 1:
            raise ValueError(f"num_byzantine={num_byzantine}: must be at least 1")
        return self.craft(np.asarray(honest, np.float32), num_byzantine, context)


def byzantine_clients(seed: int, num_clients: int, num_byzantine: int) -> list[int]:
    """Draw which clients are Byzantine: a fixed set, by the seed of the run.

    Returns
    -------
    Sorted client ids.
    """
    rng = generator(seed, Purpose.BYZANTINE_CLIENTS)
    chosen = rng.choice(num_clients, size=num_byzantine, replace=False)
    return sorted(int(client) for client in chosen)
