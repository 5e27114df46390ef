"""The data set in memory, and the rows that each client holds."""

import json
from copy import copy
from dataclasses import fields
from inspect import signature
from typing import Any

import numpy as np
from hydra.utils import get_object
from numpy.typing import NDArray

from fedrobust.assembly.cache import FEW, MANY, cached, component_of, key_of, prepare
from fedrobust.config import Config
from fedrobust.data import Dataset, Split
from fedrobust.data.own import Given
from fedrobust.data.partition import partition_digest
from fedrobust.errors import ConfigError, summary_of
from fedrobust.randomness import Purpose, generator


def split_of(config: Config) -> Split:
    """Return the data set in memory."""
    return split_of_key(key_of(config.dataset))


@cached(FEW)
def split_of_key(key: str) -> Split:
    """Load the data set of a key from ``key_of``."""
    (node,) = json.loads(key)
    try:
        return _dataset(node).load()
    except ConfigError:
        raise
    except (ValueError, OSError, MemoryError) as error:
        raise ConfigError(f"dataset: {error}") from error
    except Exception as error:
        # The user's own data set may raise anything.
        reason = f"{type(error).__name__}: {summary_of(error)}"
        raise ConfigError(f"dataset: {node['_target_']}: {reason}") from error


def _dataset(node: dict[str, Any]) -> Dataset:
    """Return the data set of a node.

    A user's own function need not accept the keys that every data set has: keys that it
    does not accept are applied to its return value. If it returns a ``Dataset``, a key
    at its default keeps the value that the function chose.
    """
    prepare(node)
    target, held = node["_target_"], set[str]()
    try:
        function = get_object(target)
        if not (isinstance(function, type) and issubclass(function, Dataset)):
            common = {field.name for field in fields(Dataset)} & node.keys()
            held = common - signature(function).parameters.keys()
    except Exception:
        # A missing class is reported below; one without a signature gets all keys.
        held = set()
    made = component_of({k: v for k, v in node.items() if k not in held}, "dataset")
    if isinstance(made, Dataset):
        return _with_keys(made, {k: node[k] for k in held})
    arrays = made.load() if hasattr(made, "load") else made
    return Given(arrays=arrays, giver=target, **{k: node[k] for k in held})


def _with_keys(made: Dataset, held: dict[str, Any]) -> Dataset:
    """Return the data set with those keys applied that are not at their defaults."""
    defaults = {field.name: field.default for field in fields(Dataset)}
    changed = {k: value for k, value in held.items() if value != defaults[k]}
    if not changed:
        return made
    copied = copy(made)
    for name, value in changed.items():
        # dataclasses.replace would call __init__, which may be the class's own.
        object.__setattr__(copied, name, value)
    copied.__post_init__()
    return copied


def client_rows(config: Config, client: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows that a client trains on, and the rows that it evaluates on."""
    rows = partition_of(config)[client]
    held = round(config.holdout * len(rows))
    if held == 0:
        return rows, rows[:0]
    rng = generator(
        config.partition.get("seed", config.seed), Purpose.HOLDOUT, client=client
    )
    shuffled = rng.permutation(rows)
    return np.sort(shuffled[held:]), np.sort(shuffled[:held])


def digest_of_partition(config: Config) -> str | None:
    """Return the digest of the partition; None in centralised training."""
    return None if config.centralised else partition_digest(partition_of(config))


def partition_of(config: Config) -> list[NDArray[np.int64]]:
    """Return all rows of each client, including those it holds out."""
    return _partition(key_of(config.dataset, config.partition, config.num_clients))


@cached(MANY)
def _partition(key: str) -> list[NDArray[np.int64]]:
    dataset, partition, num_clients = json.loads(key)
    deal = component_of(partition, "partition")
    try:
        rows: list[NDArray[np.int64]] = deal(split_of_key(key_of(dataset)), num_clients)
    except ValueError as error:
        raise ConfigError(f"partition: {error}") from error
    return rows


def root_data(config: Config) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Draw the server's own images from the training set, as in FLTrust."""
    split = split_of(config)
    rng = generator(config.seed, Purpose.ROOT_DATA)
    size = config.strategy.root_examples
    rows = np.sort(rng.choice(len(split.x_train), size, replace=False))
    return split.x_train[rows], split.y_train[rows]
