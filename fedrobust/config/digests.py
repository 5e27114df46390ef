"""Digests: names of experiments that are the same where the results are.

Only what differs from the default of its class counts. So a key that is added with a
default that changes no result changes no digest. Where a default or the meaning of a
class does change, raise its ``version``: no old result is then taken for a new one.
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


def digest(found: Node, version: int) -> str:
    """Return sixteen hexadecimal digits that name what ``differences`` found."""
    text = json.dumps({"version": version, **found}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(value: Any) -> Any:
    """Return what a value says beyond the defaults of its class.

    A component of ours is named by its class alone, whichever module it is taken from,
    and by its version where that is not 1. A user's own keeps all that is written, as
    its defaults are not known without running it, and is named with the digest of its
    code. Fields in ``outside_digest`` of a class decide no result and are left out.
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

    A component within is always named, as its version may be raised; a typed part
    within that is all defaults is not.
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
    """Whether two plain values mean the same: 5 and 5.0 do, 1 and true do not."""
    are_equal: bool = value == default
    return are_equal and isinstance(value, bool) == isinstance(default, bool)


def _as_float(value: Any) -> Any:
    """Write an integer as the float that Keras computes with."""
    if isinstance(value, list):
        return [_as_float(each) for each in value]
    return float(value) if type(value) is int else value


def _file_of(node: Node) -> Node:
    """Digest the model that an attack transfers from.

    A user's own attack may mean something else by the key, which is then no file. That
    there is none of ours is refused where the attack is checked.
    """
    path = node.get("surrogate")
    is_file = isinstance(path, str) and Path(path).exists()
    return {"_file_": file_digest(str(path))} if is_file else {}
