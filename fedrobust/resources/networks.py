"""The network of the model, and the weights that a run starts from."""

import json
from typing import Any

from fedrobust.config import Config
from fedrobust.errors import ConfigError
from fedrobust.models import build_model
from fedrobust.network import Arrays, Network, network_of
from fedrobust.resources.data import split_of_key
from fedrobust.resources.shared import FEW, key_of, make, shared


def network_for(config: Config) -> Network:
    """Give the network of the model; its weights mean nothing."""
    return network_of_key(key_of(config.dataset, config.model))


@shared(FEW)
def network_of_key(key: str) -> Network:
    """Give the network of a key that ``key_of`` made."""
    dataset, model = json.loads(key)
    return network_of(keras_model(dataset, model, seed=0))


def keras_model(dataset: dict[str, Any], model: dict[str, Any], seed: int) -> Any:
    """Build the Keras model, with the initial weights of a seed."""
    split = split_of_key(key_of(dataset))
    shape = split.x_train.shape[1:]
    try:
        return build_model(lambda: make(model, "model"), seed, shape, split.num_classes)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"model: {' '.join(str(error).split())}") from error


def initial_arrays(config: Config) -> Arrays:
    """Give the weights that the seed of the run starts from."""
    return dict(
        initial_arrays_of_key(key_of(config.dataset, config.model, config.seed))
    )


@shared(FEW)
def initial_arrays_of_key(key: str) -> Arrays:
    """Return the weights of a key that ``key_of`` made; they must not be modified."""
    dataset, model, seed = json.loads(key)
    return Network(keras_model(dataset, model, seed)).arrays()
