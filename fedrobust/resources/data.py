"""The data set in memory, and whose rows are whose."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.config import Config
from fedrobust.data import Split
from fedrobust.data.partition import partition_digest
from fedrobust.errors import ConfigError
from fedrobust.randomness import Purpose, generator
from fedrobust.resources.shared import FEW, MANY, key_of, make, shared


def split_of(config: Config) -> Split:
    """Give the data set in memory."""
    return split_of_key(key_of(config.dataset))


@shared(FEW)
def split_of_key(key: str) -> Split:
    """Give the data set of a key that ``key_of`` made."""
    (node,) = json.loads(key)
    dataset = make(node, "dataset")
    try:
        split: Split = dataset.load()
    except (ValueError, OSError, MemoryError) as error:
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


def digest_of_partition(config: Config) -> str | None:
    """Name whose rows are whose; None where one trainer has them all."""
    return None if config.centralised else partition_digest(partition_of(config))


def partition_of(config: Config) -> list[NDArray[np.int64]]:
    """Give the rows of each client, those held out included."""
    return _partition(key_of(config.dataset, config.partition, config.num_clients))


@shared(MANY)
def _partition(key: str) -> list[NDArray[np.int64]]:
    dataset, partition, num_clients = json.loads(key)
    deal = make(partition, "partition")
    try:
        rows: list[NDArray[np.int64]] = deal(split_of_key(key_of(dataset)), num_clients)
    except ValueError as error:
        raise ConfigError(f"partition: {error}") from error
    return rows


def root_data(config: Config) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Give the server's own images: drawn from the training set, as in FLTrust."""
    split = split_of(config)
    rng = generator(config.seed, Purpose.ROOT_DATA)
    size = config.strategy.root_examples
    rows = np.sort(rng.choice(len(split.x_train), size, replace=False))
    return split.x_train[rows], split.y_train[rows]
