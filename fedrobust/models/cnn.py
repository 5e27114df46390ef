"""Strided convolutions and a dense layer (Wong, Rice, Kolter, ICLR 2020)."""

from dataclasses import dataclass
from typing import Any

from fedrobust.backend import keras
from fedrobust.models.builder import ModelBuilder
from fedrobust.models.parts import NORMS, activation
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class CNN(ModelBuilder):
    """Two strided convolutions and a dense layer: 166,406 parameters on MNIST.

    Wong, Rice, Kolter: Fast is better than free, ICLR 2020, the MNIST network of its
    published code: small enough for adversarial training on a CPU.

    Parameters
    ----------
    filters
        Channels of the convolutions (4 × 4, stride 2).
    units
        Units of the dense layer.
    norm
        What normalises each convolution, as for ``MLP``.
    """

    filters: list[int]
    units: int = 100
    norm: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            all(c >= 1 for c in self.filters),
            "filters",
            list(self.filters),
            "at least 1",
        )
        require_between("units", self.units, 1)
        require(self.norm in NORMS, "norm", self.norm, "none, batch or dual")

    def layers(self) -> list[Any]:
        """Stack strided convolutions, then a dense layer."""
        stack: list[Any] = []
        for c in self.filters:
            convolution = keras.layers.Conv2D(c, 4, 2, padding="same")
            stack += [convolution, *activation(self.norm)]
        return [
            *stack,
            keras.layers.Flatten(),
            keras.layers.Dense(self.units, activation="relu"),
        ]
