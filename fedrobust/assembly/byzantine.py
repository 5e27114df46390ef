"""The Byzantine attack, the Byzantine clients, and the data that they poison."""

import json

import numpy as np
from numpy.typing import NDArray

from fedrobust.assembly.cache import MANY, cached, component_of, key_of
from fedrobust.assembly.data import client_rows, split_of
from fedrobust.byzantine import Backdoor, ByzantineAttack, DataPoisoning
from fedrobust.config import Config
from fedrobust.data.view import Rows
from fedrobust.errors import ConfigError
from fedrobust.randomness import Purpose, generator


def byzantine_attack(config: Config) -> ByzantineAttack | None:
    """Return the attack of the Byzantine clients; None if all clients are honest."""
    if not config.byzantine or config.num_byzantine == 0:
        return None
    return _byzantine_attack(key_of(config.byzantine))


@cached(MANY)
def _byzantine_attack(key: str) -> ByzantineAttack:
    (node,) = json.loads(key)
    attack: ByzantineAttack = component_of(node, "byzantine")
    return attack


def byzantine_clients(config: Config, round: int) -> list[int]:
    """Return the Byzantine clients of a round, even if they do not attack."""
    if round < config.byzantine_from_round:
        return []
    return config.drawn_byzantine(round)


def attackers(config: Config, round: int) -> list[int]:
    """Return the Byzantine clients that misbehave in a round."""
    return [] if byzantine_attack(config) is None else byzantine_clients(config, round)


def training_data(
    config: Config, client: int, round: int
) -> tuple[NDArray[np.float32] | Rows, NDArray[np.int32]]:
    """Return a client's training images and labels, poisoned if its attack does so."""
    split = split_of(config)
    rows, _ = client_rows(config, client)
    x, y = Rows(split.x_train, rows), split.y_train[rows]
    attack = byzantine_attack(config)
    if not isinstance(attack, DataPoisoning):
        return x, y
    group = byzantine_clients(config, round)
    if client not in group:
        return x, y
    rng = generator(config.seed, Purpose.POISONING, client=client)
    return attack.poison(x[:], y, split.num_classes, rng, group.index(client))


def check_poisoning(config: Config) -> None:
    """Try the attack on a few images before the first round.

    Raises
    ------
    ConfigError
        When the attack cannot poison such images, or names a class that they lack.
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
