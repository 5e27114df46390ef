"""One sentence for each error of Hydra, with the key or choice that was meant."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import (
    ConfigCompositionException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import OmegaConf

from fedrobust.config.conf_folder import config_dir, groups
from fedrobust.errors import nearest, reason_of

# Launchers that need an additional package.
LAUNCHERS = {
    "joblib": "hydra-joblib-launcher",
    "submitit_local": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
}
# Names that other projects use for a key, with the last part of our key.
SYNONYMS = {
    "lr": "learning_rate",
    "rate": "learning_rate",
    "eps": "epsilon",
    "epochs": "local_epochs",
    "rounds": "num_rounds",
    "clients": "num_clients",
    "byzantine": "num_byzantine",
    "mu": "proximal",
}
# Flower's strategies whose difference from FedAvg is a key of another group here.
ELSEWHERE = {
    "fedavgm": "strategy/server_optimizer=sgd strategy.server_optimizer.momentum=0.9",
    "fedopt": "strategy/server_optimizer=adam",
    "fedmedian": "strategy=median",
    "fedtrimmedavg": "strategy=trimmed_mean",
}


def explain(
    error: Exception, extra_dir: str | None = None, overrides: Sequence[str] = ()
) -> str:
    """Return an error of Hydra as one sentence for the user.

    Parameters
    ----------
    error
        The exception of Hydra or OmegaConf.
    extra_dir
        The folder with the user's own configuration.
    overrides
        The overrides of the user; keys of the choices among them are suggested first.
    """
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(error, error.missing_cfg_file, extra_dir)
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: not an override: write key=value, and quote a value "
            "that contains spaces or special characters: key='a value'"
        )
    text = str(error)
    match = re.search(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and match:
        return _unknown_key(match.group(1), overrides, error)
    match = re.search(r"Ambiguous value for argument '([^=]+)=([^']*)'", text)
    if match:
        key, values = match.groups()
        return (
            f"{key}={values}: must be one value: add -m to run each of these, or "
            f"write {key}=[{values}] for one list"
        )
    reason = reason_of(error).partition(", set env var")[0].rstrip(":")
    return f"{reason}: {reason_of(error.__cause__)}" if error.__cause__ else reason


def _missing(error: MissingConfigException, missing: str, extra_dir: str | None) -> str:
    """Name the missing package, the unusable file, or the nearest choice."""
    group, _, choice = missing.rpartition("/")
    if group == "hydra/launcher" and choice in LAUNCHERS:
        return (
            f"{group}={choice}: the package {LAUNCHERS[choice]} is not installed: pip "
            "install 'fedrobust[sweep]'"
        )
    if extra_dir is not None:
        path = Path(extra_dir) / f"{missing}.yaml"
        if path.is_dir() or path.is_symlink():
            kind = "a folder" if path.is_dir() else "a link to nothing"
            return f"{path}: must be a file, and is {kind}"
    offered = groups(extra_dir)
    options = list(error.options or offered.get(group, {}))
    if not options:
        return f"{group}={choice}: there is no such group, {nearest(group, offered)}"
    elsewhere = _elsewhere(group, choice, offered)
    advice = f"use {elsewhere}" if elsewhere else nearest(choice, options)
    return f"{group}={choice}: there is no such choice, {advice}"


def _elsewhere(
    group: str, choice: str, offered: dict[str, dict[str, str]]
) -> str | None:
    """Return the override for the same choice in another group, if there is one."""
    if group == "strategy" and choice in ELSEWHERE:
        return ELSEWHERE[choice]
    names = {choice}
    if group == "strategy" and choice.startswith("fed"):
        names.add(choice.removeprefix("fed"))
    found = [
        f"{other}={name}"
        for other, choices in offered.items()
        for name in choices
        if other != group and name in names and "experiment" not in other
    ]
    return found[0] if len(found) == 1 else None


def _unknown_key(key: str, overrides: Sequence[str], error: Exception) -> str:
    """Name the choices that have the key, else the nearest of all keys."""
    if key.startswith("hydra."):
        why = reason_of(error.__cause__ or error)
        advice = str(error).rpartition("config use ")[2]
        return f"{key}: cannot be overridden: {why}, add what is new with {advice}"
    keys = _keys()
    if keys.get(key) == [] or {*keys.get(key, [])} & {*overrides}:
        reason = reason_of(error.__cause__ or error).partition("Could not override")
        return (
            f"{key}: cannot take this value{': ' * bool(reason[0])}{reason[0]}; add a "
            f"new key under it with +{key}.NAME=VALUE"
        )
    message = f"{key}: there is no such key"
    choices = keys.get(key)
    if choices:
        group = choices[0].partition("=")[0]
        return f"{message} under the present choice of {group}, but {_any(choices)}"
    head, _, last = key.rpartition(".")
    meant = SYNONYMS.get(last, last)
    top = key.partition(".")[0]
    same = [
        other
        for other in keys
        if other.rpartition(".")[2] == meant
        and (other.partition(".")[0] == top or not head)
    ]

    def rank(other: str) -> tuple[Any, ...]:
        """Sort by chosen or default keys, then keys of the training, then length."""
        is_chosen = not keys[other] or bool({*keys[other]} & {*overrides})
        is_training = other.startswith("training.")
        return not is_chosen, not is_training, other.count("."), other

    same.sort(key=rank)
    if not same:
        return f"{message}, {nearest(key, keys)}"
    return f"{message}, did you mean {same[0]!r}{_with(keys[same[0]])}?"


def _with(choices: list[str]) -> str:
    return f", of {_any(choices).removeprefix('under ')}" if choices else ""


def _any(choices: list[str]) -> str:
    shown = choices[:4]
    more = f" and {len(choices) - 4} others" if len(choices) > 4 else ""
    return f"under {', '.join(shown)}{more}"


@lru_cache(maxsize=1)
def _keys() -> dict[str, list[str]]:
    """Map each key of conf/ to the choices that have it; empty if it always exists."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        default = compose("config")
    found: dict[str, list[str]] = {group: [] for group in groups()}
    found.update({key: [] for key in _walk(default, "")})
    for group, choices in groups().items():
        for choice in choices:
            text = (config_dir() / group / f"{choice}.yaml").read_text(encoding="utf-8")
            if "@package" not in text:
                prefix = group.replace("/", ".") + "."
                for key in _walk(OmegaConf.create(yaml.safe_load(text) or {}), prefix):
                    if found.get(key) != []:
                        found.setdefault(key, []).append(f"{group}={choice}")
    return {key: found[key] for key in sorted(found)}


def _walk(node: Any, prefix: str) -> list[str]:
    keys = []
    for name in node:
        keys.append(f"{prefix}{name}")
        if OmegaConf.is_dict(node._get_node(name)):
            keys += _walk(node._get_node(name), f"{prefix}{name}.")
    return keys
