"""Parts that several models share."""

from typing import Any

from fedrobust.backend import keras

NORMS = ("none", "batch", "dual")


def activation(norm: str) -> list[Any]:
    """Return an optional normalisation followed by a ReLU."""
    relu = keras.layers.ReLU()
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
