"""The model that all parties train, as a Keras model and as an ArrayRecord."""

from functools import cache

import keras
import numpy as np
from flwr.app import Array, ArrayRecord

NUM_FEATURES, NUM_CLASSES = 8, 3


def build_model() -> keras.Model:
    """Return the model with its initial weights, which are the same each time."""
    layers = keras.layers
    first, second = (keras.initializers.GlorotUniform(seed=seed) for seed in (1, 2))
    model = keras.Sequential(
        [
            keras.Input((NUM_FEATURES,)),
            layers.Dense(16, "relu", kernel_initializer=first, name="hidden"),
            layers.Dense(NUM_CLASSES, kernel_initializer=second, name="logits"),
        ],
        # Keras would number models as they are built, and so name their weights.
        name="classifier",
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def arrays_of(model: keras.Model) -> ArrayRecord:
    """Return the weights of a model by name."""
    weights = {weight.path: Array(weight.numpy()) for weight in model.weights}
    return ArrayRecord(weights)


@cache
def compiled_model() -> keras.Model:
    """Return the same model each time, as compiling one takes longer than training."""
    return build_model()


def with_arrays(arrays: ArrayRecord) -> keras.Model:
    """Return the compiled model with these weights."""
    model = compiled_model()
    for weight in model.weights:
        weight.assign(arrays[weight.path].numpy())
    return model


def num_correct(model: keras.Model, x: np.ndarray, y: np.ndarray) -> int:
    """Count the examples that a model classifies correctly."""
    return int((model(x).numpy().argmax(axis=1) == y).sum())
