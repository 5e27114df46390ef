"""Checks of hyper-parameters: kinds by a dataclass's annotations, ranges by hand."""

import functools
import math
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

# The most examples a client may declare, unless the user says otherwise.
MAX_EXAMPLES = 10**7

# Annotations of lists, whose entries are checked, and what counts as one.
LISTS: dict[Any, Any] = {
    Collection: Collection,
    Sequence: Sequence | np.ndarray,
    list: Sequence | np.ndarray,
    tuple: Sequence | np.ndarray,
}

# Metadata of a field whose value may also be infinite, or not a number.
ANY_FLOAT = {"finite": False}


class Validated:
    """A dataclass whose fields are what their annotations say.

    Each instance is checked when it is made, before the class's own ``__post_init__``,
    which cannot forget it: ``int`` is an integer and no bool, ``float`` a finite number
    (an integer counts; ``field(metadata=ANY_FLOAT)`` lifts the bound), ``bool`` a bool,
    ``str`` a text, a class one of its instances, ``Callable`` a function. Unions,
    ``Literal``, tuples, lists and dictionaries are checked by their parts; any other
    annotation is not. NumPy scalars become Python's.

    Raises
    ------
    ValueError
        When a value is of another kind; it names the field, the value and the kind.
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
        At the first field whose value is of another kind.
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
    """Refuse a value that is not of the kind an annotation names.

    Parameters
    ----------
    name, value
        The parameter and what it was given.
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
    """Return the annotations of a class's fields; none that cannot be evaluated."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError, AttributeError):
        # A name that its module imports for type checkers alone.
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
    """Whether an annotation is one of lists of any length."""
    origin, parts = get_origin(kind), get_args(kind)
    return origin in LISTS and not (origin is tuple and parts and Ellipsis not in parts)


def _parts(kind: Any) -> tuple[Any, ...]:
    """Return what a generic is of; bare ``typing.List`` is of anything."""
    return get_args(kind) or (Any, Any)


def _is_class(kind: Any) -> bool:
    """Whether ``isinstance`` can tell: not of generics, protocols and ``Any``."""
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
    """Put an annotation into words; None where it says nothing that can be checked."""
    origin, parts = get_origin(kind), _parts(kind)
    if origin in (Union, types.UnionType):
        # An integer is a number already.
        told = [part for part in parts if part is not int or float not in parts]
        names = [_named(part, finite) for part in told]
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
        str: "a text",
        type(None): "null",
    }
    if kind in words:
        return words[kind]
    return f"a {kind.__name__}" if _is_class(kind) else None


def require(condition: bool, name: str, value: Any, bound: str) -> None:
    """Refuse a parameter outside its range with one sentence.

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
    except ValueError:  # Python refuses to write an integer of 5,000 digits
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:200]}..."


def require_between(
    name: str, value: float, low: float, high: float = math.inf
) -> None:
    """Refuse a number that is not finite or not in the closed range [low, high]."""
    bound = f"at least {low}" if high == math.inf else f"in [{low}, {high}]"
    require(math.isfinite(value) and low <= value <= high, name, value, bound)


def require_positive(name: str, value: float) -> None:
    """Refuse a number that is not finite or not above zero."""
    require(math.isfinite(value) and value > 0, name, value, "above 0")
