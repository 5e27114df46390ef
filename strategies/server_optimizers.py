"""How the server applies the aggregated update to the global arrays.

    Delta = the aggregate,  x <- x + step(Delta)

Reddi et al.: Adaptive Federated Optimization, ICLR 2021, Algorithm 2: the aggregate is
the negative pseudo-gradient of the server's optimiser. As there, the second moment
starts at tau^2, and there is no bias correction; Flower's FedAdagrad, FedAdam and
FedYogi start it at 0, and FedAdam corrects the learning rate for bias.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Float, Vector
from strategies.validation import Validated, require, require_positive


@dataclass(frozen=True, kw_only=True)
class ServerOptimizer(Validated, ABC):
    """A pure function from the aggregated update and a state to a step."""

    @abstractmethod
    def __call__(self, update: Vector, state: Any = None) -> tuple[Vector, Any]:
        """Return the (d,) step to add for a (d,) aggregate, and the next state."""


@dataclass(frozen=True, kw_only=True)
class SGD(ServerOptimizer):
    """Scale the aggregate, with optional momentum: m <- momentum m + Delta.

    Hsu, Qi, Brown: Measuring the Effects of Non-Identical Data Distribution for
    Federated Visual Classification, 2019 (FedAvgM).

    Parameters
    ----------
    learning_rate
        The server's learning rate, above 0; at 1 the step is the aggregate.
    momentum
        In [0, 1); 0 keeps no state.
    """

    learning_rate: float = 1.0
    momentum: float = 0.0

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        _require_decay("momentum", self.momentum)

    def __call__(self, update: Vector, state: Any = None) -> tuple[Vector, Any]:
        """Return the scaled update, or the scaled momentum, which is the state."""
        if self.momentum == 0:
            return np.float32(self.learning_rate) * update, None
        if state is not None:
            update = update + np.float32(self.momentum) * state
        return np.float32(self.learning_rate) * update, update


@dataclass(frozen=True, kw_only=True)
class Adaptive(ServerOptimizer):
    """m <- beta_1 m + (1 - beta_1) Delta;  step = learning_rate m / (sqrt(v) + tau).

    Parameters
    ----------
    learning_rate
        The server's learning rate, above 0.
    beta_1
        Momentum, in [0, 1).
    tau
        Adaptivity, above 0; v starts at its square.
    """

    learning_rate: float = 0.1
    beta_1: float = 0.9
    tau: float = 1e-3

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        _require_decay("beta_1", self.beta_1)
        require_positive("tau", self.tau)

    @abstractmethod
    def second_moment(self, v: Float, square: Float) -> Float:
        """Return the next v, given the square of the aggregate."""

    def __call__(self, update: Vector, state: Any = None) -> tuple[Vector, Any]:
        """Return the step, and (m, v) as the state; both are float64."""
        delta = update.astype(np.float64)
        m, v = state or (np.zeros_like(delta), np.full_like(delta, self.tau**2))
        m = self.beta_1 * m + (1 - self.beta_1) * delta
        v = self.second_moment(v, delta**2)
        step = self.learning_rate * m / (np.sqrt(v) + self.tau)
        return step.astype(np.float32), (m, v)


@dataclass(frozen=True, kw_only=True)
class Adagrad(Adaptive):
    """v <- v + Delta^2; the paper uses it with beta_1 = 0."""

    beta_1: float = 0.0

    def second_moment(self, v: Float, square: Float) -> Float:
        """Add the square."""
        return v + square


@dataclass(frozen=True, kw_only=True)
class Adam(Adaptive):
    """v <- beta_2 v + (1 - beta_2) Delta^2.

    Parameters
    ----------
    beta_2
        Decay of the second moment, in [0, 1).
    """

    beta_2: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_decay("beta_2", self.beta_2)

    def second_moment(self, v: Float, square: Float) -> Float:
        """Average the square in."""
        return self.beta_2 * v + (1 - self.beta_2) * square


@dataclass(frozen=True, kw_only=True)
class Yogi(Adam):
    """v <- v - (1 - beta_2) Delta^2 sign(v - Delta^2)."""

    def second_moment(self, v: Float, square: Float) -> Float:
        """Move v towards the square by a share of the square."""
        return np.asarray(v - (1 - self.beta_2) * square * np.sign(v - square))


def _require_decay(name: str, value: float) -> None:
    require(0 <= value < 1, name, value, "at least 0 and below 1")
