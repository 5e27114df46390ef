"""Parts that several models share."""

from math import gcd
from typing import Any

from fedrobust.backend import keras

NORMS = ("none", "batch", "dual", "group", "layer")
# Largest number of groups of channels that are normalised separately.
GROUPS = 8


def activation(norm: str, channels: int) -> list[Any]:
    """Return an optional normalisation of some channels followed by a ReLU.

    Layer normalisation is group normalisation with one group (Wu, He: Group
    Normalization, ECCV 2018, Section 3.1): over all values of an example.
    """
    relu = keras.layers.ReLU()
    if norm in ("group", "layer"):
        groups = gcd(GROUPS, channels) if norm == "group" else 1
        return [keras.layers.GroupNormalization(groups), relu]
    if norm == "batch":
        return [keras.layers.BatchNormalization(), relu]
    if norm == "dual":
        # Imported here because the import loads Keras.
        from fedrobust.network.dual_norm import DualBatchNormalization

        return [DualBatchNormalization(), relu]
    return [relu]


def uniform(fan_in: int) -> dict[str, Any]:
    """Return PyTorch's default initialisers: uniform within 1 / sqrt(fan_in)."""
    bound = fan_in**-0.5
    return {
        name: keras.initializers.RandomUniform(-bound, bound)
        for name in ("kernel_initializer", "bias_initializer")
    }
