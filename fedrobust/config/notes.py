"""Notes about values that are allowed but that the user probably did not mean."""

import math

from fedrobust.config.schema import Config, trusted_of
from fedrobust.config.typed import Node
from fedrobust.epsilon import parse_epsilon, too_wide


def notes_about(config: Config) -> list[str]:
    """Return the notes about a configuration, one sentence each."""
    return [
        *_idle_byzantine(config),
        *_too_many_byzantine(config),
        *_wide_epsilons(config),
        *_training(config),
        *_trusted(config),
        *_without_effect(config),
    ]


def _idle_byzantine(config: Config) -> list[str]:
    """Point out a Byzantine attack that never happens."""
    found = []
    if config.byzantine and config.num_byzantine == 0:
        found.append("byzantine has no effect: num_byzantine=0")
    if config.byzantine and config.byzantine_from_round > config.num_rounds:
        found.append(
            f"byzantine has no effect: byzantine_from_round="
            f"{config.byzantine_from_round} is after num_rounds={config.num_rounds}"
        )
    return found


def _training(config: Config) -> list[str]:
    """Point out rounds with too few honest updates, or with repeated images."""
    found = []
    if 2 * config.strategy.f >= config.num_sampled > 1 and not config.centralised:
        found.append(
            f"strategy.f={config.strategy.f} of {config.num_sampled} clients a round "
            "is not a minority: only a rule with a root data set can withstand it"
        )
    adversarial = config.training.fraction * config.num_sampled
    if config.model.get("norm") == "dual" and adversarial <= 2 * config.f:
        found.append(
            f"{adversarial:g} clients a round train noise statistics, no more than "
            f"2f = {2 * config.f}: these mostly keep their initial values"
        )
    local = config.training
    if not local.shuffle and local.local_steps is not None:
        found.append(
            f"training.shuffle=false with training.local_steps={local.local_steps}: "
            "every round trains on the same images of each client"
        )
    share = local.objective.get("clean_share", 0)
    if not local.shuffle and isinstance(share, int | float) and 0 < share < 1:
        found.append(
            f"training.shuffle=false with training.objective.clean_share={share}: the "
            "same images of each batch stay clean in every round"
        )
    return found


def _trusted(config: Config) -> list[str]:
    """Point out a trusted client that is Byzantine, or not sampled in each round."""
    found = []
    key, trusted = trusted_of(config.strategy.rule)
    byzantine = config.drawn_byzantine()
    may_be = trusted in byzantine or (config.byzantine_redraw and bool(byzantine))
    if config.byzantine and trusted is not None and may_be:
        found.append(f"{key}={trusted} is a Byzantine client")
    if trusted is not None and config.num_sampled < config.num_clients:
        found.append(
            f"{key}={trusted} is not sampled in every round: rounds without it are "
            "skipped"
        )
    return found


def _without_effect(config: Config) -> list[str]:
    """Point out keys of the training that have no effect."""
    found = []
    only_federated = {"momentum": 0, "proximal": 0, "fraction": 1}
    for name, neutral in only_federated.items():
        if config.centralised and getattr(config.training, name) != neutral:
            found.append(f"training.{name} has no effect: centralised=true")
    objective = config.training.objective
    if config.training.epsilon is not None and "epsilon" not in objective:
        found.append(
            f"training.epsilon={config.training.epsilon} has no effect: "
            f"{_class_name(objective)} uses no epsilon"
        )
    return found


def _too_many_byzantine(config: Config) -> list[str]:
    """Note how often a round samples more Byzantine clients than f."""
    f, b = config.strategy.f, config.num_byzantine
    n, total = config.num_sampled, config.num_clients
    if n == 1 < total and b > 0 and not config.centralised:
        return [
            f"participation={config.participation} samples one client a round, which "
            f"no rule can judge: it is Byzantine in {b / total:.1%} of the rounds"
        ]
    if n == total and f < b:
        return [f"strategy.f={f} is below num_byzantine={b}: the rule cannot withstand "
                "so many"]  # fmt: skip
    if f >= min(b, n):
        return []
    # Imported late, as it takes a third of a second and is seldom needed.
    from scipy.stats import hypergeom

    share = float(hypergeom.sf(f, total, b, n))
    return [
        f"strategy.f={f} is below num_byzantine={b}: {_percent(share)} of the rounds "
        f"sample more than {f} Byzantine clients among their {n}"
    ]


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "fewer than 0.1%"


def _wide_epsilons(config: Config) -> list[str]:
    """Point out an epsilon that no input in its range can use up."""
    attack, training = config.attack, config.training
    evaluated = attack.epsilons if attack.methods else []
    radii = [("attack.epsilon", epsilon, attack.norm) for epsilon in evaluated]
    radii += _radii_in(training.objective, "training.objective")
    if str(config.byzantine.get("_target_")).endswith("RobustnessPoisoning"):
        radii += _radii_in(config.byzantine, "byzantine")
    shape = config.dataset.get("input_shape")
    size = math.prod(shape) if shape else None
    return [
        text
        for key, epsilon, norm in radii
        for text in too_wide(key, epsilon, norm, size)
    ]


def _radii_in(node: Node, key: str) -> list[tuple[str, float, str]]:
    """Return the epsilons of a node and of the nodes within, with key and norm."""
    found = []
    for name, value in node.items():
        if name == "epsilon" and value is not None:
            radius = parse_epsilon(value)
            found.append((f"{key}.{name}", radius, str(node.get("norm", "linf"))))
        if isinstance(value, dict):
            found += _radii_in(value, f"{key}.{name}")
    return found


def _class_name(node: Node) -> str:
    return str(node["_target_"]).rpartition(".")[2]
