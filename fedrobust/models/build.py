"""Building a model whose initial weights depend on the seed alone."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from fedrobust.backend import keras
from fedrobust.network import with_shapes
from fedrobust.randomness import Purpose, generator


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Give Keras's unseeded initialisers, which ask Python's generator, a seed."""
    _ = keras.layers  # Keras draws from the same generator while it is imported.
    state = random.getstate()
    random.seed(generator(seed, Purpose.MODEL).bytes(16))
    try:
        yield
    finally:
        random.setstate(state)


def build_model(
    recipe: Callable[[], Any],
    seed: int,
    input_shape: Sequence[int],
    num_classes: int = 2,
) -> Any:
    """Build a Keras model whose initial weights depend on the seed alone.

    Parameters
    ----------
    recipe
        Makes a ``keras.Model``, or a ``ModelBuilder`` or other function that does.
    seed
        Key of the initial weights.
    input_shape
        Shape of one input.
    num_classes
        The fewest logits that will do.

    Raises
    ------
    TypeError
        When the recipe makes something else.
    ValueError
        When the model gives probabilities where logits are expected.
    """
    with seeded(seed):
        model = recipe()
        if callable(model) and not isinstance(model, keras.Model):
            model = model()
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"model._target_ made a {type(model).__name__}, not a Model"
            )
        if not model.built:
            model.build((None, *input_shape))
        model = with_shapes(model, input_shape)
    probe = np.asarray(model(np.zeros((2, *input_shape), np.float32), training=False))
    if probe.ndim != 2 or probe.shape[1] < num_classes:
        raise ValueError(
            f"the model gives shape {probe.shape} for a batch of 2: it must give a "
            f"logit for each of {num_classes} classes"
        )
    if probe.min() >= 0 and np.allclose(probe.sum(axis=1), 1, atol=1e-5):
        raise ValueError(
            "the model gives probabilities: leave out its softmax, as losses and "
            "attacks work on logits"
        )
    return model
