"""Python values as arrays and JSON, so that a state is stored without pickle.

Kinds that are stored: None, booleans, integers, floats, texts, bytes, NumPy scalars and
arrays, and lists, tuples, dictionaries and ``storable`` dataclasses of these. They come
back as they were: kinds, dtypes, the sign of a zero, the bits of a NaN, integers of any
size, and arrays that several places share. Reading makes no object of another kind,
whatever the JSON says, and accepts nothing that writing does not write.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.records.reader import Reading
from strategies.records.storable import (
    KINDS,
    classes,
    name_of,
    require_depth,
    require_kinds,
    storable,
)

__all__ = ["from_records", "storable", "to_records"]

Arrays = dict[str, NDArray[Any]]


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
        When a part is of another kind, does not fit the annotation of its field, or is
        more than 100 levels deep; the message says where it is.
    """
    arrays: Arrays = {}
    names: dict[int, str] = {}

    def encode(value: Any, place: str, depth: int) -> Any:
        require_depth(place, depth)

        def part(value: Any, step: str) -> Any:
            return encode(value, place + step, depth + 1)

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
            return {kind.__name__: [part(v, f"[{i}]") for i, v in enumerate(value)]}
        if kind is dict:
            items = [
                [encode(k, f"a key of {place}", depth + 1), part(v, f"[{k!r}]")]
                for k, v in value.items()
            ]
            return {"dict": items}
        if classes.get(name_of(kind)) is kind and is_dataclass(value):
            own = {f.name: getattr(value, f.name) for f in fields(value)}
            require_kinds(kind, own, place)
            encoded = {name: part(v, f".{name}") for name, v in own.items()}
            return {"class": name_of(kind), "fields": encoded}
        raise ValueError(
            f"{place} is a {kind.__name__}, which is not stored: use numbers, texts, "
            "arrays, and lists, tuples, dictionaries or @storable dataclasses of them"
        )

    return arrays, encode(value, "state", 0)


def from_records(arrays: Mapping[str, NDArray[Any]], tree: Any) -> Any:
    """Return the value that ``to_records`` made arrays and a tree of.

    Parameters
    ----------
    arrays, tree
        As ``to_records`` returned them.

    Raises
    ------
    ValueError
        When they are not of that form, or name a class that is not ``storable``; the
        message says at which place of the value.
    """
    return Reading(arrays).value(tree, "state", 0)


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
