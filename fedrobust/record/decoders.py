"""Decoders of JSON values, each made from the annotation of a dataclass's field."""

import sys
from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from fedrobust.files import Json

# Converts a JSON value to the value of a field, or raises WrongValueError.
Decoder = Callable[[Any, str], Any]
T = TypeVar("T")
# Larger integers cannot be converted to a float.
LARGEST = sys.float_info.max
PLAIN: dict[Any, tuple[type, ...]] = {
    bool: (bool,), int: (int,), float: (int, float), str: (str,),
}  # fmt: skip


class WrongValueError(Exception):
    """Part of a sentence about a value that cannot be used."""


def made(kind: type[T], found: Json, prefix: str, also: Collection[str] = ()) -> T:
    """Return a dataclass with a JSON object's values, whose keys follow a prefix.

    Raises
    ------
    WrongValueError
        When a key is missing, or its value is not one that the field may have.
    """
    values = _values(kind, found, prefix, also)
    try:
        return kind(**values)
    except ValueError as error:
        raise WrongValueError(f"{prefix}{error}") from error


def _values(
    kind: type, found: Json, prefix: str, also: Collection[str] = ()
) -> dict[str, Any]:
    values = {}
    for name, is_optional, decoded in _fields_of(kind):
        if name in found:
            values[name] = decoded(found[name], prefix + name)
        elif not is_optional or name in also:
            raise WrongValueError(f"{prefix}{name} is missing")
    return values


@lru_cache
def _fields_of(kind: type) -> list[tuple[str, bool, Decoder]]:
    """List the fields of a dataclass, whether each has a default, and its decoder."""
    hints = get_type_hints(kind)
    return [(f.name, _has_default(f), _decoder(hints[f.name])) for f in fields(kind)]


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _decoder(hint: Any) -> Decoder:
    """Return the decoder of an annotation."""
    if hint is Any:
        return lambda value, key: value
    if isinstance(hint, UnionType):
        return _optional(hint)
    if is_dataclass(hint):
        return _dataclass(hint)
    if is_typeddict(hint):
        return _typed_dict(hint)
    inner = get_args(hint)
    if get_origin(hint) is list:
        return _list(_decoder(inner[0]))
    if get_origin(hint) is dict:
        return _dict(_decoder(inner[1]))
    return _plain(str if get_origin(hint) is Literal else hint)


def _optional(hint: Any) -> Decoder:
    (kind,) = {*get_args(hint)} - {NoneType}
    inner = _decoder(kind)
    return lambda value, key: None if value is None else inner(value, key)


def _dataclass(hint: Any) -> Decoder:
    def decoded(value: Any, key: str) -> Any:
        _require(value, (dict,), key)
        return made(hint, value, f"{key}.")

    return decoded


def _typed_dict(hint: Any) -> Decoder:
    kinds = {name: _decoder(kind) for name, kind in get_type_hints(hint).items()}
    anything = _decoder(Any)
    required = sorted(hint.__required_keys__)

    def decoded(value: Any, key: str) -> dict[str, Any]:
        _require(value, (dict,), key)
        found = {
            name: kinds.get(name, anything)(each, f"{key}.{name}")
            for name, each in value.items()
        }
        for name in required:
            if name not in found:
                raise WrongValueError(f"{key}.{name} is missing")
        return found

    return decoded


def _list(inner: Decoder) -> Decoder:
    def decoded(value: Any, key: str) -> list[Any]:
        _require(value, (list,), key)
        return [inner(each, key) for each in value]

    return decoded


def _dict(inner: Decoder) -> Decoder:
    def decoded(value: Any, key: str) -> dict[str, Any]:
        _require(value, (dict,), key)
        return {name: inner(each, f"{key}.{name}") for name, each in value.items()}

    return decoded


def _plain(hint: Any) -> Decoder:
    kinds = PLAIN[hint]

    def decoded(value: Any, key: str) -> Any:
        # Not isinstance, as True is an instance of int.
        if type(value) not in kinds:
            _require(value, kinds, key)
        if type(value) is int and abs(value) > LARGEST:
            raise WrongValueError(f"{key} is too large: must be below {LARGEST:.1e}")
        return value

    return decoded


def _require(value: Any, kinds: tuple[type, ...], key: str) -> None:
    if type(value) not in kinds:
        text = repr(value)
        text = text if len(text) <= 40 else text[:40] + "..."
        names = " or ".join(kind.__name__ for kind in kinds)
        raise WrongValueError(f"{key} is {text}: must be {names}")
