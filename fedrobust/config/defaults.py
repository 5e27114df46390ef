"""The default values of our own classes, which a configuration may leave out."""

import dataclasses
import importlib
import json
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fedrobust import OURS
from fedrobust.config.typed import Node


@lru_cache(maxsize=256)
def component_class(target: Any) -> type | None:
    """Return the component class of ours that a ``_target_`` names; None for others."""
    if not isinstance(target, str) or not target.startswith(OURS):
        return None
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    return found if dataclasses.is_dataclass(found) else None  # type: ignore[return-value]


@lru_cache(maxsize=256)
def defaults_of(cls: type) -> Mapping[str, Any]:
    """Return the default of each field of a dataclass, as a configuration writes it.

    Fields without a default are left out, and so are those that hold a dataclass.
    """
    found = {}
    for field in dataclasses.fields(cls):
        value = field.default
        if field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        if value is not dataclasses.MISSING and not dataclasses.is_dataclass(value):
            found[field.name] = json.loads(json.dumps(value))
    return found


def with_defaults(values: Node, cls: type | None = None) -> Node:
    """Return values with the defaults of their class for the keys that they lack.

    Parameters
    ----------
    values
        The fields of a dataclass. A component within names its own class.
    cls
        The dataclass; None means the class that ``_target_`` names.
    """
    target = values.get("_target_")
    cls = cls or component_class(target if isinstance(target, str) else None)
    if cls is None:
        return {key: _with_defaults(value) for key, value in values.items()}
    filled = {**defaults_of(cls), **values}
    for key, inner in _nested(cls).items():
        filled[key] = with_defaults(values.get(key, {}), inner)
    return {key: _with_defaults(value) for key, value in filled.items()}


@lru_cache(maxsize=256)
def _nested(cls: type) -> Mapping[str, type]:
    """Return the class of each field that holds a dataclass which no node names."""
    return {
        key: hint
        for key, hint in typing.get_type_hints(cls).items()
        if dataclasses.is_dataclass(hint)
        and not _is_component(hint)
        and isinstance(hint, type)
    }


def _with_defaults(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_defaults(each) for each in value]
    return with_defaults(value) if isinstance(value, dict) else value


def _is_component(cls: Any) -> bool:
    """Return whether nodes name this class, and so may name a subclass."""
    return hasattr(cls, "version")
