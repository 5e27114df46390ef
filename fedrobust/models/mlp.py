"""Multilayer perceptron: fully connected ReLU layers."""

import math
from dataclasses import dataclass
from typing import Any

from fedrobust.backend import keras
from fedrobust.models.builder import ModelBuilder
from fedrobust.models.parts import NORMS, activation
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class MLP(ModelBuilder):
    """Fully connected ReLU layers.

    Parameters
    ----------
    hidden
        Units of each hidden layer.
    norm
        Normalisation after each hidden layer: ``none``, ``batch``, ``dual``, which is
        batch normalisation with separate statistics for adversarial inputs (for
        FedRBN), ``group`` (up to 8 groups of units) or ``layer``. The last two treat
        each example alone, as DP-SGD requires.
    dropout
        Share of the units of each hidden layer that a training step drops, in [0, 1).
    """

    hidden: list[int]
    norm: str = "none"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            all(h >= 1 for h in self.hidden), "hidden", list(self.hidden), "at least 1"
        )
        require(self.norm in NORMS, "norm", self.norm, "one of " + ", ".join(NORMS))
        require(0 <= self.dropout < 1, "dropout", self.dropout, "in [0, 1)")

    def layers(self) -> list[Any]:
        """Return a flattening layer and the hidden layers."""
        stack = [keras.layers.Flatten()]
        for units, fan_in in zip(self.hidden, self._fans_in(), strict=False):
            dense = keras.layers.Dense(units, **self.start(fan_in))
            stack += [dense, *activation(self.norm, units)]
            if self.dropout > 0:
                stack.append(keras.layers.Dropout(self.dropout))
        return stack

    def logits(self) -> list[Any]:
        """Return the last layer, initialised as the hidden layers are."""
        start = self.start(self._fans_in()[-1])
        return [keras.layers.Dense(self.num_classes, name="logits", **start)]

    def _fans_in(self) -> list[int]:
        return [math.prod(self.input_shape), *self.hidden]

    def start(self, fan_in: int) -> dict[str, Any]:
        """Choose the initial weights of a layer: Keras's own, Glorot's and 0."""
        return {}
