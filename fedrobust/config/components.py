"""Check a node with a ``_target_``; a class of this project is the node's schema.

A component is a frozen dataclass whose constructor checks the ranges. A user's class is
located but not imported, because an import would run the user's code. Equal nodes are
checked once, because the jobs of a multirun have most of their components in common.
"""

import copy
import dataclasses
import importlib
import json
import typing
import warnings
from typing import Any

from fedrobust import OURS
from fedrobust.config.targets import find_target
from fedrobust.config.typed import Node, merged_with, with_key
from fedrobust.config.user_code import require_unedited
from fedrobust.errors import ConfigError


class _Check(typing.NamedTuple):
    node: Node
    component: Any
    notes: list[str]


_checks: dict[tuple[str, str, type | None], _Check] = {}
_components: dict[tuple[str, str], Any] = {}


def forget_components() -> None:
    """Empty the cache of checked components."""
    _checks.clear()
    _components.clear()


def check_component(node: Any, key: str, base: type | None = None) -> tuple[Node, Any]:
    """Check one node with a ``_target_``.

    Returns
    -------
    The node and its component. For a user's class they are the unchanged node and None,
    because constructing it would run the user's code.
    """
    # Keyed by text: 1, 1.0 and True are equal in Python but not in a configuration.
    name = repr(node), key, base
    if name not in _checks:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            checked = _check(node, key, base)
        _checks[name] = _Check(*checked, [str(warning.message) for warning in caught])
        if checked[1] is not None:
            _components[_name_of(checked[0]), key] = checked[1]
    check = _checks[name]
    for text in check.notes:
        warnings.warn(text, stacklevel=2)
    return copy.deepcopy(check.node), check.component


def checked_component(node: Node, key: str) -> Any:
    """Return the component that was constructed to check a node.

    Returns
    -------
    The component; None for a user's own class, and for a node that the latest command
    did not check.
    """
    return _components.get((_name_of(node), key))


def _name_of(node: Node) -> str:
    """Return the text of a node, which does not depend on the order of its keys."""
    return json.dumps(node, sort_keys=True, default=repr)


def _check(node: Any, key: str, base: type | None) -> tuple[Node, Any]:
    if not isinstance(node, dict) or not isinstance(node.get("_target_"), str):
        raise ConfigError(f"{key}={node!r}: must have a _target_, the path of a class")
    target = node["_target_"]
    for name, value in node.items():
        _find_targets(value, f"{key}.{name}")
    if not target.startswith(OURS):
        find_target(target, key)
        require_unedited(target, key)
        return node, None
    cls = _class_of(target, key, base)
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
    values = merged_with(cls, plain, key, without=set(inner))
    # The default stands in for a user's own, which is constructed with the rest.
    known = {n: made for n, made in components.items() if made is not None}
    component: Any = with_key(key, lambda: cls(**values, **known))
    if len(known) < len(components):
        return {**node, **nodes}, None
    return {**_node_of(component), "_target_": target, **nodes}, component


def _class_of(target: str, key: str, base: type | None) -> Any:
    """Import a class of this project and check that it is a component of this kind."""
    module_name, _, name = target.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{key}._target_={target}: there is no such class") from error
    if not dataclasses.is_dataclass(cls) or (base and not issubclass(cls, base)):  # type: ignore[arg-type]
        kind = f" {base.__name__}" if base else " component"
        raise ConfigError(f"{key}._target_={target}: must be a{kind}")
    return cls


def _find_targets(value: Any, key: str) -> None:
    """Check the targets within a node, such as the schedule of an optimiser."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            _find_targets(each, f"{key}[{number}]")
    if isinstance(value, dict):
        target = value.get("_target_")
        if isinstance(target, str) and not target.startswith(OURS):
            find_target(target, key)
            require_unedited(target, key)
        for name, each in value.items():
            _find_targets(each, f"{key}.{name}")


def _node_of(component: Any) -> Node:
    """Return a component as a node, with the components within it."""
    cls = type(component)
    node: Node = {"_target_": f"{cls.__module__}.{cls.__qualname__}"}
    for f in dataclasses.fields(component):
        value = getattr(component, f.name)
        is_component = dataclasses.is_dataclass(value)
        node[f.name] = (
            _node_of(value) if is_component else json.loads(json.dumps(value))
        )
    return node
