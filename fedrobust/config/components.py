"""A node with a ``_target_``: a class of this project is its own schema.

A component is a frozen dataclass; its constructor checks the ranges. A user's class is
looked for but not imported, as that would run their code.
"""

import dataclasses
import importlib
import json
import typing
from typing import Any

from fedrobust import OURS
from fedrobust.config.targets import find_target
from fedrobust.config.typed import Node, merged_with, named
from fedrobust.errors import ConfigError


def check_component(node: Any, key: str, base: type | None = None) -> tuple[Node, Any]:
    """Check one node with a ``_target_``.

    Returns
    -------
    The node and its component; for a class that is not ours, the node as it is and
    None, as constructing it would run the user's code.
    """
    if not isinstance(node, dict) or not isinstance(node.get("_target_"), str):
        raise ConfigError(f"{key}={node!r}: must have a _target_, the path of a class")
    target = node["_target_"]
    for name, value in node.items():
        _find_targets(value, f"{key}.{name}")
    if not target.startswith(OURS):
        find_target(target, key)
        return node, None
    module_name, _, name = target.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{key}._target_={target}: there is no such class") from error
    if not dataclasses.is_dataclass(cls) or (base and not issubclass(cls, base)):  # type: ignore[arg-type]
        kind = f" {base.__name__}" if base else " component"
        raise ConfigError(f"{key}._target_={target}: must be a{kind}")
    # A rule within a rule is a component of its own.
    hints = typing.get_type_hints(cls)
    inner = {
        f.name: hints[f.name]
        for f in dataclasses.fields(cls)
        if dataclasses.is_dataclass(hints[f.name])
    }
    plain = {k: v for k, v in node.items() if k != "_target_" and k not in inner}
    nodes, components = {}, {}
    for name in inner.keys() & node.keys():
        nodes[name], components[name] = check_component(
            node[name], f"{key}.{name}", typing.cast(type, inner[name])
        )
    values = merged_with(typing.cast(type, cls), plain, key, without=set(inner))
    if any(component is None for component in components.values()):
        return {**node, **nodes}, None  # the user's own rule is made with the rest
    component: Any = named(key, lambda: cls(**values, **components))  # type: ignore[operator]
    return {**_node_of(component), "_target_": target, **nodes}, component


def _find_targets(value: Any, key: str) -> None:
    """Look for what is named within a node, such as a schedule of an optimiser's."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            _find_targets(each, f"{key}[{number}]")
    if isinstance(value, dict):
        target = value.get("_target_")
        if isinstance(target, str) and not target.startswith(OURS):
            find_target(target, key)
        for name, each in value.items():
            _find_targets(each, f"{key}.{name}")


def _node_of(component: Any) -> Node:
    """Write a component as a node; so are the components within it."""
    cls = type(component)
    node: Node = {"_target_": f"{cls.__module__}.{cls.__qualname__}"}
    for f in dataclasses.fields(component):
        value = getattr(component, f.name)
        is_component = dataclasses.is_dataclass(value)
        node[f.name] = (
            _node_of(value) if is_component else json.loads(json.dumps(value))
        )
    return node
