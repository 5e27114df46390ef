"""A user's own model, as a ``_target_`` names it."""

from typing import Any


def build(**_: Any) -> Any:
    """A small model with initialisers that nobody seeded."""
    from fedrobust.backend import keras

    return keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )


def with_batch_norm(**_: Any) -> Any:
    """A small model with statistics, which a client must send."""
    from fedrobust.backend import keras

    parts = [keras.layers.Flatten(), keras.layers.BatchNormalization()]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts, keras.layers.Dense(10)])


def frozen(**_: Any) -> Any:
    """A small model that nothing can be trained of."""
    model = build()
    model.trainable = False
    return model
