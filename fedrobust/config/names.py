"""The names of runs in messages: the keys that vary in a sweep, or unusual choices."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fedrobust.config.conf_folder import default_choices
from fedrobust.config.schema import Config

SEED = "seed"


def key_of(override: str) -> str:
    """Return the key or the group that an override sets."""
    return override.lstrip("+~").partition("=")[0].partition("@")[0]


def varying_keys(combinations: Sequence[Sequence[str]]) -> list[str]:
    """Return the keys whose values differ among the jobs of a sweep.

    Parameters
    ----------
    combinations
        The overrides of each job.

    Returns
    -------
    The keys in the order of the overrides, except that the seed is the last.
    """
    written = [{key_of(word): word for word in words} for words in combinations]
    keys = dict.fromkeys(key for words in written for key in words)
    varying = [key for key in keys if len({words.get(key) for words in written}) > 1]
    return sorted(varying, key=lambda key: key == SEED)


def value_of(config: Mapping[str, Any], key: str) -> str | None:
    """Return the choice of a group, or the value of a dotted key; None if absent.

    A value is written as in YAML, except that a text has no quotes.

    Parameters
    ----------
    config
        A resolved configuration, as in config.yaml.
    key
        The key.
    """
    choices = config.get("choices")
    if isinstance(choices, Mapping) and key in choices:
        return str(choices[key])
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    return node if isinstance(node, str) else json.dumps(node, default=str)


def values_of(
    config: Mapping[str, Any], overrides: Sequence[str], keys: Sequence[str]
) -> dict[str, str]:
    """Return the values of keys in a job.

    A key that is not part of the configuration, such as one of Hydra's, has the value
    that was written on the command line.
    """
    written = {key_of(word): word.partition("=")[2] for word in overrides}
    return {key: value_of(config, key) or written.get(key, "") for key in keys}


def unusual_choices(config: Config) -> dict[str, str]:
    """Return the choices that differ from those of conf/config.yaml, and the seed."""
    usual = default_choices()
    known = [*usual, *(group for group in config.choices if group not in usual)]
    chosen = {group: config.choices.get(group) for group in known}
    unusual = {k: v for k, v in chosen.items() if v is not None and v != usual.get(k)}
    return {**unusual, SEED: str(config.seed)}


def name_of(values: Mapping[str, str]) -> str:
    """Return the name of a run, from values that distinguish it."""
    return " ".join(f"{key}={value}" for key, value in values.items())


def job_name(config: Config, overrides: Sequence[str], keys: Sequence[str]) -> str:
    """Return the name of a job of a sweep in which keys vary."""
    if not keys:
        return name_of(unusual_choices(config))
    return name_of(values_of(asdict(config), overrides, keys))
