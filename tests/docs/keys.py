"""The keys of a choice of conf/, as YAML's own reader finds them."""

from collections.abc import Iterator
from typing import Any

import yaml

from fedrobust.config.conf_folder import config_dir


def keys_of(group: str, choice: str) -> set[str]:
    """Return the keys that a file sets, with dots from the root."""
    text = (config_dir() / group / f"{choice}.yaml").read_text(encoding="utf-8")
    prefix = "" if "@package _global_" in text else group.replace("/", ".")
    return set(_leaves(yaml.safe_load(text) or {}, prefix))


def _leaves(node: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, value in node.items():
        key = f"{prefix}.{name}".removeprefix(".")
        if name in ("_target_", "defaults"):
            continue
        if isinstance(value, dict) and value:
            yield from _leaves(value, key)
        elif value != {}:
            yield key
