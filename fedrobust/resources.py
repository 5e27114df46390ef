"""What runs share in one process: data, partitions, models and compiled trainers.

Each is made once for its part of the configuration and then given to every client,
round and further run of a sweep that asks for the same.
"""

import json
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray

from fedrobust.attacks.base import Attack
from fedrobust.backend import start_tensorflow
from fedrobust.byzantine import (
    Backdoor,
    ByzantineAttack,
    DataPoisoning,
    ObjectivePoisoning,
)
from fedrobust.config import Config
from fedrobust.data import Split
from fedrobust.data.rows import Rows
from fedrobust.errors import ConfigError
from fedrobust.evaluation import Evaluator
from fedrobust.models import build_model
from fedrobust.network import Arrays, Network, network_of
from fedrobust.randomness import Purpose, generator
from fedrobust.surrogate import train_surrogate
from fedrobust.training.local import Trainer
from strategies.sampling import sample_size

# What clients train with that do not train with the objective.
STANDARD = {"_target_": "fedrobust.training.Standard"}

P = ParamSpec("P")
R = TypeVar("R")

_lock = threading.RLock()
_caches: list[Callable[[], None]] = []


def forget() -> None:
    """Drop everything that is shared, as a new process has nothing of it."""
    for clear in _caches:
        clear()


def _shared(function: Callable[P, R]) -> Callable[P, R]:
    """Remember the last few results, and let one thread at a time make a new one."""
    cached = lru_cache(maxsize=8)(function)
    _caches.append(cached.cache_clear)

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _lock:
            return cached(*args, **kwargs)  # type: ignore[arg-type]

    return call


def _key(*parts: Any) -> str:
    return json.dumps(parts, sort_keys=True)


def make(node: dict[str, Any], key: str, **extra: Any) -> Any:
    """Construct what a node's ``_target_`` names.

    Raises
    ------
    ConfigError
        When it cannot be constructed, with the key and the reason.
    """
    # A user's module may import TensorFlow, which is set up before its first use only.
    start_tensorflow()
    try:
        return instantiate(node, **extra, _convert_="all")
    except Exception as error:
        cause = error.__cause__ or error
        reason = " ".join(str(cause).split())
        raise ConfigError(f"{key}: cannot make {node['_target_']}: {reason}") from error


# --- data -------------------------------------------------------------------------


def split_of(config: Config) -> Split:
    """Give the data set in memory."""
    return _split(_key(config.dataset))


@_shared
def _split(key: str) -> Split:
    (node,) = json.loads(key)
    dataset = make(node, "dataset")
    try:
        split: Split = dataset.load()
    except (ValueError, OSError) as error:
        raise ConfigError(f"dataset: {error}") from error
    return split


