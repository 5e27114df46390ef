"""Any Keras classifier as the attacks want it: one input, logits, inputs in [0, 1].

What is changed about a model is told in a note. The user's model is left as it was.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fedrobust.backend import keras
from fedrobust.layout import layout_for
from fedrobust.logits import with_logits
from fedrobust.network import with_shapes


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
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError("the model must have one input and one output")
    low, high = map(float, model_range)
    if not low < high:
        raise ValueError(f"range={low} {high}: must be LOW HIGH, LOW < HIGH")
    layout = layout_for(x.shape[1:], model.input_shape[1:])
    if layout.shape != x.shape[1:]:
        notes.append(f"inputs are reshaped from {x.shape[1:]} to {layout.shape}")
        x = x.reshape(len(x), *layout.shape)
    if layout.axes is not None:
        # Within the model: attacks see images whose channels come last.
        inputs = keras.Input(x.shape[1:], dtype="float32")
        moved = keras.layers.Permute(layout.axes, dtype="float32")(inputs)
        model = keras.Model(inputs, model(moved))
        notes.append(
            f"inputs of {x.shape[1:]} are transposed to {tuple(moved.shape[1:])} "
            "within the model"
        )
    model = with_logits(model, x[:64] * (high - low) + low, notes)
    if (low, high) != (0.0, 1.0):
        inputs = keras.Input(x.shape[1:], dtype="float32")
        scaled = keras.layers.Rescaling(high - low, low, dtype="float32")(inputs)
        model = keras.Model(inputs, model(scaled))
        notes.append(
            f"inputs in [0, 1] are scaled to [{low:g}, {high:g}] within the model: "
            "epsilon stays in units of [0, 1]"
        )
    return model, x, notes
