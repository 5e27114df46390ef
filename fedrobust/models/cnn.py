"""A small CNN: strided convolutions and a dense layer."""

from dataclasses import dataclass
from typing import Any

from fedrobust.backend import keras
from fedrobust.models.builder import ModelBuilder
from fedrobust.models.parts import NORMS, activation
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class CNN(ModelBuilder):
    """Two strided convolutions and a dense layer: 166,406 parameters on MNIST.

    Wong, Rice, Kolter: Fast is better than free: Revisiting adversarial training, ICLR
    2020, the MNIST network of the published code. It is small enough for adversarial
    training on a CPU.

    Parameters
    ----------
    filters
        Channels of each convolution (4 × 4, stride 2).
    units
        Units of the dense layer.
    norm
        Normalisation after each convolution, as for ``MLP``.
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
        require(self.norm in NORMS, "norm", self.norm, "one of " + ", ".join(NORMS))

    def layers(self) -> list[Any]:
        """Return the strided convolutions and the dense layer."""
        stack: list[Any] = []
        for c in self.filters:
            convolution = keras.layers.Conv2D(c, 4, 2, padding="same")
            stack += [convolution, *activation(self.norm, c)]
        return [
            *stack,
            keras.layers.Flatten(),
            keras.layers.Dense(self.units, activation="relu"),
        ]
