"""How the server applies the aggregated update to the global arrays.

Reddi et al.: Adaptive Federated Optimization, ICLR 2021, Algorithm 1: the negative
aggregate is the pseudo-gradient of the server's optimiser.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.parameters import require_positive
from strategies.rules.base import Vector


@dataclass(frozen=True, kw_only=True)
class ServerOptimizer(ABC):
    """A pure function from the aggregate and the state to a step."""

    @abstractmethod
    def __call__(self, update: Vector, state: Any = None) -> tuple[Vector, Any]:
        """Turn a (d,) aggregate into the (d,) step to add, and the next state."""


@dataclass(frozen=True, kw_only=True)
class SGD(ServerOptimizer):
    """Scale the aggregate.

    Parameters
    ----------
    learning_rate
        The server's learning rate, above 0; at 1 the step is the aggregate.
    """

    learning_rate: float = 1.0

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)

    def __call__(self, update: Vector, state: Any = None) -> tuple[Vector, Any]:
        """Return the scaled update; there is no state."""
        return np.float32(self.learning_rate) * update, None
