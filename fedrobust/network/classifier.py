"""Any Keras classifier as the attacks want it: one input, logits, inputs in [0, 1].

What is changed about a model is told in a note. The user's model is left as it was.
"""

import importlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from numpy.typing import NDArray

from fedrobust import OURS
from fedrobust.backend import keras
from fedrobust.errors import exits_refused
from fedrobust.network.keras_errors import LONGEST, cause_of
from fedrobust.network.layout import layout_for
from fedrobust.network.logits import with_logits
from fedrobust.network.network import with_shapes


def load_model(
    path: Path,
    modules: Sequence[str] = (),
    trust: bool = False,
    perhaps: Sequence[str] = (),
) -> Any:
    """Read a Keras model file.

    Parameters
    ----------
    path
        The file.
    modules
        Names of modules to import, whose classes and functions the model uses.
    trust
        Whether to run Python code that the file itself holds, as of a lambda.
    perhaps
        Names of modules that may have what the model uses. Those that cannot be
        imported are told of only if the model cannot be read either.

    Raises
    ------
    ValueError
        With one sentence, when there is none, or it or a module cannot be read.
    """
    # Registers the class of ours that a file may name, by whatever module it was in.
    import fedrobust.network.dual_norm  # noqa: F401

    if not path.exists():
        raise ValueError(f"{path}: there is no such file")
    known: dict[str, Any] = {}
    missing = []
    for name in perhaps:
        try:
            known |= _imported(name)
        except ValueError as error:
            missing.append(str(error))
    for name in modules:
        known |= _imported(name)
    try:
        with keras.saving.custom_object_scope(known):
            return keras.saving.load_model(path, compile=False, safe_mode=not trust)
    except Exception as error:
        # Keras raises whatever its layers, or the file format, raise.
        reason = "; ".join([cause_of(error), *missing])
        raise ValueError(f"{path} cannot be read as a Keras model: {reason}") from error


def _imported(name: str) -> dict[str, Any]:
    """Import a module, and list its classes and functions, registered or not."""
    try:
        with exits_refused():
            module = importlib.import_module(name)
    except Exception as error:
        # Whatever the user's code raises.
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
        raise ValueError(f"module {name} cannot be imported: {reason}") from error
    return {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }


def modules_beside(path: Path) -> list[str]:
    """List the modules of a user's own that the model of a run folder is made with.

    Parameters
    ----------
    path
        The model file; a ``config.yaml`` of a run beside it names the modules.
    """
    try:
        text = (path.parent / "config.yaml").read_text(encoding="utf-8")
        document = yaml.safe_load(text)
        target = document["model"]["_target_"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return []  # no folder of a run
    is_own = isinstance(target, str) and not target.startswith((*OURS, "keras."))
    module = str(target).rpartition(".")[0]
    return [module] if is_own and module else []


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
    try:
        model = with_shapes(model, x.shape[1:])
    except Exception as error:
        # Whatever a user's layers raise for inputs of another shape.
        reason = cause_of(error)
        raise ValueError(
            f"the model does not take inputs of shape {x.shape[1:]}: {reason}"
        ) from error
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
