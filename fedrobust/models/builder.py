"""The base class of model recipes: standardisation, layers, logits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fedrobust.backend import keras
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class ModelBuilder(ABC):
    """A recipe for a Keras model.

    Parameters
    ----------
    input_shape
        (height, width, channels) of an image.
    num_classes
        Number of logits, at least 2.
    mean, std
        Constants of the standardising first layer, one in all or one per channel; None
        for no standardisation.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    input_shape: list[int]
    num_classes: int
    mean: list[float] | None = None
    std: list[float] | None = None

    def __post_init__(self) -> None:
        require(
            len(self.input_shape) >= 1 and min(self.input_shape) >= 1,
            "input_shape",
            list(self.input_shape),
            "sizes of at least 1",
        )
        require_between("num_classes", self.num_classes, 2)
        require(
            (self.mean is None) == (self.std is None)
            and all(s > 0 for s in self.std or []),
            "std",
            self.std,
            "given with mean, above 0",
        )

    @abstractmethod
    def layers(self) -> list[Any]:
        """Return the layers between standardisation and logits."""

    def __call__(self) -> Any:
        """Build the ``keras.Model``."""
        layers = [keras.Input(tuple(self.input_shape))]
        if self.mean is not None and self.std is not None:
            scale = 1 / np.asarray(self.std, np.float64)
            offset = -np.asarray(self.mean, np.float64) * scale
            layers.append(keras.layers.Rescaling(scale.tolist(), offset.tolist()))
        # Made first, because the order of creation determines the initial weights.
        logits = self.logits()
        return keras.Sequential([*layers, *self.layers(), *logits])

    def logits(self) -> list[Any]:
        """Return the last layers, which compute the logits."""
        return [keras.layers.Dense(self.num_classes, name="logits")]
