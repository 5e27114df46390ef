"""Python values as arrays and JSON, so that a state is stored without pickle.

Kinds that are stored: None, booleans, integers, floats, texts, bytes, NumPy scalars and
arrays, and lists, tuples, dictionaries and ``storable`` dataclasses of these. They come
back as they were: kinds, dtypes, the sign of a zero, the bits of a NaN, integers of any
size, and arrays that several places share. Reading makes no object of another kind,
whatever the JSON says.
"""

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]

# Kinds of dtype that a .npy file holds without pickle and gives back as they were.
KINDS = "biufcSUmM"

# Classes that may be read, by name: those whose modules are loaded.
_classes: dict[str, type] = {}


def storable(cls: type[T]) -> type[T]:
    """Declare a dataclass to be part of states that are stored; a class decorator."""
    _classes[_name_of(cls)] = cls
    return cls


def to_records(value: Any) -> tuple[Arrays, Any]:
    """Return a value as arrays by name, and what JSON holds of it.

    Parameters
    ----------
    value
        A value of the kinds that are stored. Its arrays are not copied.

    Returns
    -------
    arrays, tree
        Arrays by name, for one .npz file; and a tree for ``json.dumps``, which refers
        to them by their names.

    Raises
    ------
    ValueError
        When a part is of another kind; the message says where it is.
    """
    arrays: Arrays = {}
    names: dict[int, str] = {}

    def encode(value: Any, place: str) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            array = _checked(value, place)
            name = names.setdefault(id(value), str(len(arrays)))
            arrays[name] = array
            return {"scalar" if isinstance(value, np.generic) else "array": name}
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": _bits(value)}
        if kind is bytes:
            return {"bytes": value.hex()}
        if kind in (list, tuple):
            parts = [encode(v, f"{place}[{i}]") for i, v in enumerate(value)]
            return {kind.__name__: parts}
        if kind is dict:
            items = [
                [encode(k, f"a key of {place}"), encode(v, f"{place}[{k!r}]")]
                for k, v in value.items()
            ]
            return {"dict": items}
        if _classes.get(_name_of(kind)) is kind and is_dataclass(value):
            own = {
                f.name: encode(getattr(value, f.name), f"{place}.{f.name}")
                for f in fields(value)
            }
            return {"class": _name_of(kind), "fields": own}
        raise ValueError(
            f"{place} is a {kind.__name__}, which is not stored: use numbers, texts, "
            "arrays, and lists, tuples, dictionaries or @storable dataclasses of them"
        )

    return arrays, encode(value, "state")


def from_records(arrays: Mapping[str, NDArray[Any]], tree: Any) -> Any:
    """Return the value that ``to_records`` made arrays and a tree of.

    Parameters
    ----------
    arrays, tree
        As ``to_records`` returned them.

    Raises
    ------
    ValueError
        When they are not of that form, or name a class that is not ``storable``.
    """
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if not isinstance(tree, dict) or not tree:
        raise ValueError(f"a stored state has no place for {tree!r}")
    kind, content = next(iter(tree.items()))
    try:
        return _READERS[kind](arrays, content, tree)
    except (KeyError, TypeError, struct.error, AttributeError) as error:
        raise ValueError(
            f"a stored state cannot be read: {kind!r} with {type(error).__name__}: "
            f"{error}"
        ) from error


def _parts(arrays: Mapping[str, NDArray[Any]], content: Any) -> list[Any]:
    return [from_records(arrays, part) for part in content]


def _instance(arrays: Mapping[str, NDArray[Any]], name: Any, tree: Any) -> Any:
    own = {key: from_records(arrays, part) for key, part in tree["fields"].items()}
    return _classes[name](**own)


Reader = Callable[[Mapping[str, NDArray[Any]], Any, Any], Any]
_READERS: dict[str, Reader] = {
    "array": lambda arrays, name, _: arrays[name],
    "scalar": lambda arrays, name, _: arrays[name][()],
    "float": lambda _, bits, __: struct.unpack(">d", bytes.fromhex(bits))[0],
    "bytes": lambda _, text, __: bytes.fromhex(text),
    "list": lambda arrays, parts, _: _parts(arrays, parts),
    "tuple": lambda arrays, parts, _: tuple(_parts(arrays, parts)),
    "dict": lambda arrays, items, _: dict(_parts(arrays, item) for item in items),
    "class": _instance,
}


def _checked(value: NDArray[Any] | np.generic, place: str) -> NDArray[Any]:
    """Return a value as an array of a dtype that can be stored."""
    is_plain = isinstance(value, np.generic) or type(value) is np.ndarray
    if not is_plain or value.dtype.kind not in KINDS:
        raise ValueError(
            f"{place} is a {type(value).__name__} of dtype {value.dtype}, which is not "
            "stored: use a plain array of numbers, texts or times"
        )
    return np.asarray(value)


def _bits(value: float) -> str:
    return struct.pack(">d", value).hex()


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
