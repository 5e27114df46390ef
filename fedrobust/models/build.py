"""Building a model whose initial weights depend on the seed alone."""

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

# Inputs that a new model is tried on.
PROBES = 8


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
        When the model gives probabilities where logits are expected, or has weights
        of a dtype that NumPy does not know.
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
    _require_native(model)
    # More than one input, as constant outputs look like probabilities.
    x = np.linspace(0, 1, PROBES * prod(input_shape), dtype=np.float32)
    outputs = model(x.reshape(PROBES, *input_shape), training=False)
    probe = np.asarray(keras.ops.cast(outputs, "float32"))
    if probe.ndim != 2 or probe.shape[1] < num_classes:
        raise ValueError(
            f"the model gives shape {probe.shape} for a batch of {PROBES}: it must "
            f"give a logit for each of {num_classes} classes"
        )
    kind = kind_of(probe, model.outputs[0].dtype)
    if kind != "logits":
        last = {"probabilities": "softmax", "sigmoids": "sigmoid"}[kind]
        raise ValueError(
            f"the model gives {kind}: leave out its {last}, as losses and attacks work "
            "on logits"
        )
    return model


def _require_native(model: Any) -> None:
    """Refuse weights that the messages between clients and server cannot hold."""
    for variable in model.variables:
        if np.dtype(variable.dtype).isbuiltin != 1:
            raise ValueError(
                f"{variable.path} is {variable.dtype}, which NumPy files and messages "
                "do not have: use the policy mixed_bfloat16, whose weights are float32"
            )
