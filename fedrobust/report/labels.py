"""The labels of runs: the keys in which their configurations differ."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fedrobust.config.defaults import with_defaults
from fedrobust.config.schema import Config

Json = dict[str, Any]

# The training epsilon of an objective that uses none.
NO_EPSILON = "none"
# What stands for a key that a run does not have.
NO_VALUE = ("", "None", NO_EPSILON)

CHOICE = "choices."
# Keys that are always labels, as runs that differ in one of them differ in size.
ALWAYS = (
    *("num_rounds", "num_clients", "num_byzantine"),
    *("dataset.num_train", "attack.samples"),
)
# A choice explains the keys of its own group. A choice of these groups may explain any.
PRESETS = ("experiment", "debug")
# Other groups whose choices explain a group's keys, because conf/ interpolates them or,
# with FedRBN, because the training sets the model's statistics.
FOLLOWS = {
    "model": ("dataset", "training"),
    "training": ("dataset",),
    "attack": ("dataset",),
    "byzantine": ("dataset", "strategy"),
    "preaggregator": ("strategy",),
}
# Keys from which conf/ takes the f of a rule and of a pre-aggregator.
NUMBERS = ("num_byzantine", "num_clients")
OF_NUMBERS = ("strategy", "preaggregator")


def labels(config: Json) -> dict[str, str]:
    """Return the values of a configuration that may distinguish runs, by dotted key.

    Seeds, checks, the evaluated rounds, the place of the run, and its tracking are
    dropped. A key
    that a configuration of an earlier version lacks has the default of its class.
    """
    dropped_keys = {"config_digest", "digest_version", "seed", "checks", "evaluation"}
    dropped_keys |= {"tracking"}
    config = with_defaults(config, Config)
    kept = {k: v for k, v in config.items() if k not in dropped_keys}
    kept["runtime"] = {"cohort": config.get("runtime", {}).get("cohort", 1)}
    # Earlier versions had no such choice.
    kept["choices"] = {"privacy": "none", **config.get("choices", {})}
    dropped = {"partition": ["seed"], "dataset": ["download"]}
    dropped |= {"choices": ["runtime", "tracking"]}
    for group, names in dropped.items():
        kept[group] = {k: v for k, v in kept.get(group, {}).items() if k not in names}
    return dict(_flat(kept))


def with_one_epsilon(config: Json) -> Json:
    """Return the configuration with the objective's epsilon as ``training.epsilon``.

    ``training.epsilon`` has an effect only through the objective and is not part of the
    digest, so one run of standard training serves every epsilon of a sweep.
    """
    training = config["training"]
    objective = training.get("objective")
    if not isinstance(objective, dict):
        return config
    epsilon = objective.get("epsilon")
    rest = {k: v for k, v in objective.items() if k != "epsilon"}
    known = NO_EPSILON if epsilon is None else epsilon
    return {**config, "training": {**training, "epsilon": known, "objective": rest}}


def _flat(node: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Flatten nested dictionaries to dotted keys."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, str(node)


def columns_of(configs: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys in which runs differ: choices, then keys they do not explain."""
    keys = {key for config in configs for key in config}
    every = {key for key in keys if len({c.get(key, "") for c in configs}) > 1}
    # Treat centralised as one more choice, with a column of its own.
    choices = sorted(
        key for key in every if key.startswith(CHOICE) or key == "centralised"
    )
    order = ["dataset", "model", "partition", "training", "byzantine", "strategy"]
    choices.sort(key=lambda k: order.index(k[8:]) if k[8:] in order else len(order))
    others = {
        key for key in every.difference(choices)
        if key in ALWAYS or not _is_explained(key, choices, configs)
    }  # fmt: skip
    # Drop keys with the same values as another, from which they are interpolated.
    plain = sorted(others, key=lambda key: (key.count("."), key))
    kept: list[str] = []
    for key in plain:
        same = [[c.get(key, "") for c in configs] == [c.get(k, "") for c in configs]
                for k in kept]  # fmt: skip
        if key in ALWAYS or not any(same):
            kept.append(key)
    return choices + kept


def _is_explained(
    key: str, choices: Sequence[str], configs: Sequence[Mapping[str, str]]
) -> bool:
    """Return whether runs differ in a key only if a choice that may set it differs."""
    group = key.partition(".")[0]
    groups = {group, *FOLLOWS.get(group, ()), *PRESETS}
    by = [c for c in choices if c.removeprefix(CHOICE).partition("/")[0] in groups]
    by += NUMBERS if group in OF_NUMBERS and group != key else ()
    value_of: dict[tuple[str, ...], str] = {}
    for config in configs:
        value, chosen = config.get(key, ""), tuple(config.get(c, "") for c in by)
        if value_of.setdefault(chosen, value) != value:
            return False
    return True
