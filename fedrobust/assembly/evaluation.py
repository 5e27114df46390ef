"""The evasion attacks, and the evaluator that runs them."""

from typing import Any

from fedrobust.assembly.byzantine import byzantine_attack
from fedrobust.assembly.cache import component_of
from fedrobust.assembly.data import split_of
from fedrobust.assembly.networks import network_for
from fedrobust.attacks.base import Attack
from fedrobust.byzantine import Backdoor
from fedrobust.config import Config
from fedrobust.errors import ConfigError
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.evaluation.surrogate import train_surrogate


def evaluator_for(config: Config, x: Any = None, y: Any = None) -> Evaluator:
    """Return the evaluator of the attacks, on the test set or on given examples.

    Given examples are a client's own, and their scores are not checked. On the test
    set, attacks warn at once if their parameters do not suit one of the epsilons.
    """
    victims = None
    warns = x is None
    checks = config.checks if warns else "none"
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
            for epsilon in epsilons if warns else []:
                attack.at(epsilon)
        return Evaluator(
            network,
            x,
            y,
            attacks,
            epsilons,
            seed=config.seed,
            victims=victims,
            checks=checks,
            detailed=warns,
            surrogate=lambda: train_surrogate(network, split_of(config), config.seed),
        )
    except ValueError as error:
        raise ConfigError(f"attack: {error}") from error


def attacks_of(config: Config) -> dict[str, Attack]:
    """Return the evasion attacks by name, at the largest epsilon."""
    return {
        name: component_of(
            node, f"attack.methods.{name}", epsilon=config.attack.epsilons[-1]
        )
        for name, node in config.attack.methods.items()
    }
