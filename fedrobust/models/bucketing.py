"""The network of the bucketing paper."""

from dataclasses import dataclass
from typing import Any

from fedrobust.backend import keras
from fedrobust.models.builder import ModelBuilder
from fedrobust.models.parts import uniform


@dataclass(frozen=True, kw_only=True)
class CnnBucketing(ModelBuilder):
    """The network of the bucketing paper: 1,199,882 parameters on MNIST.

    Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via
    Bucketing, ICLR 2022, from the authors' code. It is PyTorch's MNIST example without
    the ReLU after the second convolution, with PyTorch's initial weights.
    """

    def layers(self) -> list[Any]:
        """Return two 3 × 3 convolutions, pooling, a dense layer, dropout and logits."""
        height, width, channels = self.input_shape
        flat = (height - 4) // 2 * ((width - 4) // 2) * 64
        return [
            keras.layers.Conv2D(32, 3, activation="relu", **uniform(9 * channels)),
            keras.layers.Conv2D(64, 3, **uniform(9 * 32)),
            keras.layers.MaxPooling2D(),
            keras.layers.SpatialDropout2D(0.25),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu", **uniform(flat)),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(self.num_classes, name="logits", **uniform(128)),
        ]

    def logits(self) -> list[Any]:
        """Return nothing: ``layers`` includes the logits, with PyTorch's weights."""
        return []
