"""The bounds of the keys that no component checks."""

from typing import Any

from fedrobust.config.schema import Config
from fedrobust.config.typed import with_key
from fedrobust.epsilon import parse_epsilon
from fedrobust.errors import ConfigError


def require(condition: bool, key: str, value: Any, bound: str) -> None:
    """Refuse a value that is out of bounds, naming its key and the bound."""
    if not condition:
        raise ConfigError(f"{key}={value}: must be {bound}")


def check_numbers(config: Config) -> None:
    """Check the keys that belong to no component."""
    c = config
    require(0 <= c.seed < 2**32, "seed", c.seed, "in [0, 4294967295]")
    require(c.num_clients >= 1, "num_clients", c.num_clients, "at least 1")
    require(c.num_rounds >= 1, "num_rounds", c.num_rounds, "at least 1")
    require(
        0 <= c.num_byzantine <= c.num_clients,
        "num_byzantine",
        c.num_byzantine,
        f"in [0, num_clients={c.num_clients}]",
    )
    require(
        0 < c.participation <= 1, "participation", c.participation, "above 0, at most 1"
    )
    require(
        c.evaluation.every >= 1, "evaluation.every", c.evaluation.every, "at least 1"
    )
    require(
        c.screening.max_examples >= 1,
        "screening.max_examples",
        c.screening.max_examples,
        "at least 1",
    )
    require(
        c.byzantine_from_round >= 1,
        "byzantine_from_round",
        c.byzantine_from_round,
        "at least 1",
    )
    if c.byzantine_clients is not None:
        _check_byzantine_clients(c, c.byzantine_clients)
    require(
        c.strategy.root_examples >= 0,
        "strategy.root_examples",
        c.strategy.root_examples,
        "at least 0",
    )
    require(c.strategy.f >= 0, "strategy.f", c.strategy.f, "at least 0")
    require(
        c.checks in ("fast", "full", "none"), "checks", c.checks, "fast, full or none"
    )
    samples = c.attack.samples
    require(samples is None or samples >= 1, "attack.samples", samples, "at least 1")
    if c.attack.methods or c.attack.epsilon is not None:
        with_key("attack.epsilon", lambda: c.attack.epsilons)
    if c.attack.methods:
        require(
            bool(c.attack.epsilons),
            "attack.epsilon",
            c.attack.epsilon,
            "a number, a fraction or a list of them",
        )
    if c.training.epsilon is not None:
        with_key("training", lambda: parse_epsilon(c.training.epsilon))
    if c.centralised:
        require(
            not c.byzantine and c.num_byzantine == 0,
            "centralised",
            True,
            "false with Byzantine clients, or set byzantine=none and num_byzantine=0",
        )


def _check_byzantine_clients(config: Config, clients: list[int]) -> None:
    n, b = config.num_clients, config.num_byzantine
    distinct = set(clients)
    require(
        len(distinct) == len(clients) == b and all(0 <= c < n for c in distinct),
        "byzantine_clients",
        clients,
        f"num_byzantine={b} different clients below num_clients={n}",
    )
    require(
        not config.byzantine_redraw,
        "byzantine_redraw",
        True,
        "false if byzantine_clients is set",
    )
