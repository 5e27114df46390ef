"""Check values against the annotations of a dataclass."""

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

# As in Python's own rules, an integer stands for a float; a boolean stands for neither.
NUMBERS: dict[Any, tuple[type, ...]] = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (int, float, np.integer, np.floating),
}


def wrong_field(cls: type, values: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Return the first field whose value does not fit, and its annotation, or None.

    Parameters
    ----------
    cls
        A dataclass. An annotation is checked where it names classes, collections of
        them, or unions; any other annotation accepts every value.
    values
        By name of the field.
    """
    hints = _hints(cls)
    for name, value in values.items():
        if not _fits(value, hints.get(name, Any)):
            return name, hints[name]
    return None


@lru_cache(maxsize=256)
def _hints(cls: type) -> Mapping[str, Any]:
    try:
        hints = get_type_hints(cls)
    except (NameError, AttributeError, TypeError):
        return {}  # annotations for a type checker alone
    return {field.name: hints[field.name] for field in fields(cls)}


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint) or hint, get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is None:
        origin = NoneType
    if origin in NUMBERS:
        is_strict = origin is bool or not isinstance(value, bool)
        return is_strict and isinstance(value, NUMBERS[origin])
    try:
        is_one = isinstance(value, origin)
    except TypeError:
        return True  # such as Any, a literal or a type variable
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        return is_one and len(value) == len(inner) and all(map(_fits, value, inner))
    return is_one and _parts_fit(value, inner)


def _parts_fit(value: Any, inner: tuple[Any, ...]) -> bool:
    """Whether the parts of a collection fit the arguments of its annotation."""
    if isinstance(value, Mapping) and len(inner) == 2:
        return all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    if isinstance(value, list | tuple) and inner:
        return all(_fits(part, inner[0]) for part in value)
    return True
