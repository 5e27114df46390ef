"""The reader of stored states, which are arrays and a tree of JSON."""

import math
import re
import reprlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.records.storable import (
    KINDS,
    classes,
    require_depth,
    require_kinds,
    shortened,
)


@dataclass(frozen=True)
class Reading:
    """One reading of a tree, with the arrays that it refers to."""

    arrays: Mapping[str, NDArray[Any]]

    def value(self, tree: Any, place: str, depth: int) -> Any:
        """Return the value of a node.

        Parameters
        ----------
        tree
            The node.
        place, depth
            Where the value is within the state, for messages, and at which level.
        """
        require_depth(place, depth)
        if tree is None or type(tree) in (bool, int, str):
            return tree
        if type(tree) is float and math.isfinite(tree):
            return tree
        kind = _FORMS.get(frozenset(tree)) if type(tree) is dict else None
        if kind is None:
            raise _unreadable(place, tree)
        return getattr(self, f"_{kind}")(tree, place, depth)

    def _array(self, tree: Any, place: str, depth: int) -> NDArray[Any]:
        (name,) = tree.values()
        found = self.arrays.get(name) if type(name) is str else None
        if type(found) is not np.ndarray or found.dtype.kind not in KINDS:
            text = reprlib.repr(name)
            raise ValueError(f"{place} is array {text}, which is not among the arrays")
        return found

    def _scalar(self, tree: Any, place: str, depth: int) -> Any:
        found = self._array(tree, place, depth)
        if found.shape != ():
            raise ValueError(
                f"{place} is an array of shape {found.shape}: must be a scalar"
            )
        return found[()]

    def _float(self, tree: Any, place: str, depth: int) -> float:
        bits = _bytes_of(tree["float"], place)
        if len(bits) != 8 or math.isfinite(struct.unpack(">d", bits)[0]):
            raise _unreadable(place, tree)
        return float(struct.unpack(">d", bits)[0])

    def _bytes(self, tree: Any, place: str, depth: int) -> bytes:
        return _bytes_of(tree["bytes"], place)

    def _list(self, tree: Any, place: str, depth: int) -> list[Any]:
        (parts,) = tree.values()
        if type(parts) is not list:
            raise _unreadable(place, tree)
        return [
            self.value(part, f"{place}[{i}]", depth + 1) for i, part in enumerate(parts)
        ]

    def _tuple(self, tree: Any, place: str, depth: int) -> tuple[Any, ...]:
        return tuple(self._list(tree, place, depth))

    def _dict(self, tree: Any, place: str, depth: int) -> dict[Any, Any]:
        items, found = tree["dict"], {}
        if type(items) is not list:
            raise _unreadable(place, tree)
        for item in items:
            if type(item) is not list or len(item) != 2:
                raise _unreadable(f"an item of {place}", item)
            key = self.value(item[0], f"a key of {place}", depth + 1)
            try:
                is_twice = key in found
            except TypeError as error:
                raise _unreadable(f"a key of {place}", item[0]) from error
            if is_twice:
                raise ValueError(f"{place} has the key {key!r} twice")
            found[key] = self.value(item[1], f"{place}[{key!r}]", depth + 1)
        return found

    def _class(self, tree: Any, place: str, depth: int) -> Any:
        name, parts = tree["class"], tree["fields"]
        cls = classes.get(name) if type(name) is str else None
        if cls is None or not is_dataclass(cls):
            text = reprlib.repr(name)
            raise ValueError(f"{place} is of class {text}, which is not @storable")
        expected = [f.name for f in fields(cls)]
        if type(parts) is not dict or set(parts) != set(expected):
            raise ValueError(f"{place} must have the fields {expected} of {name}")
        own = {key: self.value(v, f"{place}.{key}", depth + 1)
               for key, v in parts.items()}  # fmt: skip
        require_kinds(cls, own, place)
        try:
            return cls(**own)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{place} is no {name}: {error}") from error


# The kind of a node by its keys.
_FORMS = {
    frozenset({kind}): kind
    for kind in ("array", "scalar", "float", "bytes", "list", "tuple", "dict")
} | {frozenset({"class", "fields"}): "class"}


def _bytes_of(text: Any, place: str) -> bytes:
    if type(text) is not str or not re.fullmatch("(?:[0-9a-f]{2})*", text):
        raise _unreadable(place, text)
    return bytes.fromhex(text)


def _unreadable(place: str, tree: Any) -> ValueError:
    return ValueError(f"{shortened(place)} cannot be {reprlib.repr(tree)}")
