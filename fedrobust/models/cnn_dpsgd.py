"""The network of the published DP-SGD tables for MNIST."""

from dataclasses import dataclass
from typing import Any

from fedrobust.backend import keras
from fedrobust.models.builder import ModelBuilder
from fedrobust.models.parts import uniform
from strategies.validation import require

# The smallest image that the last pooling leaves a pixel of.
SMALLEST = 13
STARTS = ("keras", "torch")


@dataclass(frozen=True, kw_only=True)
class CnnDpSgd(ModelBuilder):
    """The network of the published DP-SGD tables: 26,010 parameters on MNIST.

    TensorFlow Privacy's MNIST tutorial and Opacus's MNIST example. The former has
    Keras's initial weights and no standardisation, the latter PyTorch's initial weights
    and standardised images. The first convolution is padded by ``same`` in the former
    and by 3 on each side in the latter, which is the same for images of an even size.

    Parameters
    ----------
    start
        Initial weights: ``keras`` for Glorot's and biases of 0, or ``torch`` for
        PyTorch's, uniform within 1 / sqrt(fan in).
    """

    start: str = "keras"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.start in STARTS, "start", self.start, "keras or torch")
        require(
            len(self.input_shape) == 3 and min(self.input_shape[:2]) >= SMALLEST,
            "input_shape",
            list(self.input_shape),
            f"images of at least {SMALLEST} x {SMALLEST}: two convolutions and "
            "poolings shrink them",
        )

    def layers(self) -> list[Any]:
        """Return two convolutions, each with overlapping pooling, and a dense layer."""
        height, width, channels = self.input_shape
        flat = _pooled(height) * _pooled(width) * 32
        return [
            keras.layers.Conv2D(
                16,
                8,
                2,
                padding="same",
                activation="relu",
                **self._weights(channels * 64),
            ),
            keras.layers.MaxPooling2D(2, 1),
            keras.layers.Conv2D(32, 4, 2, activation="relu", **self._weights(16 * 16)),
            keras.layers.MaxPooling2D(2, 1),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu", **self._weights(flat)),
        ]

    def logits(self) -> list[Any]:
        """Return the last layer, initialised as the others are."""
        weights = self._weights(32)
        return [keras.layers.Dense(self.num_classes, name="logits", **weights)]

    def _weights(self, fan_in: int) -> dict[str, Any]:
        return uniform(fan_in) if self.start == "torch" else {}


def _pooled(size: int) -> int:
    """Return the height or width of the images that the dense layer sees."""
    first = (size + 1) // 2 - 1
    return (first - 4) // 2
