"""Which results a configuration shares with another: the two digests.

The training science decides the trained model, the evaluation what is measured of it,
so that another epsilon evaluates the stored model and retrains nothing.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fedrobust import OURS
from fedrobust.config.targets import code_digests, file_digest
from fedrobust.config.typed import Node

# Keys that came later, and what every run was before: a result of then still counts.
# They are keys of this project's; a user's own class may mean anything by such a name.
LATER = {
    "byzantine.largest": 10.0,
    "byzantine.search": "expanding",
    "byzantine_clients": None,
    "dataset.raw_test": False,
    "model.dropout": 0.0,
    "model.initial": "keras",
    "training.byzantine_momentum": True,
    "training.dropout_masks": "client",
    "training.shuffle": True,
}

# Our models that have dropout without a key that says so.
WITH_DROPOUT = ("CnnBucketing",)

# Raised when the meaning of a configuration changes, so that no old result is taken
# for a new one. Version 3 was raised for some alone: models with statistics, and
# replies that are quarantined in every round. The next of all is 4.
SCIENCE_VERSION = 2
PARTIAL_VERSION = 3
PROBES_VERSION = 3  # of checks=full
VOTES_VERSION = 2  # of optional statistics where f is above 0
# Of learning-rate schedules: in version 1 they began anew in each round of clients.
SCHEDULES_VERSION = 2
# Of rules that give other last bits than they did.
RULE_VERSIONS = {"GeometricMedian": 2}
# Of evasion attacks that draw other numbers than they did.
ATTACK_VERSIONS = {"RandomNoise": 2}


def digest(values: Node) -> str:
    """Digest values into sixteen hexadecimal digits."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def science(config: Any, by_text: bool = False) -> Node:
    """Collect what the trained model depends on.

    ``by_text`` digests a user's modules as earlier versions did.
    """
    values = dataclasses.asdict(config)
    for name in ("attack", "checks", "runtime", "choices"):
        del values[name]
    if config.cohort > 1:
        values["cohort"] = config.cohort
    # Their order counts, and a digest sorts the keys of a dictionary.
    values["preaggregator"] = list(values["preaggregator"].values())
    if _is_ours(values["dataset"]):
        # The epsilon of our data sets is what others are interpolated from, no more.
        for name in ("download", "epsilon"):
            values["dataset"].pop(name, None)
    # Where epsilon has an effect, it is the objective's.
    del values["training"]["epsilon"]
    drop_later(values)
    if config.model.get("norm") == "dual" and config.f > 0:
        values["votes"] = VOTES_VERSION
    rate = config.training.optimizer.get("learning_rate")
    if isinstance(rate, dict) and not config.centralised:
        values["schedules"] = SCHEDULES_VERSION
    if rules := _versions([config.strategy.rule], RULE_VERSIONS):
        values["rules"] = rules
    code = code_digests(values, by_text)
    changed = _has_statistics(config) or _is_quarantined(config)
    version = PARTIAL_VERSION if changed else SCIENCE_VERSION
    return {"version": version, "code": code, **values}


def drop_later(values: Node) -> None:
    """Take keys away that came later, where they say what was before there were any."""
    _settle_masks(values)
    for key, before in LATER.items():
        group, _, name = key.rpartition(".")
        node = values.get(group, {}) if group else values
        if _is_ours(node) and node.get(name, before) == before:
            node.pop(name, None)


def fill_later(values: Node) -> None:
    """Give keys that came later the value that says what was before."""
    _settle_masks(values)
    for key, before in LATER.items():
        group, _, name = key.rpartition(".")
        node = values.setdefault(group, {}) if group else values
        if _is_ours(node):
            node.setdefault(name, before)


def _settle_masks(values: Node) -> None:
    """Say of a model without dropout what was said of it before: it has no masks."""
    model, key = values.get("model", {}), "dropout_masks"
    name = str(model.get("_target_")).rpartition(".")[2]
    may_drop = not _is_ours(model) or name in WITH_DROPOUT or model.get("dropout", 0)
    if not may_drop and key in values.get("training", {}):
        values["training"][key] = LATER[f"training.{key}"]


def _is_ours(node: Node) -> bool:
    """Tell whether a node means what this project says: its class is no user's own."""
    return str(node.get("_target_", OURS[0])).startswith(OURS)


def evaluation(config: Any, by_text: bool = False) -> Node:
    """Collect how the final model is evaluated; ``by_text`` as for ``science``."""
    methods = config.attack.methods
    values = dataclasses.asdict(config.attack)
    values["epsilon"] = config.attack.epsilons if methods else []
    values["checks"] = config.checks if methods else None
    values["files"] = list(_surrogates(methods))
    if versions := _versions(methods.values(), ATTACK_VERSIONS):
        values["attacks"] = versions
    if code := code_digests(methods, by_text):
        values["code"] = code
    if values["checks"] == "full":
        values["probes"] = PROBES_VERSION
    return {"version": SCIENCE_VERSION, **values}


def _surrogates(node: Any) -> Iterator[str]:
    """Digest the models that attacks transfer from; so may attacks within them.

    A user's own attack may mean something else by the key, which is then no file. That
    there is none of ours is refused where the attack is checked.
    """
    if isinstance(node, list):
        for value in node:
            yield from _surrogates(value)
    if isinstance(node, dict):
        path = node.get("surrogate")
        if "_target_" in node and isinstance(path, str) and Path(path).exists():
            yield file_digest(path)
        for value in node.values():
            yield from _surrogates(value)


def _versions(nodes: Iterable[Any], known: Mapping[str, int]) -> dict[str, int]:
    """Give the versions of our components and of those within, where they have one."""
    found: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, dict) and "_target_" in node:
            name = str(node["_target_"]).rpartition(".")[2]
            if _is_ours(node) and name in known:
                found[name] = known[name]
            found |= _versions(node.values(), known)
    return found


def _is_quarantined(config: Any) -> bool:
    """Tell whether what Byzantine clients send is never well formed."""
    value = config.byzantine.get("value", 0.0)
    return isinstance(value, float) and not math.isfinite(value)


def _has_statistics(config: Any) -> bool:
    """Tell whether arrays may travel beside the update."""
    model = config.model
    has_norm = model.get("norm", "none") != "none"
    return config.training.scaffold or not _is_ours(model) or has_norm
