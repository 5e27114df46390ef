"""Checks of hyper-parameters: types from a dataclass's annotations, ranges by calls."""

import functools
import math
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

# Default limit on the number of examples that a client may declare.
MAX_EXAMPLES = 10**7

# By annotation of a list: the types of values that count as such a list.
LISTS: dict[Any, Any] = {
    Collection: Collection,
    Sequence: Sequence | np.ndarray,
    list: Sequence | np.ndarray,
    tuple: Sequence | np.ndarray,
}

# Metadata of a field that may also be infinite or NaN.
ANY_FLOAT = {"finite": False}


class Validated:
    """A base class for dataclasses whose fields are checked against their annotations.

    Each instance is checked on construction, before the class's own ``__post_init__``
    runs, so that no subclass can forget the check. ``int`` means an integer but not a
    bool; ``float`` a finite number, integers included (``field(metadata=ANY_FLOAT)``
    also allows infinity and NaN); ``bool`` a bool; ``str`` a string; a class one of its
    instances; ``Callable`` a function. Unions, ``Literal``, tuples, lists and
    dictionaries are checked by their parts. Other annotations are not checked. NumPy
    scalars are converted to Python's.

    Raises
    ------
    ValueError
        When a value has another type; the message names field, value and type.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__.get("__post_init__")
        if own is None:
            return

        @functools.wraps(own)
        def checked(self: Any, *args: Any) -> None:
            check_fields(self)
            own(self, *args)

        setattr(cls, "__post_init__", checked)  # noqa: B010  (mypy knows no such name)

    def __post_init__(self) -> None:
        check_fields(self)


def check_fields(instance: Any) -> None:
    """Check every field of a dataclass against its annotation, as ``Validated`` does.

    Raises
    ------
    ValueError
        When a value has another type; the message is about the first such field.
    """
    if not is_dataclass(instance):
        return
    cls: type = type(instance)
    kinds = _kinds(cls)
    for field in fields(instance):
        value = getattr(instance, field.name, None)
        if field.name in kinds:
            finite = field.metadata.get("finite", True)
            require_kind(field.name, value, kinds[field.name], finite)
        if isinstance(value, np.generic):
            object.__setattr__(instance, field.name, value.item())


def require_kind(name: str, value: Any, kind: Any, finite: bool = True) -> None:
    """Raise ValueError for a value that does not fit an annotation.

    Parameters
    ----------
    name, value
        The parameter and its value.
    kind
        An annotation such as ``int``, ``float | None`` or ``tuple[float, float]``.
    finite
        Whether a float must be finite.

    Raises
    ------
    ValueError
        ``<name>=<value>: must be <kind>``.
    """
    bound = _named(kind, finite)
    if bound is not None:
        require(_is_of(value, kind, finite), name, value, bound)


@functools.lru_cache(maxsize=1024)
def _kinds(cls: type) -> dict[str, Any]:
    """Return the annotations of a class's fields, without unresolved names."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError, AttributeError):
        # An annotation names something that is imported for type checkers only.
        return {f.name: f.type for f in fields(cls) if not isinstance(f.type, str)}


def _is_of(value: Any, kind: Any, finite: bool) -> bool:
    origin, parts = get_origin(kind), _parts(kind)
    if origin in (Union, types.UnionType):
        return any(_is_of(value, part, finite) for part in parts)
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if origin in LISTS:
        if not isinstance(value, LISTS[origin]) or isinstance(value, str | bytes):
            return False
        kinds = parts[:1] * len(value) if _is_list(kind) else parts
        return len(value) == len(kinds) and all(
            _is_of(entry, part, finite)
            for entry, part in zip(value, kinds, strict=True)
        )
    if origin in (Mapping, dict):
        return isinstance(value, Mapping) and all(
            _is_of(entry, part, finite)
            for item in value.items()
            for entry, part in zip(item, parts, strict=True)
        )
    if origin is Callable:
        return callable(value)
    if kind is None or kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind is int:
        return isinstance(value, int | np.integer) and not isinstance(value, bool)
    if kind is float:
        return _is_float(value, finite)
    return not _is_class(kind) or isinstance(value, kind)


def _is_list(kind: Any) -> bool:
    """Return whether an annotation means a list of any length."""
    origin, parts = get_origin(kind), get_args(kind)
    return origin in LISTS and not (origin is tuple and parts and Ellipsis not in parts)


def _parts(kind: Any) -> tuple[Any, ...]:
    """Return the arguments of a generic annotation; ``Any`` for a bare one."""
    return get_args(kind) or (Any, Any)


def _is_class(kind: Any) -> bool:
    """Return whether ``isinstance`` works: not for generics, protocols and ``Any``."""
    return (
        isinstance(kind, type)
        and get_origin(kind) is None
        and kind not in (object, Any)
        and not getattr(kind, "_is_protocol", False)
    )


def _is_float(value: Any, finite: bool) -> bool:
    if isinstance(value, bool) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        return False
    try:
        return math.isfinite(value) or not finite
    except OverflowError:  # an integer beyond every float
        return False


def _named(kind: Any, finite: bool) -> str | None:
    """Describe an annotation in words; None if it cannot be checked."""
    origin, parts = get_origin(kind), _parts(kind)
    if origin in (Union, types.UnionType):
        # ``int`` adds nothing to ``float``.
        kinds = [part for part in parts if part is not int or float not in parts]
        names = [_named(part, finite) for part in kinds]
        return None if None in names else " or ".join(map(str, names))
    if origin is Literal:
        return "one of " + ", ".join(map(repr, parts))
    if origin is Callable:
        return "a function"
    if _is_list(kind):
        entry = _named(parts[0], finite)
        return "a list" if entry is None else f"a list in which each entry is {entry}"
    if origin in (Mapping, dict):
        names = [_named(part, finite) or "anything" for part in parts]
        return f"a dictionary in which each key is {names[0]} and each value {names[1]}"
    if origin is tuple:
        names = [_named(part, finite) for part in parts]
        return None if None in names else "(" + ", ".join(map(str, names)) + ")"
    number = "a finite number" if finite else "a number"
    words = {
        bool: "true or false",
        int: "an integer",
        float: number,
        str: "a string",
        type(None): "null",
    }
    if kind in words:
        return words[kind]
    return f"a {kind.__name__}" if _is_class(kind) else None


def require(condition: bool, name: str, value: Any, bound: str) -> None:
    """Raise ValueError for a parameter outside its range.

    Raises
    ------
    ValueError
        ``<name>=<value>: must be <bound>``.
    """
    if not condition:
        raise ValueError(f"{name}={_written(value)}: must be {bound}")


def _written(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not print integers of 5,000 digits
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:200]}..."


def require_between(
    name: str, value: float, low: float, high: float = math.inf
) -> None:
    """Raise ValueError for a number that is not finite or not in [low, high]."""
    bound = f"at least {low}" if high == math.inf else f"in [{low}, {high}]"
    require(math.isfinite(value) and low <= value <= high, name, value, bound)


def require_positive(name: str, value: float) -> None:
    """Raise ValueError for a number that is not finite or not above 0."""
    require(math.isfinite(value) and value > 0, name, value, "above 0")
