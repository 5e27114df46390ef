"""Any Keras classifier as the attacks want it: one input, logits, inputs in [0, 1].

What is changed about a model is told in a note. The user's model is left as it was.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import keras
from fedrobust.network import with_shapes

# Below this a probability's logarithm is cut off.
TINY = 1e-30


def load_model(path: Path) -> Any:
    """Read a Keras model file.

    Raises
    ------
    ValueError
        With one sentence, when there is none or Keras cannot read it.
    """
    if not path.exists():
        raise ValueError(f"{path}: there is no such file")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        # Keras raises whatever its layers, or the file format, raise.
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path} cannot be read as a Keras model: {reason}") from error


def classifier(
    model: Any, x: NDArray[Any], model_range: Sequence[float] = (0.0, 1.0)
) -> tuple[Any, NDArray[Any], list[str]]:
    """Fit a model and inputs together.

    Parameters
    ----------
    model
        A ``keras.Model`` with one input and one output.
    x
        (n, ...) inputs in [0, 1].
    model_range
        The range of inputs that the model was trained on.

    Returns
    -------
    model, x, notes
        A model of logits whose inputs are in [0, 1], x in the shape of its input, and
        what was done.

    Raises
    ------
    ValueError
        When the model is no classifier of such inputs.
    """
    notes: list[str] = []
    model = with_shapes(model, x.shape[1:])
    shape = _input_shape(model)
    sizes = [size or 0 for size in shape]
    if len(shape) != x.ndim - 1 or any(
        a not in (None, b) for a, b in zip(shape, x.shape[1:], strict=True)
    ):
        if np.prod(sizes) != x[0].size:
            raise ValueError(
                f"the model takes inputs of shape {tuple(shape)}, and the data set's "
                f"are {x.shape[1:]}"
            )
        notes.append(f"inputs are reshaped from {x.shape[1:]} to {tuple(shape)}")
        x = x.reshape(len(x), *sizes)
    low, high = map(float, model_range)
    if not low < high:
        raise ValueError(f"range={low} {high}: must be LOW HIGH, LOW < HIGH")
    model = _with_logits(model, x[:64] * (high - low) + low, notes)
    if (low, high) != (0.0, 1.0):
        inputs = keras.Input(x.shape[1:])
        scaled = keras.layers.Rescaling(high - low, low)(inputs)
        model = keras.Model(inputs, model(scaled))
        notes.append(
            f"inputs in [0, 1] are scaled to [{low:g}, {high:g}] within the model: "
            "epsilon stays in units of [0, 1]"
        )
    return model, x, notes


def _input_shape(model: Any) -> tuple[int | None, ...]:
    if len(model.inputs or [0]) != 1 or len(model.outputs or [0]) != 1:
        raise ValueError("the model must have one input and one output")
    return tuple(model.input_shape[1:])


def _with_logits(model: Any, x: NDArray[Any], notes: list[str]) -> Any:
    """Take a softmax off, where the outputs are probabilities."""
    outputs = np.asarray(model(x, training=False))
    if outputs.ndim != 2:
        raise ValueError(
            f"the model gives shape {outputs.shape} for {len(x)} inputs: it must give "
            "a logit for each class"
        )
    if outputs.shape[1] == 1:
        raise ValueError(
            "the model gives one unit: attacks need a logit for each class, so let it "
            "give two, such as (0, z)"
        )
    if not (outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-4)):
        return model
    last = model.layers[-1] if model.layers else None
    if isinstance(last, keras.layers.Softmax) or _is_softmax(last):
        try:
            bare = _without_softmax(model)
        except (ValueError, TypeError, AttributeError, NotImplementedError):
            bare = None  # a model that Keras cannot take apart
        if bare is not None and _same_answers(bare, x, outputs):
            notes.append("the model ends in a softmax: it was taken off")
            return bare
    notes.append(
        "the model gives probabilities: their logarithms are attacked; where they are "
        "0 or 1 to rounding, gradients are lost, so give logits if you can"
    )
    inputs = keras.Input(x.shape[1:])
    logarithms = keras.ops.log(keras.ops.maximum(model(inputs), TINY))
    return keras.Model(inputs, logarithms)


def _is_softmax(layer: Any) -> bool:
    return getattr(layer, "activation", None) is keras.activations.softmax


def _without_softmax(model: Any) -> Any:
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    last = copy.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return keras.Model(copy.inputs, last.input)
    last.activation = keras.activations.linear
    return copy


def _same_answers(bare: Any, x: NDArray[Any], outputs: NDArray[Any]) -> bool:
    softmax = keras.ops.softmax(bare(x, training=False))
    return bool(np.allclose(np.asarray(softmax), outputs, atol=1e-4))
