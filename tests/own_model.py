"""A user's own model, as a ``_target_`` names it."""

from typing import Any


def build(**_: Any) -> Any:
    """A small model with initialisers that nobody seeded."""
    from fedrobust.backend import keras

    return keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
