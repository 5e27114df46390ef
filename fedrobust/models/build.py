"""Build models whose initial weights depend only on the seed."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from fedrobust.backend import keras
from fedrobust.network.network import with_shapes
from fedrobust.network.outputs import kind_of
from fedrobust.randomness import Purpose, generator

# Number of inputs on which a new model is tried.
PROBES = 8


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python's generator, which Keras's unseeded initialisers use, for a while."""
    _ = keras.layers  # importing Keras draws from the same generator
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
    """Return a Keras model whose initial weights depend only on the seed.

    Parameters
    ----------
    recipe
        Function that returns a ``keras.Model``, or a ``ModelBuilder`` or other function
        that does.
    seed
        Key of the initial weights.
    input_shape
        Shape of one input.
    num_classes
        Smallest number of logits that is accepted.

    Raises
    ------
    TypeError
        When the recipe returns something else.
    ValueError
        When the model returns probabilities instead of logits, or has weights of a
        dtype that NumPy does not have.
    """
    with seeded(seed):
        model = recipe()
        if callable(model) and not isinstance(model, keras.Model):
            model = model()
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"model._target_ returned a {type(model).__name__}: must return a "
                "keras.Model"
            )
        if not model.built:
            model.build((None, *input_shape))
        model = with_shapes(model, input_shape)
    _require_native(model)
    # Several inputs, because constant outputs look like probabilities.
    x = np.linspace(0, 1, PROBES * prod(input_shape), dtype=np.float32)
    outputs = model(x.reshape(PROBES, *input_shape), training=False)
    logits = np.asarray(keras.ops.cast(outputs, "float32"))
    if logits.ndim != 2 or logits.shape[1] < num_classes:
        raise ValueError(
            f"the model gives shape {logits.shape} for a batch of {PROBES}: it must "
            f"give a logit for each of {num_classes} classes"
        )
    kind = kind_of(logits, model.outputs[0].dtype)
    if kind != "logits":
        last = {"probabilities": "softmax", "sigmoids": "sigmoid"}[kind]
        raise ValueError(
            f"the model gives {kind}: leave out its {last}, because losses and attacks "
            "work on logits"
        )
    return model


def _require_native(model: Any) -> None:
    """Raise ValueError for weights whose dtype messages cannot carry."""
    for variable in model.variables:
        if np.dtype(variable.dtype).isbuiltin != 1:
            raise ValueError(
                f"{variable.path} is {variable.dtype}, which NumPy files and messages "
                "cannot hold: use the policy mixed_bfloat16, whose weights are float32"
            )
