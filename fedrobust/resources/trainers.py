"""The compiled trainer of each client: the objective, none, or a Byzantine one."""

import json
from typing import Any

from fedrobust.byzantine import ObjectivePoisoning
from fedrobust.config import Config
from fedrobust.errors import ConfigError
from fedrobust.randomness import Purpose, generator
from fedrobust.resources.byzantine import byzantine_attack, byzantine_ids
from fedrobust.resources.networks import network_of_key
from fedrobust.resources.shared import MANY, TRAINERS, key_of, make, shared
from fedrobust.training.local import Trainer
from strategies.sampling import sample_size

# What clients train with that do not train with the objective.
STANDARD = {"_target_": "fedrobust.training.Standard"}


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


@shared(MANY)
def _objective_ids(seed: int, fraction: float, n: int) -> list[int]:
    order = generator(seed, Purpose.OBJECTIVE_CLIENTS).permutation(n)
    count = sample_size(n, fraction) if fraction > 0 else 0
    return sorted(order[:count].tolist())


def _trainer_keys(config: Config, kind: str, hook: dict[str, Any]) -> tuple[str, ...]:
    training = config.training
    steps = (training.optimizer, training.proximal, training.scaffold)
    return kind, key_of(config.dataset, config.model), key_of(hook), key_of(*steps)


@shared(TRAINERS)
def _trainer(kind: str, network: str, hook: str, steps: str) -> Trainer:
    ((node,), (optimizer, proximal, scaffold)) = json.loads(hook), json.loads(steps)
    if kind == "byzantine":
        objective = make(node, "byzantine").objective()
    else:
        objective = make(node, "training.objective")
    keras_optimizer = make(optimizer, "training.optimizer")
    try:
        trainer = Trainer(
            network_of_key(network),
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
