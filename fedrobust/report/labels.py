"""What sets runs apart: the keys in which their configurations differ."""

import copy
from collections.abc import Iterator
from typing import Any

from fedrobust.config.digests import fill_later

Json = dict[str, Any]

# The training epsilon of an objective that uses none.
NO_EPSILON = "none"


def labels(config: Json) -> dict[str, str]:
    """Give a configuration's values by dotted key, but for what sets no runs apart.

    That are the seeds, the checks, and where a run was carried out. Keys that later
    versions added have the value that says what was before.
    """
    dropped_keys = ("config_digest", "seed", "checks")
    kept = {k: v for k, v in config.items() if k not in dropped_keys}
    kept["runtime"] = {"cohort": config.get("runtime", {}).get("cohort", 1)}
    dropped = {"partition": "seed", "dataset": "download", "choices": "runtime"}
    for group, name in dropped.items():
        kept[group] = {k: v for k, v in config.get(group, {}).items() if k != name}
    kept = copy.deepcopy(kept)
    fill_later(kept)
    return dict(_flat(kept))


def with_one_epsilon(config: Json) -> Json:
    """Give the training the epsilon of its objective, and that one only.

    ``training.epsilon`` has no effect but through the objective, and is not part of the
    digest: one run serves a sweep's standard training at every epsilon.
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


def columns_of(configs: list[Json]) -> list[str]:
    """Name what the runs differ in: choices first, then what no choice explains."""

    def varying(group: list[Json]) -> set[str]:
        keys = {key for config in group for key in config}
        return {key for key in keys if len({c.get(key, "") for c in group}) > 1}

    every = varying(configs)
    # What was trained without a federation is no row of a strategy's.
    choices = sorted(
        key for key in every if key.startswith("choices.") or key == "centralised"
    )
    order = ["dataset", "model", "partition", "training", "byzantine", "strategy"]
    choices.sort(key=lambda k: order.index(k[8:]) if k[8:] in order else len(order))
    alike: dict[tuple[str, ...], list[Json]] = {}
    for config in configs:
        made = tuple(config.get(choice, "") for choice in choices)
        alike.setdefault(made, []).append(config)
    others = {key for group in alike.values() for key in varying(group)}
    # A key that another one is interpolated from says the same twice.
    plain = sorted(others, key=lambda key: (key.count("."), key))
    kept: list[str] = []
    for key in plain:
        same = [[c.get(key, "") for c in configs] == [c.get(k, "") for c in configs]
                for k in kept]  # fmt: skip
        if not any(same):
            kept.append(key)
    return choices + kept
