"""Decode dataclasses from the JSON of this version or an earlier one."""

from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from fedrobust.errors import FileError
from fedrobust.files import Json

# Advice about a record that cannot be used.
TRAIN_ANEW = "add --fresh to fedrobust run, or remove the folder, to train anew"
EVALUATE_ANEW = "remove it to evaluate the model anew"

# Converts a JSON value to the value of a field, or raises _WrongValueError.
Decoder = Callable[[Any, str], Any]
T = TypeVar("T")
PLAIN: dict[Any, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,)}


class _WrongValueError(Exception):
    """Part of a sentence about a value that cannot be used."""


def from_json(
    kind: type[T],
    found: Json,
    where: Path | str,
    advice: str,
    also: Collection[str] = (),
) -> T:
    """Return a dataclass with the values of a JSON object, whose keys are the fields.

    A field without a default is required. The others may be missing, because earlier
    versions did not record them. Unknown keys are ignored.

    Parameters
    ----------
    kind
        The dataclass. Its annotations are the schema: ``int``, ``float``, ``str``, a
        literal, another dataclass, lists and dictionaries of these, or None.
    found
        The JSON object.
    where
        The file of the object.
    advice
        What the user should do if the file is refused.
    also
        Fields that are required although they have a default.

    Raises
    ------
    FileError
        When a key is missing or has a value of another type; the message names it.
    """
    try:
        return kind(**_values(kind, found, "", also))
    except _WrongValueError as error:
        raise FileError(f"{where}: {error}; {advice}") from error


def _values(
    kind: type, found: Json, prefix: str, also: Collection[str] = ()
) -> dict[str, Any]:
    values = {}
    for name, is_optional, decoded in _fields_of(kind):
        if name in found:
            values[name] = decoded(found[name], prefix + name)
        elif not is_optional or name in also:
            raise _WrongValueError(f"{prefix}{name} is missing")
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
        return hint(**_values(hint, value, f"{key}."))

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
        return value

    return decoded


def _require(value: Any, kinds: tuple[type, ...], key: str) -> None:
    if type(value) not in kinds:
        text = repr(value)
        text = text if len(text) <= 40 else text[:40] + "..."
        names = " or ".join(kind.__name__ for kind in kinds)
        raise _WrongValueError(f"{key} is {text}: must be {names}")
