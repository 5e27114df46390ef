"""What dishonest clients do, who they are, and the data they poison."""

import json

import numpy as np
from numpy.typing import NDArray

from fedrobust.assembly.cache import MANY, key_of, make, shared
from fedrobust.assembly.data import client_rows, split_of
from fedrobust.byzantine import Backdoor, ByzantineAttack, DataPoisoning
from fedrobust.config import Config
from fedrobust.data.view import Rows
from fedrobust.errors import ConfigError
from fedrobust.randomness import Purpose, generator


def byzantine_attack(config: Config) -> ByzantineAttack | None:
    """Give what dishonest clients do, or None when everybody is honest."""
    if not config.byzantine or config.num_byzantine == 0:
        return None
    return _byzantine_attack(key_of(config.byzantine))


@shared(MANY)
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