def client_rows(config: Config, client: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give the rows a client trains on, and the rows it holds out to evaluate."""
    rows = partition_of(config)[client]
    held = round(config.holdout * len(rows))
    if held == 0:
        return rows, rows[:0]
    rng = generator(
        config.partition.get("seed", config.seed), Purpose.HOLDOUT, client=client
    )
    shuffled = rng.permutation(rows)
    return np.sort(shuffled[held:]), np.sort(shuffled[:held])


def partition_of(config: Config) -> list[NDArray[np.int64]]:
    """Give the rows of each client, those held out included."""
    return _partition(_key(config.dataset, config.partition, config.num_clients))


@_shared
def _partition(key: str) -> list[NDArray[np.int64]]:
    dataset, partition, num_clients = json.loads(key)
    deal = make(partition, "partition")
    try:
        rows: list[NDArray[np.int64]] = deal(_split(_key(dataset)), num_clients)
    except ValueError as error:
        raise ConfigError(f"partition: {error}") from error
    return rows


# --- models -----------------------------------------------------------------------


def network_for(config: Config) -> Network:
    """Give the network of the model; its weights mean nothing."""
    return _network(_key(config.dataset, config.model))


@_shared
def _network(key: str) -> Network:
    dataset, model = json.loads(key)
    return network_of(_keras_model(dataset, model, seed=0))


def _keras_model(dataset: dict[str, Any], model: dict[str, Any], seed: int) -> Any:
    split = _split(_key(dataset))
    shape = split.x_train.shape[1:]
    try:
        return build_model(lambda: make(model, "model"), seed, shape, split.num_classes)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"model: {' '.join(str(error).split())}") from error


def initial_arrays(config: Config) -> Arrays:
    """Give the weights that the seed of the run starts from."""
    return dict(_initial(_key(config.dataset, config.model, config.seed)))


@_shared
def _initial(key: str) -> Arrays:
    dataset, model, seed = json.loads(key)
    return Network(_keras_model(dataset, model, seed)).arrays()


def trainer_for(config: Config) -> Trainer:
    """Give the compiled trainer of the objective."""
    return _trainer(*_trainer_keys(config, "objective", config.training.objective))


def trainer_of_client(config: Config, client: int, round: int) -> Trainer:
    """Give the trainer of a client, which may pursue another goal in this round."""
    attack = byzantine_attack(config)
    if isinstance(attack, ObjectivePoisoning) and client in byzantine_ids(
        config, round
    ):
        return _trainer(*_trainer_keys(config, "byzantine", config.byzantine))
    if config.training.fraction < 1 and client not in objective_ids(config):
        return _trainer(*_trainer_keys(config, "objective", STANDARD))
    return trainer_for(config)


def objective_ids(config: Config) -> list[int]:
    """Give the clients that train with the objective; the others train clean.

    A larger share has the clients of a smaller one among its own.
    """
    return _objective_ids(config.seed, config.training.fraction, config.num_clients)


@_shared
def _objective_ids(seed: int, fraction: float, n: int) -> list[int]:
    order = generator(seed, Purpose.OBJECTIVE_CLIENTS).permutation(n)
    count = sample_size(n, fraction) if fraction > 0 else 0
    return sorted(order[:count].tolist())


def _trainer_keys(config: Config, kind: str, hook: dict[str, Any]) -> tuple[str, ...]:
    training = config.training
    steps = (training.optimizer, training.proximal, training.scaffold)
    return kind, _key(config.dataset, config.model), _key(hook), _key(*steps)


@_shared
def _trainer(kind: str, network: str, hook: str, steps: str) -> Trainer:
    ((node,), (optimizer, proximal, scaffold)) = json.loads(hook), json.loads(steps)
    if kind == "byzantine":
        objective = make(node, "byzantine").objective()
    else:
        objective = make(node, "training.objective")
    keras_optimizer = make(optimizer, "training.optimizer")
    try:
        trainer = Trainer(
            _network(network),
            objective,
            keras_optimizer,
            proximal=proximal,
            corrected=scaffold,
        )
        trainer.trace()
    except Exception as error:
        # Whatever the user's hook, optimiser or model raises when it is put to use.
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"training: the local step cannot be built: {reason}"
        ) from error
    return trainer


# --- attacks ----------------------------------------------------------------------


def evaluator_for(config: Config, x: Any = None, y: Any = None) -> Evaluator:
    """Give the evaluator of the attacks, on the test set or on the examples given.

    Examples that are given are a client's, whose numbers nobody checks.
    """
    victims = None
    checks = "none" if x is not None else config.checks
    if x is None or y is None:
        split = split_of(config)
        x, y = split.x_test, split.y_test
        if config.attack.samples is not None:
            x, y = x[: config.attack.samples], y[: config.attack.samples]
        byzantine = byzantine_attack(config)
        if isinstance(byzantine, Backdoor):
            victims = (byzantine.victims(x, y, split.num_classes)[0], byzantine.target)
    epsilons = config.attack.epsilons if config.attack.methods else []
    attacks = attacks_of(config)
    network = network_for(config)
    try:
        for attack in attacks.values():
            attack.check_task(x.shape[1:], network.num_classes)
    except ValueError as error:
        raise ConfigError(f"attack: {error}") from error
    return Evaluator(
        network,
        x,
        y,
        attacks,
        epsilons,
        config.seed,
        victims,
        checks,
        lambda: train_surrogate(network, split_of(config), config.seed),
    )


def attacks_of(config: Config) -> dict[str, Attack]:
    """Make the evasion attacks, by name."""
    return {
        name: make(node, f"attack.methods.{name}", epsilon=config.attack.epsilons[-1])
        for name, node in config.attack.methods.items()
    }


def byzantine_attack(config: Config) -> ByzantineAttack | None:
    """Give what dishonest clients do, or None when everybody is honest."""
    if not config.byzantine or config.num_byzantine == 0:
        return None
    return _byzantine_attack(_key(config.byzantine))


@_shared
def _byzantine_attack(key: str) -> ByzantineAttack:
    (node,) = json.loads(key)
    attack: ByzantineAttack = make(node, "byzantine")
    return attack


def byzantine_ids(config: Config, round: int | None = None) -> list[int]:
    """Give the clients that are Byzantine in a round.

    Without a round, the set that is fixed for the run. They are named even when they
    behave.
    """
    if round is not None and round < config.byzantine_from_round:
        return []
    return config.byzantine_ids(round or 0)


def dishonest_ids(config: Config, round: int) -> list[int]:
    """Give the clients that really misbehave in a round."""
    return [] if byzantine_attack(config) is None else byzantine_ids(config, round)


def training_data(
    config: Config, client: int, round: int
) -> tuple[NDArray[np.float32] | Rows, NDArray[np.int32]]:
    """Give a client's training images and labels, poisoned if it poisons them."""
    split = split_of(config)
    rows, _ = client_rows(config, client)
    x, y = Rows(split.x_train, rows), split.y_train[rows]
    attack = byzantine_attack(config)
    if not isinstance(attack, DataPoisoning):
        return x, y
    attackers = byzantine_ids(config, round)
    if client not in attackers:
        return x, y
    rng = generator(config.seed, Purpose.POISONING, client=client)
    return attack.poison(x[:], y, split.num_classes, rng, attackers.index(client))


def check_poisoning(config: Config) -> None:
    """Try the attack on a few images, so that what is wrong with it is told first.

    Raises
    ------
    ConfigError
        When it cannot poison such images, or names a class that there is not.
    """
    attack, split = byzantine_attack(config), split_of(config)
    try:
        if isinstance(attack, DataPoisoning):
            x, y = split.x_train[:10], split.y_train[:10]
            attack.poison(x, y, split.num_classes)
        if isinstance(attack, Backdoor):
            attack.victims(split.x_test[:10], split.y_test[:10], split.num_classes)
    except ValueError as error:
        raise ConfigError(f"byzantine: {error}") from error


def root_data(config: Config) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Give the server's own images: drawn from the training set, as in FLTrust."""
    split = split_of(config)
    rng = generator(config.seed, Purpose.ROOT_DATA)
    size = config.strategy.root_examples
    rows = np.sort(rng.choice(len(split.x_train), size, replace=False))
    return split.x_train[rows], split.y_train[rows]
