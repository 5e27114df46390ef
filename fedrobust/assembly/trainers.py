"""The compiled trainer of each client, for the objective that the client has."""

import json
from typing import Any

from fedrobust.assembly.byzantine import byzantine_attack, byzantine_clients
from fedrobust.assembly.cache import MANY, TRAINERS, cached, component_of, key_of
from fedrobust.assembly.data import split_of_key
from fedrobust.assembly.networks import network_of_key
from fedrobust.assembly.privacy import mechanism_of, noise_multiplier_of
from fedrobust.byzantine import ObjectivePoisoning
from fedrobust.config import Config
from fedrobust.config.typed import Node
from fedrobust.errors import ConfigError, summary_of
from fedrobust.network import Network
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.randomness import Purpose, generator
from fedrobust.training.private_trainer import ExampleNoise, PrivateTrainer
from fedrobust.training.trainer import Examples, Trainer
from strategies.sampling import sample_size

# The objective of the clients that are not in the share training.fraction.
STANDARD = {"_target_": "fedrobust.training.Standard"}
# One graph serves all constant rates, so its optimiser is built with an arbitrary one.
ANY_RATE = 0.01
# Arguments for which Keras refuses an integer, or computes a schedule in integers: from
# 1, an ExponentialDecay would give 1, 0, 0, ...
FLOATS = (
    "learning_rate", "initial_learning_rate", "end_learning_rate", "warmup_target",
    "momentum", "values",
)  # fmt: skip


def trainer_for(config: Config, noise_seed: int) -> Trainer:
    """Return the compiled trainer of the objective, with the key of its noise."""
    return _trainer(config, "objective", config.training.objective, noise_seed)


def trainer_of_client(
    config: Config, client: int, round: int, noise_seed: int
) -> Trainer:
    """Return the trainer of a client, whose objective may depend on the round."""
    attack = byzantine_attack(config)
    poisons = isinstance(attack, ObjectivePoisoning)
    if poisons and client in byzantine_clients(config, round):
        return _trainer(config, "byzantine", config.byzantine, noise_seed)
    if config.training.fraction < 1 and client not in objective_clients(config):
        return _trainer(config, "objective", STANDARD, noise_seed)
    return trainer_for(config, noise_seed)


def trains_privately(config: Config) -> bool:
    """Return whether local training is differentially private by example."""
    return isinstance(mechanism_of(config), DPSGD)


def objective_clients(config: Config) -> list[int]:
    """Return the clients that train with the objective; the others train clean.

    A larger share includes the clients of a smaller one.
    """
    return _objective_clients(config.seed, config.training.fraction, config.num_clients)


@cached(MANY)
def _objective_clients(seed: int, fraction: float, n: int) -> list[int]:
    order = generator(seed, Purpose.OBJECTIVE_CLIENTS).permutation(n)
    count = sample_size(n, fraction) if fraction > 0 else 0
    return sorted(order[:count].tolist())


def trainer_keys(config: Config) -> list[tuple[str, ...]]:
    """Return the keys of all trainers that clients of a run may use."""
    keys = [_keys(config, "objective", config.training.objective)]
    if config.training.fraction < 1:
        keys.append(_keys(config, "objective", STANDARD))
    if isinstance(byzantine_attack(config), ObjectivePoisoning):
        keys.append(_keys(config, "byzantine", config.byzantine))
    return keys


def _keys(config: Config, kind: str, hook: dict[str, Any]) -> tuple[str, ...]:
    training = config.training
    optimizer = with_floats(training.optimizer)
    if _rate(config) is not None:
        optimizer["learning_rate"] = ANY_RATE
    # A Byzantine client that trains with an objective of its own protects nobody.
    private = kind == "objective" and trains_privately(config)
    steps = (optimizer, training.proximal, training.scaffold, private)
    return kind, key_of(config.dataset, config.model), key_of(hook), key_of(*steps)


def _rate(config: Config) -> float | None:
    """Return the constant learning rate, which is an argument of the graph.

    None for schedules, and for a user's own optimisers, whose constructor may depend on
    the rate.
    """
    optimizer = config.training.optimizer
    rate = optimizer.get("learning_rate")
    if _is_keras(optimizer) and isinstance(rate, int | float):
        return float(rate)
    return None


def with_floats(node: Node) -> Node:
    """Convert the integers that Keras would misread to floats; only in Keras's nodes.

    The configuration itself keeps the integers, and with them its digest.
    """
    if not _is_keras(node):
        return dict(node)
    return {
        name: _with_floats(value) if name in FLOATS else value
        for name, value in node.items()
    }


def _with_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return with_floats(value)
    if isinstance(value, list):
        return [_with_floats(each) for each in value]
    return float(value) if type(value) is int else value


def _is_keras(node: Node) -> bool:
    return str(node.get("_target_")).startswith("keras.")


def _trainer(
    config: Config, kind: str, hook: dict[str, Any], noise_seed: int
) -> Trainer:
    trainer, rate = trainer_of_keys(*_keys(config, kind, hook)), _rate(config)
    trainer = trainer if rate is None else trainer.with_learning_rate(rate)
    if not isinstance(trainer, PrivateTrainer):
        return trainer
    mechanism = mechanism_of(config)
    assert isinstance(mechanism, DPSGD)
    multiplier = noise_multiplier_of(config)
    return trainer.with_noise(ExampleNoise(mechanism.clip, multiplier, noise_seed))


@cached(TRAINERS)
def trainer_of_keys(kind: str, network: str, hook: str, steps: str) -> Trainer:
    """Return the trainer of keys from ``trainer_keys``."""
    examples = first_examples(network)
    return build_trainer(kind, network_of_key(network), hook, steps, examples)


def first_examples(network: str) -> Examples:
    """Return the first images and labels of the data set in a key of a network."""
    dataset, _ = json.loads(network)
    split = split_of_key(key_of(dataset))
    return split.x_train[:4], split.y_train[:4]


def build_trainer(
    kind: str, network: Network, hook: str, steps: str, examples: Examples
) -> Trainer:
    """Build and trace a trainer.

    Parameters
    ----------
    kind, hook, steps
        Keys from ``trainer_keys``.
    network
        The network to train.
    examples
        Images and labels on which a step is tried if it cannot be compiled.

    Raises
    ------
    ConfigError
        When a part cannot be built, or the local step cannot run.
    """
    (node,) = json.loads(hook)
    optimizer, proximal, scaffold, private = json.loads(steps)
    if kind == "byzantine":
        objective = component_of(node, "byzantine").objective()
    else:
        objective = component_of(node, "training.objective")
    keras_optimizer = component_of(optimizer, "training.optimizer")
    try:
        trainer = (PrivateTrainer if private else Trainer)(
            network,
            objective,
            keras_optimizer,
            proximal=proximal,
            corrected=scaffold,
        )
        trainer.trace(examples)
    except ConfigError:
        raise
    except Exception as error:
        # The user's hook, optimiser or model may raise anything at its first use.
        reason = summary_of(error)
        raise ConfigError(
            f"training: the local step cannot be built: {reason}"
        ) from error
    return trainer
