"""Adapt a Keras classifier so that it returns at least two logits in float32.

A final activation is removed if the model can be split there, which is exact. Otherwise
its outputs are converted to logits, as accurately as their rounding permits:

    probabilities p   log p
    sigmoids s        log s - log(1 - s)
    one output z      (-z/2, z/2)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import keras
from fedrobust.network.keras_errors import cause_of
from fedrobust.network.outputs import kind_of, rounding

# Smallest probability whose logarithm is taken.
TINY = 1e-30
# Activations that preserve the order of the outputs, and with it every prediction.
ACTIVATIONS = ("softmax", "sigmoid", "tanh", "softsign")
# Layers that do nothing in inference if they do not change the shape.
PASSING = {
    *("ActivityRegularization", "Dropout", "Flatten", "GaussianDropout"),
    *("GaussianNoise", "Identity", "Reshape", "SpatialDropout1D"),
}
# Logits of an example that differ by less than NARROW are scaled to differ by WIDE.
# Otherwise the cross-entropy would consider all wrong classes equally likely, and an
# attack would not climb towards any of them.
NARROW, WIDE = 2.0, 10.0
ROUNDED = "where they are 0 or 1 to rounding, gradients are lost, so give logits if "


def with_logits(model: Any, x: NDArray[Any], notes: list[str]) -> tuple[Any, float]:
    """Return a model that computes (batch, classes) logits, and their scale.

    Parameters
    ----------
    model
        A ``keras.Model`` with one input and one output.
    x
        (n, ...) inputs for the model, to examine its outputs.
    notes
        List to which a description of each change is appended.

    Returns
    -------
    The model, and the factor by which its logits are larger than those whose softmax
    are the probabilities of the user's model.

    Raises
    ------
    ValueError
        When the outputs are not those of a classifier.
    """
    try:
        outputs = _answers(model, x)
    except Exception as error:
        # A user's layers may raise anything when they compute values.
        raise ValueError(
            f"the model fails on inputs of shape {x.shape[1:]}: {cause_of(error)}"
        ) from error
    sizes = [size for size in outputs.shape[1:] if size != 1]
    if len(sizes) > 1:
        raise ValueError(
            f"the model gives shape {outputs.shape} for {len(x)} inputs: it must give "
            "a logit for each class"
        )
    model = _without_activation(model, x, outputs, notes)
    units = sizes[0] if sizes else 1
    logits = keras.ops.cast(model.outputs[0], "float32")
    if outputs.ndim != 2:
        logits = keras.ops.reshape(logits, (-1, units))
        notes.append(f"outputs are reshaped from {outputs.shape[1:]} to ({units},)")
    kind = kind_of(_answers(model, x).reshape(-1, units), model.outputs[0].dtype)
    if kind == "probabilities":
        logits = keras.ops.log(keras.ops.maximum(logits, TINY))
        notes.append(
            "the model gives probabilities: their logarithms are attacked; "
            f"{ROUNDED}you can"
        )
    if kind == "sigmoids":
        odds = keras.ops.maximum(logits, TINY), keras.ops.maximum(1 - logits, TINY)
        logits = keras.ops.log(odds[0]) - keras.ops.log(odds[1])
        notes.append(
            "the model gives values in [0, 1], as of sigmoids: their log-odds are "
            f"attacked; {ROUNDED}you can"
        )
    if units == 1:
        # Not (0, z): its gradient would be p - 1 for a p that rounds to 1.
        logits = keras.ops.concatenate([-0.5 * logits, 0.5 * logits], axis=1)
        notes.append(
            "the model gives one output z: its logits are (-z/2, z/2), so that it "
            "predicts class 1 if z is above 0"
        )
    if notes:
        return _stretched(keras.Model(model.inputs[0], logits), x, notes)
    return _stretched(model, x, notes)


def _answers(model: Any, x: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(keras.ops.cast(model(x, training=False), "float32"))


def _stretched(model: Any, x: NDArray[Any], notes: list[str]) -> tuple[Any, float]:
    """Scale logits up if they lie close together; return the model and the factor."""
    outputs = _answers(model, x)
    finite = outputs[np.isfinite(outputs).all(axis=1)]
    spread = float(np.median(np.ptp(finite, axis=1))) if len(finite) else 0.0
    if not 0 < spread < NARROW:
        return model, 1.0
    factor = WIDE / spread
    notes.append(
        f"the logits of an input lie within {spread:.2g} of each other: they are "
        f"multiplied by {factor:.3g}, which changes no prediction"
    )
    return keras.Model(model.inputs[0], factor * model.outputs[0]), factor


def _without_activation(
    model: Any, x: NDArray[Any], outputs: NDArray[Any], notes: list[str]
) -> Any:
    """Return the model without its final activation, or unchanged if it has none."""
    try:
        name, before = _peeled(model.outputs[0])
        bare = keras.Model(model.inputs[0], before)
        function = keras.activations.get(name)
        again = np.asarray(function(keras.ops.convert_to_tensor(_answers(bare, x))))
    except (ValueError, TypeError, AttributeError, IndexError, NotImplementedError):
        return model  # Keras cannot split the model, or it ends in no activation
    allowed = rounding(model.outputs[0].dtype)
    if again.shape != outputs.shape or not np.allclose(again, outputs, atol=allowed):
        return model
    notes.append(f"the model ends in a {name}, which was removed")
    return bare


def _peeled(output: Any) -> tuple[str, Any]:
    """Return the name of the last activation of a symbolic output, and its input.

    Raises
    ------
    ValueError
        When the last operation is not one of ``ACTIVATIONS``.
    """
    last, node, _ = output._keras_history
    source = last._inbound_nodes[node].input_tensors[0]
    kind = type(last).__name__
    if isinstance(last, keras.Model):
        name, inner = _peeled(last.outputs[0])
        return name, keras.Model(last.inputs[0], inner)(source)
    if kind in PASSING and tuple(source.shape) == tuple(output.shape):
        return _peeled(source)
    if kind.lower() in ACTIVATIONS:
        return kind.lower(), source
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if activation not in ACTIVATIONS:
        raise ValueError(f"{kind} is not an activation")
    if kind == "Activation":
        return activation, source
    config = {**last.get_config(), "activation": "linear"}
    bare = type(last).from_config(config)
    before = bare(source)
    bare.set_weights(last.get_weights())
    return activation, before
