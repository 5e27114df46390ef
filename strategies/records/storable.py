"""Which values may be part of states that are stored."""

import reprlib
from collections.abc import Mapping
from inspect import formatannotation
from typing import Any, TypeVar

from strategies.records.field_types import wrong_field

T = TypeVar("T")

# Kinds of dtype that a .npy file holds without pickle and gives back as they were.
KINDS = "biufcSUmM"

# The most levels of a value; a deeper one is most likely a part of itself.
DEEPEST = 100
# Longer texts are cut in messages.
LONGEST_TEXT = 80

# Classes that may be read, by name: those whose modules are loaded.
classes: dict[str, type] = {}


def storable(cls: type[T]) -> type[T]:
    """Declare a dataclass to be part of states that are stored; a class decorator.

    Each field must hold a value that fits its annotation, both when a state is stored
    and when it is read.
    """
    classes[name_of(cls)] = cls
    return cls


def name_of(cls: type) -> str:
    """Return the name by which a class is stored."""
    return f"{cls.__module__}.{cls.__qualname__}"


def shortened(text: str) -> str:
    """Return a text for a message, cut if it is long."""
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "..."


def require_depth(place: str, depth: int) -> None:
    """Raise ValueError for a part that is too many levels below its value."""
    if depth > DEEPEST:
        raise ValueError(
            f"{shortened(place)} is more than {DEEPEST} levels deep: store a value "
            "that has fewer, and that does not contain itself"
        )


def require_kinds(cls: type, values: Mapping[str, Any], place: str) -> None:
    """Raise ValueError unless the values of a dataclass fit its annotations."""
    wrong = wrong_field(cls, values)
    if wrong is not None:
        name, hint = wrong
        raise ValueError(
            f"{place}.{name} is {reprlib.repr(values[name])}: must be "
            f"{formatannotation(hint)}, as {cls.__name__} declares"
        )
