"""ByzFL's network for MNIST."""

from dataclasses import dataclass
from typing import Any

from fedrobust.backend import keras
from fedrobust.models.builder import ModelBuilder
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class CnnMnist(ModelBuilder):
    """ByzFL's ``cnn_mnist``: 431,080 parameters on MNIST.

    El Mhamdi, Guerraoui, Rouault: Distributed Momentum for Byzantine-resilient
    Stochastic Gradient Descent, ICLR 2021, the convolutional model for MNIST.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            len(self.input_shape) == 3 and min(self.input_shape[:2]) >= 16,
            "input_shape",
            list(self.input_shape),
            "images of at least 16 x 16: two convolutions and poolings shrink them",
        )

    def layers(self) -> list[Any]:
        """Return two 5 × 5 convolutions, each with pooling, and a dense layer."""
        return [
            keras.layers.Conv2D(20, 5, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(50, 5, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(500, activation="relu"),
        ]
