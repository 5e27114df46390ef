"""Adapt any Keras classifier to the attacks: one input, logits, inputs in [0, 1].

Each adaptation is described in a note. The user's model itself is not changed.
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
    """Load a Keras model file.

    Parameters
    ----------
    path
        The file.
    modules
        Names of modules to import, whose classes and functions the model uses.
    trust
        Whether to run Python code that the file contains, such as a lambda.
    perhaps
        Names of modules that may define what the model uses. A failed import is
        reported only if the model cannot be loaded either.

    Raises
    ------
    ValueError
        When the file does not exist, or it or a module cannot be loaded.
    """
    # Registers our layer, which a file may name by any module it ever lived in.
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
        # Layers and file formats raise all kinds of exceptions.
        reason = "; ".join([cause_of(error), *missing])
        raise ValueError(f"{path} cannot be read as a Keras model: {reason}") from error


def _imported(name: str) -> dict[str, Any]:
    """Import a module, and return its classes and functions by name."""
    try:
        with exits_refused():
            module = importlib.import_module(name)
    except Exception as error:
        # The user's code may raise anything.
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
        raise ValueError(f"module {name} cannot be imported: {reason}") from error
    return {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }


def modules_beside(path: Path) -> list[str]:
    """Return the names of the user's modules that define the model of a run folder.

    Parameters
    ----------
    path
        The model file; a run's ``config.yaml`` in the same folder names the module.
    """
    try:
        text = (path.parent / "config.yaml").read_text(encoding="utf-8")
        document = yaml.safe_load(text)
        target = document["model"]["_target_"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return []  # not a run folder
    is_own = isinstance(target, str) and not target.startswith((*OURS, "keras."))
    module = str(target).rpartition(".")[0]
    return [module] if is_own and module else []


def classifier(
    model: Any, x: NDArray[Any], model_range: Sequence[float] = (0.0, 1.0)
) -> tuple[Any, NDArray[Any], list[str], float]:
    """Adapt a model and inputs to each other.

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
    model, x, notes, scale
        A model that maps inputs in [0, 1] to logits, x in the shape that it takes,
        descriptions of what was adapted, and the factor by which logits were
        multiplied.

    Raises
    ------
    ValueError
        When the model is not a classifier of such inputs.
    """
    notes: list[str] = []
    try:
        model = with_shapes(model, x.shape[1:])
    except Exception as error:
        # A user's layers may raise anything for inputs of another shape.
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
        # Within the model, because attacks expect images with the channels last.
        inputs = keras.Input(x.shape[1:], dtype="float32")
        moved = keras.layers.Permute(layout.axes, dtype="float32")(inputs)
        model = keras.Model(inputs, model(moved))
        notes.append(
            f"inputs of {x.shape[1:]} are transposed to {tuple(moved.shape[1:])} "
            "within the model"
        )
    model, scale = with_logits(model, x[:64] * (high - low) + low, notes)
    if (low, high) != (0.0, 1.0):
        inputs = keras.Input(x.shape[1:], dtype="float32")
        scaled = keras.layers.Rescaling(high - low, low, dtype="float32")(inputs)
        model = keras.Model(inputs, model(scaled))
        notes.append(
            f"inputs in [0, 1] are scaled to [{low:g}, {high:g}] within the model, so "
            "that epsilon stays in units of [0, 1]"
        )
    return model, x, notes, scale
