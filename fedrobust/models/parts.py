"""What several models are made of."""

from typing import Any

from fedrobust.backend import keras

NORMS = ("none", "batch", "dual")


def activation(norm: str) -> list[Any]:
    """Normalise and rectify what a layer gives."""
    relu = keras.layers.ReLU()
    if norm == "batch":
        return [keras.layers.BatchNormalization(), relu]
    if norm == "dual":
        # Here, as importing it imports Keras.
        from fedrobust.network.dual_norm import DualBatchNormalization

        return [DualBatchNormalization(), relu]
    return [relu]


def uniform(fan_in: int) -> dict[str, Any]:
    """Start weights and biases as PyTorch does, uniform within 1 / sqrt(fan_in)."""
    bound = fan_in**-0.5
    return {
        name: keras.initializers.RandomUniform(-bound, bound)
        for name in ("kernel_initializer", "bias_initializer")
    }
