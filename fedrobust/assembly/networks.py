"""The network of the model, and the weights that a run starts from."""

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from fedrobust import OURS
from fedrobust.assembly.cache import FEW, cached, component_of, key_of
from fedrobust.assembly.data import split_of_key
from fedrobust.backend import keras
from fedrobust.config import Config
from fedrobust.errors import ConfigError, summary_of
from fedrobust.models import build_model
from fedrobust.models.build import seeded
from fedrobust.network.network import Arrays, Network, network_of, save_model

REGISTER = (
    "decorate its classes and functions with "
    "@keras.saving.register_keras_serializable()"
)


def network_for(config: Config) -> Network:
    """Return the shared network of the model, whose current weights are arbitrary."""
    return network_of_key(key_of(config.dataset, config.model))


@cached(FEW)
def network_of_key(key: str) -> Network:
    """Return the network of a key from ``key_of``."""
    dataset, model = json.loads(key)
    return network_of(keras_model(dataset, model, seed=0))


def keras_model(dataset: dict[str, Any], model: dict[str, Any], seed: int) -> Any:
    """Build the Keras model, with the initial weights of a seed."""
    split = split_of_key(key_of(dataset))
    shape = split.x_train.shape[1:]
    try:
        return build_model(
            lambda: component_of(model, "model"), seed, shape, split.num_classes
        )
    except ConfigError:
        raise
    except Exception as error:
        # Whatever Keras, or the user's own model, raises.
        raise ConfigError(f"model: {summary_of(error)}") from error


def check_weights(config: Config) -> None:
    """Refuse a model that nothing can be trained of."""
    if not network_for(config).trainable:
        raise ConfigError(
            "model: has no trainable weights, must have some: add a layer that has, or "
            "leave trainable=True"
        )


def check_saving(config: Config) -> None:
    """Save the model of a user and read it back, before it is trained.

    A model that cannot be read back causes a warning only: users who have its classes
    can pass them to Keras as ``custom_objects``.

    Raises
    ------
    ConfigError
        When it cannot be saved, so that its training would be lost.
    """
    if not str(config.model["_target_"]).startswith(OURS):
        doubt = _doubt_about_file(key_of(config.dataset, config.model))
        if doubt:
            warnings.warn(doubt, stacklevel=2)


@cached(FEW)
def _doubt_about_file(key: str) -> str:
    """Return why a saved model does not load as it is; empty if it does."""
    network = network_of_key(key)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the returned sentence says the same
        path = Path(folder) / "model.keras"
        try:
            save_model(network.model, path)
        except Exception as error:
            # A user's get_config may raise anything, and so may Keras without one.
            if isinstance(error, OSError) and error.errno:
                raise ConfigError(f"{folder} cannot be written: {error}") from error
            raise ConfigError(
                f"model: Keras cannot save it, so its training would be lost: "
                f"{_last_words(error)}; add get_config() to the class, with every "
                f"argument of __init__ as plain values, and {REGISTER}"
            ) from error
        try:
            with seeded(0):
                model = keras.saving.load_model(path, compile=False)
            kept = [np.asarray(v) for v in model.variables]
        except Exception as error:
            return (
                f"model.keras will not load by itself: {_last_words(error)}; {REGISTER}"
                ", and write lambdas as such functions"
            )
    same = len(kept) == len(network.model.variables) and all(
        np.array_equal(a, np.asarray(b), equal_nan=True)
        for a, b in zip(kept, network.model.variables, strict=True)
    )
    if same:
        return ""
    return (
        "model.keras will load with other weights than were saved: create the same "
        "layers in __init__ or build(), whatever inputs the model is called with"
    )


def _last_words(error: Exception) -> str:
    """Return the sentence in which Keras names the object: its last, or its first."""
    text = " ".join(str(error).split()).partition(" Example:")[0]
    for start in ("Could not locate", "Object ", "Requested "):
        if start in text:
            text = text[text.rindex(start) :].partition(". ")[0]
    return text if len(text) <= 200 else f"... {text[-200:]}"


def initial_arrays(config: Config) -> Arrays:
    """Return the initial weights, which depend on the seed of the run."""
    return dict(
        initial_arrays_of_key(key_of(config.dataset, config.model, config.seed))
    )


@cached(FEW)
def initial_arrays_of_key(key: str) -> Arrays:
    """Return the weights of a key from ``key_of``; they must not be modified."""
    dataset, model, seed = json.loads(key)
    return Network(keras_model(dataset, model, seed)).arrays()
