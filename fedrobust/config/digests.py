"""Digests: names of experiments, equal if the experiments have the same results.

Only values that differ from the default of their class count, so that adding a key
whose default changes no result changes no digest. When a default or the meaning of a
class changes, raise its ``version``, so that no old result is taken for a new one.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedrobust.config.defaults import component_class, defaults_of
from fedrobust.config.typed import Node
from fedrobust.config.user_code import code_digest
from fedrobust.files import file_digest

# The versions of the two digests. Raise one when a key outside the components changes
# its meaning or its default: the first for the training, which leaves no stored model
# in use; the second for the evaluation, which evaluates stored models anew.
TRAINING_VERSION = 4
EVALUATION_VERSION = 4


def digest(values: Node, version: int) -> str:
    """Return sixteen hexadecimal digits that name the values of ``differences``."""
    text = json.dumps({"version": version, **values}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(value: Any) -> Any:
    """Return the parts of a value that differ from the defaults of its class.

    A component of ours is named by its class without the module, and by its version if
    that is not 1. A user's component keeps every written key, because its defaults are
    not known without running it, and gets the digest of its code. Fields that a class
    lists in ``outside_digest`` affect no result and are left out.
    """
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return _beyond_defaults(type(value), fields)
    if isinstance(value, dict):
        return _of_node(value)
    return [*map(differences, value)] if isinstance(value, list) else value


def _of_node(node: Node) -> Node:
    """Return the differences of a dictionary, which may name a class."""
    if "_target_" not in node:
        return {key: differences(value) for key, value in node.items()}
    target, rest = node["_target_"], {k: v for k, v in node.items() if k != "_target_"}
    cls = component_class(target)
    if cls is None:
        found = {key: differences(value) for key, value in node.items()}
        if str(target).startswith("keras."):
            found = {key: _as_float(value) for key, value in found.items()}
        elif code := code_digest(target):
            found["_code_"] = code
    else:
        found = {"_target_": cls.__name__, **_beyond_defaults(cls, rest)}
        if (version := getattr(cls, "version", 1)) != 1:
            found["_version_"] = version
    return found | _file_of(rest)


def _beyond_defaults(cls: type, values: Mapping[str, Any]) -> Node:
    """Return the fields of a class that are not at their defaults.

    A component within is always included, because its version may change. A nested
    dataclass that is not a component is left out if all its fields are at defaults.
    """
    defaults, outside = defaults_of(cls), getattr(cls, "outside_digest", ())
    found = {}
    for name, value in values.items():
        is_default = name in defaults and _is_same(value, defaults[name])
        if name in outside or is_default:
            continue
        found[name] = differences(value)
        if dataclasses.is_dataclass(value) and not found[name]:
            del found[name]
    return found


def _is_same(value: Any, default: Any) -> bool:
    """Return whether two plain values are the same: 5 and 5.0 are, 1 and true not."""
    are_equal: bool = value == default
    return are_equal and isinstance(value, bool) == isinstance(default, bool)


def _as_float(value: Any) -> Any:
    """Convert integers to floats, which Keras computes with."""
    if isinstance(value, list):
        return [_as_float(each) for each in value]
    return float(value) if type(value) is int else value


def _file_of(node: Node) -> Node:
    """Return the digest of the model that an attack transfers from, if it is a file.

    In a user's own attack the key may mean something other than a file. The check of
    our own attack refuses a missing file.
    """
    path = node.get("surrogate")
    is_file = isinstance(path, str) and Path(path).exists()
    return {"_file_": file_digest(str(path))} if is_file else {}
